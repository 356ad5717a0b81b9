//! Cards and bank accounts that an organization may be charged with later. They are set up by the
//! processor's page, and kept by the processor: here are only its tokens, and what helps to tell them apart.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{Id, OrganizationId};
use domain::payment::PaymentMethod;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use secrecy::SecretString;

use crate::market::Market;
use crate::payments::SetUp;
use crate::sql::{ids, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, run};

/// How often an organization has one set up: each asks something of the processor, which stays away from who asks too
/// much.
const SET_UPS_OF_ORGANIZATION: Allowance = Allowance { attempts: 10, within: TimeDelta::hours(1) };
/// How often one person does, for whichever organization.
const SET_UPS_OF_PERSON: Allowance = Allowance { attempts: 20, within: TimeDelta::hours(1) };
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
    organization_id: uuid::Uuid,
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
    /// Begin to set up a card or a bank account: what lets the processor's page go on. Asked again, the
    /// one that waits still is gone on with.
    pub async fn payment_method_set_up(&self, call: &Call, id: OrganizationId) -> Result<SecretString, Failure> {
        access::check(&call.actor, Verb::PaymentMethodSetUp, &Subject::of_client(id))?;
        self.organization_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        self.must_read_mail(call).await?;
        let user = call.actor.person()?.user;
        self.throttle(&format!("set_up:{user}"), SET_UPS_OF_PERSON).await?;
        self.throttle(&format!("set_up:{id}"), SET_UPS_OF_ORGANIZATION).await?;
        let secret = self.payments().set_up(self, id).await?;
        run!(self, call, tx => { tx.audit("payment_method_set_up", id, serde_json::json!({})).await })?;
        Ok(secret)
    }

    /// What organizations that the caller has loaded may be charged with, newest first; nothing of those
    /// of which the caller may not know.
    pub async fn payment_methods_of(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Vec<SavedMethod>>, Failure> {
        let seen =
            |id: &OrganizationId| access::allows(&call.actor, Verb::PaymentMethodSetUp, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let mut of: HashMap<OrganizationId, Vec<SavedMethod>> = HashMap::new();
        if seen.is_empty() {
            return Ok(of);
        }
        let select = "select theirs.* from unnest($1::uuid[]) owner, lateral (
                select organization_id, method, kind, label, last4, saved_at from saved_payment_methods
                where organization_id = owner order by saved_at desc, method limit $2) theirs
            order by saved_at desc, method";
        let rows = Row::find_by_statement(sql(select, [ids(&seen), SHOWN.into()])).all(self.db()).await?;
        for row in rows {
            of.entry(Id::from_uuid(row.organization_id)).or_default().push(SavedMethod::try_from(row)?);
        }
        Ok(of)
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
        let call = Call::system("set up");
        run!(self, &call, tx => {
            if tx.conn().execute_raw(sql(keep, values.clone())).await?.rows_affected() == 1 {
                let detail = serde_json::json!({ "kind": done.kind, "last4": done.last4 });
                tx.audit("payment_method_saved", OrganizationId::from_uuid(organization_id), detail).await?;
            }
            Ok(true)
        })
    }
}

impl TryFrom<Row> for SavedMethod {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        let Row { method, kind, label, last4, saved_at, .. } = row;
        let method = PaymentMethod::parse(&method).map_err(|error| Fault::bad_row("saved_payment_methods", error))?;
        Ok(Self { method, kind, label, last4, saved_at })
    }
}
