//! The server as it is shipped, with as many connections of several addresses as it takes, each of which holds on to
//! something: what they have it keep is bounded, too, and somebody else is answered meanwhile.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::MOST_KB;
use crate::server::{Server, heard};
use crate::sockets::Line;

/// How many connections one address may have.
const BY_ADDRESS: usize = 256;
/// How many of them are made at once.
const AT_ONCE: usize = 64;

/// A connection of an address of this machine, which takes as little as it can at a time.
async fn connects(server: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

/// As many connections of so many addresses as each may have, and what is made of each.
async fn crowd<F: Future>(addresses: u8, family: u8, make: impl Fn(Ipv4Addr) -> F) -> Vec<F::Output> {
    let all = (0..addresses).flat_map(|n| (0..BY_ADDRESS).map(move |_| Ipv4Addr::new(127, 0, family, n + 1)));
    iter(all.map(make)).buffer_unordered(AT_ONCE).collect().await
}

/// What the server took at the most by now.
async fn holds(server: &Server, under: &str) {
    assert_eq!(server.ask("{ __typename }").await.told(), "200 data", "somebody else, under {under}");
    let most = server.memory_kb("VmHWM");
    println!("{under}: {} MB at the most", most / 1024);
    assert!(most < MOST_KB, "under {under} the server took {most} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_settings_it_is_shipped_with_a_full_house_is_held_in_bounded_memory() {
    let _alone = crate::ALONE.lock().await;
    let server = Server::start_with("abuse-defaults", |command| {
        // Whoever connects is who they are, and no setting is another than its default.
        command.env_remove("RABTA_TRUSTED_PROXIES").env("RABTA_LOG", "error");
    });
    let address = server.address;
    println!("idle: {} MB", server.memory_kb("VmRSS") / 1024);

    let sockets = crowd(8, 1, |from| async move {
        let stream = connects(address, from).await;
        let mut line = Line::over(stream, address, &[]).await.unwrap();
        line.hello(None).await;
        line
    })
    .await;
    assert_eq!(sockets.len(), 8 * BY_ADDRESS);
    holds(&server, "2,048 sockets on which nothing is said").await;
    let mut one_more = connects(address, Ipv4Addr::new(127, 0, 1, 8)).await;
    assert_eq!(heard(&mut one_more).await, "closed", "an address has all it may have");
    drop(sockets);

    let body = vec![b' '; 255 * 1024];
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        256 * 1024
    );
    let (head, body) = (head.as_bytes(), body.as_slice());
    let bodies = crowd(5, 2, |from| async move {
        let mut stream = connects(address, from).await;
        // Where there is no room for it, it is refused before all of it is out.
        let _ = stream.write_all(head).await;
        let _ = stream.write_all(body).await;
        stream
    })
    .await;
    holds(&server, "1,280 bodies that stop at 255 KB").await;
    drop(bodies);

    let readers = crowd(4, 3, |from| async move {
        let mut stream = connects(address, from).await;
        stream.write_all(b"GET /explorer/app.js HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream.readable().await.unwrap();
        stream
    })
    .await;
    holds(&server, "1,024 readers of a file that do not go on").await;
    drop(readers);

    many_values(&server).await;
}

/// Streams of one person, and people who sign in, each with a quarter of a megabyte of values that nothing asks for. Kept
/// as what they stand for they would take thirty times as much, a stream for as long as it likes.
async fn many_values(server: &Server) {
    let address = server.address;
    let (token, ..) = server.somebody("vera").await;
    let zeros = vec![0; 125_000];
    let told = json!({ "query": "subscription { notificationReceived { cursor } }", "variables": { "x": zeros } });
    let input = json!({ "email": "nobody@example.com", "password": "tuba" });
    let signs_in = "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }";
    let signs_in = json!({ "query": signs_in, "variables": { "i": input, "x": zeros } });
    let request = |accept: &str, body: String| {
        let length = body.len();
        format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: {accept}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let told = request(&format!("text/event-stream\r\nAuthorization: Bearer {token}"), told.to_string());
    let signs_in = request("application/graphql-response+json", signs_in.to_string());
    // Of so many addresses that there is room for all of the bodies on their way.
    let all = (0..160_u8).map(|n| (n, if n < 60 { told.as_str() } else { signs_in.as_str() }));
    let sent = iter(all.map(|(n, request)| async move {
        let mut stream = connects(address, Ipv4Addr::new(127, 0, 4, n % 8 + 1)).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }));
    let mut sent: Vec<_> = sent.buffer_unordered(AT_ONCE).collect().await;
    let mut answers = Vec::new();
    for stream in &mut sent {
        answers.push(heard(stream).await);
    }
    holds(server, "60 streams and 100 sign-ins with 125,000 values each").await;
    assert!(answers.iter().all(|answer| answer == "400"), "{answers:?}");
}
