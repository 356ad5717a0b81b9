//! What the market works with: keys and hashers, from where the operator keeps them.

use std::path::PathBuf;

use domain::papers::Operator;
use domain::passkey::party::RelyingParty;
use domain::refusal::is_unprintable;
use infra::embedded;
use infra::fx::FxRates;
use infra::mail::{Mail, is_in_the_clear};
use infra::market::Equipment;
use infra::password::{Hardness, Passwords};
use infra::payments::Payments;
use infra::rails::{Rails, StripeRails};
use infra::screening::Screening;
use infra::stripe::{self, Stripe};
use infra::token::Keys;
use infra::vault::Vault;
use infra::webhook_endpoint::{self, Hooks};
use secrecy::{ExposeSecret, SecretString};

use super::Trouble;
use crate::config::{Cli, Common, Serve, secret};

/// The environment variable of the keys that sign access tokens.
const SIGNING_KEYS: &str = "RABTA_SIGNING_KEYS";
/// The environment variable of the mail server's address.
const SMTP_URL: &str = "RABTA_SMTP_URL";
/// The environment variable of Stripe's key.
const STRIPE_KEY: &str = "STRIPE_SECRET_KEY";
/// The environment variable of what webhooks are signed with.
const STRIPE_WEBHOOK_SECRETS: &str = "STRIPE_WEBHOOK_SECRETS";
/// The environment variable of the key that account numbers are encrypted with.
const VAULT_KEY: &str = "RABTA_VAULT_KEY";

/// Gather it. In production nothing is made up: what is missing is asked for.
pub fn equipment(cli: &Cli) -> Result<Equipment, Trouble> {
    let common = &cli.common;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Hashing may take half of the machine, so that signing in never stops everybody else.
    let passwords = Passwords::new(Hardness::Full, cores.div_ceil(2));
    let (keys, vault) = (keys(common)?, vault(common)?);
    let payments = payments(common)?;
    Ok(Equipment {
        keys,
        passwords,
        vault,
        mail: mail(common)?,
        rails: rails(common, &payments)?,
        payments,
        fx: rates(common),
        operator: operator(common)?,
        screening: screening(common)?,
        relying_party: relying_party(common, &cli.serve)?,
        hooks: hooks(common)?,
    })
}

/// Where webhooks may go. In production nowhere but to the public network: addresses are given by anybody.
fn hooks(common: &Common) -> Result<Hooks, Trouble> {
    if common.webhooks_anywhere && common.production {
        let how = "unset RABTA_WEBHOOKS_ANYWHERE: what anybody names as an address would be called inside your network";
        return Err(Trouble::fixable("in production webhooks go to the public network alone", how));
    }
    let hooks = if common.webhooks_anywhere { Hooks::anywhere(webhook_endpoint::PATIENCE) } else { Hooks::new() };
    hooks.map_err(|fault| Trouble::fixable(format!("webhooks: {fault}"), "look at the certificates of this machine"))
}

/// Where rates come from. In production nobody is told a rate that was made up.
fn rates(common: &Common) -> FxRates {
    match (&common.fx_file, common.production) {
        (Some(file), _) => FxRates::file(file.clone()),
        (None, true) => FxRates::Nowhere,
        (None, false) => FxRates::Fixed,
    }
}

/// Who carries money to banks: Stripe's rails that are set up, before our own bank; without any, in production our own
/// bank alone, else the sandbox. What was paid in without money is never paid out with any.
fn rails(common: &Common, payments: &Payments) -> Result<Rails, Trouble> {
    let given = common.stripe_financial_account.as_deref().map(str::trim).filter(|account| !account.is_empty());
    let (financial_account, recipient_accounts) = (given.map(str::to_owned), common.stripe_recipient_accounts);
    if financial_account.is_none() && !recipient_accounts {
        return Ok(if common.production && !common.sandbox_money { Rails::Bank } else { Rails::Sandbox });
    }
    if financial_account.as_ref().is_some_and(|account| !account.starts_with("fa_")) {
        let how = "take the financial account's id, fa_…, from Stripe's dashboard";
        return Err(Trouble::fixable("STRIPE_FINANCIAL_ACCOUNT is no financial account", how));
    }
    let Some(stripe) = payments.stripe().cloned() else {
        let how = format!("set {STRIPE_KEY}, or unset STRIPE_FINANCIAL_ACCOUNT and STRIPE_RECIPIENT_ACCOUNTS");
        return Err(Trouble::fixable("Stripe's rails take a key of Stripe's", how));
    };
    Ok(Rails::Stripe(StripeRails { stripe, financial_account, recipient_accounts }))
}

