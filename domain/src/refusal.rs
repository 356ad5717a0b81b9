//! Refusals: the domain saying no. They are facts, not sentences; the API gives them a voice.
//!
//! There is one type for all rooms, because there are only so many kinds of no, and a client who
//! learned to handle them for milestones can handle them for payouts. They come in one order: may
//! you see it, may you do it, is it the version you meant, is the state right, is the input right.

mod hidden;

use serde::{Deserialize, Serialize};

use self::hidden::{holds_hidden, is_visible, without_marks};
use crate::access::{Denied, Verb};
use crate::money::{Money, MoneyError};
use crate::session::PROOF_LIFETIME;

/// Why a command was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Refusal {
    /// The actor may not see it, or may not do it.
    #[error("{reason}")]
    Denied {
        /// Which of the two, as far as it may be told.
        reason: Denied,
    },
    /// The object is in a state in which this can't be done.
    #[error("this can't be done while the {object} is {}", state.replace('_', " "))]
    WrongState {
        /// What kind of object: "milestone".
        object: String,
        /// The state it is in: "funded".
        state: String,
        /// What this actor can do to it now.
        allowed: Vec<Verb>,
    },
    /// The caller acted on an older version than the one that stands.
    #[error("it has changed since: you saw version {expected}, it is at {actual}")]
    Stale {
        /// The version the caller had seen.
        expected: i64,
        /// The version that stands.
        actual: i64,
    },
    /// Some of the input can't be taken.
    #[error("{} of the fields can't be accepted", fields.len())]
    Invalid {
        /// Every field at fault, at once.
        fields: Vec<FieldError>,
    },
    /// There is less money than asked for.
    #[error("{asked} was asked for, {available} is available")]
    Insufficient {
        /// What there is.
        available: Money,
        /// What was asked for.
        asked: Money,
    },
    /// A limit of the policy was reached.
    #[error("{message}")]
    Limit {
        /// A stable code, like `PROPOSAL_QUOTA`.
        code: String,
        /// The limit.
        limit: i64,
        /// What it would have come to.
        value: i64,
        /// For people.
        message: String,
    },
    /// It was tried too often lately.
    #[error("{message}")]
    Throttled {
        /// How often it may be tried.
        limit: i64,
        /// After so many seconds it may be tried again, at the latest.
        retry_after_seconds: i64,
        /// For people.
        message: String,
    },
    /// A rule of the business stands against it.
    #[error("{message}")]
    Rule {
        /// A stable code, like `EMAIL_TAKEN`.
        code: String,
        /// For people: what happened, and what to do next.
        message: String,
    },
    /// It takes a fresh proof of who is acting.
    #[error("prove who you are: send reauthenticate, and then this again")]
    Reauthenticate {
        /// How old the last proof may be, in seconds.
        within_seconds: i64,
    },
    /// The idempotency key was used before, for something else.
    #[error("this idempotency key was used before with other input")]
    KeyReused,
}

/// One field that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where: names and indexes into the input, like `milestones.0.amount`.
    pub path: String,
    /// A stable code: `REQUIRED`, `TOO_SHORT`, `TOO_LONG`, `OUT_OF_RANGE`, `MALFORMED`, `UNKNOWN`, `DUPLICATE`…
    pub code: String,
    /// For people: what is wrong, and what would be right.
    pub message: String,
}

impl Refusal {
    /// As far as this actor is concerned it does not exist.
    pub const HIDDEN: Self = Self::Denied { reason: Denied::Hidden };
    /// It takes a proof of the last minutes.
    pub const REAUTHENTICATE: Self = Self::Reauthenticate { within_seconds: PROOF_LIFETIME.num_seconds() };

    /// A rule of the business stands against it.
    pub fn rule(code: &str, message: impl Into<String>) -> Self {
        Self::Rule { code: code.to_owned(), message: message.into() }
    }

    /// One field can't be taken.
    pub fn field(path: &str, code: &str, message: impl Into<String>) -> Self {
        let mut invalid = Invalid::default();
        invalid.add(path, code, message);
        Self::Invalid { fields: invalid.fields }
    }

    /// The state does not allow it.
    pub fn wrong_state(object: &str, state: &str, allowed: Vec<Verb>) -> Self {
        Self::WrongState { object: object.to_owned(), state: state.to_owned(), allowed }
    }
}

impl From<Denied> for Refusal {
    fn from(reason: Denied) -> Self {
        Self::Denied { reason }
    }
}

