//! The explorer page: GraphiQL, from this server alone, under a strict content security policy.
//!
//! The assets are built by `api/explorer/build.sh` and committed, so that neither building nor
//! running the server needs node or a network.

use std::io::Read;
use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("../../explorer/index.html");
const SCRIPT: &[u8] = include_bytes!("../../assets/explorer/app.js.gz");
const STYLE: &[u8] = include_bytes!("../../assets/explorer/app.css.gz");
const LICENCES: &str = include_str!("../../assets/explorer/LICENCES.txt");

/// Scripts, styles and connections of this server only. Styles set by script are not restricted by
/// this; the editor needs them and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self' data:; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The operations of the main journey, a tab each.
pub(super) const EXAMPLES: &[&str] = &[
    include_str!("../../explorer/examples/welcome.graphql"),
    include_str!("../../explorer/examples/sign_up.graphql"),
    include_str!("../../explorer/examples/email_verify.graphql"),
    include_str!("../../explorer/examples/sign_in.graphql"),
    include_str!("../../explorer/examples/organization.graphql"),
    include_str!("../../explorer/examples/gig_create.graphql"),
    include_str!("../../explorer/examples/gig_publish.graphql"),
    include_str!("../../explorer/examples/matches.graphql"),
    include_str!("../../explorer/examples/invite.graphql"),
    include_str!("../../explorer/examples/write.graphql"),
    include_str!("../../explorer/examples/sign_in_freelancer.graphql"),
    include_str!("../../explorer/examples/conversations.graphql"),
    include_str!("../../explorer/examples/profile.graphql"),
    include_str!("../../explorer/examples/recommended_gigs.graphql"),
    include_str!("../../explorer/examples/gigs.graphql"),
    include_str!("../../explorer/examples/propose.graphql"),
    include_str!("../../explorer/examples/fee_preview.graphql"),
    include_str!("../../explorer/examples/proposals.graphql"),
    include_str!("../../explorer/examples/offer.graphql"),
    include_str!("../../explorer/examples/fund.graphql"),
    include_str!("../../explorer/examples/offer_accept.graphql"),
    include_str!("../../explorer/examples/contract_events.graphql"),
    include_str!("../../explorer/examples/notifications.graphql"),
    include_str!("../../explorer/examples/submit.graphql"),
    include_str!("../../explorer/examples/payout_method.graphql"),
    include_str!("../../explorer/examples/approve.graphql"),
    include_str!("../../explorer/examples/time_pass.graphql"),
    include_str!("../../explorer/examples/payout.graphql"),
    include_str!("../../explorer/examples/statement.graphql"),
    include_str!("../../explorer/examples/contract_end.graphql"),
    include_str!("../../explorer/examples/review.graphql"),
];

/// The page and what it loads.
pub(super) fn routes() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/explorer/app.js", get(async |headers: HeaderMap| SCRIPT_FILE.answer(&headers)))
        .route("/explorer/app.css", get(async |headers: HeaderMap| STYLE_FILE.answer(&headers)))
        .route("/explorer/examples.json", get(examples))
        .route("/explorer/licences.txt", get(async || LICENCES))
}

async fn page() -> Response {
    let headers: [(HeaderName, &str); 3] =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-cache")];
    (headers, PAGE).into_response()
}

async fn examples() -> Response {
    let tabs: Vec<serde_json::Value> = EXAMPLES.iter().map(|query| serde_json::json!({ "query": query })).collect();
    ([(CACHE_CONTROL, "no-cache")], axum::Json(tabs)).into_response()
}

static SCRIPT_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new(SCRIPT, "text/javascript; charset=utf-8"));
static STYLE_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new(STYLE, "text/css; charset=utf-8"));

/// A file that is kept compressed.
struct Asset {
    compressed: &'static [u8],
    /// For the few who read nothing compressed: unpacked once, when the first of them asks, and kept for all.
    plain: OnceLock<Option<Bytes>>,
    content_type: &'static str,
    tag: String,
}

impl Asset {
    fn new(compressed: &'static [u8], content_type: &'static str) -> Self {
        let digest = Sha256::digest(compressed);
        let tag = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { compressed, plain: OnceLock::new(), content_type, tag: format!("\"{tag}\"") }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(ETAG, tag);
        }
        if asked.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == self.tag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let reads_gzip = asked
            .get(ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip")));
        if reads_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return (headers, Bytes::from_static(self.compressed)).into_response();
        }
        match self.plain.get_or_init(|| self.unpacked()) {
            Some(plain) => (headers, plain.clone()).into_response(),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    fn unpacked(&self) -> Option<Bytes> {
        let mut plain = Vec::new();
        match flate2::read::GzDecoder::new(self.compressed).read_to_end(&mut plain) {
            Ok(_) => Some(plain.into()),
            Err(error) => {
                tracing::error!(%error, "an asset of the explorer page is damaged");
                None
            }
        }
    }
}
