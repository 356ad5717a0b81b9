//! The server that is attacked: the real binary, in front of which a proxy is trusted, so that each
//! attack comes from an address of its own, as far as allowances are concerned.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use infra::embedded::test_folder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What everybody here signs in with.
pub const PASSWORD: &str = "tuba-gravel-ninety";
/// How long anything is waited for, at the most.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How many connections it takes in all.
pub const CONNECTIONS: usize = 700;

/// How many bytes of answers to one address may wait before nothing more is begun for it.
pub const UNTAKEN: usize = 400_000;

/// A server, and its process.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    http: reqwest::Client,
    addresses: AtomicU32,
    _output: BufReader<std::process::ChildStdout>,
}

/// What came back over HTTP.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, if it is JSON.
    pub body: Value,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
}

impl Server {
    /// Start one that nobody keeps waiting for long, and wait until it is ready.
    pub fn start() -> Self {
        Self::start_with("abuse", |command| {
            command.env("RABTA_CONNECTIONS", CONNECTIONS.to_string()).env("RABTA_LOG", "error");
            for wait in ["RABTA_HEADER_SECONDS", "RABTA_BODY_SECONDS", "RABTA_INIT_SECONDS"] {
                command.env(wait, "2");
            }
            command.env("RABTA_WRITE_SECONDS", "5");
            command.env("RABTA_UNTAKEN_BYTES", "2000000").env("RABTA_UNTAKEN_BYTES_BY_ADDRESS", UNTAKEN.to_string());
        })
    }

    /// Start one with these settings, in a folder of this name. What it logs is a file in there.
    pub fn start_with(name: &str, set: impl FnOnce(&mut Command)) -> Self {
        let folder = test_folder().with_file_name(format!("rabta-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let log = File::create(folder.with_added_extension("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabta"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("RABTA_DATA_DIR", &folder).env("RABTA_LISTEN", "127.0.0.1:0").env("RABTA_TRUSTED_PROXIES", "1");
        set(&mut command);
        command.arg("--no-demo-data").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("Ctrl-C stops") {
            assert_ne!(output.read_line(&mut banner).unwrap(), 0, "it ended at once: see {}", folder.display());
        }
        let after = banner.split("ready at http://").nth(1).unwrap();
        let address = after.split_whitespace().next().unwrap().parse().unwrap();
        // A connection that is kept may end while it is taken up again.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE).build().unwrap();
        Self { child, folder, address, http, addresses: AtomicU32::new(0), _output: output }
    }

    /// What it logged by now.
    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.with_added_extension("log")).unwrap()).into_owned()
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An address that nothing has come from yet.
    pub fn fresh_address(&self) -> String {
        let n = self.addresses.fetch_add(1, Ordering::Relaxed);
        format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
    }

    /// A line of the process's own account of its memory, in kilobytes; nothing where there is none.
    pub fn memory_kb(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let text = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        text.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// POST a body, with headers written as `name: value`.
    pub async fn post(&self, headers: &[&str], body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.http.post(format!("http://{}/graphql", self.address)).body(body), headers).await
    }

    /// GET a path.
    pub async fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.send(self.http.get(format!("http://{}{path}", self.address)), headers).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder, headers: &[&str]) -> Answer {
        if !headers.iter().any(|header| header.starts_with("x-forwarded-for: ")) {
            request = request.header("x-forwarded-for", self.fresh_address());
        }
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body, headers }
    }

    /// Ask as a modern client would, with variables and more headers.
    pub async fn ask_with(&self, query: &str, variables: Value, headers: &[&str]) -> Answer {
        let mut all = vec!["content-type: application/json", "accept: application/graphql-response+json"];
        all.extend(headers);
        self.post(&all, json!({ "query": query, "variables": variables }).to_string()).await
    }

    /// The same, of a document alone.
    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({}), &[]).await
    }

    /// Send bytes, whatever they are, and hear the status that comes, or that the connection is closed.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // What it closes in our face can't be written any more.
        let _ = stream.write_all(bytes).await;
        heard(&mut stream).await
    }

    /// The same, and say that nothing more comes.
    pub async fn raw_to_the_end(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        heard(&mut stream).await
    }

    /// A stream of events, which goes on for as long as this is held.
    pub async fn stream(&self, query: &str, from: &str, token: &str) -> reqwest::Response {
        let (name, from) = from.split_once(": ").unwrap();
        let request = self.http.post(format!("http://{}/graphql", self.address)).header(name, from);
        let request = request.header("accept", "text/event-stream").header("authorization", format!("Bearer {token}"));
        request.json(&json!({ "query": query })).send().await.unwrap()
    }

    /// Somebody who signed up: their access and refresh tokens, and their address.
    pub async fn somebody(&self, name: &str) -> (String, String, String) {
        let email = format!("{name}@example.com");
        let input = json!({ "input": { "email": email, "name": name, "password": PASSWORD } });
        let query = "mutation($input: SignUpInput!) { signUp(input: $input) { errors { code } tokens { accessToken refreshToken } } }";
        let answer = self.ask_with(query, input, &[]).await;
        let tokens = &answer.body["data"]["signUp"]["tokens"];
        let token = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
        (token("accessToken"), token("refreshToken"), email)
    }
}

/// The status that comes over a connection, or that it is closed without one.
pub async fn heard(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut bytes = [0; 4096];
    while !text.windows(4).any(|four| four == b"\r\n\r\n") {
        match tokio::time::timeout(PATIENCE, stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(read)) => text.extend_from_slice(&bytes[..read]),
            Err(_) => return "silence".to_owned(),
        }
    }
    let text = String::from_utf8_lossy(&text);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("closed").to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.folder.with_added_extension("log"));
    }
}

impl Answer {
    /// In short: the status, then the code of the first error, the limit, and in brackets the value; or `data`.
    pub fn told(&self) -> String {
        let payload =
            self.body["data"].as_object().and_then(|data| data.values().find_map(|field| field["errors"].get(0)));
        let said = match self.body["errors"].get(0) {
            Some(error) => error_told(error),
            None => match payload {
                Some(error) => error["code"].as_str().unwrap_or("an error without a code").to_owned(),
                None if self.body["code"].is_string() => self.body["code"].as_str().unwrap().to_owned(),
                None if self.body.get("data").is_some() => "data".to_owned(),
                None => return self.status.to_string(),
            },
        };
        format!("{} {said}", self.status)
    }
}

/// A top-level error in short. Each has a trace id, and a limit never stands without the value that went over it.
pub fn error_told(error: &Value) -> String {
    let facts = &error["extensions"];
    let code = facts["code"].as_str().unwrap_or("an error without a code");
    if !facts["traceId"].is_string() {
        return format!("{code} without a trace id");
    }
    match (facts["limit"].as_u64(), facts["value"].as_u64()) {
        (Some(limit), Some(value)) => format!("{code} {limit} ({value})"),
        (None, None) => code.to_owned(),
        _ => format!("{code} with half a limit"),
    }
}
