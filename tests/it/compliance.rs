//! What a client in the United States keeps of whom it works with.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Deal, Person, TestApp};

use super::account::refreshed;
use super::papers::{fetch, keep};
use super::screening::{Listed, clears, hits};

const PACK: &str = "query($id: ID!) { contract(id: $id) { compliancePack {
    taxForm { status country certifiedAt validThrough withdrawnAt wording } clauses { version }
    placeAttestations { country attestedAt wording }
    invoices { invoices development { minorUnits } other { minorUnits } notStated { minorUnits } total { minorUnits } }
    screening { at outcome } identityAssurance { level proofs } path } } }";
const FORM: &str = "taxForm { status country validThrough }";

/// The pack of the deal's contract, as this person sees it.
async fn pack(deal: &Deal<'_>, who: &Person<'_>) -> Value {
    who.asks(PACK, json!({ "id": deal.contract })).await.data()["contract"]["compliancePack"].clone()
}

fn form(country: &str, signature: &str) -> Value {
    json!({ "country": country, "wording": 1, "signature": signature })
}

fn place(deal: &Deal<'_>, country: &str) -> Value {
    json!({ "contractId": deal.contract, "country": country, "wording": 1 })
}

/// Of how many events of this kind somebody was told.
async fn told_of(who: &Person<'_>, kind: &str) -> usize {
    let notices = "{ viewer { notifications(first: 50) { nodes { kind } } } }";
    let notices = who.asks(notices, json!({})).await.data()["viewer"]["notifications"]["nodes"].clone();
    notices.as_array().unwrap().iter().filter(|notice| notice["kind"] == kind).count()
}

/// Where the deal's contract stands, and what stands against it.
async fn stands(deal: &Deal<'_>) -> Value {
    let query = "query($id: ID!) { contract(id: $id) { status holdReasons } }";
    deal.client.asks(query, json!({ "id": deal.contract })).await.data()["contract"].clone()
}

async fn status(who: &Person<'_>) -> Value {
    let told = who.asks("{ viewer { taxForm { status } } }", json!({})).await;
    told.data()["viewer"]["taxForm"]["status"].clone()
}

#[tokio::test]
async fn a_tax_form_is_signed_holds_for_its_years_and_ends_with_a_move() {
    let app = TestApp::new().await;
    let (faisal, now) = (app.freelancer("faisal").await, app.market.clock().now());
    assert_eq!(status(&faisal).await, "NONE");
    let wording = "{ complianceWording { version taxForm attestation clauses { placeOfPerformance rights } }
        none: complianceWording(version: 99) { version } odd: complianceWording(version: -1) { version } }";
    let wording = app.visitor().asks(wording, json!({})).await.data().clone();
    assert_eq!((&wording["complianceWording"]["version"], &wording["none"]), (&json!(1), &Value::Null));
    assert!(wording["complianceWording"]["taxForm"].as_str().unwrap().starts_with("Under penalties of perjury"));

    let certify = async |input: Value| faisal.does("taxFormCertify", input, FORM).await;
    assert_eq!(certify(form("US", "Faisal")).await.faults(), ["country: UNITED_STATES"]);
    assert_eq!(certify(form("Pakistan", "Somebody")).await.faults(), ["country: MALFORMED", "signature: WRONG"]);
    let old = json!({ "country": "PK", "wording": 2, "signature": "Faisal" });
    assert_eq!(certify(old).await.faults(), ["wording: OUTDATED"]);
    assert_eq!(app.visitor().does("taxFormCertify", form("PK", "Faisal"), FORM).await.refused(), ["UNAUTHENTICATED"]);
    assert_eq!(status(&faisal).await, "NONE", "nothing of it was kept");

    let given = certify(form("PK", " FAISAL ")).await.ok()["taxForm"].clone();
    let year = now.format("%Y").to_string().parse::<i32>().unwrap();
    assert_eq!(given, json!({ "status": "VALID", "country": "PK", "validThrough": format!("{}-12-31", year + 3) }));
    certify(form("PK", "Faisal")).await.ok();
    let kept: i64 = sqlx::query_scalar("select count(*) from tax_forms").fetch_one(app.pool()).await.unwrap();
    assert_eq!(kept, 1, "the same day's is the same");
    let phone = refreshed(&app, &faisal).await;
    assert_eq!(phone.does("taxFormCertify", form("PK", "Faisal"), FORM).await.refused(), ["REAUTHENTICATE"]);

    // Somebody who moves has to certify anew, and can't by the country they left.
    let profile = |country: &str| json!({ "headline": "I build websites", "country": country });
    faisal.does("profileUpdate", profile("PK"), "profile { id }").await.ok();
    assert_eq!(status(&faisal).await, "VALID");
    faisal.does("profileUpdate", profile("AE"), "profile { id }").await.ok();
    assert_eq!(status(&faisal).await, "WITHDRAWN");
    assert_eq!(certify(form("PK", "Faisal")).await.faults(), ["country: WRONG"]);
    assert_eq!(certify(form("AE", "Faisal")).await.text("taxForm.status"), "VALID");

    let last = given["validThrough"].as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    let midnight = last.and_hms_opt(0, 0, 0).unwrap().and_utc();
    for (days, told) in [(-61, "VALID"), (-60, "EXPIRING"), (0, "EXPIRING"), (1, "EXPIRED")] {
        app.market.clock().advance(midnight + TimeDelta::days(days) - app.market.clock().now());
        assert_eq!(status(&faisal).await, told, "{days} days from its last");
    }
    assert_eq!(certify(form("AE", "Faisal")).await.text("taxForm.status"), "VALID");
}

