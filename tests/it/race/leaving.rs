//! People who leave while something of theirs is on its way.

use super::*;

/// Somebody else's hands on the rows that a statement locks.
macro_rules! holding {
    ($app:expr, $locks:literal, $held:ident) => {
        let mut other = sqlx::PgConnection::connect(&$app.database_url()).await.unwrap();
        let mut $held = other.begin().await.unwrap();
        sqlx::query($locks).execute(&mut *$held).await.unwrap();
    };
}

#[tokio::test]
async fn what_waits_for_an_erasure_or_a_suspension_writes_nothing_afterwards() {
    let app = TestApp::new().await;
    let admin = app.admin("noor").await;
    for (how, code) in [("erased", "UNAUTHENTICATED"), ("suspended", "SUSPENDED")] {
        let lin = app.freelancer(how).await;
        lin.does("profileUpdate", json!({ "headline": "Rust developer" }), "profile { id }").await.ok();
        holding!(app, "select from users for update", held);
        let leaves = async {
            match how {
                "erased" => lin.does_once("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await,
                _ => {
                    let why = json!({ "userId": lin.id, "reason": "A complaint" });
                    admin.does_once("userSuspend", why, "user { id }").await
                }
            }
        };
        let late = async {
            // Whoever leaves is first in line.
            stand_in_line(&app, 1).await;
            let again = json!({ "headline": "Here still", "visibility": "PUBLIC" });
            let made = json!({ "title": "A shop", "description": "All of it" });
            let bank = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Lin" });
            join_all([
                lin.does_once("profileUpdate", again, "profile { id }"),
                lin.does_once("portfolioItemAdd", made, "profile { id }"),
                lin.does_once("payoutMethodAdd", bank, "payoutMethod { id }"),
                lin.does_once("userUpdate", json!({ "name": "Lin" }), "viewer { email }"),
            ])
            .await
        };
        let go = async {
            stand_in_line(&app, 5).await;
            held.rollback().await.unwrap();
        };
        let (left, (late, ())) = join(leaves, join(late, go)).await;
        left.ok();
        for late in &late {
            assert_eq!(late.refused(), [code], "{how}: {:#}", late.body);
        }
        let rows = "select (select count(*) from portfolio_items) + (select count(*) from payout_methods)
            + (select count(*) from freelancer_profiles where headline = 'Here still')";
        assert_eq!(count(&app, rows).await, 0, "{how}");
    }
    assert_eq!(
        count(&app, "select count(*) from users where erased_at is not null and name = 'Erased account'").await,
        1
    );
}
