//! Documents that are named instead of sent. Two ways, which share the names:
//!
//! *Automatic persisted queries*: a client sends the SHA-256 of a document; if we don't know it, it
//! sends both once. What is remembered has passed all limits, is bounded in memory, and is only a
//! saving: whoever is not remembered sends the document again.
//!
//! *Trusted documents*: the operator gives a list, made when the front end was built. Then nothing
//! else is answered, however it is sent.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use sha2::{Digest, Sha256};

use super::Problem;

/// Memory for the texts that clients had remembered, in bytes.
const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;

/// The documents that an operator trusts, by their names.
#[derive(Debug, Clone, Default)]
pub struct TrustedDocuments {
    by_name: HashMap<String, Arc<str>>,
}

/// What of a request says which document is meant.
#[derive(Debug, Default)]
pub struct Named {
    /// The text.
    pub query: Option<String>,
    /// The name: a hash, or whatever the list of trusted documents calls it.
    pub name: Option<String>,
}

/// The texts by their names.
pub struct Persisted {
    trusted: Option<TrustedDocuments>,
    remembered: Mutex<Remembered>,
}

struct Remembered {
    texts: LruCache<String, Arc<str>>,
    bytes: usize,
}

impl TrustedDocuments {
    /// From JSON: an object of documents by their names, as Relay's compiler and others write it.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let texts: HashMap<String, String> = serde_json::from_str(text)?;
        Ok(Self::of(texts))
    }

    /// From a file; see [`Self::from_json`].
    pub fn from_file(path: &Path) -> std::io::Result<Self> {
        Self::from_json(&std::fs::read_to_string(path)?).map_err(std::io::Error::other)
    }

    /// The same, each also by the SHA-256 of its text.
    fn of(texts: HashMap<String, String>) -> Self {
        let mut by_name = HashMap::new();
        for (name, text) in texts {
            let text: Arc<str> = text.into();
            by_name.insert(sha256(&text), Arc::clone(&text));
            by_name.insert(name, text);
        }
        Self { by_name }
    }
}

impl Persisted {
    /// With the list that alone is trusted, if there is one.
    pub fn new(trusted: Option<TrustedDocuments>) -> Self {
        Self { trusted, remembered: Mutex::new(Remembered { texts: LruCache::unbounded(), bytes: 0 }) }
    }

    /// The text that is meant.
    pub fn text(&self, named: &Named) -> Result<Arc<str>, Problem> {
        let Named { query, name } = named;
        if let Some(trusted) = &self.trusted {
            let hash = query.as_deref().map(sha256);
            let found = hash.or(name.clone()).and_then(|name| trusted.by_name.get(&name).cloned());
            return found.ok_or_else(|| {
                let message = "only the documents that were registered with this server are answered";
                Problem::document("DOCUMENT_NOT_TRUSTED", message)
            });
        }
        match (query, name) {
            (Some(query), Some(name)) if sha256(query) != *name => {
                let message = "the hash that came with the document is not its SHA-256";
                Err(Problem::bad_request(message))
            }
            (Some(query), _) => Ok(query.as_str().into()),
            // In the words that clients look for.
            (None, Some(name)) => self
                .recall(name)
                .ok_or_else(|| Problem::document("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")),
            (None, None) => Err(Problem::bad_request("\"query\" is missing")),
        }
    }

    /// Remember a text that its client gave a name, once it has passed all limits.
    pub fn remember(&self, named: &Named, text: &Arc<str>) {
        let (Some(_), Some(name), None) = (&named.query, &named.name, &self.trusted) else { return };
        let mut remembered = self.lock();
        if remembered.texts.contains(name) {
            return;
        }
        remembered.bytes += weight(name, text);
        remembered.texts.put(name.clone(), Arc::clone(text));
        while remembered.bytes > REMEMBERED_BYTES
            && let Some((name, text)) = remembered.texts.pop_lru()
        {
            remembered.bytes -= weight(&name, &text);
        }
    }

    fn recall(&self, name: &str) -> Option<Arc<str>> {
        self.lock().texts.get(name).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(name: &str, text: &str) -> usize {
    128 + name.len() + text.len()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(query: Option<&str>, name: Option<&str>) -> Named {
        Named { query: query.map(str::to_owned), name: name.map(str::to_owned) }
    }

    #[test]
    fn what_is_remembered_stays_within_its_memory() {
        let persisted = Persisted::new(None);
        let name_of = |n: usize| format!("{}{n}", "{ hello }".repeat(1_000));
        for n in 0..2_000 {
            let text = name_of(n);
            let named = named(Some(&text), Some(&sha256(&text)));
            let found = persisted.text(&named).unwrap();
            persisted.remember(&named, &found);
            persisted.remember(&named, &found);
        }
        let remembered = persisted.lock();
        assert!(remembered.bytes <= REMEMBERED_BYTES && remembered.texts.len() > 400, "{}", remembered.bytes);
        let sum: usize = remembered.texts.iter().map(|(name, text)| weight(name, text)).sum();
        assert_eq!(sum, remembered.bytes);
        drop(remembered);
        assert!(persisted.text(&named(None, Some(&sha256(&name_of(1_999))))).is_ok());
        assert!(persisted.text(&named(None, Some(&sha256(&name_of(0))))).is_err(), "the oldest are let go");
    }

    #[test]
    fn a_list_is_read_by_its_names_and_by_hashes() {
        let list = TrustedDocuments::from_json(r#"{ "Me": "{ viewer { email } }" }"#).unwrap();
        let persisted = Persisted::new(Some(list));
        let text = "{ viewer { email } }";
        for known in [named(Some(text), None), named(None, Some("Me")), named(None, Some(&sha256(text)))] {
            assert_eq!(persisted.text(&known).unwrap().as_ref(), text);
        }
        for unknown in [named(Some("{ hello }"), None), named(Some("{ hello }"), Some("Me")), named(None, Some("x"))] {
            assert_eq!(persisted.text(&unknown).unwrap_err().code, "DOCUMENT_NOT_TRUSTED");
        }
        assert!(TrustedDocuments::from_json("[]").is_err());
    }
}