impl From<MoneyError> for Refusal {
    fn from(error: MoneyError) -> Self {
        let code = match error {
            MoneyError::OtherCurrency(..) => "CURRENCY",
            MoneyError::Negative | MoneyError::TooLarge | MoneyError::Malformed => "AMOUNT",
        };
        Self::field("amount", code, error.to_string())
    }
}

/// Refuse a command that was meant for another version.
pub fn expect_version(expected: Option<i64>, actual: i64) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != actual => Err(Refusal::Stale { expected, actual }),
        Some(_) | None => Ok(()),
    }
}

/// The faults of an input, gathered so that all are told at once.
///
/// ```
/// use domain::refusal::Invalid;
/// let mut invalid = Invalid::default();
/// let title = invalid.text("title", "  Rust developer ", 3..=120);
/// let note = invalid.text("note", "", 1..=500);
/// assert_eq!(title, "Rust developer");
/// assert_eq!(note, "");
/// assert!(invalid.finish().is_err());
/// ```
#[derive(Debug, Default)]
pub struct Invalid {
    fields: Vec<FieldError>,
}

impl Invalid {
    /// Note a fault.
    pub fn add(&mut self, path: &str, code: &str, message: impl Into<String>) {
        self.fields.push(FieldError { path: path.to_owned(), code: code.to_owned(), message: message.into() });
    }

    /// A text for people: trimmed, its length in characters within `length`, without control
    /// characters other than line breaks and tabs, and without those that turn writing around.
    pub fn text(&mut self, path: &str, text: &str, length: std::ops::RangeInclusive<usize>) -> String {
        let text = text.trim();
        let count = text.chars().count();
        if count == 0 && *length.start() > 0 {
            self.add(path, "REQUIRED", "can't be empty");
        } else if count < *length.start() {
            self.add(path, "TOO_SHORT", format!("at least {} characters are needed, this has {count}", length.start()));
        } else if count > *length.end() {
            self.add(path, "TOO_LONG", format!("at most {} characters are taken, this has {count}", length.end()));
        } else if text.chars().any(is_unprintable) {
            self.add(path, "MALFORMED", "holds a character that can't be shown");
        }
        text.to_owned()
    }

    /// The same of one line, like a name or a title: it stands in subjects of letters, in files of a line
    /// a thing and on papers, where a second line would be somebody else's. It shows something, and all of it is shown:
    /// two that read alike are alike. What comes along when such a line is pasted, and does nothing in it, is left out.
    pub fn line(&mut self, path: &str, text: &str, length: std::ops::RangeInclusive<usize>) -> String {
        let faults = self.fields.len();
        let text = self.text(path, &without_marks(text), length);
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if self.fields.len() > faults {
            return text;
        }
        if text.contains(breaks) {
            self.add(path, "MALFORMED", "is one line, without tabs");
        } else if holds_hidden(&text) {
            self.add(path, "MALFORMED", "holds a character that can't be seen");
        } else if !text.is_empty() && !text.contains(is_visible) {
            self.add(path, "REQUIRED", "shows nothing");
        }
        text
    }

    /// A number within a range.
    pub fn range<N: PartialOrd + std::fmt::Display + Copy>(
        &mut self,
        path: &str,
        n: N,
        range: std::ops::RangeInclusive<N>,
    ) -> N {
        if !range.contains(&n) {
            self.add(path, "OUT_OF_RANGE", format!("must be between {} and {}", range.start(), range.end()));
        }
        n
    }

    /// Take over the fault of a part that was parsed elsewhere, under `path`. Refusals that are
    /// not about fields are kept as a fault of the whole part.
    pub fn nest(&mut self, path: &str, refusal: Refusal) {
        match refusal {
            Refusal::Invalid { fields } => self
                .fields
                .extend(fields.into_iter().map(|field| FieldError { path: format!("{path}.{}", field.path), ..field })),
            other => self.add(path, "REFUSED", other.to_string()),
        }
    }

    /// Take over the faults of a part whose paths are already those of the whole.
    pub fn take(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Invalid { fields } => self.fields.extend(fields),
            other => self.add("", "REFUSED", other.to_string()),
        }
    }

    /// Has nothing been found wrong so far?
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// All is well, or the refusal with every fault.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.fields.is_empty() { Ok(()) } else { Err(Refusal::Invalid { fields: self.fields }) }
    }
}

