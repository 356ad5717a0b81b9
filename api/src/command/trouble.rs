//! What went wrong, and what to do about it.

use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;

use infra::embedded::EmbeddedError;
use infra::migrate::SchemaError;

/// Why the program ends.
#[derive(Debug)]
pub enum Trouble {
    /// The user can set it right.
    Fixable {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// We failed.
    Ours(anyhow::Error),
}

impl Trouble {
    /// Something that the user can set right.
    pub fn fixable(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Fixable { what: what.into(), remedy: remedy.into() }
    }

    /// The address can't be served on.
    pub fn listening(setting: &str, address: SocketAddr, error: &std::io::Error) -> Self {
        let what = format!("can't serve on {address}: {error}");
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "something else uses that port (see it with `ss -ltnp`): end it, or choose another with {setting} {}:{}",
                address.ip(),
                address.port().wrapping_add(1).max(1024)
            ),
            std::io::ErrorKind::PermissionDenied => {
                format!("ports below 1024 are kept for root: choose another with {setting}")
            }
            _ => format!("is that an address of this machine? Choose another with {setting}"),
        };
        Self::Fixable { what, remedy }
    }

    /// What the shell is told.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Fixable { .. } => ExitCode::from(2),
            Self::Ours(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixable { what, remedy } => write!(f, "error: {what}\n  try: {remedy}"),
            Self::Ours(error) => write!(f, "error: {error:#}"),
        }
    }
}

impl From<EmbeddedError> for Trouble {
    fn from(error: EmbeddedError) -> Self {
        Self::fixable(error.to_string(), error.remedy())
    }
}

impl From<SchemaError> for Trouble {
    fn from(error: SchemaError) -> Self {
        Self::fixable(error.to_string(), error.remedy())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Ours(error.into())
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}
