//! Rows of Append, AppendBatch and AppendStream with well-formed messages.

use bytes::Bytes;
use countersign_chain::kind::Kind;
use countersign_proto::event::{Event, Known};
use countersign_proto::reason::Reason;
use countersign_proto::v1::{self, EventDraft};

use crate::cast::{Cast, draft, external, keyed, of_event, sized, streamed};
use crate::door::request;
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    events(table, cast).await;
    drafts(table, cast).await;
    speakers(table, cast).await;
    logs(table, cast).await;
    batches(table, cast).await;
    streams(table, cast).await;
}

fn event(kind: u16, payload: &'static [u8]) -> Event {
    Event::new(
        Kind::new(kind).expect("a kind"),
        Bytes::from_static(payload),
    )
}

/// An event that the agent may append, with a field that breaks a rule.
fn broken(change: impl FnOnce(&mut v1::ExternalEvent)) -> Event {
    let mut message = external("text");
    change(&mut message);
    Event::from_message(&message)
}

async fn events(table: &mut Table<'_>, cast: &Cast) {
    use Reason::{
        EventMissing, KindNotAllowed, KindUnknown, MessageTooLarge, PayloadMalformed,
        PayloadTooLarge,
    };
    let opened = Known::from(v1::LogOpened::default()).to_event();
    let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let rows = [
        ("no event", EventMissing, Event::default()),
        ("a kind that nobody knows", KindUnknown, event(150, b"")),
        ("a kind that nobody knows yet", KindUnknown, event(59, b"")),
        ("a grant from a client", KindNotAllowed, event(28, b"")),
        ("LogOpened from a client", KindNotAllowed, opened),
        ("a certificate from a client", KindNotAllowed, event(8, b"")),
        ("an event of 49,153 bytes", PayloadTooLarge, sized(49_153)),
        ("an event of 3 MiB", PayloadTooLarge, sized(3 << 20)),
        (
            "an event above 4 MiB",
            MessageTooLarge,
            sized((4 << 20) + 1),
        ),
        (
            "no protobuf in the event",
            PayloadMalformed,
            event(140, b"\xff\xff\xff"),
        ),
        (
            "an event that is cut off",
            PayloadMalformed,
            event(140, b"\x0a\x09test"),
        ),
        (
            "a source that is not UTF-8",
            PayloadMalformed,
            event(140, b"\x0a\x02\xc3\x28"),
        ),
        (
            "an event without its source",
            PayloadMalformed,
            broken(|it| it.source.clear()),
        ),
        (
            "an event before the year 1",
            PayloadMalformed,
            broken(|it| it.observed_at = time(-62_135_596_801, 0)),
        ),
        (
            "an event with 10^9 nanoseconds",
            PayloadMalformed,
            broken(|it| it.observed_at = time(1, 1_000_000_000)),
        ),
    ];
    for (what, reason, event) in rows {
        let call = cast.agent.append(of_event(event));
        table.row(what, &cast.agent, reason, call).await;
    }
    kinds_of_others(table, cast).await;
    let empty = v1::AppendRequest::default();
    let call = async { cast.agent.log().append(request(empty)).await };
    table.row("no draft", &cast.agent, EventMissing, call).await;
}

/// Kinds that are another role's.
async fn kinds_of_others(table: &mut Table<'_>, cast: &Cast) {
    let started = Known::from(v1::AgentStarted::default());
    let opened = Known::from(v1::LogOpened::default());
    let outside = Known::from(external("text"));
    let exported = Known::from(v1::ExportCreated::default());
    for (what, caller, event) in [
        ("an agent's start from a user", &cast.user, started),
        ("LogOpened from an admin", &cast.admin, opened),
        (
            "an event of a source from an auditor",
            &cast.auditor,
            outside,
        ),
        ("an export that a user made", &cast.user, exported),
    ] {
        let call = caller.append(of_event(event.to_event()));
        table.row(what, caller, Reason::KindNotAllowed, call).await;
    }
}

async fn drafts(table: &mut Table<'_>, cast: &Cast) {
    let size = table.door.size();
    let key = |key: &str| EventDraft {
        idempotency_key: key.to_owned(),
        ..draft("another text")
    };
    let case = |case| EventDraft {
        case,
        ..draft("text")
    };
    let rows = [
        (
            "a key of 65 bytes",
            Reason::IdempotencyKeyInvalid,
            key(&"k".repeat(65)),
        ),
        (
            "a key of 65 bytes in 33 letters",
            Reason::IdempotencyKeyInvalid,
            key(&"ä".repeat(33)),
        ),
        (
            "a key of another event",
            Reason::IdempotencyKeyReused,
            key("first"),
        ),
        (
            "the case after the next entry",
            Reason::CaseUnknown,
            case(size + 1),
        ),
        ("the last case of all", Reason::CaseUnknown, case(u64::MAX)),
    ];
    for (what, reason, draft) in rows {
        table
            .row(what, &cast.agent, reason, cast.agent.append(draft))
            .await;
    }
}

