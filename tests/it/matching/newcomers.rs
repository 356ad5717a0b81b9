//! Places that wait for newcomers: for people, and not for accounts.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Person, TestApp};

use super::index::{catch_up, index};
use super::{freelancer, gig, matches};

/// So many people have finished two contracts each, so that no newcomer stands above them by merit.
const PROVEN: i32 = 20;

async fn proven(app: &TestApp, client: &Person<'_>) {
    let first = app.freelancer("first").await;
    let offer = json!({ "organizationId": client.organization, "freelancerId": first.id, "title": "Upkeep of a ledger",
        "hourlyRate": { "amount": "40.00" }, "weeklyLimitMinutes": 600 });
    let offer = client.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    let contract = first.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.text("contract.id");
    first.does("contractEnd", json!({ "contractId": contract }), "contract { status }").await.ok();
    for statement in [
        "insert into users (id, email, name, created_at)
         select gen_random_uuid(), 'proven.' || n || '@example.com', 'Proven', now() from generate_series(1, $1) n",
        "insert into freelancer_profiles (id, user_id, headline, overview, rate_minor, time_zone, languages, visibility,
             version, created_at, updated_at)
         select gen_random_uuid(), id, 'Rust engineer', '', 4000, 'UTC', '[]', 'public', $1::int / $1::int, now(), now()
         from users where name = 'Proven'",
        "insert into profile_skills (profile_id, skill_id, level, years, position)
         select p.id, s.id, 'expert', 5, $1::int / $1::int
         from freelancer_profiles p join users u on u.id = p.user_id, skill s
         where u.name = 'Proven' and s.slug in ('rust', 'postgresql')",
        "with copies as (
             insert into offers select copy.* from offers o, users u, generate_series($1::int, $1::int + 1) n, lateral
                 jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'contract_id', gen_random_uuid(),
                     'freelancer_id', u.id, 'message', n::text)) copy
             where u.name = 'Proven' returning id, contract_id, freelancer_id)
         insert into contracts select copy.* from contracts c, copies, lateral
             jsonb_populate_record(c, jsonb_build_object('id', copies.contract_id, 'offer_id', copies.id,
                 'freelancer_id', copies.freelancer_id)) copy",
    ] {
        sqlx::query(statement).bind(PROVEN).execute(app.pool()).await.unwrap();
    }
}

/// Who stands in places that wait for newcomers, and in which.
fn placed(found: &Value) -> Vec<(usize, String)> {
    let edges = found["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]);
    let placed = (1..).zip(edges).filter(|(_, node)| node["placement"] == "NEWCOMER");
    placed.map(|(place, node)| (place, node["freelancer"]["id"].as_str().unwrap().to_owned())).collect()
}

async fn gives(person: &Person<'_>, iban: &str) {
    let method = json!({ "iban": iban, "accountTitle": "Person" });
    person.does("payoutMethodAdd", method, "payoutMethod { id }").await.ok();
}

#[tokio::test]
async fn of_newcomers_those_go_first_whose_bank_account_is_nobody_elses() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    proven(&app, &ada).await;
    let id = gig(&app, &ada).await;
    let placed = async || placed(&matches(&ada, &id, 10, None).await);
    let places = async || placed().await.into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    let newcomer = async |name: &str| freelancer(&app, name, "Rust engineer", &["rust", "postgresql"]).await;

    let unread = newcomer("unread").await;
    app.forgets_verification(&unread.email).await;
    assert_eq!(places().await, [0; 0], "who does not read mail is no one to wait for");
    let mallory = newcomer("mallory").await;
    for another in ["mallory1", "mallory2", "mallory3"] {
        newcomer(another).await;
    }
    assert_eq!(places().await, [9], "all of somebody's accounts get one place");

    let lin = newcomer("lin").await;
    gives(&lin, "PK36SCBL0000001123456702").await;
    app.market.clock().advance(TimeDelta::seconds(1));
    gives(&mallory, "PK36SCBL0000001123456702").await;
    let mut index = index(&app).await;
    assert_eq!(places().await, [9], "money can't go there yet");
    app.market.clock().advance(TimeDelta::days(3));
    for source in ["the tables", "the index"] {
        let found = placed().await;
        assert_eq!(found.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [5, 9], "{source}");
        assert_eq!(found[0].1, lin.id, "{source}: the account is theirs who gave it first");
        catch_up(&mut index).await;
    }

    // Erased, the number is forgotten, and the next who gave it has it.
    lin.does_once("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
    catch_up(&mut index).await;
    assert_eq!(placed().await[0], (5, mallory.id));
}

/// Money came to the account that somebody gave.
async fn is_paid(app: &TestApp, person: &Person<'_>) {
    let mut connection = app.pool().acquire().await.unwrap();
    let earlier = "insert into payouts (id, user_id, method_id, currency, amount_minor, purpose_code, purpose,
            written_purpose, terms, version, attempt, requested_at, status, waits_for_staff, state)
        select gen_random_uuid(), m.user_id, m.id, 'USD', 1000, '9184', 'Export of computer software', '', '{}', 1, 0,
            m.added_at, 'in_transit', false, '{\"status\": \"in_transit\"}'
        from payout_methods m join users u on u.id = m.user_id where u.email = $1";
    let arrives = "update payouts set status = 'paid', state = '{\"status\": \"paid\"}' where status = 'in_transit'";
    sqlx::query("set session_replication_role = replica").execute(&mut *connection).await.unwrap();
    sqlx::query(earlier).bind(&person.email).execute(&mut *connection).await.unwrap();
    sqlx::query("set session_replication_role = origin").execute(&mut *connection).await.unwrap();
    sqlx::query(arrives).execute(&mut *connection).await.unwrap();
}

#[tokio::test]
async fn who_gave_anothers_bank_account_before_them_keeps_them_out_only_until_somebody_knows_better() {
    for how in ["money came there", "they are suspended"] {
        let app = TestApp::new().await;
        let ada = app.client("ada").await;
        proven(&app, &ada).await;
        let id = gig(&app, &ada).await;
        let mallory = freelancer(&app, "mallory", "Rust engineer", &["rust", "postgresql"]).await;
        let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
        gives(&mallory, "PK36SCBL0000001123456702").await;
        app.market.clock().advance(TimeDelta::seconds(1));
        gives(&lin, "PK36SCBL0000001123456702").await;
        app.market.clock().advance(TimeDelta::days(3));
        let mut index = index(&app).await;
        let first = async || placed(&matches(&ada, &id, 10, None).await).remove(0);
        assert_eq!(first().await, (5, mallory.id.clone()));
        if how == "money came there" {
            is_paid(&app, &lin).await;
        } else {
            let suspend = json!({ "userId": mallory.id, "reason": "The account is another's" });
            app.admin("noor").await.does("userSuspend", suspend, "user { id }").await.ok();
        }
        catch_up(&mut index).await;
        assert_eq!(first().await, (5, lin.id.clone()), "{how}");
    }
}
