//! What may not be seen takes as much to be refused as what does not exist: nobody tells one from the other by the work it
//! makes.

use std::collections::BTreeSet;

use serde_json::json;
use tests::Visitor;

use super::states::InState;
use super::{Kinds, Viewers};

/// What is sent for a thing by its id, and whether somebody sees it.
async fn sent(who: &Visitor<'_>, id: &str) -> (Vec<String>, bool) {
    who.app.statements();
    let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
    (who.app.statements(), !reply.data()["node"].is_null())
}

/// For each thing of each kind that a visitor, a stranger or a rival does not see, as many statements as for one that was
/// made up; how many things of how many kinds that were.
pub async fn is_the_same(viewers: &Viewers<'_>, kinds: &Kinds, states: &[InState]) -> (usize, usize) {
    let states = states.iter().map(|state| (state.ty, &state.id));
    let things = kinds.iter().flat_map(|(ty, ids)| ids.iter().map(move |id| (ty.as_str(), id))).chain(states);
    let (mut cases, mut met) = (0, BTreeSet::new());
    for (ty, id) in things {
        let (prefix, _) = id.split_once('_').unwrap_or_default();
        let made_up = format!("{prefix}_00000000000000000000000000");
        for (name, who) in &viewers[..3] {
            // Once before it counts, so that nothing is looked up for the first time.
            let (_, seen) = sent(who, &made_up).await;
            assert!(!seen, "{made_up} was made up");
            let ((there, seen), (nothing, _)) = (sent(who, id).await, sent(who, &made_up).await);
            if !seen {
                assert_eq!(there.len(), nothing.len(), "{ty} as {name}: {there:#?}, and for none {nothing:#?}");
                cases += 1;
                met.insert(ty);
            }
        }
    }
    (cases, met.len())
}
