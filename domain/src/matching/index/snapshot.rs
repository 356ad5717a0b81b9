//! Snapshots: a base as bytes, so a node need not read everyone from the database to start.
//!
//! Sections of known lengths behind a head that says the format, and a checksum behind them: a file
//! that was cut short, or written by another format, is refused whole.

use sha2::{Digest, Sha256};

use super::super::model::Model;
use super::super::role::Role;
use super::base::{Base, Side};
use super::row::Row;

const MAGIC: &[u8; 8] = b"rabtaix3";

/// Bytes that are not a snapshot of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSnapshot {
    /// Another format, or no snapshot at all.
    #[error("not a snapshot of this format")]
    OtherFormat,
    /// Cut short or changed.
    #[error("the snapshot is damaged")]
    Damaged,
}

/// The bytes of a base at a position of the stream of changes.
pub fn write(base: &Base, position: u64) -> Vec<u8> {
    let side = serde_json::to_vec(&base.side).unwrap_or_default();
    let mut bytes = Vec::with_capacity(base.bytes() + side.len() + 256);
    bytes.extend_from_slice(MAGIC);
    for number in [
        Role::mark(),
        position,
        base.rows.len() as u64,
        base.held.len() as u64,
        base.wants.len() as u64,
        base.text_width as u64,
        side.len() as u64,
    ] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    base.ids.iter().for_each(|id| bytes.extend_from_slice(&id.to_le_bytes()));
    base.rows.iter().for_each(|row| bytes.extend_from_slice(&row.to_bytes()));
    base.held.iter().chain(&base.wants).for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    bytes.extend(base.texts.iter().map(|part| part.cast_unsigned()));
    bytes.extend_from_slice(&side);
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// The base and its position from bytes.
pub fn read(bytes: &[u8]) -> Result<(Base, u64), BadSnapshot> {
    if !bytes.starts_with(MAGIC) {
        return Err(BadSnapshot::OtherFormat);
    }
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BadSnapshot::Damaged)?;
    if checksum(body) != *sum {
        return Err(BadSnapshot::Damaged);
    }
    let mut rest = Rest(&body[MAGIC.len()..]);
    if rest.number()? != Role::mark() {
        return Err(BadSnapshot::OtherFormat);
    }
    let position = rest.number()?;
    let mut length = || rest.number().and_then(|number| usize::try_from(number).map_err(|_| BadSnapshot::Damaged));
    let (rows, held, wants, text_width, side) = (length()?, length()?, length()?, length()?, length()?);
    let mut base = Base {
        ids: rest.take(rows, 16)?.as_chunks::<16>().0.iter().map(|id| u128::from_le_bytes(*id)).collect(),
        rows: rest.take(rows, Row::BYTES)?.as_chunks::<{ Row::BYTES }>().0.iter().map(Row::from_bytes).collect(),
        held: rest.take(held, 2)?.as_chunks::<2>().0.iter().map(|number| u16::from_le_bytes(*number)).collect(),
        wants: rest.take(wants, 2)?.as_chunks::<2>().0.iter().map(|number| u16::from_le_bytes(*number)).collect(),
        texts: rest.take(rows, text_width)?.iter().map(|part| part.cast_signed()).collect(),
        text_width,
        side: serde_json::from_slice::<Side>(rest.take(side, 1)?).map_err(|_| BadSnapshot::Damaged)?,
        ..Base::default()
    };
    let ends = |end: fn(&Row) -> u32| base.rows.iter().map(end).collect::<Vec<_>>();
    for (ends, length) in [(ends(|row| row.held_end), held), (ends(|row| row.wants_end), wants)] {
        if !ends.is_sorted() || ends.last().is_some_and(|end| *end as usize != length) {
            return Err(BadSnapshot::Damaged);
        }
    }
    base.complete();
    base.statics(Model::shipped());
    Ok((base, position))
}

const CHECKSUM: usize = 32;

/// Each megabyte is summed by itself, and then the sums.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut all = Sha256::new();
    all.update((bytes.len() as u64).to_le_bytes());
    for part in bytes.chunks(1 << 20) {
        let folded = part.chunks(8).fold(FNV_START, |sum, word| {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            (sum.rotate_left(5) ^ u64::from_le_bytes(bytes)).wrapping_mul(FNV_PRIME)
        });
        all.update(folded.to_le_bytes());
    }
    all.finalize().into()
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize, size: usize) -> Result<&'a [u8], BadSnapshot> {
        let length = count.checked_mul(size).ok_or(BadSnapshot::Damaged)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadSnapshot::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, BadSnapshot> {
        let bytes = self.take(1, 8)?;
        Ok(bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }
}
