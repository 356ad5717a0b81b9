//! The file that our bank takes. One of our people makes it, one of them takes it and gives it to the bank; from then
//! on nothing of it is taken out any more, and it says the same for ever.

use super::*;
use crate::access::{self, Actor, Subject, Verb};
use crate::id::{UserId, WireBatchId};

/// How many wires a refusal names.
const NAMED: usize = 5;

/// A file for the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireBatch {
    /// Its id.
    pub id: WireBatchId,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: UserId,
    /// The day the bank can act on it, if it is given to it now; once it was taken, if it was then.
    pub value_date: NaiveDate,
    /// How many payouts are in it.
    pub lines: i32,
    /// What they add up to.
    pub total: Money,
    /// When it was first taken, and may have been given to the bank.
    #[serde(default)]
    pub taken_at: Option<Timestamp>,
    /// Who of our people has it, to give it to the bank.
    #[serde(default)]
    pub taken_by: Option<UserId>,
}

/// What is kept of a wire that is in a file.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The key of the payout's attempt.
    pub key: String,
    /// What became of it, by the name that is kept.
    pub outcome: Option<String>,
    /// What our bank is told, unless that was not kept. It matters only of what nothing became of yet.
    pub slip: Option<WireSlip>,
}

impl WireBatch {
    /// One of our people makes a file of wires that move these amounts; of none it makes none.
    pub fn make(
        actor: &Actor,
        now: Timestamp,
        id: WireBatchId,
        value_date: NaiveDate,
        amounts: &[Money],
    ) -> Result<Option<Self>, Refusal> {
        access::check(actor, Verb::WireBatchMake, &Subject::OURS)?;
        let made_by = actor.person()?.user;
        if amounts.is_empty() {
            return Ok(None);
        }
        let lines = i32::try_from(amounts.len()).unwrap_or(i32::MAX);
        let total = total(amounts.iter().copied())?;
        Ok(Some(Self { id, made_at: now, made_by, value_date, lines, total, taken_at: None, taken_by: None }))
    }

    /// One of our people takes it, to give it to the bank: another one gets it only to `take_over`. It may have lain
    /// here for days, and the bank acts on it from now on: so it has the value date of the moment it is first taken.
    pub fn take(self, actor: &Actor, now: Timestamp, take_over: bool) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::WireFileTake, &Subject::OURS)?;
        let by = actor.person()?.user;
        if self.taken_by == Some(by) {
            return Ok(Change::none(self));
        }
        if self.taken_at.is_some() && !take_over {
            let message = "another of our people has taken it, and may have given it to the bank: ask them, and take \
                           it over with takeOver if they have not";
            return Err(Refusal::rule("WIRE_FILE_TAKEN", message));
        }
        Ok(Change::to(Self { taken_at: self.taken_at.or(Some(now)), taken_by: Some(by), ..self }))
    }

    /// What it says is read by whoever has taken it, and by nobody else.
    pub fn must_be_had_by(&self, actor: &Actor) -> Result<(), Refusal> {
        access::check(actor, Verb::WireFileTake, &Subject::OURS)?;
        must_have_taken(actor, self.taken_by, "wireFileTake")
    }

    /// What it says, if it may still be given to the bank. Once our people have settled one of its wires, the bank has
    /// acted on it, and must not be given it again.
    pub fn print(&self, wires: &[Kept]) -> Result<Vec<WireLine>, Refusal> {
        if wires.is_empty() {
            let message = "all of its payouts were taken out again: there is nothing to give to the bank";
            return Err(Refusal::rule("WIRE_BATCH_EMPTY", message));
        }
        let over = |wire: &Kept| wire.outcome.as_ref().map(|outcome| format!("{} was {outcome}", wire.key));
        must_be_none(wires.iter().filter_map(over), "WIRE_BATCH_SETTLED", "the bank has acted on this file")?;
        let lines_of = |wire: &Kept| wire.slip.as_ref().and_then(|slip| slip.lines(self.value_date));
        let found: Vec<Option<Vec<WireLine>>> = wires.iter().map(lines_of).collect();
        let lost = wires.iter().zip(&found).filter(|(_, lines)| lines.is_none()).map(|(wire, _)| wire.key.clone());
        must_be_none(lost, "WIRE_BATCH_UNKNOWN", "what our bank has to be told was not kept")?;
        Ok(found.into_iter().flatten().flatten().collect())
    }
}

