//! One walk over a document, from the bottom up, each fragment once.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    DirectiveLocation, ExecutableDocument, Field, OperationType, Selection, SelectionSet,
};
use async_graphql::{Pos, Positioned};

use super::complete::MARK;
use super::shape::{self, Shape, named};
use super::{Limits, merge, strict, usages};
use crate::http::Problem;

/// How much a selection set is, with its fragments written out.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: u64,
    depth: u64,
    aliases: u64,
    directives: u64,
    introspection_lists: u64,
    introspection_reads: u64,
    introspects: bool,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
            introspection_reads: self.introspection_reads.saturating_add(other.introspection_reads),
            introspects: self.introspects || other.introspects,
        }
    }
}

/// Refuse a document that is too much, or that the library would let pass where it should not.
pub fn survey(
    document: &ExecutableDocument,
    shape: &Shape,
    limits: &Limits,
    introspection: bool,
) -> Result<(), Problem> {
    let operations = document.operations.iter().len() as u64;
    within("TOO_MANY_OPERATIONS", "operations in the document", limits.operations, operations)?;

    let mut survey = Survey { document, shape, limits, fragments: HashMap::new() };
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let variables = operation.variable_definitions.len() as u64;
        within("TOO_MANY_VARIABLES", "variables of an operation", limits.variables, variables)?;
        let root = &operation.selection_set.node;
        let location = match operation.ty {
            OperationType::Query => DirectiveLocation::Query,
            OperationType::Mutation => DirectiveLocation::Mutation,
            OperationType::Subscription => DirectiveLocation::Subscription,
        };
        strict::directives(shape, &operation.directives, location)?;
        for variable in &operation.variable_definitions {
            strict::directives(shape, &variable.node.directives, DirectiveLocation::VariableDefinition)?;
        }
        let size = survey.selections(root, Some(shape.root(operation.ty)), 0)?;
        if operation.ty == OperationType::Mutation {
            within("TOO_MANY_MUTATIONS", "acts in one request", limits.mutations, survey.acts(root))?;
        }
        // Each of them goes through the whole schema, or much of it.
        let (most, reads) = (limits.introspection_reads, size.introspection_reads);
        within("INTROSPECTION_TOO_LARGE", "lists of the schema, fragments written out", most, reads)?;
        usages::check(shape, document, operation)?;
        all = all.beside(size);
    }
    // Fragments that nobody spreads are refused by the library, but it looks at them first.
    for name in document.fragments.keys() {
        if survey.fragments.contains_key(name.as_str()) {
            continue;
        }
        let size = survey.fragment(name, Pos::default(), 0)?;
        all = all.beside(size);
    }
    within("TOO_DEEP", "fields within fields", limits.depth, all.depth)?;
    within("TOO_LARGE", "selections, fragments written out", limits.size, all.selections)?;
    within("TOO_MANY_ALIASES", "aliases, fragments written out", limits.aliases, all.aliases)?;
    within("TOO_MANY_DIRECTIVES", "directives, fragments written out", limits.directives, all.directives)?;
    // The document is known to be small by now, however it is written.
    for (_, operation) in document.operations.iter() {
        let (set, root) = (&operation.node.selection_set, shape.root(operation.node.ty));
        if operation.node.ty == OperationType::Subscription {
            merge::one_root(shape, document, set, root)?;
        }
        merge::check(shape, document, &set.node, root)?;
    }
    let lists = all.introspection_lists;
    within("INTROSPECTION_TOO_DEEP", "lists within lists of the schema", limits.introspection_lists, lists)?;
    if all.introspects && !introspection {
        return Err(Problem::document(
            "INTROSPECTION_OFF",
            "this server does not tell its schema; see its documentation",
        ));
    }
    Ok(())
}

/// Refuse a value that is over its limit.
pub fn within(code: &'static str, what: &str, limit: u64, value: u64) -> Result<(), Problem> {
    if value > limit { Err(Problem::limit(code, what, limit, value)) } else { Ok(()) }
}

/// How often what is in one place, by the type it is of: fields, and spreads.
#[derive(Default)]
struct Repeats<'a> {
    times: HashMap<(&'a str, &'a str), u64>,
    leaves: HashMap<(&'a str, &'a str), HashSet<&'a str>>,
}

struct Survey<'a> {
    document: &'a ExecutableDocument,
    shape: &'a Shape,
    limits: &'a Limits,
    /// What is known of a fragment; `None` while it is being looked at.
    fragments: HashMap<&'a str, Option<Size>>,
}

impl<'a> Survey<'a> {
    /// `level` counts selection sets around this one, to end the walk long before the stack does.
    fn selections(&mut self, set: &'a SelectionSet, parent: Option<&'a str>, level: u64) -> Result<Size, Problem> {
        self.refuse_repeats(set, parent)?;
        self.items(set, parent, level)
    }

    fn items(&mut self, set: &'a SelectionSet, parent: Option<&'a str>, level: u64) -> Result<Size, Problem> {
        // Fragments count as levels too, so this is more generous than the depth of fields.
        within("TOO_DEEP", "selections within selections", self.limits.depth * 4, level)?;
        let mut all = Size::default();
        for selection in &set.items {
            let size = match &selection.node {
                Selection::Field(field) => self.field(field, parent, level)?,
                Selection::InlineFragment(inline) => {
                    strict::directives(self.shape, &inline.node.directives, DirectiveLocation::InlineFragment)?;
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    let size = self.items(&inline.node.selection_set.node, parent, level + 1)?;
                    plus(size, inline.node.directives.len())
                }
                Selection::FragmentSpread(spread) => {
                    strict::directives(self.shape, &spread.node.directives, DirectiveLocation::FragmentSpread)?;
                    let size = self.fragment(&spread.node.fragment_name.node, spread.pos, level + 1)?;
                    plus(size, spread.node.directives.len())
                }
            };
            all = all.beside(size);
        }
        Ok(all)
    }

