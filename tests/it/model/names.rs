//! What a thing is called in memory, and what it is called on PostgreSQL. A pair is learned where
//! the two are first seen in the same place, and has to stay a pair from then on.

use std::collections::HashMap;

use domain::id::Id;
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Names {
    there: HashMap<String, String>,
    here: HashMap<String, String>,
}

/// The length of an id as text: a prefix of three letters, an underscore, and 26 characters.
const LENGTH: usize = 30;

fn is_id(text: &str) -> bool {
    text.len() == LENGTH && text.as_bytes()[3] == b'_' && text.is_ascii()
}

impl Names {
    /// These two are the same thing.
    pub fn pair(&mut self, here: &str, there: &str) -> Result<(), String> {
        let known = self.there.insert(here.to_owned(), there.to_owned());
        let known_back = self.here.insert(there.to_owned(), here.to_owned());
        let stays = known.is_none_or(|known| known == there) && known_back.is_none_or(|known| known == here);
        if stays { Ok(()) } else { Err(format!("{here} is another thing than {there}")) }
    }

    /// The name on PostgreSQL of something in memory; a name of nothing if it is not known.
    pub fn of<I: Id>(&self, here: I) -> I {
        self.there.get(&here.to_string()).and_then(|there| there.parse().ok()).unwrap_or(here)
    }

    /// Is the name on PostgreSQL of something in memory known?
    pub fn knows(&self, here: impl Id) -> bool {
        self.there.contains_key(&here.to_string())
    }

    /// A text with the names in it as they are on PostgreSQL.
    pub fn in_text(&self, text: &str) -> String {
        let mut told = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(there) = rest.get(..LENGTH).and_then(|name| self.there.get(name)) {
                told.push_str(there);
                rest = &rest[LENGTH..];
            } else {
                let mut letters = rest.chars();
                told.extend(letters.next());
                rest = letters.as_str();
            }
        }
        told
    }

    /// Are these two values the same, but for names? Learns names on the way.
    pub fn same(&mut self, here: &Value, there: &Value, place: &str) -> Result<(), String> {
        let differ = || format!("{place} is {here} in memory and {there} on PostgreSQL");
        match (here, there) {
            (Value::Object(a), Value::Object(b)) => {
                if !a.keys().eq(b.keys()) {
                    return Err(differ());
                }
                a.iter().zip(b.values()).try_for_each(|((name, a), b)| self.same(a, b, &format!("{place}.{name}")))
            }
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return Err(differ());
                }
                a.iter().zip(b).enumerate().try_for_each(|(n, (a, b))| self.same(a, b, &format!("{place}.{n}")))
            }
            (Value::String(a), Value::String(b)) if is_id(a) && is_id(b) && a[..4] == b[..4] => {
                self.pair(a, b).map_err(|wrong| format!("{place}: {wrong}"))
            }
            (Value::String(a), Value::String(b)) if self.in_text(a) == *b => Ok(()),
            (a, b) if a == b => Ok(()),
            _ => Err(differ()),
        }
    }
}
