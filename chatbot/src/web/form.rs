//! Forms as browsers send them.

use std::collections::BTreeMap;

use countersign_chain::hash::{Hash, digest};

use crate::limits::WEB_FIELDS;

/// The fields of a form, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    fields: BTreeMap<String, String>,
    /// Digest of the bytes that came; none when nobody sent any.
    sent: Option<Hash>,
}

/// What is wrong with a form, by field.
pub(super) type Faults = BTreeMap<&'static str, String>;

impl Form {
    /// Reads `application/x-www-form-urlencoded`. `None` when a field stands twice, when there are
    /// too many, or when the text is not UTF-8.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            // What is not UTF-8 was replaced; nobody means the replacement.
            if value.contains('\u{fffd}') || fields.len() >= WEB_FIELDS {
                return None;
            }
            // Browsers send line ends as CR LF; the log keeps LF.
            let value = value.replace("\r\n", "\n");
            if fields.insert(name.into_owned(), value).is_some() {
                return None;
            }
        }
        let sent = Some(digest(bytes));
        Some(Self { fields, sent })
    }

    /// A field without the space around it; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }

    /// SHA-256 of the bytes that the browser sent.
    pub(super) const fn sent(&self) -> Option<Hash> {
        self.sent
    }

    /// A number; `None` when it is none.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_trimmed() {
        let form = Form::parse(b"reason=+it+is%20%3Cb%3E%0D%0Aand+%26+&n=12&empty=").unwrap();
        assert_eq!(form.get("reason"), "it is <b>\nand &");
        assert_eq!(form.number("n"), Some(12));
        assert_eq!((form.get("empty"), form.get("none")), ("", ""));
        assert_eq!(form.number("empty"), None);
    }

    #[test]
    fn forms_that_nobody_means_are_refused() {
        assert_eq!(Form::parse(b"a=1&a=2"), None, "a field stands twice");
        assert_eq!(Form::parse(b"a=%FF%FE"), None, "not UTF-8");
        let many: Vec<String> = (0..=WEB_FIELDS).map(|n| format!("f{n}=1")).collect();
        assert_eq!(Form::parse(many.join("&").as_bytes()), None);
        assert!(Form::parse(many[1..].join("&").as_bytes()).is_some());
        assert_eq!(Form::parse(b"").unwrap().sent(), Some(digest(b"")));
    }
}
