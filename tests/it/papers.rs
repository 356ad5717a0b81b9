//! Papers: what people take to their bank, their tax office and their accountant.

use std::sync::Arc;

use api::http::{ClientAddress, Settings, Untaken};
use api::papers::paper_pages;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine;
use chrono::TimeDelta;
use domain::papers::Operator;
use domain::payout::Carried;
use infra::Market;
use infra::clock::Clock;
use infra::market::Equipment;
use infra::rails::RailEvent;
use serde_json::{Value, json};
use tests::stripe::{Fault, Faults};
use tests::{Deal, PASSWORD, Person, TOKENS, TestApp, Visitor};
use tower::ServiceExt;

/// A paper, or why there is none.
pub struct Fetched {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Fetched {
    pub fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&self.bytes).expect("JSON")
    }
}

/// Fetch a paper.
pub async fn fetch(visitor: &Visitor<'_>, path: &str) -> Fetched {
    let mut request = Request::get(path);
    if let Some(token) = &visitor.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = visitor.app.send(request.body(Body::empty()).expect("a request")).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 16 << 20).await.expect("a whole answer").to_vec();
    Fetched { status, headers, bytes }
}

/// Keep a paper to be looked at, where somebody wants to.
pub fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("PAPERS_FOLDER") {
        std::fs::write(std::path::Path::new(&folder).join(name), bytes).expect("the folder is there");
    }
}

async fn paid_out(deal: &Deal<'_>, amount: &str) -> String {
    let app = deal.client.app;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9184",
        "writtenPurpose": "Development of a website", "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.passes(TimeDelta::days(2)).await;
    payout
}

async fn says_who_he_is(deal: &Deal<'_>) {
    let said = json!({ "latinName": "Faisal Mahmood Qureshi", "urduName": "فیصل محمود قریشی",
        "address": "12 Mall Road, Lahore", "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
}

#[tokio::test]
async fn a_remittance_pack_says_who_what_for_and_where_each_cent_came_from() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = paid_out(&deal, "900.00").await;
    let visitor = deal.freelancer.visitor().await;
    let pack = fetch(&visitor, &format!("/papers/payouts/{id}.json")).await.json();
    let cents = |amount: &Value| amount["minor"].as_i64().unwrap();
    // 950.00 of 1,000.00 were released; 900.00 of those bore 47.37 of the fee of 50.00.
    assert_eq!([&pack["gross"], &pack["fees"], &pack["net"]].map(cents), [94_737, 4_737, 90_000]);
    let earned = &pack["earned"][0];
    assert_eq!(earned["origin"]["contract"], json!(deal.contract));
    assert_eq!(earned["origin"]["client"], json!("clara & Company"));
    let invoice = earned["origin"]["invoices"][0].as_str().unwrap();
    assert!(invoice.starts_with("INV-") && invoice.ends_with("-00001"), "{invoice}");
    assert_eq!(pack["purpose_code"], "9184");
    assert_eq!(pack["written_purpose"], "Development of a website");
    assert_eq!(pack["beneficiary"]["urdu_name"], "فیصل محمود قریشی");
    assert_eq!(pack["beneficiary"]["cnic_last4"], "5671");
    assert_eq!(pack["parts"][0]["bank"], "Standard Chartered Bank Pakistan");
    assert_eq!(pack["quote"]["rate"], "278.45");
    assert_eq!(cents(&pack["parts"][0]["rupees"]), 25_060_500);
    assert_eq!([&pack["withholding_if_registered"], &pack["withholding_otherwise"]].map(cents), [225, 900]);
    assert_eq!(pack["withheld"], json!({ "if_registered": 25, "otherwise": 100 }));
    let text = pack.to_string();
    assert!(!text.contains("PK36SCBL0000001123456702") && !text.contains("3520212345671"), "no whole number");

    let pdf = fetch(&visitor, &format!("/papers/payouts/{id}.pdf")).await;
    assert_eq!(pdf.headers[header::CONTENT_TYPE], "application/pdf");
    assert_eq!(pdf.headers[header::CACHE_CONTROL], "private, no-store");
    let name = format!("attachment; filename=\"RP-{id}.pdf\"");
    assert_eq!(pdf.headers[header::CONTENT_DISPOSITION], name.as_str());
    assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.bytes.len() < 200_000, "{} bytes", pdf.bytes.len());
    let again = fetch(&visitor, &format!("/papers/payouts/{id}.pdf")).await;
    assert!(pdf.bytes == again.bytes, "the same paper is the same bytes");
    keep("pack.pdf", &pdf.bytes);
    // The law changes: what was asked for before says what it said, what is asked for from then on what holds.
    let now = app.market.clock().now();
    let terms = json!({ "effectiveFrom": now, "note": "Another law",
        "terms": { "withheldRegisteredBp": 50, "withheldOthersBp": 200 } });
    let policy = "policy { terms { withheldRegisteredBp withheldOthersBp } }";
    let added = app.admin("amna").await.does("policyVersionAdd", terms, policy).await;
    let shown = json!({ "withheldRegisteredBp": 50, "withheldOthersBp": 200 });
    assert_eq!(added.ok()["policy"]["terms"], shown);
    let again = fetch(&visitor, &format!("/papers/payouts/{id}.pdf")).await;
    assert!(pdf.bytes == again.bytes, "the same paper is the same bytes");
    let method = "{ viewer { payoutMethods { nodes { id } } } }";
    let method = deal.freelancer.asks(method, json!({})).await;
    let method = method.data()["viewer"]["payoutMethods"]["nodes"][0]["id"].clone();
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "50.00" }, "purposeCode": "9184",
        "password": PASSWORD });
    let later = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    let later = fetch(&visitor, &format!("/papers/payouts/{later}.json")).await.json();
    assert_eq!([&later["withholding_if_registered"], &later["withholding_otherwise"]].map(cents), [25, 100]);

    let path = "query($id: ID!) { payout(id: $id) { remittancePackPath purpose writtenPurpose quote { rate rupees { amount } } } }";
    let shown = deal.freelancer.asks(path, json!({ "id": id })).await;
    assert_eq!(shown.text("remittancePackPath"), format!("/papers/payouts/{id}.pdf"));
    assert_eq!(shown.text("quote.rupees.amount"), "250605.00");
}

