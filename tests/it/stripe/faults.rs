//! What goes wrong on the way to Stripe. What was asked without an answer is asked about, and asked again
//! under the same key; whatever happens, nothing happens twice, and the books agree with Stripe's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::access::{Actor, MemberRole, Person};
use domain::id::{ContractId, Id, MilestoneId, TimesheetId};
use domain::milestone::Kind;
use domain::money::Money;
use domain::payment::PaymentMethod;
use infra::Call;
use infra::bonus::Gift;
use infra::payment::FundWith;
use infra::timesheet::WorkInput;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tests::books::{assert_books, books};
use tests::stripe::{Books, Fault, Faults};
use tests::{Deal, TestApp};

async fn pays(deal: &Deal<'_>, method: &str) -> (String, String) {
    let input = json!({ "milestoneId": deal.milestone, "paymentMethod": method });
    let reply = deal.client.does_once("milestoneFund", input, "payment { id status }").await;
    (reply.text("payment.id"), reply.text("payment.status"))
}

async fn status(deal: &Deal<'_>, payment: &str) -> String {
    let query = "query($id: ID!) { payment(id: $id) { status failureCode } }";
    let reply = deal.client.asks(query, json!({ "id": payment })).await;
    match &reply.data()["payment"]["failureCode"] {
        Value::String(code) => code.clone(),
        _ => reply.text("status"),
    }
}

/// The keys under which a payment was asked for, and how often.
fn keys(app: &TestApp) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for (method, path, key) in app.stripe().heard() {
        if method == "POST" && path == "/v1/payment_intents" {
            *keys.entry(key).or_default() += 1;
        }
    }
    keys
}

