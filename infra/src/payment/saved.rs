//! Cards and bank accounts that an organization may be charged with later. They are set up by the
//! processor's page, or have paid once, and are kept by the processor: here are only its tokens, and what helps to tell
//! them apart.

use std::collections::HashMap;

use chrono::TimeDelta;
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
use crate::payments::stripe::{PaidWith, look_at_method};
use crate::sql::{ids, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, Tx, run};

/// How often an organization has one set up: each asks something of the processor, which stays away from who asks too
/// much.
const SET_UPS_OF_ORGANIZATION: Allowance = Allowance { attempts: 10, within: TimeDelta::hours(1) };
/// How often one person does, for whichever organization.
const SET_UPS_OF_PERSON: Allowance = Allowance { attempts: 20, within: TimeDelta::hours(1) };
/// How many are shown of an organization, the newest.
const SHOWN: i64 = 50;
/// How many contracts a refusal names.
const NAMED: i64 = 5;
/// How many of what was removed the processor is asked to let go of while somebody waits.
const AT_ONCE: i64 = 5;

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
    /// If it is a card: the last month it is good for, and its year.
    pub expires: Option<(i16, i16)>,
    /// Is it the one that is offered first: the one that was named, or else the first that there was?
    pub is_default: bool,
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
    expires_month: Option<i16>,
    expires_year: Option<i16>,
    is_default: bool,
    saved_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Here {
    is_removed: bool,
}

#[derive(FromQueryResult)]
struct Charged {
    title: String,
}

#[derive(FromQueryResult)]
struct Held {
    organization_id: uuid::Uuid,
    method: String,
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
        let select = "select theirs.*, theirs.method = first.method as is_default
            from unnest($1::uuid[]) owner, lateral (
                select organization_id, method, kind, label, last4, expires_month, expires_year, saved_at
                from saved_payment_methods where organization_id = owner and removed_at is null
                order by saved_at desc, method limit $2) theirs, lateral (
                select method from saved_payment_methods where organization_id = owner and removed_at is null
                order by preferred_at desc nulls last, saved_at, method limit 1) first
            order by saved_at desc, method";
        let rows = Row::find_by_statement(sql(select, [ids(&seen), SHOWN.into()])).all(self.db()).await?;
        for row in rows {
            of.entry(Id::from_uuid(row.organization_id)).or_default().push(SavedMethod::try_from(row)?);
        }
        Ok(of)
    }

    /// The client names the card or account that is offered first.
    pub async fn payment_method_prefer(
        &self,
        call: &Call,
        id: OrganizationId,
        token: &str,
    ) -> Result<Organization, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::PaymentMethodPrefer, &Subject::of_client(id))?;
            if tx.saved_method_for_update(id, token).await?.is_none_or(|found| found.is_removed) {
                return Err(unknown().into());
            }
            let prefer = "update saved_payment_methods set preferred_at = $3 where organization_id = $1 and method = $2";
            tx.conn().execute_raw(sql(prefer, [id.uuid().into(), token.into(), tx.now().into()])).await?;
            tx.audit("payment_method_prefer", id, serde_json::json!({})).await?;
            tx.organization_of(id).await
        })
    }

    /// The client removes a card or an account, unless a contract by the hour is charged to it. The processor lets go of
    /// it, now or when it can be reached.
    pub async fn payment_method_remove(
        &self,
        call: &Call,
        id: OrganizationId,
        token: &str,
    ) -> Result<Organization, Failure> {
        let organization = run!(self, call, tx => {
            access::check(tx.actor(), Verb::PaymentMethodRemove, &Subject::of_client(id))?;
            let found = tx.saved_method_for_update(id, token).await?.ok_or_else(unknown)?;
            if found.is_removed {
                return tx.organization_of(id).await;
            }
            let charged = sql(
                "select c.title from contracts c
                 where c.organization_id = $1
                   and (select p.method from contract_payment_methods p where p.contract_id = c.id
                        order by p.id desc limit 1) = $2
                   and (c.status <> 'ended' or exists (select 1 from timesheets t where t.contract_id = c.id
                        and t.status not in ('paid', 'void', 'charged_back')))
                 order by c.id limit $3",
                [id.uuid().into(), token.into(), NAMED.into()],
            );
            let charged = Charged::find_by_statement(charged).all(tx.conn()).await?;
            PaymentMethod::may_be_removed(&charged.into_iter().map(|contract| contract.title).collect::<Vec<_>>())?;
            let remove = "update saved_payment_methods set removed_at = $3 where organization_id = $1 and method = $2";
            tx.conn().execute_raw(sql(remove, [id.uuid().into(), token.into(), tx.now().into()])).await?;
            tx.audit("payment_method_remove", id, serde_json::json!({})).await?;
            tx.organization_of(id).await
        })?;
        self.payment_methods_detach(AT_ONCE).await?;
        Ok(organization)
    }

    /// Have the processor let go of up to `limit` of what was removed; how many it did. Those that it can't be asked about
    /// now are asked about another time.
    pub(crate) async fn payment_methods_detach(&self, limit: i64) -> Result<u64, Failure> {
        let select = "select organization_id, method from saved_payment_methods
            where removed_at is not null and detached_at is null order by removed_at limit $1";
        let held = Held::find_by_statement(sql(select, [limit.into()])).all(self.db()).await?;
        let mut detached = 0;
        for Held { organization_id, method } in held {
            if let Err(fault) = self.payments().detach(self.clock().now(), &method).await {
                tracing::warn!(%fault, "a payment method that was removed could not be let go of");
                return Ok(detached);
            }
            let note = "update saved_payment_methods set detached_at = $3 where organization_id = $1 and method = $2";
            let values = [organization_id.into(), method.into(), self.clock().now().into()];
            self.db().execute_raw(sql(note, values)).await?;
            detached += 1;
        }
        Ok(detached)
    }

    /// A payment came with this, or is on its way: it is kept if Stripe keeps it for its customer. What is here is not
    /// asked for again.
    pub(crate) async fn payment_method_paid(&self, with: &PaidWith) -> Result<(), Failure> {
        let Some(stripe) = self.payments().stripe() else { return Ok(()) };
        let here = "select organization_id from saved_payment_methods join processor_customers using (organization_id)
            where customer = $1 and method = $2";
        let here = sql(here, [with.customer.clone().into(), with.method.clone().into()]);
        if Whose::find_by_statement(here).one(self.db()).await?.is_some() {
            return Ok(());
        }
        if let Some(kept) = look_at_method(stripe, self.clock().now(), with).await? {
            self.payment_method_saved(&kept).await?;
        }
        Ok(())
    }

    /// One was set up, or has paid. Answers whether for an organization of ours. What was removed stays so.
    pub(crate) async fn payment_method_saved(&self, done: &SetUp) -> Result<bool, Failure> {
        let whose = "select organization_id from processor_customers where customer = $1";
        let whose = Whose::find_by_statement(sql(whose, [done.customer.clone().into()])).one(self.db()).await?;
        let Some(Whose { organization_id }) = whose else { return Ok(false) };
        self.payment_method_keep(OrganizationId::from_uuid(organization_id), done).await?;
        Ok(true)
    }

    /// An organization may be charged with this from now on, unless it has removed it.
    pub(crate) async fn payment_method_keep(&self, of: OrganizationId, done: &SetUp) -> Result<(), Failure> {
        let keep = "insert into saved_payment_methods (organization_id, method, kind, label, last4, saved_at,
                expires_month, expires_year)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (organization_id, method) do nothing";
        let values = [
            of.uuid().into(),
            done.method.clone().into(),
            done.kind.clone().into(),
            done.label.clone().into(),
            done.last4.clone().into(),
            self.clock().now().into(),
            done.expires.map(|(month, _)| month).into(),
            done.expires.map(|(_, year)| year).into(),
        ];
        let call = Call::system("set up");
        run!(self, &call, tx => {
            if tx.conn().execute_raw(sql(keep, values.clone())).await?.rows_affected() == 1 {
                let detail = serde_json::json!({ "kind": done.kind, "last4": done.last4 });
                tx.audit("payment_method_saved", of, detail).await?;
            }
            Ok(())
        })
    }
}

