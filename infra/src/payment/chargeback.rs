//! Payments that a client's bank takes back, and gives back. What they reach is locked before anything is
//! decided: contracts, milestones in the order of their ids, the week, disputes.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use domain::change::Change;
use domain::contract::Status;
use domain::dispute::{self, WithDispute};
use domain::id::{ContractId, Id, MilestoneId, PaymentId, TimesheetId};
use domain::ledger::LedgerAccount;
use domain::milestone::{Chargeback, Milestone, Taken};
use domain::money::Money;
use domain::payment::Payment;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::market::Market;
use crate::payments::ProcessorFact;
use crate::sql::sql;
use crate::{Failure, Fault, Tx};

#[derive(FromQueryResult)]
struct Won {
    received_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Corrected {
    minor: i64,
}

/// The chargebacks that what a payment was for has borne.
#[derive(FromQueryResult)]
struct Borne {
    chargebacks: Value,
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
    contract_id: Option<Uuid>,
}

impl Market {
    /// The processor says that a bank has what it took of a payment. If it had given that back, it took it once more, when
    /// somebody else may have had the money for long: whose loss that is our people say, by a correction. Until there is
    /// one this is tried again, and in the end parked. What they corrected before it was given back is about that, and
    /// does not count.
    pub(crate) async fn chargeback_not_given_back(
        &self,
        payment: PaymentId,
        reference: &str,
        amount: Money,
    ) -> Result<(), Failure> {
        let Some(won_at) = self.chargeback_won_at(reference).await? else { return Ok(()) };
        // Whoever books it and when: it stands again, and from now on.
        let stands = "update chargebacks set won_at = null, opened_at = $3
            from payments where payments.id = $1 and chargebacks.organization_id = payments.organization_id
                and chargebacks.reference = $2 and chargebacks.won_at is not null";
        let values = [payment.uuid().into(), reference.into(), self.clock().now().into()];
        self.db().execute_raw(sql(stands, values)).await?;
        let corrected = corrected_by_hand(self.db(), payment, reference, Some(won_at)).await?;
        if corrected == -amount.minor() {
            return Ok(());
        }
        let why = format!(
            "{reference} was won, and {amount} was taken again: see whose loss that is, and correct the books, by \
             corrections about {reference} that come to that since it was won{}",
            so_far(corrected)
        );
        Err(Fault::Service { service: "processor", why }.into())
    }

    /// The processor says that a bank gave back what it took of a payment. If it is in the books that it did so before,
    /// and by a correction of our people that it took that again, it did once more: that is for them to book, too, and
    /// until they have, this is tried again, and in the end parked.
    pub(crate) async fn chargeback_given_back_once(
        &self,
        payment: PaymentId,
        reference: &str,
        amount: Money,
    ) -> Result<(), Failure> {
        let Some(won_at) = self.chargeback_won_at(reference).await? else { return Ok(()) };
        let over = "update chargebacks set won_at = $3
            from payments where payments.id = $1 and chargebacks.organization_id = payments.organization_id
                and chargebacks.reference = $2 and chargebacks.won_at is null";
        let values = [payment.uuid().into(), reference.into(), self.clock().now().into()];
        self.db().execute_raw(sql(over, values)).await?;
        if corrected_by_hand(self.db(), payment, reference, Some(won_at)).await? != -amount.minor() {
            return Ok(());
        }
        let why = format!(
            "{reference} was won, and {amount} was taken again and given back again: see whose that is, and correct \
             the books"
        );
        Err(Fault::Service { service: "processor", why }.into())
    }

