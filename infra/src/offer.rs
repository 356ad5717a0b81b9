//! Offers: from a won proposal to a contract. Whatever an offer does to its milestones' money, to
//! the proposal and to the gig happens in one transaction with it.
//!
//! Locks are taken in the order of ARCHITECTURE.md.

use std::collections::HashMap;

use domain::access::{self, Actor, Subject, Verb};
use domain::change::Change;
use domain::contract::{Contract, Engagement};
use domain::gig::Gig;
use domain::id::{ContractId, GigId, Id, MilestoneId, OfferId, OrganizationId, ProposalId, UserId};
use domain::milestone::Milestone;
use domain::offer::{Basis, MilestoneInput, Offer, OfferDraft, State, may_approach, may_offer_again};
use domain::organization::may_draft;
use domain::proposal::Proposal;
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// An offer as the client typed it.
#[derive(Debug, Clone)]
pub struct OfferInput {
    /// Whom it is made to.
    pub to: OfferTo,
    /// What the contract will be called.
    pub title: String,
    /// What the client has to say about it.
    pub message: String,
    /// How the work will be paid.
    pub engagement: Engagement,
    /// The milestones, in order.
    pub milestones: Vec<MilestoneInput>,
    /// Keep it as a draft for now?
    pub draft: bool,
}

/// Whom an offer is made to.
#[derive(Debug, Clone, Copy)]
pub enum OfferTo {
    /// Someone approached directly.
    Freelancer {
        /// Who offers.
        client: OrganizationId,
        /// Who is asked.
        freelancer: UserId,
    },
    /// The freelancer who made this proposal.
    Proposal(ProposalId),
}

#[derive(FromQueryResult)]
struct Drafts {
    count: i64,
}

/// Those of these milestones that the actor may know of: to the freelancer, what is part of an offer that
/// was never sent was never made.
pub(crate) async fn told_of(
    conn: &impl ConnectionTrait,
    actor: &Actor,
    milestones: Vec<Milestone>,
) -> Result<Vec<Milestone>, Failure> {
    let theirs = |milestone: &&Milestone| milestone.contract.is_none() && actor.user() == Some(milestone.freelancer);
    let offers: Vec<OfferId> = milestones.iter().filter(theirs).filter_map(|milestone| milestone.offer).collect();
    if offers.is_empty() {
        return Ok(milestones);
    }
    let unsent =
        sql(&format!("select id from offers where id = any($1) and not coalesce({SENT}, false)"), [ids(&offers)]);
    let unsent: Vec<Unsent> = Unsent::find_by_statement(unsent).all(conn).await?;
    let is_unsent = |offer: OfferId| unsent.iter().any(|unsent| unsent.id == offer.uuid());
    Ok(milestones
        .into_iter()
        .filter(|milestone| !theirs(&milestone) || !milestone.offer.is_some_and(is_unsent))
        .collect())
}

#[derive(FromQueryResult)]
struct Unsent {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
}

/// An offer that was sent, in SQL: one that never was, was never made as far as the freelancer is concerned.
pub(crate) const SENT: &str = "status in ('sent', 'accepted', 'declined') or (state ->> 'was_sent')::boolean";

