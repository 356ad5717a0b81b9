//! Reconciliation: what the processor says it moved, held against the books. The lists are read here, the
//! domain compares them, and what it found is kept. Nothing is posted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, TimeDelta};
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{Id, PaymentId, PayoutId, ReconciliationId};
use domain::ledger::{BadAccount, JournalEntry, LedgerAccount, Posting, Reason};
use domain::money::{Currency, Money};
use domain::reconciliation::{
    About, Background, BalanceTransaction, Class, Flow, Kind, Line, Period, Posted, Report, Span, payouts_within,
};
use domain::refusal::Refusal;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, IsolationLevel, Statement,
    TransactionTrait,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault};

mod cover;

use cover::Daily;

/// How long after midnight the day before is compared: by then the processor's news of it have come.
const MORNING: TimeDelta = TimeDelta::hours(4);

/// A comparison that was made.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// Its id.
    pub id: ReconciliationId,
    /// What was compared.
    pub from: Timestamp,
    /// Up to when.
    pub until: Timestamp,
    /// When it was made.
    pub made_at: Timestamp,
    /// Was it made by itself, for a day?
    pub daily: bool,
    /// About how many things both sides agree.
    pub agree: i64,
    /// About how many they don't.
    pub differences: i32,
    /// What of the money of others was neither at the processor nor at our own bank; none where nobody looked.
    pub uncovered: Option<Money>,
    /// What was found, as [`Report`] is written.
    pub report: serde_json::Value,
}

#[derive(FromQueryResult)]
struct EntryRow {
    id: Uuid,
    reason: String,
    key: String,
    subject: Option<String>,
    posted_at: Timestamp,
    postings: serde_json::Value,
}

#[derive(Deserialize)]
struct Leg {
    from: String,
    to: String,
    currency: String,
    minor: i64,
}

/// As much of a report that was kept as corrections need.
#[derive(Deserialize)]
struct Told {
    differences: Vec<FoundThen>,
}

/// A difference of a report that was kept.
#[derive(Debug, Deserialize)]
pub(crate) struct FoundThen {
    kind: Kind,
    class: Class,
    about: String,
    /// The entry that would settle it, where one was proposed.
    pub proposal: Option<JournalEntry>,
    ledger: Vec<LineThen>,
    processor: Vec<LineThen>,
    #[serde(default)]
    foreign: Vec<LineThen>,
}

#[derive(Debug, Deserialize)]
struct LineThen {
    at: Timestamp,
}

impl FoundThen {
    /// When the newest of its lines is of.
    pub fn newest(&self) -> Option<Timestamp> {
        self.ledger.iter().chain(&self.processor).chain(&self.foreign).map(|line| line.at).max()
    }
}

#[derive(FromQueryResult)]
struct PayoutRow {
    id: Uuid,
    user_id: Uuid,
    status: String,
    rail: Option<String>,
}

#[derive(FromQueryResult)]
struct RefundRow {
    id: Uuid,
    organization_id: Uuid,
    status: String,
}

#[derive(FromQueryResult)]
struct PaymentRow {
    id: Uuid,
    organization_id: Uuid,
}

#[derive(FromQueryResult)]
struct Last {
    until_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Sum {
    cents: i64,
}

/// When the first of some payouts was asked for, and when the last of those that are over came to its end.
#[derive(FromQueryResult)]
struct Lasting {
    asked_at: Option<Timestamp>,
    over_at: Option<Timestamp>,
}

/// What is held against each other.
struct Sides {
    ours: Vec<Line>,
    theirs: Vec<Line>,
    background: Background,
}

#[derive(FromQueryResult)]
struct Moved {
    id: String,
    about: Option<String>,
    class: String,
    flow: String,
    currency: String,
    amount_minor: i64,
    fee_minor: i64,
    at: Timestamp,
}

impl Market {
    /// Compare what moved from one instant until before another, and keep what was found.
    ///
    /// # Errors
    /// A refusal if that is no stretch of time, or the caller may not read the books; a fault if the processor does
    /// not answer.
    pub async fn reconcile(&self, call: &Call, from: Timestamp, until: Timestamp) -> Result<Report, Failure> {
        access::check(&call.actor, Verb::BooksRead, &Subject::OURS)?;
        if from >= until {
            return Err(Refusal::field("until", "OUT_OF_RANGE", "must come after the beginning").into());
        }
        let (report, _) = self.compare(from, until).await?;
        self.reconciliation_keep(&report, None).await?;
        Ok(report)
    }

