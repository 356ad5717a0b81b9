//! Each attack, and the limit that answers it. Next to each stands something honest that passes.

use std::sync::Arc;

use async_graphql::{Variables, value};
use serde_json::json;

use super::{Documents, Limits, Shape};
use crate::http::Problem;

const SDL: &str = "
    type Query { hello(name: String): String! add(a: Int!, b: Int): Int! person: Person! people(first: Int, last: Int): PersonConnection!
        wish(wish: Wish!): String! thing(key: Key!): String! float(f: Float): Float named: Named
        tagged(id: ID): String maybe(wish: Wish): String
        within(span: Span, at: DateTime): String }
    type Mutation { signIn(password: String!): String! }
    type Subscription { told: Person! heard: Person! }
    interface Named { name: String! }
    type Dog implements Named { name: String! age: Int! owner: Person! }
    type Person implements Named { name: String! age: String tags: [Tag!]! friends(first: Int, last: Int): PersonConnection! best: Person }
    type Tag { label: String! }
    type PersonConnection { edges: [PersonEdge!]! nodes: [Person!]! totalCount: Int! }
    type PersonEdge { node: Person! cursor: String! }
    enum Colour { RED GREEN }
    input Wish { text: String! count: Int colours: [Colour!] deadline: Int! = 3 inner: Wish }
    input Key @oneOf { id: ID name: String }
    scalar DateTime
    scalar NaiveDate
    input Span { from: DateTime on: NaiveDate }
";

fn reads(sdl: &str, limits: Limits, introspection: bool) -> Documents {
    Documents::new(Arc::new(Shape::read(sdl).unwrap()), limits, introspection)
}

fn documents() -> Documents {
    reads(SDL, Limits::default(), true)
}

/// The code of the refusal, with the limit and the value it names, or that it passed.
fn read(text: &str) -> String {
    match documents().read(text) {
        Ok(_) => "fine".to_owned(),
        Err(problem) => told(&problem),
    }
}

fn told(problem: &Problem) -> String {
    let facts: Vec<String> = problem.facts.iter().map(|(name, value)| format!(" {name} {value}")).collect();
    format!("{}{}", problem.code, facts.concat())
}

fn plan(text: &str, variables: serde_json::Value) -> Result<u64, String> {
    let documents = documents();
    let document = documents.read(text).map_err(|problem| told(&problem))?;
    let mut variables = Variables::from_json(variables);
    documents.plan(&document, None, &mut variables).map(|plan| plan.cost).map_err(|problem| told(&problem))
}

/// `levels` fragments, each spreading the next one `times` times.
fn growing(levels: usize, times: usize) -> String {
    let mut text = "{ ...F0 }".to_owned();
    for level in 0..levels {
        let spreads = format!("...F{} ", level + 1).repeat(times);
        text.push_str(&format!(" fragment F{level} on Query {{ {spreads} }}"));
    }
    text + &format!(" fragment F{levels} on Query {{ hello }}")
}

#[test]
fn fragments_that_double_are_counted_once_and_refused() {
    assert_eq!(read(&growing(5, 2)), "fine");
    assert_eq!(read(&growing(22, 2)), "TOO_LARGE limit 3000 value 12582911");
    let uncountable = "TOO_LARGE limit 3000 value 18446744073709551615";
    assert_eq!(read(&growing(50, 3)), uncountable, "the count stays at its end instead of starting over");
    assert_eq!(read(&growing(200, 2)), "TOO_DEEP limit 64 value 65");
}

#[test]
fn fragments_in_a_circle_are_refused() {
    assert_eq!(read("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"), "FRAGMENT_CYCLE");
    assert_eq!(
        read("{ hello } fragment A on Query { person { ...B } } fragment B on Person { best { ...B } }"),
        "FRAGMENT_CYCLE"
    );
}

