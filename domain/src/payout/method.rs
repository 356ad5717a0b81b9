//! Where payouts go: a bank account in Pakistan, and from when on it may be used.

use super::*;

/// A Pakistani bank account number: `PK`, two check digits, four letters of the bank, sixteen
/// letters or digits; its check sum is right.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iban(String);

/// Text that is no Pakistani IBAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadIban {
    /// It does not look like one.
    #[error("a Pakistani IBAN is PK, 2 digits, 4 letters and 16 letters or digits")]
    Shape,
    /// It looks like one, but a digit must be wrong.
    #[error("the check digits don't fit: a character must be wrong")]
    CheckSum,
}

impl FromStr for Iban {
    type Err = BadIban;

    /// Spaces and lower case are taken, as people write them.
    fn from_str(text: &str) -> Result<Self, BadIban> {
        let text: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let bytes = text.as_bytes();
        let shape = bytes.len() == 24
            && bytes.starts_with(b"PK")
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[4..8].iter().all(u8::is_ascii_uppercase)
            && bytes[8..].iter().all(u8::is_ascii_alphanumeric);
        if !shape {
            return Err(BadIban::Shape);
        }
        // ISO 7064: country and check digits go to the end, letters count from 10, and the whole
        // number leaves 1 when divided by 97. Check digits 00, 01 and 99 never arise from that rule.
        let remainder = bytes[4..].iter().chain(&bytes[..4]).fold(0u32, |remainder, &byte| match byte {
            b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
            _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
        });
        let possible = !matches!(&bytes[2..4], b"00" | b"01" | b"99");
        if remainder == 1 && possible { Ok(Self(text)) } else { Err(BadIban::CheckSum) }
    }
}

impl TryFrom<String> for Iban {
    type Error = BadIban;
    fn try_from(text: String) -> Result<Self, BadIban> {
        text.parse()
    }
}

impl From<Iban> for String {
    fn from(iban: Iban) -> Self {
        iban.0
    }
}

impl Iban {
    /// The whole number. Keep it encrypted, and out of logs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters, which may be shown.
    pub fn last4(&self) -> &str {
        &self.0[20..]
    }

    /// The name of the bank with these four letters, where it is known.
    pub fn bank_named(letters: &str) -> Option<&'static str> {
        banks::BANKS.iter().find(|(known, _)| *known == letters).map(|(_, name)| *name)
    }

    /// The four letters of the bank.
    pub fn bank(&self) -> &str {
        &self.0[4..8]
    }

    /// The code by which other banks know the bank (ISO 9362), where the bank is known.
    pub fn bic(&self) -> Option<String> {
        let bank = self.bank();
        Self::bank_named(bank)?;
        // Most have their seat in Karachi under `KA`; the branches of two foreign ones have `KX`.
        let seat = if matches!(bank, "CITI" | "SCBL") { "KX" } else { "KA" };
        Some(format!("{bank}PK{seat}"))
    }
}

impl fmt::Debug for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iban(…{})", self.last4())
    }
}

/// A way to be paid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutMethod {
    /// Its id.
    pub id: PayoutMethodId,
    /// Whose it is.
    pub user: UserId,
    /// The account.
    pub iban: Iban,
    /// The name the bank knows the account by.
    pub account_title: String,
    /// What the account is kept in: rupees, or dollars that exporters of services may keep.
    pub currency: Currency,
    /// When it was added.
    pub added_at: Timestamp,
    /// From when on it can be used: whoever takes over an account gains nothing at once.
    pub usable_from: Timestamp,
    /// Removed methods stay for the record.
    pub removed_at: Option<Timestamp>,
}

impl PayoutMethod {
    /// A freelancer adds a bank account of their own.
    pub fn add(
        actor: &Actor,
        now: Timestamp,
        id: PayoutMethodId,
        user: UserId,
        iban: &str,
        account_title: &str,
        terms: &Terms,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PayoutMethodAdd, &Subject::of_person(user))?;
        let mut invalid = Invalid::default();
        let account_title = invalid.line("accountTitle", account_title, 1..=140);
        let iban: Result<Iban, BadIban> = iban.parse();
        if let Err(error) = &iban {
            invalid.add("iban", "MALFORMED", error.to_string());
        }
        invalid.finish()?;
        let Ok(iban) = iban else { return Err(Refusal::field("iban", "MALFORMED", "not an IBAN")) };
        let usable_from = now + days(terms.payout_method_cooling_days);
        let currency = Currency::Pkr;
        let method = Self { id, user, iban, account_title, currency, added_at: now, usable_from, removed_at: None };
        Ok(Change::to(method).telling(Event::PayoutMethodAdded { method: id, user, usable_from }))
    }

    /// Whose it is, for the access table.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// The same, an account in dollars.
    #[must_use]
    pub fn in_dollars(self) -> Self {
        Self { currency: Currency::Usd, ..self }
    }

    /// Can money be sent there now?
    pub(super) fn usable(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.removed_at.is_some() {
            return Err(Refusal::rule("PAYOUT_METHOD_REMOVED", "this payout method was removed; choose another"));
        }
        if now < self.usable_from {
            let usable_from = self.usable_from.format("%Y-%m-%d %H:%M:%S UTC");
            let message = format!("a new payout method can be used from {usable_from} on");
            return Err(Refusal::rule("PAYOUT_METHOD_TOO_NEW", message));
        }
        Ok(())
    }

    /// The freelancer removes it. Payouts under way are not touched.
    pub fn remove(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::PayoutMethodRemove, &self.subject())?;
        if self.removed_at.is_some() {
            return Ok(Change::none(self));
        }
        let event = Event::PayoutMethodRemoved { method: self.id, user: self.user };
        Ok(Change::to(Self { removed_at: Some(now), ..self }).telling(event))
    }
}
