//! Proposals that say nearly the same: letters that went round among bidders, or one letter that one
//! hand sends under many names. They are grouped, not judged; which of them to read is the client's.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Words are compared by so many in a row.
const RUN: usize = 3;
/// So much of what either says is said by both, in tenths.
const SHARED_TENTHS: usize = 8;
/// Letters shorter than this say too little to be anybody's in particular.
const SHORTEST: usize = 6;
/// So many letters are compared with each other.
pub const COMPARED: usize = 500;

/// Groups of letters that say nearly the same, as places in `letters`; each with at least two, the
/// first of them first. Of more letters than [`COMPARED`], the first are compared.
pub fn groups(letters: &[&str]) -> Vec<Vec<usize>> {
    let runs: Vec<Vec<u64>> = letters.iter().take(COMPARED).map(|letter| runs(letter)).collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, letter) in runs.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
        // A letter belongs to the first group whose first letter it is like, so that groups don't drift.
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| alike(&runs[*first], letter))) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The runs of words of a letter, each as a number that no other is likely to have, in order and once.
fn runs(letter: &str) -> Vec<u64> {
    let words: Vec<String> =
        letter.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    if words.len() < SHORTEST {
        return Vec::new();
    }
    let number = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    let mut runs: Vec<u64> = words.windows(RUN).map(number).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

fn alike(one: &[u64], other: &[u64]) -> bool {
    // Neither can share more than the smaller holds.
    if one.len().min(other.len()) * 10 < one.len().max(other.len()) * SHARED_TENTHS {
        return false;
    }
    let shared = shared(one, other);
    shared * 10 >= (one.len() + other.len() - shared) * SHARED_TENTHS
}

/// How many numbers two ordered lists share.
fn shared(one: &[u64], other: &[u64]) -> usize {
    let (mut at, mut shared) = (0, 0);
    for number in one {
        while other.get(at).is_some_and(|theirs| theirs < number) {
            at += 1;
        }
        shared += usize::from(other.get(at) == Some(number));
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "Dear client, I have read your post with care and I have built three systems like yours, \
        with tests and on time. My price includes everything that you ask for, and two weeks of care after that.";

    #[test]
    fn letters_that_differ_in_a_name_are_grouped_and_others_are_not() {
        let named = LETTER.replace("client", "Ada");
        let shouted = LETTER.to_uppercase();
        let other = "I wrote the ledger of a payments company in Rust; here is how I would begin with yours, and what \
            I would leave for later.";
        assert_eq!(groups(&[LETTER, other, &named, &shouted]), [vec![0, 2, 3]]);
        assert_eq!(groups(&[LETTER, other]), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn letters_that_share_four_fifths_of_their_runs_are_alike() {
        let letter = |from: usize, to: usize| (from..to).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
        let long = letter(0, 102);
        // A hundred runs each, of which those from the first that they share to the last.
        assert_eq!(groups(&[&long, &letter(11, 113)]), [vec![0, 1]], "89 of 111");
        assert_eq!(groups(&[&long, &letter(12, 114)]), Vec::<Vec<usize>>::new(), "88 of 112");
        assert_eq!(
            groups(&[&long, &format!("{long} {long}"), &letter(0, 82)]),
            [vec![0, 1, 2]],
            "said twice is said once"
        );
    }

    #[test]
    fn a_few_words_are_nobodys_in_particular() {
        assert_eq!(groups(&["I can do this", "I can do this", "", ""]), Vec::<Vec<usize>>::new());
    }
}
