//! The snapshot of the people's index on disk, for a fast start: a line that says for which database
//! and which program it is, and the index's own bytes with their checksum. One that does not fit is
//! as good as none.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use domain::Timestamp;
use domain::id::{FreelancerProfileId, Id, UserId};
use domain::matching::index::Index;
use domain::matching::{Model, PersonFeatures, Taxonomy};
use domain::money::{Currency, Money};
use domain::profile::FreelancerProfile;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Fault;

/// For what a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    /// The cluster.
    pub cluster: String,
    /// The database in it.
    pub database: i64,
    /// Its schema.
    pub schema: String,
    /// The program, as far as it matters: what it reads from a profile, and the model.
    pub reader: String,
}

/// What this program makes of a profile, as a short hash: another taxonomy, another table of texts or
/// another way of reading makes another.
pub(super) fn reader() -> Result<String, Fault> {
    let epoch = Timestamp::UNIX_EPOCH;
    let (id, user) = (FreelancerProfileId::from_uuid(Uuid::nil()), UserId::from_uuid(Uuid::nil()));
    let zone = "UTC".parse().map_err(|error| Fault::bad_row("freelancer_profiles", error))?;
    let profile = FreelancerProfile {
        headline: "Senior back-end engineer, designer, writer and accountant".to_owned(),
        overview: "Rust, PostgreSQL, React Native, Figma, SEO copy and bookkeeping for startups.".to_owned(),
        least_rate: Money::new(37_01, Currency::Usd).ok(),
        ..FreelancerProfile::blank(id, user, zone, epoch)
    };
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&PersonFeatures::of(&profile).seen_by_clients())?);
    hash.update(Model::shipped().version.to_be_bytes());
    hash.update(Taxonomy::shipped().skills().len().to_be_bytes());
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// The index in a file, if it is there, whole, and for this.
pub(super) fn read(file: &Path, label: &Label) -> Option<Index> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the snapshot of the index can't be read; building it anew");
            return None;
        }
    };
    let found = open(&bytes, label);
    if let Err(why) = &found {
        tracing::info!(file = %file.display(), why, "the snapshot of the index does not fit; building it anew");
    }
    found.ok()
}

fn open(bytes: &[u8], label: &Label) -> Result<Index, String> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("no label")?;
    let found: Label = serde_json::from_slice(&bytes[..end]).map_err(|error| error.to_string())?;
    if found != *label {
        return Err("it is for another database or another program".to_owned());
    }
    Index::from_snapshot(&bytes[end + 1..]).map_err(|error| error.to_string())
}

/// Put an index into a file, all of it or nothing.
pub(super) fn write(file: &Path, label: &Label, index: &Index) -> Result<bool, Fault> {
    let Some(bytes) = index.snapshot() else { return Ok(false) };
    let beside = file.with_extension("new");
    let mut to = File::create(&beside)?;
    to.write_all(&serde_json::to_vec(label)?)?;
    to.write_all(b"\n")?;
    to.write_all(&bytes)?;
    to.sync_all()?;
    fs::rename(&beside, file)?;
    Ok(true)
}