#[tokio::test]
async fn a_paper_is_handed_to_whom_it_is_for_and_to_nobody_else() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payout = paid_out(&deal, "100.00").await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": deal.milestone })).await.text("payment.id");
    let (stranger, admin) = (app.person("stranger").await, app.admin("amna").await);
    let people = [&deal.client, &deal.freelancer, &stranger, &admin];
    // Each is told the path of what they may have.
    let paths = "query($p: ID!, $c: ID!) { payment(id: $p) { invoicePath } contract(id: $c) { statementPath }
        viewer { earningsPath(year: 2026) never: earningsPath(year: 1999) } }";
    let ids = json!({ "p": payment, "c": deal.contract });
    let (invoice, statement) =
        (format!("/papers/payments/{payment}.pdf"), format!("/papers/contracts/{}.pdf", deal.contract));
    let told = [
        (Some(&invoice), Some(&statement)),
        (None, Some(&statement)),
        (None, None),
        (Some(&invoice), Some(&statement)),
    ];
    for (person, (invoice, statement)) in people.iter().zip(told) {
        let told = person.asks(paths, ids.clone()).await.data().clone();
        assert_eq!(told["payment"]["invoicePath"], json!(invoice), "{}", person.email);
        assert_eq!(told["contract"]["statementPath"], json!(statement), "{}", person.email);
        assert_eq!(told["viewer"], json!({ "earningsPath": "/papers/earnings/2026.pdf", "never": null }));
    }
    // A member who may not see the books sees the contract, and no path to them.
    let vera = app.person("vera").await;
    super::organization::joins(&deal.client, &vera, "VIEWER").await;
    let told = vera.asks(paths, ids).await.data().clone();
    assert_eq!((&told["payment"], &told["contract"]), (&Value::Null, &json!({ "statementPath": null })));
    // Client, freelancer, stranger, admin.
    for (path, statuses) in [
        (format!("/papers/payouts/{payout}"), [404, 200, 404, 200]),
        (format!("/papers/payments/{payment}"), [200, 404, 404, 200]),
        (format!("/papers/contracts/{}", deal.contract), [200, 200, 404, 200]),
    ] {
        for ending in ["json", "pdf"] {
            let path = format!("{path}.{ending}");
            for (person, status) in people.iter().zip(statuses) {
                let fetched = fetch(&person.visitor().await, &path).await;
                assert_eq!(fetched.status.as_u16(), status, "{path} for {}", person.email);
            }
            assert_eq!(fetch(&app.visitor(), &path).await.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(fetch(&app.bearer("x.y.z"), &path).await.status, StatusCode::UNAUTHORIZED, "{path}");
            let in_url = format!("{path}?access_token={}", deal.freelancer.visitor().await.token.unwrap());
            assert_eq!(fetch(&app.visitor(), &in_url).await.status, StatusCode::UNAUTHORIZED);
        }
    }
    // Of its members those who see to money, and of our people nobody who only judges.
    let (fina, marta) = (app.person("fina").await, app.mediator("marta").await);
    super::organization::joins(&deal.client, &fina, "FINANCE").await;
    for (path, status) in [
        (format!("/papers/payouts/{payout}.json"), 404),
        (format!("/papers/payments/{payment}.json"), 200),
        (format!("/papers/contracts/{}.json", deal.contract), 200),
    ] {
        assert_eq!(fetch(&fina.visitor().await, &path).await.status.as_u16(), status, "{path} for finance");
        for person in [&vera, &marta] {
            let status = fetch(&person.visitor().await, &path).await.status.as_u16();
            assert!([403, 404].contains(&status), "{path} for {}: {status}", person.email);
        }
    }
    let visitor = deal.freelancer.visitor().await;
    for path in [
        "/papers/payouts/pyo_00000000000000000000000007.pdf",
        "/papers/payouts/nonsense.pdf",
        "/papers/payouts/.pdf",
        "/papers/earnings/1999.pdf",
        "/papers/earnings/2026.docx",
        "/papers/secrets/2026.pdf",
    ] {
        assert_eq!(fetch(&visitor, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let wrong_kind = format!("/papers/payments/{payout}.pdf");
    assert_eq!(fetch(&visitor, &wrong_kind).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_gets_no_paper_learns_why_and_under_which_trace() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let good = ada.visitor().await;
    let path = "/papers/earnings/2026.pdf";
    let refused = async |who: &Visitor<'_>| {
        let fetched = fetch(who, path).await;
        let body: Value = serde_json::from_slice(&fetched.bytes).expect("JSON");
        assert_eq!(body["traceId"].as_str(), fetched.headers["x-request-id"].to_str().ok());
        (fetched.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
    };
    let told = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused(&app.visitor()).await, told(401, "UNAUTHENTICATED"));
    assert_eq!(refused(&app.bearer("x.y.z")).await, told(401, "TOKEN_INVALID"));
    app.market.clock().advance(TimeDelta::minutes(15));
    assert_eq!(refused(&good).await, told(401, "TOKEN_EXPIRED"));
    let ended = ada.visitor().await;
    ended.does("signOut", json!({}), "session { id }").await.ok();
    assert_eq!(refused(&ended).await, told(401, "SESSION_ENDED"));
}

#[tokio::test]
async fn an_invoice_divides_development_from_the_rest_as_its_client_says() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": deal.milestone })).await.text("payment.id");
    let path = format!("/papers/payments/{payment}");
    let visitor = deal.client.visitor().await;
    let invoice = fetch(&visitor, &format!("{path}.json")).await.json();
    assert_eq!(invoice["split"], json!(null));
    assert_eq!(invoice["total"]["minor"], 103_000);
    let share = |bp: i32| json!({ "contractId": deal.contract, "shareBasisPoints": bp });
    let set = "contractDevelopmentShareSet";
    deal.client.does(set, share(8_000), "contract { id }").await.ok();
    assert_eq!(
        deal.client.does(set, share(10_001), "contract { id }").await.faults(),
        ["shareBasisPoints: OUT_OF_RANGE"]
    );
    assert_eq!(deal.freelancer.does(set, share(1), "contract { id }").await.refused(), ["NOT_ALLOWED"]);
    let visitor = deal.client.visitor().await;
    let invoice = fetch(&visitor, &format!("{path}.json")).await.json();
    assert_eq!(invoice["split"]["development"]["minor"], 80_000);
    assert_eq!(invoice["split"]["other"]["minor"], 23_000, "our fee is never development");
    let pdf = fetch(&visitor, &format!("{path}.pdf")).await;
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    keep("invoice.pdf", &pdf.bytes);
}

#[tokio::test]
async fn a_statement_goes_over_as_many_pages_as_it_takes() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for n in 0..30 {
        let bonus = json!({ "contractId": deal.contract, "amount": { "amount": format!("{}.25", 20 + n) },
            "paymentMethod": "pm_sandbox_visa", "message": format!("Well done, {n} times over") });
        deal.client.does("bonusGive", bonus, "milestone { id }").await.ok();
        app.settles().await;
    }
    let visitor = deal.freelancer.visitor().await;
    let path = format!("/papers/contracts/{}", deal.contract);
    let statement = fetch(&visitor, &format!("{path}.json")).await.json();
    let lines = statement["lines"].as_array().unwrap();
    assert!(lines.len() > 60, "{}", lines.len());
    assert!(lines.iter().zip(1..).all(|(line, number)| line["number"] == json!(number)), "each once, in order");
    assert!(statement["signature"].is_string());
    let pdf = fetch(&visitor, &format!("{path}.pdf")).await;
    keep("statement.pdf", &pdf.bytes);
    let pages = pdf.bytes.windows(11).filter(|bytes| bytes == b"/Type/Page/").count();
    let counted = format!("/Type/Pages/Count {pages}/");
    assert!(pages >= 3 && pdf.bytes.windows(counted.len()).any(|bytes| bytes == counted.as_bytes()), "{pages} pages");
}

#[tokio::test]
async fn a_statement_on_paper_says_where_it_is_cut_off() {
    let app = TestApp::new().await;
    let deal = super::statement::statement_of(&app, 4_999).await;
    let visitor = deal.client.visitor().await;
    let path = format!("/papers/contracts/{}.json", deal.contract);
    let told = |paper: &Value| {
        let lines = paper["lines"].as_array().unwrap();
        let last = lines.last().unwrap()["number"].as_i64().unwrap();
        (lines.len(), last, paper["entries_in_all"].as_i64().unwrap(), paper["is_cut_off"].as_bool().unwrap())
    };
    assert_eq!(told(&fetch(&visitor, &path).await.json()), (5_000, 5_000, 5_000, false));
    let bonus = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" },
        "paymentMethod": "pm_sandbox_visa", "message": "Well done" });
    deal.client.does("bonusGive", bonus, "milestone { id }").await.ok();
    app.settles().await;
    let (lines, last, in_all, is_cut_off) = told(&fetch(&visitor, &path).await.json());
    assert!((lines, last, is_cut_off) == (5_000, 5_000, true) && in_all > 5_000, "{in_all}");
}

