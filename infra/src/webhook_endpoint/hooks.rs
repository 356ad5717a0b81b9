//! Sending webhooks: signed, to the public network alone, and waiting for nobody for long.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use domain::Timestamp;
use domain::refusal::Refusal;
use domain::webhook_endpoint::address::{self, LONGEST, Parts};
use domain::webhook_endpoint::{Outcome, Trouble, WebhookDelivery};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use secrecy::SecretString;

use crate::{Fault, stripe};

/// How long one may take, from the search for the name to the status of the answer. Less than what must be left of a
/// lease for it to be begun.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// How long until somebody is connected to.
const CONNECTING: Duration = Duration::from_secs(4);
/// How long a connection is kept for the next.
const KEPT: Duration = Duration::from_secs(30);

/// Says what is sent, and that it is ours.
const SIGNATURE: &str = "rabta-signature";
/// Names the delivery, the same each time that it is sent.
const DELIVERY: &str = "rabta-delivery";

/// Sends webhooks. Clones share their connections.
#[derive(Clone)]
pub struct Hooks {
    /// Nothing, if nothing is to be sent.
    http: Option<Client>,
    anywhere: bool,
    patience: Duration,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.anywhere { "Hooks(anywhere)" } else { "Hooks(…)" })
    }
}

/// Finds names that stand for addresses of the public network, and no others. It is asked whenever somebody is
/// connected to, so what a name stood for a moment ago does not count.
struct Public;

/// A name stands for an address that is not of the public network.
#[derive(Debug, thiserror::Error)]
#[error("not an address of the public network")]
struct NotPublic;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(look_up(name.as_str().to_owned()))
    }
}

async fn look_up(name: String) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
    if !found.iter().all(|found| address::is_public(found.ip())) {
        return Err(Box::new(NotPublic));
    }
    Ok(Box::new(found.into_iter()))
}

impl Hooks {
    /// Webhooks go to the public network, encrypted.
    ///
    /// # Errors
    /// [`Fault::Service`] if there is no way to send anything.
    pub fn new() -> Result<Self, Fault> {
        Self::over(Client::builder().https_only(true).dns_resolver(Public), PATIENCE, false)
    }

    /// Webhooks go anywhere, to the machine itself, too, and need no encryption: for development.
    ///
    /// # Errors
    /// [`Fault::Service`] if there is no way to send anything.
    pub fn anywhere(patience: Duration) -> Result<Self, Fault> {
        Self::over(Client::builder(), patience, true)
    }

    /// Webhooks go nowhere: for tests and throw-away databases.
    pub fn nowhere() -> Self {
        Self { http: None, anywhere: false, patience: PATIENCE }
    }

