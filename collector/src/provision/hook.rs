//! Any program as a provisioner: a question as JSON on its standard input, an answer as JSON on its
//! standard output.

mod contract;

use serde::Deserialize;

use crate::limits::MAX_ANSWER;
use crate::provision::config::{Interval, Served};
use crate::provision::process::Program;
use crate::provision::provisioner::{
    Doing, Ending, Failure, Finding, Grant, Made, Proof, Provisioner, Standing,
};

pub(crate) use contract::{GrantJson, Question, existing, made, nothing, removed};

/// A program that makes and removes access.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// The program and its arguments. It is not run by a shell.
    pub command: Vec<String>,
    /// How long one call may take; then the program is killed with its children. Default: `30s`.
    #[serde(default = "limit")]
    pub time_limit: Interval,
    /// What it serves.
    pub access: Vec<Served>,
}

pub(crate) fn limit() -> Interval {
    Interval::of(std::time::Duration::from_secs(30))
}

/// Asks a program.
pub(crate) struct Hook {
    program: Program,
}

impl Hook {
    pub(crate) fn new(config: &HookConfig) -> Result<Self, String> {
        if config.command.is_empty() {
            return Err("expected hook.command to name a program, got an empty list".to_owned());
        }
        Ok(Self {
            program: Program {
                command: config.command.clone(),
                limit: config.time_limit.get(),
                max_output: MAX_ANSWER,
            },
        })
    }
}

impl Outside for Hook {
    async fn ask<T: Send>(
        &self,
        question: Question<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        let answer = self.program.run(&question.to_json()?).await;
        let answer = answer.map_err(|error| Failure::new(error.to_string()))?;
        read(answer.expose())
    }
}

/// Access that is made by something outside, which is asked in JSON and answers in JSON.
pub(super) trait Outside: Send + Sync {
    /// Asks, and reads the answer.
    fn ask<T: Send>(
        &self,
        question: Question<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, Failure> + Send,
    ) -> impl Future<Output = Result<T, Failure>> + Send;
}

impl<O: Outside> Provisioner for O {
    fn make<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.ask(Question::make(grant), made))
    }

    fn extend<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.ask(Question::extend(grant), made))
    }

    fn remove<'a>(&'a self, grant: &'a Grant, ending: Ending) -> Doing<'a, Proof> {
        Box::pin(self.ask(Question::remove(grant, ending), removed))
    }

    fn inspect<'a>(&'a self, standing: &'a [Standing]) -> Doing<'a, Vec<Finding>> {
        Box::pin(self.ask(Question::inspect(standing), |answer| {
            existing(answer, standing)
        }))
    }

    fn mend<'a>(&'a self, finding: &'a Finding, grant: Option<&'a Grant>) -> Doing<'a, ()> {
        Box::pin(self.ask(Question::mend(finding, grant), nothing))
    }

    fn check(&self) -> Doing<'_, Vec<String>> {
        Box::pin(async {
            let found = self
                .ask(Question::inspect(&[]), |answer| existing(answer, &[]))
                .await?;
            let found = found
                .into_iter()
                .map(|finding| format!("exists: {}", finding.target));
            Ok(found.collect())
        })
    }
}
