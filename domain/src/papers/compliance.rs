//! What a client keeps of whom it works with: the compliance pack of a contract.

use super::sheet::Column;
use super::*;
use crate::compliance::{Compliance, InvoiceSum, TaxForm, TaxFormStatus, Wording};
use crate::milestone;
use crate::timesheet::TimesheetState;

/// A milestone or a week, and whether the rights in it have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// The milestone or the week, by its id.
    pub work: String,
    /// What that is called.
    pub work_title: String,
    /// Whether the freelancer was paid for it, and with that the rights passed.
    #[serde(flatten)]
    pub state: PassedState,
}

/// Whether the rights in some work have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PassedState {
    /// The freelancer was paid, and the rights passed.
    Passed {
        /// When.
        at: Timestamp,
    },
    /// The freelancer is not paid yet.
    NotYet,
    /// It ended without the freelancer's being paid for all of it: what passed is for the two to say.
    Unpaid,
}

impl PassedState {
    /// Of a milestone.
    pub fn of_milestone(state: &milestone::State) -> Self {
        use milestone::State;
        match state {
            State::Released { released_at } => Self::Passed { at: *released_at },
            State::Proposed { .. }
            | State::Agreed { .. }
            | State::Funding { .. }
            | State::Funded { .. }
            | State::Submitted { .. }
            | State::ChangesRequested { .. }
            | State::Approved { .. }
            | State::RefundRequested { .. }
            | State::Disputed { .. }
            | State::Dormant { .. } => Self::NotYet,
            State::Refunded { .. }
            | State::Split { .. }
            | State::RefundedAfter { .. }
            | State::ChargedBack { .. }
            | State::Cancelled { .. } => Self::Unpaid,
        }
    }

    /// Of a week.
    pub fn of_week(state: &TimesheetState) -> Self {
        match state {
            TimesheetState::Paid { paid_at } => Self::Passed { at: *paid_at },
            TimesheetState::Open
            | TimesheetState::Submitted { .. }
            | TimesheetState::Disputed { .. }
            | TimesheetState::Approved { .. }
            | TimesheetState::Charging { .. }
            | TimesheetState::Unpaid { .. }
            | TimesheetState::Held { .. } => Self::NotYet,
            TimesheetState::Void | TimesheetState::ChargedBack { .. } => Self::Unpaid,
        }
    }
}

/// The compliance pack of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompliancePack {
    /// Its title.
    pub title: String,
    /// The client.
    pub client: String,
    /// The freelancer.
    pub freelancer: String,
    /// When the contract was made.
    pub contract_made_at: Timestamp,
    /// When this was made.
    pub made_at: Timestamp,
    /// Who says so.
    pub issuer: Operator,
    /// What is told of the contract.
    #[serde(flatten)]
    pub told: Compliance,
    /// Its milestones and weeks, oldest first.
    pub works: Vec<Passed>,
    /// Are there more of them than are told?
    pub is_cut_off: bool,
}

impl CompliancePack {
    /// What it is called.
    pub fn reference(&self) -> String {
        format!("CP-{}", self.told.contract)
    }

    /// On paper.
    pub fn sheet(&self) -> Sheet {
        let told = &self.told;
        let lead = format!("Contract {}, as of {}", told.contract, time(self.made_at));
        let sheet = Sheet::new("Compliance pack", lead, self.reference(), FOOT).facts([
            ("Contract", Some(self.title.clone())),
            ("Made", Some(time(self.contract_made_at))),
            ("Client", Some(self.client.clone())),
            ("Freelancer", Some(self.freelancer.clone())),
            ("Issued by", Some(self.issuer.name.clone())),
        ]);
        let sheet = self.tax_form(sheet);
        let sheet = self.place(sheet);
        let sheet = self.rights(sheet);
        let sheet = self.invoices(sheet);
        let lines = told.screening.iter().map(|line| vec![time(line.at), line.outcome.in_words().to_owned()]);
        let sheet = sheet.heading("Screening against lists of sanctions");
        let sheet = match told.screening.is_empty() {
            true => sheet.text("Not every side of the contract has been screened yet."),
            false => {
                let columns = vec![Column::words("When", 24), Column::words("Outcome", 76)];
                sheet.table(columns, lines.collect(), None)
            }
        };
        let proofs: Vec<&str> = told.proofs.iter().map(|proof| proof.in_words()).collect();
        sheet
            .heading("How well the freelancer's identity is known")
            .facts([
                ("Level", Some(told.assurance.in_words().to_owned())),
                ("Because the freelancer", Some(proofs.join("; ")).filter(|proofs| !proofs.is_empty())),
            ])
            .text(
                "This rests on what the freelancer has shown or said. Rabta looks at no identity documents, and hands out \
                 none.",
            )
    }

