//! The schema as the limits see it: which fields there are, of which type, with which arguments.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, DirectiveLocation, InputValueDefinition, OperationType, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{self, parse_schema};
use async_graphql::{Name, Positioned};

/// The types every schema has without saying so.
const BUILT_IN: &str = "
    type __Schema { description: String types: [__Type!]! queryType: __Type! mutationType: __Type
        subscriptionType: __Type directives: [__Directive!]! }
    type __Type { kind: __TypeKind! name: String description: String specifiedByURL: String isOneOf: Boolean
        fields(includeDeprecated: Boolean): [__Field!] interfaces: [__Type!] possibleTypes: [__Type!]
        enumValues(includeDeprecated: Boolean): [__EnumValue!] inputFields(includeDeprecated: Boolean): [__InputValue!]
        ofType: __Type }
    type __Field { name: String! description: String args(includeDeprecated: Boolean): [__InputValue!]! type: __Type!
        isDeprecated: Boolean! deprecationReason: String }
    type __InputValue { name: String! description: String type: __Type! defaultValue: String
        isDeprecated: Boolean! deprecationReason: String }
    type __EnumValue { name: String! description: String isDeprecated: Boolean! deprecationReason: String }
    type __Directive { name: String! description: String isRepeatable: Boolean! locations: [__DirectiveLocation!]!
        args(includeDeprecated: Boolean): [__InputValue!]! }
    enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }
    scalar __DirectiveLocation
    scalar String scalar Boolean scalar Int scalar Float scalar ID
    type __Root { __schema: __Schema! __type(name: String!): __Type __typename: String! }
    directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
    directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
";

/// A schema's types and directives by name.
#[derive(Debug)]
pub struct Shape {
    types: HashMap<Name, Kind>,
    directives: HashMap<Name, DirectiveShape>,
    /// The objects that an interface or a union stands for.
    members: HashMap<Name, HashSet<Name>>,
    roots: HashMap<&'static str, Name>,
    meta: HashMap<Name, FieldShape>,
}

/// What a type is.
#[derive(Debug)]
pub enum Kind {
    /// A scalar: nothing within.
    Scalar,
    /// An enum, and its values.
    Enum(HashSet<Name>),
    /// An object or an interface, and its fields.
    Fields(HashMap<Name, FieldShape>),
    /// A union: what is within depends on the member.
    Union,
    /// An input object, and whether just one of its fields is to be given.
    Input {
        /// Its fields.
        fields: HashMap<Name, InputShape>,
        /// Just one of them is to be given.
        one_of: bool,
    },
}

/// A field of an object or an interface.
#[derive(Debug)]
pub struct FieldShape {
    /// Its type.
    pub ty: Type,
    /// Its arguments.
    pub arguments: HashMap<Name, InputShape>,
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub struct InputShape {
    /// Its type.
    pub ty: Type,
    /// Can it be left out because the schema says what it then is?
    pub has_default: bool,
}

/// A directive. None of ours may stand twice in one place.
#[derive(Debug)]
pub struct DirectiveShape {
    /// Where it may stand.
    pub locations: Vec<DirectiveLocation>,
    /// Its arguments.
    pub arguments: HashMap<Name, InputShape>,
}

/// The name at the heart of a type, without lists and exclamation marks.
pub fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// Is it a list, at any depth?
pub fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

fn inputs(definitions: Vec<Positioned<InputValueDefinition>>) -> HashMap<Name, InputShape> {
    let shape = |definition: InputValueDefinition| {
        let has_default = definition.default_value.is_some();
        (definition.name.node, InputShape { ty: definition.ty.node, has_default })
    };
    definitions.into_iter().map(|definition| shape(definition.node)).collect()
}

impl Shape {
    /// Read a schema's definition.
    pub fn read(sdl: &str) -> Result<Self, parser::Error> {
        let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
        let mut shape = Self {
            types: HashMap::new(),
            directives: HashMap::new(),
            members: HashMap::new(),
            roots: roots.into_iter().map(|(root, name)| (root, Name::new(name))).collect(),
            meta: HashMap::new(),
        };
        let documents = [parse_schema(BUILT_IN)?, parse_schema(sdl)?];
        for definition in documents.into_iter().flat_map(|document| document.definitions) {
            shape.add(definition);
        }
        if let Some(Kind::Fields(fields)) = shape.types.remove("__Root") {
            shape.meta = fields;
        }
        Ok(shape)
    }

