//! Tokens. Access tokens are short-lived JWTs that anybody can check with the published keys (but
//! see [`Market::authenticate`](crate::Market::authenticate): we ourselves also ask whether the
//! session still lives). Refresh tokens are random; only a hash of one is kept. Links in mails
//! carry the id of what they are for, and a proof that we wrote it.

use std::fmt;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::id::{SessionId, UserId};
use domain::session::ACCESS_LIFETIME;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lru::LruCache;
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Fault;

/// Who issues our access tokens, and whom they are meant for.
pub const ISSUER: &str = "https://rabta.example";
/// The service that takes our access tokens.
pub const AUDIENCE: &str = "rabta-api";
/// What an access token says it is, so that no other kind of JWT is taken for one.
const TYPE: &str = "at+jwt";
/// How many keys are taken at most: one that signs, others that are on their way in or out.
const MOST_KEYS: usize = 4;

/// The signing keys: the first signs, all are taken and published. To rotate, put the new key
/// second, wait until everybody has seen it, make it first, and drop the old one when the tokens
/// it signed are over.
#[derive(Clone)]
pub struct Keys {
    keys: Arc<[Key]>,
}

struct Key {
    id: String,
    private: EncodingKey,
    public: DecodingKey,
    published: Jwk,
    /// For what only we need to recognize: links in mails.
    mac: [u8; 32],
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// Who.
    pub sub: UserId,
    /// In which session.
    pub sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Why an access token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is not one of ours, was tampered with, or is not meant for this server.
    #[error("the access token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
}

impl Keys {
    /// Keys that nobody has seen before, and nobody will after this process ends.
    pub fn fresh() -> Result<Self, Fault> {
        Self::from_seeds([random()])
    }

    /// Keys from 32-byte seeds in base64url, separated by commas or white space.
    pub fn from_secret(secret: &SecretString) -> Result<Self, Fault> {
        let seed = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
            <[u8; 32]>::try_from(bytes).ok()
        };
        let texts = secret.expose_secret().split([',', ' ', '\n', '\r', '\t']).filter(|text| !text.is_empty());
        let seeds: Option<Vec<[u8; 32]>> = texts.map(seed).collect();
        let seeds = seeds.ok_or_else(|| Fault::Crypto("a signing key is not 32 bytes in base64url".to_owned()))?;
        Self::from_seeds(seeds)
    }

    /// Keys from a file, which is made if there is none, for nobody else to read. For development:
    /// in production, keys come from where secrets are kept.
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

    fn from_seeds(seeds: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, Fault> {
        let keys = seeds.into_iter().map(Key::from_seed).collect::<Result<Arc<[Key]>, _>>().map_err(crypto)?;
        match keys.len() {
            1..=MOST_KEYS => Ok(Self { keys }),
            count => Err(Fault::Crypto(format!("there are {count} signing keys, and must be 1 to {MOST_KEYS}"))),
        }
    }

    /// An access token for a session, and when it will be over.
    pub fn issue(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<(String, Timestamp), Fault> {
        let expires_at = now + ACCESS_LIFETIME;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let (token, _) = self.sign(TYPE, &claims)?;
        Ok((token, expires_at))
    }

    /// Sign what anybody may check with the published keys: a compact JWS of type `typ`, and the id
    /// of the key that signed it.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<(String, String), Fault> {
        let key = self.first();
        let header = Header { typ: Some(typ.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        Ok((jsonwebtoken::encode(&header, claims, &key.private).map_err(crypto)?, key.id.clone()))
    }

    /// Check an access token against our keys and `now`. Nothing in its header is believed but
    /// which of our keys it names; the algorithm is ours to choose.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, BadToken> {
        let key = self.named_by(TYPE, token)?;

        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // By the market's clock, below, not by the machine's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &key.public, &validation).map_err(|_| BadToken::Invalid)?.claims;
        claims.check_time(now)?;
        Ok(claims)
    }

    /// What one of our keys signed as a `typ`, however long ago.
    pub fn read<T: DeserializeOwned>(&self, typ: &str, token: &str) -> Result<T, BadToken> {
        let key = self.named_by(typ, token)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Ok(jsonwebtoken::decode::<T>(token, &key.public, &validation).map_err(|_| BadToken::Invalid)?.claims)
    }

    /// Which of our keys a token says it is signed with, if it says that it is a `typ`.
    fn named_by(&self, typ: &str, token: &str) -> Result<&Key, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Invalid)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(typ) || header.crit.is_some() {
            return Err(BadToken::Invalid);
        }
        self.keys.iter().find(|key| Some(&key.id) == header.kid.as_ref()).ok_or(BadToken::Invalid)
    }

    /// The public keys, for whoever wants to check our tokens.
    pub fn published(&self) -> JwkSet {
        JwkSet { keys: self.keys.iter().map(|key| key.published.clone()).collect() }
    }

    /// Text for a link in a mail: what it is for, and a proof that we wrote it.
    pub fn seal(&self, purpose: &str, subject: &str) -> String {
        let proof = self.first().mac(purpose, subject).finalize().into_bytes();
        format!("{subject}.{}", URL_SAFE_NO_PAD.encode(proof))
    }

    /// What the text of a link is for, if we wrote it for this purpose.
    pub fn unseal(&self, purpose: &str, text: &str) -> Option<String> {
        let (subject, proof) = text.rsplit_once('.')?;
        let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
        let ours = self.keys.iter().any(|key| key.mac(purpose, subject).verify_slice(&proof).is_ok());
        ours.then(|| subject.to_owned())
    }

    fn first(&self) -> &Key {
        // There is one: `from_seeds` saw to it.
        &self.keys[0]
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl Claims {
    /// When the token will be over.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_timestamp(self.exp, 0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Is the token good at `now`?
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), BadToken> {
        if self.exp <= now.timestamp() {
            return Err(BadToken::Expired);
        }
        // Nodes whose clocks are a little apart take each other's tokens.
        if self.nbf > now.timestamp() + CLOCKS_APART_SECONDS {
            return Err(BadToken::Invalid);
        }
        Ok(())
    }
}

