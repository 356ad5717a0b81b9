//! Clients that ask again and again over connections they keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Asked(Arc<Vec<u8>>);

impl Asked {
    /// A POST of JSON.
    pub fn new(path: &str, token: Option<&String>, body: &Value) -> Self {
        let body = body.to_string();
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{token}content-type: application/json\r\n\
             accept: application/graphql-response+json, application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self(Arc::new([head.into_bytes(), body.into_bytes()].concat()))
    }
}

/// What a run came to.
#[derive(Default)]
pub struct Run {
    done: u64,
    seconds: f64,
    /// Microseconds of the server's processor time.
    pub spent: f64,
    waited: Vec<f32>,
}

impl Run {
    pub fn add(&mut self, other: Self) {
        self.done += other.done;
        self.seconds += other.seconds;
        self.spent += other.spent;
        self.waited.extend(other.waited);
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    /// Microseconds of processor time for each.
    pub fn each(&self) -> f64 {
        self.spent / self.done.max(1) as f64
    }

    /// What half of them waited at most, in milliseconds.
    pub fn median(&mut self) -> f32 {
        self.waited.sort_by(f32::total_cmp);
        self.waited.get(self.waited.len() / 2).copied().unwrap_or_default()
    }
}

/// Ask for so many seconds, each request in turn; or each only once, until there is none left.
pub async fn load(port: u16, requests: Vec<Asked>, clients: usize, seconds: f64, once: bool) -> Run {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let until = began + Duration::from_secs_f64(seconds);
    let clients = (0..clients).map(|_| {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
            stream.set_nodelay(true).expect("a connection");
            let (mut waited, mut buffer) = (Vec::new(), Vec::new());
            while Instant::now() < until {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if once && at >= requests.len() {
                    break;
                }
                let asked = Instant::now();
                ask(&mut stream, &requests[at % requests.len()], &mut buffer).await;
                waited.push(asked.elapsed().as_secs_f32() * 1_000.0);
            }
            waited
        })
    });
    let mut run = Run::default();
    for client in clients.collect::<Vec<_>>() {
        run.waited.extend(client.await.expect("a client goes on"));
    }
    run.done = run.waited.len() as u64;
    run.seconds = began.elapsed().as_secs_f64();
    run
}

/// One request, and its whole answer, which must be a good one.
async fn ask(stream: &mut TcpStream, asked: &Asked, buffer: &mut Vec<u8>) {
    stream.write_all(&asked.0).await.expect("the server takes it");
    buffer.clear();
    let (body, length) = loop {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(buffer));
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|text| text.parse().ok()).expect("an answer of known length");
            assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(buffer));
            break (end + 4, length);
        }
    };
    while buffer.len() < body + length {
        assert!(stream.read_buf(buffer).await.expect("the server answers") > 0, "the server hung up");
    }
    let answer = &buffer[body..];
    let is_bad = answer.starts_with(b"{\"errors\"") || answer.windows(16).any(|part| part == b"\"errors\":[{\"code");
    assert!(!is_bad && length > 40, "{}", String::from_utf8_lossy(answer));
}
