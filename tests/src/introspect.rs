//! The mutations of the schema, read from the schema itself, with input made up for each: so that a
//! mutation added tomorrow is tried by strangers tomorrow.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A mutation and the type of its input.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// Its name.
    pub name: String,
    /// The name of its input type.
    pub input: Option<String>,
}

/// The parts of a schema that input is made of.
#[derive(Debug)]
pub struct Inputs {
    /// Every mutation, by name.
    pub mutations: Vec<Mutation>,
    types: BTreeMap<String, Value>,
}

const QUERY: &str = "{ __schema {
    mutationType { fields { name args { name type { ...T } } } }
    types { kind name enumValues { name } inputFields { name defaultValue type { ...T } } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

/// A place in an input where a scalar or an enum goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Names and indexes from the input down, like `["milestones", "0", "amount"]`.
    pub path: Vec<String>,
    /// The scalar's or enum's name.
    pub ty: String,
    /// May it be null?
    pub optional: bool,
    /// May it be left out?
    pub absent: bool,
}

impl Inputs {
    /// Read them from the schema.
    pub async fn read() -> Self {
        let answer = api::schema::bare().execute(QUERY).await;
        assert!(answer.errors.is_empty(), "{:?}", answer.errors);
        let data = answer.data.into_json().expect("an answer is JSON");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let types = list(&data["__schema"]["types"]).into_iter().map(|ty| (text(&ty["name"]), ty)).collect();
        let mutations = list(&data["__schema"]["mutationType"]["fields"])
            .iter()
            .map(|field| Mutation {
                name: text(&field["name"]),
                input: list(&field["args"]).iter().find(|arg| arg["name"] == "input").map(|arg| named(&arg["type"])),
            })
            .collect();
        Self { mutations, types }
    }

    /// Input for a mutation that has the right shape, with ids from `world`, by what they name:
    /// `gig`, `proposal`. Optional fields are left out, unless `full`.
    pub fn sample(&self, mutation: &Mutation, world: &BTreeMap<String, String>, full: bool) -> Value {
        match &mutation.input {
            Some(input) => self.object(input, &mutation.name, world, full),
            None => Value::Null,
        }
    }

    /// The places in a sample where a scalar or an enum stands.
    pub fn leaves(&self, mutation: &Mutation) -> Vec<Leaf> {
        let mut found = Vec::new();
        if let Some(input) = &mutation.input {
            self.leaves_of(input, &mut Vec::new(), &mut found);
        }
        found
    }

    fn leaves_of(&self, input: &str, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
        for field in self.fields(input) {
            path.push(text(&field["name"]));
            let optional = field["type"]["kind"] != "NON_NULL";
            let listed = is_list(&field["type"]);
            if listed {
                path.push("0".to_owned());
            }
            let ty = named(&field["type"]);
            if self.types.get(&ty).is_some_and(|ty| ty["kind"] == "INPUT_OBJECT") {
                self.leaves_of(&ty, path, found);
            } else {
                let absent = optional || listed || !field["defaultValue"].is_null();
                found.push(Leaf { path: path.clone(), ty, optional, absent });
            }
            if listed {
                path.pop();
            }
            path.pop();
        }
    }

    fn fields(&self, input: &str) -> Vec<Value> {
        self.types.get(input).and_then(|ty| ty["inputFields"].as_array()).cloned().unwrap_or_default()
    }

    fn object(&self, input: &str, mutation: &str, world: &BTreeMap<String, String>, full: bool) -> Value {
        let mut object = Map::new();
        for field in self.fields(input) {
            let required = field["type"]["kind"] == "NON_NULL" && field["defaultValue"].is_null();
            let name = text(&field["name"]);
            if name == "idempotencyKey" || !(required || full) {
                continue;
            }
            let ty = named(&field["type"]);
            let one = match self.types.get(&ty).map(|ty| text(&ty["kind"])).as_deref() {
                Some("INPUT_OBJECT") => self.object(&ty, mutation, world, full),
                Some("ENUM") => self.types[&ty]["enumValues"][0]["name"].clone(),
                _ => scalar(&ty, &name, mutation, world),
            };
            object.insert(name, if is_list(&field["type"]) { json!([one]) } else { one });
        }
        Value::Object(object)
    }
}

fn scalar(ty: &str, name: &str, mutation: &str, world: &BTreeMap<String, String>) -> Value {
    match ty {
        "ID" => json!(id(name, mutation, world)),
        "Int" | "Float" => json!(1),
        "Boolean" => json!(true),
        "DateTime" if name == "until" => json!("2026-07-02T09:00:00Z"),
        "DateTime" => json!("2026-07-01T09:00:00Z"),
        "NaiveDate" => json!("2026-07-01"),
        _ => json!(match name {
            "email" => "somebody@example.com",
            "password" | "newPassword" | "currentPassword" => "correct horse battery",
            "timeZone" | "zones" => "Asia/Karachi",
            "amount" => "10.00",
            "iban" => "PK36SCBL0000001123456702",
            "website" | "url" => "https://example.com/",
            "language" | "code" => "en",
            _ => "A text that is long enough to say something.",
        }),
    }
}

/// The id a field asks for: `gigId` is a gig, and plain `id` is what the mutation is about.
fn id(name: &str, mutation: &str, world: &BTreeMap<String, String>) -> String {
    let wanted = name.strip_suffix("Ids").or(name.strip_suffix("Id")).unwrap_or(name);
    let about = |key: &&String| mutation.starts_with(key.as_str());
    let key = match wanted {
        "id" => world.keys().filter(about).max_by_key(|key| key.len()).cloned().unwrap_or_default(),
        other if other.ends_with("kills") => "skill".to_owned(),
        other => other.to_owned(),
    };
    world.get(&key).cloned().unwrap_or_else(|| "nothing".to_owned())
}

fn is_list(ty: &Value) -> bool {
    ty["kind"] == "LIST" || (ty["kind"] == "NON_NULL" && ty["ofType"]["kind"] == "LIST")
}

fn named(ty: &Value) -> String {
    if ty["ofType"].is_null() { text(&ty["name"]) } else { named(&ty["ofType"]) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
