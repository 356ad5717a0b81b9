//! Names as they are compared: what is written so that it reads alike is alike.

use domain::refusal::is_ignorable;
use unicode_normalization::UnicodeNormalization;

/// What tells this way of comparing names from others: everybody is screened anew when it changes.
pub(super) const COMPARED: &str = "names compared by how they read, 2";

/// The words of a name, in no order: without case, width, punctuation, accents and what nobody sees, and with letters
/// of other scripts as those of English that they look like.
pub(super) fn normal(name: &str) -> Vec<String> {
    let shown = name.nfkd().filter(|c| !is_ignorable(*c) && !is_accent(*c));
    let read: String = shown.flat_map(char::to_lowercase).map(alike).collect();
    let words = read.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort_unstable();
    words
}

/// Is it a mark on the letter before it, as English and its neighbours write them?
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// The English letter that a small one of Cyrillic or Greek looks like, or its capital does; else itself. The lists are
/// read so, too, so that names in these scripts are found as before.
fn alike(c: char) -> char {
    match c {
        '\u{430}' | '\u{3B1}' => 'a',
        '\u{432}' | '\u{3B2}' => 'b',
        '\u{441}' | '\u{3F2}' => 'c',
        '\u{501}' => 'd',
        '\u{435}' | '\u{3B5}' => 'e',
        '\u{43D}' | '\u{4BB}' | '\u{3B7}' => 'h',
        '\u{456}' | '\u{4CF}' | '\u{3B9}' | '\u{131}' => 'i',
        '\u{458}' => 'j',
        '\u{43A}' | '\u{3BA}' => 'k',
        '\u{43C}' | '\u{3BC}' => 'm',
        '\u{3BD}' => 'n',
        '\u{43E}' | '\u{3BF}' => 'o',
        '\u{440}' | '\u{3C1}' => 'p',
        '\u{51B}' => 'q',
        '\u{455}' => 's',
        '\u{442}' | '\u{3C4}' => 't',
        '\u{51D}' => 'w',
        '\u{445}' | '\u{3C7}' => 'x',
        '\u{443}' | '\u{4AF}' | '\u{3C5}' => 'y',
        '\u{3B6}' => 'z',
        other => other,
    }
}
