//! Password hashes: argon2id, on threads of their own, only so many at once. A hash takes the
//! better part of a core for a while, so a flood of sign-ins must queue up here instead of taking
//! the machine away from everybody else; where the queue is too long, it is to be tried again later. No network takes up
//! more than a part of the queue.

use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};

use crate::Fault;
use crate::bench::{Bench, Crowd};

/// So many may wait for a hash beyond those that are made: some seconds' worth.
const WAITING: usize = 100;

/// How hard a hash is to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardness {
    /// 19 MiB and two passes: what OWASP asks for.
    Full,
    /// Next to nothing, for tests that sign in many people and mean something else.
    Light,
}

/// Makes and checks password hashes.
#[derive(Debug, Clone)]
pub struct Passwords {
    hardness: Hardness,
    bench: Bench,
    crowds: Vec<Crowd>,
}

impl Passwords {
    /// A hasher that uses up to `cores` cores.
    pub fn new(hardness: Hardness, cores: usize) -> Self {
        Self { hardness, bench: Bench::new("passwords", cores, WAITING), crowds: Vec::new() }
    }

    /// The same hasher, for somebody of these crowds.
    pub(crate) fn among(&self, crowds: Vec<Crowd>) -> Self {
        Self { crowds, ..self.clone() }
    }

    /// Hash a password with a fresh salt. The text says how it was made.
    pub async fn hash(&self, password: &str) -> Result<String, Fault> {
        let hasher = self.hasher()?;
        let password = password.to_owned();
        self.compute(move || hasher.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(hash_fault))
            .await
    }

    /// Is it the password of the hash? Without a hash it never is, and finding that out takes just
    /// as long, so that the time tells nobody whether there is an account.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Fault> {
        let hasher = self.hasher()?;
        let exists = hash.is_some();
        let hash = hash.map_or_else(|| self.decoy(), str::to_owned);
        let password = password.to_owned();
        let fits = self.compute(move || {
            let hash = PasswordHash::new(&hash).map_err(hash_fault)?;
            match hasher.verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(hash_fault(error)),
            }
        });
        Ok(fits.await? && exists)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.bench.at_among(&self.crowds, work).await?
    }

    fn costs(&self) -> (u32, u32) {
        match self.hardness {
            Hardness::Full => (19_456, 2),
            Hardness::Light => (16, 1),
        }
    }

    fn hasher(&self) -> Result<Argon2<'static>, Fault> {
        let (memory_kib, passes) = self.costs();
        let params = Params::new(memory_kib, passes, 1, None).map_err(|error| Fault::Crypto(error.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// A hash of no password at all, as hard to check as a real one.
    fn decoy(&self) -> String {
        let (memory_kib, passes) = self.costs();
        let (salt, output) = ("A".repeat(22), "A".repeat(43));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${output}")
    }
}

fn hash_fault(error: impl std::fmt::Display) -> Fault {
    Fault::Crypto(format!("password hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let passwords = Passwords::new(Hardness::Light, 1);
        let hash = passwords.hash("tuba-gravel-ninety").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("tuba-gravel-ninety", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("tuba-gravel-ninetx", Some(&hash)).await.unwrap());
        assert_ne!(passwords.hash("tuba-gravel-ninety").await.unwrap(), hash, "the salt is fresh");
    }

    #[tokio::test]
    async fn nobodys_password_is_checked_like_anybodys_and_never_fits() {
        for hardness in [Hardness::Light, Hardness::Full] {
            let passwords = Passwords::new(hardness, 1);
            assert!(!passwords.verify("", None).await.unwrap());
            assert!(!passwords.verify("tuba-gravel-ninety", None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_hash_made_with_other_costs_can_still_be_checked() {
        let hash = Passwords::new(Hardness::Light, 1).hash("tuba-gravel-ninety").await.unwrap();
        assert!(Passwords::new(Hardness::Full, 1).verify("tuba-gravel-ninety", Some(&hash)).await.unwrap());
    }
}
