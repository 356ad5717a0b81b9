//! Reading the books: the statement of a contract, and what each side has.
//!
//! A statement is a chain: each entry's seal covers the entry and the seal before it, and the head
//! of the chain is signed when it is asked for. VERIFYING.md says how a party checks both.

use std::collections::HashMap;

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::contract::Contract;
use domain::id::{ContractId, Id, MilestoneId, OrganizationId, UserId};
use domain::ledger::{LedgerAccount, Posting};
use domain::money::{Currency, Money};
use sea_orm::{DbBackend, FromQueryResult, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Page, PageRequest, Pages, Slice};
use crate::sql::ids;
use crate::token::ISSUER;
use crate::{Call, Failure, Fault};

pub mod seal;

/// What the signed head of a statement says it is, so that it is taken for nothing else.
pub const HEAD_TYPE: &str = "rabta-statement+jwt";

/// A line of a contract's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementEntry {
    /// Counts from 1 without gaps.
    pub number: i64,
    /// Why money moved, by its name.
    pub reason: String,
    /// The key that keeps the same fact from being booked twice.
    pub key: String,
    /// The milestone it concerns.
    pub milestone: Option<MilestoneId>,
    /// Who acted; unknown for what was sealed in form 1.
    pub party: Option<StatementParty>,
    /// When.
    pub posted_at: Timestamp,
    /// What moved.
    pub postings: Vec<Posting>,
    /// What the contract has in escrow after it.
    pub in_escrow: Money,
    /// Sealed over its content and the seal before it, in hexadecimal.
    pub seal: String,
    /// The canonical form the seal is made over.
    pub form: i16,
}

/// Who acted, as far as the other side may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementParty {
    /// Rabta itself: the clock, or the processor.
    System,
    /// Somebody on the client's side.
    Client,
    /// The freelancer.
    Freelancer,
    /// Somebody who works for Rabta.
    Staff,
}

/// How far a statement has come, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementHead {
    /// How many entries there are.
    pub entries: i64,
    /// The seal of the last, in hexadecimal.
    pub seal: String,
    /// When this was signed, to the second.
    pub signed_at: Timestamp,
    /// A compact JWS over all of it.
    pub signature: String,
    /// Which of the published keys signed it.
    pub key_id: String,
}

/// What is signed.
#[derive(Serialize)]
struct HeadClaims {
    iss: &'static str,
    sub: ContractId,
    entries: i64,
    seal: String,
    iat: i64,
}

/// What a freelancer has with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreelancerBalances {
    /// Held for their work.
    pub in_escrow: Money,
    /// Released, in its security hold.
    pub pending: Money,
    /// Can be paid out.
    pub available: Money,
}

/// What an organization has with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientBalances {
    /// Held for work.
    pub in_escrow: Money,
    /// Came back, and can be spent.
    pub credit: Money,
}

#[derive(FromQueryResult)]
struct Row {
    contract_id: Uuid,
    number: i64,
    reason: String,
    key: String,
    milestone_id: Option<Uuid>,
    party: Option<String>,
    posted_at: Timestamp,
    postings: serde_json::Value,
    in_escrow_minor: i64,
    seal: String,
    form: i16,
}

#[derive(FromQueryResult)]
struct HeadRow {
    contract_id: Uuid,
    entries: i64,
    seal: Vec<u8>,
}

#[derive(FromQueryResult)]
struct ClientRow {
    id: Uuid,
    held: i64,
    credit: i64,
}

#[derive(Deserialize)]
struct Leg {
    from: String,
    to: String,
    currency: String,
    minor: i64,
}

#[derive(FromQueryResult)]
struct Sum {
    minor: i64,
}

impl Market {
    /// The statement of a contract, from its first cent, if the caller may read it.
    pub async fn statement_page(
        &self,
        call: &Call,
        contract: &Contract,
        request: &PageRequest,
    ) -> Result<Slice<StatementEntry>, Failure> {
        let pages = self.statements(call, &[contract], request).await?;
        Ok(pages.into_values().next().unwrap_or_else(Slice::empty))
    }

