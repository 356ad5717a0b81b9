//! Refusals, as clients read them: data in the payload of a mutation, one type for each kind of no,
//! with the facts a program needs to go on. Faults of ours are top-level errors that say nothing
//! but that they happened.

use async_graphql::resolver_utils::enum_value;
use async_graphql::{ErrorExtensionValues, ErrorExtensions, Interface, SimpleObject, Value, value};
use domain::access::{Denied, Verb};
use domain::refusal::Refusal;
use infra::{Failure, Fault};

use crate::act::{Act, acts};
use crate::http::BUSY;
use crate::money::Money;

/// When it makes sense to come back after too many wanted the same at once.
const BUSY_SECONDS: u64 = 3;

/// Something the caller asked for was refused. Nothing was changed.
#[derive(Debug, Clone, Interface)]
#[expect(clippy::duplicated_attributes, reason = "two fields of one type look like a repeat")]
#[graphql(
    field(name = "code", ty = "&String", desc = "A stable code for programs, like `WRONG_STATE` or `EMAIL_TAKEN`."),
    field(name = "message", ty = "&String", desc = "For people: what happened, and what can be done."),
    field(name = "path", ty = "&Option<Vec<String>>", desc = "Which part of the input is at fault, if one is.")
)]
pub enum UserError {
    /// See the type.
    NotFound(NotFoundError),
    /// See the type.
    NotAllowed(NotAllowedError),
    /// See the type.
    Unauthenticated(UnauthenticatedError),
    /// See the type.
    WrongState(WrongStateError),
    /// See the type.
    StaleVersion(StaleVersionError),
    /// See the type.
    InvalidInput(InvalidInputError),
    /// See the type.
    InsufficientFunds(InsufficientFundsError),
    /// See the type.
    LimitReached(LimitReachedError),
    /// See the type.
    Rule(RuleError),
    /// See the type.
    ReauthenticationRequired(ReauthenticationRequiredError),
    /// See the type.
    IdempotencyConflict(IdempotencyConflictError),
}

macro_rules! user_errors {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, SimpleObject)]
            pub struct $name {
                /// A stable code for programs.
                pub code: String,
                /// For people: what happened, and what can be done.
                pub message: String,
                /// Which part of the input is at fault, if one is.
                pub path: Option<Vec<String>>,
                $($(#[$field_doc])* pub $field: $ty,)*
            }
        )*
    };
}

user_errors! {
    /// It does not exist, or you may not know that it does.
    NotFoundError {}
    /// You may see it, but not do this to it.
    NotAllowedError {}
    /// This takes a signed-in person in good standing: sign in, or refresh the access token.
    UnauthenticatedError {}
    /// It is in a state in which this can't be done.
    WrongStateError {
        /// The state it is in, by the name that its own status has.
        state: String,
        /// What you can do to it now.
        allowed: Vec<Act>,
    }
    /// It has changed since you looked: load it again, and decide anew.
    StaleVersionError {
        /// The version you acted on.
        expected_version: i64,
        /// The version it is at.
        actual_version: i64,
    }
    /// A field of the input can't be accepted. There is one such error for each field at fault.
    InvalidInputError {}
    /// There is less money than asked for.
    InsufficientFundsError {
        /// What there is.
        available: Money,
        /// What was asked for.
        asked: Money,
    }
    /// A limit was reached.
    LimitReachedError {
        /// The limit.
        limit: i64,
        /// What it would have come to, at the least.
        value: i64,
        /// After so many seconds it makes sense to try again, where waiting helps.
        retry_after_seconds: Option<i64>,
    }
    /// A rule stands against it; `code` names the rule.
    RuleError {}
    /// This takes a fresh proof of who you are: ask for the password (and the code of the authenticator
    /// app, if there is one), send `reauthenticate`, and then this again. Signing in is such a proof, too.
    ReauthenticationRequiredError {
        /// How old the proof may be, in seconds. For money of every day one of the last twelve hours will do, too.
        within_seconds: i64,
    }
    /// The idempotency key was used before, with other input. Use a fresh key for each intended act.
    IdempotencyConflictError {}
}

