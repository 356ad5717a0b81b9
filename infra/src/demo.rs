//! The demo marketplace: people, companies and gigs to look around in, made by the same use cases as
//! everything else, the same each time. It is loaded once, into a database without people.

mod catalogue;

use chrono::NaiveTime;
use domain::access::{Actor, MemberRole, Person, Staff};
use domain::gig::{BriefInput, GigKind, QuestionInput, Visibility};
use domain::id::{OrganizationId, SkillId, UserId};
use domain::matching::features::{Fluency, Language};
use domain::matching::taxonomy::Taxonomy;
use domain::money::Money;
use domain::organization::OrganizationDraft;
use domain::profile::{PortfolioDraft, ProfileInput};
use domain::skill::SkillLevel;
use domain::user::SignUp;
use sea_orm::FromQueryResult;

use self::catalogue::{COMPANIES, Company, FIRST_NAMES, LAST_NAMES, POSTS, Post, TRADES, Trade};
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// Everybody's password in the demo.
pub const PASSWORD: &str = "tuba-gravel-ninety";
/// The client to sign in as: the owner of the first company.
pub const CLIENT: &str = "client@demo.example";
/// The freelancer to sign in as: the first of them.
pub const FREELANCER: &str = "freelancer@demo.example";
/// The mediator to sign in as.
pub const MEDIATOR: &str = "mediator@demo.example";
/// The admin to sign in as.
pub const ADMIN: &str = "admin@demo.example";

const FREELANCERS: usize = 160;

#[derive(FromQueryResult)]
struct Anybody {
    there: bool,
}

impl Market {
    /// Load the demo marketplace, unless there are people already; `told` hears how many of how many
    /// steps are done. Whether it was loaded.
    pub async fn demo_load(&self, told: impl Fn(usize, usize)) -> Result<bool, Failure> {
        let anybody = Anybody::find_by_statement(sql("select exists (select 1 from users) as there", []));
        if anybody.one(self.db()).await?.is_some_and(|anybody| anybody.there) {
            return Ok(false);
        }
        let steps = COMPANIES.len() + FREELANCERS + POSTS.len();
        let mut done = 0;
        let mut step = || {
            done += 1;
            told(done, steps);
        };
        // One hash for all: a slow one for each would take longer than everything else.
        let hash = self.passwords().hash(PASSWORD).await?;
        for (email, name, staff) in [(MEDIATOR, "Morgan Hale", Staff::Mediator), (ADMIN, "Noor Aziz", Staff::Admin)] {
            self.demo_user(email, name, "UTC", &hash).await?;
            self.staff_grant(
                &Call::system("demo"),
                &email.parse().map_err(|e| Fault::bad_row("demo", e))?,
                Some(staff),
            )
            .await?;
        }
        let mut companies = Vec::new();
        for (place, company) in COMPANIES.iter().enumerate() {
            companies.push(self.demo_company(place, company, &hash).await?);
            step();
        }
        for place in 0..FREELANCERS {
            self.demo_freelancer(place, &hash).await?;
            step();
        }
        for (place, post) in POSTS.iter().enumerate() {
            let company = place % COMPANIES.len();
            let (owner, organization) = companies[company];
            self.demo_gig(post, &COMPANIES[company], owner, organization).await?;
            step();
        }
        Ok(true)
    }

    async fn demo_company(
        &self,
        place: usize,
        company: &Company,
        hash: &str,
    ) -> Result<(UserId, OrganizationId), Failure> {
        let email = if place == 0 { CLIENT.to_owned() } else { format!("client.{place}@demo.example") };
        let name =
            format!("Sam {}", ["Carter", "Rivera", "Nguyen", "Okafor", "Larsen", "Haddad", "Kim", "Brooks"][place % 8]);
        let owner = self.demo_user(&email, &name, company.time_zone, hash).await?;
        let draft = OrganizationDraft::parse(company.name, None, Some(company.about))?;
        let organization = self.organization_create(&call_of(owner, None), draft).await?;
        Ok((owner, organization.id))
    }

    async fn demo_freelancer(&self, place: usize, hash: &str) -> Result<(), Failure> {
        let trade = &TRADES[place % TRADES.len()];
        // Two lists of coprime lengths: no two people share a name.
        let name = format!("{} {}", FIRST_NAMES[place % FIRST_NAMES.len()], LAST_NAMES[place % LAST_NAMES.len()]);
        let email = if place == 0 { FREELANCER.to_owned() } else { format!("freelancer.{place}@demo.example") };
        let user = self.demo_user(&email, &name, "Asia/Karachi", hash).await?;
        let call = call_of(user, None);
        self.profile_update(&call, profile(place, trade)?).await?;
        let item = PortfolioDraft::parse(trade.portfolio, "Made for a client who let me show it.", None)?;
        self.portfolio_item_add(&call, item).await?;
        Ok(())
    }

