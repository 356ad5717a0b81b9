//! What freelancers say of themselves to clients in the United States, and what is told of a contract.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use chrono::NaiveDate;
use domain::Timestamp;
use domain::compliance::{Certification, Compliance, Wording};
use domain::id::ContractId;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::key::Key;
use crate::money::Money;
use crate::user_error::{Answer, answer, payload, top_level};

/// The clauses that a contract is made under, by their version.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContractClauses {
    /// The version: policies say which one contracts are made under.
    pub version: u16,
    /// Where the work is done.
    pub place_of_performance: &'static str,
    /// Whose the work is, and from when on.
    pub rights: &'static str,
}

impl ContractClauses {
    /// A version, if there is one of this number.
    pub fn of_version(number: u16) -> Option<Self> {
        Wording::version(number).map(Self::from)
    }
}

impl From<&Wording> for ContractClauses {
    fn from(wording: &Wording) -> Self {
        Self { version: wording.version, place_of_performance: wording.place, rights: wording.rights }
    }
}

/// What people put their names to, word by word, by its version. A version never changes.
#[derive(Debug, Clone, SimpleObject)]
pub struct ComplianceWording {
    /// The version: send it with what you certify or attest.
    pub version: u16,
    /// What `taxFormCertify` certifies, under penalties of perjury.
    pub tax_form: &'static str,
    /// What `contractPlaceAttest` attests.
    pub attestation: &'static str,
    /// The clauses of contracts.
    pub clauses: ContractClauses,
}

impl From<&Wording> for ComplianceWording {
    fn from(wording: &Wording) -> Self {
        Self {
            version: wording.version,
            tax_form: wording.tax_form,
            attestation: wording.attestation,
            clauses: wording.into(),
        }
    }
}

/// Where a tax form stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::compliance::TaxFormStatus")]
pub enum TaxFormStatus {
    /// There is none.
    None,
    /// It holds.
    Valid,
    /// It holds, for 60 days more at most.
    Expiring,
    /// It held until its last day.
    Expired,
    /// The freelancer moved to another country, and has to certify anew.
    Withdrawn,
}

/// A freelancer's certification of what IRS Form W-8BEN asks for, as the last one given stands. No tax number and no
/// document is ever asked for.
#[derive(Debug, Clone, SimpleObject)]
pub struct TaxForm {
    /// Where it stands.
    pub status: TaxFormStatus,
    /// Where the freelancer lives, by the two letters of ISO 3166.
    pub country: Option<String>,
    /// When it was certified.
    pub certified_at: Option<Timestamp>,
    /// The last day on which it holds: the last of the third calendar year after the one it was signed in.
    pub valid_through: Option<NaiveDate>,
    /// Since when it holds no more, because the freelancer moved to another country.
    pub withdrawn_at: Option<Timestamp>,
    /// The version of the wording that was certified.
    pub wording: Option<u16>,
}

impl TaxForm {
    fn of(status: domain::compliance::TaxFormStatus, form: Option<&domain::compliance::TaxForm>) -> Self {
        Self {
            status: status.into(),
            country: form.map(|form| form.country.as_str().to_owned()),
            certified_at: form.map(|form| form.certified_at),
            valid_through: form.map(|form| form.lapses_on),
            withdrawn_at: form.and_then(|form| form.withdrawn_at),
            wording: form.map(|form| form.wording),
        }
    }
}

/// A freelancer's statement of where they do the work of a contract, outside of the United States.
#[derive(Debug, Clone, SimpleObject)]
pub struct PlaceAttestation {
    /// Where, by the two letters of ISO 3166.
    pub country: String,
    /// When it was said.
    pub attested_at: Timestamp,
    /// The version of the wording.
    pub wording: u16,
}

impl From<domain::compliance::Attestation> for PlaceAttestation {
    fn from(said: domain::compliance::Attestation) -> Self {
        Self { country: said.country.into(), attested_at: said.attested_at, wording: said.wording }
    }
}

