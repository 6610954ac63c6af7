//! What one access case came to, read out of its entries: for pages that people read.
//!
//! It tells, and does not judge: whether the entries were allowed is `workflow`'s to replay.

use countersign_chain::time::UnixMicros;
use countersign_proto::convert;
use countersign_proto::event::Known;
use countersign_proto::v1;
use prost_types::Timestamp;

/// An entry of a case.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: UnixMicros,
    /// What it says.
    pub event: &'a Known,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Option<UnixMicros>,
    /// Whether the access was taken, to be looked at afterwards.
    pub break_glass: bool,
    /// Who asked.
    pub person: String,
    /// For what.
    pub resource: String,
    /// To be allowed what.
    pub permission: String,
    /// For how many seconds.
    pub seconds: u64,
    /// Why.
    pub reason: String,
    /// Ticket of another system, or empty.
    pub ticket: String,
    /// Severity of the incident, or empty.
    pub severity: String,
    /// Index of the policy that judged.
    pub policy: u64,
}

/// One decision: a review, or a look at break-glass access afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Index of its entry.
    pub index: u64,
    /// When.
    pub at: UnixMicros,
    /// Who.
    pub person: String,
    /// Whose place they took, or empty.
    pub delegate_of: String,
    /// For which group it counts, or empty.
    pub group: String,
    /// In a word: approved, denied, justified, not justified.
    pub verdict: &'static str,
    /// Why.
    pub reason: String,
    /// How it is known who did it: platform and what verified it; empty without a bot.
    pub known_by: String,
}

/// Access that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Number of the grant.
    pub grant: u64,
    /// From when.
    pub from: UnixMicros,
    /// Until when it was to last, extensions included.
    pub until: Option<UnixMicros>,
    /// When and how it ended, where it did: expired, finished, revoked.
    pub ended: Option<(UnixMicros, &'static str)>,
    /// What was made, where something was.
    pub made: Vec<String>,
    /// When it was gone, and what shows it.
    pub removed: Option<(UnixMicros, String)>,
}

/// A session that used the access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub session: u64,
    /// Who.
    pub person: String,
    /// With what.
    pub client: String,
    /// From where.
    pub source_address: String,
    /// From when.
    pub from: UnixMicros,
    /// When, why and with which status it ended.
    pub ended: Option<(UnixMicros, String, i32)>,
    /// Index, time and text of its commands.
    pub commands: Vec<(u64, UnixMicros, String)>,
    /// What was recorded of it.
    pub recording: Option<v1::Recording>,
}

/// Something that should not be the rule, and that whoever reads the case wants to see first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Index of its entry.
    pub index: u64,
    /// When.
    pub at: UnixMicros,
    /// What it is.
    pub what: &'static str,
    /// In words.
    pub detail: String,
}

impl Exception {
    /// What stands out in an entry, if anything does: also in one that belongs to no case.
    #[must_use]
    pub fn of(told: Told<'_>) -> Option<Self> {
        let found = match told.event {
            Known::BreakGlassInvoked(it) => Some(("break-glass", it.reason.clone())),
            Known::RetroReviewRecorded(it) if !it.justified => {
                Some(("break-glass not justified", it.reason.clone()))
            }
            Known::ActionRefused(it) => {
                let who = match it.person.as_str() {
                    "" => String::new(),
                    person => format!("{person}, "),
                };
                let detail = format!("{who}{}: {}", it.action, it.message);
                Some(("attempt refused", detail))
            }
            Known::GrantRevoked(it) => Some(("access revoked", it.reason.clone())),
            Known::SessionOverran(it) => Some((
                "session outlived its grant",
                format!("session {}", it.session),
            )),
            Known::ProvisioningFailed(it) => Some(("access not made", it.error.clone())),
            Known::RemovalFailed(it) => Some(("access not removed", it.error.clone())),
            Known::AccessDriftDetected(it) => Some(("drift", it.detail.clone())),
            Known::RequestEscalated(it) => Some(("escalated", it.group.clone())),
            _ => None,
        };
        found.map(|(what, detail)| Self {
            index: told.index,
            at: told.time,
            what,
            detail,
        })
    }
}

/// A case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// Its number.
    pub case: u64,
    /// What was asked for.
    pub asked: Asked,
    /// Who decided what, in order.
    pub decided: Vec<Decided>,
    /// The access, where it was given.
    pub granted: Option<Granted>,
    /// How it was used.
    pub sessions: Vec<Session>,
    /// What stands out.
    pub exceptions: Vec<Exception>,
    /// How it ended, or what became of the request before that: "used", "denied"; empty while it is
    /// open.
    pub outcome: String,
}

