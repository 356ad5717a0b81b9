//! The books in PostgreSQL. What a decision posts is one call of the database's own function
//! (`settle`, see [`crate::tx`]), which holds the rules from the other side: balanced, append-only,
//! never below zero where it is someone's money.
//!
//! The platform's own accounts have no balance to lock: postings are appended, rolled up now and
//! then, and what came since is summed when somebody asks.

use domain::access::{self, Subject, Verb};
use domain::credit::Credit;
use domain::id::{EntryId, Id, OrganizationId};
use domain::ledger::{BadAccount, JournalEntry, LedgerAccount, Posting};
use domain::money::{Currency, Money};
use domain::payment::Payment;
use domain::refusal::Refusal;
use sea_orm::{DbBackend, FromQueryResult, Statement};
use uuid::Uuid;

use crate::facts::Scene;
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx};

/// What one of the platform's own accounts has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformBalance {
    /// The account.
    pub account: LedgerAccount,
    /// How much, above zero or below.
    pub balance: Money,
    /// Is it below zero? Money that comes from outside comes out of such accounts.
    pub negative: bool,
}

#[derive(FromQueryResult)]
struct Balance {
    balance_minor: i64,
}

#[derive(FromQueryResult)]
struct CreditRow {
    payment_id: Option<Uuid>,
    balance_minor: i64,
}

#[derive(FromQueryResult)]
struct PlatformRow {
    account: String,
    currency: String,
    balance_minor: i64,
}

#[derive(FromQueryResult)]
struct Taken {
    taken: i64,
}

impl Market {
    /// What the platform's own accounts have now, for our people.
    pub async fn platform_balances(&self, call: &Call) -> Result<Vec<PlatformBalance>, Failure> {
        access::check(&call.actor, Verb::BooksRead, &Subject::OURS)?;
        let select =
            sql("select account, currency, balance_minor from ledger_platform_balances order by account, currency", []);
        let rows = PlatformRow::find_by_statement(select).all(self.db()).await?;
        Ok(rows.into_iter().map(PlatformBalance::try_from).collect::<Result<_, Fault>>()?)
    }

    /// Roll up what was posted to the platform's accounts since the last time, as far as all
    /// transactions have ended; how many postings that were.
    pub async fn ledger_roll_up(&self) -> Result<i64, Failure> {
        let roll_up = sql("select ledger_roll_up($1) as taken", [self.clock().now().into()]);
        Ok(Taken::find_by_statement(roll_up).one(self.db()).await?.map_or(0, |found| found.taken))
    }
}

impl TryFrom<PlatformRow> for PlatformBalance {
    type Error = Fault;
    fn try_from(row: PlatformRow) -> Result<Self, Fault> {
        let bad = |error: &dyn std::fmt::Display| Fault::bad_row("ledger_rollups", error);
        let minor = i64::try_from(row.balance_minor.unsigned_abs()).map_err(|error| bad(&error))?;
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad(&"unknown currency"))?;
        Ok(Self {
            account: row.account.parse().map_err(|error: BadAccount| bad(&error))?,
            balance: Money::new(minor, currency).map_err(|error| bad(&error))?,
            negative: row.balance_minor < 0,
        })
    }
}

impl Scene {
    /// Entries as the database's `settle` takes them.
    pub(crate) fn ledger_facts(&self, entries: &[JournalEntry]) -> Vec<serde_json::Value> {
        let leg = |posting: &Posting| {
            serde_json::json!({
                "from_account": posting.from.to_string(),
                "to_account": posting.to.to_string(),
                "currency": posting.amount.currency().code(),
                "amount_minor": posting.amount.minor(),
                "payment": posting.came_with.map(Id::uuid),
            })
        };
        let fact = |entry: &JournalEntry| {
            serde_json::json!({
                "id": self.id::<EntryId>().uuid(),
                "reason": entry.reason.as_str(),
                "key": entry.key,
                "contract": entry.contract.map(Id::uuid),
                "milestone": entry.milestone.map(Id::uuid),
                "postings": entry.postings().iter().map(leg).collect::<Vec<_>>(),
            })
        };
        entries.iter().filter(|entry| !entry.postings().is_empty()).map(fact).collect()
    }
}

impl Tx {
    /// What is in a guarded account.
    pub async fn balance(&self, account: LedgerAccount, currency: Currency) -> Result<Money, Failure> {
        let found = Balance::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select balance_minor from ledger_balances where account = $1 and currency = $2",
            [account.to_string().into(), currency.code().into()],
        ))
        .one(self.conn())
        .await?;
        let minor = found.map_or(0, |balance| balance.balance_minor);
        Money::new(minor, currency).map_err(|error| Fault::bad_row("ledger_balances", error).into())
    }

    /// A client's credit, by the payments it came with. Nobody else spends of it until the transaction ends.
    pub async fn credit_for_update(&self, client: OrganizationId, currency: Currency) -> Result<Credit, Failure> {
        let of_it = [LedgerAccount::ClientCredit(client).to_string().into(), currency.code().into()];
        let select = sql("select payment_id, balance_minor from ledger_credit_for_update($1, $2)", of_it);
        let rows = CreditRow::find_by_statement(select).all(self.conn()).await?;
        let part = |row: CreditRow| {
            let money = Money::new(row.balance_minor, currency);
            let money = money.map_err(|error| Fault::bad_row("ledger_credits", error))?;
            Ok((row.payment_id.map(Id::from_uuid), money))
        };
        Ok(Credit::of_parts(currency, rows.into_iter().map(part).collect::<Result<_, Fault>>()?))
    }

    /// What of a client's credit came with this payment, as [`Tx::credit_for_update`] has it.
    pub async fn credit_of_for_update(&self, payment: &Payment) -> Result<Money, Failure> {
        let credit = self.credit_for_update(payment.client, payment.quote.client_pays.currency()).await?;
        Ok(credit.of(payment.id).map_err(Refusal::from)?)
    }
}