#[tokio::test]
async fn whose_tax_form_lapses_is_told_sixty_days_and_fourteen_before_and_not_once_it_was_given_anew() {
    let app = TestApp::new().await;
    let (faisal, lin, gone) =
        (app.freelancer("faisal").await, app.freelancer("lin").await, app.freelancer("gone").await);
    let given = faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.text("taxForm.validThrough");
    lin.does("taxFormCertify", form("PK", "Lin"), FORM).await.ok();
    gone.does("taxFormCertify", form("PK", "Gone"), FORM).await.ok();
    gone.does("accountErase", json!({ "confirmEmail": gone.email }), "erasedAt").await.ok();
    let midnight = given.parse::<chrono::NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let before = async |days: i64| app.passes(midnight - TimeDelta::days(days) - app.market.clock().now()).await;
    let told = async |who: &Person<'_>| told_of(who, "TAX_FORM_EXPIRING").await;
    before(61).await;
    assert_eq!((told(&faisal).await, told(&lin).await), (0, 0));
    before(60).await;
    assert_eq!((told(&faisal).await, told(&lin).await), (1, 1));
    lin.does("taxFormCertify", form("PK", "Lin"), FORM).await.ok();
    before(15).await;
    assert_eq!((told(&faisal).await, told(&lin).await), (1, 1));
    before(14).await;
    assert_eq!((told(&faisal).await, told(&lin).await), (2, 1));
    before(-10).await;
    assert_eq!((told(&faisal).await, told(&lin).await), (2, 1));
    let left: Vec<String> =
        sqlx::query_scalar("select public_id('usr', subject) from timers where kind = 'remind_tax_form'")
            .fetch_all(app.pool())
            .await
            .unwrap();
    assert_eq!(left.concat(), lin.id, "of nobody who was erased");
}

