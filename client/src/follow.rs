//! Following a log: sealed entries from a cursor on, and each new one, across lost connections.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use countersign_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

use crate::backoff::Backoff;
use crate::call::{CallError, Verdict, describe, verdict};
use crate::client::{Client, log_service};
use crate::draft::Filter;
use crate::endpoints::{Endpoints, Route};
use crate::entry::{Entry, Sequence};
use crate::limits::{CONNECT_TIMEOUT, FOLLOW_QUEUE};
use crate::verify::Notary;

const CALL: &str = "Follow";

/// A part of a followed log.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// Verified entries in order of index; empty as a sign of life.
    pub entries: Vec<Entry>,
    /// The follower's cursor: everything below was given out or did not match. Once the entries are
    /// dealt with, store this and follow from here after a restart.
    pub next_index: u64,
}

/// A stream of [`Followed`]. A lost connection is opened again, with growing pauses and without
/// end; the stream ends after an error, which is a refusal or an answer that is not believed.
/// Dropping it ends the call.
pub struct Follow {
    parts: mpsc::Receiver<Result<Followed, CallError>>,
    interruption: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

impl Follow {
    /// The next part; `None` after an error.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn next(&mut self) -> Option<Result<Followed, CallError>> {
        self.parts.recv().await
    }

    /// Why nothing more comes from the ledger at the moment, in words that name its address; `None`
    /// while it answers. A ledger that is away is noticed after some 20 s of silence.
    #[must_use]
    pub fn interruption(&self) -> watch::Receiver<Option<String>> {
        self.interruption.clone()
    }
}

impl Stream for Follow {
    type Item = Result<Followed, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.parts.poll_recv(cx)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").finish_non_exhaustive()
    }
}

impl Client {
    /// Follows the log from this index on, over a connection of its own: a follower that is slow
    /// holds up nobody else. Must be called inside a tokio runtime.
    #[must_use]
    pub fn follow(&self, from: u64, filter: Filter) -> Follow {
        let (sender, parts) = mpsc::channel(FOLLOW_QUEUE);
        let (interrupted, interruption) = watch::channel(None);
        let follower = Follower {
            client: self.clone(),
            endpoints: self.caller().endpoints().apart(),
            sequence: Sequence::new(filter, from),
            notary: self.notary(),
            sender,
            interrupted,
        };
        Follow {
            parts,
            interruption,
            task: tokio::spawn(follower.run()),
        }
    }
}

struct Follower {
    client: Client,
    /// A connection for this stream alone: nobody may read it for hours.
    endpoints: Endpoints,
    sequence: Sequence,
    notary: Notary,
    sender: mpsc::Sender<Result<Followed, CallError>>,
    interrupted: watch::Sender<Option<String>>,
}

/// Why one connection ended.
enum End {
    /// It was lost, or the ledger asks for patience.
    Status(Route, Status),
    /// What came over it is not to be gone on with.
    Error(CallError),
    /// Nobody listens any more.
    Dropped,
}

