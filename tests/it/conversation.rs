//! What clients and freelancers write to each other.

use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Row};
use tests::crowd::{AT_ONCE, Outcomes, crowd};
use tests::{Heard, Person, Reply, TestApp};

use crate::gig::open_gig;
use crate::notification::told;
use crate::organization::joins;
use crate::worker::stand_in_line;

const MESSAGE: &str = "message { id number side body sender { id } conversation { id } }";
const FOLLOW: &str = "subscription($id: ID!, $after: String) {
    messageReceived(conversationId: $id, after: $after) { cursor message { number body } } }";
/// Where every conversation begins.
const BEGUN: &str = "WyJtZXNzYWdlcyIsW3siaW50IjowfV1d";

fn text(body: &str, client: &Person<'_>, freelancer: &Person<'_>) -> Value {
    json!({ "clientId": client.organization, "freelancerId": freelancer.id, "body": body })
}

/// Somebody writes: the client or the freelancer, whoever it is of the two.
async fn writes(who: &Person<'_>, body: &str, client: &Person<'_>, freelancer: &Person<'_>) -> Reply {
    who.does("messageSend", text(body, client, freelancer), MESSAGE).await
}

async fn invites(client: &Person<'_>, freelancer: &Person<'_>) {
    let gig = open_gig(client, json!({})).await;
    let input = json!({ "gigId": gig["id"], "freelancerId": freelancer.id });
    client.does("invitationSend", input, "invitation { id }").await.ok();
}

async fn bids(freelancer: &Person<'_>, gig: &Value) {
    let bid = json!({ "gigId": gig["id"], "coverLetter": "I have done this before.",
        "milestones": [{ "title": "All", "amount": { "amount": "900" } }],
        "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two." }] });
    freelancer.does("proposalSubmit", bid, "proposal { id }").await.ok();
}

/// What somebody finds in a conversation, the latest first; nothing if it is not there for them.
async fn said(who: &Person<'_>, conversation: &str) -> Option<Vec<(i64, String)>> {
    let query = "query($id: ID!) { node(id: $id) { ... on Conversation { messages { nodes { number body } } } } }";
    let found = who.asks(query, json!({ "id": conversation })).await.data()["node"].clone();
    let line = |node: &Value| (node["number"].as_i64().unwrap(), node["body"].as_str().unwrap().to_owned());
    found["messages"]["nodes"].as_array().map(|nodes| nodes.iter().map(line).collect())
}

/// How many messages somebody has not read, up to which they have, and in how many conversations something waits.
async fn unread(who: &Person<'_>, conversation: &str) -> (i64, i64, i64) {
    let query = "query($id: ID!) { node(id: $id) { ... on Conversation { unreadCount readUpTo } }
        viewer { unreadConversationCount } }";
    let found = who.asks(query, json!({ "id": conversation })).await.data().clone();
    let count = |value: &Value| value.as_i64().unwrap();
    let waits = count(&found["viewer"]["unreadConversationCount"]);
    (count(&found["node"]["unreadCount"]), count(&found["node"]["readUpTo"]), waits)
}