#[tokio::test]
async fn a_tax_form_that_lapsed_holds_contracts_until_another_is_given_and_what_is_due_is_paid() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (clara, faisal) = (&deal.client, &deal.freelancer);
    let given = faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.text("taxForm.validThrough");
    let last = given.parse::<chrono::NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let lapse = last + TimeDelta::days(1);
    let before = async |time: TimeDelta| app.passes(lapse - time - app.market.clock().now()).await;

    before(TimeDelta::days(2)).await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "100.00" } });
    let second = clara.does("milestonePropose", more.clone(), "milestone { id }").await.text("milestone.id");
    let its = json!({ "milestoneId": second });
    faisal.does("milestoneAgree", its.clone(), "milestone { id }").await.ok();
    deal.fund(&second, "pm_sandbox_visa").await;
    let work = json!({ "milestoneId": second, "message": "Here it is" });
    faisal.does("milestoneSubmit", work, "milestone { id }").await.ok();
    clara.does("milestoneApprove", its, "milestone { id }").await.ok();
    let offer = json!({ "organizationId": clara.organization, "freelancerId": faisal.id, "title": "A shop",
        "milestones": [{ "title": "All of it", "amount": { "amount": "50.00" } }] });
    let offer = clara.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    deal.fund(&offer.text("offer.milestones.nodes.0.id"), "pm_sandbox_visa").await;
    let accept = json!({ "offerId": offer.text("offer.id") });

    before(TimeDelta::seconds(1)).await;
    assert_eq!(stands(&deal).await, json!({ "status": "ACTIVE", "holdReasons": [] }), "it holds to its last day's end");
    before(TimeDelta::zero()).await;
    assert_eq!(stands(&deal).await, json!({ "status": "ON_HOLD", "holdReasons": ["IDENTITY_LAPSED"] }));
    assert_eq!((told_of(faisal, "TAX_FORM_LAPSED").await, told_of(clara, "TAX_FORM_LAPSED").await), (1, 0));
    for side in [clara, faisal] {
        assert_eq!(told_of(side, "CONTRACT_PUT_ON_HOLD").await, 1);
    }
    assert_eq!(clara.does("milestonePropose", more, "milestone { id }").await.refused(), ["WRONG_STATE"]);
    let accepted = faisal.does("offerAccept", accept.clone(), "contract { id }").await;
    assert_eq!(accepted.refused(), ["TAX_FORM_LAPSED"]);
    before(TimeDelta::days(-4)).await;
    assert_eq!(deal.balances().await[1..], [0, 104_500], "what was approved is paid");
    assert_eq!(told_of(faisal, "TAX_FORM_LAPSED").await, 1, "once");

    faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();
    assert_eq!(stands(&deal).await, json!({ "status": "ACTIVE", "holdReasons": [] }));
    faisal.does("offerAccept", accept, "contract { id }").await.ok();
    let logged: Vec<(String, String)> = sqlx::query_as(
        "select act, actor from audit_log where subject = $1 and act like 'contract_%hold' order by sequence",
    )
    .bind(&deal.contract)
    .fetch_all(app.pool())
    .await
    .unwrap();
    let acts =
        [("contract_hold".to_owned(), "system".to_owned()), ("contract_lift_hold".to_owned(), faisal.id.clone())];
    assert_eq!(logged, acts);
    app.books_agree().await;
}

/// A policy begins by which a tax form lapses a day after a move, and this person moves, and certifies nothing anew.
async fn moves_abroad_too_long(app: &TestApp, who: &Person<'_>) {
    let sooner =
        json!({ "effectiveFrom": app.market.clock().now(), "note": "Sooner", "terms": { "taxFormMoveDays": 1 } });
    app.admin("noor").await.does("policyVersionAdd", sooner, "policy { number }").await.ok();
    let moves = json!({ "headline": "I build websites", "country": "AE" });
    who.does("profileUpdate", moves, "profile { id }").await.ok();
    app.passes(TimeDelta::days(2)).await;
}

#[tokio::test]
async fn whose_tax_form_lapsed_takes_no_offer_that_was_made_under_an_earlier_policy_either() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    let faisal = &deal.freelancer;
    faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();
    moves_abroad_too_long(&app, faisal).await;
    assert_eq!(told_of(faisal, "TAX_FORM_LAPSED").await, 1);
    let accept = json!({ "offerId": deal.offer });
    let accepted = faisal.does("offerAccept", accept.clone(), "contract { id }").await;
    assert_eq!(accepted.refused(), ["TAX_FORM_LAPSED"]);
    faisal.does("taxFormCertify", form("AE", "Faisal"), FORM).await.ok();
    faisal.does("offerAccept", accept, "contract { id }").await.ok();
}

