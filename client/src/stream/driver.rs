//! The task behind a stream: one connection after the other until everything is acknowledged.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_proto::reason::hint_of;
use countersign_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::backoff::Backoff;
use crate::call::{CallError, Verdict, describe, verdict};
use crate::client::{Client, log_service};
use crate::draft::{Draft, Level};
use crate::endpoints::Route;
use crate::limits::{STREAM_QUEUE, STREAM_STALL};
use crate::receipt::ReceiptRun;
use crate::remember::newest;
use crate::stream::window::{Item, Unacknowledged, Window};
use crate::stream::{Ack, Progress, StreamError, StreamOptions};
use crate::verify::{Notary, VerifyError};

const CALL: &str = "AppendStream";

/// Sends, receives, and starts again.
pub(crate) struct Driver {
    client: Client,
    options: StreamOptions,
    reports: watch::Sender<Progress>,
    on_ack: Box<dyn FnMut(&Ack) + Send>,
    notary: Notary,
    waiting: Unacknowledged,
    /// When the last acknowledgement came, or the first event began to wait for one.
    alive: Instant,
    /// Number of connections since then.
    attempts: u32,
    /// Whether events wait for a ledger that does not take them; that is told once.
    interrupted: bool,
    /// Whether the caller may hand over more.
    open: bool,
}

/// How one connection ended.
enum End {
    /// Everything is acknowledged and nothing more comes.
    Done,
    /// It was lost, or the ledger refused something.
    Status(Status),
    /// What came over it is not to be gone on with.
    Error(CallError),
}

/// The two directions of one connection.
struct Connection {
    /// `None` when everything was given.
    requests: Option<mpsc::Sender<v1::AppendStreamRequest>>,
    answers: Streaming<v1::AppendStreamResponse>,
    /// What was known of the log before.
    known: Option<Arc<SignedCheckpoint>>,
    /// Whether the ledger knows log and level.
    greeted: bool,
    /// When it was opened.
    since: Instant,
}

/// What happens next on a connection.
enum Next {
    Item(Option<Item>),
    /// The transport takes one more request.
    Place,
    /// The transport takes no more: the answer says why.
    Refused,
    Answer(Result<Option<v1::AppendStreamResponse>, Status>),
    Stalled,
}

