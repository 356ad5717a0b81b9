//! Bonuses and tips.

use async_graphql::{Context, InputObject, Object};
use domain::id::ContractId;
use domain::milestone::Kind;
use domain::payment::PaymentMethod;
use infra::bonus::Gift;
use infra::payment::FundWith;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::milestone::Milestone;
use crate::money::MoneyInput;
use crate::payment::Payment;
use crate::user_error::{Answer, Payload, UserError, answer};

macro_rules! gifts {
    ($($(#[$doc:meta])* $input:ident, $payload:ident, $answer:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, InputObject, Serialize)]
            pub struct $input {
                /// The contract it is given on.
                pub contract_id: Key<ContractId>,
                /// How much. The client's fee comes on top.
                pub amount: MoneyInput,
                /// A few words with it, up to 500 characters.
                #[graphql(default)]
                pub message: String,
                /// The processor's token of a card or a bank account. Leave it out to pay with the organization's
                /// credit. With a bank account this request is the client's word that it may be debited.
                pub payment_method: Option<String>,
                /// Makes repeating this request harmless: a fresh UUID for each intended act. Without
                /// one, asking twice gives twice.
                pub idempotency_key: Option<String>,
            }

            impl $input {
                fn gift(&self, kind: Kind) -> Result<Gift, infra::Failure> {
                    let with = match self.payment_method.as_deref() {
                        Some(token) => FundWith::Card(PaymentMethod::parse(token)?),
                        None => FundWith::Credit,
                    };
                    let (contract, message) = (self.contract_id.0, self.message.clone());
                    Ok(Gift { contract, kind, amount: self.amount.parse("amount")?, message, with })
                }
            }

            #[doc = $answer]
            #[derive(Debug, async_graphql::SimpleObject)]
            pub struct $payload {
                /// What was given, as a milestone of the contract. It is approved once it is paid.
                pub milestone: Option<Milestone>,
                /// The payment to watch; null when paid with credit.
                pub payment: Option<Payment>,
                /// Why nothing was changed; empty when it was.
                pub errors: Vec<UserError>,
            }

            impl Payload for $payload {
                type Object = (Milestone, Option<Payment>);
                fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
                    let (milestone, payment) = object.unzip();
                    Self { milestone, payment: payment.flatten(), errors }
                }
            }
        )*
    };
}

gifts! {
    /// A bonus to give.
    BonusGiveInput, BonusGivePayload, "The answer to `bonusGive`.";
    /// A tip to give.
    TipGiveInput, TipGivePayload, "The answer to `tipGive`.";
}

/// What can be given.
#[derive(Debug, Default)]
pub struct BonusMutation;

#[Object]
impl BonusMutation {
    /// Give the freelancer a bonus while the contract goes on. It is available to them after the
    /// security hold, less the fee of work. If the card is declined, nothing was given.
    async fn bonus_give(&self, ctx: &Context<'_>, input: BonusGiveInput) -> Answer<BonusGivePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().bonus_give(&call, input.gift(Kind::Bonus)?).await
        };
        answer(outcome.await.map(|(milestone, payment)| (Milestone::from(milestone), payment.map(Payment))))
    }

    /// Give the freelancer a tip, while the contract goes on or within some days of its end. It is
    /// available to them after the security hold, less the fee for tips, which is nothing by default.
    async fn tip_give(&self, ctx: &Context<'_>, input: TipGiveInput) -> Answer<TipGivePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().bonus_give(&call, input.gift(Kind::Tip)?).await
        };
        answer(outcome.await.map(|(milestone, payment)| (Milestone::from(milestone), payment.map(Payment))))
    }
}
