//! Acts that need nothing but the milestone's own row, in two statements: read it, with the answer
//! the call was given before; decide; and write all that follows in one, if the row is still the
//! one that was read, and our people do not look at its contract where money of it can be had by
//! this. If it is not, or the same key was used meanwhile, it is all done again. No transaction is
//! open while we think, and nobody waits for us. What brings the client money that was paid for
//! something else concerns that too, and is done in a transaction like any other use case.

use domain::access::Actor;
use domain::bearer::came_back;
use domain::change::Change;
use domain::contract::brings_out;
use domain::id::{ContractId, Id, MilestoneId};
use domain::milestone::Milestone;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::row;
use crate::facts::{Facts, Scene};
use crate::group_commit::Write;
use crate::idempotency::Kept;
use crate::market::Market;
use crate::offer::told_of;
use crate::sql::sql;
use crate::tx::patiently;
use crate::{Call, Failure, Fault, run};

impl Market {
    /// Decide about a milestone, and note who did it.
    pub(super) async fn milestone_act(
        &self,
        call: &Call,
        id: MilestoneId,
        act: &str,
        verb: impl Fn(Milestone, &Scene) -> Result<Change<Milestone>, Refusal> + Send + Sync,
    ) -> Result<Milestone, Failure> {
        patiently(|| self.milestone_decide(call, id, Some(act), &verb)).await
    }

    /// What the clock does to a milestone.
    pub(crate) async fn milestone_tick(
        &self,
        call: &Call,
        id: MilestoneId,
        verb: impl Fn(Milestone, &Scene) -> Result<Change<Milestone>, Refusal> + Send + Sync,
    ) -> Result<Milestone, Failure> {
        patiently(|| self.milestone_decide(call, id, None, &verb)).await
    }

    async fn milestone_decide(
        &self,
        call: &Call,
        id: MilestoneId,
        act: Option<&str>,
        verb: &(impl Fn(Milestone, &Scene) -> Result<Change<Milestone>, Refusal> + Send + Sync),
    ) -> Result<Milestone, Failure> {
        let scene = self.scene(call);
        let (kept, milestone) = self.milestone_glance(call, id).await?;
        if let (Some(once), Some(kept)) = (&call.once, kept) {
            let answer = once.answer(kept)?;
            self.must_still_see(call, once, &answer).await?;
            return Ok(serde_json::from_value(answer)?);
        }
        if let Some(once) = &call.once {
            self.may_keep(once)?;
        }
        let milestone = milestone.ok_or(Refusal::HIDDEN)?;
        let seen = milestone.version;
        let change = verb(milestone, &scene)?;
        let came_back = came_back(&change.entries);
        if came_back.iter().any(|payment| !change.next.payments.contains(payment)) {
            return self.milestone_decide_with_others(call, id, act, verb).await;
        }
        let brought_out = change.entries.iter().find_map(|entry| brings_out(&call.actor, entry));
        // Of what is due it was looked at before ([`Market::put_off`]).
        if call.actor != Actor::System {
            self.must_move_money(call, brought_out).await?;
        }
        let mut facts = Facts::of(&scene, &change)?;
        facts.place(id, change.next.contract);
        if let (Some(act), true) = (act, change.changed) {
            let to = change.next.status().as_str();
            let detail = serde_json::json!({ "to": to, "version": change.next.version });
            facts.note(vec![scene.audit_line(act, id, detail)]);
        }
        facts.keep(call, &change.next)?;
        if change.changed || !facts.is_empty() {
            let (facts, aftermath) = facts.into_text(&scene)?;
            if change.changed {
                let next = row::Model::try_from(&change.next)?;
                let (place, what) = next.move_on(seen, brought_out.is_some());
                if !self.write(Write::new(place, &what, facts)).await? {
                    // By its like, or by our people, who look at its contract by now.
                    self.must_move_money(call, brought_out).await?;
                    return Err(Fault::Overtaken { table: "milestones" }.into());
                }
            } else {
                self.db().execute_raw(sql("select settle($1::jsonb)", [facts.into()])).await?;
            }
            aftermath.follow(self);
        }
        Ok(change.next)
    }

    /// The same in one transaction, with what it was not paid for itself: money of a payment for something else becomes
    /// credit again, and what we bore of that is that other thing's to know.
    async fn milestone_decide_with_others(
        &self,
        call: &Call,
        id: MilestoneId,
        act: Option<&str>,
        verb: &(impl Fn(Milestone, &Scene) -> Result<Change<Milestone>, Refusal> + Send + Sync),
    ) -> Result<Milestone, Failure> {
        run!(self, call, tx => {
            let milestone = tx.milestone_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = verb(milestone, tx.scene())?;
            if let (Some(act), true) = (act, change.changed) {
                let to = change.next.status().as_str();
                tx.audit(act, id, serde_json::json!({ "to": to, "version": change.next.version })).await?;
            }
            tx.milestone_save(change).await
        })
    }

    async fn must_move_money(&self, call: &Call, contract: Option<ContractId>) -> Result<(), Failure> {
        if contract.is_none() {
            return Ok(());
        }
        let looks = Call { once: None, ..call.clone() };
        run!(self, &looks, tx => { tx.must_move_money(contract).await })
    }

    /// The milestone as it is now, and the answer the call was given before, seen at one instant.
    async fn milestone_glance(
        &self,
        call: &Call,
        id: MilestoneId,
    ) -> Result<(Option<Kept>, Option<Milestone>), Failure> {
        let (caller, key) = call.once.as_ref().map(|once| once.name()).unzip();
        let glance = sql(
            "select m.*, k.operation as kept_operation, k.body_hash as kept_body_hash, k.answer as kept_answer
             from (values ($1::uuid)) as asked (id)
             left join milestones m on m.id = asked.id
             left join idempotency k on k.caller = $2 and k.key = $3",
            [id.uuid().into(), caller.into(), key.into()],
        );
        let found = self.db().query_one_raw(glance).await?;
        let found = found.ok_or_else(|| Fault::bad_row("milestones", "nothing was read, not even its absence"))?;
        let kept = Kept::from_query_result_optional(&found, "kept_")?;
        let milestone = row::Model::from_query_result_optional(&found, "")?;
        let found = milestone.map(Milestone::try_from).transpose()?.into_iter().collect();
        Ok((kept, told_of(self.db(), &call.actor, found).await?.into_iter().next()))
    }
}
