//! A log of a small company, entry by entry.

use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_chatbot::account::Platform;
use countersign_chatbot::bot::shelf::Rules;
use countersign_chatbot::delivery::{Fact, Outbox, Step, Who, Work};
use countersign_chatbot::surface::Place;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::policy::{Bundle, Policy};
use jiff::tz::TimeZone;
use prost_types::Timestamp;

/// 2026-11-27T00:00:00Z.
const START: u64 = 1_795_737_600;

const ENTITIES: &str = r#"[
  {"uid": {"type": "Group", "id": "security"}, "attrs": {SECURITY}, "parents": []},
  {"uid": {"type": "Group", "id": "leads"}, "attrs": {LEADS}, "parents": []},
  {"uid": {"type": "Group", "id": "managers"}, "attrs": {MANAGERS}, "parents": []},
  {"uid": {"type": "Person", "id": "ada"}, "attrs": {},
   "parents": [{"type": "Group", "id": "leads"}]},
  {"uid": {"type": "Person", "id": "bo"}, "attrs": {},
   "parents": [{"type": "Group", "id": "leads"}, {"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "cy"}, "attrs": {},
   "parents": [{"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "robot"}, "attrs": {"bot": true},
   "parents": [{"type": "Group", "id": "security"}, {"type": "Group", "id": "managers"}]},
  {"uid": {"type": "Person", "id": "fay"}, "attrs": {},
   "parents": [{"type": "Group", "id": "managers"}]},
  {"uid": {"type": "Person", "id": "gus"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Resource", "id": "db"},
   "attrs": {"environment": "production", "sensitivity": "high", "permissions": ["read"]},
   "parents": []}
]"#;

const CEDAR: &str = r#"
@id("ask") @approvals("security:1, leads:1") @escalate("10m managers") @max_extensions("2")
permit (principal, action == Action::"request", resource);
@id("glass") @retro_review("security:24h")
permit (principal, action == Action::"break_glass", resource);
@id("decide")
permit (principal, action == Action::"approve", resource) when { principal in context.group };
"#;

/// The policy; `slack` are the channels of groups in Slack.
pub(crate) fn rules(slack: &[(&str, &str)]) -> Arc<Rules> {
    let mut entities = ENTITIES.to_owned();
    for group in ["security", "leads", "managers"] {
        let channel = slack.iter().find(|(of, _)| *of == group);
        let channel = channel.map(|(_, id)| format!("\"slack\": {id:?}"));
        let hole = format!("{{{}}}", group.to_uppercase());
        entities = entities.replace(&hole, &format!("{{{}}}", channel.unwrap_or_default()));
    }
    let files = [("a.cedar", CEDAR), ("entities.json", &entities)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let bundle = Bundle::new(files).expect("names and sizes are fine");
    let policy = Policy::compile(&bundle).expect("it has no faults");
    Arc::new(Rules {
        policy,
        zone: TimeZone::UTC,
    })
}

/// A log under way, and the outbox that follows it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) rules: Arc<Rules>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) outbox: Outbox,
    /// Index of the next entry.
    index: u64,
    /// Whether entries are kept when they are taken.
    pub(crate) keeps: bool,
    messages: u64,
}

pub(crate) fn slots(groups: &[&str]) -> v1::Obligations {
    let slot = |group: &&str| v1::Slot {
        group: (*group).to_owned(),
        count: 1,
    };
    v1::Obligations {
        approvals: groups.iter().map(slot).collect(),
        max_duration_seconds: 14_400,
        request_ttl_seconds: 3_600,
        max_extensions: 2,
        feedback_seconds: 3_600,
        escalate_seconds: 600,
        escalate_group: "managers".to_owned(),
        ..v1::Obligations::default()
    }
}

pub(crate) fn empty() -> Outbox {
    Outbox::new(Platform::Slack, "T1")
}

impl World {
    pub(crate) fn new(slack: &[(&str, &str)]) -> Self {
        Self {
            rules: rules(slack),
            facts: Vec::new(),
            outbox: empty(),
            index: 100,
            keeps: true,
            messages: 0,
        }
    }

    pub(crate) const fn next(&self) -> u64 {
        self.index
    }

    pub(crate) fn seconds(&self) -> u64 {
        START + self.next() * 60
    }

    pub(crate) fn stamp(&self, later: u64) -> Option<Timestamp> {
        let seconds = i64::try_from(self.seconds() + later).expect("small");
        Some(Timestamp { seconds, nanos: 0 })
    }

    /// Appends an entry; its index.
    pub(crate) fn append(&mut self, case: u64, actor: &str, event: impl Into<Known>) -> u64 {
        let index = self.next();
        let fact = Fact {
            index,
            time: UnixMicros::new(self.seconds() * 1_000_000).expect("a time"),
            case,
            actor: actor.to_owned(),
            event: event.into(),
        };
        self.outbox.take(&fact, Some(Arc::clone(&self.rules)));
        self.index += 1;
        if self.keeps {
            self.facts.push(fact);
        }
        index
    }

    /// Somebody asks; the case.
    pub(crate) fn ask(&mut self, person: &str, groups: &[&str]) -> u64 {
        let event = v1::AccessRequested {
            policy: 1,
            person: person.to_owned(),
            resource: "db".to_owned(),
            permission: "read".to_owned(),
            duration_seconds: 3_600,
            reason: "because".to_owned(),
            obligations: Some(slots(groups)),
            ..v1::AccessRequested::default()
        };
        let case = self.next();
        self.append(case, &format!("user:{person}"), event)
    }

    /// Somebody breaks the glass; the case.
    pub(crate) fn glass(&mut self, person: &str) -> u64 {
        let mut obligations = slots(&[]);
        obligations.retro_group = "security".to_owned();
        obligations.retro_seconds = 86_400;
        let event = v1::BreakGlassInvoked {
            policy: 1,
            person: person.to_owned(),
            resource: "db".to_owned(),
            permission: "read".to_owned(),
            duration_seconds: 3_600,
            reason: "because".to_owned(),
            obligations: Some(obligations),
            ..v1::BreakGlassInvoked::default()
        };
        let case = self.next();
        self.append(case, &format!("user:{person}"), event)
    }

    pub(crate) fn review(&mut self, case: u64, request: u64, person: &str, group: &str) -> u64 {
        let decision = match group {
            "" => v1::Decision::Deny,
            _ => v1::Decision::Approve,
        };
        let event = v1::ReviewRecorded {
            request,
            person: person.to_owned(),
            decision: decision.into(),
            group: group.to_owned(),
            ..v1::ReviewRecorded::default()
        };
        self.append(case, &format!("user:{person}"), event)
    }

    pub(crate) fn issue(&mut self, case: u64, person: &str) -> u64 {
        let event = v1::GrantIssued {
            request: case,
            person: person.to_owned(),
            resource: "db".to_owned(),
            permission: "read".to_owned(),
            end: self.stamp(3_600),
            ..v1::GrantIssued::default()
        };
        self.append(case, "ledger:main", event)
    }

    pub(crate) fn extend(&mut self, case: u64, grant: u64, person: &str) -> u64 {
        let event = v1::ExtensionRequested {
            grant,
            duration_seconds: 600,
            policy: 1,
            obligations: Some(slots(&["security", "leads"])),
            ..v1::ExtensionRequested::default()
        };
        self.append(case, &format!("user:{person}"), event)
    }

    pub(crate) fn close(&mut self, case: u64) -> u64 {
        let outcome = "used".to_owned();
        let event = v1::CaseClosed {
            outcome,
            entries: Vec::new(),
        };
        self.append(case, "ledger:main", event)
    }

    /// Everything that is to be done in a case, by recipient.
    pub(crate) fn works(&self, case: u64) -> Vec<Work> {
        let all = self.outbox.recipients(case);
        all.filter_map(|who| self.outbox.work(case, who)).collect()
    }

    /// Recipients and the steps for them, in words: `post`, `update` or `rest`.
    pub(crate) fn due(&self, case: u64) -> Vec<(String, &'static str)> {
        let works = self.works(case);
        works
            .iter()
            .map(|work| (work.who.to_string(), word(work)))
            .collect()
    }

    /// The platform has taken it, and the entry says so.
    pub(crate) fn deliver(&mut self, work: &Work) -> Place {
        let (place, updated) = match &work.step {
            Step::Post(_) => {
                self.messages += 1;
                let place = Place {
                    channel: format!("D-{}", work.who),
                    id: self.messages.to_string(),
                };
                (place, false)
            }
            Step::Update(place) | Step::Rest(place) => (place.clone(), true),
        };
        self.log_delivered(work, &place, (work.about, updated));
        place
    }

    pub(crate) fn log_delivered(
        &mut self,
        work: &Work,
        place: &Place,
        (about, updated): (u64, bool),
    ) {
        let event = v1::NotificationDelivered {
            about,
            recipient: work.who.to_string(),
            message: Some(v1::ChatMessage {
                platform: "slack".to_owned(),
                tenant: "T1".to_owned(),
                channel: place.channel.clone(),
                id: place.id.clone(),
            }),
            card_sha256: work.card.digest().bytes().to_vec().into(),
            updated,
        };
        self.append(work.case, "bot:chat", event);
    }

    pub(crate) fn fail(&mut self, work: &Work, given_up: bool) {
        let event = v1::NotificationFailed {
            about: work.about,
            recipient: work.who.to_string(),
            platform: "slack".to_owned(),
            error: "no".to_owned(),
            attempt: 1,
            given_up,
        };
        self.append(work.case, "bot:chat", event);
    }

    /// Delivers everything in a case until nothing is left; what was done, in words.
    pub(crate) fn settle(&mut self, case: u64) -> Vec<(String, &'static str)> {
        let mut done = Vec::new();
        while let Some(work) = self.works(case).first().cloned() {
            done.push((work.who.to_string(), word(&work)));
            self.deliver(&work);
            assert!(done.len() < 100, "it never ends: {done:?}");
        }
        done
    }

    pub(crate) fn work(&self, case: u64, who: &str) -> Option<Work> {
        self.outbox
            .work(case, &Who::parse(who).expect("a recipient"))
    }
}

pub(crate) const fn word(work: &Work) -> &'static str {
    match work.step {
        Step::Post(_) => "post",
        Step::Update(_) => "update",
        Step::Rest(_) => "rest",
    }
}
