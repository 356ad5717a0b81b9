//! A bank that gave back what it took, takes it again, and gives it back once more: our people book that by hand, and
//! what they booked before is not taken for it.

use chrono::TimeDelta;
use serde_json::json;
use tests::{Person, TestApp};

use super::{differences, disputed_after_refund, hold, losses};

/// Two of our people book what a bank did with a payment.
struct Books<'a> {
    noor: Person<'a>,
    amna: Person<'a>,
    payment: String,
}

impl Books<'_> {
    /// An hour later the processor's news were looked at again.
    async fn corrects(&self, from: &str, to: &str, amount: &str) {
        let ask = json!({ "from": from, "to": to, "amount": { "amount": amount }, "class": "DISPUTE",
            "about": self.payment, "reason": "What the bank did" });
        let proposed = self.noor.does("correctionPropose", ask, "correction { id }").await.text("correction.id");
        let approve = json!({ "correctionId": proposed });
        self.amna.does("correctionApprove", approve, "correction { id }").await.ok();
        self.noor.app.market.clock().advance(TimeDelta::hours(1));
        self.noor.app.settles().await;
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
