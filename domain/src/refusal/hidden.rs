//! Characters that nobody sees, in one line of writing: which of them writing has a use for, and where. Names of this
//! world are taken as they are written, and two that read alike are alike.

use std::iter::Peekable;

use super::is_ignorable;

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
const BLACK_FLAG: char = '\u{1F3F4}';

/// Is something to be seen of it by itself? Of a space there is not, nor of a pattern in braille without dots.
pub(super) fn is_visible(c: char) -> bool {
    !c.is_whitespace() && !is_ignorable(c) && c != '\u{2800}'
}

/// A line without what keyboards and other pages leave in it: marks of the direction of writing, which a line that stands
/// by itself has no use for, and joiners at the end of a word, where there is nothing to join.
pub(super) fn without_marks(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    for c in line.chars().filter(|c| !matches!(c, '\u{200E}' | '\u{200F}' | '\u{61C}')) {
        if c.is_whitespace() {
            end_word(&mut kept);
        }
        kept.push(c);
    }
    end_word(&mut kept);
    kept
}

/// Take the joiners off the end of a word, but for one that says how a virama is drawn.
fn end_word(kept: &mut String) {
    while let Some(joiner @ (NON_JOINER | JOINER)) = kept.chars().next_back() {
        kept.pop();
        if joiner == JOINER && kept.ends_with(is_virama) {
            kept.push(joiner);
            return;
        }
    }
}

/// Does a line hold a character that nobody sees? Urdu writes words with joiners and non-joiners between letters, scripts
/// of India say by them how a virama is drawn (RFC 5892, A.1 and A.2), and pictures are put together by them; what says
/// how a sign is drawn stands behind that sign. Between letters of English none of them does anything.
pub(super) fn holds_hidden(line: &str) -> bool {
    // The last sign, and what stands before this character, sign or not.
    let (mut sign, mut last): (Option<char>, Option<char>) = (None, None);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let is_seen = match c {
            NON_JOINER => last.zip(next).is_some_and(|(before, after)| keeps_apart(before, after)),
            JOINER => {
                let after_joiner = matches!(last, Some(NON_JOINER | JOINER));
                last.is_some_and(is_virama) || (!after_joiner && sign.is_some_and(joins) && next.is_some_and(joins))
            }
            '\u{FE0E}' | '\u{FE0F}' => last.is_some_and(is_picture),
            '\u{FE00}'..='\u{FE02}' | '\u{E0100}'..='\u{E01EF}' => last.is_some_and(is_ideograph),
            _ if is_tag(c) => last == Some(BLACK_FLAG) && ends_flag(&mut rest),
            _ => !is_ignorable(c),
        };
        if !is_seen {
            return true;
        }
        if !is_ignorable(c) {
            sign = Some(c);
        }
        last = Some(c);
    }
    false
}

fn joins(c: char) -> bool {
    !c.is_ascii() && is_visible(c)
}

/// Is a non-joiner of use between these? Of one that stands beside English, as behind an acronym, if the other is a letter
/// of a script that is written with it.
fn keeps_apart(before: char, after: char) -> bool {
    let both = joins(before) && joins(after);
    let one = is_visible(before) && is_visible(after) && (is_connected(before) || is_connected(after));
    both || one
}

/// Is it of a script whose letters change beside each other? From Arabic to Sinhala, of Myanmar, Khmer and Mongolian, and
/// the forms that Arabic is shown in.
fn is_connected(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{DFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1780}'..='\u{18AF}'
            | '\u{FB50}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFC}'
    )
}

/// Does it take a vowel off a letter, in the scripts that say with a joiner how that is drawn?
fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94D}'
            | '\u{9CD}'
            | '\u{A4D}'
            | '\u{ACD}'
            | '\u{B4D}'
            | '\u{BCD}'
            | '\u{C4D}'
            | '\u{CCD}'
            | '\u{D4D}'
            | '\u{DCA}'
    )
}

/// Can it be drawn as a picture or as writing? Few that can are letters: squared and circled ones. Of ASCII, what keys
/// show.
fn is_picture(c: char) -> bool {
    match c {
        '0'..='9' | '#' | '*' => true,
        '\u{2139}' | '\u{24C2}' | '\u{1F170}' | '\u{1F171}' | '\u{1F17E}' | '\u{1F17F}' => true,
        _ => joins(c) && !c.is_alphabetic(),
    }
}

/// Is it a character of Chinese writing? Of some, names are written in one form and no other.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFD}')
}

/// Is it a letter or a digit of the name that makes a flag that of a region?
fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}')
}

/// Take the rest of a region's name, of which the first letter was taken, and its end (Unicode TR 51, C.1): two letters or
/// three digits of a country, and up to four of a part of it.
fn ends_flag(rest: &mut Peekable<impl Iterator<Item = char>>) -> bool {
    let mut taken = 1;
    while rest.next_if(|c| is_tag(*c)).is_some() {
        taken += 1;
    }
    (3..=7).contains(&taken) && rest.next_if_eq(&'\u{E007F}').is_some()
}