impl Follower {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.connection(&mut backoff).await {
                End::Dropped => return,
                End::Error(error) => error,
                End::Status(route, status) => match verdict(&status) {
                    Verdict::Final => CallError::refused(CALL, &status),
                    passing => {
                        if passing == Verdict::Elsewhere {
                            self.endpoints.leave(&route);
                        }
                        let (endpoint, last) = (route.address, describe(&status));
                        self.is_interrupted(&endpoint, &last);
                        backoff.wait().await;
                        continue;
                    }
                },
            };
            // Nobody listens any more when this fails, and then nobody misses it.
            drop(self.sender.send(Err(error)).await);
            return;
        }
    }

    /// Says that nothing comes any more: once as a warning, and as long as it lasts to who asks.
    fn is_interrupted(&self, endpoint: &str, last: &str) {
        let next = self.sequence.next();
        let text = format!("the ledger at {endpoint} does not answer: {last}");
        if self.interrupted.send_replace(Some(text)).is_none() {
            tracing::warn!(
                endpoint,
                last,
                next,
                "the ledger does not answer; waiting for it"
            );
        } else {
            tracing::debug!(endpoint, last, next, "follow is interrupted");
        }
    }

    async fn connection(&mut self, backoff: &mut Backoff) -> End {
        let route = self.endpoints.route();
        let mut answers = match self.open(&route).await {
            Ok(answers) => answers,
            Err(status) => return End::Status(route, status),
        };
        let mut ahead = self.sequence.clone();
        let mut tying: Option<Tying> = None;
        // While a part is tied to its signature, which takes a call, the next one is read.
        loop {
            let answer = tokio::select! {
                biased;
                tied = next(&mut tying) => match self.give(tied, &route).await {
                    Some(end) => return end,
                    None => continue,
                },
                answer = answers.message() => answer,
            };
            let part = match answer {
                Ok(Some(answer)) => {
                    backoff.reset();
                    self.read(answer, &mut ahead).map_err(End::Error)
                }
                Ok(None) => Err(End::Status(
                    route.clone(),
                    Status::unavailable("the ledger ended the stream"),
                )),
                Err(status) => Err(End::Status(route.clone(), status)),
            };
            // What came before goes first.
            if tying.is_some() {
                let tied = next(&mut tying).await;
                if let Some(end) = self.give(tied, &route).await {
                    return end;
                }
            }
            match part {
                Ok(part) => tying = Some(Box::pin(tie(self.client.clone(), part, ahead.clone()))),
                Err(end) => return end,
            }
        }
    }

    /// Gives out a part that was tied. The sequence moves on only when all of it holds.
    async fn give(&mut self, tied: Tied, route: &Route) -> Option<End> {
        match tied.holds {
            Ok(()) => {}
            // A proof was asked for over a connection that was lost: the same entries come again.
            Err(CallError::NoAnswer { last, .. }) => {
                return Some(End::Status(route.clone(), Status::unavailable(last)));
            }
            Err(error) => return Some(End::Error(error)),
        }
        self.sequence = tied.sequence;
        if self.interrupted.send_replace(None).is_some() {
            tracing::info!("the ledger answers again");
        }
        let sent = self.sender.send(Ok(tied.part)).await;
        sent.is_err().then_some(End::Dropped)
    }

    async fn open(&self, route: &Route) -> Result<Streaming<v1::FollowResponse>, Status> {
        let request = Request::new(v1::FollowRequest {
            log: self.client.shared.log.clone(),
            from_index: self.sequence.next(),
            filter: self.sequence.filter().into(),
        });
        let mut service = log_service(route.channel.clone());
        // The answer's head comes at once, whether or not there are entries.
        match tokio::time::timeout(2 * CONNECT_TIMEOUT, service.follow(request)).await {
            Ok(answers) => answers.map(tonic::Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded(
                "the stream was not opened in time",
            )),
        }
    }

    /// Verifies one answer, except that it is not tied to a signature yet. The sequence moves on
    /// when it holds.
    fn read(
        &mut self,
        answer: v1::FollowResponse,
        sequence: &mut Sequence,
    ) -> Result<Followed, CallError> {
        let entries = sequence
            .read(answer.entries, &answer.checkpoints, &mut self.notary)
            .and_then(|entries| sequence.skip_to(answer.next_index).map(|()| entries))
            .map_err(CallError::unverified(CALL))?;
        Ok(Followed {
            entries,
            next_index: answer.next_index,
        })
    }
}

/// A part that is being tied to its signature.
type Tying = Pin<Box<dyn Future<Output = Tied> + Send>>;

/// A part, and whether its signature commits to it.
struct Tied {
    part: Followed,
    /// Where the log goes on behind it.
    sequence: Sequence,
    holds: Result<(), CallError>,
}

async fn tie(client: Client, part: Followed, sequence: Sequence) -> Tied {
    let holds = client.tie(&part.entries).await;
    Tied {
        part,
        sequence,
        holds,
    }
}

/// What becomes of the part that is being tied; without one nothing ever does. What was not waited
/// for stays.
async fn next(tying: &mut Option<Tying>) -> Tied {
    match tying {
        Some(tied) => {
            let tied = tied.await;
            *tying = None;
            tied
        }
        None => std::future::pending().await,
    }
}
