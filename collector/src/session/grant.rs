//! The grant that a session uses, and whether it still holds.

use std::fmt;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_client::CallError;
use countersign_proto::convert::unix_micros;
use countersign_proto::v1;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};

use crate::limits::{GRANT_ANSWER, GRANT_POLL};
use crate::session::register::Register;

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMicros + Send + Sync>);

impl Clock {
    /// A clock that tells what this function says.
    pub fn new(now: impl Fn() -> UnixMicros + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// That of this machine; 1970 when it is set to a time before.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let micros = jiff::Timestamp::now().as_microsecond();
            let micros = u64::try_from(micros).unwrap_or(0);
            UnixMicros::new(micros).unwrap_or(UnixMicros::EPOCH)
        })
    }

    /// What it tells now.
    #[must_use]
    pub fn now(&self) -> UnixMicros {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// What a session needs to know of its grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Number of the grant.
    pub grant: u64,
    /// Its case.
    pub case: u64,
    /// Who has it.
    pub person: String,
    /// On what.
    pub resource: String,
    /// What is allowed there.
    pub permission: String,
    /// Whether it was taken, and is looked at afterwards.
    pub break_glass: bool,
    /// Whether the policy asks for keyboard input to be recorded.
    pub record_input: bool,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its time is over.
    Expired,
    /// It was taken away.
    Revoked,
    /// It was given back.
    Finished,
}

impl Over {
    /// As entries say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Finished => "finished",
        }
    }
}

/// Whether a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does, until then.
    Active {
        /// When it ends, if it is not extended.
        end: UnixMicros,
    },
    /// It does not.
    Over {
        /// How it ended.
        reason: Over,
    },
    /// Nobody can say.
    Unknown {
        /// Since when.
        since: Instant,
    },
}

/// Why nothing is known of a grant.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The ledger does not tell.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is none.
    #[error("expected the number of a grant, got {number}, which belongs to case {case}: {status}")]
    NoGrant {
        /// What was asked for.
        number: u64,
        /// The case.
        case: u64,
        /// How that stands.
        status: String,
    },
}

/// Keeps a [`Standing`] up to date until it is dropped.
#[derive(Debug)]
pub struct GrantWatch {
    task: JoinHandle<()>,
    standing: watch::Receiver<Standing>,
}

impl GrantWatch {
    /// What it keeps up to date.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }
}

impl Drop for GrantWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks for a grant, by its number or that of its case, and goes on asking every 500 ms. Must be
/// called inside a tokio runtime.
///
/// # Errors
/// [`GrantError`] when the first question fails.
pub async fn watch_grant<R: Register>(
    register: &R,
    number: u64,
) -> Result<(Granted, GrantWatch), GrantError> {
    let case = register.case(number).await?;
    let (granted, standing) = read(number, &case)?;
    let (sender, receiver) = watch::channel(standing);
    let task = tokio::spawn(poll(register.clone(), granted.grant, sender));
    let watch = GrantWatch {
        task,
        standing: receiver,
    };
    Ok((granted, watch))
}

async fn poll<R: Register>(register: R, grant: u64, standing: watch::Sender<Standing>) {
    let mut ticks = interval(GRANT_POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    while !standing.is_closed() {
        ticks.tick().await;
        let asked = Instant::now();
        let next = match timeout(GRANT_ANSWER, register.case(grant)).await {
            Ok(Ok(case)) => read(grant, &case).ok().map(|(_, next)| next),
            Ok(Err(error)) => {
                tracing::debug!(%error, grant, "cannot ask for the grant");
                None
            }
            Err(_) => None,
        };
        let next = match next {
            Some(next) => {
                answered = asked;
                next
            }
            None => Standing::Unknown { since: answered },
        };
        standing.send_if_modified(|known| {
            let changed = *known != next;
            *known = next;
            changed
        });
        if matches!(next, Standing::Over { .. }) {
            return;
        }
    }
}

/// What a case says of its grant.
fn read(number: u64, case: &v1::Case) -> Result<(Granted, Standing), GrantError> {
    let end = |grant: &v1::Grant| grant.end.as_ref().and_then(|end| unix_micros(end).ok());
    let found = case
        .grant
        .as_ref()
        .and_then(|grant| Some((grant, end(grant)?)));
    let Some((grant, end)) = found else {
        return Err(GrantError::NoGrant {
            number,
            case: case.id,
            status: case.summary.clone(),
        });
    };
    let standing = if grant.active {
        Standing::Active { end }
    } else {
        let reason = match grant.ended_by.as_str() {
            "revoked" => Over::Revoked,
            "finished" => Over::Finished,
            _ => Over::Expired,
        };
        Standing::Over { reason }
    };
    let obligations = case.obligations.as_ref();
    let granted = Granted {
        grant: grant.id,
        case: case.id,
        person: case.person.clone(),
        resource: case.resource.clone(),
        permission: case.permission.clone(),
        break_glass: case.break_glass,
        record_input: obligations.is_some_and(|obligations| obligations.record_input),
    };
    Ok((granted, standing))
}
