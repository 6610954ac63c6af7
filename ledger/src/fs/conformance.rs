//! What every [`Fs`] does, checked on both.

use std::io::ErrorKind;
use std::sync::Arc;

use super::real::RealFs;
use super::sim::SimFs;
use super::{Fs, FsFile};

mod random;

/// One test per function and implementation.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sim {
            $(#[test] fn $name() { super::$name(&super::SimFs::new()); })*
        }
        mod real {
            $(#[test] fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(&*super::RealFs::open(folder.path()).unwrap());
            })*
        }
    };
}

on_both! {
    a_new_file_is_empty_and_its_name_taken,
    what_is_written_is_read_at_any_offset,
    a_hole_reads_as_zeros,
    reading_ends_at_the_end,
    handles_see_each_others_writes,
    a_reader_cannot_write,
    allocate_grows_with_zeros_and_never_shrinks,
    a_missing_file_is_not_found,
    a_missing_folder_is_not_found,
    a_file_is_no_folder_and_a_folder_no_file,
    create_dir_may_be_repeated,
    list_is_sorted_and_of_one_folder,
    rename_moves_and_replaces,
    rename_noreplace_never_replaces,
    a_file_renamed_to_itself_stays,
    rename_goes_from_folder_to_folder,
    a_removed_file_stays_with_who_has_it_open,
    the_device_holds_what_was_synced,
    a_device_reader_reads_at_odd_offsets,
    one_holder_has_the_lock,
    the_lock_needs_its_file,
    the_lock_holds_also_when_its_file_is_replaced,
    paths_out_of_the_folder_are_refused,
}

