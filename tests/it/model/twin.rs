//! The same marketplace on PostgreSQL, led through the same moves by the use cases that the API and
//! the worker call.

use domain::Timestamp;
use domain::access::{Actor, Person as Someone, Staff};
use domain::contract::Engagement;
use domain::dispute::Claim;
use domain::id::{Id, OrganizationId, PayoutId, SessionId, UserId};
use domain::ledger::LedgerAccount;
use domain::offer::MilestoneInput;
use domain::organization::OrganizationDraft;
use domain::outage::OutageDraft;
use domain::payment::PaymentMethod;
use domain::timer::Timer;
use domain::timesheet::Timesheet;
use infra::correction::CorrectionAsk;
use infra::idempotency::Once;
use infra::offer::{OfferInput, OfferTo};
use infra::payment::FundWith;
use infra::payments::{ProcessorEvent, ProcessorFact};
use infra::payout::PayoutAsk;
use infra::rails::RailEvent;
use infra::timesheet::WorkInput;
use infra::{Call, Failure};
use serde_json::{Value, json};
use tests::{PASSWORD, TestApp};

use super::names::Names;
use super::sim::act::{title, verdict};
use super::sim::hours::note;
use super::sim::moves::{
    Account, Answer, ContractAct, CorrectionAct, DisputeAct, Gift, Message, MilestoneAct, Move, OfferAct, OfferTerms,
    Pay, PayoutAct, TimesheetAct, Work,
};
use super::sim::outages;
use super::sim::world::{CLIENTS, World, id};

/// Everybody of the simulated marketplace, by number: freelancers, the clients' person, others.
const PEOPLE: [u128; 12] = [1, 2, 3, 200, 300, 400, 401, 402, 410, 411, 412, 500];

/// Those of them who are admins: the database knows whose corrections it takes.
const ADMINS: [u128; 4] = [400, 410, 411, 412];

pub struct Twin<'a> {
    pub app: &'a TestApp,
    pub names: Names,
    /// Which move this is; makes idempotency keys and events' ids.
    number: u64,
}

/// Make a request with an idempotency key, and sometimes once more: the answer is the same.
macro_rules! request {
    ($twin:ident, $by:expr, $next:expr, $call:ident => $request:expr) => {{
        let $call = $twin.call($by, $next)?;
        let first = $request.await;
        if let (Ok(first), true) = (&first, $twin.number % 4 == 0) {
            let again = $request.await.map_err(|failure| format!("repeated: {failure}"))?;
            if again != *first {
                return Err(format!("the answer was {first:?}, and repeated {again:?}"));
            }
        }
        first
    }};
}

mod trade;
mod words;

impl<'a> Twin<'a> {
    /// Everybody signs up, and the clients found their organizations.
    pub async fn new(app: &'a TestApp, now: Timestamp) -> Self {
        let clock = app.market.clock();
        clock.advance(now - clock.now());
        let mut twin = Self { app, names: Names::default(), number: 0 };
        for n in PEOPLE {
            let person = app.person(&format!("number{n}")).await;
            twin.names.pair(&id::<UserId>(n).to_string(), &person.id).unwrap();
            if ADMINS.contains(&n) {
                app.grant(&person.email, Some(Staff::Admin)).await;
            }
        }
        let live = outages::FREELANCERS_ZONES.into_iter().zip(1..).chain([(outages::CLIENTS_ZONE, 200)]);
        for (zone, n) in live {
            let user: UserId = twin.names.of(id(n));
            let moved = sqlx::query("update users set time_zone = $2 where id = $1").bind(user.uuid()).bind(zone);
            moved.execute(app.pool()).await.unwrap();
        }
        for n in 1..=CLIENTS {
            let user = twin.names.of(id::<UserId>(200));
            let actor = Actor::Person(Someone {
                user,
                suspended: false,
                second_factor: true,
                staff: None,
                memberships: vec![],
            });
            let call = Call { actor, ..Call::system("model") };
            let draft = OrganizationDraft::parse(&format!("Client {n}"), None, None).unwrap();
            let there = app.market.organization_create(&call, draft).await.unwrap();
            twin.names.pair(&id::<OrganizationId>(n).to_string(), &there.id.to_string()).unwrap();
        }
        twin
    }

