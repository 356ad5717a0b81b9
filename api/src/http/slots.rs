//! How many connections are held, in all and by one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::ClientAddress;

/// Counts connections, and says when it is enough.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    most_per_address: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_address: HashMap<ClientAddress, usize>,
}

/// A place among the connections, given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    address: ClientAddress,
}

impl Slots {
    /// No connection yet.
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, held: Mutex::default() })
    }

    /// A place for one more connection of an address, unless there are enough of them.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let address = ClientAddress(address.to_canonical()).network();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = held.by_address.get(&address).copied().unwrap_or_default();
        if held.all >= self.most || of_address >= self.most_per_address {
            return None;
        }
        held.all += 1;
        held.by_address.insert(address, of_address + 1);
        metrics::gauge!("rabta_http_connections").set(held.all as f64);
        Some(Slot { slots: Arc::clone(self), address })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(1);
        if let Some(count) = held.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("rabta_http_connections").set(held.all as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_address_and_in_all_and_come_back() {
        let slots = Slots::new(3, 2);
        let (a, b, c) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), [192, 0, 2, 3].into());
        let first = slots.take(a).unwrap();
        let _second = slots.take(a).unwrap();
        assert!(slots.take(a).is_none(), "an address has two");
        let _third = slots.take(b).unwrap();
        assert!(slots.take(c).is_none(), "there are three in all");
        drop(first);
        assert!(slots.take(c).is_some());
        assert!(slots.take(a).is_some());
    }
}
