//! Money that goes back to cards: clients ask, and the processor says what becomes of it, late, twice and out of order.

use domain::access::Actor;
use domain::bearer::Bearer;
use domain::event::{Event, OfRefund};
use domain::id::{OrganizationId, PaymentId, PaymentRefundId};
use domain::money::Money;
use domain::payment::{PROCESSOR_SILENT, Payment, Purpose, Refund, RefundState, State};
use domain::policy::Quote;
use domain::refusal::Refusal;

use super::act::absent;
use super::check::parties;
use super::moves::{Answer, Message, Move, RefundSays};
use super::outside::For;
use super::world::{CLIENTS, World, Wrong, id, usd};

impl World {
    /// Somebody has some of a payment go back, mostly its client, and mostly what is there.
    pub(super) fn card_moves(&mut self) -> Option<Move> {
        let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
        let of_it = |payment: &PaymentId| self.bearer_of(*payment).is_some_and(|bearer| bearer.client() == client);
        let theirs: Vec<PaymentId> = self.outside.payments.keys().copied().filter(of_it).collect();
        let credit = self.credit(client);
        let there: Vec<(PaymentId, i64)> =
            theirs.iter().filter_map(|payment| Some((*payment, credit.of(*payment).ok()?.minor()))).collect();
        let some: Vec<(PaymentId, i64)> = there.iter().copied().filter(|(_, cents)| *cents > 0).collect();
        let from = if some.is_empty() || self.dice.percent(5) { &there } else { &some };
        let (payment, cents) = self.dice.pick(from).copied()?;
        let [owner, freelancer] = parties(client, id(1));
        let by = if self.dice.percent(92) { owner } else { freelancer };
        let amount = match self.dice.below(10) {
            0 => usd(cents + 1),
            1..=4 => usd(cents),
            _ => usd(self.dice.between(0, cents)),
        };
        Some(Move::CardRefund { by, refund: self.fresh(), payment, amount })
    }

    pub(super) fn card_refund(
        &mut self,
        by: &Actor,
        refund: PaymentRefundId,
        payment: PaymentId,
        amount: Money,
    ) -> Result<Answer, Wrong> {
        let Some(of) = self.payment_of(payment)? else { return Ok(absent()) };
        let before: Vec<Refund> = self.refunds.values().filter(|refund| refund.payment == payment).cloned().collect();
        let credit = self.credit(of.client).of(payment).map_err(|error| error.to_string())?;
        let looked_at = self.contracts.values().filter(|contract| contract.client == of.client);
        let looked_at = looked_at.map(domain::contract::Contract::moves_money).collect::<Result<Vec<()>, Refusal>>();
        let reviewed = self.client_not_reviewed(of.client);
        let outcome = looked_at.and(reviewed).and_then(|()| of.refund(by, self.now, refund, amount, credit, &before));
        self.take(outcome, |world, refund| {
            world.refunds.insert(refund.id, refund);
        })
    }

    /// The processor is asked, and will say something in the end.
    pub(super) fn refund_is_asked(&mut self, event: &Event) {
        let Event::PaymentRefundStarted { told: OfRefund { refund, .. } } = event else { return };
        let says = match self.dice.below(10) {
            0..=2 => vec![RefundSays::Succeeded],
            3..=4 => vec![RefundSays::TakenUp, RefundSays::Succeeded],
            5 => vec![RefundSays::TakenUp, RefundSays::Failed],
            6 => vec![RefundSays::Failed],
            // A card can be closed by then.
            7 => vec![RefundSays::Succeeded, RefundSays::Failed],
            // It was asked for so long without an answer that it was thought lost, and was not.
            8 => vec![RefundSays::Silent, RefundSays::Succeeded],
            _ => vec![RefundSays::Silent, RefundSays::TakenUp, RefundSays::Succeeded],
        };
        let says = says.into_iter().map(|says| Message::Refund { refund: *refund, says });
        self.outside.inbox.extend(says);
    }

    pub(super) fn refund_is_heard(&mut self, of: PaymentRefundId, says: RefundSays) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(refund) = self.refunds.get(&of).cloned() else { return Ok(absent()) };
        let Some(bearer) = self.bearer_of(refund.payment) else { return Ok(absent()) };
        let wrong = |error: domain::money::MoneyError| error.to_string();
        let (payment, reference) = (refund.payment, format!("re_{of}"));
        let credit = self.credit(refund.client).of(payment).map_err(wrong)?;
        let outcome = match says {
            // It is given up once, while nothing was heard.
            RefundSays::Silent if refund.state != RefundState::Started => return Ok(Answer::AsItWas),
            RefundSays::TakenUp => refund.taken_up(&system, reference, credit),
            RefundSays::Succeeded => refund.succeeded(&system, now, reference, credit),
            RefundSays::Failed | RefundSays::Silent => {
                let code = if says == RefundSays::Silent { PROCESSOR_SILENT } else { "lost_or_stolen_card" };
                let makes_up = refund.makes_up_for(bearer.lost_by(payment).map_err(wrong)?).map_err(wrong)?;
                self.take(bearer.made_up(&system, payment, makes_up), Self::put_bearer)?;
                refund.failed(&system, now, code.to_owned(), makes_up)
            }
        };
        self.take(outcome, |world, refund| {
            world.refunds.insert(refund.id, refund);
        })
    }

    /// What of a payment is back on its card, or on its way there.
    pub(super) fn on_cards(&self) -> i64 {
        let went = self.refunds.values().filter(|refund| !matches!(refund.state, RefundState::Failed { .. }));
        went.map(|refund| refund.amount.minor()).sum()
    }

    pub(super) fn bearer_of(&self, payment: PaymentId) -> Option<Bearer> {
        match self.outside.payments.get(&payment)?.of {
            For::Milestone(id) => self.milestones.get(&id).cloned().map(Bearer::Milestone),
            For::Timesheet(id) => self.timesheets.get(&id).cloned().map(Bearer::Week),
        }
    }

    pub(super) fn put_bearer(&mut self, bearer: Bearer) {
        match bearer {
            Bearer::Milestone(milestone) => self.put_milestone(milestone),
            Bearer::Week(week) => self.put_timesheet(week),
        }
    }

    /// A payment, as its client sees it.
    fn payment_of(&self, payment: PaymentId) -> Result<Option<Payment>, Wrong> {
        let (Some(there), Some(bearer)) = (self.outside.payments.get(&payment), self.bearer_of(payment)) else {
            return Ok(None);
        };
        let (paid, none) = (usd(there.takes), usd(0));
        let quote = Quote {
            amount: paid,
            client_fee: none,
            to_credit: None,
            client_pays: paid,
            freelancer_fee: none,
            freelancer_gets: paid,
        };
        let intent = format!("pi_{payment}");
        let state = match there.told {
            true => State::Succeeded { intent, succeeded_at: self.now },
            false => State::Processing { intent },
        };
        let purpose = match there.of {
            For::Milestone(id) => Purpose::Milestone(id),
            For::Timesheet(id) => Purpose::Timesheet(id),
        };
        let client = bearer.client();
        Ok(Some(Payment { id: payment, client, purpose, method: None, quote, state, created_at: self.now }))
    }
}
