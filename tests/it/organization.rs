//! Client companies, as their members meet them.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Person, TOKENS, TestApp};

use crate::gig::{draft_gig, open_gig};

const MEMBERS: &str = "query($id: ID!) { node(id: $id) { ... on Organization {
    members { edges { node { id role user { name } } } } invitations { edges { node { id state } } } } } }";

/// The members an organization shows, as `Name ROLE`, and their ids.
async fn members(person: &Person<'_>, organization: &str) -> Vec<(String, String)> {
    let reply = person.asks(MEMBERS, json!({ "id": organization })).await;
    let edges = reply.data()["node"]["members"]["edges"].as_array().cloned().unwrap_or_default();
    let member = |edge: &Value| {
        let node = &edge["node"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (format!("{} {}", text(&node["user"]["name"]), text(&node["role"])), text(&node["id"]))
    };
    edges.iter().map(member).collect()
}

fn names(members: &[(String, String)]) -> Vec<&str> {
    members.iter().map(|(name, _)| name.as_str()).collect()
}

/// The code of the newest letter to somebody.
async fn code(app: &TestApp, email: &str) -> String {
    // Members are listed in the order they joined, and nobody reads a letter the instant it is written.
    app.market.clock().advance(TimeDelta::seconds(1));
    app.settles().await;
    let letters = app.market.mail().letters_to(email);
    let letter = letters.last().expect("a letter came");
    letter.text.lines().find(|line| line.starts_with("min_")).expect("it holds a code").to_owned()
}

pub async fn joins(ada: &Person<'_>, bo: &Person<'_>, role: &str) {
    let input = json!({ "organizationId": ada.organization, "email": bo.email, "role": role });
    ada.does("memberInvite", input, "invitation { state role email }").await.ok();
    let token = code(ada.app, &bo.email).await;
    bo.does("memberInvitationAccept", json!({ "token": token }), "organization { id }").await.ok();
}

#[tokio::test]
async fn organization_create_asks_a_visitor_to_sign_in() {
    let app = TestApp::new().await;
    let reply = app.visitor().does("organizationCreate", json!({ "name": "Acme" }), "organization { id }").await;
    assert_eq!(reply.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn member_invite_sends_a_code_that_lets_its_reader_join_once() {
    let app = TestApp::new().await;
    let (ada, bo, eve) = (app.client("ada").await, app.newcomer("bo").await, app.client("eve").await);
    let invite = json!({ "organizationId": ada.organization, "email": " BO@example.com", "role": "FINANCE" });
    let fields = "invitation { id state role email }";
    assert_eq!(eve.does("memberInvite", invite.clone(), fields).await.refused(), ["NOT_FOUND"]);
    let invited = ada.does("memberInvite", invite.clone(), fields).await;
    assert_eq!(invited.ok()["invitation"]["email"], "bo@example.com");
    assert_eq!(ada.does("memberInvite", invite, fields).await.refused(), ["ALREADY_INVITED"]);

    let token = code(&app, "bo@example.com").await;
    let accept = json!({ "token": token });
    let joined = "organization { id }";
    assert_eq!(
        app.visitor().does("memberInvitationAccept", accept.clone(), joined).await.refused(),
        ["UNAUTHENTICATED"]
    );
    for forged in ["", "min_0", "min_00000000000000000000000000.AAAA", &token[..token.len() - 2]] {
        let reply = bo.does("memberInvitationAccept", json!({ "token": forged }), joined).await;
        assert_eq!(reply.refused(), ["CODE_INVALID"], "{forged}");
    }
    let another = eve.does("memberInvitationAccept", accept.clone(), joined).await;
    assert_eq!(another.refused(), ["INVITATION_FOR_ANOTHER"], "a letter that was passed on lets nobody in");
    let unverified = bo.does("memberInvitationAccept", accept.clone(), joined).await;
    assert_eq!(unverified.refused(), ["EMAIL_NOT_VERIFIED"], "anybody can sign up with the address");
    bo.reads_mail().await;
    assert_eq!(
        bo.does("memberInvitationAccept", accept.clone(), joined).await.text("organization.id"),
        ada.organization
    );
    assert_eq!(names(&members(&ada, &ada.organization).await), ["Ada OWNER", "Bo FINANCE"]);
    assert_eq!(names(&members(&bo, &ada.organization).await), ["Ada OWNER", "Bo FINANCE"]);
    assert!(members(&eve, &ada.organization).await.is_empty(), "strangers see nobody");
    assert_eq!(
        bo.does("memberInvitationAccept", accept.clone(), joined).await.text("organization.id"),
        ada.organization,
        "who has joined may ask again"
    );
    assert_eq!(eve.does("memberInvitationAccept", accept, joined).await.refused(), ["WRONG_STATE"], "once");

    let mine = bo.asks("{ viewer { organizations { edges { node { id } } } } }", json!({})).await;
    assert_eq!(mine.data()["viewer"]["organizations"]["edges"], json!([{ "node": { "id": ada.organization } }]));
}

#[tokio::test]
async fn a_letter_shows_whom_it_went_to_what_it_invites_to_and_nobody_else() {
    let app = TestApp::new().await;
    let (ada, bo, eve) = (app.client("ada").await, app.newcomer("bo").await, app.client("eve").await);
    let query = "query($token: String!) { viewer { invitationToJoin(token: $token) {
        organization { id name members { nodes { id } } } role invitedBy { name } expiresAt } } }";
    let opens = async |who: &Person<'_>, token: &str| {
        who.asks(query, json!({ "token": token })).await.data()["viewer"]["invitationToJoin"].clone()
    };
    let invite = json!({ "organizationId": ada.organization, "email": bo.email, "role": "FINANCE" });
    let invitation = ada.does("memberInvite", invite.clone(), "invitation { id }").await.text("invitation.id");
    let token = code(&app, &bo.email).await;

    let seen = opens(&bo, &token).await;
    assert_eq!(
        json!([seen["organization"]["name"], seen["role"], seen["invitedBy"]["name"]]),
        json!(["ada & Company", "FINANCE", "Ada"])
    );
    assert_eq!(seen["organization"]["members"]["nodes"], json!([]), "who has not joined sees who invites, nobody else");
    // The id alone opens nothing, nor does a code that was made up or went to another.
    for made_up in ["", &invitation, &token[..token.len() - 2], &format!("{invitation}.AAAA")] {
        assert_eq!(opens(&bo, made_up).await, Value::Null, "{made_up}");
    }
    assert_eq!(opens(&eve, &token).await, Value::Null, "a letter that was passed on");
    assert_eq!(opens(&ada, &token).await, Value::Null, "nor whoever wrote it");
    let nobody = app.visitor().asks(query, json!({ "token": token })).await;
    assert_eq!(nobody.data()["viewer"], Value::Null);
    let by_id = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(bo.asks(by_id, json!({ "id": invitation })).await.data()["node"], Value::Null);

    // Once answered, taken back or over it shows nothing.
    bo.does("memberInvitationDecline", json!({ "token": token }), "declined").await.ok();
    assert_eq!(opens(&bo, &token).await, Value::Null, "declined");
    let again = ada.does("memberInvite", invite.clone(), "invitation { id }").await.text("invitation.id");
    let token = code(&app, &bo.email).await;
    assert_ne!(opens(&bo, &token).await, Value::Null);
    ada.does("memberInvitationRevoke", json!({ "invitationId": again }), "invitation { id }").await.ok();
    assert_eq!(opens(&bo, &token).await, Value::Null, "taken back");
    ada.does("memberInvite", invite, "invitation { id }").await.ok();
    let token = code(&app, &bo.email).await;
    app.market.clock().advance(TimeDelta::days(14));
    assert_eq!(opens(&bo, &token).await, Value::Null, "over");
}

