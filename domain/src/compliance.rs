//! Compliance: what a client in the United States keeps of whom it works with. The freelancer's tax form, where the
//! work is done, whose it is, how the invoices divide, what screening found, and how well we know who they are.
//!
//! What is kept of people here are their own statements, by day and by the version of the wording they were made
//! under. No tax number, no date of birth and no document is ever taken.

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::contract::Contract;
use crate::event::Event;
use crate::id::{ContractId, UserId};
use crate::matching::features::Country;
use crate::money::{Currency, Money, MoneyError, Rate};
use crate::papers::Split;
use crate::policy::{Terms, days};
use crate::refusal::{Invalid, Refusal};
use crate::timer::Timer;

mod assurance;
mod screened;
#[cfg(test)]
mod tests;
mod wording;

pub use assurance::{Assurance, Known, Proof};
pub use screened::{Outcome, Review, Screening, screening_log};
pub use wording::Wording;

/// A tax form is said to lapse soon for so long before it does.
const LAPSES_SOON: TimeDelta = TimeDelta::days(60);
/// Its person is reminded so many days before, the first time when it is said to lapse soon.
const NOTICE_DAYS: [i64; 2] = [60, 14];
/// A freelancer attests of one contract so often at most.
pub const ATTESTATIONS: u32 = 100;
/// Where the statements made here deny to be.
const UNITED_STATES: &str = "US";

/// A certification on the substance of IRS Form W-8BEN: the person is no US person, and the income is theirs.
///
/// It holds to the last day of the third calendar year after the one it was signed in, unless what it says is no more
/// so (Instructions for Form W-8BEN, "Expiration of Form W-8BEN").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxForm {
    /// Who certified.
    pub user: UserId,
    /// Where they live, and pay taxes.
    pub country: Country,
    /// The version of the wording that they certified.
    pub wording: u16,
    /// When.
    pub certified_at: Timestamp,
    /// The last day on which it holds.
    pub lapses_on: NaiveDate,
    /// Since when it holds no more, because they moved to another country.
    pub withdrawn_at: Option<Timestamp>,
}

/// What somebody signs.
#[derive(Debug, Clone)]
pub struct Certification {
    /// The country they live in, by its two letters.
    pub country: String,
    /// The version of the wording that was put before them.
    pub wording: i32,
    /// Their name, as they sign. It is compared with the one on the account, and not kept.
    pub signature: String,
}

/// Where a tax form stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxFormStatus {
    /// There is none.
    None,
    /// It holds.
    Valid,
    /// It holds, for 60 days more at most.
    Expiring,
    /// It held until its last day.
    Expired,
    /// The person moved to another country, and has to certify anew.
    Withdrawn,
}

impl TaxForm {
    /// A freelancer certifies. `name` is the one on their account, `home` the country that their profile says, if it
    /// says one, `standing` the form they gave last. The same said twice on one day is said once.
    pub fn certify(
        actor: &Actor,
        standing: Option<Self>,
        said: &Certification,
        name: &str,
        home: Option<Country>,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        let user = actor.person()?.user;
        access::check(actor, Verb::TaxFormCertify, &Subject::of_person(user))?;
        let mut invalid = Invalid::default();
        let wording = Wording::latest();
        expect_wording(&mut invalid, said.wording, wording);
        let country = parse_abroad(&mut invalid, &said.country);
        if let (Some(country), Some(home)) = (country, home)
            && country != home
        {
            let message = format!("your profile says that you live in {}: correct one of them", home.as_str());
            invalid.add("country", "WRONG", message);
        }
        if !is_signed_as(&said.signature, name) {
            invalid.add("signature", "WRONG", "must be your name, as it is on your account");
        }
        invalid.finish()?;
        let country = country.ok_or_else(|| Refusal::field("country", "MALFORMED", "must be a country like PK"))?;
        if let Some(standing) = standing
            && standing.withdrawn_at.is_none()
            && standing.certified_at.date_naive() == now.date_naive()
            && (standing.country, standing.wording) == (country, wording.version)
        {
            return Ok(Change::none(standing));
        }
        let lapses_on = last_day_of(now);
        let next = Self { user, country, wording: wording.version, certified_at: now, lapses_on, withdrawn_at: None };
        Ok(next.reminded(Change::to(next.clone()), lapses_on, now))
    }

