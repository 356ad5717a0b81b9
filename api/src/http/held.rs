//! What strangers hold of us, counted: in all, by network and by site.

use std::collections::HashMap;

use super::ClientAddress;
use super::address::Whose;

/// Counts, of whatever is held.
#[derive(Debug, Default)]
pub struct Held {
    /// In all.
    pub all: usize,
    by_address: HashMap<Whose, usize>,
}

impl Held {
    /// How much a network, or a site, holds.
    pub fn of(&self, whose: Whose) -> usize {
        self.by_address.get(&whose).copied().unwrap_or_default()
    }

    /// Somebody holds so much more.
    pub fn add(&mut self, address: ClientAddress, much: usize) {
        for (whose, _) in Whose::all(address.network()) {
            *self.by_address.entry(whose).or_default() += much;
        }
    }

    /// They hold so much less. Nothing is kept of who holds nothing.
    pub fn take_off(&mut self, address: ClientAddress, much: usize) {
        for (whose, _) in Whose::all(address.network()) {
            if let Some(held) = self.by_address.get_mut(&whose) {
                *held = held.saturating_sub(much);
                if *held == 0 {
                    self.by_address.remove(&whose);
                }
            }
        }
    }

    /// Does nobody hold anything?
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.all == 0 && self.by_address.is_empty()
    }
}
