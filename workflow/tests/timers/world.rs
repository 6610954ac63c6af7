//! A log of values with a hundred people, who open cases as fast as entries can be taken in.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy};
use countersign_workflow::decide;
use countersign_workflow::draft::{At, By, Draft, EntryFacts};
use countersign_workflow::moment;
use countersign_workflow::policy::{Bundle, Facts, Policy};
use countersign_workflow::state::State;
use countersign_workflow::wire;
use serde_json::json;

use super::expected::{Due, Way};

pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;

/// How long a request waits, and how long feedback is waited for, as the policy says.
pub(crate) const TTL: u64 = 2 * HOUR;
pub(crate) const FEEDBACK: u64 = 24 * HOUR;

const START: u64 = 1_790_000_000 * SECOND;
const PEOPLE: u64 = 100;

const ACCESS: &str = r#"
@id("asked") @approvals("leads:1") @request_ttl("2h") @escalate("1h leads") @max_duration("4h")
permit (principal in Group::"engineers", action == Action::"request",
        resource == Resource::"asked");
@id("given") @approvals("") @max_duration("4h")
permit (principal in Group::"engineers", action == Action::"request",
        resource == Resource::"given");
@id("taken") @retro_review("leads:6h") @max_duration("4h")
permit (principal in Group::"engineers", action == Action::"break_glass",
        resource == Resource::"given");
@id("decide")
permit (principal, action == Action::"approve", resource) when { principal in context.group };
"#;

/// An entry, as far as the cases look at it.
#[derive(Debug, Clone)]
struct Entry {
    index: u64,
    time: UnixMicros,
    case: u64,
    actor: String,
    event: Known,
}

/// A log, and what its entries made.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    at: At,
    log: Vec<Entry>,
    /// What a request of a person leads to, by person and way: judged once, for nothing else about
    /// it is judged.
    judged: BTreeMap<(u64, u8), Known>,
}

fn policy() -> NewPolicy {
    let group = |id: &str| json!({"type": "Group", "id": id});
    let mut all = Vec::new();
    for id in ["engineers", "leads"] {
        all.push(json!({"uid": group(id), "attrs": {}, "parents": []}));
    }
    for number in 0..PEOPLE {
        all.push(json!({
            "uid": {"type": "Person", "id": format!("p{number}")},
            "attrs": {}, "parents": [group("engineers"), group("leads")],
        }));
    }
    for id in ["asked", "given"] {
        all.push(json!({
            "uid": {"type": "Resource", "id": id},
            "attrs": {"environment": "x", "sensitivity": "y", "permissions": ["use"]},
            "parents": [],
        }));
    }
    let entities = serde_json::to_string(&all).expect("JSON");
    let files = [
        ("access.cedar".to_owned(), ACCESS.to_owned()),
        ("entities.json".to_owned(), entities),
    ];
    let bundle = Bundle::new(files).expect("a bundle");
    NewPolicy {
        packed: bundle.pack().expect("small"),
        policy: Arc::new(Policy::compile(&bundle).expect("sound")),
        bundle,
        force: false,
        expected: 0,
    }
}

