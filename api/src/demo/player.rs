//! Somebody who plays a part: signed in, and signed in again when the token's time is over.

use serde_json::{Value, json};

use super::{Door, Stumble, text};

/// Everybody's password.
pub(super) const PASSWORD: &str = "tuba-gravel-ninety";

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Player {
    /// What the account is called by.
    pub email: String,
    /// The id of the user.
    pub user: String,
    door: Door,
    token: String,
}

impl Player {
    /// Sign up, and read the letter that comes.
    pub async fn new(door: &Door, email: &str, name: &str, time_zone: &str) -> Result<Self, Stumble> {
        let input = json!({ "email": email, "name": name, "password": PASSWORD, "timeZone": time_zone });
        let payload = does(door, None, "signUp", input, "tokens { accessToken viewer { user { id } } }").await?;
        let player = Self {
            email: email.to_owned(),
            user: text(&payload, "tokens.viewer.user.id")?,
            door: door.clone(),
            token: text(&payload, "tokens.accessToken")?,
        };
        player.does("sandboxEmailVerify", json!({}), "viewer { emailVerified }").await?;
        Ok(player)
    }

    /// Sign in again, with a fresh token.
    pub async fn signs_in(&mut self) -> Result<(), Stumble> {
        let input = json!({ "email": self.email, "password": PASSWORD });
        let payload = does(&self.door, None, "signIn", input, "tokens { accessToken }").await?;
        self.token = text(&payload, "tokens.accessToken")?;
        Ok(())
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Look something up.
    pub async fn asks(&self, query: &str, variables: Value) -> Result<Value, Stumble> {
        self.door.ask(Some(&self.token), query, variables).await
    }

    /// Do something, and get the payload; a refusal is a stumble.
    pub async fn does(&self, mutation: &str, input: Value, fields: &str) -> Result<Value, Stumble> {
        does(&self.door, Some(&self.token), mutation, input, fields).await
    }
}

async fn does(door: &Door, token: Option<&str>, mutation: &str, input: Value, fields: &str) -> Result<Value, Stumble> {
    let mut letters = mutation.chars();
    let head = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let query = format!(
        "mutation($input: {head}{}Input!) {{ {mutation}(input: $input) {{ {fields} errors {{ code message path }} }} }}",
        letters.as_str()
    );
    let data = door.ask(token, &query, json!({ "input": input })).await?;
    let payload = data[mutation].clone();
    match payload["errors"].as_array() {
        Some(errors) if errors.is_empty() => Ok(payload),
        _ => Err(Stumble::new(format!("{mutation} was refused: {}", payload["errors"]))),
    }
}