#[tokio::test]
async fn a_statement_on_paper_is_of_one_instant_whatever_is_posted_meanwhile() {
    let app = TestApp::new().await;
    let deal = super::statement::statement_of(&app, 700).await;
    let visitor = deal.client.visitor().await;
    let path = format!("/papers/contracts/{}.json", deal.contract);
    let posts = "select count(ledger_post(gen_random_uuid(), 'bonus', 'meanwhile:' || $1::int, contract_id, null, 'system', 'x', now(),
            jsonb_build_array(jsonb_build_object('currency', 'USD', 'amount_minor', 1, 'from_account', 'processor_clearing',
                'to_account', 'losses')))) from ledger_statements";
    let posting = async {
        for n in 0..200_i32 {
            sqlx::query(posts).bind(n).execute(app.pool()).await.unwrap();
        }
    };
    let reading = async {
        let mut grew = std::collections::BTreeSet::new();
        for _ in 0..10 {
            let paper = fetch(&visitor, &path).await.json();
            let lines = paper["lines"].as_array().unwrap();
            let claims = paper["signature"].as_str().unwrap().split('.').nth(1).unwrap();
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
            let head: Value = serde_json::from_slice(&claims).unwrap();
            let last = lines.last().unwrap();
            assert_eq!((&head["entries"], &head["seal"]), (&last["number"], &last["seal"]), "of {} lines", lines.len());
            grew.insert(lines.len());
        }
        grew.len()
    };
    let ((), papers) = futures_util::future::join(posting, reading).await;
    assert!(papers > 1, "something was posted meanwhile");
}

