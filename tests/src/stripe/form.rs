//! What may be asked, parameter by parameter. What is unknown, missing or mistyped is refused, as the real
//! one does; what we never want to ask is unknown here.

use std::collections::BTreeMap;

/// What a parameter looks like.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number from one on.
    Positive,
    /// The same, of eight digits at most: no more can be charged at once.
    Charge,
    /// `true` or `false`.
    Bool,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A name with this prefix.
    Named(&'static str),
    /// An address of the internet.
    Address,
    /// Any text of up to 500 characters.
    Text,
}

/// A parameter: its name, what it looks like, and whether it must be there.
pub type Parameter = (&'static str, Kind, bool);

/// `metadata[anything]` may be given.
const METADATA: &str = "metadata[";
/// `expand[0]`, `expand[1]`…
const EXPAND: &str = "expand[";

pub const CUSTOMER_CREATE: &[Parameter] = &[("metadata", Kind::Text, false), ("description", Kind::Text, false)];
pub const INTENT_CREATE: &[Parameter] = &[
    ("amount", Kind::Charge, true),
    ("currency", Kind::OneOf(&["usd"]), true),
    ("customer", Kind::Named("cus_"), false),
    ("payment_method", Kind::Named("pm_"), false),
    ("confirm", Kind::Bool, false),
    ("off_session", Kind::Bool, false),
    ("setup_future_usage", Kind::OneOf(&["on_session", "off_session"]), false),
    ("use_stripe_sdk", Kind::Bool, false),
    ("mandate_data[customer_acceptance][type]", Kind::OneOf(&["online"]), false),
    ("mandate_data[customer_acceptance][accepted_at]", Kind::Positive, false),
    ("mandate_data[customer_acceptance][online][ip_address]", Kind::Address, false),
    ("mandate_data[customer_acceptance][online][user_agent]", Kind::Text, false),
    ("automatic_payment_methods[enabled]", Kind::Bool, false),
    ("automatic_payment_methods[allow_redirects]", Kind::OneOf(&["always", "never"]), false),
    ("transfer_group", Kind::Text, false),
    ("description", Kind::Text, false),
    ("metadata", Kind::Text, false),
];
pub const INTENT: &[Parameter] = &[("expand", Kind::OneOf(&["latest_charge.balance_transaction"]), false)];
pub const CHARGE: &[Parameter] = &[("expand", Kind::OneOf(&["balance_transaction"]), false)];
pub const BALANCE_LIST: &[Parameter] = &[
    ("limit", Kind::Positive, false),
    ("starting_after", Kind::Named("txn_"), false),
    ("created[gte]", Kind::Positive, false),
    ("created[lt]", Kind::Positive, false),
    ("expand", Kind::OneOf(&["data.source"]), false),
    ("type", Kind::OneOf(&["transfer", "transfer_cancel", "transfer_failure", "transfer_refund"]), false),
];
pub const INTENT_CANCEL: &[Parameter] =
    &[("cancellation_reason", Kind::OneOf(&["duplicate", "fraudulent", "requested_by_customer", "abandoned"]), false)];
pub const INTENT_LIST: &[Parameter] = &[
    ("customer", Kind::Named("cus_"), false),
    ("limit", Kind::Positive, false),
    ("starting_after", Kind::Named("pi_"), false),
    ("created[gte]", Kind::Positive, false),
];
pub const REFUND_CREATE: &[Parameter] = &[
    ("payment_intent", Kind::Named("pi_"), true),
    ("amount", Kind::Positive, false),
    ("reason", Kind::OneOf(&["duplicate", "fraudulent", "requested_by_customer"]), false),
    ("metadata", Kind::Text, false),
];
pub const SETUP_CREATE: &[Parameter] = &[
    ("customer", Kind::Named("cus_"), true),
    ("automatic_payment_methods[enabled]", Kind::Bool, false),
    ("automatic_payment_methods[allow_redirects]", Kind::OneOf(&["always", "never"]), false),
    ("usage", Kind::OneOf(&["on_session", "off_session"]), false),
    ("metadata", Kind::Text, false),
];
pub const REFUND_LIST: &[Parameter] =
    &[("payment_intent", Kind::Named("pi_"), false), ("limit", Kind::Positive, false)];
pub const RECIPIENT_CREATE: &[Parameter] = &[
    ("contact_email", Kind::Text, true),
    ("display_name", Kind::Text, true),
    ("identity[country]", Kind::OneOf(&["pk"]), true),
    ("identity[entity_type]", Kind::OneOf(&["individual"]), true),
    ("identity[individual][given_name]", Kind::Text, true),
    ("identity[individual][surname]", Kind::Text, false),
    ("configuration[recipient][capabilities][bank_accounts][wire][requested]", Kind::OneOf(&["true"]), true),
    ("metadata", Kind::Text, false),
];
pub const BANK_ACCOUNT_CREATE: &[Parameter] = &[
    ("usage_intent", Kind::OneOf(&["payment"]), true),
    ("payout_method_data[type]", Kind::OneOf(&["bank_account"]), true),
    ("payout_method_data[bank_account][country]", Kind::OneOf(&["PK"]), true),
    ("payout_method_data[bank_account][account_number]", Kind::Named("PK"), true),
    ("payout_method_data[bank_account][swift_code]", Kind::Text, true),
    ("payout_method_data[bank_account][currency]", Kind::OneOf(&["pkr"]), true),
];
pub const OUTBOUND_CREATE: &[Parameter] = &[
    ("from[financial_account]", Kind::Named("fa_"), true),
    ("from[currency]", Kind::OneOf(&["usd"]), true),
    ("to[recipient]", Kind::Named("acct_"), true),
    ("to[payout_method]", Kind::Named("pkba_"), true),
    ("to[currency]", Kind::OneOf(&["pkr"]), false),
    ("amount[value]", Kind::Positive, true),
    ("amount[currency]", Kind::OneOf(&["usd"]), true),
    ("recipient_notification[setting]", Kind::OneOf(&["none", "configured"]), false),
    ("metadata", Kind::Text, false),
];
pub const OUTBOUND_LIST: &[Parameter] =
    &[("created_gte", Kind::Text, true), ("limit", Kind::Positive, false), ("page", Kind::Text, false)];
pub const FINANCIAL_LIST: &[Parameter] = &[
    ("financial_account", Kind::Named("fa_"), true),
    ("created_gte", Kind::Text, true),
    ("created_lt", Kind::Text, true),
    ("limit", Kind::Positive, false),
    ("page", Kind::Text, false),
];
pub const ACCOUNT_CREATE: &[Parameter] = &[
    ("type", Kind::OneOf(&["custom"]), true),
    ("country", Kind::OneOf(&["PK"]), true),
    ("business_type", Kind::OneOf(&["individual"]), true),
    // Nothing but transfers, under the agreement for those who only take them.
    ("capabilities[transfers][requested]", Kind::OneOf(&["true"]), true),
    ("tos_acceptance[service_agreement]", Kind::OneOf(&["recipient"]), true),
    // Whoever collects what the account is made of says when its owner accepted that, and from where.
    ("tos_acceptance[date]", Kind::Positive, true),
    ("tos_acceptance[ip]", Kind::Address, true),
    ("tos_acceptance[user_agent]", Kind::Text, false),
    ("settings[payouts][schedule][interval]", Kind::OneOf(&["manual"]), true),
    ("individual[first_name]", Kind::Text, true),
    ("individual[last_name]", Kind::Text, false),
    ("external_account[object]", Kind::OneOf(&["bank_account"]), true),
    ("external_account[country]", Kind::OneOf(&["PK"]), true),
    ("external_account[currency]", Kind::OneOf(&["pkr"]), true),
    ("external_account[account_holder_name]", Kind::Text, true),
    ("external_account[account_number]", Kind::Named("PK"), true),
    ("external_account[routing_number]", Kind::Text, true),
    ("metadata", Kind::Text, false),
];
pub const TRANSFER_CREATE: &[Parameter] = &[
    ("amount", Kind::Positive, true),
    ("currency", Kind::OneOf(&["usd"]), true),
    ("destination", Kind::Named("acct_"), true),
    ("metadata", Kind::Text, false),
];
pub const TRANSFER_LIST: &[Parameter] = &[
    ("destination", Kind::Named("acct_"), false),
    ("created[gte]", Kind::Positive, false),
    ("limit", Kind::Positive, false),
    ("starting_after", Kind::Named("tr_"), false),
];
pub const REVERSAL_CREATE: &[Parameter] = &[("amount", Kind::Positive, false), ("metadata", Kind::Text, false)];
pub const ONWARD_CREATE: &[Parameter] =
    &[("amount", Kind::Positive, true), ("currency", Kind::OneOf(&["pkr"]), true), ("metadata", Kind::Text, false)];
pub const ONWARD_LIST: &[Parameter] = &[("limit", Kind::Positive, false)];
pub const NOTHING: &[Parameter] = &[];

/// The parameters of a form or a query, or what is wrong with them: a code and the parameter.
pub fn read(text: &str, allowed: &[Parameter]) -> Result<BTreeMap<String, String>, (&'static str, String)> {
    let mut read = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let metadata = name.starts_with(METADATA) && name.ends_with(']');
        let expand = name.starts_with(EXPAND) && name.ends_with(']');
        let known = match (metadata, expand) {
            (true, _) => "metadata",
            (_, true) => "expand",
            (false, false) => &*name,
        };
        let Some((_, kind, _)) = allowed.iter().find(|(allowed, ..)| *allowed == known) else {
            return Err(("parameter_unknown", name.into_owned()));
        };
        if !fits(*kind, &value) {
            return Err(("parameter_invalid", name.into_owned()));
        }
        if read.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            return Err(("parameter_twice", name.into_owned()));
        }
    }
    for (name, _, must) in allowed {
        if *must && !read.contains_key(*name) {
            return Err(("parameter_missing", (*name).to_owned()));
        }
    }
    Ok(read)
}

