//! What makes and removes access of one kind, and what it is told.

use std::future::Future;
use std::pin::Pin;

use crate::provision::credential::Credential;
use crate::provision::text::told;

/// A grant, as the entries of the log say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Index of the GrantIssued entry.
    pub grant: u64,
    /// Index of the entry that opened the case.
    pub case: u64,
    /// Who may, as the policy knows the person.
    pub person: String,
    /// Principal that asked; empty when the entry is not known.
    pub principal: String,
    /// On what.
    pub resource: String,
    /// What.
    pub permission: String,
    /// Until when, in microseconds of Unix time.
    pub end: u64,
    /// Whether sessions must be recorded.
    pub record_session: bool,
}

impl Grant {
    /// The end in whole seconds of Unix time, rounded down: access ends early rather than late.
    #[must_use]
    pub const fn end_seconds(&self) -> u64 {
        self.end / 1_000_000
    }
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its time is over.
    Expired,
    /// Somebody took it away.
    Revoked,
    /// Its holder is done.
    Finished,
}

impl Ending {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Finished => "finished",
        }
    }
}

/// Access that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What was made, for example `role cs_ada_1042`.
    pub target: String,
    /// What the person gets; `None` when there is nothing to hand over.
    pub credential: Option<Credential>,
    /// Until when it works by itself, in seconds of Unix time; `None` when it does not end by
    /// itself.
    pub valid_until: Option<u64>,
}

/// Access that is gone, and how that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whether there was anything.
    pub found: bool,
    /// In words.
    pub text: String,
}

/// What should be there for a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Access.
    There,
    /// No access.
    Gone,
    /// It is being changed: whatever is found is fine.
    Either,
}

/// A grant and what should be there for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The grant.
    pub grant: Grant,
    /// What should be there.
    pub expected: Expected,
    /// How it ended; `None` while it lasts.
    pub ended: Option<Ending>,
}

/// How what exists differs from what was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// Access that no grant explains.
    Unknown,
    /// Access whose grant is over.
    Outlived,
    /// Access that was made and is gone.
    Missing,
    /// Access that allows something else than what was granted.
    Changed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What was found, for example `role cs_ada_1042`.
    pub target: String,
    /// How it differs.
    pub drift: Drift,
    /// The grant that it belongs to; 0 for none.
    pub grant: u64,
    /// In words.
    pub detail: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(drift: Drift, grant: u64, target: impl Into<String>, detail: &str) -> Self {
        Self {
            target: target.into(),
            drift,
            grant,
            detail: told(detail),
        }
    }
}

/// Why something could not be done, in words for the log. It never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// In one line of bounded length.
    #[must_use]
    pub fn new(what: impl AsRef<str>) -> Self {
        Self(told(what.as_ref()))
    }
}

/// Something that is being done.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Makes and removes access of one kind.
///
/// Everything may be called again at any time, also after a crash within it: `make` and `extend`
/// lead to exactly one access with a new credential, `remove` to none. A call that is dropped has
/// an unknown outcome. There is one call at a time for each grant.
pub trait Provisioner: Send + Sync {
    /// Makes access that lasts until the end of the grant.
    fn make<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made>;

    /// Moves the end of access that exists.
    fn extend<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made>;

    /// Takes access away, ends its sessions, and checks that it is gone. Nothing to take away is
    /// fine.
    fn remove<'a>(&'a self, grant: &'a Grant, ending: Ending) -> Doing<'a, Proof>;

    /// Compares what exists with what should.
    fn inspect<'a>(&'a self, standing: &'a [Standing]) -> Doing<'a, Vec<Finding>>;

    /// Removes or corrects what an inspection found; the grant is there while it lasts. Access that
    /// is missing is not made anew.
    fn mend<'a>(&'a self, finding: &'a Finding, grant: Option<&'a Grant>) -> Doing<'a, ()>;

    /// Connects, and says in some lines what it finds. Nothing is changed.
    fn check(&self) -> Doing<'_, Vec<String>>;
}
