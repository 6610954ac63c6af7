//! One call: deadline, repeats where they are safe, and what its failure means.
//!
//! A call is repeated when its failure can pass ([`verdict`]) and a repeat cannot do harm: reads,
//! and appends, which all carry idempotency keys. A repeat goes to the next address where the
//! failure was one of the connection.

mod verdict;

use std::time::Duration;

use countersign_proto::reason::{Reason, hint_of, reason_of};
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::backoff::Backoff;
use crate::endpoints::{Endpoints, Route};
use crate::limits::ATTEMPT_TIMEOUT;
use crate::remember::RememberError;
use crate::verify::VerifyError;

pub(crate) use verdict::{Verdict, describe, verdict};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The ledger said no. The same call will be refused again.
    #[error("{call} was refused with {}: {message}; {hint}", name(*.reason, *.code))]
    Refused {
        /// The method.
        call: &'static str,
        /// The reason, when this version knows it.
        reason: Option<Reason>,
        /// The gRPC status code.
        code: Code,
        /// What the ledger said.
        message: String,
        /// What to do.
        hint: String,
    },
    /// No answer came in time, for reasons that may pass.
    #[error(
        "{call} got no answer from {endpoint} within {waited:.1?} and {attempts} attempts: \
         {last}; {hint}"
    )]
    NoAnswer {
        /// The method.
        call: &'static str,
        /// The last address that was asked.
        endpoint: String,
        /// How long was waited.
        waited: Duration,
        /// How often was asked.
        attempts: u32,
        /// The last failure.
        last: String,
        /// What to do.
        hint: String,
    },
    /// An answer came and is not believed.
    #[error(
        "answer to {call} is not believed: {source}; do not rely on this ledger before `verify` \
         has looked at it"
    )]
    Unverified {
        /// The method.
        call: &'static str,
        /// Why.
        source: Box<VerifyError>,
    },
    /// The checkpoints contradict what is remembered, or remembering failed.
    #[error(transparent)]
    Remember(#[from] RememberError),
    /// The operating system gave no random bytes for an idempotency key.
    #[error("cannot make an idempotency key: {0}")]
    Random(std::io::Error),
}

impl CallError {
    /// The reason of a refusal, when this version knows it.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused { reason, .. } => *reason,
            Self::NoAnswer { .. }
            | Self::Unverified { .. }
            | Self::Remember(_)
            | Self::Random(_) => None,
        }
    }

    /// The error of a call that was answered with this status.
    #[must_use]
    pub fn refused(call: &'static str, status: &Status) -> Self {
        let hint = hint_of(status).unwrap_or_else(|| {
            let hint = if verdict::is_stranger(status) {
                "whoever answers there is another ledger than the one that issued this identity; \
                 check the address, and ca.pem of the identity"
            } else {
                "the answer names no remedy; look at the ledger's own log"
            };
            hint.to_owned()
        });
        Self::Refused {
            call,
            reason: reason_of(status),
            code: status.code(),
            message: describe(status),
            hint,
        }
    }

    pub(crate) fn unverified(call: &'static str) -> impl FnOnce(VerifyError) -> Self {
        move |source| Self::Unverified {
            call,
            source: Box::new(source),
        }
    }
}

fn name(reason: Option<Reason>, code: Code) -> String {
    reason.map_or_else(|| format!("{code:?}"), |reason| reason.to_string())
}

/// Whether a call may be made again when its outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read, or a write with idempotency keys.
    Safe,
    /// A write without.
    Never,
}

/// Makes calls.
#[derive(Debug)]
pub(crate) struct Caller {
    endpoints: Endpoints,
    timeout: Duration,
}

impl Caller {
    pub(crate) const fn new(endpoints: Endpoints, timeout: Duration) -> Self {
        Self { endpoints, timeout }
    }

    pub(crate) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Sends a request until there is an answer, a refusal, or no time left. `send` sends it once.
    pub(crate) async fn call<Q, A, F, S>(
        &self,
        call: &'static str,
        repeat: Repeat,
        request: Q,
        send: S,
    ) -> Result<A, CallError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
        S: Fn(Channel, Request<Q>) -> F,
    {
        let started = Instant::now();
        let deadline = started + self.timeout;
        let mut backoff = Backoff::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let route = self.endpoints.route();
            let time = deadline.duration_since(Instant::now()).min(ATTEMPT_TIMEOUT);
            let status = match attempt(&send, &route, request.clone(), time).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let verdict = verdict(&status);
            if verdict == Verdict::Final {
                return Err(CallError::refused(call, &status));
            }
            if verdict == Verdict::Elsewhere {
                self.endpoints.leave(&route);
            }
            let last = describe(&status);
            tracing::debug!(
                call,
                attempts,
                endpoint = route.address,
                last,
                "call failed"
            );
            if attempts == 1 && repeat == Repeat::Safe {
                let (endpoint, seconds) = (&route.address, self.timeout.as_secs());
                tracing::warn!(endpoint, last, seconds, "no answer yet; trying again");
            }
            let now = repeat == Repeat::Safe
                && tokio::time::timeout_at(deadline, backoff.wait())
                    .await
                    .is_ok();
            if !now {
                let waited = started.elapsed();
                let endpoint = route.address;
                let hint = hint(repeat, &status);
                return Err(CallError::NoAnswer {
                    call,
                    endpoint,
                    waited,
                    attempts,
                    last,
                    hint,
                });
            }
        }
    }
}

/// Sends a request once. The ledger learns how long it has, and is not waited for when it takes
/// longer.
async fn attempt<Q, A, F, S>(
    send: &S,
    route: &Route,
    request: Q,
    time: Duration,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
    S: Fn(Channel, Request<Q>) -> F,
{
    let mut request = Request::new(request);
    request.set_timeout(time);
    match tokio::time::timeout(time, send(route.channel.clone(), request)).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no answer within {time:?}"
        ))),
    }
}

fn hint(repeat: Repeat, status: &Status) -> String {
    let hint = hint_of(status).unwrap_or_else(|| {
        "check that the ledger runs, that the address is right and that its certificate is for \
         this host"
            .into()
    });
    match repeat {
        Repeat::Safe => hint,
        Repeat::Never => format!("{hint}; look whether it took effect before you try again"),
    }
}
