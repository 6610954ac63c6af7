//! Rows of requests, and of access that is taken at once.

use countersign_ledger::clock::Clock as _;
use countersign_proto::reason::Reason;
use countersign_proto::v1::{Ask, BreakGlassRequest, RequestAccessRequest};
use prost_types::Timestamp;

use super::cases::{People, reading, taking};
use super::{call, long, row};
use crate::table::Table;

const DAY: i64 = 86_400;
const YEAR: u64 = 366 * 86_400;

pub(crate) async fn rows(table: &mut Table<'_>, people: &People) {
    let wall = table.door.clock.wall().get() / 1_000_000;
    let now = i64::try_from(wall).expect("a time");
    slips(table, people, now).await;
    requests(table, people).await;
    at_once(table, people, now).await;
}

/// What is wrong, the reason, and what is asked for.
type Slip = (&'static str, Reason, Ask);

fn with(good: &Ask, change: impl Fn(&mut Ask)) -> Ask {
    let mut ask = good.clone();
    change(&mut ask);
    ask
}

/// Texts that nobody may send, whatever is asked for.
fn bad_texts(good: &Ask) -> Vec<Slip> {
    let reason = |text: &str| with(good, |ask| ask.reason = text.to_owned());
    let severity = |text: &str| with(good, |ask| ask.severity = text.to_owned());
    let affected = |of: &[String]| with(good, |ask| ask.affected = of.to_vec());
    let resource = with(good, |ask| ask.resource = long(257));
    let permission = with(good, |ask| ask.permission = long(257));
    let ticket = with(good, |ask| ask.ticket = long(257));
    let rows = [
        ("nothing", Ask::default()),
        ("no reason", reason("")),
        ("a reason of spaces", reason(" \n\t ")),
        ("a reason of 2,001 bytes", reason(&long(2_001))),
        ("a reason of 1 MiB", reason(&long(1 << 20))),
        ("a reason that rings", reason("look\u{7}")),
        ("a ticket of 257 bytes", ticket),
        ("a severity of five", severity("sev5")),
        ("a severity in capitals", severity("SEV1")),
        ("a severity of 100,000 bytes", severity(&long(100_000))),
        ("33 systems affected", affected(&vec!["a".to_owned(); 33])),
        ("an affected name of 257 bytes", affected(&[long(257)])),
        ("a resource of 257 bytes", resource),
        ("a permission of 257 bytes", permission),
    ];
    let slips = rows.map(|(what, ask)| (what, Reason::TextInvalid, ask));
    slips.into()
}

/// What is wrong with what is asked for, whoever asks, and however.
fn bad_asks(good: &Ask) -> Vec<Slip> {
    use Reason::{DurationInvalid, PermissionUnknown, ResourceUnknown, TimeInvalid};
    let resource = |text: &str| with(good, |ask| ask.resource = text.to_owned());
    let permission = |text: &str| with(good, |ask| ask.permission = text.to_owned());
    let lasts = |seconds: u64| with(good, |ask| ask.duration_seconds = seconds);
    let start = |seconds, nanos| with(good, |ask| ask.start = Some(Timestamp { seconds, nanos }));
    let rows = [
        ("no resource", ResourceUnknown, resource("")),
        (
            "a resource that is not there",
            ResourceUnknown,
            resource("orders"),
        ),
        (
            "a resource in capitals",
            ResourceUnknown,
            resource("ORDERS-DB"),
        ),
        ("no permission", PermissionUnknown, permission("")),
        (
            "a permission that is not there",
            PermissionUnknown,
            permission("owner"),
        ),
        ("no time", DurationInvalid, lasts(0)),
        ("a year and a second", DurationInvalid, lasts(YEAR + 1)),
        ("more time than there is", DurationInvalid, lasts(u64::MAX)),
        ("a start before 1970", TimeInvalid, start(-1, 0)),
        (
            "a start with 10^9 nanoseconds",
            TimeInvalid,
            start(1, 1_000_000_000),
        ),
        ("a start after all time", TimeInvalid, start(i64::MAX, 0)),
    ];
    [bad_texts(good), rows.into()].concat()
}

async fn slips(table: &mut Table<'_>, people: &People, now: i64) {
    for (what, reason, ask) in bad_asks(&reading()) {
        let asked = RequestAccessRequest {
            call: call(),
            ask: Some(ask),
        };
        row!(table.row, &people.chen, request_access(asked), what => reason);
    }
    for (what, reason, ask) in bad_asks(&taking()) {
        let asked = BreakGlassRequest {
            call: call(),
            ask: Some(ask),
        };
        row!(table.row, &people.chen, break_glass(asked), what => reason);
    }
    for (what, seconds) in [
        ("a start that is past", now - 1),
        ("a start in 1970", 0),
        ("a start in 91 days", now + 91 * DAY),
    ] {
        let start = Some(Timestamp { seconds, nanos: 0 });
        let asked = RequestAccessRequest {
            call: call(),
            ask: Some(Ask { start, ..reading() }),
        };
        let reason = Reason::StartInvalid;
        row!(table.row, &people.chen, request_access(asked), what => reason);
    }
    let large = RequestAccessRequest {
        call: call(),
        ask: Some(Ask {
            affected: vec![long(1 << 20); 5],
            ..reading()
        }),
    };
    let (what, reason) = ("a message of 5 MiB", Reason::MessageTooLarge);
    row!(table.row, &people.chen, request_access(large), what => reason);
    let none = RequestAccessRequest {
        call: call(),
        ask: None,
    };
    let (what, reason) = ("no ask", Reason::TextInvalid);
    row!(table.row, &people.chen, request_access(none), what => reason);
}

/// What the policy does not allow: these attempts are entries.
async fn requests(table: &mut Table<'_>, people: &People) {
    use Reason::{DurationTooLong, PersonUnknown, RequestNotAllowed};
    let with = |change: &dyn Fn(&mut Ask)| with(&reading(), change);
    let glass = with(&|ask| ask.permission = "break-glass".to_owned());
    let no_ticket = with(&|ask| ask.ticket.clear());
    let longer = with(&|ask| ask.duration_seconds = 4 * 3_600 + 1);
    let year = with(&|ask| ask.duration_seconds = YEAR);
    let rows = [
        ("what is only taken", &people.chen, RequestNotAllowed, glass),
        ("no ticket", &people.chen, RequestNotAllowed, no_ticket),
        ("of no engineer", &people.dana, RequestNotAllowed, reading()),
        ("a second too much", &people.chen, DurationTooLong, longer),
        ("a year", &people.chen, DurationTooLong, year),
        ("of a stranger", &people.stranger, PersonUnknown, reading()),
        (
            "of an administrator",
            &people.admin,
            PersonUnknown,
            reading(),
        ),
        ("of a bot for itself", &people.bot, PersonUnknown, reading()),
    ];
    for (what, who, reason, ask) in rows {
        let asked = RequestAccessRequest {
            call: call(),
            ask: Some(ask),
        };
        row!(table.told, who, request_access(asked), what => reason);
    }
}

async fn at_once(table: &mut Table<'_>, people: &People, now: i64) {
    use Reason::{DurationTooLong, PersonUnknown, RequestNotAllowed, StartInvalid};
    let seconds = now + 60;
    let later = Ask {
        start: Some(Timestamp { seconds, nanos: 0 }),
        ..taking()
    };
    let taken = BreakGlassRequest {
        call: call(),
        ask: Some(later),
    };
    row!(table.row, &people.chen, break_glass(taken), "later" => StartInvalid);
    let with = |change: &dyn Fn(&mut Ask)| with(&taking(), change);
    let calm = with(&|ask| ask.severity = "sev3".to_owned());
    let read = with(&|ask| ask.permission = "read-only".to_owned());
    let long = with(&|ask| ask.duration_seconds = 3_601);
    let rows = [
        ("without need", &people.chen, RequestNotAllowed, calm),
        ("what is asked for", &people.chen, RequestNotAllowed, read),
        (
            "by who is never on call",
            &people.ada,
            RequestNotAllowed,
            taking(),
        ),
        ("a second too much", &people.chen, DurationTooLong, long),
        ("of a stranger", &people.stranger, PersonUnknown, taking()),
        (
            "of an administrator",
            &people.admin,
            PersonUnknown,
            taking(),
        ),
    ];
    for (what, who, reason, ask) in rows {
        let taken = BreakGlassRequest {
            call: call(),
            ask: Some(ask),
        };
        row!(table.told, who, break_glass(taken), what => reason);
    }
}
