//! Where PostgreSQL's programs are: said by the user, installed on the system, or fetched before.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{EmbeddedError, fetch};

/// The oldest major version our SQL is written for.
const OLDEST: u32 = 15;

/// A folder with `initdb` and `postgres` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Look into a folder. The link is followed first, because PostgreSQL finds its share/ from its real path.
    fn at(folder: &Path) -> Option<Self> {
        let initdb = fs::canonicalize(folder.join("initdb")).ok()?;
        let folder = initdb.parent()?.to_owned();
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major })
    }
}

/// The programs to use: `said` and nothing else when given; else the first that will do. Data that
/// exists wants the major version it was made with.
pub(super) fn find(said: Option<&Path>, wanted: Option<u32>) -> Result<Binaries, EmbeddedError> {
    if let Some(folder) = said {
        let found = Binaries::at(folder).ok_or_else(|| EmbeddedError::NotPostgres { folder: folder.to_owned() })?;
        return choose(&[found], wanted)?.ok_or(EmbeddedError::TooOld { major: OLDEST });
    }
    let mut found: Vec<Binaries> = installed().iter().filter_map(|folder| Binaries::at(folder)).collect();
    found.extend(fetch::cached().iter().filter_map(|folder| Binaries::at(folder)));
    match choose(&found, wanted) {
        Ok(Some(binaries)) => Ok(binaries),
        Err(refusal) if wanted != Some(fetch::MAJOR) => Err(refusal),
        Ok(None) | Err(_) => {
            let folder = fetch::fetch()?;
            Binaries::at(&folder).ok_or(EmbeddedError::NotPostgres { folder })
        }
    }
}

fn choose(found: &[Binaries], wanted: Option<u32>) -> Result<Option<Binaries>, EmbeddedError> {
    let fit: Vec<&Binaries> = found.iter().filter(|binaries| binaries.major >= OLDEST).collect();
    match wanted {
        None => Ok(fit.first().map(|binaries| (*binaries).clone())),
        Some(wanted) => match fit.iter().find(|binaries| binaries.major == wanted) {
            Some(binaries) => Ok(Some((*binaries).clone())),
            None => {
                Err(EmbeddedError::OtherMajor { data: wanted, have: fit.iter().map(|found| found.major).collect() })
            }
        },
    }
}

/// Folders where PostgreSQL is installed on the systems we know, newest version first, then the PATH.
fn installed() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
        ("/usr", "pgsql-"),
    ] {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| (trailing_number(&entry.file_name().to_string_lossy()), entry.path().join("bin")))
            .collect();
        versions.sort();
        folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    }
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders.retain(|folder| folder.join("initdb").exists());
    folders
}

fn trailing_number(name: &str) -> u32 {
    name.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The 15 of "postgres (PostgreSQL) 15.18 (Debian 15.18-1)".
fn major(version: &str) -> Option<u32> {
    let (_, after) = version.split_once("(PostgreSQL) ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn having(majors: &[u32]) -> Vec<Binaries> {
        majors.iter().map(|major| Binaries { folder: PathBuf::from(format!("/pg/{major}")), major: *major }).collect()
    }

    #[test]
    fn versions_are_read_from_what_postgres_says_of_itself() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18.6"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major("command not found"), None);
        assert_eq!(trailing_number("postgresql@18"), 18);
        assert_eq!(trailing_number("latest"), 0);
    }

    #[test]
    fn data_gets_the_version_it_was_made_with_or_a_refusal() {
        let chosen = |have: &[u32], wanted| choose(&having(have), wanted);

        assert_eq!(chosen(&[18, 15], None).unwrap().unwrap().major, 18);
        assert_eq!(chosen(&[18, 15], Some(15)).unwrap().unwrap().major, 15);
        assert_eq!(chosen(&[14, 13], None).unwrap(), None, "too old to use");
        assert!(matches!(
            chosen(&[18, 15], Some(16)),
            Err(EmbeddedError::OtherMajor { data: 16, have }) if have == [18, 15]
        ));
    }
}
