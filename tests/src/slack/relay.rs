//! What stands between the bot and Slack's Web API: it writes down every call and its answer, can
//! answer itself, and takes what goes to a `response_url`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::wire::{Letter, post};

/// A call of the Web API.
#[derive(Debug, Clone)]
pub struct Call {
    /// For example `chat.update`, or `reply` for a `response_url`.
    pub method: String,
    pub body: Value,
    pub answer: Value,
}

#[derive(Debug)]
struct Shared {
    api: u16,
    calls: Mutex<Vec<Call>>,
    /// Answers that are given instead of the API's, by method.
    own: Mutex<VecDeque<(String, String)>>,
    count: watch::Sender<usize>,
}

#[derive(Debug)]
pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// In front of the API at this port.
    pub async fn start(api: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::new(Shared {
            api,
            calls: Mutex::default(),
            own: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let relay = Self {
            port,
            shared: Arc::clone(&shared),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, Arc::clone(&shared)));
            }
        });
        relay
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api/", self.port)
    }

    /// A `response_url` that leads here.
    pub fn reply_url(&self) -> String {
        format!("http://127.0.0.1:{}/reply", self.port)
    }

    /// The next call of a method is answered with this whole HTTP answer, and goes no further.
    pub fn answer_next(&self, method: &str, answer: &str) {
        let own = (method.to_owned(), answer.to_owned());
        self.shared.own.lock().push_back(own);
    }

    /// How many calls there were.
    pub fn seen(&self) -> usize {
        self.shared.calls.lock().len()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().clone()
    }

    /// Waits for a call after the first `seen` that fits.
    pub async fn call(&self, seen: usize, fits: impl Fn(&Call) -> bool) -> Call {
        let mut count = self.shared.count.subscribe();
        let found = async {
            loop {
                let found = {
                    let calls = self.shared.calls.lock();
                    calls.iter().skip(seen).find(|call| fits(call)).cloned()
                };
                if let Some(call) = found {
                    return call;
                }
                count.changed().await.expect("the relay lives");
            }
        };
        let found = timeout(Duration::from_secs(60), found).await;
        assert!(
            found.is_ok(),
            "no such call in {:#?}",
            &self.calls()[seen..]
        );
        found.expect("it was looked at")
    }

    /// Waits for so many calls that fit after the first `seen`.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn all(&self, seen: usize, count: usize, fits: impl Fn(&Call) -> bool) -> Vec<Call> {
        let mut changes = self.shared.count.subscribe();
        let now = || {
            let calls = self.shared.calls.lock();
            let fitting = calls.iter().skip(seen).filter(|call| fits(call));
            fitting.cloned().collect::<Vec<Call>>()
        };
        let found = async {
            loop {
                let calls = now();
                if calls.len() >= count {
                    return calls;
                }
                changes.changed().await.expect("the relay lives");
            }
        };
        let found = timeout(Duration::from_secs(60), found).await;
        assert!(found.is_ok(), "{} of {count} came", now().len());
        found.unwrap_or_default()
    }

    /// Waits for a call of a method.
    pub async fn of(&self, seen: usize, method: &str) -> Call {
        self.call(seen, |call| call.method == method).await
    }
}

async fn pass(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = Letter::read(&mut stream).await else {
        return;
    };
    let method = request
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let own = {
        let mut own = shared.own.lock();
        let place = own.iter().position(|(wanted, _)| *wanted == method);
        place.and_then(|place| own.remove(place))
    };
    let (answer, text) = if let Some((_, text)) = own {
        (Value::Null, text)
    } else if method == "reply" {
        (
            Value::Null,
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        )
    } else {
        let lines = request.head.lines().skip(1);
        let kept = lines.filter(|line| {
            let line = line.to_ascii_lowercase();
            line.starts_with("authorization") || line.starts_with("content-type")
        });
        let headers: String = kept.map(|line| format!("{line}\r\n")).collect();
        let answer = post(shared.api, request.path(), &headers, &request.body).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let text = format!(
            "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            answer.status(),
            body.len()
        );
        (answer.json(), text)
    };
    let call = Call {
        method,
        body: request.json(),
        answer,
    };
    shared.calls.lock().push(call);
    shared.count.send_modify(|count| *count += 1);
    drop(stream.write_all(text.as_bytes()).await);
}
