//! A bank that gave back what it took, takes it again, and gives it back once more: our people book that by hand, and
//! what they booked before is not taken for it.

use chrono::TimeDelta;
use serde_json::json;
use tests::{Person, Reply, TestApp};

use super::{credited, differences, disputed_after_refund, hold, losses, refund};

/// Two of our people book what a bank did with a payment.
struct Books<'a> {
    noor: Person<'a>,
    amna: Person<'a>,
    payment: String,
}

impl Books<'_> {
    /// An hour later the processor's news were looked at again.
    async fn corrects(&self, from: &str, to: &str, amount: &str) {
        self.corrects_about(&self.payment, from, to, amount).await;
    }

    /// The same about one chargeback of the payment. Answers which one it counts for, if any is known.
    async fn corrects_about(&self, about: &str, from: &str, to: &str, amount: &str) -> Option<String> {
        let proposed = self.proposes(about, from, to, amount).await;
        let approve = json!({ "correctionId": proposed.text("correction.id") });
        let approved = self.amna.does("correctionApprove", approve, "correction { about chargeback }").await;
        assert_eq!(approved.text("correction.about"), self.payment, "comparisons know it by the payment");
        self.noor.app.market.clock().advance(TimeDelta::hours(1));
        self.noor.app.settles().await;
        approved.ok()["correction"]["chargeback"].as_str().map(str::to_owned)
    }

    async fn proposes(&self, about: &str, from: &str, to: &str, amount: &str) -> Reply {
        let ask = json!({ "from": from, "to": to, "amount": { "amount": amount }, "class": "DISPUTE",
            "about": about, "reason": "What the bank did" });
        self.noor.does("correctionPropose", ask, "correction { id }").await
    }
}

/// Why what the processor told is not done with yet.
async fn open(app: &TestApp) -> String {
    let open = app.market.webhooks_open(10).await.unwrap();
    open.iter().map(|told| told.last_error.as_deref().unwrap_or("not tried")).collect()
}

#[tokio::test]
async fn what_our_people_booked_before_a_bank_gave_it_back_says_nothing_of_what_it_takes_and_gives_after_that() {
    let app = TestApp::on_stripe().await;
    let (deal, id, dispute) = disputed_after_refund(&app).await;
    let books = Books { noor: app.admin("noor").await, amna: app.admin("amna").await, payment: id };
    books.corrects("processor_clearing", "losses", "300.00").await;
    app.stripe().does(|books, now| books.decides_in_part(&dispute, 30_000, now));
    app.settles().await;
    app.stripe().does(|books, now| books.turns(&dispute, 30_000, now));
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await, open(&app).await.as_str()), (73_000, 0, ""));

    app.market.clock().advance(TimeDelta::hours(1));
    app.stripe().does(|books, now| books.takes_again(&dispute, now));
    app.settles().await;
    assert!(open(&app).await.contains("taken again"));
    books.corrects("losses", "processor_clearing", "1030.00").await;
    assert_eq!((losses(&app).await, open(&app).await.as_str()), (103_000, ""), "it is all of it that counts");

    app.stripe().does(|books, now| books.decides(&dispute, "won", now));
    app.settles().await;
    let why = open(&app).await;
    assert!(why.contains("given back again"), "it is theirs to book that, too: {why}");
    books.corrects("processor_clearing", "losses", "1030.00").await;
    assert_eq!((deal.credit().await, losses(&app).await, open(&app).await.as_str()), (73_000, 0, ""));
    assert_eq!(differences(&app).await, []);
    hold(&app).await;
}

