//! How much memory is held by answers that their clients have not taken yet. An answer is written down whole before it
//! goes out, and who asks and does not read would have us keep it. Each answer has a share of a bounded room, by the
//! address it is for, for as long as its bytes are there, in whatever buffer they wait.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;

use super::room::{Full, Part, Room};
use super::{ClientAddress, Problem};

/// An answer of so many bytes is always given: it says why others are not.
const SMALL: usize = 8 * 1024;
/// After so many seconds it makes sense to try again.
const RETRY_AFTER: u64 = 5;

/// Counts the bytes of answers that nobody has taken yet.
#[derive(Debug)]
pub struct Untaken {
    room: Arc<Room>,
}

/// An answer's part of the room, given back when it is dropped.
pub type Share = Part;

/// What goes out, with its share of the room. Where it waits to be taken, both wait.
#[derive(Debug)]
pub struct Outgoing {
    bytes: Vec<u8>,
    share: Option<Share>,
}

impl Untaken {
    /// Nothing waits. When so many bytes do in all, or of one address, nothing more is begun; answers to what was begun
    /// by then come to twice as much at the most.
    pub fn new(most: usize, most_per_address: usize) -> Self {
        Self { room: Room::new(most, most_per_address, "rabta_answers_untaken_bytes") }
    }

    /// Is there room for an answer to this address? Asked before anything is done for it.
    pub fn check(&self, address: ClientAddress) -> Result<(), Problem> {
        self.room.fits(address, 0, 1).map_err(not_taken)
    }

    /// A share for an answer of so many bytes.
    pub fn take(&self, address: ClientAddress, bytes: usize) -> Result<Share, Problem> {
        if bytes > SMALL {
            self.room.take(address, bytes, 2).map_err(not_taken)
        } else {
            Ok(self.room.take_anyway(address, bytes))
        }
    }

    /// Bytes to be sent to an address, which have their share until the last of them has gone.
    pub fn outgoing(&self, address: ClientAddress, bytes: Vec<u8>) -> Result<Bytes, Problem> {
        let share = self.take(address, bytes.len())?;
        Ok(Outgoing::with_share(bytes, share).into_bytes())
    }
}

fn not_taken(Full { whose, limit, value }: Full) -> Problem {
    let what = format!("bytes of answers to {whose} that were not taken yet");
    let mut problem = Problem::limit("ANSWERS_NOT_TAKEN", &what, limit as u64, value as u64);
    problem.status = Some(StatusCode::TOO_MANY_REQUESTS);
    problem.retry_after = Some(RETRY_AFTER);
    metrics::counter!("rabta_answers_refused_total").increment(1);
    problem
}

impl Outgoing {
    /// Bytes that have a share.
    pub fn with_share(bytes: Vec<u8>, share: Share) -> Self {
        Self { bytes, share: Some(share) }
    }

    /// A few bytes, of which no count is kept.
    pub fn small(bytes: Vec<u8>) -> Self {
        Self { bytes, share: None }
    }

    /// The same share, for other bytes that say the same.
    pub fn wrapped(self, wrap: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        Self { bytes: wrap(self.bytes), share: self.share }
    }

    /// To be sent: the share is given back when the last of the bytes has gone.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_much_waiting_and_all_have_so_much() {
        let untaken = Untaken::new(125_000, 50_000);
        let address = |n: u8| ClientAddress([192, 0, 2, n].into());
        let first = Outgoing::with_share(vec![0; 60_000], untaken.take(address(1), 60_000).unwrap()).into_bytes();
        let begins = untaken.check(address(1)).unwrap_err();
        assert_eq!((begins.code, begins.retry_after), ("ANSWERS_NOT_TAKEN", Some(RETRY_AFTER)));
        assert_eq!(begins.facts, [("limit", 50_000_u64.into()), ("value", 60_000_u64.into())]);
        assert!(untaken.check(address(2)).is_ok(), "others begin as before");
        let refused = untaken.take(address(1), 60_000).unwrap_err();
        assert_eq!(refused.facts, [("limit", 100_000_u64.into()), ("value", 120_000_u64.into())]);
        let second = untaken.take(address(1), 40_000).unwrap();
        let little = untaken.take(address(1), SMALL).unwrap();
        let _third = untaken.take(address(2), 99_000).unwrap();
        assert!(untaken.check(address(4)).is_ok(), "who holds nothing begins while others hold too much");
        assert_eq!(untaken.take(address(3), 99_000).unwrap_err().facts[0].1, 250_000_u64.into());
        // What was cut off an answer holds all of it.
        let tail = first.slice(59_000..);
        drop((first, second, little));
        assert_eq!(untaken.check(address(1)).unwrap_err().facts[1].1, 60_000_u64.into());
        drop(tail);
        assert!(untaken.check(address(1)).is_ok());
    }
}
