//! People.

use domain::access::{self, Denied, Staff, Subject, Verb};
use domain::change::Change;
use domain::id::{Id, UserId};
use domain::profile::FreelancerProfile;
use domain::refusal::{Invalid, Refusal};
use domain::session::Ending;
use domain::user::{Email, User, UserEdit, given_reason};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::market::Market;
use crate::profile::{ProfilesWith, along};
use crate::session::not_suspended;
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault, Tx, run};

mod known;

impl Market {
    /// The signed-in person, as they are now.
    pub async fn viewer(&self, call: &Call) -> Result<Option<User>, Failure> {
        let Some(id) = call.actor.user() else { return Ok(None) };
        call.actor.person()?;
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(User::try_from).transpose()?)
    }

    /// The same with their profile, if they have one.
    pub async fn viewer_with_profile(
        &self,
        call: &Call,
        with: ProfilesWith,
    ) -> Result<Option<(User, Option<FreelancerProfile>)>, Failure> {
        let Some(id) = call.actor.user() else { return Ok(None) };
        call.actor.person()?;
        let mut query = row::Entity::find_by_id(id.uuid()).into_query();
        along::join(&mut query, &call.actor, with);
        let found = self.db().query_one_raw(DbBackend::Postgres.build(&query)).await?;
        let Some(found) = found else { return Ok(None) };
        let user = row::Model::from_query_result(&found, "")?.try_into()?;
        Ok(Some((user, along::read(&found)?)))
    }

    /// People by their ids, as whoever sees something of theirs sees them; those that don't exist are missing. What of
    /// them may be shown to whom is decided field by field.
    pub async fn users_by_id(&self, _call: &Call, wanted: &[UserId]) -> Result<Vec<User>, Failure> {
        let select = sql("select * from users where id = any($1)", [ids(wanted)]);
        let rows = row::Entity::find().from_raw_sql(select).all(self.db()).await?;
        Ok(rows.into_iter().map(User::try_from).collect::<Result<_, Fault>>()?)
    }

    /// Whose address this is, for our people.
    pub async fn user_by_email(&self, call: &Call, email: &str) -> Result<Option<UserId>, Failure> {
        access::check(&call.actor, Verb::UserSearch, &Subject::OURS)?;
        let mut invalid = Invalid::default();
        let email = Email::parse(&mut invalid, "email", email);
        invalid.finish()?;
        run!(self, call, tx => {
            let found = tx.user_of_email(&email).await?;
            // Whom one of our people looked for is written down, and not by what.
            tx.audit("user_search", "users", serde_json::json!({ "found": found })).await?;
            Ok(found)
        })
    }

    /// Change what the signed-in person says of themselves.
    pub async fn user_update(&self, call: &Call, edit: UserEdit) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        let user = run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let before = user.name.clone();
            let change = user.update(tx.actor(), edit.clone())?;
            if change.next.name != before {
                // It is the name that banks and invoices are told.
                tx.audit("user_rename", id, serde_json::json!({})).await?;
            }
            tx.user_save(change).await
        })?;
        self.freelancer_changed(id).await;
        Ok(user)
    }

    /// An operator makes the person with this email one of our people, or no longer one. Whoever is
    /// signed in has the new role with their next request.
    pub async fn staff_grant(&self, call: &Call, email: &Email, staff: Option<Staff>) -> Result<User, Failure> {
        run!(self, call, tx => {
            let user = tx.user_of_email_for_update(email).await?.ok_or_else(|| {
                Refusal::rule("NO_SUCH_USER", format!("nobody has signed up with {email}"))
            })?;
            let second_factor = tx.has_second_factor(user.id).await?;
            let change = user.become_staff(tx.actor(), staff, second_factor)?;
            if change.changed {
                tx.audit("staff_grant", change.next.id, serde_json::json!({ "staff": staff })).await?;
            }
            tx.user_save(change).await
        })
    }

    /// Our people, by email.
    pub async fn staff_list(&self) -> Result<Vec<User>, Failure> {
        let select = row::Entity::find().filter(row::Column::Staff.is_not_null()).order_by_asc(row::Column::Email);
        let rows = select.all(self.db()).await?;
        Ok(rows.into_iter().map(User::try_from).collect::<Result<_, Fault>>()?)
    }

    /// One of our people suspends a person. Their sessions end, and payouts that have not left yet
    /// are held; their money stays theirs.
    pub async fn user_suspend(&self, call: &Call, id: UserId, reason: &str) -> Result<User, Failure> {
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = user.suspend(tx.actor(), tx.now(), reason)?;
            if change.changed {
                let sessions = tx.sessions_end(id, None, Ending::Revoked).await?;
                let payouts = tx.payouts_withhold(id).await?;
                let detail = serde_json::json!({
                    "reason": given_reason(reason)?, "sessions_ended": sessions, "payouts_held": payouts,
                });
                tx.audit("user_suspend", id, detail).await?;
            }
            tx.user_save(change).await
        })
    }

    /// One of our people lets a suspended person do things again. Payouts that were held wait for
    /// somebody to look at them.
    pub async fn user_reinstate(&self, call: &Call, id: UserId, reason: &str) -> Result<User, Failure> {
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = user.reinstate(tx.actor(), tx.now(), reason)?;
            if change.changed {
                tx.audit("user_reinstate", id, serde_json::json!({ "reason": given_reason(reason)? })).await?;
            }
            tx.user_save(change).await
        })
    }

    /// The same of whoever acts as of [`Tx::must_read_mail`], where there is no transaction.
    pub(crate) async fn must_read_mail(&self, call: &Call) -> Result<(), Failure> {
        Ok(self.viewer(call).await?.ok_or(Denied::SignIn)?.must_read_mail()?)
    }

    /// Whoever acts was neither erased nor suspended while they waited.
    pub(crate) async fn must_be_here(&self, actor: UserId) -> Result<(), Failure> {
        let row = row::Entity::find_by_id(actor.uuid()).one(self.db()).await?;
        here(&row.map(User::try_from).transpose()?.ok_or(Refusal::HIDDEN)?)
    }

    /// Is this person suspended now?
    pub(crate) async fn is_suspended(&self, id: UserId) -> Result<bool, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.is_some_and(|row| row.suspended_at.is_some()))
    }
}

