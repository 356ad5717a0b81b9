//! Things in states in which most people may not see them: each by itself, so that what is seen of one of its kind that
//! everybody sees does not stand for it.

use serde_json::{Value, json};
use tests::PASSWORD;
use tests::world::World;

use super::full::{Story, bid, usd};
use super::{Kinds, Types, Viewers, text, ways};

/// A thing in a state: what it is, how it stands, and its id.
pub struct InState {
    pub ty: &'static str,
    pub how: &'static str,
    pub id: String,
}

impl Story<'_> {
    /// One of each.
    pub async fn states(&self, world: &World<'_>) -> Vec<InState> {
        let mut all = Vec::new();
        let mut add = |ty, how, id| all.push(InState { ty, how, id });
        let invites = async |gig: &str, person: &str| {
            let invite = json!({ "gigId": gig, "freelancerId": person });
            self.owner.does("invitationSend", invite, "invitation { id }").await.ok();
        };
        add("Gig", "a draft", self.draft("Not said yet", json!({})).await);
        let invite_only = self.gig("Not for everybody", json!({ "visibility": "INVITE_ONLY" })).await;
        invites(&invite_only, &self.id("freelancerUser")).await;
        add("Gig", "for whom is invited", invite_only);
        let removed = self.gig("Not as it should be", json!({})).await;
        let remove = json!({ "gigId": removed, "reason": "It asks for a fee" });
        self.staff.does("gigRemove", remove, "gig { id }").await.ok();
        add("Gig", "removed", removed);

        let gig = self.id("gigOfAll");
        for how in ["hidden", "suspended", "erased"] {
            let person = self.app.freelancer(how).await;
            let profile = json!({ "headline": format!("Rust developer, {how}") });
            let profile = person.does("profileUpdate", profile, "profile { id }").await.text("profile.id");
            invites(&gig, &person.id).await;
            match how {
                "hidden" => {
                    let hide = json!({ "visibility": "HIDDEN" });
                    person.does("profileUpdate", hide, "profile { id }").await.ok();
                }
                "suspended" => {
                    let input = json!({ "userId": person.id, "reason": "A complaint" });
                    self.staff.does("userSuspend", input, "user { id }").await.ok();
                }
                _ => {
                    let invitations = "{ viewer { invitations(first: 5) { nodes { id } } } }";
                    let invitation = person.asks(invitations, json!({})).await;
                    let decline =
                        json!({ "invitationId": invitation.data()["viewer"]["invitations"]["nodes"][0]["id"] });
                    person.does("invitationDecline", decline, "invitation { id }").await.ok();
                    person.does("accountErase", json!({ "confirmEmail": person.email }), "erasedAt").await.ok();
                }
            }
            add("User", how, person.id.clone());
            add("FreelancerProfile", how, profile);
        }

        let open = self.gig("To bid on", json!({})).await;
        let draft = self.freelancer.does("proposalDraftSave", bid(&open, "nobody yet"), "proposal { id }").await;
        add("Proposal", "a draft", draft.text("proposal.id"));
        let another = self.gig("To bid on and think better", json!({})).await;
        let withdrawn = self.freelancer.does("proposalSubmit", bid(&another, "not me"), "proposal { id }").await;
        let withdrawn = withdrawn.text("proposal.id");
        let withdraw = json!({ "proposalId": withdrawn });
        self.freelancer.does("proposalWithdraw", withdraw, "proposal { id }").await.ok();
        add("Proposal", "withdrawn", withdrawn);

        let part = json!([{ "title": "All of it", "amount": usd("100.00") }]);
        add("Offer", "a draft", self.offers("Not decided", json!({ "milestones": part, "draft": true })).await.0);
        let (unpaid, milestones) = self.offers("Not paid for", json!({ "milestones": part })).await;
        add("Offer", "before it is paid for", unpaid);
        add("Milestone", "of an offer before it is paid for", milestones[0].clone());

        let contract = self.id("contractAtEveryStage");
        let unpublished = format!(
            "'contract_id', (select id from contracts where public_id('con', id) = '{contract}'), 'published_at', null,
             'reply', null, 'replied_at', null, 'text', 'Nobody else has written yet'"
        );
        let review = self.copies("reviews", &self.id("review"), &[&unpublished]).await.remove(0);
        add("Review", "before it is published", review);

        let input = json!({ "email": world.journey.client.email, "password": PASSWORD });
        let again = self.app.visitor().does("signIn", input, "tokens { accessToken session { id } }").await;
        let session = again.text("tokens.session.id");
        self.owner.does("sessionRevoke", json!({ "sessionId": session }), "session { id }").await.ok();
        add("Session", "revoked", session);
        self.app.settles().await;
        all
    }
}

/// What of `Query` is asked by the id of such a thing.
fn root(ty: &str) -> Option<&'static str> {
    match ty {
        "Gig" => Some("gig"),
        "Proposal" => Some("proposal"),
        "Offer" => Some("offer"),
        "Milestone" => Some("milestone"),
        _ => None,
    }
}

/// Whoever does not see them can't tell them from what does not exist, whichever way they ask, and is not led to them
/// from anything; how many cases that took.
pub async fn are_not_there(types: &Types, viewers: &Viewers<'_>, kinds: &Kinds, states: &[InState]) -> usize {
    let mut cases = 0;
    for InState { ty, how, id } in states {
        for (name, who) in viewers {
            let seen = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
            let seen = !seen.data()["node"].is_null();
            assert!(!(seen && ["nobody", "stranger", "rival"].contains(name)), "{ty}, {how}, is shown to {name}");
            let Some(root) = root(ty) else { continue };
            let (prefix, _) = id.split_once('_').unwrap_or_default();
            let query = format!("query($id: ID!) {{ {root}(id: $id) {{ __typename }} }}");
            let there = who.asks(&query, json!({ "id": id })).await;
            cases += 1;
            assert_eq!(!there.data()[root].is_null(), seen, "{root} of {ty}, {how}, as {name}");
            let made_up = json!({ "id": format!("{prefix}_00000000000000000000000000") });
            if !seen {
                assert_eq!(there.body, who.asks(&query, made_up).await.body, "{ty}, {how}, as {name}");
            }
        }
    }
    for (name, who) in &viewers[..3] {
        let told = |place: &str, body: &Value| {
            let body = body.to_string();
            let led = states.iter().find(|thing| body.contains(thing.id.as_str()));
            assert!(led.is_none(), "{place} leads {name} to {:?}", led.map(|thing| (thing.ty, thing.how)));
        };
        for root in ["Query", "Viewer"] {
            for field in types.fields(root).iter().filter(|field| ways::is_list_of_nodes(types, field)) {
                let field = text(&field["name"]);
                let list = format!("{field}(first: 100) {{ edges {{ node {{ id }} }} }}");
                let query =
                    if root == "Query" { format!("{{ {list} }}") } else { format!("{{ viewer {{ {list} }} }}") };
                told(&format!("{root}.{field}"), &who.asks(&query, json!({})).await.body);
                cases += 1;
            }
        }
        for (ty, ids) in kinds {
            for (place, query) in ways::two_steps(types, ty) {
                for id in ids {
                    told(&place, &ways::asked(who, &query, id).await);
                    cases += 1;
                }
            }
        }
    }
    cases
}
