//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// So many networks of one IPv6 site may as much together as one network may.
pub const SITE: u32 = 8;

/// The address that limits are counted by.
///
/// It is the other end of the connection. Only when the operator says how many proxies stand in
/// front of the server is `X-Forwarded-For` believed, and then only as many entries from its right
/// end as there are proxies: what stands further left was written by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of a request.
    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: usize) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
        Self(forwarded(headers, trusted_proxies).unwrap_or(peer).to_canonical())
    }

    /// The part of the address that one household or one machine can't change at will: all of an
    /// IPv4 address, the first 64 bits of an IPv6 one.
    #[must_use]
    pub fn network(self) -> Self {
        match self.0 {
            IpAddr::V4(_) => self,
            IpAddr::V6(address) => Self(IpAddr::V6((address.to_bits() >> 64 << 64).into())),
        }
    }

    /// The first 48 bits of an IPv6 address: a site, of whose 65,536 networks its holder can take any.
    #[must_use]
    pub fn site(self) -> Option<Self> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Self(IpAddr::V6((address.to_bits() >> 80 << 80).into()))),
        }
    }
}

/// Whose connections, or bytes, are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// A network's.
    Network(ClientAddress),
    /// A site's.
    Site(ClientAddress),
}

impl Whose {
    /// All that something of this network counts for, and how many networks' worth of it each may hold.
    pub fn all(network: ClientAddress) -> impl Iterator<Item = (Self, usize)> {
        let site = network.site().map(|site| (Self::Site(site), SITE as usize));
        std::iter::once((Self::Network(network), 1)).chain(site)
    }
}

fn forwarded(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let nth = hops.len().checked_sub(trusted_proxies)?;
    hops.get(nth)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(header: &str, proxies: usize) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 5000))));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", header.parse().unwrap());
        ClientAddress::of(&extensions, &headers, proxies).0.to_string()
    }

    #[test]
    fn only_entries_written_by_trusted_proxies_are_believed() {
        assert_eq!(address("203.0.113.9", 0), "192.0.2.1");
        assert_eq!(address("203.0.113.9", 1), "203.0.113.9");
        assert_eq!(address("6.6.6.6, 203.0.113.9", 1), "203.0.113.9");
        assert_eq!(address("6.6.6.6, 203.0.113.9, 10.0.0.1", 2), "203.0.113.9");
        assert_eq!(address("nonsense", 1), "192.0.2.1");
        assert_eq!(address("203.0.113.9", 2), "192.0.2.1");
    }

    #[test]
    fn a_house_has_one_ipv6_network() {
        let address = ClientAddress("2001:db8:1:2:aaaa::1".parse().unwrap());
        assert_eq!(address.network().0.to_string(), "2001:db8:1:2::");
    }
}
