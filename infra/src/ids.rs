//! Fresh ids: UUIDs of version 7 (RFC 9562), whose first 48 bits are the market's clock in
//! milliseconds, so that ids of one kind sort by the time they were made.

use domain::Timestamp;
use domain::id::Id;
use rand::Rng;
use uuid::Uuid;

/// A new id made at `now`.
pub fn fresh<I: Id>(now: Timestamp) -> I {
    I::from_uuid(fresh_uuid(now))
}

/// The same for what has no id of its own kind.
pub(crate) fn fresh_uuid(now: Timestamp) -> Uuid {
    let mut bits = [0_u8; 10];
    rand::rng().fill_bytes(&mut bits);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}
