//! Rows of bytes that no generated client sends, of deadlines, methods and roles.

use countersign_ledger::identity::role::{Deadline, METHODS, Role};
use countersign_proto::reason::Reason;
use prost::Message as _;
use std::time::Duration;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;

use crate::cast::{Cast, external};
use crate::door::request;
use crate::table::Table;

const APPEND: &str = "/countersign.v1.LogService/Append";
const STREAM: &str = "/countersign.v1.LogService/AppendStream";
const BATCH: &str = "/countersign.v1.LogService/AppendBatch";
const RECEIPT: &str = "/countersign.v1.LogService/GetReceipt";
const ISSUE: &str = "/countersign.v1.AdminService/IssueCertificate";

/// Why bytes are refused that are not the request that the method takes.
const UNREADABLE: Reason = Reason::PayloadMalformed;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    events(table, cast).await;
    unreadable(table, cast).await;
    deadlines(table, cast).await;
    methods(table, cast).await;
    roles(table, cast).await;
}

/// A length-delimited field.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::bytes::encode(number, &bytes.to_vec(), &mut out);
    out
}

/// A field that holds a number.
fn number(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::uint64::encode(number, &value, &mut out);
    out
}

/// An AppendRequest with a draft of these fields.
fn append(draft: &[Vec<u8>]) -> Vec<u8> {
    field(2, &draft.concat())
}

async fn events(table: &mut Table<'_>, cast: &Cast) {
    use Reason::{EventConflict, KindUnknown, PayloadMalformed};
    let good = field(140, &external("text").encode_to_vec());
    let event = |parts: &[&[u8]]| field(1, &parts.concat());
    let started = field(142, b"");
    let twice = [append(&[event(&[&good])]), append(&[event(&[&started])])].concat();
    let rows = [
        (
            "two events in a message",
            EventConflict,
            append(&[event(&[&good, &started])]),
        ),
        (
            "an event twice",
            EventConflict,
            append(&[event(&[&good, &good])]),
        ),
        (
            "two fields with an event",
            EventConflict,
            append(&[event(&[&good]), event(&[&started])]),
        ),
        ("two drafts with an event", EventConflict, twice),
        (
            "an event and a field to come",
            EventConflict,
            append(&[event(&[&good, &field(200, b"")])]),
        ),
        (
            "a field number above all kinds",
            KindUnknown,
            append(&[event(&[&field(160, b"")])]),
        ),
        (
            "the highest field number",
            KindUnknown,
            append(&[event(&[&field((1 << 29) - 1, b"")])]),
        ),
        (
            "a number for an event",
            PayloadMalformed,
            append(&[event(&[&number(140, 7)])]),
        ),
    ];
    for (what, reason, bytes) in rows {
        let call = cast.agent.raw(APPEND, request(bytes));
        table.row(what, &cast.agent, reason, call).await;
    }
}

/// Bytes that are not the request that the method takes.
async fn unreadable(table: &mut Table<'_>, cast: &Cast) {
    let good = field(1, &field(140, &external("text").encode_to_vec()));
    let latin = b"user:\xe4da";
    let rows = [
        ("no protobuf at all", APPEND, b"\xff\xff\xff\xff".to_vec()),
        ("a request that is cut off", APPEND, b"\x12\x09abc".to_vec()),
        (
            "an actor that is not UTF-8",
            APPEND,
            append(&[good.clone(), field(4, latin)]),
        ),
        (
            "a key that is not UTF-8",
            APPEND,
            append(&[good.clone(), field(3, latin)]),
        ),
        (
            "a log that is not UTF-8",
            APPEND,
            [field(1, latin), append(&[good])].concat(),
        ),
        (
            "no event in the event",
            APPEND,
            append(&[field(1, b"\xff\xff")]),
        ),
        ("a batch that is cut off", BATCH, b"\x12\x09abc".to_vec()),
        ("a stream that is cut off", STREAM, b"\x12\x09abc".to_vec()),
        (
            "a question that is cut off",
            RECEIPT,
            b"\x0a\x09abc".to_vec(),
        ),
    ];
    for (what, path, bytes) in rows {
        let call = cast.agent.raw(path, request(bytes));
        table.row(what, &cast.agent, UNREADABLE, call).await;
    }
    let call = cast.admin.raw(ISSUE, request(b"\x0a\x09abc".to_vec()));
    table
        .row("an order that is cut off", &cast.admin, UNREADABLE, call)
        .await;
    let call = cast.agent.silent(APPEND);
    table
        .row("no request at all", &cast.agent, UNREADABLE, call)
        .await;
}

