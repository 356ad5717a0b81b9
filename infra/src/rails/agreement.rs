//! Stripe's agreement for recipients. A person's own account there is made under it by us, so it is we who say when
//! they accepted it and from where: each time that they add a bank account, or say who they are to banks, while such
//! accounts are set up. Their page shows it to them there.

use domain::Timestamp;
use domain::id::{Id, PayoutMethodId, UserId};
use domain::session::Device;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Failure, Fault, Tx};

/// That a person accepted the agreement.
#[derive(Debug, FromQueryResult)]
pub(super) struct Acceptance {
    /// When.
    pub accepted_at: Timestamp,
    /// From which address.
    pub address: String,
    /// What with, as that calls itself.
    pub agent: Option<String>,
}

/// The first time that the owner of a bank account accepted it: what Stripe is told does not change from one time to
/// the next.
pub(super) async fn acceptance(market: &Market, method: PayoutMethodId) -> Result<Option<Acceptance>, Fault> {
    let select = "select accepted.accepted_at, accepted.address, accepted.agent from recipient_acceptances accepted
        join payout_methods method on method.user_id = accepted.user_id
        where method.id = $1 order by accepted.accepted_at limit 1";
    Ok(Acceptance::find_by_statement(sql(select, [method.uuid().into()])).one(market.db()).await?)
}

impl Tx {
    /// A person says what their account at Stripe is made of, and with that accepts its agreement, if there is to be
    /// such an account. From nowhere nobody accepts anything.
    pub(crate) async fn recipient_agreement_accept(
        &self,
        market: &Market,
        user: UserId,
        device: &Device,
    ) -> Result<(), Failure> {
        let is_shown = market.rails().stripe().is_some_and(|rails| rails.recipient_accounts);
        let Some(address) = device.address.filter(|_| is_shown) else { return Ok(()) };
        let agent = device.agent.as_deref().map(str::trim).filter(|agent| !agent.is_empty()).map(str::to_owned);
        let keep = "insert into recipient_acceptances (user_id, accepted_at, address, agent) values ($1, $2, $3, $4)
            on conflict (user_id, accepted_at) do nothing";
        let values = [user.uuid().into(), self.now().into(), address.to_string().into(), agent.into()];
        self.conn().execute_raw(sql(keep, values)).await?;
        Ok(())
    }
}
