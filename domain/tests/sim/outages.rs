//! Carrying out what happens to outages, and what they give to milestones.

use domain::access::Actor;
use domain::dispute;
use domain::id::{Id, MilestoneId, OutageId, UserId};
use domain::milestone::{Milestone, State, Status};
use domain::outage::{Outage, OutageDraft, Places, Span};
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

/// Where the two sides of a milestone of this freelancer are.
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
        for id in self.milestones.keys().copied().collect::<Vec<_>>() {
            self.outage_gives(&outage, id)?;
        }
        self.take(Ok(outage.applied(self.now)), Self::put_outage)
    }

    fn outage_gives(&mut self, outage: &Outage, id: MilestoneId) -> Result<(), Wrong> {
        let Some(milestone) = self.milestones.get(&id).cloned() else { return Ok(()) };
        if !clock_may_run(&milestone) || self.grants.contains_key(&(outage.id, id)) {
            return Ok(());
        }
        let places = places(milestone.freelancer)?;
        let before: Vec<Span> =
            self.grants.values().filter(|grant| grant.milestone == id).map(|grant| grant.span).collect();
        let dispute = match &milestone.state {
            State::Disputed { dispute, .. } => self.disputes.get(dispute).cloned(),
            _ => None,
        };
        let Some(grant) = outage.grant(self.now, &milestone, dispute.as_ref(), &places, &before) else {
            return Ok(());
        };
        self.grants.insert((outage.id, id), grant);
        let given = match dispute {
            None => self.on_milestone(id, |m| m.extend(&Actor::System, grant.hours))?,
            Some(dispute) => {
                let extended = dispute::extend(dispute, milestone, &Actor::System, grant.hours);
                self.take(extended, |world, (dispute, milestone)| {
                    world.put_dispute(dispute);
                    world.put_milestone(milestone);
                })?
            }
        };
        if given == Answer::Done { Ok(()) } else { Err(format!("{grant:?} was given: {given:?}")) }
    }

    fn put_outage(&mut self, outage: Outage) {
        self.outages.insert(outage.id, outage);
    }
}

/// Is it in a state with somebody's deadline?
fn clock_may_run(milestone: &Milestone) -> bool {
    matches!(
        milestone.status(),
        Status::Funded | Status::Submitted | Status::RefundRequested | Status::Dormant | Status::Disputed
    )
}
