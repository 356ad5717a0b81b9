//! What freelancers say of themselves.

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{NaiveDate, NaiveTime};
use domain::Timestamp;
use domain::access::{Verb, allows};
use domain::id::{PortfolioItemId, SkillId};
use domain::matching::features::Country;
use domain::profile::{PortfolioDraft, ProfileInput};
use domain::refusal::{Invalid, Refusal};
use infra::profile::{FreelancerFilter, ProfilesWith};
use serde::Serialize;

use crate::connection::{Counted, connect, counted};
use crate::context::RabtaContext;
use crate::gig::Fluency;
use crate::key::Key;
use crate::loader::{ProfileOf, is_asked, load};
use crate::money::{Money, MoneyInput};
use crate::skill::{ProfileSkill, SkillLevel};
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// What a freelancer says of themselves.
#[derive(Debug, Clone)]
pub struct FreelancerProfile(pub domain::profile::FreelancerProfile);

/// What a freelancer says of themselves: what they can do, what they ask, when they work.
#[Object]
impl FreelancerProfile {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.user).await?.map(User))
    }

    /// Who they are, in a line.
    async fn headline(&self) -> &str {
        &self.0.headline
    }

    /// The same, at length.
    async fn overview(&self) -> &str {
        &self.0.overview
    }

    /// What they can do, the most important first; at most 50.
    async fn skills(&self) -> Vec<ProfileSkill> {
        self.0.skills.iter().copied().map(ProfileSkill).collect()
    }

    /// What they ask for an hour.
    async fn hourly_rate(&self) -> Option<Money> {
        self.0.hourly_rate.map(Money::from)
    }

    /// The least you take for an hour. Only you see your own; gigs that pay less are left out of your matches.
    async fn least_hourly_rate(&self, ctx: &Context<'_>) -> Option<Money> {
        self.own(ctx, self.0.least_rate)
    }

    /// The least you take for a gig at a fixed price. Only you see your own.
    async fn least_fixed_price(&self, ctx: &Context<'_>) -> Option<Money> {
        self.own(ctx, self.0.least_price)
    }

    /// Where they work from: the ISO 3166 code, `"PK"`. Gigs for other countries are left out of their matches.
    async fn country(&self) -> Option<&str> {
        self.0.country.as_ref().map(Country::as_str)
    }

    /// Where their clock is: an IANA time zone.
    async fn time_zone(&self) -> String {
        self.0.time_zone.to_string()
    }

    /// When their working day starts, on that clock: `"18:00"`.
    async fn work_day_starts(&self) -> Option<String> {
        self.0.hours.map(|(starts, _)| starts.format("%H:%M").to_string())
    }

    /// When their working day ends, on that clock; past midnight if that is earlier than it starts.
    async fn work_day_ends(&self) -> Option<String> {
        self.0.hours.map(|(_, ends)| ends.format("%H:%M").to_string())
    }

    /// How many hours a week they give to gigs. Matching takes off what their running contracts by the hour may take.
    async fn weekly_hours(&self) -> Option<i32> {
        self.0.weekly_hours.map(i32::from)
    }

    /// What they speak; at most 20.
    async fn languages(&self) -> Vec<SpokenLanguage> {
        self.0.languages.iter().cloned().map(SpokenLanguage).collect()
    }

    /// Degrees, certificates and licences that they say they have; at most 20. We have not looked whether they do.
    async fn credentials(&self) -> Vec<Credential> {
        self.0.credentials.iter().cloned().map(Credential::from).collect()
    }

    /// What they have made; at most 20.
    async fn portfolio(&self) -> Vec<PortfolioItem> {
        self.0.portfolio.iter().cloned().map(PortfolioItem).collect()
    }

    /// Who may see the profile.
    async fn visibility(&self) -> ProfileVisibility {
        self.0.visibility.into()
    }

    /// Counts the changes; give it back as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Since when there is a profile.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it last changed.
    async fn updated_at(&self) -> Timestamp {
        self.0.updated_at
    }

    /// May you change it?
    async fn viewer_can_update(&self, ctx: &Context<'_>) -> bool {
        allows(&ctx.actor(), Verb::ProfileUpdate, &self.0.subject())
    }
}

impl FreelancerProfile {
    /// What only the person themselves sees.
    fn own(&self, ctx: &Context<'_>, money: Option<domain::money::Money>) -> Option<Money> {
        money.filter(|_| ctx.actor().user() == Some(self.0.user)).map(Money::from)
    }
}

