//! What a freelancer says of themselves: what they can do, what they ask, and when they work.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{FreelancerProfileId, PortfolioItemId, SkillId, UserId};
use crate::matching::features::{Country, Language};
use crate::matching::overlap::WorkDay;
use crate::money::{Currency, Money};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::skill::{ProfileSkill, SkillLevel};
use crate::user::TimeZone;

/// A person speaks at most so many languages, as far as we are concerned.
pub const LANGUAGES_MAX: usize = 20;
/// A profile names at most so many credentials.
pub const CREDENTIALS_MAX: usize = 20;
/// A portfolio holds at most so many items.
pub const PORTFOLIO_MAX: usize = 20;
/// What an hour may cost, in US cents.
const RATE_CENTS: std::ops::RangeInclusive<i64> = 100..=100_000;
/// What a whole gig may cost, in US cents.
const PRICE_CENTS: std::ops::RangeInclusive<i64> = 500..=100_000_000;

/// What a freelancer says of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreelancerProfile {
    /// The id.
    pub id: FreelancerProfileId,
    /// Whose it is.
    pub user: UserId,
    /// Who they are, in a line.
    pub headline: String,
    /// The same, at length.
    pub overview: String,
    /// What they can do, the most important first.
    pub skills: Vec<ProfileSkill>,
    /// What they ask for an hour.
    pub hourly_rate: Option<Money>,
    /// The least they take for an hour. Theirs alone to see: whoever knew it would offer no more.
    #[serde(default)]
    pub least_rate: Option<Money>,
    /// The least they take for a gig at a fixed price. Theirs alone to see.
    #[serde(default)]
    pub least_price: Option<Money>,
    /// Where they work from.
    #[serde(default)]
    pub country: Option<Country>,
    /// Where their clock is.
    pub time_zone: TimeZone,
    /// When they work, on that clock: from, and until. Past midnight if it ends before it starts.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// How many hours a week they give to gigs, running contracts included.
    pub weekly_hours: Option<u16>,
    /// What they speak.
    pub languages: Vec<Language>,
    /// What others have certified of them, by their own account.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// Who may see all this.
    pub visibility: Visibility,
    /// What they have made, newest last.
    pub portfolio: Vec<PortfolioItem>,
    /// Counts the changes.
    pub version: i64,
    /// Since when there is a profile.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A degree, a certificate or a licence that a freelancer says they have. We have not looked; its link is for whoever
/// wants to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// What it is called.
    pub title: String,
    /// Who gave it.
    pub issuer: String,
    /// When it was given.
    pub issued_on: Option<NaiveDate>,
    /// The last day it counts, if it lapses.
    pub expires_on: Option<NaiveDate>,
    /// Where it can be checked.
    pub link: Option<String>,
}

/// Something a freelancer has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortfolioItem {
    /// The id.
    pub id: PortfolioItemId,
    /// What it is called.
    pub title: String,
    /// What it is, and what part they had in it.
    pub description: String,
    /// Where it can be seen.
    pub link: Option<String>,
}

/// Who may see a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody; it is found and matched.
    Public,
    /// Its person only.
    Hidden,
}

impl Visibility {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Hidden];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Hidden => "hidden",
        }
    }
}

/// What somebody types to change their profile. What is absent stays; where there is another
/// `Option` inside, none takes it away.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of FreelancerProfile")]
pub struct ProfileInput {
    pub expected_version: Option<i64>,
    pub headline: Option<String>,
    pub overview: Option<String>,
    pub skills: Option<Vec<(SkillId, SkillLevel, i32)>>,
    pub hourly_rate: Option<Option<Money>>,
    pub least_rate: Option<Option<Money>>,
    pub least_price: Option<Option<Money>>,
    pub country: Option<Option<String>>,
    pub time_zone: Option<String>,
    pub hours: Option<Option<(NaiveTime, NaiveTime)>>,
    pub weekly_hours: Option<Option<i32>>,
    pub languages: Option<Vec<Language>>,
    pub credentials: Option<Vec<Credential>>,
    pub visibility: Option<Visibility>,
}

/// A portfolio item as typed, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortfolioDraft {
    title: String,
    description: String,
    link: Option<String>,
}