#[tokio::test]
async fn what_an_invitation_was_given_on_shows_no_longer_when_it_is_gone() {
    let app = TestApp::new().await;
    let (ada, bo, eve) = (app.client("ada").await, app.person("bo").await, app.person("eve").await);
    joins(&ada, &bo, "ADMIN").await;
    let token = invites(&bo, &ada.organization, &eve).await;
    let query = "query($token: String!) { viewer { invitationToJoin(token: $token) { role } } }";
    let opens = async || eve.asks(query, token.clone()).await.data()["viewer"]["invitationToJoin"].clone();
    assert_eq!(opens().await["role"], "VIEWER");
    // Past what the server does then: the membership is gone, and the invitation still says that it waits.
    sqlx::query("delete from members where user_id = (select id from users where email = 'bo@example.com')")
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(opens().await, Value::Null);
}

#[tokio::test]
async fn member_invitations_are_declined_revoked_and_over() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    let invite = async |email: &str| {
        let input = json!({ "organizationId": ada.organization, "email": email, "role": "VIEWER" });
        ada.does("memberInvite", input, "invitation { id }").await.text("invitation.id")
    };
    invite("bo@example.com").await;
    let token = json!({ "token": code(&app, "bo@example.com").await });
    for _ in 0..2 {
        let declined = bo.does("memberInvitationDecline", token.clone(), "declined").await;
        assert_eq!(declined.ok()["declined"], true);
    }
    assert_eq!(bo.does("memberInvitationAccept", token, "organization { id }").await.refused(), ["WRONG_STATE"]);

    let id = invite("bo@example.com").await;
    let token = json!({ "token": code(&app, "bo@example.com").await });
    let revoke = json!({ "invitationId": id });
    assert_eq!(bo.does("memberInvitationRevoke", revoke.clone(), "invitation { id }").await.refused(), ["NOT_FOUND"]);
    ada.does("memberInvitationRevoke", revoke, "invitation { state }").await.ok();
    assert_eq!(bo.does("memberInvitationAccept", token, "organization { id }").await.refused(), ["WRONG_STATE"]);

    invite("bo@example.com").await;
    let token = json!({ "token": code(&app, "bo@example.com").await });
    app.market.clock().advance(TimeDelta::days(14));
    assert_eq!(bo.does("memberInvitationAccept", token, "organization { id }").await.refused(), ["INVITATION_EXPIRED"]);
    invite("bo@example.com").await;

    let bad = json!({ "organizationId": ada.organization, "email": "bo", "role": "OWNER" });
    assert_eq!(
        ada.does("memberInvite", bad, "invitation { id }").await.faults(),
        ["email: MALFORMED", "role: OUT_OF_RANGE"]
    );
}