#[tokio::test]
async fn a_certificate_adds_up_a_tax_year_and_names_the_banks_certificates() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let id = paid_out(&deal, "900.00").await;
    let attach = |number: &str| json!({ "payoutId": id, "number": number });
    let number = "payout { ePrc }";
    let bad = deal.freelancer.does("payoutEPrcAttach", attach("no!"), number).await.faults();
    assert_eq!(bad, ["number: MALFORMED"]);
    assert_eq!(deal.client.does("payoutEPrcAttach", attach("EPRC-2026/17"), number).await.refused(), ["NOT_FOUND"]);
    let attached = deal.freelancer.does("payoutEPrcAttach", attach("eprc-2026/17"), number).await;
    assert_eq!(attached.text("payout.ePrc"), "EPRC-2026/17");
    let visitor = deal.freelancer.visitor().await;
    let certificate = fetch(&visitor, "/papers/earnings/2026.json").await.json();
    let month = &certificate["months"][0];
    let cents = ["gross", "fees", "net", "paid_out"].map(|part| month[part]["minor"].as_i64().unwrap());
    assert_eq!((month["month"].as_str().unwrap(), cents), ("2026-06", [100_000, 5_000, 95_000, 90_000]));
    assert_eq!(certificate["payouts"][0][3], "EPRC-2026/17");
    let pack = fetch(&visitor, &format!("/papers/payouts/{id}.json")).await.json();
    assert_eq!(pack["e_prc"], "EPRC-2026/17");
    let pdf = fetch(&visitor, "/papers/earnings/2026.pdf").await;
    keep("earnings.pdf", &pdf.bytes);
    // The next tax year begins in July, and nothing was earned in it; nor did the client earn anything.
    assert_eq!(fetch(&visitor, "/papers/earnings/2027.json").await.json()["months"], json!([]));
    let client = fetch(&deal.client.visitor().await, "/papers/earnings/2026.json").await.json();
    assert_eq!((&client["months"], &client["payouts"]), (&json!([]), &json!([])));
    assert!(!client.to_string().contains("Faisal"), "everybody gets their own");
    let early = deal
        .freelancer
        .does(
            "payoutRequest",
            json!({
                "payoutMethodId": "x", "amount": { "amount": "10.00" }, "purposeCode": "0000", "password": PASSWORD
            }),
            "payout { id }",
        )
        .await;
    assert_eq!(early.refused(), ["NOT_FOUND"]);
}

