//! Which way things went in a move, and who was told of it. The ways are written by hand from the product's tables, not
//! read from the domain: a state that is entered from where it must not be is found whatever verbs led there.

use domain::access::{Actor, Role, Subject};
use domain::contract;
use domain::event::{About, Event};
use domain::id::{
    ContractId, DisputeId, GigId, InvitationId, MilestoneId, OfferId, OrganizationId, PayoutId, ProposalId,
    TimesheetId, UserId,
};
use domain::ledger::{JournalEntry, LedgerAccount, Reason};
use domain::milestone::{Kind, Milestone, Side, State, Status};
use domain::notification::Audience;
use domain::policy::days;

use super::world::{World, Wrong};

/// A thing with states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Offer(OfferId),
    Contract(ContractId),
    Milestone(MilestoneId),
    Dispute(DisputeId),
    Timesheet(TimesheetId),
    Payout(PayoutId),
    Gig(GigId),
    Proposal(ProposalId),
}

/// Where it stood, or stands, and how often it had changed by then.
pub type Stand = (&'static str, i64);

/// A step of a thing.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    of: Thing,
    from: Stand,
    to: Stand,
}

/// What came of the move that was made last.
#[derive(Debug, Default)]
pub struct Happened {
    pub ways: Vec<Way>,
    /// What went on elsewhere than where banks had stopped it.
    pub astray: Vec<Wrong>,
    /// Invitations, and where each stood and stands.
    pub answered: Vec<(InvitationId, &'static str, &'static str)>,
    pub events: Vec<Event>,
}

type Ways = &'static [(&'static str, &'static str)];

const OFFER: Ways = &[
    ("draft", "pending_funding sent withdrawn"),
    ("pending_funding", "sent withdrawn expired"),
    ("sent", "accepted declined withdrawn expired"),
    ("accepted", ""),
    ("declined", ""),
    ("withdrawn", ""),
    ("expired", ""),
];

const CONTRACT: Ways = &[
    ("active", "paused on_hold ending ended"),
    ("paused", "active on_hold ending ended"),
    ("on_hold", "active paused ending ended"),
    ("ending", "on_hold ended"),
    ("ended", ""),
];

/// What banks took leads back to where it was taken from, once they give it back.
const MILESTONE: Ways = &[
    ("proposed", "agreed cancelled"),
    ("agreed", "funding funded approved cancelled refund_requested refunded disputed charged_back"),
    ("funding", "agreed funded approved cancelled charged_back"),
    ("funded", "submitted refund_requested disputed dormant refunded approved charged_back"),
    ("submitted", "changes_requested funded approved disputed charged_back"),
    ("changes_requested", "submitted refund_requested disputed approved charged_back"),
    ("approved", "released disputed split charged_back funded submitted changes_requested refund_requested dormant"),
    ("released", "refunded_after charged_back"),
    ("refund_requested", "agreed funded changes_requested dormant refunded disputed approved charged_back"),
    ("refunded", "charged_back"),
    (
        "disputed",
        "agreed funded submitted changes_requested refund_requested dormant approved released refunded split charged_back",
    ),
    ("split", "charged_back"),
    ("dormant", "funded submitted refund_requested disputed refunded approved charged_back"),
    ("refunded_after", "charged_back"),
    (
        "charged_back",
        "agreed funded submitted changes_requested refund_requested dormant approved released refunded split refunded_after",
    ),
    ("cancelled", ""),
];

const DISPUTE: Ways = &[
    ("opened", "answered negotiating executed withdrawn closed"),
    ("answered", "negotiating recommended executed withdrawn closed"),
    ("negotiating", "recommended executed withdrawn closed"),
    ("recommended", "arbitration hearing executed withdrawn closed"),
    ("arbitration", "hearing executed withdrawn closed"),
    ("hearing", "executed withdrawn closed"),
    ("executed", ""),
    ("withdrawn", ""),
    ("closed", ""),
];