    /// When the books heard that a bank gave back what it took, if they have.
    async fn chargeback_won_at(&self, reference: &str) -> Result<Option<Timestamp>, Failure> {
        let select = "select received_at from processor_events where source = 'stripe' and id = $1";
        let won = Won::find_by_statement(sql(select, [format!("{reference}:won").into()]));
        Ok(won.one(self.db()).await?.map(|won| won.received_at))
    }
}

impl Tx {
    /// Keep in mind that a client's bank took something back, or gave it back, whichever is told first: money that the
    /// client brings from now on is held by it.
    pub(super) async fn chargeback_note(&self, payment: &Payment, fact: &ProcessorFact) -> Result<(), Failure> {
        let (reference, won_at) = match fact {
            ProcessorFact::ChargedBack { reference, .. } => (reference, None),
            ProcessorFact::ChargebackWon { reference } => (reference, Some(self.now())),
            ProcessorFact::Succeeded { .. }
            | ProcessorFact::Failed { .. }
            | ProcessorFact::GivenBack { .. }
            | ProcessorFact::Cost { .. }
            | ProcessorFact::CostBack { .. } => return Ok(()),
        };
        let note = "insert into chargebacks (organization_id, reference, opened_at, won_at, payment_id, told_at)
            values ($1, $2, $3, $4, $5, $3)
            on conflict (organization_id, reference) do update set won_at = coalesce(chargebacks.won_at, excluded.won_at)";
        let values = [
            payment.client.uuid().into(),
            reference.clone().into(),
            self.now().into(),
            won_at.into(),
            payment.id.uuid().into(),
        ];
        self.conn().execute_raw(sql(note, values)).await?;
        Ok(())
    }

    /// The client's bank takes back a payment for a milestone.
    pub(super) async fn milestone_charged_back(
        &self,
        of: MilestoneId,
        payment: &Payment,
        (reference, amount): (&str, Money),
    ) -> Result<(), Failure> {
        let (mut in_reach, credit) = self.reach_for_update(payment, Some(of)).await?;
        let place = in_reach.iter().position(|(milestone, _)| milestone.id == of).ok_or(Refusal::HIDDEN)?;
        let own = in_reach.remove(place);
        let taken = Taken { payment: payment.id, reference, amount };
        let change = dispute::charge_back(own, in_reach, credit, self.actor(), self.now(), &taken)?;
        if change.changed {
            self.reached_write(&change.next).await?;
        }
        self.settle(change).await.map(drop)
    }

    /// The client's bank takes back a payment for a week.
    pub(super) async fn timesheet_charged_back(
        &self,
        of: TimesheetId,
        payment: &Payment,
        (reference, amount): (&str, Money),
    ) -> Result<(), Failure> {
        self.timesheet_contract_for_update(of).await?;
        let (in_reach, credit) = self.reach_for_update(payment, None).await?;
        let week = self.timesheet_for_update(of).await?.ok_or(Refusal::HIDDEN)?;
        let taken = Taken { payment: payment.id, reference, amount };
        let change = dispute::charge_back_week(week, in_reach, credit, self.actor(), self.now(), &taken)?;
        if change.changed {
            self.reached_write(&change.next.1).await?;
            self.timesheet_keep(&change.next.0).await?;
        }
        self.settle(change).await.map(drop)
    }

    /// The client's bank gives back what it took of a payment for a milestone, and wherever else it took it.
    pub(super) async fn milestone_chargeback_won(
        &self,
        of: MilestoneId,
        payment: &Payment,
        reference: &str,
    ) -> Result<(), Failure> {
        let change = self.won_elsewhere(payment, Some(of), reference).await?;
        for milestone in &change.next {
            self.milestone_write(milestone).await?;
        }
        self.settle(change).await.map(drop)
    }

    /// The same, of a payment for a week.
    pub(super) async fn timesheet_chargeback_won(
        &self,
        of: TimesheetId,
        payment: &Payment,
        reference: &str,
    ) -> Result<(), Failure> {
        self.timesheet_contract_for_update(of).await?;
        let elsewhere = self.won_elsewhere(payment, None, reference).await?;
        let week = self.timesheet_for_update(of).await?.ok_or(Refusal::HIDDEN)?;
        let change = week.charge_back_won(self.actor(), self.now(), payment.id, reference)?.and(elsewhere);
        for milestone in &change.next.1 {
            self.milestone_write(milestone).await?;
        }
        if change.changed {
            self.timesheet_keep(&change.next.0).await?;
        }
        self.settle(change).await.map(drop)
    }

