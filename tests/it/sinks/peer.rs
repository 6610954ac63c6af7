//! A web service that has good days and bad ones, and notes everything.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use countersign_tests::random::Random;

/// What is done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// Taken and answered.
    Taken,
    /// The connection ends before anything is taken.
    Dropped,
    /// Taken, and the connection ends without an answer.
    Unanswered,
    /// Taken, and answered when nobody waits any more.
    Late,
    /// Not now: 429 with `Retry-After: 0`.
    Busy,
    /// 500.
    Broken,
    /// 400, because of an entry that it refuses.
    Refused,
}

/// One batch that came.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) deed: Deed,
    pub(crate) indexes: Vec<u64>,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) batches: Vec<Batch>,
    /// How many of a hundred batches something happens to.
    pub(crate) bad: u64,
    /// Entries that are refused.
    pub(crate) refuses: BTreeSet<u64>,
    /// Answers everything with this status.
    pub(crate) status: Option<u16>,
    random: Random,
}

#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Peer {
    pub(crate) async fn start(seed: u64, bad: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State {
            batches: Vec::new(),
            bad,
            refuses: BTreeSet::new(),
            status: None,
            random: Random::new(seed),
        }));
        let peer = Self { address, state };
        let server = peer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                // A client that was killed is of no interest.
                tokio::spawn(async move { server.visit(stream).await.ok() });
            }
        });
        peer
    }

    async fn visit(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let (head, body) = request(&mut stream).await?;
            let indexes = indexes(&body);
            let (deed, status) = self.decide(&head, body, indexes);
            match deed {
                Deed::Dropped | Deed::Unanswered => return Ok(()),
                Deed::Late => tokio::time::sleep(Duration::from_millis(400)).await,
                _ => {}
            }
            let text = match deed {
                Deed::Taken | Deed::Late => "{\"text\":\"Success\",\"code\":0}",
                _ => "{\"text\":\"no\"}",
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    fn decide(&self, head: &str, body: Vec<u8>, indexes: Vec<u64>) -> (Deed, u16) {
        let mut state = self.state.lock();
        let refused = indexes.iter().any(|index| state.refuses.contains(index));
        let mut deed = match state.random.below(100) {
            luck if luck >= state.bad => Deed::Taken,
            luck => match luck % 5 {
                0 => Deed::Dropped,
                1 => Deed::Unanswered,
                2 => Deed::Late,
                3 => Deed::Busy,
                _ => Deed::Broken,
            },
        };
        if refused && matches!(deed, Deed::Taken | Deed::Unanswered | Deed::Late) {
            deed = Deed::Refused;
        }
        if state.status.is_some() {
            deed = Deed::Broken;
        }
        let status = match deed {
            Deed::Taken | Deed::Late | Deed::Dropped | Deed::Unanswered => 200,
            Deed::Busy => 429,
            Deed::Broken => state.status.unwrap_or(500),
            Deed::Refused => 400,
        };
        state.batches.push(Batch {
            deed,
            indexes,
            head: head.to_owned(),
            body,
        });
        (deed, status)
    }

    /// Indexes as they were taken, one after the other, with whether that was answered.
    pub(crate) fn taken(&self) -> Vec<(u64, bool)> {
        let state = self.state.lock();
        let taken = state
            .batches
            .iter()
            .filter(|batch| matches!(batch.deed, Deed::Taken | Deed::Unanswered | Deed::Late));
        let answered = |batch: &Batch| batch.deed == Deed::Taken;
        taken
            .flat_map(|batch| batch.indexes.iter().map(move |it| (*it, answered(batch))))
            .collect()
    }

    /// Whether everything below was taken.
    pub(crate) fn has(&self, end: u64) -> bool {
        let taken: BTreeSet<u64> = self.taken().into_iter().map(|(index, _)| index).collect();
        let refuses = self.state.lock().refuses.clone();
        (0..end).all(|index| taken.contains(&index) || refuses.contains(&index))
    }

    pub(crate) fn count(&self, deed: Deed) -> usize {
        let state = self.state.lock();
        state.batches.iter().filter(|it| it.deed == deed).count()
    }
}

async fn request(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        let mut more = [0; 8_192];
        let count = stream.read(&mut more).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..count]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.trim().parse::<usize>().ok());
    let mut body = bytes.split_off(end);
    let have = body.len();
    body.resize(length.unwrap_or(0), 0);
    stream.read_exact(&mut body[have..]).await?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), body))
}

/// Indexes in a body: an array, or values one after the other, of entries or of events of Splunk.
fn indexes(body: &[u8]) -> Vec<u64> {
    let values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let values = values.map(|value| value.expect("JSON"));
    let flat = values.flat_map(|value| match value {
        Value::Array(all) => all,
        one => vec![one],
    });
    flat.map(|value| {
        // An event of Splunk has the name of an index there.
        let index = value["index"].as_u64().or(value["event"]["index"].as_u64());
        index.expect("every entry has an index")
    })
    .collect()
}