#[test]
fn depth_is_counted_through_fields_lists_and_fragments() {
    let nested = |levels: usize| format!("{{ person {}{{ name }}{} }}", "{ best ".repeat(levels), "}".repeat(levels));
    assert_eq!(read(&nested(13)), "fine");
    assert_eq!(read(&nested(15)), "TOO_DEEP limit 16 value 17");
    assert_eq!(read(&nested(100)), "TOO_NESTED limit 64 value 102");
    let mut chained = "{ person { ...F0 } }".to_owned();
    for level in 0..20 {
        chained.push_str(&format!(" fragment F{level} on Person {{ best {{ ...F{} }} }}", level + 1));
    }
    assert_eq!(read(&(chained + " fragment F20 on Person { name }")), "TOO_DEEP limit 16 value 22");
    let inline = format!("{{ {} hello {} }}", "... on Query {".repeat(20_000), "}".repeat(20_000));
    assert_eq!(read(&inline), "TOO_MANY_TOKENS limit 4000 value 100003");
}

#[test]
fn literals_and_types_that_nest_without_end_are_refused_before_they_are_parsed() {
    let lists = format!("{{ hello(name: {}{}) }}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(read(&lists), "TOO_MANY_TOKENS limit 4000 value 40007");
    let lists = format!("{{ hello(name: {}{}) }}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(read(&lists), "TOO_NESTED limit 64 value 1002");
    let objects = format!("{{ hello(name: {}1{}) }}", "{a:".repeat(100), "}".repeat(100));
    assert_eq!(read(&objects), "TOO_NESTED limit 64 value 102");
    let ty = format!("query($a: {}Int{}) {{ hello }}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(read(&ty), "TOO_NESTED limit 64 value 1001");
}

#[test]
fn tokens_aliases_repeats_directives_operations_and_variables_have_limits() {
    assert_eq!(read(&format!("{{ {} }}", "hello ".repeat(200_000))), "TOO_MANY_TOKENS limit 4000 value 200002");
    assert_eq!(read(&format!("{{ {} }}", "hello ".repeat(21))), "TOO_MANY_REPEATS limit 20 value 21");
    assert_eq!(read(&format!("{{ {} }}", "hello ".repeat(20))), "fine");
    let aliased: String = (0..101).map(|n| format!("a{n}: __typename ")).collect();
    assert_eq!(read(&format!("{{ {aliased} }}")), "TOO_MANY_REPEATS limit 20 value 101");
    let spread: String = (0..101).map(|n| format!("... {{ a{n}: __typename }} ")).collect();
    assert_eq!(read(&format!("{{ {spread} }}")), "TOO_MANY_REPEATS limit 20 value 101");
    let apart = |spread: &str, within: &dyn Fn(usize) -> String| -> String {
        let spreads: String = (0..61).map(|n| format!("...F{n} {spread} ")).collect();
        let fragments = (0..61).map(|n| format!("fragment F{n} on Query {{ {} }} ", within(n)));
        format!("{{ {spreads} }} {}", fragments.collect::<String>())
    };
    assert_eq!(read(&apart("", &|n| format!("a{n}: __typename"))), "TOO_MANY_ALIASES limit 60 value 61");
    let included = apart("@include(if: true)", &|_| "hello".to_owned());
    assert_eq!(read(&included), "TOO_MANY_DIRECTIVES limit 60 value 61");
    let included: String = (0..61).map(|_| "... @include(if: true) { hello } ").collect();
    assert_eq!(read(&format!("{{ {included} }}")), "TOO_MANY_REPEATS limit 20 value 61");
    let operations: String = (0..500).map(|n| format!("query Q{n} {{ hello }} ")).collect();
    assert_eq!(read(&operations), "TOO_MANY_OPERATIONS limit 50 value 500");
    let variables: String = (0..101).map(|n| format!("$v{n}: Int ")).collect();
    assert_eq!(read(&format!("query({variables}) {{ hello }}")), "TOO_MANY_VARIABLES limit 100 value 101");
}

#[test]
fn a_value_is_told_under_two_names_at_most_and_other_values_under_as_many_as_one_likes() {
    assert_eq!(read("{ person { name a: name b: name } }"), "TOO_MANY_REPEATS limit 2 value 3");
    assert_eq!(read("{ person { name a: name name a: name } }"), "fine");
    let hidden = "{ person { a: name ... { b: name ... on Person { c: name } } } }";
    assert_eq!(read(hidden), "TOO_MANY_REPEATS limit 2 value 3", "however it is written");
    assert_eq!(read("{ a: add(a: 1) b: add(a: 2) c: add(a: 3) d: add(a: 4) }"), "fine", "each is another value");
    assert_eq!(read("{ a: person { name } b: person { name } c: person { name } }"), "fine");
    // The same field of several types is what fragments are for.
    let types = "{ ... on Person { a: name } ... on Tag { b: label } ... on Query { c: hello d: hello } }";
    assert_eq!(read(types), "fine");
}

#[test]
fn what_is_ranked_or_compared_is_dear_and_long_texts_cost_their_length() {
    let schema = include_str!("../../schema.graphql");
    let shape = Shape::read(schema).unwrap();
    for (of, name, when, _) in super::cost::DEAR {
        let field = shape.field(of, name).unwrap_or_else(|| panic!("{of}.{name} is not there"));
        assert!(when.argument().is_none_or(|argument| field.arguments.contains_key(argument)), "{of}.{name} {when:?}");
    }
    let documents = reads(schema, Limits::default(), true);
    let cost = |text: &str, variables: serde_json::Value| {
        let document = documents.read(text).unwrap();
        let planned = documents.plan(&document, None, &mut Variables::from_json(variables));
        planned.map(|plan| plan.cost).map_err(|problem| told(&problem))
    };
    let best = |order: &str| format!("{{ gigs(first: 1, orderBy: {order}) {{ nodes {{ id }} }} }}");
    assert_eq!(cost(&best("NEWEST"), json!({})), Ok(3));
    assert_eq!(cost(&best("BEST_MATCH"), json!({})), Ok(503));
    let by_variable = "query($o: GigOrder! = BEST_MATCH) { gigs(first: 1, orderBy: $o) { nodes { id } } }";
    assert_eq!(cost(by_variable, json!({})), Ok(503));
    assert_eq!(cost(by_variable, json!({ "o": "NEWEST" })), Ok(3));
    assert_eq!(cost(by_variable, json!({ "o": "BEST_MATCH" })), Ok(503));
    let words = |text: &str| format!("{{ gigs(first: 1, filter: {{ text: {text} }}) {{ nodes {{ id }} }} }}");
    assert_eq!((cost(&words("\"rust\""), json!({})), cost(&words("null"), json!({}))), (Ok(103), Ok(3)));
    let by_variable = "query($t: String) { gigs(first: 1, filter: { text: $t }) { nodes { id } } }";
    assert_eq!((cost(by_variable, json!({ "t": "rust" })), cost(by_variable, json!({}))), (Ok(103), Ok(3)));
    let whole = "query($f: FreelancerFilterInput) { freelancers(first: 1, filter: $f) { nodes { id } } }";
    assert_eq!(cost(whole, json!({ "f": { "text": "rust" } })), Ok(103));
    assert_eq!((cost(whole, json!({ "f": { "language": "en" } })), cost(whole, json!({}))), (Ok(3), Ok(3)));
    let within = "{ gigs(first: 100) { nodes { proposals(first: 1, orderBy: FIT) { nodes { id } } } } }";
    assert_eq!(cost(within, json!({})), Err("TOO_EXPENSIVE limit 10000 value 30401".to_owned()));
    let many: String =
        (0..20).map(|n| format!("a{n}: gigs(first: 1, orderBy: BEST_MATCH) {{ nodes {{ id }} }} ")).collect();
    assert_eq!(cost(&format!("{{ {many} }}"), json!({})), Err("TOO_EXPENSIVE limit 10000 value 10060".to_owned()));
    assert_eq!(cost("{ gigs(first: 10) { nodes { title } } }", json!({})), Ok(21));
    assert_eq!(cost("{ gigs(first: 10) { nodes { title description } } }", json!({})), Ok(121));
    assert_eq!(cost("mutation { signOut(input: {}) { errors { message } } }", json!({})), Ok(7), "ours are short");
}

#[test]
fn many_acts_in_one_request_are_refused_however_they_are_written() {
    let act = |n| format!("a{n}: signIn(password: \"p{n}\") ");
    let acts = |count: usize| (0..count).map(act).collect::<String>();
    assert_eq!(read(&format!("mutation {{ {} }}", acts(10))), "fine");
    assert_eq!(read(&format!("mutation {{ {} }}", acts(11))), "TOO_MANY_MUTATIONS limit 10 value 11");
    assert_eq!(read(&format!("mutation {{ {} }}", acts(100))), "TOO_MANY_REPEATS limit 20 value 100");
    let hidden = format!("mutation {{ ...F }} fragment F on Mutation {{ {} }}", acts(15));
    assert_eq!(read(&hidden), "TOO_MANY_MUTATIONS limit 10 value 15");
    let wrapped: String = (0..15).map(|n| format!("... {{ {} }} ", act(n))).collect();
    assert_eq!(read(&format!("mutation {{ {wrapped} }}")), "TOO_MANY_MUTATIONS limit 10 value 15");
}

#[test]
fn pages_multiply() {
    let cost = |text: &str| plan(text, json!({}));
    assert_eq!(cost("{ hello }"), Ok(1));
    assert_eq!(cost("{ people(first: 10) { nodes { name } } }"), Ok(1 + 10 * (1 + 1)));
    assert_eq!(cost("{ people { edges { node { name } } } }"), Ok(1 + 20 * 3));
    assert_eq!(cost("{ people(last: 5) { nodes { tags { label } } } }"), Ok(1 + 5 * (1 + 1 + 5)));
    let nested = "{ people(first: 100) { nodes { friends(first: 100) { nodes { name } } } } }";
    assert_eq!(cost(nested), Err("TOO_EXPENSIVE limit 10000 value 20201".to_owned()));
    let hidden = "{ people(first: 100) { ...P } } fragment P on PersonConnection { nodes { ...F } }
        fragment F on Person { friends(first: 100) { nodes { name } } }";
    assert_eq!(cost(hidden), Err("TOO_EXPENSIVE limit 10000 value 20201".to_owned()));
    assert!(cost("{ people(first: 1000000000) { nodes { name } } }").unwrap_err().starts_with("TOO_EXPENSIVE"));
    assert!(cost("{ people(first: 18446744073709551615) { nodes { name } } }").is_err());
    // No name makes anything cheaper: not ours, wherever it stands, and not any other.
    for name in ["__rabta", "__rabta2", "a"] {
        let said = cost(&nested.replace("people", &format!("{name}: people")));
        let within = cost(&hidden.replace("friends", &format!("{name}: friends")));
        let refused =
            if name == "__rabta" { "GRAPHQL_VALIDATION_FAILED" } else { "TOO_EXPENSIVE limit 10000 value 20201" };
        assert_eq!((said, within), (Err(refused.to_owned()), Err(refused.to_owned())), "{name}");
    }
    // Senseless pages are for the resolver to refuse; they must only not make anything cheaper.
    assert_eq!(cost("{ people(first: -1) { nodes { name } } }"), Ok(1 + 20 * 2));
    assert_eq!(cost("{ people(first: 0, last: 50) { nodes { name } } }"), Ok(1 + 50 * 2));
}

#[test]
fn page_sizes_count_in_variables_and_their_defaults() {
    let text = "query($n: Int = 500) { people(first: $n) { nodes { friends(first: $n) { nodes { name } } } } }";
    assert!(plan(text, json!({})).unwrap_err().starts_with("TOO_EXPENSIVE"));
    assert!(plan(text, json!({ "n": 500 })).unwrap_err().starts_with("TOO_EXPENSIVE"));
    assert_eq!(plan(text, json!({ "n": 2 })), Ok(1 + 2 * (1 + 1 + 2 * 2)));
}

#[test]
fn introspection_is_taken_as_tools_write_it_and_not_in_circles() {
    let of_types = "ofType { name ".repeat(9) + &"}".repeat(9);
    let tools = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} types {{ ...FullType }}
            directives {{ name locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
            fields(includeDeprecated: true) {{ name args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }} }}
            inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
            enumValues(includeDeprecated: true) {{ name }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ kind name {of_types} }}"
    );
    assert_eq!(read(&tools), "fine");
    assert_eq!(plan(&tools, json!({})).map(|cost| cost < 500), Ok(true));
    let circle =
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    assert_eq!(read(circle), "INTROSPECTION_TOO_DEEP limit 2 value 4");
    let three = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(read(three), "INTROSPECTION_TOO_DEEP limit 2 value 3");
    assert_eq!(read("{ __schema { types { fields { type { fields { name } } } } } }"), "fine");
    // Nor again and again: beside, within, or by fragments.
    let again = |times: usize, what: &str| (0..times).map(|n| format!("a{n}: {what} ")).collect::<String>();
    let refused = |text: &str, value: u64| {
        assert_eq!(read(text), format!("INTROSPECTION_TOO_LARGE limit 16 value {value}"), "{text}");
    };
    refused(&format!("{{ {} }}", again(20, "__schema { types { fields { args { name } } } }")), 60);
    refused(&format!("{{ __schema {{ {} }} }}", again(20, "types { name }")), 20);
    refused(&format!("{{ __type(name: \"Query\") {{ {} }} }}", again(9, "fields { args { name } }")), 18);
    refused(
        &format!(
            "{tools} query B {{ a: __schema {{ types {{ ...FullType }} }} b: __schema {{ types {{ ...FullType }} }} c: __schema {{ types {{ ...FullType }} }} }}"
        ),
        21,
    );
    assert_eq!(read(&format!("{{ {} }}", again(16, "__schema { types { name } }"))), "fine");
    assert_eq!(read(&format!("{{ {} }}", again(20, "__schema { queryType { name } }"))), "fine");
}

