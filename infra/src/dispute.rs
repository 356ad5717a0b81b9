//! Disputes: every act locks what the dispute is about and then the dispute, lets the domain decide,
//! and saves both with their money in one transaction.
//!
//! Locks are taken in the order of ARCHITECTURE.md. What a dispute is about never changes, so it may be
//! read before anything is locked.

use std::collections::{HashMap, HashSet};

use domain::access::{self, Verb};
use domain::change::Change;
use domain::credit::Credit;
use domain::dispute::{self, Case, CaseId, Claim, Dispute, Disputed, Verdict};
use domain::id::{DisputeId, Id, MilestoneId, UserId};
use domain::ledger::LedgerAccount;
use domain::milestone::{Milestone, Side, State};
use domain::money::Money;
use domain::refusal::Refusal;
use sea_orm::{EntityTrait, FromQueryResult, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::market::Market;
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

mod evidence;
mod list;
mod row;

#[derive(FromQueryResult)]
struct Answer {
    yes: bool,
}

#[derive(FromQueryResult)]
struct Partial {
    id: Uuid,
}

impl Market {
    /// The dispute, if the caller may see it.
    pub async fn dispute_find(&self, call: &Call, id: DisputeId) -> Result<Option<Dispute>, Failure> {
        Ok(self.disputes_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Disputes by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn disputes_by_id(&self, call: &Call, wanted: &[DisputeId]) -> Result<Vec<Dispute>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        Self::disputes_seen(call, rows)
    }

    /// Of the disputes in these rows, those that the caller may see.
    fn disputes_seen(call: &Call, rows: Vec<row::Model>) -> Result<Vec<Dispute>, Failure> {
        let disputes = rows.into_iter().map(Dispute::try_from).collect::<Result<Vec<_>, _>>()?;
        let seen = |dispute: &Dispute| access::allows(&call.actor, Verb::DisputeRead, &dispute.subject());
        Ok(disputes.into_iter().filter(seen).collect())
    }

    /// What the caller can do now to disputes they have loaded.
    pub async fn disputes_allowed(
        &self,
        call: &Call,
        disputes: &[&Dispute],
    ) -> Result<HashMap<DisputeId, Vec<Verb>>, Failure> {
        let judges = |dispute: &Dispute| {
            let allowed = dispute.allowed(&call.actor);
            allowed.iter().any(|verb| matches!(verb, Verb::DisputeRecommend | Verb::DisputeAward))
        };
        let judged: Vec<&Dispute> = disputes.iter().copied().filter(|dispute| judges(dispute)).collect();
        let partial: HashSet<Uuid> = match call.actor.user() {
            Some(user) if !judged.is_empty() => {
                let judged: Vec<DisputeId> = judged.iter().map(|dispute| dispute.id).collect();
                let dealt = sql(
                    "select id from disputes where id = any($2) and has_dealings($1, organization_id, freelancer_id)",
                    [user.uuid().into(), ids(&judged)],
                );
                Partial::find_by_statement(dealt).all(self.db()).await?.into_iter().map(|row| row.id).collect()
            }
            Some(_) | None => HashSet::new(),
        };
        let allowed = |dispute: &&Dispute| match judges(dispute) {
            true => dispute.allowed_with(&call.actor, partial.contains(&dispute.id.uuid())),
            false => dispute.allowed(&call.actor),
        };
        Ok(disputes.iter().map(|dispute| (dispute.id, allowed(dispute))).collect())
    }

    /// A side of a milestone opens a dispute over what is held for it, or still pending.
    pub async fn milestone_dispute(
        &self,
        call: &Call,
        id: MilestoneId,
        expected: Option<i64>,
        claim: Claim,
    ) -> Result<(Milestone, Dispute), Failure> {
        run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = dispute::open(milestone, tx.actor(), tx.now(), expected, tx.id(), claim.clone())?;
            let (dispute, milestone) = tx.dispute_with_milestone_save(change.map(|(dispute, milestone)| (Some(dispute), milestone))).await?;
            let dispute = dispute.ok_or_else(|| Fault::bad_row("disputes", "was opened, and is not there"))?;
            let detail = json!({ "dispute": dispute.id, "total": dispute.total, "claim": dispute.claim });
            tx.audit("milestone_dispute", id, detail).await?;
            Ok((milestone, dispute))
        })
    }

    /// A refund request was not answered in time: the money goes back, or a dispute begins.
    pub(crate) async fn milestone_resolve_refund(&self, call: &Call, id: MilestoneId) -> Result<(), Failure> {
        let seen = self.milestone_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        let barred = self.barred(seen.client, seen.freelancer).await?.freelancer;
        run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = dispute::resolve_refund(milestone, tx.actor(), tx.now(), tx.id(), barred)?;
            let (dispute, _) = tx.dispute_with_milestone_save(change).await?;
            if let Some(dispute) = dispute {
                tx.audit("milestone_dispute", id, json!({ "dispute": dispute.id, "total": dispute.total })).await?;
            }
            Ok(())
        })
    }

    /// The other side answers, and disagrees.
    pub async fn dispute_answer(
        &self,
        call: &Call,
        id: DisputeId,
        expected: Option<i64>,
        text: &str,
    ) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_answer", |dispute, case, tx| {
            Ok(dispute.answer(tx.actor(), tx.now(), expected, text)?.and(Change::none(case)))
        })
        .await
    }

    /// The other side gives in.
    pub async fn dispute_concede(&self, call: &Call, id: DisputeId, expected: Option<i64>) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_concede", |dispute, case, tx| {
            dispute.concede(case, tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// The claimant withdraws it.
    pub async fn dispute_withdraw(
        &self,
        call: &Call,
        id: DisputeId,
        expected: Option<i64>,
    ) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_withdraw", |dispute, case, tx| {
            dispute.withdraw(case, tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// A side offers what the freelancer should get.
    pub async fn dispute_offer(
        &self,
        call: &Call,
        id: DisputeId,
        expected: Option<i64>,
        amount: Money,
    ) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_offer", |dispute, case, tx| {
            dispute.offer(case, tx.actor(), tx.now(), expected, amount)
        })
        .await
    }

    /// A side takes the mediator's recommendation.
    pub async fn dispute_accept(&self, call: &Call, id: DisputeId, expected: Option<i64>) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_accept", |dispute, case, tx| {
            dispute.accept(case, tx.actor(), tx.now(), expected)
        })
        .await
    }

    /// A side does not take the mediator's recommendation.
    pub async fn dispute_refuse(&self, call: &Call, id: DisputeId, expected: Option<i64>) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_refuse", |dispute, case, tx| {
            Ok(dispute.refuse(tx.actor(), tx.now(), expected)?.and(Change::none(case)))
        })
        .await
    }

    /// The time of a rung is over.
    pub(crate) async fn dispute_advance(&self, call: &Call, id: DisputeId) -> Result<(), Failure> {
        let dispute = self.dispute_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        let barred = self.barred(dispute.client, dispute.freelancer).await?;
        self.dispute_act(call, id, "dispute_advance", |dispute, case, tx| {
            dispute.advance(case, tx.actor(), tx.now(), barred)
        })
        .await?;
        Ok(())
    }

    /// Our people look at its contract: what is due waits.
    pub(crate) async fn dispute_put_off(&self, call: &Call, id: DisputeId) -> Result<Dispute, Failure> {
        self.dispute_act(call, id, "dispute_put_off", |dispute, case, tx| {
            Ok(dispute.put_off(tx.actor(), tx.now())?.and(Change::none(case)))
        })
        .await
    }

    /// A side pays for arbitration, out of the organization's credit or the freelancer's available
    /// money. The version is not optional: it is what was decided about that costs money.
    pub async fn dispute_pay_fee(&self, call: &Call, id: DisputeId, expected: i64) -> Result<Dispute, Failure> {
        run!(self, call, tx => {
            let (dispute, case) = tx.dispute_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let fee = dispute.terms.arbitration_fee;
            let (account, balance) = match dispute.side(tx.actor()) {
                Some(Side::Freelancer) => {
                    let account = LedgerAccount::Available(dispute.freelancer);
                    (account, Credit::of_none(tx.balance(account, fee.currency()).await?))
                }
                Some(Side::Client) | None => {
                    let account = LedgerAccount::ClientCredit(dispute.client);
                    (account, tx.credit_for_update(dispute.client, fee.currency()).await?)
                }
            };
            let change = dispute.pay_fee(tx.actor(), tx.now(), Some(expected), &balance)?;
            tx.audit("dispute_pay_fee", id, json!({ "fee": fee, "from": account.to_string() })).await?;
            tx.dispute_saved(change.and(Change::none(case))).await
        })
    }

    /// A mediator recommends an outcome.
    pub async fn dispute_recommend(
        &self,
        call: &Call,
        id: DisputeId,
        expected: Option<i64>,
        verdict: Verdict,
    ) -> Result<Dispute, Failure> {
        run!(self, call, tx => {
            let (dispute, case) = tx.dispute_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let dealings = tx.dispute_has_dealings(&dispute).await?;
            let change = dispute.recommend(tx.actor(), tx.now(), expected, verdict.clone(), dealings)?;
            tx.audit("dispute_recommend", id, json!({ "to_freelancer": verdict.to_freelancer })).await?;
            tx.dispute_saved(change.and(Change::none(case))).await
        })
    }

    /// The arbiter decides.
    pub async fn dispute_award(
        &self,
        call: &Call,
        id: DisputeId,
        expected: Option<i64>,
        verdict: Verdict,
    ) -> Result<Dispute, Failure> {
        run!(self, call, tx => {
            let (dispute, case) = tx.dispute_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let dealings = tx.dispute_has_dealings(&dispute).await?;
            let change = dispute.award(case, tx.actor(), tx.now(), expected, verdict.clone(), dealings)?;
            tx.audit("dispute_award", id, json!({ "to_freelancer": verdict.to_freelancer })).await?;
            tx.dispute_saved(change).await
        })
    }

    /// Lock, decide, save, and note who did it.
    async fn dispute_act(
        &self,
        call: &Call,
        id: DisputeId,
        act: &str,
        verb: impl Fn(Dispute, Case, &Tx) -> Result<Disputed, Refusal> + Send + Sync,
    ) -> Result<Dispute, Failure> {
        run!(self, call, tx => {
            let (dispute, case) = tx.dispute_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = verb(dispute, case, tx)?;
            if change.changed {
                let dispute = &change.next.0;
                let mut detail = json!({ "to": dispute.state.as_str(), "version": dispute.version });
                if let dispute::DisputeState::Executed { to_freelancer, .. } = dispute.state {
                    detail["to_freelancer"] = json!(to_freelancer);
                }
                tx.audit(act, id, detail).await?;
            }
            tx.dispute_saved(change).await
        })
    }
}

