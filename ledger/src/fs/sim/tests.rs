//! The simulated disk keeps and loses what its model says: loss, tears, order, failing syncs,
//! space, damage.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fs::{Fs, FsFile};

const FILL: usize = 512;

fn sectors(letters: &[u8]) -> Vec<u8> {
    letters.iter().flat_map(|letter| [*letter; FILL]).collect()
}

/// A disk with the durable file `x` of these sectors, and the file.
fn disk_with(letters: &[u8]) -> (SimFs, Arc<dyn FsFile>) {
    let fs = SimFs::new();
    let file = fs.create_new("x").unwrap();
    file.write_all_at(&sectors(letters), 0).unwrap();
    file.sync_data().unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(fs.pending(), 0);
    (fs, file)
}

/// First letter of each sector of `x` on an image; `None` when the file is not there.
fn letters(fs: &SimFs) -> Option<String> {
    let bytes = fs.read_file("x").ok()?;
    for sector in bytes.chunks(FILL) {
        assert!(
            sector.iter().all(|byte| *byte == sector[0]),
            "a sector tore"
        );
    }
    let show = |byte: u8| if byte == 0 { '.' } else { char::from(byte) };
    Some(bytes.chunks(FILL).map(|sector| show(sector[0])).collect())
}

/// What every subset of the pending changes leaves of `x`.
fn outcomes(fs: &SimFs) -> BTreeSet<Option<String>> {
    let images = Survive::subsets(fs.pending()).unwrap();
    images
        .map(|survive| letters(&fs.crash_image(survive)))
        .collect()
}

fn some(words: &[&str]) -> BTreeSet<Option<String>> {
    words.iter().map(|word| Some((*word).to_owned())).collect()
}

fn device_bytes(fs: &SimFs, path: &str) -> Vec<u8> {
    let device = fs.open_device(path).unwrap();
    let mut bytes = vec![0; usize::try_from(device.len().unwrap()).unwrap()];
    device.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn unsynced_sectors_survive_in_any_combination() {
    let (fs, file) = disk_with(b"aaa");
    file.write_all_at(&sectors(b"bcd"), 0).unwrap();
    let expected = ["aaa", "baa", "aca", "aad", "bca", "bad", "acd", "bcd"];
    assert_eq!(fs.pending(), 3);
    assert_eq!(outcomes(&fs), some(&expected));
}

#[test]
fn a_synced_write_survives_everything() {
    let (fs, file) = disk_with(b"aa");
    file.write_all_at(&sectors(b"bb"), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs), some(&["bb"]));
    assert_eq!(device_bytes(&fs, "x"), sectors(b"bb"));
}

#[test]
fn each_choice_keeps_what_it_says() {
    let (fs, file) = disk_with(b"aaaa");
    file.write_all_at(&sectors(b"bcde"), 0).unwrap();
    let left = |survive| letters(&fs.crash_image(survive)).unwrap();
    assert_eq!(left(Survive::Nothing), "aaaa");
    assert_eq!(left(Survive::Everything), "bcde");
    assert_eq!(left(Survive::Prefix(0)), "aaaa");
    assert_eq!(left(Survive::Prefix(3)), "bcda");
    assert_eq!(left(Survive::Prefix(9)), "bcde");
    assert_eq!(left(Survive::Single(2)), "aada");
    assert_eq!(left(Survive::Single(4)), "aaaa");
    assert_eq!(left(Survive::AllBut(1)), "bade");
    assert_eq!(left(Survive::Mask(0b1001)), "baae");
    let random: BTreeSet<String> = (0..400).map(|seed| left(Survive::Random(seed))).collect();
    assert_eq!(random.len(), 16, "{random:?}");
    assert_eq!(left(Survive::Random(7)), left(Survive::Random(7)));
}

#[test]
fn a_sample_names_no_outcome_twice() {
    for pending in 0..7 {
        let sample = Survive::sample(pending, 0..0);
        let chosen: BTreeSet<Vec<bool>> = sample.iter().map(|one| one.choose(pending)).collect();
        assert_eq!(chosen.len(), sample.len(), "{pending} pending: {sample:?}");
        for one in (0..pending).flat_map(|i| [Survive::Single(i), Survive::AllBut(i)]) {
            assert!(
                chosen.contains(&one.choose(pending)),
                "{one:?} of {pending}"
            );
        }
    }
    assert!(Survive::sample(5, 0..3).contains(&Survive::Random(2)));
}