/// What of profiles the operation asks for anywhere.
pub fn profiles_with(ctx: &Context<'_>) -> ProfilesWith {
    ProfilesWith { skills: is_asked(ctx, &["skills"]), portfolio: is_asked(ctx, &["portfolio"]) }
}

/// A language somebody speaks.
#[derive(Debug, Clone)]
pub struct SpokenLanguage(pub domain::matching::features::Language);

/// A language somebody speaks.
#[Object]
impl SpokenLanguage {
    /// The ISO 639 code: `"ur"`.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// How well.
    async fn fluency(&self) -> Fluency {
        self.0.fluency.into()
    }
}

/// A degree, a certificate or a licence, by a freelancer's own account.
#[derive(Debug, Clone, SimpleObject)]
pub struct Credential {
    /// What it is called.
    pub title: String,
    /// Who gave it.
    pub issuer: String,
    /// When it was given.
    pub issued_on: Option<NaiveDate>,
    /// The last day it counts, if it lapses.
    pub expires_on: Option<NaiveDate>,
    /// Where it can be checked; starts with `https://`.
    pub link: Option<String>,
}

impl From<domain::profile::Credential> for Credential {
    fn from(credential: domain::profile::Credential) -> Self {
        let domain::profile::Credential { title, issuer, issued_on, expires_on, link } = credential;
        Self { title, issuer, issued_on, expires_on, link }
    }
}

/// Something a freelancer has made.
#[derive(Debug, Clone)]
pub struct PortfolioItem(pub domain::profile::PortfolioItem);

/// Something a freelancer has made.
#[Object]
impl PortfolioItem {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What it is, and what part they had in it.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Where it can be seen; starts with `https://`.
    async fn link(&self) -> Option<&str> {
        self.0.link.as_deref()
    }
}

/// Who may see a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::profile::Visibility")]
pub enum ProfileVisibility {
    /// Everybody; it is found and matched.
    Public,
    /// Its person only.
    Hidden,
}

/// A skill you hold.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ProfileSkillInput {
    /// A skill of the taxonomy; see `skills` and `skillSuggest`.
    pub skill_id: Key<SkillId>,
    /// How well you know it.
    pub level: SkillLevel,
    /// For how many years, 0 to 60.
    #[graphql(default)]
    pub years: i32,
}

/// A language you speak.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SpokenLanguageInput {
    /// The ISO 639 code: `"ur"`.
    pub code: String,
    /// How well.
    pub fluency: Fluency,
}

/// A degree, a certificate or a licence that you have.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct CredentialInput {
    /// What it is called, 2 to 120 characters.
    pub title: String,
    /// Who gave it, 2 to 120 characters.
    pub issuer: String,
    /// When it was given.
    pub issued_on: Option<NaiveDate>,
    /// The last day it counts, if it lapses; not before it was given.
    pub expires_on: Option<NaiveDate>,
    /// Where it can be checked; starts with `https://`.
    pub link: Option<String>,
}

/// When you work, on the clock of your time zone.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WorkHoursInput {
    /// When your working day starts: `"18:00"`.
    pub starts: String,
    /// When it ends: `"03:00"` is past midnight.
    pub ends: String,
}

/// What you change about your profile; the first change makes it, and needs a headline. What is
/// absent stays as it is; null takes it away.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ProfileUpdateInput {
    /// The version you saw, so that you don't overwrite what you did not see.
    pub expected_version: Option<i64>,
    /// Who you are, in a line of 3 to 120 characters.
    pub headline: Option<String>,
    /// The same, at length: up to 5,000 characters.
    pub overview: Option<String>,
    /// What you can do, the most important first: all of it, at most 50.
    pub skills: Option<Vec<ProfileSkillInput>>,
    /// What you ask for an hour: USD 1 to 1,000.
    pub hourly_rate: MaybeUndefined<MoneyInput>,
    /// The least you take for an hour, at most what you ask. Nobody but you sees it. Clients whose gigs pay less do not
    /// find you; to them it is rounded up, so that whoever moves a budget learns no more than about what it is.
    pub least_hourly_rate: MaybeUndefined<MoneyInput>,
    /// The least you take for a gig at a fixed price: USD 5 to 1,000,000. Nobody but you sees it.
    pub least_fixed_price: MaybeUndefined<MoneyInput>,
    /// Where you work from: the ISO 3166 code, `"PK"`.
    pub country: MaybeUndefined<String>,
    /// Where your clock is: an IANA time zone.
    pub time_zone: Option<String>,
    /// When you work.
    pub work_hours: MaybeUndefined<WorkHoursInput>,
    /// How many hours a week you give to gigs, 1 to 80. Matching takes off what your running contracts by the hour may
    /// take.
    pub weekly_hours: MaybeUndefined<i32>,
    /// What you speak: all of it, at most 20.
    pub languages: Option<Vec<SpokenLanguageInput>>,
    /// What others have certified of you: all of it, at most 20.
    pub credentials: Option<Vec<CredentialInput>>,
    /// Who may see it.
    pub visibility: Option<ProfileVisibility>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

