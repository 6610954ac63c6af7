//! Where sessions are entered: the ledger.

use countersign_client::{CallError, Changed, Client};
use countersign_proto::v1;

/// The use of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Number of the grant.
    pub grant: u64,
    /// With what, for example "psql".
    pub client: String,
    /// From where.
    pub source_address: String,
}

/// A session that is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// Its number: the index of the SessionStarted entry.
    pub session: u64,
}

/// Enters sessions, and tells how the case of a grant stands.
///
/// A session has the index of its entry as its number, and everything that is recorded refers to
/// it: without a ledger no session can start, break-glass included. What an implementation may do
/// is keep [`Register::end`] until the ledger is back.
pub trait Register: Clone + Send + Sync + 'static {
    /// The case of this grant.
    fn case(&self, grant: u64) -> impl Future<Output = Result<v1::Case, CallError>> + Send;

    /// Enters the start.
    fn start(&self, usage: Use) -> impl Future<Output = Result<Entered, CallError>> + Send;

    /// Enters the end.
    fn end(&self, end: v1::EndSessionRequest)
    -> impl Future<Output = Result<(), CallError>> + Send;
}

impl Register for Client {
    async fn case(&self, grant: u64) -> Result<v1::Case, CallError> {
        Self::case(self, grant).await
    }

    async fn start(&self, usage: Use) -> Result<Entered, CallError> {
        let request = v1::StartSessionRequest {
            call: None,
            grant: usage.grant,
            client: usage.client,
            source_address: usage.source_address,
        };
        Ok(Entered {
            session: number(&self.start_session(request).await?),
        })
    }

    async fn end(&self, end: v1::EndSessionRequest) -> Result<(), CallError> {
        self.end_session(end).await.map(drop)
    }
}

/// The call writes one entry, SessionStarted; the receipt says where.
fn number(changed: &Changed) -> u64 {
    changed.run.first_index
}
