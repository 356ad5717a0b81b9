//! Words: how text is cut, folded and stemmed, the same way everywhere and on every node.

/// Lower case, accents gone, words of `a-z 0-9 + #` with one space between. Two names that fold to
/// the same text are the same name; the table `skill_alias` keeps this form.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    let mut chars = text.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(letter) = chars.next() {
        // ".NET" would lose the only thing that tells it from a net.
        if letter == '.' && !before.is_some_and(char::is_alphanumeric) {
            let rest: String = chars.clone().take(4).collect::<String>().to_lowercase();
            if rest.starts_with("net") && !rest.chars().nth(3).is_some_and(char::is_alphanumeric) {
                chars.by_ref().take(3).for_each(drop);
                before = Some('t');
                push_word(&mut folded, "dotnet");
                gap = true;
                continue;
            }
        }
        before = Some(letter);
        if matches!(letter, '\'' | '\u{2019}') {
            continue;
        }
        let mut kept = false;
        for small in letter.to_lowercase() {
            let plain = unaccented(small);
            if plain.is_empty() {
                continue;
            }
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push_str(plain.as_str());
            kept = true;
        }
        gap |= !kept && !is_combining(letter);
    }
    folded
}

fn push_word(folded: &mut String, word: &str) {
    if !folded.is_empty() {
        folded.push(' ');
    }
    folded.push_str(word);
}

fn is_combining(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// At most one plain letter, kept on the stack.
struct Plain([u8; 1], usize);

impl Plain {
    fn is_empty(&self) -> bool {
        self.1 == 0
    }
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0[..self.1]).unwrap_or_default()
    }
}

fn unaccented(letter: char) -> Plain {
    let plain = match letter {
        'a'..='z' | '0'..='9' | '+' | '#' => letter,
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => 'i',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' => 's',
        'ţ' | 'ť' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        _ => return Plain([0], 0),
    };
    Plain([plain as u8], 1)
}

/// The words of a text, folded.
pub fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Words that say nothing about what a text is about.
pub fn is_stop_word(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "and"
            | "are"
            | "as"
            | "at"
            | "be"
            | "but"
            | "by"
            | "for"
            | "from"
            | "has"
            | "have"
            | "if"
            | "in"
            | "into"
            | "is"
            | "it"
            | "its"
            | "of"
            | "on"
            | "or"
            | "our"
            | "such"
            | "that"
            | "the"
            | "their"
            | "then"
            | "there"
            | "these"
            | "they"
            | "this"
            | "to"
            | "was"
            | "we"
            | "were"
            | "will"
            | "with"
            | "you"
            | "your"
    )
}

/// The singular of a plural, as far as the last letters tell: `apis` is `api`, `business` stays.
pub fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i', '+', '#']) => stem,
        Some(stem) if stem.len() > 2 && stem.ends_with("pi") => stem,
        _ => word,
    }
}

/// What the embedding table has rows for: lower-case tokens in which `node.js` or `ci/cd` stays whole.
pub fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let bytes = lower.as_bytes();
    let plain = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inner = |at: usize| plain(at) || matches!(bytes.get(at), Some(b'+' | b'#'));
    let joint = |at: usize| matches!(bytes.get(at), Some(b'.' | b'-' | b'/' | b'&' | b'\''));
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if plain(at) {
            let start = at;
            loop {
                while inner(at) {
                    at += 1;
                }
                if joint(at) && inner(at + 1) {
                    at += 1;
                } else {
                    break;
                }
            }
            found.push(lower[start..at].to_owned());
        } else if lower[at..].starts_with(".net") && lower.is_char_boundary(at) {
            found.push(".net".to_owned());
            at += 4;
        } else {
            at += 1;
            while at < bytes.len() && !lower.is_char_boundary(at) {
                at += 1;
            }
        }
    }
    found
}

/// Porter's stem of a folded word, so that `designing`, `designer` and `designs` can meet.
pub fn stem(word: &str) -> String {
    if word.len() <= 2 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stemmer = Stemmer { letters: word.as_bytes().to_vec() };
    stemmer.plurals_and_past();
    stemmer.trailing_y();
    stemmer.long_suffixes();
    stemmer.suffixes();
    stemmer.last_suffixes();
    stemmer.final_e_and_l();
    String::from_utf8(stemmer.letters).unwrap_or_else(|_| word.to_owned())
}

/// M. F. Porter, An algorithm for suffix stripping, 1980: the steps in the order of the paper.
struct Stemmer {
    letters: Vec<u8>,
}

impl Stemmer {
    fn is_consonant(&self, at: usize) -> bool {
        match self.letters[at] {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => at == 0 || !self.is_consonant(at - 1),
            _ => true,
        }
    }

    /// How many times a vowel run is followed by a consonant run in the first `len` letters.
    fn measure(&self, len: usize) -> usize {
        (1..len).filter(|&at| self.is_consonant(at) && !self.is_consonant(at - 1)).count()
    }

    fn has_vowel(&self, len: usize) -> bool {
        (0..len).any(|at| !self.is_consonant(at))
    }

    fn ends_double(&self, len: usize) -> bool {
        len >= 2 && self.letters[len - 1] == self.letters[len - 2] && self.is_consonant(len - 1)
    }

    fn ends_short(&self, len: usize) -> bool {
        len >= 3
            && self.is_consonant(len - 1)
            && !self.is_consonant(len - 2)
            && self.is_consonant(len - 3)
            && !matches!(self.letters[len - 1], b'w' | b'x' | b'y')
    }

