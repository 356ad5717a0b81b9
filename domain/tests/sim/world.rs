//! A marketplace in memory: what a database would keep, and a clock.

#![expect(clippy::expect_used, reason = "a world that can't be made should stop")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, Denied};
use domain::change::{Change, TimerChange};
use domain::contract::{Contract, HoldReason, brings_out};
use domain::conversation::{Conversation, Message};
use domain::correction::Correction;
use domain::credit::Credit;
use domain::dispute::{Case, CaseId, Dispute, Evidence};
use domain::event::Event;
use domain::gig::{Gig, TradeTerms};
use domain::id::{
    ContractId, ConversationId, CorrectionId, DisputeId, EvidenceId, GigId, Id, InvitationId, MessageId, MilestoneId,
    OfferId, OrganizationId, OutageId, PaymentId, PaymentRefundId, PayoutId, PayoutMethodId, ProposalId, ReviewId,
    ScreeningHitId, TimesheetId, UserId,
};
use domain::invitation::Invitation;
use domain::ledger::LedgerAccount;
use domain::milestone::{self, Milestone};
use domain::money::Money;
use domain::offer::Offer;
use domain::outage::{Grant, Outage, Status};
use domain::payment::{PaymentMethod, Refund};
use domain::payout::{Payout, PayoutMethod};
use domain::policy::{PolicyVersion, Terms};
use domain::proposal::{Closing, Proposal};
use domain::reconciliation::Posted;
use domain::refusal::Refusal;
use domain::review::Reviews;
use domain::screening::Hit;
use domain::timer::Timer;
use domain::timesheet::Timesheet;
use domain::user::User;
use uuid::Uuid;

use super::books::Books;
use super::choose::WORDS;
use super::dice::Dice;
use super::haste::decided_by;
use super::moves::{Answer, Move};
use super::outside::Outside;
use super::people::everybody;
use super::planted::Planted;
use super::trading::trade_terms;
use super::ways::{Happened, Thing};
use super::words::side_name;

