//! The breaker: when nothing is answered any more, we stop asking for a while. Everybody is told at
//! once instead of waiting, and what is down is left in peace. Then one is let through to see.

use chrono::TimeDelta;
use domain::Timestamp;

/// How many in a row go unanswered before we stop asking.
const SILENCES: u32 = 5;
/// How long we stop asking at first; each time twice as long.
const PAUSE: TimeDelta = TimeDelta::seconds(15);
/// How often the pause doubles.
const DOUBLINGS: u32 = 4;

/// Whether it makes sense to ask.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    silences: u32,
    pauses: u32,
    until: Option<Timestamp>,
    /// Until when we were asked to stay away.
    away: Option<Timestamp>,
}

impl Breaker {
    /// May somebody ask now? If not, from when on.
    pub(super) fn may_ask(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if let Some(away) = self.away.filter(|away| now < *away) {
            return Err(away);
        }
        match self.until {
            Some(until) if now < until => Err(until),
            // This one goes and sees; the others wait for what it finds.
            Some(_) => {
                self.until = Some(now + PAUSE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// There was an answer, whatever it says.
    pub(super) fn answered(&mut self) {
        *self = Self { away: self.away, ..Self::default() };
    }

    /// We are asked to stay away until an instant: there were too many of us.
    pub(super) fn stay_away(&mut self, until: Timestamp) {
        self.away = self.away.max(Some(until));
    }

    /// There was none.
    pub(super) fn silent(&mut self, now: Timestamp) {
        self.silences += 1;
        if self.silences >= SILENCES {
            self.until = Some(now + PAUSE * (1 << self.pauses.min(DOUBLINGS)));
            self.pauses += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_silences_pause_and_one_is_let_through_to_see() {
        let start: Timestamp = "2026-06-01T08:00:00Z".parse().unwrap();
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.silent(start);
        }
        assert_eq!(breaker.may_ask(start), Ok(()), "four are no reason");
        breaker.silent(start);
        assert_eq!(breaker.may_ask(start), Err(at(15)));
        assert_eq!(breaker.may_ask(at(15)), Ok(()), "one is let through");
        assert_eq!(breaker.may_ask(at(15)), Err(at(30)), "and no other");
        breaker.silent(at(16));
        assert_eq!(breaker.may_ask(at(45)), Err(at(46)), "the pause is twice as long");
        assert_eq!(breaker.may_ask(at(46)), Ok(()));
        breaker.answered();
        breaker.stay_away(at(49));
        assert_eq!((breaker.may_ask(at(48)), breaker.may_ask(at(49))), (Err(at(49)), Ok(())));
        breaker.answered();
        assert_eq!((breaker.may_ask(at(50)), breaker.may_ask(at(50))), (Ok(()), Ok(())));
    }
}