#[test]
fn introspection_can_be_off_in_every_spelling() {
    let documents = reads(SDL, Limits::default(), false);
    for text in [
        "{ __schema { types { name } } }",
        "{ a: __schema { types { name } } }",
        "{ __type(name: \"Query\") { name } }",
        "{ ... on Query { __schema { types { name } } } }",
        "{ ...F } fragment F on Query { __type(name: \"Query\") { name } }",
        "query A { hello } query B { __schema { types { name } } }",
    ] {
        assert_eq!(documents.read(text).unwrap_err().code, "INTROSPECTION_OFF", "{text}");
    }
    assert!(documents.read("{ __typename person { __typename } }").is_ok());
}

#[test]
fn what_the_library_lets_pass_is_refused() {
    for text in [
        "{ __typename { a } }",
        "{ __typename @nothing }",
        "{ __typename @include(if: $x) }",
        "{ hello @include(if: true) @include(if: true) }",
        "{ hello @skip }",
        "{ hello @skip(if: null) }",
        "{ hello @skip(if: true, unless: 1) }",
        "{ hello @deprecated }",
        "query @include(if: true) { hello }",
        "{ hello { a } }",
        "{ person }",
        "{ people { nodes } }",
        "{ add(a: 2147483648) }",
        "{ add(a: 1.0) }",
        "{ add(a: 1e3) }",
        "{ add(a: \"1\") }",
        "{ add(a: null) }",
        "{ hello(name: 1) }",
        "{ hello(name: RED) }",
        "{ wish(wish: { text: \"x\", colours: [\"RED\"] }) }",
        "{ wish(wish: { text: \"x\", colours: [BLUE] }) }",
        "{ wish(wish: { text: \"x\", nothing: 1 }) }",
        "{ wish(wish: { count: 1 }) }",
        "{ wish(wish: { text: \"x\", inner: { text: \"y\", count: 2147483648 } }) }",
        "{ thing(key: { }) }",
        "{ thing(key: { id: 1, name: \"x\" }) }",
        "query($a: Int) { add(a: 1) ...F } fragment F on Query { hello(name: $b) }",
        "{ float(f: \"1\") }",
    ] {
        assert_eq!(read(text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
    for text in [
        "{ hello @include(if: true) @skip(if: false) __typename @skip(if: false) }",
        "query($x: Boolean!) { __typename @include(if: $x) }",
        "{ add(a: -2147483648, b: null) float(f: 3) }",
        "{ wish(wish: { text: \"x\", colours: RED, inner: { text: \"y\", colours: [RED, GREEN] } }) }",
        "{ thing(key: { id: 1 }) }",
        "query($w: [Colour!]) { wish(wish: { text: \"x\", colours: $w }) }",
    ] {
        assert_eq!(read(text), "fine", "{text}");
    }
}

#[test]
fn variables_are_defined_once_used_and_fit_where_they_are_used() {
    for text in [
        "query($a: Int!, $a: Int!) { add(a: $a) }",
        "query($a: Person) { hello }",
        "query($a: Nothing) { hello(name: $a) }",
        "query($a: Int) { hello }",
        "query A($a: Int!) { hello } query B($a: Int!) { add(a: $a) }",
        "query($a: Int) { add(a: $a) }",
        "query($a: Int = null) { add(a: $a) }",
        "query($a: String!) { add(a: $a) }",
        "query($a: Boolean) { hello @skip(if: $a) }",
        "query($a: [Colour]) { wish(wish: { text: \"x\", colours: $a }) }",
        "query($a: Colour) { wish(wish: { text: \"x\", colours: [$a] }) }",
        "query($a: Colour!) { wish(wish: { text: \"x\", colours: $a }) }",
        "query($a: String) { wish(wish: { text: $a }) }",
        "query($a: String) { wish(wish: { text: \"x\", inner: { text: $a } }) }",
        "query($a: Key!) { wish(wish: $a) }",
        "query($a: Int) { ...F } fragment F on Query { person { best { friends(first: 1) { nodes { ...G } } } } } \
         fragment G on Person { friends(first: $a) { totalCount } best { name @skip(if: $a) } }",
        "query A($a: Int!) { ...F } query B($a: Int) { ...F } fragment F on Query { add(a: $a) }",
    ] {
        assert_eq!(read(text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
    for text in [
        "query($a: Int!, $b: Int) { add(a: $a, b: $b) }",
        "query($a: Int!) { add(a: $a, b: $a) }",
        "query($a: Int = 1) { add(a: $a) }",
        "query($a: Int) { wish(wish: { text: \"x\", deadline: $a }) }",
        "query($a: [Colour!]!) { wish(wish: { text: \"x\", colours: $a }) }",
        "query($a: Colour!) { wish(wish: { text: \"x\", colours: [RED, $a] }) }",
        "query($a: Boolean!) { ...F } fragment F on Query { ... @skip(if: $a) { hello } }",
    ] {
        assert_eq!(read(text), "fine", "{text}");
    }
}

#[test]
fn what_stands_under_one_name_is_one_field_at_every_depth() {
    for text in [
        "{ a: hello a: add(a: 1) }",
        "{ hello(name: \"a\") hello(name: \"b\") }",
        "{ hello(name: \"a\") hello }",
        "{ person { a: name } person { a: age } }",
        "{ person { best { a: name } } ...F } fragment F on Query { person { ...G } } fragment G on Person { best { a: age } }",
        "{ named { ... on Dog { age } ... on Person { age } } }",
        "{ named { ... on Dog { a: age } ... on Person { a: name } } }",
        "{ named { ... on Dog { a: owner { name } } ... on Person { a: name } } }",
        "{ named { ... on Dog { a: owner { b: name } } ... on Person { a: best { b: name } } } }",
        "{ named { ... on Dog { a: owner { b: name } } ... on Person { x: best { name } } ... on Dog { a: owner { b: age } } } }",
        "{ named { name ... on Dog { name: age } } }",
        "{ named { x: name ... on Dog { x: __typename } } }",
        "{ dog: named { ... on Dog { a: owner { b: tags { label } } } ... on Person { a: best { b: name } } } }",
    ] {
        assert_eq!(read(text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
    for text in [
        "{ hello(name: \"a\") hello(name: \"a\") person { name } person { name best { name } } }",
        "{ add(a: 1, b: 2) ...F } fragment F on Query { add(b: 2, a: 1) }",
        "{ named { ... on Dog { a: name } ... on Person { a: name } name } }",
        "{ named { ... on Dog { a: name } ... on Person { a: __typename } } }",
        "{ named { ... on Dog { a: owner { b: name } } ... on Person { b: best { a: name } } } }",
    ] {
        assert_eq!(read(text), "fine", "{text}");
    }
    // Compared once each, however they are spread.
    let alike = "... on Dog { owner { best { name } } } ... on Person { best { best { name } } } ".repeat(20);
    assert_eq!(read(&format!("{{ named {{ {alike} }} }}")), "fine");
}

#[test]
fn a_subscription_is_to_one_field() {
    for text in [
        "subscription { told { name } heard { name } }",
        "subscription { a: told { name } b: told { name } }",
        "subscription { told { name } ...F } fragment F on Subscription { ... { heard { name } } }",
        "subscription { told { name } __typename }",
        "subscription { __typename }",
    ] {
        assert_eq!(read(text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
    for text in [
        "subscription { told { name } }",
        "subscription { told { name } ... on Subscription { told { best { name } } } }",
    ] {
        assert_eq!(read(text), "fine", "{text}");
    }
}

#[test]
fn a_field_of_an_input_object_is_given_once() {
    for text in [
        "{ wish(wish: { text: \"x\", text: \"x\" }) }",
        "{ wish(wish: { text: \"x\", inner: { text: \"y\", count: 1, count: 2 } }) }",
        "query($w: Wish! = { text: \"x\" text: \"y\" }) { wish(wish: $w) }",
        "{ wish(wish: { text: \"x\", colours: [RED], # {\n colours: [] }) }",
        "{ hello @include(if: true, if: true) }",
        "{ __typename(a: 1) }",
    ] {
        assert_eq!(read(text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
    for text in [
        "{ wish(wish: { text: \"text: 1, text: 2\", inner: { text: \"y\" } }) again: wish(wish: { text: \"\"\"{ text: \"\"\" }) }",
        "query($a: Wish = { text: \"x\" }, $b: Wish = { text: \"x\" }) { a: wish(wish: $a) b: wish(wish: $b) }",
        "{ a: person { name } b: person { name: name } }",
    ] {
        assert_eq!(read(text), "fine", "{text}");
    }
}

#[test]
fn variables_are_of_their_types_before_anything_runs() {
    let text = "query($a: Int!, $w: Wish, $f: Float, $id: ID, $d: Int! = 4) { add(a: $a, b: $d) float(f: $f) tagged(id: $id) maybe(wish: $w) }";
    let wish = |wish: serde_json::Value| json!({ "a": 1, "w": wish });
    for bad in [
        json!({}),
        json!({ "a": null }),
        json!({ "a": "1" }),
        json!({ "a": 2_147_483_648_i64 }),
        json!({ "a": 1.5 }),
        json!({ "a": 1.0 }),
        json!({ "a": [1] }),
        json!({ "a": 1, "d": null }),
        json!({ "a": 1, "f": "x" }),
        json!({ "a": 1, "id": true }),
        json!({ "a": 1, "id": { "x": 1 } }),
        json!({ "a": 1, "id": u64::MAX }),
        wish(json!("x")),
        wish(json!({})),
        wish(json!({ "text": null })),
        wish(json!({ "text": "x", "colours": ["BLUE"] })),
        wish(json!({ "text": "x", "__proto__": 1 })),
        wish(json!({ "text": "x", "inner": { "text": 1 } })),
    ] {
        let told = plan(text, bad.clone()).unwrap_err();
        assert!(told.starts_with("BAD_USER_INPUT variable"), "{bad}: {told}");
    }
    for good in [
        json!({ "a": 1 }),
        json!({ "a": 1, "f": 1, "id": 7, "w": null }),
        json!({ "a": 1, "id": "x", "unused": { "anything": [] } }),
        wish(json!({ "text": "x", "colours": ["RED"], "inner": { "text": "y", "colours": "GREEN" } })),
    ] {
        assert!(plan(text, good.clone()).is_ok(), "{good}");
    }
}

#[test]
fn values_of_variables_that_the_operation_does_not_define_are_let_go() {
    let documents = documents();
    let document = documents
        .read("query A($a: Int!) { add(a: $a) } query B($n: String, $a: Int) { hello(name: $n) add(a: 1, b: $a) }")
        .unwrap();
    let left = |name: &str| {
        let given = json!({ "a": 1, "n": "x", "of": ["no", "use"], "B": {} });
        let mut variables = Variables::from_json(given);
        documents.plan(&document, Some(name), &mut variables).unwrap();
        serde_json::to_value(variables).unwrap()
    };
    assert_eq!(left("A"), json!({ "a": 1 }), "also what another operation defines");
    assert_eq!(left("B"), json!({ "a": 1, "n": "x" }));
}

#[test]
fn a_fault_says_where_it_is() {
    let documents = documents();
    let document = documents.read("query($w: Wish!) { wish(wish: $w) }").unwrap();
    let mut variables =
        Variables::from_value(value!({ "w": { "text": "x", "inner": { "text": "y", "colours": ["RED", "BLUE"] } } }));
    let problem = documents.plan(&document, None, &mut variables).unwrap_err();
    assert_eq!(
        problem.message,
        "the variable \"$w\" (Wish!), at inner.colours.1, is \"BLUE\", which is not a value of Colour"
    );
    let problem = documents.read("{\n  hello(\n}").unwrap_err();
    assert_eq!((problem.code, problem.at.first().map(|at| at.line)), ("GRAPHQL_PARSE_FAILED", Some(3)));
    assert!(!problem.message.contains('\n'), "{}", problem.message);
}

#[test]
fn instants_and_days_are_read_with_the_document_and_say_where_they_are_not_right() {
    let in_variables = "query($s: Span) { within(span: $s) }";
    for (span, told) in [
        (
            value!({ "from": "yesterday" }),
            "at from, should be an instant with its offset, such as 2026-03-02T09:00:00Z",
        ),
        (value!({ "from": "2026-03-02T09:00:00" }), "at from, should be an instant"),
        (value!({ "from": 1_772_442_000 }), "at from, should be an instant"),
        (value!({ "on": "2026-02-30" }), "at on, should be a day of the calendar, such as 2026-03-02"),
        (value!({ "on": "2026-03-02T09:00:00Z" }), "at on, should be a day"),
        (value!({ "on": [1] }), "at on, should be a day"),
    ] {
        let documents = documents();
        let document = documents.read(in_variables).unwrap();
        let mut variables = Variables::from_value(value!({ "s": span }));
        let problem = documents.plan(&document, None, &mut variables).unwrap_err();
        assert!(problem.code == "BAD_USER_INPUT" && problem.message.contains(told), "{}", problem.message);
    }
    assert!(plan(in_variables, json!({ "s": { "from": "2026-03-02T14:00:00+05:00", "on": "2026-03-02" } })).is_ok());
    let written = documents().read("{ within(at: \"2026-03-02\") }").unwrap_err();
    assert!(written.message.contains("should be an instant"), "{}", written.message);
    assert_eq!(read("{ within(at: \"2026-03-02T09:00:00Z\", span: { on: \"2026-03-02\" }) }"), "fine");
}

#[test]
fn a_name_for_statistics_is_one_of_the_schemas() {
    let documents = documents();
    let label = |text: &str| {
        let document = documents.read(text).unwrap();
        documents.plan(&document, None, &mut Variables::default()).unwrap().label
    };
    assert_eq!(label("query MadeUp123 { alias99: hello }"), "hello");
    assert_eq!(label("{ madeUp99 }"), "unknown");
    assert_eq!(label("{ hello person { name } }"), "several");
}

#[test]
fn remembered_documents_stay_within_their_memory() {
    let limits = Limits { cache_bytes: 100_000, ..Limits::default() };
    let documents = reads(SDL, limits, true);
    let first = documents.read("{ hello }").unwrap();
    assert!(Arc::ptr_eq(&first, &documents.read("{ hello }").unwrap()), "it is parsed once");
    for n in 0..1000 {
        documents.read(&format!("{{ a{n}: hello }}")).unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &documents.read("{ hello }").unwrap()), "it was forgotten for others");
}