/// Whoever acts is neither erased nor suspended.
fn here(user: &User) -> Result<(), Failure> {
    if user.erased_at.is_some() {
        return Err(Denied::SignIn.into());
    }
    Ok(not_suspended(user)?)
}

impl Tx {
    /// Is this person suspended now, or erased? Neither is asked for anything, whatever dealings there were.
    pub(crate) async fn is_gone(&self, id: UserId) -> Result<bool, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.is_some_and(|row| row.suspended_at.is_some() || row.erased_at.is_some()))
    }

    /// Whoever acts has shown that they read mail at the address of their account, and was neither erased nor suspended
    /// while they waited.
    pub(crate) async fn must_read_mail(&self) -> Result<(), Failure> {
        let row = row::Entity::find_by_id(self.actor().person()?.user.uuid()).one(self.conn()).await?;
        let user = row.map(User::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
        here(&user)?;
        Ok(user.must_read_mail()?)
    }

    /// The person, as they are just now.
    pub(crate) async fn user_find(&self, id: UserId) -> Result<Option<User>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(User::try_from).transpose()?)
    }

    /// The person, locked. Whoever acts is looked at once more: they may have been erased or suspended while they waited.
    pub(crate) async fn user_for_update(&self, id: UserId) -> Result<Option<User>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        let user = row.map(User::try_from).transpose()?;
        match &user {
            Some(user) if self.actor().user() == Some(id) => here(user)?,
            Some(_) | None => (),
        }
        Ok(user)
    }

    /// Whose address it is, if it is anybody's.
    pub(crate) async fn user_of_email(&self, email: &Email) -> Result<Option<UserId>, Failure> {
        let select = row::Entity::find().filter(row::Column::Email.eq(email.as_str()));
        Ok(select.one(self.conn()).await?.map(|row| UserId::from_uuid(row.id)))
    }

    async fn user_of_email_for_update(&self, email: &Email) -> Result<Option<User>, Failure> {
        let select = row::Entity::find().filter(row::Column::Email.eq(email.as_str()));
        Ok(select.lock_exclusive().one(self.conn()).await?.map(User::try_from).transpose()?)
    }

    /// Save a change of a person.
    pub(crate) async fn user_save(&self, change: Change<User>) -> Result<User, Failure> {
        let changed = change.changed;
        let user = self.settle(change).await?;
        if changed {
            write(&user).update(self.conn()).await?;
        }
        Ok(user)
    }

    /// Save a new person. An address belongs to one of them.
    pub(crate) async fn user_insert(&self, change: Change<User>) -> Result<User, Failure> {
        let user = self.settle(change).await?;
        write(&user).insert(self.conn()).await.map_err(|error| {
            Failure::from(error).when_violated("users_email_key", || {
                Refusal::rule("EMAIL_TAKEN", "There is an account with this email already. Sign in instead.")
            })
        })?;
        Ok(user)
    }
}

fn write(user: &User) -> row::ActiveModel {
    let User {
        id,
        email,
        name,
        time_zone,
        locale,
        email_verified_at,
        staff,
        suspended_at,
        reinstated_at,
        erased_at,
        version,
        created_at,
    } = user.clone();
    row::ActiveModel {
        id: Set(id.uuid()),
        email: Set(email.to_string()),
        name: Set(name),
        time_zone: Set(time_zone.to_string()),
        locale: Set(locale.to_string()),
        email_verified_at: Set(email_verified_at),
        staff: Set(staff.map(|staff| staff.as_str().to_owned())),
        suspended_at: Set(suspended_at),
        reinstated_at: Set(reinstated_at),
        erased_at: Set(erased_at),
        version: Set(version),
        created_at: Set(created_at),
    }
}

impl TryFrom<row::Model> for User {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let bad = |error| Fault::bad_row("users", error);
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: row.email.parse().map_err(bad)?,
            name: row.name,
            time_zone: row.time_zone.parse().map_err(bad)?,
            locale: row.locale.parse().map_err(bad)?,
            email_verified_at: row.email_verified_at,
            staff: row.staff.map(|staff| staff.parse()).transpose().map_err(|error| Fault::bad_row("users", error))?,
            suspended_at: row.suspended_at,
            reinstated_at: row.reinstated_at,
            erased_at: row.erased_at,
            version: row.version,
            created_at: row.created_at,
        })
    }
}

pub(crate) mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub name: String,
        pub time_zone: String,
        pub locale: String,
        pub email_verified_at: Option<DateTimeUtc>,
        pub staff: Option<String>,
        pub suspended_at: Option<DateTimeUtc>,
        pub reinstated_at: Option<DateTimeUtc>,
        pub erased_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