fn unknown() -> Refusal {
    Refusal::field("token", "UNKNOWN", "is none of the cards and accounts in organization.paymentMethods")
}

impl Tx {
    /// A card or an account of an organization, not removed by others before the transaction ends. None if what is given
    /// can be no token.
    async fn saved_method_for_update(&self, id: OrganizationId, token: &str) -> Result<Option<Here>, Failure> {
        let Ok(method) = PaymentMethod::parse(token) else { return Ok(None) };
        let select = "select removed_at is not null as is_removed from saved_payment_methods
            where organization_id = $1 and method = $2 for update";
        Ok(Here::find_by_statement(sql(select, [id.uuid().into(), method.as_str().into()])).one(self.conn()).await?)
    }

    /// A card or an account that its organization has removed is named by nobody any more; one that was never saved here
    /// is the processor's to judge. It is not removed before the transaction ends.
    pub(crate) async fn method_must_not_be_removed(&self, id: OrganizationId, token: &str) -> Result<(), Failure> {
        let select = "select removed_at is not null as is_removed from saved_payment_methods
            where organization_id = $1 and method = $2 for share";
        let found = Here::find_by_statement(sql(select, [id.uuid().into(), token.into()])).one(self.conn()).await?;
        match found {
            Some(Here { is_removed: true }) => {
                Err(Refusal::field("paymentMethod", "UNKNOWN", "was removed: choose another, or set one up").into())
            }
            Some(Here { is_removed: false }) | None => Ok(()),
        }
    }
}

impl TryFrom<Row> for SavedMethod {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        let Row { method, kind, label, last4, expires_month, expires_year, is_default, saved_at, .. } = row;
        let method = PaymentMethod::parse(&method).map_err(|error| Fault::bad_row("saved_payment_methods", error))?;
        Ok(Self { method, kind, label, last4, expires: expires_month.zip(expires_year), is_default, saved_at })
    }
}