#[tokio::test]
async fn roles_change_members_leave_and_the_owner_stays_until_the_organization_is_passed_on() {
    let app = TestApp::new().await;
    let (ada, bo, cy) = (app.client("ada").await, app.person("bo").await, app.person("cy").await);
    joins(&ada, &bo, "VIEWER").await;
    app.market.clock().advance(TimeDelta::seconds(1));
    joins(&ada, &cy, "RECRUITER").await;
    let list = members(&ada, &ada.organization).await;
    let id = |name: &str| {
        list.iter().find(|(shown, _)| shown.starts_with(name)).map(|(_, id)| id.clone()).expect("a member")
    };
    let (ada_id, bo_id, cy_id) = (id("Ada"), id("Bo"), id("Cy"));

    let update = |id: &str, role: &str| json!({ "memberId": id, "role": role });
    assert_eq!(bo.does("memberUpdate", update(&bo_id, "ADMIN"), "member { role }").await.refused(), ["NOT_ALLOWED"]);
    ada.does("memberUpdate", update(&bo_id, "ADMIN"), "member { role }").await.ok();
    assert_eq!(bo.does("memberUpdate", update(&ada_id, "VIEWER"), "member { role }").await.refused(), ["OWNER_STAYS"]);
    assert_eq!(
        ada.does("memberUpdate", update(&bo_id, "OWNER"), "member { role }").await.faults(),
        ["role: OUT_OF_RANGE"]
    );

    let remove = |id: &str| json!({ "memberId": id });
    assert_eq!(ada.does("memberRemove", remove(&ada_id), "member { id }").await.refused(), ["OWNER_STAYS"]);
    assert_eq!(bo.does("memberRemove", remove(&ada_id), "member { id }").await.refused(), ["OWNER_STAYS"]);
    cy.does("memberRemove", remove(&cy_id), "member { id }").await.ok();
    assert!(members(&cy, &ada.organization).await.is_empty(), "who left sees nothing more, at once");

    let pass_on = |to: &str| json!({ "organizationId": ada.organization, "memberId": to });
    assert_eq!(
        bo.does("organizationTransfer", pass_on(&bo_id), "organization { id }").await.refused(),
        ["NOT_ALLOWED"]
    );
    assert_eq!(cy.does("organizationTransfer", pass_on(&bo_id), "organization { id }").await.refused(), ["NOT_FOUND"]);
    ada.does("organizationTransfer", pass_on(&bo_id), "organization { id }").await.ok();
    assert_eq!(names(&members(&ada, &ada.organization).await), ["Ada ADMIN", "Bo OWNER"]);
    ada.does("memberRemove", remove(&ada_id), "member { id }").await.ok();
}

