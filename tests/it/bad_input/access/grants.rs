//! Rows of grants: more time, the end, and sessions.

use countersign_proto::reason::Reason;
use countersign_proto::v1::{
    EndSessionRequest, ExtendGrantRequest, FinishGrantRequest, RevokeGrantRequest,
    StartSessionRequest,
};

use super::cases::{Cases, People};
use super::{call, long, row};
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, people: &People, cases: &Cases) {
    numbers(table, people, cases).await;
    texts(table, people, cases).await;
    extended(table, people, cases).await;
    ended(table, people, cases).await;
    sessions(table, people, cases).await;
}

fn extend(grant: u64, seconds: u64, reason: &str) -> ExtendGrantRequest {
    ExtendGrantRequest {
        call: call(),
        grant,
        duration_seconds: seconds,
        reason: reason.to_owned(),
    }
}

fn more(grant: u64) -> ExtendGrantRequest {
    extend(grant, 600, "more")
}

fn revoke(grant: u64, reason: &str) -> RevokeGrantRequest {
    RevokeGrantRequest {
        call: call(),
        grant,
        reason: reason.to_owned(),
    }
}

fn finish(grant: u64, reason: &str) -> FinishGrantRequest {
    FinishGrantRequest {
        call: call(),
        grant,
        reason: reason.to_owned(),
    }
}

fn start(grant: u64, client: &str, from: &str) -> StartSessionRequest {
    StartSessionRequest {
        call: call(),
        grant,
        client: client.to_owned(),
        source_address: from.to_owned(),
    }
}

fn end(session: u64, reason: &str) -> EndSessionRequest {
    EndSessionRequest {
        call: call(),
        session,
        reason: reason.to_owned(),
        exit_status: 0,
        recording: None,
    }
}

/// Numbers of nothing, and of something else.
async fn numbers(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{IdUnknown, IdWrongKind};
    let who = &people.ada;
    let rows = [
        ("number 0", IdUnknown, 0),
        ("the policy", IdUnknown, cases.policy),
        ("the last index", IdUnknown, u64::MAX),
        ("a case", IdWrongKind, cases.active.0),
        ("a review", IdWrongKind, cases.half.1),
        ("an extension", IdWrongKind, cases.extending.2),
    ];
    for (what, reason, number) in rows {
        row!(table.row, who, extend_grant(more(number)), what => reason);
        row!(table.row, who, revoke_grant(revoke(number, "enough")), what => reason);
        row!(table.row, who, finish_grant(finish(number, "")), what => reason);
        row!(table.row, who, start_session(start(number, "", "")), what => reason);
        row!(table.row, who, end_session(end(number, "")), what => reason);
    }
    let (what, grant, session) = ("a grant", cases.active.1, cases.session);
    row!(table.row, who, end_session(end(grant, "")), what => IdWrongKind);
    let what = "a session";
    row!(table.row, who, extend_grant(more(session)), what => IdWrongKind);
    row!(table.row, who, start_session(start(session, "", "")), what => IdWrongKind);
}

async fn texts(table: &mut Table<'_>, people: &People, cases: &Cases) {
    let bad = Reason::TextInvalid;
    let (who, grant) = (&people.ada, cases.active.1);
    for (what, text) in [("no reason", ""), ("a reason of spaces", "\t ")] {
        row!(table.row, who, extend_grant(extend(grant, 600, text)), what => bad);
        row!(table.row, &people.admin, revoke_grant(revoke(grant, text)), what => bad);
    }
    let grown = long(2_001);
    for (what, text) in [
        ("a reason of 2,001 bytes", grown.as_str()),
        ("a reason that rings", "\u{7}"),
    ] {
        row!(table.row, who, extend_grant(extend(grant, 600, text)), what => bad);
        row!(table.row, &people.admin, revoke_grant(revoke(grant, text)), what => bad);
        row!(table.row, who, finish_grant(finish(grant, text)), what => bad);
        row!(table.row, who, end_session(end(cases.session, text)), what => bad);
    }
    let name = long(257);
    for (what, client, from) in [
        ("a client of 257 bytes", name.as_str(), ""),
        ("an address of 257 bytes", "", name.as_str()),
        ("a client with a line end", "psql\r", ""),
    ] {
        row!(table.row, who, start_session(start(grant, client, from)), what => bad);
    }
}

