//! The private PostgreSQL: it starts, is shared, survives what may happen to it, and goes away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use infra::embedded::{Embedded, EmbeddedError, Purpose};
use sqlx::{Connection, PgConnection};

/// A folder of this test's own, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = infra::embedded::test_folder().with_file_name(format!("rabta-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn start(folder: &Path) -> Embedded {
    Embedded::start(folder, Purpose::Data, None).await.unwrap()
}

async fn refused(folder: &Path) -> EmbeddedError {
    Embedded::start(folder, Purpose::Data, None).await.expect_err("it should be refused")
}

async fn connect(server: &Embedded) -> PgConnection {
    PgConnection::connect(&server.url("postgres")).await.unwrap()
}

async fn write(server: &Embedded, note: &str) {
    let mut connection = connect(server).await;
    sqlx::query("CREATE TABLE IF NOT EXISTS note (note text)").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO note VALUES ($1)").bind(note).execute(&mut connection).await.unwrap();
}

async fn notes(server: &Embedded) -> Vec<String> {
    let mut connection = connect(server).await;
    sqlx::query_scalar("SELECT note FROM note ORDER BY note").fetch_all(&mut connection).await.unwrap()
}

fn pid(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap().lines().next().unwrap().trim().to_owned()
}

fn server_pid(folder: &Path) -> String {
    pid(folder.join("data/postmaster.pid"))
}

/// Kill a process, and see it dead: until then it still takes connections.
fn kill_9(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    let state = || Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
    while state().first().is_some_and(|state| *state != b'Z') {
        std::thread::yield_now();
    }
}

