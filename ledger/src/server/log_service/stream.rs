//! AppendStream: events as they come, acknowledged in order.
//!
//! Two tasks serve a stream. The [`Reader`] takes what is there without waiting, up to a chunk, and
//! proposes it; the [`Acknowledger`] waits for the chunks in order and answers. At most
//! [`STREAM_CHUNKS`] are between them: when the store or the client is slow, the reader stops
//! reading and HTTP/2 holds the client back.
//!
//! The first event that is refused ends the stream: what came before it is acknowledged first, and
//! the status says its position. Most refusals are found before a chunk is proposed, so that
//! nothing behind the event is appended. A key that belongs to another event is found by the log:
//! chunks behind it may be entries by then, without an acknowledgement, as after a lost connection.
//!
//! When the client goes away, the reader stops and what was proposed becomes entries all the same.

use std::future::ready;
use std::sync::Arc;

use countersign_proto::v1::{self, AckLevel, AppendStreamRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::Instrument as _;

use super::draft::{self, Keys};
use super::receipt;
use crate::identity::peer::Peer;
use crate::limits::{CHUNK_BYTES, CHUNK_ENTRIES, STREAM_ACKS, STREAM_CHUNKS};
use crate::log::{Log, Mode, NewEntry, Pending, Run, SubmitError};
use crate::server::seats::Seat;
use crate::server::{Logs, Standing, refuse, throttle, unread};

/// Answers of a stream.
pub(super) type Answers = ReceiverStream<Result<v1::AppendStreamResponse, Status>>;
type Out = mpsc::Sender<Result<v1::AppendStreamResponse, Status>>;

/// What a stream works with.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) logs: Logs,
    pub(super) peer: Arc<Peer>,
    pub(super) standing: Standing,
    pub(super) shutdown: CancellationToken,
    pub(super) seat: Seat,
}

/// Where the events go, as the first message says.
#[derive(Debug, Clone)]
struct Target {
    log: Arc<Log>,
    level: AckLevel,
}

/// Events that were proposed together.
#[derive(Debug)]
struct Chunk {
    target: Target,
    settled: JoinHandle<Settled>,
    /// Position in the stream of the first.
    first: u64,
}

/// What became of a chunk.
#[derive(Debug)]
enum Settled {
    Taken(Vec<Run>),
    /// The events are kept in case that only the first of them can be taken.
    Refused(SubmitError, Vec<NewEntry>),
}

/// Waits until a chunk is durable or refused. It does so in a task of its own: the memory of a
/// chunk, and its turn in the queue, must not wait until the client takes the acknowledgements of
/// those before it.
async fn settle(pending: Pending, entries: Vec<NewEntry>) -> Settled {
    match pending.accepted().await {
        Ok(runs) => Settled::Taken(runs),
        Err(error) => Settled::Refused(error, entries),
    }
}

/// What the acknowledger does next.
#[derive(Debug)]
enum Step {
    Chunk(Chunk),
    /// Nothing more comes, for this reason.
    End(Status),
}

/// Serves a stream. Must be called inside a tokio runtime.
pub(super) fn serve<S>(context: Context, requests: S) -> Answers
where
    S: Stream<Item = Result<AppendStreamRequest, Status>> + Unpin + Send + 'static,
{
    let (out, answers) = mpsc::channel(STREAM_ACKS);
    // One chunk is with the acknowledger.
    let (steps, taken) = mpsc::channel(STREAM_CHUNKS - 1);
    let Context {
        logs,
        peer,
        standing,
        shutdown,
        seat,
    } = context;
    let client_gone = out.clone();
    let reader = Reader {
        requests,
        logs,
        peer,
        standing,
        shutdown,
        steps,
        target: None,
        position: 0,
        carry: None,
    };
    let reading = async move {
        tokio::select! {
            () = client_gone.closed() => {}
            () = reader.run() => {}
        }
    };
    drop(tokio::spawn(reading.in_current_span()));
    let acknowledger = Acknowledger { out, _seat: seat };
    drop(tokio::spawn(acknowledger.run(taken).in_current_span()));
    ReceiverStream::new(answers)
}