/// Refuse if there is one, and say which.
fn must_be_none(mut found: impl Iterator<Item = String>, code: &str, what: &str) -> Result<(), Refusal> {
    let named: Vec<String> = found.by_ref().take(NAMED).collect();
    if named.is_empty() {
        return Ok(());
    }
    let more = if found.next().is_some() { ", and more" } else { "" };
    Err(Refusal::rule(code, format!("{what}: {}{more}", named.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Person, Staff};
    use crate::id::Id;
    use crate::payout::Iban;

    fn amna() -> Actor {
        let user = Id::from_uuid(uuid::Uuid::from_u128(7));
        let staff = Some(Staff::Admin);
        Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: Vec::new() })
    }

    fn now() -> Timestamp {
        "2026-06-01T08:00:00Z".parse().unwrap()
    }

    fn slip(latin_name: Option<&str>) -> WireSlip {
        let part = |account, cents| WirePart {
            account,
            iban: "PK36SCBL0000001123456702".parse::<Iban>().unwrap(),
            title: "Lin Khan".to_owned(),
            amount: Money::usd(cents).unwrap(),
        };
        WireSlip {
            reference: "pyo_1:2".to_owned(),
            name: "Lin Khan".to_owned(),
            latin_name: latin_name.map(str::to_owned),
            address: Some("12 Mall Road, Lahore".to_owned()),
            phone: Some("+923001234567".to_owned()),
            identity: Some("CNIC 3520212345671".to_owned()),
            parts: vec![part(WireAccount::Rupees, 40_000), part(WireAccount::Retention, 10_000)],
            purpose_code: "9184".to_owned(),
            purpose: "Software".to_owned(),
        }
    }

    fn kept(n: usize, outcome: Option<&str>, slip: Option<WireSlip>) -> Kept {
        Kept { key: format!("pyo_{n}:2"), outcome: outcome.map(str::to_owned), slip }
    }

    #[test]
    fn a_file_is_printed_whole_or_not_at_all() {
        let none = WireBatch::make(&amna(), now(), Id::from_uuid(uuid::Uuid::from_u128(1)), now().date_naive(), &[]);
        assert_eq!(none, Ok(None), "of nothing there is no file");
        let (id, amounts) = (Id::from_uuid(uuid::Uuid::from_u128(1)), [Money::usd(50_000).unwrap(); 2]);
        let batch = WireBatch::make(&amna(), now(), id, now().date_naive(), &amounts).unwrap().unwrap();
        assert_eq!((batch.lines, batch.total), (2, Money::usd(100_000).unwrap()));
        let good = || Some(slip(Some("Lin Khan")));
        let lines = batch.print(&[kept(1, None, good()), kept(2, None, good())]).unwrap();
        assert_eq!(lines.len(), 4, "one for each account of each payout");
        let refused = |wires: &[Kept]| match batch.print(wires) {
            Err(Refusal::Rule { code, message }) => (code, message),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&[]).0, "WIRE_BATCH_EMPTY");
        for lost in [None, Some(slip(None))] {
            let (code, message) = refused(&[kept(1, None, good()), kept(2, None, lost)]);
            assert_eq!(code, "WIRE_BATCH_UNKNOWN");
            assert!(message.contains("pyo_2:2") && !message.contains("pyo_1:2"), "{message}");
        }
        // That the bank has acted on it is said first, whatever else was not kept; and of five by name.
        let settled: Vec<Kept> = (1..=7).map(|n| kept(n, (n > 1).then_some("paid"), None)).collect();
        let (code, message) = refused(&settled);
        assert_eq!(code, "WIRE_BATCH_SETTLED");
        assert!(message.contains("pyo_2:2 was paid") && message.contains("pyo_6:2 was paid, and more"), "{message}");
        assert!(!message.contains("pyo_1:2") && !message.contains("pyo_7:2"), "{message}");
    }

    #[test]
    fn a_file_is_read_by_whoever_has_taken_it_and_dates_from_when_that_was_first() {
        let id = Id::from_uuid(uuid::Uuid::from_u128(1));
        let made = WireBatch::make(&amna(), now(), id, now().date_naive(), &[Money::usd(1).unwrap()]);
        let made = made.unwrap().unwrap();
        assert!(made.must_be_had_by(&amna()).is_err(), "whoever has made it has not taken it");
        let taken = made.take(&amna(), now(), false).unwrap().next;
        assert_eq!(taken.must_be_had_by(&amna()), Ok(()));
        let omar = match amna() {
            Actor::Person(person) => Actor::Person(Person { user: Id::from_uuid(uuid::Uuid::from_u128(8)), ..person }),
            other => other,
        };
        assert!(taken.must_be_had_by(&omar).is_err());
        let over = taken.take(&omar, now() + TimeDelta::days(1), true).unwrap().next;
        assert_eq!((over.taken_at, over.must_be_had_by(&omar)), (Some(now()), Ok(())));
        assert!(over.must_be_had_by(&amna()).is_err());
    }
}
