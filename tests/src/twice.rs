//! A request to be sent twice, and another one under the same key.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::introspect::Inputs;

/// Texts that may say something else without being at fault for it.
const WORDS: &[&str] = &[
    "body",
    "message",
    "note",
    "title",
    "name",
    "description",
    "headline",
    "overview",
    "text",
    "reason",
    "accountTitle",
];

/// A request with a key, and another one with it.
#[derive(Debug)]
pub struct Twice {
    /// The request.
    pub input: Value,
    /// A request for something else that could be asked for just as well, if one can be made up.
    pub other: Option<Value>,
}

impl Twice {
    /// The request with a key of its own; none if it has one, or if the mutation takes none.
    pub async fn of(mutation: &str, input: &Value) -> Option<Self> {
        let has_version = *keyed().await.get(mutation)?;
        if !input["idempotencyKey"].is_null() {
            return None;
        }
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut input = input.clone();
        input["idempotencyKey"] = json!(format!("story-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        Some(Self { other: other(&input, has_version), input })
    }
}

fn other(input: &Value, has_version: bool) -> Option<Value> {
    let mut other = input.clone();
    let fields = other.as_object_mut()?;
    if has_version {
        let seen = input["expectedVersion"].as_i64().unwrap_or(0);
        fields.insert("expectedVersion".to_owned(), json!(seen + 1));
        return Some(other);
    }
    if let Some(word) = WORDS.iter().find(|word| input[**word].is_string()) {
        let text = input[*word].as_str().unwrap_or_default();
        fields.insert((*word).to_owned(), json!(format!("{text} indeed")));
        return Some(other);
    }
    let (_, id) = fields.iter_mut().find(|(name, value)| name.ends_with("Id") && value.is_string())?;
    let text = id.as_str().unwrap_or_default().to_owned();
    let last = if text.ends_with('0') { '1' } else { '0' };
    *id = json!(format!("{}{last}", text.get(..text.len().checked_sub(1)?)?));
    Some(other)
}

/// The mutations that take a key; and whether they take a version.
async fn keyed() -> &'static BTreeMap<String, bool> {
    static KEYED: OnceCell<BTreeMap<String, bool>> = OnceCell::const_new();
    KEYED
        .get_or_init(|| async {
            let inputs = Inputs::read().await;
            let takes = |leaves: &[crate::introspect::Leaf], name: &str| leaves.iter().any(|leaf| leaf.path == [name]);
            let mutations = inputs.mutations.iter().map(|mutation| (mutation.name.clone(), inputs.leaves(mutation)));
            mutations
                .filter(|(_, leaves)| takes(leaves, "idempotencyKey"))
                .map(|(name, leaves)| (name, takes(&leaves, "expectedVersion")))
                .collect()
        })
        .await
}
