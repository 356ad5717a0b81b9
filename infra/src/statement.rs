//! Reading the books: the statement of a contract, and what each side has.

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::contract::Contract;
use domain::id::{Id, MilestoneId, OrganizationId, UserId};
use domain::ledger::{LedgerAccount, Posting};
use domain::money::{Currency, Money};
use sea_orm::{DbBackend, FromQueryResult, Statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Page, PageRequest, Slice};
use crate::{Call, Failure, Fault};

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
    /// When.
    pub posted_at: Timestamp,
    /// What moved.
    pub postings: Vec<Posting>,
    /// What the contract has in escrow after it.
    pub in_escrow: Money,
    /// Sealed over its content and the seal before it, in hexadecimal.
    pub seal: String,
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
    number: i64,
    reason: String,
    key: String,
    milestone_id: Option<Uuid>,
    posted_at: Timestamp,
    postings: serde_json::Value,
    in_escrow: i64,
    seal: String,
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
        let subject = self.with_disputes(&call.actor, contract.subject(), Some(contract.id)).await?;
        if !access::allows(&call.actor, Verb::ContractStatement, &subject) {
            return Ok(Slice::empty());
        }
        const LIST: &str = "statement";
        let page = Page::parse(request, LIST, 1)?;
        let rows = Row::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select entry.number, entry.reason, entry.key, entry.milestone_id, entry.posted_at,
                    encode(entry.seal, 'hex') as seal, legs.postings,
                    (sum(legs.escrow) over (order by entry.number))::bigint as in_escrow
             from ledger_entries entry, lateral (
                 select jsonb_agg(jsonb_build_object('from', from_account, 'to', to_account,
                                                     'currency', currency, 'minor', amount_minor) order by id) as postings,
                        sum(case when to_account like 'escrow:%' or to_account like 'timesheet\\_escrow:%' then amount_minor else 0 end
                          - case when from_account like 'escrow:%' or from_account like 'timesheet\\_escrow:%' then amount_minor else 0 end) as escrow
                 from ledger_postings where entry_id = entry.id) legs
             where entry.contract_id = $1
             order by entry.number",
            [contract.id.uuid().into()],
        ))
        .all(self.db())
        .await?;
        let entries = rows.into_iter().map(StatementEntry::try_from).collect::<Result<Vec<_>, Fault>>()?;
        Ok(page.cut(LIST, entries, |entry| vec![Key::Int(entry.number)]))
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

    /// What an organization has, if the caller may know.
    pub async fn balances_of_client(&self, call: &Call, id: OrganizationId) -> Result<Option<ClientBalances>, Failure> {
        if !access::allows(&call.actor, Verb::BalancesRead, &Subject::of_client(id)) {
            return Ok(None);
        }
        Ok(Some(ClientBalances {
            in_escrow: self.held("organization_id = $1", id.uuid()).await?,
            credit: self.balance_of(LedgerAccount::ClientCredit(id)).await?,
        }))
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
            })
        });
        Ok(Self {
            number: row.number,
            reason: row.reason,
            key: row.key,
            milestone: row.milestone_id.map(Id::from_uuid),
            posted_at: row.posted_at,
            postings: postings.collect::<Result<_, Fault>>()?,
            in_escrow: Money::new(row.in_escrow, Currency::Usd).map_err(|error| bad(&error))?,
            seal: row.seal,
        })
    }
}
