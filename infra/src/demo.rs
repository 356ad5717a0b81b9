//! The demo marketplace: people, companies and gigs to look around in, made by the same use cases as
//! everything else, the same each time. It is loaded once, into a database without people.

mod catalogue;
mod trades;

use chrono::NaiveTime;
use domain::access::{Actor, MemberRole, Person, Staff};
use domain::gig::{BriefInput, GigKind, QuestionInput, Visibility};
use domain::id::{OrganizationId, SkillId, UserId};
use domain::matching::features::{Fluency, Language};
use domain::matching::taxonomy::Taxonomy;
use domain::matching::text;
use domain::money::Money;
use domain::organization::OrganizationDraft;
use domain::profile::{PortfolioDraft, ProfileInput};
use domain::skill::SkillLevel;
use domain::user::SignUp;
use sea_orm::FromQueryResult;

use self::catalogue::{Asks, COMPANIES, Company, FIRST_NAMES, LAST_NAMES, POSTS, Post};
use self::trades::{Kind, TRADES, Trade};
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// Everybody's password in the demo.
pub const PASSWORD: &str = "tuba-gravel-ninety";
/// The client to sign in as: the owner of the first company.
pub const CLIENT: &str = "client@demo.example";
/// The freelancer to sign in as: the first of them.
pub const FREELANCER: &str = "freelancer@demo.example";
/// What the authenticator apps of our people are set up with in the demo: as public as the password.
pub const APP_SECRET: &str = "RABTADEMORABTADEMORABTADEMORABTA";

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
            let user = self.demo_user(email, name, "UTC", &hash).await?;
            self.second_factor_of_demo(user).await?;
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
        for post in POSTS {
            let theirs = COMPANIES.iter().zip(&companies).find(|(company, _)| company.name == post.company);
            let (company, (owner, organization)) =
                theirs.ok_or_else(|| Fault::bad_row("demo", format!("there is no company {}", post.company)))?;
            self.demo_gig(post, company, *owner, *organization).await?;
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
        let kind = &trade.kinds[place / TRADES.len() % trade.kinds.len()];
        let name = name(place);
        let email = if place == 0 { FREELANCER.to_owned() } else { format!("freelancer.{place}@demo.example") };
        let user = self.demo_user(&email, &name, "Asia/Karachi", hash).await?;
        let call = call_of(user, None);
        self.profile_update(&call, profile(place, trade, kind)?).await?;
        let item = PortfolioDraft::parse(kind.portfolio, "Made for a client who let me show it.", None)?;
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
        let (overlap, fluency) = match post.asks {
            Asks::Nothing => (None, Fluency::Conversational),
            Asks::Overlap(hours) => (Some(hours * 60), Fluency::Conversational),
            Asks::FluentEnglish => (None, Fluency::Fluent),
            Asks::FluentEnglishAnd(hours) => (Some(hours * 60), Fluency::Fluent),
        };
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
            overlap_minutes: overlap,
            languages: vec![Language { code: "en".to_owned(), fluency }],
            countries: Vec::new(),
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
            let email = user.email.clone();
            let user = tx.user_save(user.verify_email(&email, tx.now())?).await?;
            Ok(user.id)
        })
    }
}

/// No two people share a name, and those of one trade, who are seen together, no first name.
fn name(place: usize) -> String {
    let first = (place + 3 * (place / TRADES.len())) % FIRST_NAMES.len();
    format!("{} {}", FIRST_NAMES[first], LAST_NAMES[place % LAST_NAMES.len()])
}

