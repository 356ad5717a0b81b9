//! A connection whose other end must go on taking what it is sent.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Passes everything on, and fails a write that makes no progress, or too little, for a while. Without it a client that
/// asks and reads nothing, or a byte now and then, holds the answer in memory for as long as it likes.
pub struct Stalling<T> {
    inner: T,
    /// The longest that the other end may be waited for.
    patience: Duration,
    /// What the other end takes, in bytes a second, so as not to be waited for any longer.
    rate: u32,
    /// How long it may still be waited for. What it takes gives some of it back, and so does the time in which there is
    /// nothing to wait for.
    left: Duration,
    /// When that was so.
    at: Instant,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<T> Stalling<T> {
    /// Wait no longer than `patience` for writes that make no progress, or less than `rate` bytes a second.
    pub fn new(inner: T, patience: Duration, rate: u32) -> Self {
        Self { inner, patience, rate: rate.max(1), left: patience, at: Instant::now(), waiting: None }
    }

    /// Pass on the outcome of a write, of which `bytes` says how many went out, or fail it when the other end has been
    /// waited for too long.
    fn watch<R>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<R>>,
        bytes: impl FnOnce(&R) -> usize,
    ) -> Poll<io::Result<R>> {
        if let Poll::Ready(outcome) = outcome {
            let bytes = outcome.as_ref().map_or(0, bytes);
            self.pass_time();
            self.waiting = None;
            self.give_back(Duration::from_secs(bytes as u64) / self.rate);
            return Poll::Ready(outcome);
        }
        if self.waiting.is_none() {
            self.pass_time();
        }
        let left = self.left;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(left)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end reads nothing, or too slowly")))
    }

    fn pass_time(&mut self) {
        let passed = self.at.elapsed();
        self.at = Instant::now();
        match self.waiting {
            Some(_) => self.left = self.left.saturating_sub(passed),
            None => self.give_back(passed),
        }
    }

    fn give_back(&mut self, time: Duration) {
        self.left = self.left.saturating_add(time).min(self.patience);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stalling<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stalling<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, outcome, |bytes| *bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, outcome, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch(cx, outcome, |()| 0)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, outcome, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Write 64 bytes to who takes eight in so many seconds, for as long as there are any.
    async fn written(every: u64) -> io::Result<()> {
        let (near, mut far) = tokio::io::duplex(8);
        let mut near = Stalling::new(near, Duration::from_secs(10), 1);
        let reader = tokio::spawn(async move {
            let mut bytes = [0; 8];
            loop {
                sleep(Duration::from_secs(every)).await;
                far.read_exact(&mut bytes).await.unwrap();
            }
        });
        let outcome = near.write_all(&[0; 64]).await;
        reader.abort();
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_too_little_is_given_up_and_a_slow_one_is_not() {
        written(8).await.unwrap();
        for too_slow in [9, 11] {
            assert_eq!(written(too_slow).await.unwrap_err().kind(), io::ErrorKind::TimedOut, "{too_slow}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_there_is_nothing_to_take_is_given_back() {
        for (pause, is_given_up) in [(4, true), (8, false)] {
            let (near, mut far) = tokio::io::duplex(8);
            let mut near = Stalling::new(near, Duration::from_secs(10), 1_000);
            let reader = tokio::spawn(async move {
                let mut bytes = [0; 8];
                while far.read_exact(&mut bytes).await.is_ok() {
                    sleep(Duration::from_secs(6)).await;
                }
            });
            let mut outcome = Ok(());
            for _ in 0..6 {
                outcome = outcome.and(near.write_all(&[0; 16]).await);
                sleep(Duration::from_secs(pause)).await;
            }
            assert_eq!(outcome.is_err(), is_given_up, "{pause}");
            reader.abort();
        }
    }
}