/// Nobody but an owner passes a company on: while they are suspended somebody has to do it for them.
#[tokio::test]
async fn our_people_pass_on_a_company_whose_owner_is_suspended() {
    let app = TestApp::new().await;
    let (ada, bo, cy) = (app.client("ada").await, app.person("bo").await, app.person("cy").await);
    joins(&ada, &bo, "VIEWER").await;
    joins(&ada, &cy, "ADMIN").await;
    let admin = app.admin("noor").await;
    let list = members(&admin, &ada.organization).await;
    let id = |name: &str| list.iter().find(|(shown, _)| shown.starts_with(name)).expect("a member").1.clone();
    let (bo_id, cy_id) = (id("Bo"), id("Cy"));
    let passes_on = async |who: &Person<'_>, to: &str, why: Option<&str>| {
        let input = json!({ "organizationId": ada.organization, "memberId": to, "reason": why });
        who.does("organizationTransfer", input, "organization { id }").await
    };
    let why = Some("Their owner died");
    assert_eq!(passes_on(&admin, &bo_id, why).await.refused(), ["OWNER_IS_THERE"]);

    let suspend = async |who: &Person<'_>| {
        let input = json!({ "userId": who.id, "reason": "Nobody reaches them" });
        admin.does("userSuspend", input, "user { id }").await.ok();
    };
    suspend(&bo).await;
    assert_eq!(passes_on(&ada, &bo_id, None).await.refused(), ["MEMBER_CANT_OWN"], "nobody could pass it on then");
    suspend(&ada).await;
    assert_eq!(passes_on(&admin, &bo_id, why).await.refused(), ["MEMBER_CANT_OWN"]);
    assert_eq!(passes_on(&cy, &cy_id, why).await.refused(), ["NOT_ALLOWED"], "not by themselves");
    assert_eq!(passes_on(&admin, &cy_id, None).await.faults(), ["reason: REQUIRED"]);
    passes_on(&admin, &cy_id, why).await.ok();
    assert_eq!(names(&members(&cy, &ada.organization).await), ["Ada ADMIN", "Bo VIEWER", "Cy OWNER"]);

    let log = "query($id: String) { auditLog(subject: $id, first: 1) { nodes { act actor detail } } }";
    let log = admin.asks(log, json!({ "id": ada.organization })).await;
    let line = &log.data()["auditLog"]["nodes"][0];
    let told =
        json!([line["act"], line["actor"], line["detail"]["from"], line["detail"]["to"], line["detail"]["reason"]]);
    assert_eq!(told, json!(["organization_transfer", admin.id, ada.id, cy.id, "Their owner died"]));
}