fn fits(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Positive => value.parse::<i64>().is_ok_and(|number| number > 0),
        Kind::Charge => value.parse::<i64>().is_ok_and(|number| (1..100_000_000).contains(&number)),
        Kind::Bool => ["true", "false"].contains(&value),
        Kind::OneOf(all) => all.contains(&value),
        Kind::Named(prefix) => value.starts_with(prefix) && value.len() > prefix.len(),
        Kind::Address => value.parse::<std::net::IpAddr>().is_ok(),
        Kind::Text => !value.is_empty() && value.len() <= 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_missing_or_mistyped_is_refused() {
        let read = |text: &str| read(text, INTENT_CREATE).map(|_| ()).map_err(|(code, name)| format!("{code} {name}"));
        assert_eq!(read("amount=1&currency=usd&metadata[payment]=pay_1"), Ok(()));
        for (text, wrong) in [
            ("currency=usd", "parameter_missing amount"),
            ("amount=1.5&currency=usd", "parameter_invalid amount"),
            ("amount=1&currency=usd&confirm=1", "parameter_invalid confirm"),
            ("amount=1&currency=usd&on_behalf_of=acct_1", "parameter_unknown on_behalf_of"),
            ("amount=1&currency=usd&transfer_data[destination]=acct_1", "parameter_unknown transfer_data[destination]"),
            ("amount=1&amount=2&currency=usd", "parameter_twice amount"),
        ] {
            assert_eq!(read(text), Err(wrong.to_owned()), "{text}");
        }
    }
}