    /// A bank that keeps what it took gives a part of it back all the same. That makes up for what we bore of it. What
    /// is beyond that is ours until our people find out whose it is, and correct the books. What they booked themselves
    /// before this was heard of is not booked once more; where they booked something else about it, this is tried
    /// again, and in the end parked for them to look at.
    pub(super) async fn chargeback_given_back(
        &self,
        payment: &Payment,
        name: &str,
        (reference, amount): (&str, Money),
    ) -> Result<(), Failure> {
        let bearer = self.bearer_for_update(payment.id).await?;
        let not_now = |why: String| Failure::from(Fault::Service { service: "processor", why });
        if bearer.chargeback(reference).is_none() {
            return Err(not_now(format!("a part of {reference} came back, and the books don't have it yet")));
        }
        let corrected = corrected_by_hand(self.conn(), payment.id, reference, None).await?;
        let by_hand = corrected == amount.minor();
        if !by_hand && corrected != 0 {
            let why = format!(
                "{amount} of {reference} came back, and a correction of what banks did with it says otherwise: see what \
                is right, and correct the books, until corrections about {reference} come to that, or to nothing{}",
                so_far(corrected)
            );
            return Err(not_now(why));
        }
        let taken = Taken { payment: payment.id, reference, amount };
        let change = bearer.given_in_part(self.actor(), payment, (name, &taken), by_hand)?;
        if change.changed {
            self.bearer_write(&change.next).await?;
            let in_part = change.next.chargeback(reference).and_then(|known| known.in_part);
            let made_up = in_part.map_or(amount, |part| part.made_up);
            if !by_hand && made_up != amount {
                tracing::error!(payment = %payment.id, %amount, %made_up, "a bank gave back more of a chargeback than \
                    we bore of it: see whose that is, and correct the books");
            }
        }
        let detail = json!({ "kind": "given_back", "amount": amount, "by_hand": by_hand });
        self.audit("processor_event", payment.id, detail).await?;
        self.settle(change).await.map(drop)
    }

    /// A bank gives all of a chargeback back, and where that belongs is known here. What our people booked of it before
    /// this was heard of would be there twice: they take it back first, and until they have, this is tried again, and in
    /// the end parked. What they booked of a part that the bank gave back is taken back along with the rest.
    pub(super) async fn chargeback_must_be_unbooked(&self, payment: &Payment, reference: &str) -> Result<(), Failure> {
        let corrected = corrected_by_hand(self.conn(), payment.id, reference, None).await?;
        if corrected == 0 {
            return Ok(());
        }
        let select = "select coalesce(m.chargebacks, t.chargebacks) as chargebacks from payments p
            left join milestones m on m.id = p.milestone_id
            left join timesheets t on t.id = p.timesheet_id
            where p.id = $1";
        let borne = Borne::find_by_statement(sql(select, [payment.id.uuid().into()])).one(self.conn()).await?;
        let borne: Vec<Chargeback> =
            borne.map(|borne| serde_json::from_value(borne.chargebacks)).transpose()?.unwrap_or_default();
        let Some(stands) = borne.iter().find(|known| known.reference == reference && !known.won) else { return Ok(()) };
        if stands.in_part.is_some_and(|part| part.amount.minor() == corrected) {
            return Ok(());
        }
        let why = format!(
            "{reference} was won, and corrections say what its bank did already{}: correct the books until those about \
             {reference} come to nothing, and it is booked where it belongs",
            so_far(corrected)
        );
        Err(Fault::Service { service: "processor", why }.into())
    }

