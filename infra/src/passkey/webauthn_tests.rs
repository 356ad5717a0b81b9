//! The kinds of keys, and what devices may say that browsers of the stories don't.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use domain::refusal::Refusal;

use super::*;

const CHALLENGE: &[u8] = &[7; 32];
const HANDLE: &[u8] = b"a handle";

enum Signer {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    fn each() -> [Self; 3] {
        [
            Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        ]
    }

    fn p256() -> Self {
        let [p256, ..] = Self::each();
        p256
    }

    fn fields(&self) -> Vec<(i64, Cbor)> {
        match self {
            Self::P256(keys) => {
                let point = keys.public_key().as_ref();
                let (x, y) = (Cbor::Bytes(point[1..33].to_vec()), Cbor::Bytes(point[33..].to_vec()));
                vec![(1, 2.into()), (3, ES256.into()), (-1, 1.into()), (-2, x), (-3, y)]
            }
            Self::Ed25519(keys) => {
                let x = Cbor::Bytes(keys.public_key().as_ref().to_vec());
                vec![(1, 1.into()), (3, EDDSA.into()), (-1, 6.into()), (-2, x)]
            }
            Self::Rsa(keys) => {
                // The modulus of 256 bytes follows nine of DER.
                let n = Cbor::Bytes(keys.public_key().as_ref()[9..265].to_vec());
                vec![(1, 3.into()), (3, RS256.into()), (-1, n), (-2, Cbor::Bytes(vec![1, 0, 1]))]
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(keys) => keys.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed25519(keys) => keys.sign(message).as_ref().to_vec(),
            Self::Rsa(keys) => {
                let mut signature = vec![0; 256];
                keys.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn written(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn map<K: Into<Cbor>>(fields: impl IntoIterator<Item = (K, Cbor)>) -> Cbor {
    Cbor::Map(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn client(ty: &str, more: Value) -> Vec<u8> {
    let mut said = serde_json::json!({
        "type": ty, "challenge": encode(CHALLENGE), "origin": "http://localhost:8080", "crossOrigin": false
    });
    said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    said.to_string().into_bytes()
}

/// What a device says, with its flags and what follows them.
fn device(flags: u8, rest: &[u8]) -> Vec<u8> {
    [RelyingParty::default().hash().as_slice(), &[flags], &5_u32.to_be_bytes(), rest].concat()
}

/// A new credential with this key.
fn credential(key: &Cbor) -> Vec<u8> {
    [&[0; 16], u16::try_from(HANDLE.len()).unwrap().to_be_bytes().as_slice(), HANDLE, &written(key)].concat()
}

fn made(data: &[u8], format: &str, statement: Cbor) -> Value {
    let object = map([("fmt", format.into()), ("attStmt", statement), ("authData", Cbor::Bytes(data.to_vec()))]);
    serde_json::json!({ "id": encode(HANDLE), "type": "public-key", "response": {
        "clientDataJSON": encode(&client("webauthn.create", serde_json::json!({}))),
        "attestationObject": encode(&written(&object)),
    } })
}

fn create(answer: &Value) -> Result<Credential, Refusal> {
    created(answer, CHALLENGE, &RelyingParty::default())
}

const NEW: u8 = 0b0100_0101;

#[test]
fn a_key_that_is_padded_beyond_what_is_kept_is_malformed() {
    let Signer::P256(keys) = Signer::p256() else { panic!("the first is on P-256") };
    let point = keys.public_key().as_ref();
    // A byte string may come in pieces, and some of them may be empty.
    let padded = |pieces: usize| {
        let mut key =
            written(&map([(1, 2.into()), (3, ES256.into()), (-1, 1.into()), (-3, Cbor::Bytes(point[33..].to_vec()))]));
        key[0] += 1;
        key.extend([0x21, 0x5f]);
        key.extend(std::iter::repeat_n(0x40, pieces));
        key.extend([0x58, 32]);
        key.extend(&point[1..33]);
        key.push(0xff);
        let data = [&[0; 16], u16::try_from(HANDLE.len()).unwrap().to_be_bytes().as_slice(), HANDLE, &key].concat();
        create(&made(&device(NEW, &data), "none", Cbor::Map(vec![]))).map(|added| added.public_key.len())
    };
    assert!(padded(0).is_ok(), "{:?}", padded(0));
    assert_eq!(padded(2_048), Err(Flaw::Malformed.into()));
}

#[test]
fn keys_of_every_kind_that_is_offered_are_added_and_verify() {
    for signer in Signer::each() {
        let key = map(signer.fields());
        let added = create(&made(&device(NEW, &credential(&key)), "none", Cbor::Map(vec![]))).unwrap();
        assert_eq!((added.handle.as_slice(), added.counter), (HANDLE, 5));
        assert!(!added.is_backup_eligible && !added.is_backed_up);
        let data = device(0b0000_0101, &[]);
        let client = client("webauthn.get", serde_json::json!({}));
        let signature = signer.sign(&[data.as_slice(), &Sha256::digest(&client)].concat());
        let answer = |data: &[u8], client: &[u8], signature: &[u8]| {
            let answer = serde_json::json!({ "id": encode(HANDLE), "type": "public-key", "response": {
                "clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature),
            } });
            shown(&answer, Purpose::SignIn, CHALLENGE, &RelyingParty::default()).unwrap()
        };
        assert!(answer(&data, &client, &signature).is_signed_by(&added.public_key));
        let mut other = data.clone();
        other[36] ^= 1;
        assert!(!answer(&other, &client, &signature).is_signed_by(&added.public_key), "another count");
        let spaced = [client.as_slice(), b" "].concat();
        assert!(!answer(&data, &spaced, &signature).is_signed_by(&added.public_key), "another text");
        for wrong in [&signature[..signature.len() - 1], &[], &[0; 64]] {
            assert!(!answer(&data, &client, wrong).is_signed_by(&added.public_key));
        }
        for foreign in Signer::each() {
            assert!(!answer(&data, &client, &signature).is_signed_by(&written(&map(foreign.fields()))));
        }
        assert!(!answer(&data, &client, &signature).is_signed_by(b"no key"));
    }
}

#[test]
fn keys_have_exactly_the_parameters_of_their_kind() {
    let malformed = Err(Refusal::from(Flaw::Malformed));
    let try_key = |fields: Vec<(i64, Cbor)>| {
        create(&made(&device(NEW, &credential(&map(fields))), "none", Cbor::Map(vec![]))).map(|_| ())
    };
    for signer in Signer::each() {
        assert_eq!(try_key(signer.fields()), Ok(()));
        for nth in 0..signer.fields().len() {
            let mut fields = signer.fields();
            let taken = fields.remove(nth);
            assert_eq!(try_key(fields.clone()), malformed, "without {}", taken.0);
            fields.extend([taken.clone(), taken]);
            assert_eq!(try_key(fields), malformed, "twice");
            let mut fields = signer.fields();
            fields[nth].1 = Cbor::Null;
            assert_eq!(try_key(fields), malformed, "nothing");
        }
        let mut fields = signer.fields();
        fields.push((2, Cbor::Bytes(vec![1])));
        assert_eq!(try_key(fields), malformed, "an optional parameter");
        let mut fields = signer.fields();
        fields[2].1 = Cbor::Bytes(vec![0; 32]);
        assert_eq!(try_key(fields), malformed, "a part that is none");
    }
    let mut off_the_curve = Signer::p256().fields();
    off_the_curve[4].1 = Cbor::Bytes(vec![1; 32]);
    assert_eq!(try_key(off_the_curve), malformed);
    for algorithm in [-35, -36, -37, -65_535, 0, i64::MIN] {
        let mut fields = Signer::p256().fields();
        fields[1].1 = algorithm.into();
        assert_eq!(try_key(fields), Err(Flaw::Algorithm.into()), "{algorithm}");
    }
}

#[test]
fn a_key_may_vouch_for_itself_and_nothing_else_may() {
    let signer = Signer::p256();
    let data = device(NEW, &credential(&map(signer.fields())));
    let signed = [data.as_slice(), &Sha256::digest(client("webauthn.create", serde_json::json!({})))].concat();
    let right = Cbor::Bytes(signer.sign(&signed));
    let wrong = Cbor::Bytes(Signer::p256().sign(&signed));
    let vouch = |alg: i64, sig: &Cbor| vec![("alg", alg.into()), ("sig", sig.clone())];
    let chain = Cbor::Array(vec![Cbor::Bytes(vec![1])]);
    let cases = [
        ("none", map::<&str>([]), true),
        ("packed", map(vouch(ES256, &right)), true),
        ("packed", map(vouch(ES256, &wrong)), false),
        ("packed", map(vouch(EDDSA, &right)), false),
        ("packed", map([("sig", right.clone())]), false),
        ("packed", map(vouch(ES256, &right).into_iter().chain([("x5c", chain)])), false),
        ("packed", map::<&str>([]), false),
        ("none", map(vouch(ES256, &right)), false),
        ("fido-u2f", map::<&str>([]), false),
        ("", map::<&str>([]), false),
    ];
    for (nth, (format, statement, is_fine)) in cases.into_iter().enumerate() {
        let outcome = create(&made(&data, format, statement)).map(|_| ());
        assert_eq!(outcome, if is_fine { Ok(()) } else { Err(Flaw::Attestation.into()) }, "{nth}: {format}");
    }
}

#[test]
fn what_the_flags_announce_follows_and_nothing_else() {
    let new = credential(&map(Signer::p256().fields()));
    let extensions = written(&map([("credProtect", 2.into())]));
    let try_data = |data: &[u8]| create(&made(data, "none", Cbor::Map(vec![]))).map(|_| ());
    assert_eq!(try_data(&device(NEW, &new)), Ok(()));
    assert_eq!(try_data(&device(NEW | 0x80, &[new.as_slice(), &extensions].concat())), Ok(()));
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 1].to_vec();
    for (what, data) in [
        ("no key, and none announced", device(0b0000_0101, &[])),
        ("a key that was not announced", device(0b0000_0101, &new)),
        ("no key", device(NEW, &[])),
        ("half a key", device(NEW, &cut(&new))),
        ("extensions that were not announced", device(NEW, &[new.as_slice(), &extensions].concat())),
        ("no extensions", device(NEW | 0x80, &new)),
        ("half of the extensions", device(NEW | 0x80, &[new.as_slice(), &cut(&extensions)].concat())),
        ("extensions that are no map", device(NEW | 0x80, &[new.as_slice(), &[1]].concat())),
        ("a handle that is longer than all of it", device(NEW, &[&[0; 16], [255, 255].as_slice(), HANDLE].concat())),
        ("nothing", vec![]),
        ("36 bytes", device(0b0000_0101, &[])[..36].to_vec()),
    ] {
        assert_eq!(try_data(&data), Err(Flaw::Malformed.into()), "{what}");
    }
}

#[test]
fn what_browsers_say_is_read_with_what_is_new_and_not_twice() {
    let say = |client: Vec<u8>| {
        let answer = serde_json::json!({ "id": encode(HANDLE), "type": "public-key", "response": {
            "clientDataJSON": encode(&client), "authenticatorData": encode(&device(0b0000_0101, &[])), "signature": "AA",
        } });
        shown(&answer, Purpose::Prove, CHALLENGE, &RelyingParty::default()).map(|_| ())
    };
    let with = |more: Value| client("webauthn.get", more);
    assert_eq!(say(with(serde_json::json!({ "extra": { "keys": [1] } }))), Ok(()));
    let framed = Err(Refusal::from(Flaw::CrossOrigin));
    assert_eq!(say(with(serde_json::json!({ "topOrigin": "https://evil.example" }))), framed);
    assert_eq!(say(with(serde_json::json!({ "crossOrigin": true }))), framed);
    let plain = String::from_utf8(with(serde_json::json!({}))).unwrap();
    let twice = plain.replacen('{', "{\"origin\":\"https://evil.example\",", 1);
    for wrong in [twice, plain.replace("false", "\"false\""), plain[1..].to_owned(), String::new()] {
        assert_eq!(say(wrong.clone().into_bytes()), Err(Flaw::Malformed.into()), "{wrong}");
    }
}
