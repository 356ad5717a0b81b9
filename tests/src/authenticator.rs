//! A device that makes passkeys and shows them, with the browser around it: in software, and able to
//! lie wherever a real one could. It writes CBOR by hand, so that it shares nothing with what reads it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Somebody was there.
pub const PRESENT: u8 = 1;
/// They showed who they are.
pub const VERIFIED: u8 = 1 << 2;
/// The key can be copied.
pub const ELIGIBLE: u8 = 1 << 3;
/// The key is copied.
pub const BACKED_UP: u8 = 1 << 4;
const CREDENTIAL: u8 = 1 << 6;

/// A key in a device.
#[derive(Debug)]
pub struct Authenticator {
    keys: EcdsaKeyPair,
    /// The handle of its credential.
    pub credential: Vec<u8>,
    /// Whose it is, as the page that had it made said.
    user: String,
}

/// How device and browser answer. The default tells the truth, from a page of the sandbox.
#[derive(Debug, Clone)]
pub struct Manner {
    /// The page that asks.
    pub origin: String,
    /// The domain that the device believes to be on, if it is another than that it was asked for.
    pub domain: Option<String>,
    /// What is signed, if it is something else than was asked for.
    pub challenge: Option<String>,
    /// What the browser says it does, if it is something else.
    pub client_type: Option<String>,
    /// Is the page a frame within another site's?
    pub cross_origin: bool,
    /// What the device says of itself and its person.
    pub flags: u8,
    /// How often it says it has signed.
    pub counter: u32,
    /// The kind of the key, by COSE's numbers.
    pub algorithm: i64,
    /// Where the new key comes from.
    pub attestation: &'static str,
    /// Whose key it says it is, if it is another's.
    pub user: Option<String>,
    /// Is a bit of the signature turned over?
    pub is_signed_wrongly: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            origin: "http://localhost:8080".to_owned(),
            domain: None,
            challenge: None,
            client_type: None,
            cross_origin: false,
            flags: PRESENT | VERIFIED | ELIGIBLE | BACKED_UP,
            counter: 0,
            algorithm: -7,
            attestation: "none",
            user: None,
            is_signed_wrongly: false,
        }
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        let keys = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("keys can be made");
        Self { keys, credential: rand::random::<[u8; 20]>().to_vec(), user: String::new() }
    }
}

impl Authenticator {
    /// Answer the options of a page that wants a passkey made, as `toJSON` would.
    pub fn creates(&mut self, options: &Value, manner: &Manner) -> Value {
        options["user"]["id"].as_str().unwrap_or_default().clone_into(&mut self.user);
        let client = client_data("webauthn.create", options, manner);
        let (_, point) = self.keys.public_key().as_ref().split_at(1);
        let (x, y) = point.split_at(32);
        let key = map(&[
            (int(1), int(2)),
            (int(3), int(manner.algorithm)),
            (int(-1), int(1)),
            (int(-2), bytes(x)),
            (int(-3), bytes(y)),
        ]);
        let length = u16::try_from(self.credential.len()).expect("a short handle").to_be_bytes();
        let domain = options["rp"]["id"].as_str().unwrap_or_default();
        let data =
            [device_data(domain, CREDENTIAL, manner), [0; 16].to_vec(), length.to_vec(), self.credential.clone(), key]
                .concat();
        let object = map(&[
            (text("fmt"), text(manner.attestation)),
            (text("attStmt"), map(&[])),
            (text("authData"), bytes(&data)),
        ]);
        json!({
            "id": encode(&self.credential), "rawId": encode(&self.credential), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client), "attestationObject": encode(&object), "authenticatorData": encode(&data),
                "transports": ["internal", "hybrid", "carrier-pigeon"], "publicKeyAlgorithm": manner.algorithm,
            },
        })
    }

    /// Answer the options of a page that wants to be shown a passkey, as `toJSON` would.
    pub fn shows(&self, options: &Value, manner: &Manner) -> Value {
        let client = client_data("webauthn.get", options, manner);
        let data = device_data(options["rpId"].as_str().unwrap_or_default(), 0, manner);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.keys.sign(&SystemRandom::new(), &signed).expect("it signs");
        let mut signature = signature.as_ref().to_vec();
        if manner.is_signed_wrongly {
            signature.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
        }
        json!({
            "id": encode(&self.credential), "rawId": encode(&self.credential), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client), "authenticatorData": encode(&data), "signature": encode(&signature),
                "userHandle": manner.user.as_ref().unwrap_or(&self.user),
            },
        })
    }
}

/// What browsers make of bytes.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn client_data(client_type: &str, options: &Value, manner: &Manner) -> Vec<u8> {
    let challenge = manner.challenge.as_deref().or(options["challenge"].as_str()).unwrap_or_default();
    let said = json!({
        "type": manner.client_type.as_deref().unwrap_or(client_type), "challenge": challenge,
        "origin": manner.origin, "crossOrigin": manner.cross_origin,
        "other_keys_can_be_added_here": "do not compare clientDataJSON against a template",
    });
    said.to_string().into_bytes()
}

fn device_data(domain: &str, more: u8, manner: &Manner) -> Vec<u8> {
    let domain = manner.domain.as_deref().unwrap_or(domain);
    [Sha256::digest(domain.as_bytes()).as_slice(), &[manner.flags | more], &manner.counter.to_be_bytes()].concat()
}

/// The head of an item of CBOR: what it is, and its length or value.
fn head(major: u8, n: u64) -> Vec<u8> {
    let major = major << 5;
    let wide = n.to_be_bytes();
    match n {
        0..24 => vec![major | wide[7]],
        24..0x100 => vec![major | 24, wide[7]],
        0x100..0x1_0000 => [&[major | 25], &wide[6..]].concat(),
        0x1_0000..0x1_0000_0000 => [&[major | 26], &wide[4..]].concat(),
        _ => [&[major | 27], wide.as_slice()].concat(),
    }
}

fn int(n: i64) -> Vec<u8> {
    if n < 0 { head(1, n.unsigned_abs() - 1) } else { head(0, n.unsigned_abs()) }
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

fn map(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let fields = fields.iter().flat_map(|(key, value)| [key.as_slice(), value]);
    std::iter::once(head(5, fields.clone().count() as u64 / 2)).chain(fields.map(<[u8]>::to_vec)).flatten().collect()
}
