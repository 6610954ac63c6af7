//! Which reason each error gets, and where the field path points.

use std::io;

use countersign_chain::frame::FrameError;
use countersign_chain::principal::Principal;
use countersign_proto::convert::TimeError;
use countersign_proto::event::EventError;
use countersign_proto::reason::{hint_of, reason_of};

use super::*;
use crate::identity::ca::IssueError;
use crate::identity::csr::CsrError;
use crate::identity::desk::DeskError;
use crate::identity::role::{Role, RoleError};
use crate::log::NewEntryError;
use crate::server::log_service::draft::DraftError;

/// Reason, and the field that a violation names.
fn said(status: &Status) -> (Reason, String) {
    let reason = reason_of(status).expect("every refusal has a reason");
    assert_eq!(status.code(), reason.code());
    assert!(
        hint_of(status).is_some_and(|hint| !hint.is_empty()),
        "{reason}"
    );
    let violations = status.get_details_bad_request();
    let violations = violations
        .map(|details| details.field_violations)
        .unwrap_or_default();
    (
        reason,
        violations
            .into_iter()
            .map(|violation| violation.field)
            .collect(),
    )
}

fn expect(status: &Status, reason: Reason, field: &str) {
    assert_eq!(said(status), (reason, field.to_owned()));
}

#[test]
fn submissions() {
    let cases = [
        (
            SubmitError::KeyReused {
                position: 2,
                index: 9,
            },
            Reason::IdempotencyKeyReused,
            "drafts[2].idempotency_key",
        ),
        (
            SubmitError::PartlyRepeated { position: 1 },
            Reason::BatchPartlyRepeated,
            "drafts[1]",
        ),
        (
            SubmitError::UnknownCase {
                position: 3,
                case: 8,
                size: 4,
            },
            Reason::CaseUnknown,
            "drafts[3].case",
        ),
        (
            SubmitError::TooLarge {
                entries: 1,
                bytes: 2,
            },
            Reason::BatchTooLarge,
            "",
        ),
        (
            SubmitError::DiskFull { free: 1, needed: 2 },
            Reason::DiskFull,
            "",
        ),
        (SubmitError::OutcomeUnknown, Reason::OutcomeUnknown, ""),
        (SubmitError::ShuttingDown, Reason::ShuttingDown, ""),
        (
            SubmitError::Unreadable {
                index: 1,
                error: "why".to_owned(),
            },
            Reason::StoreDamaged,
            "",
        ),
        (
            SubmitError::Internal("why".to_owned()),
            Reason::Internal,
            "",
        ),
    ];
    for (error, reason, field) in cases {
        expect(
            &submit(&error, |position| format!("drafts[{position}]")),
            reason,
            field,
        );
        assert_eq!(position(&error).is_some(), !field.is_empty(), "{error}");
    }
}

#[test]
fn events_of_drafts() {
    let cases: [(DraftError, Reason, &str); 6] = [
        (DraftError::Missing, Reason::EventMissing, "draft"),
        (
            EventError::Missing.into(),
            Reason::EventMissing,
            "draft.event",
        ),
        (
            EventError::Conflict {
                first: 1,
                second: 2,
            }
            .into(),
            Reason::EventConflict,
            "draft.event",
        ),
        (
            EventError::UnknownKind { field: 159 }.into(),
            Reason::KindUnknown,
            "draft.event",
        ),
        (
            EventError::Field {
                name: "SpoolGap",
                field: "source",
                expected: "some text",
                got: "none".to_owned(),
            }
            .into(),
            Reason::PayloadMalformed,
            "draft.event.source",
        ),
        (
            DraftError::KindNotAllowed {
                role: Role::User,
                name: "SpoolGap",
            },
            Reason::KindNotAllowed,
            "draft.event",
        ),
    ];
    for (error, reason, field) in cases {
        expect(&draft(&error, "draft"), reason, field);
    }
}

#[test]
fn fields_of_drafts() {
    let actor = Principal::ledger;
    let cases = [
        (
            Principal::parse("ada").expect_err("no principal").into(),
            Reason::ActorInvalid,
            "draft.on_behalf_of",
        ),
        (
            DraftError::NotABot {
                role: Role::User,
                actor: actor(),
            },
            Reason::ActorNotAllowed,
            "draft.on_behalf_of",
        ),
        (
            DraftError::NotAUser { actor: actor() },
            Reason::ActorNotAllowed,
            "draft.on_behalf_of",
        ),
        (
            DraftError::Key(65),
            Reason::IdempotencyKeyInvalid,
            "draft.idempotency_key",
        ),
        (
            DraftError::KeyTwice { first: 0 },
            Reason::IdempotencyKeyReused,
            "draft.idempotency_key",
        ),
        (
            NewEntryError::PayloadTooLong(50_000).into(),
            Reason::PayloadTooLarge,
            "draft.event",
        ),
        (
            NewEntryError::ViaIsActor.into(),
            Reason::ActorNotAllowed,
            "draft.on_behalf_of",
        ),
    ];
    for (error, reason, field) in cases {
        expect(&draft(&error, "draft"), reason, field);
    }
}