impl Market {
    /// The offer, if the caller may see it.
    pub async fn offer_find(&self, call: &Call, id: OfferId) -> Result<Option<Offer>, Failure> {
        Ok(self.offers_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Offers by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn offers_by_id(&self, call: &Call, wanted: &[OfferId]) -> Result<Vec<Offer>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Offer::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|offer| offer.visible_to(&call.actor)).collect())
    }

    /// The offers made to the caller, newest first.
    pub async fn offers_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Offer>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(Slice::empty()) };
        let seen = sea_orm::sea_query::Expr::cust(SENT);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid())).filter(seen);
        let slice = newest_first("viewer_offers").page(self.db(), select, page).await?;
        Ok(slice.try_map(Offer::try_from)?)
    }

    /// The offers organizations have made, newest first; their members see them.
    pub async fn offers_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Offer>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::OfferRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let (order, column) = (newest_first("organization_offers"), row::Column::OrganizationId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        Ok(try_map_pages(order.pages(self.db(), select, column, &seen, page).await?, Offer::try_from)?)
    }

    /// The latest offer on each of these proposals, as far as the caller may see one.
    pub async fn offers_on(
        &self,
        call: &Call,
        proposals: &[ProposalId],
    ) -> Result<HashMap<ProposalId, Offer>, Failure> {
        // One that was not sent hides none before it from the freelancer.
        let select = format!(
            "select distinct on (proposal_id) * from offers
             where proposal_id = any($1) and (freelancer_id is distinct from $2 or coalesce({SENT}, false))
             order by proposal_id, id desc"
        );
        let user = call.actor.user().map(Id::uuid);
        let rows = row::Entity::find().from_raw_sql(sql(&select, [ids(proposals), user.into()])).all(self.db()).await?;
        let found = rows.into_iter().map(Offer::try_from).collect::<Result<Vec<_>, _>>()?;
        let seen = found.into_iter().filter(|offer| offer.visible_to(&call.actor));
        Ok(seen.filter_map(|offer| Some((offer.proposal?, offer))).collect())
    }

    /// The client makes an offer, and sends it unless it is to stay a draft.
    pub async fn offer_create(&self, call: &Call, input: OfferInput) -> Result<Offer, Failure> {
        run!(self, call, tx => {
            let OfferInput { to, title, message, engagement, milestones, draft } = input.clone();
            let bid = match to {
                OfferTo::Freelancer { .. } => None,
                OfferTo::Proposal(id) => {
                    let seen = tx.shown(tx.proposal_now(id).await?, Proposal::subject)?;
                    Some(tx.bid_for_update(seen.gig, id).await?.ok_or(Refusal::HIDDEN)?)
                }
            };
            let (client, freelancer) = match (to, &bid) {
                (OfferTo::Proposal(_), Some((gig, proposal))) => (gig.client, proposal.freelancer),
                (OfferTo::Freelancer { client, freelancer }, _) => (client, freelancer),
                (OfferTo::Proposal(_), None) => return Err(Refusal::HIDDEN.into()),
            };
            if let Some((_, proposal)) = &bid {
                // A draft is nobody's but the freelancer's.
                access::check(tx.actor(), Verb::OfferCreate, &proposal.subject())?;
            }
            access::check(tx.actor(), Verb::OfferCreate, &Subject::of_client(client))?;
            // Who bid is known; who was not heard of yet is found, or nobody.
            if bid.is_none()
                && (!tx.knows(freelancer).await?
                    || tx.is_gone(freelancer).await?
                    || tx.is_blocked(client, freelancer).await?)
            {
                return Err(Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer").into());
            }
            if draft {
                tx.drafts_take_turns("offers", client).await?;
                let waiting = sql(
                    "select count(*) as count from offers where organization_id = $1 and status = 'draft'",
                    [client.uuid().into()],
                );
                let waiting = Drafts::find_by_statement(waiting).one(tx.conn()).await?;
                may_draft("offers", waiting.map_or(0, |found| found.count))?;
            }
            let policy = tx.policy_in_force().await?;
            let parsed = OfferDraft::parse(&title, &message, engagement, &milestones, &policy.terms)?;
            let drafts = parsed.milestones().to_vec();
            let mut ids: Vec<MilestoneId> = drafts.iter().map(|_| tx.id()).collect();
            ids.sort_unstable();
            let is_member = tx.is_member(client, freelancer).await?;
            let (gig, proposal) = bid.as_ref().map(|(gig, proposal)| (gig.id, proposal.id)).unzip();
            let basis = Basis { gig, proposal, client, freelancer, is_member, policy };
            let created = parsed.create(tx.actor(), tx.now(), (tx.id(), tx.id()), ids.first().copied(), basis)?;
            let change =
                if draft { created } else { created.then(|offer| offer.send(tx.actor(), tx.now(), None))? };
            if !draft {
                tx.offer_may_be_meant(&change.next).await?;
            }
            let offer = tx.offer_save(change).await.map_err(|failure| {
                let failure = failure.when_violated("offers_freelancer_id_fkey", || {
                    Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer")
                });
                failure.when_violated("offers_one_live", || {
                    Refusal::rule("OFFER_EXISTS", "there is an offer on this proposal already: send it, or withdraw it")
                })
            })?;
            let part_of = if draft { Milestone::drafted } else { Milestone::agreed };
            for (draft, id) in drafts.into_iter().zip(ids) {
                tx.milestone_save(part_of(id, offer.deal(), draft)).await?;
            }
            if !draft {
                tx.offer_is_meant(&offer).await?;
            }
            tx.proposal_heeds(&offer, bid).await?;
            Ok(offer)
        })
    }

    /// The client means a draft.
    pub async fn offer_send(&self, call: &Call, id: OfferId, expected: Option<i64>) -> Result<Offer, Failure> {
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = offer.send(tx.actor(), tx.now(), expected)?;
            let is_meant = change.changed;
            if is_meant {
                tx.offer_may_be_meant(&change.next).await?;
            }
            let offer = tx.offer_save(change).await?;
            if is_meant {
                tx.offer_is_meant(&offer).await?;
                for milestone in tx.milestones_of_offer_for_update(id).await? {
                    tx.milestone_save(milestone.meant()).await?;
                }
                tx.proposal_heeds(&offer, bid).await?;
            }
            Ok(offer)
        })
    }

    /// The freelancer takes it: the contract begins, with the offer's milestones.
    pub async fn offer_accept(&self, call: &Call, id: OfferId, expected: Option<i64>) -> Result<Contract, Failure> {
        self.freelancer_screen(call.actor.person()?.user).await?;
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if let Some(contract) = offer.accepted(tx.actor())? {
                return Ok(tx.contract_seen(contract).await?.ok_or(Refusal::HIDDEN)?);
            }
            let milestones = tx.milestones_of_offer_for_update(id).await?;
            let (client, freelancer) = (offer.client, offer.freelancer);
            let change = offer.accept(tx.actor(), tx.now(), expected, &milestones)?;
            tx.must_not_be_reviewed(client, Some(freelancer)).await?;
            let (accepted, contract) = change.next.clone();
            tx.tax_form_must_not_have_lapsed(freelancer).await?;
            tx.contract_save(Change::to(contract.clone())).await?;
            tx.offer_save(change.map(|_| accepted)).await?;
            for milestone in milestones {
                tx.milestone_save(milestone.joins(contract.id, tx.now())).await?;
            }
            if let Some((gig, proposal)) = bid {
                tx.proposal_save(proposal.hired(tx.now())?).await?;
                tx.gig_save(gig.fill(tx.now())?).await?;
            }
            tx.audit("offer_accept", id, serde_json::json!({ "contract": contract.id })).await?;
            Ok(contract)
        })
    }

    /// The freelancer leaves it: what was funded goes back whole.
    pub async fn offer_decline(
        &self,
        call: &Call,
        id: OfferId,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Offer, Failure> {
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.offer_close(offer.decline(tx.actor(), tx.now(), expected, reason)?, bid).await
        })
    }

    /// The client takes it back: what was funded comes back whole.
    pub async fn offer_withdraw(&self, call: &Call, id: OfferId, expected: Option<i64>) -> Result<Offer, Failure> {
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.offer_close(offer.withdraw(tx.actor(), tx.now(), expected)?, bid).await
        })
    }

    /// Nobody answered in time: what was funded goes back whole.
    pub(crate) async fn offer_expire(&self, call: &Call, id: OfferId) -> Result<(), Failure> {
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.offer_close(offer.expire(tx.actor(), tx.now())?, bid).await?;
            Ok(())
        })
    }

    /// A bank took money of a milestone back: if that was the first of an offer which nobody has accepted, the offer
    /// has ended, and what is left goes back.
    pub(crate) async fn offer_end_when_short(&self, call: &Call, milestone: MilestoneId) -> Result<(), Failure> {
        let seen = self.milestone_find(call, milestone).await?;
        let Some(id) = seen.filter(|seen| seen.contract.is_none()).and_then(|seen| seen.offer) else { return Ok(()) };
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if !offer.is_covered(&tx.milestones_of_offer_for_update(id).await?) && offer.first_milestone == Some(milestone) {
                tx.offer_close(offer.overtaken(tx.actor(), tx.now())?, bid).await?;
            }
            Ok(())
        })
    }

    /// A gig was taken down: the offers on its proposals that nobody has accepted have ended, and what was paid into
    /// them goes back whole.
    pub(crate) async fn offers_end_with(&self, call: &Call, gig: GigId) -> Result<(), Failure> {
        let waiting = sql(
            "select o.id from proposals p join offers o on o.proposal_id = p.id
             where p.gig_id = $1 and o.status in ('pending_funding', 'sent')",
            [gig.uuid().into()],
        );
        for offer in Waiting::find_by_statement(waiting).all(self.db()).await? {
            let id = OfferId::from_uuid(offer.id);
            let ended: Result<(), Failure> = run!(self, call, tx => {
                let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
                tx.offer_close(offer.overtaken(tx.actor(), tx.now())?, bid).await?;
                Ok(())
            });
            ended?;
        }
        Ok(())
    }

    /// Money came into a milestone: if it is the first of an offer, the offer is sent. If what it takes
    /// up has ended meanwhile, it comes to nothing, and the money goes back whole.
    pub(crate) async fn offer_send_when_funded(&self, call: &Call, milestone: MilestoneId) -> Result<(), Failure> {
        let Some(id) = self.milestone_find(call, milestone).await?.and_then(|milestone| milestone.offer) else {
            return Ok(());
        };
        run!(self, call, tx => {
            let (offer, bid) = tx.offer_with_bid_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if offer.first_milestone != Some(milestone) {
                return Ok(());
            }
            let sent = offer.clone().first_milestone_funded(tx.actor(), tx.now())?;
            if !sent.changed {
                return Ok(());
            }
            let ends = |(gig, proposal): &(Gig, Proposal)| proposal.clone().offered(gig, tx.now()).is_err();
            let has_ended = bid.as_ref().is_some_and(ends);
            if has_ended {
                tx.offer_close(offer.overtaken(tx.actor(), tx.now())?, None).await?;
            } else {
                let offer = tx.offer_save(sent).await?;
                tx.proposal_heeds(&offer, bid).await?;
            }
            Ok(())
        })
    }
}