pub struct World {
    pub dice: Dice,
    /// What is told or asked a second time. These dice are apart, so that the world is the same with and without.
    pub repeating: Dice,
    pub now: Timestamp,
    next_id: u128,
    pub books: Books,
    pub timers: BTreeMap<Timer, Timestamp>,
    /// Timers that were set since one was last taken up.
    pub set_anew: BTreeSet<Timer>,
    /// Events that the worker has to react to, and has not yet.
    pub outbox: VecDeque<Event>,
    pub policy: PolicyVersion,
    /// Is there a trade here, gigs and all that leads to contracts, and how much of it is what people say of each other,
    /// in percent? These dice say when, so that a world without is as it was.
    pub trades: bool,
    pub words: u64,
    pub trading: Dice,
    pub trade_terms: TradeTerms,
    pub gigs: BTreeMap<GigId, Gig>,
    pub invitations: BTreeMap<InvitationId, Invitation>,
    pub proposals: BTreeMap<ProposalId, Proposal>,
    /// When somebody last did something with a proposal.
    pub bid_at: BTreeMap<ProposalId, Timestamp>,
    /// Gigs that closed and when, of which the worker has to tell those who proposed.
    pub closings: VecDeque<(GigId, Closing, Timestamp)>,
    /// Who keeps away from whom, and which side does.
    pub blocks: BTreeSet<(OrganizationId, UserId, &'static str)>,
    pub reviews: BTreeMap<ContractId, Reviews>,
    /// Contracts of which it was told that their reviews are out, and what those said then.
    pub reviews_told: BTreeSet<ContractId>,
    pub published: BTreeMap<ReviewId, (u8, String, Timestamp)>,
    /// What the sides of disputes brought forward.
    pub evidence: BTreeMap<EvidenceId, Evidence>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub messages: BTreeMap<MessageId, Message>,
    /// How far somebody has read.
    pub read_up_to: BTreeMap<(ConversationId, UserId), i32>,
    /// Who was found on the list.
    pub hits: BTreeMap<ScreeningHitId, Hit>,
    pub offers: BTreeMap<OfferId, Offer>,
    pub contracts: BTreeMap<ContractId, Contract>,
    pub milestones: BTreeMap<MilestoneId, Milestone>,
    pub disputes: BTreeMap<DisputeId, Dispute>,
    pub timesheets: BTreeMap<TimesheetId, Timesheet>,
    /// The cards that contracts' weeks are charged to, and how often one was named.
    pub cards: BTreeMap<ContractId, PaymentMethod>,
    pub cards_named: u64,
    pub outages: BTreeMap<OutageId, Outage>,
    pub grants: BTreeMap<(OutageId, CaseId, Option<Timestamp>), Grant>,
    /// What goes back to cards.
    pub refunds: BTreeMap<PaymentRefundId, Refund>,
    /// Do people have money to be paid out from the beginning?
    pub rich: bool,
    /// Does the worker come round as soon as something is due, so that more is met by the clock than by people?
    pub prompt: bool,
    /// Are disputes taken to the end here?
    pub stubborn: bool,
    /// Do clients have money go back to their cards here?
    pub sends_to_cards: bool,
    /// Do rails behave as in the sandbox, where none is silent for days, and nothing waits with our bank? Its list has
    /// one name.
    pub as_in_sandbox: bool,
    pub payouts: BTreeMap<PayoutId, Payout>,
    pub methods: BTreeMap<PayoutMethodId, PayoutMethod>,
    /// What our people found to be nothing of a payout.
    pub cleared: BTreeSet<(PayoutId, String)>,
    pub corrections: BTreeMap<CorrectionId, Correction>,
    /// Those who may be suspended.
    pub users: BTreeMap<UserId, User>,
    pub outside: Outside,
    /// What banks took of clients by chargebacks of these names: when it was told first, and whether it was won.
    pub taken_back: BTreeMap<(OrganizationId, String), (Timestamp, bool)>,
    /// Who makes the move that is being made.
    pub acting: Actor,
    /// The payment whose news is being heard.
    pub hearing: Option<PaymentId>,
    /// The entries that touched our accounts at the processor.
    pub posted: Vec<Posted>,
    /// When the processor told what for the first time.
    pub heard_at: BTreeMap<String, Timestamp>,
    /// For how many days the money of milestones is held, since it came.
    pub held_days: BTreeMap<MilestoneId, u16>,
    /// The deadlines that somebody was given.
    pub promised: BTreeMap<Promise, Timestamp>,
    /// The holds that our people had a hand in.
    pub touched: BTreeSet<(ContractId, HoldReason)>,
    /// Which moves have succeeded, and why others were refused.
    pub succeeded: BTreeSet<&'static str>,
    pub refusals: BTreeSet<String>,
    /// Where work stood that banks stopped by taking all of its money.
    pub stopped: BTreeMap<MilestoneId, milestone::Status>,
    /// What came of the last move.
    pub happened: Happened,
    /// What is left to do before all is over, once the world winds down.
    pub(super) plan: VecDeque<Move>,
    /// Commands that did something, and commands that were refused.
    pub taken: u64,
    pub refused: u64,
    /// What happened last, and what came of it.
    pub trail: VecDeque<(Timestamp, Move, Option<Answer>)>,
    /// A bug on purpose.
    pub planted: Option<Planted>,
}

/// A deadline: its timer, when it began to run, in which state, and for the how-manieth submission.
pub type Promise = (Timer, Timestamp, &'static str, u16);

pub const FREELANCERS: u128 = 3;
pub const CLIENTS: u128 = 2;

pub fn id<I: Id>(n: u128) -> I {
    I::from_uuid(Uuid::from_u128(n))
}

pub fn usd(cents: i64) -> Money {
    Money::usd(cents).expect("the dice stay in range")
}

/// What is wrong with the world.
pub type Wrong = String;

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().expect("a date");
        let now = start + TimeDelta::days(dice.between(0, 13));
        let outside = Outside::new(dice.percent(15));
        let rich = dice.percent(30);
        Self {
            dice,
            repeating: Dice::new(!seed),
            now,
            next_id: 1_000,
            books: Books::default(),
            timers: BTreeMap::new(),
            set_anew: BTreeSet::new(),
            outbox: VecDeque::new(),
            policy: PolicyVersion { number: 1, effective_from: start, note: String::new(), terms: Terms::default() },
            trades: true,
            words: WORDS,
            trading: Dice::new(seed.rotate_left(32)),
            trade_terms: trade_terms(seed),
            gigs: BTreeMap::new(),
            invitations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            bid_at: BTreeMap::new(),
            closings: VecDeque::new(),
            blocks: BTreeSet::new(),
            reviews: BTreeMap::new(),
            reviews_told: BTreeSet::new(),
            published: BTreeMap::new(),
            evidence: BTreeMap::new(),
            conversations: BTreeMap::new(),
            messages: BTreeMap::new(),
            read_up_to: BTreeMap::new(),
            hits: BTreeMap::new(),
            offers: BTreeMap::new(),
            contracts: BTreeMap::new(),
            milestones: BTreeMap::new(),
            disputes: BTreeMap::new(),
            timesheets: BTreeMap::new(),
            cards: BTreeMap::new(),
            cards_named: 0,
            outages: BTreeMap::new(),
            grants: BTreeMap::new(),
            refunds: BTreeMap::new(),
            rich,
            prompt: false,
            stubborn: false,
            sends_to_cards: true,
            as_in_sandbox: false,
            payouts: BTreeMap::new(),
            methods: BTreeMap::new(),
            cleared: BTreeSet::new(),
            corrections: BTreeMap::new(),
            users: everybody(now).map(|user| (user.id, user)).collect(),
            outside,
            taken_back: BTreeMap::new(),
            acting: Actor::System,
            hearing: None,
            posted: Vec::new(),
            heard_at: BTreeMap::new(),
            held_days: BTreeMap::new(),
            promised: BTreeMap::new(),
            touched: BTreeSet::new(),
            succeeded: BTreeSet::new(),
            refusals: BTreeSet::new(),
            stopped: BTreeMap::new(),
            happened: Happened::default(),
            plan: VecDeque::new(),
            taken: 0,
            refused: 0,
            trail: VecDeque::new(),
            planted: None,
        }
    }

