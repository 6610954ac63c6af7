//! What can go wrong with a call, and whether it can be repeated.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use crate::surface::SendError;

/// A call that was not answered as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The method.
    pub method: &'static str,
    /// Why.
    pub fault: Fault,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Slack wants to be left alone, for as long as it says.
    Limited(Option<Duration>),
    /// It was not reached: nothing was done.
    Away(String),
    /// It was reached, and what it did is not known.
    Lost(String),
    /// It says why it did nothing, in its own word.
    Said(String),
    /// The answer is not what Slack documents.
    Strange(String),
}

impl Fault {
    /// Of a request that failed before its answer.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        match error.is_connect() || error.is_builder() {
            true => Self::Away(causes(error)),
            false => Self::Lost(causes(error)),
        }
    }

    /// Of an answer that ended early.
    pub(super) fn after(error: &reqwest::Error) -> Self {
        Self::Lost(causes(error))
    }

    /// Slack's own word.
    pub(super) fn said(word: &str) -> Self {
        match word {
            "ratelimited" | "rate_limited" => Self::Limited(None),
            "service_unavailable" | "team_added_to_org" => Self::Away(word.to_owned()),
            // Slack says of these that part of what was asked may be done.
            "internal_error" | "fatal_error" | "request_timeout" => Self::Lost(word.to_owned()),
            word => Self::Said(word.chars().take(100).collect()),
        }
    }
}

/// The address is left out: it may be as good as a password.
fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    if error.is_timeout() || words.is_empty() {
        words.push("no answer in time".to_owned());
    }
    words.join(": ")
}

impl ApiError {
    /// Slack's own word for what is wrong.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match &self.fault {
            Fault::Said(word) => Some(word),
            Fault::Limited(_) | Fault::Away(_) | Fault::Lost(_) | Fault::Strange(_) => None,
        }
    }

    /// Whether the same call may be answered later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self.fault,
            Fault::Limited(_) | Fault::Away(_) | Fault::Lost(_)
        )
    }

    /// How long Slack wants to be left alone.
    #[must_use]
    pub const fn after(&self) -> Option<Duration> {
        match self.fault {
            Fault::Limited(after) => after,
            Fault::Away(_) | Fault::Lost(_) | Fault::Said(_) | Fault::Strange(_) => None,
        }
    }

    /// Whether the token is of no use: nothing will be done before somebody changes that.
    #[must_use]
    pub fn is_of_token(&self) -> bool {
        const WORDS: [&str; 9] = [
            "invalid_auth",
            "not_authed",
            "account_inactive",
            "token_expired",
            "token_revoked",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "access_denied",
        ];
        self.word().is_some_and(|word| WORDS.contains(&word))
    }

    /// What to do about a word of Slack's.
    fn hint(&self) -> &'static str {
        match self.word().unwrap_or_default() {
            _ if self.is_of_token() => {
                "; install the app again with the scopes of `countersign chatbot manifest slack`, \
                 and put its new token into the file"
            }
            "not_in_channel" | "channel_not_found" => {
                "; invite the app into the channel, and check its id"
            }
            "user_not_found" | "users_not_found" | "user_disabled" | "cannot_dm_bot" => {
                "; check the Slack id that the directory or a link has for this person"
            }
            "is_archived" => "; the channel is archived",
            "message_not_found" | "cant_update_message" | "edit_window_closed" => {
                "; the message is gone, or may not be changed any more"
            }
            _ => "",
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method;
        match &self.fault {
            Fault::Limited(Some(after)) => {
                write!(
                    out,
                    "{method}: Slack asks for {} s of patience",
                    after.as_secs()
                )
            }
            Fault::Limited(None) => write!(out, "{method}: Slack asks for patience"),
            Fault::Away(why) => write!(out, "{method}: Slack is not reached: {why}"),
            Fault::Lost(why) => write!(out, "{method}: Slack did not say what it did: {why}"),
            Fault::Said(word) => write!(out, "{method}: Slack says {word}{}", self.hint()),
            Fault::Strange(what) => write!(out, "{method}: Slack's answer is {what}"),
        }
    }
}

impl std::error::Error for ApiError {}

impl From<ApiError> for SendError {
    fn from(error: ApiError) -> Self {
        let why = error.to_string();
        match &error.fault {
            Fault::Limited(after) => Self::Later { after: *after, why },
            Fault::Away(_) => Self::Later { after: None, why },
            // What is missing is an administrator's doing, and then it is taken.
            Fault::Said(_) if error.is_of_token() => Self::Later { after: None, why },
            Fault::Said(_) => Self::Never { why },
            Fault::Lost(_) | Fault::Strange(_) => Self::Unknown { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_says_whether_it_can_be_tried_again() {
        let sorted = |word: &str| {
            let error = ApiError {
                method: "chat.postMessage",
                fault: Fault::said(word),
            };
            match SendError::from(error) {
                SendError::Later { .. } => "later",
                SendError::Unknown { .. } => "unknown",
                SendError::Never { .. } => "never",
            }
        };
        for (word, expected) in [
            ("ratelimited", "later"),
            ("service_unavailable", "later"),
            ("token_revoked", "later"),
            ("missing_scope", "later"),
            ("internal_error", "unknown"),
            ("fatal_error", "unknown"),
            ("not_in_channel", "never"),
            ("user_not_found", "never"),
            ("message_not_found", "never"),
            ("msg_blocks_too_long", "never"),
        ] {
            assert_eq!(sorted(word), expected, "{word}");
        }
    }

    #[test]
    fn an_error_says_what_to_do() {
        let error = ApiError {
            method: "chat.postMessage",
            fault: Fault::said("not_in_channel"),
        };
        let said = error.to_string();
        assert!(said.contains("invite the app"), "{said}");
        let limited = ApiError {
            method: "chat.postMessage",
            fault: Fault::Limited(Some(Duration::from_secs(7))),
        };
        let later = SendError::Later {
            after: Some(Duration::from_secs(7)),
            why: limited.to_string(),
        };
        assert_eq!(SendError::from(limited), later);
    }
}
