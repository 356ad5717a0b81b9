//! The vault: what is kept encrypted (account numbers), and found again only by a keyed hash.
//!
//! One secret of 32 bytes yields two keys, so that neither use weakens the other. A sealed value is
//! bound to what it belongs to: moved to another row it can't be opened.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use crate::Fault;
use crate::token::{random, write_private};

/// Seals and opens.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    sealing: RandomizedNonceKey,
    lookup: hmac::Key,
    repeats: hmac::Key,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// A vault whose keys come from this secret.
    pub fn new(secret: &[u8; 32]) -> Result<Self, Fault> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derived("rabta vault: sealing").as_ref()).map_err(fault)?;
        let lookup = hmac::Key::new(hmac::HMAC_SHA256, derived("rabta vault: lookup").as_ref());
        let repeats = hmac::Key::new(hmac::HMAC_SHA256, derived("rabta vault: repeats").as_ref());
        Ok(Self { inner: Arc::new(Inner { sealing, lookup, repeats }) })
    }

    /// A vault whose secret is 32 bytes in base64url.
    pub fn from_secret(text: &SecretString) -> Result<Self, Fault> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret().trim().trim_end_matches('=')).ok();
        let secret: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        Self::new(&secret.ok_or_else(|| fault("the key must be 32 bytes in base64url"))?)
    }

    /// A vault whose secret is in a file, which is made if there is none, for nobody else to read.
    /// For development: in production, keys come from where secrets are kept.
    pub fn from_file(path: &Path) -> Result<Self, Fault> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = URL_SAFE_NO_PAD.encode(random::<32>());
                write_private(path, &text)?;
                text
            }
            text => text?,
        };
        Self::from_secret(&text.into())
    }

    /// A vault that nobody can open again once it is gone: for tests and throw-away databases.
    pub fn fresh() -> Result<Self, Fault> {
        Self::new(&random())
    }

    /// Encrypt `text` for `owner`: nonce, cipher text and tag.
    pub fn seal(&self, owner: &str, text: &str) -> Result<Vec<u8>, Fault> {
        let mut bytes = text.as_bytes().to_vec();
        let nonce =
            self.inner.sealing.seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut bytes).map_err(fault)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(bytes);
        Ok(sealed)
    }

    /// Decrypt what was sealed for `owner`.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<String, Fault> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| fault("too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(fault)?;
        let mut bytes = bytes.to_vec();
        let opened = self.inner.sealing.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut bytes).map_err(fault)?;
        String::from_utf8(opened.to_vec()).map_err(fault)
    }

    /// The keyed hash that a repeated request is recognized by. Without our key it tells nothing of
    /// the password or the account number that may be in the request, not even to whoever guesses.
    pub(crate) fn repeat(&self, request: &[u8]) -> Vec<u8> {
        hmac::sign(&self.inner.repeats, request).as_ref().to_vec()
    }

    /// The keyed hash that `text` is found by.
    pub fn lookup(&self, text: &str) -> Vec<u8> {
        hmac::sign(&self.inner.lookup, text.as_bytes()).as_ref().to_vec()
    }
}

fn fault(error: impl fmt::Display) -> Fault {
    Fault::Crypto(format!("vault: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_only_here_and_only_for_its_owner() {
        let (vault, other) = (Vault::new(&[7; 32]).unwrap(), Vault::new(&[8; 32]).unwrap());
        let sealed = vault.seal("pme_1", "PK36SCBL0000001123456702").unwrap();
        assert_eq!(vault.open("pme_1", &sealed).unwrap(), "PK36SCBL0000001123456702");
        assert!(vault.open("pme_2", &sealed).is_err());
        assert!(other.open("pme_1", &sealed).is_err());
        assert!(vault.open("pme_1", &sealed[..10]).is_err());
        assert_ne!(vault.seal("pme_1", "PK36SCBL0000001123456702").unwrap(), sealed);
        assert_eq!(vault.lookup("a"), vault.lookup("a"));
        assert_ne!(vault.lookup("a"), other.lookup("a"));
        assert_ne!(vault.lookup("a"), vault.repeat(b"a"), "one use tells nothing of the other");
        assert_ne!(vault.repeat(b"a"), other.repeat(b"a"));
    }
}