/// The ids of the conversations that somebody takes part in, the latest first.
async fn inbox(who: &Person<'_>, arguments: &str) -> Vec<String> {
    let query = format!("{{ viewer {{ conversations{arguments} {{ nodes {{ id }} }} }} }}");
    let found = who.asks(&query, json!({})).await.data()["viewer"]["conversations"]["nodes"].clone();
    found.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

async fn marks(who: &Person<'_>, conversation: &str, up_to: i64) -> Reply {
    let input = json!({ "conversationId": conversation, "upTo": up_to });
    who.does("conversationMarkRead", input, "conversation { unreadCount readUpTo } viewer { unreadNotificationCount }")
        .await
}

async fn can_write(who: &Person<'_>, conversation: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Conversation { viewerCanWrite } } }";
    who.asks(query, json!({ "id": conversation })).await.data()["node"]["viewerCanWrite"].clone()
}

/// How many letters somebody got about messages.
fn letters(app: &TestApp, who: &Person<'_>) -> usize {
    let letters = app.market.mail().letters_to(&who.email);
    letters.iter().filter(|letter| letter.subject == "A message for you on Rabta").count()
}

async fn count(app: &TestApp, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn the_two_have_one_conversation_and_nobody_else_knows_of_it() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    invites(&ada, &lin).await;
    let first = writes(&ada, "  Would Monday do?\n", &ada, &lin).await;
    let conversation = first.text("message.conversation.id");
    let whole = json!({ "id": first.text("message.id"), "number": 1, "side": "CLIENT", "body": "Would Monday do?",
        "sender": { "id": ada.id }, "conversation": { "id": conversation } });
    assert_eq!(first.ok()["message"], whole);
    let second = writes(&lin, "It would.", &ada, &lin).await;
    assert_eq!(
        (second.ok()["message"]["number"].as_i64(), second.text("message.side")),
        (Some(2), "FREELANCER".into())
    );
    assert_eq!(second.text("message.conversation.id"), conversation);
    let both = Some(vec![(2, "It would.".to_owned()), (1, "Would Monday do?".to_owned())]);
    for who in [&ada, &lin] {
        assert_eq!(said(who, &conversation).await, both);
        assert_eq!(inbox(who, "").await, std::slice::from_ref(&conversation));
        assert_eq!(can_write(who, &conversation).await, true);
    }

    let (noor, marta) = (app.admin("noor").await, app.mediator("marta").await);
    let node = "query($id: ID!) { node(id: $id) { __typename } }";
    for other in [&eve, &noor, &marta] {
        for id in [&conversation, &first.text("message.id")] {
            assert_eq!(other.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
        }
        assert_eq!(inbox(other, "").await, Vec::<String>::new());
    }
    assert_eq!(writes(&eve, "Hello", &ada, &lin).await.refused(), ["NOT_FOUND"]);
    assert_eq!(marks(&eve, &conversation, 1).await.refused(), ["NOT_FOUND"]);
    assert_eq!(marks(&eve, "cnv_00000000000000000000000000", 1).await.refused(), ["NOT_FOUND"]);
    assert_eq!(writes(&noor, "Hello", &ada, &lin).await.refused(), ["NOT_ALLOWED"]);
    let nobody = app.visitor().does("messageSend", text("Hello", &ada, &lin), MESSAGE).await;
    assert_eq!(nobody.refused(), ["UNAUTHENTICATED"]);
    let organization = "query($id: ID!) { node(id: $id) { ... on Organization { conversations { totalCount } } } }";
    let own = json!({ "id": ada.organization });
    let counted = async |who: &Person<'_>| {
        who.asks(organization, own.clone()).await.data()["node"]["conversations"]["totalCount"].clone()
    };
    assert_eq!((counted(&ada).await, counted(&lin).await == json!(1)), (json!(1), false));
}

#[tokio::test]
async fn nobody_writes_to_strangers() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    assert_eq!(writes(&ada, "Hello", &ada, &lin).await.refused(), ["NO_DEALINGS"]);
    assert_eq!(writes(&lin, "Hello", &ada, &lin).await.refused(), ["NO_DEALINGS"]);
    // Whether the other is there is not told either.
    let made_up = json!({ "clientId": ada.organization, "freelancerId": "usr_nobody", "body": "Hello" });
    assert_eq!(ada.does("messageSend", made_up, MESSAGE).await.refused(), ["NO_DEALINGS"]);
    let made_up = json!({ "clientId": "org_nobody", "freelancerId": lin.id, "body": "Hello" });
    assert_eq!(lin.does("messageSend", made_up, MESSAGE).await.refused(), ["NO_DEALINGS"]);

    // Whoever proposes waits until they are written to, and then answers.
    bids(&lin, &gig).await;
    assert_eq!(writes(&lin, "Did you get it?", &ada, &lin).await.refused(), ["NO_DEALINGS"]);
    writes(&ada, "I did.", &ada, &lin).await.ok();
    writes(&lin, "Good.", &ada, &lin).await.ok();

    // Whoever is invited may ask before they propose.
    invites(&ada, &eve).await;
    let asked = writes(&eve, "May I ask something?", &ada, &eve).await.text("message.conversation.id");
    let led_to =
        "{ viewer { invitations { nodes { conversation { id } } } proposals { nodes { conversation { id } } } } }";
    let led_to = async |who: &Person<'_>| who.asks(led_to, json!({})).await.data()["viewer"].clone();
    let (invited, proposed) = (led_to(&eve).await, led_to(&lin).await);
    assert_eq!(invited["invitations"]["nodes"], json!([{ "conversation": { "id": asked } }]));
    assert_ne!(proposed["proposals"]["nodes"][0]["conversation"]["id"], json!(null));
    assert_ne!(
        proposed["proposals"]["nodes"][0]["conversation"]["id"],
        invited["invitations"]["nodes"][0]["conversation"]["id"]
    );
    writes(&ada, "You may.", &ada, &eve).await.ok();

    // It takes an address at which somebody reads mail.
    app.forgets_verification(&eve.email).await;
    assert_eq!(writes(&eve, "How many are you?", &ada, &eve).await.refused(), ["EMAIL_NOT_VERIFIED"]);
}

#[tokio::test]
async fn who_has_an_offer_or_a_contract_begins_and_finds_the_conversation_there() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let (clara, faisal) = (&deal.client, &deal.freelancer);
    assert_eq!(writes(faisal, "Hello", clara, faisal).await.refused(), ["NO_DEALINGS"], "it is not theirs to see yet");
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    let first = writes(faisal, "Who pays the server?", clara, faisal).await;
    let conversation = first.text("message.conversation.id");
    let accept = json!({ "offerId": deal.offer });
    let contract = faisal.does("offerAccept", accept, "contract { id }").await.text("contract.id");
    let query = "query($id: ID!) { contract(id: $id) { id conversation { id } } }";
    for who in [clara, faisal] {
        let found = who.asks(query, json!({ "id": contract })).await;
        assert_eq!(found.data()["contract"]["conversation"], json!({ "id": conversation }));
    }
    // Our people see the contract, and not what the two write to each other.
    let seen = app.admin("noor").await.asks(query, json!({ "id": contract })).await;
    assert_eq!(seen.data()["contract"], json!({ "id": contract, "conversation": null }));
}

