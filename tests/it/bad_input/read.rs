//! Rows of the calls that read and prove.

use countersign_proto::reason::Reason;
use countersign_proto::v1::get_receipt_request::Entry;
use countersign_proto::v1::{
    EntryFilter, FollowRequest, GetCheckpointRequest, GetConsistencyProofRequest, GetEntryRequest,
    GetInclusionProofRequest, GetReceiptRequest, GetSequenceRequest, ListEntriesRequest,
};
use prost_types::Timestamp;

use crate::cast::Cast;
use crate::door::request;
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    entries(table, cast).await;
    pages(table, cast).await;
    filters(table, cast).await;
    receipts(table, cast).await;
    inclusion(table, cast).await;
    consistency(table, cast).await;
    follow(table, cast).await;
    logs(table, cast).await;
}

async fn entries(table: &mut Table<'_>, cast: &Cast) {
    let size = table.door.size();
    let rows = [
        ("the next entry", size),
        ("entry 2^63", 1 << 63),
        ("the last index", u64::MAX),
    ];
    for (what, index) in rows {
        let call = GetEntryRequest {
            index,
            ..GetEntryRequest::default()
        };
        let call = async { cast.auditor.log().get_entry(request(call)).await };
        table
            .row(what, &cast.auditor, Reason::EntryUnknown, call)
            .await;
    }
}

async fn pages(table: &mut Table<'_>, cast: &Cast) {
    let list = |page_size, token: &str, filter| ListEntriesRequest {
        page_size,
        page_token: token.to_owned(),
        filter,
        ..ListEntriesRequest::default()
    };
    let first = cast
        .auditor
        .log()
        .list_entries(request(list(1, "", None)))
        .await;
    let token = first.expect("a good question").into_inner().next_page_token;
    let filter = Some(EntryFilter {
        actor: "agent:load".to_owned(),
        ..EntryFilter::default()
    });
    let long = "A".repeat(100_000);
    let rows = [
        (
            "a page of 1,001",
            Reason::PageSizeInvalid,
            list(1_001, "", None),
        ),
        (
            "the largest page",
            Reason::PageSizeInvalid,
            list(u32::MAX, "", None),
        ),
        (
            "a token that is none",
            Reason::PageTokenInvalid,
            list(1, "next", None),
        ),
        (
            "a token with more behind it",
            Reason::PageTokenInvalid,
            list(1, &format!("{token}A"), None),
        ),
        (
            "a token of 100,000 letters",
            Reason::PageTokenInvalid,
            list(1, &long, None),
        ),
        (
            "a token of another question",
            Reason::PageTokenInvalid,
            list(1, &token, filter),
        ),
    ];
    for (what, reason, call) in rows {
        let call = async { cast.auditor.log().list_entries(request(call)).await };
        table.row(what, &cast.auditor, reason, call).await;
    }
}

