//! Version 1 of what hooks and webhooks are asked and answer. `docs/provisioners.md` has it in
//! prose.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::provision::clock::rfc3339;
use crate::provision::credential::{Credential, Secret};
use crate::provision::provisioner::{
    Drift, Ending, Expected, Failure, Finding, Grant, Made, Proof, Standing,
};
use crate::provision::text::told;

const VERSION: u32 = 1;

/// A grant in a question.
#[derive(Debug, Serialize)]
pub(crate) struct GrantJson<'a> {
    grant: u64,
    case: u64,
    person: &'a str,
    principal: &'a str,
    resource: &'a str,
    permission: &'a str,
    /// RFC 3339, whole seconds.
    end: String,
    record_session: bool,
}

impl<'a> GrantJson<'a> {
    pub(crate) fn of(grant: &'a Grant) -> Self {
        Self {
            grant: grant.grant,
            case: grant.case,
            person: &grant.person,
            principal: &grant.principal,
            resource: &grant.resource,
            permission: &grant.permission,
            end: rfc3339(grant.end),
            record_session: grant.record_session,
        }
    }
}

#[derive(Debug, Serialize)]
struct StandingJson<'a> {
    #[serde(flatten)]
    grant: GrantJson<'a>,
    /// "there", "gone" or "either".
    expected: &'static str,
}

#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    target: &'a str,
    grant: u64,
    /// "unknown", "outlived", "missing" or "changed".
    drift: &'static str,
    detail: &'a str,
}

/// A question.
#[derive(Debug, Serialize)]
pub(crate) struct Question<'a> {
    version: u32,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantJson<'a>>,
    /// How the grant ended: "expired", "revoked" or "finished".
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<StandingJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<FindingJson<'a>>,
}

impl<'a> Question<'a> {
    const fn new(action: &'static str) -> Self {
        Self {
            version: VERSION,
            action,
            grant: None,
            ending: None,
            grants: None,
            finding: None,
        }
    }

    pub(crate) fn make(grant: &'a Grant) -> Self {
        let grant = Some(GrantJson::of(grant));
        Self {
            grant,
            ..Self::new("make")
        }
    }

    pub(crate) fn extend(grant: &'a Grant) -> Self {
        let grant = Some(GrantJson::of(grant));
        Self {
            grant,
            ..Self::new("extend")
        }
    }

    pub(crate) fn remove(grant: &'a Grant, ending: Ending) -> Self {
        Self {
            grant: Some(GrantJson::of(grant)),
            ending: Some(ending.as_str()),
            ..Self::new("remove")
        }
    }

    pub(crate) fn inspect(standing: &'a [Standing]) -> Self {
        let grants = standing.iter().map(|standing| StandingJson {
            grant: GrantJson::of(&standing.grant),
            expected: match standing.expected {
                Expected::There => "there",
                Expected::Gone => "gone",
                Expected::Either => "either",
            },
        });
        Self {
            grants: Some(grants.collect()),
            ..Self::new("inspect")
        }
    }

    pub(crate) fn mend(finding: &'a Finding, grant: Option<&'a Grant>) -> Self {
        let drift = match finding.drift {
            Drift::Unknown => "unknown",
            Drift::Outlived => "outlived",
            Drift::Missing => "missing",
            Drift::Changed => "changed",
        };
        let finding = Some(FindingJson {
            target: &finding.target,
            grant: finding.grant,
            drift,
            detail: &finding.detail,
        });
        Self {
            finding,
            grant: grant.map(GrantJson::of),
            ..Self::new("mend")
        }
    }

    /// What the question is about, the same each time that it is asked; `None` for one that is new
    /// each time.
    pub(crate) fn id(&self) -> Option<String> {
        let grant = self.grant.as_ref().filter(|_| self.finding.is_none())?;
        Some(format!("{}-{}-{}", self.action, grant.grant, grant.end))
    }

    pub(crate) const fn action(&self) -> &'static str {
        self.action
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(|error| Failure::new(error.to_string()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeJson {
    target: String,
    credential: Option<Zeroizing<String>>,
    valid_until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovedJson {
    found: bool,
    proof: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExistingJson {
    existing: Vec<OneJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneJson {
    target: String,
    #[serde(default)]
    grant: u64,
    /// How it differs from what was granted.
    changed: Option<String>,
}

/// An answer may hold a credential, so that nothing of it is told.
fn read<'a, T: Deserialize<'a>>(answer: &'a [u8], expected: &str) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::new(format!(
            "expected the answer {expected}, got {} bytes that differ at line {line}, column \
             {column}",
            answer.len()
        ))
    })
}

/// The answer to `make` and `extend`.
pub(crate) fn made(answer: &[u8]) -> Result<Made, Failure> {
    let expected = r#"{"target":"…","credential":"…","valid_until":"…"}"#;
    let answer: MadeJson = read(answer, expected)?;
    if answer.target.trim().is_empty() {
        return Err(Failure::new(
            "expected target to say what was made, got nothing",
        ));
    }
    let valid_until = answer.valid_until.map(|until| {
        let seconds = until.parse().map(jiff::Timestamp::as_second);
        let seconds = seconds.ok().and_then(|seconds| u64::try_from(seconds).ok());
        let other = || Failure::new(format!("expected valid_until in RFC 3339, got {until:?}"));
        seconds.ok_or_else(other)
    });
    Ok(Made {
        target: told(&answer.target),
        credential: answer.credential.map(|credential| {
            Credential::of("credential", Secret::new(credential.as_bytes().to_vec()))
        }),
        valid_until: valid_until.transpose()?,
    })
}

/// The answer to `remove`.
pub(crate) fn removed(answer: &[u8]) -> Result<Proof, Failure> {
    let answer: RemovedJson = read(answer, r#"{"found":true,"proof":"…"}"#)?;
    if answer.proof.trim().is_empty() {
        return Err(Failure::new(
            "expected proof to say how it was checked, got nothing",
        ));
    }
    Ok(Proof {
        found: answer.found,
        text: told(&answer.proof),
    })
}

/// The answer to `mend`: any JSON object.
pub(crate) fn nothing(answer: &[u8]) -> Result<(), Failure> {
    read::<serde_json::Map<String, serde_json::Value>>(answer, "{}").map(drop)
}

/// The answer to `inspect`, compared with what should be there.
pub(crate) fn existing(answer: &[u8], standing: &[Standing]) -> Result<Vec<Finding>, Failure> {
    let expected = r#"{"existing":[{"target":"…","grant":1042,"changed":"…"}]}"#;
    let answer: ExistingJson = read(answer, expected)?;
    let mut findings = Vec::new();
    for one in &answer.existing {
        let found = standing
            .iter()
            .find(|standing| standing.grant.grant == one.grant);
        let (drift, detail) = match (found.map(|found| found.expected), &one.changed) {
            (None, _) => (Drift::Unknown, "no grant of the log explains it"),
            (Some(Expected::Gone), _) => (Drift::Outlived, "its grant is over"),
            (Some(Expected::There), Some(changed)) => (Drift::Changed, changed.as_str()),
            (Some(Expected::There), None) | (Some(Expected::Either), _) => continue,
        };
        findings.push(Finding::new(drift, one.grant, told(&one.target), detail));
    }
    for standing in standing {
        let grant = standing.grant.grant;
        let is_there = answer.existing.iter().any(|one| one.grant == grant);
        if standing.expected == Expected::There && !is_there {
            let target = format!("access of grant {grant}");
            findings.push(Finding::new(
                Drift::Missing,
                grant,
                target,
                "it was made, and is gone",
            ));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests;
