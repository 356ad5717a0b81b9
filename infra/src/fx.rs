//! Where rates come from: a fixed table for trying things out, or a file that somebody keeps up to date.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::fx::{FxQuote, FxRate};
use serde::Deserialize;

use crate::Fault;

/// Who quotes what dollars are in rupees.
#[derive(Debug, Clone, Default)]
pub enum FxRates {
    /// Nobody: payouts go without a quote.
    Nowhere,
    /// Always the same, for trying things out.
    #[default]
    Fixed,
    /// A JSON file: `{"rate": "278.45", "provider": "…", "quoted_at": "…", "expires_at": "…"}`. It is read anew
    /// for each quote.
    File(FxFile),
}

/// A file of rates. What became of it is told once, however many ask meanwhile.
#[derive(Debug, Clone)]
pub struct FxFile {
    path: PathBuf,
    seen: Arc<AtomicU8>,
}

/// What became of a file of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Seen {
    /// It stands, as it does until somebody has looked.
    Good,
    /// Its quote stands no more.
    OutOfDate,
    /// It can't be read.
    Unreadable,
}

impl FxFile {
    /// Is this news?
    fn turns(&self, seen: Seen) -> bool {
        self.seen.swap(seen as u8, Ordering::Relaxed) != seen as u8
    }
}

/// The rate of the sandbox.
const FIXED: &str = "278.45";
/// How long a quote of the sandbox stands.
const FIXED_STANDS: TimeDelta = TimeDelta::minutes(30);
/// The largest file that is read.
const FILE_BYTES: u64 = 4_096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quoted {
    rate: FxRate,
    provider: String,
    quoted_at: Timestamp,
    expires_at: Timestamp,
}

impl FxRates {
    /// A file that somebody keeps up to date.
    pub fn file(path: PathBuf) -> Self {
        Self::File(FxFile { path, seen: Arc::new(AtomicU8::new(Seen::Good as u8)) })
    }

    /// A quote that stands now; none if there is none, as when the file is out of date. A payout needs none: its
    /// bank changes the money at the rate of the day.
    pub async fn quote(&self, now: Timestamp) -> Option<FxQuote> {
        match self {
            Self::Nowhere => None,
            Self::Fixed => {
                let rate = FIXED.parse().ok()?;
                let provider = "sandbox table".to_owned();
                Some(FxQuote { rate, provider, quoted_at: now, expires_at: now + FIXED_STANDS })
            }
            Self::File(file) => match read(&file.path).await {
                Ok(quote) if quote.stands(now) => {
                    if file.turns(Seen::Good) {
                        tracing::info!(expires_at = %quote.expires_at, "the file of rates is good again");
                    }
                    Some(quote)
                }
                Ok(quote) => {
                    if file.turns(Seen::OutOfDate) {
                        tracing::warn!(expired_at = %quote.expires_at, "the file of rates is out of date: payouts go \
                            without a quote until it is renewed");
                    }
                    None
                }
                Err(fault) => {
                    if file.turns(Seen::Unreadable) {
                        tracing::warn!(file = %file.path.display(), error = %fault, "the file of rates can't be read: \
                            payouts go without a quote until it can");
                    }
                    None
                }
            },
        }
    }
}

async fn read(path: &Path) -> Result<FxQuote, Fault> {
    let broken = |why: &str| Fault::Service { service: "rates", why: why.to_owned() };
    if tokio::fs::metadata(path).await?.len() > FILE_BYTES {
        return Err(broken("the file is too large"));
    }
    let Quoted { rate, provider, quoted_at, expires_at } = serde_json::from_slice(&tokio::fs::read(path).await?)?;
    let provider = provider.trim().to_owned();
    if !(1..=60).contains(&provider.chars().count()) {
        return Err(broken("a provider has a name of at most 60 characters"));
    }
    if expires_at <= quoted_at || expires_at - quoted_at > FxQuote::LONGEST {
        return Err(broken("a quote stands for more than no time and at most a day"));
    }
    Ok(FxQuote { rate, provider, quoted_at, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_anew_and_believed_while_it_stands() {
        let path = std::env::temp_dir().join(format!("rabta-rates-{}.json", std::process::id()));
        let rates = FxRates::file(path.clone());
        let now: Timestamp = "2026-06-01T08:00:00Z".parse().unwrap();
        assert!(rates.quote(now).await.is_none(), "there is no file yet");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let good = r#"{"rate": "281.5", "provider": "A bank", "quoted_at": "2026-06-01T07:00:00Z", "expires_at": "2026-06-01T09:00:00Z"}"#;
        write(good);
        let quote = rates.quote(now).await.unwrap();
        assert_eq!((quote.rate.to_string().as_str(), quote.provider.as_str()), ("281.50", "A bank"));
        assert!(rates.quote(now + TimeDelta::hours(1)).await.is_none(), "out of date");
        for bad in [
            good.replace("281.5", "2.8e2"),
            good.replace("09:00", "06:00"),
            good.replace("06-01T09", "06-03T09"),
            good.replace("A bank", ""),
            "{".to_owned(),
            "x".repeat(5_000),
        ] {
            write(&bad);
            assert!(rates.quote(now).await.is_none(), "{bad}");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_became_of_a_file_is_told_once_each_time_it_changes() {
        let FxRates::File(file) = FxRates::file(PathBuf::new()) else { unreachable!("it is a file") };
        let other = file.clone();
        let told = |seen| (file.turns(seen), other.turns(seen));
        assert_eq!(told(Seen::Good), (false, false), "there is nothing to tell");
        for seen in [Seen::OutOfDate, Seen::Unreadable, Seen::Good, Seen::OutOfDate] {
            assert_eq!(told(seen), (true, false), "{seen:?}");
        }
    }
}