    /// Compare the days that are over and were not compared yet, unless another worker is quicker; answers
    /// whether it was done now.
    pub async fn reconcile_when_due(&self) -> Result<bool, Failure> {
        let now = self.clock().now();
        let midnight = (now - MORNING).date_naive().and_time(NaiveTime::MIN).and_utc();
        let select = sql(
            "select max(until_at) as until_at from reconciliations where daily and source = $1",
            [self.payments().source().into()],
        );
        let last = Last::find_by_statement(select).one(self.db()).await?.and_then(|last| last.until_at);
        let from = last.unwrap_or(midnight - TimeDelta::days(1));
        if from >= midnight {
            return Ok(false);
        }
        let (report, swept) = self.compare(from, midnight).await?;
        let daily = Daily { uncovered: self.uncovered(swept).await };
        let kept = self.reconciliation_keep(&report, Some(daily)).await?;
        if kept {
            daily.tell();
            let count = report.differences.len();
            if count > 0 {
                tracing::error!(differences = count, %from, until = %midnight, "the processor and the books differ");
            } else {
                tracing::info!(agree = report.agree, %from, until = %midnight, "the processor and the books agree");
            }
        }
        Ok(kept)
    }

    /// The comparisons that were made, newest first, for our people.
    pub async fn reconciliations(&self, call: &Call, page: &PageRequest) -> Result<Slice<Reconciliation>, Failure> {
        access::check(&call.actor, Verb::BooksRead, &Subject::OURS)?;
        let order = Keyset::<row::Entity> {
            list: "reconciliations",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        order.page(self.db(), row::Entity::find(), page).await?.try_map(|row| Ok(Reconciliation::from(row)))
    }

    /// The comparison, if the caller may read the books.
    pub async fn reconciliation_find(
        &self,
        call: &Call,
        id: ReconciliationId,
    ) -> Result<Option<Reconciliation>, Failure> {
        if !access::allows(&call.actor, Verb::BooksRead, &Subject::OURS) {
            return Ok(None);
        }
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Reconciliation::from))
    }

