//! The statement of a contract, on paper.

use super::sheet::Column;
use super::*;

/// A line of a contract's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementLine {
    /// Counts from 1 without gaps.
    pub number: i64,
    /// When.
    pub posted_at: Timestamp,
    /// Why money moved.
    pub reason: String,
    /// From where to where, and how much.
    pub moved: Vec<(String, String, Money)>,
    /// What the contract has in escrow after it.
    pub in_escrow: Money,
    /// The seal over it and all before it.
    pub seal: String,
}

/// The statement of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The contract.
    pub contract: ContractId,
    /// Its title.
    pub title: String,
    /// The client.
    pub client: String,
    /// The freelancer.
    pub freelancer: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// Who keeps the books.
    pub operator: Operator,
    /// How many entries the statement has, as its head says: more than there are lines, if the paper is cut off.
    pub entries_in_all: i64,
    /// Is it cut off, because it would be too long? The rest is read from the API.
    pub is_cut_off: bool,
    /// The lines, oldest first.
    pub lines: Vec<StatementLine>,
    /// The signed head of the chain.
    pub signature: Option<String>,
    /// The key that signed it.
    pub key_id: Option<String>,
}

impl Statement {
    /// What it is called.
    pub fn reference(&self) -> String {
        format!("ST-{}", self.contract)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let rows = self.lines.iter().map(|line| {
            let moved =
                line.moved.iter().map(|(from, to, amount)| format!("{amount} from {} to {}", kind(from), kind(to)));
            let moved: Vec<String> = moved.collect();
            vec![
                line.number.to_string(),
                time(line.posted_at),
                line.reason.replace('_', " "),
                moved.join("; "),
                line.in_escrow.amount(),
                line.seal.chars().take(10).collect(),
            ]
        });
        let columns = vec![
            Column::amounts("No.", 6),
            Column::words("When", 19),
            Column::words("Why", 13),
            Column::words("What moved", 37),
            Column::amounts("In escrow", 12),
            Column::words("Seal", 13),
        ];
        let last = self.lines.last();
        let entries = match self.is_cut_off {
            true => format!("the first {} of {}; the rest is in the API", self.lines.len(), self.entries_in_all),
            false => self.lines.len().to_string(),
        };
        let lead = format!("Contract {}, as of {}", self.contract, time(self.made_at));
        Sheet::new("Statement", lead, self.reference(), FOOT)
            .facts([
                ("Contract", Some(self.title.clone())),
                ("Client", Some(self.client.clone())),
                ("Freelancer", Some(self.freelancer.clone())),
                ("Entries", Some(entries)),
                ("Last seal", last.filter(|_| !self.is_cut_off).map(|line| line.seal.clone())),
                ("Books kept by", Some(self.operator.name.clone())),
            ])
            .table(columns, rows.collect(), None)
            .text(
                "Each seal covers its entry and the seal before it. The whole statement, its signature and how to check \
                 both come with the same paper as JSON, and from the API.",
            )
    }
}

/// The kind of an account, without whose it is: both parties know that.
fn kind(account: &str) -> String {
    account.split(':').next().unwrap_or(account).replace('_', " ")
}
