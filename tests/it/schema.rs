//! The checked-in schema is the schema, and says of everything what it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

/// What fails in one field of a query leaves the others their answers, so a page of a front end can show the rest.
#[tokio::test]
async fn every_field_of_a_query_may_be_absent_by_itself() {
    let schema = introspect("{ __schema { queryType { fields { name type { kind } } } } }").await;
    let fields: Vec<&Value> = list(&schema["queryType"]["fields"]).collect();
    assert!(fields.len() > 25, "the test reads the schema wrongly: {fields:?}");
    let firm: Vec<&&Value> = fields.iter().filter(|field| field["type"]["kind"] == "NON_NULL").collect();
    assert!(firm.is_empty(), "a fault in one of these takes everything else along: {firm:?}");
}

/// An act that is counted by itself, under a name that it no longer has, would not be counted.
#[tokio::test]
async fn whatever_has_a_rate_of_its_own_can_be_asked() {
    let schema = introspect("{ __schema { queryType { fields { name } } mutationType { fields { name } } } }").await;
    let names: Vec<&str> = ["queryType", "mutationType"]
        .into_iter()
        .flat_map(|root| list(&schema[root]["fields"]))
        .map(|field| text(&field["name"]))
        .collect();
    for (name, most) in api::http::OPERATIONS_PER_MINUTE {
        assert!(names.contains(name) && *most > 0, "{name}");
    }
}

const ACTS: &str = "{ __schema {
    mutationType { fields { name args { name type { kind ofType { name } } }
        type { kind name fields { name type { kind ofType { kind ofType { kind ofType { name } } } } } } } }
    types { name possibleTypes { name fields { name type { kind ofType { name } } } } } } }";

async fn introspect(query: &str) -> Value {
    let answer = api::schema::bare().execute(query).await.into_result().expect("introspection works");
    answer.data.into_json().expect("an answer is JSON")["__schema"].clone()
}

#[tokio::test]
async fn every_mutation_takes_one_input_and_tells_in_its_payload_why_it_was_refused() {
    let schema = introspect(ACTS).await;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for mutation in list(&schema["mutationType"]["fields"]) {
        seen += 1;
        let name = text(&mutation["name"]);
        let mut letters = name.chars();
        let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let inputs: Vec<&Value> = list(&mutation["args"]).collect();
        let takes_one = matches!(inputs[..], [input] if input["name"] == "input");
        // Nullable, so that a fault of one mutation leaves what its siblings answered.
        let payload = &mutation["type"];
        let answers = payload["kind"] == "OBJECT" && payload["name"] == format!("{title}Payload").as_str();
        let errors = list(&payload["fields"]).find(|field| field["name"] == "errors").map(|field| &field["type"]);
        // [UserError!]!
        let tells = errors.is_some_and(|ty| {
            ty["kind"] == "NON_NULL"
                && ty["ofType"]["kind"] == "LIST"
                && ty["ofType"]["ofType"]["kind"] == "NON_NULL"
                && ty["ofType"]["ofType"]["ofType"]["name"] == "UserError"
        });
        // Whatever else is in it is absent when there are errors.
        let others = list(&payload["fields"]).filter(|field| field["name"] != "errors");
        let may_be_absent = others.into_iter().all(|field| field["type"]["kind"] != "NON_NULL");
        if !(takes_one && answers && tells && may_be_absent) {
            wrong.push(name.to_owned());
        }
    }
    assert!(seen > 80, "the test reads the schema wrongly: {seen} mutations");
    assert!(
        wrong.is_empty(),
        "not (input: …): …Payload with errors: [UserError!]! and nothing else that must be: {wrong:?}"
    );

    let of_errors = list(&schema["types"]).find(|ty| ty["name"] == "UserError").expect("the interface is there");
    let kinds: Vec<&Value> = list(&of_errors["possibleTypes"]).collect();
    assert!(kinds.len() >= 8, "{kinds:?}");
    for kind in kinds {
        for must in ["code", "message"] {
            let field = list(&kind["fields"]).find(|field| field["name"] == must);
            let field = field.unwrap_or_else(|| panic!("{kind} has no {must}"));
            assert_eq!(field["type"]["ofType"]["name"], "String", "{kind}");
        }
    }
}

