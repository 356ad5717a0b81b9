//! Room in memory for what strangers have us keep, told in bytes: so much for all of them, so much for each network and
//! for each site of networks. Whoever holds little of it is let in even while others hold too much: to crowd everybody out
//! takes as many networks as there are little parts in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ClientAddress;
use super::address::Whose;
use super::held::Held;

/// What is little: this part of the room of all.
const LITTLE: usize = 64;
/// So much more than the room of all is held by all, those with little among them.
const WITH_LITTLE: usize = 3;

/// So many bytes, and who holds them.
#[derive(Debug)]
pub struct Room {
    most: usize,
    most_per_address: usize,
    gauge: &'static str,
    held: Mutex<Held>,
}

/// A part of a room, given back when it is dropped.
#[derive(Debug)]
pub struct Part {
    room: Arc<Room>,
    address: ClientAddress,
    bytes: usize,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Who holds too much.
    pub whose: &'static str,
    /// How much they may, in bytes.
    pub limit: usize,
    /// How much it would have been.
    pub value: usize,
}

impl Room {
    /// Nothing is held. `gauge` is the metric that tells how much is.
    pub fn new(most: usize, most_per_address: usize, gauge: &'static str) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, gauge, held: Mutex::default() })
    }

    /// Is there room for `bytes` more of an address, if all may hold so many times as much?
    pub fn fits(&self, address: ClientAddress, bytes: usize, times: usize) -> Result<(), Full> {
        self.fits_in(&self.lock(), address, bytes, times)
    }

    /// So much of it, if it fits.
    pub fn take(self: &Arc<Self>, address: ClientAddress, bytes: usize, times: usize) -> Result<Part, Full> {
        let mut held = self.lock();
        self.fits_in(&held, address, bytes, times)?;
        Ok(self.part(&mut held, address, bytes))
    }

    /// So much of it, whether it fits or not.
    pub fn take_anyway(self: &Arc<Self>, address: ClientAddress, bytes: usize) -> Part {
        self.part(&mut self.lock(), address, bytes)
    }

    fn part(self: &Arc<Self>, held: &mut Held, address: ClientAddress, bytes: usize) -> Part {
        held.all += bytes;
        held.add(address, bytes);
        metrics::gauge!(self.gauge).set(held.all as f64);
        Part { room: Arc::clone(self), address, bytes }
    }

    fn fits_in(&self, held: &Held, address: ClientAddress, bytes: usize, times: usize) -> Result<(), Full> {
        let address = address.network();
        for (whose, worth) in Whose::all(address) {
            let limit = self.most_per_address.saturating_mul(worth).saturating_mul(times);
            let value = held.of(whose).saturating_add(bytes);
            if value > limit {
                return Err(Full { whose: "your address", limit, value });
            }
        }
        let is_little = held.of(Whose::Network(address)).saturating_add(bytes) <= self.most / LITTLE;
        let limit = self.most.saturating_mul(if is_little { WITH_LITTLE.max(times) } else { times });
        let value = held.all.saturating_add(bytes);
        if value > limit { Err(Full { whose: "all addresses", limit, value }) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut held = self.room.lock();
        held.all = held.all.saturating_sub(self.bytes);
        metrics::gauge!(self.room.gauge).set(held.all as f64);
        held.take_off(self.address, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(n: u8) -> ClientAddress {
        ClientAddress([192, 0, 2, n].into())
    }

    #[test]
    fn whoever_holds_little_is_let_in_while_others_hold_all_there_is() {
        let room = Room::new(6_400, 1_600, "test");
        let held: Vec<Part> = (0..4).map(|n| room.take(house(n), 1_600, 1).unwrap()).collect();
        let full = |value| Err(Full { whose: "all addresses", limit: 6_400, value });
        assert_eq!(room.fits(house(9), 101, 1), full(6_501), "what is more than little");
        assert_eq!(room.fits(house(9), 100, 1), Ok(()), "a sixty-fourth part");
        let few: Vec<Part> = (10..=137).map_while(|n| room.take(house(n), 100, 1).ok()).collect();
        assert_eq!(few.len(), 128, "until three times as much is held");
        assert_eq!(room.fits(house(200), 1, 1), Err(Full { whose: "all addresses", limit: 19_200, value: 19_201 }));
        assert_eq!(room.fits(house(0), 0, 1), full(19_200), "and who holds much begins nothing");
        drop((held, few));
        assert!(room.lock().is_empty(), "nothing is kept of who left");
    }

    #[test]
    fn a_site_holds_as_much_as_eight_of_its_networks_may_however_many_it_takes() {
        let room = Room::new(1_000_000, 1_000, "test");
        let of = |site: u128, network: u128| {
            ClientAddress(std::net::IpAddr::V6(((0x2001_0db8_0000 + site) << 80 | network << 64 | 1).into()))
        };
        let held: Vec<Part> = (0..40).flat_map(|network| room.take(of(1, network), 1_000, 1)).collect();
        assert_eq!(held.len(), 8);
        assert!(room.take(of(2, 0), 1_000, 1).is_ok(), "another site");
        assert!(room.fits(of(1, 50), 0, 1).is_ok() && room.fits(of(1, 50), 1, 1).is_err());
    }
}
