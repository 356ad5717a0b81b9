//! How far the books had come once, kept elsewhere. Seals hold no secret, so whoever may write every row can write a chain
//! anew from its beginning; not what somebody else has kept of it. Of what is in no statement (payouts, refunds to cards,
//! corrections, fees of the processor), where there are no seals, a hash over all of it is kept.

use std::fmt;

use domain::id::{ContractId, Id};
use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, IsolationLevel, Statement,
    StreamTrait, TransactionTrait,
};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Counted, Finding};
use crate::Failure;
use crate::statement::HEAD_TYPE;
use crate::statement::seal::hex;
use crate::token::Keys;

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// How far statements had come.
    pub heads: Vec<Head>,
    /// How far what is in no statement had come.
    pub outside: Vec<Outside>,
}

/// How far a statement had come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// Whose statement.
    #[serde(rename = "sub")]
    pub contract: ContractId,
    /// How many entries it had.
    pub entries: i64,
    /// The seal of the last, in hexadecimal.
    pub seal: String,
}

/// How far what is in no statement had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The id of the last posting.
    pub last: i64,
    /// All transactions before this one were over: nothing of theirs can still turn up.
    pub before: i64,
    /// Over those postings and their entries, in hexadecimal.
    pub seal: String,
}

/// Why a line says nothing that could have been kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    /// It is written otherwise.
    #[error("neither a contract, a number of entries and a seal, nor a signature")]
    Malformed,
    /// None of the keys at hand signed it.
    #[error("none of our keys signed it as the head of a statement")]
    NotOurs,
}

impl Kept {
    /// How far the books have come now, to be kept elsewhere.
    ///
    /// # Errors
    /// [`crate::Fault::Database`].
    pub async fn now(db: &DatabaseConnection) -> Result<Self, Failure> {
        let tx = db.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
        tx.execute_unprepared("set local statement_timeout = 0").await?;
        let rows = HeadRow::find_by_statement(Statement::from_string(DbBackend::Postgres, HEADS)).all(&tx).await?;
        let heads = rows.into_iter().map(Head::from).collect();
        let over = Over::find_by_statement(Statement::from_string(DbBackend::Postgres, OVER)).one(&tx).await?;
        let mut outside = Vec::new();
        if let Some(Over { last, before }) = over {
            outside.push(Outside { last, before, seal: sealed_outside(&tx, last, before).await? });
        }
        tx.rollback().await?;
        Ok(Self { heads, outside })
    }

    /// What a file says that was written elsewhere: what this prints, or signatures of heads as the API answers them, each
    /// of which one of these keys must have made. Empty lines and those that begin with # say nothing.
    ///
    /// # Errors
    /// The number of the first line that says something else, and why.
    pub fn read(text: &str, keys: Option<&Keys>) -> Result<Self, (usize, BadHead)> {
        let mut kept = Self::default();
        for (place, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            kept.take(&words, keys).map_err(|why| (place + 1, why))?;
        }
        Ok(kept)
    }

    /// Does a file hold signatures, which take keys to be read?
    pub fn is_signed(text: &str) -> bool {
        text.lines().any(|line| line.split_whitespace().count() == 1 && !line.trim_start().starts_with('#'))
    }

    fn take(&mut self, words: &[&str], keys: Option<&Keys>) -> Result<(), BadHead> {
        let number = |word: &str| word.parse::<i64>().map_err(|_| BadHead::Malformed);
        match words {
            [] => (),
            [first, ..] if first.starts_with('#') => (),
            [signed] => {
                let keys = keys.ok_or(BadHead::NotOurs)?;
                self.heads.push(keys.read(HEAD_TYPE, signed).map_err(|_| BadHead::NotOurs)?);
            }
            ["outside", last, before, seal] if seal.len() == 64 => {
                let (last, before) = (number(last)?, number(before)?);
                self.outside.push(Outside { last, before, seal: seal.to_ascii_lowercase() });
            }
            [contract, entries, seal] if seal.len() == 64 => self.heads.push(Head {
                contract: contract.parse().map_err(|_| BadHead::Malformed)?,
                entries: number(entries)?,
                seal: seal.to_ascii_lowercase(),
            }),
            _ => return Err(BadHead::Malformed),
        }
        Ok(())
    }
}