#[tokio::test]
async fn organization_update_is_for_owners_and_admins_who_saw_what_stands() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.client("eve").await);
    let with = |name: &str, version: i64| json!({ "organizationId": ada.organization, "name": name, "expectedVersion": version });
    let fields = "organization { name version }";
    assert_eq!(
        ada.does("organizationUpdate", with("Acme", 1), fields).await.ok()["organization"],
        json!({ "name": "Acme", "version": 2 })
    );
    assert_eq!(ada.does("organizationUpdate", with("Acme Ltd", 1), fields).await.refused(), ["STALE_VERSION"]);
    assert_eq!(ada.does("organizationUpdate", with("A", 2), fields).await.faults(), ["name: TOO_SHORT"]);
    assert_eq!(eve.does("organizationUpdate", with("Mine", 2), fields).await.refused(), ["NOT_FOUND"]);
    assert_eq!(app.visitor().does("organizationUpdate", with("Mine", 2), fields).await.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn the_answer_to_organization_create_shows_the_company_as_its_owner_sees_it() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let fields = "organization { members { nodes { role user { id } } } balances { credit { minorUnits } } }";
    let created = ada.does("organizationCreate", json!({ "name": "Acme" }), fields).await;
    let organization = &created.ok()["organization"];
    assert_eq!(organization["members"]["nodes"], json!([{ "role": "OWNER", "user": { "id": ada.id } }]));
    assert_eq!(organization["balances"]["credit"]["minorUnits"], 0);
}

#[tokio::test]
async fn whoever_joins_or_leaves_sees_at_once_what_they_may_see_then() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    let invite = json!({ "organizationId": ada.organization, "email": bo.email, "role": "VIEWER" });
    ada.does("memberInvite", invite, "invitation { id }").await.ok();
    let token = code(&app, &bo.email).await;
    let joined = bo
        .does(
            "memberInvitationAccept",
            json!({ "token": token }),
            "organization { members { nodes { id user { id } } } }",
        )
        .await;
    let members = joined.ok()["organization"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let own = members.iter().find(|member| member["user"]["id"] == json!(bo.id)).expect("Bo is there")["id"].clone();

    let query = "mutation($input: MemberRemoveInput!) { memberRemove(input: $input) { errors { code } }
        again: memberRemove(input: $input) { errors { code } } }";
    let left = bo.asks(query, json!({ "input": { "memberId": own } })).await;
    assert_eq!(left.data()["memberRemove"]["errors"], json!([]));
    assert_eq!(left.data()["again"]["errors"][0]["code"], "NOT_FOUND", "who has left knows nothing more");
}

/// Invites somebody, and answers with the code of the letter.
pub async fn invites(who: &Person<'_>, organization: &str, guest: &Person<'_>) -> Value {
    let input = json!({ "organizationId": organization, "email": guest.email, "role": "VIEWER" });
    who.does("memberInvite", input, "invitation { id }").await.ok();
    json!({ "token": code(who.app, &guest.email).await })
}

#[tokio::test]
async fn what_somebody_gave_away_goes_with_their_right_to() {
    for how in ["memberRemove", "memberUpdate"] {
        let app = TestApp::new().await;
        let (ada, bo, eve) = (app.client("ada").await, app.person("bo").await, app.person("eve").await);
        joins(&ada, &bo, "ADMIN").await;
        let token = invites(&bo, &ada.organization, &eve).await;
        let member = members(&ada, &ada.organization).await.into_iter().find(|(name, _)| name == "Bo ADMIN").unwrap().1;
        let input = match how {
            "memberUpdate" => json!({ "memberId": member, "role": "FINANCE" }),
            _ => json!({ "memberId": member }),
        };
        ada.does(how, input, "member { id }").await.ok();
        let states = ada.asks(MEMBERS, json!({ "id": ada.organization })).await;
        assert_eq!(states.data()["node"]["invitations"]["edges"][0]["node"]["state"], "REVOKED", "{how}");
        let late = eve.does("memberInvitationAccept", token, "organization { id }").await;
        assert_eq!(late.refused(), ["WRONG_STATE"], "{how}");
    }
}

