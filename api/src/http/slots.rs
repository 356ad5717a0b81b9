//! How many connections are held, in all and by one address.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::ClientAddress;
use super::address::Whose;
use super::held::Held;

/// Counts connections, and says when it is enough.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    most_per_address: usize,
    held: Mutex<Held>,
}

/// A place among the connections, given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    address: Option<ClientAddress>,
    in_all: bool,
}

impl Slots {
    /// No connection yet.
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, held: Mutex::default() })
    }

    /// A place for one more connection of an address, unless there are enough of them.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        self.hold(Some(ClientAddress(address)), true)
    }

    /// A place for one more connection of a proxy, which is everybody's.
    pub fn take_shared(self: &Arc<Self>) -> Option<Slot> {
        self.hold(None, true)
    }

    /// A place for one more request of an address, over a connection that has its own.
    pub fn take_part(self: &Arc<Self>, address: ClientAddress) -> Option<Slot> {
        self.hold(Some(address), false)
    }

    fn hold(self: &Arc<Self>, address: Option<ClientAddress>, in_all: bool) -> Option<Slot> {
        let address = address.map(|address| ClientAddress(address.0.to_canonical()).network());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |(whose, worth)| held.of(whose) >= self.most_per_address.saturating_mul(worth);
        if (in_all && held.all >= self.most) || address.into_iter().flat_map(Whose::all).any(full) {
            return None;
        }
        if in_all {
            held.all += 1;
            metrics::gauge!("rabta_http_connections").set(held.all as f64);
        }
        if let Some(address) = address {
            held.add(address, 1);
        }
        Some(Slot { slots: Arc::clone(self), address, in_all })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.in_all {
            held.all = held.all.saturating_sub(1);
            metrics::gauge!("rabta_http_connections").set(held.all as f64);
        }
        if let Some(address) = self.address {
            held.take_off(address, 1);
        }
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

    #[test]
    fn a_site_holds_as_many_as_eight_of_its_networks_may_however_many_it_takes() {
        let slots = Slots::new(1_000, 2);
        let of = |site: u128, network: u128| IpAddr::V6(((0x2001_0db8_0000 + site) << 80 | network << 64 | 1).into());
        let held: Vec<Slot> =
            (0..40).flat_map(|network| [slots.take(of(1, network)), slots.take(of(1, network))]).flatten().collect();
        assert_eq!(held.len(), 16);
        assert!(slots.take(of(2, 0)).is_some(), "another site");
        drop(held);
        assert!(slots.take(of(1, 7)).is_some(), "the places come back");
        assert!(slots.held.lock().unwrap().is_empty(), "and nothing is kept of who left");
    }

    #[test]
    fn requests_over_connections_of_a_proxy_are_counted_by_their_own_address() {
        let slots = Slots::new(3, 1);
        let (a, b) = (ClientAddress([192, 0, 2, 1].into()), ClientAddress([192, 0, 2, 2].into()));
        let connections: Vec<Slot> = (0..3).filter_map(|_| slots.take_shared()).collect();
        assert_eq!(connections.len(), 3, "one proxy has more than one address may");
        assert!(slots.take_shared().is_none(), "there are three in all");
        let first = slots.take_part(a).unwrap();
        assert!(slots.take_part(a).is_none(), "an address has one");
        assert!(slots.take_part(b).is_some(), "and others have theirs");
        drop(first);
        assert!(slots.take_part(a).is_some());
        drop(connections);
        assert!(slots.take_shared().is_some());
    }
}
