//! Many operations, and nothing to reconcile.
//!
//! Each of them takes a dozen transactions of the marketplace and its workers, so ten thousand take some minutes. A few
//! hundred are played each time, and what they left at the processor and in the books is copied until ten thousand are
//! compared; `RABTA_RECONCILE_OPERATIONS` says how many are played.
//!
//! Work takes dozens of requests to be paid for; a gift takes one, and moves the same money at the processor. So the
//! operations are gifts by cards of all kinds, on several contracts at once, with what follows from them, and payouts.

use domain::access::{Actor, MemberRole, Person as Someone};
use domain::milestone::Kind;
use domain::money::Money;
use domain::payment::PaymentMethod;
use futures_util::future::{join_all, try_join_all};
use infra::bonus::Gift;
use infra::payment::FundWith;
use tests::books::{assert_books, books};

use super::*;

/// How many operations are played unless it is said.
const FEW: usize = 400;
/// About how many things at the least both sides are compared.
const MANY: u64 = 10_000;
/// Copies what moved, and the entries that say so.
const COPIES: &str = include_str!("copies.sql");
/// How many gifts are given on a contract a day.
const A_DAY: usize = 50;
/// How many contracts there are.
const CONTRACTS: usize = 3;

/// What the cards of gifts do, one after the other.
const CARDS: [&str; 10] = [
    "pm_sandbox_visa",
    "pm_sandbox_visa",
    "pm_sandbox_late",
    "pm_sandbox_visa",
    "pm_sandbox_declined",
    "pm_sandbox_visa",
    "pm_sandbox_chargeback",
    "pm_sandbox_debit",
    "pm_sandbox_chargeback_won",
    "pm_sandbox_late",
];

#[tokio::test]
async fn many_operations_leave_nothing_to_reconcile() {
    let wanted = std::env::var("RABTA_RECONCILE_OPERATIONS").ok();
    let wanted = wanted.map_or(FEW, |wanted| wanted.parse().expect("a number of operations"));
    let app = TestApp::new().await;
    let deal = app.released().await;
    let mut contracts = vec![deal.contract.clone()];
    while contracts.len() < CONTRACTS {
        let (offer, _) = offered_with(&deal, "pm_sandbox_visa", "100.00").await;
        let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await;
        contracts.push(accepted.text("contract.id"));
    }
    let accounts = ["6702", "0002"].map(|last4| json!({ "iban": iban(last4), "accountTitle": "Faisal" }));
    let mut methods = Vec::new();
    for account in accounts {
        let added = deal.freelancer.does("payoutMethodAdd", account, "payoutMethod { id }").await;
        methods.push(added.text("payoutMethod.id"));
    }
    app.passes(TimeDelta::days(3)).await;
    let memberships = vec![(deal.client.organization.parse().unwrap(), MemberRole::Owner)];
    let user = deal.client.id.parse().unwrap();
    let actor = Actor::Person(Someone { user, suspended: false, second_factor: false, staff: None, memberships });
    let call = Call { actor, ..Call::system("volume") };

    let mut done = 0;
    while done < wanted {
        let days = contracts.iter().map(|contract| a_day_of_gifts(&app, &call, contract));
        done += join_all(days).await.into_iter().sum::<usize>();
        works(&app).await;
        done += money_goes_back(&app, &call).await;
        for method in &methods {
            let ask = json!({ "payoutMethodId": method, "amount": { "amount": "10.00" }, "purposeCode": "9186",
                "password": PASSWORD });
            deal.freelancer.does_once("payoutRequest", ask, "payout { id }").await.ok();
            done += 1;
        }
        for _ in 0..2 {
            app.market.clock().advance(TimeDelta::hours(12));
            works(&app).await;
        }
        app.market.reconcile_when_due().await.unwrap();
    }
    for _ in 0..12 {
        app.passes(TimeDelta::days(1)).await;
        app.market.reconcile_when_due().await.unwrap();
    }
    // Day by day there is as little to tell as of all of them together.
    let told = "select report ->> 'differences' from reconciliations where daily and differences > 0";
    let told: Vec<String> = sqlx::query_scalar(told).fetch_all(app.pool()).await.unwrap();
    assert_eq!(told, Vec::<String>::new());
    let days = "select count(*) from reconciliations where daily";
    let days: i64 = sqlx::query_scalar(days).fetch_one(app.pool()).await.unwrap();
    assert!(days > 12, "{days}");

    let report = report(&app).await;
    assert!(report.differences.is_empty(), "of {done}: {:#?}", report.differences);
    assert_eq!(report.settling, [], "nothing is under way");
    let moved = "select count(distinct (about, class)) from sandbox_balance";
    let moved: i64 = sqlx::query_scalar(moved).fetch_one(app.pool()).await.unwrap();
    assert_eq!(u64::try_from(moved).unwrap(), report.agree, "about all that moved");
    // Declined cards move nothing, and what a bank takes back moves once more.
    assert!(report.agree * 10 > u64::try_from(wanted).unwrap() * 9, "{} of {done}", report.agree);
    assert_books(&books(app.pool()).await);
    eprintln!("{done} operations were played: both sides agree about {} things, and differ about none", report.agree);
    ten_thousand_agree_and_one_that_does_not_is_told(&app, report.agree).await;
}

