//! From which entry on the log is read when delivery starts.

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Client, Filter};
use countersign_proto::event::Kinded as _;
use countersign_proto::v1;

use crate::delivery::fact::Fact;
use crate::limits::{CASES_PAGE, CLOSED_SECONDS, DELEGATED_SECONDS};

/// Where to begin, and what is needed of what was before.
#[derive(Debug)]
pub(super) struct Past {
    /// No case that is open, or was closed lately, began before this entry.
    pub(super) from: u64,
    /// Size of the log: whatever is to be told of entries below is due at the start.
    pub(super) size: u64,
    /// Delegations before `from` that may still hold.
    pub(super) delegations: Vec<Fact>,
}

impl Past {
    /// Asks the ledger; `now` is the time.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) async fn read(client: &Client, now: UnixMicros) -> Result<Self, CallError> {
        let size = client.checkpoint().await?.size();
        let mut from = size;
        let mut token = String::new();
        loop {
            let request = v1::ListCasesRequest {
                page_size: CASES_PAGE,
                page_token: token,
                ..v1::ListCasesRequest::default()
            };
            let page = client.cases(request).await?;
            from = page.cases.iter().fold(from, |from, case| from.min(case.id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let closed = since(v1::CaseClosed::KIND, now, CLOSED_SECONDS);
        for fact in all(client, closed).await? {
            from = from.min(fact.case);
        }
        let delegated = since(v1::DelegationChanged::KIND, now, DELEGATED_SECONDS);
        let mut delegations = all(client, delegated).await?;
        delegations.retain(|fact| fact.index < from);
        Ok(Self {
            from,
            size,
            delegations,
        })
    }
}

fn since(kind: u16, now: UnixMicros, seconds: u64) -> Filter {
    let micros = now.get().saturating_sub(seconds.saturating_mul(1_000_000));
    Filter {
        kinds: vec![kind],
        since: UnixMicros::new(micros).ok(),
        ..Filter::default()
    }
}

async fn all(client: &Client, filter: Filter) -> Result<Vec<Fact>, CallError> {
    let mut pages = client.list(filter);
    let mut facts = Vec::new();
    while let Some(page) = pages.next().await? {
        facts.extend(page.entries.iter().filter_map(Fact::of));
    }
    Ok(facts)
}
