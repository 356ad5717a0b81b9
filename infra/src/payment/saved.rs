//! Cards and bank accounts that an organization may be charged with later. They are set up by the
//! processor's page, and kept by the processor: here are only its tokens, and what helps to tell them apart.

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{Id, OrganizationId};
use domain::organization::Organization;
use domain::payment::PaymentMethod;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use secrecy::SecretString;

use crate::market::Market;
use crate::payments::SetUp;
use crate::sql::sql;
use crate::{Call, Failure, Fault};

/// How many are shown of an organization, the newest.
const SHOWN: i64 = 50;

/// A card or a bank account that an organization may be charged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedMethod {
    /// The processor's token, to pay with.
    pub method: PaymentMethod,
    /// `card`, `us_bank_account`…
    pub kind: String,
    /// The card's brand, or the bank's name.
    pub label: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// Since when it is there.
    pub saved_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Row {
    method: String,
    kind: String,
    label: Option<String>,
    last4: Option<String>,
    saved_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Whose {
    organization_id: uuid::Uuid,
}

impl Market {
    /// Begin to set up a card or a bank account: what lets the processor's page go on. Asked again, another
    /// one is begun, and those that are not gone on with are nothing.
    pub async fn payment_method_set_up(&self, call: &Call, id: OrganizationId) -> Result<SecretString, Failure> {
        access::check(&call.actor, Verb::PaymentMethodSetUp, &Subject::of_client(id))?;
        self.organization_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        Ok(self.payments().set_up(self, id).await?)
    }

    /// What an organization that the caller has loaded may be charged with, newest first; nothing for those
    /// who may not know.
    pub async fn payment_methods(&self, call: &Call, of: &Organization) -> Result<Vec<SavedMethod>, Failure> {
        if !access::allows(&call.actor, Verb::PaymentMethodSetUp, &of.subject()) {
            return Ok(Vec::new());
        }
        let select = "select method, kind, label, last4, saved_at from saved_payment_methods
            where organization_id = $1 order by saved_at desc, method limit $2";
        let rows = Row::find_by_statement(sql(select, [of.id.uuid().into(), SHOWN.into()])).all(self.db()).await?;
        Ok(rows.into_iter().map(SavedMethod::try_from).collect::<Result<_, Fault>>()?)
    }

    /// One was set up. Answers whether by an organization of ours.
    pub(crate) async fn payment_method_saved(&self, done: &SetUp) -> Result<bool, Failure> {
        let whose = "select organization_id from processor_customers where customer = $1";
        let whose = Whose::find_by_statement(sql(whose, [done.customer.clone().into()])).one(self.db()).await?;
        let Some(Whose { organization_id }) = whose else { return Ok(false) };
        let keep = "insert into saved_payment_methods (organization_id, method, kind, label, last4, saved_at)
            values ($1, $2, $3, $4, $5, $6) on conflict (organization_id, method) do nothing";
        let values = [
            organization_id.into(),
            done.method.clone().into(),
            done.kind.clone().into(),
            done.label.clone().into(),
            done.last4.clone().into(),
            self.clock().now().into(),
        ];
        self.db().execute_raw(sql(keep, values)).await?;
        Ok(true)
    }
}

impl TryFrom<Row> for SavedMethod {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        let Row { method, kind, label, last4, saved_at } = row;
        let method = PaymentMethod::parse(&method).map_err(|error| Fault::bad_row("saved_payment_methods", error))?;
        Ok(Self { method, kind, label, last4, saved_at })
    }
}