    /// The same, of several contracts.
    pub async fn statements(
        &self,
        call: &Call,
        contracts: &[&Contract],
        request: &PageRequest,
    ) -> Result<Pages<ContractId, StatementEntry>, Failure> {
        const LIST: &str = "statement";
        let seen = self.statements_seen(call, contracts).await?;
        if seen.is_empty() {
            return Ok(Pages::new());
        }
        let page = Page::parse(request, LIST, 1)?;
        let (after, before, backward) = page.between();
        let direction = if backward { "desc" } else { "asc" };
        let rows = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            format!(
                "select theirs.* from unnest($1::uuid[]) owner, lateral (
                     select contract_id, number, reason, key, milestone_id, party, posted_at, in_escrow_minor, form,
                            encode(seal, 'hex') as seal,
                            (select jsonb_agg(jsonb_build_object('from', from_account, 'to', to_account,
                                                                 'currency', currency, 'minor', amount_minor) order by id)
                             from ledger_postings where entry_id = entry.id) as postings
                     from ledger_entries entry
                     where contract_id = owner and number > $2 and number < $3
                     order by number {direction} limit $4) theirs
                 order by number {direction}"
            ),
            [
                ids(&seen),
                after.unwrap_or(0).into(),
                before.unwrap_or(i64::MAX).into(),
                i64::try_from(page.probe()).unwrap_or(i64::MAX).into(),
            ],
        ))
        .all(self.db())
        .await?;
        let mut lists: HashMap<ContractId, Vec<StatementEntry>> = seen.iter().map(|id| (*id, Vec::new())).collect();
        for row in rows {
            let contract = ContractId::from_uuid(row.contract_id);
            lists.entry(contract).or_default().push(StatementEntry::try_from(row)?);
        }
        let slice = |entries| page.slice(entries, |entry: &StatementEntry| vec![Key::Int(entry.number)]);
        Ok(lists.into_iter().map(|(contract, entries)| (contract, slice(entries))).collect())
    }

    /// Of which contracts the caller may read the statement: a mediator, of those that are before them.
    pub async fn statements_seen(&self, call: &Call, contracts: &[&Contract]) -> Result<Vec<ContractId>, Failure> {
        let wanted: Vec<ContractId> = contracts.iter().map(|contract| contract.id).collect();
        let open = self.in_dispute(&call.actor, &wanted).await?;
        let seen = |contract: &&&Contract| {
            let subject = contract.subject();
            let subject = subject.disputed_if(subject.disputed || open.contains(&contract.id));
            access::allows(&call.actor, Verb::ContractStatement, &subject)
        };
        Ok(contracts.iter().filter(seen).map(|contract| contract.id).collect())
    }

    /// How far the statement of a contract has come, signed now, if the caller may read it.
    pub async fn statement_head(&self, call: &Call, contract: &Contract) -> Result<Option<StatementHead>, Failure> {
        Ok(self.statement_heads(call, &[contract]).await?.remove(&contract.id))
    }

    /// The same, of several contracts: of those whose statement the caller may read.
    pub async fn statement_heads(
        &self,
        call: &Call,
        contracts: &[&Contract],
    ) -> Result<HashMap<ContractId, StatementHead>, Failure> {
        let seen = self.statements_seen(call, contracts).await?;
        if seen.is_empty() {
            return Ok(HashMap::new());
        }
        let found = HeadRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select contract_id, entries, seal from ledger_statements where contract_id = any($1)",
            [ids(&seen)],
        ));
        let found = found.all(self.db()).await?.into_iter();
        let mut found: HashMap<ContractId, HeadRow> =
            found.map(|row| (ContractId::from_uuid(row.contract_id), row)).collect();
        let head = |id: ContractId| Ok((id, self.head_sign(id, found.remove(&id))?));
        seen.into_iter().map(head).collect()
    }

    fn head_sign(&self, contract: ContractId, found: Option<HeadRow>) -> Result<StatementHead, Failure> {
        let (entries, seal) = found.map_or_else(|| (0, seal::genesis(contract)), |row| (row.entries, row.seal));
        let iat = self.clock().now().timestamp();
        let seal = seal::hex(&seal);
        let claims = HeadClaims { iss: ISSUER, sub: contract, entries, seal: seal.clone(), iat };
        let (signature, key_id) = self.keys().sign(HEAD_TYPE, &claims)?;
        let signed_at = Timestamp::from_timestamp(iat, 0).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(StatementHead { entries, seal, signed_at, signature, key_id })
    }

    /// What a freelancer has, if the caller may know.
    pub async fn balances_of_freelancer(
        &self,
        call: &Call,
        user: UserId,
    ) -> Result<Option<FreelancerBalances>, Failure> {
        if !access::allows(&call.actor, Verb::BalancesRead, &Subject::of_person(user)) {
            return Ok(None);
        }
        Ok(Some(FreelancerBalances {
            in_escrow: self.held("freelancer_id = $1 and contract_id is not null", user.uuid()).await?,
            pending: self.balance_of(LedgerAccount::Pending(user)).await?,
            available: self.balance_of(LedgerAccount::Available(user)).await?,
        }))
    }

    /// What organizations have, of those of which the caller may know.
    pub async fn balances_of_clients(
        &self,
        call: &Call,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, ClientBalances>, Failure> {
        let seen = |id: &OrganizationId| access::allows(&call.actor, Verb::BalancesRead, &Subject::of_client(*id));
        let seen: Vec<OrganizationId> = organizations.iter().copied().filter(seen).collect();
        if seen.is_empty() {
            return Ok(HashMap::new());
        }
        let accounts: Vec<String> = seen.iter().map(|id| LedgerAccount::ClientCredit(*id).to_string()).collect();
        let rows = ClientRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select owner.id,
                 (select coalesce(sum(held_minor), 0)::bigint from (
                      select held_minor from milestones
                      where organization_id = owner.id and held_minor > 0 and currency = 'USD'
                      union all
                      select held_minor from timesheets
                      where organization_id = owner.id and held_minor > 0 and currency = 'USD') held) as held,
                 (select coalesce(sum(balance_minor), 0)::bigint from ledger_balances b
                  where b.account = owner.account and b.currency = 'USD') as credit
             from unnest($1::uuid[], $2::text[]) owner (id, account)",
            [ids(&seen), accounts.into()],
        ));
        let balances = |row: ClientRow| {
            let (in_escrow, credit) = (Money::new(row.held, Currency::Usd)?, Money::new(row.credit, Currency::Usd)?);
            Ok((OrganizationId::from_uuid(row.id), ClientBalances { in_escrow, credit }))
        };
        rows.all(self.db()).await?.into_iter().map(balances).collect()
    }

    async fn held(&self, whose: &'static str, id: Uuid) -> Result<Money, Failure> {
        let text = format!(
            "select coalesce(sum(held_minor), 0)::bigint as minor from (
                 select held_minor from milestones where {whose} and held_minor > 0 and currency = 'USD'
                 union all
                 select held_minor from timesheets where {whose} and held_minor > 0 and currency = 'USD') held"
        );
        self.sum(Statement::from_sql_and_values(DbBackend::Postgres, text, [id.into()])).await
    }

    async fn balance_of(&self, account: LedgerAccount) -> Result<Money, Failure> {
        let text = "select coalesce(sum(balance_minor), 0)::bigint as minor from ledger_balances
                    where account = $1 and currency = 'USD'";
        self.sum(Statement::from_sql_and_values(DbBackend::Postgres, text, [account.to_string().into()])).await
    }

    async fn sum(&self, statement: Statement) -> Result<Money, Failure> {
        let sum = Sum::find_by_statement(statement).one(self.db()).await?;
        Ok(Money::new(sum.map_or(0, |sum| sum.minor), Currency::Usd)?)
    }
}