    /// Its person is told that it lapses soon, or that it has lapsed.
    pub fn remind(self, actor: &Actor, terms: &Terms, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::TaxFormRemind, &Subject::of_person(self.user))?;
        let (user, last_day) = (self.user, self.last_day(terms));
        let change = self.reminded(Change::to(self.clone()), last_day, now);
        Ok(if self.has_lapsed(terms, now) {
            change.telling(Event::TaxFormLapsed { user })
        } else if self.status(now) == TaxFormStatus::Expiring {
            change.telling(Event::TaxFormExpiring { user, lapses_on: last_day })
        } else {
            change
        })
    }

    /// With its next notice set, the last when it lapses, or none running if there is none to come. So one that was
    /// sent is not sent again.
    fn reminded(&self, change: Change<Self>, last_day: NaiveDate, now: Timestamp) -> Change<Self> {
        let timer = Timer::RemindTaxForm(self.user);
        let soon = NOTICE_DAYS.map(|days| (self.lapses_on - TimeDelta::days(days)).and_time(NaiveTime::MIN).and_utc());
        let soon = soon.into_iter().filter(|_| self.withdrawn_at.is_none());
        match soon.chain([day_after(last_day)]).find(|notice| *notice > now) {
            Some(notice) => change.timing(timer, notice),
            None => change.stopping(timer),
        }
    }

    /// Its person lives in `home` from now on. If it names the country that they left it holds no more, and they are
    /// told until which day another keeps their contracts from being held.
    pub fn heed_move(self, home: Country, terms: &Terms, now: Timestamp) -> Change<Self> {
        if self.withdrawn_at.is_some() || self.country == home {
            return Change::none(self);
        }
        let had_lapsed = self.has_lapsed(terms, now);
        let next = Self { withdrawn_at: Some(now), ..self };
        if had_lapsed {
            return Change::to(next);
        }
        let (user, lapses_on) = (next.user, next.last_day(terms));
        let change = Change::to(next.clone()).telling(Event::TaxFormExpiring { user, lapses_on });
        next.reminded(change, lapses_on, now)
    }

    /// The last day on which no contract is held for it: its last, or, if its person moved, that of the days to certify
    /// anew.
    fn last_day(&self, terms: &Terms) -> NaiveDate {
        let moved = self.withdrawn_at.map(|at| at.date_naive() + days(terms.tax_form_move_days));
        moved.map_or(self.lapses_on, |last| last.min(self.lapses_on))
    }

    /// Is it so late that contracts are held for it? Days are those of UTC.
    pub fn has_lapsed(&self, terms: &Terms, now: Timestamp) -> bool {
        self.last_day(terms) < now.date_naive()
    }

    /// Where it stands. Days are those of UTC.
    pub fn status(&self, now: Timestamp) -> TaxFormStatus {
        let today = now.date_naive();
        match self.withdrawn_at {
            Some(_) => TaxFormStatus::Withdrawn,
            None if today > self.lapses_on => TaxFormStatus::Expired,
            None if self.lapses_on - today <= LAPSES_SOON => TaxFormStatus::Expiring,
            None => TaxFormStatus::Valid,
        }
    }
}

/// Where the tax form of somebody stands who may have given none.
pub fn tax_form_status(form: Option<&TaxForm>, now: Timestamp) -> TaxFormStatus {
    form.map_or(TaxFormStatus::None, |form| form.status(now))
}

/// Whoever let a tax form lapse takes on no contract before they certify anew. Who never gave one was asked for none.
pub fn must_not_have_lapsed(form: Option<&TaxForm>, terms: &Terms, now: Timestamp) -> Result<(), Refusal> {
    if form.is_some_and(|form| form.has_lapsed(terms, now)) {
        let message = "your tax form has lapsed: certify it anew, and then accept";
        return Err(Refusal::rule("TAX_FORM_LAPSED", message));
    }
    Ok(())
}

/// When the day after `day` begins.
fn day_after(day: NaiveDate) -> Timestamp {
    day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
}

