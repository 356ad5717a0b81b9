//! Other names for skills and for occupations, beyond those of our own taxonomy: "use e-services"
//! is "make use of electronic services". They let a text be recognised by whatever it calls things.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::text::fold;

static SHIPPED: LazyLock<Thesaurus> = LazyLock::new(|| {
    Thesaurus::read(&[include_str!("../../data/esco_skills.tsv"), include_str!("../../data/occupations.tsv")])
});

/// Names and what else they are called.
#[derive(Debug, Default)]
pub struct Thesaurus {
    others: HashMap<String, Vec<&'static str>>,
}

impl Thesaurus {
    /// The thesaurus that ships with the product. Read once.
    pub fn shipped() -> &'static Thesaurus {
        &SHIPPED
    }

    /// One that knows no other names.
    pub fn empty() -> Thesaurus {
        Thesaurus::default()
    }

    /// A name a line, a tab, and its other names split by `|`.
    fn read(tables: &[&'static str]) -> Thesaurus {
        let mut others: HashMap<String, Vec<&'static str>> = HashMap::new();
        for line in tables.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#')) {
            if let Some((name, rest)) = line.split_once('\t') {
                others.entry(fold(name)).or_default().extend(rest.split('|'));
            }
        }
        Thesaurus { others }
    }

    /// What else a folded name is called.
    pub fn others(&self, folded: &str) -> &[&'static str] {
        self.others.get(folded).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_found_by_the_folded_name() {
        assert!(!Thesaurus::shipped().others(&fold("Use E-Services")).is_empty());
        assert!(Thesaurus::shipped().others("no such name").is_empty());
        assert!(Thesaurus::empty().others(&fold("Use E-Services")).is_empty());
    }
}
