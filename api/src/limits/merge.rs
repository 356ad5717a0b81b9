//! Fields under one name in one place must be one field: of the same shape, whatever object is there, and the same field
//! with the same arguments where the same object may be. The library compares less than that.
//!
//! All fields that come together under a name are compared with the first of them, and then what is within all of them
//! together. That takes as long as the document is with its fragments written out, which is bounded before, times the
//! kinds of objects that fields of interfaces are repeated for, which is bounded here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use async_graphql::Positioned;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Field, Selection, SelectionSet, Type};

use super::shape::{Shape, named};
use super::survey::within;
use crate::http::Problem;

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
/// So many times fields are compared at the most.
const COMPARISONS: u64 = 30_000;

/// Refuse a selection set in which fields under one name contradict each other, at whatever depth.
pub fn check(shape: &Shape, document: &ExecutableDocument, set: &SelectionSet, parent: &str) -> Result<(), Problem> {
    let mut merge = Merge { shape, document, comparisons: 0 };
    let mut fields = Vec::new();
    merge.collect(set, Some(parent), &mut HashSet::new(), &mut fields);
    merge.same_shape(&fields)?;
    merge.same_field(&fields)
}

/// Refuse a subscription to more than one thing.
pub fn one_root(
    shape: &Shape,
    document: &ExecutableDocument,
    set: &Positioned<SelectionSet>,
    parent: &str,
) -> Result<(), Problem> {
    let mut fields = Vec::new();
    Merge { shape, document, comparisons: 0 }.collect(&set.node, Some(parent), &mut HashSet::new(), &mut fields);
    let names: BTreeSet<_> = fields.iter().map(Asked::key).collect();
    let meta = fields.iter().any(|asked| asked.field.node.name.node.starts_with("__"));
    if names.len() == 1 && !meta {
        return Ok(());
    }
    Err(Problem::document(INVALID, "a subscription is to one field, and nothing beside it").at(set.pos))
}

/// A field where it stands.
#[derive(Clone, Copy)]
struct Asked<'a> {
    parent: Option<&'a str>,
    field: &'a Positioned<Field>,
    ty: Option<&'a Type>,
}

impl<'a> Asked<'a> {
    fn key(&self) -> &'a str {
        self.field.node.response_key().node.as_str()
    }
}

struct Merge<'a> {
    shape: &'a Shape,
    document: &'a ExecutableDocument,
    comparisons: u64,
}

impl<'a> Merge<'a> {
    /// The fields of a set, those of its fragments among them.
    fn collect(
        &self,
        set: &'a SelectionSet,
        parent: Option<&'a str>,
        seen: &mut HashSet<&'a str>,
        fields: &mut Vec<Asked<'a>>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let shape = parent.and_then(|parent| self.shape.field(parent, &field.node.name.node));
                    fields.push(Asked { parent, field, ty: shape.map(|shape| &shape.ty) });
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    self.collect(&inline.node.selection_set.node, parent, seen, fields);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && seen.insert(name)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.collect(&fragment.node.selection_set.node, Some(on), seen, fields);
                    }
                }
            }
        }
    }

    /// What is within all of these fields together.
    fn inner(&self, fields: &[Asked<'a>]) -> Vec<Asked<'a>> {
        let (mut seen, mut inner) = (HashSet::new(), Vec::new());
        for asked in fields {
            let within = asked.ty.map(|ty| named(ty).as_str());
            self.collect(&asked.field.node.selection_set.node, within, &mut seen, &mut inner);
        }
        inner
    }

    fn by_key(&mut self, fields: &[Asked<'a>]) -> Result<BTreeMap<&'a str, Vec<Asked<'a>>>, Problem> {
        self.comparisons = self.comparisons.saturating_add(fields.len() as u64);
        within("TOO_LARGE", "comparisons of fields under one name", COMPARISONS, self.comparisons)?;
        let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for asked in fields {
            by_key.entry(asked.key()).or_default().push(*asked);
        }
        Ok(by_key)
    }

    fn same_shape(&mut self, fields: &[Asked<'a>]) -> Result<(), Problem> {
        for (key, group) in self.by_key(fields)? {
            let mut typed = group.iter().filter_map(|asked| Some((asked, asked.ty?)));
            if let Some((_, first)) = typed.next()
                && let Some((other, ty)) = typed.find(|(_, ty)| !self.are_alike(first, ty))
            {
                let why = format!("\"{key}\" is a {first} and a {ty} in one place: give one of them another name");
                return Err(Problem::document(INVALID, why).at(other.field.pos));
            }
            let inner = self.inner(&group);
            self.same_shape(&inner)?;
        }
        Ok(())
    }

    /// May values of the two types stand in one place of an answer?
    fn are_alike(&self, one: &Type, other: &Type) -> bool {
        if one.nullable != other.nullable {
            return false;
        }
        match (&one.base, &other.base) {
            (BaseType::List(one), BaseType::List(other)) => self.are_alike(one, other),
            (BaseType::Named(one), BaseType::Named(other)) => {
                let composite = |name| self.shape.is_composite(name) == Some(true);
                one == other || (composite(one) && composite(other))
            }
            (BaseType::List(_), BaseType::Named(_)) | (BaseType::Named(_), BaseType::List(_)) => false,
        }
    }

    fn same_field(&mut self, fields: &[Asked<'a>]) -> Result<(), Problem> {
        for (key, group) in self.by_key(fields)? {
            for group in self.of_one_object(group) {
                let Some((first, others)) = group.split_first() else { continue };
                if let Some(other) = others.iter().find(|other| !are_one(&first.field.node, &other.field.node)) {
                    let (one, two) = (&first.field.node.name.node, &other.field.node.name.node);
                    let why = if one == two {
                        format!("\"{key}\" is asked for with different arguments: give one of them another name")
                    } else {
                        format!("\"{key}\" is \"{one}\" and \"{two}\" in one place: give one of them another name")
                    };
                    return Err(Problem::document(INVALID, why).at(other.field.pos));
                }
                let inner = self.inner(&group);
                self.same_field(&inner)?;
            }
        }
        Ok(())
    }

    /// The fields that may be of one object, for each kind of object: those of interfaces may be of any.
    fn of_one_object(&self, group: Vec<Asked<'a>>) -> Vec<Vec<Asked<'a>>> {
        let is_abstract = |asked: &Asked<'_>| asked.parent.is_none_or(|parent| self.shape.is_abstract(parent));
        let objects: BTreeSet<_> =
            group.iter().filter(|asked| !is_abstract(asked)).filter_map(|asked| asked.parent).collect();
        if objects.len() <= 1 {
            return vec![group];
        }
        let of = |object: &str| {
            let may_be = |asked: &&Asked<'a>| is_abstract(asked) || asked.parent == Some(object);
            group.iter().filter(may_be).copied().collect()
        };
        objects.into_iter().map(of).collect()
    }
}

/// Are two fields one: of one name, with the same arguments in whatever order?
fn are_one(one: &Field, other: &Field) -> bool {
    let same = |(name, value): &(Positioned<async_graphql::Name>, Positioned<async_graphql_value::Value>)| {
        other.get_argument(&name.node).is_some_and(|other| other.node == value.node)
    };
    one.name.node == other.name.node && one.arguments.len() == other.arguments.len() && one.arguments.iter().all(same)
}
