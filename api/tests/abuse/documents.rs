//! Documents that cost more than they weigh.

use serde_json::json;

use crate::Suite;

const FAMILY: &str = "document";

/// `n` times a text, with spaces between.
pub fn many(n: usize, text: impl Fn(usize) -> String) -> String {
    (0..n).map(text).collect::<Vec<_>>().join(" ")
}

/// Something within `n` times something.
pub fn nested(n: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

/// A fragment that spreads the next one twice, and so on: two to the power of `levels` selections.
pub fn doubling(levels: usize) -> String {
    let chain = many(levels, |i| format!("fragment F{i} on Query {{ ...F{0} ...F{0} }}", i + 1));
    format!("{{ ...F0 }} {chain} fragment F{levels} on Query {{ __typename }}")
}

/// The question after the whole schema that tools ask.
pub const INTROSPECTION: &str = "{ __schema { queryType { name } types { kind name description fields(includeDeprecated: true) { name \
    description args { name description type { ...T } defaultValue } type { ...T } } inputFields { name description type { ...T } defaultValue } \
    interfaces { ...T } enumValues(includeDeprecated: true) { name description } possibleTypes { ...T } } directives { name description \
    locations args { name type { ...T } } } } } fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

const PAGE: &str = "edges { node { id } }";

fn documents() -> Vec<(&'static str, &'static str, String)> {
    let parents = |n: usize| format!("{{ skills(first: 1) {{ nodes {} }} }}", nested(n, "{ parent ", "{ id }", " }"));
    let inline = nested(40, "... on Query { ", "__typename", " }");
    let chain = many(70, |i| format!("fragment F{i} on Query {{ ...F{} }}", i + 1));
    vec![
        ("a field 20 fields deep", "400 TOO_DEEP 16", parents(20)),
        ("the same, through fragments", "400 TOO_DEEP 16", format!(
            "{{ skills(first: 1) {{ nodes {{ ...S0 }} }} }} {} fragment S20 on Skill {{ id }}",
            many(20, |i| format!("fragment S{i} on Skill {{ parent {{ ...S{} }} }}", i + 1))
        )),
        ("40 inline fragments in each other", "400 GRAPHQL_VALIDATION_FAILED", format!("{{ {inline} }}")),
        ("a chain of 70 fragments", "400 TOO_DEEP 64", format!("{{ ...F0 }} {chain} fragment F70 on Query {{ __typename }}")),
        ("a literal 100 lists deep", "400 TOO_NESTED 64", format!("{{ gigs(filter: {}) {{ {PAGE} }} }}", nested(100, "[", "", "]"))),
        ("a literal 100 objects deep", "400 TOO_NESTED 64", format!("{{ gigs(filter: {}) {{ {PAGE} }} }}", nested(100, "{a:", "1", "}"))),
        ("a literal 20,000 lists deep", "400 TOO_MANY_TOKENS 4000", format!("{{ gigs(filter: {}) {{ {PAGE} }} }}", nested(20_000, "[", "", "]"))),
        ("a type 100 lists deep", "400 TOO_NESTED 64", format!("query($x: {}) {{ __typename }}", nested(100, "[", "Int", "]"))),
        ("100,000 brackets that never close", "400 TOO_MANY_TOKENS 4000", "{".repeat(100_000)),
        ("101 aliases of one field", "400 TOO_MANY_REPEATS 20", format!("{{ {} }}", many(101, |i| format!("a{i}: __typename")))),
        ("75 aliases here and there", "400 TOO_MANY_ALIASES 60", format!(
            "{{ {} }}",
            many(15, |i| format!("s{i}: skills(first: 1) {{ nodes {{ a: id b: slug c: name d: category }} }}"))
        )),
        ("one text under three names", "400 TOO_MANY_REPEATS 2", "{ gigs(first: 1) { nodes { a: description b: description c: description } } }".to_owned()),
        ("a field 1,000 times", "400 TOO_MANY_REPEATS 20", format!("{{ {} }}", many(1_000, |_| "__typename".to_owned()))),
        ("a field 10,000 times", "400 TOO_MANY_TOKENS 4000", format!("{{ {} }}", many(10_000, |_| "__typename".to_owned()))),
        ("a spread 21 times", "400 TOO_MANY_REPEATS 20", format!("{{ {} }} fragment F on Query {{ __typename }}", "...F ".repeat(21))),
        ("19 fields, 20 times, three times", "400 TOO_LARGE 3000", format!(
            "{{ ...G ...G ...G }} fragment G on Query {{ {} }} fragment A on Query {{ {} }}",
            "...A ".repeat(20),
            "skills { nodes { id } } ".repeat(19)
        )),
        ("100,000 tokens", "400 TOO_MANY_TOKENS 4000", format!("{{ {} }}", many(100_000, |_| "a".to_owned()))),
        ("100,000 commas and comments", "400 GRAPHQL_PARSE_FAILED", format!("{{ {} }}", ",#\n".repeat(60_000))),
        ("a string of 100 KB in the document", "400 TOO_LONG or 400 BAD_USER_INPUT or 200 BAD_USER_INPUT", format!("{{ skills(first: 1, query: \"{}\") {{ nodes {{ id }} }} }}", "x".repeat(100_000))),
        ("500 directives", "400 GRAPHQL_VALIDATION_FAILED", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(500))),
        ("61 directives, each where it may be", "400 TOO_MANY_DIRECTIVES 60", format!(
            "{{ {} }}",
            many(4, |i| format!("a{i}: skills(first: 1) {{ nodes {{ {} }} }}", "id @skip(if: false) ".repeat(16)))
        )),
        ("100 operations", "400 TOO_MANY_OPERATIONS 50", many(100, |i| format!("query Q{i} {{ __typename }}"))),
        ("5,000 operations", "400 TOO_MANY_TOKENS 4000", many(5_000, |i| format!("query Q{i} {{ __typename }}"))),
        ("101 variables", "400 TOO_MANY_VARIABLES 100", format!("query({}) {{ __typename }}", many(101, |i| format!("$v{i}: Int")))),
        ("10,000 variables", "400 TOO_MANY_TOKENS 4000", format!("query({}) {{ __typename }}", many(10_000, |i| format!("$v{i}: Int")))),
        ("a fragment in a circle", "400 FRAGMENT_CYCLE", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned()),
        ("a fragment in itself, twice", "400 FRAGMENT_CYCLE", "{ ...A } fragment A on Query { ...A ...A }".to_owned()),
        ("a circle that nobody asks for", "400 FRAGMENT_CYCLE", "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned()),
        ("a circle of 100 fragments", "400 FRAGMENT_CYCLE or 400 TOO_DEEP 64", format!(
            "{{ ...F0 }} {}", many(100, |i| format!("fragment F{i} on Query {{ ...F{} }}", (i + 1) % 100))
        )),
        ("a fragment doubled 14 times", "400 TOO_LARGE 3000", doubling(14)),
        ("a fragment doubled 22 times", "400 TOO_LARGE 3000", doubling(22)),
        ("a fragment doubled 60 times", "400 TOO_LARGE 3000", doubling(60)),
        ("a fragment times 20, five deep", "400 TOO_LARGE 3000", format!(
            "{{ ...F0 }} {} fragment F5 on Query {{ __typename }}",
            many(5, |i| format!("fragment F{i} on Query {{ {} }}", format!("...F{} ", i + 1).repeat(20)))
        )),
        ("a page of -1", "400 BAD_USER_INPUT or 200 BAD_USER_INPUT", format!("{{ gigs(first: -1) {{ {PAGE} }} }}")),
        ("a page of 0", "200 data", format!("{{ gigs(first: 0) {{ {PAGE} }} }}")),
        ("a page of 101", "200 BAD_USER_INPUT", format!("{{ gigs(first: 101) {{ {PAGE} }} }}")),
        ("a page of a billion", "400 TOO_EXPENSIVE 10000", format!("{{ gigs(first: 1000000000) {{ {PAGE} }} }}")),
        ("both a first and a last page", "200 BAD_USER_INPUT", format!("{{ gigs(first: 1, last: 1) {{ {PAGE} }} }}")),
        ("pages within pages within pages", "400 TOO_EXPENSIVE 10000", "{ gigs(first: 100) { nodes { proposals(first: 100) { nodes { revisions(first: 100) { nodes { number } } } } } } }".to_owned()),
        ("the same, through fragments", "400 TOO_EXPENSIVE 10000", "{ gigs(first: 100) { nodes { ...A } } } fragment A on Gig { proposals(first: 100) { nodes { ...B } } } fragment B on Proposal { revisions(first: 100) { nodes { number } } }".to_owned()),
        ("the same, under a name of ours", "400 GRAPHQL_VALIDATION_FAILED", "{ __rabta: gigs(first: 100) { nodes { proposals(first: 100) { nodes { revisions(first: 100) { nodes { number } } } } } } }".to_owned()),
        ("pages within pages of no size", "400 TOO_EXPENSIVE 10000", "{ gigs { nodes { proposals { nodes { revisions { nodes { number note: __typename } } } } } } freelancers { nodes { user { id } reviews: skills { skill { id parent { id parent { id } } } } } } gigsAgain: gigs(first: 100) { nodes { skills { skill { id name parent { name parent { name parent { name parent { name } } } } } } } } }".to_owned()),
        ("a dear order 20 times", "400 TOO_EXPENSIVE 10000", format!("{{ {} }}", many(20, |i| format!("a{i}: gigs(first: 1, orderBy: BEST_MATCH) {{ nodes {{ id }} }}")))),
        ("the same, by a variable's default", "400 TOO_EXPENSIVE 10000", format!("query($o: GigOrder! = BEST_MATCH) {{ {} }}", many(20, |i| format!("a{i}: gigs(first: 1, orderBy: $o) {{ nodes {{ id }} }}")))),
        ("a dear field 21 times", "400 TOO_MANY_REPEATS 20", format!("{{ {} }}", many(21, |i| format!("a{i}: gigs(first: 1) {{ {PAGE} }}")))),
        ("11 acts in one mutation", "400 TOO_MANY_MUTATIONS 10", format!("mutation {{ {} }}", many(11, |i| format!("a{i}: signOut(input: {{}}) {{ errors {{ code }} }}")))),
        ("100 sign-ins by alias", "400 TOO_MANY_REPEATS 20 or 400 TOO_MANY_MUTATIONS 10 or 400 TOO_MANY_ALIASES 60", format!(
            "mutation {{ {} }}",
            many(100, |i| format!("a{i}: signIn(input: {{ email: \"a@example.com\", password: \"x\" }}) {{ errors {{ code }} }}"))
        )),
        ("11 sign-ins through a fragment", "400 TOO_MANY_MUTATIONS 10", format!(
            "mutation {{ ...F }} fragment F on Mutation {{ {} }}",
            many(11, |i| format!("a{i}: signIn(input: {{ email: \"a@example.com\", password: \"x\" }}) {{ errors {{ code }} }}"))
        )),
        ("introspection in a circle", "400 INTROSPECTION_TOO_DEEP 2", format!("{{ __schema {{ types {{ {} }} }} }}", nested(5, "fields { type { ", "name", " } }"))),
        ("the same, from one type, under another name", "400 INTROSPECTION_TOO_DEEP 2", format!("{{ x: __type(name: \"Query\") {{ {} }} }}", nested(5, "fields { type { ", "name", " } }"))),
        ("the same, through fragments", "400 INTROSPECTION_TOO_DEEP 2", format!(
            "{{ __schema {{ types {{ ...T0 }} }} }} {} fragment T5 on __Type {{ name }}",
            many(5, |i| format!("fragment T{i} on __Type {{ fields {{ type {{ ...T{} }} }} }}", i + 1))
        )),
        ("the schema 21 times", "400 TOO_MANY_REPEATS 20", format!("{{ {} }}", many(21, |i| format!("a{i}: __schema {{ types {{ name }} }}")))),
        ("the schema 20 times", "400 INTROSPECTION_TOO_LARGE 16", format!("{{ {} }}", many(20, |i| format!("a{i}: __schema {{ types {{ name }} }}")))),
        ("the schema, as tools ask for it", "200 data", INTROSPECTION.to_owned()),
        ("a selection of a leaf", "400 GRAPHQL_VALIDATION_FAILED", "{ __typename { a } }".to_owned()),
        ("a whole number past 32 bits", "400 GRAPHQL_VALIDATION_FAILED", format!("{{ gigs(first: 4294967296) {{ {PAGE} }} }}")),
        ("two fields under one name that differ", "400 GRAPHQL_VALIDATION_FAILED", "{ a: skills(first: 1) { nodes { id } } a: skills(first: 2) { nodes { id } } }".to_owned()),
        ("a document of nothing", "400 GRAPHQL_PARSE_FAILED", " \u{feff} # nothing\n".to_owned()),
        ("a document of types", "400 GRAPHQL_PARSE_FAILED", "type A { a: Int }".to_owned()),
    ]
}

/// Send them, and floods of one.
pub async fn attack(suite: &Suite) {
    let server = &suite.server;
    for (attack, wanted, document) in documents() {
        suite.row(FAMILY, attack, wanted, async { server.ask(&document).await.told() }).await;
    }
    // Fragments that overlap: comparing each field with each other takes quadratic time, if nothing bounds it.
    let overlapping = format!(
        "{{ {} }}",
        many(19, |i| format!("... on Query {{ skills(first: {}) {{ nodes {{ id }} }} }}", i % 2 + 1))
    );
    let wanted = "400 GRAPHQL_VALIDATION_FAILED";
    suite
        .row(FAMILY, "19 fragments that contradict each other", wanted, async { server.ask(&overlapping).await.told() })
        .await;
    let alike = format!(
        "{{ {} }} {}",
        many(20, |i| format!("...F{i}")),
        many(20, |i| format!(
            "fragment F{i} on Query {{ {} }}",
            many(19, |_| "skills(first: 1) { nodes { id } }".to_owned())
        ))
    );
    suite
        .row(FAMILY, "20 fragments alike, of 19 fields alike", "400 TOO_MANY_TOKENS 4000 or 200 data", async {
            server.ask(&alike).await.told()
        })
        .await;

    // The whole schema, again and again, by one address.
    suite
        .row(FAMILY, "the schema 6 times at once", "6 200 data", async {
            let address = format!("x-forwarded-for: {}", server.fresh_address());
            let ask = async || server.ask_with(INTROSPECTION, json!({}), &[&address]).await.told();
            let answers = futures_util::future::join_all((0..6).map(|_| ask())).await;
            let is_put_off = |told: &&String| told.starts_with("429 ");
            let put_off = answers.iter().filter(is_put_off).count();
            let others: Vec<_> = answers.iter().filter(|told| *told != "200 data" && !is_put_off(told)).collect();
            let fine = answers.len() - others.len();
            format!("{fine} 200 data ({put_off} of them put off; otherwise: {others:?})")
        })
        .await;

    // Dear operations, until what one address may cost in a minute is used up. It comes back over the minute, so that
    // of a busy server more are taken than it has at once.
    let dear = "{ gigs(first: 49) { nodes { proposals(first: 100) { nodes { id } } } } }";
    suite
        .row(FAMILY, "what costs 9,500 and more, again and again", "429 RATE_LIMITED 300000", async {
            let address = format!("x-forwarded-for: {}", server.fresh_address());
            for _ in 0..200 {
                let told = server.ask_with(dear, json!({}), &[&address]).await.told();
                if told != "200 data" {
                    return told;
                }
            }
            "200 times data".to_owned()
        })
        .await;
}