#[tokio::test]
async fn who_sets_up_cards_too_often_keeps_no_money_waiting() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    let input = json!({ "organizationId": deal.client.organization });
    let set_up = async || deal.client.does_once("paymentMethodSetUp", input.clone(), "clientSecret").await;
    app.stripe().fails(Faults::next([Fault::TooMany]));
    assert!(set_up().await.body["data"]["paymentMethodSetUp"].is_null(), "Stripe wants us to stay away");
    let heard = app.stripe().heard().len();
    assert!(set_up().await.body["data"]["paymentMethodSetUp"].is_null());
    assert_eq!(app.stripe().heard().len(), heard, "and so we do");
    let (payment, _) = pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    assert_eq!(status(&deal, &payment).await, "SUCCEEDED", "with set-ups alone");

    app.market.clock().advance(TimeDelta::seconds(10));
    for _ in 2..10 {
        set_up().await.ok();
    }
    assert_eq!(set_up().await.refused(), ["TOO_MANY_ATTEMPTS"]);
    app.market.clock().advance(TimeDelta::hours(1));
    set_up().await.ok();
    assert_eq!(app.stripe().sins(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_never_came_is_unknown_asked_about_and_never_paid_again() {
    for fault in [Fault::LostAnswer, Fault::Hang, Fault::ErrorAfter] {
        let app = if fault == Fault::Hang { TestApp::on_hasty_stripe().await } else { TestApp::on_stripe().await };
        let deal = app.offered().await;
        // The customer is made, and then the payment is lost.
        let door = app.stripe();
        door.fails(Faults::later(1, fault));
        let (payment, seen) = pays(&deal, "pm_sandbox_late").await;
        assert_eq!(seen, "UNKNOWN", "{fault:?}");
        assert_eq!(app.market.vitals().await.unwrap().payments_unknown, 1);
        let posted = keys(&app);
        app.market.clock().advance(TimeDelta::seconds(5));
        app.settles().await;
        assert_eq!(status(&deal, &payment).await, "PROCESSING", "{fault:?}");
        assert_eq!(keys(&app), posted, "{fault:?}: it was asked about, and found");
        assert_eq!(door.look(|books| books.intents.len()), 1, "{fault:?}");
        assert_eq!(door.sins(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_never_got_there_is_asked_again_under_the_same_key() {
    for fault in [Fault::Error, Fault::TooMany, Fault::Conflict] {
        let app = TestApp::on_stripe().await;
        let deal = app.offered().await;
        app.stripe().fails(Faults::later(1, fault));
        let (payment, _) = pays(&deal, "pm_sandbox_visa").await;
        assert_eq!(app.stripe().look(|books| books.intents.len()), 0, "{fault:?}");
        app.market.clock().advance(TimeDelta::seconds(5));
        app.settles().await;
        assert_eq!(status(&deal, &payment).await, "SUCCEEDED", "{fault:?}");
        let keys = keys(&app);
        assert_eq!((keys.len(), keys.values().sum::<usize>()), (1, 2), "{fault:?}: {keys:?}");
    }
}

#[tokio::test]
async fn we_wait_for_as_long_as_we_are_told_to() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::later(1, Fault::TooMany));
    pays(&deal, "pm_sandbox_visa").await;
    // Retry-After says three seconds.
    app.settles().await;
    app.market.clock().advance(TimeDelta::seconds(2));
    app.settles().await;
    assert_eq!(keys(&app).values().sum::<usize>(), 1);
    app.market.clock().advance(TimeDelta::seconds(1));
    app.settles().await;
    assert_eq!(keys(&app).values().sum::<usize>(), 2);
}

#[tokio::test]
async fn a_payment_that_stripe_says_nothing_of_fails_before_its_key_is_forgotten() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::later(1, Fault::ErrorKept));
    let (payment, seen) = pays(&deal, "pm_sandbox_visa").await;
    assert_eq!(seen, "UNKNOWN");
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!(status(&deal, &payment).await, "UNKNOWN", "it is still asked about");
    app.passes(TimeDelta::hours(12)).await;
    let end = status(&deal, &payment).await;
    assert!(["processor_silent", "given_up"].contains(&end.as_str()), "{end}");
    assert_eq!((deal.status().await.as_str(), keys(&app).len()), ("AGREED", 1));
    // The next one is another payment, under its own key.
    app.stripe().fails(Faults::default());
    pays(&deal, "pm_sandbox_visa").await;
    app.settles().await;
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
    assert_eq!((app.stripe().look(Books::balance), keys(&app).len()), (103_000, 2));
}

#[tokio::test]
async fn a_payment_whose_event_slept_past_its_keys_memory_is_looked_for_and_not_asked_for_anew() {
    // What became of the first request, how long the worker slept, and what then became of the payment.
    for (fault, minutes, end, asked) in [
        (Fault::Error, 22 * 60 + 50, "SUCCEEDED", 2),
        (Fault::Error, 23 * 60 + 10, "processor_silent", 1),
        (Fault::TooMany, 23 * 60 + 10, "processor_silent", 1),
        (Fault::LostAnswer, 23 * 60 + 10, "SUCCEEDED", 1),
        // By then the key is forgotten: asked for under it, it would be made once more.
        (Fault::Error, 25 * 60, "processor_silent", 1),
        (Fault::ErrorKept, 25 * 60, "processor_silent", 1),
        (Fault::LostAnswer, 25 * 60, "SUCCEEDED", 1),
    ] {
        let app = TestApp::on_stripe().await;
        let deal = app.offered().await;
        app.stripe().fails(Faults::later(1, fault));
        let (payment, _) = pays(&deal, "pm_sandbox_visa").await;
        app.market.clock().advance(TimeDelta::minutes(minutes));
        app.settles().await;
        assert_eq!(status(&deal, &payment).await, end, "{fault:?} after {minutes} minutes");
        let keys = keys(&app);
        assert_eq!((keys.len(), keys.values().sum::<usize>()), (1, asked), "{fault:?}: {keys:?}");
        let came = i64::from(end == "SUCCEEDED");
        assert_eq!(app.stripe().look(Books::balance), came * 103_000, "{fault:?} after {minutes} minutes");
        assert_eq!(app.stripe().sins(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn when_stripe_is_down_we_stop_asking_and_lose_nothing() {
    let app = TestApp::on_stripe().await;
    let deal = app.offered().await;
    app.stripe().fails(Faults::next([Fault::Error; 200]));
    pays(&deal, "pm_sandbox_visa").await;
    for _ in 0..360 {
        app.market.clock().advance(TimeDelta::seconds(10));
        app.settles().await;
    }
    let asked = app.stripe().heard().len();
    assert!(asked < 40, "it is left in peace: {asked} requests in an hour");
    assert_eq!(app.market.vitals().await.unwrap().events_parked, 0, "an outage is no fault of what waits for it");
    app.stripe().fails(Faults::default());
    app.market.clock().advance(TimeDelta::minutes(20));
    app.settles().await;
    assert_eq!(deal.money().await, [100_000, 100_000, 0, 0, 0, 0]);
}

/// How many operations, unless the environment says otherwise.
const OPERATIONS: usize = 2_000;

#[tokio::test]
async fn with_every_fifth_request_failing_the_books_agree_to_the_cent() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let operations = given("STRIPE_FAULT_OPERATIONS").map_or(OPERATIONS, |count| usize::try_from(count).unwrap());
    let app = TestApp::on_very_hasty_stripe().await;
    let deal = app.contracted().await;
    let mut play = Play::of(&app, &deal, given("STRIPE_FAULT_SEED").unwrap_or(20));
    app.stripe().does(|books, _| (books.charge_fees, books.dispute_fee) = ((290, 30), 1_500));
    app.stripe().fails(Faults::often(play.dice.random(), 20));
    for number in 0..operations {
        play.operation(number).await;
    }
    app.stripe().fails(Faults::default());
    // What is told more than a day late would be a difference, and rightly so.
    app.stripe().tell(&app.router(), std::mem::take(&mut play.held_back)).await;
    for _ in 0..26 {
        app.market.clock().advance(TimeDelta::hours(1));
        app.settles().await;
    }
    play.agree().await;
}

/// How many weeks, and by how many contracts, unless the environment says otherwise.
const WEEKS: usize = 6;
const CONTRACTS: usize = 10;

#[tokio::test]
async fn weeks_are_charged_once_each_with_every_fifth_request_failing() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let weeks = given("STRIPE_FAULT_WEEKS").map_or(WEEKS, |count| usize::try_from(count).unwrap());
    let app = TestApp::on_very_hasty_stripe().await;
    let deal = app.contracted().await;
    let mut contracts = Vec::new();
    for number in 0..CONTRACTS {
        let offer = json!({ "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id,
            "title": format!("Upkeep {number}"), "hourlyRate": { "amount": "33.33" }, "weeklyLimitMinutes": 2_400 });
        let offer = deal.client.does("offerCreate", offer, "offer { id }").await.text("offer.id");
        let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await;
        contracts.push(accepted.text("contract.id").parse::<ContractId>().unwrap());
    }
    let mut play = Play::of(&app, &deal, given("STRIPE_FAULT_SEED").unwrap_or(21));
    for contract in &contracts {
        play.names_card(*contract).await;
    }
    app.stripe().does(|books, _| (books.charge_fees, books.dispute_fee) = ((290, 30), 1_500));
    app.stripe().fails(Faults::often(play.dice.random(), 20));
    for _ in 0..weeks {
        for contract in &contracts {
            play.works(*contract).await;
        }
        for _ in 0..7 * 8 {
            app.market.clock().advance(TimeDelta::hours(3));
            match play.dice.random_range(0..8) {
                0 => {
                    let contract = contracts[play.dice.random_range(0..contracts.len())];
                    play.names_card(contract).await;
                }
                1 => play.bank_takes_back(),
                _ => {}
            }
            app.market.work_once().await.unwrap();
            play.stripe_tells().await;
            app.market.work_once().await.unwrap();
        }
    }
    app.stripe().fails(Faults::default());
    // What came late is heard, and then all that still waits for a card that works gets one.
    app.stripe().tell(&app.router(), std::mem::take(&mut play.held_back)).await;
    app.passes(TimeDelta::days(1)).await;
    for contract in &contracts {
        app.market.contract_payment_method_set(&play.call(), *contract, "pm_sandbox_visa").await.unwrap();
    }
    app.settles().await;
    // Who had named that one before, and whose last try Stripe never answered, has named no other card: they pay.
    for week in play.unpaid().await {
        app.market.timesheet_pay(&play.call(), week, None, None).await.unwrap();
    }
    for _ in 0..14 * 2 {
        app.passes(TimeDelta::hours(12)).await;
    }
    let ends: Vec<(String, i64)> =
        sqlx::query_as("select status, count(*) from timesheets group by status").fetch_all(app.pool()).await.unwrap();
    let ended = |status: &str| ends.iter().find(|(name, _)| name == status).map_or(0, |(_, count)| *count);
    let all: i64 = ends.iter().map(|(_, count)| count).sum();
    assert_eq!(ended("paid") + ended("charged_back"), all, "{ends:?}");
    assert!(ended("paid") > 20 && ended("charged_back") > 0, "{ends:?}");
    let payments: i64 = sqlx::query_scalar("select count(*) from payments").fetch_one(app.pool()).await.unwrap();
    assert!(payments > all, "some charges were tried again: {payments} for {all} weeks");
    let twice = "select count(*) from (select from ledger_postings posting join ledger_entries entry on entry.id = entry_id
            where to_account like 'timesheet_escrow:%' and reason = 'fund' group by to_account having count(*) > 1) twice";
    let twice: i64 = sqlx::query_scalar(twice).fetch_one(app.pool()).await.unwrap();
    assert_eq!(twice, 0, "no week is paid twice");
    play.agree().await;
}

/// A client who gives and gives, with every sort of card.
struct Play<'a> {
    app: &'a TestApp,
    actor: Actor,
    deal: &'a Deal<'a>,
    dice: StdRng,
    /// What is told later, or again.
    held_back: Vec<Value>,
    given: Vec<(MilestoneId, String)>,
}

impl<'a> Play<'a> {
    fn of(app: &'a TestApp, deal: &'a Deal<'a>, seed: u64) -> Self {
        let client = deal.client.organization.parse().unwrap();
        let memberships = vec![(client, MemberRole::Owner)];
        let user = deal.client.id.parse().unwrap();
        let actor = Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships });
        let dice = StdRng::seed_from_u64(seed);
        Self { app, actor, deal, dice, held_back: Vec::new(), given: Vec::new() }
    }

    fn call(&self) -> Call {
        Call { actor: self.actor.clone(), ..Call::system("faults") }
    }

    async fn operation(&mut self, number: usize) {
        match self.dice.random_range(0..10) {
            0..6 => self.gives(number).await,
            6 => self.bank_answers(),
            7 => self.bank_takes_back(),
            8 if self.dice.random() => self.gives_up().await,
            8 => self.has_it_back().await,
            _ => self.app.market.clock().advance(TimeDelta::seconds(self.dice.random_range(1..600))),
        }
        self.app.market.clock().advance(TimeDelta::seconds(self.dice.random_range(0..20)));
        self.app.market.work_once().await.unwrap();
        self.stripe_tells().await;
        self.app.market.work_once().await.unwrap();
    }

    async fn gives(&mut self, number: usize) {
        const CARDS: &[&str] = &["visa", "visa", "visa", "declined", "3ds", "late", "chargeback_won", "unheard_of"];
        let card = CARDS[self.dice.random_range(0..CARDS.len())];
        let gift = Gift {
            contract: self.deal.contract.parse().unwrap(),
            kind: Kind::Bonus,
            amount: Money::usd(self.dice.random_range(500..50_000)).unwrap(),
            message: format!("Number {number}"),
            with: FundWith::Card(PaymentMethod::parse(&format!("pm_sandbox_{card}")).unwrap()),
        };
        let (milestone, payment) = self.app.market.bonus_give(&self.call(), gift).await.unwrap();
        self.given.push((milestone.id, payment.unwrap().id.to_string()));
    }

    /// The client names a card for a contract's weeks: some work, some don't.
    async fn names_card(&mut self, contract: ContractId) {
        const CARDS: &[&str] = &["visa", "visa", "visa", "declined", "3ds", "late", "chargeback_won"];
        let card = format!("pm_sandbox_{}", CARDS[self.dice.random_range(0..CARDS.len())]);
        self.app.market.contract_payment_method_set(&self.call(), contract, &card).await.unwrap();
    }

    /// The weeks that no card is tried for any more.
    async fn unpaid(&self) -> Vec<TimesheetId> {
        let ids = "select id from timesheets where status = 'unpaid'";
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(ids).fetch_all(self.app.pool()).await.unwrap();
        ids.into_iter().map(Id::from_uuid).collect()
    }

    /// The freelancer works for a while; while a week is unpaid, they don't.
    async fn works(&mut self, contract: ContractId) {
        let user = self.deal.freelancer.id.parse().unwrap();
        let person = Person { user, suspended: false, second_factor: false, staff: None, memberships: Vec::new() };
        let call = Call { actor: Actor::Person(person), ..Call::system("faults") };
        let work = WorkInput {
            date: self.app.market.clock().now().date_naive(),
            minutes: self.dice.random_range(1..480),
            note: "Upkeep".to_owned(),
            manual: true,
        };
        let _ = self.app.market.time_entry_add(&call, contract, None, work).await;
    }

    fn bank_answers(&mut self) {
        let passes = self.dice.random_range(0..3) > 0;
        let waiting = |books: &Books| {
            let waits = books.intents.iter().find(|intent| intent.status == "requires_action");
            waits.map(|intent| intent.payment().to_owned())
        };
        if let Some(payment) = self.app.stripe().look(waiting) {
            self.app.stripe().bank_answers(&payment, passes);
        }
    }

    fn bank_takes_back(&mut self) {
        let (chance, part) = (self.dice.random_range(0..1_000), self.dice.random_range(1..=4));
        self.app.stripe().does(|books, now| {
            let open = books.disputes.iter().find(|dispute| dispute.status == "needs_response").cloned();
            if let Some(open) = open.filter(|_| chance < 400) {
                books.decides(&open.id, if chance < 200 { "won" } else { "lost" }, now);
                return;
            }
            let free = |id: &str| books.disputes.iter().all(|dispute| dispute.intent != id);
            let came = books.intents.iter().filter(|intent| intent.came.is_some() && free(&intent.id));
            let came: Vec<_> = came.map(|intent| (intent.payment().to_owned(), intent.amount)).collect();
            if let Some((payment, amount)) = came.get(chance % came.len().max(1)) {
                books.disputes(payment, amount * part / 4, "needs_response", now);
            }
        });
    }

    async fn gives_up(&mut self) {
        let Some((milestone, _)) = self.given.last().cloned() else { return };
        // Most are over by then, and it is refused.
        let _ = self.app.market.milestone_stop_funding(&self.call(), milestone, None).await;
    }

    /// What became credit goes back to a card.
    async fn has_it_back(&mut self) {
        let Some((_, payment)) = self.given.get(self.dice.random_range(0..self.given.len().max(1))) else { return };
        let amount = Money::usd(self.dice.random_range(1..20_000)).unwrap();
        // Often it did not come, or there is not that much of credit.
        let _ = self.app.market.payment_refund(&self.call(), payment.parse().unwrap(), amount).await;
    }

    /// Out of order, late, twice, or never.
    async fn stripe_tells(&mut self) {
        let mut news = self.app.stripe().news();
        news.append(&mut self.held_back);
        news.shuffle(&mut self.dice);
        let mut told = Vec::new();
        for event in news {
            match self.dice.random_range(0..20) {
                0..4 => self.held_back.push(event),
                4..6 => {
                    self.held_back.push(event.clone());
                    told.push(event);
                }
                6 if event["type"].as_str().unwrap().starts_with("payment_intent.") => {}
                _ => told.push(event),
            }
        }
        self.app.stripe().tell(&self.app.router(), told).await;
    }

    async fn agree(&mut self) {
        let (app, stripe) = (self.app, self.app.stripe());
        stripe.tell(&app.router(), std::mem::take(&mut self.held_back)).await;
        app.settles().await;
        assert_eq!(stripe.sins(), Vec::<String>::new());

        let vitals = app.market.vitals().await.unwrap();
        let stuck = "select name || ': ' || coalesce(last_error, '-') from events where done_at is null";
        let stuck: Vec<String> = sqlx::query_scalar(stuck).fetch_all(app.pool()).await.unwrap();
        assert_eq!(stuck, Vec::<String>::new());
        let waiting = (vitals.events_waiting, vitals.events_parked, vitals.webhooks_parked, vitals.payments_unknown);
        assert_eq!(waiting, (0, 0, 0, 0), "everything was heard of in the end");
        assert_eq!(app.market.webhooks_open(1).await.unwrap(), []);

        // Nothing took effect twice: there is one intent for each payment at most, asked for under one key.
        let mut at_stripe = BTreeMap::new();
        for intent in stripe.look(|books| books.intents.clone()) {
            let twice = at_stripe.insert(intent.payment().to_owned(), intent.came.is_some());
            assert_eq!(twice, None, "{} was made twice", intent.payment());
        }
        let rows: Vec<(uuid::Uuid, String)> =
            sqlx::query_as("select id, status from payments").fetch_all(app.pool()).await.unwrap();
        let (payments, mut came, mut stood) = (rows.len(), 0, BTreeSet::new());
        for (id, status) in rows {
            let payment = <domain::id::PaymentId as Id>::from_uuid(id).to_string();
            let paid = at_stripe.get(&payment).copied().unwrap_or(false);
            let is = |wanted: &str| status == wanted;
            let known =
                "select intent || ' looks ' || looks || ' at ' || coalesce(look_at::text, '-') from processor_intents
                where payment_id = $1";
            let known: Vec<String> = sqlx::query_scalar(known).bind(id).fetch_all(app.pool()).await.unwrap();
            let ok = is("succeeded") == paid && (paid || is("failed"));
            assert!(ok, "{payment} is {status}; paid: {paid}; {known:?} at {}", app.market.clock().now());
            came += usize::from(paid);
            stood.insert(status);
        }
        assert!(came > payments / 4 && stood.len() == 2, "{came} of {payments} came");
        assert!(keys(app).len() <= payments, "a payment has one key");

        let mut sent_back = BTreeSet::new();
        for refund in stripe.look(|books| books.refunds.clone()) {
            assert!(sent_back.insert(refund.metadata["refund"].clone()), "a refund was made twice");
        }
        let open = "select count(*) from payment_refunds where status not in ('succeeded', 'failed')";
        assert_eq!(sqlx::query_scalar::<_, i64>(open).fetch_one(app.pool()).await.unwrap(), 0);

        let ours = "select coalesce(sum(case when from_account = 'processor_clearing' then amount_minor
                else -amount_minor end), 0)::bigint
            from ledger_postings where 'processor_clearing' in (from_account, to_account)";
        let ours: i64 = sqlx::query_scalar(ours).fetch_one(app.pool()).await.unwrap();
        assert_eq!(ours, stripe.look(Books::balance), "the ledger and Stripe agree to the cent");
        let (now, moved) = (app.market.clock().now(), stripe.look(|books| books.moved.len()));
        let patient = app.patient().market;
        let report = patient.reconcile(&Call::system("test"), now - TimeDelta::days(365), now).await.unwrap();
        assert_eq!(report.differences, [], "line by line, too");
        assert!(report.agree as usize > moved, "{} of {moved}, each with its fee", report.agree);
        assert_books(&books(app.pool()).await);
        app.assert_audited().await;
    }
}