impl World {
    /// A log with the policy.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            at: At {
                time: UnixMicros::new(START).expect("a time"),
                index: 1,
            },
            log: Vec::new(),
            judged: BTreeMap::new(),
        };
        let action = Action::PutPolicy(Box::new(policy()));
        let drafts = world.decide("admin:root", action);
        world.write("admin:root", drafts);
        world
    }

    /// Ledger time, in microseconds.
    pub(crate) const fn now(&self) -> u64 {
        self.at.time.get()
    }

    /// Time passes, and nothing is written.
    pub(crate) fn pass(&mut self, micros: u64) {
        self.at.time = UnixMicros::new(self.now() + micros).expect("a time");
    }

    /// The clock is set back, and the ledger says so; its time stands still.
    pub(crate) fn set_back(&mut self, micros: u64) {
        let after = UnixMicros::new(self.now() - micros).expect("a time");
        let step = v1::ClockStepped {
            before: Some(wire::timestamp(self.at.time)),
            after: Some(wire::timestamp(after)),
        };
        let draft = Draft {
            case: 0,
            by: By::Ledger,
            event: step.into(),
        };
        self.write("ledger", vec![draft]);
    }

    fn decide(&self, actor: &str, action: Action) -> Vec<Draft> {
        let command = Command {
            caller: Caller {
                actor: Principal::parse(actor).expect("a principal"),
                via: None,
            },
            action,
            facts: Facts::default(),
            evidence: None,
        };
        decide::decide(&self.state, &command, self.at).expect("it is allowed")
    }

    fn write(&mut self, actor: &str, drafts: Vec<Draft>) {
        for Draft { case, by, event } in drafts {
            let entry = Entry {
                index: self.at.index,
                time: self.at.time,
                case,
                actor: if by == By::Caller { actor } else { "ledger" }.to_owned(),
                event,
            };
            entry.take(&mut self.state);
            self.at.index += 1;
            self.log.push(entry);
        }
    }

    /// Opens a case of this way. The first one of each person and way is decided as a command is;
    /// the others say the same of another moment.
    pub(crate) fn open(&mut self, number: u64, way: &Way) -> u64 {
        let case = self.at.index;
        let person = (number / 4) % PEOPLE;
        let actor = format!("user:p{person}");
        let kind = u8::try_from(number % 4).expect("small");
        let drafts = match self.judged.get(&(person, kind)) {
            None => {
                let drafts = self.decide(&actor, self.action(way));
                let first = drafts.first().expect("a request");
                self.judged.insert((person, kind), first.event.clone());
                drafts
            }
            Some(event) => vec![Draft {
                case,
                by: By::Caller,
                event: self.at_this_moment(event.clone(), way),
            }],
        };
        self.write(&actor, drafts);
        let open = self.state.case(case).expect("it was opened");
        if let Some(event) = decide::consequence(&self.state, open, self.at) {
            let by = By::Ledger;
            self.write("ledger", vec![Draft { case, by, event }]);
        }
        case
    }

    fn action(&self, way: &Way) -> Action {
        let (resource, lasts) = match way {
            Way::Waits => ("asked", HOUR),
            Way::Given { lasts } | Way::Later { lasts, .. } | Way::Taken { lasts } => {
                ("given", *lasts)
            }
        };
        let ask = Ask {
            resource: resource.to_owned(),
            permission: "use".to_owned(),
            duration: lasts / SECOND,
            reason: "look".to_owned(),
            start: self.start(way),
            ..Ask::default()
        };
        match way {
            Way::Taken { .. } => Action::BreakGlass(ask),
            Way::Waits | Way::Given { .. } | Way::Later { .. } => Action::Request(ask),
        }
    }

    fn start(&self, way: &Way) -> Option<UnixMicros> {
        match way {
            Way::Later { after, .. } => Some(moment::later(self.at.time, after / SECOND)),
            Way::Waits | Way::Given { .. } | Way::Taken { .. } => None,
        }
    }

    /// The request of another moment, which differs in its start and its duration only.
    fn at_this_moment(&self, mut event: Known, way: &Way) -> Known {
        let start = self.start(way).map(wire::timestamp);
        match (&mut event, way) {
            (Known::AccessRequested(asked), Way::Given { lasts } | Way::Later { lasts, .. }) => {
                asked.start = start;
                asked.duration_seconds = lasts / SECOND;
            }
            (Known::BreakGlassInvoked(asked), Way::Taken { lasts }) => {
                asked.duration_seconds = lasts / SECOND;
            }
            _ => {}
        }
        event
    }

    /// Reads the log anew, as a start does.
    pub(crate) fn read_again(&mut self) {
        let mut state = State::default();
        for entry in &self.log {
            entry.take(&mut state);
        }
        self.state = state;
    }

    /// Handles everything that is due now, and says what was, in order.
    pub(crate) fn fire(&mut self) -> Vec<Due> {
        let mut fired = Vec::new();
        while let Some(drafts) = decide::due(&self.state, self.at) {
            let now = self.state.moment(self.at.time);
            let first = self.state.overdue(now).next();
            let (when, case) = first.expect("something is due");
            let draft = drafts.first().expect("something is written");
            assert_eq!(draft.case, case, "the earliest comes first");
            // A moment shows its number only as a ledger time without setbacks.
            fired.push((when.ledger_time(0).get(), case, draft.event.name()));
            self.write("ledger", drafts);
        }
        fired
    }
}

impl Entry {
    fn take(&self, state: &mut State) {
        let entry = EntryFacts {
            index: self.index,
            time: self.time,
            case: self.case,
            actor: &self.actor,
            via: "",
        };
        state.apply(&entry, &self.event).expect("it fits");
    }
}
