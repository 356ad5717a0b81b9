//! Reconciliation: what the processor moved, held against the books.

mod edges;
mod volume;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::reconciliation::{Class, Flow, Kind, Total};
use infra::Call;
use serde_json::json;
use tests::stripe::{Books, Moved};
use tests::{Deal, PASSWORD, TestApp};

/// A second offer of the same two, funded with this token; its payment.
pub async fn paid_with(deal: &Deal<'_>, token: &str, amount: &str) -> String {
    offered_with(deal, token, amount).await.1
}

/// The same; the offer, and its payment.
async fn offered_with(deal: &Deal<'_>, token: &str, amount: &str) -> (String, String) {
    let offer = json!({
        "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id, "title": "More",
        "milestones": [{ "title": "All of it", "amount": { "amount": amount } }]
    });
    let offered = deal.client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let fund = json!({ "milestoneId": offered.text("offer.milestones.nodes.0.id"), "paymentMethod": token });
    let payment = deal.client.does("milestoneFund", fund, "payment { id }").await.text("payment.id");
    deal.client.app.settles().await;
    (offered.text("offer.id"), payment)
}

/// An offer that was paid with this token and withdrawn, 50 dollars of whose money go back to the card; the refund.
async fn refunded(deal: &Deal<'_>, token: &str) -> String {
    let (offer, payment) = offered_with(deal, token, "250.00").await;
    deal.client.does("offerWithdraw", json!({ "offerId": offer }), "offer { status }").await.ok();
    let back = json!({ "paymentId": payment, "amount": { "amount": "50.00" } });
    let refund = deal.client.does("paymentRefund", back, "refund { id }").await.text("refund.id");
    deal.client.app.settles().await;
    refund
}

async fn paid_out(deal: &Deal<'_>, iban: &str, amount: &str) -> String {
    let method = json!({ "iban": iban, "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    deal.client.app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9186",
        "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    deal.client.app.passes(TimeDelta::hours(3)).await;
    payout
}

/// Everything that money does at a processor.
struct Moves<'a> {
    deal: Deal<'a>,
    visa: Vec<String>,
    declined: String,
    chargeback: String,
    payout: String,
    refund: String,
}

async fn moves(app: &TestApp) -> Moves<'_> {
    let deal = app.released().await;
    let mut visa = Vec::new();
    for n in 0..8 {
        visa.push(paid_with(&deal, "pm_sandbox_visa", &format!("{}.00", 100 + n)).await);
    }
    paid_with(&deal, "pm_sandbox_late", "210.00").await;
    let declined = paid_with(&deal, "pm_sandbox_declined", "220.00").await;
    let chargeback = paid_with(&deal, "pm_sandbox_chargeback", "230.00").await;
    paid_with(&deal, "pm_sandbox_chargeback_won", "240.00").await;
    let seen = paid_with(&deal, "pm_sandbox_3ds", "245.00").await;
    app.bank_answers(&deal.client, &seen, true).await;
    let refund = refunded(&deal, "pm_sandbox_visa").await;
    refunded(&deal, "pm_sandbox_visa").await;
    // What does not get back to the card never leaves the processor.
    refunded(&deal, "pm_sandbox_refund_fails").await;
    // SCBL…6702 arrives, SCBL…0002 comes back.
    let payout = paid_out(&deal, "PK36SCBL0000001123456702", "300.00").await;
    paid_out(&deal, &iban("0002"), "50.00").await;
    // Sent by hand, past the processor.
    paid_out(&deal, &iban("0004"), "60.00").await;
    app.passes(TimeDelta::days(10)).await;
    Moves { deal, visa, declined, chargeback, payout, refund }
}

