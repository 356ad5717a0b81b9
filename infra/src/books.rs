//! Auditing the books: everything that must be true of them is counted again from the rows, by
//! other means than those that wrote them. `rabta audit verify` prints what is found.
//!
//! Rows are streamed, or counted by the database, so that books of any length can be audited; all
//! of it sees one instant.

use domain::Timestamp;
use domain::id::{ContractId, EntryId, Id};
use domain::ledger::LedgerAccount;
use domain::money::Currency;
use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, IsolationLevel, Statement,
    StreamTrait, TransactionTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Failure;
use crate::statement::seal::{Sealed, genesis};

mod guards;
mod heads;
mod owners;

pub use guards::standing;
pub use heads::{BadHead, Head, Kept, Outside};

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked, in a word.
    pub check: &'static str,
    /// What must be true.
    pub rule: &'static str,
    /// How many rows were looked at.
    pub rows: i64,
    /// How many of them break the rule.
    pub broken: i64,
    /// The first that does, and how.
    pub first: Option<String>,
}

impl Finding {
    fn new(check: &'static str, rule: &'static str) -> Self {
        Self { check, rule, rows: 0, broken: 0, first: None }
    }

    /// Does the rule hold?
    pub fn holds(&self) -> bool {
        self.broken == 0
    }

    fn breaks(&mut self, why: impl FnOnce() -> String) {
        self.broken += 1;
        self.first.get_or_insert_with(why);
    }
}

/// Audit all books, or those of one contract, as they are at one instant.
///
/// # Errors
/// [`crate::Fault::Database`]. What is wrong with the books is no error: it is in the findings.
pub async fn audit(db: &DatabaseConnection, contract: Option<ContractId>) -> Result<Vec<Finding>, Failure> {
    audit_against(db, contract, None).await
}

/// The same, and whether the books go on from what was kept of them elsewhere.
///
/// # Errors
/// See [`audit`].
pub async fn audit_against(
    db: &DatabaseConnection,
    contract: Option<ContractId>,
    kept: Option<&Kept>,
) -> Result<Vec<Finding>, Failure> {
    let tx = db.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
    tx.execute_unprepared("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0").await?;
    let mut findings = audit_in(&tx, contract).await?;
    if let Some(kept) = kept {
        findings.push(heads::audit(&tx, kept, contract.map(Id::uuid)).await?);
    }
    tx.rollback().await?;
    Ok(findings)
}

/// Audit the books as this transaction sees them.
///
/// # Errors
/// See [`audit`].
pub async fn audit_in(
    conn: &(impl ConnectionTrait + StreamTrait),
    contract: Option<ContractId>,
) -> Result<Vec<Finding>, Failure> {
    let of = contract.map(Id::uuid);
    let mut findings = Vec::from(chains(conn, of).await?);
    findings.push(count(conn, "milestones", POTS_RULE, &pots("milestones", "escrow"), of).await?);
    if there(conn, "timesheets").await? {
        findings.push(count(conn, "timesheets", POTS_RULE, &pots("timesheets", "timesheet_escrow"), of).await?);
    }
    findings.push(count(conn, "deals", owners::DEALS_RULE, owners::DEALS, of).await?);
    findings.push(count(conn, "movements", owners::MOVEMENTS_RULE, owners::MOVEMENTS, of).await?);
    findings.push(count(conn, "escrow", owners::ESCROW_RULE, owners::ESCROW, of).await?);
    if contract.is_none() {
        let whole = [
            ("orphans", "nothing refers to what is not there", ORPHANS),
            ("balances", "a balance is the sum of its postings", BALANCES),
            ("credits", CREDITS_RULE, CREDITS),
            ("platform", "a roll-up is the sum of the postings it took in", PLATFORM),
            ("currencies", "all accounts of a currency add up to nothing", CURRENCIES),
            ("payouts", owners::PAYOUTS_RULE, owners::PAYOUTS),
            ("corrections", owners::CORRECTIONS_RULE, owners::CORRECTIONS),
            ("refunds", owners::REFUNDS_RULE, owners::REFUNDS),
            ("holds", owners::HOLDS_RULE, owners::HOLDS),
        ];
        for (check, rule, sql) in whole {
            findings.push(count(conn, check, rule, sql, None).await?);
        }
        findings.push(guards::audit(conn).await?);
    }
    Ok(findings)
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    contract_id: Option<Uuid>,
    number: Option<i64>,
    reason: String,
    key: String,
    milestone_id: Option<Uuid>,
    party: Option<String>,
    posted_at: Timestamp,
    form: Option<i16>,
    seal: Option<Vec<u8>>,
    in_escrow_minor: Option<i64>,
    postings: Option<serde_json::Value>,
    head_entries: Option<i64>,
    head_seal: Option<Vec<u8>>,
    head_in_escrow_minor: Option<i64>,
}

