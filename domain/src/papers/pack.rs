//! What a bank in Pakistan asks for when money from abroad comes to an account.

use super::sheet::Column;
use super::*;

/// Whom money is sent to. Numbers of identity are shown by their last four, here as everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beneficiary {
    /// The person.
    pub user: UserId,
    /// The legal name.
    pub name: String,
    /// The same in Latin letters and without initials, as wires need it.
    pub latin_name: Option<String>,
    /// The same in Urdu.
    pub urdu_name: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// The last four digits of the identity card's number.
    pub cnic_last4: Option<String>,
    /// The last four digits of the tax number.
    pub ntn_last4: Option<String>,
}

/// A part of a payout that goes to one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PayoutPart {
    /// What the account is for.
    pub account: String,
    /// The bank.
    pub bank: String,
    /// The last four characters of the account's number.
    pub account_last4: String,
    /// The name the bank knows the account by.
    pub account_title: String,
    /// How much goes there, in the currency it is sent in.
    pub amount: Money,
    /// What that is in rupees, by the quote, where it is changed.
    pub rupees: Option<Money>,
}

/// A part of an amount that came from no work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FromNoWork {
    /// Why it was there.
    pub why: Aside,
    /// How much.
    pub amount: Money,
}

/// What banks withhold by the law of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// From who is registered with the export board.
    pub if_registered: Rate,
    /// And from anybody else.
    pub otherwise: Rate,
}

/// The remittance pack of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemittancePack {
    /// The payout.
    pub payout: PayoutId,
    /// Where it stood when this was made.
    pub status: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When the bank had it.
    pub paid_at: Option<Timestamp>,
    /// Who sends.
    pub remitter: Operator,
    /// To whom.
    pub beneficiary: Beneficiary,
    /// The purpose's code.
    pub purpose_code: String,
    /// What that stands for.
    pub purpose: String,
    /// What for, in words.
    pub written_purpose: String,
    /// Before our fees.
    pub gross: Money,
    /// Our fees.
    pub fees: Money,
    /// What is sent.
    pub net: Money,
    /// What a dollar was.
    pub quote: Option<FxQuote>,
    /// Which account gets how much.
    pub parts: Vec<PayoutPart>,
    /// At which rates banks withheld when the payout was requested, in basis points.
    pub withheld: Withheld,
    /// What a bank would withhold from somebody registered with the export board: an estimate.
    pub withholding_if_registered: Money,
    /// And from anybody else.
    pub withholding_otherwise: Money,
    /// Which work it came from.
    pub earned: Vec<Earned>,
    /// And what of it came from none: a fee that was given back, a correction of the books.
    pub from_no_work: Vec<FromNoWork>,
    /// The bank's number of its certificate of proceeds, once it is known.
    pub e_prc: Option<String>,
}

impl RemittancePack {
    /// What follows from the rest: sums and estimates.
    ///
    /// # Errors
    /// Sums beyond what an amount can be.
    pub fn summed(mut self) -> Result<Self, MoneyError> {
        let currency = self.net.currency();
        self.fees = Money::sum(currency, self.earned.iter().map(|earned| earned.fee))?;
        self.gross = self.net.plus(self.fees)?;
        self.withholding_if_registered = self.net.share(self.withheld.if_registered);
        self.withholding_otherwise = self.net.share(self.withheld.otherwise);
        Ok(self)
    }

