//! Reading entries: one by its index, or all that match, page by page.

use countersign_proto::v1;

use crate::call::{CallError, Repeat};
use crate::client::{Client, log_service};
use crate::draft::Filter;
use crate::entry::{Entry, Sequence, run_ends};
use crate::limits::MAX_PAGE;
use crate::verify::{Notary, VerifyError};

const GET: &str = "GetEntry";
const LIST: &str = "ListEntries";
const PROOF: &str = "GetInclusionProof";

impl Client {
    /// One sealed entry.
    ///
    /// # Errors [`CallError`]; `Refused` with `ENTRY_UNKNOWN` when the log has no sealed entry at
    /// this index.
    pub async fn entry(&self, index: u64) -> Result<Entry, CallError> {
        let log = self.shared.log.clone();
        let request = v1::GetEntryRequest {
            log,
            index,
            include_proof: true,
        };
        let answer = self
            .caller()
            .call(GET, Repeat::Safe, request, |channel, request| async move {
                log_service(channel).get_entry(request).await
            })
            .await?;
        let entry =
            Entry::verify(answer, index, &mut self.notary()).map_err(CallError::unverified(GET))?;
        self.notice(entry.checkpoint(), true).await?;
        Ok(entry)
    }

    /// Lists sealed entries in order of index, page by page.
    #[must_use]
    pub fn list(&self, filter: Filter) -> Pages {
        Pages {
            client: self.clone(),
            sequence: Sequence::new(filter, 0),
            notary: self.notary(),
            size: 0,
            token: Token::First,
        }
    }

    /// Ties each run of neighbours to its signature, and the newest checkpoint to the past.
    pub(crate) async fn tie(&self, entries: &[Entry]) -> Result<(), CallError> {
        for entry in run_ends(entries) {
            let answer = self
                .ask_inclusion(entry.index(), entry.checkpoint().size())
                .await?;
            let proof = answer.proof.as_ref().ok_or(VerifyError::Missing("proof"));
            proof
                .and_then(|proof| entry.prove(proof))
                .map_err(CallError::unverified(PROOF))?;
        }
        match entries.last() {
            Some(last) => self.notice(last.checkpoint(), true).await,
            None => Ok(()),
        }
    }
}

/// Entries of one page, verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Entries in order of index; may be empty although there are later pages.
    pub entries: Vec<Entry>,
    /// Token with which another listing under the same filter goes on; empty when this was the last
    /// page.
    pub next: String,
}

/// A listing under way.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    sequence: Sequence,
    notary: Notary,
    size: u32,
    token: Token,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    First,
    Next(String),
    End,
}

impl Pages {
    /// With at most this many entries in a page, 1 to 1,000. The ledger chooses otherwise.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Self {
        self.size = size.min(MAX_PAGE);
        self
    }

    /// Goes on after the page that gave this token, whose entries all had indexes below `from`.
    #[must_use]
    pub fn after(mut self, token: impl Into<String>, from: u64) -> Self {
        let filter = self.sequence.filter().clone();
        self.sequence = Sequence::new(filter, from);
        self.token = Token::Next(token.into());
        self
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// [`CallError`]. The same page can be asked for again unless the error is `Unverified`.
    pub async fn next(&mut self) -> Result<Option<Page>, CallError> {
        let page_token = match &self.token {
            Token::First => String::new(),
            Token::Next(token) => token.clone(),
            Token::End => return Ok(None),
        };
        let request = v1::ListEntriesRequest {
            log: self.client.shared.log.clone(),
            page_size: self.size,
            page_token: page_token.clone(),
            filter: self.sequence.filter().into(),
        };
        let answer = self
            .client
            .caller()
            .call(LIST, Repeat::Safe, request, |channel, request| async move {
                log_service(channel).list_entries(request).await
            })
            .await?;
        if !page_token.is_empty() && answer.next_page_token == page_token {
            let error = VerifyError::other("next page token", "another token", "the same one");
            return Err(CallError::unverified(LIST)(error));
        }
        // The sequence moves on only when the whole page holds, so that it can be asked for again.
        let mut sequence = self.sequence.clone();
        let entries = sequence
            .read(answer.entries, &answer.checkpoints, &mut self.notary)
            .map_err(CallError::unverified(LIST))?;
        self.client.tie(&entries).await?;
        self.sequence = sequence;
        let next = answer.next_page_token;
        self.token = if next.is_empty() {
            Token::End
        } else {
            Token::Next(next.clone())
        };
        Ok(Some(Page { entries, next }))
    }
}