impl Story {
    /// Reads a case out of its entries, in order.
    pub fn of<'a>(case: u64, entries: impl IntoIterator<Item = Told<'a>>) -> Self {
        let mut story = Self {
            case,
            ..Self::default()
        };
        for told in entries {
            story.take(told);
        }
        story
    }

    fn take(&mut self, told: Told<'_>) {
        self.exceptions.extend(Exception::of(told));
        match told.event {
            Known::AccessRequested(it) => self.asked = asked(told.time, it),
            Known::BreakGlassInvoked(it) => self.asked = broke_glass(told.time, it),
            Known::ReviewRecorded(_) | Known::RetroReviewRecorded(_) => self.decide(told),
            Known::CaseClosed(it) => self.outcome.clone_from(&it.outcome),
            // A case closes later, when what there was to say of it was said. Those of an extension
            // end no case.
            Known::RequestDenied(it) if it.request == self.case => self.became("denied"),
            Known::RequestCancelled(it) if it.request == self.case => self.became("cancelled"),
            Known::RequestExpired(it) if it.request == self.case => self.became("expired"),
            Known::SessionStarted(it) => self.sessions.push(Session {
                session: told.index,
                person: it.person.clone(),
                client: it.client.clone(),
                source_address: it.source_address.clone(),
                from: told.time,
                ended: None,
                commands: Vec::new(),
                recording: None,
            }),
            Known::CommandExecuted(it) => {
                if let Some(session) = self.session(it.session) {
                    let command = it.command.clone();
                    session.commands.push((told.index, told.time, command));
                }
            }
            Known::SessionEnded(it) => {
                if let Some(session) = self.session(it.session) {
                    session.ended = Some((told.time, it.reason.clone(), it.exit_status));
                    session.recording = it.recording;
                }
            }
            _ => self.grant(told),
        }
    }

    fn became(&mut self, outcome: &str) {
        outcome.clone_into(&mut self.outcome);
    }

    fn session(&mut self, number: u64) -> Option<&mut Session> {
        let mut all = self.sessions.iter_mut();
        all.find(|session| session.session == number)
    }

    fn decide(&mut self, told: Told<'_>) {
        let (person, delegate_of, group, verdict, reason) = match told.event {
            Known::ReviewRecorded(it) => {
                let verdict = match it.decision() {
                    v1::Decision::Approve => "approved",
                    v1::Decision::Deny => "denied",
                    v1::Decision::Unspecified => "undecided",
                };
                (&it.person, &it.delegate_of, &it.group, verdict, &it.reason)
            }
            Known::RetroReviewRecorded(it) => {
                let verdict = match it.justified {
                    true => "justified",
                    false => "not justified",
                };
                let nobody = const { &String::new() };
                (&it.person, nobody, nobody, verdict, &it.reason)
            }
            _ => return,
        };
        self.decided.push(Decided {
            index: told.index,
            at: told.time,
            person: person.clone(),
            delegate_of: delegate_of.clone(),
            group: group.clone(),
            verdict,
            reason: reason.clone(),
            known_by: known_by(told.event),
        });
    }

    fn grant(&mut self, told: Told<'_>) {
        if let Known::GrantIssued(it) = told.event {
            self.granted = Some(Granted {
                grant: told.index,
                from: told.time,
                until: micros(it.end.as_ref()),
                ended: None,
                made: Vec::new(),
                removed: None,
            });
        }
        let Some(granted) = &mut self.granted else {
            return;
        };
        match told.event {
            Known::GrantExtended(it) => granted.until = micros(it.end.as_ref()),
            Known::GrantExpired(_) => granted.ended = Some((told.time, "expired")),
            Known::GrantFinished(_) => granted.ended = Some((told.time, "finished")),
            Known::GrantRevoked(_) => granted.ended = Some((told.time, "revoked")),
            Known::GrantProvisioned(it) => granted.made.push(it.target.clone()),
            Known::AccessRemoved(it) => granted.removed = Some((told.time, it.proof.clone())),
            _ => {}
        }
    }
}

fn asked(at: UnixMicros, it: &v1::AccessRequested) -> Asked {
    Asked {
        at: Some(at),
        break_glass: false,
        person: it.person.clone(),
        resource: it.resource.clone(),
        permission: it.permission.clone(),
        seconds: it.duration_seconds,
        reason: it.reason.clone(),
        ticket: it.ticket.clone(),
        severity: it.severity.clone(),
        policy: it.policy,
    }
}

fn broke_glass(at: UnixMicros, it: &v1::BreakGlassInvoked) -> Asked {
    Asked {
        at: Some(at),
        break_glass: true,
        person: it.person.clone(),
        resource: it.resource.clone(),
        permission: it.permission.clone(),
        seconds: it.duration_seconds,
        reason: it.reason.clone(),
        ticket: it.ticket.clone(),
        severity: it.severity.clone(),
        policy: it.policy,
    }
}

/// Platform and proof of who did it.
fn known_by(event: &Known) -> String {
    let Some(it) = event.evidence() else {
        return String::new();
    };
    let passkey = match it.passkey {
        Some(_) => ", signed with a passkey",
        None => "",
    };
    format!("{}, {}{passkey}", it.platform, it.verified_by)
}

fn micros(time: Option<&Timestamp>) -> Option<UnixMicros> {
    time.and_then(|time| convert::unix_micros(time).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_refused_is_not_open_until_its_case_closes() {
        let time = UnixMicros::new(1).expect("a time");
        let denied = |request| v1::RequestDenied { request, review: 9 };
        let outcome = |events: &[Known]| {
            let told = events.iter().zip(7..);
            let told = told.map(|(event, index)| Told { index, time, event });
            Story::of(7, told).outcome
        };
        let asked = Known::AccessRequested(v1::AccessRequested::default());
        assert_eq!(outcome(std::slice::from_ref(&asked)), "");
        let denied = |request| Known::RequestDenied(denied(request));
        assert_eq!(outcome(&[asked.clone(), denied(7)]), "denied");
        assert_eq!(outcome(&[asked.clone(), denied(8)]), "", "an extension");
        let expired = Known::RequestExpired(v1::RequestExpired { request: 7 });
        assert_eq!(outcome(&[asked, expired]), "expired");
    }
}