#[derive(Deserialize)]
struct Leg {
    from: String,
    to: String,
    currency: String,
    minor: i64,
}

const ENTRIES: &str = "
    select entry.id, entry.contract_id, entry.number, entry.reason, entry.key, entry.milestone_id, entry.party,
           entry.posted_at, entry.form, entry.seal, entry.in_escrow_minor, head.entries as head_entries,
           head.seal as head_seal, head.in_escrow_minor as head_in_escrow_minor,
           (select jsonb_agg(jsonb_build_object('from', from_account, 'to', to_account,
                                                'currency', currency, 'minor', amount_minor) order by id)
            from ledger_postings where entry_id = entry.id) as postings
    from ledger_entries entry left join ledger_statements head on head.contract_id = entry.contract_id
    where $1::uuid is null or entry.contract_id = $1
    order by entry.contract_id, entry.number, entry.id";

/// Where the chain of one contract has come to.
struct Chain {
    contract: ContractId,
    number: i64,
    seal: Vec<u8>,
    in_escrow: i64,
    head: Option<(i64, Vec<u8>, i64)>,
}

/// Every entry by itself, and every chain of them.
async fn chains(conn: &(impl ConnectionTrait + StreamTrait), of: Option<Uuid>) -> Result<[Finding; 2], Failure> {
    let mut entries = Finding::new("entries", "an entry moves amounts above zero between two known accounts");
    let mut statements = Finding::new("statements", "numbers have no gap, seals follow, the head is the last");
    let mut open: Option<Chain> = None;
    let select = Statement::from_sql_and_values(DbBackend::Postgres, ENTRIES, [of.into()]);
    let mut rows = Row::find_by_statement(select).stream(conn).await?;
    while let Some(row) = rows.try_next().await? {
        entries.rows += 1;
        let name = EntryId::from_uuid(row.id);
        let legs: Vec<Leg> = row.postings.clone().map(serde_json::from_value).transpose()?.unwrap_or_default();
        if let Some(why) = wrong(&legs) {
            entries.breaks(|| format!("{name}: {why}"));
        }
        let Some(contract) = row.contract_id.map(ContractId::from_uuid) else { continue };
        if open.as_ref().is_none_or(|chain| chain.contract != contract)
            && let Some(chain) = open.replace(Chain::begin(contract, &row))
        {
            chain.end(&mut statements);
        }
        if let Some(chain) = &mut open {
            chain.link(&row, &legs, &mut statements);
        }
    }
    if let Some(chain) = open {
        chain.end(&mut statements);
    }
    Ok([entries, statements])
}

