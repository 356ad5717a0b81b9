//! PostgreSQL: words as a tsvector with a GIN index, ranked by ts_rank; a server of its own in a
//! temporary folder, one backend, no parallel workers. Its times are those that it logs of itself.

use std::io::{Error, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use crate::Times;

/// What was found.
pub struct Found {
    /// Of ordinary and of hot gigs.
    pub times: [Times; 2],
    /// Of the index and the vectors.
    pub bytes: usize,
    /// Seconds by the clock, for vectors and index.
    pub built: f64,
}

struct Server {
    folder: PathBuf,
    running: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.running.id().to_string()]).status();
        let _ = self.running.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where its programs are.
fn programs() -> Result<PathBuf, Error> {
    if let Ok(folder) = env::var("RABTA_PG_BIN") {
        return Ok(folder.into());
    }
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql")?.flatten().map(|entry| entry.path().join("bin")).collect();
    found.sort();
    found.pop().ok_or_else(|| Error::other("no PostgreSQL in /usr/lib/postgresql"))
}

/// It refuses to run as root.
fn account() -> Option<u32> {
    let id = |arguments: &[&str]| {
        let told = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(told.stdout).ok()?.trim().parse::<u32>().ok()
    };
    (id(&["-u"])? == 0).then(|| id(&["-u", "postgres"]).or_else(|| id(&["-u", "nobody"]))).flatten()
}

impl Server {
    fn start() -> Result<Self, Error> {
        let (programs, account) = (programs()?, account());
        let folder = env::temp_dir().join(format!("rabta-beside-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
            if let Some(account) = account {
                command.uid(account);
            }
            command
        };
        if let Some(account) = account {
            chown(&folder, Some(account), None)?;
        }
        let data = folder.join("data");
        let made = command("initdb")
            .args(["-U", "app", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .status()?;
        if !made.success() {
            return Err(Error::other("initdb failed"));
        }
        let running = command("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "shared_buffers=1GB", "-c", "max_parallel_workers_per_gather=0"])
            .args(["-c", "max_parallel_maintenance_workers=0", "-c", "maintenance_work_mem=512MB", "-c", "fsync=off"])
            .args(["-c", "work_mem=64MB", "-c", "jit=off"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", folder.display()))
            .spawn()?;
        let server = Self { folder, running };
        for _ in 0..200 {
            if psql(&server.folder, "select 1").is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(Error::other("it did not start"))
    }
}

/// What psql says to a script, and what the server logs meanwhile.
fn psql(folder: &Path, script: &str) -> Result<(String, String), Error> {
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "app", "-d", "postgres", "-h"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or_else(|| Error::other("no way in"))?;
    let script = script.to_owned();
    let writing = thread::spawn(move || input.write_all(script.as_bytes()));
    let told = child.wait_with_output()?;
    let _ = writing.join();
    let (out, log) =
        (String::from_utf8_lossy(&told.stdout).into_owned(), String::from_utf8_lossy(&told.stderr).into_owned());
    if told.status.success() { Ok((out, log)) } else { Err(Error::other(log)) }
}

/// Fill it, and ask.
pub fn measure(documents: &[String], asked: &[&[String]; 2]) -> Result<Found, Error> {
    let server = Server::start()?;
    let mut fill =
        String::from("create table person (id serial primary key, words text);\ncopy person (words) from stdin;\n");
    for words in documents {
        fill.push_str(words);
        fill.push('\n');
    }
    fill.push_str("\\.\n");
    psql(&server.folder, &fill)?;
    let before = Instant::now();
    psql(
        &server.folder,
        "create table found as select id, to_tsvector('simple', words) as words from person;
         create index found_words on found using gin (words) with (fastupdate = off);
         vacuum analyze found;",
    )?;
    let built = before.elapsed().as_secs_f64();
    let (bytes, _) = psql(&server.folder, "select pg_total_relation_size('found');")?;
    let times = asked.map(|asked| {
        let ask = |words: &String| {
            let query = words.replace(' ', " | ");
            format!(
                "select count(*) from (select id from found, to_tsquery('simple', '{query}') q where words @@ q
                 order by ts_rank(words, q) desc, id limit 50) best;\n"
            )
        };
        let warm: String = asked.iter().take(3).map(ask).collect();
        let script: String = asked.iter().map(ask).collect();
        let all = format!("{warm}set log_statement_stats = on;\nset client_min_messages = log;\n{script}");
        psql(&server.folder, &all)
            .map(|(_, log)| Times::new(log.lines().filter_map(seconds).map(|s| s * 1e3).collect()))
    });
    let [ordinary, hot] = times;
    Ok(Found { times: [ordinary?, hot?], bytes: bytes.trim().parse().unwrap_or(0), built })
}

/// Processor seconds of a statement, as its statistics tell: "0.001 s user, 0.002 s system, 0.003 s elapsed".
fn seconds(line: &str) -> Option<f64> {
    let told = line.trim_start_matches(['!', '\t', ' ']).split_once(" s elapsed")?.0;
    let mut parts = told.split(", ");
    let number = |part: Option<&str>| part?.split(' ').next()?.parse::<f64>().ok();
    Some(number(parts.next())? + number(parts.next())?)
}
