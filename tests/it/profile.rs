//! Profiles, as freelancers write them and others read them.

use serde_json::{Value, json};
use tests::{Person, TestApp};

const PROFILE: &str = "profile { id headline overview version visibility weeklyHours timeZone workDayStarts workDayEnds
    hourlyRate { amount currency } skills { level years skill { slug name } } languages { code fluency }
    portfolio { id title description link } viewerCanUpdate }";

async fn skill(app: &TestApp, query: &str) -> String {
    let found = app
        .visitor()
        .asks("query($q: String) { skills(query: $q, first: 1) { edges { node { id } } } }", json!({ "q": query }))
        .await;
    found.data()["skills"]["edges"][0]["node"]["id"].as_str().expect("a skill of that name").to_owned()
}

async fn updates(person: &Person<'_>, input: Value) -> Value {
    person.does("profileUpdate", input, PROFILE).await.ok()["profile"].clone()
}

#[tokio::test]
async fn profile_update_writes_a_profile_and_then_changes_what_is_given() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let (rust, k8s) = (skill(&app, "rust").await, skill(&app, "k8s").await);
    let first = json!({
        "headline": " Rust developer ", "overview": "Payments, mostly.", "timeZone": "Asia/Karachi",
        "skills": [{ "skillId": rust, "level": "EXPERT", "years": 7 }, { "skillId": k8s, "level": "BEGINNER" }],
        "hourlyRate": { "amount": "45" }, "weeklyHours": 30, "workHours": { "starts": "18:00", "ends": "03:00" },
        "languages": [{ "code": "ur", "fluency": "NATIVE" }, { "code": "en", "fluency": "FLUENT" }],
        "idempotencyKey": "first"
    });
    let profile = updates(&lin, first.clone()).await;
    let expected = json!({
        "id": profile["id"], "headline": "Rust developer", "overview": "Payments, mostly.", "version": 1,
        "visibility": "PUBLIC", "weeklyHours": 30, "timeZone": "Asia/Karachi",
        "workDayStarts": "18:00", "workDayEnds": "03:00",
        "hourlyRate": { "amount": "45.00", "currency": "USD" },
        "skills": [
            { "level": "EXPERT", "years": 7, "skill": { "slug": "rust", "name": "Rust" } },
            { "level": "BEGINNER", "years": 0, "skill": { "slug": "kubernetes", "name": "Kubernetes" } },
        ],
        "languages": [{ "code": "ur", "fluency": "NATIVE" }, { "code": "en", "fluency": "FLUENT" }],
        "portfolio": [], "viewerCanUpdate": true
    });
    assert_eq!(profile, expected);
    assert_eq!(updates(&lin, first).await, expected, "a repeat with the same key");

    let changed =
        json!({ "skills": [{ "skillId": k8s, "level": "EXPERT", "years": 1 }], "hourlyRate": null, "workHours": null });
    let profile = updates(&lin, changed).await;
    assert_eq!(
        profile["skills"],
        json!([{ "level": "EXPERT", "years": 1, "skill": { "slug": "kubernetes", "name": "Kubernetes" } }])
    );
    assert_eq!(
        (&profile["hourlyRate"], &profile["workDayStarts"], &profile["version"]),
        (&Value::Null, &Value::Null, &json!(2))
    );
    assert_eq!((&profile["headline"], &profile["weeklyHours"]), (&json!("Rust developer"), &json!(30)));
    let mine = lin.asks(&format!("{{ viewer {{ {PROFILE} }} }}"), json!({})).await;
    assert_eq!(mine.data()["viewer"]["profile"], profile);
}

