//! Milestones: every act locks the one it is about, lets the domain decide, and saves the row with
//! its money in one transaction.

use domain::access::{self, Subject, Verb};
use domain::change::Change;
use domain::id::{ContractId, Id, MilestoneId, OfferId, OrganizationId, SubmissionId};
use domain::ledger::LedgerAccount;
use domain::milestone::{Approval, Milestone, MilestoneDraft};
use domain::money::Money;
use domain::offer::MilestoneInput;
use domain::refusal::Refusal;
use domain::submission::Submission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::market::Market;
use crate::offer::told_of;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{rows_with, whole_of};
use crate::{Call, Failure, Tx, run};

mod act;
pub(crate) mod outline;
pub(crate) mod row;

pub use outline::{Outline, Seen};

impl Market {
    /// The milestone, if the caller may see it.
    pub async fn milestone_find(&self, call: &Call, id: MilestoneId) -> Result<Option<Milestone>, Failure> {
        Ok(self.milestones_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Milestones by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn milestones_by_id(&self, call: &Call, wanted: &[MilestoneId]) -> Result<Vec<Milestone>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        self.milestones_seen(call, rows).await
    }

    /// Of the milestones in these rows, those that the caller may see.
    async fn milestones_seen(&self, call: &Call, rows: Vec<row::Model>) -> Result<Vec<Milestone>, Failure> {
        let milestones = rows.into_iter().map(Milestone::try_from).collect::<Result<Vec<_>, _>>()?;
        let milestones = told_of(self.db(), &call.actor, milestones).await?;
        let contracts: Vec<ContractId> = milestones.iter().filter_map(|milestone| milestone.contract).collect();
        let open = self.in_dispute(&call.actor, &contracts).await?;
        let seen = |milestone: &Milestone| {
            let subject = milestone.subject();
            let open = milestone.contract.is_some_and(|contract| open.contains(&contract));
            access::allows(&call.actor, Verb::ContractRead, &subject.disputed_if(subject.disputed || open))
        };
        Ok(milestones.into_iter().filter(seen).collect())
    }

    /// Work that was handed in, if the caller may see its milestone.
    pub async fn submission_find(&self, call: &Call, id: SubmissionId) -> Result<Option<Submission>, Failure> {
        let (of, part) = (row::submission::Column::MilestoneId, (row::submission::Column::Id, id.uuid()));
        let rows = whole_of::<row::Entity, row::submission::Entity>(self.db(), row::Column::Id, of, part).await?;
        if self.milestones_seen(call, rows).await?.is_empty() {
            return Ok(None);
        }
        let row = row::submission::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Submission::try_from).transpose()?)
    }

    /// The milestones of contracts the caller has loaded, oldest first.
    pub async fn milestones_of_contracts(
        &self,
        _call: &Call,
        contracts: &[ContractId],
        page: &PageRequest,
    ) -> Result<Pages<ContractId, Seen>, Failure> {
        let (order, column) = (oldest_first("contract_milestones"), row::Column::ContractId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, column, contracts, page).await?;
        Ok(try_map_pages(pages, |row| Milestone::try_from(row).map(Seen::from))?)
    }

    /// The milestones of the contracts that each of these organizations pays for, newest first; its members see them.
    pub async fn milestones_of_organizations(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Milestone>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::ContractRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        let (order, column) = (newest_first("organization_milestones"), row::Column::OrganizationId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::ContractId.is_not_null());
        let pages = order.pages(self.db(), select, column, &seen, page).await?;
        Ok(try_map_pages(pages, Milestone::try_from)?)
    }

    /// The milestones of the contracts the caller works on, newest first.
    pub async fn milestones_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Milestone>, Failure> {
        let user = call.actor.person()?.user;
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select =
            select.filter(row::Column::FreelancerId.eq(user.uuid())).filter(row::Column::ContractId.is_not_null());
        let slice = newest_first("viewer_milestones").page(self.db(), select, page).await?;
        Ok(slice.try_map(Milestone::try_from)?)
    }

    /// The milestones of an offer the caller has loaded, oldest first.
    pub async fn milestones_of_offer(&self, offer: OfferId, page: &PageRequest) -> Result<Slice<Milestone>, Failure> {
        let pages = self.milestones_of_offers(&Call::system("offer".to_owned()), &[offer], page).await?;
        Ok(pages.into_values().next().unwrap_or_else(Slice::empty))
    }

    /// The milestones of offers the caller has loaded, oldest first.
    pub async fn milestones_of_offers(
        &self,
        _call: &Call,
        offers: &[OfferId],
        page: &PageRequest,
    ) -> Result<Pages<OfferId, Milestone>, Failure> {
        let (order, column) = (oldest_first("offer_milestones"), row::Column::OfferId);
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let pages = order.pages(self.db(), select, column, offers, page).await?;
        Ok(try_map_pages(pages, Milestone::try_from)?)
    }

    /// The work handed in on milestones the caller has loaded, newest first.
    pub async fn submissions_of_milestones(
        &self,
        _call: &Call,
        milestones: &[MilestoneId],
        page: &PageRequest,
    ) -> Result<Pages<MilestoneId, Submission>, Failure> {
        let order = Keyset::<row::submission::Entity> {
            list: "submissions",
            columns: vec![row::submission::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let (select, column) = (row::submission::Entity::find(), row::submission::Column::MilestoneId);
        let pages = order.pages(self.db(), select, column, milestones, page).await?;
        Ok(try_map_pages(pages, Submission::try_from)?)
    }

    /// One side proposes more work on a contract.
    pub async fn milestone_propose(
        &self,
        call: &Call,
        contract: ContractId,
        typed: MilestoneInput,
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(contract).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::MilestonePropose, &contract.subject())?;
            contract.takes_work(tx.actor(), tx.now())?;
            let MilestoneInput { title, description, amount, due } = typed.clone();
            let draft = MilestoneDraft::parse(&title, &description, amount, due, &contract.terms)?;
            tx.milestone_save(Milestone::propose(tx.actor(), tx.id(), contract.deal(), draft)?).await
        })
    }

    /// The other side agrees to what was proposed.
    pub async fn milestone_agree(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_agree", |milestone, tx| milestone.agree(tx.actor(), expected)).await
    }

    /// Either side calls it off, while there is no money in it.
    pub async fn milestone_cancel(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_cancel", |milestone, tx| {
            milestone.cancel(tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// The freelancer hands in work.
    pub async fn milestone_submit(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        message: &str,
        links: &[String],
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let submission_id: SubmissionId = tx.id();
            let change = milestone.submit(tx.actor(), tx.now(), expected, submission_id)?;
            let submission = Submission::parse(submission_id, id, tx.actor(), tx.now(), message, links)?;
            let milestone = tx.milestone_save(change).await?;
            save_row(tx.conn(), row::submission::Model::try_from(&submission)?).await?;
            Ok(milestone)
        })
    }

    /// The client asks for changes.
    pub async fn milestone_request_changes(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        note: &str,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_request_changes", |milestone, tx| {
            milestone.request_changes(tx.actor(), tx.now(), expected, note)
        })
        .await
    }

    /// The client accepts the work, whole or in part.
    pub async fn milestone_approve(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        approval: Approval,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_approve", |milestone, tx| {
            milestone.approve(tx.actor(), tx.now(), expected, approval)
        })
        .await
    }

    /// The client accepts part of the work; the rest of the money moves on to another milestone.
    pub async fn milestone_approve_and_hand_over(
        &self,
        call: &Call,
        id: MilestoneId,
        next: MilestoneId,
        expected: Option<i64>,
        amount: Money,
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let mut found = tx.milestones_for_update(&[id, next]).await?;
            let mut take = |id| found.iter().position(|found| found.id == id).map(|place| found.remove(place));
            let milestone = take(id).ok_or(Refusal::HIDDEN)?;
            let receiving = take(next).ok_or(Refusal::HIDDEN)?;
            let change = milestone.approve_and_hand_over(receiving, tx.actor(), tx.now(), expected, amount)?;
            let (milestone, receiving) = tx.settle(change).await?;
            tx.milestone_write(&receiving).await?;
            tx.milestone_write(&milestone).await?;
            tx.audit("milestone_approve", id, serde_json::json!({ "amount": amount, "rest_to": next })).await?;
            Ok(milestone)
        })
    }

    /// The client asks for money back.
    pub async fn milestone_request_refund(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        amount: Option<Money>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_request_refund", |milestone, tx| {
            milestone.request_refund(tx.actor(), tx.now(), expected, amount)
        })
        .await
    }

    /// The freelancer agrees to a refund.
    pub async fn milestone_agree_refund(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_agree_refund", |milestone, tx| {
            milestone.agree_refund(tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// The freelancer does not agree to a refund.
    pub async fn milestone_refuse_refund(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_refuse_refund", |milestone, tx| {
            milestone.refuse_refund(tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// The client no longer asks for money back.
    pub async fn milestone_withdraw_refund(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_withdraw_refund", |milestone, tx| {
            milestone.withdraw_refund(tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// Either side says that the work goes on.
    pub async fn milestone_keep(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
    ) -> Result<Milestone, Failure> {
        self.milestone_act(call, id, "milestone_keep", |milestone, tx| milestone.keep(tx.actor(), tx.now(), expected))
            .await
    }

    /// The freelancer gives released money back.
    pub async fn milestone_refund_after(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: i64,
        amount: Money,
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let milestone = tx.shown(tx.milestone_for_update(id).await?, Milestone::subject)?;
            let available = tx.balance(LedgerAccount::Available(milestone.freelancer), amount.currency()).await?;
            let change = milestone.refund_after(tx.actor(), tx.now(), expected, amount, available)?;
            tx.audit("milestone_refund_after", id, serde_json::json!({ "amount": amount })).await?;
            tx.milestone_save(change).await
        })
    }
}

impl Tx {
    /// The milestone, locked until this transaction ends, unless it is part of what was never offered to
    /// the actor.
    pub async fn milestone_for_update(&self, id: MilestoneId) -> Result<Option<Milestone>, Failure> {
        Ok(self.milestones_for_update(&[id]).await?.into_iter().next())
    }

    /// The same, of several milestones, locked in the order of their ids.
    pub(crate) async fn milestones_for_update(&self, ids: &[MilestoneId]) -> Result<Vec<Milestone>, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        let found = rows.into_iter().map(Milestone::try_from).collect::<Result<_, _>>()?;
        told_of(self.conn(), self.actor(), found).await
    }

    /// All milestones of an offer, locked in the order of their ids.
    pub(crate) async fn milestones_of_offer_for_update(&self, offer: OfferId) -> Result<Vec<Milestone>, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::OfferId.eq(offer.uuid()))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        Ok(rows.into_iter().map(Milestone::try_from).collect::<Result<_, _>>()?)
    }

    /// All milestones of a contract, locked in the order of their ids.
    pub(crate) async fn milestones_of_contract_for_update(&self, id: ContractId) -> Result<Vec<Milestone>, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::ContractId.eq(id.uuid()))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        Ok(rows.into_iter().map(Milestone::try_from).collect::<Result<_, _>>()?)
    }

    /// Save what was decided about a milestone, with its money, events and timers.
    pub async fn milestone_save(&self, change: Change<Milestone>) -> Result<Milestone, Failure> {
        if change.changed {
            self.milestone_write(&change.next).await?;
        }
        self.settle(change).await
    }

    /// Write the row of a milestone. What was decided along with it is the caller's to settle.
    pub(crate) async fn milestone_write(&self, milestone: &Milestone) -> Result<(), Failure> {
        save_row(self.conn(), row::Model::try_from(milestone)?).await
    }
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { descending: true, ..oldest_first(list) }
}

pub(crate) fn oldest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: false, key: |row| vec![Key::Uuid(row.id)] }
}