/// An account that ends so.
pub fn iban(last4: &str) -> String {
    let rest = format!("SCBL000000112345{last4}");
    let number: String = format!("{rest}PK00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let remainder = number.bytes().fold(0u32, |remainder, digit| (remainder * 10 + u32::from(digit - b'0')) % 97);
    format!("PK{:02}{rest}", 98 - remainder)
}

async fn report(app: &TestApp) -> domain::reconciliation::Report {
    let now = app.market.clock().now();
    app.market.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap()
}

async fn entries(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from ledger_entries").fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn reconcile_finds_each_planted_difference_and_none_without() {
    finds_each_planted_difference(&TestApp::new().await).await;
}

#[tokio::test]
async fn reconcile_finds_at_stripe_what_it_finds_at_the_sandbox() {
    let app = TestApp::on_stripe().await;
    finds_each_planted_difference(&app).await;
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

async fn finds_each_planted_difference(app: &TestApp) {
    let moves = moves(app).await;
    let clean = report(app).await;
    assert!(clean.differences.is_empty(), "{:#?}", clean.differences);
    assert!(clean.agree >= 21, "{clean:#?}");
    let back = clean.totals.iter().find(|total| total.class == Class::Refund && total.flow == Flow::Out).unwrap();
    // One of three came back. The sandbox had not let it go; Stripe had.
    let theirs = if app.on_stripe_only().is_some() { 15_000 } else { 10_000 };
    assert_eq!((back.ledger.minor(), back.processor.minor()), (15_000, theirs));
    // What came back went both ways on one side, and nowhere on the other.
    let net = |class: Class, side: fn(&Total) -> i64| -> i64 {
        let of_class = clean.totals.iter().filter(|total| total.class == class);
        of_class.map(|total| if total.flow == Flow::In { side(total) } else { -side(total) }).sum()
    };
    for class in Class::ALL {
        let (ours, theirs) = (net(class, |total| total.ledger.minor()), net(class, |total| total.processor.minor()));
        assert_eq!(ours, theirs, "{class:?}: {:?}", clean.totals);
    }

    let Moves { visa, declined, chargeback, payout, refund, .. } = &moves;
    let mut planted = vec![
        ("not_in_ledger", declined.clone()),
        ("unknown", "txn_of_nobody".to_owned()),
        ("class", chargeback.clone()),
        ("amount", payout.clone()),
        ("moved_twice", refund.clone()),
    ];
    let kinds = [
        "not_at_processor",
        "amount",
        "moved_twice",
        "booked_twice",
        "direction",
        "currency",
        "fee_not_booked",
        "late",
    ];
    planted.extend(kinds.into_iter().zip(visa.iter().cloned()));
    match app.on_stripe_only() {
        Some(stripe) => stripe.does(|books, _| plant_at_stripe(books, &moves)),
        None => plant_in_the_sandbox(app, &moves).await,
    }
    // The processor of payouts and the books are the same in both.
    for sql in [
        format!("update sandbox_balance set amount_minor = amount_minor + 100 where about = '{payout}'"),
        format!(
            "select ledger_post(gen_random_uuid(), 'credit', 'planted', null, null, 'system',
                 (select source || ':' || id from processor_events where subject = '{}' and kind = 'succeeded'),
                 (select min(posted_at) from ledger_entries),
                 jsonb_build_array(jsonb_build_object('from_account', 'processor_clearing',
                     'to_account', 'losses', 'currency', 'USD', 'amount_minor', 10609)), false)",
            visa[3]
        ),
    ] {
        execute(app, sql).await;
    }
    let before = entries(app).await;
    let found = report(app).await;
    let mut told: Vec<(&str, String)> =
        found.differences.iter().map(|one| (one.kind.as_str(), one.about.to_string())).collect();
    told.sort_unstable();
    planted.sort_unstable();
    assert_eq!(told, planted, "{:#?}", found.differences);
    assert_eq!(entries(app).await, before, "it proposes entries, and posts none");
    let proposed = found.differences.iter().filter(|one| one.proposal.is_some()).count();
    assert_eq!(proposed, 8, "where a person has to find out first, nothing is proposed");
}

async fn execute(app: &TestApp, sql: String) {
    let done = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(app.pool()).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn plant_in_the_sandbox(app: &TestApp, Moves { visa, declined, chargeback, refund, .. }: &Moves<'_>) {
    let balance = "insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)";
    let first_at = "select min(at) from sandbox_balance";
    let of = |n: usize| format!("where about = '{}'", visa[n]);
    for sql in [
        format!("{balance} select 'txn_planted', '{declined}', 'payment', 'in', 'USD', 22660, ({first_at})"),
        format!("{balance} select 'txn_of_nobody', null, 'payment', 'in', 'USD', 5, ({first_at})"),
        format!("update sandbox_balance set class = 'refund' where about = '{chargeback}' and class = 'dispute'"),
        format!(
            "{balance} select id || '_again', about, class, flow, currency, amount_minor, at from sandbox_balance
             where about = '{refund}'"
        ),
        format!("delete from sandbox_balance {}", of(0)),
        format!("update sandbox_balance set amount_minor = amount_minor - 1 {}", of(1)),
        format!(
            "{balance} select id || '_again', about, class, flow, currency, amount_minor, at from sandbox_balance {}",
            of(2)
        ),
        format!("update sandbox_balance set flow = 'out' {}", of(4)),
        format!("update sandbox_balance set currency = 'PKR' {}", of(5)),
        format!("update sandbox_balance set fee_minor = 329 {}", of(6)),
        format!("update sandbox_balance set at = at - interval '40 hours' {}", of(7)),
    ] {
        execute(app, sql).await;
    }
}

fn plant_at_stripe(books: &mut Books, Moves { visa, declined, chargeback, refund, .. }: &Moves<'_>) {
    let written = |name: &str, id: &str| BTreeMap::from([(name.to_owned(), id.to_owned())]);
    let again = |moved: &Moved| Moved { id: format!("{}_again", moved.id), ..moved.clone() };
    let first = books.moved[0].clone();
    let charged = |id: &str, source: &str, amount, metadata| Moved {
        id: id.to_owned(),
        source: source.to_owned(),
        amount,
        metadata,
        intent: None,
        ..first.clone()
    };
    let planted = charged("txn_planted", "ch_planted", 22_660, written("payment", declined));
    let of_nobody = charged("txn_of_nobody", "txn_of_nobody", 5, BTreeMap::new());
    let taken_back = books.of_payment(chargeback).unwrap().id.clone();
    for moved in books.moved.iter_mut().filter(|moved| moved.category == "dispute") {
        if moved.intent.as_ref() == Some(&taken_back) {
            (moved.category, moved.metadata) = ("transfer", written("payout", chargeback));
        }
    }
    let sent_back = books.moved.iter().find(|moved| moved.metadata.get("refund") == Some(refund)).unwrap();
    let mut more = vec![planted, of_nobody, again(sent_back)];
    let place = |books: &Books, n: usize| {
        let is = |moved: &Moved| moved.metadata.get("payment") == Some(&visa[n]);
        books.moved.iter().position(is).unwrap()
    };
    let gone = place(books, 0);
    books.moved.remove(gone);
    more.push(again(&books.moved[place(books, 2)]));
    for n in [1, 4, 5, 6, 7] {
        let place = place(books, n);
        let moved = &mut books.moved[place];
        match n {
            1 => moved.amount -= 1,
            4 => moved.amount *= -1,
            5 => moved.currency = "pkr",
            6 => moved.fee = 329,
            _ => moved.at -= TimeDelta::hours(40),
        }
    }
    books.moved.extend(more);
}

#[tokio::test]
async fn what_stripe_keeps_for_itself_is_booked_when_it_is_known() {
    let app = TestApp::on_stripe().await;
    let deal = app.released().await;
    app.stripe().does(|books, _| {
        (books.charge_fees, books.dispute_fee, books.fees_held_back) = ((290, 30), 1_500, true);
    });
    let late = paid_with(&deal, "pm_sandbox_visa", "100.00").await;
    let booked = "select coalesce(sum(amount_minor), 0)::bigint from ledger_postings
        where from_account = 'processor_fees' and to_account = 'processor_clearing'";
    let booked = async || sqlx::query_scalar::<_, i64>(booked).fetch_one(app.pool()).await.unwrap();
    assert_eq!(booked().await, 0, "nobody knows yet");
    app.passes(TimeDelta::hours(3)).await;
    let missing = report(&app).await;
    let kinds: Vec<_> = missing.differences.iter().map(|one| (one.kind, one.about.to_string())).collect();
    assert_eq!(kinds, [(Kind::FeeNotBooked, late)]);
    app.stripe().does(|books, now| books.tells_fees(now));
    app.settles().await;
    // 2.9 % of 103.00, and 30 cents.
    assert_eq!(booked().await, 328);
    paid_with(&deal, "pm_sandbox_chargeback", "200.00").await;
    assert_eq!(booked().await, 328 + 627);
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(booked().await, 328 + 627 + 1_500, "a dispute costs, too");
    app.stripe().does(|books, _| books.dispute_fee_back = 1_500);
    paid_with(&deal, "pm_sandbox_chargeback_won", "10.00").await;
    app.passes(TimeDelta::days(9)).await;
    // 2.9 % of 10.30, and 30 cents; and the dispute cost, and gave back what it had.
    assert_eq!(booked().await, 328 + 627 + 1_500 + 59 + 1_500);
    let back = "select coalesce(sum(amount_minor), 0)::bigint from ledger_postings
        where from_account = 'processor_clearing' and to_account = 'processor_fees'";
    assert_eq!(sqlx::query_scalar::<_, i64>(back).fetch_one(app.pool()).await.unwrap(), 1_500);
    app.stripe().does(|books, now| books.to_our_bank(5_000, now));
    app.passes(TimeDelta::hours(3)).await;
    let clean = report(&app).await;
    assert_eq!(clean.differences, []);
    let own = clean.totals.iter().find(|total| total.class == Class::Own).unwrap();
    assert_eq!(
        (own.ledger.minor(), own.processor.minor()),
        (0, 5_000),
        "what went to our own bank is told, and no more"
    );
}

#[tokio::test]
async fn each_day_is_reconciled_once_and_only_our_people_read_what_was_found() {
    each_day_is_reconciled_once(TestApp::new().await).await;
    each_day_is_reconciled_once(TestApp::on_stripe().await).await;
}

async fn each_day_is_reconciled_once(app: TestApp) {
    let Moves { deal, .. } = moves(&app).await;
    let before = entries(&app).await;
    let (one, other) = tokio::join!(app.market.reconcile_when_due(), app.market.reconcile_when_due());
    assert_eq!([one.unwrap(), other.unwrap()].into_iter().filter(|done| *done).count(), 1);
    assert!(!app.market.reconcile_when_due().await.unwrap(), "done already");
    app.passes(TimeDelta::days(1)).await;
    assert!(app.market.reconcile_when_due().await.unwrap(), "another day");
    assert_eq!(entries(&app).await, before);

    let query = "{ reconciliations(first: 10) { nodes { id from until daily agree differenceCount report } } }";
    let admin = app.admin("amna").await;
    let list = admin.asks(query, json!({})).await;
    let nodes = list.data()["reconciliations"]["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    assert!(nodes.iter().all(|node| node["differenceCount"] == 0 && node["daily"] == true), "{nodes:?}");
    assert_eq!(nodes[0]["from"], nodes[1]["until"], "without a gap");
    for person in [&deal.client, &deal.freelancer] {
        let refused = person.asks(query, json!({})).await;
        assert!(refused.body["errors"][0]["extensions"]["code"].is_string(), "{}", refused.body);
        assert!(refused.body["data"]["reconciliations"].is_null());
    }
}

#[tokio::test]
async fn what_a_bank_sends_back_days_later_is_no_difference_of_any_day() {
    for (global, recipients) in [(true, false), (false, true)] {
        let app = TestApp::on_stripe_rails(global, recipients).await;
        let deal = app.released().await;
        let said = json!({ "latinName": "Faisal Mahmood Qureshi", "address": "12 Mall Road, Lahore",
            "phone": "+923001234567", "cnic": "35202-1234567-1" });
        deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
        paid_out(&deal, &iban("0002"), "50.00").await;
        let status = async || {
            let select = "select status from payouts";
            sqlx::query_scalar::<_, String>(select).fetch_one(app.pool()).await.unwrap()
        };
        // What goes by an account of their own rests there for a day.
        for _ in 0..15 {
            if status().await != "paid" {
                app.passes(TimeDelta::hours(2)).await;
            }
        }
        assert_eq!(status().await, "paid");
        let arrived_at = app.market.clock().now();
        for day in 1..=9 {
            app.market.clock().advance(TimeDelta::days(1));
            if day == 6 {
                app.settles().await;
                assert_eq!(status().await, "returned");
            }
            assert!(app.market.reconcile_when_due().await.unwrap(), "day {day}");
        }
        let told = "select report ->> 'differences' from reconciliations where daily and differences > 0";
        let told: Vec<String> = sqlx::query_scalar(told).fetch_all(app.pool()).await.unwrap();
        assert_eq!(told, Vec::<String>::new(), "each day is clean");
        // Nor is the day on which it arrived, looked at again by now.
        let (from, until) = (arrived_at - TimeDelta::hours(12), arrived_at + TimeDelta::hours(1));
        let again = app.market.reconcile(&Call::system("test"), from, until).await.unwrap();
        assert_eq!((again.differences, again.agree), (vec![], 1));
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_moves_in_a_currency_that_the_books_do_not_know_is_told_and_stops_nothing() {
    let app = TestApp::on_stripe().await;
    let deal = app.released().await;
    let paid = paid_with(&deal, "pm_sandbox_visa", "100.00").await;
    let other = paid_with(&deal, "pm_sandbox_visa", "200.00").await;
    let swept = app.stripe().does(|books, now| {
        let of_paid = books.moved.iter_mut().find(|moved| moved.metadata.get("payment") == Some(&paid)).unwrap();
        (of_paid.currency, of_paid.fee) = ("eur", 40);
        books.to_our_bank(1_000, now);
        let swept = books.moved.last_mut().unwrap();
        swept.currency = "gbp";
        swept.source.clone()
    });
    let lag = async || app.market.vitals().await.unwrap().reconciled_lag_seconds;
    assert_eq!(lag().await, None, "no day was compared yet");
    let mut days = Vec::new();
    for _ in 0..2 {
        app.passes(TimeDelta::days(1)).await;
        assert!(app.market.reconcile_when_due().await.unwrap());
        let hours = lag().await.unwrap() / 3_600;
        assert!((4..24).contains(&hours), "it is {hours} o'clock");
        let newest = "select differences from reconciliations where daily order by until_at desc limit 1";
        days.push(sqlx::query_scalar::<_, i32>(newest).fetch_one(app.pool()).await.unwrap());
    }
    assert_eq!(days, [3, 0], "the next day is compared as well");
    app.market.clock().advance(TimeDelta::days(2));
    assert!(lag().await.unwrap() > 2 * 24 * 3_600, "and it shows if none is");

    let found = report(&app).await;
    let told: Vec<_> = found.differences.iter().map(|one| (one.kind, one.class, one.about.to_string())).collect();
    assert!(!told.iter().any(|(.., about)| *about == other), "{told:?}");
    let of = |class, about: &str| (Kind::Currency, class, about.to_owned());
    assert_eq!(told, [of(Class::Payment, &paid), of(Class::Fee, &paid), of(Class::Own, &swept)]);
    let amounts = found.differences.iter().flat_map(|one| &one.foreign);
    let amounts: Vec<_> = amounts.map(|moved| (moved.minor, moved.currency.as_str())).collect();
    assert_eq!(amounts, [(10_300, "EUR"), (-40, "EUR"), (-1_000, "GBP")]);
    let ours = found.differences[0].ledger.iter().map(|line| line.amount.minor()).sum::<i64>();
    assert_eq!(ours, 10_300, "beside what the books have");
    assert!(found.differences.iter().all(|one| one.proposal.is_none()), "a person has to find out");
}

#[tokio::test]
async fn what_left_the_processor_and_goes_by_our_bank_too_is_a_difference() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let method = json!({ "iban": iban("6702"), "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "50.00" }, "purposeCode": "9186",
        "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    app.market.clock().advance(TimeDelta::hours(3));
    assert_eq!(report(&app).await.differences, [], "its rail has it, and has not told yet");
    execute(&app, "update payouts set state = jsonb_set(state, '{rail}', '\"bank_wire\"')".to_owned()).await;
    let found = report(&app).await.differences;
    let told: Vec<_> = found.iter().map(|one| (one.kind, one.about.to_string())).collect();
    assert_eq!(told, [(Kind::NotInLedger, payout)]);
}

#[tokio::test]
async fn what_is_held_for_people_is_there_or_it_is_told() {
    for app in [TestApp::new().await, TestApp::on_stripe().await] {
        moves(&app).await;
        let admin = app.admin("amna").await;
        let uncovered = async || {
            app.passes(TimeDelta::days(1)).await;
            assert!(app.market.reconcile_when_due().await.unwrap());
            let query = "{ reconciliations(first: 1) { nodes { differenceCount uncovered { minorUnits } } } }";
            let found = admin.asks(query, json!({})).await.data()["reconciliations"]["nodes"][0].clone();
            assert_eq!(found["differenceCount"], 0);
            found["uncovered"]["minorUnits"].clone()
        };
        assert_eq!(uncovered().await, 0);
        // What is at the processor and not held for anybody is ours: fees, less what we bore.
        let held = "select sum(balance_minor)::bigint from ledger_balances where ledger_guarded(account)";
        let held: i64 = sqlx::query_scalar(held).fetch_one(app.pool()).await.unwrap();
        let ours = app.market.payments().balance(&app.market).await.unwrap() - held;
        assert!(ours > 0, "{ours}");
        // A thousand dollars go from Stripe to our own bank, and everybody knows.
        if let Some(stripe) = app.on_stripe_only() {
            stripe.does(|books, now| books.to_our_bank(100_000, now));
        }
        assert_eq!(uncovered().await, 0);
        // What is ours is gone, and nobody noted it; and then a cent of what is not.
        let vanish = async |cents: i64| match app.on_stripe_only() {
            Some(stripe) => stripe.does(|books, _| books.moved[0].amount -= cents),
            None => {
                let less = "update sandbox_balance set amount_minor = amount_minor - $1
                    where id = (select id from sandbox_balance where class = 'payment' order by at limit 1)";
                sqlx::query(less).bind(cents).execute(app.pool()).await.map(drop).unwrap();
            }
        };
        vanish(ours).await;
        assert_eq!(uncovered().await, 0);
        vanish(1).await;
        assert_eq!(uncovered().await, 1);
        let kept = "update reconciliations set uncovered_minor = -1 where daily";
        assert!(sqlx::query(kept).execute(app.pool()).await.is_err(), "the database knows the sign");
    }
}