#[tokio::test]
async fn a_block_stops_new_messages_both_ways_and_what_was_said_stays() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    let conversation = writes(&ada, "Hello", &ada, &lin).await.text("message.conversation.id");
    let pair = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    let client = json!({ "clientId": ada.organization });
    for (who, mutation, input) in [(&ada, "freelancerBlock", &pair), (&lin, "clientBlock", &client)] {
        who.does(mutation, input.clone(), "blocked").await.ok();
        for writer in [&ada, &lin] {
            assert_eq!(writes(writer, "Hello?", &ada, &lin).await.refused(), ["NOT_REACHABLE"]);
            assert_eq!(said(writer, &conversation).await.map(|said| said.len()), Some(1));
            assert_eq!(can_write(writer, &conversation).await, false);
        }
        who.does(&mutation.replace("Block", "Unblock"), input.clone(), "blocked").await.ok();
    }
    writes(&lin, "Here I am again.", &ada, &lin).await.ok();
}

#[tokio::test]
async fn who_is_suspended_or_gone_neither_writes_nor_is_written_to() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.client("ada").await, app.freelancer("lin").await, app.admin("noor").await);
    invites(&ada, &lin).await;
    let conversation = writes(&lin, "Hello", &ada, &lin).await.text("message.conversation.id");
    let token = lin.visitor().await;
    let suspend = json!({ "userId": lin.id, "reason": "Spam" });
    noor.does("userSuspend", suspend, "user { id }").await.ok();
    app.settles().await;
    assert_eq!(token.does("messageSend", text("Hello?", &ada, &lin), MESSAGE).await.failed(), ["SESSION_ENDED"]);
    assert_eq!(writes(&ada, "Hello?", &ada, &lin).await.refused(), ["NOT_REACHABLE"]);
    assert_eq!(can_write(&ada, &conversation).await, false);
    assert_eq!(said(&ada, &conversation).await.map(|said| said.len()), Some(1));
}

#[tokio::test]
async fn nothing_is_written_to_a_company_that_has_nobody_left() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.client("ada").await, app.freelancer("lin").await, app.admin("noor").await);
    let bo = app.person("bo").await;
    joins(&ada, &bo, "RECRUITER").await;
    invites(&ada, &lin).await;
    let conversation = writes(&lin, "Hello", &ada, &lin).await.text("message.conversation.id");
    noor.does("userSuspend", json!({ "userId": ada.id, "reason": "Spam" }), "user { id }").await.ok();
    app.settles().await;
    assert_eq!(can_write(&lin, &conversation).await, true, "another is there");
    writes(&lin, "Hello, Bo", &ada, &lin).await.ok();
    sqlx::query("delete from members where role = 'recruiter'").execute(app.pool()).await.unwrap();
    assert_eq!(can_write(&lin, &conversation).await, false);
    assert_eq!(writes(&lin, "Hello?", &ada, &lin).await.refused(), ["NOT_REACHABLE"]);
    assert_eq!(said(&lin, &conversation).await.map(|said| said.len()), Some(2));
}

#[tokio::test]
async fn what_waits_while_its_sender_is_suspended_is_not_sent() {
    for alone in [true, false] {
        let app = TestApp::new().await;
        let (ada, lin, noor) = (app.client("ada").await, app.freelancer("lin").await, app.admin("noor").await);
        if !alone {
            // Somebody is left to read what the freelancer would answer.
            joins(&ada, &app.client("bo").await, "RECRUITER").await;
        }
        invites(&ada, &lin).await;
        let conversation = writes(&ada, "Hello", &ada, &lin).await.text("message.conversation.id");
        let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        sqlx::query("select from conversations for update").execute(&mut *held).await.unwrap();
        let late = ada.does_once("messageSend", text("Too late", &ada, &lin), MESSAGE);
        let meanwhile = async {
            stand_in_line(&app, 1).await;
            let why = json!({ "userId": ada.id, "reason": "A complaint" });
            noor.does_once("userSuspend", why, "user { id }").await.ok();
            held.rollback().await.unwrap();
        };
        let (late, ()) = join(late, meanwhile).await;
        assert_eq!(late.refused(), ["SUSPENDED"], "{alone}");
        assert_eq!(said(&lin, &conversation).await.map(|said| said.len()), Some(1));
    }
}

#[tokio::test]
async fn a_message_says_something_that_can_be_shown() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    for (body, fault) in [
        ("", "body: REQUIRED"),
        (" \n ", "body: REQUIRED"),
        ("a\u{202e}b", "body: MALFORMED"),
        (&"ا".repeat(5_001), "body: TOO_LONG"),
    ] {
        assert_eq!(writes(&ada, body, &ada, &lin).await.faults(), [fault]);
    }
    assert_eq!(count(&app, "select count(*) from conversations").await, 0, "nothing was said, so none began");
    writes(&ada, &"ا".repeat(5_000), &ada, &lin).await.ok();
}