    fn tax_form(&self, sheet: Sheet) -> Sheet {
        let status = match self.told.tax_form_status {
            TaxFormStatus::None => "none was given",
            TaxFormStatus::Valid => "valid",
            TaxFormStatus::Expiring => "valid, and expires soon",
            TaxFormStatus::Expired => "expired",
            TaxFormStatus::Withdrawn => "no longer valid: the freelancer has moved to another country",
        };
        let given = |form: &TaxForm| {
            let Wording { tax_form, version, .. } = Wording::version(form.wording)?;
            Some(format!("{tax_form} (Version {version}.)"))
        };
        let form = self.told.tax_form.as_ref();
        sheet
            .heading("W-8BEN")
            .facts([
                ("Status", Some(status.to_owned())),
                ("Country of residence", form.map(|form| form.country.as_str().to_owned())),
                // Of the calendar that a tax form is counted by, which is UTC's.
                ("Signed on", form.map(|form| on(form.certified_at.date_naive()))),
                ("Valid through", form.map(|form| on(form.lapses_on))),
                ("Certified", form.and_then(given)),
            ])
            .text(
                "An electronic statement with the certifications of IRS Form W-8BEN. Rabta asks for no tax number and no \
                 date of birth; where the form itself is needed, ask the freelancer for it.",
            )
    }

    fn place(&self, sheet: Sheet) -> Sheet {
        let attested = self.told.attestations.iter().map(|said| {
            let wording = Wording::version(said.wording).map(|wording| wording.attestation.to_owned());
            vec![time(said.attested_at), said.country.as_str().to_owned(), wording.unwrap_or_default()]
        });
        let clause = self.clauses().map(|wording| wording.place);
        let sheet = sheet.heading("Where the work is done").facts([("Clause", Some(self.clause(clause)))]);
        if self.told.attestations.is_empty() {
            return sheet.text("The freelancer has attested nothing yet.");
        }
        let columns = vec![Column::words("Attested", 20), Column::words("Country", 12), Column::words("In words", 68)];
        sheet.table(columns, attested.collect(), None)
    }

    fn rights(&self, sheet: Sheet) -> Sheet {
        let clause = self.clauses().map(|wording| wording.rights);
        let sheet = sheet.heading("Whose the work is").facts([("Clause", Some(self.clause(clause)))]);
        if self.works.is_empty() {
            return sheet;
        }
        let has_clause = clause.is_some();
        let rows = self.works.iter().map(|passed| {
            let state = match passed.state {
                PassedState::Passed { at } if has_clause => format!("passed, {}", time(at)),
                PassedState::Passed { at } => format!("paid, {}", time(at)),
                PassedState::NotYet => "not paid yet".to_owned(),
                PassedState::Unpaid => "ended without being paid in full".to_owned(),
            };
            vec![passed.work_title.clone(), passed.work.clone(), state]
        });
        let columns = vec![Column::words("Work", 38), Column::words("Id", 34), Column::words("Rights", 28)];
        let sheet = sheet.table(columns, rows.collect(), None);
        match self.is_cut_off {
            true => sheet.text(format!("Only the first {} are told here; the rest is in the API.", self.works.len())),
            false => sheet,
        }
    }

    fn invoices(&self, sheet: Sheet) -> Sheet {
        let Some(sums) = &self.told.invoices else { return sheet };
        let sheet = sheet.heading("Development and other");
        if sums.is_empty() {
            return sheet.text("Nothing has been charged yet.");
        }
        let columns = vec![
            Column::amounts("Invoices", 12),
            Column::amounts("Development", 22),
            Column::amounts("Other", 22),
            Column::amounts("Not stated", 22),
            Column::amounts("All", 22),
        ];
        let row = |sum: &InvoiceSum| {
            let InvoiceSum { invoices, development, other, not_stated, total } = sum;
            let amounts = [development, other, not_stated, total].map(ToString::to_string);
            [invoices.to_string()].into_iter().chain(amounts).collect()
        };
        sheet
            .table(columns, sums.iter().map(row).collect(), None)
            .text("As the invoices say that were paid; what came back to the client since is on the statement.")
    }

    fn clauses(&self) -> Option<&'static Wording> {
        Wording::version(self.told.clauses?)
    }

    fn clause(&self, clause: Option<&'static str>) -> String {
        match (clause, self.told.clauses) {
            (Some(clause), Some(version)) => format!("{clause} (Version {version}.)"),
            (Some(_) | None, _) => "none in this contract: it was made before there were any".to_owned(),
        }
    }
}
