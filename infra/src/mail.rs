//! Letters. They are sent by the worker's reactions to events, never while a transaction is open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::EventId;
use tokio::io::AsyncWriteExt;

use crate::Fault;

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Into a folder, a file each, for development.
    Folder(PathBuf),
    /// Into memory, where tests read them.
    Kept(Arc<Mutex<Vec<Letter>>>),
}

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

    /// Send a letter. Sending the same one again does no harm.
    pub async fn send(&self, letter: Letter) -> Result<(), Fault> {
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
            Self::Folder(_) => Vec::new(),
            Self::Kept(letters) => {
                let letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
                letters.iter().filter(|letter| letter.to == address).cloned().collect()
            }
        }
    }
}
