//! One freelancer's bids for many gigs, against the quota.

use super::*;

#[tokio::test]
async fn bids_for_many_gigs_against_the_quota() {
    let app = TestApp::new().await;
    let few =
        "insert into trade_terms (effective_from, note, terms) values ('2026-01-02', 'few', '{\"bid_quota\": 3}')";
    sqlx::query(few).execute(app.pool()).await.unwrap();
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let mut bids = Vec::new();
    for _ in 0..AT_ONCE {
        let gig = open_gig(&ada, json!({})).await;
        bids.push(json!({
            "gigId": gig["id"],
            "coverLetter": "I built two ledgers that auditors liked.",
            "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
            "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two of them." }],
        }));
    }
    for _ in 0..rounds() {
        let replies = crowd(|place| lin.does_once("proposalSubmit", bids[place].clone(), "proposal { id }")).await;
        let outcomes = Outcomes::of(&replies);
        outcomes.are(3, &["PROPOSAL_QUOTA"]);
        settled(&app).await;
        assert_eq!(count(&app, "select count(*) from proposals where status = 'submitted'").await, 3);
        // Nobody opened them, so they can be sent again.
        for won in outcomes.won {
            let id = json!({ "proposalId": won["proposal"]["id"] });
            lin.does("proposalWithdraw", id, "proposal { id }").await.ok();
        }
    }
}

#[tokio::test]
async fn a_draft_that_is_changed_while_it_is_sent_is_sent_as_it_became() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let bid = plain_bid(&ada).await;
    let draft = lin.does("proposalDraftSave", bid.clone(), "proposal { id }").await.text("proposal.id");
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("update proposals set version = version + 1").execute(&mut *held).await.unwrap();
    let changed = async {
        stand_in_line(&app, 1).await;
        held.commit().await.unwrap();
    };
    let (sent, ()) = join(lin.does("proposalSubmit", bid, "proposal { id state version }"), changed).await;
    let sent = &sent.ok()["proposal"];
    assert_eq!(sent["id"], draft);
    // Saved, changed, sent: nothing of it is written over unseen.
    assert_eq!(sent["version"], 3, "{sent:#}");
}