impl PortfolioDraft {
    /// Check what somebody typed, and tell all that is wrong with it at once.
    pub fn parse(title: &str, description: &str, link: Option<&str>) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let title = invalid.line("title", title, 2..=120);
        let description = invalid.text("description", description, 0..=2_000);
        let link = parse_link(&mut invalid, "link", link);
        invalid.finish()?;
        Ok(Self { title, description, link })
    }
}

/// An address to look something up at; none if nothing was typed.
fn parse_link(invalid: &mut Invalid, path: &str, link: Option<&str>) -> Option<String> {
    let link = link.map(|link| invalid.line(path, link, 0..=500)).filter(|link| !link.is_empty());
    if link.as_ref().is_some_and(|link| !is_https(link)) {
        invalid.add(path, "MALFORMED", "must be an address that starts with https://");
    }
    link
}

fn is_https(link: &str) -> bool {
    link.strip_prefix("https://").is_some_and(|rest| rest.contains('.') && !rest.contains(char::is_whitespace))
}

impl FreelancerProfile {
    /// A profile that says nothing yet.
    pub fn blank(id: FreelancerProfileId, user: UserId, time_zone: TimeZone, now: Timestamp) -> Self {
        Self {
            id,
            user,
            headline: String::new(),
            overview: String::new(),
            skills: Vec::new(),
            hourly_rate: None,
            least_rate: None,
            least_price: None,
            country: None,
            time_zone,
            hours: None,
            weekly_hours: None,
            languages: Vec::new(),
            credentials: Vec::new(),
            visibility: Visibility::Public,
            portfolio: Vec::new(),
            version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whose it is, and who else may see it.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user).public_if(self.visibility == Visibility::Public)
    }