impl fmt::Display for Kept {
    /// A line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Head { contract, entries, seal } in &self.heads {
            writeln!(f, "{contract} {entries} {seal}")?;
        }
        for Outside { last, before, seal } in &self.outside {
            writeln!(f, "outside {last} {before} {seal}")?;
        }
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct HeadRow {
    contract_id: Uuid,
    entries: i64,
    seal: String,
}

impl From<HeadRow> for Head {
    fn from(HeadRow { contract_id, entries, seal }: HeadRow) -> Self {
        Self { contract: ContractId::from_uuid(contract_id), entries, seal }
    }
}

#[derive(FromQueryResult)]
struct Over {
    last: i64,
    before: i64,
}

#[derive(FromQueryResult)]
struct Line {
    line: String,
}

const HEADS: &str =
    "select contract_id, entries, encode(seal, 'hex') as seal from ledger_statements order by contract_id";

/// Ids are given before transactions commit, so the last id says nothing of those before it; that no transaction is open
/// any more which could have taken one does.
const OVER: &str = "
    select cut.before, coalesce(max(posting.id), 0) as last
    from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as before) cut
    left join (ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id and entry.contract_id is null)
        on posting.xact < cut.before
    group by cut.before";

const OUTSIDE: &str = "
    select concat_ws(' ', posting.id, entry.id, entry.reason, entry.key, entry.actor, entry.trace,
        (extract(epoch from entry.posted_at) * 1000000)::bigint, posting.from_account, posting.to_account,
        posting.currency, posting.amount_minor, posting.payment_id) as line
    from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id
    where entry.contract_id is null and posting.id <= $1 and posting.xact < $2
    order by posting.id";

async fn sealed_outside(
    conn: &(impl ConnectionTrait + StreamTrait),
    last: i64,
    before: i64,
) -> Result<String, Failure> {
    let select = Statement::from_sql_and_values(DbBackend::Postgres, OUTSIDE, [last.into(), before.into()]);
    let mut rows = Line::find_by_statement(select).stream(conn).await?;
    let mut hash = Sha256::new();
    while let Some(Line { line }) = rows.try_next().await? {
        hash.update(line);
        hash.update("\n");
    }
    Ok(hex(&hash.finalize()))
}

const HEADS_KEPT: &str = "
    select count(*) as rows, count(why) as broken, min(why) as first from (
        select case
            when kept.entries = 0 and kept.seal = encode(ledger_genesis(kept.contract), 'hex') then null
            when entry.id is null then format('%s had %s entries once, and has not', public_id('con', kept.contract), kept.entries)
            when kept.seal <> encode(entry.seal, 'hex')
                then format('%s: its entry %s is not the one whose seal was kept', public_id('con', kept.contract), kept.entries)
            end as why
        from jsonb_to_recordset($1) as kept (contract uuid, entries bigint, seal text)
        left join ledger_entries entry on entry.contract_id = kept.contract and entry.number = kept.entries
    ) looked_at";

/// What was kept, of everything or of one contract, against what is there.
pub(super) async fn audit(
    conn: &(impl ConnectionTrait + StreamTrait),
    kept: &Kept,
    of: Option<Uuid>,
) -> Result<Finding, Failure> {
    let mut finding = Finding::new("heads", "statements, and what is in none, go on from what was kept of them");
    let heads: Vec<serde_json::Value> = (kept.heads.iter())
        .filter(|head| of.is_none_or(|of| of == head.contract.uuid()))
        .map(|head| json!({ "contract": head.contract.uuid(), "entries": head.entries, "seal": head.seal }))
        .collect();
    let values = [serde_json::Value::from(heads).into()];
    let select = Statement::from_sql_and_values(DbBackend::Postgres, HEADS_KEPT, values);
    if let Some(Counted { rows, broken, first }) = Counted::find_by_statement(select).one(conn).await? {
        finding = Finding { rows, broken, first, ..finding };
    }
    for Outside { last, before, seal } in kept.outside.iter().filter(|_| of.is_none()) {
        finding.rows += 1;
        if sealed_outside(conn, *last, *before).await? != *seal {
            finding.breaks(|| format!("what is in no statement, up to posting {last}, is not what was kept of it"));
        }
    }
    Ok(finding)
}