/// The invoices of a contract in one currency, added up as they were paid.
#[derive(Debug, Clone, SimpleObject)]
pub struct InvoiceSum {
    /// How many there are.
    pub invoices: u32,
    /// For software development.
    pub development: Money,
    /// For anything else, our fees among it.
    pub other: Money,
    /// On invoices of which `contractDevelopmentShareSet` never said it.
    pub not_stated: Money,
    /// All of it.
    pub total: Money,
}

impl From<domain::compliance::InvoiceSum> for InvoiceSum {
    fn from(sum: domain::compliance::InvoiceSum) -> Self {
        Self {
            invoices: sum.invoices,
            development: sum.development.into(),
            other: sum.other.into(),
            not_stated: sum.not_stated.into(),
            total: sum.total.into(),
        }
    }
}

/// What screening came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::compliance::Outcome")]
pub enum ScreeningOutcome {
    /// Our people began to look at something.
    UnderReview,
    /// They found that it is nothing.
    Cleared,
    /// Both sides were screened, and nothing stands against either.
    Clear,
}

/// What screening of the sides of a contract came to, never of which side.
#[derive(Debug, Clone, SimpleObject)]
pub struct ScreeningLine {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: ScreeningOutcome,
}

/// How well we know who somebody is: each level takes what those above it in this list take. No document is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::compliance::Assurance")]
pub enum IdentityLevel {
    /// Nothing is known.
    None,
    /// They read the mail at their address.
    Email,
    /// And nobody signs in as them with a password alone.
    Protected,
    /// And they have told banks who they are.
    Declared,
    /// And they were held against the lists of sanctions.
    Screened,
}

/// A thing that was shown or said of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::compliance::Proof")]
pub enum IdentityProof {
    /// They read the mail at their address.
    EmailVerified,
    /// Signing in takes a second factor, or a passkey.
    SecondFactor,
    /// They have told banks their name, address, phone and number of identity: `payeeUpdate`.
    IdentityDeclared,
    /// They were held against the lists of sanctions, whatever came of it.
    Screened,
}

/// How well we know who somebody is.
#[derive(Debug, Clone, SimpleObject)]
pub struct IdentityAssurance {
    /// The highest level all of whose proofs are there.
    pub level: IdentityLevel,
    /// What is there, also beyond that level.
    pub proofs: Vec<IdentityProof>,
}

impl IdentityAssurance {
    fn of(level: domain::compliance::Assurance, proofs: Vec<domain::compliance::Proof>) -> Self {
        Self { level: level.into(), proofs: proofs.into_iter().map(IdentityProof::from).collect() }
    }
}

/// What a client in the United States keeps of whom it works with.
#[derive(Debug, Clone, SimpleObject)]
pub struct CompliancePack {
    /// The freelancer's tax form.
    pub tax_form: TaxForm,
    /// The clauses that the contract was made under; null if it was made before there were any.
    pub clauses: Option<ContractClauses>,
    /// Where the freelancer said the work is done, the latest first, a hundred times at most.
    pub place_attestations: Vec<PlaceAttestation>,
    /// The invoices, added up for each currency; null to those who may not see them.
    pub invoices: Option<Vec<InvoiceSum>>,
    /// What screening of both sides came to since the contract was made, oldest first: the latest hundred.
    pub screening: Vec<ScreeningLine>,
    /// How well the freelancer's identity is known.
    pub identity_assurance: IdentityAssurance,
    /// Where all of it is as a paper, with when the rights in each milestone and week passed: to be fetched with your access
    /// token as `Authorization: Bearer`; with `.json` instead of `.pdf` for programs.
    pub path: String,
}

impl From<Compliance> for CompliancePack {
    fn from(told: Compliance) -> Self {
        let line = |line: domain::compliance::Screening| ScreeningLine { at: line.at, outcome: line.outcome.into() };
        Self {
            tax_form: TaxForm::of(told.tax_form_status, told.tax_form.as_ref()),
            clauses: told.clauses.and_then(ContractClauses::of_version),
            place_attestations: told.attestations.into_iter().map(PlaceAttestation::from).collect(),
            invoices: told.invoices.map(|sums| sums.into_iter().map(InvoiceSum::from).collect()),
            screening: told.screening.into_iter().map(line).collect(),
            identity_assurance: IdentityAssurance::of(told.assurance, told.proofs),
            path: format!("/papers/compliance/{}.pdf", told.contract),
        }
    }
}

