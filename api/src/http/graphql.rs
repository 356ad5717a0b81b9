//! The GraphQL endpoint: one request, from its head to its answer.

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ObjectType, Request as GraphQlRequest, Response as GraphQlResponse, SubscriptionType, value};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use domain::access::Actor;

use super::answer::Outcome;
use super::media::{Media, require_json};
use super::params::Params;
use super::surface::Shared;
use super::{ClientAddress, Problem, Surface, TraceId, Visitor, body};
use crate::limits::Plan;

/// Answer a request to the endpoint, whatever its method.
pub(super) async fn handle<Q, M, S>(State(surface): State<Surface<Q, M, S>>, request: Request) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let (parts, body) = request.into_parts();
    let trace = parts.extensions.get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
    let wanted = Media::wanted(&parts.headers);
    let media = wanted.as_ref().copied().unwrap_or(Media::Json);
    let answer = match wanted {
        Ok(_) => execute(&surface, &parts, body, &trace).await,
        Err(problem) => Err(problem),
    };
    let outcome = answer.unwrap_or_else(|problem| Outcome::refused(problem, &trace));
    let mut response = outcome.into_response(media);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = if parts.method == Method::GET { "POST" } else { "GET, POST" };
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// Any other path.
pub(super) async fn no_such_page(request: Request) -> Response {
    let trace = request.extensions().get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
    let problem = Problem::http(StatusCode::NOT_FOUND, "NO_SUCH_PAGE", "there is nothing here; the API is at /graphql");
    Outcome::refused(problem, &trace).into_response(Media::Json)
}

async fn execute<Q, M, S>(
    surface: &Surface<Q, M, S>,
    parts: &Parts,
    body: Body,
    trace: &TraceId,
) -> Result<Outcome, Problem>
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
    let visitor = visitor(shared, parts, trace).await?;
    let params = if parts.method == Method::GET {
        Params::from_url(parts.uri.query().unwrap_or_default())?
    } else {
        Params::from_body(&body::read(&parts.headers, body, settings.body_bytes, settings.body_timeout).await?)?
    };
    let (request, plan) = prepare(shared, params, &visitor)?;
    match plan.kind {
        OperationType::Mutation if parts.method == Method::GET => {
            let message = "a mutation changes things, and GET must not: use POST";
            return Err(Problem::http(StatusCode::METHOD_NOT_ALLOWED, "MUTATION_BY_GET", message));
        }
        OperationType::Query | OperationType::Mutation => {}
        OperationType::Subscription => {
            return Err(Problem::document(
                "SUBSCRIPTION_TRANSPORT",
                "subscriptions are answered over WebSocket (graphql-transport-ws) at this address",
            ));
        }
    }
    match tokio::time::timeout(settings.operation_timeout, surface.schema.execute(request)).await {
        Ok(mut response) => {
            if !settings.introspection {
                forget_suggestions(&mut response);
            }
            let cost = value!({ "requested": plan.cost, "limit": shared.documents.limits().cost });
            Ok(Outcome::of(response.extension("cost", cost), trace))
        }
        Err(_) => {
            tracing::warn!(trace_id = %trace, "an operation took too long and was abandoned");
            Err(Problem::http(
                StatusCode::SERVICE_UNAVAILABLE,
                "TIMEOUT",
                "the operation took too long and was abandoned",
            ))
        }
    }
}

/// The library likes to suggest names of the schema, which is not to be told.
fn forget_suggestions(response: &mut GraphQlResponse) {
    for error in &mut response.errors {
        if let Some(at) = error.message.find(" Did you mean ") {
            error.message.truncate(at);
        }
    }
}

/// Who is asking. A token that is not good is refused; it never means a visitor without one.
pub(super) async fn visitor(shared: &Shared, parts: &Parts, trace: &TraceId) -> Result<Visitor, Problem> {
    let address = ClientAddress::of(&parts.extensions, &parts.headers, shared.settings.trusted_proxies);
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.chars().take(200).collect());
    refuse_token_in_url(parts.uri.query().unwrap_or_default())?;
    let (actor, session) = match bearer(&parts.headers)? {
        None => (Actor::Nobody, None),
        Some(token) => {
            let identity = shared.backend.authenticate(token).await?;
            (identity.actor, identity.session)
        }
    };
    Ok(Visitor { actor, session, address, user_agent, trace: trace.clone() })
}

/// The bearer token of a request, if it brings one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty() && token.len() <= 4096);
    let malformed =
        || Problem::http(StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "send the token as Authorization: Bearer <token>");
    token.map(Some).ok_or_else(malformed)
}

/// A token in a URL ends up in logs and histories, so it is not taken there, and its owner is told.
fn refuse_token_in_url(query_string: &str) -> Result<(), Problem> {
    let names = query_string.split('&').filter_map(|pair| pair.split('=').next());
    let mut secrets = names.filter(|name| matches!(*name, "access_token" | "token" | "authorization" | "jwt"));
    match secrets.next() {
        None => Ok(()),
        Some(_) => Err(Problem::http(
            StatusCode::UNAUTHORIZED,
            "TOKEN_IN_URL",
            "a token in a URL ends up in logs: send it as Authorization: Bearer <token>, and replace this one",
        )),
    }
}

/// The request as the schema takes it, and what it will do.
pub(super) fn prepare(shared: &Shared, params: Params, visitor: &Visitor) -> Result<(GraphQlRequest, Plan), Problem> {
    let document = shared.documents.read(&params.query)?;
    let plan = shared.documents.plan(&document, params.operation.as_deref(), &params.variables)?;
    let mut request = GraphQlRequest::new(params.query).variables(params.variables);
    request.operation_name = params.operation;
    request.set_parsed_query(ExecutableDocument::clone(&document));
    if !shared.settings.introspection {
        request = request.disable_introspection();
    }
    Ok((shared.backend.furnish(request, visitor), plan))
}
