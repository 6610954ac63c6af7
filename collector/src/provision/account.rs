//! Accounts of this machine, as getent(1) tells them.

use std::time::Duration;

use crate::provision::process::{Program, ProgramError};
use crate::provision::provisioner::Failure;

/// How long the answer may take: it may come from a directory in the network.
const LIMIT: Duration = Duration::from_secs(10);

/// User and group of an account; `None` when this machine has no such account.
pub(super) async fn ids(account: &str) -> Result<Option<(u32, u32)>, Failure> {
    let numeric = account.chars().all(|c| c.is_ascii_digit());
    if numeric || account.starts_with('-') {
        return Ok(None);
    }
    let getent = Program::new("getent", &["passwd", account], LIMIT);
    let line = match getent.run(b"").await {
        Ok(line) => String::from_utf8_lossy(line.expose()).into_owned(),
        Err(ProgramError::Failed { status, .. }) if status.code() == Some(2) => {
            return Ok(None);
        }
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let mut fields = line.trim_end().split(':').skip(2);
    let ids = (fields.next(), fields.next());
    let ids = (
        ids.0.and_then(|id| id.parse().ok()),
        ids.1.and_then(|id| id.parse().ok()),
    );
    match ids {
        (Some(uid), Some(gid)) => Ok(Some((uid, gid))),
        _ => Err(Failure::new(format!("the account {account} has no ids"))),
    }
}

/// Those of these accounts that this machine does not have, each once.
pub(super) async fn missing(accounts: Vec<&str>) -> Result<Vec<&str>, Failure> {
    let mut missing = Vec::new();
    for account in accounts {
        if !missing.contains(&account) && ids(account).await?.is_none() {
            missing.push(account);
        }
    }
    Ok(missing)
}
