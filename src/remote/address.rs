//! `ssh://user@host:port`.

use std::fmt;
use std::str::FromStr;

/// A machine, as OpenSSH names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Who to be there; `None`: what OpenSSH's configuration says.
    pub user: Option<String>,
    /// Name, address, or an alias of OpenSSH's configuration.
    pub host: String,
    /// Port; `None`: what OpenSSH's configuration says.
    pub port: Option<u16>,
}

impl FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no host, expected ssh://user@host or ssh://user@host:port");
        let rest = text.strip_prefix("ssh://").ok_or_else(expected)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, rest),
        };
        let (host, port) = match rest.strip_prefix('[') {
            // IPv6 addresses have colons of their own.
            Some(rest) => {
                let (host, tail) = rest.split_once(']').ok_or_else(expected)?;
                (host, if tail.is_empty() { None } else { Some(tail.strip_prefix(':').ok_or_else(expected)?) })
            }
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(|port| port.parse().ok().filter(|&port| port > 0).ok_or_else(expected)).transpose()?;
        // A leading dash would be an option to ssh; blanks and control characters are in no name.
        let sound = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name.chars().all(|c| c.is_ascii_graphic() && !"/'\"\\".contains(c))
        };
        if !sound(host) || !user.as_deref().is_none_or(sound) {
            return Err(expected());
        }
        Ok(Self { user, host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?
        } else {
            f.write_str(&self.host)?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_back() {
        for text in ["ssh://pi", "ssh://me@pi.local", "ssh://me@10.0.0.2:2222", "ssh://me@[fe80::1]:22"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        assert_eq!("ssh://pi/".parse::<Address>().map(|address| address.host), Ok("pi".into()));
    }

    #[test]
    fn what_ssh_would_misunderstand_is_refused() {
        for text in
            ["pi", "ssh://", "ssh://-oProxyCommand=x", "ssh://a@-x", "ssh://a b", "ssh://a:0", "ssh://a:b", "ssh://@a"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