    /// What it is called.
    pub fn reference(&self) -> String {
        of_payout(self.payout)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let Beneficiary { name, latin_name, urdu_name, address, phone, cnic_last4, ntn_last4, .. } = &self.beneficiary;
        let lead = match self.paid_at {
            Some(at) => format!("Payout {}, with the bank since {}", self.payout, day(at)),
            None => format!(
                "Payout {}, requested on {}: {}",
                self.payout,
                day(self.requested_at),
                self.status.replace('_', " ")
            ),
        };
        let hidden = |last4: &Option<String>| last4.as_ref().map(|last4| format!("•••• {last4}"));
        let money = |amount: Money| Some(amount.to_string());
        let rows = self.earned.iter().map(|earned| {
            let Earned { origin, gross, fee, net } = earned;
            vec![origin.client.clone(), references(origin), gross.amount(), fee.amount(), net.amount()]
        });
        let none = Money::zero(self.net.currency()).amount();
        let others = self.from_no_work.iter().map(|FromNoWork { why, amount }| {
            vec![self.remitter.name.clone(), why.in_words().to_owned(), amount.amount(), none.clone(), amount.amount()]
        });
        // Of money that came back nothing is told apart here: it was earned for the payout that takes it up again.
        let told_apart = !self.earned.is_empty() || !self.from_no_work.is_empty();
        let sums = ["", "", &self.gross.amount(), &self.fees.amount(), &self.net.to_string()];
        let columns = vec![
            Column::words("Client", 20),
            Column::words("Contract, work, invoice", 44),
            Column::amounts("Gross", 12),
            Column::amounts("Fee", 10),
            Column::amounts("Net", 16),
        ];
        let parts = self.parts.iter().map(|part| {
            let account = format!("{} ••{}", part.bank, part.account_last4);
            let rupees = part.rupees.map(|rupees| rupees.to_string()).unwrap_or_default();
            vec![part.account.clone(), account, part.account_title.clone(), part.amount.to_string(), rupees]
        });
        let accounts = vec![
            Column::words("Account", 20),
            Column::words("Bank", 28),
            Column::words("Title", 24),
            Column::amounts("Sent", 16),
            Column::amounts("In rupees", 18),
        ];
        let withheld = |rate: Rate, amount: Money| format!("{} ({})", amount, percent(rate.basis_points()));
        let sheet = Sheet::new("Remittance pack", lead, self.reference(), FOOT)
            .heading("Remitter")
            .facts([
                ("Name", Some(self.remitter.name.clone())),
                ("Address", Some(self.remitter.address.clone())),
                ("Registration", self.remitter.registration.clone()),
            ])
            .heading("Beneficiary")
            .facts([
                ("Name", Some(name.clone())),
                ("Name in Latin letters", latin_name.clone().filter(|latin| latin != name)),
                ("Name in Urdu", urdu_name.clone()),
                ("Address", address.clone()),
                ("Phone", phone.clone()),
                ("CNIC", hidden(cnic_last4)),
                ("NTN", hidden(ntn_last4)),
            ])
            .heading("Purpose")
            .facts([
                ("Code", Some(format!("{}, {}", self.purpose_code, self.purpose))),
                ("In words", Some(self.written_purpose.clone())),
            ])
            .heading("Amount")
            .facts([
                ("Gross", money(self.gross).filter(|_| told_apart)),
                ("Fees of the marketplace", money(self.fees).filter(|_| told_apart)),
                ("Sent", money(self.net)),
                ("Rate", self.quote.as_ref().map(quote_line)),
                (
                    "Withheld by the bank",
                    Some(format!(
                        "an estimate, never taken by us: {} if registered with PSEB, else {}",
                        withheld(self.withheld.if_registered, self.withholding_if_registered),
                        withheld(self.withheld.otherwise, self.withholding_otherwise)
                    )),
                ),
                ("e-PRC", Some(self.e_prc.clone().unwrap_or_else(|| "not attached yet".to_owned()))),
            ])
            .table(accounts, parts.collect(), None)
            .heading("Where it was earned");
        if told_apart {
            sheet
                .table(columns, rows.chain(others).collect(), Some(sums.map(str::to_owned).to_vec()))
                .text("Of a balance that was earned in several places, what was earned first is paid out first.")
        } else {
            sheet.text("Nothing of this stayed with a bank. The pack of the payout that takes it up again says it.")
        }
    }
}
