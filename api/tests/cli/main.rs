//! The binary as its users start it: what it says when something is in the way, and that it ends
//! as cleanly as it begins.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod reconcile;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use infra::embedded::{Embedded, Purpose, test_folder};
use sqlx::{Connection, PgConnection};

/// A data folder of this test's own, removed afterwards.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = test_folder().with_file_name(format!("rabta-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    /// The binary, with nothing in its environment but this folder.
    fn rabta(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabta"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("RABTA_DATA_DIR", &self.0).env("RABTA_LISTEN", "127.0.0.1:0");
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.rabta(arguments).output().unwrap())
    }

    fn serve(&self) -> Server {
        Server::start(self.rabta(&[]))
    }

    /// A database that is not the program's own, and its address.
    async fn elsewhere(&self) -> (Embedded, String) {
        let server = Embedded::start(&test_folder(), Purpose::Test, None).await.unwrap();
        let name = format!("cli_{}_{}", self.0.file_name().unwrap().to_str().unwrap(), std::process::id());
        server.ensure_database(&name).await.unwrap();
        let url = server.url(&name);
        (server, url)
    }

    async fn database(&self) -> (Embedded, PgConnection) {
        let server = Embedded::start(&self.0, Purpose::Data, None).await.unwrap();
        let connection = PgConnection::connect(&server.url("rabta")).await.unwrap();
        (server, connection)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that serves.
struct Server {
    child: Option<Child>,
    address: SocketAddr,
    banner: String,
    _output: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Start serving, and wait until it says that it does.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("Ctrl-C stops") {
            if output.read_line(&mut banner).unwrap() == 0 {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("it ended at once: {said}");
            }
        }
        let after = banner.split("ready at http://").nth(1).unwrap();
        let address = after.split_whitespace().next().unwrap().parse().unwrap();
        Self { child: Some(child), address, banner, _output: output }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: rabta\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args([signal, &self.child.as_ref().unwrap().id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn ends(mut self) -> Answer {
        Answer::of(self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed half way leaves nothing running; one that went well has ended it already.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a run ended, and what it said.
struct Answer {
    code: Option<i32>,
    out: String,
    said: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = text(output.stderr);
        assert_eq!(tests::leaks::in_log(&said), Vec::<String>::new());
        Self { code: output.status.code(), out: text(output.stdout), said }
    }

    /// It was refused as the user's to set right, in these words.
    #[track_caller]
    fn is_refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{}", self.said);
        for word in words.iter().chain(&["error: ", "try: "]) {
            assert!(self.said.contains(word), "{word:?} is not in: {}", self.said);
        }
    }
}

#[test]
fn it_serves_and_ends_cleanly_on_either_signal_and_data_is_kept() {
    let home = Home::new("serve");
    for signal in ["-INT", "-TERM"] {
        let server = home.serve();
        assert!(server.banner.contains("/graphql"), "{}", server.banner);
        assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
        let ready = server.get("/readyz");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        assert!(ready.contains(r#""database":"ok""#) && ready.contains(r#""worker":"ok""#), "{ready}");
        assert!(server.get("/metrics").contains("rabta_up 1"));

        server.signal(signal);
        let end = server.ends();
        assert_eq!(end.code, Some(0), "{}", end.said);
        assert!(end.said.contains("stopped"), "{}", end.said);
        assert!(!home.0.join("data/postmaster.pid").exists(), "the private server has ended, too");
    }
    let status = home.run(&["migrate", "status"]);
    assert!(status.out.contains("applied  0001_foundation") && !status.out.contains("missing"), "{}", status.out);
}

#[test]
fn a_server_that_is_to_stop_says_so_for_a_while_before_it_takes_nothing_more() {
    let home = Home::new("drain");
    let server = Server::start(home.rabta(&["--drain-seconds", "5"]));
    server.signal("-TERM");
    let mut ready = server.get("/readyz");
    while ready.starts_with("HTTP/1.1 200") {
        ready = server.get("/readyz");
    }
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains(r#""stopping":true"#), "{ready}");
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"), "whoever still comes is answered");
    assert_eq!(server.ends().code, Some(0));
}

#[test]
fn a_worker_of_its_own_shows_how_it_is() {
    let home = Home::new("work");
    let mut command = home.rabta(&["work", "--metrics-listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("working; Ctrl-C stops") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "it ended at once: {said}");
    }
    let address = said.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let worker = Server { child: Some(child), address, banner: said, _output: output };
    let ready = worker.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains(r#""worker":"ok""#), "{ready}");
    let metrics = worker.get("/metrics");
    for line in ["rabta_up 1", "rabta_worker_up 1", r#"rabta_payouts_open{status="unknown"} 0"#, "rabta_timers_due 0"] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in {metrics}");
    }
    assert!(worker.get("/graphql").starts_with("HTTP/1.1 404"));
    worker.signal("-TERM");
    assert_eq!(worker.ends().code, Some(0));
}

#[tokio::test]
async fn it_recovers_when_it_and_its_database_are_killed() {
    let home = Home::new("kill");
    let server = home.serve();
    let (database, mut connection) = home.database().await;
    sqlx::query("CREATE TABLE note AS SELECT 'kept'::text AS note").execute(&mut connection).await.unwrap();
    drop((database, connection));
    let postmaster = fs::read_to_string(home.0.join("data/postmaster.pid")).unwrap();
    let postmaster = postmaster.lines().next().unwrap().to_owned();
    server.signal("-KILL");
    assert!(Command::new("kill").args(["-KILL", &postmaster]).status().unwrap().success());
    assert_eq!(server.ends().code, None);

    let server = home.serve();
    let (database, mut connection) = home.database().await;
    let note: String = sqlx::query_scalar("SELECT note FROM note").fetch_one(&mut connection).await.unwrap();
    assert_eq!(note, "kept");
    drop((database, connection));
    server.signal("-TERM");
    assert_eq!(server.ends().code, Some(0));
}

#[test]
fn a_taken_port_is_told_before_anything_is_made() {
    let home = Home::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    home.run(&["--listen", &address]).is_refused(&[&address, "in use", "choose another with --listen"]);
    assert!(!home.0.exists());
}

#[test]
fn a_wrong_address_of_the_database_is_told() {
    let home = Home::new("url");
    let run = |url: &str| home.run(&["--database-url", url]);

    run("postgres://rabta:secret@127.0.0.1:1/rabta").is_refused(&["can't connect", "DATABASE_URL"]);
    run("mysql://rabta@localhost/rabta").is_refused(&["not the address of a PostgreSQL", "postgres://user:password@"]);
    assert!(!run("postgres://rabta:secret@127.0.0.1:1/rabta").said.contains("secret"));
    assert!(!home.0.exists(), "no private server was started instead");
}

#[test]
fn a_folder_that_cannot_be_used_is_told() {
    let home = Home::new("folder");
    fs::create_dir(&home.0).unwrap();
    fs::write(home.0.join("thesis.txt"), "three years").unwrap();

    home.run(&[]).is_refused(&["other things than a Rabta database", "--data-dir"]);
    let below = home.0.join("thesis.txt/data");
    home.run(&["--data-dir", below.to_str().unwrap()]).is_refused(&["can't be written", "--data-dir"]);
    let other = Home::new("programs");
    other.run(&["--pg-bin", "/etc"]).is_refused(&["initdb", "RABTA_PG_BIN"]);
}

#[tokio::test]
async fn an_older_and_a_newer_schema_are_told() {
    let home = Home::new("schema");
    home.run(&["--no-migrate"]).is_refused(&["older than this program", "rabta migrate up"]);

    let up = home.run(&["migrate", "up"]);
    assert_eq!(up.code, Some(0), "{}", up.said);
    assert!(up.out.contains("applied 0001_foundation"), "{}", up.out);
    let again = home.run(&["migrate", "up"]);
    assert!(again.out.contains("up to date"), "{}", again.out);

    let (database, mut connection) = home.database().await;
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('9999_tomorrow', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    for command in ["serve", "work"] {
        home.run(&[command]).is_refused(&["newer than this program", "9999_tomorrow", "run a newer rabta"]);
    }
    drop(connection);
    database.stop().await.unwrap();
}

#[tokio::test]
async fn production_refuses_what_is_for_development() {
    let home = Home::new("production");
    home.run(&["--production"]).is_refused(&["in production", "DATABASE_URL"]);
    assert!(!home.0.exists());

    let (database, url) = home.elsewhere().await;
    let with_keys = |keys: &str| {
        let mut command = home.rabta(&["--production", "--database-url", &url]);
        Answer::of(command.env("RABTA_SIGNING_KEYS", keys).output().unwrap())
    };
    with_keys("").is_refused(&["in production there must be", "openssl rand"]);
    with_keys(&"A".repeat(43)).is_refused(&["not random", "openssl rand"]);
    with_keys("short").is_refused(&["RABTA_SIGNING_KEYS", "32 random bytes"]);
    let random = "jH3-QxBRt4xqmVYzUuN0sWLfbkGdcPeo9iTnyZ1aA7w";
    let made_up = "A".repeat(43);
    with_keys(&format!("{random}\n{made_up}")).is_refused(&["RABTA_SIGNING_KEYS", "not random"]);
    let with = |settings: &[(&str, &str)]| {
        let mut command = home.rabta(&["--production", "--database-url", &url]);
        command.env("RABTA_SIGNING_KEYS", random).env("RABTA_VAULT_KEY", random);
        Answer::of(command.envs(settings.iter().copied()).output().unwrap())
    };
    with(&[("RABTA_VAULT_KEY", made_up.as_str())]).is_refused(&["RABTA_VAULT_KEY", "not random"]);
    with(&[("RABTA_VAULT_KEY", format!("{random}, {made_up}").as_str())])
        .is_refused(&["RABTA_VAULT_KEY", "not random"]);
    // Without a processor, what is paid in is not money, and must not be paid out as if it were.
    with(&[]).is_refused(&["in production there must be a STRIPE_SECRET_KEY", "RABTA_SANDBOX_MONEY"]);
    with(&[("RABTA_SANDBOX_MONEY", "1"), ("STRIPE_SECRET_KEY", "sk_live_0")]).is_refused(&["both", "sandbox money"]);
    assert!(!home.0.join("signing.keys").exists());

    // Letters open accounts: nobody on the way may read them.
    let letters = |url: &str, words: &[&str]| {
        let stripe = [("STRIPE_SECRET_KEY", "sk_live_0123456789abcdef"), ("STRIPE_WEBHOOK_SECRETS", "whsec_1")];
        with(&[&stripe[..], &[("RABTA_SMTP_URL", url)]].concat()).is_refused(words);
    };
    let in_clear = ["RABTA_SMTP_URL", "encrypted", "smtps://"];
    letters("smtp://mail.example", &in_clear);
    letters("smtp://mail.example:587?tls=opportunistic", &in_clear);
    for fine in ["smtps://mail.example", "smtp://mail.example:587?tls=required", "smtp://127.0.0.1:1025"] {
        letters(fine, &["in production names must be screened"]);
    }

    // Nobody is paid out unscreened.
    let list = home.0.with_added_extension("list");
    let screening = |file: Option<&Path>, words: &[&str]| {
        let file = file.map(|file| ("RABTA_SCREENING_FILE", file.to_str().unwrap()));
        let settings: Vec<_> = std::iter::once(("RABTA_SANDBOX_MONEY", "1")).chain(file).collect();
        with(&settings).is_refused(words);
    };
    screening(None, &["in production names must be screened", "RABTA_SCREENING_FILE"]);
    screening(Some(&list), &["RABTA_SCREENING_FILE", "one a line"]);
    fs::write(&list, "# nobody yet\n").unwrap();
    screening(Some(&list), &["the list of names is empty", "one a line"]);
    fs::write(&list, "Somebody Sanctioned\n").unwrap();
    screening(Some(&list), &["number of trusted proxies", "RABTA_TRUSTED_PROXIES"]);
    fs::remove_file(&list).unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    let looked = "select to_regclass('seaql_migrations') is not null";
    let is_migrated: bool = sqlx::query_scalar(looked).fetch_one(&mut db).await.unwrap();
    assert!(!is_migrated, "settings are looked at before the database is migrated, which has no way back");
    db.close().await.unwrap();
    database.stop().await.unwrap();
}

#[tokio::test]
async fn a_stripe_key_that_does_not_fit_is_told_and_never_shown() {
    let home = Home::new("stripe");
    let (database, url) = home.elsewhere().await;
    let random = "jH3-QxBRt4xqmVYzUuN0sWLfbkGdcPeo9iTnyZ1aA7w";
    let refused = |production: bool, key: &str, secrets: &str, words: &[&str]| {
        let mut command = home.rabta(&["--database-url", &url]);
        if production {
            command.env("RABTA_PRODUCTION", "1").env("RABTA_SIGNING_KEYS", random).env("RABTA_VAULT_KEY", random);
        }
        command.env("STRIPE_SECRET_KEY", key).env("STRIPE_WEBHOOK_SECRETS", secrets);
        let answer = Answer::of(command.output().unwrap());
        answer.is_refused(words);
        assert!(!answer.said.contains(key), "the key is shown");
    };
    let (test, live) = ("sk_test_0123456789abcdef", "sk_live_0123456789abcdef");
    refused(false, "pk_test_0123456789abcdef", "whsec_1", &["STRIPE_SECRET_KEY", "not a secret key"]);
    refused(false, test, " , ", &["STRIPE_WEBHOOK_SECRETS", "/webhooks/stripe"]);
    refused(false, live, "whsec_1", &["moves real money", "--production"]);
    refused(true, test, "whsec_1", &["in production STRIPE_SECRET_KEY must be a live one"]);
    database.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_of_docker_compose_runs_with_exactly_its_environment() {
    let home = Home::new("compose");
    let (database, url) = home.elsewhere().await;
    let secrets = home.0.with_added_extension("secrets");
    fs::create_dir_all(&secrets).unwrap();
    let (_, name) = url.split_once("localhost:").unwrap().1.split_once('/').unwrap();
    let name = name.split('?').next().unwrap();
    fs::write(secrets.join("owner_url"), &url).unwrap();
    fs::write(secrets.join("database_url"), database.url_as("rabta_compose", name)).unwrap();
    fs::write(secrets.join("signing_keys"), "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA\n").unwrap();
    fs::write(secrets.join("vault_key"), "kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4q83vEjRWeJA\n").unwrap();
    fs::write(secrets.join("screening_list"), "Somebody Sanctioned\n").unwrap();

    let compose = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml")).unwrap();
    let service = |service: &str, arguments: &[&str]| {
        let service = compose.split(&format!("\n  {service}:\n")).nth(1).unwrap();
        let environment = service.split("    environment:\n").nth(1).unwrap();
        let mut command = home.rabta(arguments);
        command.env_clear();
        let mut names = Vec::new();
        for line in environment.lines().take_while(|line| line.starts_with("      ")) {
            let (name, value) = line.trim().split_once(": ").unwrap();
            let value = value.trim_matches('"').replace("/run/secrets", secrets.to_str().unwrap());
            // The container's ports are its own; ours may be taken.
            let value = if name.ends_with("_LISTEN") { "127.0.0.1:0".to_owned() } else { value };
            command.env(name, value);
            names.push(name.to_owned());
        }
        (command, names)
    };
    let (mut migrate, _) = service("migrate", &["migrate", "up"]);
    let migrated = Answer::of(migrate.output().unwrap());
    assert!(migrated.out.contains("applied 0001_foundation"), "{}", migrated.out);

    let (command, names) = service("server", &["serve"]);
    for name in ["RABTA_PRODUCTION", "RABTA_NO_MIGRATE", "RABTA_SANDBOX_MONEY", "DATABASE_URL_FILE"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    let server = Server::start(command);
    let ready = server.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(server.get("/metrics").starts_with("HTTP/1.1 404"), "metrics have an address of their own");
    server.signal("-TERM");
    let end = server.ends();
    assert_eq!(end.code, Some(0), "{}", end.said);
    assert!(end.said.lines().all(|line| line.starts_with('{')), "logs are JSON: {}", end.said);
    assert!(!end.said.contains("owns its tables"), "{}", end.said);

    // The owner's own address is good enough for one who only tries, and is told of.
    let mut alone = service("server", &["serve"]).0;
    alone.env("DATABASE_URL_FILE", secrets.join("owner_url"));
    let alone = Server::start(alone);
    alone.signal("-TERM");
    let end = alone.ends();
    assert!(end.said.contains("owns its tables"), "{}", end.said);

    let audit = Answer::of(service("migrate", &["audit", "verify", "--json"]).0.output().unwrap());
    assert_eq!(audit.code, Some(0), "{}", audit.out);
    assert!(audit.out.starts_with(r#"{"checks":[{"#) && audit.out.contains(r#""ok":true"#), "{}", audit.out);
    // There is no statement yet; a file that says so knows of other books.
    let heads = Answer::of(service("migrate", &["audit", "heads"]).0.output().unwrap());
    assert_eq!(heads.code, Some(0), "{}", heads.said);
    assert!(heads.out.starts_with("outside 0 ") && heads.out.lines().count() == 1, "{}", heads.out);
    let kept = secrets.join("heads");
    let against = || {
        let arguments = ["audit", "verify", "--heads", kept.to_str().unwrap()];
        Answer::of(service("migrate", &arguments).0.output().unwrap())
    };
    assert_eq!(against().code, Some(2), "a file that is not there");
    fs::write(&kept, &heads.out).unwrap();
    assert_eq!(against().code, Some(0));
    let known = format!("# Kept elsewhere.\n\ncon_00000000000000000000000001 1 {}\n", "0".repeat(64));
    fs::write(&kept, &known).unwrap();
    let audit = against();
    assert_eq!(audit.code, Some(1), "{}", audit.out);
    assert!(audit.out.contains("con_00000000000000000000000001 had 1 entries once, and has not"), "{}", audit.out);
    fs::write(&kept, known + "con_1 2 3\n").unwrap();
    let audit = against();
    assert_eq!(audit.code, Some(2), "{}", audit.said);
    assert!(audit.said.contains("line 4: neither a contract"), "{}", audit.said);
    let mut db = PgConnection::connect(&url).await.unwrap();
    let bend = "insert into ledger_rollups values ('losses', 'USD', 1)";
    sqlx::query(bend).execute(&mut db).await.unwrap();
    let audit = Answer::of(service("migrate", &["audit", "verify"]).0.output().unwrap());
    assert_eq!(audit.code, Some(1), "{}", audit.out);
    assert!(audit.out.contains("losses was rolled up to USD 1, its postings say 0"), "{}", audit.out);
    db.close().await.unwrap();
    fs::remove_dir_all(&secrets).unwrap();
    database.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_elsewhere_is_used_and_leaving_it_out_again_is_no_trouble() {
    let home = Home::new("elsewhere");
    let (database, url) = home.elsewhere().await;
    let mut command = home.rabta(&[]);
    command.env("DATABASE_URL", &url);
    let server = Server::start(command);
    assert!(server.banner.contains("the database of DATABASE_URL"), "{}", server.banner);
    server.signal("-INT");
    assert_eq!(server.ends().code, Some(0));
    assert!(!home.0.join("data").exists(), "no private server was started");
    database.stop().await.unwrap();

    let server = home.serve();
    assert!(server.banner.contains("a private PostgreSQL"), "{}", server.banner);
    server.signal("-INT");
    assert_eq!(server.ends().code, Some(0));
}

#[tokio::test]
async fn staff_are_granted_listed_and_revoked_by_the_operator_beside_a_running_server() {
    let home = Home::new("staff");
    let server = home.serve();
    for login in [infra::demo::CLIENT, infra::demo::FREELANCER, infra::demo::MEDIATOR, infra::demo::ADMIN] {
        assert!(server.banner.contains(login), "{}", server.banner);
    }
    let list = || home.run(&["staff", "list"]).out;
    let listed = list();
    let demo = format!(
        "{:<14}  {}  Noor Aziz\n{:<14}  {}  Morgan Hale\n",
        "admin",
        infra::demo::ADMIN,
        "mediator",
        infra::demo::MEDIATOR
    );
    assert_eq!(listed, demo);
    home.run(&["staff", "grant", infra::demo::FREELANCER, "mediator"]).is_refused(&["second factor"]);
    assert_eq!(list(), demo);
    let revoked = home.run(&["staff", "revoke", infra::demo::MEDIATOR]);
    assert!(revoked.out.starts_with("nobody of ours"), "{} {}", revoked.out, revoked.said);
    assert!(!list().contains(infra::demo::MEDIATOR));
    let granted = home.run(&["staff", "grant", infra::demo::MEDIATOR, "mediator"]);
    assert!(granted.out.starts_with("mediator "), "{} {}", granted.out, granted.said);
    assert_eq!(list(), demo);
    home.run(&["staff", "grant", "nobody@demo.example", "admin"]).is_refused(&["nobody has signed up"]);
    home.run(&["staff", "revoke", "nobody"]).is_refused(&["not an email address"]);
    server.signal("-INT");
    assert_eq!(server.ends().code, Some(0));
}

#[tokio::test]
async fn what_the_processor_told_is_listed_and_replayed_and_a_closed_rail_is_opened() {
    let home = Home::new("operators");
    let (database, url) = home.elsewhere().await;
    let run = |arguments: &[&str]| {
        let mut command = home.rabta(arguments);
        command.env("DATABASE_URL", &url).env("RABTA_NO_DEMO_DATA", "1");
        Answer::of(command.output().unwrap())
    };
    let empty = run(&["webhooks", "list"]);
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), "nothing waits\n"), "{}", empty.said);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (id, done, parked) in
        [("evt_parked", "null", "now()"), ("evt_waits", "null", "null"), ("evt_done", "now()", "null")]
    {
        let told = format!(
            "insert into webhook_events (source, id, type, object, told_at, received_at, due_at, attempts, last_error, outcome,
                 done_at, parked_at)
             values ('stripe', '{id}', 'refund.updated', 're_1', now(), now(), 'infinity', 12, 'a refund by hand',
                 {}, {done}, {parked})",
            if done == "null" { "null" } else { "'acted'" }
        );
        sqlx::query(sqlx::AssertSqlSafe(told)).execute(&mut connection).await.unwrap();
    }
    let listed = run(&["webhooks", "list"]).out;
    let lines: Vec<&str> = listed.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{listed}");
    let parked = lines.iter().find(|line| line.contains("evt_parked")).unwrap();
    assert!(["yes", "refund.updated", "re_1", "a refund by hand"].iter().all(|word| parked.contains(word)), "{parked}");
    assert_eq!(run(&["webhooks", "replay", "--parked"]).out, "1 will be acted on again\n");
    assert_eq!(run(&["webhooks", "replay", "evt_done"]).out, "1 will be acted on again\n");
    assert_eq!(run(&["webhooks", "replay", "--since", "2020-01-01T00:00:00Z"]).out, "3 will be acted on again\n");
    run(&["webhooks", "replay", "evt_nobody"]).is_refused(&["evt_nobody was never told here"]);
    let due = "select count(*) from webhook_events
        where due_at <= now() and attempts = 0 and done_at is null and parked_at is null and outcome is null";
    assert_eq!(sqlx::query_scalar::<_, i64>(due).fetch_one(&mut connection).await.unwrap(), 3);

    assert_eq!(run(&["events", "list"]).out, "nothing is parked\n");
    for (parked, done) in [("now()", "null"), ("now()", "null"), ("null", "null"), ("now()", "now()")] {
        let failed = format!(
            "insert into events (id, name, body, trace, occurred_at, due_at, attempts, last_error, parked_at, done_at)
             values (gen_random_uuid(), 'gig_published', '{{}}', 'x', now(), now(), 12, 'no mail server', {parked}, {done})"
        );
        sqlx::query(sqlx::AssertSqlSafe(failed)).execute(&mut connection).await.unwrap();
    }
    let listed = run(&["events", "list"]).out;
    let lines: Vec<&str> = listed.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines.iter().all(|line| line.ends_with("gig_published  no mail server")), "{listed}");
    let first = lines[0].split("  ").nth(2).unwrap();
    assert_eq!(run(&["events", "replay", first]).out, "1 will be delivered again\n");
    run(&["events", "replay", first]).is_refused(&["is not parked here"]);
    assert_eq!(run(&["events", "replay", "--parked"]).out, "1 will be delivered again\n");
    let due = "select count(*) from events where attempts = 0 and due_at <= now() and parked_at is null and last_error is not null";
    assert_eq!(sqlx::query_scalar::<_, i64>(due).fetch_one(&mut connection).await.unwrap(), 2);

    // Each that had some acted on again is in the audit log; who asked for none is not.
    let noted = "select string_agg(act || ' ' || (detail ->> 'events'), ', ' order by sequence) from audit_log
        where act in ('webhooks_replay', 'events_replay')";
    let noted: String = sqlx::query_scalar(noted).fetch_one(&mut connection).await.unwrap();
    let webhooks = "webhooks_replay 1, webhooks_replay 1, webhooks_replay 3";
    assert_eq!(noted, format!("{webhooks}, events_replay 1, events_replay 1"));

    let open = run(&["rails", "list"]).out;
    assert!(open.starts_with("no rail is closed\nstablecoin is disabled: it takes a licence of"), "{open}");
    assert!(open.contains("PVARA") && open.ends_with("Reference held: none\n"), "{open}");
    let refused = run(&["rails", "open", "stablecoin"]);
    assert!(refused.code == Some(2) && refused.said.contains("invalid value 'stablecoin'"), "{}", refused.said);
    let close = "insert into rail_closures values ('recipient_account', 'Your platform needs approval', now())";
    sqlx::query(close).execute(&mut connection).await.unwrap();
    let closed = run(&["rails", "list"]).out;
    assert!(closed.starts_with("recipient_account since ") && closed.contains("needs approval"), "{closed}");
    assert!(closed.contains("stablecoin is disabled"), "{closed}");
    assert_eq!(run(&["rails", "open", "recipient-account"]).out, "recipient_account is open again\n");
    assert_eq!(run(&["rails", "open", "recipient-account"]).out, "recipient_account was open\n");
    let mut alone = home.rabta(&[]);
    alone.env("DATABASE_URL", &url).env("STRIPE_FINANCIAL_ACCOUNT", "fa_1");
    Answer::of(alone.output().unwrap()).is_refused(&["Stripe's rails take a key", "STRIPE_SECRET_KEY"]);
    drop(connection);
    database.stop().await.unwrap();
}

#[test]
fn every_setting_is_in_the_help_with_its_variable() {
    let help = Home::new("help").run(&["--help"]).out;
    let settings = help.lines().filter(|line| line.trim_start().starts_with("--")).count();
    let variables = help.matches("[env: ").count();
    assert!(settings > 15, "{help}");
    assert_eq!(variables, settings, "{help}");
    for secret in ["RABTA_SIGNING_KEYS", "RABTA_SIGNING_KEYS_FILE", "DATABASE_URL_FILE"] {
        assert!(help.contains(secret), "{secret} is not in the help");
    }
}

#[test]
fn the_schema_is_printed_as_it_is_checked_in() {
    let printed = Home::new("sdl").run(&["schema"]).out;
    let kept = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql")).unwrap();
    assert_eq!(printed.trim(), kept.trim());
}
