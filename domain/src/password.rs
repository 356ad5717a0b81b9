//! Passwords: what is taken for one. Length is what counts, so there are no rules about kinds of
//! characters; but what everybody tries first is refused, however it is dressed up.

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use crate::refusal::Invalid;

/// The fewest characters of a password.
pub const SHORTEST: usize = 10;
/// The most characters of a password. Nothing is ever cut off.
pub const LONGEST: usize = 512;

/// A password somebody chose, good enough to keep. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Check a password that is to be set, for someone of whom `about` says who they are (their
    /// email, their name): those are the first guesses.
    pub fn parse(invalid: &mut Invalid, path: &str, text: &str, about: &[&str]) -> Self {
        let length = text.chars().count();
        if length == 0 {
            invalid.add(path, "REQUIRED", "can't be empty");
        } else if length < SHORTEST {
            invalid.add(path, "TOO_SHORT", format!("at least {SHORTEST} characters are needed, this has {length}"));
        } else if length > LONGEST {
            invalid.add(path, "TOO_LONG", format!("at most {LONGEST} characters are taken, this has {length}"));
        } else if is_common(text) || is_guessable(text, about) {
            invalid.add(
                path,
                "TOO_COMMON",
                "is among the first that anybody would try: take a few words that don't belong together",
            );
        }
        Self(text.to_owned())
    }

    /// The password itself, for whoever hashes it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Is it a password that was found in breaches again and again, perhaps with something at its ends,
/// twice in a row, or with figures for letters?
fn is_common(text: &str) -> bool {
    let lower = text.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
    let (head, tail) = lower.split_at(lower.floor_char_boundary(lower.len() / 2));
    let twice = if head == tail { head } else { "" };
    let undressed = plain_letters(&lower);
    [lower.as_str(), bare, twice, undressed.as_str()].into_iter().any(|form| common().contains(form))
}

/// The list, each password in lower case. Where it is from is said in `data/DATA.md`.
fn common() -> &'static HashSet<&'static str> {
    static COMMON: OnceLock<HashSet<&'static str>> = OnceLock::new();
    COMMON.get_or_init(|| include_str!("../data/common_passwords.txt").lines().collect())
}

/// How many characters must be left when all that is easily guessed was taken out.
const UNGUESSED: usize = 4;

/// So many bytes of what somebody says of themselves are looked at: more than an address or a name may have. Who they are
/// may not have been checked yet, and each word of it is looked for in the password.
const ABOUT_LONGEST: usize = 512;

/// Is there hardly anything in it but words everybody uses, rows of the keyboard, years, repeats,
/// and the person's own name?
fn is_guessable(text: &str, about: &[&str]) -> bool {
    let mut rest = plain_letters(text);
    for word in &guesses(about) {
        rest = rest.replace(word.as_str(), " ");
        let undressed = plain_letters(word);
        rest = rest.replace(undressed.as_str(), " ");
    }
    let digits_apart: String = rest.chars().filter(|c| c.is_alphanumeric()).collect();
    unpredictable(&digits_apart) < UNGUESSED
}

/// The words that are guessed: those that everybody uses, and those that the person is known by. The longest first, so that
/// "passwords" is not left with an "s".
fn guesses(about: &[&str]) -> Vec<String> {
    let about = about.iter().map(|text| text.split_at(text.floor_char_boundary(ABOUT_LONGEST)).0);
    let own = about.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).map(str::to_lowercase);
    let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).chain(own).collect();
    words.retain(|word| word.chars().count() >= 3);
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words
}

/// The letters that common substitutions stand for.
fn plain_letters(text: &str) -> String {
    let plain = |c: char| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    };
    text.to_lowercase().chars().map(plain).collect()
}

/// How many characters neither repeat one that came shortly before nor continue a row.
fn unpredictable(text: &str) -> usize {
    let letters: Vec<char> = text.chars().collect();
    let surprising = |place: usize| {
        let this = letters[place];
        let near = &letters[place.saturating_sub(4)..place];
        let follows = near.last().is_some_and(|&last| u32::from(last).abs_diff(u32::from(this)) <= 1);
        !follows && !near.contains(&this)
    };
    (0..letters.len()).filter(|&place| surprising(place)).count()
}

