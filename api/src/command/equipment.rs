//! What the market works with: keys and hashers, from where the operator keeps them.

use std::path::PathBuf;

use domain::papers::Operator;
use domain::refusal::is_unprintable;
use infra::embedded;
use infra::fx::FxRates;
use infra::mail::Mail;
use infra::market::Equipment;
use infra::password::{Hardness, Passwords};
use infra::rails::Rails;
use infra::token::Keys;
use infra::vault::Vault;
use secrecy::ExposeSecret;

use super::Trouble;
use crate::config::{Common, secret};

/// The environment variable of the keys that sign access tokens.
const SIGNING_KEYS: &str = "RABTA_SIGNING_KEYS";
/// The environment variable of the mail server's address.
const SMTP_URL: &str = "RABTA_SMTP_URL";
/// The environment variable of the key that account numbers are encrypted with.
const VAULT_KEY: &str = "RABTA_VAULT_KEY";

/// Gather it. In production nothing is made up: what is missing is asked for.
pub fn equipment(common: &Common) -> Result<Equipment, Trouble> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Hashing may take half of the machine, so that signing in never stops everybody else.
    let passwords = Passwords::new(Hardness::Full, cores.div_ceil(2));
    let (vault, mail, operator) = (vault(common)?, mail(common)?, operator(common)?);
    Ok(Equipment { keys: keys(common)?, passwords, vault, mail, fx: rates(common), rails: rails(common), operator })
}

/// Where rates come from. In production nobody is told a rate that was made up.
fn rates(common: &Common) -> FxRates {
    match (&common.fx_file, common.production) {
        (Some(file), _) => FxRates::File(file.clone()),
        (None, true) => FxRates::Nowhere,
        (None, false) => FxRates::Fixed,
    }
}

/// Who carries money to banks: in production our own bank, else the sandbox.
fn rails(common: &Common) -> Rails {
    if common.production { Rails::Bank } else { Rails::Sandbox }
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

/// Letters go to the mail server that was named, else into a folder beside the data. What can't be
/// reached or written to shows as letters that wait, not as a server that does not start.
fn mail(common: &Common) -> Result<Mail, Trouble> {
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), format!("correct {SMTP_URL}_FILE, or unset it"))
    };
    if let Some(url) = secret(SMTP_URL).map_err(unreadable)? {
        return Mail::smtp(&url, &common.mail_from).map_err(|fault| {
            let how = "write the address like smtp://host:1025 or smtps://user:password@host, \
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

fn keys(common: &Common) -> Result<Keys, Trouble> {
    let how = "set it to 32 random bytes in base64url (`openssl rand -base64 32 | tr '+/' '-_'`), \
               or RABTA_SIGNING_KEYS_FILE to a file with them; to rotate, separate several by commas, the signing one first";
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), "correct RABTA_SIGNING_KEYS_FILE, or unset it")
    };
    if let Some(keys) = secret(SIGNING_KEYS).map_err(unreadable)? {
        if common.production && keys.expose_secret().split(',').any(is_made_up) {
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

/// A key that somebody typed, like the ones of examples, has few different letters; 32 random
/// bytes have fewer than twelve once in many billions.
fn is_made_up(key: &str) -> bool {
    key.trim().chars().collect::<std::collections::BTreeSet<char>>().len() < 12
}

fn vault(common: &Common) -> Result<Vault, Trouble> {
    let how = "set it to 32 random bytes in base64url, or RABTA_VAULT_KEY_FILE to a file with them (to rotate, several separated \
               by commas, the new one first, and `rabta vault reseal`); \
               without it account numbers that were encrypted with it can't be read again";
    let unreadable = |(file, error): (PathBuf, std::io::Error)| {
        Trouble::fixable(format!("{}: {error}", file.display()), "correct RABTA_VAULT_KEY_FILE, or unset it")
    };
    if let Some(key) = secret(VAULT_KEY).map_err(unreadable)? {
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