impl ProfileUpdateInput {
    fn read(&self) -> Result<ProfileInput, Refusal> {
        let rate = maybe(&self.hourly_rate, |rate| rate.parse("hourlyRate"))?;
        let least_rate = maybe(&self.least_hourly_rate, |rate| rate.parse("leastHourlyRate"))?;
        let least_price = maybe(&self.least_fixed_price, |price| price.parse("leastFixedPrice"))?;
        let hours = maybe(&self.work_hours, |hours| {
            let mut invalid = Invalid::default();
            let starts = wall_clock(&mut invalid, "workHours.starts", &hours.starts);
            let ends = wall_clock(&mut invalid, "workHours.ends", &hours.ends);
            invalid.finish().map(|()| (starts, ends))
        })?;
        let skill = |held: &ProfileSkillInput| (held.skill_id.0, held.level.into(), held.years);
        let language = |spoken: &SpokenLanguageInput| domain::matching::features::Language {
            code: spoken.code.clone(),
            fluency: spoken.fluency.into(),
        };
        let credential = |typed: &CredentialInput| domain::profile::Credential {
            title: typed.title.clone(),
            issuer: typed.issuer.clone(),
            issued_on: typed.issued_on,
            expires_on: typed.expires_on,
            link: typed.link.clone(),
        };
        Ok(ProfileInput {
            expected_version: self.expected_version,
            headline: self.headline.clone(),
            overview: self.overview.clone(),
            skills: self.skills.as_ref().map(|skills| skills.iter().map(skill).collect()),
            hourly_rate: rate,
            least_rate,
            least_price,
            country: maybe(&self.country, |code| Ok(code.clone()))?,
            time_zone: self.time_zone.clone(),
            hours,
            weekly_hours: maybe(&self.weekly_hours, |hours| Ok(*hours))?,
            languages: self.languages.as_ref().map(|languages| languages.iter().map(language).collect()),
            credentials: self.credentials.as_ref().map(|named| named.iter().map(credential).collect()),
            visibility: self.visibility.map(Into::into),
        })
    }
}

/// A field that may be absent, null, or there.
fn maybe<T, U>(
    field: &MaybeUndefined<T>,
    read: impl FnOnce(&T) -> Result<U, Refusal>,
) -> Result<Option<Option<U>>, Refusal> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => read(value).map(|value| Some(Some(value))),
    }
}

fn wall_clock(invalid: &mut Invalid, path: &str, text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap_or_else(|_| {
        invalid.add(path, "MALFORMED", "must be a time of day like 09:00");
        NaiveTime::MIN
    })
}