impl TryFrom<Row> for StatementEntry {
    type Error = Fault;
    fn try_from(row: Row) -> Result<Self, Fault> {
        let bad = |error: &dyn std::fmt::Display| Fault::bad_row("ledger_entries", error);
        let legs: Vec<Leg> = serde_json::from_value(row.postings)?;
        let postings = legs.into_iter().map(|leg| {
            let currency = Currency::from_code(&leg.currency).ok_or_else(|| bad(&"unknown currency"))?;
            Ok(Posting {
                from: leg.from.parse().map_err(|error: domain::ledger::BadAccount| bad(&error))?,
                to: leg.to.parse().map_err(|error: domain::ledger::BadAccount| bad(&error))?,
                amount: Money::new(leg.minor, currency).map_err(|error| bad(&error))?,
                came_with: None,
            })
        });
        Ok(Self {
            number: row.number,
            reason: row.reason,
            key: row.key,
            milestone: row.milestone_id.map(Id::from_uuid),
            party: row.party.as_deref().map(party).transpose()?,
            posted_at: row.posted_at,
            postings: postings.collect::<Result<_, Fault>>()?,
            in_escrow: Money::new(row.in_escrow_minor, Currency::Usd).map_err(|error| bad(&error))?,
            seal: row.seal,
            form: row.form,
        })
    }
}

fn party(name: &str) -> Result<StatementParty, Fault> {
    match name {
        "system" => Ok(StatementParty::System),
        "client" => Ok(StatementParty::Client),
        "freelancer" => Ok(StatementParty::Freelancer),
        "staff" => Ok(StatementParty::Staff),
        _ => Err(Fault::bad_row("ledger_entries", "unknown party")),
    }
}