    pub fn fresh<I: Id>(&mut self) -> I {
        self.next_id += 1;
        id(self.next_id)
    }

    pub fn keep_in_mind(&mut self, next: &Move) {
        if self.trail.len() >= 40 {
            self.trail.pop_front();
        }
        self.trail.push_back((self.now, next.clone(), None));
    }

    pub fn put_offer(&mut self, offer: Offer) {
        let (of, to) = (Thing::Offer(offer.id), (offer.status().as_str(), offer.version));
        let before = self.offers.insert(offer.id, offer.clone()).filter(|before| *before != offer);
        self.goes(of, before.map(|before| (before.status().as_str(), before.version)), to);
    }

    pub fn put_contract(&mut self, contract: Contract) {
        let (of, to) = (Thing::Contract(contract.id), (contract.status().as_str(), contract.version));
        let before = self.contracts.insert(contract.id, contract.clone()).filter(|before| *before != contract);
        self.goes(of, before.map(|before| (before.status().as_str(), before.version)), to);
    }

    pub fn put_milestone(&mut self, milestone: Milestone) {
        let (of, to) = (Thing::Milestone(milestone.id), (milestone.status().as_str(), milestone.version));
        let before = self.milestones.insert(milestone.id, milestone.clone()).filter(|before| *before != milestone);
        if let Some(before) = &before {
            self.stops(before, &milestone);
        }
        self.goes(of, before.map(|before| (before.status().as_str(), before.version)), to);
    }

    pub fn put_dispute(&mut self, dispute: Dispute) {
        let (of, to) = (Thing::Dispute(dispute.id), (dispute.state.as_str(), dispute.version));
        let before = self.disputes.insert(dispute.id, dispute.clone()).filter(|before| *before != dispute);
        self.goes(of, before.map(|before| (before.state.as_str(), before.version)), to);
    }

