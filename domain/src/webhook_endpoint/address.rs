//! Where webhooks go: to the public network, and nowhere else. Whoever names an address must not reach by us what they
//! can't reach themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::refusal::Refusal;

/// The longest address that is taken, in bytes.
pub const LONGEST: usize = 2_000;
/// Ports below this are those of well-known services, of which webhooks are one.
const FREE_PORTS: u16 = 1_024;
/// The port of that one.
const HTTPS: u16 = 443;

/// The parts of an address, as the program that is to call it reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stands before the colon, in small letters.
    pub scheme: &'a str,
    /// Does it name a user, or a password?
    pub has_user: bool,
    /// Does it have a part behind a `#`?
    pub has_fragment: bool,
    /// The name or the address of the machine, without brackets.
    pub host: &'a str,
    /// The port, the scheme's own if it says none.
    pub port: u16,
}

/// May webhooks go there? What a name stands for is looked at when it is called. `anywhere` is for development: then
/// the machine itself is an address, too, and one needs no encryption to reach it.
pub fn check(parts: Parts<'_>, anywhere: bool) -> Result<(), Refusal> {
    let malformed = |message: &str| Err(Refusal::field("url", "MALFORMED", message));
    let Parts { scheme, has_user, has_fragment, host, port } = parts;
    if scheme != "https" && !(anywhere && scheme == "http") {
        return malformed("must be an address that starts with https://");
    }
    if has_user || has_fragment {
        return malformed("must name no user and no fragment");
    }
    if anywhere {
        return Ok(());
    }
    if port != HTTPS && port < FREE_PORTS {
        return malformed("must name port 443, or one from 1024 on");
    }
    match host.parse::<IpAddr>() {
        Ok(ip) if is_public(ip) => Ok(()),
        Err(_) if host.trim_end_matches('.').contains('.') => Ok(()),
        Ok(_) | Err(_) => malformed("must be reachable from everywhere"),
    }
}

/// Is this an address of the public network, that belongs to one machine?
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Looks public, and is answered by the host of whichever machine of a large cloud asks.
const CLOUD: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let apart = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // shared by the customers of a carrier
        || (a == 192 && b == 0 && c == 0) // of protocols
        || (a == 192 && b == 88 && c == 99) // relays to IPv6
        || (a == 198 && (18..20).contains(&b)) // of benchmarks
        || ip == CLOUD // of the machine's own host
        || a >= 224; // groups, and what is reserved
    !apart
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // What holds an address of the older network leads to it.
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b, c, d, e, f) {
        // Translated by a gateway, whose own network has a prefix of its own.
        (0x64, 0xff9b, 0, 0, 0, 0) => is_public_v4(inner(g, h)),
        (0x64, 0xff9b, ..) => false,
        (0x2002, ..) => is_public_v4(inner(b, c)),
        // Tunnels, benchmarks, names of keys and examples.
        (0x2001, 0..=0x1ff, ..) | (0x2001, 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => false,
        // All else that machines have is in here: not the machine itself, not what is mapped, local or a group.
        (0x2000..=0x3fff, ..) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_network_is_public() {
        let public = [
            "1.1.1.1",
            "93.184.215.14",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.17",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ];
        for ip in public {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        let apart = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for ip in apart {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn webhooks_go_where_everybody_could_go() {
        let fine = Parts { scheme: "https", has_user: false, has_fragment: false, host: "hooks.example", port: 443 };
        for parts in [
            fine,
            Parts { port: 1_024, ..fine },
            Parts { port: 8_443, ..fine },
            Parts { host: "1.1.1.1", ..fine },
            Parts { host: "2606:4700::1111", ..fine },
        ] {
            assert_eq!(check(parts, false), Ok(()), "{parts:?}");
        }
        for parts in [
            Parts { scheme: "http", ..fine },
            Parts { scheme: "ftp", ..fine },
            Parts { has_user: true, ..fine },
            Parts { has_fragment: true, ..fine },
            Parts { port: 80, ..fine },
            Parts { port: 22, ..fine },
            Parts { port: 1_023, ..fine },
            Parts { host: "localhost", ..fine },
            Parts { host: "localhost.", ..fine },
            Parts { host: "db", ..fine },
            Parts { host: "", ..fine },
            Parts { host: "127.0.0.1", ..fine },
            Parts { host: "169.254.169.254", ..fine },
            Parts { host: "::1", ..fine },
            Parts { host: "::ffff:10.0.0.1", ..fine },
        ] {
            assert!(check(parts, false).is_err(), "{parts:?}");
        }
        let here = Parts { scheme: "http", host: "127.0.0.1", port: 80, ..fine };
        assert_eq!(check(here, true), Ok(()));
        assert!(check(Parts { scheme: "ftp", ..here }, true).is_err());
        assert!(check(Parts { has_user: true, ..here }, true).is_err());
    }
}
