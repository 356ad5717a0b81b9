//! The audit log: acts on money, access and by staff, with who, when and on whose behalf.

use domain::access::{self, Actor, Subject, Verb};
use domain::audit::{AuditEntry, AuditFilter};
use domain::id::{AuditEntryId, Id};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::facts::Scene;
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::{Call, Failure, Tx};

/// How an actor is named in logs and rows.
pub fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Nobody => "nobody".to_owned(),
        Actor::System => "system".to_owned(),
        Actor::Person(person) => person.user.to_string(),
    }
}

impl Market {
    /// Lines of the log, newest first, for our people.
    pub async fn audit_log(
        &self,
        call: &Call,
        subject: Option<&str>,
        actor: Option<&str>,
        page: &PageRequest,
    ) -> Result<Slice<AuditEntry>, Failure> {
        let filter = AuditFilter::ask(&call.actor, subject, actor)?;
        let page = &page.clone().of_filter(&filter);
        let AuditFilter { subject, actor } = filter;
        let mut select = row::Entity::find();
        if let Some(subject) = subject {
            select = select.filter(row::Column::Subject.eq(subject));
        }
        if let Some(actor) = actor {
            select = select.filter(row::Column::Actor.eq(actor));
        }
        let order = Keyset::<row::Entity> {
            list: "audit_log",
            columns: vec![row::Column::Sequence],
            descending: true,
            key: |row| vec![Key::Int(row.sequence)],
        };
        order.page(self.db(), select, page).await?.try_map(|row| Ok(AuditEntry::from(row)))
    }

    /// The line with this id, for our people.
    pub async fn audit_entry_find(&self, call: &Call, id: AuditEntryId) -> Result<Option<AuditEntry>, Failure> {
        if !access::allows(&call.actor, Verb::AuditRead, &Subject::OURS) {
            return Ok(None);
        }
        Ok(row::Entity::find_by_id(id.uuid()).one(self.db()).await?.map(AuditEntry::from))
    }
}

impl Tx {
    /// Note that the actor of this transaction did `act` to `subject`. Only ids and plain facts
    /// go into `detail`: no secret, no account number. The line is written with what is settled
    /// next, or when the transaction is committed.
    pub async fn audit(&self, act: &str, subject: impl ToString, detail: serde_json::Value) -> Result<(), Failure> {
        self.note(self.scene().audit_line(act, subject, detail));
        Ok(())
    }
}

impl Scene {
    /// A line of the log: see [`Tx::audit`].
    pub(crate) fn audit_line(&self, act: &str, subject: impl ToString, detail: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "id": self.id::<AuditEntryId>().uuid(),
            "act": act,
            "subject": subject.to_string(),
            "detail": detail,
        })
    }
}

impl From<row::Model> for AuditEntry {
    fn from(row: row::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            at: row.at,
            actor: row.actor,
            act: row.act,
            subject: row.subject,
            detail: row.detail,
            trace: row.trace,
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub at: DateTimeUtc,
        pub actor: String,
        pub act: String,
        pub subject: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub detail: Json,
        pub trace: String,
        pub sequence: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
