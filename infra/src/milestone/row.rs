//! Milestones and submissions as rows. What a state needs beyond its name is JSON; the amounts
//! that the database watches over are columns, and have to agree with it.

use domain::escrow::Escrow;
use domain::id::{Id, PaymentId};
use domain::milestone::{Chargeback, EarlyChargeback, Hold, Kind, Milestone, Sources, State};
use domain::money::{Currency, Money};
use domain::submission::Submission;
use sea_orm::entity::prelude::*;
use serde_json::json;

use crate::Fault;
use crate::doc::{Doc, TermsDoc};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "milestones")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub contract_id: Option<Uuid>,
    pub offer_id: Option<Uuid>,
    pub organization_id: Uuid,
    pub freelancer_id: Uuid,
    #[sea_orm(column_type = "JsonBinary")]
    pub terms: TermsDoc,
    pub kind: String,
    pub title: String,
    pub description: String,
    pub due_at: Option<DateTimeUtc>,
    pub currency: String,
    pub amount_minor: i64,
    pub version: i64,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Doc<State>,
    pub escrow_account: String,
    pub held_minor: i64,
    pub released_net_minor: i64,
    pub fee_minor: i64,
    pub refunded_minor: i64,
    pub charged_back_minor: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub escrow: Doc<Escrow>,
    #[sea_orm(column_type = "JsonBinary")]
    pub holds: Doc<Vec<Hold>>,
    pub hold_days: Option<i16>,
    pub submissions: i32,
    pub rounds: i32,
    pub grace_hours: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub payments: Doc<Vec<PaymentId>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub sources: Doc<Sources>,
    #[sea_orm(column_type = "JsonBinary")]
    pub chargebacks: Doc<Vec<Chargeback>>,
    #[sea_orm(column_type = "JsonBinary")]
    pub early_chargebacks: Doc<Vec<EarlyChargeback>>,
}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Milestone {
    type Error = Fault;
    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::bad_row("milestones", why);
        let small = |n: i32| u16::try_from(n).map_err(|error| Fault::bad_row("milestones", error));
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad("unknown currency"))?;
        let state: State = row.state.0;
        if state.status().as_str() != row.status {
            return Err(bad("its state is not the one it is listed under"));
        }
        let escrow: Escrow = row.escrow.0;
        if amounts(&escrow)
            != [row.held_minor, row.released_net_minor, row.fee_minor, row.refunded_minor, row.charged_back_minor]
        {
            return Err(bad("its amounts are not those of its escrow"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            contract: row.contract_id.map(Id::from_uuid),
            offer: row.offer_id.map(Id::from_uuid),
            client: Id::from_uuid(row.organization_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            terms: row.terms.0,
            kind: kind(&row.kind)?,
            title: row.title,
            description: row.description,
            due: row.due_at,
            amount: Money::new(row.amount_minor, currency).map_err(|error| Fault::bad_row("milestones", error))?,
            version: row.version,
            state,
            escrow,
            hold_days: row.hold_days.map(|days| small(days.into())).transpose()?,
            holds: row.holds.0,
            submissions: small(row.submissions)?,
            rounds: small(row.rounds)?,
            grace_hours: small(row.grace_hours)?,
            payments: row.payments.0,
            sources: row.sources.0,
            chargebacks: row.chargebacks.0,
            early_chargebacks: row.early_chargebacks.0,
        })
    }
}