    /// What the bank gives back to milestones: to `own`, and to those it took something from elsewhere. Who that is does
    /// not change meanwhile: a chargeback and its end are noted under one name first ([`Self::chargeback_note`]), where the
    /// second waits for the first.
    async fn won_elsewhere(
        &self,
        payment: &Payment,
        own: Option<MilestoneId>,
        reference: &str,
    ) -> Result<Change<Vec<Milestone>>, Failure> {
        let select = "select id, contract_id from milestones
            where id = $2 or (organization_id = $1 and sources <> '[]' and chargebacks @> $3)";
        let values =
            [payment.client.uuid().into(), own.map(Id::uuid).into(), json!([{ "reference": reference }]).into()];
        let found = Found::find_by_statement(sql(select, values)).all(self.conn()).await?;
        let contracts: BTreeSet<ContractId> =
            found.iter().filter_map(|row| row.contract_id.map(Id::from_uuid)).collect();
        let mut goes_on = BTreeMap::new();
        for id in contracts {
            let contract = self.contract_for_update(id).await?;
            goes_on.insert(id, contract.is_some_and(|contract| contract.status() != Status::Ended));
        }
        let ids: Vec<MilestoneId> = found.iter().map(|row| Id::from_uuid(row.id)).collect();
        let mut all = Change::none(Vec::new());
        for milestone in self.milestones_for_update(&ids).await? {
            if Some(milestone.id) != own && !milestone.lost_to(reference) {
                continue;
            }
            let goes_on = milestone.contract.and_then(|id| goes_on.get(&id).copied()).unwrap_or(false);
            let won = milestone.charge_back_won(self.actor(), self.now(), payment.id, reference, goes_on)?;
            all = all.and(won).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        Ok(all)
    }

    /// What a chargeback of this payment may reach, locked: `own` and the milestones that its money came to, in the
    /// order of their ids, with the disputes over them; and what is left of it in the client's credit. Until it is
    /// locked it can be handed on or spent, so it is looked for again.
    async fn reach_for_update(
        &self,
        payment: &Payment,
        own: Option<MilestoneId>,
    ) -> Result<(Vec<WithDispute>, Money), Failure> {
        let mut found = self.reach(payment, own).await?;
        loop {
            let milestones = self.milestones_for_update(&found).await?;
            let credit = self.credit_of_for_update(payment).await?;
            let again = self.reach(payment, own).await?;
            if again == found {
                let mut reached = Vec::new();
                for milestone in milestones {
                    let dispute = self.dispute_over_for_update(&milestone).await?;
                    reached.push((milestone, dispute));
                }
                return Ok((reached, credit));
            }
            found = again;
        }
    }

    async fn reach(&self, payment: &Payment, own: Option<MilestoneId>) -> Result<Vec<MilestoneId>, Failure> {
        let select = "select id, contract_id from milestones
            where id = $2 or (organization_id = $1 and sources <> '[]' and sources @> $3) order by id";
        let its = json!([{ "payment": payment.id }]);
        let values = [payment.client.uuid().into(), own.map(Id::uuid).into(), its.into()];
        let found = Found::find_by_statement(sql(select, values)).all(self.conn()).await?;
        Ok(found.iter().map(|row| Id::from_uuid(row.id)).collect())
    }

    async fn reached_write(&self, reached: &[WithDispute]) -> Result<(), Failure> {
        for (milestone, dispute) in reached {
            if let Some(dispute) = dispute {
                self.dispute_write(dispute).await?;
            }
            self.milestone_write(milestone).await?;
        }
        Ok(())
    }
}

/// What corrections that were approved say that a bank gave back of a chargeback, in cents; below zero if they say that
/// it took more. Of those alone that were proposed `since` then, if that is given. What was corrected of a payment before
/// any chargeback of it was heard of is about the first one that was.
async fn corrected_by_hand(
    conn: &impl ConnectionTrait,
    payment: PaymentId,
    reference: &str,
    since: Option<Timestamp>,
) -> Result<i64, Failure> {
    let select = "select coalesce(sum(case when from_account = $3 then amount_minor else -amount_minor end), 0)::bigint
            as minor
        from corrections
        where status = 'posted' and class = 'dispute' and $3 in (from_account, to_account)
            and ($4::timestamptz is null or proposed_at >= $4)
            and (chargeback = $2 or chargeback is null and (about = $2 or about = $1 and $2 = (
                select reference from chargebacks where payment_id = $5 order by told_at, reference limit 1)))";
    let clearing = LedgerAccount::ProcessorClearing.to_string();
    let values = [payment.to_string().into(), reference.into(), clearing.into(), since.into(), payment.uuid().into()];
    let found = Corrected::find_by_statement(sql(select, values)).one(conn).await?;
    Ok(found.map_or(0, |found| found.minor))
}

/// What corrections come to so far, for whoever has to add one.
fn so_far(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    match cents {
        0 => String::new(),
        _ => format!(" (so far they give back {sign}{}.{:02} USD)", cents / 100, cents % 100),
    }
}