/// The errors that a refusal amounts to: one for each field at fault, else just one.
pub fn user_errors(refusal: Refusal) -> Vec<UserError> {
    let message = refusal.to_string();
    let error = match refusal {
        Refusal::Invalid { fields } => return fields.into_iter().map(field_error).collect(),
        Refusal::Denied { reason: Denied::Hidden } => UserError::NotFound(NotFoundError {
            code: "NOT_FOUND".to_owned(),
            message: "There is no such thing, or you may not see it.".to_owned(),
            path: None,
        }),
        Refusal::Denied { reason: Denied::NotAllowed } => {
            UserError::NotAllowed(NotAllowedError { code: "NOT_ALLOWED".to_owned(), message, path: None })
        }
        Refusal::Denied { reason: Denied::SignIn } => UserError::Unauthenticated(UnauthenticatedError {
            code: "UNAUTHENTICATED".to_owned(),
            message: "Sign in first.".to_owned(),
            path: None,
        }),
        Refusal::Denied { reason: Denied::Suspended } => UserError::Unauthenticated(UnauthenticatedError {
            code: "SUSPENDED".to_owned(),
            message: "This account is suspended.".to_owned(),
            path: None,
        }),
        Refusal::Denied { reason: Denied::SecondFactor } => UserError::NotAllowed(NotAllowedError {
            code: "SECOND_FACTOR_MISSING".to_owned(),
            message: "Our people act with a second factor only: set one up with secondFactorEnroll and \
                      secondFactorConfirm."
                .to_owned(),
            path: None,
        }),
        Refusal::WrongState { state, allowed, .. } => UserError::WrongState(WrongStateError {
            code: "WRONG_STATE".to_owned(),
            message: format!("{message}; {}", possible(&allowed)),
            path: None,
            state: state.to_uppercase(),
            allowed: acts(&allowed),
        }),
        Refusal::Stale { expected, actual } => UserError::StaleVersion(StaleVersionError {
            code: "STALE_VERSION".to_owned(),
            message,
            path: None,
            expected_version: expected,
            actual_version: actual,
        }),
        Refusal::Insufficient { available, asked } => UserError::InsufficientFunds(InsufficientFundsError {
            code: "INSUFFICIENT_FUNDS".to_owned(),
            message,
            path: None,
            available: available.into(),
            asked: asked.into(),
        }),
        Refusal::Limit { code, limit, value, .. } => UserError::LimitReached(LimitReachedError {
            code,
            message,
            path: None,
            limit,
            value,
            retry_after_seconds: None,
        }),
        Refusal::Throttled { limit, retry_after_seconds, .. } => UserError::LimitReached(LimitReachedError {
            code: "TOO_MANY_ATTEMPTS".to_owned(),
            message,
            path: None,
            limit,
            value: limit.saturating_add(1),
            retry_after_seconds: Some(retry_after_seconds),
        }),
        Refusal::Rule { code, .. } => UserError::Rule(RuleError { code, message, path: None }),
        Refusal::Reauthenticate { within_seconds } => {
            UserError::ReauthenticationRequired(ReauthenticationRequiredError {
                code: "REAUTHENTICATE".to_owned(),
                message,
                path: None,
                within_seconds,
            })
        }
        Refusal::KeyReused => UserError::IdempotencyConflict(IdempotencyConflictError {
            code: "IDEMPOTENCY_CONFLICT".to_owned(),
            message,
            path: Some(vec!["idempotencyKey".to_owned()]),
        }),
    };
    vec![error]
}

/// What can be done instead, as a person would say it.
fn possible(allowed: &[Verb]) -> String {
    let names: Vec<String> = allowed.iter().map(|verb| mutation_name(verb.name())).collect();
    if names.is_empty() { "you can do nothing to it now".to_owned() } else { format!("you can: {}", names.join(", ")) }
}

fn field_error(field: domain::refusal::FieldError) -> UserError {
    let path = field.path.split('.').map(str::to_owned).collect();
    UserError::InvalidInput(InvalidInputError { code: field.code, message: field.message, path: Some(path) })
}

