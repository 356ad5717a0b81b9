//! Letters. They are sent by the worker's reactions to events, never while a transaction is open.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::EventId;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use crate::Fault;

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Into a folder, a file each, for development.
    Folder(PathBuf),
    /// Into memory, where tests read them.
    Kept(Arc<Mutex<Vec<Letter>>>),
    /// To a mail server, which carries them on.
    Smtp {
        /// The way there.
        server: AsyncSmtpTransport<Tokio1Executor>,
        /// Whom they are from.
        from: Mailbox,
        /// Until when it is left alone, because it was not there.
        away: Arc<Mutex<Option<Timestamp>>>,
    },
}

/// For how long a mail server is left alone that was not there: whoever delivers events has other things to do than to
/// wait for it with each letter.
const LEFT_ALONE: TimeDelta = TimeDelta::seconds(30);
/// How long it may take to take a letter.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whom letters are from, unless the operator says.
pub const FROM: &str = "Rabta <no-reply@rabta.example>";

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Names the letter: sending it again replaces it.
    pub id: EventId,
    /// To whom.
    pub to: String,
    /// What about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// May a letter go to this mail server, or a password with it, so that others on the way can read it? To the machine itself
/// there is no way. `tls=opportunistic` is no help: whoever is on the way takes the offer of it out.
pub fn is_in_the_clear(url: &SecretString) -> bool {
    // What is no address is for whoever uses it to say.
    let Ok(url) = reqwest::Url::parse(url.expose_secret()) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|host: IpAddr| host.is_loopback());
    let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
    url.scheme() == "smtp" && tls.as_deref() != Some("required") && !is_here
}