/// Whom nobody is paid under the name of. In production somebody has to say.
fn screening(common: &Common) -> Result<Screening, Trouble> {
    let how = "set RABTA_SCREENING_FILE to a file with the names that sanctions lists forbid to pay, one a line, and countries as `country: KP`";
    match &common.screening_file {
        Some(file) => Screening::from_file(file)
            .map_err(|fault| Trouble::fixable(format!("RABTA_SCREENING_FILE {}: {fault}", file.display()), how)),
        None if common.production => {
            Err(Trouble::fixable("in production names must be screened before anybody is paid out", how))
        }
        None => Ok(Screening::Sandbox),
    }
}

/// Who runs the marketplace. In production papers have to say so.
fn operator(common: &Common) -> Result<Operator, Trouble> {
    let how = "set RABTA_OPERATOR_NAME and RABTA_OPERATOR_ADDRESS: they stand on invoices and remittance packs";
    let given = |text: &Option<String>, most: usize| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        text.filter(|text| text.chars().count() <= most && !text.contains(is_unprintable)).map(str::to_owned)
    };
    let (name, address) = (given(&common.operator_name, 120), given(&common.operator_address, 200));
    match (name, address) {
        (Some(name), Some(address)) => {
            Ok(Operator { name, address, registration: given(&common.operator_registration, 60) })
        }
        (None, None) if common.production => {
            tracing::warn!("papers don't say who runs this marketplace: {how}");
            Ok(Operator { name: "not stated".to_owned(), address: "not stated".to_owned(), registration: None })
        }
        (None, None) => Ok(Operator::default()),
        _ => Err(Trouble::fixable(
            "who runs the marketplace has a name of at most 120 and an address of at most 200 characters",
            how,
        )),
    }
}

/// Whom passkeys are made for. In production that should not be the machine itself.
fn relying_party(common: &Common, serve: &Serve) -> Result<RelyingParty, Trouble> {
    let how = "set RABTA_PASSKEY_DOMAIN to the domain of your web site, like example.com, and RABTA_PASSKEY_ORIGINS to the \
               origins of its pages, like https://app.example.com";
    let given = |texts: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        texts.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    };
    let domain = common.passkey_domain.as_deref().map(str::trim).filter(|domain| !domain.is_empty());
    let origins = given(&mut common.passkey_origins.iter().map(String::as_str));
    let pages = given(&mut serve.origins.iter().filter_map(|origin| origin.to_str().ok()));
    let party = RelyingParty::from_settings(domain, &origins, &pages, serve.listen.port())
        .map_err(|error| Trouble::fixable(format!("passkeys: {error}"), how))?;
    if common.production && party.is_local() {
        tracing::warn!("passkeys are made for localhost, where nobody but this machine can use them: {how}");
    }
    Ok(party)
}

