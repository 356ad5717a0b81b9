//! People of the tests. They sign up like anybody, and sign in again when their time is over, so
//! that a story may take months.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use domain::access::Staff;
use domain::id::Id;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::twice::Twice;
use crate::{Reply, TestApp, Visitor};

/// Everybody's password.
pub const PASSWORD: &str = "tuba-gravel-ninety";

/// What the authenticator apps of our people are set up with.
const APP_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// What is selected of new tokens.
pub const TOKENS: &str = "tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt
    session { id } viewer { email user { id name } } }";

/// Somebody with an account.
pub struct Person<'a> {
    /// Where.
    pub app: &'a TestApp,
    /// The id of the user.
    pub id: String,
    /// Their email: the name at example.com.
    pub email: String,
    /// The organization they own, if they came as a client; else empty.
    pub organization: String,
    token: Mutex<(String, DateTime<Utc>)>,
}

impl TestApp {
    /// Somebody signs up, and shows that they read mail at their address.
    pub async fn person(&self, name: &str) -> Person<'_> {
        let person = self.newcomer(name).await;
        person.reads_mail().await;
        person
    }

    /// Somebody signs up, and has not looked into their mail yet; `name` is also the first part of the email.
    pub async fn newcomer(&self, name: &str) -> Person<'_> {
        let email = format!("{name}@example.com");
        let mut letters = name.chars();
        let head = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let input = json!({ "email": email, "name": format!("{head}{}", letters.as_str()), "password": PASSWORD });
        let reply = self.visitor().does("signUp", input, TOKENS).await;
        reply.ok();
        let id = reply.text("tokens.viewer.user.id");
        Person { app: self, id, email, organization: String::new(), token: Mutex::new(token_of(&reply)) }
    }

    /// Somebody signs up and creates a client company.
    pub async fn client(&self, name: &str) -> Person<'_> {
        let person = self.person(name).await;
        let input = json!({ "name": format!("{name} & Company") });
        let organization =
            person.does("organizationCreate", input, "organization { id }").await.text("organization.id");
        Person { organization, ..person }
    }

    /// Somebody signs up, and an operator makes them an admin.
    pub async fn admin(&self, name: &str) -> Person<'_> {
        let person = self.person(name).await;
        self.grant(&person.email, Some(Staff::Admin)).await;
        person
    }

    /// Somebody signs up, and an operator makes them a mediator.
    pub async fn mediator(&self, name: &str) -> Person<'_> {
        let person = self.person(name).await;
        self.grant(&person.email, Some(Staff::Mediator)).await;
        person
    }

    /// An operator makes the person with this email one of our people, or no longer one.
    pub async fn grant(&self, email: &str, staff: Option<Staff>) {
        self.has_verified(email).await;
        if staff.is_some() {
            self.has_app(email).await;
        }
        let email = email.parse().expect("an email");
        self.market.staff_grant(&infra::Call::system("test"), &email, staff).await.expect("they signed up");
    }

    /// The person with this email has an authenticator app, set up with a secret that the tests know.
    async fn has_app(&self, email: &str) {
        let id: uuid::Uuid = sqlx::query_scalar("select id from users where email = $1")
            .bind(email)
            .fetch_one(self.pool())
            .await
            .expect("they signed up");
        let user = domain::id::UserId::from_uuid(id);
        let sealed = self.market.vault().seal(&format!("second factor {user}"), APP_SECRET).expect("it is sealed");
        let keep =
            "insert into second_factors (user_id, secret, enrolled_at, confirmed_at) values ($1, $2, now(), now())
            on conflict (user_id) do nothing";
        sqlx::query(keep).bind(id).bind(sealed).execute(self.pool()).await.expect("it is kept");
    }

    /// What the app of the person with this email shows now, if signing in takes that of them. Codes work once, and the
    /// clock of a test may stand still: what was shown before counts as not used.
    pub async fn code_of(&self, email: &str) -> Option<String> {
        let anew = "update second_factors set last_step = 0
            where confirmed_at is not null and user_id = (select id from users where email = $1)";
        let has_app = sqlx::query(anew).bind(email).execute(self.pool()).await.expect("an app").rows_affected() == 1;
        let now = u64::try_from(self.market.clock().now().timestamp()).expect("after 1970");
        let secret = Secret::try_from_base32(APP_SECRET).expect("a secret");
        has_app.then(|| Builder::new().with_secret(secret).build().expect("an app").generate(now).to_string())
    }

    /// The person with this email has shown that they read mail there; the code of the letter is not needed.
    async fn has_verified(&self, email: &str) {
        let verify = "update users set email_verified_at = created_at where email = $1 and email_verified_at is null";
        sqlx::query(verify).bind(email).execute(self.pool()).await.expect("they signed up");
    }

    /// Nobody has shown that they read mail at this address after all.
    pub async fn forgets_verification(&self, email: &str) {
        let forget = "update users set email_verified_at = null where email = $1";
        sqlx::query(forget).bind(email).execute(self.pool()).await.expect("they signed up");
    }

    /// Somebody signs up to work.
    pub async fn freelancer(&self, name: &str) -> Person<'_> {
        self.person(name).await
    }
}

impl Person<'_> {
    /// They have shown that they read mail at their address.
    pub async fn reads_mail(&self) {
        self.app.has_verified(&self.email).await;
    }

    /// Send one operation, signed in.
    pub async fn asks(&self, query: &str, variables: Value) -> Reply {
        self.visitor().await.asks(query, variables).await
    }

    /// Send a mutation that takes one `input`, and select `fields` of the payload beside its errors.
    ///
    /// If it goes well it is sent again, as from a phone on a bad network: there must be the same
    /// answer, and for another request under its key a typed refusal. So every story is about
    /// repeats, too.
    pub async fn does(&self, mutation: &str, input: Value, fields: &str) -> Reply {
        let Some(twice) = Twice::of(mutation, &input).await else {
            return self.does_once(mutation, input, fields).await;
        };
        let visitor = self.visitor().await;
        let reply = visitor.does(mutation, twice.input.clone(), fields).await;
        if reply.body["data"][mutation]["errors"] == json!([]) {
            let again = visitor.does(mutation, twice.input, fields).await;
            assert_eq!(again.body, reply.body, "{mutation}, sent again");
            if let Some(other) = twice.other {
                let other = visitor.does(mutation, other, "").await;
                assert_eq!(other.refused(), ["IDEMPOTENCY_CONFLICT"], "{mutation}, another under its key");
            }
        }
        reply
    }

    /// Send a mutation just as it is, and once.
    pub async fn does_once(&self, mutation: &str, input: Value, fields: &str) -> Reply {
        self.visitor().await.does(mutation, input, fields).await
    }

    /// This person as someone with a token that is good now.
    pub async fn visitor(&self) -> Visitor<'_> {
        let (token, expires_at) = self.token().clone();
        if self.app.market.clock().now() < expires_at {
            return self.app.bearer(&token);
        }
        let code = self.app.code_of(&self.email).await;
        let input = json!({ "email": self.email, "password": PASSWORD, "code": code });
        let (token, expires_at) = token_of(&self.app.visitor().does("signIn", input, TOKENS).await);
        *self.token() = (token.clone(), expires_at);
        self.app.bearer(&token)
    }

    fn token(&self) -> std::sync::MutexGuard<'_, (String, DateTime<Utc>)> {
        self.token.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn token_of(reply: &Reply) -> (String, DateTime<Utc>) {
    let expires_at = reply.text("tokens.accessTokenExpiresAt").parse().expect("a time");
    (reply.text("tokens.accessToken"), expires_at)
}
