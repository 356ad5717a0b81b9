//! `rabta staff`: who of those who signed up are our people.

use anyhow::Context;
use domain::user::{Email, User};
use infra::{Call, Failure, Market};

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Staff, StaffRole};

/// Grant, revoke or list.
pub async fn run(cli: Cli, what: Staff) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let outcome = act(&market, what).await;
    ground.leave(Some(market)).await?;
    say(&outcome?)
}

async fn act(market: &Market, what: Staff) -> Result<String, Trouble> {
    match what {
        Staff::Grant { email, role } => {
            let role = match role {
                StaffRole::Mediator => domain::access::Staff::Mediator,
                StaffRole::Admin => domain::access::Staff::Admin,
            };
            Ok(line(&grant(market, &email, Some(role)).await?))
        }
        Staff::Revoke { email } => Ok(line(&grant(market, &email, None).await?)),
        Staff::List => {
            let people = market.staff_list().await.context("reading who our people are")?;
            Ok(if people.is_empty() { "nobody yet\n".to_owned() } else { people.iter().map(line).collect() })
        }
    }
}

async fn grant(market: &Market, email: &str, role: Option<domain::access::Staff>) -> Result<User, Trouble> {
    let remedy = "name somebody by the email they signed up with";
    let address: Email =
        email.trim().parse().map_err(|_| Trouble::fixable(format!("{email} is not an email address"), remedy))?;
    match market.staff_grant(&Call::system("rabta staff"), &address, role).await {
        Ok(user) => Ok(user),
        Err(Failure::Refused(refusal)) => Err(Trouble::fixable(refusal.to_string(), remedy)),
        Err(broken) => Err(anyhow::Error::from(broken).into()),
    }
}

fn line(user: &User) -> String {
    let role = user.staff.map_or("nobody of ours", |staff| staff.as_str());
    format!("{role:<14}  {}  {}\n", user.email, user.name)
}
