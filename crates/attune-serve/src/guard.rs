//! Who may ask: pages of other sites must not read what is served here (DNS rebinding, cross-site requests).
//!
//! In: the headers of a request. Out: whether it is answered. Thread: the server's.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use std::net::{IpAddr, SocketAddr};

/// The names under which the server may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    address: SocketAddr,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAllowed {
    /// It names another host than this.
    #[error("the Host of the request is not this server")]
    Host,
    /// A page of another site sent it.
    #[error("the Origin of the request is another site")]
    Origin,
}

impl Hosts {
    /// Those of a server on this address: the address itself, and on this machine its names.
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Checks the headers of a request.
    ///
    /// # Errors
    /// If `Host` is missing or another one, or `Origin` is there and another site. A file on disk has the origin `null`
    /// and is refused too.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), NotAllowed> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let mut hosts = headers.get_all(HOST).iter();
        if hosts.next().is_none() || hosts.next().is_some() || !self.is_here(text(HOST).unwrap_or_default()) {
            return Err(NotAllowed::Host);
        }
        match text(ORIGIN) {
            None => Ok(()),
            Some(origin) if origin.strip_prefix("http://").is_some_and(|host| self.is_here(host)) => Ok(()),
            Some(_) => Err(NotAllowed::Origin),
        }
    }

    /// Whether `host` (`name`, `name:port`, `[v6]:port`) is this server.
    fn is_here(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.address.port()) {
            return false;
        }
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        match bare.parse::<IpAddr>() {
            Ok(ip) if self.address.ip().is_unspecified() => !ip.is_unspecified(),
            Ok(ip) => ip == self.address.ip(),
            // Other names can be made to lead here by whoever owns them.
            Err(_) => bare.eq_ignore_ascii_case("localhost") && self.is_on_this_machine(),
        }
    }

    fn is_on_this_machine(&self) -> bool {
        let ip = self.address.ip();
        ip.is_loopback() || ip.is_unspecified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, host: Option<&str>, origin: Option<&str>) -> Result<(), NotAllowed> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().expect("a header"));
            }
        }
        Hosts::of(address.parse().expect("an address")).check(&headers)
    }

    #[test]
    fn only_this_server_and_its_own_pages_may_ask() {
        let here = "127.0.0.1:8766";
        for (host, origin) in [
            ("127.0.0.1:8766", None),
            ("localhost:8766", None),
            ("LOCALHOST:8766", Some("http://localhost:8766")),
            ("127.0.0.1:8766", Some("http://127.0.0.1:8766")),
        ] {
            assert_eq!(check(here, Some(host), origin), Ok(()), "{host} {origin:?}");
        }
        for host in [
            "evil.example:8766",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1.evil.example:8766",
            "",
            "[::1]:8766",
        ] {
            assert_eq!(check(here, Some(host), None), Err(NotAllowed::Host), "{host}");
        }
        assert_eq!(check(here, None, None), Err(NotAllowed::Host));
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:8766",
            "http://127.0.0.1:8766.evil.example",
        ] {
            assert_eq!(
                check(here, Some(here), Some(origin)),
                Err(NotAllowed::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn on_all_addresses_any_address_will_do_but_no_name() {
        let all = "0.0.0.0:8766";
        assert_eq!(check(all, Some("192.168.1.7:8766"), None), Ok(()));
        assert_eq!(check(all, Some("localhost:8766"), None), Ok(()));
        assert_eq!(check(all, Some("rebound.example:8766"), None), Err(NotAllowed::Host));
        assert_eq!(check("[::1]:8766", Some("[::1]:8766"), None), Ok(()));
    }
}