const TIMESHEET: Ways = &[
    ("open", "submitted void"),
    ("submitted", "approved disputed void"),
    ("disputed", "approved void"),
    ("approved", "charging held charged_back"),
    ("charging", "held approved unpaid charged_back"),
    ("unpaid", "charging approved held void charged_back"),
    ("held", "paid charged_back"),
    ("paid", "charged_back"),
    ("void", ""),
    ("charged_back", "paid"),
];

const PAYOUT: Ways = &[
    ("requested", "screening blocked cancelled"),
    ("screening", "queued blocked cancelled"),
    ("blocked", "screening queued cancelled returned"),
    ("queued", "sent blocked cancelled returned"),
    ("sent", "in_transit paid returned queued unknown blocked"),
    ("in_transit", "paid returned unknown blocked"),
    ("unknown", "sent in_transit paid returned queued blocked"),
    // Banks send back what had arrived, and two of our people may have been wrong.
    ("paid", "returned"),
    ("returned", "paid"),
    ("cancelled", ""),
];

const GIG: Ways = &[
    ("draft", "open cancelled removed"),
    ("open", "paused filled expired cancelled removed"),
    ("paused", "open filled expired cancelled removed"),
    ("filled", "removed"),
    ("expired", "open removed"),
    ("cancelled", "open removed"),
    ("removed", ""),
];

/// One that is decided never comes back.
const PROPOSAL: Ways = &[
    ("draft", "submitted withdrawn"),
    ("submitted", "viewed shortlisted interviewing countered offered withdrawn declined not_selected expired removed"),
    ("viewed", "shortlisted interviewing countered offered withdrawn declined not_selected expired removed"),
    ("shortlisted", "interviewing countered offered withdrawn declined not_selected expired removed"),
    ("interviewing", "countered offered withdrawn declined not_selected expired removed"),
    ("countered", "viewed shortlisted interviewing offered withdrawn declined not_selected expired removed"),
    ("offered", "hired viewed shortlisted interviewing not_selected expired removed"),
    ("hired", ""),
    ("withdrawn", ""),
    ("declined", ""),
    ("not_selected", ""),
    ("expired", ""),
    ("removed", ""),
];

impl Thing {
    fn ways(self) -> Ways {
        match self {
            Self::Offer(_) => OFFER,
            Self::Contract(_) => CONTRACT,
            Self::Milestone(_) => MILESTONE,
            Self::Dispute(_) => DISPUTE,
            Self::Timesheet(_) => TIMESHEET,
            Self::Payout(_) => PAYOUT,
            Self::Gig(_) => GIG,
            Self::Proposal(_) => PROPOSAL,
        }
    }

