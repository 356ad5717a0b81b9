//! The cluster: made once, then served, ended and recovered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::Account;
use super::binaries::Binaries;
use super::folder::Folder;
use super::{EmbeddedError, PORT, Purpose, SOCKET_NAME};

/// Recovery after a crash replays the log first, so a start may take a while.
const START: Duration = Duration::from_secs(120);
/// Longer than the keeper's own patience.
const STOP: Duration = Duration::from_secs(30);
const KEEPER: &str = include_str!("keeper.sh");

/// What stands in the folder at the moment.
#[derive(Debug)]
pub(super) enum Found {
    /// Nobody keeps a server.
    Nobody,
    /// A server is kept, and by holding this pipe we are among its users.
    Server(File),
    /// A server is about to end.
    Ending,
}

/// Look, and join if there is something to join.
pub(super) fn look(folder: &Folder) -> Result<Found, EmbeddedError> {
    let Some(mut pipe) = keepers_pipe(folder)? else { return Ok(Found::Nobody) };
    // Our word first, then the look at the sign: the keeper takes the sign away before it listens a last time.
    if pipe.write_all(b".").is_ok() && folder.open().exists() { Ok(Found::Server(pipe)) } else { Ok(Found::Ending) }
}

/// The writing end of the pipe, if there is a keeper who reads from it.
fn keepers_pipe(folder: &Folder) -> Result<Option<File>, EmbeddedError> {
    let pipe = OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(folder.users());
    match pipe {
        Ok(pipe) => Ok(Some(pipe)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => Ok(None),
        Err(error) => Err(folder.failed("open the pipe of", error)),
    }
}

/// Make the data if there is none. A kill in the middle leaves nothing half made.
pub(super) fn make(
    folder: &Folder,
    account: &Account,
    binaries: &Binaries,
    purpose: Purpose,
) -> Result<(), EmbeddedError> {
    let (data, new) = (folder.data(), folder.path.join("data.new"));
    if data.exists() {
        return Ok(());
    }
    let mut said = String::new();
    for locale in ["C.UTF-8", "C"] {
        let _ = fs::remove_dir_all(&new);
        let mut initdb = account.command(binaries.program("initdb"));
        initdb.arg("-D").arg(&new).args(["-U", super::USER, "-E", "UTF8", "--no-instructions"]);
        initdb.args(["--auth-local=trust", "--auth-host=reject"]).arg(format!("--locale={locale}"));
        match purpose {
            Purpose::Data => (),
            Purpose::Test => {
                initdb.arg("--no-sync");
            }
        }
        let output = initdb.output().map_err(|source| folder.failed("run initdb for", source))?;
        if output.status.success() {
            return fs::rename(&new, &data).map_err(|source| folder.failed("name the data of", source));
        }
        said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    }
    let _ = fs::remove_dir_all(&new);
    Err(EmbeddedError::Initdb { folder: folder.path.clone(), said })
}

/// Start a server and its keeper; answers our end of the pipe once the server takes connections.
pub(super) fn start(
    folder: &Folder,
    account: &Account,
    binaries: &Binaries,
    purpose: Purpose,
) -> Result<File, EmbeddedError> {
    let began = Instant::now();
    loop {
        folder.prepare(account)?;
        let pipe = launch(folder, account, binaries, purpose)?;
        match wait_until_ready(folder) {
            Ok(()) => {
                File::create(folder.open()).map_err(|source| folder.failed("mark as open", source))?;
                return Ok(pipe);
            }
            // A server that was killed leaves children behind that need a moment to notice.
            Err(EmbeddedError::Server { said, .. })
                if said.contains("is still in use") && began.elapsed() < Duration::from_secs(15) =>
            {
                drop(pipe);
                wait_for_keeper(folder)?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn launch(folder: &Folder, account: &Account, binaries: &Binaries, purpose: Purpose) -> Result<File, EmbeddedError> {
    let pipe_failed = |source| folder.failed("open the pipe of", source);
    // Open at both ends for a moment, because either end alone would wait for the other.
    let both = OpenOptions::new().read(true).write(true).open(folder.users()).map_err(pipe_failed)?;
    let read = File::open(folder.users()).map_err(pipe_failed)?;
    let mut write = OpenOptions::new().write(true).open(folder.users()).map_err(pipe_failed)?;
    drop(both);
    write.write_all(b".").map_err(pipe_failed)?;

    let log = folder.open_log()?;
    let (afterwards, linger) = match purpose {
        Purpose::Data => ("keep", "0"),
        Purpose::Test => ("remove", "0.5"),
    };
    let mut keeper = account.command("/bin/sh");
    keeper.args(["-c", KEEPER, "rabta-keeper"]).arg(&folder.path).arg(folder.socket());
    keeper.args([afterwards, linger]);
    keeper.arg(binaries.program("postgres")).arg("-D").arg(folder.data()).args(["-p", PORT]);
    for setting in settings(purpose) {
        keeper.args(["-c", setting]);
    }
    keeper.arg("-c").arg(format!("unix_socket_directories={}", folder.socket().display()));
    keeper.current_dir(&folder.path).stdin(read);
    keeper.stdout(log.try_clone().map_err(|source| folder.failed("open the log of", source))?).stderr(log);
    // A group of its own, so that Ctrl-C reaches us alone, and we end it when we are done.
    keeper.process_group(0);
    let mut child = keeper.spawn().map_err(|source| folder.failed("run /bin/sh for", source))?;
    // Somebody has to ask for its exit status, or it stays listed after it ended.
    std::thread::spawn(move || child.wait());
    Ok(write)
}

fn settings(purpose: Purpose) -> &'static [&'static str] {
    match purpose {
        // No network at all: who may enter the folder may connect, nobody else.
        Purpose::Data => &["listen_addresses=", "unix_socket_permissions=0700", "log_line_prefix=%m [%p] "],
        // Nothing here outlives the run, so nothing waits for a disk.
        Purpose::Test => &[
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
            "max_connections=200",
            "max_wal_size=4GB",
        ],
    }
}

/// Wait until the server takes connections.
pub(super) fn wait_until_ready(folder: &Folder) -> Result<(), EmbeddedError> {
    let began = Instant::now();
    while began.elapsed() < START {
        if folder.exited().exists() {
            return Err(EmbeddedError::Server { log: folder.log(), said: folder.log_tail() });
        }
        if postmaster(folder).is_some_and(|(_, ready)| ready) && answers(folder) {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    Err(EmbeddedError::Server { log: folder.log(), said: folder.log_tail() })
}

/// Wait until the keeper has ended the server and gone.
pub(super) fn wait_for_keeper(folder: &Folder) -> Result<(), EmbeddedError> {
    let began = Instant::now();
    while began.elapsed() < STOP {
        if keepers_pipe(folder)?.is_none() {
            return Ok(());
        }
        sleep(Duration::from_millis(10));
    }
    Err(EmbeddedError::Busy { folder: folder.path.clone() })
}

/// A server whose keeper was killed serves nobody we know of: end it.
pub(super) fn end_orphan(folder: &Folder) -> Result<(), EmbeddedError> {
    let Some((pid, _)) = postmaster(folder) else { return Ok(()) };
    if !answers(folder) {
        return Ok(());
    }
    tracing::warn!(pid, "ending a database server that nobody looked after");
    let began = Instant::now();
    let mut signal = Signal::SIGINT;
    let _ = kill(Pid::from_raw(pid), signal);
    while answers(folder) || postmaster(folder).is_some_and(|(still, _)| still == pid) {
        if began.elapsed() > Duration::from_secs(20) && signal == Signal::SIGINT {
            signal = Signal::SIGQUIT;
            let _ = kill(Pid::from_raw(pid), signal);
        }
        if began.elapsed() > STOP {
            return Err(EmbeddedError::Server { log: folder.log(), said: format!("process {pid} did not end") });
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The process id in postmaster.pid, and whether its eighth line says ready.
fn postmaster(folder: &Folder) -> Option<(i32, bool)> {
    let text = fs::read_to_string(folder.data().join("postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    Some((pid, lines.nth(6).is_some_and(|status| status.trim() == "ready")))
}

fn answers(folder: &Folder) -> bool {
    UnixStream::connect(folder.socket().join(SOCKET_NAME)).is_ok()
}