/// Letters go to the mail server that was named, else into a folder beside the data. What can't be
/// reached or written to shows as letters that wait, not as a server that does not start.
fn mail(common: &Common) -> Result<Mail, Trouble> {
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), format!("correct {SMTP_URL}_FILE, or unset it"))
    };
    if let Some(url) = secret(SMTP_URL).map_err(unreadable)? {
        if common.production && !common.sandbox_money && is_in_the_clear(&url) {
            let how = "write it like smtps://user:password@host, or smtp://user:password@host:587?tls=required; without \
                       encryption only a mail server on this machine is taken";
            let what = format!(
                "in production letters, which open accounts, must be encrypted on their way: {SMTP_URL} does not"
            );
            return Err(Trouble::fixable(what, how));
        }
        if common.production && common.mail_from == infra::mail::FROM {
            tracing::warn!("letters are from {}, where nobody reads answers: set RABTA_MAIL_FROM", infra::mail::FROM);
        }
        return Mail::smtp(&url, &common.mail_from).map_err(|fault| {
            let how = "write the address like smtps://user:password@host or smtp://host:1025, \
                       and --mail-from like \"Rabta <no-reply@example.com>\"";
            Trouble::fixable(format!("{SMTP_URL}: {fault}"), how)
        });
    }
    let folder = letters(common);
    if common.production {
        tracing::warn!(folder = %folder.display(), "letters are only written into a folder: set {SMTP_URL} to send them");
    }
    Ok(Mail::Folder(folder))
}

/// The folder of letters that are not sent.
pub fn letters(common: &Common) -> PathBuf {
    let folder = common.data_dir.clone().or_else(embedded::default_folder);
    folder.unwrap_or_else(|| PathBuf::from("/var/lib/rabta")).join("mail")
}

/// Are letters sent?
pub fn sends_letters() -> bool {
    matches!(secret(SMTP_URL), Ok(Some(_)))
}

/// Does Stripe take payments here, rather than the sandbox?
pub fn takes_payments_by_stripe() -> bool {
    matches!(secret(STRIPE_KEY), Ok(Some(_)))
}

fn payments(common: &Common) -> Result<Payments, Trouble> {
    let unreadable = |name: &'static str| {
        move |(file, error): (PathBuf, std::io::Error)| {
            Trouble::fixable(format!("{}: {error}", file.display()), format!("correct {name}_FILE, or unset it"))
        }
    };
    let secrets = secret(STRIPE_WEBHOOK_SECRETS).map_err(unreadable(STRIPE_WEBHOOK_SECRETS))?;
    let Some(key) = secret(STRIPE_KEY).map_err(unreadable(STRIPE_KEY))? else {
        match (common.production, common.sandbox_money) {
            (true, false) => {
                let how = "set it to take payments; or, for a stack that only looks like production, say \
                           --sandbox-money (RABTA_SANDBOX_MONEY=1): payments and payouts are then the sandbox's";
                return Err(Trouble::fixable(format!("in production there must be a {STRIPE_KEY}"), how));
            }
            (true, true) => tracing::warn!("payments and payouts are the sandbox's: no money moves"),
            (false, _) => {}
        }
        return Ok(Payments::Sandbox);
    };
    if common.sandbox_money {
        let how = format!("leave out RABTA_SANDBOX_MONEY to take payments, or {STRIPE_KEY} to take none");
        return Err(Trouble::fixable(format!("there are both a {STRIPE_KEY} and sandbox money"), how));
    }
    let kind = ["sk_", "rk_"].iter().any(|kind| key.expose_secret().starts_with(kind));
    if !kind {
        let how = "take the secret key, or better a restricted one, from Stripe's dashboard: sk_… or rk_…";
        return Err(Trouble::fixable(format!("{STRIPE_KEY} is not a secret key of Stripe's"), how));
    }
    let secrets: Vec<_> = secrets.iter().flat_map(|secrets| secrets.expose_secret().split(',')).collect();
    let secrets: Vec<_> =
        secrets.into_iter().map(str::trim).filter(|one| !one.is_empty()).map(|one| one.to_owned().into()).collect();
    if secrets.is_empty() {
        let how = "make a webhook endpoint for https://…/webhooks/stripe in Stripe's dashboard, and set its whsec_…";
        return Err(Trouble::fixable(format!("there is a {STRIPE_KEY} and no {STRIPE_WEBHOOK_SECRETS}"), how));
    }
    let settings = stripe::Settings { base: common.stripe_api_base.clone(), ..stripe::Settings::new(key, secrets) };
    match (common.production, settings.is_live()) {
        (true, false) => {
            let how = "take the live key, or leave --production out";
            return Err(Trouble::fixable(format!("in production {STRIPE_KEY} must be a live one"), how));
        }
        (false, true) => {
            let how = "take a test key, or say --production";
            return Err(Trouble::fixable(format!("{STRIPE_KEY} moves real money, and this is not production"), how));
        }
        (true, true) if !settings.base.starts_with("https://") => {
            let how = "leave it out for Stripe itself";
            return Err(Trouble::fixable("in production STRIPE_API_BASE must be https", how));
        }
        (true, true) | (false, false) => {}
    }
    let stripe = Stripe::new(settings)
        .map_err(|fault| Trouble::fixable(format!("{STRIPE_KEY}: {fault}"), "correct it, or unset it"))?;
    Ok(Payments::Stripe(stripe))
}

