//! What an account is told that is kept of it.

use super::*;

#[tokio::test]
async fn account_export_holds_what_is_kept_of_the_person_and_no_secret() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let faisal = &deal.freelancer;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    let export = async |who: &Person<'_>, parts: Value| who.does("accountExport", parts, "export").await;
    let said = json!({ "address": "12 Mall Road, Lahore", "cnic": "35202-8765432-9" });
    faisal.does("payeeUpdate", said, "payee { version }").await.ok();
    let all = export(faisal, json!({})).await.ok()["export"].clone();
    assert_eq!([&all["payee"][0]["cnic_last4"], &all["payee"][0]["address"]], ["4329", "12 Mall Road, Lahore"]);
    assert_eq!(all["account"][0]["email"], "faisal@example.com");
    assert_eq!(all["account"][0]["id"], faisal.id.as_str());
    assert_eq!(all["contracts"][0]["id"], deal.contract.as_str());
    assert_eq!(all["payoutMethods"][0]["id"], method.as_str());
    assert!(all["money"].as_array().is_some_and(|rows| !rows.is_empty()), "{:#}", all["money"]);
    for part in ["sessions", "milestones", "submissions", "notifications", "acts"] {
        assert!(all[part].as_array().is_some_and(|rows| !rows.is_empty()), "{part}: {:#}", all[part]);
    }
    let text = all.to_string();
    for secret in
        ["argon2", "iban_sealed", "PK36SCBL", "SCBL0000001123456702", "\"hash\"", "secret", "_sealed", "_lookup"]
    {
        assert!(!text.contains(secret), "{secret}");
    }

    let some = export(faisal, json!({ "parts": ["account", "payouts"] })).await.ok()["export"].clone();
    let names: Vec<&String> = some.as_object().into_iter().flat_map(|parts| parts.keys()).collect();
    assert_eq!(names, ["account", "exportedAt", "payouts"]);
    assert_eq!(export(faisal, json!({ "parts": ["passwords"] })).await.faults(), ["parts.0: UNKNOWN"]);
    // The client's own holds nothing of the freelancer's.
    let other = export(&deal.client, json!({})).await.ok()["export"].to_string();
    assert!(!other.contains("faisal@example.com") && !other.contains(&method), "{other}");
    let phone = refreshed(&app, faisal).await;
    assert_eq!(phone.does("accountExport", json!({}), "export").await.refused(), ["REAUTHENTICATE"]);
    assert_eq!(app.visitor().does("accountExport", json!({}), "export").await.refused(), ["UNAUTHENTICATED"]);
}

/// Whatever is kept of a person, and in which part of the export it is told; or, where it is not told, why.
const KEPT: &[(&str, &str)] = &[
    ("blocks.freelancer_id", "blockedClients"),
    ("contract_payment_methods.set_by", "- done for a company"),
    ("contracts.freelancer_id", "contracts"),
    ("conversation_reads.user_id", "conversationReads"),
    ("conversations.freelancer_id", "conversations"),
    ("corrections.approved_by", "- done as one of our people: acts"),
    ("corrections.proposed_by", "- done as one of our people: acts"),
    ("development_shares.set_by", "- done for a company"),
    ("disputes.freelancer_id", "disputes"),
    ("evidence.author_id", "evidence"),
    ("exposure_sums.freelancer_id", "- sums of what `shown` has"),
    ("exposures.freelancer_id", "shown"),
    ("exposures.viewer_id", "looks"),
    ("freelancer_profiles.user_id", "profile"),
    (
        "freelancer_screenings.freelancer_id",
        "- the names and the country that are in `profile` and `payee`, and when they were screened",
    ),
    ("gigs.created_by", "gigs"),
    ("invitations.freelancer_id", "invitations"),
    ("invitations.invited_by", "invitations"),
    ("known_networks.user_id", "networks"),
    ("mail_codes.user_id", "- hashes of codes, for minutes"),
    ("match_acts.freelancer_id", "- what others did about their matches, and what `proposals` and `offers` have"),
    ("member_invitations.invited_by", "- done for a company"),
    ("members.user_id", "memberships"),
    ("memberships_ever.user_id", "membershipsEver"),
    ("messages.sender_id", "messages"),
    ("milestones.freelancer_id", "milestones"),
    ("notifications.user_id", "notifications"),
    ("offers.freelancer_id", "offers"),
    ("passkey_ceremonies.user_id", "- challenges, for minutes"),
    ("passkeys.user_id", "passkeys"),
    ("passwords.user_id", "- a hash"),
    ("payees.user_id", "payee"),
    ("payment_mandates.given_by", "paymentMandates"),
    ("payout_clearances.cleared_by", "- done as one of our people: acts"),
    ("payout_methods.user_id", "payoutMethods"),
    ("payouts.user_id", "payouts"),
    ("proposals.freelancer_id", "proposals"),
    ("recipient_acceptances.user_id", "recipientAcceptances"),
    ("recovery_codes.user_id", "secondFactor"),
    ("reviews.author_id", "reviews"),
    ("reviews.freelancer_id", "reviews"),
    ("saved_search_hits.user_id", "savedSearchHits"),
    ("saved_searches.user_id", "savedSearches"),
    ("screening_hits.cleared_by", "- done as one of our people: acts"),
    ("screening_hits.freelancer_id", "- who is found on a list of sanctions is not told"),
    ("second_factors.user_id", "secondFactor"),
    ("sessions.user_id", "sessions"),
    ("submissions.author_id", "submissions"),
    ("tax_forms.user_id", "taxForms"),
    ("timesheets.freelancer_id", "timesheets"),
    ("wire_batches.made_by", "- done as one of our people: acts"),
    ("wire_batches.taken_by", "- done as one of our people: acts"),
    ("wire_lines.return_said_by", "- done as one of our people: acts"),
    ("wire_lines.settled_by", "- done as one of our people: acts"),
    ("wire_lines.taken_by", "- done as one of our people: acts"),
];

