//! Blocks between clients and freelancers.

use std::collections::{HashMap, HashSet};

use domain::access::{self, Subject, Verb};
use domain::block::{Block, MOST, Side};
use domain::id::{Id, OrganizationId, UserId};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::market::Market;
use crate::sql::{ids, sql};
use crate::{Call, Failure, Tx, run};

#[derive(FromQueryResult)]
struct Standing {
    stands: bool,
    kept: i64,
}

#[derive(FromQueryResult)]
struct Blocked {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Pair {
    client_id: Uuid,
    freelancer_id: Uuid,
}

#[derive(FromQueryResult)]
struct Found {
    found: bool,
}

impl Market {
    /// Keep a client and a freelancer apart. Whom the side that asks may not know of is nobody.
    pub async fn block_set(&self, call: &Call, block: Block) -> Result<Block, Failure> {
        run!(self, call, tx => {
            let Standing { stands, kept } = tx.block_standing(block).await?;
            let change = block.set(tx.actor(), stands, u32::try_from(kept).unwrap_or(u32::MAX))?;
            if change.changed {
                tx.must_know_the_other(block).await?;
                let set = sql(
                    "insert into blocks (client_id, freelancer_id, set_by, set_at) values ($1, $2, $3, $4)
                     on conflict do nothing",
                    [block.client.uuid().into(), block.freelancer.uuid().into(), block.by.as_str().into(), tx.now().into()],
                );
                tx.conn().execute_raw(set).await?;
            }
            tx.settle(change).await
        })
    }

    /// No longer keep them apart, as far as this side is concerned.
    pub async fn block_lift(&self, call: &Call, block: Block) -> Result<Block, Failure> {
        run!(self, call, tx => {
            let change = block.lift(tx.actor(), tx.block_standing(block).await?.stands)?;
            if change.changed {
                let lift = sql(
                    "delete from blocks where client_id = $1 and freelancer_id = $2 and set_by = $3",
                    [block.client.uuid().into(), block.freelancer.uuid().into(), block.by.as_str().into()],
                );
                tx.conn().execute_raw(lift).await?;
            }
            tx.settle(change).await
        })
    }

    /// The freelancers whom a client has blocked, the latest first.
    pub async fn blocked_freelancers(&self, call: &Call, client: OrganizationId) -> Result<Vec<UserId>, Failure> {
        access::check(&call.actor, Verb::FreelancerBlock, &Subject::of_client(client))?;
        let found = Blocked::find_by_statement(sql(
            "select freelancer_id as id from blocks where client_id = $1 and set_by = 'client'
             order by set_at desc, freelancer_id limit $2",
            [client.uuid().into(), i64::from(MOST).into()],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|row| UserId::from_uuid(row.id)).collect())
    }

    /// The clients whom the signed-in person has blocked, the latest first.
    pub async fn blocked_clients(&self, call: &Call) -> Result<Vec<OrganizationId>, Failure> {
        let user = call.actor.person()?.user;
        let found = Blocked::find_by_statement(sql(
            "select client_id as id from blocks where freelancer_id = $1 and set_by = 'freelancer'
             order by set_at desc, client_id limit $2",
            [user.uuid().into(), i64::from(MOST).into()],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|row| OrganizationId::from_uuid(row.id)).collect())
    }

    /// Which of these clients have blocked which of these freelancers, whatever these have set themselves; those that
    /// the caller may not ask for are absent.
    pub async fn blocks_by_clients(
        &self,
        call: &Call,
        pairs: &[(OrganizationId, UserId)],
    ) -> Result<HashMap<(OrganizationId, UserId), bool>, Failure> {
        let may = |client| access::allows(&call.actor, Verb::FreelancerBlock, &Subject::of_client(client));
        let pairs: Vec<(OrganizationId, UserId)> = pairs.iter().copied().filter(|(client, _)| may(*client)).collect();
        if pairs.is_empty() {
            return Ok(HashMap::new());
        }
        let (clients, freelancers): (Vec<OrganizationId>, Vec<UserId>) = pairs.iter().copied().unzip();
        let set = Pair::find_by_statement(sql(
            "select client_id, freelancer_id from blocks
             where client_id = any($1) and freelancer_id = any($2) and set_by = 'client'",
            [ids(&clients), ids(&freelancers)],
        ));
        let set = set.all(self.db()).await?.into_iter();
        let set: HashSet<(Uuid, Uuid)> = set.map(|pair| (pair.client_id, pair.freelancer_id)).collect();
        let stands =
            |(client, freelancer): &(OrganizationId, UserId)| set.contains(&(client.uuid(), freelancer.uuid()));
        Ok(pairs.into_iter().map(|pair| (pair, stands(&pair))).collect())
    }

    /// Which of these clients the caller has blocked; the others are absent.
    pub async fn blocks_by_viewer(
        &self,
        call: &Call,
        clients: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, bool>, Failure> {
        let Ok(person) = call.actor.person() else { return Ok(HashMap::new()) };
        let set = Blocked::find_by_statement(sql(
            "select client_id as id from blocks
             where client_id = any($1) and freelancer_id = $2 and set_by = 'freelancer'",
            [ids(clients), person.user.uuid().into()],
        ));
        let set = set.all(self.db()).await?.into_iter();
        Ok(set.map(|row| (OrganizationId::from_uuid(row.id), true)).collect())
    }
}

impl Tx {
    /// Does a block keep these two apart, whoever set it?
    pub(crate) async fn is_blocked(&self, client: OrganizationId, freelancer: UserId) -> Result<bool, Failure> {
        let found = Found::find_by_statement(sql(
            "select exists (select 1 from blocks where client_id = $1 and freelancer_id = $2) as found",
            [client.uuid().into(), freelancer.uuid().into()],
        ));
        Ok(found.one(self.conn()).await?.is_some_and(|row| row.found))
    }

    /// Refuse whom the side that sets a block may not know of as if there were nobody.
    async fn must_know_the_other(&self, block: Block) -> Result<(), Failure> {
        let (knows, path, nobody) = match block.by {
            Side::Client => (self.knows(block.freelancer).await?, "freelancerId", "there is no such freelancer"),
            Side::Freelancer => (self.knows_client(block.client).await?, "clientId", "there is no such client"),
        };
        if knows { Ok(()) } else { Err(Refusal::field(path, "UNKNOWN", nobody).into()) }
    }

    /// Whether a block stands, and how many its side has set. Those that one side sets at once are counted one after
    /// the other.
    async fn block_standing(&self, block: Block) -> Result<Standing, Failure> {
        let owner = match block.by {
            Side::Client => block.client.uuid(),
            Side::Freelancer => block.freelancer.uuid(),
        };
        let turn = sql("select pg_advisory_xact_lock(hashtextextended('blocks ' || $1::text, 0))", [owner.into()]);
        self.conn().execute_raw(turn).await?;
        let standing = Standing::find_by_statement(sql(
            "select exists (select 1 from blocks where client_id = $1 and freelancer_id = $2 and set_by = $3) as stands,
                 (select count(*) from blocks
                  where set_by = $3 and case $3 when 'client' then client_id = $1 else freelancer_id = $2 end) as kept",
            [block.client.uuid().into(), block.freelancer.uuid().into(), block.by.as_str().into()],
        ));
        Ok(standing.one(self.conn()).await?.unwrap_or(Standing { stands: false, kept: 0 }))
    }
}