#[tokio::test]
async fn a_year_that_is_over_stays_as_it_was_certified_whatever_comes_back_later() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let method = json!({ "iban": crate::reconciliation::iban("0002"), "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(23)).await;
    let certificate = async |year: i32| {
        let visitor = deal.freelancer.visitor().await;
        fetch(&visitor, &format!("/papers/earnings/{year}.json")).await.json()
    };
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "900.00" }, "purposeCode": "9184",
        "password": PASSWORD });
    let id = deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await.text("payout.id");
    for _ in 0..8 {
        app.passes(TimeDelta::hours(2)).await;
    }
    let reached = "select status, state ->> 'rail' from payouts";
    let reached: (String, Option<String>) = sqlx::query_as(reached).fetch_one(app.pool()).await.unwrap();
    assert_eq!(reached, ("paid".to_owned(), Some("global_payouts".to_owned())));
    let told = certificate(2026).await;
    assert_eq!((&told["payouts"][0][0], &told["months"][0]["paid_out"]["minor"]), (&json!(id), &json!(90_000)));
    assert_eq!(told["payouts"].as_array().map(Vec::len), Some(1));
    // Days later, in July, the bank sends it back.
    app.market.clock().advance(TimeDelta::days(5));
    app.settles().await;
    let status = "select count(*) from payouts where status = 'returned'";
    assert_eq!(sqlx::query_scalar::<_, i64>(status).fetch_one(app.pool()).await.unwrap(), 1);
    let later = certificate(2026).await;
    for part in ["months", "payouts", "came_back"] {
        assert_eq!(later[part], told[part], "{part} of a year that is over");
    }
    let next = certificate(2027).await;
    assert_eq!((&next["months"], &next["payouts"]), (&json!([]), &json!([])));
    let back = &next["came_back"][0];
    assert_eq!((&back[0], &back[2]["minor"]), (&json!(id), &json!(90_000)));
    assert_eq!(next["came_back"].as_array().map(Vec::len), Some(1));
    let pdf = fetch(&deal.freelancer.visitor().await, "/papers/earnings/2027.pdf").await;
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    keep("earnings-came-back.pdf", &pdf.bytes);
}

#[tokio::test]
async fn what_turned_up_at_the_bank_after_all_is_a_payout_and_nothing_given_back_to_a_client() {
    let app = TestApp::on_stripe_rails(true, false).await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    // Stripe says nothing of it, and two of our people that it never got there.
    app.stripe().fails(Faults::later(2, Fault::ErrorKept));
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "50.00" }, "purposeCode": "9184",
        "password": PASSWORD });
    let id = deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    for _ in 0..26 {
        app.passes(TimeDelta::hours(1)).await;
    }
    let word = json!({ "payoutId": id, "outcome": "RETURNED", "reason": "Stripe's people told us" });
    for name in ["amna", "omar"] {
        let admin = app.admin(name).await;
        admin.does_once("payoutSettle", word.clone(), "payout { status }").await.ok();
    }
    let read = async |path: &str| fetch(&deal.freelancer.visitor().await, path).await.json();
    let month = async || {
        let certificate = read("/papers/earnings/2026.json").await;
        ["net", "given_back", "paid_out"].map(|part| certificate["months"][0][part]["minor"].as_i64().unwrap())
    };
    assert_eq!(month().await, [95_000, 0, 0]);
    app.passes(TimeDelta::hours(1)).await;
    let told = RailEvent { payout: id.parse().unwrap(), attempt: 0, said: Carried::Paid };
    app.market.rail_event(&told).await.unwrap();
    assert_eq!(month().await, [95_000, 0, 5_000]);
    let pack = read(&format!("/papers/payouts/{id}.json")).await;
    assert_eq!((&pack["status"], &pack["gross"]["minor"]), (&json!("paid"), &json!(5_263)));
    assert_eq!(pack["earned"][0]["origin"]["contract"], json!(deal.contract), "its pack says what it was earned for");
}