#[tokio::test]
async fn nobody_writes_too_much_or_begins_too_many() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    invites(&ada, &lin).await;
    invites(&ada, &eve).await;
    writes(&ada, "Hello", &ada, &lin).await.ok();
    let attempts = format!("select attempts from throttles where bucket = 'messages:{}'", ada.id);
    assert_eq!(count(&app, &attempts).await, 1, "sent again with its key it counts once");
    let fill = async |bucket: &str, attempts: i64| {
        let filled = sqlx::query("update throttles set attempts = $2 where bucket = $1 || $3");
        let filled = filled.bind(bucket).bind(attempts).bind(&ada.id).execute(app.pool()).await.unwrap();
        assert_eq!(filled.rows_affected(), 1, "{bucket}");
    };
    fill("conversations:", 50).await;
    assert_eq!(writes(&ada, "Hello", &ada, &eve).await.refused(), ["TOO_MANY_ATTEMPTS"]);
    writes(&ada, "One that stands goes on", &ada, &lin).await.ok();
    writes(&eve, "Others begin", &ada, &eve).await.ok();

    fill("messages:", 300).await;
    assert_eq!(writes(&ada, "One more", &ada, &lin).await.refused(), ["TOO_MANY_ATTEMPTS"]);
    writes(&lin, "I am not counted with you", &ada, &lin).await.ok();
    app.passes(TimeDelta::hours(1)).await;
    writes(&ada, "An hour later", &ada, &lin).await.ok();
}

#[tokio::test]
async fn everybody_reads_for_themselves_and_nobody_backwards() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let (bo, zoe) = (app.person("bo").await, app.person("zoe").await);
    joins(&ada, &bo, "RECRUITER").await;
    joins(&ada, &zoe, "VIEWER").await;
    invites(&ada, &lin).await;
    let conversation = writes(&lin, "One", &ada, &lin).await.text("message.conversation.id");
    writes(&bo, "We got it", &ada, &lin).await.ok();
    for body in ["Two", "Three"] {
        writes(&lin, body, &ada, &lin).await.ok();
    }
    assert_eq!(writes(&zoe, "I only look", &ada, &lin).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(can_write(&zoe, &conversation).await, false);

    // What one's own side wrote is no news, whoever of it did.
    for (who, news) in [(&ada, 3), (&bo, 3), (&zoe, 3), (&lin, 1)] {
        assert_eq!(unread(who, &conversation).await, (news, 0, 1));
        assert_eq!(inbox(who, "(unreadOnly: true)").await, std::slice::from_ref(&conversation));
    }
    let marked = marks(&ada, &conversation, 3).await;
    assert_eq!(marked.ok()["conversation"], json!({ "unreadCount": 1, "readUpTo": 3 }));
    marks(&ada, &conversation, 2).await.ok();
    assert_eq!(unread(&ada, &conversation).await, (1, 3, 1), "nobody reads backwards");
    assert_eq!(unread(&bo, &conversation).await, (3, 0, 1), "nor for others");
    marks(&ada, &conversation, 99).await.ok();
    assert_eq!(unread(&ada, &conversation).await, (0, 4, 0));
    assert_eq!(inbox(&ada, "(unreadOnly: true)").await, Vec::<String>::new());
    assert_eq!(inbox(&ada, "").await, std::slice::from_ref(&conversation));
    for up_to in [0, -1] {
        assert_eq!(marks(&ada, &conversation, up_to).await.faults(), ["upTo: OUT_OF_RANGE"]);
    }
    marks(&zoe, &conversation, 4).await.ok();
    writes(&lin, "Four", &ada, &lin).await.ok();
    assert_eq!(unread(&zoe, &conversation).await, (1, 4, 1));

    // Who leaves the company reads no more, and writes no more.
    let members = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id user { id } } } } } }";
    let members = ada.asks(members, json!({ "id": ada.organization })).await;
    let members = members.data()["node"]["members"]["nodes"].as_array().unwrap().clone();
    let bo_there = members.iter().find(|member| member["user"]["id"] == bo.id.as_str()).unwrap()["id"].clone();
    ada.does("memberRemove", json!({ "memberId": bo_there }), "member { id }").await.ok();
    assert_eq!(said(&bo, &conversation).await, None);
    assert_eq!(inbox(&bo, "").await, Vec::<String>::new());
    assert_eq!(writes(&bo, "Hello?", &ada, &lin).await.refused(), ["NOT_FOUND"]);
}

/// Who has many conversations reads as many of them as are on a page, as a freelancer and for each of their companies.
#[tokio::test]
async fn a_page_of_conversations_is_read_in_the_order_of_an_index() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    writes(&lin, "Hello", &ada, &lin).await.ok();
    app.statements();
    inbox(&ada, "").await;
    let asked: Vec<String> = app.statements();
    let in_order = |statement: &&String| statement.contains(r#"ORDER BY "conversations"."last_at" DESC"#);
    let asked: Vec<&String> = asked.iter().filter(in_order).collect();
    let [asked] = asked[..] else { panic!("both sides are read in one statement: {asked:?}") };
    let nulls = (1..).take_while(|nth| asked.contains(&format!("${nth}"))).map(|_| "null").collect::<Vec<_>>();
    let asked = asked.replace("COALESCE($3)", "COALESCE($3::uuid)");
    let explain = format!(
        "begin; set local enable_seqscan = off; set local enable_bitmapscan = off;
         set local plan_cache_mode = force_generic_plan;
         prepare asked as {asked}; explain (costs off) execute asked ({}); deallocate asked; rollback",
        nulls.join(", ")
    );
    let plan = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(app.pool()).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|line| line.get::<String, _>(0)).collect();
    for index in ["conversations_of_freelancer", "conversations_of_client"] {
        let by_index = format!("Index Scan Backward using {index} on");
        let cut = plan.windows(2).any(|lines| lines[0].contains("Limit") && lines[1].contains(&by_index));
        assert!(cut, "{index}: {plan:#?}");
    }
}