impl Tx {
    /// The offer that a milestone is part of, if it is not accepted yet, takes money. It is not locked: one that is
    /// meant is never a draft again.
    pub(crate) async fn offer_takes_money(&self, milestone: &Milestone) -> Result<(), Failure> {
        let (Some(offer), None) = (milestone.offer, milestone.contract) else { return Ok(()) };
        let row = row::Entity::find_by_id(offer.uuid()).one(self.conn()).await?;
        let offer = row.map(Offer::try_from).transpose()?.ok_or_else(|| Fault::bad_row("offers", "it is missing"))?;
        Ok(offer.takes_money()?)
    }

    /// The offer, locked until this transaction ends.
    pub async fn offer_for_update(&self, id: OfferId) -> Result<Option<Offer>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Offer::try_from).transpose()?)
    }

    /// Save what was decided about an offer.
    pub async fn offer_save(&self, change: Change<Offer>) -> Result<Offer, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }

    /// A proposal with its gig, locked until this transaction ends: the gig first, as everywhere.
    async fn bid_for_update(&self, gig: GigId, id: ProposalId) -> Result<Option<(Gig, Proposal)>, Failure> {
        let gig = self.gig_for_update(gig).await?;
        Ok(gig.zip(self.proposal_for_update(id).await?))
    }

    /// The offer with the proposal it takes up and its gig, locked until this transaction ends: in
    /// the order of all, the offer last. None, and nothing locked, if whoever acts may not see it.
    async fn offer_with_bid_for_update(
        &self,
        id: OfferId,
    ) -> Result<Option<(Offer, Option<(Gig, Proposal)>)>, Failure> {
        // What an offer takes up never changes, so it can be asked for before the offer is locked.
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        let Some(seen) = row.map(Offer::try_from).transpose()?.filter(|seen| seen.visible_to(self.actor())) else {
            return self.is_nothing();
        };
        let bid = match seen.gig.zip(seen.proposal) {
            Some((gig, proposal)) => self.bid_for_update(gig, proposal).await?,
            None => None,
        };
        Ok(self.offer_for_update(id).await?.map(|offer| (offer, bid)))
    }

    /// The proposal that an offer takes up must still stand; it shows that it got one once the
    /// freelancer has the offer.
    async fn proposal_heeds(&self, offer: &Offer, bid: Option<(Gig, Proposal)>) -> Result<(), Failure> {
        let Some((gig, proposal)) = bid else { return Ok(()) };
        let offered = proposal.offered(&gig, self.now())?;
        if offer.was_sent() {
            self.proposal_save(offered).await?;
        }
        Ok(())
    }

    /// Save an offer that came to nothing, and give back the money of its milestones.
    async fn offer_close(&self, change: Change<Offer>, bid: Option<(Gig, Proposal)>) -> Result<Offer, Failure> {
        let closed = change.changed;
        let offer = self.offer_save(change).await?;
        if closed {
            for milestone in self.milestones_of_offer_for_update(offer.id).await? {
                let unwound = milestone.unwind(&Actor::System, self.now())?;
                self.milestone_save(unwound).await?;
            }
            if let Some((gig, proposal)) = bid {
                self.proposal_save(proposal.offer_ended(&gig, self.now())).await?;
            }
            self.audit("offer_close", offer.id, serde_json::json!({ "to": offer.status().as_str() })).await?;
        }
        Ok(offer)
    }
}