/// What is wrong with the postings of an entry, if anything is. What moves from one account to
/// another balances in its currency as it is written.
fn wrong(legs: &[Leg]) -> Option<String> {
    if legs.is_empty() {
        return Some("it moves nothing".to_owned());
    }
    legs.iter().find_map(|leg| {
        let unknown = [&leg.from, &leg.to].into_iter().find(|name| name.parse::<LedgerAccount>().is_err());
        if let Some(name) = unknown {
            return Some(format!("{name} is no account"));
        }
        if leg.from == leg.to {
            return Some(format!("it moves from {} to itself", leg.from));
        }
        if leg.minor <= 0 {
            return Some(format!("it moves {} minor units", leg.minor));
        }
        Currency::from_code(&leg.currency).is_none().then(|| format!("{} is no currency", leg.currency))
    })
}

fn into_pots(leg: &Leg) -> i64 {
    let pot = |account: &str| i64::from(account.starts_with("escrow:") || account.starts_with("timesheet_escrow:"));
    leg.minor * (pot(&leg.to) - pot(&leg.from))
}

impl Chain {
    fn begin(contract: ContractId, row: &Row) -> Self {
        // A chain that began in form 1 hangs on nothing.
        let seal = if row.form == Some(1) { Vec::new() } else { genesis(contract) };
        let head = row.head_entries.zip(row.head_seal.clone()).zip(row.head_in_escrow_minor);
        let head = head.map(|((entries, seal), in_escrow)| (entries, seal, in_escrow));
        Self { contract, number: 0, seal, in_escrow: 0, head }
    }

    fn link(&mut self, row: &Row, legs: &[Leg], finding: &mut Finding) {
        finding.rows += 1;
        self.number += 1;
        self.in_escrow += legs.iter().map(into_pots).sum::<i64>();
        let name = EntryId::from_uuid(row.id);
        let sealed = Sealed {
            form: row.form.unwrap_or_default(),
            number: self.number,
            reason: &row.reason,
            key: &row.key,
            milestone: row.milestone_id.map(Id::from_uuid),
            party: row.party.as_deref(),
            posted_at: row.posted_at,
            postings: (legs.iter())
                .map(|leg| format!("{} {} {} {}", leg.from, leg.to, leg.currency, leg.minor))
                .collect(),
        };
        if row.number != Some(self.number) {
            let (contract, number) = (self.contract, self.number);
            finding.breaks(|| format!("{name} of {contract}: its number is {:?}, not {number}", row.number));
        } else if row.seal.as_deref() != Some(sealed.seal(&self.seal).as_slice()) {
            finding
                .breaks(|| format!("{name} of {}, number {}: it is not what was sealed", self.contract, self.number));
        } else if row.in_escrow_minor != Some(self.in_escrow) {
            let says = row.in_escrow_minor;
            finding
                .breaks(|| format!("{name} of {}: {} is in escrow, it says {says:?}", self.contract, self.in_escrow));
        }
        // What follows is judged by what stands here, so that one fault is one finding.
        self.number = row.number.unwrap_or(self.number);
        self.seal = row.seal.clone().unwrap_or_default();
        self.in_escrow = row.in_escrow_minor.unwrap_or(self.in_escrow);
    }

    fn end(self, finding: &mut Finding) {
        let Self { contract, number, seal, in_escrow, head } = self;
        if head != Some((number, seal, in_escrow)) {
            finding.breaks(|| format!("{contract}: its head is not its last entry, number {number}"));
        }
    }
}

#[derive(FromQueryResult)]
struct Counted {
    rows: i64,
    broken: i64,
    first: Option<String>,
}

/// Is there such a table?
async fn there(conn: &impl ConnectionTrait, table: &str) -> Result<bool, Failure> {
    let select = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select 1 where to_regclass($1) is not null",
        [table.into()],
    );
    Ok(conn.query_one_raw(select).await?.is_some())
}

/// A check the database can do by itself: a query for `rows`, `broken` and the `first` broken one.
async fn count(
    conn: &impl ConnectionTrait,
    check: &'static str,
    rule: &'static str,
    sql: &str,
    of: Option<Uuid>,
) -> Result<Finding, Failure> {
    let counting = format!("select count(*) as rows, count(why) as broken, min(why) as first from ({sql}) looked_at");
    let values = if sql.contains("$1") { vec![of.into()] } else { vec![] };
    let found = Counted::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, counting, values));
    let Counted { rows, broken, first } = found.one(conn).await?.unwrap_or(Counted { rows: 0, broken: 0, first: None });
    Ok(Finding { check, rule, rows, broken, first })
}