/// What is unread is found by the side that wrote it: who writes on and on, and gets no answer, has their own messages
/// read again for no count and no list.
#[tokio::test]
async fn what_one_wrote_oneself_is_not_looked_through_for_what_is_unread() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    let conversation = writes(&lin, "Hello", &ada, &lin).await.text("message.conversation.id");
    app.statements();
    unread(&lin, &conversation).await;
    inbox(&lin, "(unreadOnly: true)").await;
    let asked = app.statements().into_iter();
    let asked: Vec<String> = asked
        .filter(|statement| {
            statement.contains("from conversation_reads") || statement.contains("join conversation_reads")
        })
        .collect();
    assert!(asked.len() >= 3, "the count of one, the count of all, and the list: {asked:?}");
    for asked in asked {
        // Of tables as small as these all would be read, and each index would do; that is left out.
        let nulls = (1..).take_while(|nth| asked.contains(&format!("${nth}"))).map(|_| "null").collect::<Vec<_>>();
        let explain = format!(
            "begin; alter table messages drop constraint messages_numbered cascade;
             set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off;
             set local enable_mergejoin = off; set local enable_material = off;
             set local plan_cache_mode = force_generic_plan;
             prepare asked as {asked}; explain (costs off) execute asked ({}); deallocate asked; rollback",
            nulls.join(", ")
        );
        let plan = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(app.pool()).await.unwrap();
        let plan = plan.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n");
        let of = plan.lines().skip_while(|line| !line.contains("using messages_by_side on")).nth(1);
        let by_side = |line: &str| line.contains("(side = ") && line.contains("(number > ");
        assert!(of.is_some_and(by_side), "{plan}");
    }
}

#[tokio::test]
async fn a_conversation_is_told_of_once_until_it_is_read() {
    let app = TestApp::new().await;
    let (ada, lin, bo) = (app.client("ada").await, app.freelancer("lin").await, app.person("bo").await);
    joins(&ada, &bo, "HIRING_MANAGER").await;
    invites(&ada, &lin).await;
    let news = async |who: &Person<'_>| told(who).await.iter().filter(|(kind, _)| kind == "MESSAGE_SENT").count();
    let conversation = writes(&ada, "The first secret", &ada, &lin).await.text("message.conversation.id");
    writes(&ada, "The second secret", &ada, &lin).await.ok();
    assert_eq!(news(&lin).await, 1);
    assert!(told(&lin).await.contains(&("MESSAGE_SENT".to_owned(), "Conversation".to_owned())));
    assert_eq!((news(&ada).await, news(&bo).await), (0, 0), "their own side wrote it");

    // A part of it that was read is not all of it.
    marks(&lin, &conversation, 1).await.ok();
    writes(&ada, "The third", &ada, &lin).await.ok();
    assert_eq!(news(&lin).await, 1);
    let marked = marks(&lin, &conversation, 3).await;
    let unread = "{ viewer { notifications(unreadOnly: true) { nodes { kind } } } }";
    let unread = lin.asks(unread, json!({})).await.data()["viewer"]["notifications"]["nodes"].clone();
    assert!(!unread.to_string().contains("MESSAGE_SENT"), "{unread}");
    assert_eq!(marked.ok()["viewer"]["unreadNotificationCount"], unread.as_array().unwrap().len());
    writes(&ada, "The fourth", &ada, &lin).await.ok();
    assert_eq!(news(&lin).await, 2);
    // Whoever has read it before the worker gets there knows.
    marks(&lin, &conversation, 4).await.ok();
    writes(&ada, "The fifth", &ada, &lin).await.ok();
    marks(&lin, &conversation, 5).await.ok();
    assert_eq!(news(&lin).await, 2);

    // Each of the people of a company who look for people is told; told again, nobody is told twice.
    writes(&lin, "An answer", &ada, &lin).await.ok();
    for _ in 0..2 {
        assert_eq!((news(&ada).await, news(&bo).await, news(&lin).await), (1, 1, 2));
        let again = "update events set done_at = null, due_at = occurred_at where name = 'message_sent'";
        sqlx::query(again).execute(app.pool()).await.unwrap();
    }
    let bodies = count(&app, "select count(*) from events where body::text ~ 'secret|answer'").await;
    assert_eq!(bodies, 0, "what was said is in no event");
}