#[tokio::test]
async fn whatever_refers_to_a_person_is_told_to_them_or_it_is_known_why_not() {
    let app = TestApp::new().await;
    let refer = "select rel.relname || '.' || att.attname from pg_constraint con
        join pg_class rel on rel.oid = con.conrelid
        join pg_attribute att on att.attrelid = con.conrelid and att.attnum = con.conkey[1]
        where con.contype = 'f' and con.confrelid = 'users'::regclass order by 1";
    let refer: Vec<String> = sqlx::query_scalar(refer).fetch_all(app.pool()).await.unwrap();
    let kept: Vec<&str> = KEPT.iter().map(|(kept, _)| *kept).collect();
    assert_eq!(refer, kept);
    let lin = app.freelancer("lin").await;
    let all = lin.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    for (kept, part) in KEPT.iter().filter(|(_, part)| !part.starts_with("- ")) {
        assert!(all[part].is_array(), "{kept} is in {part}");
    }

    // What is there is told, of oneself alone.
    let noor = app.admin("noor").await;
    for (who, network) in [(&lin, "203.0.113.9"), (&noor, "198.51.100.7")] {
        let was = "insert into known_networks select id, $2, now() from users where email = $1";
        sqlx::query(was).bind(&who.email).bind(network).execute(app.pool()).await.unwrap();
    }
    let of = async |who: &Person<'_>| who.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    let (of_lin, of_noor) = (of(&lin).await, of(&noor).await);
    let networks = |export: &Value| -> Vec<String> {
        let told = export["networks"].as_array().unwrap();
        told.iter().map(|one| one["network"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (networks(&of_lin), networks(&of_noor)),
        (vec!["203.0.113.9".to_owned()], vec!["198.51.100.7".to_owned()])
    );
    assert_eq!(of_lin["secondFactor"], json!([]));
    let factor = &of_noor["secondFactor"][0];
    assert!(factor["confirmed_at"].is_string() && factor["recovery_codes_left"].is_u64(), "{factor}");
    assert_eq!(factor.as_object().unwrap().len(), 3, "when, and how many codes are left; no secret");
}

#[tokio::test]
async fn account_export_tells_nothing_that_the_api_hides() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let noor = app.admin("noor").await;
    let hold =
        json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "Looks like a listed person" });
    noor.does("contractHold", hold, "contract { holdReasons }").await.ok();
    let drafted = json!({
        "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id, "title": "A secret plan",
        "milestones": [{ "title": "All of it", "amount": { "amount": "10.00" } }], "draft": true
    });
    let offer = deal.client.does("offerCreate", drafted, "offer { id }").await.text("offer.id");
    deal.client.does("offerWithdraw", json!({ "offerId": offer }), "offer { status }").await.ok();
    let export = async |who: &Person<'_>| who.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    let all = export(&deal.freelancer).await.to_string();
    for hidden in ["sanctions", "by_staff", "A secret plan", &offer, "pm_sandbox", "waits_for_staff", "escrow_account"]
    {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
    assert!(all.contains(&deal.offer) && all.contains(&deal.milestone), "{all}");

    // What somebody did for a company stays with the company.
    let bo = app.person("bo").await;
    crate::organization::joins(&deal.client, &bo, "RECRUITER").await;
    let gig = json!({
        "clientId": deal.client.organization, "title": "An internal plan", "kind": "FIXED",
        "budget": { "low": { "amount": "1000" }, "high": { "amount": "2000" } }
    });
    bo.does("gigCreate", gig, "gig { id }").await.ok();
    assert!(export(&bo).await.to_string().contains("An internal plan"));
    let fire = "delete from members where user_id = (select id from users where email = $1)";
    sqlx::query(fire).bind(&bo.email).execute(app.pool()).await.unwrap();
    let after = export(&bo).await;
    assert!(!after.to_string().contains("An internal plan"), "{after}");
}

#[tokio::test]
async fn account_export_is_cut_off_where_it_would_be_too_long() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let fill = "insert into saved_searches (id, user_id, name, criteria, created_at)
                select gen_random_uuid(), u.id, 'search ' || n, jsonb_build_object('text', repeat('x', 60000)), now()
                from users u, generate_series(1, 40) n where u.email = $1";
    sqlx::query(fill).bind(&ada.email).execute(app.pool()).await.unwrap();
    let export = ada.does("accountExport", json!({}), "export").await.ok()["export"].clone();
    let kept = export["savedSearches"].as_array().map_or(0, Vec::len);
    assert!((30..40).contains(&kept), "{kept} of 40, of two million bytes");
    assert_eq!(export["savedSearchesAreCutOff"], true);
    assert_eq!(export["sessionsAreCutOff"], Value::Null);
}