#[tokio::test]
async fn an_offer_says_that_it_can_be_accepted_only_while_the_tax_form_has_not_lapsed() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    let faisal = &deal.freelancer;
    let seen = "query($id: ID!) { offer(id: $id) { allowed viewerCanAccept } }";
    let seen = async |who: &Person<'_>| who.asks(seen, json!({ "id": deal.offer })).await.data()["offer"].clone();
    let open = json!({ "allowed": ["OFFER_ACCEPT", "OFFER_DECLINE"], "viewerCanAccept": true });
    assert_eq!(seen(faisal).await, open, "who never gave a form was asked for none");
    faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();
    assert_eq!(seen(faisal).await, open);
    moves_abroad_too_long(&app, faisal).await;
    let refused = faisal.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(refused.refused(), ["TAX_FORM_LAPSED"]);
    assert_eq!(seen(faisal).await, json!({ "allowed": ["OFFER_DECLINE"], "viewerCanAccept": false }));
    let clients = json!({ "allowed": ["OFFER_WITHDRAW"], "viewerCanAccept": false });
    assert_eq!(seen(&deal.client).await, clients);
    faisal.does("taxFormCertify", form("AE", "Faisal"), FORM).await.ok();
    assert_eq!(seen(faisal).await, open, "the button and the refusal agree");
}

#[tokio::test]
async fn who_moves_certifies_anew_within_thirty_days_and_the_other_side_need_not_wait_for_it() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let faisal = &deal.freelancer;
    faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();
    let noor = app.admin("noor").await;
    let hold = json!({ "contractId": deal.contract, "reason": "IDENTITY_LAPSED", "note": "A letter came back" });
    let moves = json!({ "headline": "I build websites", "country": "AE" });
    faisal.does("profileUpdate", moves, "profile { id }").await.ok();
    app.settles().await;
    assert_eq!(told_of(faisal, "TAX_FORM_EXPIRING").await, 1);
    app.passes(TimeDelta::days(30)).await;
    assert_eq!(stands(&deal).await["status"], "ACTIVE");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(stands(&deal).await, json!({ "status": "ON_HOLD", "holdReasons": ["IDENTITY_LAPSED"] }));

    // What our people find besides is theirs to lift.
    noor.does("contractHold", hold.clone(), "contract { status }").await.ok();
    faisal.does("taxFormCertify", form("AE", "Faisal"), FORM).await.ok();
    assert_eq!(stands(&deal).await["status"], "ON_HOLD");
    noor.does("contractLiftHold", hold, "contract { status }").await.ok();
    assert_eq!(stands(&deal).await["status"], "ACTIVE");

    // What is paused is held, too.
    deal.client.does("contractPause", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    let moves = json!({ "headline": "I build websites", "country": "PK" });
    faisal.does("profileUpdate", moves, "profile { id }").await.ok();
    app.passes(TimeDelta::days(31)).await;
    assert_eq!(stands(&deal).await["status"], "ON_HOLD");
    let ended = deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await;
    assert_eq!(ended.text("contract.status"), "ENDED");
}

