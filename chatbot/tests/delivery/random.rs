//! Any course of cases, any luck with the platform, a bot that ends at any moment: nobody is told
//! twice, nobody is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use countersign_chatbot::delivery::{Step, Work};
use countersign_chatbot::surface::{Mark, Place};
use countersign_proto::v1;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::world::{World, empty};

/// A case under way.
#[derive(Debug, Clone)]
struct Course {
    case: u64,
    glass: bool,
    stage: u8,
    grant: u64,
    wish: u64,
}

const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const WISHING: u8 = 2;
const OVER: u8 = 3;
const CLOSED: u8 = 4;

/// What the platform keeps.
#[derive(Debug, Default)]
struct Platform {
    /// What each message shows: digest, and whether it has buttons.
    shown: BTreeMap<String, (Vec<u8>, bool)>,
    marks: Vec<(Mark, Place)>,
}

impl Platform {
    fn post(&mut self, work: &Work, mark: &Mark) -> Place {
        let place = Place {
            channel: format!("D-{}", work.who),
            id: self.marks.len().to_string(),
        };
        self.marks.push((mark.clone(), place.clone()));
        self.show(work, &place);
        place
    }

    fn show(&mut self, work: &Work, place: &Place) {
        let digest = work.card.digest().bytes().to_vec();
        let buttons = !work.card.actions.is_empty();
        self.shown.insert(place.id.clone(), (digest, buttons));
    }

    fn find(&self, mark: &Mark) -> Option<Place> {
        let mut marks = self.marks.iter();
        marks
            .find(|(known, _)| known == mark)
            .map(|(_, place)| place.clone())
    }
}

/// The log, the platform, and a bot in between.
struct Play {
    world: World,
    platform: Platform,
    courses: Vec<Course>,
    /// Recipients and cases with a message that may be there without an entry.
    maybe: BTreeSet<(String, u64)>,
    /// Entries that the requester has to be told of.
    outcomes: Vec<(u64, String, u64)>,
}

impl Play {
    fn new() -> Self {
        Self {
            world: World::new(&[("leads", "C1")]),
            platform: Platform::default(),
            courses: Vec::new(),
            maybe: BTreeSet::new(),
            outcomes: Vec::new(),
        }
    }

    /// Something happens to a case, or one begins.
    fn happen(&mut self, choice: u8, pick: usize) {
        if choice.is_multiple_of(5) || self.courses.is_empty() {
            let person = ["ada", "cy", "gus"][pick % 3];
            let glass = choice % 2 == 1;
            let case = match glass {
                true => self.world.glass(person),
                false => self.world.ask(person, &["security", "leads"]),
            };
            self.courses.push(Course {
                case,
                glass,
                stage: PENDING,
                grant: 0,
                wish: 0,
            });
            self.outcomes.push((case, person.to_owned(), case));
            return;
        }
        let at = pick % self.courses.len();
        let mut course = self.courses[at].clone();
        let person = self.person(course.case);
        let news = self.step(&mut course, choice, &person);
        if let Some(index) = news {
            self.outcomes.push((course.case, person, index));
        }
        self.courses[at] = course;
    }

    fn person(&self, case: u64) -> String {
        let of = self.outcomes.iter().find(|(of, _, _)| *of == case);
        of.expect("every case has a requester").1.clone()
    }

    /// The entry that the requester has to notice, if it is one.
    fn step(&mut self, course: &mut Course, choice: u8, person: &str) -> Option<u64> {
        let (case, ledger) = (course.case, "ledger:main");
        let world = &mut self.world;
        let grant = course.grant;
        match (course.stage, choice % 6) {
            (PENDING, 0 | 1) if !course.glass => {
                let number = 1;
                let groups = vec!["security".to_owned(), "leads".to_owned()];
                let request = case;
                let event = v1::ApproversReminded {
                    request,
                    number,
                    groups,
                };
                world.append(case, ledger, event);
                None
            }
            (PENDING, 2) if !course.glass => {
                course.stage = OVER;
                Some(world.append(case, ledger, v1::RequestExpired { request: case }))
            }
            (PENDING, _) => {
                if !course.glass {
                    world.review(case, case, "bo", "security");
                }
                course.grant = world.issue(case, person);
                course.stage = ACTIVE;
                Some(course.grant)
            }
            (ACTIVE, 0) => {
                course.wish = world.extend(case, grant, person);
                course.stage = WISHING;
                None
            }
            (ACTIVE, 1) => {
                let end = world.stamp(600);
                Some(world.append(case, ledger, v1::ExpiryWarned { grant, end }))
            }
            (ACTIVE, 2) => {
                let event = v1::GrantProvisioned {
                    grant,
                    ..v1::GrantProvisioned::default()
                };
                world.append(case, "provisioner:p", event);
                None
            }
            (WISHING, 0..3) => {
                course.stage = ACTIVE;
                let request = course.wish;
                Some(world.append(case, ledger, v1::RequestExpired { request }))
            }
            (ACTIVE | WISHING, _) => {
                course.stage = OVER;
                Some(world.append(case, ledger, v1::GrantExpired { grant }))
            }
            (OVER, 0 | 1) => {
                let event = v1::FeedbackSubmitted {
                    person: person.to_owned(),
                    ..v1::FeedbackSubmitted::default()
                };
                world.append(case, &format!("user:{person}"), event);
                None
            }
            (OVER, _) => {
                course.stage = CLOSED;
                world.close(case);
                None
            }
            _ => None,
        }
    }