const CLOCKS_APART_SECONDS: i64 = 60;

impl Key {
    fn from_seed(seed: [u8; 32]) -> Result<Self, jsonwebtoken::errors::Error> {
        // The PKCS#8 (version 1) wrapping of an Ed25519 seed: a fixed head, and the seed.
        let head = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        let private = EncodingKey::from_ed_der(&[head.as_slice(), seed.as_slice()].concat());
        let mut published = Jwk::from_encoding_key(&private, Algorithm::EdDSA)?;
        let id = published.thumbprint(ThumbprintHash::SHA256)?;
        published.common.key_id = Some(id.clone());
        published.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&published)?;
        let mut hash = Sha256::new();
        hash.update(b"rabta links 1");
        hash.update(seed);
        Ok(Self { id, private, public, published, mac: hash.finalize().into() })
    }

    fn mac(&self, purpose: &str, subject: &str) -> Hmac<Sha256> {
        let key: &hmac::digest::Key<Hmac<Sha256>> = &block(self.mac);
        let mut mac = Hmac::<Sha256>::new(key);
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(subject.as_bytes());
        mac
    }
}

/// A key as long as HMAC's blocks, which is what a shorter key amounts to.
fn block(key: [u8; 32]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..32].copy_from_slice(&key);
    block
}

/// Checks access tokens, and remembers those that it found good: checking a signature takes most
/// of the time of a small request.
#[derive(Debug)]
pub struct Tokens {
    keys: Keys,
    good: Mutex<LruCache<[u8; 32], Claims>>,
}

/// How many good tokens are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

