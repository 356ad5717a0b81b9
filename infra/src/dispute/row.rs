//! Disputes and evidence as rows. What a state needs beyond its name is JSON; the amounts that the
//! database watches over are columns.

use domain::dispute::{Both, CaseId, Dispute, DisputeState, Evidence, Finding};
use domain::id::Id;
use domain::milestone::Side;
use domain::money::{Currency, Money};
use sea_orm::entity::prelude::*;

use crate::Fault;
use crate::doc::{Doc, TermsDoc};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "disputes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub milestone_id: Option<Uuid>,
    pub timesheet_id: Option<Uuid>,
    pub contract_id: Option<Uuid>,
    pub organization_id: Uuid,
    pub freelancer_id: Uuid,
    #[sea_orm(column_type = "JsonBinary")]
    pub terms: TermsDoc,
    pub claimant: String,
    pub reason: String,
    pub answer: Option<String>,
    pub currency: String,
    pub total_minor: i64,
    pub claim_minor: i64,
    pub client_offer_minor: Option<i64>,
    pub freelancer_offer_minor: Option<i64>,
    #[sea_orm(column_type = "JsonBinary")]
    pub findings: Doc<Vec<Finding>>,
    pub opened_at: DateTimeUtc,
    pub version: i64,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Doc<DisputeState>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The statuses in which a dispute waits for a mediator.
pub const WAITING: [&str; 3] = ["answered", "negotiating", "hearing"];

impl TryFrom<Model> for Dispute {
    type Error = Fault;
    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("disputes", why);
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("unknown currency"))?;
        let money = |minor| Money::new(minor, currency).map_err(|error| Fault::bad_row("disputes", error));
        let state: DisputeState = row.state.0;
        if state.as_str() != row.status {
            return Err(bad("its state is not the one it is listed under"));
        }
        let case = match (row.milestone_id, row.timesheet_id) {
            (Some(milestone), None) => CaseId::Milestone(Id::from_uuid(milestone)),
            (None, Some(timesheet)) => CaseId::Timesheet(Id::from_uuid(timesheet)),
            (Some(_), Some(_)) | (None, None) => return Err(bad("it is not about one thing")),
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            case,
            contract: row.contract_id.map(Id::from_uuid),
            client: Id::from_uuid(row.organization_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            terms: row.terms.0,
            claimant: side(&row.claimant).ok_or_else(|| bad("unknown side"))?,
            reason: row.reason,
            answer: row.answer,
            total: money(row.total_minor)?,
            claim: money(row.claim_minor)?,
            offers: Both {
                client: row.client_offer_minor.map(money).transpose()?,
                freelancer: row.freelancer_offer_minor.map(money).transpose()?,
            },
            findings: row.findings.0,
            opened_at: row.opened_at,
            version: row.version,
            state,
        })
    }
}

impl TryFrom<&Dispute> for Model {
    type Error = Fault;
    fn try_from(dispute: &Dispute) -> Result<Self, Fault> {
        let (milestone_id, timesheet_id) = match dispute.case {
            CaseId::Milestone(milestone) => (Some(milestone.uuid()), None),
            CaseId::Timesheet(timesheet) => (None, Some(timesheet.uuid())),
        };
        Ok(Self {
            id: dispute.id.uuid(),
            milestone_id,
            timesheet_id,
            contract_id: dispute.contract.map(Id::uuid),
            organization_id: dispute.client.uuid(),
            freelancer_id: dispute.freelancer.uuid(),
            terms: dispute.terms.clone().into(),
            claimant: side_text(dispute.claimant).to_owned(),
            reason: dispute.reason.clone(),
            answer: dispute.answer.clone(),
            currency: dispute.total.currency().code().to_owned(),
            total_minor: dispute.total.minor(),
            claim_minor: dispute.claim.minor(),
            client_offer_minor: dispute.offers.client.map(Money::minor),
            freelancer_offer_minor: dispute.offers.freelancer.map(Money::minor),
            findings: dispute.findings.clone().into(),
            opened_at: dispute.opened_at,
            version: dispute.version,
            status: dispute.state.as_str().to_owned(),
            state: dispute.state.clone().into(),
        })
    }
}

pub(super) fn side_text(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Freelancer => "freelancer",
    }
}

fn side(text: &str) -> Option<Side> {
    [Side::Client, Side::Freelancer].into_iter().find(|side| side_text(*side) == text)
}

/// What a side brought forward.
pub mod evidence {
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub dispute_id: Uuid,
        pub author_id: Uuid,
        pub side: String,
        pub number: i32,
        pub text: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub links: Doc<Vec<String>>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<evidence::Model> for Evidence {
    type Error = Fault;
    fn try_from(row: evidence::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            dispute: Id::from_uuid(row.dispute_id),
            author: Id::from_uuid(row.author_id),
            side: side(&row.side).ok_or_else(|| Fault::bad_row("evidence", "unknown side"))?,
            number: u16::try_from(row.number).map_err(|error| Fault::bad_row("evidence", error))?,
            text: row.text,
            links: row.links.0,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Evidence> for evidence::Model {
    type Error = Fault;
    fn try_from(evidence: &Evidence) -> Result<Self, Fault> {
        Ok(Self {
            id: evidence.id.uuid(),
            dispute_id: evidence.dispute.uuid(),
            author_id: evidence.author.uuid(),
            side: side_text(evidence.side).to_owned(),
            number: i32::from(evidence.number),
            text: evidence.text.clone(),
            links: evidence.links.clone().into(),
            created_at: evidence.created_at,
        })
    }
}