impl Tx {
    /// Refuse an offer that reaches somebody's desk from whoever has not shown that they read mail, and one more to people
    /// who have not bid, or on the same proposal, if there were enough of those lately.
    async fn offer_may_be_meant(&self, offer: &Offer) -> Result<(), Failure> {
        self.must_read_mail().await?;
        if let Some(proposal) = offer.proposal {
            let sent = format!(
                "select count(*) as count from offers
                 where proposal_id = $1 and created_at > $2 and id <> $3 and ({SENT})"
            );
            let since = self.now() - chrono::TimeDelta::days(1);
            let lately = sql(&sent, [proposal.uuid().into(), since.into(), offer.id.uuid().into()]);
            let lately = Drafts::find_by_statement(lately).one(self.conn()).await?.map_or(0, |found| found.count);
            return Ok(may_offer_again(lately)?);
        }
        let lately = sql(
            "select count(*) as count from offers where organization_id = $1 and approached_at > $2",
            [offer.client.uuid().into(), (self.now() - chrono::TimeDelta::days(1)).into()],
        );
        let lately = Drafts::find_by_statement(lately).one(self.conn()).await?.map_or(0, |found| found.count);
        Ok(may_approach(lately, &self.trade_terms().await?)?)
    }

    /// Note when somebody who had not bid was approached.
    async fn offer_is_meant(&self, offer: &Offer) -> Result<(), Failure> {
        let note =
            "update offers set approached_at = $2 where id = $1 and proposal_id is null and approached_at is null";
        self.conn().execute_raw(sql(note, [offer.id.uuid().into(), self.now().into()])).await?;
        Ok(())
    }
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

impl TryFrom<row::Model> for Offer {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: State = row.state.0;
        if state.status().as_str() != row.status {
            return Err(Fault::bad_row("offers", "its state is not the one it is listed under"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            contract: ContractId::from_uuid(row.contract_id),
            gig: row.gig_id.map(Id::from_uuid),
            proposal: row.proposal_id.map(Id::from_uuid),
            client: Id::from_uuid(row.organization_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            title: row.title,
            message: row.message,
            engagement: row.engagement.0,
            first_milestone: row.first_milestone_id.map(Id::from_uuid),
            policy: row.policy,
            terms: row.terms.0,
            version: row.version,
            state,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Offer> for row::Model {
    type Error = Fault;
    fn try_from(offer: &Offer) -> Result<Self, Fault> {
        Ok(Self {
            id: offer.id.uuid(),
            contract_id: offer.contract.uuid(),
            gig_id: offer.gig.map(Id::uuid),
            proposal_id: offer.proposal.map(Id::uuid),
            organization_id: offer.client.uuid(),
            freelancer_id: offer.freelancer.uuid(),
            title: offer.title.clone(),
            message: offer.message.clone(),
            engagement: offer.engagement.into(),
            first_milestone_id: offer.first_milestone.map(Id::uuid),
            policy: offer.policy,
            terms: offer.terms.clone().into(),
            version: offer.version,
            status: offer.status().as_str().to_owned(),
            state: offer.state.clone().into(),
            created_at: offer.created_at,
        })
    }
}

mod row {
    use domain::contract::Engagement;
    use domain::offer::State;
    use sea_orm::entity::prelude::*;

    use crate::doc::{Doc, TermsDoc};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "offers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub contract_id: Uuid,
        pub gig_id: Option<Uuid>,
        pub proposal_id: Option<Uuid>,
        pub organization_id: Uuid,
        pub freelancer_id: Uuid,
        pub title: String,
        pub message: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub engagement: Doc<Engagement>,
        pub first_milestone_id: Option<Uuid>,
        pub policy: i32,
        #[sea_orm(column_type = "JsonBinary")]
        pub terms: TermsDoc,
        pub version: i64,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<State>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