impl TryFrom<&Milestone> for Model {
    type Error = Fault;
    fn try_from(milestone: &Milestone) -> Result<Self, Fault> {
        let [held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor] =
            amounts(&milestone.escrow);
        Ok(Self {
            id: milestone.id.uuid(),
            contract_id: milestone.contract.map(Id::uuid),
            offer_id: milestone.offer.map(Id::uuid),
            organization_id: milestone.client.uuid(),
            freelancer_id: milestone.freelancer.uuid(),
            terms: milestone.terms.clone().into(),
            kind: match milestone.kind {
                Kind::Work => "work",
                Kind::Bonus => "bonus",
                Kind::Tip => "tip",
            }
            .to_owned(),
            title: milestone.title.clone(),
            description: milestone.description.clone(),
            due_at: milestone.due,
            currency: milestone.amount.currency().code().to_owned(),
            amount_minor: milestone.amount.minor(),
            version: milestone.version,
            status: milestone.status().as_str().to_owned(),
            state: milestone.state.clone().into(),
            escrow_account: domain::ledger::LedgerAccount::Escrow(milestone.id).to_string(),
            held_minor,
            released_net_minor,
            fee_minor,
            refunded_minor,
            charged_back_minor,
            escrow: milestone.escrow.into(),
            holds: milestone.holds.clone().into(),
            hold_days: milestone
                .hold_days
                .map(i16::try_from)
                .transpose()
                .map_err(|error| Fault::bad_row("milestones", error))?,
            submissions: i32::from(milestone.submissions),
            rounds: i32::from(milestone.rounds),
            grace_hours: i32::from(milestone.grace_hours),
            payments: milestone.payments.clone().into(),
            sources: milestone.sources.clone().into(),
            chargebacks: milestone.chargebacks.clone().into(),
            early_chargebacks: milestone.early_chargebacks.clone().into(),
        })
    }
}

impl Model {
    /// What is written if the row still has the version `seen`: all but what a milestone is from its beginning (whose it is,
    /// on what terms), or since its money came. Nor is it written if money is `brought_out` of it, and it stands still, as
    /// the database keeps it of its contract.
    pub fn move_on(self, seen: i64, brought_out: bool) -> (Uuid, Json) {
        // All columns by name: a new one has to be dealt with here.
        let Self {
            id,
            contract_id: _,
            offer_id: _,
            organization_id: _,
            freelancer_id: _,
            terms: _,
            kind: _,
            title,
            description,
            due_at,
            currency: _,
            amount_minor,
            version,
            status,
            state,
            escrow_account: _,
            held_minor,
            released_net_minor,
            fee_minor,
            refunded_minor,
            charged_back_minor,
            escrow,
            holds,
            hold_days: _,
            submissions,
            rounds,
            grace_hours,
            payments,
            chargebacks,
            early_chargebacks,
            sources,
        } = self;
        let next = json!({
            "id": id, "title": title, "description": description, "due_at": due_at, "amount_minor": amount_minor,
            "version": version, "status": status, "state": state, "held_minor": held_minor,
            "released_net_minor": released_net_minor, "fee_minor": fee_minor, "refunded_minor": refunded_minor,
            "charged_back_minor": charged_back_minor, "escrow": escrow, "holds": holds, "submissions": submissions,
            "rounds": rounds, "grace_hours": grace_hours, "payments": payments, "chargebacks": chargebacks,
            "early_chargebacks": early_chargebacks, "sources": sources,
        });
        (id, json!({ "kind": "milestone", "next": next, "seen": seen, "brings_out": brought_out }))
    }
}

/// What a milestone pays for, by its name in a row.
pub fn kind(name: &str) -> Result<Kind, Fault> {
    match name {
        "work" => Ok(Kind::Work),
        "bonus" => Ok(Kind::Bonus),
        "tip" => Ok(Kind::Tip),
        _ => Err(Fault::bad_row("milestones", "unknown kind")),
    }
}

fn amounts(escrow: &Escrow) -> [i64; 5] {
    let parts = escrow.parts();
    [parts.held, parts.released_net, parts.fee, parts.refunded, parts.charged_back].map(Money::minor)
}

/// Work that was handed in.
pub mod submission {
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "submissions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub milestone_id: Uuid,
        pub author_id: Uuid,
        pub message: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub links: Doc<Vec<String>>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<submission::Model> for Submission {
    type Error = Fault;
    fn try_from(row: submission::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            milestone: Id::from_uuid(row.milestone_id),
            author: Id::from_uuid(row.author_id),
            message: row.message,
            links: row.links.0,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Submission> for submission::Model {
    type Error = Fault;
    fn try_from(submission: &Submission) -> Result<Self, Fault> {
        Ok(Self {
            id: submission.id.uuid(),
            milestone_id: submission.milestone.uuid(),
            author_id: submission.author.uuid(),
            message: submission.message.clone(),
            links: submission.links.clone().into(),
            created_at: submission.created_at,
        })
    }
}
