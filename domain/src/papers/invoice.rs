//! What a client was charged, for its accountant.

use super::sheet::Column;
use super::*;

/// How much of an amount is for development, and how much for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Split {
    /// For development.
    pub development: Money,
    /// For anything else, our fee among it.
    pub other: Money,
}

impl Split {
    /// Divide what was charged: of `amount`, `share` is development; our fee never is.
    ///
    /// # Errors
    /// Sums beyond what an amount can be.
    pub fn of(amount: Money, fee: Money, share: Rate) -> Result<Self, MoneyError> {
        let development = amount.share(share);
        Ok(Self { development, other: amount.minus(development)?.plus(fee)? })
    }
}

/// The invoice of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invoice {
    /// Counts up for each client, without a gap.
    pub number: String,
    /// The payment.
    pub payment: PaymentId,
    /// When the money came.
    pub issued_at: Timestamp,
    /// The zone that its day is told in, by its IANA name: the client's, as it was then.
    pub time_zone: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// Who charged.
    pub issuer: Operator,
    /// Who was charged, as it was called then.
    pub client: String,
    /// Who works, as they were called then.
    pub freelancer: String,
    /// Which contract, if there is one by now.
    pub contract: Option<ContractId>,
    /// Its title.
    pub title: String,
    /// What for, by the name of the milestone or the week.
    pub work_title: String,
    /// For the work.
    pub amount: Money,
    /// Our fee.
    pub fee: Money,
    /// What was charged beyond both, because no less can be charged, and is the client's credit.
    pub to_credit: Option<Money>,
    /// All of it: what the card was charged.
    pub total: Money,
    /// How it divides, if the client has said so.
    pub split: Option<Split>,
}

impl Invoice {
    /// What it is called.
    pub fn reference(&self) -> String {
        of_payment(&self.number, self.payment)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let mut rows = vec![
            vec![
                format!("{}: {}", apart(&self.title), apart(&self.work_title)),
                self.freelancer.clone(),
                self.amount.amount(),
            ],
            vec!["Fee of the marketplace".to_owned(), self.issuer.name.clone(), self.fee.amount()],
        ];
        if let Some(credit) = self.to_credit {
            let what = "Your credit, since no less can be charged".to_owned();
            rows.push(vec![what, self.issuer.name.clone(), credit.amount()]);
        }
        let columns = vec![Column::words("What for", 56), Column::words("By", 26), Column::amounts("Amount", 18)];
        let sum = vec!["Paid".to_owned(), String::new(), self.total.to_string()];
        let split = match self.split {
            Some(Split { development, other }) => vec![
                ("Software development".to_owned(), development.to_string()),
                ("Other".to_owned(), other.to_string()),
            ],
            None => vec![("Not stated".to_owned(), "set the share of development on the contract".to_owned())],
        };
        let Self { number, time_zone, .. } = self;
        let lead = format!("Invoice {number}, paid on {} ({time_zone})", on(day_in(time_zone, self.issued_at)));
        let mut sheet = Sheet::new("Invoice", lead, self.reference(), FOOT)
            .facts([
                ("From", Some(self.issuer.name.clone())),
                ("Address", Some(self.issuer.address.clone())),
                ("Registration", self.issuer.registration.clone()),
                ("To", Some(self.client.clone())),
                ("Contract", self.contract.map(|contract| contract.to_string())),
            ])
            .table(columns, rows, Some(sum))
            .heading("Development and other");
        sheet.blocks.push(sheet::Block::Facts(split));
        sheet.text(
            "The amount for the work is held for its freelancer until it is released or refunded; what comes back to \
             you shows on the statement of the contract, and has a credit note where it goes back to a card.",
        )
    }
}
