//! Background work: due timers and waiting events. It runs inside `serve`, or on its own as
//! `work`; any number may run at once, since each takes up only what no other has.
//!
//! What is taken up is leased by the market's clock: when a worker dies, its lease runs out and
//! another takes up what it had. A worker begins nothing whose lease may run out before it is
//! done, and gives up on whatever takes too long, so that one slow thing does not hold up the
//! rest or happen twice at once. That it may happen twice one after the other is ordinary.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::Timestamp;
use domain::access::Denied;
use domain::event::Event;
use domain::proposal::Closing;
use domain::refusal::Refusal;
use domain::timer::Timer;
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::market::Market;
use crate::outbox::{Occurrence, Waiting};
use crate::saved_search::Trial;
use crate::timer::Due;
use crate::{Call, Failure, Fault};

mod footing;
mod pulse;
mod tidy;

pub use pulse::{Health, Lane, Pulse};

/// How much is taken up at a time.
const BATCH: i64 = 32;
/// How long to wait when nothing was waiting, unless an event comes by.
const IDLE: Duration = Duration::from_millis(500);
/// What happens within so short a time is one sign to look whether something is due, however many events it is.
const TOGETHER: Duration = Duration::from_millis(50);
/// How long to wait after a failure of our own.
const BACKOFF: Duration = Duration::from_secs(2);
/// How long one verb or one delivery may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What must be left of a lease for its work to be begun: more than our patience.
const LEFT: chrono::TimeDelta = chrono::TimeDelta::seconds(25);
/// How often what is no longer needed is thrown away.
const TIDYING: Duration = Duration::from_secs(600);
/// How often it is looked whether a day's comparison with the processor is due, or a screening of all clients.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The same, after one failed.
const LOOK_AGAIN: Duration = Duration::from_secs(900);
/// What is done beside the work and has not ended by then waits for what never comes, like the answer of a database
/// that is gone without a word. Longer than the processor takes to tell of a busy day.
const LONGEST: Duration = Duration::from_secs(6 * 3_600);
/// How often the platform's accounts are rolled up.
const ROLL_UP_EVERY: Duration = Duration::from_secs(10);

/// What takes long and is done beside the work, so that no deadline waits for it: one at a time, and not too soon again
/// once it failed. It ends with the worker, and is begun anew by the next.
struct Beside {
    running: JoinSet<Result<bool, Failure>>,
    look_at: Option<Instant>,
    cut_off_at: Option<Instant>,
    every: Duration,
    failed: &'static str,
}

impl Beside {
    fn new(failed: &'static str, every: Duration) -> Self {
        Self { running: JoinSet::new(), look_at: None, cut_off_at: None, every, failed }
    }

    /// Begin it, unless it runs, or ran a short while ago.
    fn look<F: Future<Output = Result<bool, Failure>> + Send + 'static>(&mut self, begin: impl FnOnce() -> F) {
        if let Some(ended) = self.running.try_join_next() {
            let pause = match ended {
                Ok(Ok(_)) => self.every,
                Ok(Err(failure)) => {
                    tracing::error!(error = %failure, "{}", self.failed);
                    LOOK_AGAIN
                }
                Err(error) => {
                    tracing::error!(%error, "{}", self.failed);
                    LOOK_AGAIN
                }
            };
            self.look_at = Some(Instant::now() + pause);
        }
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if !self.running.is_empty() {
            if is_due(self.cut_off_at) {
                self.running.abort_all();
            }
        } else if self.look_at.is_none() || is_due(self.look_at) {
            self.running.spawn(begin());
            self.cut_off_at = Some(Instant::now() + LONGEST);
        }
    }

    /// Let what runs come to its end.
    async fn ends(mut self) {
        while let Some(ended) = self.running.join_next().await {
            if !matches!(ended, Ok(Ok(_))) {
                tracing::error!("{}", self.failed);
            }
        }
    }
}

/// Work until `stop` turns true, or the market is told to begin nothing more; what was begun is finished. Deadlines,
/// events, what others tell and what they are told have a lane each, so that none of them waits for those outside whom
/// another asks.
pub async fn run(market: Market, stop: watch::Receiver<bool>) {
    let (fit, fits) = watch::channel(false);
    let done = Notify::new();
    let work = |lane| Box::pin(work_in(&market, lane, stop.clone(), fits.clone(), &done));
    tokio::join!(
        Box::pin(look_after(&market, stop.clone(), fit)),
        work(Lane::Timers),
        work(Lane::Events),
        work(Lane::Outside),
        work(Lane::Webhooks),
    );
}

