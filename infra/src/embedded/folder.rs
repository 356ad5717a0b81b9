//! The folder of a private server: its data, its socket, its log, and the locks of its users.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use sha2::{Digest, Sha256};

use super::EmbeddedError;
use super::account::Account;

/// A log longer than this is begun anew at the next start.
const LOG_BYTES: u64 = 8 << 20;
/// What the kernel allows for a socket's path, less a margin for macOS.
const SOCKET_PATH: usize = 100;

/// The folder, and the names of what is in it.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

/// Whoever holds it may start, join or stop the server. Let go when dropped.
#[derive(Debug)]
pub(super) struct Door {
    _file: File,
}

/// Says that we use the server, for as long as it lives.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
}

impl Drop for Mark {
    fn drop(&mut self) {
        // To close the file would not do: a child that was forked and does not run its program yet has it open, too.
        let _ = self.file.unlock();
    }
}

impl Folder {
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The pipe that users hold open.
    pub(super) fn users(&self) -> PathBuf {
        self.path.join("users")
    }

    /// There while newcomers may still join.
    pub(super) fn open(&self) -> PathBuf {
        self.path.join("open")
    }

    /// The server's process, as its keeper writes it down at each start.
    pub(super) fn server_pid(&self) -> Option<String> {
        let pid = fs::read_to_string(self.path.join("server.pid")).ok()?;
        Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty())
    }

    /// Written by the keeper when the server has ended, and is not started again.
    pub(super) fn exited(&self) -> PathBuf {
        self.path.join("exited")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The major version that the data was made with.
    pub(super) fn data_major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Where the socket is: inside, unless that path is too long or holds what PostgreSQL would misread.
    pub(super) fn socket(&self) -> PathBuf {
        let inside = self.path.join("socket");
        let bytes = inside.as_os_str().as_bytes();
        let plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte));
        if plain && bytes.len() + super::SOCKET_NAME.len() < SOCKET_PATH {
            return inside;
        }
        let hash = Sha256::digest(bytes);
        let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        env::temp_dir().join(format!("rabta-{short}"))
    }

    /// Make the folder if need be, and wait for our turn with it.
    pub(super) fn enter(path: &Path, account: &Account) -> Result<(Self, Door), EmbeddedError> {
        let unwritable = |source| EmbeddedError::Unwritable { folder: path.to_owned(), source };
        loop {
            let standing = standing(path).map_err(unwritable)?;
            match standing {
                Standing::Ours | Standing::Free => (),
                Standing::Foreign => return Err(EmbeddedError::Foreign { folder: path.to_owned() }),
            }
            account.reaches(path)?;
            fs::create_dir_all(path).map_err(unwritable)?;
            let folder = Self { path: fs::canonicalize(path).map_err(unwritable)? };
            if standing == Standing::Free {
                fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(unwritable)?;
                account.owns(path)?;
            }
            account.reaches(&folder.path)?;
            let door = path.join("door");
            let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&door) {
                Ok(file) => file,
                // It was removed between two of our steps.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unwritable(error)),
            };
            file.lock().map_err(unwritable)?;
            // A test server removes its folder when it ends. Then we waited at a door that leads nowhere.
            let held = file.metadata().map_err(unwritable)?;
            if fs::metadata(&door).is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
                return Ok((folder, Door { _file: file }));
            }
        }
    }

    /// Note that we use the server. The mark goes away with us.
    pub(super) fn mark(&self) -> Result<Mark, EmbeddedError> {
        let file = self.marks()?;
        file.lock_shared().map_err(|source| self.failed("lock its marks", source))?;
        Ok(Mark { file })
    }

    /// Does nobody use the server? Ask only while holding the door.
    pub(super) fn is_unused(&self) -> Result<bool, EmbeddedError> {
        match self.marks()?.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(self.failed("lock its marks", source)),
        }
    }

    fn marks(&self) -> Result<File, EmbeddedError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.join("marks"))
            .map_err(|source| self.failed("open its marks", source))
    }

    /// Clear what an earlier run left, and lay out what the next one needs.
    pub(super) fn prepare(&self, account: &Account) -> Result<(), EmbeddedError> {
        for name in ["users", "open", "ending", "exited", "server.pid"] {
            match fs::remove_file(self.path.join(name)) {
                Ok(()) => (),
                Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                Err(error) => return Err(EmbeddedError::Unwritable { folder: self.path.clone(), source: error }),
            }
        }
        nix::unistd::mkfifo(&self.users(), Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| self.failed("make a pipe in", errno.into()))?;
        let socket = self.socket();
        match fs::create_dir(&socket) {
            Ok(()) => (),
            // A stranger may have made it first, in a folder that everybody writes to.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => account.has(&socket)?,
            Err(error) => return Err(self.failed("make a socket folder for", error)),
        }
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o700))
            .map_err(|source| self.failed("close the socket folder of", source))?;
        account.owns(&socket)
    }

    /// The log, open for appending.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        let long = fs::metadata(self.log()).is_ok_and(|log| log.len() > LOG_BYTES);
        let result =
            if long { File::create(self.log()) } else { File::options().append(true).create(true).open(self.log()) };
        result.map_err(|source| EmbeddedError::Unwritable { folder: self.path.clone(), source })
    }

    /// The last lines of the log, for an error message.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    pub(super) fn failed(&self, what: &'static str, source: io::Error) -> EmbeddedError {
        EmbeddedError::Io { what, folder: self.path.clone(), source }
    }
}

/// Whose a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A server of ours was here before.
    Ours,
    /// It may become ours: it is not there, or empty but for the program's keys.
    Free,
    /// Other things are in it: it is left alone.
    Foreign,
}

fn standing(path: &Path) -> io::Result<Standing> {
    if path.join("door").exists() {
        return Ok(Standing::Ours);
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        if name != super::KEYS && name != super::VAULT_KEY && name != super::INDEX {
            // Somebody may have opened the door since we looked.
            return Ok(if path.join("door").exists() { Standing::Ours } else { Standing::Foreign });
        }
    }
    Ok(Standing::Free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_goes_with_its_user_also_while_a_child_still_has_its_file_open() {
        let path = env::temp_dir().join(format!("rabta-mark-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Folder { path: path.clone() };
        let (first, second) = (folder.mark().unwrap(), folder.mark().unwrap());
        let inherited = first.file.try_clone().unwrap();
        drop(first);
        assert!(!folder.is_unused().unwrap(), "the second is there still");
        drop(second);
        assert!(folder.is_unused().unwrap());
        drop(inherited);
        fs::remove_dir_all(&path).unwrap();
    }
}
