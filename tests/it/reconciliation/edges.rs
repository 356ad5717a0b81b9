//! What lies across an edge of what is read is no difference: payouts are read as a whole, however long ago they left.

use domain::Timestamp;
use domain::payout::Carried;
use domain::reconciliation::Period;
use infra::rails::RailEvent;

use super::*;

/// When a payout left the processor, was noted as arrived, was back at the processor, and was noted as back.
async fn goes_and_comes_back_weeks_later(app: &TestApp) -> [Timestamp; 4] {
    let deal = app.released().await;
    let said = json!({ "latinName": "Faisal Mahmood Qureshi", "address": "12 Mall Road, Lahore",
        "phone": "+923001234567", "cnic": "35202-1234567-1" });
    deal.freelancer.does("payeeUpdate", said, "payee { version }").await.ok();
    // The double sends back what goes to this account once it is asked again; the sandbox does what it is told here.
    let last4 = if app.on_stripe_only().is_some() { "0002" } else { "6702" };
    let account = json!({ "iban": iban(last4), "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", account, "payoutMethod { id }").await;
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method.text("payoutMethod.id"), "amount": { "amount": "50.00" },
        "purposeCode": "9186", "password": PASSWORD });
    let payout = deal.freelancer.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    let left = app.market.clock().now();
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
    app.market.clock().advance(TimeDelta::days(35));
    let back = app.market.clock().now();
    match app.on_stripe_only() {
        Some(stripe) => {
            let news = stripe.news();
            app.market.clock().advance(TimeDelta::minutes(7));
            stripe.tell(&app.router(), news).await;
        }
        None => {
            let comes_back = "insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
                select id || ':back', about, class, 'in', currency, amount_minor, $1
                from sandbox_balance where about = $2";
            sqlx::query(comes_back).bind(back).bind(&payout).execute(app.pool()).await.unwrap();
            app.market.clock().advance(TimeDelta::minutes(7));
            let said = Carried::Returned("account_closed".to_owned());
            app.market.rail_event(&RailEvent { payout: payout.parse().unwrap(), attempt: 0, said }).await.unwrap();
        }
    }
    app.settles().await;
    assert_eq!(status().await, "returned");
    let posted = async |reason: &str| {
        let select = "select posted_at from ledger_entries where reason = $1";
        sqlx::query_scalar::<_, Timestamp>(select).bind(reason).fetch_one(app.pool()).await.unwrap()
    };
    let (arrived, booked) = (posted("payout_arrive").await, posted("payout_return").await);
    assert!(left < arrived && arrived < back && back < booked, "{left} {arrived} {back} {booked}");
    [left, arrived, back, booked]
}

#[tokio::test]
async fn a_payout_that_comes_back_at_an_edge_of_what_is_read_is_no_difference() {
    for app in
        [TestApp::new().await, TestApp::on_stripe_rails(true, false).await, TestApp::on_stripe_rails(false, true).await]
    {
        let instants = goes_and_comes_back_weeks_later(&app).await;
        let [left, _, _, booked] = instants;
        // All edges lie in the past by then.
        app.passes(TimeDelta::days(40)).await;
        let around = Period::SLACK + Period::CARRYING;
        let (hour, second) = (TimeDelta::hours(1), TimeDelta::seconds(1));
        for instant in instants {
            for off in [-second, TimeDelta::zero(), second] {
                let edge = instant + off;
                // Reading begins there, and so long after it what is compared; or it ends there.
                let (begins, ends) = ((edge + around, booked + hour), (left - hour, edge - around));
                for (from, until) in [begins, ends].into_iter().filter(|(from, until)| from < until) {
                    let found = app.market.reconcile(&Call::system("test"), from, until).await.unwrap();
                    assert_eq!(found.differences, [], "{from} {until}");
                    assert_eq!((found.agree, found.settling.len()), (1, 0), "{from} {until}: {:?}", found.totals);
                }
            }
        }
        // One whose return the books don't have is told all the same, however long ago it left.
        let forget =
            "update sandbox_balance set amount_minor = amount_minor - 1 where flow = 'in' and class = 'payout'";
        if app.on_stripe_only().is_none() {
            execute(&app, forget.to_owned()).await;
            let found = app.market.reconcile(&Call::system("test"), booked - hour, booked + hour).await.unwrap();
            let told: Vec<_> = found.differences.iter().map(|one| (one.kind, one.class)).collect();
            assert_eq!(told, [(Kind::Amount, Class::Payout)]);
            let has = found.differences[0].processor_has.map(|(flow, amount)| (flow, amount.minor()));
            assert_eq!(has, Some((Flow::Out, 1)), "by what is missing, and no more");
        }
        if let Some(stripe) = app.on_stripe_only() {
            assert_eq!(stripe.sins(), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn what_the_sandbox_knows_will_happen_is_no_difference_before_it_has() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    paid_with(&deal, "pm_sandbox_chargeback_won", "240.00").await;
    paid_with(&deal, "pm_sandbox_debit", "250.00").await;
    for day in 0..10 {
        app.passes(TimeDelta::days(1)).await;
        // What moves at this very moment may not be on both sides yet.
        app.market.clock().advance(TimeDelta::hours(3));
        assert_eq!(report(&app).await.differences, [], "day {day}");
    }
}