#[tokio::test]
async fn a_pack_says_what_was_certified_attested_charged_and_screened_to_those_who_may_see_the_money() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let (faisal, clara) = (&deal.freelancer, &deal.client);
    let blank = pack(&deal, clara).await;
    assert_eq!((&blank["taxForm"]["status"], &blank["placeAttestations"]), (&json!("NONE"), &json!([])));
    assert_eq!(blank["clauses"], json!({ "version": 1 }));
    assert_eq!(blank["identityAssurance"], json!({ "level": "EMAIL", "proofs": ["EMAIL_VERIFIED", "SCREENED"] }));

    let attest = async |who: &Person<'_>, input: Value| who.does("contractPlaceAttest", input, "contract { id }").await;
    assert_eq!(attest(clara, place(&deal, "PK")).await.refused(), ["NOT_ALLOWED"]);
    let (stranger, noor, vera) = (app.person("stranger").await, app.admin("noor").await, app.person("vera").await);
    assert_eq!(attest(&stranger, place(&deal, "PK")).await.refused(), ["NOT_FOUND"]);
    assert_eq!(attest(faisal, place(&deal, "US")).await.faults(), ["country: UNITED_STATES"]);
    attest(faisal, place(&deal, "PK")).await.ok();
    attest(faisal, place(&deal, "PK")).await.ok();
    attest(faisal, place(&deal, "AE")).await.ok();
    faisal.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();

    // One invoice before its client said what is development and one after; both divide.
    let share = json!({ "contractId": deal.contract, "shareBasisPoints": 8_000 });
    clara.does("contractDevelopmentShareSet", share, "contract { id }").await.ok();
    let seen = pack(&deal, clara).await;
    let countries: Vec<_> = seen["placeAttestations"].as_array().unwrap().iter().map(|said| &said["country"]).collect();
    assert_eq!(countries, ["AE", "PK"], "the latest first, and the same once");
    let cents = |part: &str| seen["invoices"][0][part]["minorUnits"].clone();
    assert_eq!(seen["invoices"].as_array().unwrap().len(), 1);
    assert_eq!(
        ["development", "other", "notStated", "total"].map(cents),
        [80_000, 23_000, 0, 103_000].map(|n| json!(n))
    );
    assert_eq!(seen["taxForm"]["status"], "VALID");
    assert_eq!(seen["screening"][0]["outcome"], "CLEAR");

    // The freelancer sees what the client sees of them, and not what the client was charged.
    let mut theirs = pack(&deal, faisal).await;
    assert_eq!(theirs["invoices"], Value::Null);
    theirs["invoices"] = seen["invoices"].clone();
    assert_eq!(theirs, seen);
    super::organization::joins(clara, &vera, "VIEWER").await;
    assert_eq!(pack(&deal, &vera).await, Value::Null);
    assert_eq!(pack(&deal, &stranger).await, Value::Null);
    assert_eq!(pack(&deal, &noor).await["path"], seen["path"]);

    let path = seen["path"].as_str().unwrap();
    for (who, status) in [(clara, 200), (faisal, 200), (&noor, 200), (&vera, 403), (&stranger, 404)] {
        for path in [path.to_owned(), path.replace(".pdf", ".json")] {
            assert_eq!(fetch(&who.visitor().await, &path).await.status.as_u16(), status, "{path} for {}", who.email);
        }
    }
    assert_eq!(fetch(&app.visitor(), path).await.status.as_u16(), 401);
    let json_path = path.replace(".pdf", ".json");
    let works = async || fetch(&clara.visitor().await, &json_path).await.json()["works"].clone();
    assert_eq!(works().await[0]["state"], "not_yet");
    let input = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    faisal.does("milestoneSubmit", input, "milestone { status }").await.ok();
    clara.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    assert_eq!(works().await[0]["state"], "not_yet", "approved is not paid");
    app.passes(TimeDelta::days(5)).await;
    let passed = works().await;
    assert_eq!((&passed[0]["state"], &passed[0]["work"]), (&json!("passed"), &json!(deal.milestone)));
    let paper = fetch(&faisal.visitor().await, &json_path).await.json();
    assert_eq!(paper["invoices"], Value::Null);

    let known = async || pack(&deal, clara).await["identityAssurance"]["level"].clone();
    let said = json!({ "address": "12 Mall Road, Lahore", "phone": "+923001234567", "cnic": "35202-1234567-1" });
    faisal.does("payeeUpdate", said, "payee { version }").await.ok();
    assert_eq!(known().await, "EMAIL", "a level takes those below it");
    let factor = "insert into second_factors (user_id, secret, enrolled_at, confirmed_at)
        select id, '', now(), now() from users where email = $1";
    sqlx::query(factor).bind(&faisal.email).execute(app.pool()).await.unwrap();
    assert_eq!(known().await, "SCREENED");
    let text = fetch(&clara.visitor().await, &json_path).await.json().to_string();
    for secret in ["35202-1234567-1", "3520212345671", "Mall Road", "+92", "faisal@example.com"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    // Nor a part of the number: as a word, since ids and seals have any letters and digits.
    let words: Vec<&str> = text.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    for part in ["35202", "1234567", "5671"] {
        assert!(!words.contains(&part), "{part} is in {text}");
    }
}

#[tokio::test]
async fn a_pack_tells_that_screening_found_something_and_not_of_whom_nor_what() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "pack").await;
    let app = &listed.app;
    let deal = app.contracted().await;
    let noor = app.admin("noor").await;
    let outcomes = async |who: &Person<'_>| -> Vec<String> {
        let lines = pack(&deal, who).await["screening"].as_array().unwrap().clone();
        lines.iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(outcomes(&deal.client).await, ["CLEAR"]);
    app.market.clock().advance(TimeDelta::minutes(1));
    listed.lists("FAISAL, -");
    assert!(listed.sweeps().await);
    for who in [&deal.client, &deal.freelancer] {
        assert_eq!(outcomes(who).await, ["UNDER_REVIEW"], "that the other side is clear would tell which it is");
    }
    app.market.clock().advance(TimeDelta::minutes(1));
    let hit = hits(&noor).await[0]["id"].clone();
    clears(&noor, &hit).await.ok();
    let found = outcomes(&deal.client).await;
    assert!(found.contains(&"UNDER_REVIEW".to_owned()) && found.contains(&"CLEARED".to_owned()), "{found:?}");
    assert!(found.contains(&"CLEAR".to_owned()), "{found:?}");
    let path = format!("/papers/compliance/{}.json", deal.contract);
    let text = fetch(&deal.client.visitor().await, &path).await.json().to_string();
    assert!(!text.contains("FAISAL, -") && !text.contains("Another company"), "{text}");
}