impl Tx {
    /// The dispute and what it is about, locked until this transaction ends. None, and nothing locked, if whoever acts
    /// may not see it.
    pub async fn dispute_for_update(&self, id: DisputeId) -> Result<Option<(Dispute, Case)>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        let seen = row.map(Dispute::try_from).transpose()?;
        let Some(seen) = seen.filter(|seen| access::visible(self.actor(), &seen.subject())) else {
            return self.is_nothing();
        };
        let case = self.case_for_update(seen.case).await?;
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        let dispute = row.map(Dispute::try_from).transpose()?;
        Ok(dispute.map(|dispute| (dispute, case)))
    }

    /// What a dispute is about, locked until this transaction ends.
    pub async fn case_for_update(&self, id: CaseId) -> Result<Case, Failure> {
        match id {
            CaseId::Milestone(id) => {
                let milestone = self.milestone_for_update(id).await?;
                let milestone = milestone.ok_or_else(|| Fault::bad_row("disputes", "its milestone is not there"))?;
                Ok(Case::Milestone(milestone))
            }
            CaseId::Timesheet(id) => {
                let timesheet = self.timesheet_for_update(id).await?;
                let timesheet = timesheet.ok_or_else(|| Fault::bad_row("disputes", "its timesheet is not there"))?;
                Ok(Case::Timesheet(timesheet))
            }
        }
    }

    /// Save what was decided about a dispute and what it is about, with its money, events and timers.
    pub async fn disputed_save(&self, change: Disputed) -> Result<(Dispute, Case), Failure> {
        if change.changed {
            let (dispute, case) = &change.next;
            self.dispute_write(dispute).await?;
            match case {
                Case::Milestone(milestone) => self.milestone_write(milestone).await?,
                Case::Timesheet(timesheet) => self.timesheet_keep(timesheet).await?,
            }
        }
        self.settle(change).await
    }

    /// Write the row of a dispute. What was decided along with it is the caller's to settle.
    pub(crate) async fn dispute_write(&self, dispute: &Dispute) -> Result<(), Failure> {
        save_row(self.conn(), row::Model::try_from(dispute)?).await
    }

    /// The dispute over a milestone that was loaded for update, locked; none if none is on.
    pub(crate) async fn dispute_over_for_update(&self, milestone: &Milestone) -> Result<Option<Dispute>, Failure> {
        match &milestone.state {
            State::Disputed { dispute, .. } => self.dispute_alone_for_update(*dispute).await,
            _ => Ok(None),
        }
    }

    /// The dispute, locked; what it is about is locked already.
    pub(crate) async fn dispute_alone_for_update(&self, id: DisputeId) -> Result<Option<Dispute>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Dispute::try_from).transpose()?)
    }

    /// Save what was decided about a milestone and the dispute over it, if there is one.
    pub(crate) async fn dispute_with_milestone_save(
        &self,
        change: Change<(Option<Dispute>, Milestone)>,
    ) -> Result<(Option<Dispute>, Milestone), Failure> {
        if change.changed {
            let (dispute, milestone) = &change.next;
            if let Some(dispute) = dispute {
                self.dispute_write(dispute).await?;
            }
            self.milestone_write(milestone).await?;
        }
        self.settle(change).await
    }

    async fn dispute_saved(&self, change: Disputed) -> Result<Dispute, Failure> {
        let (dispute, _) = self.disputed_save(change).await?;
        Ok(dispute)
    }

    async fn dispute_has_dealings(&self, dispute: &Dispute) -> Result<bool, Failure> {
        let Some(user) = self.actor().user() else { return Ok(false) };
        let answer = Answer::find_by_statement(dealings(user, dispute)).one(self.conn()).await?;
        Ok(answer.is_some_and(|answer| answer.yes))
    }
}

fn dealings(user: UserId, dispute: &Dispute) -> sea_orm::Statement {
    sql(
        "select has_dealings($1, $2, $3) as yes",
        [user.uuid().into(), dispute.client.uuid().into(), dispute.freelancer.uuid().into()],
    )
}
