//! What must never be, told from the events alone.

use std::collections::{BTreeMap, BTreeSet};

use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::world::{Entry, World};

/// What is known of one case.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that are there or not")]
struct Life {
    person: String,
    resource: String,
    obligations: v1::Obligations,
    break_glass: bool,
    /// Approvals by request or extension: person and group.
    approvals: BTreeMap<u64, Vec<(String, String)>>,
    deciders: BTreeMap<u64, BTreeSet<String>>,
    denied: BTreeSet<u64>,
    over: BTreeSet<u64>,
    extensions: BTreeMap<u64, u64>,
    /// The grant: index, real time of its beginning, seconds that it may last.
    grant: Option<(u64, u64, u64)>,
    scheduled: Option<u64>,
    ended: Option<u64>,
    sessions: BTreeSet<u64>,
    provisioned: bool,
    retro: bool,
    closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    cases: BTreeMap<u64, Life>,
}

type Verdict = Result<(), String>;

fn must(holds: bool, rule: &str, entry: &Entry) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(format!("{rule}: {entry:?}"))
    }
}

fn seconds(time: Option<&prost_types::Timestamp>) -> u64 {
    u64::try_from(time.map_or(0, |time| time.seconds)).unwrap_or(0)
}

impl Oracle {
    pub(crate) fn grants(&self) -> usize {
        self.cases
            .values()
            .filter(|life| life.grant.is_some())
            .count()
    }

    pub(crate) fn see(&mut self, entry: &Entry) -> Verdict {
        if let Known::AccessRequested(message) = &entry.event {
            must(
                entry.case == entry.index,
                "a case is named after its first entry",
                entry,
            )?;
            let life = Life {
                person: message.person.clone(),
                resource: message.resource.clone(),
                obligations: message.obligations.clone().unwrap_or_default(),
                ..Life::default()
            };
            let max = life.obligations.max_duration_seconds;
            must(
                message.duration_seconds <= max,
                "never longer than the policy allows",
                entry,
            )?;
            self.cases.insert(entry.index, life);
            return Ok(());
        }
        if let Known::BreakGlassInvoked(message) = &entry.event {
            let life = Life {
                person: message.person.clone(),
                resource: message.resource.clone(),
                obligations: message.obligations.clone().unwrap_or_default(),
                break_glass: true,
                ..Life::default()
            };
            must(
                life.obligations.retro_seconds > 0,
                "break-glass is reviewed afterwards",
                entry,
            )?;
            self.cases.insert(entry.index, life);
            return Ok(());
        }
        if entry.case == 0 {
            return Ok(());
        }
        let life = self
            .cases
            .get_mut(&entry.case)
            .ok_or("an entry of no case")?;
        if let Known::ActionRefused(_) = entry.event {
            return Ok(());
        }
        must(!life.closed, "nothing happens to a closed case", entry)?;
        life.see(entry)
    }

    /// Whether the state says the same about who has access.
    pub(crate) fn agrees(&self, world: &World) -> Verdict {
        let now =
            countersign_chain::time::UnixMicros::new(world.time).map_err(|e| e.to_string())?;
        for life in self.cases.values() {
            let Some((grant, since, lasts)) = life.grant else {
                continue;
            };
            let over = life.ended.is_some();
            if !over && world.real > since + lasts {
                return Err(format!(
                    "grant {grant} lasts {} s and was given for {lasts}",
                    world.real - since
                ));
            }
            let who = (life.person.as_str(), life.resource.as_str());
            let found = world.state.access(who, None, world.state.moment(now));
            if !over && found.is_none() {
                return Err(format!("grant {grant} is active and gives no access"));
            }
        }
        for (person, resource) in self
            .cases
            .values()
            .map(|life| (&life.person, &life.resource))
        {
            let lives = self
                .cases
                .values()
                .filter(|life| life.person == *person && life.resource == *resource);
            let any = lives
                .filter(|life| life.grant.is_some() && life.ended.is_none())
                .count()
                > 0;
            let found = world
                .state
                .access((person, resource), None, world.state.moment(now));
            if found.is_some() && !any {
                return Err(format!("{person} has access to {resource} without a grant"));
            }
        }
        Ok(())
    }
}

impl Life {
    fn see(&mut self, entry: &Entry) -> Verdict {
        match &entry.event {
            Known::ReviewRecorded(message) => self.reviewed(entry, message),
            Known::RequestDenied(message) => {
                must(
                    self.denied.contains(&message.request),
                    "a denial needs a no",
                    entry,
                )?;
                self.over(entry, message.request)
            }
            Known::RequestCancelled(message) => self.over(entry, message.request),
            Known::RequestExpired(message) => self.over(entry, message.request),
            Known::GrantScheduled(message) => {
                self.complete(entry, message.request)?;
                must(self.scheduled.is_none(), "scheduled once", entry)?;
                self.scheduled = Some(entry.index);
                Ok(())
            }
            Known::GrantIssued(message) => self.issued(entry, message),
            Known::ExtensionRequested(message) => {
                self.active(entry)?;
                self.extensions
                    .insert(entry.index, message.duration_seconds);
                Ok(())
            }
            Known::GrantExtended(message) => self.extended(entry, message),
            Known::GrantExpired(_) | Known::GrantRevoked(_) | Known::GrantFinished(_) => {
                must(self.ended.is_none(), "a grant ends once", entry)?;
                must(
                    self.grant.is_some() || self.scheduled.is_some(),
                    "what ends has begun",
                    entry,
                )?;
                if let Known::GrantRevoked(message) = &entry.event {
                    must(
                        message.person != self.person,
                        "nobody revokes an own access",
                        entry,
                    )?;
                }
                self.ended = Some(entry.index);
                Ok(())
            }
            Known::CaseClosed(_) => self.close(entry),
            _ => self.used(entry),
        }
    }

