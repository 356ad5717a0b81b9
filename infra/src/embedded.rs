//! A private PostgreSQL, for `rabta` with nothing configured and for tests.
//!
//! It listens on a socket in a folder that only its owner may enter, and on no port. It lives as
//! long as somebody uses it: every user holds a pipe open, and a small keeper ends the server when
//! the last of them has gone, whichever way they went. Several processes may share one folder; the
//! first starts the server, the others join it. Data survives a restart, and a kill of everything. A
//! server that was killed under its users is started again by the keeper, and they go on.

mod account;
mod binaries;
mod cluster;
mod fetch;
mod folder;
mod watch;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use sqlx::{Connection, PgConnection};

use account::Account;
use cluster::Found;
use folder::{Folder, Mark};
pub use watch::Watch;

/// The superuser of a private cluster.
const USER: &str = "app";
/// Names the socket; there is no such port.
const PORT: &str = "54329";
const SOCKET_NAME: &str = ".s.PGSQL.54329";
/// The file of the program's own keys, which may be in the folder before there is a server.
pub const KEYS: &str = "signing.keys";
/// The file of the key that account numbers are encrypted with, which may be there too.
pub const VAULT_KEY: &str = "vault.key";
/// The snapshot of the index of matching, beside the data.
pub const INDEX: &str = "matching.index";
/// A test cluster in memory wants this much room.
const MEMORY_BYTES: u128 = 2 << 30;

/// What a private server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To keep data safe.
    Data,
    /// To be fast, and to leave nothing behind: the folder is removed when the last user has gone.
    Test,
}

/// A private server that runs at least as long as this value lives.
#[derive(Debug)]
pub struct Embedded {
    folder: Folder,
    major: u32,
    /// Our end of the keeper's pipe, and our mark among the users.
    used: Option<(File, Mark)>,
}

impl Embedded {
    /// Start the server of a folder, or join it when it runs. Makes the folder, and the data in it,
    /// when there is none. `programs` says where PostgreSQL's programs are; otherwise they are
    /// looked for, and fetched if the machine has none.
    ///
    /// # Errors
    /// Every [`EmbeddedError`], each with its remedy.
    pub async fn start(folder: &Path, purpose: Purpose, programs: Option<&Path>) -> Result<Self, EmbeddedError> {
        let (folder, programs) = (folder.to_owned(), programs.map(Path::to_owned));
        tokio::task::spawn_blocking(move || start(&folder, purpose, programs.as_deref()))
            .await
            .map_err(|error| EmbeddedError::Database(sqlx::Error::Io(io::Error::other(error))))?
    }

    /// The address of one of its databases, for who owns it and may do anything.
    pub fn url(&self, database: &str) -> String {
        self.url_as(USER, database)
    }

    /// The address of one of its databases, for a role that may do less. The name is one of ours.
    pub fn url_as(&self, role: &str, database: &str) -> String {
        let socket: String = (self.folder.socket().to_string_lossy().bytes())
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        format!("postgres://{role}@localhost:{PORT}/{database}?host={socket}&sslmode=disable")
    }

    /// PostgreSQL's major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The folder it lives in.
    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// Sees how it fares.
    pub fn watch(&self) -> Watch {
        Watch { folder: self.folder.clone() }
    }

    /// Make a database unless it is there. The name is one of ours, never a user's.
    ///
    /// # Errors
    /// [`EmbeddedError::Database`].
    pub async fn ensure_database(&self, name: &str) -> Result<(), EmbeddedError> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !there {
            let made = sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {}", quoted(name))))
                .execute(&mut connection)
                .await;
            // Another process may have been faster.
            if let Err(error) = made
                && error.as_database_error().and_then(|error| error.code()).is_none_or(|code| code != "42P04")
            {
                return Err(error.into());
            }
        }
        connection.close().await?;
        Ok(())
    }

    /// Leave the server. If nobody else uses it, wait until it has shut down cleanly. Dropping
    /// does the same without the waiting.
    ///
    /// # Errors
    /// [`EmbeddedError::Busy`] if it does not end.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let folder = self.folder.clone();
        let used = self.used.take();
        tokio::task::spawn_blocking(move || {
            let account = Account::for_data(&folder.data())?;
            let (folder, _door) = Folder::enter(&folder.path, &account)?;
            drop(used);
            if folder.is_unused()? { cluster::wait_for_keeper(&folder) } else { Ok(()) }
        })
        .await
        .map_err(|error| EmbeddedError::Database(sqlx::Error::Io(io::Error::other(error))))?
    }
}

fn start(path: &Path, purpose: Purpose, programs: Option<&Path>) -> Result<Embedded, EmbeddedError> {
    let path =
        std::path::absolute(path).map_err(|source| EmbeddedError::Unwritable { folder: path.to_owned(), source })?;
    loop {
        let account = Account::for_data(&path.join("data"))?;
        let (folder, door) = Folder::enter(&path, &account)?;
        let pipe = match cluster::look(&folder)? {
            Found::Server(pipe) => match cluster::wait_until_ready(&folder) {
                Ok(()) => pipe,
                // It was killed a moment ago, and its keeper is about to notice.
                Err(EmbeddedError::Server { .. }) => {
                    drop((pipe, door));
                    cluster::wait_for_keeper(&folder)?;
                    continue;
                }
                Err(error) => return Err(error),
            },
            Found::Ending => {
                // Its folder may be removed with it, so we come in again.
                drop(door);
                cluster::wait_for_keeper(&folder)?;
                continue;
            }
            Found::Nobody => {
                cluster::end_orphan(&folder)?;
                if purpose == Purpose::Test {
                    // It ended in the middle of something, without care for its disk.
                    let _ = fs::remove_dir_all(folder.data());
                }
                let binaries = binaries::find(programs, folder.data_major())?;
                cluster::make(&folder, &account, &binaries, purpose)?;
                cluster::start(&folder, &account, &binaries, purpose)?
            }
        };
        let mark = folder.mark()?;
        let major = folder.data_major().unwrap_or_default();
        return Ok(Embedded { folder, major, used: Some((pipe, mark)) });
    }
}

