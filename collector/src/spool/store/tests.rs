//! A store through restarts, torn writes, rot and a full disk.

use countersign_client::Draft;
use countersign_proto::event::Known;
use countersign_proto::v1;

use super::*;

fn owner() -> Owner {
    Owner {
        identity: "spiffe://example.com/agent/db".to_owned(),
        log: "main".to_owned(),
    }
}

/// In memory, when the machine has a place for that: these tests sync thousands of times.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        return tempfile::tempdir_in(memory).expect("a folder");
    }
    tempfile::tempdir().expect("a folder")
}

fn open(dir: &Path) -> (Store, Recovered) {
    let queue = QueueId::new([1; 16]);
    Store::open(dir, &owner(), (MIN_SPOOL_SEGMENT * 4, queue)).expect("a good spool")
}

fn item(text: &str) -> Item {
    let event = v1::ExternalEvent {
        source: "test".to_owned(),
        raw: text.as_bytes().to_vec().into(),
        ..v1::ExternalEvent::default()
    };
    Item::new(Draft::new(&event)).at("input", text)
}

fn text(item: &Item) -> String {
    match item.draft.event.known().expect("an event") {
        Known::ExternalEvent(event) => String::from_utf8(event.raw.to_vec()).expect("text"),
        other => other.name().to_owned(),
    }
}

fn append(store: &mut Store, texts: &[&str]) {
    let items: Vec<Item> = texts.iter().map(|text| item(text)).collect();
    let wrote = store.append(&items).expect("a good disk");
    assert_eq!(wrote, Wrote::Some(items.len()));
}

/// Everything in the segments, in order.
fn all(dir: &Path) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    for first in folder::list(dir).expect("a folder") {
        let bytes = std::fs::read(folder::path(dir, first)).expect("a segment");
        let found = scan(&bytes).expect("a segment");
        all.extend(found.frames.iter().map(|it| (it.number, text(&it.item))));
    }
    all
}

fn only(dir: &Path) -> PathBuf {
    let firsts = folder::list(dir).expect("a folder");
    assert_eq!(firsts.len(), 1);
    folder::path(dir, firsts[0])
}

#[test]
fn a_restart_keeps_items_and_places_and_begins_a_queue_of_its_own() {
    let dir = folder();
    let (mut store, recovered) = open(dir.path());
    assert_eq!(recovered, Recovered::default());
    append(&mut store, &["a", "b", "c"]);
    store.seal(1).expect("a good disk");
    drop(store);
    let (mut store, recovered) = open(dir.path());
    assert_eq!((recovered.waiting, recovered.lost_at_end), (2, 0));
    assert_eq!((store.next(), store.sealed(), store.base), (3, 1, 3));
    assert_eq!(store.places().get("input").map(String::as_str), Some("c"));
    append(&mut store, &["d"]);
    let texts: Vec<_> = all(dir.path()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["a", "b", "c", "d"]);
    // The first run's segment goes when it is sealed, and the places stay.
    store.seal(3).expect("a good disk");
    assert_eq!(all(dir.path()), [(3, "d".to_owned())]);
    drop(store);
    let (store, recovered) = open(dir.path());
    assert_eq!((recovered.waiting, store.sealed()), (1, 3));
    assert_eq!(store.places().get("input").map(String::as_str), Some("d"));
}

#[test]
fn a_write_that_was_cut_short_at_any_byte_loses_nothing_before_it() {
    let dir = folder();
    let (mut store, _) = open(dir.path());
    append(&mut store, &["a", "b"]);
    let end = store.active.as_ref().map(|(_, end)| *end).expect("open");
    append(&mut store, &["c"]);
    let whole = store.active.as_ref().map(|(_, end)| *end).expect("open");
    drop(store);
    let path = only(dir.path());
    let mut bytes = std::fs::read(&path).expect("a segment");
    bytes.truncate(usize::try_from(whole).expect("small") + 64);
    for cut in end..whole {
        let cut = usize::try_from(cut).expect("small");
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        std::fs::write(&path, &torn).expect("cut");
        let (mut store, recovered) = open(dir.path());
        assert_eq!((recovered.lost, store.next()), (0, 2), "cut at {cut}");
        append(&mut store, &["d"]);
        drop(store);
        let texts: Vec<_> = all(dir.path()).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["a", "b", "d"]);
        for first in folder::list(dir.path()).expect("a folder") {
            std::fs::remove_file(folder::path(dir.path(), first)).expect("removed");
        }
    }
}