/// What was played is copied until there are ten thousand; and then one of them is taken away.
async fn ten_thousand_agree_and_one_that_does_not_is_told(app: &TestApp, played: u64) {
    let times = MANY.div_ceil(played) - 1;
    let mut copying = app.pool().begin().await.unwrap();
    let copies = COPIES.replace("{times}", &times.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(copies)).execute(&mut *copying).await.unwrap();
    copying.commit().await.unwrap();

    let clean = report(app).await;
    assert_eq!(clean.differences, []);
    assert_eq!((clean.agree, clean.settling.len()), (played * (times + 1), 0));
    assert!(clean.agree >= MANY, "{}", clean.agree);
    eprintln!("with copies of them both sides agree about {} things, and differ about none", clean.agree);

    let lose = "delete from sandbox_balance
        where id = (select id from sandbox_balance where class = 'payment' order by md5(id) limit 1) returning about";
    let lost: String = sqlx::query_scalar(lose).fetch_one(app.pool()).await.unwrap();
    let found = report(app).await;
    let told: Vec<_> = found.differences.iter().map(|one| (one.kind, one.about.to_string())).collect();
    assert_eq!(told, [(domain::reconciliation::Kind::NotAtProcessor, lost)]);
    assert_eq!(found.agree, clean.agree - 1);
}

/// Gifts on a contract; of those whose card takes its time every other one is given up before, so that its money is credit.
async fn a_day_of_gifts(app: &TestApp, call: &Call, contract: &str) -> usize {
    for n in 0..A_DAY {
        let card = CARDS[n % CARDS.len()];
        let amount = Money::usd(500 + i64::try_from(n).unwrap()).unwrap();
        let with = FundWith::Card(PaymentMethod::parse(card).unwrap());
        let message = String::new();
        let gift = Gift { contract: contract.parse().unwrap(), kind: Kind::Bonus, amount, message, with };
        let (gift, _) = app.market.bonus_give(call, gift).await.unwrap();
        if n % CARDS.len() == 2 {
            app.market.milestone_stop_funding(call, gift.id, None).await.unwrap();
        }
    }
    A_DAY
}

/// What came as credit goes back to its cards; how often.
async fn money_goes_back(app: &TestApp, call: &Call) -> usize {
    app.market.clock().advance(TimeDelta::minutes(11));
    works(app).await;
    let credits = "select public_id('pay', payment_id), balance_minor from ledger_credits
        where payment_id is not null and balance_minor > 0";
    let credits: Vec<(String, i64)> = sqlx::query_as(credits).fetch_all(app.pool()).await.unwrap();
    for (payment, cents) in &credits {
        let amount = Money::usd(*cents).unwrap();
        app.market.payment_refund(call, payment.parse().unwrap(), amount).await.unwrap();
    }
    works(app).await;
    credits.len()
}

/// Several workers do everything that is due.
async fn works(app: &TestApp) {
    try_join_all((0..2).map(|_| app.market.work_until_idle())).await.unwrap();
}
