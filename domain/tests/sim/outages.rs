//! Carrying out what happens to outages, and what they give to milestones, weeks and offers.

use domain::access::Actor;
use domain::dispute::{self, Case, CaseId};
use domain::id::{Id, OfferId, OutageId, UserId};
use domain::milestone::Status;
use domain::outage::{Grant, Outage, OutageDraft, Places, Span};
use domain::timesheet::TimesheetState;
use domain::user::TimeZone;

use super::act::absent;
use super::moves::Answer;
use super::world::{World, Wrong};

/// Where people live: the freelancers by number, and whoever owns the clients.
pub const FREELANCERS_ZONES: [&str; 3] = ["Asia/Karachi", "Asia/Karachi", "Asia/Dhaka"];
pub const CLIENTS_ZONE: &str = "America/New_York";

/// What is said of an outage: by its number, so that it is known again elsewhere.
pub fn note(of: OutageId) -> String {
    format!("Cable {} is cut", of.uuid().as_u128())
}

/// Where the two sides of this freelancer's work are.
fn places(freelancer: UserId) -> Result<Places, Wrong> {
    let zone = |name: &str| name.parse::<TimeZone>().map_err(|_| format!("no zone {name}"));
    let number = usize::try_from(freelancer.uuid().as_u128()).unwrap_or_default();
    let freelancer = FREELANCERS_ZONES.get(number.wrapping_sub(1)).ok_or("nobody's zone")?;
    Ok(Places { freelancer: zone(freelancer)?, client: zone(CLIENTS_ZONE)? })
}

impl World {
    pub(super) fn outage_declare(
        &mut self,
        by: &Actor,
        outage: OutageId,
        zones: &[&str],
        span: Span,
    ) -> Result<Answer, Wrong> {
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        let declared = Outage::declare(by, self.now, outage, OutageDraft { zones, span, note: note(outage) });
        self.take(declared, Self::put_outage)
    }

    pub(super) fn outage_end(&mut self, by: &Actor, of: OutageId) -> Result<Answer, Wrong> {
        let Some(outage) = self.outages.get(&of).cloned() else { return Ok(absent()) };
        self.take(outage.end(by, self.now), Self::put_outage)
    }

    /// Everybody who has to move, and is affected, gets their hours once.
    pub(super) fn outage_applies(&mut self, of: OutageId) -> Result<Answer, Wrong> {
        let Some(outage) = self.outages.get(&of).cloned() else { return Ok(absent()) };
        let milestones = self.milestones.keys().copied().map(CaseId::Milestone);
        let weeks = self.timesheets.keys().copied().map(CaseId::Timesheet);
        for case in milestones.chain(weeks).collect::<Vec<_>>() {
            self.outage_gives(&outage, case)?;
        }
        for offer in self.offers.keys().copied().collect::<Vec<_>>() {
            self.outage_extends(&outage, offer)?;
        }
        self.take(Ok(outage.applied(self.now)), Self::put_outage)
    }

    /// An open offer keeps itself what it was given.
    fn outage_extends(&mut self, outage: &Outage, id: OfferId) -> Result<(), Wrong> {
        let Some(offer) = self.offers.get(&id).cloned() else { return Ok(()) };
        let Some(grace) = outage.grant_to_offer(self.now, &offer, &places(offer.freelancer)?) else { return Ok(()) };
        let given = self.take(offer.extend(&Actor::System, grace), Self::put_offer)?;
        if given == Answer::Done { Ok(()) } else { Err(format!("{grace:?} was given: {given:?}")) }
    }

    fn outage_gives(&mut self, outage: &Outage, id: CaseId) -> Result<(), Wrong> {
        let Some(case) = self.case(id) else { return Ok(()) };
        if !clock_may_run(&case) {
            return Ok(());
        }
        let places = match &case {
            Case::Milestone(milestone) => places(milestone.freelancer)?,
            Case::Timesheet(week) => places(week.freelancer)?,
        };
        let before: Vec<Grant> = self.grants.values().filter(|grant| grant.of == id).copied().collect();
        let dispute = case.dispute().and_then(|dispute| self.disputes.get(&dispute).cloned());
        let Some(grant) = outage.grant(self.now, &case, dispute.as_ref(), &places, &before) else {
            return Ok(());
        };
        self.grants.insert((outage.id, id, grant.since), grant);
        let given = match (dispute, id) {
            (None, CaseId::Milestone(id)) => self.on_milestone(id, |m| m.extend(&Actor::System, grant.hours))?,
            (None, CaseId::Timesheet(id)) => self.on_timesheet(id, |t| t.extend(&Actor::System, grant.hours))?,
            (Some(dispute), _) => self.take_disputed(dispute::extend(dispute, case, &Actor::System, grant.hours))?,
        };
        if given == Answer::Done { Ok(()) } else { Err(format!("{grant:?} was given: {given:?}")) }
    }

    fn put_outage(&mut self, outage: Outage) {
        self.outages.insert(outage.id, outage);
    }
}

/// Is it in a state with somebody's deadline?
fn clock_may_run(case: &Case) -> bool {
    match case {
        Case::Milestone(milestone) => matches!(
            milestone.status(),
            Status::Submitted | Status::RefundRequested | Status::Dormant | Status::Disputed
        ),
        Case::Timesheet(week) => matches!(
            week.state,
            TimesheetState::Open | TimesheetState::Submitted { .. } | TimesheetState::Disputed { .. }
        ),
    }
}
