//! Background work: due timers and waiting events. It runs inside `serve`, or on its own as
//! `work`; any number may run at once, since each takes up only what no other has.

use std::time::{Duration, Instant};

use domain::bonus::lapse;
use domain::event::Event;
use domain::proposal::Closing;
use domain::refusal::Refusal;
use domain::timer::Timer;
use tokio::sync::watch;

use crate::market::Market;
use crate::outbox::Occurrence;
use crate::timer::Due;
use crate::{Call, Failure};

/// How much is taken up at a time.
const BATCH: i64 = 32;
/// How long to wait when nothing was waiting, unless an event comes by.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after a failure of our own.
const BACKOFF: Duration = Duration::from_secs(2);

/// How often the platform's accounts are rolled up.
const ROLL_UP_EVERY: Duration = Duration::from_secs(10);

/// Work until `stop` turns true, finishing what was begun.
pub async fn run(market: Market, mut stop: watch::Receiver<bool>) {
    let mut heard = market.bus().listen();
    let mut rolled_up: Option<Instant> = None;
    while !*stop.borrow() {
        if rolled_up.is_none_or(|at| at.elapsed() >= ROLL_UP_EVERY) {
            if let Err(failure) = market.ledger_roll_up().await {
                tracing::warn!(error = %failure, "the platform's accounts could not be rolled up");
            }
            rolled_up = Some(Instant::now());
        }
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
        let count = timers.len();
        for due in timers {
            self.timer_work(due).await?;
        }
        Ok(count + self.events_work().await? + self.sandbox_listen(BATCH).await?)
    }

    /// Take up this one timer, if it is due and no other worker has it; was it?
    pub async fn timer_work_one(&self, timer: Timer) -> Result<bool, Failure> {
        match self.timer_claim(timer).await? {
            Some(due) => self.timer_work(due).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn timer_work(&self, due: Due) -> Result<(), Failure> {
        let trace = format!("timer:{}:{}", due.timer.kind(), due.timer.subject());
        match self.timer_fire(&Call::system(trace), due.timer).await {
            // What is gone, or has gone on, leaves nothing for the timer to do.
            Ok(()) | Err(Failure::Refused(Refusal::Denied { .. } | Refusal::WrongState { .. })) => {
                self.timer_done(due).await
            }
            Err(Failure::Refused(refusal)) => {
                tracing::error!(timer = due.timer.kind(), subject = %due.timer.subject(), error = %refusal, "a timer's verb was refused");
                self.timer_failed(due, &refusal.to_string()).await
            }
            Err(Failure::Broken(fault)) => {
                tracing::error!(timer = due.timer.kind(), subject = %due.timer.subject(), error = %fault, "a timer's verb failed");
                self.timer_failed(due, &fault.to_string()).await
            }
        }
    }

    /// Deliver what waits now; the number of events.
    pub async fn events_work(&self) -> Result<usize, Failure> {
        let events = self.events_claim(BATCH).await?;
        let count = events.len();
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

    /// The verb a timer stands for. It finds for itself whether there is anything to do, so a
    /// worker that fires one by mistake, or one that another has fired, does no harm.
    pub async fn timer_fire(&self, call: &Call, timer: Timer) -> Result<(), Failure> {
        match timer {
            Timer::ExpireOffer(offer) => self.offer_expire(call, offer).await,
            Timer::ExpireFunding(milestone) => {
                self.milestone_tick(call, milestone, |milestone, tx| {
                    milestone.expire_funding(tx.actor(), tx.now())?.then(|milestone| lapse(milestone, tx.now()))
                })
                .await
            }
            Timer::AutoApproveMilestone(milestone) => {
                self.milestone_tick(call, milestone, |milestone, tx| milestone.auto_approve(tx.actor(), tx.now())).await
            }
            Timer::RemindReview(milestone) => {
                self.milestone_tick(call, milestone, |milestone, tx| milestone.remind(tx.actor(), tx.now())).await
            }
            Timer::ReleaseMilestone(milestone) => {
                self.milestone_tick(call, milestone, |milestone, tx| milestone.release(tx.actor(), tx.now())).await
            }
            Timer::ResolveRefundRequest(milestone) => self.milestone_resolve_refund(call, milestone).await,
            Timer::AdvanceDispute(dispute) => self.dispute_advance(call, dispute).await,
            Timer::DormancyMilestone(milestone) => {
                self.milestone_tick(call, milestone, |milestone, tx| milestone.age(tx.actor(), tx.now())).await
            }
            Timer::AdvancePayout(payout) => self.payout_advance(call, payout).await,
            Timer::ApplyOutage(outage) => self.outage_apply(call, outage).await,
            Timer::PublishReviews(contract) => self.reviews_publish(call, contract).await,
            Timer::ExpireGig(id) => self.gig_expire(call, id).await.map(drop),
            Timer::WarnGigExpiry(id) => self.gig_warn_of_expiry(call, id).await.map(drop),
            Timer::SubmitTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.submit(tx.actor(), tx.now(), None)).await
            }
            Timer::AutoApproveTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.auto_approve(tx.actor(), tx.now())).await
            }
            Timer::ChargeTimesheet(id) => self.timesheet_charge(call, id).await,
            Timer::PayTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.release(tx.actor(), tx.now())).await
            }
        }
    }

    /// What follows from an event outside of the transaction that wrote it. Delivered at least
    /// once: whatever happens here must not mind happening again.
    async fn react(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        let call = Call::system(format!("event:{}", occurrence.id));
        self.notify(occurrence).await?;
        match &occurrence.event {
            Event::SessionBegan { .. } | Event::SessionEnded { .. } | Event::ProfileUpdated { .. } => Ok(()),
            Event::MemberInvited { invitation, .. } => self.member_invitation_mail(occurrence, *invitation).await,
            Event::MemberJoined { .. } | Event::MemberLeft { .. } | Event::OrganizationTransferred { .. } => Ok(()),
            Event::MilestoneFundingStarted { payment, .. } | Event::TimesheetChargeStarted { payment, .. } => {
                self.payment_ask(*payment).await.map(|_| ())
            }
            Event::MilestoneFunded { milestone, .. } => self.offer_send_when_funded(&call, *milestone).await,
            Event::PayoutScreeningBegan { payout } => self.payout_screen(&call, *payout).await,
            Event::PayoutSent { payout, attempt } => self.payout_hand_over(&call, *payout, *attempt).await,
            // The last of an ending contract's milestones may be over now.
            Event::MilestoneReleased { milestone, .. }
            | Event::MilestoneRefunded { milestone, .. }
            | Event::MilestoneCancelled { milestone }
            | Event::MilestoneSettled { milestone, .. }
            | Event::MilestoneChargedBack { milestone, .. } => self.contract_finish_after(&call, *milestone).await,
            // So may the last of its weeks.
            Event::TimesheetApproved { timesheet, .. }
            | Event::TimesheetPaid { timesheet, .. }
            | Event::TimesheetChargedBack { timesheet, .. } => self.contract_finish_after_week(&call, *timesheet).await,
            Event::GigFilled { gig, .. } => {
                self.proposals_close(&call, *gig, Closing::NotSelected, occurrence.at).await
            }
            Event::GigExpired { gig, .. } | Event::GigCancelled { gig, .. } => {
                self.proposals_close(&call, *gig, Closing::Expired, occurrence.at).await
            }
            Event::GigRemoved { gig, .. } => self.proposals_close(&call, *gig, Closing::Removed, occurrence.at).await,
            Event::UserSignedUp { .. }
            | Event::UserSuspended { .. }
            | Event::UserReinstated { .. }
            | Event::OrganizationCreated { .. }
            | Event::GigDrafted { .. }
            | Event::GigPublished { .. }
            | Event::GigUpdated { .. }
            | Event::GigPaused { .. }
            | Event::GigResumed { .. }
            | Event::GigExpiring { .. }
            | Event::GigReopened { .. }
            | Event::InvitationSent { .. }
            | Event::InvitationDeclined { .. }
            | Event::InvitationAccepted { .. }
            | Event::ProposalDrafted { .. }
            | Event::ProposalSubmitted { .. }
            | Event::ProposalViewed { .. }
            | Event::ProposalShortlisted { .. }
            | Event::ProposalInterviewing { .. }
            | Event::ProposalDeclined { .. }
            | Event::ProposalCountered { .. }
            | Event::ProposalRevised { .. }
            | Event::ProposalWithdrawn { .. }
            | Event::ProposalOffered { .. }
            | Event::ProposalOfferEnded { .. }
            | Event::ProposalHired { .. }
            | Event::ProposalClosed { .. }
            | Event::OfferSent { .. }
            | Event::OfferAccepted { .. }
            | Event::OfferDeclined { .. }
            | Event::OfferWithdrawn { .. }
            | Event::OfferExpired { .. }
            | Event::ContractPaused { .. }
            | Event::ContractResumed { .. }
            | Event::ContractPutOnHold { .. }
            | Event::ContractEnding { .. }
            | Event::ContractEnded { .. }
            | Event::ReviewsPublished { .. }
            | Event::ReviewReplied { .. }
            | Event::MilestoneProposed { .. }
            | Event::MilestoneAgreed { .. }
            | Event::MilestoneFundingFailed { .. }
            | Event::PaymentCredited { .. }
            | Event::MilestoneSubmitted { .. }
            | Event::MilestoneReviewWaits { .. }
            | Event::MilestoneChangesRequested { .. }
            | Event::MilestoneApproved { .. }
            | Event::MilestoneRefundRequested { .. }
            | Event::MilestoneRefundRefused { .. }
            | Event::MilestoneRefundWithdrawn { .. }
            | Event::MilestoneRefundedAfter { .. }
            | Event::MilestoneIdle { .. }
            | Event::MilestoneDormant { .. }
            | Event::MilestoneKept { .. }
            | Event::MilestoneExtended { .. }
            | Event::MilestoneDisputed { .. }
            | Event::MilestoneResumed { .. }
            | Event::TimesheetOpened { .. }
            | Event::TimesheetSubmitted { .. }
            | Event::TimesheetDisputed { .. }
            | Event::TimesheetChargeFailed { .. }
            | Event::TimesheetCharged { .. }
            | Event::OutageDeclared { .. }
            | Event::OutageEnded { .. }
            | Event::DisputeOpened { .. }
            | Event::DisputeAnswered { .. }
            | Event::DisputeOfferMade { .. }
            | Event::DisputeWaits { .. }
            | Event::DisputeRecommended { .. }
            | Event::DisputeAccepted { .. }
            | Event::DisputeEscalated { .. }
            | Event::DisputeFeePaid { .. }
            | Event::DisputeExecuted { .. }
            | Event::DisputeWithdrawn { .. }
            | Event::DisputeClosed { .. }
            | Event::EvidenceAdded { .. }
            | Event::PayoutMethodAdded { .. }
            | Event::PayoutMethodRemoved { .. }
            | Event::PayoutRequested { .. }
            | Event::PayoutBlocked { .. }
            | Event::PayoutQueued { .. }
            | Event::PayoutInTransit { .. }
            | Event::PayoutPaid { .. }
            | Event::PayoutReturned { .. }
            | Event::PayoutUnknown { .. }
            | Event::PayoutCancelled { .. } => Ok(()),
        }
    }
}
