//! The client's word that what they pay with may be charged. Who accepted it, when, and from where is what a bank
//! account is debited on, and what a bank asks for that is told otherwise later. It is kept with the payment, so that
//! the processor is told the same whenever it is asked, by whoever asks.

use domain::Timestamp;
use domain::id::{Id, PaymentId};
use domain::session::Device;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::payments::Mandate;
use crate::sql::sql;
use crate::{Failure, Tx};

#[derive(FromQueryResult)]
struct Given {
    given_at: Timestamp,
    address: String,
    agent: String,
}

impl Market {
    /// The word that a client gave with a payment, if they gave one.
    pub(super) async fn mandate_of(&self, payment: PaymentId) -> Result<Option<Mandate>, Failure> {
        let select = "select given_at, address, agent from payment_mandates where payment_id = $1";
        let given = Given::find_by_statement(sql(select, [payment.uuid().into()])).one(self.db()).await?;
        Ok(given.map(|Given { given_at, address, agent }| Mandate { given_at, address, agent }))
    }
}

impl Tx {
    /// A person pays, and with that says that it may be taken. Without an address, and a name of what it was sent with,
    /// it is nobody's word.
    pub(crate) async fn mandate_keep(&self, payment: PaymentId, device: &Device) -> Result<(), Failure> {
        let agent = device.agent.as_deref().map(str::trim).filter(|agent| !agent.is_empty());
        let (Some(by), Some(address), Some(agent)) = (self.actor().user(), device.address, agent) else {
            return Ok(());
        };
        let keep = "insert into payment_mandates (payment_id, given_by, given_at, address, agent)
            values ($1, $2, $3, $4, $5)";
        let values =
            [payment.uuid().into(), by.uuid().into(), self.now().into(), address.to_string().into(), agent.into()];
        self.conn().execute_raw(sql(keep, values)).await?;
        Ok(())
    }
}