#[tokio::test]
async fn a_letter_goes_to_whoever_does_not_look_once_until_they_do() {
    let app = TestApp::new().await;
    let (ada, lin, bo) = (app.client("ada").await, app.freelancer("lin").await, app.person("bo").await);
    joins(&ada, &bo, "RECRUITER").await;
    invites(&ada, &lin).await;
    let pass = async |minutes: i64| app.passes(TimeDelta::minutes(minutes)).await;

    // Whoever is there gets none.
    let conversation = writes(&ada, "The first secret", &ada, &lin).await.text("message.conversation.id");
    pass(9).await;
    marks(&lin, &conversation, 1).await.ok();
    pass(9).await;
    assert_eq!(letters(&app, &lin), 0);

    writes(&ada, "The second secret", &ada, &lin).await.ok();
    pass(9).await;
    assert_eq!(letters(&app, &lin), 0, "not at once");
    pass(1).await;
    assert_eq!(letters(&app, &lin), 1);
    let letter = app.market.mail().letters_to(&lin.email).pop().unwrap().text;
    assert!(letter.contains("ada & Company wrote to you") && !letter.contains("secret"), "{letter}");
    for body in ["The third", "The fourth"] {
        writes(&ada, body, &ada, &lin).await.ok();
        pass(30).await;
    }
    assert_eq!(letters(&app, &lin), 1, "one, until they have looked");
    assert_eq!((letters(&app, &ada), letters(&app, &bo)), (0, 0));
    marks(&lin, &conversation, 4).await.ok();
    writes(&ada, "The fifth", &ada, &lin).await.ok();
    pass(10).await;
    assert_eq!(letters(&app, &lin), 2);

    // Each of the company by themselves: one looks, the other does not.
    writes(&lin, "An answer", &ada, &lin).await.ok();
    pass(5).await;
    marks(&bo, &conversation, 6).await.ok();
    pass(5).await;
    assert_eq!((letters(&app, &ada), letters(&app, &bo)), (1, 0));
    let left = "select count(*) from timers where kind = 'mail_messages'";
    assert_eq!(count(&app, left).await, 0);
}

#[tokio::test]
async fn no_letter_follows_from_whom_one_blocked_or_who_is_suspended() {
    let app = TestApp::new().await;
    let (ada, lin, mia) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("mia").await);
    let noor = app.admin("noor").await;
    for freelancer in [&lin, &mia] {
        invites(&ada, freelancer).await;
        writes(freelancer, "Buy followers", &ada, freelancer).await.ok();
    }
    app.settles().await;
    assert_eq!(count(&app, "select count(*) from notifications where kind = 'message_sent'").await, 2);
    let block = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    ada.does("freelancerBlock", block, "blocked").await.ok();
    noor.does("userSuspend", json!({ "userId": mia.id, "reason": "Spam" }), "user { id }").await.ok();
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!(letters(&app, &ada), 0);

    // It is made up for when messages get there again; and if that takes long, by the next message.
    noor.does("userReinstate", json!({ "userId": mia.id, "reason": "A mistake" }), "user { id }").await.ok();
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(letters(&app, &ada), 1);
    app.passes(TimeDelta::days(15)).await;
    assert_eq!(count(&app, "select count(*) from timers where kind = 'mail_messages'").await, 0);
    let lift = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    ada.does("freelancerUnblock", lift, "blocked").await.ok();
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(letters(&app, &ada), 1);
    writes(&lin, "Are you there?", &ada, &lin).await.ok();
    app.passes(TimeDelta::minutes(10)).await;
    assert_eq!(letters(&app, &ada), 2);
}

#[tokio::test]
async fn a_letter_that_was_withheld_is_made_up_for_up_to_two_weeks_later() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    writes(&lin, "Hello", &ada, &lin).await.ok();
    app.settles().await;
    let of_both = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    ada.does("freelancerBlock", of_both.clone(), "blocked").await.ok();
    app.passes(TimeDelta::days(12)).await;
    assert_eq!(letters(&app, &ada), 0);
    ada.does("freelancerUnblock", of_both, "blocked").await.ok();
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(letters(&app, &ada), 1);
}

#[tokio::test]
async fn whoever_goes_on_writing_does_not_put_off_the_letter_about_it() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    for body in ["Hello", "Are you there?", "One more thing"] {
        writes(&ada, body, &ada, &lin).await.ok();
        app.passes(TimeDelta::minutes(4)).await;
    }
    assert_eq!(letters(&app, &lin), 1, "ten minutes after the first");
}

#[tokio::test]
async fn who_is_suspended_gets_the_letter_once_they_are_back_and_keeps_it_from_nobody_else() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.client("ada").await, app.freelancer("lin").await, app.admin("noor").await);
    let bo = app.person("bo").await;
    joins(&ada, &bo, "ADMIN").await;
    invites(&ada, &lin).await;
    writes(&lin, "Hello", &ada, &lin).await.ok();
    app.settles().await;
    noor.does("userSuspend", json!({ "userId": bo.id, "reason": "Spam" }), "user { id }").await.ok();
    app.passes(TimeDelta::hours(1)).await;
    assert_eq!((letters(&app, &ada), letters(&app, &bo)), (1, 0));
    noor.does("userReinstate", json!({ "userId": bo.id, "reason": "A mistake" }), "user { id }").await.ok();
    app.passes(TimeDelta::days(1)).await;
    assert_eq!((letters(&app, &ada), letters(&app, &bo)), (1, 1));
    assert_eq!(count(&app, "select count(*) from timers where kind = 'mail_messages'").await, 0);
}