    /// The difference about this that a comparison found, if it did: the entry it proposed, and when the newest of its
    /// lines is of.
    pub(crate) async fn difference_of(
        &self,
        id: ReconciliationId,
        class: Class,
        about: &str,
    ) -> Result<Option<FoundThen>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?.ok_or(Refusal::HIDDEN)?;
        let mut told: Told = serde_json::from_value(row.report)?;
        Ok(told.differences.drain(..).find(|found| found.class == class && found.about == about))
    }

    /// The fees that a comparison found and the books did not have, each with the entry that would book it, by what they
    /// are about.
    pub(crate) async fn fees_found(&self, id: ReconciliationId) -> Result<BTreeMap<String, FoundThen>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?.ok_or(Refusal::HIDDEN)?;
        let told: Told = serde_json::from_value(row.report)?;
        let is_fee = |found: &FoundThen| found.kind == Kind::FeeNotBooked && found.proposal.is_some();
        Ok(told.differences.into_iter().filter(is_fee).map(|found| (found.about.clone(), found)).collect())
    }

    /// Compare again what a comparison compared: is there still a difference about this?
    pub(crate) async fn still_differs(&self, id: ReconciliationId, class: Class, about: &str) -> Result<bool, Failure> {
        Ok(self.still_differing(id).await?.contains(&(class, about.to_owned())))
    }

    /// Compare again what a comparison compared: about what is there still a difference?
    pub(crate) async fn still_differing(&self, id: ReconciliationId) -> Result<BTreeSet<(Class, String)>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?.ok_or(Refusal::HIDDEN)?;
        let (report, _) = self.compare(row.from_at, row.until_at).await?;
        Ok(report.differences.iter().map(|found| (found.class, found.about.to_string())).collect())
    }

    /// What differs within a stretch of time; and what the processor sent to our own bank from its beginning until now.
    async fn compare(&self, from: Timestamp, until: Timestamp) -> Result<(Report, i64), Failure> {
        let period = Period { from, until, asked_at: self.clock().now() };
        let usual = Span::around(period);
        let mut sides = self.both_sides(usual).await?;
        // A payout may have left long before what moved of it within the period, and have come back long after that.
        let whole = self.span_of_payouts(period, usual, &sides).await?;
        if whole != usual {
            sides = self.both_sides(whole).await?;
        }
        let Sides { ours, theirs, background } = sides;
        let swept = domain::reconciliation::swept(&theirs, period.from);
        Ok((domain::reconciliation::reconcile(period, ours, theirs, &background)?, swept))
    }

    /// What either side has of a span of time, and what is known besides.
    async fn both_sides(&self, span: Span) -> Result<Sides, Failure> {
        // Theirs first: what they told us meanwhile is in our books by the time those are read.
        let (theirs, foreign) = self.payments().balance_transactions(self, span).await?;
        let mut theirs: Vec<Line> = theirs.iter().flat_map(BalanceTransaction::lines).collect();
        // They may know no smaller unit than a second.
        theirs.retain(|line| span.holds(line));
        let tx = self.long_look().await?;
        let posted = entries(&tx, span).await?;
        let mut ours: Vec<Line> = posted.iter().flat_map(Posted::lines).collect();
        let (background, elsewhere) = background(&tx, ours.iter().chain(&theirs)).await?;
        tx.rollback().await?;
        // What goes by our bank is on the bank's account, not on the processor's.
        ours.retain(|line| !matches!(line.about, About::Payout(id) if elsewhere.contains(&id)));
        Ok(Sides { ours, theirs, background: Background { foreign, ..background } })
    }

    /// The span in which all lies that ever moved of the payouts of which something moved within the period.
    async fn span_of_payouts(&self, period: Period, usual: Span, sides: &Sides) -> Result<Span, Failure> {
        let payouts = payouts_within(period, sides.ours.iter().chain(&sides.theirs));
        if payouts.is_empty() {
            return Ok(usual);
        }
        let select = sql(
            "select min(requested_at) as asked_at,
                 max((state ->> 'at')::timestamptz) filter (where status in ('paid', 'returned')) as over_at
             from payouts where id = any($1)",
            [ids(&Vec::from_iter(payouts))],
        );
        Ok(match Lasting::find_by_statement(select).one(self.db()).await? {
            Some(Lasting { asked_at: Some(asked_at), over_at }) => usual.with_payouts(asked_at, over_at),
            Some(Lasting { asked_at: None, .. }) | None => usual,
        })
    }

    /// Look at the books as they are at one instant, for as long as it takes.
    async fn long_look(&self) -> Result<DatabaseTransaction, Failure> {
        let tx = self.db().begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
        tx.execute_unprepared("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0")
            .await?;
        Ok(tx)
    }

    async fn reconciliation_keep(&self, report: &Report, daily: Option<Daily>) -> Result<bool, Failure> {
        let now = self.clock().now();
        let keep = sql(
            "insert into reconciliations (id, source, daily, from_at, until_at, made_at, agree, differences, report,
                 uncovered_minor)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
            [
                crate::ids::fresh::<ReconciliationId>(now).uuid().into(),
                self.payments().source().into(),
                daily.is_some().into(),
                report.period.from.into(),
                report.period.until.into(),
                now.into(),
                i64::try_from(report.agree).unwrap_or(i64::MAX).into(),
                i32::try_from(report.differences.len()).unwrap_or(i32::MAX).into(),
                serde_json::to_value(report).map_err(Fault::from)?.into(),
                daily.and_then(|daily| daily.uncovered).into(),
            ],
        );
        Ok(self.db().execute_raw(keep).await?.rows_affected() == 1)
    }
}