#[tokio::test]
async fn profile_update_refuses_what_it_can_not_take_and_keeps_nothing() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let faults = async |input: Value| lin.does("profileUpdate", input, "profile { id }").await.faults();
    assert_eq!(faults(json!({})).await, ["headline: REQUIRED"]);
    let bad = json!({
        "headline": "x", "overview": "x".repeat(5_001), "timeZone": "PKT", "weeklyHours": 0,
        "hourlyRate": { "amount": "1000.01" },
        "skills": [{ "skillId": "ski_0", "level": "EXPERT", "years": 70 }],
        "languages": [{ "code": "EN", "fluency": "BASIC" }]
    });
    let told = [
        "headline: TOO_SHORT",
        "overview: TOO_LONG",
        "skills.0.skillId: UNKNOWN",
        "skills.0.years: OUT_OF_RANGE",
        "hourlyRate.amount: OUT_OF_RANGE",
        "timeZone: UNKNOWN",
        "weeklyHours: OUT_OF_RANGE",
        "languages.0.code: MALFORMED",
    ];
    assert_eq!(faults(bad).await, told);
    let with = |field: &str, value: Value| {
        let mut input = json!({ "headline": "Rust developer" });
        input[field] = value;
        input
    };
    assert_eq!(faults(with("hourlyRate", json!({ "amount": "-5" }))).await, ["hourlyRate.amount: MALFORMED"]);
    assert_eq!(faults(with("country", json!("Pakistan"))).await, ["country: MALFORMED"]);
    let price = json!({ "amount": "1000000.01" });
    assert_eq!(faults(with("leastFixedPrice", price)).await, ["leastFixedPrice.amount: OUT_OF_RANGE"]);
    let above = json!({ "headline": "Rust developer", "hourlyRate": { "amount": "20" }, "leastHourlyRate": { "amount": "20.01" } });
    assert_eq!(faults(above).await, ["leastHourlyRate.amount: OUT_OF_RANGE"]);
    assert_eq!(
        faults(with("hourlyRate", json!({ "amount": "5000", "currency": "PKR" }))).await,
        ["hourlyRate.currency: UNKNOWN"]
    );
    assert_eq!(
        faults(with("workHours", json!({ "starts": "9am", "ends": "25:00" }))).await,
        ["workHours.starts: MALFORMED", "workHours.ends: MALFORMED"]
    );
    assert_eq!(faults(with("overview", json!("nul \u{0}"))).await, ["overview: MALFORMED"]);
    assert_eq!(lin.asks("{ viewer { profile { id } } }", json!({})).await.data()["viewer"]["profile"], Value::Null);

    updates(&lin, with("weeklyHours", json!(20))).await;
    assert_eq!(faults(json!({ "expectedVersion": 7, "weeklyHours": 1 })).await, [": STALE_VERSION"]);
    let nobody = app.visitor().does("profileUpdate", with("weeklyHours", json!(0)), "profile { id }").await;
    assert_eq!(nobody.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn credentials_are_named_read_by_others_and_checked_for_form() {
    const NAMED: &str = "profile { id version credentials { title issuer issuedOn expiresOn link } }";
    let app = TestApp::new().await;
    let (lin, ada) = (app.freelancer("lin").await, app.client("ada").await);
    let degree = json!({ "title": "BSc Computer Science", "issuer": "LUMS", "issuedOn": "2019-06-30" });
    let licence = json!({ "title": "Cloud architect", "issuer": "The institute", "issuedOn": "2025-06-30",
        "expiresOn": "2028-06-29", "link": "https://institute.example/lin" });
    let first = json!({ "headline": "Rust developer", "credentials": [degree, licence] });
    let named = lin.does("profileUpdate", first, NAMED).await.ok()["profile"].clone();
    let whole = json!({ "title": "BSc Computer Science", "issuer": "LUMS", "issuedOn": "2019-06-30",
        "expiresOn": null, "link": null });
    assert_eq!(named["credentials"], json!([whole, licence]));

    let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on User {{ {NAMED} }} }} }}");
    let seen = ada.asks(&query, json!({ "id": lin.id })).await;
    assert_eq!(seen.data()["node"]["profile"], named, "a client reads them along with the person");
    let node = "query($id: ID!) { node(id: $id) { ... on FreelancerProfile { credentials { title } } } }";
    let alone = ada.asks(node, json!({ "id": named["id"] })).await;
    assert_eq!(alone.data()["node"]["credentials"].as_array().unwrap().len(), 2);

    let bad = json!({ "credentials": [{ "title": "x", "issuer": " ", "issuedOn": "2025-06-30",
        "expiresOn": "2025-06-29", "link": "http://institute.example/" }] });
    assert_eq!(
        lin.does("profileUpdate", bad, NAMED).await.faults(),
        [
            "credentials.0.title: TOO_SHORT",
            "credentials.0.issuer: REQUIRED",
            "credentials.0.expiresOn: OUT_OF_RANGE",
            "credentials.0.link: MALFORMED"
        ]
    );
    let kept = updates(&lin, json!({ "weeklyHours": 20 })).await;
    assert_eq!(kept["version"], 2);
    let mine = lin.asks(&format!("{{ viewer {{ {NAMED} }} }}"), json!({})).await;
    assert_eq!(mine.data()["viewer"]["profile"]["credentials"], named["credentials"], "what is absent stays");
    let none = lin.does("profileUpdate", json!({ "credentials": [] }), NAMED).await;
    assert_eq!(none.ok()["profile"]["credentials"], json!([]));
}