    async fn demo_gig(
        &self,
        post: &Post,
        company: &Company,
        owner: UserId,
        organization: OrganizationId,
    ) -> Result<(), Failure> {
        let input = BriefInput {
            title: post.title.to_owned(),
            description: post.description.to_owned(),
            kind: if post.hourly { GigKind::Hourly } else { GigKind::Fixed },
            budget_low: Money::usd(post.budget.0)?,
            budget_high: Money::usd(post.budget.1)?,
            required_skills: skills(post.required)?,
            nice_skills: skills(post.nice)?,
            questions: vec![QuestionInput { id: None, text: post.question.to_owned(), required: true }],
            experience: None,
            time_zone: Some(company.time_zone.to_owned()),
            work_starts: None,
            work_ends: None,
            overlap_minutes: None,
            languages: vec![Language { code: "en".to_owned(), fluency: Fluency::Conversational }],
            weekly_hours: post.hourly.then_some(20),
            visibility: Visibility::Public,
        };
        let call = call_of(owner, Some(organization));
        let gig = self.gig_create(&call, organization, input).await?;
        self.gig_publish(&call, gig.id, None).await?;
        Ok(())
    }

    async fn demo_user(&self, email: &str, name: &str, time_zone: &str, hash: &str) -> Result<UserId, Failure> {
        let draft = SignUp::parse(email, name, PASSWORD, Some(time_zone), None)?;
        let call = Call::system("demo");
        run!(self, &call, tx => {
            let user = tx.user_insert(draft.clone().create(tx.id(), tx.now())).await?;
            tx.password_set(user.id, hash).await?;
            Ok(user.id)
        })
    }
}

/// What the freelancer at `place` says of themselves: their trade, with what differs between people.
fn profile(place: usize, trade: &Trade) -> Result<ProfileInput, Failure> {
    let seasoned = (place * 7) % 10;
    let held = trade.skills.len() - (place / TRADES.len()) % 3;
    let years = |skill: usize| i32::try_from((seasoned + 1).saturating_sub(skill)).unwrap_or(0).max(1);
    let level = match seasoned {
        0..=2 => SkillLevel::Beginner,
        3..=6 => SkillLevel::Intermediate,
        _ => SkillLevel::Expert,
    };
    let listed = skills(&trade.skills[..held])?;
    let (low, high) = trade.rates;
    let rate = low * 100 + (high - low) * 100 * i64::try_from(seasoned).unwrap_or(0) / 10;
    let shift = [("09:00", "18:00"), ("13:00", "22:00"), ("18:00", "03:00")][place % 3];
    let clock = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    Ok(ProfileInput {
        headline: Some(trade.headline.to_owned()),
        overview: Some(trade.overview.to_owned()),
        skills: Some(listed.into_iter().enumerate().map(|(nth, skill)| (skill, level, years(nth))).collect()),
        hourly_rate: Some(Some(Money::usd(rate)?)),
        time_zone: Some("Asia/Karachi".to_owned()),
        hours: clock(shift.0).zip(clock(shift.1)).map(Some),
        weekly_hours: Some(Some([40, 30, 20, 25][place % 4])),
        languages: Some(vec![
            Language { code: "en".to_owned(), fluency: [Fluency::Fluent, Fluency::Conversational][place % 2] },
            Language { code: "ur".to_owned(), fluency: Fluency::Native },
        ]),
        ..ProfileInput::default()
    })
}

fn skills(slugs: &[&str]) -> Result<Vec<SkillId>, Failure> {
    let taxonomy = Taxonomy::shipped();
    let find = |slug: &&str| {
        let found = taxonomy.find_slug(slug).map(|skill| skill.id);
        found.ok_or_else(|| Fault::bad_row("demo", format!("the taxonomy has no skill {slug}")).into())
    };
    slugs.iter().map(find).collect()
}

fn call_of(user: UserId, owns: Option<OrganizationId>) -> Call {
    let memberships = owns.into_iter().map(|organization| (organization, MemberRole::Owner)).collect();
    let person = Person { user, suspended: false, staff: None, memberships };
    Call { actor: Actor::Person(person), ..Call::system("demo") }
}