    fn over(builder: reqwest::ClientBuilder, patience: Duration, anywhere: bool) -> Result<Self, Fault> {
        let http = builder
            .user_agent(concat!("rabta/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(1)
            .connect_timeout(CONNECTING.min(patience))
            .timeout(patience)
            .build()
            .map_err(|error| Fault::Service { service: "webhooks", why: error.to_string() })?;
        Ok(Self { http: Some(http), anywhere, patience })
    }

    /// Whoever takes so long, or longer, is slow.
    pub(crate) fn slow(&self) -> Duration {
        self.patience / 4
    }

    /// Read an address that webhooks may go to.
    pub(crate) fn read(&self, text: &str) -> Result<Url, Refusal> {
        let malformed = |_| Refusal::field("url", "MALFORMED", "must be an address that starts with https://");
        let url = Url::parse(text.trim()).map_err(malformed)?;
        if url.as_str().len() > LONGEST {
            let message = format!("has {} bytes, at most {LONGEST} are taken", url.as_str().len());
            return Err(Refusal::field("url", "TOO_LONG", message));
        }
        let parts = Parts {
            scheme: url.scheme(),
            has_user: !url.username().is_empty() || url.password().is_some(),
            has_fragment: url.fragment().is_some(),
            host: url.host_str().unwrap_or_default().trim_matches(['[', ']']),
            port: url.port_or_known_default().unwrap_or_default(),
        };
        address::check(parts, self.anywhere)?;
        Ok(url)
    }

    /// Send it, signed with each of the secrets at `at`. What the answer says is not read.
    pub(crate) async fn send(
        &self,
        url: &str,
        delivery: &WebhookDelivery,
        secrets: &[SecretString],
        at: Timestamp,
    ) -> Outcome {
        // Looked at once more: what is an address by now, need not have been one when it was written down.
        let Ok(url) = self.read(url) else { return Outcome::Unanswered(Trouble::NotPublic) };
        let Some(http) = &self.http else { return Outcome::Unanswered(Trouble::Unreachable) };
        let body = delivery.body().to_string();
        let request = http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature(secrets, at, body.as_bytes()))
            .header(DELIVERY, delivery.id.to_string())
            .body(body);
        match request.send().await {
            Ok(answer) => Outcome::Answered(answer.status().as_u16()),
            Err(error) => Outcome::Unanswered(trouble(&error)),
        }
    }
}

/// `t=SECONDS,v1=HEX`, with another `v1` for each further secret: of the time, a full stop and the body.
fn signature(secrets: &[SecretString], at: Timestamp, body: &[u8]) -> String {
    let mut header = format!("t={}", at.timestamp());
    for secret in secrets {
        let signed = stripe::sign(secret, at, body);
        header.extend(signed.split_once(',').map(|(_, signature)| format!(",{signature}")));
    }
    header
}

/// Why there was no answer.
fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause = error.source();
    while let Some(found) = cause {
        if found.is::<NotPublic>() {
            return Trouble::NotPublic;
        }
        cause = found.source();
    }
    if error.is_timeout() {
        Trouble::Timeout
    } else if error.is_connect() {
        Trouble::Unreachable
    } else {
        Trouble::BrokenOff
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{Id, WebhookDeliveryId};
    use domain::webhook_endpoint::{DeliveryStatus, WebhookEvent};
    use uuid::Uuid;

    use super::*;

    fn id<I: Id>() -> I {
        I::from_uuid(Uuid::nil())
    }

    fn delivery() -> WebhookDelivery {
        let at = Timestamp::UNIX_EPOCH;
        WebhookDelivery {
            id: id::<WebhookDeliveryId>(),
            endpoint: id(),
            organization: id(),
            event: WebhookEvent::Ping,
            event_id: id(),
            subject: "whe_1".to_owned(),
            occurred_at: at,
            created_at: at,
            status: DeliveryStatus::Waiting,
            attempts: 0,
            due_at: at,
            give_up_at: None,
            last_tried_at: None,
            last_status: None,
            last_trouble: None,
        }
    }

    #[test]
    fn an_address_is_read_as_it_is_called() {
        let hooks = Hooks::nowhere();
        for (text, read) in [
            ("https://hooks.example/in?a=b", "https://hooks.example/in?a=b"),
            (" https://HOOKS.example:443 ", "https://hooks.example/"),
            ("https://hooks.example:8443/", "https://hooks.example:8443/"),
        ] {
            assert_eq!(hooks.read(text).map(String::from).ok().as_deref(), Some(read), "{text}");
        }
        for text in [
            "",
            "hooks.example",
            "http://hooks.example/",
            "ftp://hooks.example/",
            "file:///etc/passwd",
            "https://",
            "https:///",
            "https://user@hooks.example/",
            "https://user:word@hooks.example/",
            "https://hooks.example/#part",
            "https://hooks.example:80/",
            "https://hooks.example:25/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://10.0.0.1:8443/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::a00:1]/",
        ] {
            assert!(hooks.read(text).is_err(), "{text}");
        }
        assert!(hooks.read(&format!("https://hooks.example/{}", "a".repeat(LONGEST))).is_err());
        assert!(Hooks::anywhere(PATIENCE).unwrap().read("http://localhost:1234/").is_ok());
    }

    #[test]
    fn each_secret_signs_the_same_time_and_body() {
        let (one, two) = (SecretString::from("whsec_1".to_owned()), SecretString::from("whsec_2".to_owned()));
        let at: Timestamp = "2026-06-01T08:00:00Z".parse().unwrap();
        let alone = |secret: &SecretString| stripe::sign(secret, at, b"{}");
        assert_eq!(signature(std::slice::from_ref(&one), at, b"{}"), alone(&one));
        let both = signature(&[one.clone(), two.clone()], at, b"{}");
        let (_, second) = alone(&two).split_once(',').map(|(t, v)| (t.to_owned(), v.to_owned())).unwrap();
        assert_eq!(both, format!("{},{second}", alone(&one)));
    }

    #[tokio::test]
    async fn what_a_name_stands_for_is_looked_at_when_it_is_called() {
        // A name of this machine, as one would be that was made to stand for it.
        let http = Client::builder().dns_resolver(Public).no_proxy().build().unwrap();
        let error = http.get("http://localhost:9/").send().await.unwrap_err();
        assert_eq!(trouble(&error), Trouble::NotPublic);
        let hooks = Hooks::new().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let outcome = hooks.send("https://127.0.0.1:9/", &delivery(), &[], at).await;
        assert_eq!(outcome, Outcome::Unanswered(Trouble::NotPublic));
    }
}
