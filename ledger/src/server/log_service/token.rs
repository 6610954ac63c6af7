//! Page tokens: where the next page starts, and of which listing it is a page.
//!
//! A token protects nothing, so it is not signed: whoever may list may start at any index. Its
//! digest keeps callers from turning the pages of one listing with the filter of another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_chain::hash::Hash;

const VERSION: u8 = 1;
const DIGEST: usize = 16;
const LEN: usize = 1 + 8 + 8 + DIGEST;

/// Where a listing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageToken {
    /// First index of the page.
    pub(super) next: u64,
    /// Where the listing ends: the sealed size when it began.
    pub(super) end: u64,
}

/// Why a text is no token for this listing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum TokenError {
    /// No token at all, or one of another version.
    #[error("expected a page token as ListEntries gives it out, got another text")]
    Malformed,
    /// Of another log or filter.
    #[error("expected a page token of the same log and filter, got one of another listing")]
    OtherQuery,
    /// Beyond the log.
    #[error("expected a page within the {sealed} sealed entries, got {next} to {end}")]
    Range {
        /// First index.
        next: u64,
        /// End of the listing.
        end: u64,
        /// Sealed entries.
        sealed: u64,
    },
}

impl PageToken {
    /// The token as text, for the listing with this digest.
    pub(super) fn to_text(self, query: &Hash) -> String {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.next.to_be_bytes());
        bytes.extend_from_slice(&self.end.to_be_bytes());
        bytes.extend(query.as_bytes().iter().take(DIGEST));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token of the listing with this digest.
    pub(super) fn parse(text: &str, query: &Hash, sealed: u64) -> Result<Self, TokenError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_text| TokenError::Malformed)?;
        let (version, rest) = bytes.split_first().ok_or(TokenError::Malformed)?;
        let (next, rest) = number(rest)?;
        let (end, digest) = number(rest)?;
        if *version != VERSION || digest.len() != DIGEST {
            return Err(TokenError::Malformed);
        }
        if !query.as_bytes().starts_with(digest) {
            return Err(TokenError::OtherQuery);
        }
        if next > end || end > sealed {
            return Err(TokenError::Range { next, end, sealed });
        }
        Ok(Self { next, end })
    }
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), TokenError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(TokenError::Malformed)?;
    Ok((u64::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: Hash = Hash::from_bytes([7; 32]);

    #[test]
    fn tokens_come_back() {
        for (next, end) in [(0, 0), (3, 9), (1 << 40, 1 << 62)] {
            let token = PageToken { next, end };
            let text = token.to_text(&QUERY);
            assert_eq!(PageToken::parse(&text, &QUERY, end), Ok(token));
        }
    }

    #[test]
    fn tokens_of_other_listings_are_refused() {
        let text = PageToken { next: 3, end: 9 }.to_text(&QUERY);
        let other = Hash::from_bytes([8; 32]);
        assert_eq!(
            PageToken::parse(&text, &other, 9),
            Err(TokenError::OtherQuery)
        );
        let range = TokenError::Range {
            next: 3,
            end: 9,
            sealed: 8,
        };
        assert_eq!(PageToken::parse(&text, &QUERY, 8), Err(range));
        let text = PageToken { next: 10, end: 9 }.to_text(&QUERY);
        assert!(matches!(
            PageToken::parse(&text, &QUERY, 20),
            Err(TokenError::Range { .. })
        ));
    }

    #[test]
    fn no_changed_character_passes_as_the_same_token() {
        let token = PageToken { next: 3, end: 9 };
        let text = token.to_text(&QUERY);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_ne!(PageToken::parse(&changed, &QUERY, 9), Ok(token), "{at}");
        }
        let second = format!("{}A", text);
        for text in [
            "",
            "A",
            "!",
            "hello world",
            &text[1..],
            &text[..text.len() - 1],
            &second,
        ] {
            assert_eq!(
                PageToken::parse(text, &QUERY, 9),
                Err(TokenError::Malformed),
                "{text}"
            );
        }
    }
}
