//! Heads of statements that were kept elsewhere. Seals hold no secret, so whoever may write every row can write a chain
//! anew from its beginning; not what somebody else has kept of it.

use std::fmt;

use domain::id::{ContractId, Id};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Counted, Finding};
use crate::Failure;
use crate::statement::HEAD_TYPE;
use crate::token::Keys;

/// How far a statement had come once.
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

/// Why a line is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    /// It is written otherwise.
    #[error("neither a contract, a number of entries and a seal, nor a signature")]
    Malformed,
    /// None of the keys at hand signed it.
    #[error("none of our keys signed it as the head of a statement")]
    NotOurs,
}

impl Head {
    /// A line as [`heads`] are printed, or a signature as the API answers it, which one of these keys must have made.
    ///
    /// # Errors
    /// [`BadHead`].
    pub fn read(line: &str, keys: Option<&Keys>) -> Result<Self, BadHead> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [signed] => {
                let keys = keys.ok_or(BadHead::NotOurs)?;
                keys.read(HEAD_TYPE, signed).map_err(|_| BadHead::NotOurs)
            }
            [contract, entries, seal] if seal.len() == 64 => Ok(Self {
                contract: contract.parse().map_err(|_| BadHead::Malformed)?,
                entries: entries.parse().map_err(|_| BadHead::Malformed)?,
                seal: seal.to_ascii_lowercase(),
            }),
            _ => Err(BadHead::Malformed),
        }
    }

    /// Is this line a signature, which takes keys to be read?
    pub fn is_signed(line: &str) -> bool {
        line.split_whitespace().count() == 1 && !line.trim_start().starts_with('#')
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.contract, self.entries, self.seal)
    }
}

#[derive(FromQueryResult)]
struct Row {
    contract_id: Uuid,
    entries: i64,
    seal: String,
}

/// The heads of all statements now, to be kept elsewhere.
///
/// # Errors
/// [`crate::Fault::Database`].
pub async fn heads(conn: &impl ConnectionTrait) -> Result<Vec<Head>, Failure> {
    let select = "select contract_id, entries, encode(seal, 'hex') as seal from ledger_statements order by contract_id";
    let rows = Row::find_by_statement(Statement::from_string(DbBackend::Postgres, select)).all(conn).await?;
    let head =
        |Row { contract_id, entries, seal }| Head { contract: ContractId::from_uuid(contract_id), entries, seal };
    Ok(rows.into_iter().map(head).collect())
}

const KEPT: &str = "
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

/// Heads that were kept, of all statements or of one, against the entries they were the seals of.
pub(super) async fn audit(conn: &impl ConnectionTrait, kept: &[Head], of: Option<Uuid>) -> Result<Finding, Failure> {
    let rule = "each statement goes on from the heads that were kept of it";
    let kept: Vec<serde_json::Value> = (kept.iter())
        .map(|head| (head.contract.uuid(), head))
        .filter(|(contract, _)| of.is_none_or(|of| of == *contract))
        .map(|(contract, head)| json!({ "contract": contract, "entries": head.entries, "seal": head.seal }))
        .collect();
    let select = Statement::from_sql_and_values(DbBackend::Postgres, KEPT, [serde_json::Value::from(kept).into()]);
    let found = Counted::find_by_statement(select).one(conn).await?;
    let Counted { rows, broken, first } = found.unwrap_or(Counted { rows: 0, broken: 0, first: None });
    Ok(Finding { check: "heads", rule, rows, broken, first })
}
