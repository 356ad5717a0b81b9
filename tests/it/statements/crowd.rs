//! A marketplace where there is more than one of everything, and more than one of what everything leads to. What people
//! do in one step they do several times; what takes them weeks is copied from what the journey left.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use tests::Visitor;
use tests::world::World;

use crate::passkey;
use crate::seen::{invitation_code, text};

/// Who looks at it, by their tokens, and what there is.
pub struct Crowd {
    pub people: Vec<(&'static str, String)>,
    pub ids: BTreeMap<String, String>,
}

/// How many there are of what people do.
const MANY: usize = 4;

/// They do what the journey did, more often.
pub async fn gather(world: &World<'_>) -> Crowd {
    let (app, owner, freelancer) = (world.app, world.client(), world.freelancer());
    let mut ids = world.ids().clone();
    ids.insert("refund".to_owned(), world.money_goes_back().await);
    let organization = ids["organization"].clone();

    let mut gigs = Vec::new();
    for n in 0..MANY {
        let gig = json!({
            "clientId": organization, "title": format!("Another gig {n}"), "description": "Something to be done by somebody, soon.",
            "kind": "FIXED", "budget": { "low": { "amount": "100.00" }, "high": { "amount": "900.00" } },
            "requiredSkills": [ids["skill"]]
        });
        let gig = owner.does("gigCreate", gig, "gig { id }").await.text("gig.id");
        owner.does("gigPublish", json!({ "gigId": gig }), "gig { id }").await.ok();
        let invite = json!({ "gigId": gig, "freelancerId": world.journey.freelancer.user });
        owner.does("invitationSend", invite, "invitation { id }").await.ok();
        gigs.push(gig);
    }
    // Nobody has dealings about these, so that they are recommended; and one who has none about the others.
    for n in 0..MANY {
        let gig = json!({
            "clientId": organization, "title": format!("A gig nobody knows {n}"), "description": "Something to be found by somebody.",
            "kind": "FIXED", "budget": { "low": { "amount": "100.00" }, "high": { "amount": "900.00" } },
            "requiredSkills": [ids["skill"]]
        });
        let gig = owner.does("gigCreate", gig, "gig { id }").await.text("gig.id");
        owner.does("gigPublish", json!({ "gigId": gig }), "gig { id }").await.ok();
    }
    let profile =
        json!({ "headline": "Builds things", "skills": [{ "skillId": ids["skill"], "level": "EXPERT", "years": 3 }] });
    app.person("unknown").await.does("profileUpdate", profile, "profile { id }").await.ok();
    for n in 0..2 {
        let company = json!({ "name": format!("Company {n}") });
        let company = owner.does("organizationCreate", company, "organization { id }").await.text("organization.id");
        let hook = json!({ "organizationId": company, "url": "https://hooks.example/", "events": ["PING"] });
        owner.does("webhookEndpointCreate", hook, "issued { webhookEndpoint { id } }").await.ok();
        let ping = json!({ "webhookEndpointId": ids["webhookEndpoint"] });
        owner.does("webhookEndpointTest", ping, "webhookDelivery { id }").await.ok();
        let search = json!({ "name": format!("Search {n}"), "text": "rust", "skillIds": [ids["skill"]] });
        owner.does("savedSearchCreate", search, "savedSearch { id }").await.ok();
        passkey::adds(&owner, &format!("Phone {n}")).await;
        let bid = bid(&gigs[n + 1], "the freelancer of the journey");
        freelancer.does("proposalSubmit", bid, "proposal { id }").await.ok();
    }
    for n in 0..MANY {
        let person = app.person(&format!("worker{n}")).await;
        let profile = json!({ "headline": "Builds things", "skills": [{ "skillId": ids["skill"], "level": "EXPERT", "years": 3 }] });
        person.does("profileUpdate", profile, "profile { id }").await.ok();
        person.does("portfolioItemAdd", json!({ "title": "A shop" }), "profile { id }").await.ok();
        let invite = json!({ "gigId": gigs[0], "freelancerId": person.id });
        owner.does("invitationSend", invite, "invitation { id }").await.ok();
        for gig in &gigs[..2] {
            person.does("proposalSubmit", bid(gig, &format!("worker {n}")), "proposal { id }").await.ok();
        }
        for (who, body) in [(&owner, "Would Monday do?"), (&person.visitor().await, "It would.")] {
            let said = json!({ "clientId": organization, "freelancerId": person.id, "body": body });
            who.does("messageSend", said, "message { id }").await.ok();
        }
        let made = works(&owner, &person.visitor().await, &organization, &person.id, n).await;
        for email in [person.email.clone(), format!("new{n}@example.com")] {
            let invite = json!({ "organizationId": organization, "email": email, "role": "VIEWER" });
            owner.does("memberInvite", invite, "invitation { id }").await.ok();
        }
        let code = invitation_code(app, &person.email).await;
        person.does("memberInvitationAccept", json!({ "token": code }), "organization { id }").await.ok();
        app.settles().await;
        ids.extend(made);
    }
    ids.insert("gig".to_owned(), gigs.swap_remove(0));
    let weeks = "{ viewer { timesheets(first: 1) { nodes { id contract { id } } } } }";
    let week = freelancer.asks(weeks, json!({})).await.data()["viewer"]["timesheets"]["nodes"][0].clone();
    ids.insert("week".to_owned(), text(&week["id"]));
    ids.insert("hourly".to_owned(), text(&week["contract"]["id"]));

    app.market.reconcile_when_due().await.unwrap();
    let (admin, mediator) = (app.admin("noor").await, app.mediator("marta").await);
    world.money_goes_back().await;
    let correct =
        json!({ "from": "losses", "to": "fee_revenue", "amount": { "amount": "1.00" }, "reason": "Rounding" });
    admin.does("correctionPropose", correct, "correction { id }").await.ok();
    copy(app.pool(), &admin.id).await;
    let token = |who: &Visitor<'_>| who.token.clone().unwrap_or_default();
    let people = vec![
        ("owner", token(&owner)),
        ("freelancer", token(&freelancer)),
        ("admin", token(&admin.visitor().await)),
        ("mediator", token(&mediator.visitor().await)),
    ];
    Crowd { people, ids }
}

fn bid(gig: &str, who: &str) -> Value {
    let letter = "I have done such work three times this year, and would begin on Monday with the hardest part of it.";
    json!({
        "gigId": gig, "coverLetter": format!("{letter} Yours, {who}"),
        "milestones": [{ "title": "All of it", "amount": { "amount": "500.00" } }]
    })
}

/// An offer with three milestones, two of them paid for, is accepted; the work on the first is handed in twice, and
/// disputed.
async fn works(
    owner: &Visitor<'_>,
    person: &Visitor<'_>,
    organization: &str,
    freelancer: &str,
    n: usize,
) -> Vec<(String, String)> {
    let part = |title: &str| json!({ "title": title, "amount": { "amount": "100.00" } });
    let offer = json!({
        "organizationId": organization, "freelancerId": freelancer, "title": format!("Work {n}"),
        "milestones": [part("One"), part("Two"), part("Three")]
    });
    let offered = owner.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    for milestone in 0..2 {
        let id = offered.text(&format!("offer.milestones.nodes.{milestone}.id"));
        let fund = json!({ "milestoneId": id, "paymentMethod": "pm_sandbox_visa" });
        owner.does("milestoneFund", fund, "payment { id }").await.ok();
    }
    owner.app.settles().await;
    let accept = json!({ "offerId": offered.text("offer.id") });
    let contract = person.does("offerAccept", accept, "contract { id }").await.text("contract.id");
    let milestone = offered.text("offer.milestones.nodes.0.id");
    for message in ["Here it is", "Here it is, better"] {
        let work = json!({ "milestoneId": milestone, "message": message });
        person.does("milestoneSubmit", work, "milestone { id }").await.ok();
        if message == "Here it is" {
            let again = json!({ "milestoneId": milestone, "note": "Not yet" });
            owner.does("milestoneRequestChanges", again, "milestone { id }").await.ok();
        }
    }
    let claim = json!({ "milestoneId": milestone, "reason": "It does not work", "amount": { "amount": "50.00" } });
    let dispute = owner.does("milestoneDispute", claim, "dispute { id }").await.text("dispute.id");
    for text in ["The first proof", "The second proof"] {
        owner.does("evidenceAdd", json!({ "disputeId": dispute, "text": text }), "evidence { id }").await.ok();
    }
    let offer = offered.text("offer.id");
    [("offer", offer), ("milestone", milestone), ("dispute", dispute), ("contract", contract)]
        .map(|(name, id)| (name.to_owned(), id))
        .into()
}

/// Two more of the first row of a table that a filter finds, each with some columns of its own.
fn twice(table: &str, filter: &str, changes: &str) -> String {
    format!(
        "insert into {table} select copy.* from generate_series(1, 2) n,
             lateral (select t from {table} t where {filter} limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('copy', n, {changes})) copy"
    )
}

/// Copy what takes weeks, with what belongs to it. The guards of the books are not asked: nobody acts on this any more.
async fn copy(pool: &sqlx::PgPool, admin: &str) {
    let weeks = |at: usize, more: &str| {
        twice(
            "timesheets",
            "t.split_from is null",
            &format!(
                "'id', gen_random_uuid(), 'week', (template.whole).week + 7 * ({at} + n)::int,
                 'escrow_account', 'escrow:copy:' || gen_random_uuid(){more}"
            ),
        )
    };
    let statements = [
        "set local session_replication_role = replica".to_owned(),
        // What the database reckons itself can't be copied into it.
        "alter table payment_refunds alter column amount_minor drop expression".to_owned(),
        // Weeks, some of them in dispute and split from another, and their entries and payments.
        weeks(10, ""),
        weeks(20, ", 'split_from', (template.whole).id, 'status', 'disputed', 'held_minor', 0, 'state',
                jsonb_build_object('status', 'disputed', 'dispute', public_id('dis', gen_random_uuid()))"),
        "create temp table disputed on commit drop as select id as week, contract_id, gen_random_uuid() as dispute
         from timesheets where split_from is not null"
            .to_owned(),
        "update timesheets w set state = jsonb_build_object('status', 'disputed', 'dispute', public_id('dis', d.dispute))
         from disputed d where d.week = w.id"
            .to_owned(),
        "insert into disputes select copy.* from disputed, lateral (select t from disputes t limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('id', dispute, 'milestone_id', null,
                 'timesheet_id', week, 'contract_id', disputed.contract_id)) copy"
            .to_owned(),
        "insert into time_entries select gen_random_uuid(), w.id, e.date, e.minutes, e.note, e.manual
         from timesheets w, (select * from time_entries limit 1) e, generate_series(1, 2)"
            .to_owned(),
        "insert into payments select copy.* from timesheets w, lateral (select t from payments t limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('id', gen_random_uuid(), 'milestone_id', null,
                 'timesheet_id', w.id, 'organization_id', w.organization_id, 'invoice_number', null)) copy"
            .to_owned(),
        twice("payment_refunds", "true", "'id', gen_random_uuid()"),
        "insert into payment_refunds select copy.* from payments p, lateral (select t from payment_refunds t limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('id', gen_random_uuid(), 'payment_id', p.id)) copy"
            .to_owned(),
        "insert into contract_payment_methods (contract_id, method, set_by, set_at)
         select c.id, 'pm_sandbox_visa', m.user_id, '2026-06-01'::timestamptz from contracts c
         join members m on m.organization_id = c.organization_id and m.role = 'owner', generate_series(1, 2)"
            .to_owned(),
        // Payouts: to two accounts at once, and some that two of our people have approved.
        twice("payout_methods", "true", "'id', gen_random_uuid(), 'iban_lookup', decode(md5(n::text), 'hex')"),
        twice(
            "payouts",
            "true",
            "'id', gen_random_uuid(), 'retention_minor', 1, 'retention_method_id', (template.whole).method_id",
        ),
        twice(
            "payouts",
            "true",
            &format!(
                "'id', gen_random_uuid(), 'status', 'queued', 'waits_for_staff', true, 'state', jsonb_build_object(
                     'status', 'queued', 'rail', 'manual', 'since', '2026-06-01T00:00:00Z', 'approvals', jsonb_build_array('{admin}'))"
            ),
        ),
        // Reviews of each contract, by both.
        "insert into reviews select copy.* from contracts c, lateral (select distinct on (side) t from reviews t) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('id', gen_random_uuid(), 'contract_id', c.id,
                 'organization_id', c.organization_id, 'freelancer_id', c.freelancer_id)) copy
         on conflict do nothing"
            .to_owned(),
        "insert into proposal_revisions select proposal_id, number + n, side, body, created_at
         from proposal_revisions, generate_series(1, 2) n on conflict do nothing"
            .to_owned(),
        // Outages that touched everything that runs.
        "insert into outages
         select gen_random_uuid(), '[\"Asia/Karachi\"]'::jsonb, since, since + interval '5 hours', 'A storm', null, 1, since
         from generate_series('2026-06-01 08:00Z'::timestamptz, '2026-06-02 08:00Z'::timestamptz, interval '1 day') since"
            .to_owned(),
        "insert into outage_grants (outage_id, milestone_id, hours, from_at, until_at, granted_at)
         select o.id, m.id, 1, o.from_at, o.until_at, o.from_at from outages o, milestones m on conflict do nothing"
            .to_owned(),
        "insert into outage_grants (outage_id, timesheet_id, hours, from_at, until_at, granted_at)
         select o.id, w.id, 1, o.from_at, o.until_at, o.from_at from outages o, timesheets w on conflict do nothing"
            .to_owned(),
        // What our people see.
        twice(
            "policy_versions",
            "true",
            "'number', 100 + n, 'effective_from', (template.whole).effective_from - n * interval '1 day'",
        ),
        "insert into wire_batches select gen_random_uuid(), '2026-06-01'::timestamptz, id, '2026-06-01'::date, 1, 100 from users limit 3".to_owned(),
        "insert into screening_hits (id, organization_id, name, words, listed, found_at, status, state, cleared_by, version)
         select gen_random_uuid(), o.id, o.name, 'copy ' || n, o.name, now(), 'cleared', jsonb_build_object('status', 'cleared',
             'at', '2026-06-01T00:00:00Z', 'by', public_id('usr', u.id), 'reason', 'Nothing in it'), u.id, 2
         from generate_series(1, 3) n, (select * from organizations limit 1) o, (select id from users limit 1) u"
            .to_owned(),
        twice("corrections", "true", "'id', gen_random_uuid(), 'entry_key', 'copy ' || n"),
        twice("reconciliations", "true", "'id', gen_random_uuid(), 'daily', false, 'uncovered_minor', null"),
    ];
    let mut copying = pool.begin().await.unwrap();
    for statement in statements {
        let done = copying.execute(sqlx::query(AssertSqlSafe(statement.clone()))).await;
        done.unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    copying.commit().await.unwrap();
}