fn away_until(away: &Mutex<Option<Timestamp>>) -> Option<Timestamp> {
    *away.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Is it this letter that the mail server does not take, rather than that it is not there, or does not let us in?
fn is_about_the_letter(error: &lettre::transport::smtp::Error) -> bool {
    match error.status().map(u16::from) {
        // It closes, can't look who we are, or does not know us.
        Some(code) => !matches!(code, 421 | 454 | 530 | 534 | 535 | 538),
        None => error.is_client(),
    }
}

/// Letters hold what proves who somebody is: nobody else may read them.
async fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

impl Mail {
    /// Letters kept in memory.
    pub fn kept() -> Self {
        Self::Kept(Arc::default())
    }

    /// Letters go to a mail server: `smtps://user:password@host`, `smtp://user:password@host?tls=required`, or
    /// `smtp://host:port` without encryption. Nothing is asked of it yet.
    pub fn smtp(url: &SecretString, from: &str) -> Result<Self, Fault> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|error| Fault::mail(&error))?
            .timeout(Some(Duration::from_secs(10)))
            .build();
        let from = from.parse::<Mailbox>().map_err(|error| Fault::mail(&error))?;
        Ok(Self::Smtp { server, from, away: Arc::default() })
    }

    /// Do letters go to people's mailboxes, rather than to where we can read them ourselves?
    pub fn leaves(&self) -> bool {
        match self {
            Self::Smtp { .. } => true,
            Self::Folder(_) | Self::Kept(_) => false,
        }
    }

    /// Send a letter, `now`. Sending the same one again does no harm.
    ///
    /// # Errors
    /// [`Fault::Later`] when the mail server is not there: letters wait for it, however long that takes.
    /// [`Fault::Service`] when it does not take this letter.
    pub async fn send(&self, letter: Letter, now: Timestamp) -> Result<(), Fault> {
        match self {
            Self::Folder(folder) => {
                tokio::fs::create_dir_all(folder).await?;
                let Letter { id, to, subject, text } = &letter;
                // Neither an address nor a name we let through holds a line break; subjects are ours.
                let file = format!(
                    "From: Rabta <no-reply@rabta.example>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}@rabta.example>\r\n\
                     MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
                );
                Ok(write_private(&folder.join(format!("{id}.eml")), &file).await?)
            }
            Self::Smtp { server, from, away } => {
                let later = |why: String, until: Timestamp| Err(Fault::Later { service: "mail", why, until });
                let left_alone = away_until(away).filter(|until| now < *until);
                if let Some(until) = left_alone {
                    return later("the mail server was not there a moment ago".to_owned(), until);
                }
                let domain = from.email.domain();
                let message = Message::builder()
                    .from(from.clone())
                    .to(letter.to.parse::<Mailbox>().map_err(|error| Fault::mail(&error))?)
                    .subject(letter.subject)
                    // A letter that is sent again can be told from a new one.
                    .message_id(Some(format!("<{}@{domain}>", letter.id)))
                    .header(ContentType::TEXT_PLAIN)
                    .body(letter.text)
                    .map_err(|error| Fault::mail(&error))?;
                let why = match tokio::time::timeout(PATIENCE, server.send(message)).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error)) if is_about_the_letter(&error) => return Err(Fault::mail(&error)),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("a letter was not taken within {} seconds", PATIENCE.as_secs()),
                };
                let until = now + LEFT_ALONE;
                *away.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                // It may have been this letter after all: the others go first, so that none keeps them waiting for ever.
                later(why, until + LEFT_ALONE)
            }
            Self::Kept(letters) => {
                let mut letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
                letters.retain(|other| other.id != letter.id);
                letters.push(letter);
                Ok(())
            }
        }
    }

    /// The letters that were kept in memory for an address, oldest first.
    pub fn letters_to(&self, address: &str) -> Vec<Letter> {
        match self {
            Self::Folder(_) | Self::Smtp { .. } => Vec::new(),
            Self::Kept(letters) => {
                let letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
                letters.iter().filter(|letter| letter.to == address).cloned().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A mail server that takes one letter, and hands over what was said to it.
    async fn mail_server() -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let talk = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut said = Vec::new();
            write.write_all(b"220 here\r\n").await.unwrap();
            let mut in_letter = false;
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "." => Some("250 taken"),
                    _ if in_letter => None,
                    "DATA" => Some("354 go on"),
                    _ => Some("250 ok"),
                };
                in_letter = line == "DATA" || (in_letter && line != ".");
                let taken = line == ".";
                said.push(line);
                if let Some(answer) = answer {
                    write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
                if taken {
                    break;
                }
            }
            said
        });
        (url, talk)
    }

    fn letter(to: &str) -> Letter {
        let text = "Welcome.\r\n\r\n.A line that begins with a full stop, and رابطہ".to_owned();
        Letter {
            id: EventId::from_uuid(uuid::Uuid::nil()),
            to: to.to_owned(),
            subject: "An invitation".to_owned(),
            text,
        }
    }

    #[test]
    fn a_way_that_others_can_read_along_is_known() {
        for (url, clear) in [
            ("smtp://mail.example", true),
            ("smtp://post:secret@mail.example:587", true),
            ("smtp://mail.example:587?tls=opportunistic", true),
            ("smtp://localhost.example", true),
            ("smtp://10.0.0.1:25", true),
            ("smtp://mail.example:587?tls=required", false),
            ("smtps://post:secret@mail.example", false),
            ("smtp://localhost:1025", false),
            ("smtp://127.0.0.1:1025", false),
            ("smtp://[::1]:1025", false),
        ] {
            assert_eq!(is_in_the_clear(&url.to_owned().into()), clear, "{url}");
        }
    }

    #[tokio::test]
    async fn a_letter_reaches_the_mail_server() {
        let (url, talk) = mail_server().await;
        let mail = Mail::smtp(&url.into(), "Rabta <post@rabta.test>").unwrap();
        mail.send(letter("ada@startup.example"), Timestamp::UNIX_EPOCH).await.unwrap();
        let said = talk.await.unwrap();
        let says = |line: &str| said.iter().any(|said| said.starts_with(line));
        for line in [
            "MAIL FROM:<post@rabta.test>",
            "RCPT TO:<ada@startup.example>",
            "Subject: An invitation",
            "Message-ID: <evt_00000000000000000000000000@rabta.test>",
        ] {
            assert!(says(line), "{line} is not in {said:#?}");
        }
    }

    #[tokio::test]
    async fn a_mail_server_that_is_not_there_and_an_address_that_is_none_are_faults() {
        // It is held, so that nobody else gets it, and not listened at.
        let held = TcpSocket::new_v4().unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nobody = held.local_addr().unwrap();
        let mail = Mail::smtp(&format!("smtp://{nobody}").into(), FROM).unwrap();
        let send = async |to: &str, seconds: i64| {
            mail.send(letter(to), Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)).await
        };
        assert!(matches!(send("nobody", 0).await, Err(Fault::Service { .. })), "it is the letter's own fault");
        // Whoever is not there is not asked again at once, and then with another letter.
        for (seconds, until) in [(0, 60), (29, 30), (30, 90)] {
            match send("ada@startup.example", seconds).await {
                Err(Fault::Later { until: told, .. }) => {
                    assert_eq!(told, Timestamp::UNIX_EPOCH + TimeDelta::seconds(until), "at {seconds}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(Mail::smtp(&"http://mail".to_owned().into(), FROM).is_err());
        assert!(Mail::smtp(&"smtp://mail".to_owned().into(), "nobody").is_err());
    }
}