#[test]
fn one_flipped_bit_loses_one_item_and_its_number_is_not_given_again() {
    let dir = folder();
    let (mut store, _) = open(dir.path());
    append(&mut store, &["a", "b", "c"]);
    let end = store.active.as_ref().map(|(_, end)| *end).expect("open");
    store.seal(0).expect("a good disk");
    drop(store);
    let path = only(dir.path());
    let mut bytes = std::fs::read(&path).expect("a segment");
    let end = usize::try_from(end).expect("small");
    // A little of the room behind it.
    bytes.truncate(end + 64);
    for bit in (HEAD * 8..end * 8).step_by(3) {
        let mut rotten = bytes.clone();
        rotten[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &rotten).expect("changed");
        let (store, recovered) = open(dir.path());
        // Whatever is lost, nothing gets the number of another item.
        assert_eq!(store.next(), 3, "bit {bit}");
        assert_eq!(recovered.lost + recovered.lost_at_end, 1, "bit {bit}");
        drop(store);
        assert_eq!(all(dir.path()).len(), 2, "bit {bit}");
        std::fs::write(&path, &bytes).expect("put back");
    }
}

#[test]
fn an_edited_item_with_a_good_checksum_is_told() {
    let dir = folder();
    let (mut store, _) = open(dir.path());
    append(&mut store, &["a", "b"]);
    drop(store);
    let path = only(dir.path());
    let mut bytes = std::fs::read(&path).expect("a segment");
    let mut other = Vec::new();
    frame::encode(&item("x"), 0, &Hash::from_bytes([9; 32]), &mut other);
    bytes[HEAD..HEAD + other.len()].copy_from_slice(&other);
    std::fs::write(&path, &bytes).expect("changed");
    let (_, recovered) = open(dir.path());
    assert_eq!(recovered.broken, [0, 1]);
}

#[test]
fn a_spool_is_full_until_a_segment_is_sealed() {
    let dir = folder();
    let (mut store, _) = open(dir.path());
    let large = "x".repeat(40_000);
    let batch: Vec<Item> = (0..10).map(|_| item(&large)).collect();
    let mut written = 0_usize;
    let wrote = loop {
        match store.append(&batch).expect("a good disk") {
            Wrote::Some(count) => written += count,
            full => break full,
        }
    };
    assert_eq!(wrote, Wrote::Full);
    assert!(store.used() <= MIN_SPOOL_SEGMENT * 4, "{}", store.used());
    assert!(written > 80, "{written}");
    // Not before the first segment is sealed whole is there room.
    let second = store.segments[1].first;
    store.seal(second - 1).expect("a good disk");
    assert_eq!(store.append(&batch).expect("a good disk"), Wrote::Full);
    store.seal(second).expect("a good disk");
    let wrote = store.append(&batch).expect("a good disk");
    assert!(matches!(wrote, Wrote::Some(count) if count > 0));
}

#[test]
fn a_spool_is_of_one_client_and_one_process() {
    let dir = folder();
    let (store, _) = open(dir.path());
    let queue = QueueId::new([2; 16]);
    let again = Store::open(dir.path(), &owner(), (MIN_SPOOL_SEGMENT, queue));
    assert!(matches!(again, Err(SpoolError::InUse(_))));
    drop(store);
    let other = Owner {
        identity: "spiffe://example.com/agent/web".to_owned(),
        ..owner()
    };
    let foreign = Store::open(dir.path(), &other, (MIN_SPOOL_SEGMENT, queue));
    assert!(matches!(foreign, Err(SpoolError::Foreign { .. })));
    std::fs::write(dir.path().join("SEALED"), "{").expect("changed");
    let damaged = Store::open(dir.path(), &owner(), (MIN_SPOOL_SEGMENT, queue));
    assert!(matches!(damaged, Err(SpoolError::Damaged { .. })));
}
