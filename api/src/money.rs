//! Money, as clients read and write it.

use async_graphql::{Enum, InputObject, SimpleObject};
use domain::refusal::Refusal;
use serde::Serialize;

/// A currency, by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::money::Currency")]
pub enum Currency {
    /// US dollar.
    Usd,
    /// Pakistani rupee.
    Pkr,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct Money {
    /// In major units, with all decimals: `"1234.56"`. A text, so that no client rounds it.
    pub amount: String,
    /// In minor units: `123456` cents. It may be more than 2,147,483,647, which is all that an `Int` holds in some
    /// clients, as of large payouts in rupees: these read `amount`.
    pub minor_units: i64,
    /// The currency.
    pub currency: Currency,
}

impl From<domain::money::Money> for Money {
    fn from(money: domain::money::Money) -> Self {
        Self { amount: money.amount(), minor_units: money.minor(), currency: money.currency().into() }
    }
}

/// An amount of money, as given by a client.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct MoneyInput {
    /// In major units: digits with at most two decimals, like `"1234.56"`.
    pub amount: String,
    /// The currency. Contracts are in US dollars.
    #[graphql(default_with = "Currency::Usd")]
    pub currency: Currency,
}

impl MoneyInput {
    /// The amount, or a fault of the field at `path`.
    pub fn parse(&self, path: &str) -> Result<domain::money::Money, Refusal> {
        domain::money::Money::parse(&self.amount, self.currency.into())
            .map_err(|error| Refusal::field(&format!("{path}.amount"), "MALFORMED", error.to_string()))
    }

    /// The same in US cents, for what is compared with pay and rates, which are in US dollars.
    pub fn cents(&self, path: &str) -> Result<i64, Refusal> {
        let money = self.parse(path)?;
        if money.currency() != domain::money::Currency::Usd {
            return Err(Refusal::field(path, "CURRENCY", "must be in US dollars: so are budgets and rates"));
        }
        Ok(money.minor())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
    use domain::money::Money as Exact;
    use serde_json::json;

    use super::*;

    struct Sums;

    #[Object]
    impl Sums {
        async fn of(&self, text: String) -> Money {
            Exact::parse(&text, domain::money::Currency::Pkr).unwrap().into()
        }
    }

    #[tokio::test]
    async fn sums_beyond_32_bits_are_told_whole() {
        let schema = Schema::new(Sums, EmptyMutation, EmptySubscription);
        for (text, minor) in [
            ("21474836.47", i64::from(i32::MAX)),
            ("21474836.48", i64::from(i32::MAX) + 1),
            ("10000000000.00", Exact::MAX_MINOR),
        ] {
            let asked = format!("{{ of(text: {text:?}) {{ amount minorUnits }} }}");
            let told = schema.execute(asked).await.into_result().unwrap().data.into_json().unwrap();
            assert_eq!(told, json!({ "of": { "amount": text, "minorUnits": minor } }));
        }
    }
}