    /// Carry out a move that came to `answer` in memory, and see that it comes to the same.
    pub async fn act(&mut self, next: &Move, answer: &Answer, world: &World) -> Result<(), String> {
        self.number += 1;
        let outcome = self.carry_out(next, world).await?;
        match (answer, outcome) {
            (_, None) => Ok(()),
            (Answer::Done | Answer::AsItWas, Some(Ok((here, there)))) => self.names.same(&here, &there, "the answer"),
            (Answer::Refused(here), Some(Err(Failure::Refused(there)))) => {
                self.names.same(&json!(here), &json!(there), "the refusal")
            }
            (here, Some(there)) => Err(format!("the answer is {here:?} in memory and {there:?} on PostgreSQL")),
        }
    }

    /// What is there afterwards, in memory and on PostgreSQL; none where there is no answer to compare.
    async fn carry_out(&self, next: &Move, world: &World) -> Result<Option<Result<(Value, Value), Failure>>, String> {
        let market = &self.app.market;
        let names = &self.names;
        let done = |outcome: Result<(), Failure>| Ok(Some(outcome.map(|()| (Value::Null, Value::Null))));
        let outcome = match next {
            Move::TimePasses(to) => {
                market.clock().advance(*to - market.clock().now());
                return Ok(None);
            }
            Move::PolicyChanges(terms) => {
                let insert =
                    "insert into policy_versions (number, effective_from, note, terms) values ($1, $2, 'By dice', $3)";
                let insert = sqlx::query(insert).bind(world.policy.number).bind(world.now).bind(json!(terms));
                insert.execute(self.app.pool()).await.map_err(|error| error.to_string())?;
                return Ok(None);
            }
            Move::EventsAreTold => {
                while market.events_work().await.map_err(|failure| failure.to_string())? > 0 {}
                return Ok(None);
            }
            Move::TimerFires { timer, again } => {
                if let Timer::AdvancePayout(of) = timer {
                    self.banks_send_back(*of, world).await?;
                }
                self.timer_fires(*timer, *again).await?;
                // What a charge is called is known from its week alone, and only while it is the last.
                let Timer::ChargeTimesheet(of) = timer else { return Ok(None) };
                let there = market.timesheet_find(&Call::system("model"), names.of(*of)).await;
                let here = world.timesheets.get(of).map(by_note);
                there.map(|there| (json!(here), json!(there.as_ref().map(by_note))))
            }
            Move::Heard(message) => return done(self.hears(message).await),
            Move::OfferCreate { by, terms } => {
                let OfferTerms { client, freelancer, .. } = terms;
                let to = OfferTo::Freelancer { client: names.of(*client), freelancer: names.of(*freelancer) };
                let (engagement, milestones) = match &terms.pay {
                    Pay::Fixed(milestones) => (Engagement::Fixed, milestones.clone()),
                    Pay::Hourly { rate, weekly_limit_minutes } => {
                        (Engagement::Hourly { rate: *rate, weekly_limit_minutes: *weekly_limit_minutes }, vec![])
                    }
                };
                let typed =
                    |(id, amount)| MilestoneInput { title: title(id), description: String::new(), amount, due: None };
                let input = OfferInput {
                    to,
                    title: "Work".to_owned(),
                    message: String::new(),
                    engagement,
                    milestones: milestones.into_iter().map(typed).collect(),
                    draft: false,
                };
                let offer = request!(self, by, next, call => market.offer_create(&call, input.clone()));
                match offer {
                    Ok(offer) => {
                        let page = infra::page::PageRequest { first: Some(20), ..Default::default() };
                        let there = market.milestones_of_offer(offer.id, &page).await;
                        let there = there.map_err(|failure| failure.to_string())?;
                        let there: Vec<_> = there.items.into_iter().map(|(_, milestone)| milestone).collect();
                        let of_it = world.milestones.values().filter(|m| m.offer == Some(terms.offer));
                        let here = json!((world.offers.get(&terms.offer), of_it.collect::<Vec<_>>()));
                        Ok((here, json!((offer, there))))
                    }
                    Err(failure) => Err(failure),
                }
            }
            Move::Offer { by, of, expected, act } => {
                let (offer, expected) = (names.of(*of), *expected);
                let here = json!(world.offers.get(of));
                match act {
                    OfferAct::Decline => {
                        request!(self, by, next, call => market.offer_decline(&call, offer, expected, ""))
                            .map(|there| (here, json!(there)))
                    }
                    OfferAct::Withdraw => {
                        request!(self, by, next, call => market.offer_withdraw(&call, offer, expected))
                            .map(|there| (here, json!(there)))
                    }
                    OfferAct::Accept => {
                        let contract = world.offers.get(of).and_then(|offer| world.contracts.get(&offer.contract));
                        request!(self, by, next, call => market.offer_accept(&call, offer, expected))
                            .map(|there| (json!(contract), json!(there)))
                    }
                }
            }
            Move::Contract { by, of, expected, act } => {
                let (contract, expected) = (names.of(*of), *expected);
                let there = match act {
                    ContractAct::Pause => {
                        request!(self, by, next, call => market.contract_pause(&call, contract, expected))
                    }
                    ContractAct::Resume => {
                        request!(self, by, next, call => market.contract_resume(&call, contract, expected))
                    }
                    ContractAct::End => {
                        request!(self, by, next, call => market.contract_end(&call, contract, expected))
                    }
                    ContractAct::Hold(reason) => {
                        request!(self, by, next, call => market.contract_hold(&call, contract, expected, *reason, "Why"))
                    }
                    ContractAct::Lift(reason) => request!(self, by, next, call =>
                        market.contract_lift_hold(&call, contract, expected, *reason, "Why")),
                };
                there.map(|there| (json!(world.contracts.get(of)), json!(there)))
            }
            Move::MilestonePropose { by, milestone, contract, amount } => {
                let contract = names.of(*contract);
                let typed =
                    MilestoneInput { title: title(*milestone), description: String::new(), amount: *amount, due: None };
                request!(self, by, next, call => market.milestone_propose(&call, contract, typed.clone()))
                    .map(|there| (json!(world.milestones.get(milestone)), json!(there)))
            }
            Move::Milestone { by, of, expected, act } => {
                let (m, expected) = (names.of(*of), *expected);
                let there = match *act {
                    MilestoneAct::Agree => request!(self, by, next, call => market.milestone_agree(&call, m, expected)),
                    MilestoneAct::Fund(_) => {
                        let card = card()?;
                        request!(self, by, next, call =>
                            market.milestone_fund(&call, m, expected, FundWith::Card(card.clone())))
                        .map(|(milestone, _)| milestone)
                    }
                    MilestoneAct::FundFromCredit => {
                        request!(self, by, next, call => market.milestone_fund(&call, m, expected, FundWith::Credit))
                            .map(|(milestone, _)| milestone)
                    }
                    MilestoneAct::StopFunding => {
                        request!(self, by, next, call => market.milestone_stop_funding(&call, m, expected))
                    }
                    MilestoneAct::Cancel => {
                        request!(self, by, next, call => market.milestone_cancel(&call, m, expected))
                    }
                    MilestoneAct::Submit(_) => {
                        request!(self, by, next, call => market.milestone_submit(&call, m, expected, "Here it is", &[]))
                    }
                    MilestoneAct::RequestChanges => {
                        request!(self, by, next, call => market.milestone_request_changes(&call, m, expected, "Please"))
                    }
                    MilestoneAct::Approve(approval) => {
                        request!(self, by, next, call => market.milestone_approve(&call, m, expected, approval))
                    }
                    MilestoneAct::HandOver(to, amount) => {
                        let to = names.of(to);
                        request!(self, by, next, call =>
                            market.milestone_approve_and_hand_over(&call, m, to, expected, amount))
                    }
                    MilestoneAct::RequestRefund(amount) => {
                        request!(self, by, next, call => market.milestone_request_refund(&call, m, expected, amount))
                    }
                    MilestoneAct::AgreeRefund => {
                        request!(self, by, next, call => market.milestone_agree_refund(&call, m, expected))
                    }
                    MilestoneAct::RefuseRefund => {
                        request!(self, by, next, call => market.milestone_refuse_refund(&call, m, expected))
                    }
                    MilestoneAct::WithdrawRefund => {
                        request!(self, by, next, call => market.milestone_withdraw_refund(&call, m, expected))
                    }
                    MilestoneAct::RefundAfter(amount) => {
                        let expected = expected.ok_or("a refund afterwards names its version")?;
                        request!(self, by, next, call => market.milestone_refund_after(&call, m, expected, amount))
                    }
                    MilestoneAct::Keep => request!(self, by, next, call => market.milestone_keep(&call, m, expected)),
                    MilestoneAct::Dispute(dispute, amount) => {
                        let claim = Claim { reason: "No".to_owned(), amount };
                        let there = request!(self, by, next, call => market.milestone_dispute(&call, m, expected, claim.clone()));
                        let here = json!((world.milestones.get(of), world.disputes.get(&dispute)));
                        return Ok(Some(there.map(|there| (here, json!(there)))));
                    }
                };
                there.map(|there| (json!(world.milestones.get(of)), json!(there)))
            }
            Move::MilestoneGive { by, gift } => {
                let with = match gift.payment {
                    Some(_) => FundWith::Card(card()?),
                    None => FundWith::Credit,
                };
                let Gift { milestone, contract, amount, kind, .. } = *gift;
                let message = "Thank you".to_owned();
                let gift = infra::bonus::Gift { contract: names.of(contract), kind, amount, message, with };
                request!(self, by, next, call => market.bonus_give(&call, gift.clone()))
                    .map(|(there, _)| (json!(world.milestones.get(&milestone)), json!(there)))
            }
            Move::Dispute { by, of, expected, act } => {
                let (d, expected) = (names.of(*of), *expected);
                let there = match *act {
                    DisputeAct::Answer => {
                        request!(self, by, next, call => market.dispute_answer(&call, d, expected, "No"))
                    }
                    DisputeAct::Concede => request!(self, by, next, call => market.dispute_concede(&call, d, expected)),
                    DisputeAct::Withdraw => {
                        request!(self, by, next, call => market.dispute_withdraw(&call, d, expected))
                    }
                    DisputeAct::Offer(amount) => {
                        request!(self, by, next, call => market.dispute_offer(&call, d, expected, amount))
                    }
                    DisputeAct::Recommend(amount) => {
                        request!(self, by, next, call => market.dispute_recommend(&call, d, expected, verdict(amount)))
                    }
                    DisputeAct::Accept => request!(self, by, next, call => market.dispute_accept(&call, d, expected)),
                    DisputeAct::Refuse => request!(self, by, next, call => market.dispute_refuse(&call, d, expected)),
                    DisputeAct::PayFee => {
                        let expected = expected.ok_or("paying the fee names its version")?;
                        request!(self, by, next, call => market.dispute_pay_fee(&call, d, expected))
                    }
                    DisputeAct::Award(amount) => {
                        request!(self, by, next, call => market.dispute_award(&call, d, expected, verdict(amount)))
                    }
                };
                there.map(|there| (json!(world.disputes.get(of)), json!(there)))
            }
            Move::OutageDeclare { by, outage, zones, span } => {
                let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
                let draft = OutageDraft { zones, span: *span, note: outages::note(*outage) };
                request!(self, by, next, call => market.outage_declare(&call, draft.clone()))
                    .map(|there| (json!(world.outages.get(outage)), json!(there)))
            }
            Move::OutageEnd { by, of } => {
                let outage = names.of(*of);
                request!(self, by, next, call => market.outage_end(&call, outage))
                    .map(|there| (json!(world.outages.get(of)), json!(there)))
            }
            Move::CardRefund { .. } => return Err("no money goes back to cards here".to_owned()),
            Move::Trade { by, act } => self.trades(by, next, act, world).await?,
            Move::Word { by, act } => match self.says(by, next, act, world).await? {
                Some(said) => said,
                None => return Ok(None),
            },
            Move::PayoutMethodAdd { by, method, account: Account { iban, title, in_dollars } } => {
                let here = world.methods.get(method).map(|m| (m.id, m.user, m.added_at, m.usable_from, m.removed_at));
                let session = self.proved_session(by).await?;
                request!(self, by, next, call =>
                    market.payout_method_add(&Call { session, ..call.clone() }, iban, title, *in_dollars))
                .map(|m| (json!(here), json!((m.id, m.user, m.added_at, m.usable_from, m.removed_at))))
            }
            Move::PayoutMethodRemove { by, of } => {
                let (method, here) = (names.of(*of), world.methods.get(of).map(|m| (m.id, m.removed_at)));
                request!(self, by, next, call => market.payout_method_remove(&call, method))
                    .map(|m| (json!(here), json!((m.id, m.removed_at))))
            }
            Move::PayoutRequest { by, payout, ask } => {
                let asked = PayoutAsk {
                    method: names.of(ask.method),
                    amount: ask.amount,
                    purpose_code: "9186".to_owned(),
                    written_purpose: None,
                    retention: ask.retention.map(|(to, amount)| (names.of(to), amount)),
                    password: ask.reauthenticated.then(|| PASSWORD.to_owned()),
                };
                request!(self, by, next, call => market.payout_request(&call, asked.clone()))
                    .map(|there| (json!(world.payouts.get(payout)), json!(there)))
            }
            Move::Payout { by, of, expected, act } => {
                let (payout, expected) = (names.of(*of), *expected);
                let there = match act {
                    PayoutAct::Cancel => {
                        request!(self, by, next, call => market.payout_cancel(&call, payout, expected))
                    }
                    PayoutAct::Unblock => {
                        request!(self, by, next, call => market.payout_unblock(&call, payout, expected, "No"))
                    }
                    PayoutAct::Reject => {
                        request!(self, by, next, call => market.payout_reject(&call, payout, expected, "No"))
                    }
                    PayoutAct::Approve => {
                        request!(self, by, next, call => market.payout_approve(&call, payout, expected))
                    }
                    PayoutAct::Settle(outcome) => {
                        let session = self.proved_session(by).await?;
                        request!(self, by, next, call => market.payout_settle(
                            &Call { session, ..call.clone() }, payout, expected, *outcome, "They said so"))
                    }
                };
                there.map(|there| (json!(world.payouts.get(of)), json!(there)))
            }
            Move::CorrectionPropose { by, correction, draft } => {
                let account = |of: LedgerAccount| names.in_text(&of.to_string()).parse().ok();
                let ask = CorrectionAsk {
                    from: account(draft.from),
                    to: account(draft.to),
                    amount: Some(draft.amount),
                    reason: draft.reason.clone(),
                    class: draft.cause.as_ref().map(|cause| cause.class),
                    about: draft.cause.as_ref().map(|cause| names.in_text(&cause.about)),
                    reconciliation: None,
                };
                let session = self.proved_session(by).await?;
                request!(self, by, next, call =>
                    market.correction_propose(&Call { session, ..call.clone() }, ask.clone()))
                .map(|there| (json!(world.corrections.get(correction)), json!(there)))
            }
            Move::Correction { by, of, expected, act } => {
                let (correction, expected) = (names.of(*of), *expected);
                let session = self.proved_session(by).await?;
                let there = match act {
                    CorrectionAct::Approve => request!(self, by, next, call =>
                        market.correction_approve(&Call { session, ..call.clone() }, correction, expected)),
                    CorrectionAct::Decline => request!(self, by, next, call => market.correction_decline(
                        &Call { session, ..call.clone() }, correction, expected, "It is as it should be")),
                };
                there.map(|there| (json!(world.corrections.get(of)), json!(there)))
            }
            Move::UserSuspend { by, user: of } | Move::UserReinstate { by, user: of } => {
                let user = names.of(*of);
                let there = match next {
                    Move::UserSuspend { .. } => {
                        request!(self, by, next, call => market.user_suspend(&call, user, "A letter"))
                    }
                    _ => request!(self, by, next, call => market.user_reinstate(&call, user, "A mistake")),
                };
                let here = world.users.get(of).map(|user| (user.id, user.suspended_at, user.reinstated_at));
                there.map(|user| (json!(here), json!((user.id, user.suspended_at, user.reinstated_at))))
            }
            Move::CardSet { by, contract: of, token } => {
                let contract = names.of(*of);
                request!(self, by, next, call => market.contract_payment_method_set(&call, contract, token))
                    .map(|there| (json!(world.contracts.get(of)), json!(there)))
            }
            Move::TimeEntryAdd { by, contract: of, expected, work, .. } => {
                let Work { entry, date, minutes, manual } = *work;
                let contract = names.of(*of);
                let input = WorkInput { date, minutes, note: note(entry), manual };
                let here = world.week_begun(*of, date);
                let written = here.and_then(|week| week.entries.iter().find(|one| one.id == entry));
                request!(self, by, next, call => market.time_entry_add(&call, contract, *expected, input.clone()))
                    .map(|(week, entry)| (json!((here.map(by_note), written)), json!((by_note(&week), entry))))
            }
            Move::Timesheet { by, of, expected, act } => {
                let (week, expected) = (names.of(*of), *expected);
                let here = |of| world.timesheets.get(of).map(by_note);
                let there = match act {
                    TimesheetAct::RemoveEntry(entry) => {
                        let entry = names.of(*entry);
                        request!(self, by, next, call => market.time_entry_remove(&call, week, entry, expected))
                    }
                    TimesheetAct::Submit => {
                        request!(self, by, next, call => market.timesheet_submit(&call, week, expected))
                    }
                    TimesheetAct::Approve => {
                        request!(self, by, next, call => market.timesheet_approve(&call, week, expected))
                    }
                    TimesheetAct::WriteOff => {
                        request!(self, by, next, call => market.timesheet_write_off(&call, week, expected))
                    }
                    TimesheetAct::Pay(_, card) => {
                        let card = card.map(PaymentMethod::parse).transpose().map_err(|refusal| refusal.to_string())?;
                        request!(self, by, next, call => market.timesheet_pay(&call, week, expected, card.clone()))
                            .map(|(week, _)| week)
                    }
                    TimesheetAct::Dispute { listed, dispute, apart } => {
                        let listed: Vec<_> = listed.iter().map(|entry| names.of(*entry)).collect();
                        let claim = Claim { reason: "Too long".to_owned(), amount: None };
                        let there = request!(self, by, next, call =>
                            market.timesheet_dispute(&call, week, expected, &listed, claim.clone()));
                        let here = json!((world.disputes.get(dispute), here(of), here(apart)));
                        return Ok(Some(there.map(|(dispute, (rest, apart))| {
                            (here, json!((dispute, by_note(&rest), by_note(&apart))))
                        })));
                    }
                };
                there.map(|there| (json!(here(of)), json!(by_note(&there))))
            }
        };
        Ok(Some(outcome))
    }