impl Tokens {
    /// A checker that has seen no token yet.
    pub fn new(keys: Keys) -> Self {
        Self { keys, good: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Check an access token; see [`Keys::verify`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, BadToken> {
        let name: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(claims) = self.good().get(&name).cloned() {
            return claims.check_time(now).map(|()| claims);
        }
        let claims = self.keys.verify(token, now)?;
        self.good().put(name, claims.clone());
        Ok(claims)
    }

    fn good(&self) -> MutexGuard<'_, LruCache<[u8; 32], Claims>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new refresh token: 32 random bytes, as text.
pub fn fresh_refresh_token() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// What is kept of a refresh token. It is long and random, so a plain hash does.
pub fn refresh_token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn crypto(error: jsonwebtoken::errors::Error) -> Fault {
    Fault::Crypto(error.to_string())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::id::Id;
    use serde_json::json;

    use super::*;

    fn ids() -> (UserId, SessionId) {
        (UserId::from_uuid(uuid::Uuid::from_u128(1)), SessionId::from_uuid(uuid::Uuid::from_u128(2)))
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn part(value: serde_json::Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_token_is_good_for_fifteen_minutes() {
        let keys = Keys::fresh().unwrap();
        let (user, session) = ids();
        let (token, expires_at) = keys.issue(user, session, NOW).unwrap();
        let claims = keys.verify(&token, NOW).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.expires_at()), (user, session, expires_at));
        assert!(keys.verify(&token, NOW + TimeDelta::seconds(15 * 60 - 1)).is_ok());
        assert_eq!(keys.verify(&token, NOW + TimeDelta::minutes(15)), Err(BadToken::Expired));
        assert_eq!(keys.verify(&token, NOW - TimeDelta::minutes(5)), Err(BadToken::Invalid), "not yet");
    }

    #[test]
    fn what_we_did_not_sign_is_not_taken() {
        let keys = Keys::fresh().unwrap();
        let (user, session) = ids();
        let (token, _) = keys.issue(user, session, NOW).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let kid = keys.keys[0].id.clone();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let body = parts[1];

        let none = format!("{}.{body}.", part(json!({"alg": "none", "typ": TYPE, "kid": kid})));
        let hs_head = part(json!({"alg": "HS256", "typ": TYPE, "kid": kid}));
        let jwk = serde_json::to_value(&keys.published().keys[0]).unwrap();
        let public = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&public).unwrap();
        mac.update(format!("{hs_head}.{body}").as_bytes());
        let confused = format!("{hs_head}.{body}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));

        let mut other = claims.clone();
        other["sub"] = json!(UserId::from_uuid(uuid::Uuid::from_u128(99)).to_string());
        let tampered = format!("{}.{}.{}", parts[0], part(other), parts[2]);

        let stranger = Keys::fresh().unwrap();
        let foreign = stranger.issue(user, session, NOW).unwrap().0;
        let own = Header { kid: Some(kid.clone()), typ: Some(TYPE.into()), ..Header::new(Algorithm::EdDSA) };
        let same_kid = jsonwebtoken::encode(&own, &claims, &stranger.keys[0].private).unwrap();
        let embedded = Header { jwk: Some(stranger.published().keys[0].clone()), ..own.clone() };
        let embedded = jsonwebtoken::encode(&embedded, &claims, &stranger.keys[0].private).unwrap();

        let forged = [none, confused, tampered, foreign, same_kid, embedded, String::new(), "a.b.c".into()];
        for token in forged {
            assert_eq!(keys.verify(&token, NOW), Err(BadToken::Invalid), "{token}");
        }

        // Signed by us, but not for this.
        for (field, value) in
            [("iss", "https://elsewhere.example"), ("aud", "another-api"), ("sub", "usr_7"), ("sid", "")]
        {
            let mut other = claims.clone();
            other[field] = json!(value);
            let token = jsonwebtoken::encode(&own, &other, &keys.keys[0].private).unwrap();
            assert_eq!(keys.verify(&token, NOW), Err(BadToken::Invalid), "{field}");
        }
        for field in ["iss", "aud", "sub", "sid", "exp", "nbf"] {
            let mut other = claims.clone();
            other.as_object_mut().unwrap().remove(field);
            let token = jsonwebtoken::encode(&own, &other, &keys.keys[0].private).unwrap();
            assert_eq!(keys.verify(&token, NOW), Err(BadToken::Invalid), "without {field}");
        }
        // Signed by us, for another time.
        let hour = 60 * 60;
        for (from, until, refused) in
            [(hour, 2 * hour, BadToken::Invalid), (0, 0, BadToken::Expired), (2 * hour, hour, BadToken::Invalid)]
        {
            let mut other = claims.clone();
            (other["nbf"], other["exp"]) = (json!(from), json!(until));
            let token = jsonwebtoken::encode(&own, &other, &keys.keys[0].private).unwrap();
            assert_eq!(keys.verify(&token, NOW), Err(refused), "from {from} until {until}");
        }
        // Signed by another, and naming where its key is to be had; signed by us, and naming what must be understood.
        let elsewhere = || Some("https://elsewhere.example/keys".to_owned());
        let named = Header { jku: elsewhere(), x5u: elsewhere(), ..own.clone() };
        let named = jsonwebtoken::encode(&named, &claims, &stranger.keys[0].private).unwrap();
        let critical = Header { crit: Some(vec!["exp".to_owned()]), ..own.clone() };
        let critical = jsonwebtoken::encode(&critical, &claims, &keys.keys[0].private).unwrap();
        for token in [named, critical] {
            assert_eq!(keys.verify(&token, NOW), Err(BadToken::Invalid), "{token}");
        }
        let kid = |kid: Option<String>| {
            let head = Header { kid, ..own.clone() };
            keys.verify(&jsonwebtoken::encode(&head, &claims, &keys.keys[0].private).unwrap(), NOW)
        };
        for other in [
            None,
            Some(String::new()),
            Some("../../etc/passwd".to_owned()),
            Some(format!("{}' or '1'='1", keys.keys[0].id)),
        ] {
            assert_eq!(kid(other.clone()), Err(BadToken::Invalid), "{other:?}");
        }
        let untyped = Header { typ: Some("JWT".into()), ..own };
        let untyped = jsonwebtoken::encode(&untyped, &claims, &keys.keys[0].private).unwrap();
        assert_eq!(keys.verify(&untyped, NOW), Err(BadToken::Invalid), "another kind of token");
        assert!(keys.verify(&token, NOW).is_ok(), "and the real one is still good");
    }

    #[test]
    fn keys_are_rotated_without_a_token_lost() {
        let (old, new) = (URL_SAFE_NO_PAD.encode([1; 32]), URL_SAFE_NO_PAD.encode([2; 32]));
        let keys = |text: &str| Keys::from_secret(&text.into()).unwrap();
        let (user, session) = ids();
        let signed_by_old = keys(&old).issue(user, session, NOW).unwrap().0;
        let both = keys(&format!("{new},{old}\n"));
        assert!(both.verify(&signed_by_old, NOW).is_ok());
        let signed_by_new = both.issue(user, session, NOW).unwrap().0;
        assert!(keys(&new).verify(&signed_by_new, NOW).is_ok());
        assert_eq!(keys(&new).verify(&signed_by_old, NOW), Err(BadToken::Invalid));
        assert_eq!(both.published().keys.len(), 2);

        assert!(Keys::from_secret(&"".into()).is_err());
        assert!(Keys::from_secret(&"c2hvcnQ".into()).is_err());
    }

    #[test]
    fn published_keys_hold_nothing_private() {
        let keys = Keys::from_secret(&URL_SAFE_NO_PAD.encode([3; 32]).into()).unwrap();
        let json = serde_json::to_value(keys.published()).unwrap();
        let key = json["keys"][0].as_object().unwrap();
        let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
        assert!(!format!("{keys:?}").contains(&URL_SAFE_NO_PAD.encode([3; 32])));
    }

    #[test]
    fn links_are_for_one_purpose_and_can_not_be_made_up() {
        let keys = Keys::fresh().unwrap();
        let text = keys.seal("invitation", "min_1");
        assert_eq!(keys.unseal("invitation", &text), Some("min_1".to_owned()));
        assert_eq!(keys.unseal("password", &text), None);
        assert_eq!(keys.unseal("invitation", &text.replace("min_1", "min_2")), None);
        assert_eq!(Keys::fresh().unwrap().unseal("invitation", &text), None);
        assert_eq!(keys.unseal("invitation", "min_1."), None);
    }
}
