//! What was released stays as it was: `api/schema.graphql` against `api/schema.released.graphql`, the schema of the last
//! release. What breaks clients is written to `api/schema.breaks`, so that nobody breaks them unawares: each line there
//! is meant, and stands in the changelog. A release copies the schema over the released one, and empties the list.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../api");

/// A schema's types by name, and the arguments of its directives.
struct Schema {
    types: BTreeMap<String, TypeKind>,
    directives: BTreeMap<String, Vec<Positioned<InputValueDefinition>>>,
}

impl Schema {
    fn read(text: &str) -> Self {
        let mut schema = Self { types: BTreeMap::new(), directives: BTreeMap::new() };
        for definition in parse_schema(text).expect("it is a schema").definitions {
            match definition {
                TypeSystemDefinition::Schema(_) => {}
                TypeSystemDefinition::Type(ty) => {
                    schema.types.insert(ty.node.name.node.to_string(), ty.node.kind);
                }
                TypeSystemDefinition::Directive(directive) => {
                    let directive = directive.node;
                    schema.directives.insert(format!("@{}", directive.name.node), directive.arguments);
                }
            }
        }
        schema
    }
}

/// Everything that a client of `old` could stumble over in `new`, a line each, in order.
fn breaks(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (Schema::read(old), Schema::read(new));
    let mut found = Vec::new();
    for (name, kind) in &old.types {
        match new.types.get(name) {
            None => found.push(format!("{name} is gone")),
            Some(now) => compare(&mut found, name, kind, now),
        }
    }
    for (name, arguments) in &old.directives {
        match new.directives.get(name) {
            None => found.push(format!("{name} is gone")),
            Some(now) => inputs(&mut found, name, arguments, now),
        }
    }
    found.sort();
    found
}

fn compare(found: &mut Vec<String>, name: &str, old: &TypeKind, new: &TypeKind) {
    match (old, new) {
        (TypeKind::Scalar, TypeKind::Scalar) => {}
        (TypeKind::Object(old), TypeKind::Object(new)) => {
            members(found, name, &old.implements, &new.implements);
            fields(found, name, &old.fields, &new.fields);
        }
        (TypeKind::Interface(old), TypeKind::Interface(new)) => {
            members(found, name, &old.implements, &new.implements);
            fields(found, name, &old.fields, &new.fields);
        }
        (TypeKind::Union(old), TypeKind::Union(new)) => members(found, name, &old.members, &new.members),
        (TypeKind::Enum(old), TypeKind::Enum(new)) => {
            let values = |values: &[Positioned<async_graphql::parser::types::EnumValueDefinition>]| -> Vec<_> {
                values.iter().map(|value| value.node.value.clone()).collect()
            };
            members(found, name, &values(&old.values), &values(&new.values));
        }
        (TypeKind::InputObject(old), TypeKind::InputObject(new)) => inputs(found, name, &old.fields, &new.fields),
        _ => found.push(format!("{name} is another kind of type")),
    }
}

fn members(found: &mut Vec<String>, of: &str, old: &[Positioned<Name>], new: &[Positioned<Name>]) {
    let gone = old.iter().filter(|member| !new.iter().any(|now| now.node == member.node));
    found.extend(gone.map(|member| format!("{of} is without {} now", member.node)));
}

fn fields(found: &mut Vec<String>, of: &str, old: &[Positioned<FieldDefinition>], new: &[Positioned<FieldDefinition>]) {
    for field in old.iter().map(|field| &field.node) {
        let place = format!("{of}.{}", field.name.node);
        let Some(now) = new.iter().map(|field| &field.node).find(|now| now.name.node == field.name.node) else {
            found.push(format!("{place} is gone"));
            continue;
        };
        if !serves(&now.ty.node, &field.ty.node) {
            found.push(format!("{place} was {}, and is {}", field.ty.node, now.ty.node));
        }
        inputs(found, &place, &field.arguments, &now.arguments);
    }
}

