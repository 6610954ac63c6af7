//! A copy of a log in Parquet (docs/export.md). Input: mode, and the bytes of a file or, in odd
//! modes, places in a sound file and what is written there.
#![no_main]

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::kind::Kind;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_export::item::Item;
use countersign_export::native::{meta::Meta, rows::rows, writer::Writer};
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use countersign_proto::event::Event;
use countersign_proto::v1;
use countersign_verifier::check::{Request, check};
use countersign_verifier::source::parquet::Parquet;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// Entries of the log.
const SIZE: u64 = 9;

static LOG: LazyLock<Vec<Commit>> = LazyLock::new(|| {
    let mut head = LogHead::empty();
    let mut commits = Vec::new();
    for entries in [1, 3, 5] {
        let mut builder = CommitBuilder::after(&head);
        for _ in 0..entries {
            push(&mut builder);
        }
        let commit = builder.finish(make::key()).expect("entries");
        head = commit.head().clone();
        commits.push(commit);
    }
    commits
});

fn push(builder: &mut CommitBuilder) {
    let (index, key) = (builder.next_index(), make::key().verifier());
    let event = match index {
        0 => Event::from_message(&v1::LogOpened {
            origin: key.origin().to_string(),
            vkey: key.to_string(),
            format: 1,
        }),
        _ => Event::from_message(&v1::ExternalEvent {
            source: "file:/var/log/auth.log".into(),
            position: index.to_string(),
            ..v1::ExternalEvent::default()
        }),
    };
    let (kind, payload) = event.into_parts().expect("one event");
    let draft = Draft {
        kind: Kind::new(kind.get()).expect("a kind"),
        now: UnixMicros::new(1_000 + index).expect("a time"),
        case: 0,
        actor: "agent:db-1",
        via: "",
        idem: b"",
        payload: &payload,
    };
    builder.push(&draft).expect("it fits");
}

/// The tree of so many entries.
fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::new();
    let leaves = LOG.iter().flat_map(Commit::leaves);
    leaves
        .take(usize::try_from(size).expect("small"))
        .for_each(|leaf| tree.push(*leaf));
    tree
}

static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut items = Vec::new();
    for commit in LOG.iter() {
        for (record, leaf) in commit.records().zip(commit.leaves()) {
            let record = Record::parse(record).expect("a record");
            items.push(Item::new(record, *leaf, commit.checkpoint()));
        }
    }
    let mut writer = Writer::new(Vec::new()).expect("room");
    writer.write(&rows(&items).expect("rows")).expect("room");
    let meta = Meta {
        key: make::key().verifier().clone(),
        first: 0,
        end: SIZE,
        rows: SIZE,
        frontier: Some(Frontier::new()),
        checkpoint: LOG.last().expect("commits").checkpoint().text().to_owned(),
    };
    writer.finish(&meta).expect("room")
});

fn plant() {
    seeds::plant([[&[0], SOUND.as_slice()].concat(), vec![1, 0, 200, 1, 0]]);
    // The verifier expects that the reader of Parquet panics on some bytes, and takes them for
    // damaged. Only a panic elsewhere is a fault.
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let reader = ["/parquet-", "/arrow-", "/rustlib/src/"];
        let file = info.location().map_or("", |location| location.file());
        if !reader.iter().any(|part| file.contains(part)) {
            fatal(info);
        }
    }));
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let bytes = if input.byte().is_multiple_of(2) {
        input.rest().to_vec()
    } else {
        let mut bytes = SOUND.clone();
        let len = bytes.len();
        for patch in input.rest().chunks_exact(3) {
            let at = usize::from(patch[0]) * 256 + usize::from(patch[1]);
            bytes[at % len] = patch[2];
        }
        bytes
    };
    let path = seeds::scratch().join("copy.parquet");
    std::fs::write(&path, &bytes).expect("room");
    let mut copy = Parquet::open(&path).expect("it can be read");
    let request = Request {
        key: Some(make::key().verifier().clone()),
        ..Request::default()
    };
    let report = check(&mut copy, &request, &mut |_| {}).expect("the key is given");
    if report.findings.damage_total() == 0 {
        let copied = report.copied.expect("a copy");
        assert!(copied.end <= SIZE && copied.rows <= SIZE, "entries that nobody signed");
        if copied.whole && copied.alone == 0 {
            assert_eq!(copied.rows, copied.end - copied.first);
            assert_eq!(report.root, Some(tree(copied.end).root()));
        }
    }
});
