//! The GraphQL endpoint: one request, from its head to its answer.

use std::time::{Duration, Instant};

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ObjectType, Request as GraphQlRequest, SubscriptionType, value};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, IF_NONE_MATCH, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use domain::access::Actor;

use super::answer::Outcome;
use super::identity::{Credential, bearer, refuse_token_in_url, sign_in};
use super::media::{Media, require_json};
use super::open::Held;
use super::params::Params;
use super::serve::Place;
use super::surface::Shared;
use super::{ClientAddress, Problem, Settings, Surface, TraceId, Visitor, events, socket};
use crate::limits::Plan;

/// Answer a request to the endpoint, whatever its method.
pub(super) async fn handle<Q, M, S>(State(surface): State<Surface<Q, M, S>>, request: Request) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let trace = parts.extensions.get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
    if socket::is_wanted(&parts.headers) {
        return socket::upgrade(surface, parts, trace).await;
    }
    let wanted = Media::wanted(&parts.headers);
    let media = wanted.as_ref().copied().unwrap_or(Media::Json);
    let admitted = match wanted {
        Ok(_) => admit(&surface, &parts, body, &trace).await,
        Err(problem) => Err(problem),
    };
    let is_tagged = matches!(&admitted, Ok(Admitted { named: true, .. }));
    let (label, outcome) = match admitted {
        Ok(Admitted { request, plan, credential, held, actor, address, .. }) if media == Media::Events => {
            let place = parts.extensions.get::<Place>().cloned();
            metrics::counter!("rabta_graphql_streams_total", "operation" => plan.label.clone()).increment(1);
            return events::answer(&surface, request, &plan, credential, (actor, address, trace), (place, held));
        }
        Ok(Admitted { request, plan, address, .. }) => {
            let outcome = execute(&surface, request, &plan, address, &trace).await;
            (plan.label, outcome)
        }
        Err(problem) => ("none".to_owned(), Err(problem)),
    };
    let outcome = outcome.unwrap_or_else(|problem| Outcome::refused(problem, &trace));
    count(label, &outcome, began);
    let mut response = if is_tagged {
        outcome.into_tagged(media, parts.headers.get(IF_NONE_MATCH))
    } else {
        outcome.into_response(media)
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = if parts.method == Method::GET { "POST" } else { "GET, POST" };
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// Note what was asked, how it came out, and how long it took.
fn count(operation: String, outcome: &Outcome, began: Instant) {
    let how = outcome.as_str();
    metrics::histogram!("rabta_graphql_seconds", "operation" => operation.clone())
        .record(began.elapsed().as_secs_f64());
    metrics::counter!("rabta_graphql_requests_total", "operation" => operation, "outcome" => how).increment(1);
}

/// Any other path.
pub(super) async fn no_such_page(request: Request) -> Response {
    let trace = request.extensions().get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
    let problem = Problem::http(StatusCode::NOT_FOUND, "NO_SUCH_PAGE", "there is nothing here; the API is at /graphql");
    Outcome::refused(problem, &trace).into_response(Media::Json)
}

/// A request that passed all doors.
struct Admitted {
    request: GraphQlRequest,
    plan: Plan,
    credential: Option<Credential>,
    /// What is held for as long as it runs, if it is answered by events.
    held: Option<Held>,
    /// Who asks.
    actor: Actor,
    /// Where the answer goes.
    address: ClientAddress,
    /// Was the document named, in an address that is the same whenever it is asked for?
    named: bool,
}

async fn admit<Q, M, S>(
    surface: &Surface<Q, M, S>,
    parts: &Parts,
    body: Body,
    trace: &TraceId,
) -> Result<Admitted, Problem>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let shared = &surface.shared;
    let settings = &shared.settings;
    match parts.method {
        Method::GET => {}
        // Before anything else of the request is looked at: see there.
        Method::POST => require_json(&parts.headers)?,
        _ => {
            let message = "use POST, or GET for queries";
            return Err(Problem::http(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message));
        }
    }
    let token = arrives(shared, parts)?;
    let values = settings.limits.values;
    let params = if parts.method == Method::GET {
        Params::from_url(parts.uri.query().unwrap_or_default(), values)?
    } else {
        Params::from_body(&shared.bodies.read(address(shared, parts)?, &parts.headers, body).await?, values)?
    };
    // Looked at only now: a body may take its time, and what it asks for is done as whoever the token stands for by then.
    let (visitor, credential) = visitor(shared, parts, token, trace).await?;
    let named = parts.method == Method::GET && params.named.query.is_none();
    let (request, plan) = prepare(shared, params, &visitor)?;
    let by_events = matches!(Media::wanted(&parts.headers), Ok(Media::Events));
    match plan.kind {
        OperationType::Mutation if parts.method == Method::GET => {
            let message = "a mutation changes things, and GET must not: use POST";
            Err(Problem::http(StatusCode::METHOD_NOT_ALLOWED, "MUTATION_BY_GET", message))
        }
        _ if parts.method == Method::GET && by_post_alone(settings, &plan) => {
            let message = "what this asks with must not stand in addresses, which end up in logs: use POST";
            Err(Problem::http(StatusCode::METHOD_NOT_ALLOWED, "QUERY_BY_GET", message))
        }
        OperationType::Subscription if !by_events => Err(Problem::document(
            "SUBSCRIPTION_TRANSPORT",
            "subscriptions are answered over WebSocket (graphql-transport-ws) or as text/event-stream, at this address",
        )),
        OperationType::Query | OperationType::Mutation | OperationType::Subscription => {
            let held = if by_events { Some(shared.open.take(&visitor.actor, visitor.address)?) } else { None };
            Ok(Admitted { request, plan, credential, held, actor: visitor.actor, address: visitor.address, named })
        }
    }
}