    pub fn put_timesheet(&mut self, timesheet: Timesheet) {
        let (of, to) = (Thing::Timesheet(timesheet.id), (timesheet.state.as_str(), timesheet.version));
        let before = self.timesheets.insert(timesheet.id, timesheet.clone()).filter(|before| *before != timesheet);
        self.goes(of, before.map(|before| (before.state.as_str(), before.version)), to);
    }

    pub fn put_case(&mut self, case: Case) {
        match case {
            Case::Milestone(milestone) => self.put_milestone(milestone),
            Case::Timesheet(timesheet) => self.put_timesheet(timesheet),
        }
    }

    pub fn put_method(&mut self, method: PayoutMethod) {
        self.methods.insert(method.id, method);
    }

    pub fn put_payout(&mut self, payout: Payout) {
        let (of, to) = (Thing::Payout(payout.id), (payout.state.as_str(), payout.version));
        let before = self.payouts.insert(payout.id, payout.clone()).filter(|before| *before != payout);
        self.goes(of, before.map(|before| (before.state.as_str(), before.version)), to);
    }

    pub fn case(&self, of: CaseId) -> Option<Case> {
        match of {
            CaseId::Milestone(id) => self.milestones.get(&id).cloned().map(Case::Milestone),
            CaseId::Timesheet(id) => self.timesheets.get(&id).cloned().map(Case::Timesheet),
        }
    }

    /// Take a verb's answer: post, set timers, tell, and keep the next state; or count the refusal.
    pub fn take<T>(
        &mut self,
        outcome: Result<Change<T>, Refusal>,
        keep: impl FnOnce(&mut Self, T),
    ) -> Result<Answer, Wrong> {
        let stands_still = outcome.and_then(|change| {
            let mut of = change.entries.iter().filter_map(|entry| brings_out(&self.acting, entry));
            of.try_for_each(|contract| self.may_bring_out(contract))?;
            Ok(change)
        });
        let mut change = match stands_still {
            Ok(change) => change,
            Err(refusal) => {
                self.refused += 1;
                let code = code_of(&refusal);
                if !self.refusals.contains(code) {
                    self.refusals.insert(code.to_owned());
                }
                return Ok(Answer::Refused(refusal));
            }
        };
        if let (Some(planted), true) = (self.planted, change.changed) {
            planted.spoil(&mut change);
        }
        // A timer that fired too early sets itself again, though nothing has changed.
        for timer in change.timers {
            match timer {
                TimerChange::Set(timer, due) => {
                    self.timers.insert(timer, due);
                    self.set_anew.insert(timer);
                }
                TimerChange::Stop(timer) => {
                    self.timers.remove(&timer);
                }
            }
        }
        if !change.changed {
            if !change.entries.is_empty() || !change.events.is_empty() {
                return Err("a repeat that comes with entries or events".into());
            }
            return Ok(Answer::AsItWas);
        }
        self.taken += 1;
        for entry in &change.entries {
            self.books.post(entry)?;
            self.check_entry(entry)?;
            self.check_nothing_gets_out(entry)?;
            self.note(entry);
        }
        keep(self, change.next);
        for event in change.events {
            self.happened.events.push(event.clone());
            self.hear(event);
        }
        self.make_up(&change.entries)?;
        Ok(Answer::Done)
    }

