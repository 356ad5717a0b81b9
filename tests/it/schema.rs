//! The checked-in schema is the schema, and says of everything what it is.

use serde_json::Value;

#[test]
fn schema_graphql_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/schema.graphql");
    let fresh = api::schema::sdl();
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(path, &fresh).expect("the schema can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == fresh,
        "api/schema.graphql is stale: run UPDATE_FILES=1 cargo test schema_graphql_is_fresh, and read the diff as a client would"
    );
}

const INTROSPECTION: &str = "{ __schema { types {
    kind name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description }
    enumValues(includeDeprecated: true) { name description } } } }";

#[tokio::test]
async fn everything_in_the_schema_is_described() {
    let schema = api::schema::bare();
    let answer = schema.execute(INTROSPECTION).await.into_result().expect("introspection works");
    let answer = answer.data.into_json().expect("an answer is JSON");
    let mut silent = Vec::new();
    for ty in list(&answer["__schema"]["types"]) {
        let name = text(&ty["name"]);
        if name.starts_with("__") {
            continue;
        }
        note(&mut silent, ty, name);
        for part in ["fields", "inputFields", "enumValues"] {
            for member in list(&ty[part]) {
                let place = format!("{name}.{}", text(&member["name"]));
                note(&mut silent, member, &place);
                for argument in list(&member["args"]) {
                    note(&mut silent, argument, &format!("{place}({})", text(&argument["name"])));
                }
            }
        }
    }
    // The arguments of connections mean the same everywhere; Relay's specification describes them.
    // A mutation's input is described by its type.
    silent.retain(|place| {
        !["(first)", "(after)", "(last)", "(before)", "(input)"].iter().any(|page| place.ends_with(page))
    });
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

fn note(silent: &mut Vec<String>, thing: &Value, place: &str) {
    if text(&thing["description"]).trim().is_empty() {
        silent.push(place.to_owned());
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
