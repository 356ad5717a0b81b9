//! Papers, over HTTP: `/papers/payouts/pyo_….pdf`, and the same as `.json`. They are somebody's own, so each takes a
//! bearer token; what a person may not have looks absent. Until they are taken they have their part of the room that
//! answers of GraphQL have.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Timestamp;
use domain::access::{Denied, Verb};
use domain::id::{ContractId, PayoutId, WireBatchId};
use domain::papers::TaxYear;
use domain::payout::Iban;
use domain::refusal::Refusal;
use domain::wire::WireSlip;
use infra::papers::{Paper, Wanted};
use infra::{Call, Failure, Fault, Market};
use serde::Serialize;
use serde_json::json;

use crate::backend::not_taken;
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::http::{ClientAddress, Problem, Settings, TraceId, Untaken, around, bearer, counted};
use crate::key::Key;
use crate::user_error::{Answer, answer, payload};

/// When it makes sense to come back after too many papers were to be printed at once.
const BUSY_SECONDS: u64 = 5;

/// The pages that papers are fetched from, which wait in `untaken` until they are taken.
pub fn paper_pages(market: &Market, settings: &Settings, untaken: Arc<Untaken>) -> Router {
    let desk = Desk { market: market.clone(), untaken };
    let router = Router::new().route("/papers/{kind}/{file}", get(fetch)).with_state(desk);
    around(counted(router, settings), settings)
}

/// Where papers are handed out.
#[derive(Debug, Clone)]
struct Desk {
    market: Market,
    untaken: Arc<Untaken>,
}

/// A paper as it is sent.
struct File {
    body: Vec<u8>,
    kind: &'static str,
    name: String,
}