/// Something you have made.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PortfolioItemAddInput {
    /// What it is called, 2 to 120 characters.
    pub title: String,
    /// What it is, and what part you had in it: up to 2,000 characters.
    #[graphql(default)]
    pub description: String,
    /// Where it can be seen; starts with `https://`.
    pub link: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Something you have made, put right: what it says from now on.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PortfolioItemUpdateInput {
    /// Which.
    pub id: Key<PortfolioItemId>,
    /// What it is called, 2 to 120 characters.
    pub title: String,
    /// What it is, and what part you had in it: up to 2,000 characters.
    #[graphql(default)]
    pub description: String,
    /// Where it can be seen; starts with `https://`.
    pub link: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Something to take from your portfolio.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PortfolioItemRemoveInput {
    /// Which.
    pub id: Key<PortfolioItemId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `profileUpdate`.
    ProfileUpdatePayload {
        /// Your profile, as it is now.
        profile: FreelancerProfile
    } and viewer
}

payload! {
    /// The answer to `portfolioItemAdd`.
    PortfolioItemAddPayload {
        /// Your profile, as it is now.
        profile: FreelancerProfile
    }
}

payload! {
    /// The answer to `portfolioItemUpdate`.
    PortfolioItemUpdatePayload {
        /// Your profile, as it is now.
        profile: FreelancerProfile
    }
}

payload! {
    /// The answer to `portfolioItemRemove`.
    PortfolioItemRemovePayload {
        /// Your profile, as it is now.
        profile: FreelancerProfile
    }
}

/// Which freelancers are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default, InputObject)]
pub struct FreelancerFilterInput {
    /// Those who hold all of these skills; up to 10.
    #[graphql(validator(max_items = 10))]
    pub skills: Option<Vec<Key<SkillId>>>,
    /// Those whose headline or overview holds these words; the last may be the beginning of one.
    #[graphql(validator(max_length = 200))]
    pub text: Option<String>,
    /// Those who ask at least this for an hour.
    pub rate_at_least: Option<MoneyInput>,
    /// Those who ask at most this for an hour.
    pub rate_at_most: Option<MoneyInput>,
    /// Those with at least so many hours a week free.
    pub weekly_hours_at_least: Option<i32>,
    /// Those who speak this language, by its ISO 639 code.
    #[graphql(validator(max_length = 3))]
    pub language: Option<String>,
    /// Those who work from this country, by its ISO 3166 code, like `"PK"`.
    pub country: Option<String>,
}

impl FreelancerFilterInput {
    fn read(self) -> Result<FreelancerFilter, infra::Failure> {
        let cents = |path, money: Option<MoneyInput>| money.map(|money| money.cents(path)).transpose();
        let language = |code: String| {
            let is_code = matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_lowercase());
            let message = "a language is two or three small letters, like ur";
            if is_code { Ok(code) } else { Err(Refusal::field("filter.language", "MALFORMED", message)) }
        };
        let country = |code: String| {
            code.parse::<Country>().map_err(|error| Refusal::field("filter.country", "MALFORMED", error.to_string()))
        };
        Ok(FreelancerFilter {
            skills: self.skills.unwrap_or_default().into_iter().map(|key| key.0).collect(),
            text: self.text,
            rate_at_least: cents("filter.rateAtLeast", self.rate_at_least)?,
            rate_at_most: cents("filter.rateAtMost", self.rate_at_most)?,
            weekly_hours_at_least: self.weekly_hours_at_least,
            language: self.language.map(language).transpose()?,
            country: self.country.map(country).transpose()?,
        })
    }
}

/// What the signed-in person sees of their own profile.
#[derive(Debug)]
pub struct ProfileViewer(pub domain::id::UserId);

#[Object]
impl ProfileViewer {
    /// Your profile as a freelancer, if you wrote one.
    async fn profile(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FreelancerProfile>> {
        Ok(load(ctx, ProfileOf(self.0)).await?.map(FreelancerProfile))
    }
}

/// Looking for freelancers.
#[derive(Debug, Default)]
pub struct ProfileQuery;

#[Object]
impl ProfileQuery {
    /// Freelancers with a public profile, newest first.
    async fn freelancers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones; all of them unless said.")] filter: Option<FreelancerFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<FreelancerProfile>>> {
        let filter = filter.unwrap_or_default().read().map_err(top_level)?;
        let page = counted(ctx, first, after, last, before);
        connect(ctx.market().freelancers_page(&ctx.call(), &filter, &page).await, FreelancerProfile).map(Some)
    }
}

/// What freelancers can do about their profiles.
#[derive(Debug, Default)]
pub struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Write your profile as a freelancer, or change it.
    async fn profile_update(&self, ctx: &Context<'_>, input: ProfileUpdateInput) -> Answer<ProfileUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            call.actor.person()?;
            ctx.market().profile_update(&call, input.read()?).await
        };
        answer(outcome.await.map(FreelancerProfile))
    }

    /// Add something you have made to your portfolio.
    async fn portfolio_item_add(
        &self,
        ctx: &Context<'_>,
        input: PortfolioItemAddInput,
    ) -> Answer<PortfolioItemAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            call.actor.person()?;
            let draft = PortfolioDraft::parse(&input.title, &input.description, input.link.as_deref())?;
            ctx.market().portfolio_item_add(&call, draft).await
        };
        answer(outcome.await.map(FreelancerProfile))
    }

    /// Put right what your portfolio says of something.
    async fn portfolio_item_update(
        &self,
        ctx: &Context<'_>,
        input: PortfolioItemUpdateInput,
    ) -> Answer<PortfolioItemUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            call.actor.person()?;
            let draft = PortfolioDraft::parse(&input.title, &input.description, input.link.as_deref())?;
            ctx.market().portfolio_item_update(&call, input.id.0, draft).await
        };
        answer(outcome.await.map(FreelancerProfile))
    }

    /// Take something from your portfolio.
    async fn portfolio_item_remove(
        &self,
        ctx: &Context<'_>,
        input: PortfolioItemRemoveInput,
    ) -> Answer<PortfolioItemRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().portfolio_item_remove(&call, input.id.0).await
        };
        answer(outcome.await.map(FreelancerProfile))
    }
}