    fn add(&mut self, definition: TypeSystemDefinition) {
        match definition {
            TypeSystemDefinition::Schema(schema) => {
                let schema = schema.node;
                let roots =
                    [("query", schema.query), ("mutation", schema.mutation), ("subscription", schema.subscription)];
                let given = roots.into_iter().filter_map(|(root, name)| Some((root, name?.node)));
                self.roots.extend(given);
            }
            TypeSystemDefinition::Directive(directive) => {
                let directive = directive.node;
                let shape = DirectiveShape {
                    locations: directive.locations.into_iter().map(|location| location.node).collect(),
                    arguments: inputs(directive.arguments),
                };
                self.directives.insert(directive.name.node, shape);
            }
            TypeSystemDefinition::Type(definition) => {
                let definition = definition.node;
                let one_of = definition.directives.iter().any(|directive| directive.node.name.node == "oneOf");
                let fields = match definition.kind {
                    TypeKind::Object(object) => {
                        for interface in object.implements {
                            self.members.entry(interface.node).or_default().insert(definition.name.node.clone());
                        }
                        object.fields
                    }
                    TypeKind::Interface(interface) => interface.fields,
                    TypeKind::Scalar => return self.insert(definition.name.node, Kind::Scalar),
                    TypeKind::Union(union) => {
                        let members = union.members.into_iter().map(|member| member.node).collect();
                        self.members.insert(definition.name.node.clone(), members);
                        return self.insert(definition.name.node, Kind::Union);
                    }
                    TypeKind::Enum(values) => {
                        let values = values.values.into_iter().map(|value| value.node.value.node).collect();
                        return self.insert(definition.name.node, Kind::Enum(values));
                    }
                    TypeKind::InputObject(input) => {
                        let kind = Kind::Input { fields: inputs(input.fields), one_of };
                        return self.insert(definition.name.node, kind);
                    }
                };
                let fields = fields.into_iter().map(|field| {
                    let field = field.node;
                    (field.name.node, FieldShape { ty: field.ty.node, arguments: inputs(field.arguments) })
                });
                self.insert(definition.name.node, Kind::Fields(fields.collect()));
            }
        }
    }

    fn insert(&mut self, name: Name, kind: Kind) {
        self.types.insert(name, kind);
    }

    /// The type of a name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.types.get(name)
    }

    /// The directive of a name.
    pub fn directive(&self, name: &str) -> Option<&DirectiveShape> {
        self.directives.get(name)
    }

    /// The name of the type an operation starts from.
    pub fn root(&self, operation: OperationType) -> &str {
        let root = match operation {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        self.roots.get(root).map_or("", Name::as_str)
    }

    /// A field of a type; `None` if there is no such type or field, which is for the library to say.
    pub fn field(&self, parent: &str, name: &str) -> Option<&FieldShape> {
        if name.starts_with("__") {
            let at_root = parent == self.root(OperationType::Query);
            return self.meta.get(name).filter(|_| at_root || name == "__typename");
        }
        match self.types.get(parent)? {
            Kind::Fields(fields) => fields.get(name),
            Kind::Scalar | Kind::Enum(_) | Kind::Union | Kind::Input { .. } => None,
        }
    }

    /// Is the type an interface or a union?
    pub fn is_abstract(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Is an object of type `object` one of `ty`: of that very type, or one that the interface or union stands for?
    pub fn is_one(&self, object: &str, ty: &str) -> bool {
        object == ty || self.members.get(ty).is_some_and(|members| members.contains(object))
    }

    /// Does the type have fields to select? `None` if there is no such type.
    pub fn is_composite(&self, name: &str) -> Option<bool> {
        self.types.get(name).map(|kind| matches!(kind, Kind::Fields(_) | Kind::Union))
    }
}