async fn fetch(
    State(Desk { market, untaken }): State<Desk>,
    Path((kind, file)): Path<(String, String)>,
    Extension(trace): Extension<TraceId>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Response {
    let made = async {
        // Whoever takes no answers gets none: nothing is printed for them.
        untaken.check(address)?;
        let file = make(&market, &headers, (kind.as_str(), file.as_str()), &trace).await?;
        let body = untaken.outgoing(address, file.body)?;
        Ok::<_, Problem>(attached(body, file.kind, &file.name))
    };
    made.await.unwrap_or_else(|problem| problem.into_page(&trace))
}

/// The paper that a path names, for whoever asks.
async fn make(
    market: &Market,
    headers: &HeaderMap,
    (kind, file): (&str, &str),
    trace: &TraceId,
) -> Result<File, Problem> {
    let token = bearer(headers)?.ok_or_else(not_signed_in)?;
    let caller = market.authenticate(token).await.map_err(|why| Problem::from(not_taken(why)))?;
    let call = Call { actor: caller.actor, session: Some(caller.session), ..Call::system(trace.to_string()) };
    if let Some(batch) = wire_file(kind, file) {
        must_be_proved(Verb::WireFileTake, caller.proved_at, market, trace)?;
        let text = market.wire_file(&call, batch).await.map_err(|failure| refused(failure, trace))?;
        let body = text.ok_or_else(absent)?.into_bytes();
        return Ok(File { body, kind: "text/csv; charset=utf-8", name: format!("{batch}.csv") });
    }
    if let Some(payout) = wire_slip(kind, file) {
        must_be_proved(Verb::WireSlipTake, caller.proved_at, market, trace)?;
        let slip = market.wire_slip(&call, payout).await.map_err(|failure| refused(failure, trace))?;
        let name = format!("{}.json", slip.reference.replace(':', "_"));
        return Ok(File { body: by_hand(&slip).to_string().into_bytes(), kind: "application/json", name });
    }
    let (wanted, format) = wanted(kind, file).ok_or_else(absent)?;
    let paper = market.paper(&call, wanted).await.map_err(|failure| refused(failure, trace))?;
    hand_out(paper.ok_or_else(absent)?, format).await.map_err(|fault| refused(fault.into(), trace))
}

/// What holds whole account numbers is shown to who proved who they are as lately as taking it takes.
fn must_be_proved(verb: Verb, proved_at: Timestamp, market: &Market, trace: &TraceId) -> Result<(), Problem> {
    if verb.needs_proof().is_met(Some(proved_at), market.clock().now()) {
        return Ok(());
    }
    Err(refused(Refusal::REAUTHENTICATE.into(), trace))
}

#[derive(Clone, Copy)]
enum Format {
    Pdf,
    Json,
}

/// Which paper a path names, and how it is wanted.
fn wanted(kind: &str, file: &str) -> Option<(Wanted, Format)> {
    let (name, ending) = file.rsplit_once('.')?;
    let format = match ending {
        "pdf" => Format::Pdf,
        "json" => Format::Json,
        _ => return None,
    };
    let wanted = match kind {
        "payouts" => Wanted::Pack(name.parse().ok()?),
        "payments" => Wanted::Invoice(name.parse().ok()?),
        "refunds" => Wanted::CreditNote(name.parse().ok()?),
        "contracts" => Wanted::Statement(name.parse().ok()?),
        "compliance" => Wanted::Compliance(name.parse().ok()?),
        "earnings" => Wanted::Earnings(TaxYear::ending_in(name.parse().ok()?)?),
        _ => return None,
    };
    Some((wanted, format))
}

async fn hand_out(paper: Paper, format: Format) -> Result<File, Fault> {
    let (kind, ending) = match format {
        Format::Pdf => ("application/pdf", "pdf"),
        Format::Json => ("application/json", "json"),
    };
    let name = format!("{}.{ending}", paper.name);
    let body = match format {
        Format::Pdf => paper.pdf().await?,
        Format::Json => serde_json::to_vec_pretty(&paper.json)?,
    };
    Ok(File { body, kind, name })
}

/// The file for the bank that a path names.
fn wire_file(kind: &str, file: &str) -> Option<WireBatchId> {
    if kind == "wires" { file.strip_suffix(".csv")?.parse().ok() } else { None }
}

/// The payout to be sent by hand that a path names.
fn wire_slip(kind: &str, file: &str) -> Option<PayoutId> {
    if kind == "wires" { file.strip_suffix(".json")?.parse().ok() } else { None }
}

/// What it takes to send a payout by hand, as our people type it in at the bank.
fn by_hand(slip: &WireSlip) -> serde_json::Value {
    let accounts = slip.parts.iter().map(|part| {
        json!({
            "account": part.iban.reveal(),
            "bank": Iban::bank_named(part.iban.bank()).unwrap_or_else(|| part.iban.bank()),
            "account_title": part.title,
            "currency": part.amount.currency().code(),
            "amount": part.amount.amount(),
        })
    });
    json!({
        "reference": slip.reference,
        "legal_name": slip.name,
        "beneficiary_name": slip.latin_name,
        "beneficiary_address": slip.address,
        "beneficiary_phone": slip.phone,
        "beneficiary_identity": slip.identity,
        "accounts": accounts.collect::<Vec<_>>(),
        "purpose_code": slip.purpose_code,
        "purpose": slip.purpose,
    })
}

fn attached(body: Bytes, kind: &'static str, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // The name is made of letters, digits, dashes and underscores.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    response
}

fn not_signed_in() -> Problem {
    let message = "send a good access token as Authorization: Bearer <token>";
    Problem::http(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

fn absent() -> Problem {
    Problem::http(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such paper")
}

/// Why there is no paper.
fn refused(failure: Failure, trace: &TraceId) -> Problem {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Broken(Fault::Busy { .. }) => {
            let message = "many papers are being printed: try again in a moment";
            let mut problem = Problem::http(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message);
            problem.retry_after = Some(BUSY_SECONDS);
            return problem;
        }
        Failure::Broken(fault) => {
            tracing::error!(trace_id = %trace, error = %fault, "a paper could not be made");
            return Problem::http(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the paper could not be made");
        }
    };
    let message = refusal.to_string();
    match refusal {
        Refusal::Denied { reason: Denied::SignIn } => not_signed_in(),
        Refusal::Denied { reason: Denied::Hidden } => absent(),
        Refusal::Denied { reason: Denied::Suspended } => {
            Problem::http(StatusCode::FORBIDDEN, "SUSPENDED", "this account is suspended")
        }
        Refusal::Denied { reason: Denied::SecondFactor } => {
            Problem::http(StatusCode::FORBIDDEN, "SECOND_FACTOR_MISSING", &message)
        }
        Refusal::Denied { reason: Denied::NotAllowed } => {
            Problem::http(StatusCode::FORBIDDEN, "NOT_ALLOWED", "this paper is for another role, or for the other side")
        }
        Refusal::Throttled { limit, retry_after_seconds, .. } => {
            let message = "that were many papers: try again in some minutes";
            let mut problem = Problem::http(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
                .with("limit", limit)
                .with("value", limit.saturating_add(1));
            problem.retry_after = u64::try_from(retry_after_seconds).ok();
            problem
        }
        Refusal::Reauthenticate { .. } => Problem::http(StatusCode::FORBIDDEN, "REAUTHENTICATE", message),
        Refusal::Rule { code, .. } => Problem::http(StatusCode::CONFLICT, "REFUSED", message).with("code", code),
        Refusal::WrongState { .. }
        | Refusal::Stale { .. }
        | Refusal::Invalid { .. }
        | Refusal::Insufficient { .. }
        | Refusal::Limit { .. }
        | Refusal::KeyReused => Problem::http(StatusCode::BAD_REQUEST, "REFUSED", message),
    }
}

/// What share of a contract's work is software development.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ContractDevelopmentShareSetInput {
    /// The contract.
    pub contract_id: Key<ContractId>,
    /// The share in basis points: 10000 is all of it. Our fee never is.
    pub share_basis_points: i32,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `contractDevelopmentShareSet`.
    ContractDevelopmentShareSetPayload {
        /// The contract.
        contract: Contract
    }
}

/// What papers the signed-in person has by the year.
#[derive(Debug, Default)]
pub struct PaperViewer;

#[Object]
impl PaperViewer {
    /// Where the certificate of what you earned in a tax year is, to be fetched with your access token as
    /// `Authorization: Bearer`; with `.json` instead of `.pdf` for programs. Null for a year of no certificate.
    async fn earnings_path(
        &self,
        #[graphql(desc = "The year that the tax year ends in, on June 30 in Pakistan.")] year: i32,
    ) -> Option<String> {
        TaxYear::ending_in(year).map(|year| format!("/papers/earnings/{}.pdf", year.year()))
    }
}

/// What can be said of papers.
#[derive(Debug, Default)]
pub struct PaperMutation;

#[Object]
impl PaperMutation {
    /// Say what share of the work on a contract is software development, as your accountant needs to know: its
    /// invoices divide by it from now on, and so do those from before that had no share yet.
    async fn contract_development_share_set(
        &self,
        ctx: &Context<'_>,
        input: ContractDevelopmentShareSetInput,
    ) -> Answer<ContractDevelopmentShareSetPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_development_share_set(&call, input.contract_id.0, input.share_basis_points).await
        };
        answer(outcome.await.map(Contract))
    }
}