    /// A worker takes the timer up if it is due, or fires it by mistake; a second one fires it again.
    async fn timer_fires(&self, timer: Timer, again: bool) -> Result<(), String> {
        // The dice speak for the processor: what the sandbox would tell by itself is with no bank.
        let quiet = "update sandbox_events set told_at = deliver_at where told_at is null";
        sqlx::query(quiet).execute(self.app.pool()).await.map_err(|error| error.to_string())?;
        let (market, timer, call) = (&self.app.market, self.timer(timer), Call::system("model"));
        let taken = market.timer_work_one(timer).await.map_err(|failure| failure.to_string())?;
        for _ in 0..usize::from(!taken) + usize::from(again) {
            match market.timer_fire(&call, timer).await {
                Ok(()) | Err(Failure::Refused(_)) => (),
                Err(Failure::Broken(fault)) => return Err(fault.to_string()),
            }
        }
        Ok(())
    }

    async fn hears(&self, message: &Message) -> Result<(), Failure> {
        let (payment, fact) = match message {
            Message::Succeeded { payment, received } => {
                (*payment, ProcessorFact::Succeeded { intent: "pi".to_owned(), received: *received })
            }
            Message::Failed { payment } => (*payment, ProcessorFact::Failed { code: "card_declined".to_owned() }),
            Message::ChargedBack { payment, reference, amount } => {
                let reference = self.names.in_text(reference);
                (*payment, ProcessorFact::ChargedBack { reference, amount: *amount })
            }
            Message::ChargebackWon { payment, reference } => {
                (*payment, ProcessorFact::ChargebackWon { reference: self.names.in_text(reference) })
            }
            // Nothing was asked for.
            Message::Refund { .. } => return Ok(()),
            Message::Rail { payout, attempt, says } => {
                let event = RailEvent { payout: self.names.of(*payout), attempt: *attempt, said: says.clone() };
                return self.app.market.rail_event(&event).await;
            }
        };
        // The same fact comes under the same id, and sometimes under another.
        let id = match &fact {
            _ if self.number % 2 == 1 => format!("evt_{}", self.number),
            ProcessorFact::ChargedBack { reference, .. } => format!("evt_{reference}"),
            ProcessorFact::ChargebackWon { reference } => format!("evt_{reference}_won"),
            ProcessorFact::Succeeded { .. }
            | ProcessorFact::Failed { .. }
            | ProcessorFact::GivenBack { .. }
            | ProcessorFact::Cost { .. }
            | ProcessorFact::CostBack { .. } => {
                format!("evt_{payment}_{}", fact.as_str())
            }
        };
        let event = ProcessorEvent { source: "sandbox".to_owned(), id, payment: self.names.of(payment), fact };
        self.app.market.processor_event(&event).await
    }