#[test]
fn subsets_are_all_subsets_and_not_too_many() {
    assert_eq!(Survive::subsets(0).unwrap().count(), 1);
    let all: BTreeSet<Vec<bool>> = Survive::subsets(4).unwrap().map(|s| s.choose(4)).collect();
    assert_eq!(all.len(), 16);
    assert!(Survive::subsets(21).is_none());
}

#[test]
fn a_sector_written_twice_may_hold_either_version() {
    let (fs, file) = disk_with(b"a");
    file.write_all_at(&sectors(b"b"), 0).unwrap();
    file.write_all_at(&sectors(b"c"), 0).unwrap();
    assert_eq!(outcomes(&fs), some(&["a", "b", "c"]));
}

#[test]
fn a_sector_carries_what_was_written_to_it_before() {
    let (fs, file) = disk_with(b"a");
    file.write_all_at(b"1", 0).unwrap();
    file.write_all_at(b"2", 1).unwrap();
    let only_second = fs.crash_image(Survive::Single(1)).read_file("x").unwrap();
    assert_eq!(only_second[..3], *b"12a");
}

#[test]
fn a_length_may_survive_without_its_data_and_data_without_its_length() {
    let (fs, file) = disk_with(b"a");
    file.write_all_at(&sectors(b"bc"), 512).unwrap();
    // Length, sector 1, sector 2.
    assert_eq!(fs.pending(), 3);
    assert_eq!(outcomes(&fs), some(&["a", "a..", "ab.", "a.c", "abc"]));
}

#[test]
fn sectors_past_a_lost_length_do_not_come_back() {
    let (fs, file) = disk_with(b"a");
    file.write_all_at(&sectors(b"b"), 512).unwrap();
    let image = fs.crash_image(Survive::Single(1));
    image.open("x").unwrap().allocate(1024).unwrap();
    assert_eq!(letters(&image).unwrap(), "a.");
    // The same far past the length.
    let (fs, file) = disk_with(b"a");
    file.write_all_at(&sectors(b"b"), 30 * 512).unwrap();
    let image = fs.crash_image(Survive::Single(1));
    image.open("x").unwrap().allocate(31 * 512).unwrap();
    assert_eq!(letters(&image).unwrap(), format!("a{}", ".".repeat(30)));
}

#[test]
fn an_allocation_is_pending_until_synced() {
    let (fs, file) = disk_with(b"a");
    file.allocate(1536).unwrap();
    assert_eq!(outcomes(&fs), some(&["a", "a.."]));
    file.sync_all().unwrap();
    assert_eq!(outcomes(&fs), some(&["a.."]));
}

#[test]
fn a_created_file_needs_a_sync_of_its_folder() {
    let fs = SimFs::new();
    let file = fs.create_new("x").unwrap();
    file.write_all_at(&sectors(b"a"), 0).unwrap();
    file.sync_all().unwrap();
    assert_eq!(outcomes(&fs), BTreeSet::from([None, Some("a".to_owned())]));
    fs.sync_dir("").unwrap();
    assert_eq!(outcomes(&fs), some(&["a"]));
}

#[test]
fn a_created_file_may_be_there_without_its_bytes() {
    let fs = SimFs::new();
    fs.create_new("x")
        .unwrap()
        .write_all_at(&sectors(b"a"), 0)
        .unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(outcomes(&fs), some(&["", ".", "a"]));
}

#[test]
fn a_folder_that_is_lost_takes_its_files_along() {
    let fs = SimFs::new();
    fs.create_dir("d").unwrap();
    fs.create_new("d/x").unwrap();
    fs.sync_dir("d").unwrap();
    assert_eq!(fs.pending(), 1);
    assert!(fs.crash_image(Survive::Everything).exists("d/x").unwrap());
    let image = fs.crash_image(Survive::Nothing);
    assert!(!image.exists("d").unwrap());
    assert!(image.list("").unwrap().is_empty());
}

