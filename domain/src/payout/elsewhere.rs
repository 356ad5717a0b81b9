//! Whether a payout may be with the bank already by another attempt than the one that is about to be handed over. A
//! database that is restored to an earlier moment has forgotten what was asked for since: the first rail may have
//! refused it, and the second one paid. So whatever the processor has of the payout is looked for first, on each of its
//! rails, and what is found, or may be there and can't be seen, is not handed over.

use super::*;

/// For how long after it was requested a payout can't have been forgotten: nobody restores a database sooner.
const NOT_FORGOTTEN: TimeDelta = TimeDelta::minutes(5);

/// A payout's attempt that is about to be handed over, and what the books know of the payout's others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The rail that it is handed to.
    pub to: Rail,
    /// Its key.
    pub key: String,
    /// When the payout was requested.
    pub requested_at: Timestamp,
    /// The keys of its attempts that the processor was asked for, each with its rail.
    pub known: Vec<(String, Rail)>,
}

/// What a look at one of the processor's rails showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The keys of whatever it has of the payout.
    Has(Vec<String>),
    /// We may not look there: not at all, or not for long.
    Hidden {
        /// Has it ever carried anything, as the books know?
        has_carried: bool,
        /// Since when it is closed, on the books.
        closed_at: Option<Timestamp>,
    },
}

/// Where else a payout may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Not there.
    Nowhere,
    /// There, by an attempt of this key, which the books know nothing of.
    Forgotten(String),
    /// There, for all we know: nobody can look.
    Unseen,
}

impl Attempt {
    /// Can what was asked for of the payout have been forgotten?
    pub fn may_be_forgotten(&self, now: Timestamp) -> bool {
        self.requested_at + NOT_FORGOTTEN <= now
    }

    /// Is something of the payout on this rail that the books forgot? What another rail has under the same key is
    /// another attempt: counted anew after a restore, they may meet.
    ///
    /// Where we may not look we may not ask either. So what we may not look at has nothing of the payout if it has never
    /// carried anything, or was closed before the payout was requested; and where it is the rail that is asked now, its
    /// own answer says what there is to say. But one that our key lost its right to, or that was closed meanwhile, may
    /// have carried the payout before.
    pub fn elsewhere(&self, rail: Rail, sight: &Sight) -> Elsewhere {
        match sight {
            Sight::Has(keys) => {
                let is_known = |key: &String| {
                    (rail == self.to && *key == self.key)
                        || self.known.iter().any(|known| known.0 == *key && known.1 == rail)
                };
                keys.iter()
                    .find(|key| !is_known(key))
                    .map_or(Elsewhere::Nowhere, |key| Elsewhere::Forgotten(key.clone()))
            }
            Sight::Hidden { has_carried, closed_at } => {
                let was_closed = closed_at.is_some_and(|closed_at| closed_at <= self.requested_at);
                if rail == self.to || !has_carried || was_closed { Elsewhere::Nowhere } else { Elsewhere::Unseen }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minute)
    }

    fn attempt(to: Rail, known: &[(&str, Rail)]) -> Attempt {
        let known = known.iter().map(|(key, rail)| ((*key).to_owned(), *rail)).collect();
        Attempt { to, key: "pyo_1:2".to_owned(), requested_at: at(0), known }
    }

    #[test]
    fn what_the_books_know_of_is_no_other_attempt_and_all_else_is() {
        use Rail::{BankWire, GlobalPayouts, Manual, RecipientAccount};
        let forgotten = |key: &str| Elsewhere::Forgotten(key.to_owned());
        let refused = [("pyo_1:0", GlobalPayouts)];
        for (to, known, rail, keys, expected) in [
            (BankWire, &[] as &[(&str, Rail)], GlobalPayouts, &[] as &[&str], Elsewhere::Nowhere),
            (BankWire, &refused, GlobalPayouts, &["pyo_1:0"], Elsewhere::Nowhere),
            (BankWire, &refused, GlobalPayouts, &["pyo_1:0", "pyo_1:3"], forgotten("pyo_1:3")),
            (BankWire, &refused, RecipientAccount, &["pyo_1:0"], forgotten("pyo_1:0")),
            (BankWire, &[], GlobalPayouts, &["pyo_1:0"], forgotten("pyo_1:0")),
            // Our bank is no rail of the processor's, so its key is none of theirs.
            (BankWire, &[], GlobalPayouts, &["pyo_1:2"], forgotten("pyo_1:2")),
            (Manual, &[], RecipientAccount, &["pyo_1:2"], forgotten("pyo_1:2")),
            // Handed over once more, it is itself; on another rail it is another one.
            (GlobalPayouts, &[], GlobalPayouts, &["pyo_1:2"], Elsewhere::Nowhere),
            (RecipientAccount, &[], GlobalPayouts, &["pyo_1:2"], forgotten("pyo_1:2")),
        ] {
            let sight = Sight::Has(keys.iter().map(|key| (*key).to_owned()).collect());
            assert_eq!(attempt(to, known).elsewhere(rail, &sight), expected, "{to:?} {known:?} {rail:?} {keys:?}");
        }
    }

    #[test]
    fn what_can_not_be_looked_at_may_have_it_if_it_carried_before_and_was_open_when_it_was_requested() {
        use Rail::{BankWire, GlobalPayouts, Manual, RecipientAccount};
        for (to, rail, has_carried, closed_at, expected) in [
            (BankWire, GlobalPayouts, true, None, Elsewhere::Unseen),
            (Manual, GlobalPayouts, true, None, Elsewhere::Unseen),
            (RecipientAccount, GlobalPayouts, true, None, Elsewhere::Unseen),
            // It was closed meanwhile.
            (BankWire, RecipientAccount, true, Some(at(1)), Elsewhere::Unseen),
            // It was closed before, or never for us.
            (BankWire, RecipientAccount, true, Some(at(0)), Elsewhere::Nowhere),
            (BankWire, RecipientAccount, true, Some(at(-1)), Elsewhere::Nowhere),
            (BankWire, GlobalPayouts, false, None, Elsewhere::Nowhere),
            (BankWire, GlobalPayouts, false, Some(at(1)), Elsewhere::Nowhere),
            // It is asked itself.
            (GlobalPayouts, GlobalPayouts, true, None, Elsewhere::Nowhere),
            (GlobalPayouts, RecipientAccount, true, None, Elsewhere::Unseen),
        ] {
            let sight = Sight::Hidden { has_carried, closed_at };
            assert_eq!(
                attempt(to, &[]).elsewhere(rail, &sight),
                expected,
                "{to:?} {rail:?} {has_carried} {closed_at:?}"
            );
        }
    }

    #[test]
    fn what_was_just_requested_can_not_have_been_forgotten() {
        for (minute, may) in [(0, false), (4, false), (5, true), (600, true)] {
            assert_eq!(attempt(Rail::BankWire, &[]).may_be_forgotten(at(minute)), may, "{minute}");
        }
    }
}