/// The last day on which a form holds that is signed now.
fn last_day_of(signed: Timestamp) -> NaiveDate {
    // No year of the market's clock is so late that it has no third after it.
    NaiveDate::from_ymd_opt(signed.year() + 3, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// A freelancer's statement of where they do the work of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The contract.
    pub contract: ContractId,
    /// Where, outside of the United States.
    pub country: Country,
    /// The version of the wording.
    pub wording: u16,
    /// When it was said.
    pub attested_at: Timestamp,
}

impl Attestation {
    /// The freelancer says where they do the work, as they did `before` so often, `last` at last. The same said twice on
    /// one day is said once.
    pub fn attest(
        actor: &Actor,
        contract: &Contract,
        last: Option<Self>,
        before: u32,
        country: &str,
        wording: i32,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ContractPlaceAttest, &contract.subject())?;
        let mut invalid = Invalid::default();
        let latest = Wording::latest();
        expect_wording(&mut invalid, wording, latest);
        let place = parse_abroad(&mut invalid, country);
        invalid.finish()?;
        let country = place.ok_or_else(|| Refusal::field("country", "MALFORMED", "must be a country like PK"))?;
        if let Some(last) = last
            && last.attested_at.date_naive() == now.date_naive()
            && (last.country, last.wording) == (country, latest.version)
        {
            return Ok(Change::none(last));
        }
        if before >= ATTESTATIONS {
            return Err(Refusal::Limit {
                code: "ATTESTATIONS".to_owned(),
                limit: ATTESTATIONS.into(),
                value: i64::from(before) + 1,
                message: format!("where the work of one contract is done can be said {ATTESTATIONS} times"),
            });
        }
        Ok(Change::to(Self { contract: contract.id, country, wording: latest.version, attested_at: now }))
    }
}

/// What was put before somebody must be what is in use.
fn expect_wording(invalid: &mut Invalid, said: i32, latest: &Wording) {
    if said != i32::from(latest.version) {
        let message = format!("read version {} of the wording, and send its number", latest.version);
        invalid.add("wording", "OUTDATED", message);
    }
}

/// A country outside of the United States.
fn parse_abroad(invalid: &mut Invalid, text: &str) -> Option<Country> {
    match text.parse::<Country>() {
        Ok(country) if country.as_str() == UNITED_STATES => {
            invalid.add("country", "UNITED_STATES", "this can be said of countries other than the United States only");
            None
        }
        Ok(country) => Some(country),
        Err(bad) => {
            invalid.add("country", "MALFORMED", bad.to_string());
            None
        }
    }
}

/// Is this the name, but for its case and its spaces?
fn is_signed_as(signature: &str, name: &str) -> bool {
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_lowercase).collect() };
    !words(name).is_empty() && words(signature) == words(name)
}

/// A charge that succeeded: for the work, our fee, and which share of the work its client calls development.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// For the work.
    pub amount: Money,
    /// Our fee.
    pub fee: Money,
    /// The share, if the client has said one.
    pub share: Option<Rate>,
}

/// The invoices of a contract in one currency, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InvoiceSum {
    /// How many there are.
    pub invoices: u32,
    /// For development.
    pub development: Money,
    /// For anything else, our fees among it.
    pub other: Money,
    /// On invoices of which it was not said.
    pub not_stated: Money,
    /// All of it.
    pub total: Money,
}

/// Add up what was charged, currency by currency. An invoice divides as it says itself.
///
/// # Errors
/// Sums beyond what an amount can be.
pub fn invoice_sums(charged: &[Charged]) -> Result<Vec<InvoiceSum>, MoneyError> {
    let mut sums = Vec::new();
    for currency in Currency::ALL {
        let zero = Money::zero(currency);
        let mut sum = InvoiceSum { invoices: 0, development: zero, other: zero, not_stated: zero, total: zero };
        for charge in charged.iter().filter(|charge| charge.amount.currency() == currency) {
            let total = charge.amount.plus(charge.fee)?;
            sum.invoices = sum.invoices.saturating_add(1);
            sum.total = sum.total.plus(total)?;
            match charge.share {
                Some(share) => {
                    let Split { development, other } = Split::of(charge.amount, charge.fee, share)?;
                    sum.development = sum.development.plus(development)?;
                    sum.other = sum.other.plus(other)?;
                }
                None => sum.not_stated = sum.not_stated.plus(total)?,
            }
        }
        if sum.invoices > 0 {
            sums.push(sum);
        }
    }
    Ok(sums)
}

/// All that is told of a contract, but for its works: what both sides may know, and the invoices, which are the
/// client's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compliance {
    /// The contract.
    pub contract: ContractId,
    /// Where the freelancer's tax form stands.
    pub tax_form_status: TaxFormStatus,
    /// The last they gave.
    pub tax_form: Option<TaxForm>,
    /// The version of the clauses that the contract was made under: of where the work is done, and whose it is. None, if
    /// it was made before there were any.
    pub clauses: Option<u16>,
    /// Where the freelancer said the work is done, the latest first.
    pub attestations: Vec<Attestation>,
    /// The invoices; nothing to those who may not see them.
    pub invoices: Option<Vec<InvoiceSum>>,
    /// What screening of both sides came to since the contract was made, oldest first. Never of which side.
    pub screening: Vec<Screening>,
    /// How well we know who the freelancer is.
    pub assurance: Assurance,
    /// What that rests on.
    pub proofs: Vec<Proof>,
}