/// The half that reads and proposes.
#[derive(Debug)]
struct Reader<S> {
    requests: S,
    logs: Logs,
    peer: Arc<Peer>,
    standing: Standing,
    shutdown: CancellationToken,
    steps: mpsc::Sender<Step>,
    target: Option<Target>,
    /// Position of the next event that is read.
    position: u64,
    /// An event that does not go with those before it.
    carry: Option<NewEntry>,
}

/// How the reading ended.
#[derive(Debug)]
enum End {
    /// The client has given everything.
    Complete,
    Refused(Status),
}

impl<S> Reader<S>
where
    S: Stream<Item = Result<AppendStreamRequest, Status>> + Unpin,
{
    /// Ends when nothing more is to be read, or when the acknowledger is gone.
    async fn run(mut self) {
        let steps = self.steps.clone();
        loop {
            let read = match self.carry.take() {
                Some(entry) => Ok(entry),
                None => self.next().await,
            };
            let first = match read {
                Ok(entry) => entry,
                Err(end) => return finish(&steps, end).await,
            };
            let Some(target) = self.target.clone() else {
                return;
            };
            // A place behind the other chunks first, which this client may keep us waiting for;
            // then its turn in the queue, for which it waits behind its own chunks.
            let Ok(place) = steps.reserve().await else {
                return;
            };
            let client = self.peer.principal.as_str();
            let turn = target.log.turn(client, CHUNK_ENTRIES, CHUNK_BYTES).await;
            let (entries, end) = self.fill(first).await;
            let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            let read = self.position - u64::from(self.carry.is_some());
            let first = read.saturating_sub(count);
            // A stream waits for its place in the queue as long as it takes: that is its brake.
            let proposed = entries.clone();
            match target.log.submit_in(turn, proposed, Mode::Each).await {
                Ok(pending) => place.send(Step::Chunk(Chunk {
                    target,
                    settled: tokio::spawn(settle(pending, entries)),
                    first,
                })),
                Err(error) => {
                    let status = refuse::submit(&error, |_position| "draft".to_owned());
                    place.send(Step::End(refuse::at_position(&status, first)));
                    return;
                }
            }
            if let Some(end) = end {
                return finish(&steps, end).await;
            }
        }
    }

    /// The next event, waiting for it as long as the client may send one.
    async fn next(&mut self) -> Result<NewEntry, End> {
        let read = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(End::Refused(refuse::shutting_down())),
            read = self.requests.next() => read,
            status = self.standing.lost(&self.peer) => return Err(self.refused(&status)),
        };
        self.take(read)
    }

    /// A chunk that begins with `first` and holds what is there already.
    async fn fill(&mut self, first: NewEntry) -> (Vec<NewEntry>, Option<End>) {
        let mut keys = Keys::default();
        keys.insert(&first);
        let mut bytes = first.record_len();
        let mut entries = vec![first];
        while entries.len() < CHUNK_ENTRIES && bytes < CHUNK_BYTES {
            let read = tokio::select! {
                biased;
                read = self.requests.next() => read,
                () = ready(()) => break,
            };
            match self.take(read) {
                Ok(entry) if keys.insert(&entry) => {
                    bytes += entry.record_len();
                    entries.push(entry);
                }
                // The log tells whether it is the same event again, once the first one is in it.
                Ok(entry) => {
                    self.carry = Some(entry);
                    break;
                }
                Err(end) => return (entries, Some(end)),
            }
        }
        (entries, None)
    }

    /// What was read, as an entry.
    fn take(&mut self, read: Option<Result<AppendStreamRequest, Status>>) -> Result<NewEntry, End> {
        let request = match read {
            None => return Err(End::Complete),
            Some(Err(status)) => return Err(self.refused(&unread::explain(status))),
            Some(Ok(request)) => request,
        };
        let entry = self
            .entry(request)
            .map_err(|status| self.refused(&status))?;
        self.position += 1;
        Ok(entry)
    }

    fn refused(&self, status: &Status) -> End {
        End::Refused(refuse::at_position(status, self.position))
    }

    fn entry(&mut self, request: AppendStreamRequest) -> Result<NewEntry, Status> {
        self.standing.check(&self.peer)?;
        let target = match &mut self.target {
            Some(target) => target,
            None => self.target.insert(Target {
                log: Arc::clone(self.logs.get(&request.log)?),
                level: receipt::wanted(request.wait_for),
            }),
        };
        let entry = draft::entry(request.draft, &self.peer)
            .map_err(|error| refuse::draft(&error, "draft"))?;
        // Nobody knows the index of an entry that is not durable: the case is a mistake, and
        // nothing behind it may be appended.
        let (case, size) = (entry.case(), target.log.accepted_size());
        if case > size {
            let error = SubmitError::UnknownCase {
                position: 0,
                case,
                size,
            };
            return Err(refuse::submit(&error, |_position| "draft".to_owned()));
        }
        Ok(entry)
    }
}