/// The keeper and what it runs, except for the server.
fn kill_9_the_keeper(folder: &Path) {
    let output = Command::new("ps").args(["-eo", "pid=,pgid=,comm="]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let processes: Vec<Vec<&str>> = output.lines().map(|line| line.split_whitespace().collect()).collect();
    let server = pid(folder.join("server.pid"));
    let group = processes.iter().find(|process| process[0] == server).unwrap()[1];
    for process in processes.iter().filter(|process| process[1] == group && process[2] != "postgres") {
        kill_9(process[0]);
    }
}

/// How long a server may take to end or to recover, on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(120);

async fn gone(path: &Path) {
    let began = Instant::now();
    while path.exists() {
        assert!(began.elapsed() < PATIENCE, "{} is still there", path.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn data_survives_a_clean_stop_and_the_server_does_not() {
    let scratch = Scratch::new("stop");
    let server = start(&scratch.0).await;
    write(&server, "before").await;

    server.stop().await.unwrap();
    assert!(!scratch.0.join("data/postmaster.pid").exists(), "stop waits for the end of the server");
    let log = fs::read_to_string(scratch.0.join("log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");

    let server = start(&scratch.0).await;
    assert_eq!(notes(&server).await, ["before"]);
    let log = fs::read_to_string(scratch.0.join("log")).unwrap();
    assert!(!log.contains("not properly shut down"), "{log}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_user_joins_and_the_server_outlives_the_first() {
    let scratch = Scratch::new("join");
    let (first, second) = tokio::join!(start(&scratch.0), start(&scratch.0));
    let server = server_pid(&scratch.0);
    write(&first, "shared").await;

    first.stop().await.unwrap();
    assert_eq!(notes(&second).await, ["shared"]);
    assert_eq!(server_pid(&scratch.0), server, "nobody started another one");

    second.stop().await.unwrap();
    assert!(!scratch.0.join("data/postmaster.pid").exists());
}

#[tokio::test]
async fn dropping_ends_the_server_too() {
    let scratch = Scratch::new("drop");
    let server = start(&scratch.0).await;
    write(&server, "dropped").await;
    drop(server);

    gone(&scratch.0.join("data/postmaster.pid")).await;
    let server = start(&scratch.0).await;
    assert_eq!(notes(&server).await, ["dropped"]);
    server.stop().await.unwrap();
}

/// Wait until the server of a folder is another one than `old`, and takes connections.
async fn back(server: &Embedded, folder: &Path, old: &str) {
    let began = Instant::now();
    while fs::read_to_string(folder.join("data/postmaster.pid")).is_ok_and(|pid| pid.starts_with(old))
        || PgConnection::connect(&server.url("postgres")).await.is_err()
    {
        assert!(began.elapsed() < PATIENCE, "it does not come back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_under_its_users_comes_back_and_loses_nothing() {
    let scratch = Scratch::new("back");
    let server = start(&scratch.0).await;
    write(&server, "committed").await;
    for round in 0..3 {
        let old = server_pid(&scratch.0);
        kill_9(&old);
        back(&server, &scratch.0, &old).await;
        assert_eq!(notes(&server).await.len(), 1 + round);
        write(&server, "after").await;
    }
    // Whoever comes now joins it.
    let second = start(&scratch.0).await;
    assert_eq!(notes(&second).await, ["after", "after", "after", "committed"]);
    let log = fs::read_to_string(scratch.0.join("log")).unwrap();
    assert!(log.contains("not properly shut down"), "it was recovered: {log}");
    server.stop().await.unwrap();
    second.stop().await.unwrap();
    assert!(!scratch.0.join("data/postmaster.pid").exists(), "and it ends with its last user");
}

#[tokio::test]
async fn killing_the_server_and_leaving_at_once_loses_nothing() {
    for round in 0..3 {
        let scratch = Scratch::new("kill");
        let server = start(&scratch.0).await;
        write(&server, "committed").await;
        kill_9(&server_pid(&scratch.0));
        // Before its keeper has noticed, while it recovers, or after it.
        tokio::time::sleep(Duration::from_millis(150 * round)).await;
        drop(server);

        let server = start(&scratch.0).await;
        assert_eq!(notes(&server).await, ["committed"]);
        server.stop().await.unwrap();
        assert!(!scratch.0.join("data/postmaster.pid").exists());
    }
}

#[tokio::test]
async fn killing_the_keeper_and_ourselves_leaves_a_server_that_the_next_start_ends() {
    let scratch = Scratch::new("orphan");
    let server = start(&scratch.0).await;
    write(&server, "orphaned").await;
    let old = server_pid(&scratch.0);
    kill_9_the_keeper(&scratch.0);
    drop(server);

    let server = start(&scratch.0).await;
    assert_ne!(server_pid(&scratch.0), old);
    assert_eq!(notes(&server).await, ["orphaned"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_half_made_cluster_is_made_again() {
    let scratch = Scratch::new("half");
    let server = start(&scratch.0).await;
    server.stop().await.unwrap();
    fs::rename(scratch.0.join("data"), scratch.0.join("data.new")).unwrap();
    fs::remove_file(scratch.0.join("data.new/PG_VERSION")).unwrap();

    let server = start(&scratch.0).await;
    write(&server, "made again").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_test_server_leaves_nothing_behind() {
    let scratch = Scratch::new("test");
    let server = Embedded::start(&scratch.0, Purpose::Test, None).await.unwrap();
    let mut connection = connect(&server).await;
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut connection).await.unwrap();
    assert_eq!(fsync, "off");

    server.stop().await.unwrap();
    assert!(!scratch.0.exists());
    gone(&scratch.0.with_added_extension("gone")).await;
}

#[tokio::test]
async fn it_listens_on_no_port_and_lets_nobody_else_in() {
    let scratch = Scratch::new("socket");
    let server = start(&scratch.0).await;
    let mut connection = connect(&server).await;
    let listens: String = sqlx::query_scalar("SHOW listen_addresses").fetch_one(&mut connection).await.unwrap();
    assert_eq!(listens, "");
    for folder in [scratch.0.clone(), scratch.0.join("socket"), scratch.0.join("data")] {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o077, 0, "{}", folder.display());
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_or_with_odd_letters_works() {
    let scratch = Scratch::new("odd");
    let folder = scratch.0.join("a folder, it's ours").join("long".repeat(25));
    let server = start(&folder).await;
    write(&server, "far away").await;
    assert_eq!(notes(&server).await, ["far away"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_is_made_once() {
    let scratch = Scratch::new("ensure");
    let server = start(&scratch.0).await;
    for _ in 0..2 {
        server.ensure_database("rab\"ta").await.unwrap();
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_and_left_alone() {
    let scratch = Scratch::new("major");
    let server = start(&scratch.0).await;
    server.stop().await.unwrap();
    let version = scratch.0.join("data/PG_VERSION");
    fs::write(&version, "9\n").unwrap();

    let error = refused(&scratch.0).await;
    assert!(matches!(error, EmbeddedError::OtherMajor { data: 9, .. }), "{error}");
    assert!(error.remedy().contains("pg_upgrade"), "{}", error.remedy());
    assert_eq!(fs::read_to_string(&version).unwrap(), "9\n");
}

#[tokio::test]
async fn a_folder_with_other_things_in_it_is_refused_and_left_alone() {
    let scratch = Scratch::new("foreign");
    fs::create_dir(&scratch.0).unwrap();
    fs::write(scratch.0.join("thesis.txt"), "three years").unwrap();

    let error = refused(&scratch.0).await;
    assert!(matches!(error, EmbeddedError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_refused() {
    let scratch = Scratch::new("unwritable");
    fs::write(&scratch.0, "a file, not a folder").unwrap();

    let error = refused(&scratch.0.join("data")).await;
    fs::remove_file(&scratch.0).unwrap();
    assert!(matches!(error, EmbeddedError::Unwritable { .. }), "{error}");
    assert!(error.remedy().contains("RABTA_DATA_DIR"), "{}", error.remedy());
}

#[tokio::test]
async fn a_wrong_folder_of_programs_is_refused() {
    let scratch = Scratch::new("programs");
    let error = Embedded::start(&scratch.0, Purpose::Data, Some(Path::new("/etc"))).await.expect_err("no programs");
    assert!(matches!(error, EmbeddedError::NotPostgres { .. }), "{error}");
    assert!(error.remedy().contains("RABTA_PG_BIN"), "{}", error.remedy());
}

#[tokio::test]
async fn as_root_a_folder_out_of_reach_is_refused() {
    let whoami = Command::new("id").arg("-u").output().unwrap();
    if whoami.stdout != b"0\n" {
        return;
    }
    let scratch = Scratch::new("reach");
    fs::create_dir(&scratch.0).unwrap();
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o700)).unwrap();

    let error = refused(&scratch.0.join("data")).await;
    assert!(matches!(&error, EmbeddedError::Unreachable { blocked, .. } if *blocked == scratch.0), "{error}");
    assert!(!scratch.0.join("data").exists(), "nothing was made");
}