/// Words, names and rows of keys that most guessed passwords are made of.
const COMMON: &str = "
    password passwords passwort passw passwd pass word parola contrasena secret private letmein welcome login logon
    signin access admin administrator root toor user username guest test tester testing demo sample default master
    changeme change temp temporary qwerty qwertz azerty qwertyuiop asdfghjkl asdfgh asdf zxcvbnm zxcvbn zxcv qazwsx
    qaz wsx edc poiuyt lkjhgf mnbvcx 1q2w3e4r 1q2w3e 1qaz 2wsx 3edc q1w2e3 123456789 0123456789 1234567890 987654321
    12345678 1234567 123456 12345 1234 123 111 000 222 333 444 555 666 777 888 999 abc abcd abcdef abc123
    iloveyou loveyou love lover babe baby angel princess prince queen king sunshine sunflower flower butterfly
    rainbow summer winter spring autumn january february march april june july august september october november
    december monday tuesday wednesday thursday friday saturday sunday football baseball basketball soccer cricket
    hockey tennis liverpool arsenal chelsea barcelona madrid juventus dragon monkey tiger lion eagle shadow ninja
    samurai warrior hunter killer superman batman spiderman ironman starwars pokemon naruto matrix gandalf merlin
    mustang ferrari porsche mercedes toyota honda yamaha harley corvette computer internet server windows linux
    google facebook twitter instagram microsoft apple samsung android iphone github upwork fiverr rabta
    freelancer freelance developer hello freedom trustno trust whatever nothing forever friends family jesus christ
    allah bismillah muhammad mohammad mohammed ahmed ali khan hassan hussain fatima ayesha pakistan pakistani
    zindabad lahore karachi islamabad rawalpindi peshawar india america newyork london michael jordan jennifer
    jessica ashley daniel thomas charlie george andrew robert william anthony matthew nicole michelle amanda
    cheese cookie coffee chocolate banana orange cherry pepper ginger silver golden diamond purple yellow green
    blue black white red hottie sexy money dollar rich lucky star super happy good great best new old big
    2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026 2027 1990 1995 2000 1980 1985
";

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let mut invalid = Invalid::default();
        Password::parse(&mut invalid, "password", text, &["ada.lovelace@example.com", "Ada Lovelace"]);
        match invalid.finish() {
            Ok(()) => vec![],
            Err(crate::refusal::Refusal::Invalid { fields }) => fields.into_iter().map(|field| field.code).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_everybody_tries_first_is_refused_however_it_is_dressed_up() {
        for text in [
            "password123",
            "Password2024!",
            "P@ssw0rd1234",
            "qwertyuiop",
            "1234567890",
            "aaaaaaaaaaaa",
            "abababababab",
            "iloveyou12345",
            "Welcome2025!!",
            "letmein-please"[..10].as_ref(),
            "PakistanZindabad",
            "adalovelace1815",
            "Lahore1234567",
            "1q2w3e4r5t6y",
        ] {
            assert_eq!(faults(text), ["TOO_COMMON"], "{text}");
        }
    }

    #[test]
    fn what_was_found_in_breaches_is_refused_also_with_something_around_it() {
        for text in ["kensington", "Blackhawks", "kanmax1994", "htcnjhfy2024", "!!Studmuff42", "serendipserendip"] {
            assert_eq!(faults(text), ["TOO_COMMON"], "{text}");
        }
        assert!(common().len() > 25_000 && common().contains("gfhjkm1"), "{}", common().len());
        assert!(!is_common("tuba-gravel-ninety") && !is_common("kensington and a moss lantern"));
    }

    #[test]
    fn length_is_what_counts() {
        for text in [
            "correct horse battery staple",
            "tuba-gravel-ninety",
            "x9#Lq2!vR8wz",
            "میرا پاس ورڈ بہت لمبا",
            "gravel tuba \u{0} bell",
        ] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(faults(&"quiet moss lantern ".repeat(20)), Vec::<String>::new(), "380 characters");
        assert_eq!(faults(""), ["REQUIRED"]);
        assert_eq!(faults("x9#Lq2!vR"), ["TOO_SHORT"]);
        assert_eq!(faults(&"x9#Lq2!vR8wz".repeat(50)), ["TOO_LONG"]);
    }

    #[test]
    fn however_much_somebody_says_of_themselves_few_words_of_it_are_looked_for() {
        let known = guesses(&[]).len();
        let long: String = (0..64_000).map(|n| format!("a{:02x} ", n % 256)).collect();
        let looked_for = guesses(&[&long, &long]).len() - known;
        assert!((200..=256).contains(&looked_for), "{looked_for} of 128,000 words");
        let urdu = "\u{645}\u{62d}\u{645}\u{62f} ".repeat(10_000);
        assert!(guesses(&[&urdu]).len() - known <= 128, "cut between letters of several bytes");
        assert_eq!(guesses(&["ada.lovelace@example.com", "Ada Lovelace"]).len() - known, 6, "all of what is short");
        let mut invalid = Invalid::default();
        Password::parse(&mut invalid, "password", "tuba-gravel-ninety", &[&long]);
        assert!(invalid.finish().is_ok());
    }

    #[test]
    fn a_password_does_not_show_itself() {
        let mut invalid = Invalid::default();
        let password = Password::parse(&mut invalid, "password", "tuba-gravel-ninety", &[]);
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
