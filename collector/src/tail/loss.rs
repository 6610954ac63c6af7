//! Why lines of a file are missing.

use crate::tail::file::Contents;

/// How lines were lost. How many is not known: they are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The file was cut short in place, as `copytruncate` of logrotate does it.
    Truncated,
    /// Other contents were written into the file.
    Rewritten,
    /// The file was rotated and removed while nobody read.
    Gone,
    /// A file between two that were read was compressed.
    Compressed,
    /// More files came than can be held open.
    Overrun,
}

impl Loss {
    /// What the contents of a file say; `None` when nothing is lost.
    pub(crate) const fn of(contents: Contents) -> Option<Self> {
        match contents {
            Contents::Kept => None,
            Contents::Shorter => Some(Self::Truncated),
            Contents::Other => Some(Self::Rewritten),
        }
    }

    /// Stands in the idempotency key, so that two losses at one place are two events.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Truncated => "cut",
            Self::Rewritten => "new",
            Self::Gone => "gone",
            Self::Compressed => "zip",
            Self::Overrun => "many",
        }
    }

    /// For people.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Truncated => {
                "the file was truncated; lines written between the last look and that are lost"
            }
            Self::Rewritten => {
                "the file was written anew; lines written between the last look and that are lost"
            }
            Self::Gone => {
                "the file was rotated and removed or compressed before it was read to its end"
            }
            Self::Compressed => "a later rotated file was compressed before it was read",
            Self::Overrun => {
                "files were rotated faster than they could be sent; some of them were not read"
            }
        }
    }
}