    /// May this actor see it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::visible(actor, &self.subject())
    }

    /// When they work, if they say so.
    pub fn work_day(&self) -> Option<WorkDay> {
        self.hours.map(|(starts, ends)| WorkDay { zone: self.time_zone.0, starts, ends })
    }

    /// Its person changes what it says.
    pub fn update(self, actor: &Actor, input: ProfileInput, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProfileUpdate, &self.subject())?;
        expect_version(input.expected_version, self.version)?;

        let next = self.clone().with(input)?;
        Ok(self.changed_to(next, now))
    }

    /// Its person adds something they have made.
    pub fn add_item(
        self,
        actor: &Actor,
        id: PortfolioItemId,
        draft: PortfolioDraft,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProfileUpdate, &self.subject())?;

        if self.portfolio.len() >= PORTFOLIO_MAX {
            return Err(Refusal::Limit {
                code: "PORTFOLIO_FULL".to_owned(),
                limit: i64::try_from(PORTFOLIO_MAX).unwrap_or(i64::MAX),
                value: i64::try_from(self.portfolio.len() + 1).unwrap_or(i64::MAX),
                message: format!("A portfolio holds {PORTFOLIO_MAX} items: remove one first."),
            });
        }
        let PortfolioDraft { title, description, link } = draft;
        let mut next = self.clone();
        next.portfolio.push(PortfolioItem { id, title, description, link });
        Ok(self.changed_to(next, now))
    }

    /// Its person corrects something they have made.
    pub fn update_item(
        self,
        actor: &Actor,
        id: PortfolioItemId,
        draft: PortfolioDraft,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProfileUpdate, &self.subject())?;

        let mut next = self.clone();
        let item = next.portfolio.iter_mut().find(|item| item.id == id).ok_or(Refusal::HIDDEN)?;
        let PortfolioDraft { title, description, link } = draft;
        *item = PortfolioItem { id, title, description, link };
        Ok(self.changed_to(next, now))
    }

    /// Its person takes something away. What is gone already may be taken away again.
    pub fn remove_item(self, actor: &Actor, id: PortfolioItemId, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProfileUpdate, &self.subject())?;

        let mut next = self.clone();
        next.portfolio.retain(|item| item.id != id);
        Ok(self.changed_to(next, now))
    }

    fn changed_to(self, next: Self, now: Timestamp) -> Change<Self> {
        if next == self && self.version > 0 {
            return Change::none(self);
        }
        let (profile, user) = (self.id, self.user);
        Change::to(Self { version: self.version + 1, updated_at: now, ..next })
            .telling(Event::ProfileUpdated { profile, user })
    }

    fn with(self, input: ProfileInput) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let headline = input.headline.map(|text| invalid.line("headline", &text, 3..=120));
        let overview = input.overview.map(|text| invalid.text("overview", &text, 0..=5_000));
        let skills = input.skills.map(|list| ProfileSkill::parse_list(&mut invalid, "skills", &list));
        let mut cents = |path: &str, money: Option<Option<Money>>, range| {
            money.map(|money| money.map(|money| parse_cents(&mut invalid, path, money, range)))
        };
        let hourly_rate = cents("hourlyRate", input.hourly_rate, &RATE_CENTS).unwrap_or(self.hourly_rate);
        let least_rate = cents("leastHourlyRate", input.least_rate, &RATE_CENTS).unwrap_or(self.least_rate);
        let least_price = cents("leastFixedPrice", input.least_price, &PRICE_CENTS).unwrap_or(self.least_price);
        if let (Some(asked), Some(least)) = (hourly_rate, least_rate)
            && asked.covers(least) == Ok(false)
        {
            invalid.add("leastHourlyRate.amount", "OUT_OF_RANGE", "can't be above what you ask for an hour");
        }
        let country = input.country.map(|country| country.and_then(|code| parse_country(&mut invalid, &code)));
        let time_zone = input.time_zone.map(|name| TimeZone::parse(&mut invalid, "timeZone", &name));
        if let Some(Some((starts, ends))) = input.hours
            && starts == ends
        {
            invalid.add("hours.ends", "OUT_OF_RANGE", "must be another time than it starts");
        }
        let weekly_hours = input
            .weekly_hours
            .map(|hours| hours.and_then(|hours| u16::try_from(invalid.range("weeklyHours", hours, 1..=80)).ok()));
        let languages = input.languages.map(|languages| parse_languages(&mut invalid, languages));
        let credentials = input.credentials.map(|credentials| parse_credentials(&mut invalid, credentials));
        if self.version == 0 && headline.is_none() {
            invalid.add("headline", "REQUIRED", "say who you are, in a line");
        }
        invalid.finish()?;
        Ok(Self {
            headline: headline.unwrap_or(self.headline),
            overview: overview.unwrap_or(self.overview),
            skills: skills.unwrap_or(self.skills),
            hourly_rate,
            least_rate,
            least_price,
            country: country.unwrap_or(self.country),
            time_zone: time_zone.unwrap_or(self.time_zone),
            hours: input.hours.unwrap_or(self.hours),
            weekly_hours: weekly_hours.unwrap_or(self.weekly_hours),
            languages: languages.unwrap_or(self.languages),
            credentials: credentials.unwrap_or(self.credentials),
            visibility: input.visibility.unwrap_or(self.visibility),
            ..self
        })
    }
}

fn parse_cents(invalid: &mut Invalid, path: &str, money: Money, range: &std::ops::RangeInclusive<i64>) -> Money {
    if money.currency() != Currency::Usd {
        invalid.add(&format!("{path}.currency"), "UNKNOWN", "what you ask is in US dollars");
    } else if !range.contains(&money.minor()) {
        let (least, most) = (range.start() / 100, range.end() / 100);
        invalid.add(
            &format!("{path}.amount"),
            "OUT_OF_RANGE",
            format!("must be between {least}.00 USD and {most}.00 USD"),
        );
    }
    money
}

fn parse_country(invalid: &mut Invalid, code: &str) -> Option<Country> {
    let country = code.parse::<Country>();
    if let Err(bad) = &country {
        invalid.add("country", "MALFORMED", bad.to_string());
    }
    country.ok()
}

