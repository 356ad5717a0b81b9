//! Counting tokens without making any.

/// What a document is made of, before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// How many tokens.
    pub count: u64,
    /// How deep brackets stand within brackets.
    pub nesting: u64,
}

/// Count a document's tokens. It need not be well-formed; the count is then of no less than the
/// parser would meet.
pub fn count(text: &str) -> Tokens {
    let mut tokens = Tokens::default();
    let mut open = 0_u64;
    for token in tokens_of(text) {
        tokens.count += 1;
        match token.bytes {
            b"{" | b"[" | b"(" => {
                open += 1;
                tokens.nesting = tokens.nesting.max(open);
            }
            b"}" | b"]" | b")" => open = open.saturating_sub(1),
            _ => {}
        }
    }
    tokens
}

/// A token, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How many bytes are before it.
    pub at: usize,
}

/// The tokens of a document, one after the other.
pub fn tokens_of(text: &str) -> impl Iterator<Item = Token<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let begin = at;
            match *bytes.get(at)? {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    at += 1;
                    continue;
                }
                b'#' => {
                    at += bytes[at..].iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len() - at);
                    continue;
                }
                b'"' => at = string_end(bytes, at),
                byte if is_word(byte) => {
                    at += bytes[at..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
                }
                _ => at += if bytes[at..].starts_with(b"...") { 3 } else { 1 },
            }
            return Some(Token { bytes: &bytes[begin..at], at: begin });
        }
    })
}

/// Letters, digits and what numbers are made of.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

/// Where the string that begins at `start` is over.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let block = bytes[start..].starts_with(b"\"\"\"");
    let (quote, mut at): (&[u8], usize) = if block { (b"\"\"\"", start + 3) } else { (b"\"", start + 1) };
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(quote) {
            return at + quote.len();
        }
        at += match rest {
            [b'\\', b'"', b'"', b'"', ..] if block => 4,
            [b'\\', _, ..] if !block => 2,
            // A line break ends a plain string, as an error; what follows is counted again.
            [b'\r' | b'\n', ..] if !block => return at,
            _ => 1,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_a_parser_would() {
        let rows = [
            ("", 0, 0),
            ("{ hello }", 3, 1),
            ("{hello(name:\"a b { c\"){x,y}...F} # {{{ }", 14, 2),
            ("query($a:[Int!]=[1,-2,3.5e+4]){a}", 21, 2),
            ("{ a(x: \"\"\"a \" b \\\"\"\" c\"\"\") }", 8, 2),
            ("{ a(x: \"a \\\" b\") }", 8, 2),
            ("\"unfinished", 1, 0),
            ("\"unfinished\n{", 2, 1),
            ("}}}{", 4, 1),
            ("# only a comment", 0, 0),
        ];
        for (text, count_, nesting) in rows {
            assert_eq!(count(text), Tokens { count: count_, nesting }, "{text}");
        }
        assert_eq!(count(&"[".repeat(20_000)).nesting, 20_000);
    }
}