/// What an object says is allowed is what a client can send.
#[tokio::test]
async fn whatever_is_allowed_is_a_mutation() {
    let schema = introspect(ACTS).await;
    let mutations: Vec<&str> =
        list(&schema["mutationType"]["fields"]).map(|mutation| text(&mutation["name"])).collect();
    let mut found = 0;
    for (path, source) in sources(&["domain"]) {
        for body in source.split("pub fn allowed(").skip(1) {
            let body = body.split("\n    }\n").next().unwrap_or_default();
            for verb in body.split("Verb::").skip(1) {
                let verb: String = verb.chars().take_while(char::is_ascii_alphanumeric).collect();
                let name = format!("{}{}", verb[..1].to_lowercase(), &verb[1..]);
                assert!(mutations.contains(&name.as_str()), "{} allows {name}, which is no mutation", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 50, "the test reads the sources wrongly: {found}");
}

/// What a refusal says is at fault is something that was sent, by the name it was sent under: a form shows it there.
#[tokio::test]
async fn whatever_is_at_fault_is_a_field_of_an_input_or_an_argument() {
    let schema = introspect("{ __schema { types { inputFields { name } fields { args { name } } } } }").await;
    let types = || list(&schema["types"]);
    let inputs = types().flat_map(|ty| list(&ty["inputFields"]));
    let arguments = types().flat_map(|ty| list(&ty["fields"])).flat_map(|field| list(&field["args"]));
    let names: BTreeSet<&str> = inputs.chain(arguments).map(|sent| text(&sent["name"])).collect();
    let (mut found, mut strange) = (0, Vec::new());
    for (path, source) in sources(&["domain", "infra", "api"]) {
        if path.to_string_lossy().contains("tests") {
            continue;
        }
        for call in ["Refusal::field(\"", "invalid.add(\"", "invalid.text(\"", "invalid.line(\""] {
            for at_fault in source.split(call).skip(1) {
                found += 1;
                let at_fault = at_fault.split(['"', '.']).next().unwrap_or_default();
                if !names.contains(at_fault) {
                    strange.push(format!("{}: {at_fault}", path.display()));
                }
            }
        }
    }
    assert!(found > 100, "the test reads the sources wrongly: {found}");
    assert!(strange.is_empty(), "no client sends these: {strange:#?}");
}

/// The sources of these floors, by their paths in the repository.
fn sources(floors: &[&str]) -> Vec<(PathBuf, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut open: Vec<PathBuf> = floors.iter().map(|floor| Path::new(root).join(floor).join("src")).collect();
    let mut sources = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("source is text");
            sources.push((path.strip_prefix(root).expect("it is below").to_owned(), source));
        }
    }
    sources
}

/// Each act is a mutation by its name, and each mutation that the access table knows by its own is an act.
#[tokio::test]
async fn an_act_is_a_mutation_and_none_is_missing() {
    let schema =
        introspect("{ __schema { mutationType { fields { name } } types { name enumValues { name } } } }").await;
    let mutations: Vec<&str> =
        list(&schema["mutationType"]["fields"]).map(|mutation| text(&mutation["name"])).collect();
    let acts = list(&schema["types"]).find(|ty| ty["name"] == "Act").expect("the enum is there");
    let acts: Vec<String> = list(&acts["enumValues"]).map(|act| camel(text(&act["name"]))).collect();
    for act in &acts {
        assert!(mutations.contains(&act.as_str()), "{act} is no mutation");
    }
    for verb in domain::access::Verb::ALL {
        let name = format!("{}{}", verb.name()[..1].to_lowercase(), &verb.name()[1..]);
        assert_eq!(mutations.contains(&name.as_str()), acts.contains(&name), "{name}: add it to api/src/act.rs");
    }
}

/// `MILESTONE_APPROVE` as `milestoneApprove`.
fn camel(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| format!("{name}{}{}", word[..1].to_uppercase(), &word[1..]))
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
