//! Whom a passkey is for: the domain it is bound to, and the pages that may ask for it.

use sha2::{Digest, Sha256};

/// Us, as browsers know us: passkeys are made for a domain, and shown to pages of these origins alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    domain: String,
    origins: Vec<String>,
}

/// Settings that no browser would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParty {
    /// It is no name of a host. An address of digits is none: browsers make no passkeys for one.
    #[error("{0:?} is not the name of a domain")]
    Domain(String),
    /// It is no origin, or one that does not lie under the domain.
    #[error("{origin:?} is not a web origin of {domain}, like https://{domain}, and not an Android app's")]
    Origin {
        /// What was given.
        origin: String,
        /// The domain it should lie under.
        domain: String,
    },
}

/// What Android apps call themselves instead of an origin.
const ANDROID: &str = "android:apk-key-hash:";
/// The one host that browsers trust without TLS.
const LOCALHOST: &str = "localhost";

impl RelyingParty {
    /// Passkeys of `domain`, for pages of `origins`: whole ones, like `https://app.example.com`.
    ///
    /// # Errors
    /// If a browser would take no passkey from one of them for the domain.
    pub fn new(domain: &str, origins: Vec<String>) -> Result<Self, BadParty> {
        if !is_domain(domain) {
            return Err(BadParty::Domain(domain.to_owned()));
        }
        let bad = origins.iter().find(|origin| !is_under(origin, domain));
        match bad {
            Some(origin) => Err(BadParty::Origin { origin: origin.clone(), domain: domain.to_owned() }),
            None => Ok(Self { domain: domain.to_owned(), origins }),
        }
    }

    /// From settings: the domain and the origins if they are given; else, as far as they fit, the
    /// origins of `pages` that call the API; and without any, `localhost` on the server's own `port`.
    ///
    /// # Errors
    /// As for [`RelyingParty::new`].
    pub fn from_settings(
        domain: Option<&str>,
        origins: &[String],
        pages: &[String],
        port: u16,
    ) -> Result<Self, BadParty> {
        let named = if origins.is_empty() { pages } else { origins };
        let of_page = || named.iter().find_map(|origin| host(origin).filter(|host| is_domain(host)));
        let domain = domain.or_else(of_page).unwrap_or(LOCALHOST);
        if !origins.is_empty() {
            return Self::new(domain, origins.to_vec());
        }
        let mut origins: Vec<String> = pages.iter().filter(|page| is_under(page, domain)).cloned().collect();
        if domain == LOCALHOST {
            origins.push(format!("http://{LOCALHOST}:{port}"));
        } else if origins.is_empty() {
            origins.push(format!("https://{domain}"));
        }
        Self::new(domain, origins)
    }

    /// The domain, which the specification calls the relying party's id.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The pages that may ask for passkeys.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// What stands for the domain in what devices sign.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.domain.as_bytes()).into()
    }

    /// Is it only fit for trying out, on one's own machine?
    pub fn is_local(&self) -> bool {
        self.domain == LOCALHOST
    }
}

impl Default for RelyingParty {
    fn default() -> Self {
        Self { domain: LOCALHOST.to_owned(), origins: vec![format!("http://{LOCALHOST}:8080")] }
    }
}

/// A name in lower case whose labels are letters, digits and hyphens, and whose last is no number.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_fit) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// The host of a web origin that passkeys work on.
fn host(origin: &str) -> Option<&str> {
    let (is_plain, rest) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return None,
    };
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let is_local = host == LOCALHOST || host.ends_with(".localhost");
    let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    (is_domain(host) && is_port && (!is_plain || is_local)).then_some(host)
}

/// Does the origin's host lie under the domain, or is it an app that the domain vouches for elsewhere?
fn is_under(origin: &str, domain: &str) -> bool {
    let is_app = origin.strip_prefix(ANDROID).is_some_and(|hash| !hash.is_empty());
    let of_domain = |host: &str| host == domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'));
    is_app || host(origin).is_some_and(of_domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Texts = &'static [&'static str];
    /// The domain, the origins and the pages that are set; the domain and the origins that follow.
    type Case = (Option<&'static str>, Texts, Texts, &'static str, Texts);

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn origins_lie_under_the_domain() {
        for (domain, origin, is_fine) in [
            ("example.com", "https://example.com", true),
            ("example.com", "https://app.example.com", true),
            ("example.com", "https://app.example.com:8443", true),
            ("example.com", "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck", true),
            ("localhost", "http://localhost:8080", true),
            ("app.localhost", "http://app.localhost:3000", true),
            ("example.com", "http://example.com", false),
            ("example.com", "https://example.com/", false),
            ("example.com", "https://example.com.evil.net", false),
            ("example.com", "https://badexample.com", false),
            ("app.example.com", "https://example.com", false),
            ("example.com", "https://user@example.com", false),
            ("example.com", "https://example.com:", false),
            ("example.com", "https://example.com:99999", false),
            ("example.com", "https://Example.com", false),
            ("example.com", "android:apk-key-hash:", false),
            ("example.com", "null", false),
            ("example.com", "", false),
            ("127.0.0.1", "http://127.0.0.1:8080", false),
            ("Example.com", "https://Example.com", false),
            ("exa mple.com", "https://exa mple.com", false),
            ("", "https://", false),
            ("-a.com", "https://-a.com", false),
        ] {
            let made = RelyingParty::new(domain, vec![origin.to_owned()]);
            assert_eq!(made.is_ok(), is_fine, "{domain} {origin}: {made:?}");
        }
    }

    #[test]
    fn what_is_not_set_follows_from_the_pages_that_call() {
        let cases: [Case; 7] = [
            (None, &[], &[], "localhost", &["http://localhost:8080"]),
            (None, &[], &["http://127.0.0.1:5173"], "localhost", &["http://localhost:8080"]),
            (None, &[], &["http://localhost:5173"], "localhost", &["http://localhost:5173", "http://localhost:8080"]),
            (None, &[], &["https://app.example.com"], "app.example.com", &["https://app.example.com"]),
            (
                Some("example.com"),
                &[],
                &["https://app.example.com", "https://a.net"],
                "example.com",
                &["https://app.example.com"],
            ),
            (Some("example.com"), &[], &[], "example.com", &["https://example.com"]),
            (None, &["https://a.net"], &["https://b.net"], "a.net", &["https://a.net"]),
        ];
        for (domain, origins, pages, wanted, wanted_origins) in cases {
            let made = RelyingParty::from_settings(domain, &texts(origins), &texts(pages), 8080).unwrap();
            assert_eq!((made.domain(), made.origins()), (wanted, texts(wanted_origins).as_slice()));
        }
        assert!(RelyingParty::from_settings(Some("b.net"), &texts(&["https://a.net"]), &[], 1).is_err());
        assert_eq!(RelyingParty::from_settings(None, &[], &[], 8080), Ok(RelyingParty::default()));
    }
}