/// Whoever had got hold of an admin's account may have invited themselves before it was suspended.
#[tokio::test]
async fn what_somebody_gave_away_lets_nobody_in_while_they_are_suspended() {
    let app = TestApp::new().await;
    let (ada, bo, eve) = (app.client("ada").await, app.person("bo").await, app.person("eve").await);
    let noor = app.admin("noor").await;
    joins(&ada, &bo, "ADMIN").await;
    let token = invites(&bo, &ada.organization, &eve).await;
    let why = json!({ "userId": bo.id, "reason": "It was not them who signed in" });
    noor.does("userSuspend", why.clone(), "user { id }").await.ok();
    let query = "query($token: String!) { viewer { invitationToJoin(token: $token) { role } } }";
    let opens = async || eve.asks(query, token.clone()).await.data()["viewer"]["invitationToJoin"].clone();
    assert_eq!(opens().await, Value::Null);
    let joined = eve.does("memberInvitationAccept", token.clone(), "organization { id }").await;
    assert_eq!(joined.refused(), ["WRONG_STATE"]);
    assert_eq!(names(&members(&ada, &ada.organization).await), ["Ada OWNER", "Bo ADMIN"]);

    noor.does("userReinstate", why, "user { id }").await.ok();
    assert_eq!(opens().await["role"], "VIEWER");
    eve.does("memberInvitationAccept", token, "organization { id }").await.ok();
}

#[tokio::test]
async fn nobody_joins_the_company_of_somebody_who_was_erased() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    let token = invites(&ada, &ada.organization, &bo).await;
    // Somebody who is erased is written to by nobody any more.
    let cy = app.client("cy").await;
    invites(&cy, &cy.organization, &ada).await;
    ada.does_once("accountErase", json!({ "confirmEmail": ada.email }), "erasedAt").await.ok();
    let late = bo.does("memberInvitationAccept", token.clone(), "organization { id }").await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
    // Not even if the invitation were still there.
    let again = "update member_invitations set state = 'pending', state_at = now() + interval '10 years'
                 where email = $1";
    sqlx::query(again).bind(&bo.email).execute(app.pool()).await.unwrap();
    let late = bo.does("memberInvitationAccept", token, "organization { id }").await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
    let left: i64 = sqlx::query_scalar(
        "select count(*) from member_invitations where email = $1 or state = 'pending' and email <> $2",
    )
    .bind(&ada.email)
    .bind(&bo.email)
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(left, 0, "the address is blanked, and nothing waits at it");
}

#[tokio::test]
async fn letters_to_one_mailbox_are_counted_and_keep_nobody_else_from_writing_there() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.client("eve").await);
    let invite = async |who: &Person<'_>, organization: &str| {
        let input = json!({ "organizationId": organization, "email": "bo@example.com", "role": "VIEWER" });
        who.does("memberInvite", input, "invitation { id }").await
    };
    let wears_out = async |who: &Person<'_>, organization: &str, times: usize| {
        for _ in 0..times {
            let id = invite(who, organization).await.text("invitation.id");
            who.does("memberInvitationRevoke", json!({ "invitationId": id }), "invitation { state }").await.ok();
        }
        assert_eq!(invite(who, organization).await.refused(), ["TOO_MANY_ATTEMPTS"]);
    };
    wears_out(&eve, &eve.organization, 3).await;
    // Nor by another company of hers, or another person in hers.
    let other = eve.does("organizationCreate", json!({ "name": "Acme" }), "organization { id }").await;
    assert_eq!(invite(&eve, &other.text("organization.id")).await.refused(), ["TOO_MANY_ATTEMPTS"]);
    let dan = app.person("dan").await;
    joins(&eve, &dan, "ADMIN").await;
    wears_out(&dan, &eve.organization, 2).await;

    wears_out(&ada, &ada.organization, 3).await;
    app.market.clock().advance(TimeDelta::hours(24));
    invite(&eve, &eve.organization).await.ok();

    // By very many together, and then a refusal says nothing of them.
    let many = "insert into member_invitations (id, organization_id, email, role, invited_by, state, state_at, created_at)
        select gen_random_uuid(), organization_id, email, role, invited_by, 'revoked', state_at, created_at
        from (select * from member_invitations where state = 'pending' and email = 'bo@example.com') one, generate_series(1, 49) n";
    assert_eq!(sqlx::query(many).execute(app.pool()).await.unwrap().rows_affected(), 49);
    let refused = invite(&ada, &ada.organization).await;
    assert_eq!(refused.refused(), ["TOO_MANY_ATTEMPTS"]);
    assert!(!refused.body.to_string().contains("50"), "{}", refused.body);
}

