//! The answers of browsers that were asked for a passkey: read, and checked against what was asked
//! (W3C Web Authentication Level 3). Small on purpose: three kinds of keys, no attestation but that of
//! the key itself, no extensions. The signatures are aws-lc's, the CBOR is ciborium's.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use domain::passkey::party::RelyingParty;
use domain::passkey::statement::{Flags, Flaw, Statement};
use domain::passkey::{Credential, Purpose, TRANSPORTS};
use domain::refusal::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The longest answer that is read, in bytes of JSON. Those of the largest keys have some 3,000.
const MOST_BYTES: usize = 16_384;
/// How deep CBOR may be nested: an attestation has a list in a map in a map.
const MOST_DEPTH: usize = 8;
/// The longest handle of a credential, in bytes (§4).
const MOST_HANDLE: usize = 1_023;

/// The longest public key that is kept, in bytes. RSA's of 4,096 bits have some 530.
const KEY_BYTES: usize = 2_048;

/// The kinds of keys that are offered, the best first, by COSE's numbers (RFC 9053, RFC 8812).
pub(super) const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
/// What older Windows devices have.
const RS256: i64 = -257;

/// A passkey was shown, and what it said was right. Its signature is still to be checked.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    /// The handle of its credential.
    pub(super) handle: Vec<u8>,
    /// Whose it is, as the device remembers it.
    pub(super) user: Option<Vec<u8>>,
    /// What the device says.
    pub(super) flags: Flags,
    /// How often it has signed.
    pub(super) counter: u32,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Assertion {
    /// Was it signed with the key of which this is the public half, in COSE's form?
    pub(super) fn is_signed_by(&self, public_key: &[u8]) -> bool {
        PublicKey::read(public_key).is_ok_and(|key| key.verifies(&self.signed, &self.signature))
    }
}

/// Read and check the answer to being asked for a new passkey (§7.1).
pub(super) fn created(answer: &Value, challenge: &[u8], party: &RelyingParty) -> Result<Credential, Refusal> {
    let Answer { handle, response } = Answer::<Created>::read(answer)?;
    let client_data = decode(&response.client_data_json)?;
    let attestation = attestation(&decode(&response.attestation_object)?)?;
    let said = AuthenticatorData::read(&attestation.data)?;
    said.statement(&client_data)?.check(Purpose::Add, challenge, party)?;
    let (named, public_key) = said.credential.ok_or(Flaw::Malformed)?;
    if named != handle || public_key.len() > KEY_BYTES {
        return Err(Flaw::Malformed.into());
    }
    let key = PublicKey::read(public_key)?;
    let signed = [attestation.data.as_slice(), &Sha256::digest(&client_data)].concat();
    attestation.check(&key, &signed)?;
    let mut transports = response.transports.unwrap_or_default();
    transports.retain(|transport| TRANSPORTS.contains(&transport.as_str()));
    transports.sort_unstable();
    transports.dedup();
    Ok(Credential {
        handle,
        public_key: public_key.to_vec(),
        counter: said.counter,
        is_backup_eligible: said.flags.is_backup_eligible(),
        is_backed_up: said.flags.is_backed_up(),
        transports,
    })
}

/// Read the answer to being asked for a passkey that there is, and check what it says (§7.2).
pub(super) fn shown(
    answer: &Value,
    purpose: Purpose,
    challenge: &[u8],
    party: &RelyingParty,
) -> Result<Assertion, Refusal> {
    let Answer { handle, response } = Answer::<Asserted>::read(answer)?;
    let client_data = decode(&response.client_data_json)?;
    let data = decode(&response.authenticator_data)?;
    let said = AuthenticatorData::read(&data)?;
    said.statement(&client_data)?.check(purpose, challenge, party)?;
    Ok(Assertion {
        handle,
        user: response.user_handle.as_deref().map(decode).transpose()?,
        flags: said.flags,
        counter: said.counter,
        signed: [data.as_slice(), &Sha256::digest(&client_data)].concat(),
        signature: decode(&response.signature)?,
    })
}

/// Bytes, as browsers take them and give them.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: impl AsRef<str>) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(text.as_ref()).map_err(|_| Flaw::Malformed)
}