/// Does it start from a field that is answered by POST alone?
fn by_post_alone(settings: &Settings, plan: &Plan) -> bool {
    settings.by_post_alone.iter().any(|name| plan.fields.contains_key(*name))
}

async fn execute<Q, M, S>(
    surface: &Surface<Q, M, S>,
    request: GraphQlRequest,
    plan: &Plan,
    address: ClientAddress,
    trace: &TraceId,
) -> Result<Outcome, Problem>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let shared = &surface.shared;
    match tokio::time::timeout(shared.settings.operation_timeout, surface.execute(request, plan)).await {
        Ok(response) => {
            let cost = value!({ "requested": plan.cost, "limit": shared.documents.limits().cost });
            Ok(shared.outcome(response.extension("cost", cost), &plan.form, address, trace))
        }
        Err(_) => Err(too_long(shared.settings.operation_timeout, trace)),
    }
}

/// An operation was given up because it took too long.
pub(super) fn too_long(most: Duration, trace: &TraceId) -> Problem {
    tracing::warn!(trace_id = %trace, "an operation took too long and was abandoned");
    let message = "the operation took too long and was abandoned";
    Problem::http(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", message).with("limit", most.as_secs())
}

fn address(shared: &Shared, parts: &Parts) -> Result<ClientAddress, Problem> {
    ClientAddress::of(&parts.extensions, &parts.headers, shared.settings.trusted_proxies)
}

/// Count a request as its address's, before anything else of it is looked at. The token it brings, if it brings one, as it
/// should be brought.
pub(super) fn arrives<'a>(shared: &Shared, parts: &'a Parts) -> Result<Option<&'a str>, Problem> {
    shared.rates.check_address(address(shared, parts)?)?;
    refuse_token_in_url(parts.uri.query().unwrap_or_default())?;
    bearer(&parts.headers)
}

/// Who is asking, and until when that holds. A token that is not good is refused; it never means a
/// visitor without one.
pub(super) async fn visitor(
    shared: &Shared,
    parts: &Parts,
    token: Option<&str>,
    trace: &TraceId,
) -> Result<(Visitor, Option<Credential>), Problem> {
    let address = address(shared, parts)?;
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.chars().take(200).collect());
    let nobody =
        Visitor { actor: Actor::Nobody, session: None, proved_at: None, address, user_agent, trace: trace.clone() };
    let (visitor, credential) = match token {
        None => (nobody, None),
        Some(token) => {
            let (identity, credential) = sign_in(shared, token).await?;
            (nobody.known_as(identity), Some(credential))
        }
    };
    shared.rates.check_account(&visitor.actor)?;
    Ok((visitor, credential))
}

/// The request as the schema takes it, and what it will do.
pub(super) fn prepare(
    shared: &Shared,
    mut params: Params,
    visitor: &Visitor,
) -> Result<(GraphQlRequest, Plan), Problem> {
    // Whoever takes no answers gets none: it is said before anything is done.
    shared.untaken.check(visitor.address)?;
    let text = shared.persisted.text(&params.named)?;
    let document = shared.documents.read(&text)?;
    shared.persisted.remember(&params.named, &text);
    let plan = shared.documents.plan(&document, params.operation.as_deref(), &mut params.variables)?;
    shared.rates.check_operation(visitor.address, &visitor.actor, &plan.fields, plan.cost)?;
    let mut request = GraphQlRequest::new(text.as_ref()).variables(params.variables);
    request.operation_name = params.operation;
    request.set_parsed_query(ExecutableDocument::clone(&document.parsed));
    if !shared.settings.introspection {
        request = request.disable_introspection();
    }
    Ok((shared.backend.furnish(request, visitor), plan))
}