/// The processor's account of our balance, as the sandbox keeps it. It has written down what it knows will happen; what
/// is told is what has.
pub(crate) async fn sandbox_balance(market: &Market, span: Span) -> Result<Vec<BalanceTransaction>, Fault> {
    let select = sql(
        "select id, about, class, flow, currency, amount_minor, fee_minor, at from sandbox_balance
         where at <= $5 and (at >= $1 and at < $2 or class = 'payout' and at >= $3 and at < $4) order by at, id",
        [
            span.from.into(),
            span.until.into(),
            span.payouts_from.into(),
            span.payouts_until.into(),
            market.clock().now().into(),
        ],
    );
    let rows = Moved::find_by_statement(select).all(market.db()).await?;
    rows.into_iter().map(BalanceTransaction::try_from).collect()
}

/// What that adds up to by now, in cents: of one class, if it is named.
pub(crate) async fn sandbox_sum(market: &Market, class: Option<Class>) -> Result<i64, Fault> {
    let select = sql(
        "select coalesce(sum(case flow when 'in' then amount_minor else -amount_minor end - fee_minor), 0)::bigint as cents
         from sandbox_balance where at <= $1 and currency = 'USD' and class = coalesce($2, class)",
        [market.clock().now().into(), class.map(Class::as_str).into()],
    );
    Ok(Sum::find_by_statement(select).one(market.db()).await?.map_or(0, |sum| sum.cents))
}

impl TryFrom<Moved> for BalanceTransaction {
    type Error = Fault;
    fn try_from(row: Moved) -> Result<Self, Fault> {
        let bad = |why: &dyn std::fmt::Display| Fault::bad_row("sandbox_balance", why);
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad(&"unknown currency"))?;
        Ok(Self {
            id: row.id,
            about: row.about,
            class: Class::from_name(&row.class).ok_or_else(|| bad(&"unknown class"))?,
            flow: if row.flow == "in" { Flow::In } else { Flow::Out },
            amount: Money::new(row.amount_minor, currency).map_err(|error| bad(&error))?,
            fee: Money::new(row.fee_minor, currency).map_err(|error| bad(&error))?,
            at: row.at,
        })
    }
}

/// The entries of a stretch of time that touch our accounts at the processor. The trace of an entry that was
/// posted for a processor's event names the event, and that names its payment.
const ENTRIES: &str = "
    select entry.id, entry.reason, entry.key, entry.posted_at, told.subject, legs.postings
    from ledger_entries entry
    cross join lateral (
        select jsonb_agg(jsonb_build_object('from', from_account, 'to', to_account,
                                            'currency', currency, 'minor', amount_minor) order by id) as postings,
               bool_or(from_account in ('processor_clearing', 'processor_fees', 'paid_out')
                    or to_account in ('processor_clearing', 'processor_fees', 'paid_out')) as ours
        from ledger_postings where entry_id = entry.id) legs
    left join processor_events told
        on told.source = split_part(entry.trace, ':', 1)
       and told.id = substr(entry.trace, strpos(entry.trace, ':') + 1)
    where legs.ours and (
        entry.posted_at >= $1 and entry.posted_at < $2
        or entry.posted_at >= $3 and entry.posted_at < $4 and entry.reason in ('payout_arrive', 'payout_return')
        or entry.reason = 'correction' and (entry.posted_at >= $1
            or entry.posted_at >= $3 and entry.key ~ '^reconcile:(payout:|fee:pyo_)'))
    order by entry.id";

async fn entries(tx: &DatabaseTransaction, span: Span) -> Result<Vec<Posted>, Failure> {
    // What left within the time may have arrived long after it, and what came back within it long before; and what was
    // wrong of it, been corrected.
    let Span { from, until, payouts_from, payouts_until } = span;
    let values = [from.into(), until.into(), payouts_from.into(), payouts_until.into()];
    let rows = EntryRow::find_by_statement(sql(ENTRIES, values)).all(tx).await?;
    Ok(rows.into_iter().map(Posted::try_from).collect::<Result<_, Fault>>()?)
}