#[tokio::test]
async fn what_our_people_booked_of_one_chargeback_says_nothing_of_another_one_of_the_same_payment() {
    // They booked it when it was known, or before anything was heard of it.
    for is_known in [true, false] {
        let app = TestApp::on_stripe().await;
        let (deal, id) = credited(&app, "pm_sandbox_visa").await;
        refund(&deal, &id, "300.00").await.ok();
        app.settles().await;
        let disputes = |amount| app.stripe().does(|books, now| books.disputes(&id, amount, "needs_response", now));
        let gives_back = |dispute: &str| app.stripe().does(|books, now| books.decides_in_part(dispute, 7_000, now));
        let books = Books { noor: app.admin("noor").await, amna: app.admin("amna").await, payment: id.clone() };
        let first = is_known.then(|| disputes(80_000));
        app.settles().await;
        let about = books.corrects_about(&id, "processor_clearing", "losses", "70.00").await;
        assert_eq!(about, first, "where there is one alone it is about that");
        let one = first.unwrap_or_else(|| disputes(80_000));
        app.settles().await;
        assert_eq!((deal.credit().await, losses(&app).await), (0, 0));
        app.market.clock().advance(TimeDelta::minutes(1));
        let other = disputes(23_000);
        app.settles().await;
        assert_eq!(losses(&app).await, 23_000);
        gives_back(&one);
        app.settles().await;
        assert_eq!((losses(&app).await, open(&app).await.as_str()), (23_000, ""), "that was booked by hand");
        gives_back(&other);
        app.settles().await;
        assert_eq!((losses(&app).await, open(&app).await.as_str()), (16_000, ""), "this was not");
        assert_eq!(differences(&app).await, []);
        hold(&app).await;
    }
}

#[tokio::test]
async fn of_two_chargebacks_that_are_taken_again_each_is_booked_by_itself() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    let disputes = || app.stripe().does(|books, now| books.disputes(&id, 50_000, "needs_response", now));
    let (one, other) = (disputes(), disputes());
    app.settles().await;
    for dispute in [&one, &other] {
        app.stripe().does(|books, now| books.decides(dispute, "won", now));
    }
    app.settles().await;
    assert_eq!((deal.credit().await, losses(&app).await), (103_000, 0));
    app.market.clock().advance(TimeDelta::hours(1));
    for dispute in [&one, &other] {
        app.stripe().does(|books, now| books.takes_again(dispute, now));
    }
    app.settles().await;
    let books = Books { noor: app.admin("noor").await, amna: app.admin("amna").await, payment: id.clone() };
    let refused = books.proposes(&id, "losses", "processor_clearing", "500.00").await;
    assert_eq!(refused.refused(), ["SEVERAL_CHARGEBACKS"]);
    assert!([&one, &other].iter().all(|name| refused.body.to_string().contains(*name)), "{}", refused.body);
    for (dispute, left, lost) in [(&other, Some(&one), 50_000), (&one, None, 100_000)] {
        let about = books.corrects_about(dispute, "losses", "processor_clearing", "500.00").await;
        assert_eq!((about.as_ref(), losses(&app).await), (Some(dispute), lost));
        let why = open(&app).await;
        let waits = |name: &String| why.contains(name.as_str());
        assert_eq!((waits(&one), waits(&other)), (left == Some(&one), false), "{why}");
    }
    assert_eq!(differences(&app).await, []);
    hold(&app).await;
}

#[tokio::test]
async fn what_our_people_booked_of_a_chargeback_that_is_won_is_not_the_clients_twice() {
    let app = TestApp::on_stripe().await;
    let (deal, id) = credited(&app, "pm_sandbox_visa").await;
    let dispute = app.stripe().does(|books, now| books.disputes(&id, 103_000, "needs_response", now));
    app.settles().await;
    let books = Books { noor: app.admin("noor").await, amna: app.admin("amna").await, payment: id };
    let credit = format!("client_credit:{}", deal.client.organization);
    books.corrects("processor_clearing", &credit, "1030.00").await;
    assert_eq!(deal.credit().await, 103_000);
    app.stripe().does(|books, now| books.decides(&dispute, "won", now));
    app.settles().await;
    assert_eq!(deal.credit().await, 103_000, "it is theirs once");
    let why = open(&app).await;
    assert!(why.contains("until those about") && why.contains("so far they give back 1030.00 USD"), "{why}");
    books.corrects(&credit, "processor_clearing", "1030.00").await;
    assert_eq!((deal.credit().await, losses(&app).await, open(&app).await.as_str()), (103_000, 0, ""));
    assert_eq!(differences(&app).await, []);
    hold(&app).await;
}