/// A verb's name as its mutation is called: `MilestoneApprove` is `milestoneApprove`.
pub(crate) fn mutation_name(verb: &str) -> String {
    let mut letters = verb.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// What mutations return: the object that changed, or why it did not.
pub trait Payload {
    /// What changed.
    type Object;
    /// The payload of a success or of a refusal.
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self;
}

/// Declares the payload of a mutation.
///
/// With `and viewer`, it also shows the signed-in person as they are now: for acts that change what stands at `viewer` and
/// has no id of its own, like balances and counts, by which a client's cache would find it.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $ty:ty $(,)? } and viewer) => {
        $crate::user_error::payload! {
            @ [complex] $(#[$doc])* $name { $(#[$field_doc])* $field: $ty }
        }

        #[async_graphql::ComplexObject]
        impl $name {
            /// You, as you are now.
            async fn viewer(
                &self,
                ctx: &async_graphql::Context<'_>,
            ) -> async_graphql::Result<Option<$crate::user::Viewer>> {
                if self.errors.is_empty() { $crate::user::viewer_now(ctx).await } else { Ok(None) }
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $ty:ty $(,)? }) => {
        $crate::user_error::payload! { @ [] $(#[$doc])* $name { $(#[$field_doc])* $field: $ty } }
    };
    (@ [$($complex:ident)?] $(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $ty:ty }) => {
        $(#[$doc])*
        #[derive(Debug, async_graphql::SimpleObject)]
        $(#[graphql($complex)])?
        pub struct $name {
            $(#[$field_doc])*
            pub $field: Option<$ty>,
            /// Why nothing was changed; empty when it was.
            pub errors: Vec<$crate::user_error::UserError>,
        }

        impl $crate::user_error::Payload for $name {
            type Object = $ty;
            fn of(object: Option<$ty>, errors: Vec<$crate::user_error::UserError>) -> Self {
                Self { $field: object, errors }
            }
        }
    };
}
pub(crate) use payload;

/// The answer of a mutation. It is nullable, so that one mutation's fault does not wipe its siblings.
pub type Answer<P> = async_graphql::Result<Option<P>>;

/// Turn the outcome of a use case into the payload of its mutation.
pub fn answer<P: Payload>(outcome: Result<P::Object, Failure>) -> Answer<P> {
    match outcome {
        Ok(object) => Ok(Some(P::of(Some(object), Vec::new()))),
        Err(Failure::Refused(refusal)) => Ok(Some(P::of(None, user_errors(refusal)))),
        Err(broken @ Failure::Broken(_)) => Err(top_level(broken)),
    }
}

/// The top-level error for a failure outside of a mutation's payload: a query that was asked for
/// something it can't take, or a fault of ours, which is logged here and told only by its code.
pub fn top_level(failure: Failure) -> async_graphql::Error {
    match failure {
        Failure::Refused(refusal) => {
            let message = match &refusal {
                Refusal::Invalid { fields } => fields
                    .iter()
                    .map(|field| format!("{}: {}", field.path, field.message))
                    .collect::<Vec<_>>()
                    .join("; "),
                other => other.to_string(),
            };
            let errors = user_errors(refusal);
            async_graphql::Error::new(message).extend_with(|_, extensions| facts(&errors, extensions))
        }
        Failure::Broken(fault) => broken(&fault),
    }
}

/// What a program needs to go on: the code, and the facts that the error has as a part of a payload.
fn facts(errors: &[UserError], extensions: &mut ErrorExtensionValues) {
    let Some(error) = errors.first() else { return extensions.set("code", "REFUSED") };
    extensions.set("code", code_of(error));
    match error {
        UserError::InvalidInput(error) => {
            extensions.set("path", words(error.path.clone().unwrap_or_default()));
            let fields = errors.iter().filter_map(|error| match error {
                UserError::InvalidInput(InvalidInputError { code, message, path }) => {
                    let path = words(path.clone().unwrap_or_default());
                    Some(value!({ "path": path, "code": code.clone(), "message": message.clone() }))
                }
                _ => None,
            });
            extensions.set("fields", fields.collect::<Vec<_>>());
        }
        UserError::WrongState(error) => {
            extensions.set("state", error.state.clone());
            extensions.set("allowed", error.allowed.iter().map(|act| enum_value(*act)).collect::<Vec<_>>());
        }
        UserError::StaleVersion(error) => {
            extensions.set("expectedVersion", error.expected_version);
            extensions.set("actualVersion", error.actual_version);
        }
        UserError::LimitReached(error) => {
            extensions.set("limit", error.limit);
            extensions.set("value", error.value);
            if let Some(seconds) = error.retry_after_seconds {
                extensions.set("retryAfterSeconds", seconds);
            }
        }
        UserError::ReauthenticationRequired(error) => extensions.set("withinSeconds", error.within_seconds),
        UserError::NotFound(_)
        | UserError::NotAllowed(_)
        | UserError::Unauthenticated(_)
        | UserError::InsufficientFunds(_)
        | UserError::Rule(_)
        | UserError::IdempotencyConflict(_) => {}
    }
}

fn words(words: Vec<String>) -> Vec<Value> {
    words.into_iter().map(Value::from).collect()
}

/// A fault of ours, which is logged here. That too many want the same at once is told, so that they come back later.
fn broken(fault: &Fault) -> async_graphql::Error {
    if fault.is_crowding() {
        if !matches!(fault, Fault::Busy { .. }) {
            tracing::warn!(error = %fault, "a request found no connection to the database");
        }
        return async_graphql::Error::new("Too many want this at once: try again in a moment.").extend_with(
            |_, extensions| {
                extensions.set("code", BUSY);
                extensions.set("retryAfterSeconds", BUSY_SECONDS);
            },
        );
    }
    tracing::error!(error = %fault, "a request failed");
    internal()
}

fn internal() -> async_graphql::Error {
    async_graphql::Error::new("Something went wrong on our side. Try again; if it stays, quote the trace id.")
        .extend_with(|_, extensions| extensions.set("code", "INTERNAL"))
}

/// The same for a failure that several waited for.
pub fn top_level_shared(failure: &Failure) -> async_graphql::Error {
    match failure {
        Failure::Refused(refusal) => top_level(Failure::Refused(refusal.clone())),
        Failure::Broken(fault) => broken(fault),
    }
}

fn code_of(error: &UserError) -> String {
    match error {
        UserError::NotFound(error) => error.code.clone(),
        UserError::NotAllowed(error) => error.code.clone(),
        UserError::Unauthenticated(error) => error.code.clone(),
        UserError::WrongState(error) => error.code.clone(),
        UserError::StaleVersion(error) => error.code.clone(),
        UserError::InvalidInput(_) => "BAD_USER_INPUT".to_owned(),
        UserError::InsufficientFunds(error) => error.code.clone(),
        UserError::LimitReached(error) => error.code.clone(),
        UserError::Rule(error) => error.code.clone(),
        UserError::ReauthenticationRequired(error) => error.code.clone(),
        UserError::IdempotencyConflict(error) => error.code.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: Failure) -> serde_json::Value {
        serde_json::to_value(top_level(failure).extensions).unwrap()
    }

    #[test]
    fn a_top_level_error_says_what_a_payload_would() {
        let page = Refusal::field("first", "OUT_OF_RANGE", "must be between 0 and 100");
        let field =
            serde_json::json!({ "path": ["first"], "code": "OUT_OF_RANGE", "message": "must be between 0 and 100" });
        let all = serde_json::json!({ "code": "BAD_USER_INPUT", "path": ["first"], "fields": [field] });
        assert_eq!(told(page.into()), all);
        let tried = Refusal::Throttled { limit: 5, retry_after_seconds: 61, message: String::new() };
        let all = serde_json::json!({ "code": "TOO_MANY_ATTEMPTS", "limit": 5, "value": 6, "retryAfterSeconds": 61 });
        assert_eq!(told(tried.into()), all);
        let stale = Refusal::Stale { expected: 1, actual: 2 };
        let all = serde_json::json!({ "code": "STALE_VERSION", "expectedVersion": 1, "actualVersion": 2 });
        assert_eq!(told(stale.into()), all);
    }

    #[test]
    fn that_too_many_want_the_same_is_told_and_other_faults_are_not() {
        let busy = told(Fault::Busy { work: "passwords" }.into());
        assert_eq!(busy, serde_json::json!({ "code": "BUSY", "retryAfterSeconds": 3 }));
        let crypto = told(Fault::Crypto("hunter2".to_owned()).into());
        assert_eq!(crypto, serde_json::json!({ "code": "INTERNAL" }));
    }
}
