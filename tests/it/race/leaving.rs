//! People who leave while something of theirs is on its way.

use super::*;

/// Somebody else's hands on the rows that a statement locks.
macro_rules! holding {
    ($app:expr, $locks:literal, $held:ident) => {
        let mut other = sqlx::PgConnection::connect(&$app.database_url()).await.unwrap();
        let mut $held = other.begin().await.unwrap();
        sqlx::query($locks).execute(&mut *$held).await.unwrap();
    };
}

/// One act comes as far as rows that are held by somebody else, and another one behind it; then both go on.
async fn one_behind_the_other<A, B>(
    app: &TestApp,
    held: sqlx::Transaction<'_, sqlx::Postgres>,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let second = async {
        stand_in_line(app, 1).await;
        second.await
    };
    let go = async {
        stand_in_line(app, 2).await;
        held.rollback().await.unwrap();
    };
    let (first, (second, ())) = join(first, join(second, go)).await;
    (first, second)
}

#[tokio::test]
async fn what_waits_for_an_erasure_or_a_suspension_writes_nothing_afterwards() {
    let app = TestApp::new().await;
    let (admin, ada) = (app.admin("noor").await, app.client("ada").await);
    let bid = plain_bid(&ada).await;
    for (how, code) in [("erased", "UNAUTHENTICATED"), ("suspended", "SUSPENDED")] {
        let lin = app.freelancer(how).await;
        lin.does("profileUpdate", json!({ "headline": "Rust developer" }), "profile { id }").await.ok();
        holding!(app, "select from users for update", held);
        let leaves = async {
            match how {
                "erased" => lin.does_once("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await,
                _ => {
                    let why = json!({ "userId": lin.id, "reason": "A complaint" });
                    admin.does_once("userSuspend", why, "user { id }").await
                }
            }
        };
        let late = async {
            // Whoever leaves is first in line.
            stand_in_line(&app, 1).await;
            let again = json!({ "headline": "Here still", "visibility": "PUBLIC" });
            let made = json!({ "title": "A shop", "description": "All of it" });
            let bank = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Lin" });
            join_all([
                lin.does_once("profileUpdate", again, "profile { id }"),
                lin.does_once("portfolioItemAdd", made, "profile { id }"),
                lin.does_once("payoutMethodAdd", bank, "payoutMethod { id }"),
                lin.does_once("userUpdate", json!({ "name": "Lin" }), "viewer { email }"),
                lin.does_once("proposalSubmit", bid.clone(), "proposal { id }"),
            ])
            .await
        };
        let go = async {
            stand_in_line(&app, 6).await;
            held.rollback().await.unwrap();
        };
        let (left, (late, ())) = join(leaves, join(late, go)).await;
        left.ok();
        for late in &late {
            assert_eq!(late.refused(), [code], "{how}: {:#}", late.body);
        }
        let rows = "select (select count(*) from portfolio_items) + (select count(*) from payout_methods)
            + (select count(*) from freelancer_profiles where headline = 'Here still') + (select count(*) from proposals)";
        assert_eq!(count(&app, rows).await, 0, "{how}");
    }
    assert_eq!(
        count(&app, "select count(*) from users where erased_at is not null and name = 'Erased account'").await,
        1
    );
}

/// The member of the client's company that somebody is.
async fn member(client: &Person<'_>, who: &Person<'_>) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Organization {
        members(first: 5) { nodes { id user { id } } } } } }";
    let reply = client.asks(query, json!({ "id": client.organization })).await;
    let members = reply.data()["node"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let found = members.iter().find(|member| member["user"]["id"] == json!(who.id));
    found.unwrap_or_else(|| panic!("{} is no member: {members:?}", who.email))["id"].clone()
}