/// The keys that tokens and heads of statements are signed with.
pub fn keys(common: &Common) -> Result<Keys, Trouble> {
    let how = "set it to 32 random bytes in base64url (`openssl rand -base64 32 | tr '+/' '-_'`), \
               or RABTA_SIGNING_KEYS_FILE to a file with them; to rotate, separate several by commas, the signing one first";
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), "correct RABTA_SIGNING_KEYS_FILE, or unset it")
    };
    if let Some(keys) = secret(SIGNING_KEYS).map_err(unreadable)? {
        if common.production && holds_made_up(&keys) {
            return Err(Trouble::fixable(format!("{SIGNING_KEYS} holds a key that is not random"), how));
        }
        return Keys::from_secret(&keys).map_err(|fault| Trouble::fixable(format!("{SIGNING_KEYS}: {fault}"), how));
    }
    if common.production {
        return Err(Trouble::fixable(format!("in production there must be a {SIGNING_KEYS}"), how));
    }
    let folder = common.data_dir.clone().or_else(embedded::default_folder).ok_or_else(|| {
        Trouble::fixable("there is no HOME to keep data in", "choose a folder with --data-dir (RABTA_DATA_DIR)")
    })?;
    let file = folder.join(embedded::KEYS);
    Keys::from_file(&file).map_err(|fault| {
        Trouble::fixable(format!("{}: {fault}", file.display()), format!("remove the file, or set {SIGNING_KEYS}"))
    })
}

/// Is one of these keys made up, however they are set apart?
fn holds_made_up(keys: &SecretString) -> bool {
    let apart = |letter: char| letter == ',' || letter.is_whitespace();
    keys.expose_secret().split(apart).filter(|key| !key.is_empty()).any(is_made_up)
}

/// A key that somebody typed, like the ones of examples, has few different letters; 32 random
/// bytes have fewer than twelve once in many billions.
fn is_made_up(key: &str) -> bool {
    key.chars().collect::<std::collections::BTreeSet<char>>().len() < 12
}

fn vault(common: &Common) -> Result<Vault, Trouble> {
    let how = "set it to 32 random bytes in base64url, or RABTA_VAULT_KEY_FILE to a file with them (to rotate, several separated \
               by commas, the new one second and then first, and `rabta vault reseal`); \
               without it account numbers that were encrypted with it can't be read again";
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), "correct RABTA_VAULT_KEY_FILE, or unset it")
    };
    if let Some(key) = secret(VAULT_KEY).map_err(unreadable)? {
        if common.production && holds_made_up(&key) {
            return Err(Trouble::fixable(format!("{VAULT_KEY} holds a key that is not random"), how));
        }
        return Vault::from_secret(&key).map_err(|fault| Trouble::fixable(format!("{VAULT_KEY}: {fault}"), how));
    }
    if common.production {
        return Err(Trouble::fixable(format!("in production there must be a {VAULT_KEY}"), how));
    }
    let folder = common.data_dir.clone().or_else(embedded::default_folder).ok_or_else(|| {
        Trouble::fixable("there is no HOME to keep data in", "choose a folder with --data-dir (RABTA_DATA_DIR)")
    })?;
    let file = folder.join(embedded::VAULT_KEY);
    Vault::from_file(&file).map_err(|fault| {
        Trouble::fixable(format!("{}: {fault}", file.display()), format!("remove the file, or set {VAULT_KEY}"))
    })
}