    fn used(&mut self, entry: &Entry) -> Verdict {
        match &entry.event {
            Known::SessionStarted(message) => {
                self.active(entry)?;
                must(
                    message.person == self.person,
                    "only the holder uses a grant",
                    entry,
                )?;
                self.sessions.insert(entry.index);
                Ok(())
            }
            Known::SessionEnded(message) => must(
                self.sessions.remove(&message.session),
                "a session ends once",
                entry,
            ),
            Known::SessionOverran(message) => {
                must(self.ended.is_some(), "only after the grant", entry)?;
                must(
                    self.sessions.contains(&message.session),
                    "only a session that runs",
                    entry,
                )
            }
            Known::GrantProvisioned(_) => {
                self.provisioned = true;
                Ok(())
            }
            Known::AccessRemoved(_) => {
                must(
                    self.ended.is_some(),
                    "access is removed after the grant",
                    entry,
                )?;
                self.provisioned = false;
                Ok(())
            }
            Known::RetroReviewRecorded(message) => {
                must(
                    message.person != self.person,
                    "nobody reviews an own access",
                    entry,
                )?;
                must(!self.retro, "once", entry)?;
                self.retro = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn reviewed(&mut self, entry: &Entry, message: &v1::ReviewRecorded) -> Verdict {
        must(
            message.person != self.person,
            "nobody decides on an own access",
            entry,
        )?;
        must(
            message.delegate_of != self.person,
            "nor does a delegate of the requester",
            entry,
        )?;
        must(
            !self.over.contains(&message.request),
            "nothing is decided twice",
            entry,
        )?;
        let deciders = self.deciders.entry(message.request).or_default();
        must(
            deciders.insert(message.person.clone()),
            "one decision for each person",
            entry,
        )?;
        if !message.delegate_of.is_empty() {
            let first = deciders.insert(message.delegate_of.clone());
            must(first, "one decision for each place", entry)?;
        }
        if message.decision() == v1::Decision::Deny {
            self.denied.insert(message.request);
        } else {
            let approval = (message.person.clone(), message.group.clone());
            self.approvals
                .entry(message.request)
                .or_default()
                .push(approval);
        }
        Ok(())
    }

    fn over(&mut self, entry: &Entry, request: u64) -> Verdict {
        must(self.over.insert(request), "a request ends once", entry)?;
        must(
            request != entry.case || self.grant.is_none(),
            "a request that was granted does not end otherwise",
            entry,
        )
    }

    /// Whether everybody whom the policy names has agreed.
    fn complete(&mut self, entry: &Entry, request: u64) -> Verdict {
        must(!self.denied.contains(&request), "any no ends it", entry)?;
        let given = self.approvals.get(&request).cloned().unwrap_or_default();
        for slot in &self.obligations.approvals {
            let people: BTreeSet<&String> = given
                .iter()
                .filter(|(_person, group)| *group == slot.group)
                .map(|(person, _group)| person)
                .collect();
            let enough = people.len() >= usize::try_from(slot.count).unwrap_or(usize::MAX);
            must(
                enough || self.break_glass,
                "no access without its approvals",
                entry,
            )?;
        }
        must(self.over.insert(request), "nothing is granted twice", entry)
    }

    fn issued(&mut self, entry: &Entry, message: &v1::GrantIssued) -> Verdict {
        must(
            self.grant.is_none() && self.ended.is_none(),
            "one grant for each case",
            entry,
        )?;
        if self.scheduled.is_none() {
            self.complete(entry, message.request)?;
        }
        must(
            message.person == self.person,
            "the grant is the requester's",
            entry,
        )?;
        let lasts = seconds(message.end.as_ref()).saturating_sub(entry.time / 1_000_000);
        let max = self.obligations.max_duration_seconds;
        must(lasts <= max, "never longer than the policy allows", entry)?;
        self.grant = Some((entry.index, entry.real, lasts));
        Ok(())
    }

    fn extended(&mut self, entry: &Entry, message: &v1::GrantExtended) -> Verdict {
        self.active(entry)?;
        let more = self
            .extensions
            .get(&message.extension)
            .copied()
            .unwrap_or(0);
        must(more > 0, "an extension was asked for", entry)?;
        self.complete(entry, message.extension)?;
        let max = self.obligations.max_duration_seconds;
        if let Some((_grant, _since, lasts)) = &mut self.grant {
            *lasts += more;
            must(
                *lasts <= max,
                "never longer than the policy allows, extensions included",
                entry,
            )?;
        }
        Ok(())
    }

    fn active(&self, entry: &Entry) -> Verdict {
        let Some((_grant, since, lasts)) = self.grant else {
            return must(false, "there is a grant", entry);
        };
        must(self.ended.is_none(), "the grant is not over", entry)?;
        must(entry.real < since + lasts, "its time is not over", entry)
    }

    fn close(&mut self, entry: &Entry) -> Verdict {
        let over = self.ended.is_some() || self.over.contains(&entry.case);
        must(over, "only what is over is closed", entry)?;
        must(self.sessions.is_empty(), "no session runs", entry)?;
        must(!self.provisioned, "access was removed", entry)?;
        must(
            !self.break_glass || self.retro,
            "break-glass was reviewed",
            entry,
        )?;
        self.closed = true;
        Ok(())
    }
}
