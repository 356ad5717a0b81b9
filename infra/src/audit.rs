//! The audit log: acts on money, access and by staff, with who, when and on whose behalf.

use domain::access::Actor;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{Failure, Tx, ids};

/// How an actor is named in logs and rows.
pub fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Nobody => "nobody".to_owned(),
        Actor::System => "system".to_owned(),
        Actor::Person(person) => person.user.to_string(),
    }
}

impl Tx {
    /// Note that the actor of this transaction did `act` to `subject`. Only ids and plain facts
    /// go into `detail`: no secret, no account number.
    pub async fn audit(&self, act: &str, subject: impl ToString, detail: serde_json::Value) -> Result<(), Failure> {
        let id = ids::fresh::<domain::id::EventId>(self.now());
        let insert = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into audit_log (id, at, actor, act, subject, detail, trace) values ($1, $2, $3, $4, $5, $6, $7)",
            [
                domain::id::Id::uuid(id).into(),
                self.now().into(),
                actor_name(self.actor()).into(),
                act.into(),
                subject.to_string().into(),
                detail.into(),
                self.trace().into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        Ok(())
    }
}
