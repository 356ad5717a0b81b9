//! Where somebody is signed in, as a person would say it: the device by what the client calls itself, and the country
//! by the internet address, both without asking anybody. Neither proves anything: a client calls itself what it likes,
//! and an address is known by the country in which its network is registered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::session::Device;
use woothee::parser::{Parser, WootheeResult};

/// How Rabta's own apps begin what they call themselves: `Rabta/1.2 (Android 15)`.
const APP: &str = "Rabta/";
/// A device that does not say what it is.
const UNKNOWN_DEVICE: &str = "Unknown device";
/// An address that means nothing outside of a house, an office or the network of a provider.
const PRIVATE_NETWORK: &str = "Private network";
/// The names of countries by their codes; DATA.md has what they are made from.
const COUNTRIES: &str = include_str!("../data/countries.tsv");

/// The device by a name, like `Chrome on Windows` or `Rabta app on Android`. It is put together of names that are known
/// here: nothing that a client says of itself gets into it.
pub fn device_name(device: &Device) -> String {
    let agent = device.agent.as_deref().unwrap_or_default();
    let parser = Parser::new();
    let parsed = parser.parse(agent);
    let system = parsed.as_ref().and_then(system);
    let program = if agent.starts_with(APP) { Some("Rabta app") } else { parsed.as_ref().and_then(program) };
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("Unknown program on {system}"),
        (None, None) => UNKNOWN_DEVICE.to_owned(),
    }
}

/// The country that the device's address is of, in English; `Private network` for one that is of no country; `None` if
/// it is not known.
pub fn place(device: &Device) -> Option<&'static str> {
    let address = device.address?.to_canonical();
    if is_private(address) {
        return Some(PRIVATE_NETWORK);
    }
    let code = iptocc::country_code(address)?;
    COUNTRIES.lines().filter_map(|line| line.split_once('\t')).find(|(known, _)| *known == code).map(|(_, name)| name)
}

fn program(parsed: &WootheeResult<'_>) -> Option<&'static str> {
    Some(match parsed.name {
        "Chrome" => "Chrome",
        "Edge" => "Edge",
        "Firefox" => "Firefox",
        "Safari" => "Safari",
        "Opera" => "Opera",
        "Vivaldi" => "Vivaldi",
        "SamsungBrowser" => "Samsung Internet",
        "Yandex Browser" => "Yandex Browser",
        "Internet Explorer" => "Internet Explorer",
        "Webview" => "An app",
        _ => return None,
    })
}

fn system(parsed: &WootheeResult<'_>) -> Option<&'static str> {
    Some(match parsed.os {
        os if os.starts_with("Windows Phone") => "Windows Phone",
        os if os.starts_with("Windows") => "Windows",
        "Mac OSX" => "macOS",
        "iPhone" => "iPhone",
        "iPad" => "iPad",
        "iOS" => "iOS",
        "Android" => "Android",
        "ChromeOS" => "ChromeOS",
        "Linux" => "Linux",
        _ => return None,
    })
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // A provider that has fewer addresses than customers hands out these (RFC 6598).
            let is_shared = first == 100 && (64..128).contains(&second);
            is_shared
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address == Ipv6Addr::UNSPECIFIED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15";
    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";

    fn called(agent: &str) -> String {
        device_name(&Device { agent: Some(agent.to_owned()), address: None })
    }

    fn at(address: &str) -> Option<&'static str> {
        place(&Device { agent: None, address: Some(address.parse().unwrap()) })
    }

    #[test]
    fn a_device_is_called_by_its_browser_and_its_system() {
        let windows = |rest: &str| called(&format!("{WINDOWS} {rest}"));
        assert_eq!(windows("Chrome/143.0.0.0 Safari/537.36"), "Chrome on Windows");
        assert_eq!(windows("Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0"), "Edge on Windows");
        assert_eq!(windows("Chrome/143.0.0.0 Safari/537.36 OPR/120.0.0.0"), "Opera on Windows");
        let firefox = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
        assert_eq!(called(firefox), "Firefox on Linux");
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        assert_eq!(called(&format!("{mac} Version/18.5 Safari/605.1.15")), "Safari on macOS");
        let iphone = |rest: &str| called(&format!("{IPHONE} (KHTML, like Gecko) {rest}"));
        assert_eq!(iphone("Version/18.5 Mobile/15E148 Safari/604.1"), "Safari on iPhone");
        assert_eq!(iphone("CriOS/140.0.0.0 Mobile/15E148 Safari/604.1"), "Chrome on iPhone");
        let android = |rest: &str| called(&format!("{ANDROID} {rest}"));
        assert_eq!(android("Chrome/143.0.0.0 Mobile Safari/537.36"), "Chrome on Android");
        assert_eq!(android("SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"), "Samsung Internet on Android");
    }

    #[test]
    fn our_apps_are_called_so_and_what_is_not_known_says_so() {
        assert_eq!(called("Rabta/1.2.0 (Android 15; Pixel 8)"), "Rabta app on Android");
        assert_eq!(called("Rabta/1.2 CFNetwork/1568.200.51 Darwin/24.1.0"), "Rabta app on iOS");
        assert_eq!(called("Rabta/1.2"), "Rabta app");
        for strange in ["", "x", "curl/8.5.0", "okhttp/4.12.0", "Your bank: call +1 555 0100", "\u{202E}Chrome"] {
            let name = called(strange);
            assert!(!name.contains("bank") && !name.contains('\u{202E}'), "{name}");
        }
        assert_eq!(called("curl/8.5.0"), "Unknown device");
        assert_eq!(device_name(&Device::default()), "Unknown device");
    }

    #[test]
    fn a_place_is_the_country_of_the_address() {
        assert_eq!(at("39.32.1.1"), Some("Pakistan"));
        assert_eq!(at("2400:adc0::1"), Some("Pakistan"));
        assert_eq!(at("8.8.8.8"), Some("United States"));
        assert_eq!(at("::ffff:8.8.8.8"), Some("United States"), "as a socket of both kinds tells it");
        for private in ["10.1.1.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "100.64.1.1", "::1", "fe80::1", "fd00::1"]
        {
            assert_eq!(at(private), Some("Private network"), "{private}");
        }
        assert_eq!(at("100.127.255.255"), Some("Private network"), "the last of those that providers share");
        for public in ["100.63.255.255", "100.128.0.1"] {
            assert_ne!(at(public), Some("Private network"), "{public}");
        }
        for nowhere in ["203.0.113.7", "2001:db8::1", "240.0.0.1"] {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
        assert_eq!(place(&Device::default()), None);
    }

    #[test]
    fn each_country_has_a_code_and_a_name() {
        let lines: Vec<(&str, &str)> = COUNTRIES.lines().filter_map(|line| line.split_once('\t')).collect();
        assert_eq!(lines.len(), COUNTRIES.lines().count());
        assert!(lines.len() > 240 && lines.is_sorted(), "{} countries", lines.len());
        assert!(lines.iter().all(|(code, name)| code.len() == 2 && !name.is_empty()));
    }
}
