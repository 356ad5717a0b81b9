//! What becomes of what was shown, and what can be told from it.

use chrono::TimeDelta;
use domain::matching::Placement;
use infra::page::PageRequest;
use serde_json::{Value, json};
use tests::{Person, TestApp};

use super::{freelancer, gig, matches, skill};

/// What the log holds: kind, direction, place, version of the model.
type Act = (String, Option<String>, Option<i32>, Option<i32>);

async fn acts(app: &TestApp) -> Vec<Act> {
    sqlx::query_as("select kind, direction, position, model_version from match_acts order by id")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

async fn opens(person: &Person<'_>, gig: &str, freelancer: &Person<'_>) -> bool {
    let input = json!({ "gigId": gig, "freelancerId": freelancer.id });
    person.does("matchOpen", input, "noted").await.ok()["noted"].as_bool().unwrap()
}

async fn bid(person: &Person<'_>, gig: &str, letter: &str) -> String {
    let input = json!({ "gigId": gig, "coverLetter": letter, "hourlyRate": { "amount": "40" } });
    person.does("proposalSubmit", input, "proposal { id }").await.text("proposal.id")
}

#[tokio::test]
async fn openings_invitations_bids_shortlists_and_hires_are_noted_with_the_place_they_stood_in() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let omar = freelancer(&app, "omar", "Engineer", &["photoshop"]).await;
    let id = gig(&app, &ada).await;

    let unseen = json!({ "gigId": id, "freelancerId": lin.id });
    assert_eq!(ada.does("matchOpen", unseen, "noted").await.refused(), ["NOT_SHOWN"]);
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!(found["edges"][0]["node"]["freelancer"]["id"], lin.id.as_str());
    let version = i32::try_from(found["modelVersion"].as_i64().unwrap()).unwrap();
    let gigs = "{ viewer { recommendedGigs(first: 5) { edges { node { score } } } } }";
    lin.asks(gigs, json!({})).await.data();
    app.market.impressions_write().await.unwrap();

    assert!(opens(&ada, &id, &lin).await);
    assert!(!opens(&ada, &id, &lin).await, "what is opened twice was opened");
    assert!(opens(&lin, &id, &lin).await, "the other direction is another page");
    let foreign = json!({ "gigId": id, "freelancerId": lin.id });
    assert_eq!(omar.does("matchOpen", foreign, "noted").await.refused(), ["NOT_ALLOWED"]);

    let input = json!({ "gigId": id, "freelancerId": lin.id });
    ada.does("invitationSend", input, "invitation { id }").await.ok();
    let proposal = bid(&lin, &id, "I built two ledgers that auditors liked.").await;
    ada.does("proposalView", json!({ "proposalId": proposal }), "proposal { id }").await.ok();
    ada.does("proposalShortlist", json!({ "proposalId": proposal }), "proposal { id }").await.ok();
    let offer = json!({ "proposalId": proposal, "title": "Ledger", "hourlyRate": { "amount": "40" } });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    lin.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    app.settles().await;
    app.settles().await;

    let act = |kind: &str, direction: &str| (kind.to_owned(), Some(direction.to_owned()), Some(1), Some(version));
    let mut found = acts(&app).await;
    found.sort();
    let mut expected = vec![
        act("click", "people"),
        act("click", "gigs"),
        act("invite", "people"),
        act("bid", "gigs"),
        act("shortlist", "people"),
        act("hire", "people"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_exposure_report_is_recomputed_from_the_log_and_is_for_admins() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let admin = app.admin("root").await;
    for name in ["a1", "b2", "c3", "d4"] {
        freelancer(&app, name, "Rust engineer", &["rust"]).await;
    }
    let id = gig(&app, &ada).await;
    matches(&ada, &id, 3, None).await;
    matches(&ada, &id, 3, None).await;
    app.market.impressions_write().await.unwrap();

    let query = "query($from: DateTime!, $until: DateTime!) { exposureReport(from: $from, until: $until) {
        impressions pages people gini newcomers newcomerImpressions newcomerAttention newcomerMerit
        versions { modelVersion impressions } } }";
    let month = json!({ "from": "2026-06-01T00:00:00Z", "until": "2026-07-01T00:00:00Z" });
    let report = admin.asks(query, month.clone()).await.data()["exposureReport"].clone();
    assert_eq!((report["impressions"].as_i64(), report["pages"].as_i64()), (Some(6), Some(2)));
    // Everybody is new here, so all attention is theirs.
    for part in ["newcomerImpressions", "newcomerAttention", "newcomerMerit"] {
        assert_eq!(report[part], 1.0, "{report:#}");
    }
    assert_eq!(report["versions"][0]["impressions"], 6);
    let sums: (i64, i64) = sqlx::query_as(
        "select count(*) filter (where kept.attention_milli = logged.attention and kept.merit_milli = logged.merit), count(*)
         from exposure_sums kept join (
             select freelancer_id, sum(attention_milli) as attention, sum(merit_milli) as merit from exposures group by 1
         ) logged using (freelancer_id)",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(sums.0, sums.1, "the sums that are kept are those of the log");
    assert_eq!(report["people"].as_i64(), Some(sums.1));

    let other = json!({ "from": "2026-06-02T00:00:00Z", "until": "2026-07-01T00:00:00Z" });
    assert_eq!(admin.asks(query, other).await.data()["exposureReport"]["impressions"], 0);
    let long = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-12-01T00:00:00Z" });
    assert_eq!(admin.asks(query, long).await.failed(), ["BAD_USER_INPUT"]);
    assert_eq!(ada.asks(query, month.clone()).await.failed(), ["NOT_FOUND"]);
    assert_eq!(app.visitor().asks(query, month).await.failed(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn the_skill_gap_report_ranks_what_learning_would_unlock_and_keeps_small_samples_to_itself() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let (rust, kubernetes) = (skill(&app, "rust").await, skill(&app, "kubernetes").await);
    let photoshop = skill(&app, "photoshop").await;
    for (place, skills) in
        std::iter::repeat_n([&rust, &kubernetes], 5).chain(std::iter::repeat_n([&rust, &photoshop], 4)).enumerate()
    {
        let input = json!({ "clientId": ada.organization, "title": format!("Rust engineer, number {place}"),
            "description": "Services on a cluster, tested and kept.", "kind": "HOURLY", "requiredSkills": skills,
            "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } } });
        let id = ada.does("gigCreate", input, "gig { id }").await.text("gig.id");
        ada.does("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
    }
    let query = "{ viewer { skillGapReport { gigs matched suppressed gaps { skill { id } gigs unlocked gain } } } }";
    let report =
        async |person: &Person<'_>| person.asks(query, json!({})).await.data()["viewer"]["skillGapReport"].clone();

    let found = report(&lin).await;
    assert_eq!((found["gigs"].as_i64(), found["suppressed"].as_i64()), (Some(9), Some(1)), "{found:#}");
    let gaps: Vec<(&str, i64)> = found["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| (gap["skill"]["id"].as_str().unwrap(), gap["gigs"].as_i64().unwrap()))
        .collect();
    assert_eq!(gaps, [(kubernetes.as_str(), 5)], "what she holds is no gap, and four gigs are no basis");
    assert!(found["gaps"][0]["gain"].as_f64().unwrap() > 0.0);
    let _index = infra::matching::Follower::begin(&app.market, None).await.unwrap();
    assert_eq!(report(&lin).await, found, "the index says the same");
    assert_eq!(report(&app.freelancer("noor").await).await["gaps"], json!([]));
}

#[tokio::test]
async fn proposals_that_say_nearly_the_same_are_grouped_for_the_client() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let id = gig(&app, &ada).await;
    let letter = |to: &str| {
        format!(
            "Dear {to}, I have read your post with care and built three systems like yours, on time and with tests. \
                 My price includes all that you ask for, and two weeks of care after that."
        )
    };
    let mut bids = Vec::new();
    for (name, letter) in [
        ("a1", letter("client")),
        ("b2", "I wrote the ledger of a payments company in Rust; here is how I would begin with yours.".to_owned()),
        ("c3", letter("Ada")),
    ] {
        app.market.clock().advance(TimeDelta::seconds(1));
        bids.push(bid(&app.freelancer(name).await, &id, &letter).await);
    }
    let query = "query($id: ID!, $collapse: Boolean!, $by: ProposalOrder!) { gig(id: $id) {
        proposals(collapseAlike: $collapse, orderBy: $by) { edges { node { id } } }
        proposalsAlike { proposals { id } } } }";
    let ask = |collapse: bool, by: &str| json!({ "id": id, "collapse": collapse, "by": by });
    let shown = |reply: &Value| {
        let edges = reply["gig"]["proposals"]["edges"].as_array().unwrap().clone();
        let mut ids: Vec<String> = edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    for order in ["NEWEST", "FIT"] {
        let reply = ada.asks(query, ask(false, order)).await;
        assert_eq!(shown(reply.data()).len(), 3);
        let groups = json!([{ "proposals": [{ "id": bids[0] }, { "id": bids[2] }] }]);
        assert_eq!(reply.data()["gig"]["proposalsAlike"], groups);
        let mut first_ones = vec![bids[0].clone(), bids[1].clone()];
        first_ones.sort();
        assert_eq!(shown(ada.asks(query, ask(true, order)).await.data()), first_ones);
    }
    let stranger = app.freelancer("eve").await.asks(query, ask(true, "NEWEST")).await;
    assert_eq!(stranger.data()["gig"], json!({ "proposals": { "edges": [] }, "proposalsAlike": [] }));
}

/// Who bid on a gig, the best fitting first.
async fn by_fit(client: &Person<'_>, gig: &str) -> Vec<String> {
    let query = "query($id: ID!) { gig(id: $id) { proposals(orderBy: FIT) { nodes { freelancer { id } } } } }";
    let reply = client.asks(query, json!({ "id": gig })).await;
    let nodes = reply.data()["gig"]["proposals"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["freelancer"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_bid_of_somebody_who_hides_stands_where_it_fits_whatever_the_least_they_take() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let dina = freelancer(&app, "dina", "Logo designer", &["logo design"]).await;
    let id = gig(&app, &ada).await;
    // The worse fit bids first, and the better one is known by nothing but its fit.
    for (person, letter) in [(&dina, "I draw logos that people remember."), (&lin, "I built two ledgers.")] {
        app.market.clock().advance(TimeDelta::seconds(1));
        bid(person, &id, letter).await;
    }
    let order = [lin.id.clone(), dina.id.clone()];
    assert_eq!(by_fit(&ada, &id).await, order);
    // Above what the gig pays: who moves a budget up and down would else read it off the order.
    let input = json!({ "hourlyRate": { "amount": "100" }, "leastHourlyRate": { "amount": "60.01" } });
    lin.does("profileUpdate", input, "profile { id }").await.ok();
    assert_eq!(by_fit(&ada, &id).await, order);
    lin.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    assert_eq!(by_fit(&ada, &id).await, order);
}

#[tokio::test]
async fn who_hides_is_recommended_gigs_and_told_what_they_lack() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    lin.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    let query = "{ viewer { recommendedGigs(first: 5) { foundBy leftOut { reason } edges { node { gig { id } } } }
        skillGapReport { gigs } } gigs(orderBy: BEST_MATCH) { nodes { id } } }";
    let newer = json!({ "clientId": ada.organization, "title": "Logo for a shop", "description": "A mark in two colours, and how it is to be drawn.",
        "kind": "HOURLY", "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(&app, "logo design").await] });
    app.market.clock().advance(TimeDelta::seconds(1));
    let newer = ada.does("gigCreate", newer, "gig { id }").await.text("gig.id");
    ada.does("gigPublish", json!({ "gigId": newer }), "gig { state }").await.ok();
    let answer = async |source: &str| {
        let reply = lin.asks(query, json!({})).await;
        let own = &reply.data()["viewer"]["recommendedGigs"];
        assert_eq!((&own["foundBy"], &own["leftOut"]), (&json!(source), &json!([])), "{own:#}");
        assert_eq!(own["edges"], json!([{ "node": { "gig": { "id": id } } }]));
        assert_eq!(reply.data()["viewer"]["skillGapReport"], json!({ "gigs": 2 }));
        assert_eq!(reply.data()["gigs"], json!({ "nodes": [{ "id": id }, { "id": newer }] }));
    };
    answer("DATABASE").await;
    let _index = infra::matching::Follower::begin(&app.market, None).await.unwrap();
    answer("INDEX").await;
    // Clients find them no more than before.
    assert_eq!(matches(&ada, &id, 10, None).await["edges"], json!([]));
}

#[tokio::test]
async fn whoever_has_dealings_about_a_gig_is_no_match_for_it_any_more() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let mut people = Vec::new();
    for name in ["invited", "declines", "bids", "declined", "hired", "nothing"] {
        people.push(freelancer(&app, name, "Rust engineer", &["rust", "postgresql"]).await);
    }
    let [invited, declines, bids, declined, hired, nothing] = &people[..] else { panic!("six people") };
    let (id, other) = (gig(&app, &ada).await, gig(&app, &ada).await);
    let _index = infra::matching::Follower::begin(&app.market, None).await.unwrap();

    let mut invitations = Vec::new();
    for person in [invited, declines] {
        let pair = json!({ "gigId": id, "freelancerId": person.id });
        invitations.push(ada.does("invitationSend", pair, "invitation { id }").await.text("invitation.id"));
    }
    declines.does("invitationDecline", json!({ "invitationId": invitations[1] }), "invitation { id }").await.ok();
    bid(bids, &id, "I built two ledgers that auditors liked.").await;
    let proposal = bid(declined, &id, "I would begin on Monday with the postings.").await;
    let decline = json!({ "proposalId": proposal, "reason": "PRICE" });
    ada.does_once("proposalDecline", decline, "proposal { id }").await.ok();
    let proposal = bid(hired, &id, "Double entry is what I have done for years.").await;
    ada.does("proposalView", json!({ "proposalId": proposal }), "proposal { id }").await.ok();
    let offer = json!({ "proposalId": proposal, "title": "Ledger", "hourlyRate": { "amount": "40" } });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    hired.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    // Filled, it would match nobody.
    sqlx::query("update gigs set state = 'open', state_at = null where public_id('gig', id) = $1")
        .bind(&id)
        .execute(app.pool())
        .await
        .unwrap();

    for (source, later) in [("INDEX", 0), ("DATABASE", 31)] {
        app.market.clock().advance(TimeDelta::seconds(later));
        let shown = async |gig: &str| {
            let found = matches(&ada, gig, 10, None).await;
            assert_eq!(found["foundBy"], source);
            let edges = found["edges"].as_array().unwrap().clone();
            edges.iter().map(|edge| edge["node"]["freelancer"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(shown(&id).await, std::slice::from_ref(&nothing.id));
        assert_eq!(shown(&other).await.len(), 6, "of another gig nothing was said");
        for person in [invited, declines, bids, declined, hired] {
            let query = "{ viewer { recommendedGigs(first: 5) { foundBy nodes { gig { id } } } } }";
            let reply = person.asks(query, json!({})).await;
            let own = json!({ "foundBy": source, "nodes": [{ "gig": { "id": other } }] });
            assert_eq!(reply.data()["viewer"]["recommendedGigs"], own);
        }
    }
}

#[tokio::test]
async fn nobody_who_is_suspended_is_invited() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let admin = app.admin("root").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let input = json!({ "userId": lin.id, "reason": "Asked clients to pay elsewhere." });
    admin.does("userSuspend", input, "user { id }").await.ok();
    let input = json!({ "gigId": id, "freelancerId": lin.id });
    assert_eq!(ada.does("invitationSend", input, "invitation { id }").await.refused(), ["UNKNOWN"]);
}

#[tokio::test]
async fn what_was_shown_is_kept_until_it_can_be_written_down() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    matches(&ada, &id, 3, None).await;
    sqlx::query("alter table exposures rename to out_of_reach").execute(app.pool()).await.unwrap();
    assert!(app.market.impressions_write().await.is_err());
    sqlx::query("alter table out_of_reach rename to exposures").execute(app.pool()).await.unwrap();
    app.market.impressions_write().await.unwrap();
    app.market.impressions_write().await.unwrap();
    let shown: i64 = sqlx::query_scalar("select count(*) from exposures").fetch_one(app.pool()).await.unwrap();
    assert_eq!(shown, 1, "once, not lost and not twice");
}

#[tokio::test]
async fn only_what_is_shown_is_noted() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let noted = async || -> i64 {
        app.market.impressions_write().await.unwrap();
        sqlx::query_scalar("select count(*) from exposures").fetch_one(app.pool()).await.unwrap()
    };
    // How many there are, and where a page ends, shows nobody.
    for unseen in ["eligible leftOut { count }", "pageInfo { endCursor }", "edges { cursor }"] {
        let query = format!("query($id: ID!) {{ gig(id: $id) {{ matches(first: 5) {{ {unseen} }} }} }}");
        ada.asks(&query, json!({ "id": id })).await.data();
        lin.asks(&format!("{{ viewer {{ recommendedGigs(first: 5) {{ {unseen} }} }} }}"), json!({})).await.data();
        assert_eq!(noted().await, 0, "{unseen}");
    }
    let mut expected = 0;
    for seen in
        ["nodes { score }", "edges { node { sentence } }", "... on FreelancerMatchConnection { nodes { score } }"]
    {
        let query = format!("query($id: ID!) {{ gig(id: $id) {{ matches(first: 5) {{ {seen} }} }} }}");
        ada.asks(&query, json!({ "id": id })).await.data();
        expected += 1;
        assert_eq!(noted().await, expected, "{seen}");
    }
    lin.asks("{ viewer { recommendedGigs(first: 5) { nodes { score } } } }", json!({})).await.data();
    assert_eq!(noted().await, expected + 1);
}

#[tokio::test]
async fn who_opens_a_match_at_once_opens_it_on_the_page_they_look_at() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    // Nothing is written down between what is shown and the click.
    for page in 1..=2 {
        matches(&ada, &id, 3, None).await;
        assert!(opens(&ada, &id, &lin).await, "page {page}");
        let which: Vec<i64> = sqlx::query_scalar(
            "select (select count(*) from exposures e where e.id <= a.exposure_id) from match_acts a order by a.id",
        )
        .fetch_all(app.pool())
        .await
        .unwrap();
        assert_eq!(which, (1..=page).collect::<Vec<i64>>());
    }
    // What another sees of it is none of theirs.
    matches(&ada, &id, 3, None).await;
    let own = json!({ "gigId": id, "freelancerId": lin.id });
    assert_eq!(lin.does("matchOpen", own, "noted").await.refused(), ["NOT_SHOWN"]);
}

#[tokio::test]
async fn a_look_of_a_client_renews_the_patience_with_a_newcomer_and_ones_own_does_not() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    matches(&ada, &id, 3, None).await;
    lin.asks("{ viewer { recommendedGigs(first: 5) { edges { node { score } } } } }", json!({})).await.data();
    app.market.impressions_write().await.unwrap();
    sqlx::query("update exposure_sums set unanswered = 19").execute(app.pool()).await.unwrap();
    let unanswered = async || -> i32 {
        sqlx::query_scalar("select unanswered from exposure_sums").fetch_one(app.pool()).await.unwrap()
    };
    assert!(opens(&lin, &id, &lin).await);
    assert_eq!(unanswered().await, 19);
    assert!(opens(&ada, &id, &lin).await);
    assert_eq!(unanswered().await, 0);

    // Else whoever is in league with a client would be shown for good: each client renews it once.
    let renews = async |client: &Person<'_>, gig: &str| {
        sqlx::query("update exposure_sums set unanswered = 19").execute(app.pool()).await.unwrap();
        matches(client, gig, 3, None).await;
        assert!(opens(client, gig, &lin).await);
        unanswered().await == 0
    };
    let another = gig(&app, &ada).await;
    assert!(!renews(&ada, &id).await && !renews(&ada, &another).await);
    let bea = app.client("bea").await;
    let hers = gig(&app, &bea).await;
    assert!(renews(&bea, &hers).await);
}

#[tokio::test]
async fn who_loads_a_page_again_does_not_use_up_the_patience_with_a_newcomer() {
    use domain::access::{Actor, MemberRole, Person};
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&app, &ada).await;
    let bea = app.person("bea").await;
    let looks = async |who: &tests::Person<'_>| {
        let person = Person {
            user: who.id.parse().unwrap(),
            suspended: false,
            second_factor: false,
            staff: None,
            memberships: vec![(ada.organization.parse().unwrap(), MemberRole::Viewer)],
        };
        let call = infra::Call { actor: Actor::Person(person), ..infra::Call::system("test") };
        let gig = app.market.gig_find(&call, id.parse().unwrap()).await.unwrap().unwrap();
        let page = PageRequest { first: Some(3), ..PageRequest::default() };
        let mut found = app.market.gig_matches(&call, &gig, &page).await.unwrap();
        found.slice.items.iter_mut().for_each(|(_, (_, found))| found.placement = Placement::Newcomer);
        app.market.people_shown(&call, gig.id, found.model_version, &found.slice.items);
    };
    let unanswered = async || -> i32 {
        app.market.impressions_write().await.unwrap();
        sqlx::query_scalar("select unanswered from exposure_sums").fetch_one(app.pool()).await.unwrap()
    };
    looks(&ada).await;
    looks(&ada).await;
    assert_eq!(unanswered().await, 1, "twice in one batch");
    looks(&ada).await;
    assert_eq!(unanswered().await, 1, "and once more within the day");
    looks(&bea).await;
    assert_eq!(unanswered().await, 2, "somebody else");
    app.passes(TimeDelta::days(2)).await;
    looks(&ada).await;
    assert_eq!(unanswered().await, 3, "and the first again, on another day");
    let logged: i64 = sqlx::query_scalar("select count(*) from exposures").fetch_one(app.pool()).await.unwrap();
    assert_eq!(logged, 5, "all of it is in the log");
}

