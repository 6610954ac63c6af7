//! What a person sees of a case at a moment, before any program's way to draw it.
//!
//! A [`Card`] is made by [`render`] out of a case, what just happened, and who looks; it knows no
//! clock and no network, so the same three give the same card everywhere. `slack`, `teams`
//! and `plain` draw it. Its [digest](Card::digest) is what an approval can name as the thing that
//! was seen.
//!
//! All text in a card was made harmless to read: nothing invisible, nothing that turns the reading
//! direction, no line breaks but in the quoted reason. What a program would take for markup is
//! still in it; keeping that from working is the task of each drawing.

pub mod action;
pub mod audience;
mod digest;
mod event;
mod facts;
pub mod moment;
pub mod name;
mod notice;
mod past;
pub mod span;
pub mod view;

pub use digest::CardDigest;

use countersign_chain::time::UnixMicros;

use crate::card::action::Action;
use crate::card::audience::Audience;
use crate::card::moment::Moment;
use crate::card::span::Span;
use crate::card::view::{CaseView, Status, Way};
use crate::text::{line, lines};

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Number of the case.
    pub case: u64,
    /// Who wants what, in one line.
    pub title: String,
    /// Where it stands.
    pub badge: Badge,
    /// What just happened, for this reader.
    pub notice: Vec<Piece>,
    /// Labels and values.
    pub facts: Vec<Fact>,
    /// The reason of the request, in its lines.
    pub reason: String,
    /// Approvals so far, for example `1 of 2 (security ok, team-leads open)`; empty when the
    /// policy asks for none.
    pub approvals: String,
    /// Decisions, oldest first.
    pub history: Vec<Past>,
    /// How much more time can be asked for; none when none can.
    pub more_time: Option<Span>,
    /// What this reader can do.
    pub actions: Vec<Action>,
    /// Where the case is in the inbox, when something has to be done there. It is no part of the
    /// digest: it says nothing about the case.
    pub inbox: Option<String>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words, ours or somebody's: a drawing must not take either for markup.
    Text(String),
    /// An instant, which a drawing shows in the reader's own zone.
    Time(UnixMicros),
}

impl Piece {
    /// Somebody's words in one line.
    fn text(text: impl AsRef<str>) -> Self {
        Self::Text(line_keeping_edges(text.as_ref()))
    }
}

/// One line, whose spaces at the edges stay: they part it from the pieces beside it.
fn line_keeping_edges(text: &str) -> String {
    let edge = |there: bool| if there { " " } else { "" };
    let words = line(text);
    if words.is_empty() {
        return edge(!text.is_empty()).to_owned();
    }
    let before = edge(text.starts_with(' '));
    let after = edge(text.ends_with(' '));
    format!("{before}{words}{after}")
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The value.
    pub value: Vec<Piece>,
}

/// A decision of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Who did what.
    pub what: String,
    /// When, if it is known.
    pub when: Option<UnixMicros>,
    /// Why; may be empty.
    pub why: String,
}

/// Where a case stands, at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    /// Waits for decisions.
    Pending,
    /// Approved; begins later.
    Scheduled,
    /// Access is given.
    Active,
    /// Access is given and was not asked for.
    BreakGlass,
    /// Access is over.
    Ended,
    /// Somebody said no.
    Denied,
    /// It was taken back.
    Cancelled,
    /// Nobody decided.
    Expired,
    /// Over.
    Closed,
}

/// How a badge is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Somebody has to do something.
    Waiting,
    /// Access is given.
    Good,
    /// It was refused, or nobody asked before.
    Bad,
    /// Nothing to do.
    Calm,
}

impl Card {
    /// With a link, when something has to be done in the inbox, which is at this address.
    #[must_use]
    pub fn leading_to(mut self, inbox: Option<&str>) -> Self {
        let is_needed = self.facts.iter().any(|fact| fact.label == facts::SIGN);
        let inbox = inbox.filter(|_| is_needed);
        self.inbox = inbox.map(|url| format!("{url}/case/{}", self.case));
        self
    }

    /// Where the case stands, in one line.
    pub(crate) fn standing(&self) -> String {
        let badge = self.badge;
        format!("{} {} · case {}", badge.sign(), badge.word(), self.case)
    }
}

impl Badge {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "approved, begins later",
            Self::Active => "active",
            Self::BreakGlass => "active, break-glass",
            Self::Ended => "ended",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired undecided",
            Self::Closed => "closed",
        }
    }

    /// The sign that stands before the word.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Pending => "⏳",
            Self::Scheduled => "🗓️",
            Self::Active => "✅",
            Self::BreakGlass => "🚨",
            Self::Ended => "🏁",
            Self::Denied => "⛔",
            Self::Cancelled => "↩️",
            Self::Expired => "⌛",
            Self::Closed => "📁",
        }
    }

    /// How it is meant.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Pending => Tone::Waiting,
            Self::Scheduled | Self::Active => Tone::Good,
            Self::BreakGlass | Self::Denied => Tone::Bad,
            Self::Ended | Self::Cancelled | Self::Expired | Self::Closed => Tone::Calm,
        }
    }
}

/// The card of a case at a moment for a reader.
#[must_use]
pub fn render(case: &CaseView, moment: &Moment, audience: &Audience) -> Card {
    Card {
        case: case.id,
        title: title(case),
        badge: badge(case),
        notice: notice::notice(case, moment, audience),
        facts: facts::facts(case),
        reason: lines(&case.reason),
        approvals: past::approvals(case),
        history: past::history(case),
        more_time: case.more_time(),
        actions: action::actions(case, moment, audience),
        inbox: None,
    }
}

fn title(case: &CaseView) -> String {
    let (person, resource) = (line(case.person.as_str()), line(case.resource.as_str()));
    match case.way {
        Way::Request => format!("{person} asks for {resource}"),
        Way::BreakGlass => format!("Break-glass: {person} on {resource}"),
    }
}

fn badge(case: &CaseView) -> Badge {
    match (case.status, case.way) {
        (Status::Pending, _) => Badge::Pending,
        (Status::Scheduled, _) => Badge::Scheduled,
        (Status::Active, Way::Request) => Badge::Active,
        (Status::Active, Way::BreakGlass) => Badge::BreakGlass,
        (Status::Ended, _) => Badge::Ended,
        (Status::Refused, _) => match case.outcome.as_str() {
            "denied" => Badge::Denied,
            "cancelled" => Badge::Cancelled,
            _ => Badge::Expired,
        },
        (Status::Closed, _) => Badge::Closed,
    }
}
