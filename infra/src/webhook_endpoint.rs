//! Webhook endpoints of organizations, what signs for them, and what they were sent.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::access::{self, MemberRole, Subject, Verb};
use domain::account::SafetyAct;
use domain::change::Change;
use domain::event::Event;
use domain::id::{Id, OrganizationId, UserId, WebhookDeliveryId, WebhookEndpointId};
use domain::refusal::Refusal;
use domain::webhook_endpoint::{EndpointUpdate, OVERLAP, WebhookDelivery, WebhookEndpoint, WebhookEvent};
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, sql, whole_of};
use crate::throttle::Allowance;
use crate::token::random;
use crate::{Call, Failure, Fault, Tx, ids as fresh_ids, run};

mod deliver;
mod hooks;

pub use hooks::{Hooks, PATIENCE};

/// How often an endpoint is tried by its people.
const PINGS: Allowance = Allowance { attempts: 60, within: TimeDelta::hours(1) };
/// How often something is sent to an endpoint again by hand.
const RETRIES: Allowance = Allowance { attempts: 1_000, within: TimeDelta::hours(1) };

/// How often an organization has one at a new address, or with a new secret: its owner gets a letter each time.
const SETTINGS: Allowance = Allowance { attempts: 30, within: TimeDelta::hours(1) };

/// An endpoint with a secret that is told this once.
#[derive(Debug)]
pub struct Issued {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What signs for it from now on.
    pub secret: SecretString,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

#[derive(FromQueryResult)]
struct Told {
    user_id: Uuid,
}

impl Market {
    /// Have the programs of an organization told of what happens to its things, at an address.
    pub async fn webhook_endpoint_create(
        &self,
        call: &Call,
        organization: OrganizationId,
        url: &str,
        events: Vec<WebhookEvent>,
    ) -> Result<Issued, Failure> {
        access::check(&call.actor, Verb::WebhookEndpointCreate, &Subject::of_client(organization))?;
        let (url, secret) = (String::from(self.hooks().read(url)?), fresh_secret());
        let endpoint: WebhookEndpoint = run!(self, call, tx => {
            tx.must_be_proved(call).await?;
            tx.must_read_mail().await?;
            // Counted one after the other.
            tx.organization_for_update(organization).await?;
            let kept = tx.webhook_endpoints_count(organization).await?;
            let what = (url.as_str(), events.clone());
            let change = WebhookEndpoint::create(tx.actor(), organization, what, kept, tx.id(), tx.now())?;
            let endpoint = tx.settle(change).await?;
            save_row(tx.conn(), row_of(&endpoint)?).await?;
            tx.webhook_secret_add(self, endpoint.id, &secret).await?;
            tx.audit("webhook_endpoint_create", endpoint.id, serde_json::json!({ "organization": organization })).await?;
            tx.webhook_endpoint_tell(organization).await?;
            Ok(endpoint)
        })?;
        Ok(Issued { endpoint, secret })
    }

    /// Change an endpoint; the address of the update is as somebody typed it.
    pub async fn webhook_endpoint_update(
        &self,
        call: &Call,
        id: WebhookEndpointId,
        update: EndpointUpdate,
    ) -> Result<WebhookEndpoint, Failure> {
        run!(self, call, tx => {
            let endpoint = tx.webhook_endpoint_for_update(id).await?;
            access::check(tx.actor(), Verb::WebhookEndpointUpdate, &endpoint.subject())?;
            tx.must_be_proved(call).await?;
            let url = update.url.as_deref().map(|url| self.hooks().read(url)).transpose()?.map(String::from);
            let former = endpoint.url.clone();
            let change = endpoint.update(tx.actor(), EndpointUpdate { url, ..update.clone() })?;
            let changed = change.changed;
            let endpoint = tx.settle(change).await?;
            if endpoint.url != former {
                tx.webhook_endpoint_tell(endpoint.organization).await?;
            }
            if changed {
                save_row(tx.conn(), row_of(&endpoint)?).await?;
                tx.webhook_endpoint_start(id).await?;
                let detail = serde_json::json!({ "url": update.url.is_some(), "status": endpoint.status });
                tx.audit("webhook_endpoint_update", id, detail).await?;
            }
            Ok(endpoint)
        })
    }

