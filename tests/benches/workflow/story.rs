//! What becomes of a case: who asks for what, and who does what then.

use std::collections::VecDeque;

use countersign_proto::v1::Rating;
use countersign_workflow::command::{Action, Ask, Command};
use countersign_workflow::policy::Facts;

use crate::company::{COMPANY, RESOURCES, engineer, lead, of_person, security};
use crate::random::Random;

/// A step of a story.
#[derive(Debug, Clone)]
enum Step {
    Ask,
    BreakGlass,
    Approve(String),
    Deny(String),
    Cancel,
    Start,
    End,
    Finish,
    Retro(String),
    Feedback(String),
}

/// A case on its way.
#[derive(Debug)]
pub(crate) struct Story {
    person: String,
    ask: Ask,
    steps: VecDeque<Step>,
    case: u64,
    grant: u64,
    session: u64,
}

impl Story {
    /// One of the usual ways, at random.
    pub(crate) fn any(random: &mut Random) -> Self {
        let kind = random.below(100);
        let requester = match kind {
            // Those are on call.
            95..97 => engineer(random.below(COMPANY.engineers / 10) * 10),
            _ => engineer(random.below(COMPANY.engineers)),
        };
        let lead = lead(random.below(COMPANY.leads));
        let security = security(random.below(COMPANY.security));
        let place = random.below(RESOURCES);
        let permission = if random.below(2) == 0 {
            "read-only"
        } else {
            "read-write"
        };
        let yes = |who: &str| Step::Approve(who.to_owned());
        let heard = |who: &str| Step::Feedback(who.to_owned());
        let me = requester.as_str();
        let used = [Step::Start, Step::End, Step::Finish, heard(me)];
        let (resource, permission, steps) = match kind {
            0..25 => ("staging", permission, [&[Step::Ask][..], &used].concat()),
            25..60 => {
                let steps = [&[Step::Ask, yes(&lead)][..], &used, &[heard(&lead)]];
                ("db", permission, steps.concat())
            }
            60..80 => {
                let decided = [Step::Ask, yes(&security), yes(&lead)];
                let others = [heard(&security), heard(&lead)];
                ("vault", permission, [&decided[..], &used, &others].concat())
            }
            80..85 => {
                let steps = [Step::Ask, Step::Deny(lead.clone()), heard(me), heard(&lead)];
                ("db", permission, steps.to_vec())
            }
            // Nobody decides.
            85..90 => ("db", permission, vec![Step::Ask]),
            // Nobody uses it.
            90..95 => ("db", permission, vec![Step::Ask, yes(&lead)]),
            95..97 => {
                let after = [Step::Retro(security.clone()), heard(&security)];
                let steps = [&[Step::BreakGlass][..], &used, &after];
                ("db", "break-glass", steps.concat())
            }
            _ => ("db", permission, vec![Step::Ask, Step::Cancel, heard(me)]),
        };
        let resource = format!("{resource}-{place:02}");
        Self::new(requester, (&resource, permission), steps)
    }

    /// A grant in staging that is not given back.
    pub(crate) fn kept(person: &str, place: u64) -> Self {
        let resource = format!("staging-{:02}", place % RESOURCES);
        let what = (resource.as_str(), "read-only");
        Self::new(person.to_owned(), what, vec![Step::Ask])
    }

    /// A request that needs security and a team lead.
    pub(crate) fn asked(person: &str) -> Self {
        Self::new(
            person.to_owned(),
            ("vault-00", "read-only"),
            vec![Step::Ask],
        )
    }

    fn new(person: String, (resource, permission): (&str, &str), steps: Vec<Step>) -> Self {
        let severity = match steps.first() {
            Some(Step::BreakGlass) => "sev1",
            _ => "",
        };
        Self {
            person,
            ask: ask(resource, permission, severity),
            steps: steps.into(),
            case: 0,
            grant: 0,
            session: 0,
        }
    }

    /// The next command; `None` when nothing more is done by hand.
    pub(crate) fn next(&mut self, facts: &Facts) -> Option<Command> {
        let step = self.steps.pop_front()?;
        let by = match &step {
            Step::Approve(who) | Step::Deny(who) | Step::Retro(who) | Step::Feedback(who) => who,
            Step::Ask
            | Step::BreakGlass
            | Step::Cancel
            | Step::Start
            | Step::End
            | Step::Finish => &self.person,
        };
        Some(of_person(by, self.action(&step), facts))
    }

    fn action(&self, step: &Step) -> Action {
        let (case, grant) = (self.case, self.grant);
        match step {
            Step::Ask => Action::Request(self.ask.clone()),
            Step::BreakGlass => Action::BreakGlass(self.ask.clone()),
            Step::Approve(_) => review(case, true, ""),
            Step::Deny(_) => review(case, false, "not today"),
            Step::Cancel => Action::Cancel {
                request: case,
                reason: "found another way".to_owned(),
            },
            Step::Start => Action::StartSession {
                grant,
                client: "psql".to_owned(),
                source_address: "10.0.0.7".to_owned(),
            },
            Step::End => Action::EndSession {
                session: self.session,
                reason: "closed".to_owned(),
                exit_status: 0,
                recording: None,
            },
            Step::Finish => Action::Finish {
                grant,
                reason: "done".to_owned(),
            },
            Step::Retro(_) => Action::RetroReview {
                request: case,
                justified: true,
                reason: "production was down".to_owned(),
            },
            Step::Feedback(_) => Action::Feedback {
                case,
                access: Rating::Yes,
                wait: Rating::Yes,
                comment: String::new(),
            },
        }
    }

    /// The last command led to so many entries.
    pub(crate) fn took(&mut self, command: &Action, (first, entries): (u64, u64)) {
        match command {
            Action::Request(_) | Action::BreakGlass(_) => self.case = first,
            Action::StartSession { .. } => self.session = first,
            _ => {}
        }
        let gives = matches!(
            command,
            Action::Request(_) | Action::BreakGlass(_) | Action::Review { .. }
        );
        if gives && entries > 1 {
            self.grant = first + 1;
        }
    }

    /// Whether nothing more is done by hand.
    pub(crate) fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// Index of the request.
    pub(crate) const fn case(&self) -> u64 {
        self.case
    }
}

/// A decision on a request.
pub(crate) fn review(request: u64, approve: bool, reason: &str) -> Action {
    Action::Review {
        request,
        approve,
        group: None,
        reason: reason.to_owned(),
    }
}

/// What is asked for, for an hour.
pub(crate) fn ask(resource: &str, permission: &str, severity: &str) -> Ask {
    Ask {
        resource: resource.to_owned(),
        permission: permission.to_owned(),
        duration: 3_600,
        reason: "orders are stuck behind a lock".to_owned(),
        ticket: "OPS-1042".to_owned(),
        severity: severity.to_owned(),
        affected: vec!["checkout".to_owned()],
        start: None,
    }
}
