//! The ledger, as provisioners need it.

use countersign_client::{CallError, Client, Draft, Filter, Follow, Level};
use countersign_proto::reason::Reason;
use countersign_proto::v1;

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

impl Feed for Follow {
    async fn next(&mut self) -> Option<Result<Part, String>> {
        let followed = match Self::next(self).await? {
            Ok(followed) => followed,
            Err(error) => return Some(Err(error.to_string())),
        };
        let mut part = Part {
            next: followed.next_index,
            caught_up: followed.entries.is_empty(),
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
    type Feed = Follow;

    fn origin(&self) -> String {
        self.key().origin().to_string()
    }

    fn follow(&self, from: u64) -> Follow {
        let kinds = KINDS.to_vec();
        Self::follow(
            self,
            from,
            Filter {
                kinds,
                ..Filter::default()
            },
        )
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
