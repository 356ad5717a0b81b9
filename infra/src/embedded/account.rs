//! Who the server runs as. PostgreSQL refuses to run as root, so root lends it another account.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, User};

use super::EmbeddedError;

/// The account that owns the folder and runs the server.
#[derive(Debug, Clone)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    name: String,
    /// We are root, and step down to this account.
    lent: bool,
}

impl Account {
    /// Ourselves; or, for root, whoever owns the data already, else `postgres`, else `nobody`.
    pub(super) fn for_data(data: &Path) -> Result<Self, EmbeddedError> {
        let me = Uid::effective();
        if !me.is_root() {
            let (uid, gid) = (me.as_raw(), Gid::effective().as_raw());
            return Ok(Self { uid, gid, name: format!("user {uid}"), lent: false });
        }
        let owner = fs::metadata(data).ok().map(|data| Uid::from_raw(data.uid())).filter(|owner| !owner.is_root());
        let user = match owner {
            Some(owner) => User::from_uid(owner),
            None => User::from_name("postgres")
                .and_then(|found| found.map_or_else(|| User::from_name("nobody"), |user| Ok(Some(user)))),
        };
        match user {
            Ok(Some(user)) => Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, lent: true }),
            Ok(None) | Err(_) => Err(EmbeddedError::NoAccount),
        }
    }

    /// A command run as this account, with a clean environment.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
        if self.lent {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Give a file or folder of ours to this account.
    pub(super) fn owns(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !self.lent {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(|source| EmbeddedError::Unwritable { folder: path.to_owned(), source })
    }

    /// A folder that was there before must be this account's own.
    pub(super) fn has(&self, path: &Path) -> Result<(), EmbeddedError> {
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() && meta.uid() == self.uid => Ok(()),
            Ok(_) => Err(EmbeddedError::Foreign { folder: path.to_owned() }),
            Err(source) => Err(EmbeddedError::Unwritable { folder: path.to_owned(), source }),
        }
    }

    /// Every folder above must let a lent account through.
    pub(super) fn reaches(&self, folder: &Path) -> Result<(), EmbeddedError> {
        if !self.lent {
            return Ok(());
        }
        let blocked = folder.ancestors().skip(1).find(|above| {
            fs::metadata(above).is_ok_and(|meta| {
                if !meta.is_dir() {
                    return false;
                }
                let mode = meta.permissions().mode();
                let open = mode & 0o001 != 0
                    || (meta.gid() == self.gid && mode & 0o010 != 0)
                    || (meta.uid() == self.uid && mode & 0o100 != 0);
                !open
            })
        });
        match blocked {
            None => Ok(()),
            Some(blocked) => Err(EmbeddedError::Unreachable {
                folder: folder.to_owned(),
                account: self.name.clone(),
                blocked: blocked.to_owned(),
            }),
        }
    }
}