async fn finish(steps: &mpsc::Sender<Step>, end: End) {
    match end {
        // The acknowledger answers what it has and ends the stream when this task is gone.
        End::Complete => {}
        // Fails when the acknowledger has ended the stream for another reason.
        End::Refused(status) => drop(steps.send(Step::End(status)).await),
    }
}

/// The half that waits and answers.
#[derive(Debug)]
struct Acknowledger {
    out: Out,
    _seat: Seat,
}

/// Why no more is answered.
#[derive(Debug)]
enum Stop {
    /// The client is gone.
    Gone,
    Refused(Status),
}

impl Acknowledger {
    async fn run(self, mut steps: mpsc::Receiver<Step>) {
        while let Some(step) = steps.recv().await {
            let answered = match step {
                Step::Chunk(chunk) => self.answer(chunk).await,
                Step::End(status) => Err(Stop::Refused(status)),
            };
            match answered {
                Ok(()) => {}
                Err(Stop::Gone) => return,
                Err(Stop::Refused(status)) => {
                    if let Some(unsaid) = throttle::may_tell() {
                        let error = status.message();
                        tracing::info!(error, unsaid, "append stream ended");
                    }
                    // Fails when the client is gone.
                    drop(self.out.send(Err(status)).await);
                    return;
                }
            }
        }
    }

    async fn answer(&self, chunk: Chunk) -> Result<(), Stop> {
        let Chunk {
            target,
            settled,
            first,
        } = chunk;
        let settled = settled.await;
        let (error, mut entries) = match settled {
            Ok(Settled::Taken(runs)) => return self.acknowledge(&target, &runs, first).await,
            Ok(Settled::Refused(error, entries)) => (error, entries),
            Err(error) => return Err(Stop::Refused(refuse::internal(&error))),
        };
        let position = refuse::position(&error).unwrap_or(0);
        let status = refuse::submit(&error, |_position| "draft".to_owned());
        entries.truncate(position);
        if !entries.is_empty() {
            // The log takes all events of a proposal or none; those before the bad one are good.
            let again = async {
                let pending = target.log.submit(entries, Mode::Each).await?;
                pending.accepted().await
            };
            let runs = again.await.map_err(|error| {
                let status = refuse::submit(&error, |_position| "draft".to_owned());
                Stop::Refused(refuse::at_position(&status, first))
            })?;
            self.acknowledge(&target, &runs, first).await?;
        }
        let position = first.saturating_add(u64::try_from(position).unwrap_or(u64::MAX));
        Err(Stop::Refused(refuse::at_position(&status, position)))
    }

    async fn acknowledge(&self, target: &Target, runs: &[Run], first: u64) -> Result<(), Stop> {
        let Target { log, level } = target;
        for run in runs {
            let level = receipt::reach(log, run.size(), *level)
                .await
                .map_err(Stop::Refused)?;
            let run = Some(receipt::receipt_run(log, level, run, first));
            let answer = Ok(v1::AppendStreamResponse { run });
            self.out.send(answer).await.map_err(|_closed| Stop::Gone)?;
        }
        Ok(())
    }
}