    /// Which sides have to know, if they did not do it themselves, and where it came by itself.
    fn concerns(self, from: &str, to: &str) -> Concerns {
        use Concerns::{Both, Client, Freelancer, Nobody, Other};
        match (self, from, to) {
            // Who was never made an offer does not hear of its end.
            (Self::Offer(_), "draft" | "pending_funding", "pending_funding" | "withdrawn" | "expired") => Nobody,
            (Self::Offer(_), _, "accepted" | "declined") => Client,
            (Self::Offer(_), _, "sent") => Freelancer,
            (Self::Payout(_), _, "blocked" | "in_transit" | "paid" | "returned" | "cancelled") => Freelancer,
            (Self::Payout(_), ..) => Nobody,
            // Money that did not come is the client's to bring; and what is paid with what lay there, as it was before.
            (Self::Milestone(_), "funding", "agreed") => Client,
            (Self::Milestone(_), _, "funding") => Nobody,
            // A gift is its giver's yes.
            (Self::Milestone(_), "agreed" | "funding", "approved") => Freelancer,
            // The client heard what a dispute decided, and what its bank took, when that was; now it is the freelancer's.
            (Self::Milestone(_), "approved", "split" | "charged_back") => Freelancer,
            (Self::Milestone(_), _, "funded") if from != "refund_requested" => Freelancer,
            (Self::Milestone(_), _, "submitted" | "refunded_after") => Client,
            (Self::Milestone(_), _, "changes_requested" | "released") => Freelancer,
            (Self::Milestone(_), _, "approved") => Other,
            (Self::Timesheet(_), _, "charging") => Nobody,
            (Self::Timesheet(_), "charging" | "unpaid", "approved" | "unpaid") => Client,
            (Self::Timesheet(_), _, "submitted") => Client,
            (Self::Timesheet(_), _, "approved") => Other,
            (Self::Timesheet(_), _, "held" | "paid") => Freelancer,
            // A week with nothing in it came to nothing.
            (Self::Timesheet(_), "open", "void") => Nobody,
            (Self::Gig(_), _, "expired" | "removed") => Client,
            (Self::Gig(_), ..) => Nobody,
            // That somebody was writing is theirs alone.
            (Self::Proposal(_), "draft", "withdrawn") => Nobody,
            (Self::Proposal(_), _, "submitted" | "withdrawn") => Client,
            (Self::Proposal(_), "countered", "viewed" | "shortlisted" | "interviewing") => Client,
            (Self::Proposal(_), "offered", "viewed" | "shortlisted" | "interviewing") => Nobody,
            (Self::Proposal(_), _, "shortlisted" | "interviewing") => Freelancer,
            (Self::Proposal(_), _, "declined" | "countered" | "not_selected" | "expired" | "removed") => Freelancer,
            // What comes of an offer is told with that.
            (Self::Proposal(_), ..) => Nobody,
            (Self::Offer(_) | Self::Contract(_) | Self::Milestone(_) | Self::Dispute(_) | Self::Timesheet(_), ..) => {
                Both
            }
        }
    }