#[tokio::test]
async fn very_many_papers_are_refused_for_a_while() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let visitor = lin.visitor().await;
    for _ in 0..120 {
        assert_eq!(fetch(&visitor, "/papers/earnings/2026.json").await.status, StatusCode::OK);
    }
    let refused = fetch(&visitor, "/papers/earnings/2026.json").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    let other = app.person("ada").await;
    assert_eq!(fetch(&other.visitor().await, "/papers/earnings/2026.json").await.status, StatusCode::OK);
}

#[tokio::test]
async fn papers_that_nobody_takes_have_the_room_of_answers_that_nobody_takes() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    let token = lin.visitor().await.token.clone().unwrap();
    let untaken = Arc::new(Untaken::new(10_000_000, 200_000));
    let pages = paper_pages(&app.market, &Settings::default(), Arc::clone(&untaken));
    let asks = async || {
        let request =
            Request::get("/papers/earnings/2026.pdf").header(header::AUTHORIZATION, format!("Bearer {token}"));
        pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let mut held = Vec::new();
    let refused = loop {
        let response = asks().await;
        if response.status() != StatusCode::OK {
            break response;
        }
        held.push(response);
        assert!(held.len() < 100, "none of them was taken");
    };
    assert!(!held.is_empty());
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    let told: Value = serde_json::from_slice(&to_bytes(refused.into_body(), 10_000).await.unwrap()).unwrap();
    assert_eq!((&told["code"], &told["limit"]), (&json!("ANSWERS_NOT_TAKEN"), &json!(200_000)));
    assert!(told["value"].as_u64() > Some(200_000), "{told}");
    let here = ClientAddress([127, 0, 0, 1].into());
    assert!(untaken.check(here).is_err(), "nothing else is begun for them");

    let last = held.pop().unwrap();
    drop(held);
    let body = to_bytes(last.into_body(), 16 << 20).await.unwrap();
    assert!(body.starts_with(b"%PDF"), "it comes whole, however late");
    drop(body);
    assert_eq!(asks().await.status(), StatusCode::OK, "and what was taken makes room");
}

#[tokio::test]
async fn the_number_of_an_invoice_stays_whatever_comes_later() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let second = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "200.00" } });
    let second = deal.client.does("milestonePropose", second, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": second }), "milestone { id }").await.ok();
    deal.fund(&second, "pm_sandbox_visa").await;
    let visitor = deal.client.visitor().await;
    let number = async |milestone: &str| {
        let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
        let payment = deal.client.asks(payment, json!({ "id": milestone })).await.text("payment.id");
        let invoice = fetch(&visitor, &format!("/papers/payments/{payment}.json")).await.json();
        invoice["number"].as_str().unwrap().rsplit('-').next().unwrap().to_owned()
    };
    assert_eq!([number(&deal.milestone).await, number(&second).await], ["00001", "00002"]);
    // The processor says that the second was there long before.
    let earlier = "update payments set state = jsonb_set(state, '{succeeded_at}', '\"2020-01-01T00:00:00Z\"')
         where invoice_number = 2";
    assert_eq!(sqlx::query(earlier).execute(app.pool()).await.unwrap().rows_affected(), 1);
    assert_eq!([number(&deal.milestone).await, number(&second).await], ["00001", "00002"]);
    let other = "update payments set invoice_number = 7 where invoice_number = 2";
    assert!(sqlx::query(other).execute(app.pool()).await.is_err(), "a number that was given is kept");
}