#[tokio::test]
async fn letters_of_one_person_are_counted_whichever_company_they_are_for() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let other = ada.does("organizationCreate", json!({ "name": "Acme" }), "organization { id }").await;
    let other = other.text("organization.id");
    let invite = async |organization: &str, name: &str| {
        let email = format!("{name}@example.com");
        let input = json!({ "organizationId": organization, "email": email, "role": "VIEWER" });
        ada.does_once("memberInvite", input, "invitation { id }").await
    };
    invite(&ada.organization, "bo").await.ok();
    let more = "insert into member_invitations (id, organization_id, email, role, invited_by, state, state_at, created_at)
        select gen_random_uuid(), organization_id, 'bo' || n || '@example.com', role, invited_by, 'revoked', state_at, created_at
        from member_invitations, generate_series(1, 98) n";
    sqlx::query(more).execute(app.pool()).await.unwrap();
    invite(&other, "cy").await.ok();
    assert_eq!(invite(&other, "di").await.refused(), ["TOO_MANY_ATTEMPTS"]);
    app.market.clock().advance(TimeDelta::hours(24));
    invite(&other, "di").await.ok();
}

#[tokio::test]
async fn one_person_owns_ten_organizations_at_most() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.client("bo").await);
    let create = async |n: i32| {
        let input = json!({ "name": format!("Company {n}") });
        ada.does("organizationCreate", input, "organization { id }").await
    };
    for n in 1..10 {
        create(n).await.ok();
    }
    let many = create(10).await;
    assert_eq!(many.refused(), ["ORGANIZATIONS_OWNED"]);
    assert_eq!(many.body["data"]["organizationCreate"]["errors"][0]["__typename"], "LimitReachedError");
    // Nor is one passed on to who owns enough.
    joins(&bo, &ada, "ADMIN").await;
    let heir = members(&bo, &bo.organization).await.into_iter().find(|(name, _)| name == "Ada ADMIN").unwrap().1;
    let pass_on = json!({ "organizationId": bo.organization, "memberId": heir });
    let refused = bo.does("organizationTransfer", pass_on, "organization { id }").await;
    assert_eq!(refused.refused(), ["ORGANIZATIONS_OWNED"]);
}

#[tokio::test]
async fn what_reaches_strangers_or_money_takes_an_address_whose_mail_is_read() {
    let app = TestApp::new().await;
    let (eve, lin) = (app.client("victim").await, app.freelancer("lin").await);
    let (open, draft) = (open_gig(&eve, json!({})).await, draft_gig(&eve).await);
    app.forgets_verification(&eve.email).await;
    let acts = [
        (
            "memberInvite",
            json!({ "organizationId": eve.organization, "email": "bo@example.com", "role": "ADMIN" }),
            "invitation { id }",
        ),
        ("gigPublish", json!({ "gigId": draft["id"] }), "gig { id }"),
        (
            "invitationSend",
            json!({ "gigId": open["id"], "freelancerId": lin.id, "message": "Come." }),
            "invitation { id }",
        ),
        ("paymentMethodSetUp", json!({ "organizationId": eve.organization }), "clientSecret"),
        ("payoutMethodAdd", json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "V" }), "payoutMethod { id }"),
    ];
    for (act, input, fields) in &acts {
        assert_eq!(eve.does_once(act, input.clone(), fields).await.refused(), ["EMAIL_NOT_VERIFIED"], "{act}");
        // Whoever may not do it at all is not told of the address.
        let stranger = app.newcomer(&format!("eve{}", act.to_lowercase())).await;
        if *act != "payoutMethodAdd" {
            assert_eq!(stranger.does_once(act, input.clone(), fields).await.refused().len(), 1, "{act}");
            assert_ne!(stranger.does_once(act, input.clone(), fields).await.refused(), ["EMAIL_NOT_VERIFIED"], "{act}");
        }
    }
    eve.does("sandboxEmailVerify", json!({}), "viewer { emailVerified }").await.ok();
    for (act, input, fields) in &acts {
        eve.does_once(act, input.clone(), fields).await.ok();
    }
}