#[tokio::test]
async fn a_company_is_passed_on_to_nobody_who_is_erased() {
    let app = TestApp::new().await;
    let orphans = "select count(*) from members m join users u on u.id = m.user_id
        where m.role = 'owner' and u.erased_at is not null";
    for erased_first in [true, false] {
        let name = if erased_first { "first" } else { "second" };
        let (ada, bo) = (app.client(&format!("ada-{name}")).await, app.person(&format!("bo-{name}")).await);
        crate::organization::joins(&ada, &bo, "ADMIN").await;
        let heir = json!({ "organizationId": ada.organization, "memberId": member(&ada, &bo).await });
        let erase = bo.does_once("accountErase", json!({ "confirmEmail": bo.email }), "erasedAt");
        let pass_on = ada.does_once("organizationTransfer", heir, "organization { id }");
        if erased_first {
            // The erasure has seen what binds them, and waits for what it forgets.
            holding!(app, "select from passwords for update", held);
            let (erased, passed_on) = one_behind_the_other(&app, held, erase, pass_on).await;
            erased.ok();
            assert_eq!(passed_on.refused(), ["NOT_FOUND"]);
        } else {
            holding!(app, "select from members where role <> 'owner' for update", held);
            let (passed_on, erased) = one_behind_the_other(&app, held, pass_on, erase).await;
            passed_on.ok();
            assert_eq!(erased.refused(), ["ACCOUNT_OWNS_COMPANY"]);
        }
        assert_eq!(count(&app, orphans).await, 0, "{name}");
    }
}

#[tokio::test]
async fn nobody_joins_a_company_while_its_owner_is_erased() {
    let app = TestApp::new().await;
    let run_by_nobody = "select count(*) from members m where m.role <> 'owner' and exists (
        select from members o join users u on u.id = o.user_id
        where o.organization_id = m.organization_id and o.role = 'owner' and u.erased_at is not null)";
    for erased_first in [true, false] {
        let name = if erased_first { "first" } else { "second" };
        let (ada, bo) = (app.client(&format!("ada-{name}")).await, app.person(&format!("bo-{name}")).await);
        let token = crate::organization::invites(&ada, &ada.organization, &bo).await;
        let erase = ada.does_once("accountErase", json!({ "confirmEmail": ada.email }), "erasedAt");
        let join_in = bo.does_once("memberInvitationAccept", token, "organization { id }");
        if erased_first {
            // The erasure has seen that nobody belongs to the company, and waits for what it forgets.
            holding!(app, "select from passwords for update", held);
            let (erased, joined) = one_behind_the_other(&app, held, erase, join_in).await;
            erased.ok();
            assert_eq!(joined.refused(), ["WRONG_STATE"]);
        } else {
            holding!(app, "select from member_invitations for update", held);
            let (joined, erased) = one_behind_the_other(&app, held, join_in, erase).await;
            joined.ok();
            assert_eq!(erased.refused(), ["ACCOUNT_OWNS_COMPANY"]);
        }
        assert_eq!(count(&app, run_by_nobody).await, 0, "{name}");
    }
}

/// Somebody else is in an account, and has to be out as soon as its person says so.
#[tokio::test]
async fn what_waits_while_its_session_is_ended_gives_nothing_away() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let proof = json!({ "email": ada.email, "password": PASSWORD });
    let tokens = app.visitor().does("signIn", proof, tests::TOKENS).await;
    let thief = app.bearer(&tokens.text("tokens.accessToken"));
    thief.does("emailChangeRequest", json!({ "email": "thief@example.com" }), "expiresAt").await.ok();
    let code = json!({ "code": crate::account::mailed_code(&app, "thief@example.com").await });
    let invite = json!({ "organizationId": ada.organization, "email": "thief@example.com", "role": "ADMIN" });
    holding!(app, "select from users for update", held);
    let acts = join_all([
        thief.does("emailChange", code, "viewer { email }"),
        thief.does("memberInvite", invite, "invitation { id }"),
    ]);
    let ends = async {
        stand_in_line(&app, 2).await;
        let session = json!({ "sessionId": tokens.text("tokens.session.id") });
        ada.does_once("sessionRevoke", session, "session { id }").await.ok();
        held.rollback().await.unwrap();
    };
    let (acts, ()) = join(acts, ends).await;
    for act in &acts {
        assert_eq!(act.refused(), ["REAUTHENTICATE"], "{:#}", act.body);
    }
    let given = "select (select count(*) from users where email = 'thief@example.com')
        + (select count(*) from member_invitations)";
    assert_eq!(count(&app, given).await, 0);
}
