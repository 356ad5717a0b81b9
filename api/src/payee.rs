//! Who is paid, as a bank needs to know.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::payee::PayeeEdit;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::loader::load;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// What you have said of yourself to banks. The numbers of your identity are never shown again.
#[derive(Debug, Clone, SimpleObject)]
pub struct Payee {
    /// Your name in Latin letters and without initials, as wires need it.
    pub latin_name: Option<String>,
    /// Your name in Urdu.
    pub urdu_name: Option<String>,
    /// Your address, in one line.
    pub address: Option<String>,
    /// Your phone number, like `+923001234567`.
    pub phone: Option<String>,
    /// The last four digits of your identity card's number.
    pub cnic_last4: Option<String>,
    /// The last four digits of your tax number.
    pub ntn_last4: Option<String>,
    /// What a bank wire to you still needs, by the names of the fields. Other ways to your bank may need less.
    pub missing: Vec<String>,
    /// Counts up with every change; send it as `expectedVersion`.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<infra::payee::PayeeShown> for Payee {
    fn from(shown: infra::payee::PayeeShown) -> Self {
        Self {
            latin_name: shown.latin_name,
            urdu_name: shown.urdu_name,
            address: shown.address,
            phone: shown.phone,
            cnic_last4: shown.cnic_last4,
            ntn_last4: shown.ntn_last4,
            missing: shown.missing,
            version: shown.version,
            updated_at: shown.updated_at,
        }
    }
}

/// What to say of yourself to banks. What is absent stays as it is.
#[derive(Debug, Clone, Default, InputObject, Serialize)]
pub struct PayeeUpdateInput {
    /// Your whole name in Latin letters, without initials: banks send back what has them. A single name is a name.
    pub latin_name: Option<String>,
    /// Your name in Urdu.
    pub urdu_name: Option<String>,
    /// Your address, in one line, 5 to 200 characters.
    pub address: Option<String>,
    /// Your phone number, like `+923001234567`.
    pub phone: Option<String>,
    /// The 13 digits of your identity card. It is kept encrypted.
    pub cnic: Option<String>,
    /// Your tax number: 7 digits and perhaps a check digit. It is kept encrypted.
    pub ntn: Option<String>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `payeeUpdate`.
    PayeeUpdatePayload {
        /// What is known of you, as it is now.
        payee: Payee
    } and viewer
}

/// What the signed-in person has said of themselves to banks.
#[derive(Debug, Default)]
pub struct PayeeViewer;

#[Object]
impl PayeeViewer {
    /// What you have said of yourself to banks.
    async fn payee(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payee>> {
        Ok(ctx.market().payee_of_viewer(&ctx.call()).await.map_err(top_level)?.map(Payee::from))
    }
}

/// Looking for payees.
#[derive(Debug, Default)]
pub struct PayeeQuery;

#[Object]
impl PayeeQuery {
    /// Who has given this number: a CNIC, an NTN or an IBAN, whole. At most a hundred. Only admins may ask.
    async fn payees_by_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The whole number.")] number: String,
    ) -> async_graphql::Result<Option<Vec<User>>> {
        let mut people = Vec::new();
        for id in ctx.market().payees_by_number(&ctx.call(), &number).await.map_err(top_level)? {
            people.extend(load(ctx, id).await?.map(User));
        }
        Ok(Some(people))
    }
}

/// What can be said to banks.
#[derive(Debug, Default)]
pub struct PayeeMutation;

#[Object]
impl PayeeMutation {
    /// Say who you are to a bank: what is needed for wires, and for your papers. Where payouts go by accounts of your
    /// own at Stripe, doing so accepts its agreement for recipients, as with `payoutMethodAdd`; also if nothing is
    /// changed.
    async fn payee_update(&self, ctx: &Context<'_>, input: PayeeUpdateInput) -> Answer<PayeeUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let PayeeUpdateInput { latin_name, urdu_name, address, phone, cnic, ntn, expected_version, .. } =
                input.clone();
            let edit = PayeeEdit { expected_version, latin_name, urdu_name, address, phone, cnic, ntn };
            ctx.market().payee_update(&call, edit).await
        };
        answer(outcome.await.map(Payee::from))
    }
}
