//! What the bot answers to what people write.

use countersign_client::CallError;
use countersign_proto::v1;
use countersign_workflow::policy::AskKind;
use serde_json::Value;

use crate::bot::principal;
use crate::bot::sight::SightError;
use crate::card::Tone;
use crate::limits::TEAMS_CASES;
use crate::say;
use crate::teams::activity::Audience;
use crate::teams::command::Command;
use crate::teams::desk::{Desk, Letter, Person};
use crate::teams::dress::{with_card, with_words};
use crate::teams::elements::{card, coloured, line, run, title};
use crate::teams::surface::patiently;
use crate::teams::{form, words};
use crate::text;

/// Units of a line.
const LINE: usize = 300;

impl Desk {
    /// Answers what somebody wrote.
    pub(super) async fn talk(&self, letter: &Letter) {
        let command = Command::parse(&letter.activity.text);
        let said = self.answer(letter, command).await;
        self.reply(letter, &said).await;
    }

    /// Says who it is.
    pub(super) async fn welcome(&self, letter: &Letter) {
        let said = with_card(&help("I carry requests for access to the ledger."));
        let place = &letter.activity.conversation;
        let posted = patiently(|| self.teams.say(place, &said)).await;
        if let Err(error) = posted {
            tracing::warn!(%error, "no welcome in Teams");
        }
    }

    async fn answer(&self, letter: &Letter, command: Command) -> Value {
        let person = match self.person(letter).await {
            Ok(person) => person,
            Err(words) => return with_words(&words),
        };
        match command {
            Command::Help => {
                let person = text::line(&person.owner.person);
                with_card(&help(&format!(
                    "You are {person}. Write one of these words:"
                )))
            }
            Command::Request => self.blank(&person, AskKind::Request).await,
            Command::BreakGlass => self.blank(&person, AskKind::BreakGlass).await,
            Command::List => match self.list(&person).await {
                Ok(card) => with_card(&card),
                Err(error) => with_words(&say::refused(&error)),
            },
            Command::Case(number) => self.case(&person, number).await,
        }
    }

    /// A form to fill in.
    async fn blank(&self, person: &Person, kind: AskKind) -> Value {
        match self.form(kind, person).await {
            Some(form) => with_card(&form::adaptive(&form)),
            None => with_words(words::NO_OFFER),
        }
    }

    async fn case(&self, person: &Person, number: u64) -> Value {
        match self.sight(Audience::Alone, person, number).await {
            Ok(Some(seen)) => with_card(&seen.card.unwrap_or_default()),
            Ok(None) => with_words(words::NOT_YOURS),
            Err(SightError::Call(error)) => with_words(&say::refused(&error)),
            Err(SightError::Rules(_) | SightError::Case(_)) => with_words(words::POLICY),
        }
    }

    /// What waits for somebody, and what is theirs.
    async fn list(&self, person: &Person) -> Result<Value, CallError> {
        let name = principal(&person.owner.person);
        let waiting = v1::ListCasesRequest {
            reviewer: name.clone(),
            page_size: TEAMS_CASES,
            ..v1::ListCasesRequest::default()
        };
        let mine = v1::ListCasesRequest {
            requester: name,
            page_size: TEAMS_CASES,
            ..v1::ListCasesRequest::default()
        };
        let mut body = vec![title("Cases", LINE)];
        let parts = [
            ("To decide", "Nothing waits for you.", waiting),
            ("Yours", "You have no open case.", mine),
        ];
        for (label, none, request) in parts {
            let answer = self.bot.client().cases(request).await?;
            body.push(coloured(label, Tone::Calm, LINE));
            if answer.cases.is_empty() {
                body.push(line(&[run(none, LINE)]));
            }
            body.extend(answer.cases.iter().map(row));
            if !answer.next_page_token.is_empty() {
                body.push(line(&[run("There are more; the inbox shows all.", LINE)]));
            }
        }
        body.push(line(&[run(
            "Write \"case\" and a number to see one.",
            LINE,
        )]));
        Ok(card(&body, &[], "Cases"))
    }
}

fn row(case: &v1::Case) -> Value {
    let standing = match v1::CaseStatus::try_from(case.status) {
        Ok(v1::CaseStatus::Pending) => "pending",
        Ok(v1::CaseStatus::Scheduled) => "approved, begins later",
        Ok(v1::CaseStatus::Active) => "active",
        Ok(v1::CaseStatus::Ended) => "ended",
        Ok(v1::CaseStatus::Refused) => "refused",
        Ok(v1::CaseStatus::Closed) => "closed",
        Ok(v1::CaseStatus::Unspecified) | Err(_) => "?",
    };
    let words = format!(
        "{}: {} wants {} on {}, {standing}",
        case.id,
        text::line(&case.person),
        text::line(&case.permission),
        text::line(&case.resource),
    );
    line(&[run(&words, LINE)])
}

/// What there is, below a line of ours.
fn help(first: &str) -> Value {
    let mut body = vec![title("Countersign", LINE), line(&[run(first, LINE)])];
    body.extend(words::HELP.map(|help| line(&[run(help, LINE)])));
    card(&body, &[], "Countersign")
}
