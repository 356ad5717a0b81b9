//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use super::Problem;

/// The head in which proxies say whose a request is.
pub(super) const FORWARDED_FOR: &str = "x-forwarded-for";

/// So many networks of one IPv6 site may as much together as one network may.
pub const SITE: u32 = 8;

/// The address that limits are counted by.
///
/// It is the other end of the connection. Only when the operator says how many proxies stand in
/// front of the server is `X-Forwarded-For` believed, and then only as many entries from its right
/// end as there are proxies: what stands further left was written by the client, and may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of a request. One that its proxy names and that can't be read is not taken for the proxy's own, which
    /// stands for all its clients: the request is refused.
    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: usize) -> Result<Self, Problem> {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
        Ok(Self(forwarded(headers, trusted_proxies)?.unwrap_or(peer).to_canonical()))
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

/// What the outermost of the trusted proxies says of its peer, if they say anything.
fn forwarded(headers: &HeaderMap, trusted_proxies: usize) -> Result<Option<IpAddr>, Problem> {
    let values = headers.get_all(FORWARDED_FOR).iter();
    let hops: Vec<&[u8]> = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).collect();
    let Some(hop) = hops.len().checked_sub(trusted_proxies).and_then(|nth| hops.get(nth)) else { return Ok(None) };
    read(hop).map(Some).ok_or_else(|| {
        Problem::bad_request(
            "the proxy in front of this server says whose request it is by something that is no address",
        )
    })
}

/// An address as proxies write it: bare, or with a port.
fn read(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address_by(lines: &[&[u8]], proxies: usize) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 5000))));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let address = ClientAddress::of(&extensions, &headers, proxies);
        address.map_or_else(|problem| problem.code.to_owned(), |address| address.0.to_string())
    }

    fn address(header: &str, proxies: usize) -> String {
        address_by(&[header.as_bytes()], proxies)
    }

    #[test]
    fn only_entries_written_by_trusted_proxies_are_believed() {
        assert_eq!(address("203.0.113.9", 0), "192.0.2.1");
        assert_eq!(address("203.0.113.9", 1), "203.0.113.9");
        assert_eq!(address("6.6.6.6, 203.0.113.9", 1), "203.0.113.9");
        assert_eq!(address("6.6.6.6, 203.0.113.9, 10.0.0.1", 2), "203.0.113.9");
        assert_eq!(address("203.0.113.9", 2), "192.0.2.1");
        assert_eq!(address_by(&[], 1), "192.0.2.1", "the proxy itself");
    }

    #[test]
    fn whatever_a_client_writes_before_it_the_entry_of_the_proxy_is_read() {
        for before in [&b"\xff"[..], b"\xff\xfe, 6.6.6.6", b"", b",,", b"nonsense", b"[", "\u{661}.1.1.1".as_bytes()] {
            let line = [before, b", 203.0.113.9"].concat();
            assert_eq!(address_by(&[&line], 1), "203.0.113.9", "{line:?}");
            assert_eq!(address_by(&[before, b"203.0.113.9"], 1), "203.0.113.9", "a line of its own, after {before:?}");
        }
        assert_eq!(address_by(&[b"\xff, 203.0.113.9", b"10.0.0.1"], 2), "203.0.113.9");
    }

    #[test]
    fn an_address_is_read_as_proxies_write_it_and_what_is_none_is_refused() {
        for (written, read) in [
            ("203.0.113.9:5678", "203.0.113.9"),
            (" 203.0.113.9 ", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:5678", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(address(written, 1), read, "{written}");
        }
        for written in ["nonsense", "unknown", "", "203.0.113.9:", "203.0.113.9:99999", "203.0.113.9.1", "[203.0.113.9"]
        {
            assert_eq!(address(written, 1), "BAD_REQUEST", "{written}");
        }
        assert_eq!(address_by(&[b"203.0.113.9, \xff"], 1), "BAD_REQUEST");
        assert_eq!(address_by(&[b"\xff"], 0), "192.0.2.1", "where no proxy is trusted, none is asked");
    }

    #[test]
    fn a_house_has_one_ipv6_network() {
        let address = ClientAddress("2001:db8:1:2:aaaa::1".parse().unwrap());
        assert_eq!(address.network().0.to_string(), "2001:db8:1:2::");
    }
}
