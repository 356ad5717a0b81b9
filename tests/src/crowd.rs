//! Many at once: the same and opposite acts, started together, and what came of them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::Value;

use crate::Reply;

/// How many act at once.
pub const AT_ONCE: usize = 50;

/// How often each race is run: `RACE_ROUNDS`, or a few times.
pub fn rounds() -> usize {
    std::env::var("RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// What came of acts that were done at once.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// The payloads of those that were not refused.
    pub won: Vec<Value>,
    /// How often each code was the reason for a refusal.
    pub refused: BTreeMap<String, usize>,
}

/// Start [`AT_ONCE`] acts together, and wait for all of them.
pub async fn crowd<F: Future<Output = Reply>>(act: impl Fn(usize) -> F) -> Vec<Reply> {
    join_all((0..AT_ONCE).map(act)).await
}

impl Outcomes {
    /// What came of `replies`. A top-level error is no answer that anybody should get here.
    #[track_caller]
    pub fn of<'a>(replies: impl IntoIterator<Item = &'a Reply>) -> Self {
        let mut outcomes = Self::default();
        for reply in replies {
            let data = reply.data().as_object().unwrap_or_else(|| panic!("no data: {:#}", reply.body));
            for payload in data.values() {
                match payload["errors"].as_array().and_then(|errors| errors.first()) {
                    None if payload.is_object() => outcomes.won.push(payload.clone()),
                    Some(error) => {
                        let code = error["code"].as_str().unwrap_or_default().to_owned();
                        *outcomes.refused.entry(code).or_default() += 1;
                    }
                    None => panic!("neither done nor refused: {:#}", reply.body),
                }
            }
        }
        outcomes
    }

    /// Of two opposite acts, done in turn by the crowd, one won, and whoever did the same got the
    /// same answer; the others were refused for one of these reasons.
    #[track_caller]
    pub fn one_of_two(replies: &[Reply], refused: &[&str]) {
        let sides = [0, 1].map(|side| Self::of(replies.iter().skip(side).step_by(2)));
        let all = Self::of(replies);
        all.refused_only(refused);
        let won = sides.iter().filter(|side| !side.won.is_empty()).count();
        assert_eq!(won, 1, "one of the two should have won: {sides:?}");
        assert!(all.won.windows(2).all(|pair| pair[0] == pair[1]), "one answer: {:?}", all.won);
    }

    /// So many won, and the others were refused for one of these reasons.
    #[track_caller]
    pub fn are(&self, won: usize, refused: &[&str]) {
        assert_eq!(self.won.len(), won, "so many should have won: {self:?}");
        self.refused_only(refused);
    }

    /// Those that were refused were refused for one of these reasons.
    #[track_caller]
    pub fn refused_only(&self, refused: &[&str]) {
        let other: Vec<&String> = self.refused.keys().filter(|code| !refused.contains(&code.as_str())).collect();
        assert!(other.is_empty(), "refused for other reasons than {refused:?}: {other:?}");
    }
}