/// What the freelancer at `place` says of themselves: their trade and kind, with what differs between people.
fn profile(place: usize, trade: &Trade, kind: &Kind) -> Result<ProfileInput, Failure> {
    let seasoned = differs(place, "seasoned", 11);
    let dear = differs(place, "dear", 9);
    // Everybody lists the trade's first skill and what they say first of themselves; one of the others is not everybody's.
    let mut slugs = [trade.core, kind.also].concat();
    let others: Vec<usize> = (1..slugs.len()).filter(|at| !is_named(kind.headline, slugs[*at])).collect();
    if let Some(lacks) = others.get(differs(place, "lacks", others.len())) {
        slugs.remove(*lacks);
    }
    let listed = skills(&slugs)?;
    let held = |nth: usize| {
        let years = (seasoned + 1).saturating_sub(nth).max(1);
        let level = match years {
            0..=2 => SkillLevel::Beginner,
            3..=5 => SkillLevel::Intermediate,
            _ => SkillLevel::Expert,
        };
        (level, i32::try_from(years).unwrap_or(1))
    };
    let (low, high) = trade.rates;
    let share = i64::try_from(3 * seasoned + dear).unwrap_or(0);
    // To the half dollar, as people ask.
    let rate = (low * 100 + (high - low) * 100 * share / 38) / 50 * 50;
    let shifts = [("09:00", "18:00"), ("13:00", "22:00"), ("18:00", "03:00"), ("15:00", "23:30")];
    let shift = shifts[differs(place, "shift", shifts.len())];
    let clock = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    Ok(ProfileInput {
        headline: Some(kind.headline.to_owned()),
        overview: Some(kind.overview.to_owned()),
        skills: Some(
            (listed.into_iter().enumerate())
                .map(|(nth, skill)| {
                    let (level, years) = held(nth);
                    (skill, level, years)
                })
                .collect(),
        ),
        hourly_rate: Some(Some(Money::usd(rate)?)),
        country: Some(Some("PK".to_owned())),
        time_zone: Some("Asia/Karachi".to_owned()),
        hours: clock(shift.0).zip(clock(shift.1)).map(Some),
        weekly_hours: Some(Some([40, 30, 20, 15, 25][differs(place, "hours", 5)])),
        languages: Some(vec![
            Language {
                code: "en".to_owned(),
                // Who writes for others, or answers their customers, does so with ease.
                fluency: match differs(place, "english", 3) {
                    1 if !trade.core.contains(&"english") => Fluency::Conversational,
                    _ => Fluency::Fluent,
                },
            },
            Language { code: "ur".to_owned(), fluency: Fluency::Native },
        ]),
        ..ProfileInput::default()
    })
}

/// Whether a headline names a skill, or a part of its name. English goes without saying: they all speak it.
fn is_named(headline: &str, slug: &str) -> bool {
    let stems = |words: &str| -> Vec<String> {
        text::words(words).iter().map(|word| text::stem(text::singular(word))).collect()
    };
    let named = stems(headline);
    slug == "english" || stems(slug).iter().any(|word| named.contains(word))
}

/// A number below `values` that is a person's own: the same each time, and no two of a person's go together.
fn differs(place: usize, what: &str, values: usize) -> usize {
    let hash = (what.bytes().chain(place.to_be_bytes()))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The bytes that came last have not reached all bits yet.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    usize::try_from((hash >> 33) % values.max(1) as u64).unwrap_or(0)
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
    let person = Person { user, suspended: false, second_factor: true, staff: None, memberships };
    Call { actor: Actor::Person(person), ..Call::system("demo") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_gig_is_of_a_company_and_everybody_has_a_name_of_their_own() {
        for company in COMPANIES {
            assert_eq!(POSTS.iter().filter(|post| post.company == company.name).count(), 2, "{}", company.name);
        }
        assert_eq!(POSTS.len(), 2 * COMPANIES.len());
        let names: BTreeSet<String> = (0..FREELANCERS).map(name).collect();
        assert_eq!(names.len(), FREELANCERS);
        for trade in 0..TRADES.len() {
            let of_trade = (trade..FREELANCERS).step_by(TRADES.len()).map(name);
            let first: BTreeSet<String> =
                of_trade.filter_map(|name| name.split(' ').next().map(str::to_owned)).collect();
            assert_eq!(first.len(), FREELANCERS / TRADES.len(), "{first:?}");
        }
    }

    #[test]
    fn nobody_lacks_what_their_headline_names() {
        let mut lacking = 0;
        for (place, (trade, kind)) in (0..10)
            .flat_map(|_| TRADES.iter().flat_map(|trade| trade.kinds.iter().map(move |kind| (trade, kind))))
            .enumerate()
        {
            let held = profile(place, trade, kind).unwrap().skills.unwrap();
            let all = [trade.core, kind.also].concat();
            lacking += all.len() - held.len();
            for slug in all {
                let skill = Taxonomy::shipped().find_slug(slug).unwrap().id;
                let holds = held.iter().any(|(held, ..)| *held == skill);
                assert!(holds || !is_named(kind.headline, slug), "{}: {slug}", kind.headline);
            }
        }
        assert!(lacking > 500, "people differ: {lacking}");
        for (headline, slug, named) in [
            ("DevOps engineer: AWS, Terraform, Kubernetes", "kubernetes", true),
            ("Rust and PostgreSQL back-end engineer", "postgresql", true),
            ("Graphic designer: brands and logos", "logo-design", true),
            ("Full-stack developer: Node, React, PostgreSQL", "node-js", true),
            ("Site reliability engineer", "kubernetes", false),
        ] {
            assert_eq!(is_named(headline, slug), named, "{headline}: {slug}");
        }
    }
}
