//! The skills of the trade, as a field that completes while one types.

use serde_json::{Value, json};
use tests::TestApp;

async fn slugs(app: &TestApp, variables: Value) -> Vec<String> {
    let query = "query($q: String, $c: String, $n: Int, $after: String) {
        skills(query: $q, category: $c, first: $n, after: $after) { edges { cursor node { slug } } } }";
    let found = app.visitor().asks(query, variables).await;
    let edges = found.data()["skills"]["edges"].as_array().cloned().unwrap_or_default();
    edges.iter().map(|edge| edge["node"]["slug"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn skills_are_found_by_the_beginning_of_any_name() {
    let app = TestApp::new().await;
    assert_eq!(slugs(&app, json!({ "q": "k8s", "n": 1 })).await, ["kubernetes"]);
    assert!(slugs(&app, json!({ "q": "typesc" })).await.contains(&"typescript".to_owned()));
    assert!(slugs(&app, json!({ "q": "rust", "c": "design" })).await.is_empty());
    assert!(slugs(&app, json!({ "q": "no skill is called that" })).await.is_empty());
    let categories = app.visitor().asks("{ skillCategories { name skillCount } }", json!({})).await;
    let categories = categories.data()["skillCategories"].as_array().cloned().unwrap_or_default();
    assert!(categories.len() > 5 && categories.is_sorted_by_key(|category| category["name"].to_string()));
    for category in categories {
        let some = slugs(&app, json!({ "c": category["name"], "n": 100 })).await;
        assert_eq!(json!(some.len()), json!(category["skillCount"].as_u64().map(|count| count.min(100))), "{category}");
    }
    let visitor = app.visitor();
    let long =
        visitor.asks("query($q: String) { skills(query: $q) { edges { cursor } } }", json!({ "q": "x".repeat(101) }));
    assert_eq!(long.await.failed(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn skills_page_through_the_whole_taxonomy_without_a_gap() {
    let app = TestApp::new().await;
    let query = "query($after: String) { skills(first: 100, after: $after) { pageInfo { hasNextPage endCursor } edges { node { slug } } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = app.visitor().asks(query, json!({ "after": after })).await;
        let skills = &page.data()["skills"];
        let edges = skills["edges"].as_array().cloned().unwrap_or_default();
        seen.extend(edges.iter().map(|edge| edge["node"]["slug"].as_str().unwrap_or_default().to_owned()));
        after = skills["pageInfo"]["endCursor"].clone();
        if skills["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    let all = domain::matching::taxonomy::Taxonomy::shipped().skills();
    assert_eq!(seen, all.iter().map(|skill| skill.slug.to_owned()).collect::<Vec<_>>());
}

#[tokio::test]
async fn skill_suggest_reads_a_text() {
    let app = TestApp::new().await;
    let query = "query($t: String!) { skillSuggest(text: $t) { confidence words skill { slug } } }";
    let found = app.visitor().asks(query, json!({ "t": "We run Postgres on k8s and write Rust." })).await;
    let found = found.data()["skillSuggest"].as_array().cloned().unwrap_or_default();
    let slugs: Vec<&str> = found.iter().filter_map(|one| one["skill"]["slug"].as_str()).collect();
    for slug in ["postgresql", "kubernetes", "rust"] {
        assert!(slugs.contains(&slug), "{slugs:?}");
    }
    let huge = app.visitor().asks(query, json!({ "t": "rust ".repeat(5_000) })).await;
    assert_eq!(huge.failed(), ["BAD_USER_INPUT"]);
}
