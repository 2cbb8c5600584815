//! Tests if a server accepts connections on a TCP port of the loopback interface.

use anyhow::{Result, anyhow, bail};
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long one attempt may take; on loopback the answer is there at once.
const ATTEMPT: Duration = Duration::from_millis(500);

/// Whether a connection to 127.0.0.1 or ::1 is accepted.
pub(super) fn answers(port: u16) -> bool {
    connects(Ipv4Addr::LOCALHOST.into(), port).is_ok() || connects(Ipv6Addr::LOCALHOST.into(), port).is_ok()
}

/// Whether a check on this port would show anything: the loopback interface is up, and no other program answers.
///
/// # Errors
/// Why not, as a whole message.
pub(super) fn is_free(port: u16) -> Result<()> {
    if answers(port) {
        bail!("another program already answers on TCP port {port}, before the check has started its server");
    }
    match connects(Ipv4Addr::LOCALHOST.into(), port) {
        Err(error) if matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown) => {
            Err(anyhow!("this build step has no loopback interface for the check on TCP port {port}: {error}"))
        }
        _ => Ok(()),
    }
}

fn connects(address: std::net::IpAddr, port: u16) -> Result<(), Error> {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), ATTEMPT).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpListener;

    use super::{answers, is_free};

    #[test]
    fn a_listener_is_told_from_none() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine without IPv6 has nothing to show for the second.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            assert!(answers(port));
            assert!(is_free(port).unwrap_err().to_string().contains("answers on TCP port"));
            drop(listener);
            assert!(!answers(port));
            is_free(port).unwrap();
        }
    }
}