async fn extended(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{
        DurationInvalid, DurationTooLong, ExtensionPending, ExtensionsUsedUp, GrantNotActive,
        NotYours, PersonUnknown,
    };
    let (active, extending) = (cases.active.1, cases.extending.1);
    let rows = [
        (
            "no time",
            &people.ada,
            DurationInvalid,
            extend(active, 0, "more"),
        ),
        (
            "all time",
            &people.ada,
            DurationInvalid,
            extend(active, u64::MAX, "more"),
        ),
        (
            "while one waits",
            &people.chen,
            ExtensionPending,
            more(extending),
        ),
        (
            "of what was taken",
            &people.gustav,
            ExtensionsUsedUp,
            more(cases.taken.1),
        ),
    ];
    for (what, who, reason, asked) in rows {
        row!(table.row, who, extend_grant(asked), what => reason);
    }
    // An hour was granted, and eight are allowed in all.
    let second = extend(active, 7 * 3_600 + 1, "more");
    let year = extend(active, 366 * 86_400, "more");
    let rows = [
        ("a second too much", &people.ada, DurationTooLong, second),
        ("a year", &people.ada, DurationTooLong, year),
        ("of somebody else", &people.hana, NotYours, more(active)),
        (
            "of what is over",
            &people.chen,
            GrantNotActive,
            more(cases.ended.1),
        ),
        (
            "of a stranger",
            &people.stranger,
            PersonUnknown,
            more(active),
        ),
        (
            "of an administrator",
            &people.admin,
            PersonUnknown,
            more(active),
        ),
    ];
    for (what, who, reason, asked) in rows {
        row!(table.told, who, extend_grant(asked), what => reason);
    }
}

async fn ended(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{GrantNotActive, NotAReviewer, NotYours, PersonUnknown};
    let (active, extending, over) = (cases.active.1, cases.extending.1, cases.ended.1);
    let rows = [
        ("an own access", &people.chen, NotYours, extending),
        (
            "by who decides on nothing",
            &people.bruno,
            NotAReviewer,
            extending,
        ),
        (
            "what nobody had to allow",
            &people.fatima,
            NotAReviewer,
            active,
        ),
        ("what is over", &people.fatima, GrantNotActive, over),
        ("of a stranger", &people.stranger, PersonUnknown, active),
        ("of a bot for itself", &people.bot, PersonUnknown, active),
    ];
    for (what, who, reason, grant) in rows {
        row!(table.told, who, revoke_grant(revoke(grant, "enough")), what => reason);
    }
    let rows = [
        ("of somebody else", &people.hana, NotYours, active),
        ("by a reviewer", &people.fatima, NotYours, extending),
        ("what is over", &people.chen, GrantNotActive, over),
        ("of a stranger", &people.stranger, PersonUnknown, active),
    ];
    for (what, who, reason, grant) in rows {
        row!(table.told, who, finish_grant(finish(grant, "")), what => reason);
    }
}

async fn sessions(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{GrantNotActive, NotYours, PersonUnknown, SessionEnded};
    let (active, over) = (cases.active.1, cases.ended.1);
    let rows = [
        ("of somebody else", &people.hana, NotYours, active),
        ("on what is over", &people.chen, GrantNotActive, over),
        ("of a stranger", &people.stranger, PersonUnknown, active),
        ("of an administrator", &people.admin, PersonUnknown, active),
    ];
    for (what, who, reason, grant) in rows {
        row!(table.told, who, start_session(start(grant, "psql", "")), what => reason);
    }
    let rows = [
        ("of somebody else", &people.hana, NotYours),
        ("of a stranger", &people.stranger, PersonUnknown),
    ];
    for (what, who, reason) in rows {
        row!(table.told, who, end_session(end(cases.session, "")), what => reason);
    }
    let ended = end(cases.session_over, "");
    row!(table.row, &people.ada, end_session(ended), "a second time" => SessionEnded);
}
