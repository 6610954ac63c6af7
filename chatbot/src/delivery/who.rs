//! For whom a message is.

use std::fmt;

use crate::card::name::Name;

/// What stands before the id of a channel in entries.
const CHANNEL: &str = "channel:";

/// A person of the policy, or everyone in a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Somebody.
    Person(Name),
    /// A channel, by the platform's id.
    Channel(String),
}

impl Who {
    /// A person; none for a name that no entry could tell from a channel.
    #[must_use]
    pub fn person(name: &str) -> Option<Self> {
        let plain = !name.starts_with(CHANNEL);
        Name::new(name).filter(|_| plain).map(Self::Person)
    }

    /// Reads the recipient of an entry back.
    #[must_use]
    pub fn parse(recipient: &str) -> Option<Self> {
        match recipient.strip_prefix(CHANNEL) {
            Some(id) if !id.is_empty() => Some(Self::Channel(id.to_owned())),
            Some(_) => None,
            None => Self::person(recipient),
        }
    }
}

/// As entries have it: the person, or `channel:` and the id.
impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(out, "{name}"),
            Self::Channel(id) => write!(out, "{CHANNEL}{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_read_back() {
        for who in [
            Who::person("ada").unwrap(),
            Who::Channel("C0000001".to_owned()),
            Who::Channel("19:abc@thread.tacv2".to_owned()),
        ] {
            assert_eq!(Who::parse(&who.to_string()), Some(who));
        }
        for nobody in ["", "channel:"] {
            assert_eq!(Who::parse(nobody), None);
        }
        assert_eq!(Who::person("channel:C1"), None);
    }
}