impl TryFrom<EntryRow> for Posted {
    type Error = Fault;
    fn try_from(row: EntryRow) -> Result<Self, Fault> {
        let bad = |why: &dyn std::fmt::Display| Fault::bad_row("ledger_entries", why);
        let legs: Vec<Leg> = serde_json::from_value(row.postings)?;
        let account = |name: &str| name.parse::<LedgerAccount>().map_err(|error: BadAccount| bad(&error));
        let posting = |leg: &Leg| {
            let currency = Currency::from_code(&leg.currency).ok_or_else(|| bad(&"unknown currency"))?;
            let amount = Money::new(leg.minor, currency).map_err(|error| bad(&error))?;
            Ok(Posting { from: account(&leg.from)?, to: account(&leg.to)?, amount, came_with: None })
        };
        Ok(Self {
            id: domain::id::EntryId::from_uuid(row.id).to_string(),
            reason: serde_json::from_value::<Reason>(row.reason.into())?,
            key: row.key,
            payment: row.subject.and_then(|subject| subject.parse::<PaymentId>().ok()),
            at: row.posted_at,
            postings: legs.iter().map(posting).collect::<Result<_, Fault>>()?,
        })
    }
}

/// What is known of the payments, refunds and payouts that lines are about, and which payouts went by our bank.
async fn background(
    tx: &DatabaseTransaction,
    lines: impl Iterator<Item = &Line>,
) -> Result<(Background, BTreeSet<PayoutId>), Failure> {
    let (mut payments, mut refunds, mut payouts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in lines {
        match line.about {
            About::Payment(id) => drop(payments.insert(id)),
            About::Refund(id) => drop(refunds.insert(id)),
            About::Payout(id) => drop(payouts.insert(id)),
            About::Other(_) => (),
        }
    }
    let (payments, refunds, payouts) = (Vec::from_iter(payments), Vec::from_iter(refunds), Vec::from_iter(payouts));
    let mut owners = BTreeMap::new();
    let select = sql("select id, organization_id from payments where id = any($1)", [ids(&payments)]);
    for row in PaymentRow::find_by_statement(select).all(tx).await? {
        let owner = LedgerAccount::ClientCredit(Id::from_uuid(row.organization_id));
        owners.insert(About::Payment(Id::from_uuid(row.id)), owner);
    }
    let (mut under_way, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    let select = sql("select id, organization_id, status from payment_refunds where id = any($1)", [ids(&refunds)]);
    for row in RefundRow::find_by_statement(select).all(tx).await? {
        let about = About::Refund(Id::from_uuid(row.id));
        if matches!(row.status.as_str(), "started" | "pending") {
            under_way.insert(about.clone());
        }
        owners.insert(about, LedgerAccount::ClientCredit(Id::from_uuid(row.organization_id)));
    }
    let select: Statement =
        sql("select id, user_id, status, state ->> 'rail' as rail from payouts where id = any($1)", [ids(&payouts)]);
    for row in PayoutRow::find_by_statement(select).all(tx).await? {
        let id = PayoutId::from_uuid(row.id);
        owners.insert(About::Payout(id), LedgerAccount::Available(Id::from_uuid(row.user_id)));
        // What goes by our bank now is no reason to wait for what left the processor: it may have left twice.
        if matches!(row.rail.as_deref(), Some("bank_wire" | "manual")) {
            elsewhere.insert(id);
        } else if matches!(row.status.as_str(), "sent" | "in_transit" | "unknown") {
            under_way.insert(About::Payout(id));
        }
    }
    Ok((Background { under_way, owners, foreign: Vec::new() }, elsewhere))
}

impl From<row::Model> for Reconciliation {
    fn from(row: row::Model) -> Self {
        let uncovered = row.uncovered_minor.and_then(|cents| Money::usd(cents).ok());
        Self {
            uncovered,
            id: Id::from_uuid(row.id),
            from: row.from_at,
            until: row.until_at,
            made_at: row.made_at,
            daily: row.daily,
            agree: row.agree,
            differences: row.differences,
            report: row.report,
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "reconciliations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub source: String,
        pub daily: bool,
        pub from_at: DateTimeUtc,
        pub until_at: DateTimeUtc,
        pub made_at: DateTimeUtc,
        pub agree: i64,
        pub differences: i32,
        #[sea_orm(column_type = "JsonBinary")]
        pub report: Json,
        pub uncovered_minor: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