#[tokio::test]
async fn portfolio_items_are_added_corrected_and_removed_by_their_person() {
    let app = TestApp::new().await;
    let (lin, ada) = (app.freelancer("lin").await, app.freelancer("ada").await);
    let item = json!({ "title": "A shop", "description": "All of it", "link": "https://shop.example" });
    assert_eq!(lin.does("portfolioItemAdd", item.clone(), PROFILE).await.refused(), ["NO_PROFILE"]);
    updates(&lin, json!({ "headline": "Rust developer" })).await;
    updates(&ada, json!({ "headline": "Go developer" })).await;
    let added = lin.does("portfolioItemAdd", item, PROFILE).await;
    let id = added.text("profile.portfolio.0.id");

    let put_right = json!({ "id": id, "title": "A better shop" });
    assert_eq!(ada.does("portfolioItemUpdate", put_right.clone(), PROFILE).await.refused(), ["NOT_FOUND"]);
    assert!(ada.does("portfolioItemRemove", json!({ "id": id }), PROFILE).await.faults().is_empty(), "nothing of hers");
    let bad = json!({ "id": id, "title": "", "link": "javascript:alert(1)" });
    assert_eq!(lin.does("portfolioItemUpdate", bad, PROFILE).await.faults(), ["title: REQUIRED", "link: MALFORMED"]);
    let right = lin.does("portfolioItemUpdate", put_right, PROFILE).await;
    let expected = json!([{ "id": id, "title": "A better shop", "description": "", "link": null }]);
    assert_eq!(right.ok()["profile"]["portfolio"], expected);
    let gone = lin.does("portfolioItemRemove", json!({ "id": id }), PROFILE).await;
    assert_eq!(gone.ok()["profile"]["portfolio"], json!([]));
}

