//! The ledger, as provisioners need it.

use countersign_client::{CallError, Client, Draft, Filter, Follow, Followed, Level};
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use tokio::task::JoinHandle;

use crate::provision::book::{Heard, Report, ReportError};

/// Kinds of entries that matter: cases and grants (20, 28 to 32, 35, 39), and what provisioners
/// told (80 to 84).
const KINDS: [u16; 13] = [20, 28, 29, 30, 31, 32, 35, 39, 80, 81, 82, 83, 84];

/// A part of the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) heard: Vec<Heard>,
    /// Keys of AccessDriftDetected entries.
    pub(crate) drift_keys: Vec<String>,
    /// Ledger time of the last entry, in microseconds.
    pub(crate) time: u64,
    /// Where to follow from after this part.
    pub(crate) next: u64,
    /// Whether the stream has come to the end of the log.
    pub(crate) caught_up: bool,
}

/// What the ledger says of a grant at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// Whether the grant is active.
    pub(crate) active: bool,
    /// Whether it was told that access exists.
    pub(crate) made: bool,
}

/// A followed log.
pub(crate) trait Feed: Send {
    /// The next part; `None` after an error.
    fn next(&mut self) -> impl Future<Output = Option<Result<Part, String>>> + Send;
}

/// A ledger. Clones are the same one.
pub(crate) trait Ledger: Clone + Send + Sync + 'static {
    type Feed: Feed;

    /// Origin of the log, for markers.
    fn origin(&self) -> String;

    /// Sealed, verified entries from this index on.
    fn follow(&self, from: u64) -> Self::Feed;

    /// Asks about a grant.
    fn word(&self, case: u64, grant: u64) -> impl Future<Output = Result<Word, String>> + Send;

    /// Reports.
    fn report(&self, report: Report) -> impl Future<Output = Result<(), ReportError>> + Send;

    /// Appends a drift under a key; whether it is in the log now.
    fn drift(
        &self,
        drift: v1::AccessDriftDetected,
        key: String,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// A stream of the ledger's, and where the log ended when it began.
///
/// The stream says that it has come to the end by a part without entries, which comes 10 s after a
/// part with some: access would wait for it. What was sealed at the beginning is asked for
/// instead.
pub(crate) struct LedgerFeed {
    follow: Follow,
    next: u64,
    /// The question how long the log is, until it is answered.
    asking: Option<JoinHandle<Result<u64, CallError>>>,
    /// How long it was; `None` when that is not known.
    end: Option<u64>,
}

impl Drop for LedgerFeed {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// What comes first: how long the log is, or a part of it.
enum First {
    Length(Option<u64>),
    Part(Option<Result<Followed, CallError>>),
}

impl LedgerFeed {
    /// Can be dropped and called again.
    async fn first(&mut self) -> First {
        let Some(asking) = &mut self.asking else {
            return First::Part(self.follow.next().await);
        };
        let answer = tokio::select! {
            answer = asking => answer,
            part = self.follow.next() => return First::Part(part),
        };
        self.asking = None;
        let answer = match answer {
            Ok(Ok(size)) => Ok(size),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &answer {
            tracing::debug!(error, "it is not known how long the log is");
        }
        First::Length(answer.ok())
    }
}

impl Feed for LedgerFeed {
    async fn next(&mut self) -> Option<Result<Part, String>> {
        let followed = loop {
            match self.first().await {
                First::Part(followed) => break followed?,
                First::Length(end) => self.end = end,
            }
            if self.end.is_some_and(|end| self.next >= end) {
                return Some(Ok(Part {
                    next: self.next,
                    caught_up: true,
                    ..Part::default()
                }));
            }
        };
        let followed = match followed {
            Ok(followed) => followed,
            Err(error) => return Some(Err(error.to_string())),
        };
        self.next = followed.next_index;
        let is_past = self.end.is_some_and(|end| followed.next_index >= end);
        let mut part = Part {
            next: followed.next_index,
            caught_up: followed.entries.is_empty() || is_past,
            ..Part::default()
        };
        for entry in followed.entries {
            part.time = entry.time().get();
            let what = match entry.known() {
                Ok(what) => what,
                Err(error) => {
                    let index = entry.index();
                    tracing::error!(index, %error, "an entry about access cannot be read");
                    continue;
                }
            };
            if matches!(
                what,
                countersign_proto::event::Known::AccessDriftDetected(_)
            ) {
                let key = String::from_utf8_lossy(entry.idempotency_key());
                part.drift_keys.push(key.into_owned());
            }
            part.heard.push(Heard {
                index: entry.index(),
                case: entry.case(),
                actor: entry.actor().to_owned(),
                what,
            });
        }
        Some(Ok(part))
    }
}

impl Ledger for Client {
    type Feed = LedgerFeed;

    fn origin(&self) -> String {
        self.key().origin().to_string()
    }

    fn follow(&self, from: u64) -> LedgerFeed {
        let filter = Filter {
            kinds: KINDS.to_vec(),
            ..Filter::default()
        };
        let client = self.clone();
        let size = async move { client.checkpoint().await.map(|newest| newest.size()) };
        LedgerFeed {
            follow: Self::follow(self, from, filter),
            next: from,
            asking: Some(tokio::spawn(size)),
            end: None,
        }
    }

    async fn word(&self, case: u64, grant: u64) -> Result<Word, String> {
        let case = self.case(case).await.map_err(|error| error.to_string())?;
        let active = case.status() == v1::CaseStatus::Active;
        let found = case.grant.filter(|found| found.id == grant);
        Ok(Word {
            active: active && found.is_some(),
            made: found.is_some_and(|found| found.provisioning == "provisioned"),
        })
    }

    async fn report(&self, report: Report) -> Result<(), ReportError> {
        match self.report_provisioning(report.request()).await {
            Ok(_changed) => Ok(()),
            Err(error) => Err(judge(&error)),
        }
    }

    async fn drift(&self, drift: v1::AccessDriftDetected, key: String) -> Result<(), String> {
        let draft = Draft::new(&drift).with_key(key);
        match self.append(draft, Level::Accepted).await {
            Ok(_receipt) => Ok(()),
            Err(error) if error.reason() == Some(Reason::IdempotencyKeyReused) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether a report that failed can be made later.
fn judge(error: &CallError) -> ReportError {
    let text = error.to_string();
    match error.reason() {
        Some(
            Reason::ProvisioningOrder
            | Reason::GrantNotActive
            | Reason::IdempotencyKeyReused
            | Reason::IdUnknown
            | Reason::TooManyCases
            | Reason::TextInvalid,
        ) => ReportError::Settled(text),
        _ => ReportError::Later(text),
    }
}
