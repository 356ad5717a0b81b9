//! Fees of the processor's that a comparison found and the books don't have. There may be one for each payout, and nobody's
//! money is in them, so our people propose and approve many in one act. Each is a correction and an entry of its own all
//! the same, under the key of its difference: whoever reads the books finds what it is about.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{self, Subject, Verb};
use domain::correction::{Cause, Correction, CorrectionDraft, CorrectionState, Settled, Source};
use domain::id::{CorrectionId, ReconciliationId};
use domain::reconciliation::Class;
use domain::refusal::{Invalid, Refusal};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{row, told};
use crate::market::Market;
use crate::reconciliation::FoundThen;
use crate::sql::rows_with;
use crate::{Call, Failure, Fault, run};

/// So many are proposed or approved in one act, at the most.
pub const FEES_AT_ONCE: usize = 200;

/// So many names at the most are told in a refusal.
const NAMED: usize = 5;

/// What one of our people types to have fees booked that a comparison found.
#[derive(Debug, Clone)]
pub struct FeesAsk {
    /// The comparison.
    pub reconciliation: ReconciliationId,
    /// Which, by what they are about; else all that are neither proposed nor booked, up to [`FEES_AT_ONCE`].
    pub abouts: Option<Vec<String>>,
    /// Why.
    pub reason: String,
}

impl Market {
    /// One of our people proposes to book fees that a comparison found, each as the comparison proposed.
    pub async fn fee_corrections_propose(&self, call: &Call, ask: FeesAsk) -> Result<Vec<Correction>, Failure> {
        access::check(&call.actor, Verb::CorrectionPropose, &Subject::OURS)?;
        // Once they are proposed, there is nothing left to propose for who asks again.
        if let Some(answer) = self.answered::<Vec<Correction>>(call).await? {
            return Ok(answer);
        }
        let drafts = self.fee_drafts(ask).await?;
        run!(self, call, tx => {
            tx.must_be_proved(call).await?;
            let mut proposed = Vec::new();
            for draft in &drafts {
                let change = Correction::propose(tx.actor(), tx.now(), tx.id(), draft.clone())?;
                tx.audit("correction_propose", change.next.id, told(&change.next)).await?;
                proposed.push(tx.correction_save(change).await?);
            }
            Ok(proposed)
        })
    }

