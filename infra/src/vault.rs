//! The vault: what is kept encrypted (account numbers, numbers of identity, what authenticator apps share with us),
//! and found again, if at all, only by a keyed hash.
//!
//! One secret of 32 bytes yields keys of their own for each use, so that none weakens another. A sealed value is
//! bound to what it belongs to: moved to another row it can't be opened.
//!
//! To rotate, a new secret is put behind the old one on all nodes, and then before it: the first seals, all open and
//! find, and no node meets what another sealed with a secret that it does not have. Once everything is sealed anew
//! (`rabta vault reseal`), the old one can go.

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

mod reseal;

/// Seals and opens.
#[derive(Clone)]
pub struct Vault {
    /// The first seals; all open.
    inner: Arc<Vec<Inner>>,
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

impl Inner {
    fn new(secret: &[u8; 32]) -> Result<Self, Fault> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derived("rabta vault: sealing").as_ref()).map_err(fault)?;
        let lookup = hmac::Key::new(hmac::HMAC_SHA256, derived("rabta vault: lookup").as_ref());
        let repeats = hmac::Key::new(hmac::HMAC_SHA256, derived("rabta vault: repeats").as_ref());
        Ok(Self { sealing, lookup, repeats })
    }

    fn open(&self, owner: &str, sealed: &[u8]) -> Result<String, Fault> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| fault("too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(fault)?;
        let mut bytes = bytes.to_vec();
        let opened = self.sealing.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut bytes).map_err(fault)?;
        String::from_utf8(opened.to_vec()).map_err(fault)
    }
}

/// How many secrets a vault has at most: the one in use, and those that are on their way out.
const SECRETS: usize = 4;

impl Vault {
    /// A vault whose keys come from this secret.
    pub fn new(secret: &[u8; 32]) -> Result<Self, Fault> {
        Self::of(&[*secret])
    }

    /// A vault whose first secret seals, and all of whose secrets open.
    pub fn of(secrets: &[[u8; 32]]) -> Result<Self, Fault> {
        if !(1..=SECRETS).contains(&secrets.len()) {
            return Err(fault(format!("a vault has 1 to {SECRETS} keys")));
        }
        let inner = secrets.iter().map(Inner::new).collect::<Result<_, _>>()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A vault whose secrets are 32 bytes each in base64url, separated by commas.
    pub fn from_secret(text: &SecretString) -> Result<Self, Fault> {
        let read = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).ok();
            let secret: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
            secret.ok_or_else(|| fault("a key must be 32 bytes in base64url"))
        };
        let secrets: Vec<[u8; 32]> = text.expose_secret().split(',').map(read).collect::<Result<_, _>>()?;
        Self::of(&secrets)
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

    /// Encrypt `text` for `owner` with the first key: nonce, cipher text and tag.
    pub fn seal(&self, owner: &str, text: &str) -> Result<Vec<u8>, Fault> {
        let first = self.inner.first().ok_or_else(|| fault("no key"))?;
        let mut bytes = text.as_bytes().to_vec();
        let nonce = first.sealing.seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut bytes).map_err(fault)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(bytes);
        Ok(sealed)
    }

    /// Decrypt what was sealed for `owner`, with whichever key it was.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<String, Fault> {
        let opened = self.inner.iter().map(|key| key.open(owner, sealed));
        opened.reduce(|first, next| first.or(next)).unwrap_or_else(|| Err(fault("no key")))
    }

    /// Was this sealed with the key that seals now?
    pub(crate) fn is_sealed_with_first(&self, owner: &str, sealed: &[u8]) -> bool {
        self.inner.first().is_some_and(|first| first.open(owner, sealed).is_ok())
    }

    /// The keyed hashes that a repeated request is recognized by, the one to keep first. Without our keys they
    /// tell nothing of the password or the account number that may be in the request, not even to whoever guesses.
    pub(crate) fn repeats(&self, request: &[u8]) -> Vec<Vec<u8>> {
        self.inner.iter().map(|key| hmac::sign(&key.repeats, request).as_ref().to_vec()).collect()
    }

    /// The keyed hash that `text` is to be found by.
    pub fn lookup(&self, text: &str) -> Vec<u8> {
        self.lookups(text).into_iter().next().unwrap_or_default()
    }

    /// The keyed hashes that `text` may be found by, as long as not everything is sealed anew.
    pub fn lookups(&self, text: &str) -> Vec<Vec<u8>> {
        self.inner.iter().map(|key| hmac::sign(&key.lookup, text.as_bytes()).as_ref().to_vec()).collect()
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
        assert_ne!(vec![vault.lookup("a")], vault.repeats(b"a"), "one use tells nothing of the other");
        assert_ne!(vault.repeats(b"a"), other.repeats(b"a"));
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens_and_finds() {
        let (old, new) = (Vault::new(&[7; 32]).unwrap(), Vault::of(&[[8; 32], [7; 32]]).unwrap());
        let (before, after) = (old.seal("a", "secret").unwrap(), new.seal("a", "secret").unwrap());
        assert_eq!(new.open("a", &before).unwrap(), "secret");
        assert!(!new.is_sealed_with_first("a", &before) && new.is_sealed_with_first("a", &after));
        assert!(old.open("a", &after).is_err());
        assert_eq!(new.lookups("x")[1], old.lookup("x"));
        assert_eq!(new.repeats(b"x")[1], old.repeats(b"x")[0]);
        let text = format!("{},{}", URL_SAFE_NO_PAD.encode([8; 32]), URL_SAFE_NO_PAD.encode([7; 32]));
        assert_eq!(Vault::from_secret(&text.into()).unwrap().lookups("x"), new.lookups("x"));
        assert!(Vault::from_secret(&"".to_owned().into()).is_err() && Vault::of(&[[1; 32]; 5]).is_err());
    }
}
