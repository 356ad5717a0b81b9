//! What must not lie about, in whatever story: at the end of each, the tables of its marketplace and all that was
//! logged by then are looked through for whole numbers, passwords, tokens and secrets; and so is what servers log that
//! run by themselves.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use crate::PASSWORD;
use crate::stripe::{SECRET_KEY, WEBHOOK_SECRET};

/// What was logged and should not have been.
static LEAKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The numbers of identity that stories use begin like this; without dashes, others can't be told from an instant.
const CNIC: &str = "35202";

/// As PostgreSQL looks for it: an IBAN, as it is and as bytes are shown; a CNIC; an NTN with its dash; an access token;
/// what lets a client's page go on with a payment or with setting up a card; what webhooks are signed with; Stripe's keys.
const IN_TABLES: &str = r"(^|[^0-9A-Za-z-])([0-9]{5}-[0-9]{7}-[0-9]|[0-9]{7}-[0-9])($|[^0-9A-Za-z-])|PK[0-9]{2}[A-Z]{4}[0-9A-Z]{16}|504b(3[0-9]){2}(4[1-9a-f]|5[0-9a]){4}(3[0-9]|4[1-9a-f]|5[0-9a]){16}|[^0-9a-f]35202-?[0-9]{7}-?[0-9][^0-9a-f]|eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}|(pi|seti)_[A-Za-z0-9]+_secret_|whsec_[A-Za-z0-9_]+|[sr]k_(test|live)_[A-Za-z0-9_]+";

/// From now on, what this process logs is looked through.
pub fn watch_logs() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let ours = tracing_subscriber::filter::filter_fn(|metadata| {
            let target = metadata.target();
            ["infra", "api", "domain"].iter().any(|floor| target.starts_with(floor))
        });
        let lines = fmt::layer().with_ansi(false).with_writer(|| Watch).with_filter(ours);
        // Somebody may watch already, for a story of their own.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
    });
}

/// Looks through each line.
struct Watch;

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if let Some(what) = leaked(&line) {
            LEAKED.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what}: {line}"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What of a line should not be there.
fn leaked(line: &str) -> Option<&'static str> {
    let secrets = [
        (PASSWORD, "a password"),
        (SECRET_KEY, "Stripe's key"),
        (WEBHOOK_SECRET, "what webhooks are signed with"),
        ("_secret_", "a client secret"),
        ("eyJ", "an access token"),
    ];
    let found = secrets.into_iter().find(|(secret, _)| line.contains(secret)).map(|(_, what)| what);
    let found = found.or_else(|| has_iban(line).then_some("an account number"));
    let found = found.or_else(|| has_cnic(line).then_some("a CNIC"));
    found.or_else(|| has_number(line, &[7, 1]).then_some("an NTN"))
}

/// The lines of a log that hold what should not be there, and what that is.
pub fn in_log(log: &str) -> Vec<String> {
    log.lines().filter_map(|line| leaked(line).map(|what| format!("{what}: {line}"))).collect()
}

fn has_iban(line: &str) -> bool {
    line.as_bytes().windows(24).any(|text| {
        text.starts_with(b"PK")
            && text[2..4].iter().all(u8::is_ascii_digit)
            && text[4..8].iter().all(u8::is_ascii_uppercase)
            && text[8..].iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    })
}

/// Is there a word of so many digits, with a dash between each of them?
fn has_number(line: &str, groups: &[usize]) -> bool {
    let is_number = |word: &str| {
        let mut parts = word.split('-');
        let each = groups.iter().all(|length| {
            parts.next().is_some_and(|part| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit()))
        });
        each && parts.next().is_none()
    };
    line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').any(is_number)
}

fn has_cnic(line: &str) -> bool {
    if has_number(line, &[5, 7, 1]) {
        return true;
    }
    line.match_indices(CNIC).any(|(place, _)| {
        let rest = line[place..].bytes().filter(|byte| *byte != b'-').take(13).take_while(u8::is_ascii_digit).count();
        rest == 13
    })
}

/// What should not be in the tables of a database: the table, and the row's beginning.
///
/// # Errors
/// If it can't be read.
pub(crate) async fn in_tables(url: &str) -> Result<Vec<(String, String)>, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let each = "select string_agg(format('(select %L::text, left(t::text, 400) from %I t where t::text ~ %L limit 3)',
            tablename, tablename, $1), ' union all ')
        from pg_tables where schemaname = 'public'";
    let each: Option<String> =
        sqlx::query_scalar(each).bind(format!("{IN_TABLES}|{PASSWORD}")).fetch_one(&mut connection).await?;
    let found = match each {
        Some(each) => sqlx::query_as(AssertSqlSafe(each)).fetch_all(&mut connection).await?,
        None => Vec::new(),
    };
    connection.close().await?;
    Ok(found)
}

/// At the end of a story: nothing lies about in its tables, nor in what was logged by anybody by now.
///
/// # Panics
/// If something does.
pub(crate) fn nothing_leaked(in_tables: &[(String, String)]) {
    let logged = std::mem::take(&mut *LEAKED.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(logged.is_empty(), "in the log: {logged:?}");
    assert!(in_tables.is_empty(), "in a table: {in_tables:?}");
}

#[cfg(test)]
mod tests {
    use super::{in_log, leaked};

    #[test]
    fn what_should_not_lie_about_is_seen() {
        for (line, what) in [
            ("iban=PK36SCBL0000001123456702", Some("an account number")),
            ("iban=Iban(…6702)", None),
            ("cnic 35202-8765432-9", Some("a CNIC")),
            ("cnic 3520287654329", Some("a CNIC")),
            ("cnic=\"42101-8765432-9\"", Some("a CNIC")),
            ("cnic 42101-8765432-92", None),
            ("ntn (1234567-8)", Some("an NTN")),
            ("ntn=…5678", None),
            ("at 2026-06-01T08:00:00Z, of 01234567-89ab-7def-8123-0123456789ab", None),
            ("took 35202 ms", None),
            ("Bearer eyJhbGciOi", Some("an access token")),
            ("pi_double000001_secret_double", Some("a client secret")),
        ] {
            assert_eq!(leaked(line), what, "{line}");
        }
        assert_eq!(in_log("all is well\nntn 1234567-8\n"), ["an NTN: ntn 1234567-8"]);
    }
}