const POTS_RULE: &str =
    "funded = held + released (net and fee) + refunded + charged back, row by row and posting by posting";

/// The parts of the money of each row in `table`, told by the postings of its escrow account, beside
/// what the row says.
fn pots(table: &str, kind: &str) -> String {
    PARTS.replace("{table}", table).replace("{kind}", kind)
}

const PARTS: &str = "
    with leg as (
        select posting.from_account, posting.to_account, posting.amount_minor as minor, entry.reason, entry.milestone_id,
               split_part(posting.from_account, ':', 1) as from_kind, split_part(posting.to_account, ':', 1) as to_kind
        from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id
        where $1::uuid is null or entry.contract_id = $1
    ), part as (
        -- What left a pot.
        select from_account as pot, -minor as held,
               case when to_kind in ('pending', 'available') then minor else 0 end as net,
               case when to_kind = 'fee_revenue' then minor else 0 end as fee,
               case when to_kind = 'client_credit' then minor else 0 end as refunded,
               case when to_kind = 'processor_clearing' then minor else 0 end as charged_back,
               case when to_kind in ('pending', 'available', 'fee_revenue', 'client_credit', 'processor_clearing') then 0 else -minor end as funded
        from leg where ledger_is_pot(from_account)
        union all
        -- What came into one; by a dispute in the hold, what had been released from it; by a chargeback
        -- that was won, what had been charged back.
        select to_account, minor,
               case when reason = 'reclaim' and from_kind <> 'fee_revenue' then -minor else 0 end,
               case when reason = 'reclaim' and from_kind = 'fee_revenue' then -minor else 0 end,
               0, case when reason = 'chargeback_won' then -minor else 0 end,
               case when reason in ('reclaim', 'chargeback_won') then 0 else minor end
        from leg where ledger_is_pot(to_account)
        union all
        -- What was released, and went back from the freelancer.
        select milestone.escrow_account, 0, -minor, 0,
               case when to_kind = 'client_credit' then minor else 0 end,
               case when to_kind = 'processor_clearing' then minor else 0 end, 0
        from leg join milestones milestone on milestone.id = leg.milestone_id
        where from_kind in ('pending', 'available') and to_kind in ('client_credit', 'processor_clearing')
        union all
        -- What a bank gave back to the freelancer.
        select milestone.escrow_account, 0, minor, 0, 0, -minor, 0
        from leg join milestones milestone on milestone.id = leg.milestone_id
        where reason = 'chargeback_won' and from_kind = 'processor_clearing' and to_kind = 'available'
    ), told as (
        select pot, sum(held)::bigint as held, sum(net)::bigint as net, sum(fee)::bigint as fee,
               sum(refunded)::bigint as refunded, sum(charged_back)::bigint as charged_back, sum(funded)::bigint as funded
        from part where split_part(pot, ':', 1) = '{kind}' group by pot
    )
    select case
        when kept.id is null then format('%s has postings, and no row', told.pot)
        when told.pot is null and held_minor + released_net_minor + fee_minor + refunded_minor + charged_back_minor > 0
            then format('%s says it has money, and nothing was posted', escrow_account)
        when told.pot is null then null
        when (held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor)
            is distinct from (told.held, told.net, told.fee, told.refunded, told.charged_back)
            then format('%s: held %s, net %s, fee %s, refunded %s, charged back %s; the postings say %s, %s, %s, %s, %s', told.pot,
                held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor,
                told.held, told.net, told.fee, told.refunded, told.charged_back)
        when told.funded <> told.held + told.net + told.fee + told.refunded + told.charged_back
            then format('%s: %s was funded, and the parts are not that', told.pot, told.funded)
        end as why
    from told full join (select * from {table} where $1::uuid is null or contract_id = $1) kept on kept.escrow_account = told.pot";