fn goes_on(market: &Market, stop: &watch::Receiver<bool>) -> bool {
    !*stop.borrow() && !market.pulse().is_stopping()
}

/// See to it that the lanes work only where they should, and do beside them what takes long or is not due for long.
async fn look_after(market: &Market, mut stop: watch::Receiver<bool>, fit: watch::Sender<bool>) {
    let mut rolled_up: Option<Instant> = None;
    let mut comparing = Beside::new("the books could not be compared with the processor", LOOK_EVERY);
    let mut screening = Beside::new("clients and freelancers could not be screened", LOOK_EVERY);
    let mut tidying = Beside::new("not all that is no longer needed could be thrown away", TIDYING);
    let mut footing = footing::Footing::default();
    while goes_on(market, &stop) {
        // Without an answer, it is as it was.
        if let Ok(holds) = tokio::time::timeout(PATIENCE, footing.holds(market)).await {
            fit.send_if_modified(|fit| std::mem::replace(fit, holds) != holds);
        }
        if *fit.borrow() {
            let (to_compare, to_screen, to_tidy) = (market.clone(), market.clone(), market.clone());
            comparing.look(|| async move { to_compare.reconcile_when_due().await });
            screening.look(|| async move { to_screen.screen_when_due().await });
            tidying.look(|| async move { to_tidy.tidy().await.map(|()| true) });
            if rolled_up.is_none_or(|at| at.elapsed() >= ROLL_UP_EVERY) {
                if let Err(failure) = patiently(async { market.ledger_roll_up().await.map(drop) }).await {
                    tracing::warn!(error = %failure, "the platform's accounts could not be rolled up");
                }
                rolled_up = Some(Instant::now());
            }
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    // A heap is thrown away to its end, unless the database says nothing any more.
    let _ = tokio::time::timeout(PATIENCE, tidying.ends()).await;
}

/// Work in one lane. What is `done` in one may leave something to do in the others.
async fn work_in(
    market: &Market,
    lane: Lane,
    mut stop: watch::Receiver<bool>,
    mut fits: watch::Receiver<bool>,
    done: &Notify,
) {
    let mut heard = market.bus().listen();
    while goes_on(market, &stop) {
        market.pulse().beats(lane);
        let is_fit = *fits.borrow_and_update();
        let wait = if is_fit {
            match unless_silent(market.pulse(), lane, market.work_once_in(lane)).await {
                Ok(0) => IDLE,
                Ok(_) => {
                    done.notify_waiters();
                    continue;
                }
                Err(failure) => {
                    tracing::error!(?lane, error = %failure, "the worker could not take up work; trying again");
                    BACKOFF
                }
            }
        } else {
            BACKOFF
        };
        let sign = async {
            tokio::select! {
                _ = heard.recv() => {}
                () = done.notified() => {}
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            _ = fits.changed() => {}
            () = sign, if is_fit => {
                // An event is for one lane, and for the others only a sign that there may be something.
                if lane != Lane::Events {
                    tokio::time::sleep(TOGETHER).await;
                }
                heard = heard.resubscribe();
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Cut off a round that shows nothing for so long that it waits for what never comes. What was begun in it is as after
/// a crash.
async fn unless_silent<T>(
    pulse: &Pulse,
    lane: Lane,
    round: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        outcome = round => outcome,
        () = pulse.falls_silent(lane) => {
            let why = "it waited too long for an answer, and begins anew".to_owned();
            Err(Fault::Service { service: "worker", why }.into())
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

/// Cut off what takes too long. Its transaction is rolled back; what it asked of others stays asked,
/// as after a crash.
async fn patiently(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    match tokio::time::timeout(PATIENCE, alone(work)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let why = format!("not done within {} seconds", PATIENCE.as_secs());
            Err(Fault::Service { service: "worker", why }.into())
        }
    }
}

/// What panics fails alone, and not the worker with it.
pub(crate) async fn alone<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        let why = "it panicked: the log says where".to_owned();
        Err(Fault::Service { service: "worker", why }.into())
    })
}

impl Market {
    /// Carry out what is due now and deliver what waits now; the number of things done.
    pub async fn work_once(&self) -> Result<usize, Failure> {
        let heard = self.sandbox_work().await?;
        let timers = self.timers_work().await? + self.letters_work().await?;
        let told = self.outside_work().await? + Box::pin(self.webhook_deliveries_work()).await?;
        Ok(heard + timers + told + self.events_work().await?)
    }

    /// The same in one lane.
    async fn work_once_in(&self, lane: Lane) -> Result<usize, Failure> {
        match lane {
            Lane::Timers => self.timers_work().await,
            Lane::Events => Ok(self.events_work().await? + self.letters_work().await?),
            Lane::Outside => Ok(self.sandbox_work().await? + self.outside_work().await?),
            Lane::Webhooks => Box::pin(self.webhook_deliveries_work()).await,
        }
    }

    /// Hear what a sandbox tells.
    async fn sandbox_work(&self) -> Result<usize, Failure> {
        Ok(self.sandbox_listen(BATCH).await? + Box::pin(self.sandbox_rail_listen(BATCH)).await?)
    }

    /// Carry out what is due now; the number of deadlines.
    async fn timers_work(&self) -> Result<usize, Failure> {
        let timers = self.timers_claim(BATCH).await?;
        for due in &timers {
            self.timer_carry_out(due, Lane::Timers).await?;
        }
        Ok(timers.len())
    }

    /// Write the letters that are due, where those that follow from events are written, too: a mail server that takes
    /// its time holds up no deadline. The number of letters, each to whoever is to get it.
    async fn letters_work(&self) -> Result<usize, Failure> {
        if self.pulse().is_stopping() {
            return Ok(0);
        }
        let letters = self.letters_claim(BATCH).await?;
        for due in &letters {
            self.timer_carry_out(due, Lane::Events).await?;
        }
        Ok(letters.len())
    }

    /// Act on what others told, and look for what they did not tell; the number of things.
    async fn outside_work(&self) -> Result<usize, Failure> {
        if self.pulse().is_stopping() {
            return Ok(0);
        }
        Ok(Box::pin(self.webhooks_work(BATCH)).await?
            + Box::pin(self.payments_look(BATCH)).await?
            + Box::pin(self.refunds_look(BATCH)).await?)
    }

    /// Deliver what waits now; the number of events.
    pub async fn events_work(&self) -> Result<usize, Failure> {
        if self.pulse().is_stopping() {
            return Ok(0);
        }
        let events = self.events_claim(BATCH).await?;
        for waiting in &events {
            self.event_deliver(waiting).await?;
        }
        Ok(events.len())
    }

    /// Take up this one timer, if it is due and no other worker has it; was it?
    pub async fn timer_work_one(&self, timer: Timer) -> Result<bool, Failure> {
        match self.timer_claim(timer).await? {
            Some(due) => self.timer_carry_out(&due, Lane::Timers).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn timer_carry_out(&self, due: &Due, lane: Lane) -> Result<(), Failure> {
        self.pulse().beats(lane);
        if !self.is_time_left(due.leased_until) {
            return self.timer_let_go(due).await;
        }
        let trace = format!("timer:{}:{}", due.kind, due.subject);
        let call = Call::system(trace);
        let fired = match due.timer() {
            Ok(timer) => patiently(Box::pin(self.timer_fire(&call, timer))).await,
            Err(fault) => Err(fault.into()),
        };
        match fired {
            // What is gone, or has gone on, leaves nothing for the timer to do.
            Ok(()) | Err(Failure::Refused(Refusal::Denied { reason: Denied::Hidden } | Refusal::WrongState { .. })) => {
                self.timer_done(due).await
            }
            Err(failure) => {
                tracing::error!(timer = due.kind, subject = %due.subject, error = %failure, "a timer's verb was not carried out");
                metrics::counter!("rabta_timers_failed_total", "kind" => due.kind.clone()).increment(1);
                self.timer_failed(due, &failure.to_string()).await
            }
        }
    }

    async fn event_deliver(&self, waiting: &Waiting) -> Result<(), Failure> {
        self.pulse().beats(Lane::Events);
        if !self.is_time_left(waiting.leased_until) {
            return self.event_let_go(waiting).await;
        }
        let delivered = match &waiting.occurrence {
            Ok(occurrence) => patiently(Box::pin(self.react(occurrence))).await,
            Err(fault) => Err(Fault::bad_row("events", fault).into()),
        };
        match delivered {
            Ok(()) => self.event_done(waiting).await,
            Err(Failure::Broken(Fault::Later { service, why, until })) => {
                tracing::warn!(id = %waiting.id, service, why, "an event is delivered later");
                self.event_put_off(waiting, until, &why).await
            }
            Err(failure) => {
                let why = failure.to_string();
                let name = waiting.occurrence.as_ref().map_or("unreadable", |occurrence| occurrence.event.name());
                tracing::warn!(event = name, id = %waiting.id, why, "an event could not be delivered");
                self.event_failed(waiting, &why).await
            }
        }
    }

    /// Is there enough left of a lease to begin? If not, time was let pass, or what came before took long, or the
    /// process is to end.
    pub(crate) fn is_time_left(&self, leased_until: Timestamp) -> bool {
        self.clock().now() + LEFT <= leased_until && !self.pulse().is_stopping()
    }

    /// Have the workers of this process begin nothing more: what they took up and have not begun is left to others at
    /// once. There is no way back.
    pub fn work_no_more(&self) {
        self.pulse().stop();
    }

    /// Work until nothing is left that is due now, or nothing more is to be begun: what is let go of then stays due.
    pub async fn work_until_idle(&self) -> Result<(), Failure> {
        while self.work_once().await? > 0 && !self.pulse().is_stopping() {}
        Ok(())
    }

    /// The verb a timer stands for. It finds for itself whether there is anything to do, so a
    /// worker that fires one by mistake, or one that another has fired, does no harm.
    pub async fn timer_fire(&self, call: &Call, timer: Timer) -> Result<(), Failure> {
        if self.put_off(call, timer).await? {
            return Ok(());
        }
        let acted = self.timer_act(call, timer).await;
        // Our people may have begun to look at it meanwhile.
        if matches!(acted, Err(Failure::Refused(Refusal::Rule { .. }))) && self.put_off(call, timer).await? {
            return Ok(());
        }
        acted
    }

    async fn timer_act(&self, call: &Call, timer: Timer) -> Result<(), Failure> {
        match timer {
            Timer::ExpireOffer(offer) => self.offer_expire(call, offer).await,
            Timer::ExpireFunding(milestone) => self.funding_expire(call, milestone).await,
            Timer::AutoApproveMilestone(milestone) => {
                let Some(seen) = self.milestone_find(call, milestone).await? else { return Ok(()) };
                let barred = self.barred(seen.client, seen.freelancer).await?.client;
                self.milestone_tick(call, milestone, |m, tx| m.auto_approve(tx.actor(), tx.now(), barred))
                    .await
                    .map(drop)
            }
            Timer::RemindReview(milestone) => self
                .milestone_tick(call, milestone, |milestone, tx| milestone.remind(tx.actor(), tx.now()))
                .await
                .map(drop),
            Timer::ReleaseMilestone(milestone) => self
                .milestone_tick(call, milestone, |milestone, tx| milestone.release(tx.actor(), tx.now()))
                .await
                .map(drop),
            Timer::ResolveRefundRequest(milestone) => self.milestone_resolve_refund(call, milestone).await,
            Timer::AdvanceDispute(dispute) => self.dispute_advance(call, dispute).await,
            Timer::DormancyMilestone(milestone) => {
                let Some(seen) = self.milestone_find(call, milestone).await? else { return Ok(()) };
                let barred = self.barred(seen.client, seen.freelancer).await?;
                let barred = barred.client || barred.freelancer;
                self.milestone_tick(call, milestone, |m, tx| m.age(tx.actor(), tx.now(), barred)).await.map(drop)
            }
            Timer::AdvancePayout(payout) => self.payout_advance(call, payout).await,
            Timer::ExpireCorrection(correction) => self.correction_expire(call, correction).await,
            Timer::ApplyOutage(outage) => self.outage_apply(call, outage).await,
            Timer::PublishReviews(contract) => self.reviews_publish(call, contract).await,
            Timer::RemindTaxForm(user) => self.tax_form_remind(call, user).await,
            Timer::MailMessages(conversation) => self.messages_mail(call, conversation).await,
            Timer::ExpireGig(id) => self.gig_expire(call, id).await.map(drop),
            Timer::WarnGigExpiry(id) => self.gig_warn_of_expiry(call, id).await.map(drop),
            Timer::SubmitTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.submit(tx.actor(), tx.now(), None)).await.map(drop)
            }
            Timer::AutoApproveTimesheet(id) => {
                let Some(seen) = self.timesheet_find(call, id).await? else { return Ok(()) };
                let barred = self.barred(seen.client, seen.freelancer).await?.client;
                self.timesheet_tick(call, id, |week, tx| week.auto_approve(tx.actor(), tx.now(), barred))
                    .await
                    .map(drop)
            }
            Timer::ChargeTimesheet(id) => self.timesheet_charge(call, id).await,
            Timer::PayTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.release(tx.actor(), tx.now())).await.map(drop)
            }
            Timer::WriteOffTimesheet(id) => {
                self.timesheet_tick(call, id, |week, tx| week.write_off(tx.actor(), tx.now(), None)).await.map(drop)
            }
        }
    }

    /// What follows from an event outside of the transaction that wrote it. Delivered at least
    /// once: whatever happens here must not mind happening again.
    async fn react(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        let call = Call::system(format!("event:{}", occurrence.id));
        self.notify(occurrence).await?;
        self.match_act_note(occurrence).await?;
        self.webhook_deliveries_write(occurrence).await?;
        match &occurrence.event {
            Event::SessionEnded { .. } | Event::ProfileUpdated { .. } => Ok(()),
            Event::SessionBegan { session, user } => self.sign_in_tell(occurrence, *session, *user).await,
            Event::MailCodeIssued { code } => self.mail_code_send(occurrence, *code).await,
            Event::AccountSecured { user, act } => self.safety_act_tell(occurrence, *user, *act).await,
            Event::EmailChanged { code, .. } => self.email_change_tell(occurrence, *code).await,
            Event::PayoutMethodAdded { method, user, usable_from } => {
                self.payout_method_tell(occurrence, *method, *user, *usable_from).await
            }
            Event::UserSuspended { user } => self.standing_tell(occurrence, *user, true).await,
            Event::UserReinstated { user } => self.standing_tell(occurrence, *user, false).await,
            Event::MemberInvited { invitation, .. } => self.member_invitation_mail(occurrence, *invitation).await,
            Event::MemberJoined { .. } | Event::MemberLeft { .. } | Event::OrganizationTransferred { .. } => Ok(()),
            Event::MilestoneFundingStarted { payment, .. } | Event::TimesheetChargeStarted { payment, .. } => {
                self.payment_ask(*payment).await.map(|_| ())
            }
            Event::PaymentRefundStarted { told } => self.payment_refund_ask(told.refund, occurrence.id).await,
            Event::MilestoneFunded { milestone, .. } => self.offer_send_when_funded(&call, *milestone).await,
            Event::PayoutScreeningBegan { payout } => self.payout_screen(&call, *payout).await,
            Event::PayoutSent { payout, attempt } => self.payout_hand_over(&call, *payout, *attempt).await,
            Event::PayoutReturned { payout } => self.payout_fetch_back(*payout).await,
            Event::MessageSent { told } => self.message_told(&call, occurrence, told.conversation).await,
            // The last of an ending contract's milestones may be over now.
            Event::MilestoneReleased { milestone, .. }
            | Event::MilestoneRefunded { milestone, .. }
            | Event::MilestoneSettled { milestone, .. } => self.contract_finish_after(&call, *milestone).await,
            Event::MilestoneChargedBack { milestone, .. } => {
                self.offer_end_when_short(&call, *milestone).await?;
                self.contract_finish_after(&call, *milestone).await
            }
            Event::MilestoneCancelled { milestone } => {
                self.payment_give_up_of(*milestone, occurrence).await?;
                self.contract_finish_after(&call, *milestone).await
            }
            Event::MilestoneFundingFailed { milestone, payment } => {
                self.contract_finish_after(&call, *milestone).await?;
                self.payment_give_up(*payment, occurrence).await
            }
            Event::PaymentCredited { payment, .. } => self.contract_finish_after_payment(&call, *payment).await,
            Event::TimesheetChargeFailed { payment, .. } => self.payment_give_up(*payment, occurrence).await,
            // So may the last of its weeks.
            Event::TimesheetApproved { timesheet, .. }
            | Event::TimesheetPaid { timesheet, .. }
            | Event::TimesheetWrittenOff { timesheet, .. }
            | Event::TimesheetChargedBack { timesheet, .. } => self.contract_finish_after_week(&call, *timesheet).await,
            Event::GigFilled { gig, .. } => {
                self.proposals_close(&call, *gig, Closing::NotSelected, occurrence.at).await
            }
            Event::GigExpired { gig, .. } | Event::GigCancelled { gig, .. } => {
                self.proposals_close(&call, *gig, Closing::Expired, occurrence.at).await
            }
            Event::GigRemoved { gig, .. } => {
                self.offers_end_with(&call, *gig).await?;
                self.proposals_close(&call, *gig, Closing::Removed, occurrence.at).await
            }
            // A gig comes before freelancers when it is published, and when it was for invited people only, asked for
            // something else, or was paused so soon that nobody was told of it.
            Event::GigPublished { gig, .. } | Event::GigUpdated { gig, .. } | Event::GigResumed { gig, .. } => {
                self.saved_searches_try(&call, *gig, Trial::IfItLooksAnother).await
            }
            Event::GigReopened { gig, .. } => self.saved_searches_try(&call, *gig, Trial::Anew).await,
            Event::UserSignedUp { .. }
            | Event::SavedSearchMatched { .. }
            | Event::TaxFormExpiring { .. }
            | Event::TaxFormLapsed { .. }
            | Event::UserErased { .. }
            | Event::WebhookEndpointDisabled { .. }
            | Event::OrganizationCreated { .. }
            | Event::GigDrafted { .. }
            | Event::GigPaused { .. }
            | Event::GigExpiring { .. }
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
            | Event::PaymentRefunded { .. }
            | Event::PaymentRefundFailed { .. }
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
            | Event::MilestoneChargebackWon { .. }
            | Event::TimesheetChargebackWon { .. }
            | Event::TimesheetOpened { .. }
            | Event::TimesheetSubmitted { .. }
            | Event::TimesheetExtended { .. }
            | Event::TimesheetUnpaid { .. }
            | Event::TimesheetDisputed { .. }
            | Event::TimesheetCharged { .. }
            | Event::ScreeningHitFound { .. }
            | Event::ScreeningHitCleared { .. }
            | Event::CorrectionProposed { .. }
            | Event::CorrectionPosted { .. }
            | Event::CorrectionEnded { .. }
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
            | Event::PayoutMethodRemoved { .. }
            | Event::PayoutRequested { .. }
            | Event::PayoutBlocked { .. }
            | Event::PayoutQueued { .. }
            | Event::PayoutInTransit { .. }
            | Event::PayoutPaid { .. }
            | Event::PayoutUnknown { .. }
            | Event::PayoutCancelled { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn poison() -> Result<(), Failure> {
        panic!("nobody thought of this")
    }

    #[tokio::test]
    async fn what_panics_fails_and_ends_no_worker() {
        let outcome = patiently(poison()).await;
        assert!(matches!(&outcome, Err(Failure::Broken(Fault::Service { why, .. })) if why.contains("panicked")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_beside_the_work_is_cut_off_and_begun_anew() {
        let mut beside = Beside::new("it failed", LOOK_EVERY);
        let mut begun = 0;
        let mut look_after = async |time| {
            tokio::time::advance(time).await;
            beside.look(|| {
                begun += 1;
                std::future::pending::<Result<bool, Failure>>()
            });
            // What was cut off has to come by.
            tokio::task::yield_now().await;
            begun
        };
        assert_eq!(look_after(Duration::ZERO).await, 1);
        assert_eq!(look_after(LONGEST - IDLE).await, 1, "it may take long");
        assert_eq!(look_after(IDLE).await, 1);
        assert_eq!(look_after(IDLE).await, 1);
        assert_eq!(look_after(LOOK_AGAIN).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_waits_for_ever_is_cut_off_and_a_long_one_that_goes_on_is_not() {
        let (pulse, lane) = (Pulse::default(), Lane::Outside);
        let never = std::future::pending::<Result<usize, Failure>>();
        assert!(unless_silent(&pulse, lane, never).await.is_err());

        pulse.beats(lane);
        let long = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                pulse.beats(lane);
            }
            Ok(20)
        };
        assert!(matches!(unless_silent(&pulse, lane, long).await, Ok(20)));
    }
}
