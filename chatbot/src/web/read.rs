//! What the inbox reads from the ledger.

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Entry, Filter};
use countersign_proto::event::{Kinded as _, Known};
use countersign_proto::v1;

use super::Inbox;
use crate::limits::{
    WEB_CASES, WEB_CLOSED, WEB_CLOSED_PAGES, WEB_CLOSED_SECONDS, WEB_RUNNING_PAGE,
    WEB_RUNNING_PAGES,
};

/// A list of cases.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) cases: Vec<v1::Case>,
    /// Whether there are more.
    pub(super) has_more: bool,
}

impl Inbox {
    /// One page of cases.
    pub(super) async fn cases(&self, wanted: v1::ListCasesRequest) -> Result<Listed, CallError> {
        let request = v1::ListCasesRequest {
            page_size: WEB_CASES,
            ..wanted
        };
        let answer = self.bot.client().cases(request).await?;
        Ok(Listed {
            has_more: !answer.next_page_token.is_empty(),
            cases: answer.cases,
        })
    }

    /// Cases in which access runs or will, of those that `theirs` picks out.
    pub(super) async fn running(
        &self,
        theirs: impl Fn(&v1::Case) -> bool,
    ) -> Result<Listed, CallError> {
        let statuses = [v1::CaseStatus::Active, v1::CaseStatus::Scheduled];
        let mut request = v1::ListCasesRequest {
            statuses: statuses.iter().map(|status| (*status).into()).collect(),
            page_size: WEB_RUNNING_PAGE,
            ..v1::ListCasesRequest::default()
        };
        let mut listed = Listed::default();
        let most = usize::try_from(WEB_CASES).unwrap_or(usize::MAX);
        for _ in 0..WEB_RUNNING_PAGES {
            let page = self.bot.client().cases(request.clone()).await?;
            listed.cases.extend(page.cases.into_iter().filter(&theirs));
            request.page_token = page.next_page_token;
            if listed.cases.len() > most || request.page_token.is_empty() {
                break;
            }
        }
        listed.has_more = listed.cases.len() > most || !request.page_token.is_empty();
        listed.cases.truncate(most);
        Ok(listed)
    }

    /// Whether somebody could decide in this case now, as the ledger says.
    pub(super) async fn may_decide(&self, case: &v1::Case, user: &str) -> Result<bool, CallError> {
        if case.status() == v1::CaseStatus::Closed {
            return Ok(false);
        }
        self.bot.decides(case.id, &case.resource, user).await
    }

    /// The entries of a case, the oldest first.
    pub(super) async fn timeline(&self, case: u64) -> Result<Vec<Entry>, CallError> {
        let filter = Filter {
            case,
            ..Filter::default()
        };
        let mut pages = self.bot.client().list(filter);
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            all.extend(page.entries);
        }
        Ok(all)
    }

    /// Cases that were closed lately, the newest first.
    pub(super) async fn closed(&self) -> Result<Vec<v1::Case>, CallError> {
        let micros = WEB_CLOSED_SECONDS.saturating_mul(1_000_000);
        let since = self.bot.clock().now().get().saturating_sub(micros);
        let filter = Filter {
            kinds: vec![v1::CaseClosed::KIND],
            since: UnixMicros::new(since).ok(),
            ..Filter::default()
        };
        let mut pages = self.bot.client().list(filter);
        let mut numbers: Vec<u64> = Vec::new();
        for _ in 0..WEB_CLOSED_PAGES {
            match pages.next().await? {
                Some(page) => numbers.extend(page.entries.iter().map(Entry::case)),
                None => break,
            }
        }
        let mut cases = Vec::new();
        for id in numbers.into_iter().rev().take(WEB_CLOSED) {
            cases.push(self.bot.client().case(id).await?);
        }
        Ok(cases)
    }

    /// Whether a certificate was revoked.
    pub(super) async fn is_revoked(&self, serial: &str) -> Result<bool, CallError> {
        let filter = Filter {
            kinds: vec![v1::CertificateRevoked::KIND],
            ..Filter::default()
        };
        let mut pages = self.bot.client().list(filter);
        while let Some(page) = pages.next().await? {
            let names = |entry: &Entry| {
                let event = entry.known();
                matches!(event, Ok(Known::CertificateRevoked(event)) if event.serial == serial)
            };
            if page.entries.iter().any(names) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
