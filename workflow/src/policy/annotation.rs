//! Obligations as they are written: annotations of permits.

use std::collections::{BTreeMap, BTreeSet};

use super::duration::{parse as seconds, write};
use super::near::did_you_mean;
use super::obligation::{Deadline, Obligations};
use crate::limits::{
    DEFAULT_FEEDBACK, DEFAULT_MAX_DURATION, DEFAULT_MAX_EXTENSIONS, DEFAULT_REQUEST_TTL,
    DEFAULT_WARN, MAX_APPROVAL_GROUPS, MAX_APPROVALS_OF_GROUP, MAX_EXTENSIONS, MAX_POLICY_NAME,
};

/// An annotation that the ledger understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// An example of its text.
    pub example: &'static str,
    /// What holds without it.
    pub default: String,
    /// Which of several wins.
    pub strictest: &'static str,
}

/// All annotations of permits for `request` and `break_glass`, as docs/policy.md lists them.
#[must_use]
pub fn known() -> Vec<Known> {
    let known = |name, example, default: &str, strictest| Known {
        name,
        example,
        default: default.to_owned(),
        strictest,
    };
    let extensions = DEFAULT_MAX_EXTENSIONS.to_string();
    vec![
        known(
            "approvals",
            "security:1, team-leads:1",
            "must be there for `request`",
            "all groups, the larger count of each",
        ),
        known(
            "max_duration",
            "1h",
            &write(DEFAULT_MAX_DURATION),
            "shortest",
        ),
        known(
            "request_ttl",
            "15m",
            &write(DEFAULT_REQUEST_TTL),
            "shortest",
        ),
        known("remind", "5m", "never", "earliest"),
        known("escalate", "15m sre-managers", "never", "earliest"),
        known("session_recording", "required", "required", "required"),
        known("input_recording", "on", "off", "on"),
        known("permissions", "read-only, read-write", "all", "(none)"),
        known("warn", "10m", &write(DEFAULT_WARN), "earliest"),
        known("max_extensions", "1", &extensions, "fewest"),
        known("feedback", "24h", &write(DEFAULT_FEEDBACK), "shortest"),
        known(
            "retro_review",
            "security:24h",
            "must be there for `break_glass`",
            "earliest",
        ),
        known("step_up", "passkey", "none", "passkey"),
    ]
}

/// What the annotations of one permit say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Terms {
    pub(crate) obligations: Obligations,
    /// The permit holds for these only; for all when there are none.
    pub(crate) permissions: Option<BTreeSet<String>>,
    /// Names of the annotations that were there.
    pub(crate) given: BTreeSet<String>,
}

/// Why an annotation says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Terms {
    /// Reads the annotations of a permit, `@id` aside.
    pub(crate) fn read<'a>(
        annotations: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<Malformed>) {
        let (mut terms, mut malformed) = (Self::default(), Vec::new());
        for (name, text) in annotations.filter(|(name, _)| *name != "id") {
            if let Err(message) = terms.set(name, text.trim()) {
                let unknown = known().iter().all(|known| known.name != name);
                let hint = if unknown {
                    let known = known();
                    did_you_mean(name, known.iter().map(|known| known.name))
                } else {
                    let known = known().into_iter().find(|known| known.name == name);
                    known.map(|known| format!("for example @{name}({:?})", known.example))
                };
                let name = name.to_owned();
                malformed.push(Malformed {
                    name,
                    message,
                    hint,
                });
            }
            terms.given.insert(name.to_owned());
        }
        (terms, malformed)
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let obligations = &mut self.obligations;
        match name {
            "approvals" => obligations.approvals = approvals(text)?,
            "max_duration" => obligations.max_duration = seconds(text)?,
            "request_ttl" => obligations.request_ttl = seconds(text)?,
            "remind" => obligations.remind = Some(seconds(text)?),
            "escalate" => obligations.escalate = Some(deadline_first(text)?),
            "session_recording" => {
                obligations.record_session = one_of(text, ["optional", "required"])?;
            }
            "input_recording" => obligations.record_input = one_of(text, ["off", "on"])?,
            "permissions" => self.permissions = Some(permissions(text)?),
            "warn" if text == "off" => obligations.warn = None,
            "warn" => obligations.warn = Some(seconds(text)?),
            "max_extensions" => obligations.max_extensions = extensions(text)?,
            "feedback" => obligations.feedback = seconds(text)?,
            "retro_review" => obligations.retro = Some(group_first(text)?),
            "step_up" => obligations.step_up = one_of(text, ["none", "passkey"])?,
            _ => return Err(format!("unknown annotation @{name}")),
        }
        Ok(())
    }
}

/// `security:1, team-leads:1`; empty for nobody.
fn approvals(text: &str) -> Result<BTreeMap<String, u32>, String> {
    let mut groups = BTreeMap::new();
    for item in text.split(',').map(str::trim) {
        if text.is_empty() {
            break;
        }
        let wrong = || format!("expected group:count, got {item:?}");
        let (group, count) = item.rsplit_once(':').ok_or_else(wrong)?;
        let group = name(group.trim())?;
        let count = count.trim();
        let count: u32 = digits(count).ok_or_else(wrong)?;
        if !(1..=MAX_APPROVALS_OF_GROUP).contains(&count) {
            return Err(format!(
                "expected 1 to {MAX_APPROVALS_OF_GROUP} of {group}, got {count}"
            ));
        }
        if groups.insert(group.clone(), count).is_some() {
            return Err(format!("group {group:?} is there twice"));
        }
    }
    if groups.len() > MAX_APPROVAL_GROUPS {
        let len = groups.len();
        return Err(format!(
            "expected at most {MAX_APPROVAL_GROUPS} groups, got {len}"
        ));
    }
    Ok(groups)
}

/// `15m sre-managers`.
fn deadline_first(text: &str) -> Result<Deadline, String> {
    let wrong = || format!("expected a duration and a group, got {text:?}");
    let (after, group) = text.split_once(char::is_whitespace).ok_or_else(wrong)?;
    Ok(Deadline {
        after: seconds(after)?,
        group: name(group.trim())?,
    })
}

/// `security:24h`.
fn group_first(text: &str) -> Result<Deadline, String> {
    let wrong = || format!("expected group:duration, got {text:?}");
    let (group, after) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok(Deadline {
        after: seconds(after.trim())?,
        group: name(group.trim())?,
    })
}

fn permissions(text: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for item in text.split(',') {
        let item = name(item.trim())?;
        if let Some(twice) = names.replace(item) {
            return Err(format!("permission {twice:?} is there twice"));
        }
    }
    Ok(names)
}

fn extensions(text: &str) -> Result<u32, String> {
    let count = digits(text).filter(|count| *count <= MAX_EXTENSIONS);
    count.ok_or_else(|| format!("expected 0 to {MAX_EXTENSIONS}, got {text:?}"))
}

/// Whether it is the second, stricter word.
fn one_of(text: &str, words: [&str; 2]) -> Result<bool, String> {
    let [lenient, strict] = words;
    match text {
        text if text == lenient => Ok(false),
        text if text == strict => Ok(true),
        _ => Err(format!("expected {strict:?} or {lenient:?}, got {text:?}")),
    }
}

fn digits(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// A name that can stand in a list.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected a name of 1 to {MAX_POLICY_NAME} bytes without spaces, commas and colons, \
         got {text:?}"
    ))
}

/// Whether a group, resource or permission can be called so.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | ':');
    !text.is_empty() && text.len() <= MAX_POLICY_NAME && text.chars().all(plain)
}