#[tokio::test]
async fn who_had_no_day_to_answer_an_invitation_in_is_not_held_to_be_slow() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.client("ada").await, app.admin("root").await);
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    lin.does("profileUpdate", json!({ "timeZone": "Asia/Karachi" }), "profile { id }").await.ok();
    let asked_of = gig(&app, &ada).await;
    let evidence = async |kind: &str| -> Value {
        let query = "query($gig: ID!, $who: ID!) { explainMatch(gigId: $gig, freelancerId: $who) {
            factors { kind evidence } } }";
        let reply = ada.asks(query, json!({ "gig": asked_of, "who": lin.id })).await;
        let factors = reply.data()["explainMatch"]["factors"].as_array().unwrap().clone();
        factors.into_iter().find(|factor| factor["kind"] == kind).unwrap()["evidence"].clone()
    };
    let answers = async || evidence("ANSWERS").await;
    let invites = async || -> (String, String) {
        let to = gig(&app, &ada).await;
        let input = json!({ "gigId": to, "freelancerId": lin.id });
        (ada.does("invitationSend", input, "invitation { id }").await.text("invitation.id"), to)
    };
    let closes = async |gig: &str| {
        ada.does("gigCancel", json!({ "gigId": gig }), "gig { state }").await.ok();
        app.settles().await;
    };

    // The client gave it up the same day.
    let (_, given_up) = invites().await;
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(evidence("LOAD").await, "has about one other bid or invitation open");
    closes(&given_up).await;
    assert_eq!(evidence("LOAD").await, Value::Null, "what is over waits for nobody");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(answers().await, Value::Null);

    // The power was down for some of that day. Who answered all the same has answered.
    let (unread, _) = invites().await;
    crate::outage::declares(&admin, "Asia/Karachi", 2, 8).await;
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(answers().await, Value::Null);
    let decline = json!({ "invitationId": unread });
    lin.does("invitationDecline", decline, "invitation { id }").await.ok();
    assert_eq!(answers().await, Value::Null, "it is late, and no wonder");
    crate::outage::declares(&admin, "Asia/Karachi", 2, 8).await;
    let (read, _) = invites().await;
    lin.does("invitationDecline", json!({ "invitationId": read }), "invitation { id }").await.ok();
    assert_eq!(answers().await, "answered 1 of 1 invitations within a day");
    app.passes(TimeDelta::days(2)).await;

    // Elsewhere it was dark, and the gig was open for all of the day.
    crate::outage::declares(&admin, "America/New_York", 2, 8).await;
    let (_, open) = invites().await;
    app.passes(TimeDelta::days(1) + TimeDelta::seconds(1)).await;
    assert_eq!(answers().await, "answered 1 of 2 invitations within a day");
    closes(&open).await;
    assert_eq!(answers().await, "answered 1 of 2 invitations within a day");
}
