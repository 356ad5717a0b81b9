//! Invitations to gigs.

use serde_json::{Value, json};
use tests::TestApp;
use tests::people::Person;

use crate::gig::open_gig;

const INVITATION: &str = "invitation { id state }";

async fn title(person: &Person<'_>, gig: &Value) -> Value {
    let query = "query($id: ID!) { gig(id: $id) { title } }";
    person.asks(query, json!({ "id": gig["id"] })).await.data()["gig"]["title"].clone()
}

#[tokio::test]
async fn invitation_send_opens_a_gig_that_strangers_do_not_see() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({ "visibility": "INVITE_ONLY" })).await;
    assert_eq!(title(&lin, &gig).await, Value::Null);

    let input = json!({ "gigId": gig["id"], "freelancerId": lin.id, "message": "Come and see." });
    let first = ada.does("invitationSend", input.clone(), INVITATION).await.text("invitation.id");
    assert_eq!(ada.does("invitationSend", input.clone(), INVITATION).await.text("invitation.id"), first);
    assert_eq!(title(&lin, &gig).await, gig["title"]);
    assert_eq!(title(&eve, &gig).await, Value::Null);
    assert_eq!(eve.does("invitationSend", input, INVITATION).await.refused(), ["NOT_FOUND"]);
    let browse = "{ gigs { edges { node { id } } } }";
    assert_eq!(lin.asks(browse, json!({})).await.data()["gigs"]["edges"].as_array().unwrap().len(), 1);
    assert_eq!(eve.asks(browse, json!({})).await.data()["gigs"]["edges"].as_array().unwrap().len(), 0);

    let bid = json!({ "gigId": gig["id"], "coverLetter": "I was told to come and see.",
        "milestones": [{ "title": "All", "amount": { "amount": "900" } }],
        "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two." }] });
    assert_eq!(eve.does("proposalSubmit", bid.clone(), "proposal { id }").await.refused(), ["NOT_FOUND"]);
    lin.does("proposalSubmit", bid, "proposal { id }").await.ok();
    let mine = lin.asks("{ viewer { invitations { edges { node { state } } } } }", json!({})).await;
    assert_eq!(mine.data()["viewer"]["invitations"]["edges"][0]["node"]["state"], "ACCEPTED");
}

#[tokio::test]
async fn invitation_decline_is_for_the_invited() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    let input = json!({ "gigId": gig["id"], "freelancerId": lin.id });
    let invitation = ada.does("invitationSend", input, INVITATION).await.text("invitation.id");

    let id = json!({ "invitationId": invitation });
    assert_eq!(eve.does("invitationDecline", id.clone(), INVITATION).await.refused(), ["NOT_FOUND"]);
    assert_eq!(ada.does("invitationDecline", id.clone(), INVITATION).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(lin.does("invitationDecline", id.clone(), INVITATION).await.text("invitation.state"), "DECLINED");
    assert_eq!(lin.does("invitationDecline", id, INVITATION).await.text("invitation.state"), "DECLINED");

    let nobody = json!({ "gigId": gig["id"], "freelancerId": "usr_nobody" });
    assert_eq!(ada.does("invitationSend", nobody, INVITATION).await.faults(), ["freelancerId: UNKNOWN"]);
    let own = json!({ "gigId": gig["id"], "freelancerId": ada.id });
    assert_eq!(ada.does("invitationSend", own, INVITATION).await.refused(), ["OWN_GIG"]);
}