/// Where data is kept when nobody says otherwise: a folder that survives a reboot. Root lends its
/// server another account, which can't look into root's home.
pub fn default_folder() -> Option<PathBuf> {
    if Uid::effective().is_root() {
        return Some(PathBuf::from("/var/lib/rabta"));
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let share = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(share.join("rabta"))
}

/// Where the tests of one account share their server: in memory when there is room.
pub fn test_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = nix::sys::statvfs::statvfs(memory)
        .is_ok_and(|room| u128::from(room.blocks_available()) * u128::from(room.fragment_size()) > MEMORY_BYTES);
    let parent = if room { memory.to_owned() } else { std::env::temp_dir() };
    parent.join(format!("rabta-test-{}", Uid::effective()))
}

/// A name as SQL reads it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Why there is no private server. [`EmbeddedError::remedy`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The machine has none, and none could be fetched.
    #[error("there is no PostgreSQL on this machine, and fetching one failed: {tried}")]
    NoPostgres {
        /// What was tried, and what it said.
        tried: String,
    },
    /// The folder that was named has no PostgreSQL in it.
    #[error("{} does not hold PostgreSQL's programs (initdb, postgres)", folder.display())]
    NotPostgres {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// The PostgreSQL that was named is too old.
    #[error("this PostgreSQL is older than version {major}")]
    TooOld {
        /// The oldest that will do.
        major: u32,
    },
    /// The data was made by a version that is not here.
    #[error("the data was made with PostgreSQL {data}, and here is {}", versions(have))]
    OtherMajor {
        /// The version that made the data.
        data: u32,
        /// The versions that were found.
        have: Vec<u32>,
    },
    /// The folder can't be written.
    #[error("the folder {} can't be written: {source}", folder.display())]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds something else.
    #[error("the folder {} holds other things than a Rabta database", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Root's stand-in can't reach the folder.
    #[error("{account}, which the database runs as, can't reach {}: {} is closed to it", folder.display(), blocked.display())]
    Unreachable {
        /// The folder.
        folder: PathBuf,
        /// The account's name.
        account: String,
        /// The folder above that stands in the way.
        blocked: PathBuf,
    },
    /// We are root, and there is no account to lend.
    #[error("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")]
    NoAccount,
    /// The cluster could not be made.
    #[error("initdb could not make a database in {}: {said}", folder.display())]
    Initdb {
        /// The folder.
        folder: PathBuf,
        /// What initdb said.
        said: String,
    },
    /// The server did not start, or did not end.
    #[error("the private PostgreSQL server failed:\n{said}")]
    Server {
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        said: String,
    },
    /// The server has ended, and somebody who used it has not.
    #[error("the database server in {} has ended, and processes that used it hold on to it", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refused something else.
    #[error("could not {what} {}: {source}", folder.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The server runs and refuses a command.
    #[error("the private PostgreSQL server refuses: {0}")]
    Database(#[from] sqlx::Error),
}

impl EmbeddedError {
    /// What to do next.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoPostgres { .. } | Self::TooOld { .. } => "install one (apt install postgresql, brew install \
                postgresql@18), or set DATABASE_URL to one that runs elsewhere"
                .into(),
            Self::NotPostgres { .. } => {
                "point RABTA_PG_BIN at the folder with initdb and postgres in it, or leave it unset".into()
            }
            Self::OtherMajor { data, .. } => format!(
                "install PostgreSQL {data}, or move the data with pg_upgrade, or choose an empty folder with \
                 --data-dir (RABTA_DATA_DIR); the data was not touched"
            ),
            Self::Unwritable { .. } => {
                "choose another folder with --data-dir (RABTA_DATA_DIR), or make this one writable for you".into()
            }
            Self::Foreign { .. } => "choose an empty or a new folder with --data-dir (RABTA_DATA_DIR)".into(),
            Self::Unreachable { blocked, .. } => format!(
                "choose another folder with --data-dir (RABTA_DATA_DIR), such as /var/lib/rabta, or chmod o+x {}",
                blocked.display()
            ),
            Self::NoAccount => "run as another user than root, or add an account named postgres".into(),
            Self::Initdb { .. } => "see what it says above; RABTA_PG_BIN chooses another PostgreSQL".into(),
            Self::Server { log, .. } => format!("the whole log is {}", log.display()),
            Self::Busy { folder } => format!("end them (fuser {}), then start again", folder.join("marks").display()),
            Self::Io { .. } => "look at the folder's permissions and at the room on its disk".into(),
            Self::Database(_) => "look at the log in the data folder".into(),
        }
    }
}

fn versions(have: &[u32]) -> String {
    if have.is_empty() {
        return "no other".into();
    }
    have.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