impl Driver {
    pub(crate) fn new(
        client: Client,
        options: StreamOptions,
        window: Arc<Window>,
        reports: watch::Sender<Progress>,
        on_ack: Box<dyn FnMut(&Ack) + Send>,
    ) -> Self {
        let notary = client.notary();
        Self {
            client,
            options,
            reports,
            on_ack,
            notary,
            waiting: Unacknowledged::new(window),
            alive: Instant::now(),
            attempts: 0,
            interrupted: false,
            open: true,
        }
    }

    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        let mut backoff = Backoff::new();
        while self.await_first(&mut queue).await {
            let acknowledged = self.waiting.acknowledged();
            let route = self.client.caller().endpoints().route();
            let error = match self.connection(&route, &mut queue).await {
                End::Done => continue,
                End::Error(error) => error,
                End::Status(status) => {
                    if self.waiting.acknowledged() > acknowledged {
                        backoff.reset();
                    }
                    match self.pause(&route, &status, &mut backoff).await {
                        Ok(()) => continue,
                        Err(error) => error,
                    }
                }
            };
            let (position, source) = (self.waiting.acknowledged(), Arc::new(error));
            let error = StreamError::Call { position, source };
            self.reports
                .send_modify(|progress| progress.error = Some(error));
            return;
        }
        self.client.remember_now().await;
    }

    /// Waits until there is something to send; false when nothing more comes.
    async fn await_first(&mut self, queue: &mut mpsc::Receiver<Item>) -> bool {
        if !self.waiting.is_empty() {
            return true;
        }
        match queue.recv().await {
            Some(item) => {
                self.take(item);
                true
            }
            None => false,
        }
    }

    fn take(&mut self, item: Item) {
        if self.waiting.is_empty() {
            self.alive = Instant::now();
            self.attempts = 1;
        }
        self.waiting.push(item);
    }

    /// Waits before the next connection; an error when that can do no better, or patience runs out.
    async fn pause(
        &mut self,
        route: &Route,
        status: &Status,
        backoff: &mut Backoff,
    ) -> Result<(), CallError> {
        let passing = verdict(status);
        if passing == Verdict::Final {
            return Err(CallError::refused(CALL, status));
        }
        if passing == Verdict::Elsewhere {
            self.client.caller().endpoints().leave(route);
        }
        let (endpoint, last) = (&route.address, describe(status));
        let position = self.waiting.acknowledged();
        tracing::debug!(endpoint, last, position, "append stream is interrupted");
        if self.waiting.is_empty() {
            backoff.wait().await;
            return Ok(());
        }
        if !std::mem::replace(&mut self.interrupted, true) {
            tracing::warn!(endpoint, last, "the ledger takes no events; waiting for it");
        }
        let paused = match self.deadline() {
            Some(deadline) => tokio::time::timeout_at(deadline, backoff.wait())
                .await
                .is_ok(),
            None => {
                backoff.wait().await;
                true
            }
        };
        if paused {
            return Ok(());
        }
        Err(CallError::NoAnswer {
            call: CALL,
            endpoint: route.address.clone(),
            waited: self.alive.elapsed(),
            attempts: self.attempts,
            last,
            hint: hint(status),
        })
    }

    /// When patience runs out for the events that wait.
    fn deadline(&self) -> Option<Instant> {
        self.options.patience.map(|patience| self.alive + patience)
    }

    /// A moment, or that when patience runs out.
    fn earlier(&self, moment: Instant) -> Instant {
        self.deadline()
            .map_or(moment, |deadline| deadline.min(moment))
    }

    async fn connection(&mut self, route: &Route, queue: &mut mpsc::Receiver<Item>) -> End {
        self.waiting.restart();
        self.attempts = self.attempts.saturating_add(1);
        let mut connection = match self.connect(route).await {
            Ok(connection) => connection,
            Err(status) => return End::Status(status),
        };
        loop {
            if self.waiting.peek().is_none() && !self.open {
                // Nothing more comes: the ledger acknowledges what it has and ends the stream.
                connection.requests = None;
            }
            match self.next(&mut connection, queue).await {
                Next::Item(Some(item)) => {
                    self.take(item);
                    // What else is there, so that answers are looked for once for all of it.
                    while let Ok(item) = queue.try_recv() {
                        self.take(item);
                    }
                }
                Next::Item(None) => self.open = false,
                Next::Place => while self.give(&mut connection) {},
                Next::Refused => connection.requests = None,
                Next::Answer(Ok(Some(answer))) => {
                    if let Err(error) = self.acknowledge(answer, connection.known.as_ref()).await {
                        return End::Error(error);
                    }
                }
                // However the ledger ends a stream that has nothing more to say.
                Next::Answer(Ok(None) | Err(_)) if self.waiting.is_empty() && !self.open => {
                    return End::Done;
                }
                Next::Answer(Ok(None)) => {
                    return End::Status(Status::unavailable("the ledger ended the stream"));
                }
                Next::Answer(Err(status)) => return End::Status(status),
                Next::Stalled => {
                    let waited = self.alive.elapsed().as_secs();
                    let message = format!("no acknowledgement within {waited} s");
                    return End::Status(Status::deadline_exceeded(message));
                }
            }
        }
    }

    async fn connect(&mut self, route: &Route) -> Result<Connection, Status> {
        let known = self.client.known().await;
        let (requests, stream) = mpsc::channel(STREAM_QUEUE);
        // The first event travels with the opening of the stream.
        let greeted = self
            .waiting
            .peek()
            .cloned()
            .is_some_and(|draft| requests.try_send(self.request(draft, true)).is_ok());
        if greeted {
            self.waiting.give();
        }
        let mut service = log_service(route.channel.clone());
        let opening = service.append_stream(ReceiverStream::new(stream));
        let stalled = self.earlier(Instant::now() + STREAM_STALL);
        match tokio::time::timeout_at(stalled, opening).await {
            Ok(answers) => {
                let answers = answers?.into_inner();
                let (requests, since) = (Some(requests), Instant::now());
                Ok(Connection {
                    requests,
                    answers,
                    known,
                    greeted,
                    since,
                })
            }
            Err(_) => Err(Status::deadline_exceeded(
                "the stream was not opened in time",
            )),
        }
    }

    /// Gives the next event to a transport that has a place for it; false without one of both.
    fn give(&mut self, connection: &mut Connection) -> bool {
        let (Some(draft), Some(requests)) = (self.waiting.peek(), &connection.requests) else {
            return false;
        };
        let Ok(place) = requests.try_reserve() else {
            return false;
        };
        place.send(self.request(draft.clone(), !connection.greeted));
        self.waiting.give();
        connection.greeted = true;
        true
    }

    async fn next(
        &mut self,
        connection: &mut Connection,
        queue: &mut mpsc::Receiver<Item>,
    ) -> Next {
        let Connection {
            requests,
            answers,
            since,
            ..
        } = connection;
        let more = self.waiting.peek().is_some();
        let stalled = self.earlier(self.alive.max(*since) + STREAM_STALL);
        tokio::select! {
            // Acknowledgements first: they make room.
            biased;
            answer = answers.message() => Next::Answer(answer),
            next = place(requests.as_ref()), if more && requests.is_some() => next,
            item = queue.recv(), if self.open => Next::Item(item),
            () = tokio::time::sleep_until(stalled), if !self.waiting.is_empty() => Next::Stalled,
        }
    }

    fn request(&self, draft: Draft, first: bool) -> v1::AppendStreamRequest {
        let (log, wait_for) = if first {
            (self.client.log().to_owned(), self.options.level.to_wire())
        } else {
            (String::new(), 0)
        };
        v1::AppendStreamRequest {
            log,
            draft: Some(draft.into()),
            wait_for,
        }
    }

    async fn acknowledge(
        &mut self,
        answer: v1::AppendStreamResponse,
        known: Option<&Arc<SignedCheckpoint>>,
    ) -> Result<(), CallError> {
        let run = answer
            .run
            .ok_or(VerifyError::Missing("run"))
            .and_then(|run| {
                ReceiptRun::verify(
                    &run,
                    self.client.log(),
                    self.options.level,
                    &mut self.notary,
                )
            });
        let run = run.map_err(CallError::unverified(CALL))?;
        // Before anything is given up: a ledger that forked keeps no promise.
        if !run.repeated {
            newest(known, &run.checkpoint)?;
        }
        self.client
            .notice(&run.checkpoint, run.level == Level::Sealed)
            .await?;
        let first_position = self
            .waiting
            .acknowledge(&run)
            .map_err(CallError::unverified(CALL))?;
        self.alive = Instant::now();
        self.attempts = 1;
        if std::mem::take(&mut self.interrupted) {
            tracing::info!("the ledger takes events again");
        }
        (self.on_ack)(&Ack {
            first_position,
            run,
        });
        let acknowledged = self.waiting.acknowledged();
        self.reports
            .send_modify(|progress| progress.acknowledged = acknowledged);
        Ok(())
    }
}

async fn place(requests: Option<&mpsc::Sender<v1::AppendStreamRequest>>) -> Next {
    match requests {
        Some(requests) if requests.reserve().await.is_ok() => Next::Place,
        _ => Next::Refused,
    }
}

fn hint(status: &Status) -> String {
    let unknown = "events that are not acknowledged may or may not be in the log; send them again \
                   under the same idempotency keys";
    hint_of(status).map_or_else(|| unknown.to_owned(), |hint| format!("{hint}; {unknown}"))
}