/// Filters that cannot be read; for listing and following.
fn bad_filters() -> [(&'static str, Reason, EntryFilter); 8] {
    let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let none = EntryFilter::default;
    [
        (
            "an actor without a role",
            Reason::FilterInvalid,
            EntryFilter {
                actor: "ada".to_owned(),
                ..none()
            },
        ),
        (
            "an actor with a space",
            Reason::FilterInvalid,
            EntryFilter {
                actor: "user:a b".to_owned(),
                ..none()
            },
        ),
        (
            "kind 0",
            Reason::FilterInvalid,
            EntryFilter {
                kinds: vec![140, 0],
                ..none()
            },
        ),
        (
            "kind 160",
            Reason::FilterInvalid,
            EntryFilter {
                kinds: vec![160],
                ..none()
            },
        ),
        (
            "a kind of 32 bits",
            Reason::FilterInvalid,
            EntryFilter {
                kinds: vec![65_536 + 140],
                ..none()
            },
        ),
        (
            "a time before 1970",
            Reason::TimeInvalid,
            EntryFilter {
                since: time(-1, 0),
                ..none()
            },
        ),
        (
            "a time with 10^9 nanoseconds",
            Reason::TimeInvalid,
            EntryFilter {
                until: time(1, 1_000_000_000),
                ..none()
            },
        ),
        (
            "since after until",
            Reason::FilterInvalid,
            EntryFilter {
                since: time(2, 0),
                until: time(1, 0),
                ..none()
            },
        ),
    ]
}

async fn filters(table: &mut Table<'_>, cast: &Cast) {
    for (what, reason, filter) in bad_filters() {
        let call = ListEntriesRequest {
            filter: Some(filter),
            ..ListEntriesRequest::default()
        };
        let call = async { cast.auditor.log().list_entries(request(call)).await };
        table
            .row(
                &format!("a filter with {what}"),
                &cast.auditor,
                reason,
                call,
            )
            .await;
    }
}

async fn receipts(table: &mut Table<'_>, cast: &Cast) {
    use Reason::{IdempotencyKeyInvalid, ReceiptUnknown};
    let key = |key: &str| Some(Entry::IdempotencyKey(key.to_owned()));
    let theirs = Some(Entry::Index(cast.theirs.index));
    let rows = [
        (
            "the receipt of someone else's entry",
            ReceiptUnknown,
            theirs,
        ),
        (
            "the receipt of someone else's key",
            ReceiptUnknown,
            key("theirs"),
        ),
        (
            "the receipt of the first entry",
            ReceiptUnknown,
            Some(Entry::Index(0)),
        ),
        (
            "the receipt of the next entry",
            ReceiptUnknown,
            Some(Entry::Index(table.door.size())),
        ),
        (
            "the receipt of the last index",
            ReceiptUnknown,
            Some(Entry::Index(u64::MAX)),
        ),
        (
            "the receipt of an unused key",
            ReceiptUnknown,
            key("unused"),
        ),
        ("the receipt of nothing", ReceiptUnknown, None),
        (
            "the receipt of an empty key",
            IdempotencyKeyInvalid,
            key(""),
        ),
        (
            "the receipt of a key of 65 bytes",
            IdempotencyKeyInvalid,
            key(&"k".repeat(65)),
        ),
    ];
    for (what, reason, entry) in rows {
        let call = GetReceiptRequest {
            entry,
            ..GetReceiptRequest::default()
        };
        let call = async { cast.agent.log().get_receipt(request(call)).await };
        table.row(what, &cast.agent, reason, call).await;
    }
}

async fn inclusion(table: &mut Table<'_>, cast: &Cast) {
    use Reason::{EntryUnknown, IndexOutOfRange, SizeOutOfRange};
    let (size, mine) = (table.door.size(), cast.mine.index);
    let rows = [
        ("a proof of the next entry", EntryUnknown, size, 0),
        ("a proof of the last index", EntryUnknown, u64::MAX, 0),
        (
            "a proof in a tree that ends before it",
            IndexOutOfRange,
            mine,
            mine,
        ),
        ("a proof in a tree to come", SizeOutOfRange, mine, size + 1),
        (
            "a proof in the largest tree",
            SizeOutOfRange,
            mine,
            u64::MAX,
        ),
    ];
    for (what, reason, index, tree_size) in rows {
        let call = GetInclusionProofRequest {
            index,
            tree_size,
            ..GetInclusionProofRequest::default()
        };
        let call = async { cast.witness.log().get_inclusion_proof(request(call)).await };
        table.row(what, &cast.witness, reason, call).await;
    }
}

async fn consistency(table: &mut Table<'_>, cast: &Cast) {
    let size = table.door.size();
    let rows = [
        ("growth from the empty tree", 0, size),
        ("growth backwards", size, size - 1),
        ("growth from a tree to come", size + 1, 0),
        ("growth to a tree to come", 1, size + 1),
        ("growth to the largest tree", 1, u64::MAX),
    ];
    for (what, old_size, new_size) in rows {
        let call = GetConsistencyProofRequest {
            old_size,
            new_size,
            ..GetConsistencyProofRequest::default()
        };
        let call = async {
            cast.witness
                .log()
                .get_consistency_proof(request(call))
                .await
        };
        table
            .row(what, &cast.witness, Reason::SizeOutOfRange, call)
            .await;
    }
}

async fn follow(table: &mut Table<'_>, cast: &Cast) {
    for (what, reason, filter) in bad_filters() {
        let call = cast.auditor.follow(FollowRequest {
            filter: Some(filter),
            ..FollowRequest::default()
        });
        table
            .row(&format!("follow with {what}"), &cast.auditor, reason, call)
            .await;
    }
    let far = cast.auditor.follow(FollowRequest {
        from_index: 1 << 62,
        ..FollowRequest::default()
    });
    table
        .row(
            "follow from 2^62",
            &cast.auditor,
            Reason::IndexOutOfRange,
            far,
        )
        .await;
}

/// Every call takes the name of a log.
async fn logs(table: &mut Table<'_>, cast: &Cast) {
    let caller = &cast.auditor;
    for (log, reason) in [
        ("other", Reason::LogUnknown),
        ("Main", Reason::LogNameInvalid),
    ] {
        let log = || log.to_owned();
        macro_rules! row {
            ($method:ident, $message:ident) => {
                let mut call = $message::default();
                call.log = log();
                let call = async { caller.log().$method(request(call)).await };
                let what = concat!(stringify!($method), " of no log of this ledger");
                table.row(what, caller, reason, call).await;
            };
        }
        row!(get_entry, GetEntryRequest);
        row!(list_entries, ListEntriesRequest);
        row!(get_receipt, GetReceiptRequest);
        row!(get_sequence, GetSequenceRequest);
        row!(get_checkpoint, GetCheckpointRequest);
        row!(get_inclusion_proof, GetInclusionProofRequest);
        row!(get_consistency_proof, GetConsistencyProofRequest);
        row!(follow, FollowRequest);
    }
}
