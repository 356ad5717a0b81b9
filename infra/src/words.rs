//! Looking for words that people type, in what people wrote.

use sea_orm::sea_query::Expr;

use crate::bench::{Bench, Place};
use crate::{Failure, Market};

/// So many words are looked for; more are not.
const WORDS: usize = 10;
/// A last word that is only begun is looked for from so many letters on: fewer begin nearly everything.
const BEGUN: usize = 3;
/// So many searches for words are at work at once, and so many more wait.
const AT_ONCE: usize = 4;
const WAITING: usize = 40;

/// Where searches for words take their turn.
pub(crate) fn bench() -> Bench {
    Bench::new("searches", AT_ONCE, WAITING)
}

impl Market {
    /// A turn for a search, if it looks for words.
    pub(crate) async fn turn_for_words(&self, text: Option<&str>) -> Result<Option<Place>, Failure> {
        match text.map(query_of).filter(|words| !words.is_empty()) {
            Some(_) => Ok(Some(self.searches().place().await?)),
            None => Ok(None),
        }
    }
}

/// The condition that `column` holds the words somebody typed; none if they typed none. Words that are nearly
/// everywhere, like "and", are not looked for, and where there are no others everything is found: a search that is
/// made while somebody types must not come and go with each of them.
pub(crate) fn holds(column: &str, text: &str) -> Option<Expr> {
    let words = query_of(text);
    if words.is_empty() {
        return None;
    }
    let asked = "to_tsquery('english', $1)";
    Some(Expr::cust_with_values(format!("(numnode({asked}) = 0 or {column} @@ {asked})"), [words]))
}

/// Words as a full text query: all of them, the last one perhaps only begun.
fn query_of(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(WORDS).map(str::to_lowercase).collect();
    let begun = words.last().is_some_and(|last| last.chars().count() >= BEGUN);
    let words: Vec<String> = words.into_iter().map(|word| format!("'{word}'")).collect();
    format!("{}{}", words.join(" & "), if begun { ":*" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::query_of;

    #[test]
    fn what_people_type_becomes_a_query_that_postgres_can_read() {
        assert_eq!(query_of("Rust back-end deve"), "'rust' & 'back' & 'end' & 'deve':*");
        assert_eq!(query_of("C++ & 'quotes' | !\\"), "'c' & 'quotes':*");
        assert_eq!(query_of("  …  "), "");
        assert_eq!(
            (query_of("r").as_str(), query_of("ru").as_str(), query_of("rus").as_str()),
            ("'r'", "'ru'", "'rus':*")
        );
        assert_eq!(query_of(&"word ".repeat(50)).matches("word").count(), 10);
    }
}