#[tokio::test]
async fn the_latest_comes_first_and_pages_go_on() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let mut conversations = Vec::new();
    for other in [&lin, &eve] {
        invites(&ada, other).await;
        conversations.push(writes(&ada, "1", &ada, other).await.text("message.conversation.id"));
        app.passes(TimeDelta::minutes(1)).await;
    }
    assert_eq!(inbox(&ada, "").await, [conversations[1].clone(), conversations[0].clone()]);
    writes(&lin, "2", &ada, &lin).await.ok();
    assert_eq!(inbox(&ada, "").await, conversations);
    assert_eq!(inbox(&ada, "(first: 1)").await, conversations[..1]);
    for body in ["3", "4", "5"] {
        writes(&ada, body, &ada, &lin).await.ok();
    }
    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Conversation {
        lastMessage { body }
        messages(first: 2, after: $after) { nodes { body } pageInfo { hasNextPage endCursor } } } } }";
    let (mut after, mut pages) = (Value::Null, Vec::new());
    loop {
        let found = lin.asks(query, json!({ "id": conversations[0], "after": after })).await;
        let node = &found.data()["node"];
        assert_eq!(node["lastMessage"]["body"], "5");
        let bodies = node["messages"]["nodes"].as_array().unwrap().iter();
        pages.push(bodies.map(|message| message["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        if node["messages"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = node["messages"]["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(pages, [vec!["5", "4"], vec!["3", "2"], vec!["1"]]);
}

/// Somebody who is a freelancer and in a company, and has a conversation with that, reads two lists as one.
#[tokio::test]
async fn pages_of_whoever_is_on_both_sides_have_each_conversation_once_and_in_order() {
    let app = TestApp::new().await;
    let (ada, bea) = (app.client("ada").await, app.client("bea").await);
    let (lin, mia, eve) = (app.freelancer("lin").await, app.freelancer("mia").await, app.freelancer("eve").await);
    let mut theirs = Vec::new();
    for (client, freelancer) in [(&ada, &lin), (&bea, &mia), (&bea, &lin), (&ada, &eve), (&bea, &eve)] {
        invites(client, freelancer).await;
        theirs.insert(0, writes(client, "1", client, freelancer).await.text("message.conversation.id"));
        app.market.clock().advance(TimeDelta::minutes(1));
    }
    // What ada and eve say to each other is nothing of hers.
    theirs.remove(1);
    joins(&bea, &lin, "ADMIN").await;
    assert_eq!(inbox(&lin, "").await, theirs);

    let page = async |arguments: String| {
        let info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
        let query = format!("{{ viewer {{ conversations({arguments}) {{ totalCount nodes {{ id }} {info} }} }} }}");
        let page = lin.asks(&query, json!({})).await.data()["viewer"]["conversations"].clone();
        assert_eq!(page["totalCount"], 4);
        let nodes = page["nodes"].as_array().unwrap().iter();
        let ids: Vec<String> = nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect();
        (ids, page["pageInfo"].clone())
    };
    for size in 1..=5 {
        let (mut found, mut place) = (Vec::new(), String::new());
        loop {
            let (ids, info) = page(format!("first: {size}{place}")).await;
            found.extend(ids);
            if info["hasNextPage"] == false {
                break;
            }
            place = format!(", after: {}", info["endCursor"]);
        }
        assert_eq!(found, theirs, "{size} at once");
        let (mut found, mut place) = (Vec::new(), String::new());
        loop {
            let (ids, info) = page(format!("last: {size}{place}")).await;
            found.splice(0..0, ids);
            if info["hasPreviousPage"] == false {
                break;
            }
            place = format!(", before: {}", info["startCursor"]);
        }
        assert_eq!(found, theirs, "{size} at once, from the end");
    }
}

#[tokio::test]
async fn what_is_said_is_heard_as_it_is_said_by_the_two_alone() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    let bo = app.person("bo").await;
    joins(&ada, &bo, "VIEWER").await;
    invites(&ada, &lin).await;
    let wire = app.wire().await;
    let conversation = writes(&ada, "One", &ada, &lin).await.text("message.conversation.id");
    let follow = json!({ "id": conversation, "after": BEGUN });
    let mut sockets = Vec::new();
    for who in [&lin, &bo] {
        let mut socket = wire.socket(&who.visitor().await).await;
        socket.subscribe("it", FOLLOW, follow.clone()).await;
        let heard = socket.data().await["messageReceived"]["message"].clone();
        assert_eq!(heard, json!({ "number": 1, "body": "One" }), "what came after the cursor, first");
        sockets.push(socket);
    }
    writes(&ada, "Two", &ada, &lin).await.ok();
    let mut last = Value::Null;
    for socket in &mut sockets {
        let heard = socket.data().await["messageReceived"].clone();
        assert_eq!(heard["message"], json!({ "number": 2, "body": "Two" }));
        last = heard["cursor"].clone();
    }
    // The list has the same cursors.
    let list = "query($id: ID!) { node(id: $id) { ... on Conversation { messages(first: 1) { edges { cursor } } } } }";
    let list = lin.asks(list, json!({ "id": conversation })).await;
    assert_eq!(list.data()["node"]["messages"]["edges"][0]["cursor"], last);

    let members = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id user { id } } } } } }";
    let members = ada.asks(members, json!({ "id": ada.organization })).await;
    let members = members.data()["node"]["members"]["nodes"].as_array().unwrap().clone();
    let bo_there = members.iter().find(|member| member["user"]["id"] == bo.id.as_str()).unwrap()["id"].clone();
    ada.does("memberRemove", json!({ "memberId": bo_there }), "member { id }").await.ok();
    assert_eq!(sockets[1].hears().await, Heard::Failed(vec!["NOT_FOUND".to_owned()]));
    for (who, code) in [(eve.visitor().await, "NOT_FOUND"), (app.visitor(), "UNAUTHENTICATED")] {
        for id in [conversation.as_str(), "cnv_00000000000000000000000000"] {
            let mut socket = wire.socket(&who).await;
            socket.subscribe("it", FOLLOW, json!({ "id": id, "after": BEGUN })).await;
            assert_eq!(socket.hears().await, Heard::Failed(vec![code.to_owned()]), "{id}");
        }
    }
}

