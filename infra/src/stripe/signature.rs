//! Signatures of webhooks: `Stripe-Signature: t=SECONDS,v1=HEX,…`, a keyed hash of the time and the raw
//! body. Any of the header's signatures may be right, and by any of our secrets, so that either side can
//! change its secret without losing an event.

use std::fmt::Write as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use chrono::DateTime;
use domain::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// How old a signature may be, and how far ahead of our clock, in seconds.
const TOLERANCE_SECONDS: i64 = 300;
/// How many signatures of a header are looked at: Stripe sends one for each of its secrets, of which there are two while
/// they change.
const SIGNATURES: usize = 5;

/// Why a webhook is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// There is no such header, or it is not of the form.
    #[error("the signature is missing or malformed")]
    Malformed,
    /// None of the signatures is right by any of our secrets.
    #[error("the signature is not ours")]
    Wrong,
    /// It is too old or from the future: somebody may be playing it again.
    #[error("the signature is not of now")]
    Stale,
}

/// Was `body` signed with one of the secrets, about now?
pub(super) fn verify(secrets: &[SecretString], now: Timestamp, header: &str, body: &[u8]) -> Result<(), BadSignature> {
    let (mut at, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if at.is_none() => at = Some(text),
            Some(("v1", text)) if signatures.len() < SIGNATURES => signatures.extend(bytes(text)),
            // Other schemes, which we don't take.
            Some(_) | None => {}
        }
    }
    let at = at.ok_or(BadSignature::Malformed)?;
    let signed_at = at.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let signed_at = signed_at.ok_or(BadSignature::Malformed)?;
    if signatures.is_empty() {
        return Err(BadSignature::Malformed);
    }
    // First, because it costs nothing: nothing is computed for what would not be taken anyway.
    if (now - signed_at).num_seconds().abs() > TOLERANCE_SECONDS {
        return Err(BadSignature::Stale);
    }
    let is_right = |secret: &SecretString| {
        let right = tag(secret, at, body);
        // Compared in a time that does not tell how much of it is right.
        signatures.iter().any(|signature| verify_slices_are_equal(right.as_ref(), signature).is_ok())
    };
    if secrets.iter().any(is_right) { Ok(()) } else { Err(BadSignature::Wrong) }
}

/// The signature of a body, and of the time that is told with it.
fn tag(secret: &SecretString, at: &str, body: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let mut signed = hmac::Context::with_key(&key);
    for part in [at.as_bytes(), b".", body] {
        signed.update(part);
    }
    signed.sign()
}

/// The header for a body: what a Stripe of our own sends.
pub fn sign(secret: &SecretString, now: Timestamp, body: &[u8]) -> String {
    let at = now.timestamp();
    let signature = tag(secret, &at.to_string(), body);
    let mut header = format!("t={at},v1=");
    for byte in signature.as_ref() {
        // Writing into a text does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

/// The bytes that a text of 64 hexadecimal digits stands for.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn now() -> Timestamp {
        "2026-06-01T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_signature_made_by_another_implementation_is_taken() {
        // Python: hmac.new(b"whsec_example", b"1780300800." + body, hashlib.sha256).hexdigest()
        let hex = "263627089e199807df971b256c8763bf09e74b7584bbb57e167ce61488546425";
        let at = DateTime::from_timestamp(1780300800, 0).unwrap();
        let body = br#"{"id":"evt_1","object":"event"}"#;
        let header = format!("t=1780300800,v1={hex},v0=6ffbb59b");
        assert_eq!(verify(&[secret("whsec_example")], at, &header, body), Ok(()));
        assert_eq!(sign(&secret("whsec_example"), at, body), format!("t=1780300800,v1={hex}"));
    }

    #[test]
    fn what_is_wrong_with_a_signature() {
        let (old, new) = (secret("whsec_old"), secret("whsec_new"));
        let both = [new.clone(), old.clone()];
        let body = br#"{"id":"evt_1"}"#;
        let right = sign(&new, now(), body);
        assert_eq!(verify(&both, now(), &right, body), Ok(()));
        assert_eq!(verify(&both, now(), &sign(&old, now(), body), body), Ok(()), "the old secret still counts");
        assert_eq!(verify(std::slice::from_ref(&new), now(), &sign(&old, now(), body), body), Err(BadSignature::Wrong));
        assert_eq!(verify(&[], now(), &right, body), Err(BadSignature::Wrong), "no secret takes nothing");
        assert_eq!(verify(&both, now(), &right, br#"{"id":"evt_2"}"#), Err(BadSignature::Wrong));
        let later = right.replace(&now().timestamp().to_string(), &(now().timestamp() + 1).to_string());
        assert_eq!(verify(&both, now(), &later, body), Err(BadSignature::Wrong), "the time is signed, too");
        for (seconds, expected) in [(300, Ok(())), (301, Err(BadSignature::Stale)), (-301, Err(BadSignature::Stale))] {
            assert_eq!(verify(&both, now() + TimeDelta::seconds(seconds), &right, body), expected, "{seconds}");
        }
        let stale = now() + TimeDelta::seconds(301);
        assert_eq!(
            verify(&both, stale, &right.replace("v1=", "v1=0,v1="), body),
            Err(BadSignature::Stale),
            "unlooked at"
        );
        let late = format!("{},v1={}", format!(",v1={}", "0".repeat(64)).repeat(5), right.split_once("v1=").unwrap().1);
        let late = format!("t={}{late}", now().timestamp());
        assert_eq!(verify(&both, now(), &late, body), Err(BadSignature::Wrong), "the sixth is not looked at");
        let two = format!("{},v1={}", right, "0".repeat(64));
        assert_eq!(verify(&both, now(), &two, body), Ok(()), "one of several is enough");
        for header in ["", "t=1", "v1=00", "t=x,v1=00", "t=99999999999999999999,v1=00", &right.replace("v1", "v0")] {
            assert_eq!(verify(&both, now(), header, body), Err(BadSignature::Malformed), "{header}");
        }
    }
}
