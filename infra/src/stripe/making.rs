//! What is made at Stripe once, for somebody of ours: a customer, a person's account, what a card is set up with. The
//! key that it is asked for under is kept before it is asked. So an answer that was lost is had by asking again,
//! however much later, and nothing is made twice for as long as Stripe remembers keys, which is a day at least.
//!
//! A key goes on to the next when it is of no use any more: Stripe has refused, or keeps an error with it.

use domain::id::{Id, OrganizationId, PayoutMethodId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::Trouble;
use crate::market::Market;
use crate::sql::sql;
use crate::{Fault, ids};

/// What is made, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Making {
    /// The customer that an organization is.
    Customer(OrganizationId),
    /// What an organization sets a card or a bank account up with. There is one after the other.
    SetUp(OrganizationId),
    /// A person's own account, with their bank account in it.
    Account(PayoutMethodId),
    /// A person as a recipient of Global Payouts.
    Recipient(PayoutMethodId),
    /// The bank account of such a recipient.
    BankAccount(PayoutMethodId),
}

#[derive(FromQueryResult)]
struct Kept {
    key: String,
}

impl Making {
    /// The name it is kept by.
    fn what(self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::SetUp(_) => "set_up",
            Self::Account(_) => "account",
            Self::Recipient(_) => "recipient",
            Self::BankAccount(_) => "bank_account",
        }
    }

    fn subject(self) -> Uuid {
        match self {
            Self::Customer(of) | Self::SetUp(of) => of.uuid(),
            Self::Account(of) | Self::Recipient(of) | Self::BankAccount(of) => of.uuid(),
        }
    }

    /// A key that nothing was asked for under.
    fn fresh(self, market: &Market) -> String {
        format!("{}:{}", self.what(), ids::fresh_uuid(market.clock().now()))
    }

    /// The key to ask under, kept before anything is asked. Whoever asks at the same time asks under the same one.
    pub(crate) async fn key(self, market: &Market) -> Result<String, Fault> {
        let keep = "insert into stripe_makings as kept (what, subject, key, asked_at) values ($1, $2, $3, $4)
            on conflict (what, subject) do update set asks = kept.asks + 1 returning key";
        let now = market.clock().now();
        let values = [self.what().into(), self.subject().into(), self.fresh(market).into(), now.into()];
        let kept = Kept::find_by_statement(sql(keep, values)).one(market.db()).await?;
        Ok(kept.ok_or_else(|| Fault::bad_row("stripe_makings", "a key that was just kept is gone"))?.key)
    }

    /// What was answered under a key. Where asking again under it would change nothing, the next one is asked under
    /// from now on.
    pub(crate) async fn heard<T>(
        self,
        market: &Market,
        key: &str,
        answer: Result<T, Trouble>,
    ) -> Result<Result<T, Trouble>, Fault> {
        match &answer {
            Err(Trouble::Refused(_) | Trouble::Spent { .. }) => self.is_over(market, key).await?,
            Ok(_) | Err(Trouble::Later { .. } | Trouble::Unreadable { .. } | Trouble::Unknown { .. }) => {}
        }
        Ok(answer)
    }

    /// It is over with what was asked for under a key: what is asked for from now on is another one.
    pub(crate) async fn is_over(self, market: &Market, key: &str) -> Result<(), Fault> {
        let next = "update stripe_makings set key = $4, asks = 1, asked_at = $5
            where what = $1 and subject = $2 and key = $3";
        let now = market.clock().now();
        let values = [self.what().into(), self.subject().into(), key.into(), self.fresh(market).into(), now.into()];
        market.db().execute_raw(sql(next, values)).await?;
        Ok(())
    }
}
