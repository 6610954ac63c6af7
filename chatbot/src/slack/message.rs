//! A card as a Slack message: blocks, and a text for notifications and programs without blocks.

use serde_json::{Value, json};

use crate::card::{Card, Fact, Past};
use crate::limits::{SLACK_FALLBACK, SLACK_MESSAGE};
use crate::slack::blocks::{
    actions, bold, button, context, date, escaped, header, link, mrkdwn, paragraph, quote, rich,
    run, runs,
};
use crate::text::{cut, units};

/// What `chat.postMessage` and `chat.update` take beside the channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The fallback text, mrkdwn.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<Value>,
}

impl Message {
    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"text": self.text, "blocks": self.blocks})
    }

    /// The same with what else `chat.postMessage` takes, so that nothing is looked up or unfolded
    /// because of a word in it.
    #[must_use]
    pub fn post(&self) -> Value {
        json!({
            "text": self.text,
            "blocks": self.blocks,
            "parse": "none",
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
        })
    }
}

/// What the id of the row of buttons begins with; the digest of the card follows, so that a click
/// says which card was seen.
pub const CARD: &str = "card:";

/// How much of long texts is shown. A message is drawn with the first of these in which it fits.
#[derive(Clone, Copy)]
struct Detail {
    notice: usize,
    value: usize,
    reason: usize,
    history: usize,
    why: usize,
}

/// The last one fits whatever the words are. In JSON a unit is at most two characters: 150 of a
/// title, 16 facts at 40 with some 140 around each, 80 each of notice, reason and approvals, one
/// decision at 80, 600 of fallback, 3 buttons at 160, and 500 of a link to the inbox are below
/// 7,500.
const DETAILS: [Detail; 4] = [
    Detail {
        notice: 600,
        value: 300,
        reason: 1_500,
        history: 10,
        why: 200,
    },
    Detail {
        notice: 400,
        value: 120,
        reason: 800,
        history: 6,
        why: 100,
    },
    Detail {
        notice: 200,
        value: 80,
        reason: 300,
        history: 3,
        why: 60,
    },
    Detail {
        notice: 80,
        value: 40,
        reason: 80,
        history: 1,
        why: 40,
    },
];

/// The message of a card; always within Slack's limits.
#[must_use]
pub fn message(card: &Card) -> Message {
    let mut drawn = Message {
        text: String::new(),
        blocks: Vec::new(),
    };
    for detail in DETAILS {
        drawn = draw(card, detail);
        if units(&drawn.json().to_string()) <= SLACK_MESSAGE {
            break;
        }
    }
    drawn
}

fn draw(card: &Card, detail: Detail) -> Message {
    let badge = card.standing();
    let mut blocks = vec![header(&card.title), context(&badge)];
    if !card.notice.is_empty() {
        let notice = runs(&card.notice, detail.notice);
        blocks.push(rich(&[paragraph(&notice)]));
    }
    let mut body: Vec<Value> = card.facts.iter().map(|fact| line(fact, detail)).collect();
    if !card.reason.is_empty() {
        body.push(quote(&[run(&cut(&card.reason, detail.reason))]));
    }
    if let Some(url) = &card.inbox {
        let words = format!("case {} in the inbox", card.case);
        body.push(paragraph(&[bold("Sign here: "), link(url, &words)]));
    }
    if !card.approvals.is_empty() {
        let so_far = run(&cut(&card.approvals, detail.notice));
        body.push(paragraph(&[bold("Approvals: "), so_far]));
    }
    blocks.push(rich(&body));
    if !card.history.is_empty() {
        blocks.push(rich(&history(&card.history, detail)));
    }
    if !card.actions.is_empty() {
        let buttons: Vec<Value> = card.actions.iter().map(|action| button(*action)).collect();
        blocks.push(actions(&format!("{CARD}{}", card.digest()), &buttons));
    }
    Message {
        text: fallback(card),
        blocks,
    }
}

fn line(fact: &Fact, detail: Detail) -> Value {
    let mut elements = vec![bold(&format!("{}: ", fact.label))];
    elements.extend(runs(&fact.value, detail.value));
    paragraph(&elements)
}

fn history(history: &[Past], detail: Detail) -> Vec<Value> {
    let hidden = history.len().saturating_sub(detail.history);
    let mut lines = Vec::new();
    if hidden > 0 {
        lines.push(paragraph(&[run(&format!("({hidden} earlier)"))]));
    }
    for past in history.iter().skip(hidden) {
        let mut elements = vec![run(&cut(&past.what, detail.value))];
        if let Some(when) = past.when {
            elements.extend([run(", "), date(when)]);
        }
        if !past.why.is_empty() {
            elements.push(run(&format!(": {}", cut(&past.why, detail.why))));
        }
        lines.push(paragraph(&elements));
    }
    lines
}

/// Who wants what, where it stands, and what happened.
fn fallback(card: &Card) -> String {
    let title = escaped(&card.title, SLACK_FALLBACK / 4);
    let head = format!("{title} ({}, case {})", card.badge.word(), card.case);
    match card.notice.is_empty() {
        true => head,
        false => format!("{head}: {}", mrkdwn(&card.notice, SLACK_FALLBACK / 2)),
    }
}