const ORPHANS: &str = "
    select case when entry.id is null then format('posting %s belongs to no entry', posting.id) end as why
    from ledger_postings posting left join ledger_entries entry on entry.id = posting.entry_id
    union all
    select case when milestone.id is null then format('%s is about a milestone that is not there', public_id('ent', entry.id)) end
    from ledger_entries entry left join milestones milestone on milestone.id = entry.milestone_id
    where entry.milestone_id is not null
    union all
    select case
        when contract.id is null and offer.id is null then format('%s is neither a contract nor an offer''s', public_id('con', statement.contract_id))
        when entry.id is null then format('%s has lost its last entry, number %s', public_id('con', statement.contract_id), statement.entries)
        end
    from ledger_statements statement
    left join contracts contract on contract.id = statement.contract_id
    left join offers offer on offer.contract_id = statement.contract_id
    left join ledger_entries entry on entry.contract_id = statement.contract_id and entry.number = statement.entries";

const BALANCES: &str = "
    with summed as (
        select account, currency, sum(delta) as minor from (
            select from_account as account, currency, -amount_minor as delta from ledger_postings
            union all
            select to_account, currency, amount_minor from ledger_postings
        ) leg where ledger_guarded(account) group by account, currency
    )
    select case when kept.balance_minor is distinct from coalesce(summed.minor, 0)
        then format('%s has %s %s, its postings say %s', account, currency, coalesce(kept.balance_minor::text, 'no row of'), coalesce(summed.minor, 0)) end as why
    from ledger_balances kept full join summed using (account, currency)";

const CREDITS_RULE: &str = "what is left of a payment in a client's credit is the sum of its postings";

const CREDITS: &str = "
    with summed as (
        select account, currency, coalesce(payment_id::text, 'none') as payment, sum(delta) as minor from (
            select from_account as account, currency, payment_id, -amount_minor as delta from ledger_postings
            union all
            select to_account, currency, payment_id, amount_minor from ledger_postings
        ) leg where split_part(account, ':', 1) = 'client_credit' group by account, currency, payment_id
    ), kept as (
        select account, currency, coalesce(payment_id::text, 'none') as payment, balance_minor from ledger_credits
    )
    select case when coalesce(kept.balance_minor, 0) <> coalesce(summed.minor, 0)
        then format('%s has %s %s of the payment %s, its postings say %s', account, currency, coalesce(kept.balance_minor::text, 'no row of'), payment, coalesce(summed.minor, 0)) end as why
    from kept full join summed using (account, currency, payment)";

const PLATFORM: &str = "
    with summed as (
        select leg.account, posting.currency, sum(leg.minor) as minor
        from ledger_cut cut join ledger_postings posting on posting.xact < cut.xact or posting.id <= cut.counted_id,
        lateral (values (from_account, -amount_minor), (to_account, amount_minor)) as leg (account, minor)
        where not ledger_guarded(leg.account)
        group by leg.account, posting.currency
    )
    select case when kept.balance_minor is distinct from coalesce(summed.minor, 0)
        then format('%s was rolled up to %s %s, its postings say %s', account, currency, coalesce(kept.balance_minor::text, 'no row of'), coalesce(summed.minor, 0)) end as why
    from ledger_rollups kept full join summed using (account, currency)
    union all
    select case when not exists (select 1 from ledger_cut) then 'the cut of the roll-up is gone' end";

const CURRENCIES: &str = "
    select case when sum(minor) <> 0 then format('%s: %s more than nothing', currency, sum(minor)) end as why
    from (
        select currency, balance_minor as minor from ledger_balances
        union all
        select currency, balance_minor from ledger_platform_balances
    ) account group by currency";