#[tokio::test]
async fn papers_say_what_they_said_whatever_people_are_called_later() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    says_who_he_is(&deal).await;
    deal.client.does("userUpdate", json!({ "timeZone": "America/New_York" }), "viewer { email }").await.ok();
    let second = deal.another("200.00").await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": second })).await.text("payment.id");
    let payout = paid_out(&deal, "900.00").await;
    let invoice = async || {
        let paper = fetch(&deal.client.visitor().await, &format!("/papers/payments/{payment}.json")).await.json();
        ["client", "freelancer", "time_zone"].map(|part| paper[part].clone())
    };
    let pack = async || {
        let paper = fetch(&deal.freelancer.visitor().await, &format!("/papers/payouts/{payout}.json")).await.json();
        ["beneficiary", "earned", "parts"].map(|part| paper[part].clone())
    };
    let (invoiced, packed) = (invoice().await, pack().await);
    assert_eq!(invoiced[0], "clara & Company");
    assert_eq!(invoiced[2], "America/New_York", "its day is that of the client's owner");
    assert_eq!(packed[0]["address"], "12 Mall Road, Lahore");

    deal.freelancer.does("userUpdate", json!({ "name": "Somebody Else" }), "viewer { email }").await.ok();
    let said = json!({ "latinName": "Somebody Else", "urduName": "کوئی اور", "address": "1 Other Road, Karachi",
        "phone": "+923007654321", "cnic": "35202-7654321-7" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
    let named = json!({ "organizationId": deal.client.organization, "name": "Another Company" });
    deal.client.does("organizationUpdate", named, "organization { name }").await.ok();
    deal.client.does("userUpdate", json!({ "timeZone": "Asia/Tokyo" }), "viewer { email }").await.ok();
    assert_eq!((invoice().await, pack().await), (invoiced, packed));
    let certificate = fetch(&deal.freelancer.visitor().await, "/papers/earnings/2026.json").await.json();
    assert_eq!(certificate["person"]["name"], "Somebody Else", "what is certified today is of who they are today");
}

#[tokio::test]
async fn a_fee_for_arbitration_is_nothing_given_back_and_a_correction_is_on_the_pack_of_its_payout() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    deal.fills_purses().await;
    let work = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    deal.freelancer.does("milestoneSubmit", work, "milestone { status }").await.ok();
    let quarrel = deal.disputed("600.00").await;
    quarrel.answers().await;
    quarrel.is_recommended(&app.mediator("marta").await, "700.00").await;
    quarrel.client_does("disputeRefuse", json!({})).await;
    let freelancer = &quarrel.deal.freelancer;
    quarrel.pays(freelancer).await.ok();
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    let given = json!({ "from": "losses", "to": format!("available:{}", freelancer.id),
        "amount": { "amount": "20.00" }, "reason": "A mistake of ours" });
    let correction = noor.does("correctionPropose", given, "correction { id }").await.text("correction.id");
    amna.does("correctionApprove", json!({ "correctionId": correction }), "correction { status }").await.ok();
    assert_eq!(quarrel.deal.balances().await[2], 19_000 - 15_000 + 2_000);

    let certificate = fetch(&freelancer.visitor().await, "/papers/earnings/2026.json").await.json();
    let month = ["gross", "fees", "net", "given_back"].map(|part| certificate["months"][0][part]["minor"].clone());
    assert_eq!(month, [20_000, 1_000, 19_000, 0].map(|cents| json!(cents)));
    let beside = certificate["beside"].as_array().unwrap().iter();
    let beside: Vec<_> = beside.map(|one| (&one["why"], &one["taken"]["minor"], &one["given"]["minor"])).collect();
    let told = [(json!("arbitration_fee"), json!(15_000), json!(0)), (json!("correction"), json!(0), json!(2_000))];
    assert_eq!(beside, told.iter().map(|(why, taken, given)| (why, taken, given)).collect::<Vec<_>>());
    let pdf = fetch(&freelancer.visitor().await, "/papers/earnings/2026.pdf").await;
    keep("earnings-beside.pdf", &pdf.bytes);

    let payout = paid_out(&quarrel.deal, "60.00").await;
    let pack = fetch(&freelancer.visitor().await, &format!("/papers/payouts/{payout}.json")).await.json();
    assert_eq!((&pack["earned"][0]["net"]["minor"], pack["earned"].as_array().map(Vec::len)), (&json!(4_000), Some(1)));
    assert_eq!(pack["from_no_work"][0]["why"], "correction");
    assert_eq!(pack["from_no_work"][0]["amount"]["minor"], 2_000);
    let rows = pack["earned"][0]["gross"]["minor"].as_i64().unwrap() + 2_000;
    assert_eq!(pack["gross"]["minor"], json!(rows), "what stands in the rows is what stands under them");
}