    fn field(&mut self, field: &'a Positioned<Field>, parent: Option<&'a str>, level: u64) -> Result<Size, Problem> {
        let Field { alias, name, arguments, directives, selection_set } = &field.node;
        strict::directives(self.shape, directives, DirectiveLocation::Field)?;
        if alias.as_ref().is_some_and(|alias| alias.node == MARK) {
            let message = format!("the name \"{MARK}\" is reserved: choose another alias");
            return Err(Problem::document("GRAPHQL_VALIDATION_FAILED", message).at(field.pos));
        }
        let shape = parent.and_then(|parent| self.shape.field(parent, &name.node));
        if let Some(shape) = shape {
            strict::leaf(self.shape, field, &shape.ty)?;
            strict::meta(field, &shape.arguments)?;
            strict::arguments(self.shape, arguments, &shape.arguments)?;
        }
        let within = shape.map(|shape| named(&shape.ty).as_str());
        let inner = self.selections(&selection_set.node, within, level + 1)?;
        let is_list = parent == Some("__Type")
            && matches!(name.node.as_str(), "fields" | "interfaces" | "possibleTypes" | "inputFields");
        let is_read = parent.is_some_and(|parent| parent.starts_with("__"))
            && shape.is_some_and(|found| {
                shape::is_list(&found.ty) && self.shape.is_composite(named(&found.ty)) == Some(true)
            });
        Ok(Size {
            selections: inner.selections.saturating_add(1),
            depth: inner.depth.saturating_add(1),
            aliases: inner.aliases.saturating_add(u64::from(alias.is_some())),
            directives: inner.directives.saturating_add(directives.len() as u64),
            introspection_lists: inner.introspection_lists + u64::from(is_list),
            introspection_reads: inner.introspection_reads.saturating_add(u64::from(is_read)),
            introspects: inner.introspects || matches!(name.node.as_str(), "__schema" | "__type"),
        })
    }

    fn fragment(&mut self, name: &'a str, at: Pos, level: u64) -> Result<Size, Problem> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                let message = format!("the fragment \"{name}\" spreads itself");
                return Err(Problem::document("FRAGMENT_CYCLE", message).at(at));
            }
            None => {}
        }
        // One that does not exist is for the library to say.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.fragments.insert(name, None);
        let fragment = &fragment.node;
        strict::directives(self.shape, &fragment.directives, DirectiveLocation::FragmentDefinition)?;
        let parent = fragment.type_condition.node.on.node.as_str();
        let size = self.selections(&fragment.selection_set.node, Some(parent), level)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    /// The same field of a type many times over, under its own or other names, inline fragments written out.
    fn refuse_repeats(&self, set: &'a SelectionSet, parent: Option<&'a str>) -> Result<(), Problem> {
        let mut repeats = Repeats::default();
        self.gather(set, parent, &mut repeats);
        let most = repeats.times.into_values().max().unwrap_or_default();
        within("TOO_MANY_REPEATS", "times the same field in one place", self.limits.repeats, most)?;
        let names = repeats.leaves.into_values().map(|names| names.len() as u64).max().unwrap_or_default();
        within("TOO_MANY_REPEATS", "names for the same value in one place", self.limits.leaf_names, names)
    }

    fn gather(&self, set: &'a SelectionSet, parent: Option<&'a str>, repeats: &mut Repeats<'a>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let (field, of) = (&field.node, parent.unwrap_or_default());
                    let name = field.name.node.as_str();
                    *repeats.times.entry((of, name)).or_default() += 1;
                    // What has arguments may be another value each time.
                    if field.arguments.is_empty() && self.is_leaf(of, name) {
                        repeats.leaves.entry((of, name)).or_default().insert(field.response_key().node.as_str());
                    }
                }
                Selection::FragmentSpread(spread) => {
                    *repeats.times.entry(("...", spread.node.fragment_name.node.as_str())).or_default() += 1;
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    self.gather(&inline.node.selection_set.node, parent, repeats);
                }
            }
        }
    }

    fn is_leaf(&self, parent: &str, name: &str) -> bool {
        let ty = self.shape.field(parent, name).map(|shape| named(&shape.ty));
        ty.is_some_and(|ty| self.shape.is_composite(ty) == Some(false))
    }

    /// How many acts a mutation is made of. Spreads are followed; cycles are refused before this.
    fn acts(&self, set: &SelectionSet) -> u64 {
        let acts = set.items.iter().map(|selection| match &selection.node {
            Selection::Field(_) => 1,
            Selection::InlineFragment(inline) => self.acts(&inline.node.selection_set.node),
            // An upper bound that does not walk: everything the fragment holds.
            Selection::FragmentSpread(spread) => {
                let size = self.fragments.get(spread.node.fragment_name.node.as_str()).copied().flatten();
                size.map_or(0, |size| size.selections)
            }
        });
        acts.fold(0, u64::saturating_add)
    }
}

/// A fragment is a selection too, so that fragments of nothing but fragments count.
fn plus(size: Size, directives: usize) -> Size {
    Size {
        selections: size.selections.saturating_add(1),
        directives: size.directives.saturating_add(directives as u64),
        ..size
    }
}
