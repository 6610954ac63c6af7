//! A chat platform that keeps messages, and fails on demand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing happens when a bot has nothing to do, most of the time.
const QUIET: Duration = Duration::from_millis(15);

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) to: String,
    pub(crate) mark: String,
    pub(crate) card: Value,
    pub(crate) edits: u32,
}

impl Message {
    pub(crate) fn case(&self) -> u64 {
        self.card["case"].as_u64().expect("a number")
    }
}

/// What happens to the next post.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is refused for so many milliseconds.
    Later(u64),
    /// It is taken and the answer is lost.
    Lost,
    /// The connection ends before it is taken.
    Dropped,
}

/// At which moment of a call a bot is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    Taken,
    Answered,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) messages: Vec<Message>,
    /// Calls by name.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) faults: VecDeque<Fault>,
    /// Nothing is taken.
    pub(crate) away: bool,
    /// Accounts that there are no more.
    pub(crate) gone: BTreeSet<String>,
    /// Nothing can be found.
    pub(crate) blind: bool,
    /// A bot is killed in the call after so many more.
    trap: Option<(u32, Moment)>,
}

/// The platform; it ends with the test.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) address: SocketAddr,
    changes: watch::Sender<u64>,
    sprung: watch::Sender<u64>,
}

/// What a call leads to.
enum Reply {
    Answer(Value),
    /// The connection ends.
    Silence,
    /// Nothing more comes.
    Hang,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let platform = Self {
            state: Arc::default(),
            address: listener.local_addr().expect("it is bound"),
            changes: watch::Sender::new(0),
            sprung: watch::Sender::new(0),
        };
        let serving = platform.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let platform = serving.clone();
                tokio::spawn(async move { platform.serve(stream).await });
            }
        });
        platform
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let question: Value = serde_json::from_str(&line).ok()?;
        let trap = self.step_on_trap();
        if trap == Some(Moment::Before) {
            return self.hold(stream).await;
        }
        let reply = self.state.lock().answer(&question);
        self.changes.send_modify(|count| *count += 1);
        if trap == Some(Moment::Taken) {
            return self.hold(stream).await;
        }
        match reply {
            Reply::Answer(answer) => {
                let line = format!("{answer}\n");
                stream.write_all(line.as_bytes()).await.ok()?;
            }
            Reply::Silence => {}
            Reply::Hang => return self.hold(stream).await,
        }
        if trap == Some(Moment::Answered) {
            self.sprung.send_modify(|count| *count += 1);
        }
        Some(())
    }

    /// Tells the test to kill the bot, and says nothing until it is dead.
    async fn hold(&self, mut stream: BufReader<TcpStream>) -> Option<()> {
        self.sprung.send_modify(|count| *count += 1);
        stream.read_u8().await.ok().map(drop)
    }

    fn step_on_trap(&self) -> Option<Moment> {
        let mut state = self.state.lock();
        let (left, moment) = state.trap.as_mut()?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        let moment = *moment;
        state.trap = None;
        Some(moment)
    }

    /// Sets a trap; what comes back is done when a bot has stepped on it.
    pub(crate) fn trap(&self, calls: u32, moment: Moment) -> impl Future<Output = ()> + use<> {
        let mut sprung = self.sprung.subscribe();
        sprung.borrow_and_update();
        self.state.lock().trap = Some((calls, moment));
        async move { sprung.changed().await.expect("it serves") }
    }

    /// Done when something has changed from now on, and nothing more for a moment: a pace for the
    /// course of cases, on which nothing depends.
    pub(crate) fn news(&self) -> impl Future<Output = ()> + use<> {
        let mut changes = self.changes.subscribe();
        changes.borrow_and_update();
        async move {
            let waited = tokio::time::timeout(PATIENCE, changes.changed());
            waited.await.expect("nothing comes").expect("it serves");
            while tokio::time::timeout(QUIET, changes.changed()).await.is_ok() {}
        }
    }

    /// Waits until the state is as it should be.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        let wait = async {
            while !holds(&self.state.lock()) {
                changes.changed().await.expect("it serves");
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{what}: {:#?}", self.state.lock());
    }

    /// Messages to somebody about a case.
    pub(crate) fn messages(&self, to: &str, case: u64) -> Vec<Message> {
        let state = self.state.lock();
        let all = state.messages.iter();
        all.filter(|message| message.to == to && message.case() == case)
            .cloned()
            .collect()
    }
}

impl State {
    fn answer(&mut self, question: &Value) -> Reply {
        let text = |name: &str| question[name].as_str().unwrap_or_default().to_owned();
        let call = text("call");
        *self.calls.entry(call.clone()).or_default() += 1;
        let error = |why: String| Reply::Answer(json!({ "error": why }));
        if self.away {
            return error("later 50".to_owned());
        }
        let to = text("to");
        if self.gone.contains(&to) {
            return error("account_inactive".to_owned());
        }
        match call.as_str() {
            "post" => match self.faults.pop_front() {
                Some(Fault::Later(millis)) => error(format!("later {millis}")),
                Some(Fault::Dropped) => Reply::Silence,
                fault => {
                    let id = self.messages.len();
                    self.messages.push(Message {
                        to,
                        mark: text("mark"),
                        card: question["card"].clone(),
                        edits: 0,
                    });
                    match fault {
                        Some(_) => Reply::Silence,
                        None => Reply::Answer(json!({ "id": id.to_string() })),
                    }
                }
            },
            "update" => {
                let id: usize = text("id").parse().unwrap_or(usize::MAX);
                let Some(message) = self.messages.get_mut(id) else {
                    return error("message_not_found".to_owned());
                };
                message.card = question["card"].clone();
                message.edits += 1;
                Reply::Answer(json!({}))
            }
            "find" => {
                let mark = text("mark");
                let mut all = self.messages.iter();
                let found = all
                    .position(|message| message.to == to && message.mark == mark)
                    .filter(|_| !self.blind);
                Reply::Answer(json!({ "id": found.map(|id| id.to_string()) }))
            }
            _ => Reply::Hang,
        }
    }
}
