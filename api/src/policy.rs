//! Policy versions: the terms in force, those before and those to come, and what they make things cost.

use async_graphql::connection::Connection;
use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::money::Rate;
use domain::policy::{PolicyDraft, Terms};
use domain::refusal::{Invalid, Refusal};
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::loader::{PolicyNow, load};
use crate::money::{Money, MoneyInput};
use crate::user_error::{Answer, answer, payload, top_level};

/// A version of the policy.
#[derive(Debug, Clone)]
pub struct PolicyVersion(pub domain::policy::PolicyVersion);

/// Terms that hold for contracts made from an instant on. A contract keeps those it was made under.
#[Object]
impl PolicyVersion {
    /// Counts up; named on contracts and statements.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// Offers made from this instant on get these terms.
    async fn effective_from(&self) -> Timestamp {
        self.0.effective_from
    }

    /// Why it was introduced.
    async fn note(&self) -> &str {
        &self.0.note
    }

    /// What it says.
    async fn terms(&self) -> PolicyTerms {
        PolicyTerms::from(&self.0.terms)
    }

    /// Is it the one in force now?
    async fn in_force(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(load(ctx, PolicyNow).await?.is_some_and(|now| now.number == self.0.number))
    }
}

macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident: $shown:ty, $typed:ty;)*) => {
        /// The figures that decisions are made by.
        #[derive(Debug, Clone, SimpleObject)]
        pub struct PolicyTerms {
            $($(#[$doc])* pub $name: $shown,)*
        }

        /// Terms to introduce. What is left out stays as it is in the version that would else be in
        /// force at that time.
        #[derive(Debug, Clone, InputObject, Serialize)]
        pub struct PolicyTermsInput {
            $($(#[$doc])* pub $name: Option<$typed>,)*
        }
    };
}

terms! {
    /// What the freelancer pays us out of released money, in basis points (500 is 5 %).
    freelancer_fee_bp: u16, u16;
    /// What the client pays us on top of funded money, in basis points.
    client_fee_bp: u16, u16;
    /// What the freelancer pays us out of a tip, in basis points.
    tip_fee_bp: u16, u16;
    /// Is the client's fee given back with the part of the money that is refunded?
    client_fee_returned: bool, bool;
    /// The smallest amount of a milestone, bonus or tip.
    milestone_min: Money, MoneyInput;
    /// The largest amount of a milestone, bonus or tip.
    milestone_max: Money, MoneyInput;
    /// A tip can be given for so many days after the end of a contract.
    tip_days: u16, u16;
    /// An offer nobody answered expires after so many days.
    offer_expiry_days: u16, u16;
    /// A payment the processor says nothing about is given up after so many hours.
    funding_expiry_hours: u16, u16;
    /// Submitted work nobody answered is approved after so many days.
    review_days: u16, u16;
    /// While all of a client's people are suspended, silence approves nothing for so many days more, at most.
    barred_days: u16, u16;
    /// The client is reminded of it on these days after the submission.
    review_notice_days: Vec<u16>, Vec<u16>;
    /// From this round of requested changes on, either side may open a dispute.
    dispute_from_round: u16, u16;
    /// Approved money is pending for so many days, 0 to 14.
    security_hold_days: u16, u16;
    /// And for so many instead, `securityHoldDays` to 14, if a bank took back a payment of the client's not long before
    /// its money came, and did not give it back. 0 in what was agreed on before there was such a rule.
    risk_hold_days: u16, u16;
    /// For so many days a payment that a bank took back counts so.
    risk_days: u16, u16;
    /// A refund request waits so many days for the freelancer.
    refund_request_days: u16, u16;
    /// Both sides are reminded of a funded milestone without activity on these days.
    dormancy_notice_days: Vec<u16>, Vec<u16>;
    /// A funded milestone without activity is dormant after so many days.
    dormancy_days: u16, u16;
    /// A dormant milestone is refunded when both sides are silent for so many days more.
    dormancy_answer_days: u16, u16;
    /// A freelancer can give released money back within so many days.
    refund_after_days: u16, u16;
    /// Does a chargeback take a milestone's money out of the freelancer's pending balance?
    chargeback_takes_pending: bool, bool;
    /// Outage grace extends the deadlines of one milestone by no more than so many hours.
    grace_cap_hours: u16, u16;
    /// The longest week of an hourly contract, in minutes, where the contract names no limit.
    weekly_limit_minutes: u32, u32;
    /// A week goes to the client by itself so many hours after it is over, which is on Monday at 0:00, UTC: 1 to 72.
    timesheet_submit_hours: u16, u16;
    /// What came by then is approved by silence so many minutes after the week was over, a day later at the least; what
    /// comes later gets as long as that leaves.
    timesheet_approve_minutes: u32, u32;
    /// What is charged by then is paid so many hours after the week was over, no sooner than silence approves it; what
    /// is charged later, as many whole weeks later.
    timesheet_pay_hours: u16, u16;
    /// A failed charge of a week is tried again after so many days each.
    charge_retry_days: Vec<u16>, Vec<u16>;
    /// A week whose every charge failed is written off after so many days more.
    write_off_days: u16, u16;
    /// And both sides are told so many days before.
    write_off_notice_days: u16, u16;
    /// The other side of a dispute answers within so many business days.
    dispute_answer_business_days: u16, u16;
    /// The mediators are reminded of a dispute that waits for them every so many days.
    dispute_reminder_days: u16, u16;
    /// Both sides take or refuse a recommendation, and pay for arbitration, within so many days.
    arbitration_days: u16, u16;
    /// What each side pays for arbitration.
    arbitration_fee: Money, MoneyInput;
    /// Disputes over less than this are heard without a fee.
    small_claims_under: Money, MoneyInput;
    /// The smallest payout.
    payout_min: Money, MoneyInput;
    /// What a person pays out within 24 hours is no more than this.
    payout_day_max: Money, MoneyInput;
    /// And is asked for no more often than so.
    payout_day_count: u16, u16;
    /// In a month this much may be kept in dollars, or the share below if that is more.
    retention_month_max: Money, MoneyInput;
    /// The share of a month's payouts that may be kept in dollars, in basis points.
    retention_share_bp: u16, u16;
    /// What banks in Pakistan withhold from exporters of services who are registered with the software export board, in
    /// basis points: an estimate on the papers of a payout, never taken by us.
    withheld_registered_bp: u16, u16;
    /// The same, of those who are not.
    withheld_others_bp: u16, u16;
    /// A new payout method waits so many days before its first payout.
    payout_method_cooling_days: u16, u16;
    /// A payout whose outcome is unknown is asked about again after so many minutes.
    payout_poll_minutes: u16, u16;
    /// A freelancer who moved to another country certifies the tax form anew within so many days, or their contracts
    /// are put on hold.
    tax_form_move_days: u16, u16;
    /// After a contract's end its reviews can be written for so many days.
    review_writing_days: u16, u16;
    /// A contract is reviewed once its freelancer got this much out of it.
    review_paid_min: Money, MoneyInput;
    /// Which version of the clauses contracts are made under: see `complianceWording`. 0 in what was agreed on before there
    /// were any.
    clauses: u16, u16;
}

impl From<&Terms> for PolicyTerms {
    fn from(terms: &Terms) -> Self {
        let terms = terms.clone();
        Self {
            freelancer_fee_bp: terms.freelancer_fee.basis_points(),
            client_fee_bp: terms.client_fee.basis_points(),
            tip_fee_bp: terms.tip_fee.basis_points(),
            client_fee_returned: terms.client_fee_returned,
            milestone_min: terms.milestone_min.into(),
            milestone_max: terms.milestone_max.into(),
            tip_days: terms.tip_days,
            offer_expiry_days: terms.offer_expiry_days,
            funding_expiry_hours: terms.funding_expiry_hours,
            review_days: terms.review_days,
            barred_days: terms.barred_days,
            review_notice_days: terms.review_notice_days,
            dispute_from_round: terms.dispute_from_round,
            security_hold_days: terms.security_hold_days,
            risk_hold_days: terms.risk_hold_days,
            risk_days: terms.risk_days,
            refund_request_days: terms.refund_request_days,
            dormancy_notice_days: terms.dormancy_notice_days,
            dormancy_days: terms.dormancy_days,
            dormancy_answer_days: terms.dormancy_answer_days,
            refund_after_days: terms.refund_after_days,
            chargeback_takes_pending: terms.chargeback_takes_pending,
            grace_cap_hours: terms.grace_cap_hours,
            weekly_limit_minutes: terms.weekly_limit_minutes,
            charge_retry_days: terms.charge_retry_days,
            timesheet_submit_hours: terms.timesheet_submit_hours,
            timesheet_approve_minutes: terms.timesheet_approve_minutes,
            timesheet_pay_hours: terms.timesheet_pay_hours,
            write_off_days: terms.write_off_days,
            write_off_notice_days: terms.write_off_notice_days,
            dispute_answer_business_days: terms.dispute_answer_business_days,
            dispute_reminder_days: terms.dispute_reminder_days,
            arbitration_days: terms.arbitration_days,
            arbitration_fee: terms.arbitration_fee.into(),
            small_claims_under: terms.small_claims_under.into(),
            payout_min: terms.payout_min.into(),
            payout_day_max: terms.payout_day_max.into(),
            payout_day_count: terms.payout_day_count,
            retention_month_max: terms.retention_month_max.into(),
            retention_share_bp: terms.retention_share.basis_points(),
            withheld_registered_bp: terms.withheld_registered.basis_points(),
            withheld_others_bp: terms.withheld_others.basis_points(),
            payout_method_cooling_days: terms.payout_method_cooling_days,
            payout_poll_minutes: terms.payout_poll_minutes,
            tax_form_move_days: terms.tax_form_move_days,
            review_writing_days: terms.review_writing_days,
            review_paid_min: terms.review_paid_min.into(),
            clauses: terms.clauses,
        }
    }
}

impl PolicyTermsInput {
    /// These terms, and those of `base` where nothing is said.
    fn over(&self, base: Terms) -> Result<Terms, Refusal> {
        let mut invalid = Invalid::default();
        let mut rate = |path: &str, typed: Option<u16>, base: Rate| match typed.map(Rate::basis_points_of) {
            None => base,
            Some(Ok(rate)) => rate,
            Some(Err(_)) => {
                invalid.add(path, "OUT_OF_RANGE", "must be between 0 and 10000");
                base
            }
        };
        let freelancer_fee = rate("terms.freelancerFeeBp", self.freelancer_fee_bp, base.freelancer_fee);
        let client_fee = rate("terms.clientFeeBp", self.client_fee_bp, base.client_fee);
        let tip_fee = rate("terms.tipFeeBp", self.tip_fee_bp, base.tip_fee);
        let retention_share = rate("terms.retentionShareBp", self.retention_share_bp, base.retention_share);
        let withheld_registered =
            rate("terms.withheldRegisteredBp", self.withheld_registered_bp, base.withheld_registered);
        let withheld_others = rate("terms.withheldOthersBp", self.withheld_others_bp, base.withheld_others);
        let mut money = |path: &str, typed: &Option<MoneyInput>, base| match typed.as_ref().map(|it| it.parse(path)) {
            None => base,
            Some(Ok(money)) => money,
            Some(Err(refusal)) => {
                invalid.take(refusal);
                base
            }
        };
        let milestone_min = money("terms.milestoneMin", &self.milestone_min, base.milestone_min);
        let milestone_max = money("terms.milestoneMax", &self.milestone_max, base.milestone_max);
        let arbitration_fee = money("terms.arbitrationFee", &self.arbitration_fee, base.arbitration_fee);
        let small_claims_under = money("terms.smallClaimsUnder", &self.small_claims_under, base.small_claims_under);
        let payout_min = money("terms.payoutMin", &self.payout_min, base.payout_min);
        let payout_day_max = money("terms.payoutDayMax", &self.payout_day_max, base.payout_day_max);
        let retention_month_max = money("terms.retentionMonthMax", &self.retention_month_max, base.retention_month_max);
        let review_paid_min = money("terms.reviewPaidMin", &self.review_paid_min, base.review_paid_min);
        invalid.finish()?;
        let days = |typed: &Option<Vec<u16>>, base: Vec<u16>| typed.clone().unwrap_or(base);
        Ok(Terms {
            freelancer_fee,
            client_fee,
            tip_fee,
            client_fee_returned: self.client_fee_returned.unwrap_or(base.client_fee_returned),
            milestone_min,
            milestone_max,
            tip_days: self.tip_days.unwrap_or(base.tip_days),
            offer_expiry_days: self.offer_expiry_days.unwrap_or(base.offer_expiry_days),
            funding_expiry_hours: self.funding_expiry_hours.unwrap_or(base.funding_expiry_hours),
            review_days: self.review_days.unwrap_or(base.review_days),
            barred_days: self.barred_days.unwrap_or(base.barred_days),
            review_notice_days: days(&self.review_notice_days, base.review_notice_days),
            dispute_from_round: self.dispute_from_round.unwrap_or(base.dispute_from_round),
            security_hold_days: self.security_hold_days.unwrap_or(base.security_hold_days),
            risk_hold_days: self.risk_hold_days.unwrap_or(base.risk_hold_days),
            risk_days: self.risk_days.unwrap_or(base.risk_days),
            refund_request_days: self.refund_request_days.unwrap_or(base.refund_request_days),
            dormancy_notice_days: days(&self.dormancy_notice_days, base.dormancy_notice_days),
            dormancy_days: self.dormancy_days.unwrap_or(base.dormancy_days),
            dormancy_answer_days: self.dormancy_answer_days.unwrap_or(base.dormancy_answer_days),
            refund_after_days: self.refund_after_days.unwrap_or(base.refund_after_days),
            chargeback_takes_pending: self.chargeback_takes_pending.unwrap_or(base.chargeback_takes_pending),
            grace_cap_hours: self.grace_cap_hours.unwrap_or(base.grace_cap_hours),
            weekly_limit_minutes: self.weekly_limit_minutes.unwrap_or(base.weekly_limit_minutes),
            charge_retry_days: days(&self.charge_retry_days, base.charge_retry_days),
            timesheet_submit_hours: self.timesheet_submit_hours.unwrap_or(base.timesheet_submit_hours),
            timesheet_approve_minutes: self.timesheet_approve_minutes.unwrap_or(base.timesheet_approve_minutes),
            timesheet_pay_hours: self.timesheet_pay_hours.unwrap_or(base.timesheet_pay_hours),
            write_off_days: self.write_off_days.unwrap_or(base.write_off_days),
            write_off_notice_days: self.write_off_notice_days.unwrap_or(base.write_off_notice_days),
            dispute_answer_business_days: self
                .dispute_answer_business_days
                .unwrap_or(base.dispute_answer_business_days),
            dispute_reminder_days: self.dispute_reminder_days.unwrap_or(base.dispute_reminder_days),
            arbitration_days: self.arbitration_days.unwrap_or(base.arbitration_days),
            arbitration_fee,
            small_claims_under,
            payout_min,
            payout_day_max,
            payout_day_count: self.payout_day_count.unwrap_or(base.payout_day_count),
            retention_month_max,
            retention_share,
            withheld_registered,
            withheld_others,
            payout_method_cooling_days: self.payout_method_cooling_days.unwrap_or(base.payout_method_cooling_days),
            payout_poll_minutes: self.payout_poll_minutes.unwrap_or(base.payout_poll_minutes),
            tax_form_move_days: self.tax_form_move_days.unwrap_or(base.tax_form_move_days),
            review_writing_days: self.review_writing_days.unwrap_or(base.review_writing_days),
            review_paid_min,
            clauses: self.clauses.unwrap_or(base.clauses),
        })
    }
}

/// A version to introduce.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PolicyVersionAddInput {
    /// From when on it holds; not in the past.
    pub effective_from: Timestamp,
    /// Why it is introduced, 1 to 500 characters; everybody reads it.
    pub note: String,
    /// What it says.
    pub terms: PolicyTermsInput,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `policyVersionAdd`.
    PolicyVersionAddPayload {
        /// The new version.
        policy: PolicyVersion
    }
}

/// Looking at policies.
#[derive(Debug, Default)]
pub struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// Every version of the policy, the latest first: those to come, the one in force, those before.
    async fn policies(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, PolicyVersion>>> {
        connect(ctx.market().policies_page(&page(first, after, last, before)).await, PolicyVersion).map(Some)
    }

    /// The version in force, now or at another time.
    async fn policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When; now, if left out.")] at: Option<Timestamp>,
    ) -> async_graphql::Result<Option<PolicyVersion>> {
        Ok(ctx.market().policy_at(at).await.map_err(top_level)?.map(PolicyVersion))
    }
}

/// What can be done about policies.
#[derive(Debug, Default)]
pub struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// For admins: introduce a version of the policy. Offers made before it begins keep their terms,
    /// and so do their contracts. Versions are never changed: a mistake is mended by another.
    async fn policy_version_add(
        &self,
        ctx: &Context<'_>,
        input: PolicyVersionAddInput,
    ) -> Answer<PolicyVersionAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let terms = |base: Terms| input.terms.over(base);
            let draft = PolicyDraft { effective_from: input.effective_from, note: input.note.clone() };
            ctx.market().policy_version_add(&call, draft, terms).await
        };
        answer(outcome.await.map(PolicyVersion))
    }
}
