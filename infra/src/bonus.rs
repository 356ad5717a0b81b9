//! Bonuses and tips: given and paid for in one transaction.

use domain::bonus;
use domain::id::{ContractId, PaymentId};
use domain::milestone::{Kind, Milestone, State};
use domain::money::Money;
use domain::payment::{Payment, Purpose};
use domain::refusal::Refusal;

use crate::market::Market;
use crate::payment::FundWith;
use crate::{Call, Failure, Fault, run};

/// Something a client gives on top.
#[derive(Debug, Clone)]
pub struct Gift {
    /// On which contract.
    pub contract: ContractId,
    /// A bonus or a tip.
    pub kind: Kind,
    /// How much.
    pub amount: Money,
    /// A few words with it.
    pub message: String,
    /// What it is paid with.
    pub with: FundWith,
}

impl Market {
    /// The client gives a bonus or a tip. Paid by card, the answer has the payment to watch; paid
    /// out of credit the money is on its way at once, and there is no payment.
    pub async fn bonus_give(&self, call: &Call, gift: Gift) -> Result<(Milestone, Option<Payment>), Failure> {
        if let Some(contract) = self.contract_find(call, gift.contract).await? {
            self.client_screen(contract.client).await?;
        }
        let given: (Milestone, Option<Payment>) = run!(self, call, tx => {
            let contract = tx.contract_for_update(gift.contract).await?.ok_or(Refusal::HIDDEN)?;
            let (actor, now) = (tx.actor(), tx.now());
            let given = bonus::give(actor, now, tx.id(), &contract, gift.kind, gift.amount, &gift.message)?;
            let taken_back_at = tx.may_bring_money(contract.client, contract.freelancer).await?;
            let id = given.next.id;
            let detail = serde_json::json!({ "kind": gift.kind, "amount": gift.amount, "contract": contract.id });
            match &gift.with {
                FundWith::Card(method) => {
                    let payment: PaymentId = tx.id();
                    let change = given.then(|milestone| milestone.start_funding(actor, now, None, payment))?;
                    let milestone = tx.milestone_save(change).await?;
                    let State::Funding { attempt, .. } = &milestone.state else {
                        return Err(Fault::bad_row("milestones", "set out to be funded, and is not funding").into());
                    };
                    let started = Payment::start(payment, milestone.client, Purpose::Milestone(id), method.clone(), attempt.quote, now);
                    let payment = tx.payment_save(started).await?;
                    tx.mandate_keep(payment.id, &call.device).await?;
                    tx.audit("bonus_give", id, detail).await?;
                    Ok((milestone, Some(payment)))
                }
                FundWith::Credit => {
                    let credit = tx.credit_for_update(contract.client, gift.amount.currency()).await?;
                    let change = given.then(|milestone| milestone.fund_from_credit(actor, now, None, &credit, taken_back_at))?;
                    let milestone = tx.milestone_save(change).await?;
                    tx.audit("bonus_give", id, detail).await?;
                    Ok((milestone, None))
                }
            }
        })?;
        let (milestone, payment) = given;
        Ok((milestone, self.payment_ask_now(payment).await))
    }
}