/// What `PublicKeyCredential.toJSON` gives, around what differs (§5.1).
struct Answer<R> {
    handle: Vec<u8>,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<R> {
    id: String,
    raw_id: Option<String>,
    #[serde(rename = "type")]
    ty: String,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    attestation_object: String,
    transports: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asserted {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

impl<R: DeserializeOwned> Answer<R> {
    fn read(answer: &Value) -> Result<Self, Refusal> {
        if answer.to_string().len() > MOST_BYTES {
            let message = format!("is longer than the {MOST_BYTES} bytes that are taken");
            return Err(Refusal::field("credential", "TOO_LONG", message));
        }
        let Wire { id, raw_id, ty, response } = Wire::<R>::deserialize(answer).map_err(|_| Flaw::Malformed)?;
        let handle = decode(&id)?;
        if ty != "public-key" || raw_id.is_some_and(|raw| raw != id) || !(1..=MOST_HANDLE).contains(&handle.len()) {
            return Err(Flaw::Malformed.into());
        }
        Ok(Self { handle, response })
    }
}

/// What the browser says (§5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    ty: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// What the device says (§6.1): 37 bytes, then what the flags announce, and nothing else.
struct AuthenticatorData<'a> {
    party_hash: [u8; 32],
    flags: Flags,
    counter: u32,
    /// Of a new credential: its handle, and its public key.
    credential: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let (party_hash, rest) = bytes.split_first_chunk::<32>().ok_or(Flaw::Malformed)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(Flaw::Malformed)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(Flaw::Malformed)?;
        let flags = Flags(flags);
        let mut credential = None;
        if flags.has_credential() {
            // The model of the device comes first, and does not concern us.
            let (_, after) = rest.split_first_chunk::<16>().ok_or(Flaw::Malformed)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(Flaw::Malformed)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (handle, after) = after.split_at_checked(length).ok_or(Flaw::Malformed)?;
            rest = after;
            cbor(&mut rest)?;
            let key = after.get(..after.len() - rest.len()).ok_or(Flaw::Malformed)?;
            credential = Some((handle, key));
        }
        if flags.has_extensions() && !cbor(&mut rest)?.is_map() {
            return Err(Flaw::Malformed);
        }
        if !rest.is_empty() {
            return Err(Flaw::Malformed);
        }
        Ok(Self { party_hash: *party_hash, flags, counter: u32::from_be_bytes(*counter), credential })
    }

    /// What device and browser say together.
    fn statement(&self, client_data: &[u8]) -> Result<Statement, Flaw> {
        let said: ClientData = serde_json::from_slice(client_data).map_err(|_| Flaw::Malformed)?;
        Ok(Statement {
            client_type: said.ty,
            challenge: decode(&said.challenge)?,
            origin: said.origin,
            is_cross_origin: said.cross_origin || said.top_origin.is_some(),
            party_hash: self.party_hash,
            flags: self.flags,
        })
    }
}

/// Take one item of CBOR off the front.
fn cbor(rest: &mut &[u8]) -> Result<Cbor, Flaw> {
    ciborium::de::from_reader_with_recursion_limit(rest, MOST_DEPTH).map_err(|_| Flaw::Malformed)
}

/// What a device says of where a new key comes from (§6.5).
struct Attestation {
    data: Vec<u8>,
    format: String,
    statement: BTreeMap<String, Cbor>,
}

fn attestation(bytes: &[u8]) -> Result<Attestation, Flaw> {
    let mut rest = bytes;
    let mut fields = by_name(cbor(&mut rest)?)?;
    let mut take = |name: &str| fields.remove(name).ok_or(Flaw::Malformed);
    let attestation = Attestation {
        data: take("authData")?.into_bytes().map_err(|_| Flaw::Malformed)?,
        format: take("fmt")?.into_text().map_err(|_| Flaw::Malformed)?,
        statement: by_name(take("attStmt")?)?,
    };
    if rest.is_empty() { Ok(attestation) } else { Err(Flaw::Malformed) }
}

impl Attestation {
    /// None was asked for. A browser may still pass on a signature of the new key itself (§5.1.3), and
    /// that has to be right.
    fn check(&self, key: &PublicKey, signed: &[u8]) -> Result<(), Flaw> {
        let is_right = match self.format.as_str() {
            "none" => self.statement.is_empty(),
            "packed" => {
                let algorithm = self.statement.get("alg").and_then(Cbor::as_integer).map(i128::from);
                let signature = self.statement.get("sig").and_then(Cbor::as_bytes);
                self.statement.len() == 2
                    && algorithm == Some(key.algorithm().into())
                    && signature.is_some_and(|signature| key.verifies(signed, signature))
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(Flaw::Attestation) }
    }
}

fn by_name(map: Cbor) -> Result<BTreeMap<String, Cbor>, Flaw> {
    keyed(map, |name| name.into_text().ok())
}

/// A map whose keys are all of one kind, and each there once.
fn keyed<K: Ord>(map: Cbor, read: impl Fn(Cbor) -> Option<K>) -> Result<BTreeMap<K, Cbor>, Flaw> {
    let mut fields = BTreeMap::new();
    for (key, value) in map.into_map().map_err(|_| Flaw::Malformed)? {
        if fields.insert(read(key).ok_or(Flaw::Malformed)?, value).is_some() {
            return Err(Flaw::Malformed);
        }
    }
    Ok(fields)
}

/// A public key of a kind that is offered.
enum PublicKey {
    /// On the curve P-256.
    Es256(ParsedPublicKey),
    /// On the curve Ed25519.
    EdDsa(ParsedPublicKey),
    /// Of 2,048 bits and more.
    Rs256(ParsedPublicKey),
}

impl PublicKey {
    /// Read COSE's form (RFC 9052 §7), with exactly the parameters of its kind (§6.5.1.1).
    fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut rest = bytes;
        let mut fields = keyed(cbor(&mut rest)?, |label| label.into_integer().ok().map(i128::from))?;
        if !rest.is_empty() {
            return Err(Flaw::Malformed);
        }
        let algorithm = number(&mut fields, 3)?;
        let kty = number(&mut fields, 1)?;
        let key = match (i64::try_from(algorithm).map_err(|_| Flaw::Algorithm)?, kty) {
            (ES256, 2) => {
                let (curve, x, y) = (number(&mut fields, -1)?, part(&mut fields, -2)?, part(&mut fields, -3)?);
                if curve != 1 || x.len() != 32 || y.len() != 32 {
                    return Err(Flaw::Malformed);
                }
                let point = [&[4], x.as_slice(), &y].concat();
                Self::Es256(ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| Flaw::Malformed)?)
            }
            (EDDSA, 1) => {
                let (curve, x) = (number(&mut fields, -1)?, part(&mut fields, -2)?);
                if curve != 6 || x.len() != 32 {
                    return Err(Flaw::Malformed);
                }
                Self::EdDsa(ParsedPublicKey::new(&ED25519, x).map_err(|_| Flaw::Malformed)?)
            }
            (RS256, 3) => {
                let (n, e) = (part(&mut fields, -1)?, part(&mut fields, -2)?);
                if !(256..=512).contains(&n.len()) || e.len() > 4 {
                    return Err(Flaw::Malformed);
                }
                let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
                Self::Rs256(key.map_err(|_| Flaw::Malformed)?)
            }
            (ES256 | EDDSA | RS256, _) => return Err(Flaw::Malformed),
            _ => return Err(Flaw::Algorithm),
        };
        if fields.is_empty() { Ok(key) } else { Err(Flaw::Malformed) }
    }

    fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => ES256,
            Self::EdDsa(_) => EDDSA,
            Self::Rs256(_) => RS256,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Self::Es256(key) | Self::EdDsa(key) | Self::Rs256(key)) = self;
        key.verify_sig(message, signature).is_ok()
    }
}

fn number(fields: &mut BTreeMap<i128, Cbor>, label: i128) -> Result<i128, Flaw> {
    let value = fields.remove(&label).and_then(|value| value.into_integer().ok());
    value.map(i128::from).ok_or(Flaw::Malformed)
}

fn part(fields: &mut BTreeMap<i128, Cbor>, label: i128) -> Result<Vec<u8>, Flaw> {
    fields.remove(&label).and_then(|value| value.into_bytes().ok()).ok_or(Flaw::Malformed)
}

#[cfg(test)]
#[path = "webauthn_tests.rs"]
mod tests;