/// What to certify.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TaxFormCertifyInput {
    /// The country you live in, by the two letters of ISO 3166, like `PK`: the one your profile says, if it says one.
    pub country: String,
    /// The version of `complianceWording` that you read, and certify.
    pub wording: i32,
    /// Your name, as it is on your account: you sign with it.
    pub signature: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Where the work of a contract is done.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ContractPlaceAttestInput {
    /// The contract.
    pub contract_id: Key<ContractId>,
    /// Where you do the work, by the two letters of ISO 3166, like `PK`.
    pub country: String,
    /// The version of `complianceWording` that you read, and attest.
    pub wording: i32,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `taxFormCertify`.
    TaxFormCertifyPayload {
        /// How it stands now.
        tax_form: TaxForm
    } and viewer
}

payload! {
    /// The answer to `contractPlaceAttest`.
    ContractPlaceAttestPayload {
        /// The contract.
        contract: Contract
    }
}

/// What the signed-in person has said of themselves to clients.
#[derive(Debug, Default)]
pub struct ComplianceViewer;

#[Object]
impl ComplianceViewer {
    /// Your certification of what IRS Form W-8BEN asks for, as clients in the United States see it.
    async fn tax_form(&self, ctx: &Context<'_>) -> async_graphql::Result<TaxForm> {
        let form = ctx.market().tax_form_of_viewer(&ctx.call()).await.map_err(top_level)?;
        let status = domain::compliance::tax_form_status(form.as_ref(), ctx.market().clock().now());
        Ok(TaxForm::of(status, form.as_ref()))
    }

    /// How well we know who you are, as your clients see it.
    async fn identity_assurance(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<IdentityAssurance>> {
        let found = ctx.market().assurance_of_viewer(&ctx.call()).await.map_err(top_level)?;
        Ok(found.map(|(level, proofs)| IdentityAssurance::of(level, proofs)))
    }
}

/// Looking at what people put their names to.
#[derive(Debug, Default)]
pub struct ComplianceQuery;

#[Object]
impl ComplianceQuery {
    /// What people put their names to: the latest version, which is the one to certify and to attest, or the one asked for.
    async fn compliance_wording(
        &self,
        #[graphql(desc = "Which version; the latest, if absent.")] version: Option<i32>,
    ) -> Option<ComplianceWording> {
        let Some(version) = version else { return Some(Wording::latest().into()) };
        let version = u16::try_from(version).ok()?;
        Wording::version(version).map(ComplianceWording::from)
    }
}

/// What freelancers can say to clients in the United States.
#[derive(Debug, Default)]
pub struct ComplianceMutation;

#[Object]
impl ComplianceMutation {
    /// Certify what IRS Form W-8BEN asks for: that you are no U.S. person, and that the income is yours. It holds to the
    /// last day of the third calendar year after this one, or until you move to another country. Contracts that are on
    /// hold because the last one lapsed go on.
    async fn tax_form_certify(&self, ctx: &Context<'_>, input: TaxFormCertifyInput) -> Answer<TaxFormCertifyPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let TaxFormCertifyInput { country, wording, signature, .. } = input.clone();
            ctx.market().tax_form_certify(&call, &Certification { country, wording, signature }).await
        };
        let now = ctx.market().clock().now();
        answer(outcome.await.map(|form| TaxForm::of(form.status(now), Some(&form))))
    }

    /// Attest where you do the work of a contract, outside of the United States.
    async fn contract_place_attest(
        &self,
        ctx: &Context<'_>,
        input: ContractPlaceAttestInput,
    ) -> Answer<ContractPlaceAttestPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_place_attest(&call, input.contract_id.0, &input.country, input.wording).await
        };
        answer(outcome.await.map(Contract))
    }
}