#[tokio::test]
async fn a_pack_is_printed_with_any_name_and_says_of_an_old_contract_that_it_has_no_clauses() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let urdu = "محمد عبدالرحمٰن بن خالد الہاشمی قریشی";
    deal.freelancer.does("userUpdate", json!({ "name": urdu }), "viewer { user { name } }").await.ok();
    deal.freelancer.does("taxFormCertify", form("PK", urdu), FORM).await.ok();
    deal.freelancer.does("contractPlaceAttest", place(&deal, "PK"), "contract { id }").await.ok();
    let long =
        "Muhammad Abdul Rahman Bin Khalid Al-Hashimi Qureshi Siddiqui-Farooqui and Daughters Incorporated of Delaware";
    let named = json!({ "organizationId": deal.client.organization, "name": long });
    deal.client.does("organizationUpdate", named, "organization { name }").await.ok();
    let visitor = deal.client.visitor().await;
    let path = format!("/papers/compliance/{}", deal.contract);
    let pdf = fetch(&visitor, &format!("{path}.pdf")).await;
    assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.bytes.len() < 200_000, "{} bytes", pdf.bytes.len());
    keep("compliance.pdf", &pdf.bytes);
    assert_eq!(fetch(&visitor, &format!("{path}.json")).await.json()["clauses"], 1);

    let mut writing = app.pool().begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica").execute(&mut *writing).await.unwrap();
    let old = "update contracts set terms = (terms::jsonb - 'clauses')::json";
    assert_eq!(sqlx::query(old).execute(&mut *writing).await.unwrap().rows_affected(), 1);
    writing.commit().await.unwrap();
    assert_eq!(fetch(&visitor, &format!("{path}.json")).await.json()["clauses"], Value::Null);
    assert_eq!(pack(&deal, &deal.client).await["clauses"], Value::Null);
    assert!(fetch(&visitor, &format!("{path}.pdf")).await.bytes.starts_with(b"%PDF-"));
}

#[tokio::test]
async fn what_people_said_is_never_changed_and_no_day_of_it_is_made_up() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    deal.freelancer.does("taxFormCertify", form("PK", "Faisal"), FORM).await.ok();
    deal.freelancer.does("contractPlaceAttest", place(&deal, "PK"), "contract { id }").await.ok();
    deal.freelancer
        .does("profileUpdate", json!({ "headline": "I build websites", "country": "AE" }), "profile { id }")
        .await
        .ok();
    let again = "insert into tax_forms select user_id, 2,";
    let there = "insert into place_attestations select contract_id, 2,";
    for sql in [
        "update tax_forms set country = 'IN'".to_owned(),
        "delete from tax_forms".to_owned(),
        "truncate tax_forms cascade".to_owned(),
        "update tax_form_withdrawals set withdrawn_at = now()".to_owned(),
        "delete from tax_form_withdrawals".to_owned(),
        "update place_attestations set country = 'IN'".to_owned(),
        "delete from place_attestations".to_owned(),
        "truncate place_attestations".to_owned(),
        format!("{again} country, wording, certified_at, lapses_on + 365 from tax_forms"),
        format!("{again} 'US', wording, certified_at, lapses_on from tax_forms"),
        format!("{there} 'US', wording, attested_at from place_attestations"),
    ] {
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(app.pool()).await.is_err(), "{sql}");
    }
    let good = format!("{again} country, wording, certified_at, lapses_on from tax_forms");
    sqlx::query(sqlx::AssertSqlSafe(good)).execute(app.pool()).await.expect("it is the day that was wrong");
}