#[test]
fn an_unsynced_rename_is_done_or_undone_but_never_half() {
    let (fs, _file) = disk_with(b"a");
    fs.rename_noreplace("x", "y").unwrap();
    assert_eq!(fs.crash_image(Survive::Nothing).list("").unwrap(), ["x"]);
    assert_eq!(fs.crash_image(Survive::Everything).list("").unwrap(), ["y"]);
    fs.sync_dir("").unwrap();
    assert_eq!(fs.crash_image(Survive::Nothing).list("").unwrap(), ["y"]);
}

#[test]
fn an_unsynced_replacement_leaves_the_old_or_the_new_file() {
    let (fs, _file) = disk_with(b"a");
    let new = fs.create_new("x.tmp").unwrap();
    new.write_all_at(&sectors(b"b"), 0).unwrap();
    new.sync_all().unwrap();
    fs.rename("x.tmp", "x").unwrap();
    assert_eq!(outcomes(&fs), some(&["a", "b"]));
}

#[test]
fn a_replacement_that_was_not_synced_first_may_be_empty() {
    let (fs, _file) = disk_with(b"a");
    let new = fs.create_new("x.tmp").unwrap();
    new.write_all_at(&sectors(b"b"), 0).unwrap();
    fs.rename("x.tmp", "x").unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(outcomes(&fs), some(&["", ".", "b"]));
}

#[test]
fn a_rename_between_folders_needs_both_synced() {
    let fs = SimFs::new();
    fs.create_dir("d").unwrap();
    drop(fs.create_new("x").unwrap());
    fs.sync_dir("").unwrap();
    fs.rename("x", "d/x").unwrap();
    for first in ["", "d"] {
        fs.sync_dir(first).unwrap();
        let image = fs.crash_image(Survive::Nothing);
        let places = [image.exists("x").unwrap(), image.exists("d/x").unwrap()];
        assert_eq!(
            places,
            if first == "d" {
                [false, true]
            } else {
                [true, false]
            }
        );
    }
}

#[test]
fn a_name_is_never_stored_before_what_it_follows() {
    let fs = SimFs::new();
    fs.create_dir("d").unwrap();
    drop(fs.create_new("x").unwrap());
    fs.sync_dir("").unwrap();
    // Only the root is synced, but the new x cannot be stored while the old one still has its name.
    fs.rename("x", "d/x").unwrap();
    drop(fs.create_new("x").unwrap());
    let image = fs.crash_image(Survive::Single(1));
    assert!(image.exists("x").unwrap() && image.exists("d/x").unwrap());
    fs.sync_dir("").unwrap();
    let image = fs.crash_image(Survive::Nothing);
    assert!(image.exists("x").unwrap() && image.exists("d/x").unwrap());
}

#[test]
fn an_unsynced_removal_may_be_undone() {
    let (fs, _file) = disk_with(b"a");
    fs.remove("x").unwrap();
    assert_eq!(outcomes(&fs), BTreeSet::from([None, Some("a".to_owned())]));
    fs.sync_dir("").unwrap();
    assert_eq!(outcomes(&fs), BTreeSet::from([None]));
}

#[test]
fn syncing_one_file_stores_no_other() {
    let (fs, _file) = disk_with(b"a");
    let other = fs.create_new("other").unwrap();
    fs.open("x")
        .unwrap()
        .write_all_at(&sectors(b"b"), 0)
        .unwrap();
    other.sync_all().unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(outcomes(&fs), some(&["a", "b"]));
}

#[test]
fn a_failed_sync_leaves_clean_pages_that_a_crash_loses() {
    let (fs, file) = disk_with(b"aa");
    file.write_all_at(&sectors(b"bb"), 0).unwrap();
    fs.fail_at(fs.ops(), Fault::NotStored(Errno::IO));
    let error = file.sync_data().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()));
    assert_eq!(
        letters(&fs).unwrap(),
        "bb",
        "cached reads show the new bytes"
    );
    assert_eq!(device_bytes(&fs, "x"), sectors(b"aa"));
    file.sync_data().unwrap();
    assert_eq!(
        device_bytes(&fs, "x"),
        sectors(b"aa"),
        "the second sync stored nothing"
    );
    assert_eq!(outcomes(&fs), some(&["aa"]));
    file.write_all_at(&sectors(b"c"), 512).unwrap();
    file.sync_data().unwrap();
    assert_eq!(
        outcomes(&fs),
        some(&["ac"]),
        "only what was written again is stored"
    );
}