#[test]
fn reads() {
    let out_of_range = ReadError::OutOfRange { index: 3, size: 2 };
    expect(&lookup(&out_of_range.into()), Reason::EntryUnknown, "");
    expect(
        &read(&ReadError::Io(io::Error::other("why"))),
        Reason::Internal,
        "",
    );
    let damaged = ReadError::Damaged {
        index: 7,
        error: FrameError::BadBody("why"),
    };
    let status = read(&damaged);
    expect(&status, Reason::StoreDamaged, "");
    let facts = status.get_details_error_info().expect("a reason").metadata;
    assert_eq!(facts.get("index").map(String::as_str), Some("7"));
    let (index, why) = (8, "why".to_owned());
    let status = lookup(&LookupError::Damaged { index, why });
    assert!(status.message().contains("entry 8"), "{}", status.message());
    expect(&status, Reason::StoreDamaged, "");

    let status = unknown_entry(9, 5, 7);
    assert!(
        ["9", "5", "7"]
            .iter()
            .all(|part| status.message().contains(part))
    );
    expect(&status, Reason::EntryUnknown, "");
}

#[test]
fn trees() {
    let (from, size, stored) = (1, 2, 0);
    let behind = TreeError::OutOfRange { from, size, stored };
    expect(&tree(&behind), Reason::StoreDamaged, "");
    expect(
        &tree(&TreeError::Damaged { size }),
        Reason::StoreDamaged,
        "",
    );
    expect(
        &tree(&TreeError::Read(io::Error::other("why"))),
        Reason::Internal,
        "",
    );
    expect(&without_proof(3, &behind), Reason::OutcomeUnknown, "");
}

#[test]
fn filters_tokens_and_streams() {
    let actor = Principal::parse("").expect_err("no principal");
    let (since, until) = (2, 1);
    let nothing = filter(&FilterError::Empty { since, until });
    expect(&nothing, Reason::FilterInvalid, "filter.until");
    expect(
        &filter(&actor.into()),
        Reason::FilterInvalid,
        "filter.actor",
    );
    let (position, got) = (2, 0);
    let kind = FilterError::Kind { position, got };
    expect(&filter(&kind), Reason::FilterInvalid, "filter.kinds[2]");
    let (field, error) = ("since", TimeError::BeforeEpoch(1));
    expect(
        &filter(&FilterError::Time { field, error }),
        Reason::TimeInvalid,
        "filter.since",
    );

    let (next, end, sealed) = (1, 2, 1);
    let range = TokenError::Range { next, end, sealed };
    for error in [TokenError::Malformed, TokenError::OtherQuery, range] {
        expect(&token(&error), Reason::PageTokenInvalid, "page_token");
    }

    let (what, open, limit, client) = ("calls", 2, 2, "agent:db".to_owned());
    let all = Full::InAll { what, open, limit };
    let own = Full::Client {
        client,
        what,
        open,
        limit,
    };
    for error in [own, all] {
        expect(&full(&error), Reason::TooManyStreams, "");
        expect(&busy(&error), Reason::TooManyCalls, "");
        expect(&crowded(&error), Reason::TooManyConnections, "");
    }
}

#[test]
fn certificates() {
    let serial = || "aa".to_owned();
    let name = Principal::parse("user:").expect_err("no name");
    let cases = [
        (
            IssueError::Csr(CsrError::Key).into(),
            Reason::CsrInvalid,
            "csr_pem",
        ),
        (IssueError::Name(name).into(), Reason::NameInvalid, "name"),
        (
            IssueError::Validity { got: 0 }.into(),
            Reason::ValidityInvalid,
            "valid_seconds",
        ),
        (
            IssueError::IssuerExpired { not_after: 1 }.into(),
            Reason::Internal,
            "",
        ),
        (IssueError::Host(serial()).into(), Reason::Internal, ""),
        (IssueError::Random(serial()).into(), Reason::Internal, ""),
        (
            DeskError::Unknown { serial: serial() },
            Reason::CertificateUnknown,
            "serial",
        ),
        (
            DeskError::AlreadyRevoked {
                serial: serial(),
                index: 4,
            },
            Reason::AlreadyRevoked,
            "",
        ),
        (
            DeskError::Revoked { serial: serial() },
            Reason::CertificateRevoked,
            "",
        ),
        (
            DeskError::LastAdmin { serial: serial() },
            Reason::RoleNotAllowed,
            "",
        ),
        (
            NewEntryError::PayloadTooLong(50_000).into(),
            Reason::PayloadTooLarge,
            "reason",
        ),
        (NewEntryError::ViaIsActor.into(), Reason::Internal, ""),
        (EventError::Missing.into(), Reason::Internal, ""),
        (
            SubmitError::DiskFull { free: 1, needed: 2 }.into(),
            Reason::DiskFull,
            "",
        ),
    ];
    for (error, reason, field) in cases {
        expect(&desk(&error), reason, field);
    }
    expect(
        &role(&RoleError("root".to_owned())),
        Reason::RoleInvalid,
        "role",
    );
}

#[test]
fn a_position_joins_the_details() {
    let status = at_position(&draft(&DraftError::Missing, "draft"), 41);
    expect(&status, Reason::EventMissing, "draft");
    let info = status.get_details_error_info().expect("a reason");
    assert_eq!(
        info.metadata.get("position").map(String::as_str),
        Some("41")
    );
    assert_eq!(
        hint_of(&status),
        hint_of(&draft(&DraftError::Missing, "draft"))
    );
}