#[tokio::test]
async fn two_first_messages_at_once_begin_one_conversation() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    let replies = crowd(|place| {
        let who = if place % 2 == 0 { &ada } else { &lin };
        let input = text(&format!("Message {place}"), &ada, &lin);
        async move { who.does_once("messageSend", input, MESSAGE).await }
    })
    .await;
    Outcomes::of(&replies).are(AT_ONCE, &[]);
    let conversations: Vec<(i64, i64)> = sqlx::query_as(
        "select c.last_number::bigint, (select count(*) from messages m where m.conversation_id = c.id
             and m.number between 1 and c.last_number) from conversations c",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    let all = i64::try_from(AT_ONCE).unwrap();
    assert_eq!(conversations, [(all, all)], "one, without a gap");
}

#[tokio::test]
async fn the_database_keeps_what_was_said_as_it_was_said() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    invites(&ada, &lin).await;
    let conversation = writes(&ada, "One", &ada, &lin).await.text("message.conversation.id");
    writes(&lin, "Two", &ada, &lin).await.ok();
    marks(&ada, &conversation, 2).await.ok();
    let copy = |own: &str| {
        format!(
            "insert into messages select copy.* from messages t, lateral jsonb_populate_record(t,
                 jsonb_build_object('id', gen_random_uuid(), {own})) copy where t.number = 2"
        )
    };
    for forged in [
        "update messages set body = 'Something else'".to_owned(),
        "delete from messages".to_owned(),
        "truncate messages cascade".to_owned(),
        copy("'number', 2"),
        copy("'number', 4"),
        copy("'number', 3, 'side', 'client'"),
        copy("'number', 3, 'sender_id', (select sender_id from messages where number = 1)"),
        copy("'number', 3, 'client_id', gen_random_uuid()"),
        copy("'number', 3, 'body', ''"),
        copy("'number', 3, 'body', repeat('x', 5001)"),
        "update conversations set last_number = last_number + 1".to_owned(),
        "update conversations set last_at = now() + interval '1 day'".to_owned(),
        "delete from conversations".to_owned(),
        "insert into conversations
             select gen_random_uuid(), client_id, freelancer_id, 0, now(), now() from conversations"
            .to_owned(),
        "insert into conversations
             select gen_random_uuid(), client_id, (select id from users where id <> freelancer_id limit 1), 0,
                 now(), now() from conversations"
            .to_owned(),
        "update conversation_reads set up_to = 1".to_owned(),
        "update conversation_reads set up_to = 3".to_owned(),
        "delete from conversation_reads".to_owned(),
        "truncate conversation_reads".to_owned(),
    ] {
        let done = sqlx::query(AssertSqlSafe(forged.clone())).execute(app.pool()).await;
        assert!(done.is_err(), "{forged}");
    }
    sqlx::query(AssertSqlSafe(copy("'number', 3, 'body', 'Three'"))).execute(app.pool()).await.unwrap();
    assert_eq!(said(&lin, &conversation).await.unwrap()[0], (3, "Three".to_owned()));
}

#[tokio::test]
async fn an_export_has_what_one_wrote_and_an_erasure_leaves_it_to_the_other() {
    let app = TestApp::new().await;
    let (ada, lin, bo) = (app.client("ada").await, app.freelancer("lin").await, app.person("bo").await);
    joins(&ada, &bo, "RECRUITER").await;
    invites(&ada, &lin).await;
    let conversation = writes(&lin, "From Lin", &ada, &lin).await.text("message.conversation.id");
    writes(&bo, "From Bo", &ada, &lin).await.ok();
    marks(&lin, &conversation, 2).await.ok();
    let export = async |who: &Person<'_>| {
        let export = who.does("accountExport", json!({}), "export").await.ok()["export"].clone();
        let bodies = export["messages"].as_array().unwrap().iter().map(|message| message["body"].clone());
        (bodies.collect::<Vec<_>>(), export["conversations"][0]["id"].clone(), export["conversationReads"].clone())
    };
    let (own, part, read) = export(&lin).await;
    assert_eq!((own, part), (vec![json!("From Lin")], json!(conversation)));
    assert_eq!((&read[0]["conversation_id"], &read[0]["up_to"]), (&json!(conversation), &json!(2)));
    assert_eq!(export(&bo).await.0, [json!("From Bo")]);
    assert_eq!(export(&ada).await.0, Vec::<Value>::new());

    lin.does_once("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
    assert_eq!(said(&ada, &conversation).await.map(|said| said.len()), Some(2));
    assert_eq!(count(&app, "select count(*) from conversation_reads").await, 0);
    assert_eq!(writes(&ada, "Are you there?", &ada, &lin).await.refused(), ["NOT_REACHABLE"]);
    // What somebody wrote for a company stays with it when they go.
    sqlx::query("delete from members where role = 'recruiter'").execute(app.pool()).await.unwrap();
    assert_eq!(export(&bo).await.0, Vec::<Value>::new());
}