#[test]
fn a_sync_may_fail_and_have_stored_everything_or_half() {
    let (fs, file) = disk_with(b"aa");
    file.write_all_at(&sectors(b"bb"), 0).unwrap();
    fs.fail_at(fs.ops(), Fault::ButStored(Errno::IO));
    assert!(file.sync_data().is_err());
    assert_eq!(outcomes(&fs), some(&["bb"]));
    file.write_all_at(&sectors(b"cc"), 0).unwrap();
    fs.fail_at(fs.ops(), Fault::Short);
    assert_eq!(
        file.sync_all().unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(outcomes(&fs), some(&["cb"]));
    assert_eq!(letters(&fs).unwrap(), "cc");
}

#[test]
fn a_failed_folder_sync_forgets_the_names() {
    let (fs, _file) = disk_with(b"a");
    fs.rename("x", "y").unwrap();
    fs.fail_at(fs.ops(), Fault::NotStored(Errno::IO));
    assert!(fs.sync_dir("").is_err());
    assert_eq!(fs.list("").unwrap(), ["y"]);
    fs.sync_dir("").unwrap();
    assert_eq!(fs.crash_image(Survive::Everything).list("").unwrap(), ["x"]);
}

#[test]
fn a_file_keeps_one_name_where_an_earlier_rename_was_forgotten() {
    let (fs, _file) = disk_with(b"a");
    fs.rename("x", "y").unwrap();
    fs.fail_at(fs.ops(), Fault::NotStored(Errno::IO));
    assert!(fs.sync_dir("").is_err());
    fs.rename("y", "z").unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(fs.crash_image(Survive::Nothing).list("").unwrap(), ["z"]);
}

#[test]
fn a_call_that_fails_has_done_nothing_or_all() {
    let (fs, file) = disk_with(b"a");
    let not_stored = Fault::NotStored(Errno::IO);
    let but_stored = Fault::ButStored(Errno::IO);
    for (fault, names, bytes) in [(not_stored, "x", "a"), (but_stored, "d y z", "b..")] {
        for op in 0..5 {
            fs.fail_at(fs.ops() + op, fault);
        }
        assert!(file.write_all_at(&sectors(b"b"), 0).is_err());
        assert!(file.allocate(1536).is_err());
        assert!(fs.create_dir("d").is_err());
        assert!(fs.create_new("z").is_err());
        assert!(fs.rename("x", "y").is_err());
        assert_eq!(fs.list("").unwrap().join(" "), names);
        let seen = if names == "x" {
            letters(&fs)
        } else {
            letters_of(&fs, "y")
        };
        assert_eq!(seen.unwrap(), bytes);
    }
    fs.fail_at(fs.ops(), not_stored);
    assert!(fs.remove("y").is_err());
    assert!(fs.exists("y").unwrap());
    fs.fail_at(fs.ops(), but_stored);
    assert!(fs.remove("y").is_err());
    assert!(!fs.exists("y").unwrap());
}

fn letters_of(fs: &SimFs, path: &str) -> Option<String> {
    let copy = SimFs::new();
    copy.write_file("x", &fs.read_file(path).ok()?).unwrap();
    letters(&copy)
}

#[test]
fn a_short_write_stores_half_and_then_finds_the_disk_full() {
    let (fs, file) = disk_with(b"aaaa");
    fs.fail_at(fs.ops(), Fault::Short);
    let error = file.write_all_at(&sectors(b"bbbb"), 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(letters(&fs).unwrap(), "bbaa");
    file.write_all_at(&sectors(b"cccc"), 0).unwrap();
    assert_eq!(letters(&fs).unwrap(), "cccc");
    fs.fail_at(fs.ops(), Fault::Short);
    assert_eq!(
        file.write_at(b"1", 0).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    file.write_all_at(b"1", 0).unwrap();
}

#[test]
fn an_interrupted_write_goes_on() {
    let (fs, file) = disk_with(b"aa");
    fs.fail_at(fs.ops(), Fault::NotStored(Errno::INTR));
    file.write_all_at(&sectors(b"bb"), 0).unwrap();
    assert_eq!(letters(&fs).unwrap(), "bb");
}

#[test]
fn a_power_failure_stops_the_call_before_or_after_it_worked() {
    for (fault, expected) in [(Fault::CrashBefore, "aa"), (Fault::CrashAfter, "bb")] {
        let (fs, file) = disk_with(b"aa");
        file.write_all_at(&sectors(b"bb"), 0).unwrap();
        fs.fail_at(fs.ops(), fault);
        assert!(file.sync_data().is_err());
        assert!(fs.is_off());
        assert_eq!(
            letters(&fs.crash_image(Survive::Nothing)).unwrap(),
            expected
        );
    }
}

#[test]
fn nothing_works_without_power() {
    let (fs, file) = disk_with(b"a");
    let lock = fs.lock("x").unwrap();
    fs.fail_at(fs.ops(), Fault::CrashBefore);
    assert!(fs.create_dir("d").is_err());
    let ops = fs.ops();
    let results = [
        fs.create_dir("d"),
        fs.create_new("y").map(drop),
        fs.open("x").map(drop),
        fs.open_read("x").map(drop),
        fs.open_device("x").map(drop),
        fs.rename("x", "y"),
        fs.rename_noreplace("x", "y"),
        fs.remove("x"),
        fs.sync_dir(""),
        fs.list("").map(drop),
        fs.exists("x").map(drop),
        fs.free_bytes().map(drop),
        fs.lock("x").map(drop),
        file.read_at(&mut [0], 0).map(drop),
        file.write_all_at(b"1", 0),
        file.allocate(9),
        file.sync_data(),
        file.sync_all(),
        file.len().map(drop),
    ];
    for (number, result) in results.into_iter().enumerate() {
        let error = result.unwrap_err().to_string();
        assert_eq!(error, "power is off", "call {number}");
    }
    assert_eq!(fs.ops(), ops);
    let image = fs.crash_image(Survive::Everything);
    drop(image.lock("x").unwrap());
    assert_eq!(
        (image.ops(), image.pending(), image.is_off()),
        (0, 0, false)
    );
    drop(lock);
}

#[test]
fn images_and_their_origin_do_not_touch_each_other() {
    let (fs, file) = disk_with(b"aa");
    file.write_all_at(&sectors(b"b"), 0).unwrap();
    let image = fs.crash_image(Survive::Everything);
    let other = image.open("x").unwrap();
    other.write_all_at(&sectors(b"c"), 512).unwrap();
    other.sync_data().unwrap();
    image.remove("x").unwrap();
    assert_eq!(letters(&fs).unwrap(), "ba");
    assert_eq!(outcomes(&fs), some(&["aa", "ba"]));
    file.write_all_at(&sectors(b"d"), 0).unwrap();
    assert_eq!(letters(&image.crash_image(Survive::Nothing)).unwrap(), "bc");
}

#[test]
fn calls_are_counted_and_traced_also_when_they_fail() {
    let fs = SimFs::new();
    let file = fs.create_new("x").unwrap();
    assert!(fs.create_new("x").is_err());
    file.write_all_at(b"1", 0).unwrap();
    file.read_at(&mut [0], 0).unwrap();
    file.sync_all().unwrap();
    fs.rename("x", "y").unwrap();
    file.sync_data().unwrap();
    fs.sync_dir("").unwrap();
    let trace: Vec<String> = fs
        .trace()
        .iter()
        .map(|op| format!("{:?} {}", op.call, op.path))
        .collect();
    let expected = [
        "CreateNew x",
        "CreateNew x",
        "Write x",
        "SyncAll x",
        "Rename y",
        "SyncData x",
        "SyncDir ",
    ];
    assert_eq!(trace, expected);
    assert_eq!(fs.ops(), expected.len());
}

#[test]
fn a_full_disk_takes_what_fits_and_recovers() {
    let (fs, file) = disk_with(b"aa");
    fs.set_capacity(1500);
    assert_eq!(fs.free_bytes().unwrap(), 476);
    assert_eq!(
        file.allocate(1501).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(file.len().unwrap(), 1024);
    assert_eq!(file.write_at(&[1; 600], 1000).unwrap(), 500);
    let error = file.write_all_at(&[1; 600], 1000).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!((file.len().unwrap(), fs.free_bytes().unwrap()), (1500, 0));
    file.write_all_at(&sectors(b"bb"), 0).unwrap();
    let other = fs.create_new("y").unwrap();
    assert!(other.write_all_at(b"1", 0).is_err());
    assert_eq!(fs.crash_image(Survive::Everything).free_bytes().unwrap(), 0);
    fs.remove("x").unwrap();
    other.write_all_at(&[1; 1500], 0).unwrap();
    fs.set_capacity(100);
    assert_eq!(fs.free_bytes().unwrap(), 0);
    fs.set_capacity(1600);
    other.allocate(1600).unwrap();
}

#[test]
fn damage_reaches_cache_and_device_alike() {
    let (fs, file) = disk_with(b"aa");
    file.write_all_at(&sectors(b"b"), 0).unwrap();
    fs.flip_bit("x", 513 * 8 + 1).unwrap();
    let mut expected = sectors(b"ba");
    expected[513] ^= 2;
    assert_eq!(fs.read_file("x").unwrap(), expected);
    assert_eq!(device_bytes(&fs, "x"), expected);
    assert!(fs.flip_bit("x", 1024 * 8).is_err());
    fs.truncate("x", 514).unwrap();
    fs.truncate("x", 520).unwrap();
    expected.truncate(514);
    expected.resize(520, 0);
    assert_eq!(fs.read_file("x").unwrap(), expected);
    assert_eq!(
        fs.crash_image(Survive::Nothing).read_file("x").unwrap(),
        expected
    );
    fs.write_file("x", b"short").unwrap();
    assert_eq!(
        fs.crash_image(Survive::Nothing).read_file("x").unwrap(),
        b"short"
    );
    assert_eq!((fs.ops(), fs.pending()), (5, 0));
}

#[test]
fn a_file_put_onto_the_device_is_there_with_its_folders() {
    let fs = SimFs::new();
    fs.create_dir("d").unwrap();
    fs.create_dir("d/e").unwrap();
    assert!(fs.write_file("no/x", b"1").is_err());
    fs.write_file("d/e/x", b"1").unwrap();
    assert_eq!(
        fs.crash_image(Survive::Nothing).read_file("d/e/x").unwrap(),
        b"1"
    );
    assert_eq!(fs.open("d/e/x").unwrap().len().unwrap(), 1);
}

/// So many cases, without a file of past failures beside the source.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(count)
    }
}

proptest! {
    #![proptest_config(cases(256))]

    /// Against a plain model: after a power loss every sector holds its last synced version or one
    /// written after it.
    #[test]
    fn no_sector_is_older_than_its_last_sync(
        steps in prop::collection::vec((0..8_usize, 1..4_usize, prop::bool::weighted(0.2)), 1..40),
        seed in any::<u64>(),
    ) {
        let (fs, file) = disk_with(&[0; 12]);
        // Versions of each sector since the last sync, the synced one first.
        let mut versions = vec![vec![0_u8]; 12];
        for (number, (sector, count, sync)) in steps.iter().enumerate() {
            let version = u8::try_from(number + 1).unwrap();
            let at = u64::try_from(sector * FILL).unwrap();
            file.write_all_at(&sectors(&vec![version; *count]), at).unwrap();
            versions[*sector..sector + count].iter_mut().for_each(|held| held.push(version));
            if *sync {
                file.sync_data().unwrap();
                versions.iter_mut().for_each(|held| drop(held.drain(..held.len() - 1)));
            }
        }
        for survive in Survive::sample(fs.pending(), seed..seed.saturating_add(20)) {
            let bytes = fs.crash_image(survive).read_file("x").unwrap();
            for (sector, held) in bytes.chunks(FILL).zip(&versions) {
                prop_assert!(held.contains(&sector[0]), "{survive:?}: {} of {held:?}", sector[0]);
                prop_assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
        }
    }
}
