//! Client companies and their members.

use std::collections::HashMap;

use domain::access::{self, Subject, Verb};
use domain::id::{Id, MemberId, OrganizationId, UserId};
use domain::organization::{Member, Organization, OrganizationDraft};
use domain::refusal::Refusal;
use domain::user::TimeZone;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, try_map_pages};
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault, Tx, run};

mod known;
mod membership;

pub use membership::OpenedInvitation;

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

#[derive(FromQueryResult)]
struct Zone {
    id: Uuid,
    time_zone: String,
}

impl Market {
    /// Create an organization; whoever does becomes its owner.
    pub async fn organization_create(&self, call: &Call, draft: OrganizationDraft) -> Result<Organization, Failure> {
        run!(self, call, tx => {
            // Locked, so that what one person creates at once is counted one after the other.
            let user = tx.user_for_update(tx.actor().person()?.user).await?.ok_or(Refusal::HIDDEN)?;
            let owned = tx.organizations_owned(user.id).await?;
            let created = draft.clone().create(tx.actor(), tx.id(), tx.id(), owned, tx.now())?;
            let (organization, owner) = tx.settle(created).await?;
            tx.organization_insert(&organization).await?;
            tx.member_insert(&owner).await?;
            tx.audit("organization_create", organization.id, serde_json::json!({})).await?;
            Ok(organization)
        })
    }

    /// The organization, if the caller may see it.
    pub async fn organization_find(&self, call: &Call, id: OrganizationId) -> Result<Option<Organization>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let organization = row.map(Organization::try_from).transpose()?;
        Ok(organization.filter(|organization| organization.visible_to(&call.actor)))
    }

    /// Organizations by their ids, of those the caller belongs to or looks after.
    pub async fn organizations_held(
        &self,
        call: &Call,
        wanted: &[OrganizationId],
    ) -> Result<Vec<Organization>, Failure> {
        let found = self.organizations_by_id(call, wanted).await?;
        Ok(found.into_iter().filter(|organization| organization.visible_to(&call.actor)).collect())
    }

    /// Organizations by their ids, as whoever sees something of theirs sees them.
    pub async fn organizations_by_id(
        &self,
        _call: &Call,
        wanted: &[OrganizationId],
    ) -> Result<Vec<Organization>, Failure> {
        let select = sql("select * from organizations where id = any($1)", [ids(wanted)]);
        let rows = row::Entity::find().from_raw_sql(select).all(self.db()).await?;
        Ok(rows.into_iter().map(Organization::try_from).collect::<Result<_, Fault>>()?)
    }

    /// Where the clocks of organizations are: where their owners' are. Outages go by the same.
    pub async fn organization_zones(
        &self,
        wanted: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, TimeZone>, Failure> {
        let zones = Zone::find_by_statement(sql(
            "select m.organization_id as id, u.time_zone from members m join users u on u.id = m.user_id
             where m.organization_id = any($1) and m.role = 'owner'",
            [ids(wanted)],
        ));
        let read = |row: Zone| -> Result<_, Failure> {
            let zone = row.time_zone.parse::<TimeZone>().map_err(|_| Fault::bad_row("users", "time zone"))?;
            Ok((OrganizationId::from_uuid(row.id), zone))
        };
        zones.all(self.db()).await?.into_iter().map(read).collect()
    }

    /// The members of organizations the caller may see, in the order they joined.
    pub async fn members_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Member>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::OrganizationRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let order = Keyset::<member_row::Entity> {
            list: "members",
            columns: vec![member_row::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let (select, column) = (member_row::Entity::find(), member_row::Column::OrganizationId);
        Ok(try_map_pages(order.pages(self.db(), select, column, &seen, page).await?, Member::try_from)?)
    }

    /// A membership, for those who see the members of its organization.
    pub async fn member_find(&self, call: &Call, id: MemberId) -> Result<Option<Member>, Failure> {
        let row = member_row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let Some(member) = row.map(Member::try_from).transpose()? else { return Ok(None) };
        let seen = access::allows(&call.actor, Verb::OrganizationRead, &Subject::of_client(member.organization));
        Ok(seen.then_some(member))
    }
}

impl Tx {
    /// How many organizations a person owns.
    async fn organizations_owned(&self, user: UserId) -> Result<i64, Failure> {
        let count = Count::find_by_statement(sql(
            "select count(*) as count from members where user_id = $1 and role = 'owner'",
            [user.uuid().into()],
        ));
        Ok(count.one(self.conn()).await?.map_or(0, |found| found.count))
    }

    /// Wait for whoever else drafts something of this kind for the organization, until they are done: what it keeps is
    /// counted one after the other.
    pub(crate) async fn drafts_take_turns(&self, what: &str, organization: OrganizationId) -> Result<(), Failure> {
        let turn = sql(
            "select pg_advisory_xact_lock(hashtextextended('drafts of ' || $1 || ' ' || $2::text, 0))",
            [what.into(), organization.uuid().into()],
        );
        self.conn().execute_raw(turn).await?;
        Ok(())
    }

    /// Does this person belong to the organization?
    pub(crate) async fn is_member(&self, organization: OrganizationId, user: UserId) -> Result<bool, Failure> {
        let member = member_row::Entity::find()
            .filter(member_row::Column::OrganizationId.eq(organization.uuid()))
            .filter(member_row::Column::UserId.eq(user.uuid()))
            .one(self.conn())
            .await?;
        Ok(member.is_some())
    }

    async fn organization_insert(&self, organization: &Organization) -> Result<(), Failure> {
        let row = row::ActiveModel {
            id: Set(organization.id.uuid()),
            name: Set(organization.name.clone()),
            website: Set(organization.website.clone()),
            about: Set(organization.about.clone()),
            version: Set(organization.version),
            created_at: Set(organization.created_at),
        };
        row.insert(self.conn()).await?;
        Ok(())
    }

    pub(super) async fn member_insert(&self, member: &Member) -> Result<(), Failure> {
        let row = member_row::ActiveModel {
            id: Set(member.id.uuid()),
            organization_id: Set(member.organization.uuid()),
            user_id: Set(member.user.uuid()),
            role: Set(member.role.as_str().to_owned()),
            created_at: Set(member.created_at),
        };
        row.insert(self.conn()).await?;
        Ok(())
    }
}

impl TryFrom<row::Model> for Organization {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let row::Model { id, name, website, about, version, created_at } = row;
        Ok(Self { id: OrganizationId::from_uuid(id), name, website, about, version, created_at })
    }
}

impl TryFrom<member_row::Model> for Member {
    type Error = Fault;
    fn try_from(row: member_row::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: MemberId::from_uuid(row.id),
            organization: OrganizationId::from_uuid(row.organization_id),
            user: Id::from_uuid(row.user_id),
            role: row.role.parse().map_err(|error| Fault::bad_row("members", error))?,
            created_at: row.created_at,
        })
    }
}

pub(crate) mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "organizations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub website: Option<String>,
        pub about: String,
        pub version: i64,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod member_row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization_id: Uuid,
        pub user_id: Uuid,
        pub role: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