    /// What a bank sends back in memory it sends back in the sandbox, too, before that is asked about it.
    async fn banks_send_back(&self, of: PayoutId, world: &World) -> Result<(), String> {
        let back = world.outside.transfers.iter().filter(|((payout, _), transfer)| *payout == of && transfer.returned);
        for ((payout, attempt), _) in back {
            let there: PayoutId = self.names.of(*payout);
            let send = sqlx::query("update sandbox_transfers set iban_last4 = '0002' where key = $1");
            let send = send.bind(format!("{there}:{attempt}")).execute(self.app.pool());
            send.await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// A session in which the person has just proved who they are: in memory nobody has sessions.
    async fn proved_session(&self, by: &Actor) -> Result<Option<SessionId>, String> {
        let Actor::Person(person) = by else { return Ok(None) };
        let user: UserId = self.names.of(person.user);
        let prove = sqlx::query_scalar(
            "update sessions set proved_at = $2, expires_at = $2 + interval '1 day', ended_at = null, ending = null
             where user_id = $1 returning id",
        );
        let found: Option<uuid::Uuid> = prove
            .bind(user.uuid())
            .bind(self.app.market.clock().now())
            .fetch_optional(self.app.pool())
            .await
            .map_err(|error| error.to_string())?;
        Ok(found.map(SessionId::from_uuid))
    }

    /// Somebody, as they are called on PostgreSQL.
    fn actor(&self, by: &Actor) -> Actor {
        match by {
            Actor::Nobody => Actor::Nobody,
            Actor::System => Actor::System,
            Actor::Person(person) => Actor::Person(Someone {
                user: self.names.of(person.user),
                memberships: person.memberships.iter().map(|(of, role)| (self.names.of(*of), *role)).collect(),
                ..person.clone()
            }),
        }
    }

    fn call(&self, by: &Actor, next: &Move) -> Result<Call, String> {
        let actor = self.actor(by);
        let key = format!("move {}", self.number);
        let once = Once::new(self.app.market.vault(), "model", &key, "move", &format!("{next:?}"));
        let once = once.map_err(|failure| failure.to_string())?;
        Ok(Call { actor, once: Some(once), ..Call::system("model") })
    }

    /// The timer as it is called on PostgreSQL.
    pub fn timer(&self, timer: Timer) -> Timer {
        let names = &self.names;
        match timer {
            Timer::ExpireGig(id) => Timer::ExpireGig(names.of(id)),
            Timer::WarnGigExpiry(id) => Timer::WarnGigExpiry(names.of(id)),
            Timer::RemindTaxForm(id) => Timer::RemindTaxForm(names.of(id)),
            Timer::MailMessages(id) => Timer::MailMessages(names.of(id)),
            Timer::ExpireCorrection(id) => Timer::ExpireCorrection(names.of(id)),
            Timer::ApplyOutage(id) => Timer::ApplyOutage(names.of(id)),
            Timer::ExpireOffer(id) => Timer::ExpireOffer(names.of(id)),
            Timer::ExpireFunding(id) => Timer::ExpireFunding(names.of(id)),
            Timer::AutoApproveMilestone(id) => Timer::AutoApproveMilestone(names.of(id)),
            Timer::RemindReview(id) => Timer::RemindReview(names.of(id)),
            Timer::ReleaseMilestone(id) => Timer::ReleaseMilestone(names.of(id)),
            Timer::ResolveRefundRequest(id) => Timer::ResolveRefundRequest(names.of(id)),
            Timer::DormancyMilestone(id) => Timer::DormancyMilestone(names.of(id)),
            Timer::SubmitTimesheet(id) => Timer::SubmitTimesheet(names.of(id)),
            Timer::AutoApproveTimesheet(id) => Timer::AutoApproveTimesheet(names.of(id)),
            Timer::ChargeTimesheet(id) => Timer::ChargeTimesheet(names.of(id)),
            Timer::PayTimesheet(id) => Timer::PayTimesheet(names.of(id)),
            Timer::WriteOffTimesheet(id) => Timer::WriteOffTimesheet(names.of(id)),
            Timer::AdvanceDispute(id) => Timer::AdvanceDispute(names.of(id)),
            Timer::AdvancePayout(id) => Timer::AdvancePayout(names.of(id)),
            Timer::PublishReviews(id) => Timer::PublishReviews(names.of(id)),
        }
    }
}

/// A week with its entries in the order of what was done: ids of one instant come in any order.
pub fn by_note(week: &Timesheet) -> Timesheet {
    let mut week = week.clone();
    week.entries.sort_by(|a, b| a.note.cmp(&b.note));
    week
}

/// A card of which the processor says nothing by itself: the dice speak for it.
fn card() -> Result<PaymentMethod, String> {
    PaymentMethod::parse("pm_sandbox_silent").map_err(|refusal| refusal.to_string())
}
