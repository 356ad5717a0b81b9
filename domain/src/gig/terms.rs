//! The figures of the trade: how long gigs live, how many bids and invitations are free. They are
//! rows of a dated table; nothing here is charged for.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The limits that gigs, invitations and proposals are held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TradeTerms {
    /// A gig without activity expires after so many days.
    pub gig_idle_days: u16,
    /// Its client is told after so many days.
    pub gig_notice_days: u16,
    /// An expired or cancelled gig can be reopened for so many days.
    pub gig_reopen_days: u16,
    /// A freelancer can submit so many proposals…
    pub bid_quota: u32,
    /// …in so many days, not counting those that are given back.
    pub bid_window_days: u16,
    /// A client can send so many invitations a day.
    pub invitations_per_day: u32,
    /// A client can send so many invitations to one gig.
    pub invitations_per_gig: u32,
}

/// How many proposals a freelancer has sent of those that are free to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidQuota {
    /// So many can be sent…
    pub limit: u32,
    /// …in so many days.
    pub days: u16,
    /// So many were, not counting those that were given back.
    pub used: u32,
}

impl BidQuota {
    /// So many more can be sent now.
    pub fn left(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

impl Default for TradeTerms {
    fn default() -> Self {
        Self {
            gig_idle_days: 30,
            gig_notice_days: 25,
            gig_reopen_days: 60,
            bid_quota: 60,
            bid_window_days: 30,
            invitations_per_day: 50,
            invitations_per_gig: 100,
        }
    }
}

impl TradeTerms {
    /// The quota of somebody who has `used` so much of it.
    pub fn bids(&self, used: u32) -> BidQuota {
        BidQuota { limit: self.bid_quota, days: self.bid_window_days, used }
    }

    /// When a gig expires, given the latest activity.
    pub fn gig_expires_at(&self, last_activity: Timestamp) -> Timestamp {
        last_activity + TimeDelta::days(self.gig_idle_days.into())
    }

    /// When its client is told, given the latest activity.
    pub fn gig_warned_at(&self, last_activity: Timestamp) -> Timestamp {
        last_activity + TimeDelta::days(self.gig_notice_days.into())
    }
}
