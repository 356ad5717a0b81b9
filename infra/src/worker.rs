//! Background work: due timers and waiting events. It runs inside `serve`, or on its own as
//! `work`; any number may run at once, since each takes up only what no other has.

use std::time::Duration;

use domain::event::Event;
use domain::timer::Timer;
use tokio::sync::watch;

use crate::market::Market;
use crate::outbox::Occurrence;
use crate::{Call, Failure};

/// How much is taken up at a time.
const BATCH: i64 = 32;
/// How long to wait when nothing was waiting, unless an event comes by.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after a failure of our own.
const BACKOFF: Duration = Duration::from_secs(2);

/// Work until `stop` turns true, finishing what was begun.
pub async fn run(market: Market, mut stop: watch::Receiver<bool>) {
    let mut heard = market.bus().listen();
    while !*stop.borrow() {
        let wait = match market.work_once().await {
            Ok(0) => IDLE,
            Ok(_) => continue,
            Err(failure) => {
                tracing::error!(error = %failure, "the worker could not take up work; trying again");
                BACKOFF
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            _ = heard.recv() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Keep this node's listeners informed until `stop` turns true.
pub async fn follow(market: Market, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            ended = market.events_follow() => {
                if let Err(failure) = ended {
                    tracing::warn!(error = %failure, "lost the event stream; listening again");
                    tokio::time::sleep(BACKOFF).await;
                }
            }
        }
    }
}

impl Market {
    /// Carry out what is due now and deliver what waits now; the number of things done.
    pub async fn work_once(&self) -> Result<usize, Failure> {
        let timers = self.timers_claim(BATCH).await?;
        let events = self.events_claim(BATCH).await?;
        let count = timers.len() + events.len();
        for due in timers {
            let trace = format!("timer:{}:{}", due.timer.kind(), due.timer.subject());
            match self.timer_fire(&Call::system(trace), due.timer).await {
                // A verb that is refused has been overtaken: there is nothing left for the timer to do.
                Ok(()) | Err(Failure::Refused(_)) => self.timer_done(due).await?,
                Err(Failure::Broken(fault)) => {
                    tracing::error!(timer = due.timer.kind(), subject = %due.timer.subject(), error = %fault, "a timer's verb failed");
                    self.timer_failed(due, &fault.to_string()).await?;
                }
            }
        }
        for occurrence in events {
            match self.react(&occurrence).await {
                Ok(()) => self.event_done(occurrence.id).await?,
                Err(failure) => {
                    tracing::warn!(event = occurrence.event.name(), id = %occurrence.id, error = %failure, "an event could not be delivered");
                    self.event_failed(&occurrence, &failure.to_string()).await?;
                }
            }
        }
        Ok(count)
    }

    /// Work until nothing is left that is due now.
    pub async fn work_until_idle(&self) -> Result<(), Failure> {
        while self.work_once().await? > 0 {}
        Ok(())
    }

    /// The verb a timer stands for.
    async fn timer_fire(&self, _call: &Call, timer: Timer) -> Result<(), Failure> {
        match timer {
            Timer::ExpireGig(_)
            | Timer::WarnGigExpiry(_)
            | Timer::ExpireOffer(_)
            | Timer::ExpireFunding(_)
            | Timer::AutoApproveMilestone(_)
            | Timer::RemindReview(_)
            | Timer::ReleaseMilestone(_)
            | Timer::ResolveRefundRequest(_)
            | Timer::DormancyMilestone(_)
            | Timer::SubmitTimesheet(_)
            | Timer::AutoApproveTimesheet(_)
            | Timer::ChargeTimesheet(_)
            | Timer::PayTimesheet(_)
            | Timer::AdvanceDispute(_)
            | Timer::AdvancePayout(_)
            | Timer::PublishReviews(_) => Ok(()),
        }
    }

    /// What follows from an event outside of the transaction that wrote it. Delivered at least
    /// once: whatever happens here must not mind happening again.
    async fn react(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        match &occurrence.event {
            Event::UserSignedUp { .. }
            | Event::OrganizationCreated { .. }
            | Event::MilestoneProposed { .. }
            | Event::MilestoneAgreed { .. }
            | Event::MilestoneCancelled { .. }
            | Event::MilestoneFundingStarted { .. }
            | Event::MilestoneFundingFailed { .. }
            | Event::MilestoneFunded { .. }
            | Event::PaymentCredited { .. }
            | Event::MilestoneSubmitted { .. }
            | Event::MilestoneReviewWaits { .. }
            | Event::MilestoneChangesRequested { .. }
            | Event::MilestoneApproved { .. }
            | Event::MilestoneReleased { .. }
            | Event::MilestoneRefundRequested { .. }
            | Event::MilestoneRefundRefused { .. }
            | Event::MilestoneRefundWithdrawn { .. }
            | Event::MilestoneRefunded { .. }
            | Event::MilestoneRefundedAfter { .. }
            | Event::MilestoneIdle { .. }
            | Event::MilestoneDormant { .. }
            | Event::MilestoneKept { .. }
            | Event::MilestoneExtended { .. }
            | Event::MilestoneDisputed { .. }
            | Event::MilestoneResumed { .. }
            | Event::MilestoneSettled { .. }
            | Event::MilestoneChargedBack { .. }
            | Event::TimesheetOpened { .. }
            | Event::TimesheetSubmitted { .. }
            | Event::TimesheetApproved { .. }
            | Event::TimesheetDisputed { .. }
            | Event::TimesheetChargeStarted { .. }
            | Event::TimesheetChargeFailed { .. }
            | Event::TimesheetCharged { .. }
            | Event::TimesheetPaid { .. }
            | Event::TimesheetChargedBack { .. }
            | Event::DisputeOpened { .. }
            | Event::DisputeAnswered { .. }
            | Event::DisputeOfferMade { .. }
            | Event::DisputeRecommended { .. }
            | Event::DisputeEscalated { .. }
            | Event::DisputeFeePaid { .. }
            | Event::DisputeExecuted { .. }
            | Event::DisputeWithdrawn { .. }
            | Event::DisputeClosed { .. }
            | Event::PayoutMethodAdded { .. }
            | Event::PayoutMethodRemoved { .. }
            | Event::PayoutRequested { .. }
            | Event::PayoutScreeningBegan { .. }
            | Event::PayoutBlocked { .. }
            | Event::PayoutQueued { .. }
            | Event::PayoutSent { .. }
            | Event::PayoutInTransit { .. }
            | Event::PayoutPaid { .. }
            | Event::PayoutReturned { .. }
            | Event::PayoutUnknown { .. }
            | Event::PayoutCancelled { .. } => Ok(()),
        }
    }
}
