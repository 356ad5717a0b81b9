//! How the players reach the API: over the network, or at a door in this very process.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Stumble;

/// Where operations are sent.
#[derive(Debug, Clone)]
pub enum Door {
    /// A server, by the address of its GraphQL endpoint.
    Far {
        /// Keeps connections open between operations.
        http: reqwest::Client,
        /// Like `http://127.0.0.1:8080/graphql`.
        url: String,
    },
    /// A router of this process.
    Here(Router),
}

/// The largest answer that is read, in bytes.
const ANSWER_BYTES: usize = 4 << 20;

impl Door {
    /// A server at `url`, with or without the endpoint's path.
    pub fn far(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let url = if url.ends_with("/graphql") { url.to_owned() } else { format!("{url}/graphql") };
        Self::Far { http: reqwest::Client::new(), url }
    }

    /// Send one operation, and get its data. Top-level errors are a stumble.
    pub async fn ask(&self, token: Option<&str>, query: &str, variables: Value) -> Result<Value, Stumble> {
        let body = json!({ "query": query, "variables": variables });
        let answer = match self {
            Self::Far { http, url } => {
                let mut request =
                    http.post(url).header(header::ACCEPT, "application/graphql-response+json").json(&body);
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let response =
                    request.send().await.map_err(|error| Stumble::new(format!("{url} does not answer: {error}")))?;
                response
                    .json::<Value>()
                    .await
                    .map_err(|error| Stumble::new(format!("the answer is not JSON: {error}")))?
            }
            Self::Here(router) => {
                let mut request = Request::post("/graphql")
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::ACCEPT, "application/graphql-response+json");
                if let Some(token) = token {
                    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
                }
                let request = request.body(Body::from(body.to_string())).map_err(Stumble::new)?;
                let response = router.clone().oneshot(request).await.map_err(Stumble::new)?;
                let bytes = to_bytes(response.into_body(), ANSWER_BYTES).await.map_err(Stumble::new)?;
                serde_json::from_slice(&bytes).map_err(Stumble::new)?
            }
        };
        if answer["errors"].is_null() {
            Ok(answer["data"].clone())
        } else {
            Err(Stumble::new(format!("the server answered {}", answer["errors"])))
        }
    }
}
