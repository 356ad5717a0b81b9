//! The states of a payout.

use super::*;

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum PayoutState {
    /// The freelancer asked for it.
    Requested {
        /// When.
        at: Timestamp,
    },
    /// Names and countries are being screened.
    Screening {
        /// Since when.
        since: Timestamp,
    },
    /// Screening had a hit: our people look at it. Nothing is lost meanwhile.
    Blocked {
        /// Since when.
        since: Timestamp,
        /// What the screening said; for our people only.
        reason: String,
    },
    /// To be handed to a rail.
    Queued {
        /// Which.
        rail: Rail,
        /// Since when.
        since: Timestamp,
        /// Who of our people approved it.
        approvals: Vec<UserId>,
        /// Until when it waits for our own money to get to the rail, if there was too little of it, or for the rail to
        /// take it.
        #[serde(default)]
        funds_at: Option<Timestamp>,
        /// Since when the rail takes it not now, each time that it is handed over, if that is so.
        #[serde(default)]
        put_off_since: Option<Timestamp>,
    },
    /// Handed to a rail.
    Sent {
        /// Which.
        rail: Rail,
        /// When.
        at: Timestamp,
        /// When it is asked about, should nothing be heard.
        poll_at: Timestamp,
        /// Since when the rail had not taken it, each time that it was handed over, if that was so.
        #[serde(default)]
        put_off_since: Option<Timestamp>,
    },
    /// The rail took it.
    InTransit {
        /// Which.
        rail: Rail,
        /// When.
        at: Timestamp,
        /// The rail's name for it.
        reference: String,
        /// When it is asked about, should nothing be heard.
        poll_at: Timestamp,
    },
    /// The bank has it.
    Paid {
        /// When.
        at: Timestamp,
        /// By which rail.
        rail: Rail,
        /// When its rail is asked next whether the bank sent it back, if it still is.
        #[serde(default)]
        look_at: Option<Timestamp>,
    },
    /// It came back, and is available again.
    Returned {
        /// When.
        at: Timestamp,
        /// What we were told.
        reason: String,
        /// Which rail had it, if one had.
        #[serde(default)]
        rail: Option<Rail>,
    },
    /// Nobody knows what became of it. It is asked about under the same key.
    Unknown {
        /// Which rail should know.
        rail: Rail,
        /// Since when.
        since: Timestamp,
        /// The rail's name for it, if it took it once.
        #[serde(default)]
        reference: Option<String>,
        /// When it is asked about next.
        poll_at: Timestamp,
        /// Is it unknown for so long that our people have to find out?
        #[serde(default)]
        stuck: bool,
        /// Was our bank not given it for so long only because nobody can look where else it may be paid? Then it is given
        /// it once that can be seen.
        #[serde(default)]
        unseen: bool,
        /// Why its rail has it and does not pass it on, as of the last look; for our people only.
        #[serde(default)]
        rests: Option<String>,
        /// Since when the rail had not taken it, each time that it was handed over, if that was so.
        #[serde(default)]
        put_off_since: Option<Timestamp>,
    },
    /// Called off in time; available again.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl PayoutState {
    /// The name of the state, for columns, filters and the schema.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "requested",
            Self::Screening { .. } => "screening",
            Self::Blocked { .. } => "blocked",
            Self::Queued { .. } => "queued",
            Self::Sent { .. } => "sent",
            Self::InTransit { .. } => "in_transit",
            Self::Paid { .. } => "paid",
            Self::Returned { .. } => "returned",
            Self::Unknown { .. } => "unknown",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The rail that has it, or had it.
    pub fn rail(&self) -> Option<Rail> {
        match self {
            Self::Queued { rail, .. }
            | Self::Sent { rail, .. }
            | Self::InTransit { rail, .. }
            | Self::Paid { rail, .. }
            | Self::Unknown { rail, .. } => Some(*rail),
            Self::Returned { rail, .. } => *rail,
            Self::Requested { .. } | Self::Screening { .. } | Self::Blocked { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// Is there nothing more to come?
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Paid { .. } | Self::Returned { .. } | Self::Cancelled { .. } => true,
            Self::Requested { .. }
            | Self::Screening { .. }
            | Self::Blocked { .. }
            | Self::Queued { .. }
            | Self::Sent { .. }
            | Self::InTransit { .. }
            | Self::Unknown { .. } => false,
        }
    }
}