    /// Another one of our people approves corrections that are of fees alone: all of them are posted, or none.
    pub async fn fee_corrections_approve(&self, call: &Call, ids: &[CorrectionId]) -> Result<Vec<Correction>, Failure> {
        access::check(&call.actor, Verb::CorrectionApprove, &Subject::OURS)?;
        if let Some(answer) = self.answered::<Vec<Correction>>(call).await? {
            return Ok(answer);
        }
        let ids: BTreeSet<CorrectionId> = ids.iter().copied().collect();
        let mut invalid = Invalid::default();
        within(&mut invalid, "correctionIds", ids.len());
        invalid.finish()?;
        let wanted: Vec<CorrectionId> = ids.iter().copied().collect();
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, &wanted).await?;
        let seen = rows.into_iter().map(Correction::try_from).collect::<Result<Vec<_>, _>>()?;
        if seen.len() < ids.len() {
            return Err(Refusal::HIDDEN.into());
        }
        if let Some(other) = seen.iter().find(|correction| !correction.is_of_a_fee()) {
            let message = format!("{} moves more than a fee of the processor's: approve it by itself", other.id);
            return Err(Refusal::field("correctionIds", "NOT_A_FEE", message).into());
        }
        self.must_still_differ(&seen).await?;
        run!(self, call, tx => {
            tx.must_be_proved(call).await?;
            let mut posted = Vec::new();
            for id in &ids {
                let correction = tx.correction_for_update(*id).await?.ok_or(Refusal::HIDDEN)?;
                let change = correction.approve(tx.actor(), tx.now(), None, &Source::Ours)?;
                if change.changed {
                    tx.audit("correction_approve", *id, told(&change.next)).await?;
                }
                posted.push(tx.correction_save(change).await?);
            }
            Ok(posted)
        })
    }

    /// What is proposed, fee by fee.
    async fn fee_drafts(&self, ask: FeesAsk) -> Result<Vec<CorrectionDraft>, Failure> {
        let FeesAsk { reconciliation, abouts, reason } = ask;
        let mut found = self.fees_found(reconciliation).await?;
        match abouts {
            Some(abouts) => {
                let mut invalid = Invalid::default();
                within(&mut invalid, "abouts", abouts.len());
                for (n, _) in abouts.iter().enumerate().filter(|(_, about)| !found.contains_key(*about)) {
                    let message = "the comparison found no such fee that the books did not have";
                    invalid.add(&format!("abouts.{n}"), "UNKNOWN", message);
                }
                invalid.finish()?;
                found.retain(|about, _| abouts.contains(about));
            }
            None => {
                let taken = self.entries_proposed(&found).await?;
                found.retain(|_, fee| fee.proposal.as_ref().is_some_and(|entry| !taken.contains(&entry.key)));
                if found.is_empty() {
                    let message = "each fee that this comparison found and the books did not have is proposed or booked \
                                   by now: approve what waits";
                    return Err(Refusal::rule("FEES_PROPOSED", message).into());
                }
            }
        }
        let drafts = found.into_iter().take(FEES_AT_ONCE).map(|(about, fee)| {
            let bad = |why: &str| Fault::bad_row("reconciliations", why);
            let newest = fee.newest().ok_or_else(|| bad("a difference of no lines"))?;
            let entry = fee.proposal.ok_or_else(|| bad("a fee without an entry"))?;
            let [posting] = entry.postings() else { return Err(bad("a fee in several parts")) };
            let settles = Settled { reconciliation, newest, proposed: Some(entry.key.clone()) };
            Ok(CorrectionDraft {
                from: posting.from,
                to: posting.to,
                amount: posting.amount,
                reason: reason.clone(),
                cause: Some(Cause { class: Class::Fee, about }),
                settles: Some(settles),
                came_with: None,
                chargeback: None,
            })
        });
        Ok(drafts.collect::<Result<_, Fault>>()?)
    }

    /// The keys of those that wait to be approved, or were.
    async fn entries_proposed(&self, fees: &BTreeMap<String, FoundThen>) -> Result<BTreeSet<String>, Failure> {
        let keys = fees.values().filter_map(|fee| fee.proposal.as_ref()).map(|entry| entry.key.clone());
        let taken = row::Entity::find()
            .filter(row::Column::EntryKey.is_in(keys))
            .filter(row::Column::Status.is_in(["proposed", "posted"]))
            .all(self.db())
            .await?;
        Ok(taken.into_iter().map(|row| row.entry_key).collect())
    }

    /// What came late may have settled a difference: each comparison is made again, once.
    async fn must_still_differ(&self, seen: &[Correction]) -> Result<(), Failure> {
        let mut causes: BTreeMap<ReconciliationId, Vec<&Cause>> = BTreeMap::new();
        let open = seen.iter().filter(|correction| matches!(correction.state, CorrectionState::Proposed { .. }));
        for (of, cause) in open.filter_map(|correction| correction.reconciliation.zip(correction.cause.as_ref())) {
            causes.entry(of).or_default().push(cause);
        }
        for (of, causes) in causes {
            let differs = self.still_differing(of).await?;
            let settled = causes.into_iter().filter(|cause| !differs.contains(&(cause.class, cause.about.clone())));
            let settled: Vec<&str> = settled.map(|cause| cause.about.as_str()).collect();
            if !settled.is_empty() {
                let names = settled.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
                let message = format!(
                    "the processor and the books agree by now about {} of these: decline the corrections about {names}",
                    settled.len()
                );
                return Err(Refusal::rule("CORRECTION_SETTLED", message).into());
            }
        }
        Ok(())
    }
}

/// There is something to do, and not too much at once.
fn within(invalid: &mut Invalid, path: &str, count: usize) {
    if count == 0 {
        invalid.add(path, "REQUIRED", "name one at least");
    }
    if count > FEES_AT_ONCE {
        invalid.add(path, "TOO_MANY", format!("at most {FEES_AT_ONCE} are taken at once"));
    }
}