/// Arguments, or the fields of an input object.
fn inputs(
    found: &mut Vec<String>,
    of: &str,
    old: &[Positioned<InputValueDefinition>],
    new: &[Positioned<InputValueDefinition>],
) {
    for input in old.iter().map(|input| &input.node) {
        let place = format!("{of}({})", input.name.node);
        match new.iter().map(|input| &input.node).find(|now| now.name.node == input.name.node) {
            None => found.push(format!("{place} is gone")),
            // What was sent must still be taken.
            Some(now) if !serves(&input.ty.node, &now.ty.node) && (!required(input) || required(now)) => {
                found.push(format!("{place} was {}, and is {}", input.ty.node, now.ty.node));
            }
            Some(now) if required(now) && !required(input) => found.push(format!("{place} is required now")),
            Some(_) => {}
        }
    }
    for now in new.iter().map(|input| &input.node).filter(|now| required(now)) {
        if !old.iter().any(|input| input.node.name.node == now.name.node) {
            found.push(format!("{of}({}) is new and required", now.name.node));
        }
    }
}

fn required(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

/// Can a value of `this` be wherever one of `that` was expected? Narrowing an interface to a member counts as a change.
fn serves(this: &Type, that: &Type) -> bool {
    let base = match (&this.base, &that.base) {
        (BaseType::Named(this), BaseType::Named(that)) => this == that,
        (BaseType::List(this), BaseType::List(that)) => serves(this, that),
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    };
    base && (that.nullable || !this.nullable)
}

#[test]
fn what_breaks_clients_of_the_last_release_is_known_and_meant() {
    let read = |name: &str| std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap_or_default();
    let found: String =
        breaks(&read("schema.released.graphql"), &api::schema::sdl()).iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(format!("{FOLDER}/schema.breaks"), &found).expect("the list can be written");
    }
    assert_eq!(
        read("schema.breaks"),
        found,
        "clients of the last release break: if that is meant, run UPDATE_FILES=1 cargo test released, and say so in CHANGELOG.md"
    );
}

#[test]
fn each_way_to_break_a_client_is_seen_and_nothing_else() {
    let old = "directive @a(x: Int) on FIELD
        interface N { id: ID! } union U = A | B enum E { P Q } scalar S
        type A implements N { id: ID! f: String g(x: Int, y: Int!): [String!]! }
        type B { n: Int! } input I { a: Int, b: Int! } type Query { a: A }";
    assert!(breaks(old, old).is_empty());
    let rows: &[(&str, &str, &[&str])] = &[
        ("f: String", "", &["A.f is gone"]),
        ("f: String", "f: Int", &["A.f was String, and is Int"]),
        ("f: String", "f: String!", &[]),
        ("f: String", "f: [String]", &["A.f was String, and is [String]"]),
        ("n: Int!", "n: Int", &["B.n was Int!, and is Int"]),
        ("[String!]!", "[String]!", &["A.g was [String!]!, and is [String]!"]),
        ("x: Int, y: Int!", "x: Int", &["A.g(y) is gone"]),
        ("x: Int, y", "x: Int!, y", &["A.g(x) was Int, and is Int!"]),
        ("y: Int!", "y: Int", &[]),
        ("y: Int!", "y: Int!, z: Int", &[]),
        ("y: Int!", "y: Int!, z: Int! = 1", &[]),
        ("y: Int!", "y: Int!, z: Int!", &["A.g(z) is new and required"]),
        ("implements N ", "", &["A is without N now"]),
        ("A | B", "A", &["U is without B now"]),
        ("P Q", "P", &["E is without Q now"]),
        ("P Q", "P Q R", &[]),
        ("scalar S", "", &["S is gone"]),
        ("scalar S", "enum S { T }", &["S is another kind of type"]),
        ("a: Int, b", "b", &["I(a) is gone"]),
        ("b: Int!", "b: Int! c: Int!", &["I(c) is new and required"]),
        ("b: Int!", "b: String!", &["I(b) was Int!, and is String!"]),
        ("a: Int, b: Int!", "a: Int! = 1, b: Int", &["I(a) was Int, and is Int!"]),
        ("@a(x: Int)", "@b(x: Int)", &["@a is gone"]),
    ];
    for (from, to, expected) in rows {
        assert!(old.contains(from), "{from}");
        assert_eq!(breaks(old, &old.replacen(from, to, 1)), *expected, "{from} -> {to}");
    }
}