    /// What comes of a dispute over hours is told with that, and money that nothing waits for as the client's credit.
    fn is_it(self, about: &About, (client, contract): (OrganizationId, Option<ContractId>)) -> bool {
        let is_credit = about.payment.is_some() && about.organization == Some(client);
        match self {
            Self::Offer(of) => about.offer == Some(of),
            Self::Contract(of) => about.contract == Some(of),
            Self::Milestone(of) => about.milestone == Some(of) || is_credit,
            Self::Dispute(of) => about.dispute == Some(of),
            Self::Timesheet(of) => {
                about.timesheet == Some(of) || about.dispute.is_some() && about.contract == contract || is_credit
            }
            Self::Payout(of) => about.payout == Some(of),
            Self::Gig(of) => about.gig == Some(of),
            Self::Proposal(of) => about.proposal == Some(of),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concerns {
    Nobody,
    Client,
    Freelancer,
    Both,
    /// The freelancer; and the client, if it came by itself.
    Other,
}

impl World {
    /// It is kept, in place of what was.
    pub(super) fn goes(&mut self, of: Thing, from: Option<Stand>, to: Stand) {
        self.happened.ways.extend(from.map(|from| Way { of, from, to }));
    }

    /// Work that stops since banks took all of its money goes on where it stood, once they give it back: on nothing else,
    /// and by no other way.
    pub(super) fn stops(&mut self, before: &Milestone, after: &Milestone) {
        let is_stopped = |milestone: &Milestone| {
            matches!(milestone.state, State::ChargedBack { .. } | State::Approved { from: Some(_), .. })
        };
        let (of, stood, stands) = (after.id, before.status(), after.status());
        match (is_stopped(before), is_stopped(after)) {
            (false, true) => {
                let at_work = match &before.state {
                    State::Disputed { resume, .. } => resume.status(),
                    // Its money came and was taken at once; a gift was approved by then.
                    State::Agreed { .. } | State::Funding { .. } if before.kind == Kind::Work => Status::Funded,
                    State::Agreed { .. } | State::Funding { .. } => Status::Approved,
                    state => state.status(),
                };
                self.stopped.insert(of, at_work);
            }
            (true, false) => match self.stopped.remove(&of) {
                // What was approved is the freelancer's.
                Some(
                    Status::Approved | Status::Released | Status::RefundedAfter | Status::Split | Status::Refunded,
                ) => (),
                Some(at_work) if at_work != stands => {
                    self.happened.astray.push(format!("{of} stopped as {at_work:?}, was {stood:?}, and is {stands:?}"));
                }
                _ => (),
            },
            // What a bank gave back of it is for that work, and nobody's credit.
            (true, true) if at_banks(after) < at_banks(before) => {
                let goes_on = after.contract.and_then(|of| self.contracts.get(&of));
                let goes_on = goes_on.is_some_and(|contract| contract.status() != contract::Status::Ended);
                let to_go_on = after.kind == Kind::Work && (goes_on || after.submissions > 0);
                let at_work = self.stopped.get(&of).filter(|at_work| !at_work.is_terminal() && to_go_on);
                if let Some(at_work) = at_work.filter(|at_work| **at_work != Status::Approved) {
                    self.happened
                        .astray
                        .push(format!("{of} stopped as {at_work:?}, and does not go on with its money"));
                }
            }
            _ => (),
        }
    }

    /// What went on went a way there is, counted its version up, and those whom it concerns were told.
    pub(super) fn check_ways(&self) -> Result<(), Wrong> {
        if let Some(astray) = self.happened.astray.first() {
            return Err(astray.clone());
        }
        for Way { of, from, to } in &self.happened.ways {
            // That a payout is still on its way, or that our people are reminded of a dispute, is nothing new: what
            // somebody had seen of it is as it was.
            let of_clock = matches!(of, Thing::Payout(_) | Thing::Dispute(_)) && self.acting == Actor::System;
            let still = of_clock && from.0 == to.0;
            if from.1 > to.1 || from.1 == to.1 && !still {
                return Err(format!("{of:?} was {} and is {}, and its version is as it was", from.0, to.0));
            }
            if from.0 == to.0 {
                continue;
            }
            let led = of.ways().iter().find(|(state, _)| *state == from.0).map(|(_, to)| *to);
            if !led.is_some_and(|led| led.split_whitespace().any(|one| one == to.0)) {
                return Err(format!("{of:?} went from {} to {}, and no way leads there", from.0, to.0));
            }
            self.check_told(*of, from.0, to.0)?;
            if let (Thing::Proposal(of), "offered") = (of, to.0) {
                self.check_is_wanted(*of)?;
            }
            if let (Thing::Milestone(of), "submitted") = (of, from.0) {
                self.check_held(*of)?;
            }
        }
        Ok(())
    }

    fn check_told(&self, of: Thing, from: &str, to: &str) -> Result<(), Wrong> {
        let Some((organization, freelancer, contract)) = self.sides_of(of) else { return Ok(()) };
        let did = Side::of(Role::of(&self.acting, &Subject::between(organization, freelancer)));
        let by_itself = self.acting == Actor::System;
        let (client, freelancer) = match of.concerns(from, to) {
            Concerns::Nobody => (false, false),
            Concerns::Client => (true, false),
            Concerns::Freelancer => (false, true),
            Concerns::Both => (true, true),
            Concerns::Other => (by_itself, true),
        };
        let told = self.happened.events.iter().filter(|event| of.is_it(&event.about(), (organization, contract)));
        let told: Vec<Audience> = told.map(Audience::of).collect();
        let draft = matches!((of, from, to), (Thing::Proposal(_), "draft", "withdrawn"));
        if draft && told.iter().any(|audience| !audience.client.is_empty()) {
            return Err(format!("{of:?} was a draft, and the client is told that it is withdrawn"));
        }
        let heard = |side| match side {
            Side::Client => told.iter().any(|audience| !audience.client.is_empty()),
            Side::Freelancer => told.iter().any(|audience| audience.person),
        };
        for (side, concerned) in [(Side::Client, client), (Side::Freelancer, freelancer)] {
            if concerned && did != Some(side) && !heard(side) {
                return Err(format!("{of:?} went from {from} to {to}, and the {side:?} was told nothing of it"));
            }
        }
        Ok(())
    }

    fn sides_of(&self, of: Thing) -> Option<(OrganizationId, UserId, Option<ContractId>)> {
        match of {
            Thing::Offer(of) => self.offers.get(&of).map(|one| (one.client, one.freelancer, None)),
            Thing::Contract(of) => self.contracts.get(&of).map(|one| (one.client, one.freelancer, Some(of))),
            Thing::Milestone(of) => self.milestones.get(&of).map(|one| (one.client, one.freelancer, one.contract)),
            Thing::Dispute(of) => self.disputes.get(&of).map(|one| (one.client, one.freelancer, one.contract)),
            Thing::Timesheet(of) => {
                self.timesheets.get(&of).map(|week| (week.client, week.freelancer, Some(week.contract)))
            }
            Thing::Gig(of) => self.gigs.get(&of).map(|one| (one.client, super::world::id(0), None)),
            Thing::Proposal(of) => self.proposals.get(&of).map(|one| (one.client, one.freelancer, None)),
            Thing::Payout(of) => self.payouts.get(&of).map(|one| (super::world::id(0), one.user, None)),
        }
    }

    /// An entry is on the statement of its own contract and on no other, so that what parties recompute from theirs is
    /// all of it, and nothing of anybody else's; and what is pending is available when its time has come, and not before.
    pub(super) fn check_entry(&self, entry: &JournalEntry) -> Result<(), Wrong> {
        let parties = entry.contract.and_then(|of| self.contracts.get(&of)).map(|one| (one.client, one.freelancer));
        for posting in entry.postings() {
            for account in [posting.from, posting.to] {
                let (theirs, mine) = match account {
                    LedgerAccount::Escrow(of) => (self.milestones.get(&of).map(|one| one.contract), entry.contract),
                    LedgerAccount::TimesheetEscrow(of) => {
                        (self.timesheets.get(&of).map(|week| Some(week.contract)), entry.contract)
                    }
                    _ => (None, None),
                };
                let stranger = match (account, parties) {
                    (LedgerAccount::ClientCredit(of), Some((client, _))) => of != client,
                    (LedgerAccount::Pending(of) | LedgerAccount::Available(of), Some((_, freelancer))) => {
                        of != freelancer
                    }
                    (LedgerAccount::InTransit(_) | LedgerAccount::PaidOut, Some(_)) => true,
                    _ => false,
                };
                if stranger || theirs.is_some_and(|theirs| theirs != mine) {
                    return Err(format!("{} is about {account}, on the statement of {:?}", entry.key, entry.contract));
                }
            }
        }
        let Some(milestone) = entry.milestone.and_then(|of| self.milestones.get(&of)) else { return Ok(()) };
        if entry.reason == Reason::HoldOver {
            let over = milestone.holds.iter().filter(|hold| hold.releases_at <= self.now);
            let due: i64 = over.map(|hold| hold.share.net.minor()).sum();
            let moved: i64 = entry.postings().iter().map(|posting| posting.amount.minor()).sum();
            if moved != due {
                return Err(format!("{moved} of {} is available, and {due} was due", milestone.id));
            }
        }
        Ok(())
    }

    /// What the client accepts is held from then on for as long as was settled.
    fn check_held(&self, of: MilestoneId) -> Result<(), Wrong> {
        let Some(milestone) = self.milestones.get(&of) else { return Ok(()) };
        let right = self.now + days(milestone.hold_days.unwrap_or(0));
        let early = self.happened.events.iter().find_map(|event| match event {
            Event::MilestoneApproved { milestone, releases_at, .. } if *milestone == of => Some(*releases_at),
            _ => None,
        });
        match early.filter(|releases_at| *releases_at < right) {
            Some(early) => Err(format!("what of {of} was accepted is to be available at {early}, and not at {right}")),
            None => Ok(()),
        }
    }
}

/// What banks have of what was held for it.
fn at_banks(milestone: &Milestone) -> i64 {
    let stand = milestone.chargebacks.iter().filter(|known| !known.won);
    stand.map(|known| known.bore.from_escrow.minor()).sum()
}