    /// Sign for an endpoint with another secret, and for a day with the old one, too.
    pub async fn webhook_endpoint_rotate_secret(&self, call: &Call, id: WebhookEndpointId) -> Result<Issued, Failure> {
        let secret = fresh_secret();
        let endpoint: WebhookEndpoint = run!(self, call, tx => {
            let endpoint = tx.webhook_endpoint_for_update(id).await?;
            let signing = tx.webhook_secrets_signing(id).await?;
            let change = endpoint.rotate_secret(tx.actor(), signing)?;
            tx.must_be_proved(call).await?;
            let endpoint = tx.settle(change).await?;
            tx.webhook_secret_add(self, id, &secret).await?;
            tx.audit("webhook_endpoint_rotate_secret", id, serde_json::json!({})).await?;
            tx.webhook_endpoint_tell(endpoint.organization).await?;
            Ok(endpoint)
        })?;
        Ok(Issued { endpoint, secret })
    }

    /// Have an endpoint told no more, and forget what it was sent.
    pub async fn webhook_endpoint_delete(
        &self,
        call: &Call,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpoint, Failure> {
        run!(self, call, tx => {
            let endpoint = tx.webhook_endpoint_for_update(id).await?;
            let change = endpoint.delete(tx.actor())?;
            tx.must_be_proved(call).await?;
            let endpoint = tx.settle(change).await?;
            tx.conn().execute_raw(sql("delete from webhook_endpoints where id = $1", [id.uuid().into()])).await?;
            tx.audit("webhook_endpoint_delete", id, serde_json::json!({})).await?;
            Ok(endpoint)
        })
    }

    /// Send an endpoint something that means nothing.
    pub async fn webhook_endpoint_test(&self, call: &Call, id: WebhookEndpointId) -> Result<WebhookDelivery, Failure> {
        run!(self, call, tx => {
            let endpoint = tx.webhook_endpoint_for_update(id).await?;
            let change = endpoint.test(tx.actor(), tx.id(), tx.id(), tx.now())?;
            tx.throttle_must_admit(&format!("webhook_ping:{id}"), PINGS).await?;
            let delivery = tx.settle(change).await?;
            tx.webhook_delivery_insert(&delivery).await?;
            tx.webhook_endpoint_start(id).await?;
            Ok(delivery)
        })
    }

    /// Send something again.
    pub async fn webhook_delivery_retry(&self, call: &Call, id: WebhookDeliveryId) -> Result<WebhookDelivery, Failure> {
        run!(self, call, tx => {
            let (of, part) = (delivery_row::Column::EndpointId, (delivery_row::Column::Id, id.uuid()));
            let found = whole_of::<row::Entity, delivery_row::Entity>(tx.conn(), row::Column::Id, of, part).await?;
            let found = found.into_iter().next().map(WebhookEndpoint::try_from).transpose()?;
            let endpoint = tx.webhook_endpoint_for_update(tx.shown(found, WebhookEndpoint::subject)?.id).await?;
            let delivery = delivery_row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let delivery = delivery.map(WebhookDelivery::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            let change = delivery.retry(tx.actor(), &endpoint, tx.now())?;
            tx.throttle_must_admit(&format!("webhook_retry:{}", endpoint.id), RETRIES).await?;
            let delivery = tx.settle(change).await?;
            save_row(tx.conn(), row_of_delivery(&delivery)).await?;
            tx.webhook_endpoint_start(endpoint.id).await?;
            Ok(delivery)
        })
    }

    /// An endpoint, for those who look after it.
    pub async fn webhook_endpoint_find(
        &self,
        call: &Call,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let endpoint = row.map(WebhookEndpoint::try_from).transpose()?;
        Ok(endpoint.filter(|endpoint| access::allows(&call.actor, Verb::WebhookEndpointRead, &endpoint.subject())))
    }

    /// What an endpoint was sent, or is to be, for those who look after it.
    pub async fn webhook_delivery_find(
        &self,
        call: &Call,
        id: WebhookDeliveryId,
    ) -> Result<Option<WebhookDelivery>, Failure> {
        let row = delivery_row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let delivery = row.map(WebhookDelivery::try_from).transpose()?;
        Ok(delivery.filter(|delivery| access::allows(&call.actor, Verb::WebhookEndpointRead, &delivery.subject())))
    }

    /// The endpoints of organizations, oldest first; none of those that the caller does not look after.
    pub async fn webhook_endpoints_of(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Vec<WebhookEndpoint>>, Failure> {
        let seen =
            |id: &OrganizationId| access::allows(&call.actor, Verb::WebhookEndpointRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let mut of: HashMap<OrganizationId, Vec<WebhookEndpoint>> = HashMap::new();
        if seen.is_empty() {
            return Ok(of);
        }
        let select = sql("select * from webhook_endpoints where organization_id = any($1) order by id", [ids(&seen)]);
        for row in row::Entity::find().from_raw_sql(select).all(self.db()).await? {
            let endpoint = WebhookEndpoint::try_from(row)?;
            of.entry(endpoint.organization).or_default().push(endpoint);
        }
        Ok(of)
    }

    /// What endpoints were sent, or are to be, newest first; nothing of those that the caller does not look after.
    pub async fn webhook_deliveries_of_endpoints(
        &self,
        call: &Call,
        endpoints: &[WebhookEndpointId],
        page: &PageRequest,
    ) -> Result<Pages<WebhookEndpointId, WebhookDelivery>, Failure> {
        let memberships = call.actor.person().map(|person| person.memberships.as_slice()).unwrap_or_default();
        let held = memberships.iter().map(|(id, _)| *id);
        let seen =
            |id: &OrganizationId| access::allows(&call.actor, Verb::WebhookEndpointRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = held.filter(seen).collect();
        if seen.is_empty() {
            return Ok(HashMap::new());
        }
        let order = Keyset::<delivery_row::Entity> {
            list: "webhook_deliveries",
            columns: vec![delivery_row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select =
            delivery_row::Entity::find().filter(Expr::cust_with_values("organization_id = any($1)", [ids(&seen)]));
        let pages = order.pages(self.db(), select, delivery_row::Column::EndpointId, endpoints, page).await?;
        Ok(try_map_pages(pages, WebhookDelivery::try_from)?)
    }
}

impl Tx {
    /// An endpoint, locked, if whoever acts may know of it.
    async fn webhook_endpoint_for_update(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, Failure> {
        let found = self.webhook_endpoint_locked(id).await?;
        Ok(self.shown(found, WebhookEndpoint::subject)?)
    }

    async fn webhook_endpoints_count(&self, organization: OrganizationId) -> Result<u32, Failure> {
        let count = Count::find_by_statement(sql(
            "select count(*) as count from webhook_endpoints where organization_id = $1",
            [organization.uuid().into()],
        ));
        let count = count.one(self.conn()).await?.map_or(0, |found| found.count);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// How many secrets of an endpoint sign now. Its row is locked.
    async fn webhook_secrets_signing(&self, endpoint: WebhookEndpointId) -> Result<u32, Failure> {
        let count = Count::find_by_statement(sql(
            "select count(*) as count from webhook_secrets
             where endpoint_id = $1 and (signs_until is null or signs_until > $2)",
            [endpoint.uuid().into(), self.now().into()],
        ));
        let count = count.one(self.conn()).await?.map_or(0, |found| found.count);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Sign for an endpoint with this secret from now on. The one that did until now goes on for a day.
    async fn webhook_secret_add(
        &self,
        market: &Market,
        endpoint: WebhookEndpointId,
        secret: &SecretString,
    ) -> Result<(), Failure> {
        let end = sql(
            "update webhook_secrets set signs_until = $2 where endpoint_id = $1 and signs_until is null",
            [endpoint.uuid().into(), (self.now() + OVERLAP).into()],
        );
        self.conn().execute_raw(end).await?;
        let id = fresh_ids::fresh_uuid(self.now());
        let sealed = market.vault().seal(&sealed_for(id), secret.expose_secret())?;
        let keep = sql(
            "insert into webhook_secrets (id, endpoint_id, sealed, created_at) values ($1, $2, $3, $4)",
            [id.into(), endpoint.uuid().into(), sealed.into(), self.now().into()],
        );
        self.conn().execute_raw(keep).await?;
        Ok(())
    }

    /// Whoever acts and the owner hear by mail that an endpoint is at a new address or has a new secret: what happens
    /// to an organization's things would otherwise be told to a thief without anybody noticing.
    async fn webhook_endpoint_tell(&self, organization: OrganizationId) -> Result<(), Failure> {
        self.throttle_must_admit(&format!("webhook_set:{organization}"), SETTINGS).await?;
        let told = Told::find_by_statement(sql(
            "select user_id from members where organization_id = $1 and role = 'owner' union select $2::uuid",
            [organization.uuid().into(), self.actor().person()?.user.uuid().into()],
        ));
        for Told { user_id } in told.all(self.conn()).await? {
            let event = Event::AccountSecured { user: Id::from_uuid(user_id), act: SafetyAct::WebhookEndpointSet };
            self.settle(Change::to(()).telling(event)).await?;
        }
        Ok(())
    }

    /// Somebody had this role in an organization and has it no more. If they looked after its endpoints, its owner hears
    /// that these go on: they belong to the organization, and whoever set them up may own where they lead.
    pub(crate) async fn webhook_endpoints_outlive(
        &self,
        organization: OrganizationId,
        had: MemberRole,
    ) -> Result<(), Failure> {
        let kept_them = Verb::WebhookEndpointRead.allowed_to().contains(&access::Role::Member(had));
        if !kept_them || self.webhook_endpoints_count(organization).await? == 0 {
            return Ok(());
        }
        let owners = Told::find_by_statement(sql(
            "select user_id from members where organization_id = $1 and role = 'owner'",
            [organization.uuid().into()],
        ));
        for Told { user_id } in owners.all(self.conn()).await? {
            let event = Event::AccountSecured { user: Id::from_uuid(user_id), act: SafetyAct::WebhookKeeperLeft };
            self.settle(Change::to(()).telling(event)).await?;
        }
        Ok(())
    }

    /// Forget the endpoints of the organizations that somebody owns: whoever was in them before may have made them.
    pub(crate) async fn webhook_endpoints_withdraw(&self, owner: UserId) -> Result<(), Failure> {
        let withdraw = sql(
            "delete from webhook_endpoints
             where organization_id in (select organization_id from members where user_id = $1 and role = 'owner')",
            [owner.uuid().into()],
        );
        self.conn().execute_raw(withdraw).await?;
        Ok(())
    }
}

/// 32 bytes that nobody can guess, called as others call what signs webhooks.
fn fresh_secret() -> SecretString {
    let bytes: String = random::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
    SecretString::from(format!("whsec_{bytes}"))
}

/// What a secret is sealed for.
pub(crate) fn sealed_for(id: Uuid) -> String {
    format!("webhook secret {id}")
}

fn row_of(endpoint: &WebhookEndpoint) -> Result<row::Model, Fault> {
    let WebhookEndpoint { id, organization, url, events, status, failing_since, nobody_answered_at, created_at } =
        endpoint.clone();
    Ok(row::Model {
        id: id.uuid(),
        organization_id: organization.uuid(),
        url,
        events: serde_json::to_value(events)?,
        status: status.as_str().to_owned(),
        failing_since,
        nobody_answered_at,
        created_at,
    })
}

fn row_of_delivery(delivery: &WebhookDelivery) -> delivery_row::Model {
    let delivery = delivery.clone();
    delivery_row::Model {
        id: delivery.id.uuid(),
        endpoint_id: delivery.endpoint.uuid(),
        organization_id: delivery.organization.uuid(),
        event: delivery.event.as_str().to_owned(),
        event_id: delivery.event_id.uuid(),
        subject: delivery.subject,
        occurred_at: delivery.occurred_at,
        created_at: delivery.created_at,
        status: delivery.status.as_str().to_owned(),
        attempts: delivery.attempts,
        due_at: delivery.due_at,
        give_up_at: delivery.give_up_at,
        last_tried_at: delivery.last_tried_at,
        last_status: delivery.last_status,
        last_trouble: delivery.last_trouble.map(|trouble| trouble.as_str().to_owned()),
    }
}

impl TryFrom<row::Model> for WebhookEndpoint {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let row::Model { id, organization_id, url, events, status, failing_since, nobody_answered_at, created_at } =
            row;
        Ok(Self {
            id: Id::from_uuid(id),
            organization: Id::from_uuid(organization_id),
            url,
            events: serde_json::from_value(events)?,
            status: status.parse().map_err(|error| Fault::bad_row("webhook_endpoints", error))?,
            failing_since,
            nobody_answered_at,
            created_at,
        })
    }
}

impl TryFrom<delivery_row::Model> for WebhookDelivery {
    type Error = Fault;
    fn try_from(row: delivery_row::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            endpoint: Id::from_uuid(row.endpoint_id),
            organization: Id::from_uuid(row.organization_id),
            event: row.event.parse().map_err(|error| Fault::bad_row("webhook_deliveries", error))?,
            event_id: Id::from_uuid(row.event_id),
            subject: row.subject,
            occurred_at: row.occurred_at,
            created_at: row.created_at,
            status: row.status.parse().map_err(|error| Fault::bad_row("webhook_deliveries", error))?,
            attempts: row.attempts,
            due_at: row.due_at,
            give_up_at: row.give_up_at,
            last_tried_at: row.last_tried_at,
            last_status: row.last_status,
            last_trouble: row
                .last_trouble
                .map(|text| text.parse().map_err(|error| Fault::bad_row("webhook_deliveries", error)))
                .transpose()?,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    /// When it is served stands beside this, and is the worker's own.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_endpoints")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Uuid,
        pub url: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub events: Json,
        pub status: String,
        pub failing_since: Option<DateTimeUtc>,
        pub nobody_answered_at: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod delivery_row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_deliveries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub endpoint_id: Uuid,
        pub organization_id: Uuid,
        pub event: String,
        pub event_id: Uuid,
        pub subject: String,
        pub occurred_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub status: String,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
        pub give_up_at: Option<DateTimeUtc>,
        pub last_tried_at: Option<DateTimeUtc>,
        pub last_status: Option<i32>,
        pub last_trouble: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