async fn deadlines(table: &mut Table<'_>, cast: &Cast) {
    for method in METHODS
        .iter()
        .filter(|method| method.deadline == Deadline::Required)
    {
        let what = format!("{} without a deadline", method.path);
        let call = cast.admin.raw(method.path, Request::new(Vec::new()));
        table
            .row(&what, &cast.admin, Reason::DeadlineMissing, call)
            .await;
    }
    let with = |text: &'static str| {
        let mut call = Request::new(Vec::new());
        let value = AsciiMetadataValue::from_static(text);
        call.metadata_mut().insert("grpc-timeout", value);
        call
    };
    for text in ["soon", "10", "S", "-1S", "1.5S", "123456789S", "10s"] {
        let what = format!("the deadline {text:?}");
        let call = cast.agent.raw(APPEND, with(text));
        table
            .row(&what, &cast.agent, Reason::DeadlineMissing, call)
            .await;
    }
    let mut long = Request::new(Vec::new());
    long.set_timeout(Duration::from_secs(3_601));
    let call = cast.agent.raw(APPEND, long);
    table
        .row(
            "a deadline above an hour",
            &cast.agent,
            Reason::DeadlineTooLong,
            call,
        )
        .await;
}

async fn methods(table: &mut Table<'_>, cast: &Cast) {
    for path in [
        "/countersign.v1.LogService/Delete",
        "/countersign.v1.LogService/append",
        "/countersign.v1.LogService/Append/",
        "/countersign.v2.LogService/Append",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/metrics",
        "/",
    ] {
        let call = cast.admin.raw(path, request(Vec::new()));
        table
            .row(path, &cast.admin, Reason::MethodUnknown, call)
            .await;
    }
}

/// Every role and every method that is not for it. What stands here by name is what matters most,
/// whatever the table of the ledger says.
async fn roles(table: &mut Table<'_>, cast: &Cast) {
    let named = [
        (Role::Auditor, "LogService/AppendBatch"),
        (Role::Auditor, "LogService/AppendStream"),
        (Role::Witness, "LogService/Append"),
        (Role::Agent, "LogService/ListEntries"),
        (Role::Agent, "LogService/GetEntry"),
        (Role::Agent, "LogService/Follow"),
        (Role::User, "LogService/ListEntries"),
        (Role::Agent, "AdminService/IssueCertificate"),
        (Role::Bot, "AdminService/IssueCertificate"),
        (Role::Auditor, "AdminService/RevokeCertificate"),
        (Role::Agent, "AdminService/Status"),
    ];
    for (role, path) in named {
        let path = format!("/countersign.v1.{path}");
        let caller = cast.of_role(role);
        let call = caller.raw(&path, request(Vec::new()));
        table
            .row(
                &format!("{role}: {path}"),
                caller,
                Reason::RoleNotAllowed,
                call,
            )
            .await;
    }
    for method in METHODS {
        for role in Role::ALL
            .into_iter()
            .filter(|role| !method.roles.contains(role))
        {
            let short = method.path.trim_start_matches("/countersign.v1.");
            if named.contains(&(role, short)) {
                continue;
            }
            let caller = cast.of_role(role);
            let call = caller.raw(method.path, request(Vec::new()));
            table
                .row(
                    &format!("{role}: {short}"),
                    caller,
                    Reason::RoleNotAllowed,
                    call,
                )
                .await;
        }
    }
}