fn parse_languages(invalid: &mut Invalid, languages: Vec<Language>) -> Vec<Language> {
    if languages.len() > LANGUAGES_MAX {
        invalid.add("languages", "TOO_MANY", format!("at most {LANGUAGES_MAX} languages are taken"));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for (place, language) in languages.iter().enumerate() {
        let path = format!("languages.{place}.code");
        let letters = language.code.bytes().all(|byte| byte.is_ascii_lowercase());
        if !letters || !(2..=3).contains(&language.code.len()) {
            invalid.add(&path, "MALFORMED", "must be an ISO 639 code of two or three small letters, like en");
        } else if !seen.insert(&language.code) {
            invalid.add(&path, "DUPLICATE", "is named twice");
        }
    }
    languages
}

fn parse_credentials(invalid: &mut Invalid, credentials: Vec<Credential>) -> Vec<Credential> {
    if credentials.len() > CREDENTIALS_MAX {
        invalid.add("credentials", "TOO_MANY", format!("at most {CREDENTIALS_MAX} credentials are taken"));
        return Vec::new();
    }
    let parse = |(place, typed): (usize, Credential)| {
        let path = |field: &str| format!("credentials.{place}.{field}");
        let title = invalid.line(&path("title"), &typed.title, 2..=120);
        let issuer = invalid.line(&path("issuer"), &typed.issuer, 2..=120);
        if typed.issued_on.zip(typed.expires_on).is_some_and(|(issued, expires)| expires < issued) {
            invalid.add(&path("expiresOn"), "OUT_OF_RANGE", "can't be before it was given");
        }
        let link = parse_link(invalid, &path("link"), typed.link.as_deref());
        Credential { title, issuer, link, ..typed }
    };
    credentials.into_iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::id::Id;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn person(n: u128, staff: Option<Staff>) -> Actor {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
    }

    fn lin() -> FreelancerProfile {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let blank =
            FreelancerProfile::blank(FreelancerProfileId::from_uuid(Uuid::nil()), user, "UTC".parse().unwrap(), START);
        let input = ProfileInput { headline: Some("Rust developer".into()), ..ProfileInput::default() };
        blank.update(&person(1, None), input, START).unwrap().next
    }

    #[test]
    fn a_profile_begins_with_a_headline_and_counts_its_changes() {
        let lin = lin();
        assert_eq!((lin.version, lin.headline.as_str()), (1, "Rust developer"));
        let blank = FreelancerProfile { version: 0, ..lin.clone() };
        let nothing = blank.update(&person(1, None), ProfileInput::default(), START);
        assert_eq!(nothing, Err(Refusal::field("headline", "REQUIRED", "say who you are, in a line")));
        assert!(!lin.clone().update(&person(1, None), ProfileInput::default(), START).unwrap().changed);

        let stale = ProfileInput { expected_version: Some(7), ..ProfileInput::default() };
        assert_eq!(lin.update(&person(1, None), stale, START), Err(Refusal::Stale { expected: 7, actual: 1 }));
    }

    /// One that counts for so many days.
    fn certificate(title: &str, days: i64) -> Credential {
        let issued = NaiveDate::from_ymd_opt(2025, 6, 30).unwrap();
        Credential {
            title: title.into(),
            issuer: "The institute".into(),
            issued_on: Some(issued),
            expires_on: Some(issued + chrono::TimeDelta::days(days)),
            link: Some("https://institute.example/lin".into()),
        }
    }

    #[test]
    fn a_profile_names_credentials_whose_links_are_addresses_and_not_without_end() {
        let names = |credentials: Vec<Credential>| {
            let input = ProfileInput { credentials: Some(credentials), ..ProfileInput::default() };
            lin().update(&person(1, None), input, START)
        };
        let named = names(vec![certificate(" Cloud architect ", 0)]).unwrap().next;
        assert_eq!(named.credentials, [certificate("Cloud architect", 0)]);
        let kept = named.update(&person(1, None), ProfileInput::default(), START).unwrap();
        assert!(!kept.changed && kept.next.credentials.len() == 1, "what is absent stays");
        let elsewhere = Credential { link: Some("ftp://x.example".into()), ..certificate("Cloud architect", 0) };
        let malformed = names(vec![elsewhere]);
        let rule = "must be an address that starts with https://";
        assert_eq!(malformed, Err(Refusal::field("credentials.0.link", "MALFORMED", rule)));
        let many = |number: usize| names(vec![certificate("Cloud architect", 0); number]);
        assert!(many(CREDENTIALS_MAX).is_ok() && many(CREDENTIALS_MAX + 1).is_err());
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let time = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        let english = |code: &str| Language { code: code.into(), fluency: crate::matching::features::Fluency::Fluent };
        let input = ProfileInput {
            headline: Some("x".into()),
            overview: Some("x".repeat(5_001)),
            hourly_rate: Some(Some(Money::new(99, Currency::Usd).unwrap())),
            least_rate: Some(Some(Money::new(100, Currency::Usd).unwrap())),
            least_price: Some(Some(Money::new(499, Currency::Usd).unwrap())),
            country: Some(Some("Pakistan".into())),
            time_zone: Some("Mars".into()),
            hours: Some(Some((time, time))),
            weekly_hours: Some(Some(81)),
            languages: Some(vec![english("en"), english("en"), english("English")]),
            credentials: Some(vec![certificate("Cloud architect", 3), certificate("", -1)]),
            ..ProfileInput::default()
        };
        let Err(Refusal::Invalid { fields }) = lin().update(&person(1, None), input, START) else {
            panic!("it must be refused")
        };
        let faults: Vec<String> = fields.into_iter().map(|field| format!("{} {}", field.path, field.code)).collect();
        assert_eq!(
            faults,
            [
                "headline TOO_SHORT",
                "overview TOO_LONG",
                "hourlyRate.amount OUT_OF_RANGE",
                "leastFixedPrice.amount OUT_OF_RANGE",
                "leastHourlyRate.amount OUT_OF_RANGE",
                "country MALFORMED",
                "timeZone UNKNOWN",
                "hours.ends OUT_OF_RANGE",
                "weeklyHours OUT_OF_RANGE",
                "languages.1.code DUPLICATE",
                "languages.2.code MALFORMED",
                "credentials.1.title REQUIRED",
                "credentials.1.expiresOn OUT_OF_RANGE",
            ]
        );
    }

    #[test]
    fn a_portfolio_is_its_persons_and_has_an_end() {
        let draft = || PortfolioDraft::parse("A shop", "I made it", Some("https://shop.example/lin")).unwrap();
        let item = |n: usize| PortfolioItemId::from_uuid(Uuid::from_u128(n as u128));
        let mut profile = lin();
        for n in 0..PORTFOLIO_MAX {
            profile = profile.add_item(&person(1, None), item(n), draft(), START).unwrap().next;
        }
        let full = profile.clone().add_item(&person(1, None), item(99), draft(), START);
        assert!(matches!(full, Err(Refusal::Limit { limit: 20, .. })), "{full:?}");
        let absent = profile.clone().update_item(&person(1, None), item(99), draft(), START);
        assert_eq!(absent, Err(Refusal::HIDDEN));
        let removed = profile.clone().remove_item(&person(1, None), item(3), START).unwrap().next;
        assert_eq!(removed.portfolio.len(), PORTFOLIO_MAX - 1);
        assert!(!removed.remove_item(&person(1, None), item(3), START).unwrap().changed, "a repeat");
        for link in ["http://x.example", "javascript:alert(1)", "https://", "https://a b.example", "ftp://x.example"] {
            assert!(PortfolioDraft::parse("A shop", "", Some(link)).is_err(), "{link}");
        }
    }

    #[test]
    fn hidden_profiles_are_absent_for_others() {
        let input = ProfileInput { visibility: Some(Visibility::Hidden), ..ProfileInput::default() };
        let hidden = lin().update(&person(1, None), input.clone(), START).unwrap().next;
        let sees = |actor: &Actor| (lin().visible_to(actor), hidden.visible_to(actor));
        assert_eq!(sees(&Actor::Nobody), (true, false));
        assert_eq!(sees(&person(2, None)), (true, false));
        assert_eq!(sees(&person(1, None)), (true, true));
        assert_eq!(sees(&person(2, Some(Staff::Admin))), (true, true));
        assert_eq!(lin().update(&person(2, None), input.clone(), START), Err(Denied::NotAllowed.into()));
        assert_eq!(hidden.clone().update(&person(2, None), input.clone(), START), Err(Denied::Hidden.into()));
        assert_eq!(hidden.update(&Actor::Nobody, input, START), Err(Denied::SignIn.into()));
    }
}