fn put(fs: &dyn Fs, path: &str, bytes: &[u8]) -> Arc<dyn FsFile> {
    let file = fs.create_new(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn get(file: &dyn FsFile) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn get_path(fs: &dyn Fs, path: &str) -> Vec<u8> {
    get(&*fs.open_read(path).unwrap())
}

#[track_caller]
fn refused<T>(result: std::io::Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("expected {kind:?}, got success"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// Bytes that differ from their neighbours and repeat nowhere near.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| u8::try_from(i * 7 % 251).unwrap())
        .collect()
}

fn a_new_file_is_empty_and_its_name_taken(fs: &dyn Fs) {
    let file = fs.create_new("head").unwrap();
    assert_eq!(file.len().unwrap(), 0);
    assert!(fs.exists("head").unwrap());
    refused(fs.create_new("head"), ErrorKind::AlreadyExists);
}

fn what_is_written_is_read_at_any_offset(fs: &dyn Fs) {
    let file = fs.create_new("x").unwrap();
    let mut expected = pattern(20_000);
    file.write_all_at(&expected, 0).unwrap();
    file.write_all_at(b"middle", 8_190).unwrap();
    expected[8_190..8_196].copy_from_slice(b"middle");
    for (offset, len) in [
        (0, 20_000),
        (1, 511),
        (511, 2),
        (4_095, 4_098),
        (19_999, 1),
        (5, 0),
    ] {
        let mut got = vec![0; len];
        file.read_exact_at(&mut got, u64::try_from(offset).unwrap())
            .unwrap();
        assert_eq!(
            got,
            expected[offset..offset + len],
            "{len} bytes at {offset}"
        );
    }
}

fn a_hole_reads_as_zeros(fs: &dyn Fs) {
    let file = put(fs, "x", b"ab");
    file.write_all_at(b"z", 9_000).unwrap();
    let mut expected = vec![0; 9_001];
    expected[..2].copy_from_slice(b"ab");
    expected[9_000] = b'z';
    assert_eq!(get(&*file), expected);
}

fn reading_ends_at_the_end(fs: &dyn Fs) {
    let file = put(fs, "x", b"abc");
    let mut got = [9; 8];
    assert_eq!(file.read_at(&mut got, 1).unwrap(), 2);
    assert_eq!(got, [b'b', b'c', 9, 9, 9, 9, 9, 9]);
    assert_eq!(file.read_at(&mut got, 3).unwrap(), 0);
    assert_eq!(file.read_at(&mut got, 1 << 40).unwrap(), 0);
    refused(file.read_exact_at(&mut got, 0), ErrorKind::UnexpectedEof);
}

fn handles_see_each_others_writes(fs: &dyn Fs) {
    let first = put(fs, "x", b"one");
    let second = fs.open("x").unwrap();
    second.write_all_at(b"two!", 0).unwrap();
    assert_eq!(get(&*first), b"two!");
    assert_eq!(get_path(fs, "x"), b"two!");
}

fn a_reader_cannot_write(fs: &dyn Fs) {
    put(fs, "x", b"abc").sync_all().unwrap();
    for file in [fs.open_read("x").unwrap(), fs.open_device("x").unwrap()] {
        assert!(file.write_all_at(b"no", 0).is_err());
        assert!(file.allocate(10).is_err());
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        assert_eq!(file.len().unwrap(), 3);
    }
    assert_eq!(get_path(fs, "x"), b"abc");
}

fn allocate_grows_with_zeros_and_never_shrinks(fs: &dyn Fs) {
    let file = put(fs, "x", b"abc");
    file.allocate(70_000).unwrap();
    assert_eq!(file.len().unwrap(), 70_000);
    file.allocate(10).unwrap();
    assert_eq!(file.len().unwrap(), 70_000);
    let bytes = get(&*file);
    assert_eq!(bytes[..3], *b"abc");
    assert!(bytes[3..].iter().all(|byte| *byte == 0));
}

fn a_missing_file_is_not_found(fs: &dyn Fs) {
    refused(fs.open("x"), ErrorKind::NotFound);
    refused(fs.open_read("x"), ErrorKind::NotFound);
    refused(fs.open_device("x"), ErrorKind::NotFound);
    refused(fs.remove("x"), ErrorKind::NotFound);
    refused(fs.rename("x", "y"), ErrorKind::NotFound);
    refused(fs.rename_noreplace("x", "y"), ErrorKind::NotFound);
    refused(fs.lock("x"), ErrorKind::NotFound);
    assert!(!fs.exists("x").unwrap());
}

fn a_missing_folder_is_not_found(fs: &dyn Fs) {
    drop(put(fs, "x", b""));
    refused(fs.create_new("no/x"), ErrorKind::NotFound);
    refused(fs.create_dir("no/x"), ErrorKind::NotFound);
    refused(fs.rename("x", "no/x"), ErrorKind::NotFound);
    refused(fs.list("no"), ErrorKind::NotFound);
    refused(fs.sync_dir("no"), ErrorKind::NotFound);
    assert!(!fs.exists("no/x").unwrap());
    assert!(fs.exists("x").unwrap());
}

fn a_file_is_no_folder_and_a_folder_no_file(fs: &dyn Fs) {
    drop(put(fs, "x", b""));
    fs.create_dir("d").unwrap();
    refused(fs.list("x"), ErrorKind::NotADirectory);
    refused(fs.sync_dir("x"), ErrorKind::NotADirectory);
    refused(fs.create_new("x/y"), ErrorKind::NotADirectory);
    refused(fs.create_dir("x"), ErrorKind::AlreadyExists);
    refused(fs.create_new("d"), ErrorKind::AlreadyExists);
    refused(fs.open("d"), ErrorKind::IsADirectory);
    refused(fs.open_read("d"), ErrorKind::IsADirectory);
    refused(fs.open_device("d"), ErrorKind::IsADirectory);
    refused(fs.remove("d"), ErrorKind::IsADirectory);
    refused(fs.rename("x", "d"), ErrorKind::IsADirectory);
    refused(fs.rename("d", "e"), ErrorKind::IsADirectory);
    refused(fs.lock("d"), ErrorKind::IsADirectory);
    assert!(fs.exists("d").unwrap());
}

fn create_dir_may_be_repeated(fs: &dyn Fs) {
    fs.create_dir("segments").unwrap();
    drop(put(fs, "segments/a", b"1"));
    fs.create_dir("segments").unwrap();
    assert_eq!(get_path(fs, "segments/a"), b"1");
    fs.create_dir("segments/deep").unwrap();
    fs.sync_dir("segments/deep").unwrap();
    fs.sync_dir("segments").unwrap();
    fs.sync_dir("").unwrap();
}

fn list_is_sorted_and_of_one_folder(fs: &dyn Fs) {
    fs.create_dir("d").unwrap();
    for path in ["d/b", "c", "a", "d/a", "d.x", "B"] {
        drop(put(fs, path, b""));
    }
    assert_eq!(fs.list("").unwrap(), ["B", "a", "c", "d", "d.x"]);
    assert_eq!(fs.list("d").unwrap(), ["a", "b"]);
}

fn rename_moves_and_replaces(fs: &dyn Fs) {
    let file = put(fs, "x", b"new");
    let old = put(fs, "y", b"old");
    fs.rename("x", "y").unwrap();
    assert_eq!(fs.list("").unwrap(), ["y"]);
    assert_eq!(get_path(fs, "y"), b"new");
    file.write_all_at(b"NEW", 0).unwrap();
    assert_eq!(get_path(fs, "y"), b"NEW");
    assert_eq!(get(&*old), b"old");
}

fn rename_noreplace_never_replaces(fs: &dyn Fs) {
    drop(put(fs, "x", b"new"));
    drop(put(fs, "y", b"old"));
    refused(fs.rename_noreplace("x", "y"), ErrorKind::AlreadyExists);
    assert_eq!(get_path(fs, "x"), b"new");
    assert_eq!(get_path(fs, "y"), b"old");
    fs.rename_noreplace("x", "z").unwrap();
    assert_eq!(fs.list("").unwrap(), ["y", "z"]);
    assert_eq!(get_path(fs, "z"), b"new");
}

fn a_file_renamed_to_itself_stays(fs: &dyn Fs) {
    drop(put(fs, "x", b"1"));
    fs.rename("x", "x").unwrap();
    refused(fs.rename_noreplace("x", "x"), ErrorKind::AlreadyExists);
    assert_eq!(get_path(fs, "x"), b"1");
}

fn rename_goes_from_folder_to_folder(fs: &dyn Fs) {
    fs.create_dir("a").unwrap();
    fs.create_dir("b").unwrap();
    drop(put(fs, "a/x", b"1"));
    fs.rename("a/x", "b/y").unwrap();
    assert!(fs.list("a").unwrap().is_empty());
    assert_eq!(get_path(fs, "b/y"), b"1");
}

fn a_removed_file_stays_with_who_has_it_open(fs: &dyn Fs) {
    let file = put(fs, "x", b"1");
    fs.remove("x").unwrap();
    assert!(!fs.exists("x").unwrap());
    drop(put(fs, "x", b"2"));
    file.write_all_at(b"3", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(get(&*file), b"3");
    assert_eq!(get_path(fs, "x"), b"2");
}

fn the_device_holds_what_was_synced(fs: &dyn Fs) {
    let file = put(fs, "x", &pattern(9_000));
    file.sync_data().unwrap();
    assert_eq!(get(&*fs.open_device("x").unwrap()), pattern(9_000));
    file.write_all_at(b"later", 4_094).unwrap();
    file.sync_all().unwrap();
    let mut expected = pattern(9_000);
    expected[4_094..4_099].copy_from_slice(b"later");
    assert_eq!(get(&*fs.open_device("x").unwrap()), expected);
}

fn a_device_reader_reads_at_odd_offsets(fs: &dyn Fs) {
    // Longer than the longest single direct read, and no multiple of anything.
    let expected = pattern((2 << 20) + 77);
    put(fs, "x", &expected).sync_data().unwrap();
    let device = fs.open_device("x").unwrap();
    assert_eq!(get(&*device), expected);
    for (offset, len) in [(1, 1), (4_095, 2), (511, 10_000), (1_048_575, 1_048_600)] {
        let mut got = vec![0; len];
        device
            .read_exact_at(&mut got, u64::try_from(offset).unwrap())
            .unwrap();
        assert_eq!(
            got,
            expected[offset..offset + len],
            "{len} bytes at {offset}"
        );
    }
    let mut got = [9; 100];
    let end = u64::try_from(expected.len()).unwrap();
    assert_eq!(device.read_at(&mut got, end - 3).unwrap(), 3);
    assert_eq!(got[..3], expected[expected.len() - 3..]);
    assert_eq!(device.read_at(&mut got, end).unwrap(), 0);
    assert_eq!(device.read_at(&mut got, end + 5_000).unwrap(), 0);
}

fn one_holder_has_the_lock(fs: &dyn Fs) {
    drop(put(fs, "IDENTITY", b""));
    let held = fs.lock("IDENTITY").unwrap();
    refused(fs.lock("IDENTITY"), ErrorKind::WouldBlock);
    drop(held);
    drop(fs.lock("IDENTITY").unwrap());
    drop(fs.lock("IDENTITY").unwrap());
}

fn the_lock_needs_its_file(fs: &dyn Fs) {
    refused(fs.lock("IDENTITY"), ErrorKind::NotFound);
    drop(put(fs, "IDENTITY", b""));
    drop(fs.lock("IDENTITY").unwrap());
}

fn the_lock_holds_also_when_its_file_is_replaced(fs: &dyn Fs) {
    drop(put(fs, "IDENTITY", b""));
    let held = fs.lock("IDENTITY").unwrap();
    fs.remove("IDENTITY").unwrap();
    drop(put(fs, "IDENTITY", b""));
    refused(fs.lock("IDENTITY"), ErrorKind::WouldBlock);
    drop(put(fs, "other", b""));
    refused(fs.lock("other"), ErrorKind::WouldBlock);
    drop(held);
    drop(fs.lock("IDENTITY").unwrap());
}

fn paths_out_of_the_folder_are_refused(fs: &dyn Fs) {
    drop(put(fs, "x", b""));
    let hostile = [
        "", "/x", "../x", "a/../x", "./x", "x/", "a//x", ".", "..", "a\0b",
    ];
    for path in hostile {
        refused(fs.create_new(path), ErrorKind::InvalidInput);
        refused(fs.create_dir(path), ErrorKind::InvalidInput);
        refused(fs.open(path), ErrorKind::InvalidInput);
        refused(fs.open_read(path), ErrorKind::InvalidInput);
        refused(fs.open_device(path), ErrorKind::InvalidInput);
        refused(fs.rename("x", path), ErrorKind::InvalidInput);
        refused(fs.rename_noreplace(path, "y"), ErrorKind::InvalidInput);
        refused(fs.remove(path), ErrorKind::InvalidInput);
        refused(fs.exists(path), ErrorKind::InvalidInput);
        refused(fs.lock(path), ErrorKind::InvalidInput);
        if !path.is_empty() {
            refused(fs.list(path), ErrorKind::InvalidInput);
            refused(fs.sync_dir(path), ErrorKind::InvalidInput);
        }
    }
    assert_eq!(fs.list("").unwrap(), ["x"]);
}
