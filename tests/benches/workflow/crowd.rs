//! Everybody at work: new cases as long as too few are open, else the next step of the case that
//! has waited longest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_workflow::command::Command;

use crate::company::Company;
use crate::random::Random;
use crate::story::Story;

/// Cases that are open.
pub(crate) const OPEN: usize = 10_000;

/// Time from one command to the next: a step of a case comes every eight minutes, which is before
/// anybody is late.
pub(crate) const PACE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) company: Arc<Company>,
    random: Random,
    stories: VecDeque<Story>,
}

impl Crowd {
    pub(crate) fn new(company: Arc<Company>) -> Self {
        Self {
            company,
            random: Random::new(42),
            stories: VecDeque::new(),
        }
    }

    /// What is asked next, when so many cases are open.
    pub(crate) fn next(&mut self, open: usize, now: UnixMicros) -> (Story, Command) {
        let waiting = (open >= OPEN).then(|| self.stories.pop_front()).flatten();
        let mut story = waiting.unwrap_or_else(|| Story::any(&mut self.random));
        let command = story.next(&self.company.facts(now));
        (story, command.expect("it is not over"))
    }

    /// What was asked led to so many entries.
    pub(crate) fn took(&mut self, mut story: Story, command: &Command, entries: (u64, u64)) {
        story.took(&command.action, entries);
        if !story.is_over() {
            self.stories.push_back(story);
        }
    }
}
