//! kill -9 of a bot in the middle of what it does: nobody is told twice, nobody is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};

use countersign_chatbot::delivery::Fact;
use countersign_proto::event::Known;
use countersign_tests::process::is_long;

use crate::company::{Company, told};
use crate::platform::{Moment, Platform};

/// A bot as a process of its own. Dropping it kills it.
struct Process(Child);

impl Process {
    fn start(company: &Company, platform: &Platform) -> Self {
        let bot = Command::new(env!("CARGO_BIN_EXE_countersign-test-bot"))
            .arg(&company.server.endpoint.grpc)
            .arg(&company.bot)
            .arg(platform.address.to_string())
            .stdin(Stdio::null())
            .spawn();
        Self(bot.expect("it was built with this test"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it ran");
    }
}

/// What happens to a case, one after the other.
const STEPS: usize = 7;

/// A bot is killed before so many calls are over: a case leads to some 30 of them.
const CALLS: u64 = 150;

/// Cases under way. Each time it is advanced, the next one goes a step on.
struct Work<'a> {
    company: &'a Company,
    total: usize,
    cases: Vec<(u64, usize)>,
    next: usize,
}

impl Work<'_> {
    fn goes_on(&self) -> bool {
        self.cases.len() < self.total || self.cases.iter().any(|(_, step)| *step < STEPS)
    }

    async fn advance(&mut self) {
        // Some ten cases are under way at a time.
        let open = self.cases.iter().filter(|(_, step)| *step < STEPS).count();
        if self.cases.len() < self.total && open < 10 {
            self.cases.push((self.company.ask().await, 1));
            return;
        }
        let count = self.cases.len();
        for _ in 0..count {
            self.next = (self.next + 1) % count;
            let (case, step) = self.cases[self.next];
            if step < STEPS {
                self.step(case, step).await;
                self.cases[self.next].1 += 1;
                return;
            }
        }
    }

    async fn step(&self, case: u64, step: usize) {
        match step {
            1 => self.company.approve(case, "bo", "security").await,
            2 => self.company.approve(case, "cy", "leads").await,
            3 => self.company.finish(case).await,
            4 => self.company.feedback(case, "ada").await,
            5 => self.company.feedback(case, "bo").await,
            _ => self.company.feedback(case, "cy").await,
        }
    }
}

/// Numbers that look like luck and are the same every time.
struct Luck(u64);

impl Luck {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_tell_nobody_twice_and_forget_nobody() {
    let (kills, cases) = if is_long() { (200, 1_000) } else { (10, 50) };
    let (company, platform) = (Company::start().await, Platform::start().await);
    let mut luck = Luck(20_261_127);
    let mut work = Work {
        company: &company,
        total: cases,
        cases: Vec::new(),
        next: 0,
    };
    let mut killed = 0;
    let mut bot: Option<(Process, _)> = None;
    while work.goes_on() {
        let Some((_, sprung)) = &mut bot else {
            // Something happens while there is no bot.
            for _ in 0..luck.below(4) {
                work.advance().await;
            }
            let moment = [Moment::Before, Moment::Taken, Moment::Answered][killed % 3];
            let calls = match killed < kills {
                true => u32::try_from(luck.below(CALLS)).expect("small"),
                false => u32::MAX,
            };
            let sprung = Box::pin(platform.trap(calls, moment));
            bot = Some((Process::start(&company, &platform), sprung));
            continue;
        };
        let news = platform.news();
        work.advance().await;
        // The bot keeps up, for as long as it lives.
        tokio::select! {
            () = news => {}
            () = sprung => {
                bot = None;
                killed += 1;
            }
        }
    }
    drop(bot);
    let bot = Process::start(&company, &platform);
    let facts = company.settled().await;
    drop(bot);
    let (once, twice, missing) = count(&platform, &facts);
    println!(
        "counted: kill -9 of a bot: {killed} kills, {cases} cases, {} entries of what was told, \
         {once} messages told exactly once, {twice} twice, {missing} missing",
        told(&facts).len()
    );
    assert_eq!((killed, twice, missing), (kills, 0, 0));
    assert!(once >= 4 * cases, "everybody of a case is told");
    let over = work.cases.iter().filter(|(_, step)| *step == STEPS).count();
    assert_eq!(over, cases, "every case came to its end");
    company.end();
}

/// Messages with a mark of their own, messages with a mark that another has, and what somebody has
/// to notice and was not told.
fn count(platform: &Platform, facts: &[Fact]) -> (usize, usize, usize) {
    let state = platform.state.lock();
    let mut marks: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for message in &state.messages {
        *marks.entry((&message.to, &message.mark)).or_default() += 1;
    }
    let once = marks.values().filter(|count| **count == 1).count();
    let twice = marks.values().map(|count| count - 1).sum();
    let told = told(facts);
    let posted: BTreeSet<(&str, &str)> = told
        .iter()
        .filter(|(_, event)| !event.updated)
        .filter_map(|(_, event)| {
            let message = event.message.as_ref()?;
            Some((message.channel.as_str(), message.id.as_str()))
        })
        .collect();
    assert_eq!(
        posted.len(),
        state.messages.len(),
        "every message has its entry"
    );
    let mut missing = 0;
    for fact in facts {
        let wanted: &[&str] = match &fact.event {
            Known::AccessRequested(_) => &["ada", "bo", "cy", "channel:C-leads"],
            Known::GrantIssued(_) | Known::GrantFinished(_) => &["ada"],
            _ => &[],
        };
        let case = match &fact.event {
            Known::AccessRequested(_) => fact.index,
            _ => fact.case,
        };
        for recipient in wanted {
            let there = told.iter().any(|(entry, event)| {
                entry.case == case
                    && entry.index > fact.index
                    && !event.updated
                    && event.recipient == *recipient
                    && event.about >= fact.index
            });
            missing += usize::from(!there);
        }
    }
    (once, twice, missing)
}
