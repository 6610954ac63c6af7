//! `/access list`: what waits for somebody, what is theirs, and who has access now.

use std::sync::Arc;

use countersign_client::CallError;
use countersign_proto::v1;
use serde_json::{Value, json};

use super::{Ack, Asker, Desk, SOON, alone};
use crate::bot::principal;
use crate::bot::sight::Sight;
use crate::limits::SLACK_LISTED;
use crate::say;
use crate::slack::blocks::{header, section};
use crate::slack::payload::Command;
use crate::text::{cut, line};

/// Characters of one line, so that all lines of a list are within a section.
const WIDTH: usize = 240;

impl Desk {
    pub(super) async fn list(self: &Arc<Self>, command: Command) -> Ack {
        let (desk, who) = (Arc::clone(self), command.who);
        let work = async move {
            match desk.asker(&who).await {
                Ok(asker) => match desk.lists(&asker).await {
                    Ok(answer) => answer,
                    Err(error) => alone(say::refused(&error)),
                },
                Err(said) => alone(said),
            }
        };
        let (desk, reply) = (Arc::clone(self), command.reply);
        let late = |answer: Value| async move {
            let sent = match &reply.url {
                Some(url) => desk.slack.api().respond(url, &answer).await,
                None => Ok(()),
            };
            if let Err(error) = sent {
                tracing::warn!(%error, "somebody in Slack has no answer");
            }
        };
        match self.in_time(work, late).await {
            Ok(Some(answer)) => Ack::Json(answer),
            Ok(None) => Ack::Json(alone(SOON)),
            Err(busy) => busy,
        }
    }

    async fn lists(&self, asker: &Asker) -> Result<Value, CallError> {
        let user = || principal(asker.person());
        let review = self.cases(v1::ListCasesRequest {
            reviewer: user(),
            ..v1::ListCasesRequest::default()
        });
        let mine = self.cases(v1::ListCasesRequest {
            requester: user(),
            ..v1::ListCasesRequest::default()
        });
        let (review, mine) = (review.await?, mine.await?);
        let running = [v1::CaseStatus::Active, v1::CaseStatus::Scheduled];
        let running = v1::ListCasesRequest {
            statuses: running.iter().map(|status| (*status).into()).collect(),
            ..v1::ListCasesRequest::default()
        };
        let mut active = Vec::new();
        for case in self.cases(running).await? {
            if self.sees(&case, asker).await {
                active.push(case);
            }
        }
        let mut blocks = Vec::new();
        for (title, none, cases) in [
            ("To review", "Nothing waits for you.", &review),
            ("Mine", "You have no open case.", &mine),
            ("Active", "Nobody of yours has access now.", &active),
        ] {
            blocks.push(header(title));
            blocks.push(section(&self.lines(cases, none)));
        }
        let text = format!("{} to review, {} of yours", review.len(), mine.len());
        Ok(json!({"response_type": "ephemeral", "text": text, "blocks": blocks}))
    }

    /// One page of cases.
    async fn cases(&self, wanted: v1::ListCasesRequest) -> Result<Vec<v1::Case>, CallError> {
        let page_size = u32::try_from(SLACK_LISTED * 4).unwrap_or(u32::MAX);
        let request = v1::ListCasesRequest {
            page_size,
            ..wanted
        };
        Ok(self.bot.client().cases(request).await?.cases)
    }

    /// Whether a case is for somebody's eyes.
    async fn sees(&self, case: &v1::Case, asker: &Asker) -> bool {
        if case.person == asker.person() {
            return true;
        }
        let Ok(rules) = self.bot.rules(case.policy).await else {
            return false;
        };
        let reads = rules.policy.may_read_audit(asker.person());
        let sight = Sight::new(case, &[], rules);
        reads || sight.is_ok_and(|sight| !sight.groups_of(asker.person()).is_empty())
    }

    fn lines(&self, cases: &[v1::Case], none: &str) -> String {
        if cases.is_empty() {
            return none.to_owned();
        }
        let shown = cases.iter().take(SLACK_LISTED).map(|case| {
            let words = format!(
                "Case {}: {}, {} on {}, {}",
                case.id, case.person, case.permission, case.resource, case.summary
            );
            let words = cut(&line(&words), WIDTH);
            match &self.inbox {
                Some(url) => format!("{words} {}/case/{}", url.trim_end_matches('/'), case.id),
                None => words,
            }
        });
        let mut lines: Vec<String> = shown.collect();
        let more = cases.len().saturating_sub(SLACK_LISTED);
        if more > 0 {
            lines.push(match &self.inbox {
                Some(url) => format!("There are more: {url} shows all."),
                None => "There are more: countersign access list shows all.".to_owned(),
            });
        }
        lines.join("\n")
    }
}