    fn before(&self, suffix: &str) -> Option<usize> {
        self.letters.ends_with(suffix.as_bytes()).then(|| self.letters.len() - suffix.len())
    }

    fn replace(&mut self, from: usize, with: &str) {
        self.letters.truncate(from);
        self.letters.extend_from_slice(with.as_bytes());
    }

    fn plurals_and_past(&mut self) {
        if let Some(at) = self.before("sses").or_else(|| self.before("ies")) {
            self.letters.truncate(at + if self.letters.ends_with(b"sses") { 2 } else { 1 });
        } else if let Some(at) = self.before("s").filter(|_| self.before("ss").is_none()) {
            self.letters.truncate(at);
        }
        if let Some(at) = self.before("eed") {
            if self.measure(at) > 0 {
                self.letters.pop();
            }
            return;
        }
        let Some(at) = self.before("ed").or_else(|| self.before("ing")).filter(|&at| self.has_vowel(at)) else {
            return;
        };
        self.letters.truncate(at);
        if ["at", "bl", "iz"].iter().any(|end| self.before(end).is_some()) {
            self.letters.push(b'e');
        } else if self.ends_double(at) && !matches!(self.letters[at - 1], b'l' | b's' | b'z') {
            self.letters.pop();
        } else if self.measure(at) == 1 && self.ends_short(at) {
            self.letters.push(b'e');
        }
    }

    fn trailing_y(&mut self) {
        if let Some(at) = self.before("y").filter(|&at| self.has_vowel(at)) {
            self.replace(at, "i");
        }
    }

    fn first_rule(&mut self, rules: &[(&str, &str)], least: usize) {
        for (suffix, with) in rules {
            if let Some(at) = self.before(suffix) {
                if self.measure(at) > least {
                    self.replace(at, with);
                }
                return;
            }
        }
    }

    fn long_suffixes(&mut self) {
        self.first_rule(
            &[
                ("ational", "ate"),
                ("tional", "tion"),
                ("enci", "ence"),
                ("anci", "ance"),
                ("izer", "ize"),
                ("abli", "able"),
                ("alli", "al"),
                ("entli", "ent"),
                ("eli", "e"),
                ("ousli", "ous"),
                ("ization", "ize"),
                ("ation", "ate"),
                ("ator", "ate"),
                ("alism", "al"),
                ("iveness", "ive"),
                ("fulness", "ful"),
                ("ousness", "ous"),
                ("aliti", "al"),
                ("iviti", "ive"),
                ("biliti", "ble"),
            ],
            0,
        );
    }

    fn suffixes(&mut self) {
        self.first_rule(
            &[
                ("icate", "ic"),
                ("ative", ""),
                ("alize", "al"),
                ("iciti", "ic"),
                ("ical", "ic"),
                ("ful", ""),
                ("ness", ""),
            ],
            0,
        );
    }

    fn last_suffixes(&mut self) {
        const ENDINGS: [&str; 18] = [
            "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate", "iti",
            "ous", "ive", "ize",
        ];
        if let Some(at) = self.before("ion") {
            if self.measure(at) > 1 && at > 0 && matches!(self.letters[at - 1], b's' | b't') {
                self.letters.truncate(at);
            }
            return;
        }
        self.first_rule(&ENDINGS.map(|ending| (ending, "")), 1);
    }

    fn final_e_and_l(&mut self) {
        if let Some(at) = self.before("e") {
            let measure = self.measure(at);
            if measure > 1 || (measure == 1 && !self.ends_short(at)) {
                self.letters.truncate(at);
            }
        }
        let len = self.letters.len();
        if self.ends_double(len) && self.letters[len - 1] == b'l' && self.measure(len) > 1 {
            self.letters.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_makes_one_name_of_many_spellings() {
        for (text, folded) in [
            ("Node.js", "node js"),
            ("  UI / UX  Design ", "ui ux design"),
            ("C++", "c++"),
            ("c#.NET", "c# dotnet"),
            ("ASP.NET Core", "asp net core"),
            (".NET", "dotnet"),
            ("with .Net Core", "with dotnet core"),
            ("Children's books", "childrens books"),
            ("Café Résumé", "cafe resume"),
            ("اردو", ""),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn tokens_keep_joints_and_drop_the_rest() {
        assert_eq!(tokens("Node.js, CI/CD & .NET; it's C#!"), ["node.js", "ci/cd", ".net", "it's", "c#"]);
        assert_eq!(tokens("— رابطہ — ok."), ["ok"]);
    }

    #[test]
    fn stems_meet_where_words_are_related() {
        for (one, other) in
            [("designing", "designs"), ("relational", "relate"), ("programming", "programs"), ("managing", "manage")]
        {
            assert_eq!(stem(one), stem(other), "{one} {other}");
        }
        for (word, expected) in
            [("caresses", "caress"), ("ponies", "poni"), ("hopping", "hop"), ("controller", "control"), ("k8s", "k8s")]
        {
            assert_eq!(stem(word), expected);
        }
    }

    #[test]
    fn a_plural_that_is_none_stays() {
        for (word, one) in [
            ("apis", "api"),
            ("business", "business"),
            ("status", "status"),
            ("analysis", "analysis"),
            ("logos", "logo"),
        ] {
            assert_eq!(singular(word), one);
        }
    }
}
