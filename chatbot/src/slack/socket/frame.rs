//! What comes through a socket, and what goes back.

use serde_json::{Value, json};

use crate::limits::{SLACK_ID, SOCKET_FRAME};
use crate::slack::desk::Ack;
use crate::slack::payload::{Inbound, PayloadError};

/// A text frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The socket is ready.
    Hello,
    /// It ends.
    Disconnect(Reason),
    /// Something that somebody did.
    Envelope(Envelope),
    /// Something that this version does not know and that asks for no answer.
    Other,
}

/// Why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Socket Mode was turned off.
    LinkDisabled,
    /// Its time is over, or any other reason to open the next one.
    Refresh,
}

/// Something that wants to be acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Its id.
    pub id: String,
    /// What it holds.
    pub kind: Kind,
    /// What Slack would post otherwise.
    pub payload: Value,
    /// Whether the acknowledgement may say what to show.
    pub takes_answer: bool,
}

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command.
    Command,
    /// Something done with a message, a modal or a shortcut.
    Interaction,
    /// Something that needs no more than an acknowledgement.
    Other,
}

/// Why a frame is not Slack's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than any of Slack's.
    #[error("a frame of {0} bytes, expected at most {SOCKET_FRAME}")]
    Long(usize),
    /// Not JSON.
    #[error("expected JSON in a frame")]
    Json,
    /// Something is missing.
    #[error("expected {0} in a frame")]
    Field(&'static str),
}

impl Frame {
    /// Reads a text frame.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        if text.len() > SOCKET_FRAME {
            return Err(FrameError::Long(text.len()));
        }
        let mut frame: Value = serde_json::from_str(text).map_err(|_error| FrameError::Json)?;
        let kind = frame["type"].as_str().ok_or(FrameError::Field("type"))?;
        let kind = match kind {
            "hello" => return Ok(Self::Hello),
            "disconnect" => {
                return Ok(Self::Disconnect(match frame["reason"].as_str() {
                    Some("link_disabled") => Reason::LinkDisabled,
                    _ => Reason::Refresh,
                }));
            }
            "slash_commands" => Kind::Command,
            "interactive" => Kind::Interaction,
            _ => Kind::Other,
        };
        let id = frame["envelope_id"].as_str();
        let id = id.filter(|id| (1..=SLACK_ID).contains(&id.len()));
        match (id.map(str::to_owned), kind) {
            (Some(id), kind) => Ok(Self::Envelope(Envelope {
                id,
                kind,
                takes_answer: frame["accepts_response_payload"] == true,
                payload: frame["payload"].take(),
            })),
            (None, Kind::Other) => Ok(Self::Other),
            (None, _) => Err(FrameError::Field("envelope_id")),
        }
    }
}

impl Envelope {
    /// What somebody did.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn inbound(&self) -> Result<Inbound, PayloadError> {
        match self.kind {
            Kind::Command => Inbound::command(&self.payload),
            Kind::Interaction => Inbound::interaction(&self.payload),
            Kind::Other => Ok(Inbound::Other),
        }
    }

    /// The acknowledgement, as the text of a frame; none when there is too much to do, so that
    /// Slack tells the person.
    #[must_use]
    pub fn acknowledged(&self, ack: &Ack) -> Option<String> {
        let mut answer = json!({"envelope_id": self.id});
        match ack {
            Ack::Empty => {}
            Ack::Json(value) if self.takes_answer => answer["payload"] = value.clone(),
            Ack::Json(_) => {}
            Ack::Busy => return None,
        }
        Some(answer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let disconnect = |reason| Ok(Frame::Disconnect(reason));
        for (text, expected) in [
            (r#"{"type":"hello","num_connections":1}"#, Ok(Frame::Hello)),
            (
                r#"{"type":"disconnect","reason":"warning"}"#,
                disconnect(Reason::Refresh),
            ),
            (
                r#"{"type":"disconnect","reason":"link_disabled"}"#,
                disconnect(Reason::LinkDisabled),
            ),
            (r#"{"type":"disconnect"}"#, disconnect(Reason::Refresh)),
            (r#"{"type":"pong"}"#, Ok(Frame::Other)),
            (
                r#"{"type":"interactive"}"#,
                Err(FrameError::Field("envelope_id")),
            ),
            (
                r#"{"type":"slash_commands","envelope_id":""}"#,
                Err(FrameError::Field("envelope_id")),
            ),
            (r#"{"type":7}"#, Err(FrameError::Field("type"))),
            ("[]", Err(FrameError::Field("type"))),
            ("{", Err(FrameError::Json)),
            ("", Err(FrameError::Json)),
        ] {
            assert_eq!(Frame::parse(text), expected, "{text}");
        }
        let long = " ".repeat(SOCKET_FRAME + 1);
        assert_eq!(Frame::parse(&long), Err(FrameError::Long(long.len())));
    }

    #[test]
    fn an_envelope_is_acknowledged_under_its_id() {
        let text = r#"{"type":"events_api","envelope_id":"e-1","payload":{}}"#;
        let Ok(Frame::Envelope(mut envelope)) = Frame::parse(text) else {
            panic!("an envelope");
        };
        assert_eq!(envelope.inbound(), Ok(Inbound::Other));
        let show = Ack::Json(json!({"text": "x"}));
        let bare = Some(r#"{"envelope_id":"e-1"}"#.to_owned());
        assert_eq!(envelope.acknowledged(&Ack::Empty), bare);
        assert_eq!(envelope.acknowledged(&show), bare);
        assert_eq!(envelope.acknowledged(&Ack::Busy), None);
        envelope.takes_answer = true;
        let shown = envelope.acknowledged(&show).unwrap();
        assert!(shown.contains(r#""payload":{"text":"x"}"#), "{shown}");
    }
}