#[tokio::test]
async fn what_goes_back_to_a_card_has_a_credit_note_and_keeps_it() {
    let app = TestApp::on_stripe().await;
    let deal = app.sent().await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": deal.milestone })).await.text("payment.id");
    deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), "offer { status }").await.ok();
    assert_eq!(deal.credit().await, 103_000);
    let back = async |amount: &str| {
        let input = json!({ "paymentId": payment, "amount": { "amount": amount } });
        let id = deal.client.does("paymentRefund", input, "refund { id }").await.text("refund.id");
        app.settles().await;
        let path = "query($id: ID!) { node(id: $id) { ... on PaymentRefund { creditNotePath } } }";
        let path = deal.client.asks(path, json!({ "id": id })).await.text("creditNotePath");
        assert_eq!(path, format!("/papers/refunds/{id}.pdf"));
        id
    };
    let note =
        async |who: &Person<'_>, id: &str| fetch(&who.visitor().await, &format!("/papers/refunds/{id}.json")).await;
    let is_numbered = |note: &Value, number: &str| {
        let text = note["number"].as_str().unwrap();
        text.starts_with("CN-") && text.ends_with(number)
    };
    let (first, second) = (back("30.00").await, back("20.00").await);
    let told = note(&deal.client, &first).await.json();
    assert_eq!((&told["amount"]["minor"], &told["client"]), (&json!(3_000), &json!("clara & Company")));
    assert!(told["invoice"].as_str().unwrap().ends_with("-00001") && told["came_back_at"].is_null(), "{told:#}");
    assert!(is_numbered(&told, "-00001"), "{told:#}");
    assert!(is_numbered(&note(&deal.client, &second).await.json(), "-00002"));
    for nobody in [&deal.freelancer, &app.person("stranger").await] {
        assert_eq!(note(nobody, &first).await.status, StatusCode::NOT_FOUND, "{}", nobody.email);
    }
    let pdf = fetch(&deal.client.visitor().await, &format!("/papers/refunds/{first}.pdf")).await;
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    keep("credit-note.pdf", &pdf.bytes);

    // The card was closed by then.
    let reference = app.stripe().look(|books| books.refunds[0].id.clone());
    app.stripe().does(|books, now| books.refund_fails(&reference, now));
    app.settles().await;
    let later = note(&deal.client, &first).await.json();
    assert_eq!((&later["number"], &later["issued_at"]), (&told["number"], &told["issued_at"]));
    assert!(later["came_back_at"].is_string(), "it says that it counts for nothing: {later:#}");
    assert!(is_numbered(&note(&deal.client, &back("10.00").await).await.json(), "-00003"), "and its number is gone");
    let other = sqlx::query("update credit_notes set number = 9 where number = 1");
    assert!(other.execute(app.pool()).await.is_err(), "a number that was given is kept");
}

#[tokio::test]
async fn an_invoice_is_issued_by_whoever_issued_it_first() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let second = deal.another("200.00").await;
    let payment = async |milestone: &str| {
        let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
        deal.client.asks(payment, json!({ "id": milestone })).await.text("payment.id")
    };
    let path = async |milestone: &str| format!("/papers/payments/{}.json", payment(milestone).await);
    let (first, second) = (path(&deal.milestone).await, path(&second).await);
    let issued = fetch(&deal.client.visitor().await, &first).await.json()["issuer"].clone();
    assert_eq!(issued["name"], "Rabta (sandbox)");
    // Whoever runs it is called otherwise from now on.
    let operator =
        Operator { name: "Rabta Holdings".to_owned(), registration: Some("7".to_owned()), ..Operator::default() };
    let equipment = Equipment { operator, ..Equipment::throwaway().unwrap() };
    let clock = Clock::manual(app.market.clock().now());
    let db = infra::market::connect(&app.app_url(), 2).await.unwrap();
    let renamed = TestApp::on(Market::new(db, clock, equipment));
    let sign_in = json!({ "email": deal.client.email, "password": PASSWORD });
    let token = renamed.visitor().does("signIn", sign_in, TOKENS).await.text("tokens.accessToken");
    let visitor = renamed.bearer(&token);
    assert_eq!(fetch(&visitor, &first).await.json()["issuer"], issued);
    let later = fetch(&visitor, &second).await.json()["issuer"].clone();
    assert_eq!((&later["name"], &later["registration"]), (&json!("Rabta Holdings"), &json!("7")));
}