#[tokio::test]
async fn who_first_shows_that_an_address_is_theirs_gets_an_account_that_nobody_has_a_way_into() {
    let app = TestApp::new().await;
    let (eve, bo) = (app.client("victim").await, app.person("bo").await);
    joins(&eve, &bo, "ADMIN").await;
    let token = invites(&eve, &eve.organization, &app.person("cy").await).await;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Bo" });
    eve.does("payoutMethodAdd", method, "payoutMethod { id }").await.ok();
    // All that is from before it took an address that is read.
    app.forgets_verification(&eve.email).await;
    app.visitor().does("passwordResetRequest", json!({ "email": eve.email }), "expiresAt").await.ok();
    let reset = crate::account::mailed_code(&app, &eve.email).await;
    let reset = json!({ "code": reset, "newPassword": "gravel-ninety-tuba-moss" });
    app.visitor().does("passwordReset", reset, "endedCount").await.ok();

    let sign_in = json!({ "email": eve.email, "password": "gravel-ninety-tuba-moss" });
    let owner = app.visitor().does("signIn", sign_in, TOKENS).await.text("tokens.accessToken");
    let left = "query($id: ID!) { viewer { payoutMethods { nodes { id } } } node(id: $id) { ... on Organization {
        members { nodes { user { name } } } invitations { nodes { state } } } } }";
    let left = app.bearer(&owner).asks(left, json!({ "id": eve.organization })).await;
    assert_eq!(left.data()["node"]["members"]["nodes"], json!([{ "user": { "name": "Victim" } }]));
    assert_eq!(left.data()["node"]["invitations"]["nodes"][0]["state"], "REVOKED");
    assert_eq!(left.data()["viewer"]["payoutMethods"]["nodes"], json!([]));
    assert!(members(&bo, &eve.organization).await.is_empty(), "nobody else sees its inside");
    let late = app.person("di").await.does("memberInvitationAccept", token, "organization { id }").await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
    app.settles().await;
    let letters = app.market.mail().letters_to(&eve.email);
    assert!(letters.last().unwrap().text.contains("accounts to be paid at"), "{letters:?}");
}

#[tokio::test]
async fn names_are_one_line_that_is_seen() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    for bad in
        ["Acme\r\nBcc: x@example.com", "Ac\tme", "Acme\u{2028}Ltd", "Ac\u{200B}me", "Ac\u{200D}me", "Acme\u{2060}"]
    {
        let create = ada.does("organizationCreate", json!({ "name": bad }), "organization { id }").await;
        assert_eq!(create.faults(), ["name: MALFORMED"], "{bad:?}");
        assert_eq!(
            ada.does("userUpdate", json!({ "name": bad }), "viewer { email }").await.faults(),
            ["name: MALFORMED"]
        );
    }
    // What came along when it was copied from a page is left out.
    let pasted = json!({ "name": "\u{61C}Acme Ltd\u{200E}" });
    let create = ada.does("organizationCreate", pasted, "organization { name }").await;
    assert_eq!(create.text("organization.name"), "Acme Ltd");
}