#[tokio::test]
async fn freelancers_are_found_by_what_they_say_unless_they_hide() {
    let app = TestApp::new().await;
    let (lin, ada, bo) = (app.freelancer("lin").await, app.freelancer("ada").await, app.freelancer("bo").await);
    let (rust, go) = (skill(&app, "rust").await, skill(&app, "go").await);
    let held =
        |ids: &[&str]| ids.iter().map(|id| json!({ "skillId": id, "level": "EXPERT", "years": 3 })).collect::<Vec<_>>();
    updates(
        &lin,
        json!({ "headline": "Rust developer", "overview": "Payments and ledgers", "skills": held(&[&rust, &go]),
        "hourlyRate": { "amount": "45" }, "weeklyHours": 30, "languages": [{ "code": "ur", "fluency": "NATIVE" }] }),
    )
    .await;
    app.market.clock().advance(chrono::TimeDelta::seconds(1));
    updates(&ada, json!({ "headline": "Go developer", "skills": held(&[&go]), "hourlyRate": { "amount": "90" } }))
        .await;
    let hidden =
        updates(&bo, json!({ "headline": "Rust developer too", "skills": held(&[&rust]), "visibility": "HIDDEN" }))
            .await;

    let find = async |filter: Value| {
        let query = "query($f: FreelancerFilterInput) { freelancers(filter: $f) { edges { node { user { name } } } } }";
        let found = app.visitor().asks(query, json!({ "f": filter })).await;
        let edges = found.data()["freelancers"]["edges"].as_array().cloned().unwrap_or_default();
        edges
            .iter()
            .map(|edge| edge["node"]["user"]["name"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find(json!({})).await, ["Ada", "Lin"], "newest first");
    assert_eq!(find(json!({ "skills": [go] })).await, ["Ada", "Lin"]);
    assert_eq!(find(json!({ "skills": [rust, go] })).await, ["Lin"], "all of them");
    assert_eq!(find(json!({ "text": "ledger pay" })).await, ["Lin"]);
    assert_eq!(find(json!({ "text": "'; drop table users; --" })).await, Vec::<String>::new());
    assert_eq!(find(json!({ "text": "\u{0} !& |" })).await, ["Ada", "Lin"], "no words at all");
    assert_eq!(find(json!({ "rateAtMost": { "amount": "50" } })).await, ["Lin"]);
    assert_eq!(find(json!({ "rateAtLeast": { "amount": "50" } })).await, ["Ada"]);
    assert_eq!(find(json!({ "weeklyHoursAtLeast": 20 })).await, ["Lin"]);
    assert_eq!(find(json!({ "language": "ur" })).await, ["Lin"]);
    updates(&ada, json!({ "country": "PK" })).await;
    assert_eq!(find(json!({ "country": "PK" })).await, ["Ada"]);
    // What can't be read finds nobody, and not everybody.
    let rupees = json!({ "rateAtMost": { "amount": "5000", "currency": "PKR" } });
    for (wrong, code) in
        [(json!({ "language": "UR" }), "MALFORMED"), (json!({ "country": "pk" }), "MALFORMED"), (rupees, "CURRENCY")]
    {
        let query = "query($f: FreelancerFilterInput) { freelancers(filter: $f) { nodes { id } } }";
        let refused = app.visitor().asks(query, json!({ "f": wrong })).await;
        assert_eq!(refused.failed(), ["BAD_USER_INPUT"], "{wrong}");
        assert_eq!(refused.body["errors"][0]["extensions"]["fields"][0]["code"], code, "{wrong}");
    }

    let node = "query($id: ID!) { node(id: $id) { id } }";
    let seen =
        async |person: &Person<'_>| person.asks(node, json!({ "id": hidden["id"] })).await.data()["node"].clone();
    assert_eq!((seen(&lin).await, seen(&bo).await), (Value::Null, json!({ "id": hidden["id"] })));
    let of = "query($id: ID!) { node(id: $id) { ... on User { profile { id } } } }";
    assert_eq!(lin.asks(of, json!({ "id": bo.id })).await.data()["node"]["profile"], Value::Null);
}

#[tokio::test]
async fn two_first_profiles_at_once_are_one() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let write = || lin.does("profileUpdate", json!({ "headline": "Rust developer" }), "profile { id }");
    let (one, two) = tokio::join!(write(), write());
    assert_eq!(one.text("profile.id"), two.text("profile.id"));
}

/// Hidden means neither found nor matched. Who bids shows themselves to whom they bid.
#[tokio::test]
async fn a_hidden_profile_is_read_by_whom_its_person_bid_to_and_by_nobody_else() {
    let app = TestApp::new().await;
    let (ada, bo, lin) = (app.client("ada").await, app.client("bo").await, app.freelancer("lin").await);
    let mediator = app.mediator("morgan").await;
    let profile = updates(&lin, json!({ "headline": "Rust developer", "visibility": "HIDDEN" })).await["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { ... on FreelancerProfile { headline } } freelancers(first: 1) { totalCount } }";
    let sees = async |who: &Person<'_>| who.asks(node, json!({ "id": profile })).await.data().clone();
    let nothing = json!({ "node": null, "freelancers": { "totalCount": 0 } });
    assert_eq!(sees(&ada).await, nothing);
    let gig = crate::gig::open_gig(&ada, json!({})).await;
    lin.does("proposalSubmit", crate::proposal::bid(&gig), "proposal { id }").await.ok();

    let bids = "query($id: ID!) { gig(id: $id) { proposals(orderBy: FIT) { nodes { freelancer { profile { headline } } } } } }";
    let read = ada.asks(bids, json!({ "id": gig["id"] })).await;
    let shown = &read.data()["gig"]["proposals"]["nodes"][0]["freelancer"]["profile"]["headline"];
    assert_eq!(shown, "Rust developer", "{:#}", read.body);
    let known = json!({ "node": { "headline": "Rust developer" }, "freelancers": { "totalCount": 0 } });
    assert_eq!(sees(&ada).await, known, "read, and not found");
    for who in [&bo, &mediator] {
        assert_eq!(sees(who).await, nothing, "{}", who.email);
    }
}

#[tokio::test]
async fn the_least_somebody_takes_is_theirs_alone_to_see() {
    let app = TestApp::new().await;
    let (lin, ada) = (app.freelancer("lin").await, app.client("ada").await);
    let input = json!({ "headline": "Rust developer", "hourlyRate": { "amount": "40" }, "country": "PK",
        "leastHourlyRate": { "amount": "25.50" }, "leastFixedPrice": { "amount": "300" } });
    let least = "id country leastHourlyRate { amount } leastFixedPrice { amount }";
    let own = lin.does("profileUpdate", input, &format!("profile {{ {least} }}")).await.ok()["profile"].clone();
    assert_eq!(
        (&own["country"], &own["leastHourlyRate"]["amount"], &own["leastFixedPrice"]["amount"]),
        (&json!("PK"), &json!("25.50"), &json!("300.00"))
    );
    let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on FreelancerProfile {{ {least} }} }} }}");
    let id = json!({ "id": own["id"] });
    let theirs = json!({ "id": own["id"], "country": "PK", "leastHourlyRate": null, "leastFixedPrice": null });
    assert_eq!(lin.asks(&query, id.clone()).await.data()["node"], own);
    for reply in [
        ada.asks(&query, id.clone()).await,
        app.admin("noor").await.asks(&query, id.clone()).await,
        app.visitor().asks(&query, id).await,
    ] {
        assert_eq!(reply.data()["node"], theirs);
    }
    // What one asks can't fall below what one takes.
    let cheaper = lin.does("profileUpdate", json!({ "hourlyRate": { "amount": "25" } }), "profile { id }").await;
    assert_eq!(cheaper.faults(), ["leastHourlyRate.amount: OUT_OF_RANGE"]);
    let both = json!({ "hourlyRate": { "amount": "25" }, "leastHourlyRate": null });
    lin.does("profileUpdate", both, "profile { id }").await.ok();
}

/// Erasing hides a profile; whatever else it says, nobody is shown whoever was erased.
#[tokio::test]
async fn a_profile_of_somebody_who_was_erased_is_in_no_list() {
    let app = TestApp::new().await;
    let (lin, ada) = (app.freelancer("lin").await, app.client("ada").await);
    let id = updates(&lin, json!({ "headline": "Rust developer" })).await["id"].clone();
    let look = "query($id: ID!) { freelancers(first: 5) { totalCount nodes { id } } node(id: $id) { id } }";
    let seen = ada.asks(look, json!({ "id": id })).await;
    assert_eq!((&seen.data()["freelancers"]["totalCount"], &seen.data()["node"]["id"]), (&json!(1), &id));
    let erased = "update users set erased_at = now(), email = id::text || '@erased.invalid' where email = $1";
    sqlx::query(erased).bind(&lin.email).execute(app.pool()).await.unwrap();
    let seen = ada.asks(look, json!({ "id": id })).await;
    assert_eq!(seen.data(), &json!({ "freelancers": { "totalCount": 0, "nodes": [] }, "node": null }));
}