    /// The bot sends one thing, with this luck.
    fn send(&mut self, luck: u8, pick: usize) {
        let cases: Vec<u64> = self.world.outbox.cases().collect();
        let works: Vec<Work> = cases
            .iter()
            .flat_map(|case| self.world.works(*case))
            .collect();
        let Some(work) = works.get(pick % works.len().max(1)).cloned() else {
            return;
        };
        let key = (work.who.to_string(), work.case);
        match (luck % 6, &work.step) {
            // The platform is away.
            (0, _) => {
                if !work.failed {
                    self.world.fail(&work, false);
                }
            }
            // It was posted, and the answer is lost, or the bot ended before the entry.
            (1 | 2, Step::Post(marks)) if !self.maybe.contains(&key) => {
                self.platform.post(&work, &marks[0]);
                self.maybe.insert(key);
            }
            // The answer is lost, and it was not posted.
            (3, Step::Post(_)) => {
                self.maybe.insert(key);
            }
            // The bot ended after an update.
            (1..4, Step::Update(place) | Step::Rest(place)) => self.platform.show(&work, place),
            (_, Step::Update(place) | Step::Rest(place)) => {
                self.platform.show(&work, place);
                self.world.log_delivered(&work, place, (work.about, true));
            }
            (_, Step::Post(marks)) => {
                let found = marks.iter().enumerate();
                let mut found =
                    found.filter_map(|(age, mark)| Some((age, self.platform.find(mark)?)));
                let found = found.next().filter(|_| self.maybe.contains(&key));
                let (about, place) = match found {
                    Some((0, place)) => (work.about, place),
                    Some((age, place)) => (marks[age].about, place),
                    None => (work.about, self.platform.post(&work, &marks[0])),
                };
                self.platform.show(&work, &place);
                self.world.log_delivered(&work, &place, (about, false));
                self.maybe.remove(&key);
            }
        }
    }

    /// Everything is well from now on.
    fn settle(&mut self) {
        let mut sent = 0;
        while self.is_due() {
            self.send(5, 0);
            sent += 1;
            assert!(sent < 10_000, "it never ends");
        }
    }

    fn is_due(&self) -> bool {
        let mut cases = self.world.outbox.cases();
        cases.any(|case| !self.world.works(case).is_empty())
    }

    /// Nobody was told twice, and everybody of what they have to notice.
    fn check(&self) {
        let marks: BTreeSet<&Mark> = self.platform.marks.iter().map(|(mark, _)| mark).collect();
        assert_eq!(
            marks.len(),
            self.platform.marks.len(),
            "somebody was told twice"
        );
        let delivered = self
            .world
            .facts
            .iter()
            .filter_map(|fact| match &fact.event {
                countersign_proto::event::Known::NotificationDelivered(event) => {
                    Some((fact, event))
                }
                _ => None,
            });
        let delivered: Vec<_> = delivered.collect();
        for (case, person, index) in &self.outcomes {
            let told = delivered.iter().any(|(fact, event)| {
                fact.case == *case
                    && event.recipient == *person
                    && !event.updated
                    && event.about >= *index
                    && fact.index > *index
            });
            assert!(
                told,
                "{person} was not told of entry {index} in case {case}"
            );
        }
        // One message each has the newest card; those before it have no buttons.
        let mut newest: BTreeMap<(u64, &str), &str> = BTreeMap::new();
        for (fact, event) in &delivered {
            let id = event.message.as_ref().expect("a message").id.as_str();
            if !event.updated {
                newest.insert((fact.case, &event.recipient), id);
            }
        }
        let newest: BTreeSet<&str> = newest.into_values().collect();
        for (id, (_, buttons)) in &self.platform.shown {
            assert!(
                newest.contains(id.as_str()) || !buttons,
                "message {id} is stale"
            );
        }
        let posted = delivered.iter().filter(|(_, event)| !event.updated).count();
        assert_eq!(
            posted,
            self.platform.marks.len(),
            "every message has one entry"
        );
    }
}

proptest! {
    #![proptest_config(Config { cases: 200, ..Config::default() })]

    #[test]
    fn whatever_happens_everybody_is_told_once(
        script in prop::collection::vec((any::<bool>(), any::<u8>(), any::<usize>()), 1..120),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut play = Play::new();
        for (happens, choice, pick) in script {
            match happens {
                true => play.happen(choice, pick),
                false => play.send(choice, pick),
            }
        }
        play.settle();
        play.check();
        let open = play.courses.iter().filter(|course| course.stage != CLOSED).count();
        prop_assert_eq!(play.world.outbox.size().0, open);
        // A bot that starts anywhere comes to the same.
        let facts = &play.world.facts;
        let cut = cut.index(facts.len() + 1);
        let mut again = empty();
        for fact in &facts[..cut] {
            again.take(fact, Some(play.world.rules.clone()));
        }
        let mut rebuilt = empty();
        for (at, fact) in facts.iter().enumerate() {
            if at == cut {
                prop_assert_eq!(&rebuilt, &again);
            }
            rebuilt.take(fact, Some(play.world.rules.clone()));
        }
        prop_assert_eq!(&rebuilt, &play.world.outbox);
    }
}
