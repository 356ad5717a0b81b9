//! What was read along with something else: it is there when it is asked for. Only queries prime, because
//! what was read before a mutation's next act may not be so after it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::parser::types::{OperationType, Selection, SelectionSet};
use async_graphql::{Context, Lookahead};

use super::{LoadError, Loading};

/// By kind of key: what is there, or known to be absent.
#[derive(Debug, Default)]
pub(super) struct Primed(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Primed {
    fn put<K, V>(&self, found: impl IntoIterator<Item = (K, Option<V>)>)
    where
        K: Hash + Eq + Send + 'static,
        V: Send + 'static,
    {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(TypeId::of::<K>()).or_insert_with(|| Box::new(HashMap::<K, Option<V>>::new()));
        if let Some(kept) = kind.downcast_mut::<HashMap<K, Option<V>>>() {
            kept.extend(found);
        }
    }

    /// What is there under a key, if anything is known of it.
    pub(super) fn get<K, V>(&self, key: &K) -> Option<Option<V>>
    where
        K: Hash + Eq + Send + 'static,
        V: Clone + Send + 'static,
    {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&TypeId::of::<K>())?.downcast_ref::<HashMap<K, Option<V>>>()?.get(key).cloned()
    }
}

impl Loading {
    /// These were read: whoever asks for them gets them from here.
    pub(super) fn prime<K>(&self, found: impl IntoIterator<Item = (K, Option<<Self as Loader<K>>::Value>)>)
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Self: Loader<K, Error = LoadError>,
    {
        self.primed.put(found);
    }
}

/// The same, from a resolver.
pub fn prime<K>(ctx: &Context<'_>, found: impl IntoIterator<Item = (K, Option<<Loading as Loader<K>>::Value>)>)
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loading: Loader<K, Error = LoadError>,
{
    ctx.data_unchecked::<DataLoader<Loading>>().loader().prime(found);
}

/// May what is read now be kept for the rest of the operation?
pub fn may_prime(ctx: &Context<'_>) -> bool {
    ctx.query_env.operation.node.ty == OperationType::Query
}

/// What is selected of the items of the list that is being resolved.
pub fn items<'a>(ctx: &'a Context<'a>, name: &str) -> [Lookahead<'a>; 2] {
    let list = ctx.look_ahead();
    [list.field("nodes").field(name), list.field("edges").field("node").field(name)]
}

/// Is a field of one of these names selected anywhere in the operation? More than what is meant may be
/// found, never less.
pub fn is_asked(ctx: &Context<'_>, names: &[&str]) -> bool {
    let within = |set: &SelectionSet| selects(set, names);
    let fragments = &ctx.query_env.fragments;
    within(&ctx.query_env.operation.node.selection_set.node)
        || fragments.values().any(|fragment| within(&fragment.node.selection_set.node))
}

fn selects(set: &SelectionSet, names: &[&str]) -> bool {
    set.items.iter().any(|item| match &item.node {
        Selection::Field(field) => {
            names.contains(&field.node.name.node.as_str()) || selects(&field.node.selection_set.node, names)
        }
        Selection::InlineFragment(fragment) => selects(&fragment.node.selection_set.node, names),
        Selection::FragmentSpread(_) => false,
    })
}