    /// The states things are in, and the reasons money moved for.
    pub fn sights(&self, seen: &mut BTreeSet<String>) {
        let mut see = |what: &str, name: &str| {
            let sight = format!("{what} {name}");
            if !seen.contains(&sight) {
                seen.insert(sight);
            }
        };
        self.gigs.values().for_each(|g| see("gig", g.status().as_str()));
        self.hits.values().for_each(|h| see("hit", h.state.as_str()));
        let reviews = self.reviews.values().flat_map(Reviews::all);
        reviews.for_each(|r| {
            see("review", if r.published_at.is_some() { "published" } else { "written" });
            r.reply.iter().for_each(|_| see("review", "replied"));
        });
        let both = |reviews: &&Reviews| reviews.client.is_some() && reviews.freelancer.is_some();
        self.reviews.values().filter(both).for_each(|_| see("review", "both"));
        self.messages.values().for_each(|m| see("message", side_name(m.side)));
        self.read_up_to.values().for_each(|up_to| see("conversation", if *up_to > 1 { "read_on" } else { "read" }));
        self.evidence.values().for_each(|e| see("evidence", side_name(e.side)));
        let answered = |e: &&Evidence| self.evidence.values().any(|o| o.dispute == e.dispute && o.side != e.side);
        self.evidence.values().find(answered).into_iter().for_each(|_| see("evidence", "both"));
        self.invitations.values().for_each(|i| see("invitation", i.status().as_str()));
        self.proposals.values().for_each(|p| see("proposal", p.status().as_str()));
        self.offers.values().for_each(|o| see("offer", o.status().as_str()));
        self.contracts.values().for_each(|c| see("contract", c.status().as_str()));
        self.milestones.values().for_each(|m| see("milestone", m.status().as_str()));
        let by_risk = |m: &&Milestone| m.hold_days.is_some_and(|days| days > m.terms.security_hold_days);
        self.milestones.values().filter(by_risk).for_each(|m| see("held by risk", m.status().as_str()));
        self.disputes.values().for_each(|d| see("dispute", d.state.as_str()));
        self.disputes.values().filter_map(decided_by).for_each(|how| see("outcome", how));
        self.timesheets.values().for_each(|t| see("timesheet", t.state.as_str()));
        self.payouts.values().for_each(|p| see("payout", p.state.as_str()));
        self.corrections.values().for_each(|c| see("correction", c.state.as_str()));
        self.grants.keys().for_each(|(_, of, _)| match of {
            CaseId::Milestone(_) => see("outage", "grant"),
            CaseId::Timesheet(_) => see("outage", "week_grant"),
        });
        self.outages.values().for_each(|o| see("outage", status(o, self.now)));
        self.books.reasons.iter().for_each(|reason| see("reason", reason));
        self.succeeded.iter().for_each(|name| see("verb", name));
        self.refusals.iter().for_each(|code| see("refusal", code));
    }

    pub fn available(&self, user: UserId) -> Money {
        usd(self.books.balance(LedgerAccount::Available(user)).max(0))
    }

    /// When a bank last took something of a client's back, of what it has not given back.
    pub fn taken_back_at(&self, client: OrganizationId) -> Option<Timestamp> {
        let of_it = self.taken_back.iter().filter(|((of, _), (_, won))| *of == client && !won);
        of_it.map(|(_, (at, _))| *at).max()
    }

    pub fn credit(&self, client: OrganizationId) -> Credit {
        self.books.credit(LedgerAccount::ClientCredit(client))
    }
}

fn status(outage: &Outage, now: Timestamp) -> &'static str {
    match outage.status(now) {
        Status::Planned => "planned",
        Status::Ongoing => "ongoing",
        Status::Over => "over",
        Status::Withdrawn => "withdrawn",
    }
}

/// What a refusal is counted under.
fn code_of(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Denied { reason } => match reason {
            Denied::SignIn => "SIGN_IN",
            Denied::Suspended => "SUSPENDED",
            Denied::Hidden => "HIDDEN",
            Denied::SecondFactor => "SECOND_FACTOR_MISSING",
            Denied::NotAllowed => "NOT_ALLOWED",
        },
        Refusal::WrongState { .. } => "WRONG_STATE",
        Refusal::Stale { .. } => "STALE",
        Refusal::Invalid { .. } => "INVALID",
        Refusal::Insufficient { .. } => "INSUFFICIENT",
        Refusal::Limit { code, .. } | Refusal::Rule { code, .. } => code,
        Refusal::Throttled { .. } => "THROTTLED",
        Refusal::Reauthenticate { .. } => "REAUTHENTICATE",
        Refusal::KeyReused => "KEY_REUSED",
    }
}
