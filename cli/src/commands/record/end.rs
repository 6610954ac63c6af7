//! The end of a session that the ledger did not take: kept beside its recording, and entered by a
//! later run.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use countersign_client::Client;
use countersign_collector::session::{Ended, Register as _};
use countersign_proto::v1;
use serde::{Deserialize, Serialize};

const FILE: &str = "END.json";

/// What `EndSession` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    session: u64,
    reason: String,
    exit_status: i32,
    parts: u64,
    commands: u64,
    output_bytes: u64,
    redactions: u64,
}

impl End {
    fn request(&self) -> v1::EndSessionRequest {
        v1::EndSessionRequest {
            call: None,
            session: self.session,
            reason: self.reason.clone(),
            exit_status: self.exit_status,
            recording: Some(v1::Recording {
                parts: self.parts,
                commands: self.commands,
                output_bytes: self.output_bytes,
                redactions: self.redactions,
            }),
        }
    }
}

/// Keeps the end of a session in the folder of its recording.
pub(super) fn keep(dir: &Path, ended: &Ended) -> anyhow::Result<()> {
    let Ended {
        session,
        reason,
        exit_status,
        recording,
        ..
    } = ended;
    let end = End {
        session: *session,
        reason: reason.name().to_owned(),
        exit_status: *exit_status,
        parts: recording.parts,
        commands: recording.commands,
        output_bytes: recording.output_bytes,
        redactions: recording.redactions,
    };
    fs::create_dir_all(dir)?;
    let next = dir.join("END.json.next");
    fs::write(&next, serde_json::to_vec(&end)?)?;
    fs::rename(next, dir.join(FILE))?;
    Ok(())
}

/// Enters the end that is kept in a folder, if one is; false when it is to be tried again.
pub(super) async fn enter(dir: &Path, client: &Client) -> anyhow::Result<bool> {
    let path = dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
    };
    let end: End = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no end of a session", path.display()))?;
    match client.end(end.request()).await {
        Ok(()) => {}
        // It stands in the log already, or never will.
        Err(error) if error.reason().is_some() => {
            let session = end.session;
            tracing::warn!(session, %error, "the ledger does not take the end of a session");
        }
        Err(error) => {
            tracing::debug!(%error, "the end of a session is not entered yet");
            return Ok(false);
        }
    }
    fs::remove_file(&path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use countersign_collector::session::Reason;

    use super::*;

    #[test]
    fn the_end_of_a_session_is_kept_as_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path().join("of-a-session");
        let ended = Ended {
            session: 7,
            reason: Reason::Exit,
            exit_status: 3,
            recording: v1::Recording {
                parts: 1,
                commands: 2,
                output_bytes: 3,
                redactions: 4,
            },
            unentered: None,
            left_over: Vec::new(),
        };
        keep(&dir, &ended).expect("room");
        let text = fs::read(dir.join(FILE)).expect("a file");
        let end: End = serde_json::from_slice(&text).expect("an end");
        let request = end.request();
        assert_eq!((request.session, request.exit_status), (7, 3));
        assert_eq!(request.reason, "exit");
        assert_eq!(request.recording, Some(ended.recording));
    }
}