async fn speakers(table: &mut Table<'_>, cast: &Cast) {
    use Reason::{ActorInvalid, ActorNotAllowed};
    let speak = |actor: &str| EventDraft {
        on_behalf_of: actor.to_owned(),
        ..draft("text")
    };
    let long = format!("user:{}", "n".repeat(251));
    let rows = [
        (
            "an agent for a user",
            &cast.agent,
            ActorNotAllowed,
            "user:ada@example.com",
        ),
        (
            "an agent for itself",
            &cast.agent,
            ActorNotAllowed,
            "agent:load",
        ),
        (
            "an admin for a user",
            &cast.admin,
            ActorNotAllowed,
            "user:ada@example.com",
        ),
        (
            "a bot for an agent",
            &cast.bot,
            ActorNotAllowed,
            "agent:load",
        ),
        ("a bot for the ledger", &cast.bot, ActorNotAllowed, "ledger"),
        (
            "a bot for a role without a name",
            &cast.bot,
            ActorInvalid,
            "user:",
        ),
        (
            "a bot for a name without a role",
            &cast.bot,
            ActorInvalid,
            "ada",
        ),
        (
            "a bot for a name with a space",
            &cast.bot,
            ActorInvalid,
            "user:ada lovelace",
        ),
        (
            "a bot for a name with a newline",
            &cast.bot,
            ActorInvalid,
            "user:ada\n",
        ),
        (
            "a bot for a name of 256 bytes",
            &cast.bot,
            ActorInvalid,
            &long,
        ),
    ];
    for (what, caller, reason, actor) in rows {
        table
            .row(what, caller, reason, caller.append(speak(actor)))
            .await;
    }
}

async fn logs(table: &mut Table<'_>, cast: &Cast) {
    let rows = [
        ("another log", Reason::LogUnknown, "other".to_owned()),
        (
            "a log that is a path",
            Reason::LogNameInvalid,
            "../main".to_owned(),
        ),
        (
            "a log in capitals",
            Reason::LogNameInvalid,
            "MAIN".to_owned(),
        ),
        (
            "a log of 64 letters",
            Reason::LogNameInvalid,
            "a".repeat(64),
        ),
    ];
    for (what, reason, log) in rows {
        let call = v1::AppendRequest {
            log,
            draft: Some(draft("text")),
            ..v1::AppendRequest::default()
        };
        let call = async { cast.agent.log().append(request(call)).await };
        table.row(what, &cast.agent, reason, call).await;
    }
}

async fn batches(table: &mut Table<'_>, cast: &Cast) {
    let good = |count: usize| {
        (0..count)
            .map(|n| draft(&n.to_string()))
            .collect::<Vec<_>>()
    };
    let with = |event: Event| {
        let mut drafts = good(3);
        drafts[2] = of_event(event);
        drafts
    };
    let reused = EventDraft {
        idempotency_key: "first".to_owned(),
        ..draft("another text")
    };
    let rows = [
        ("an empty batch", Reason::BatchEmpty, Vec::new()),
        ("a batch of 1,025", Reason::BatchTooLarge, good(1_025)),
        (
            "a batch above 1 MiB",
            Reason::BatchTooLarge,
            vec![of_event(sized(49_152)); 22],
        ),
        (
            "a batch above 4 MiB",
            Reason::MessageTooLarge,
            vec![of_event(sized(49_152)); 86],
        ),
        (
            "a batch that ends without an event",
            Reason::EventMissing,
            with(Event::default()),
        ),
        (
            "a batch that ends badly",
            Reason::PayloadMalformed,
            with(event(140, b"\xff")),
        ),
        (
            "a batch that ends too large",
            Reason::PayloadTooLarge,
            with(sized(49_153)),
        ),
        (
            "a key twice",
            Reason::IdempotencyKeyReused,
            vec![keyed("twice"), keyed("twice")],
        ),
        (
            "an old event and a new one",
            Reason::BatchPartlyRepeated,
            vec![keyed("first"), keyed("n")],
        ),
        (
            "a new event and an old one",
            Reason::BatchPartlyRepeated,
            vec![keyed("n"), keyed("first")],
        ),
        (
            "an old key for a new event",
            Reason::IdempotencyKeyReused,
            vec![keyed("n"), reused],
        ),
    ];
    for (what, reason, drafts) in rows {
        table
            .row(what, &cast.agent, reason, cast.agent.batch(drafts))
            .await;
    }
}

async fn streams(table: &mut Table<'_>, cast: &Cast) {
    let reused = EventDraft {
        idempotency_key: "first".to_owned(),
        ..draft("another text")
    };
    let future = EventDraft {
        case: u64::MAX,
        ..draft("text")
    };
    let elsewhere = v1::AppendStreamRequest {
        log: "other".to_owned(),
        ..streamed(draft("text"))
    };
    let empty = v1::AppendStreamRequest::default();
    let large = streamed(of_event(sized((4 << 20) + 1)));
    let rows = [
        ("a stream without a draft", Reason::EventMissing, empty),
        (
            "a stream of nothing",
            Reason::EventMissing,
            streamed(EventDraft::default()),
        ),
        ("a stream into another log", Reason::LogUnknown, elsewhere),
        (
            "a stream with an old key",
            Reason::IdempotencyKeyReused,
            streamed(reused),
        ),
        (
            "a stream into a case to come",
            Reason::CaseUnknown,
            streamed(future),
        ),
        (
            "a stream of bad bytes",
            Reason::PayloadMalformed,
            streamed(of_event(event(140, b"\xff"))),
        ),
        ("a stream of large events", Reason::MessageTooLarge, large),
    ];
    for (what, reason, first) in rows {
        // Nothing behind the bad event becomes an entry.
        let calls = vec![first, streamed(draft("behind it"))];
        table
            .row(what, &cast.agent, reason, cast.agent.stream(calls))
            .await;
    }
}