/// Is this a character that can't be shown, or one that turns the writing around it?
pub fn is_unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Is this a character that is not shown, where writing has no use for it? Those that Unicode 16 calls
/// `Default_Ignorable_Code_Point`.
pub fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<String, String> {
        let mut invalid = Invalid::default();
        let line = invalid.line("name", text, 1..=120);
        match invalid.finish() {
            Ok(()) => Ok(line),
            Err(Refusal::Invalid { fields }) => Err(fields.into_iter().map(|field| field.code).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_line_shows_all_that_it_holds() {
        let joined = "\u{645}\u{6CC}\u{200C}\u{62E}\u{648}\u{627}\u{6C1}\u{645}";
        let fine = [
            " Lin ",
            "Zoë",
            "عائشہ خان",
            joined,
            // A virama with a joiner, at the end of a word and of the line: a Malayalam chillu as it was long written.
            "\u{D05}\u{D35}\u{D28}\u{D4D}\u{200D} \u{D05}\u{D35}\u{D33}\u{D4D}\u{200D}",
            "PDF\u{200C}\u{6C1}\u{627}",
            "\u{6A9}\u{6C1}\u{200C}PDF",
            "👩\u{200D}💻 wanted",
            "❤\u{FE0F}\u{200D}🔥",
            "1\u{FE0F}\u{20E3} page",
            "\u{1F17F}\u{FE0F} \u{2139}\u{FE0F} \u{24C2}\u{FE0F}",
            "\u{845B}\u{E0100}\u{57CE} \u{795E}\u{FE00}",
            "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F} tours",
        ];
        for fine in fine {
            assert_eq!(line(fine), Ok(fine.trim().to_owned()), "{fine:?}");
        }
        let hidden = [
            "Li\u{200B}n",
            "Li\u{200C}n",
            "Li\u{200D}n",
            "Zo\u{200C}ë",
            "PDF\u{200D}\u{6C1}\u{627}",
            "Li\u{2060}n",
            "Li\u{AD}n",
            "Lin\u{3164}",
            "Li\u{FE0F}n",
            "Zoë\u{FE0F}",
            "Lin.\u{FE0F}",
            "❤\u{FE0F}\u{FE0F}",
            "Lin\u{E0041}",
            "Lin\u{E0100}",
            "\u{845B}\u{E0100}\u{E0100}",
            // A flag that does not end, one of nowhere, and one that carries words.
            "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}",
            "\u{1F3F4}\u{E007F}",
            "\u{1F3F4}\u{E0068}\u{E0065}\u{E006C}\u{E006C}\u{E006F}\u{E0061}\u{E006C}\u{E006C}\u{E007F}",
            "\u{200B}",
            "\u{3164}",
            "\u{200D}\u{645}",
            "\u{645} \u{200C}\u{645}",
            "\u{645}\u{200C}\u{200C}\u{645}",
            "\u{D28}\u{D4D}\u{200D}\u{200D}\u{D28}",
            "\u{D28}\u{D4D}\u{200D}\u{200C}\u{D28}",
        ];
        for hidden in hidden {
            assert_eq!(line(hidden), Err("MALFORMED".to_owned()), "{hidden:?}");
        }
        for nothing in ["", " ", "\u{A0}", "\u{3000}", "\u{2800}", "\u{2800} \u{2800}", "\u{200F}", "\u{200C} \u{61C}"]
        {
            assert_eq!(line(nothing), Err("REQUIRED".to_owned()), "{nothing:?}");
        }
    }

    #[test]
    fn what_was_pasted_along_and_does_nothing_is_left_out() {
        for (pasted, kept) in [
            ("Lin\u{200E}", "Lin"),
            ("\u{200F}Lin \u{200F}", "Lin"),
            ("\u{61C}Lin", "Lin"),
            ("Li\u{200E}n", "Lin"),
            ("\u{645}\u{200C}", "\u{645}"),
            ("\u{645}\u{200C}\u{200F}\u{200C} \u{645}\u{200D}", "\u{645} \u{645}"),
            ("\u{D28}\u{D4D}\u{200D}\u{200D}", "\u{D28}\u{D4D}\u{200D}"),
        ] {
            assert_eq!(line(pasted), Ok(kept.to_owned()), "{pasted:?}");
        }
        // What is left out does not count.
        assert_eq!(line(&format!("{}\u{200E}", "a".repeat(120))), Ok("a".repeat(120)));
    }

    #[test]
    fn a_text_may_hold_what_a_line_may_not() {
        let mut invalid = Invalid::default();
        assert_eq!(invalid.text("about", "soft\u{AD}ware\nand more", 1..=120), "soft\u{AD}ware\nand more");
        assert!(invalid.is_empty());
    }
}
