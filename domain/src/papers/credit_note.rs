//! What went back to a client of a charge, for its accountant.

use super::sheet::Column;
use super::*;
use crate::id::PaymentRefundId;

/// The credit note of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreditNote {
    /// Counts up for each client, without a gap.
    pub number: String,
    /// The refund.
    pub refund: PaymentRefundId,
    /// When the money went back.
    pub issued_at: Timestamp,
    /// The zone that its day is told in, by its IANA name: that of its invoice.
    pub time_zone: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// Who had charged.
    pub issuer: Operator,
    /// Who was charged, as its invoice says.
    pub client: String,
    /// The number of the invoice it takes something back of.
    pub invoice: String,
    /// The payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// When it came back, if it did not get there after all: then it is credit again, and this counts for nothing.
    pub came_back_at: Option<Timestamp>,
}

impl CreditNote {
    /// What it is called.
    pub fn reference(&self) -> String {
        format!("{} ({})", self.number, self.refund)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let Self { number, time_zone, .. } = self;
        let lead = format!("Credit note {number}, of {} ({time_zone})", on(day_in(time_zone, self.issued_at)));
        let what = format!("Went back to what invoice {} was paid with", self.invoice);
        let columns = vec![Column::words("What", 82), Column::amounts("Amount", 18)];
        let sum = vec!["Credited".to_owned(), self.amount.to_string()];
        let sheet = Sheet::new("Credit note", lead, self.reference(), FOOT)
            .facts([
                ("From", Some(self.issuer.name.clone())),
                ("Address", Some(self.issuer.address.clone())),
                ("Registration", self.issuer.registration.clone()),
                ("To", Some(self.client.clone())),
                ("Invoice", Some(of_payment(&self.invoice, self.payment))),
            ])
            .table(columns, vec![vec![what, self.amount.amount()]], Some(sum));
        match self.came_back_at {
            Some(at) => sheet.text(format!(
                "It did not get there, and came back on {}: the amount is your credit again, and this note counts for \
                 nothing.",
                on(day_in(time_zone, at))
            )),
            None => sheet,
        }
    }
}
