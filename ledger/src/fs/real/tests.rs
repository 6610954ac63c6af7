//! What only a real folder has: links, pipes, modes, other openings, ways around missing features.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use rustix::fs::{CWD, FileType};

use super::*;

fn folder() -> (tempfile::TempDir, Arc<RealFs>) {
    let folder = tempfile::tempdir().unwrap();
    let fs = RealFs::open(folder.path()).unwrap();
    (folder, fs)
}

#[test]
fn the_root_must_be_an_existing_folder() {
    let (folder, _fs) = folder();
    let missing = RealFs::open(&folder.path().join("no")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    symlink(folder.path(), folder.path().join("link")).unwrap();
    assert!(RealFs::open(&folder.path().join("link")).is_err());
}

#[test]
fn symbolic_links_are_not_followed() {
    let (outside, _) = folder();
    std::fs::write(outside.path().join("secret"), b"1").unwrap();
    let (inside, fs) = folder();
    symlink(outside.path().join("secret"), inside.path().join("file")).unwrap();
    symlink(outside.path(), inside.path().join("dir")).unwrap();
    for path in ["file", "dir/secret"] {
        assert!(fs.open(path).is_err(), "{path}");
        assert!(fs.open_read(path).is_err(), "{path}");
        assert!(fs.open_device(path).is_err(), "{path}");
        assert!(fs.lock(path).is_err(), "{path}");
    }
    assert!(fs.create_new("file").is_err());
    assert!(fs.create_new("dir/new").is_err());
    assert!(fs.list("dir").is_err());
    assert!(fs.rename("dir/secret", "stolen").is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_named_pipe_is_refused_without_waiting() {
    let (folder, fs) = folder();
    let path = folder.path().join("pipe");
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert_eq!(
        fs.open_read("pipe").unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(
        fs.open("pipe").unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}

#[test]
fn files_and_folders_are_their_owners_only() {
    let (folder, fs) = folder();
    drop(fs.create_new("x").unwrap());
    fs.create_dir("d").unwrap();
    let mode = |name| {
        std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("x") & 0o7777, 0o600);
    assert_eq!(mode("d") & 0o7777, 0o700);
}

#[test]
fn allocate_reserves_blocks() {
    use std::os::unix::fs::MetadataExt;
    let (folder, fs) = folder();
    fs.create_new("x").unwrap().allocate(1 << 20).unwrap();
    let blocks = std::fs::metadata(folder.path().join("x")).unwrap().blocks();
    assert!(blocks * 512 >= 1 << 20, "{blocks} blocks");
}

#[test]
fn zeros_stand_in_for_reservation() {
    let (_folder, fs) = folder();
    drop(fs.create_new("x").unwrap());
    let file = RealFile {
        file: fs.open_file("x", OFlags::RDWR).unwrap(),
    };
    file.write_all_at(b"abc", 0).unwrap();
    let len = 200_001;
    file.write_zeros(len).unwrap();
    file.write_zeros(5).unwrap();
    assert_eq!(file.len().unwrap(), len);
    let mut bytes = vec![9; 200_001];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes[..3], *b"abc");
    assert!(bytes[3..].iter().all(|byte| *byte == 0));
}

#[test]
fn device_reads_without_direct_access_see_the_file() {
    let (_folder, fs) = folder();
    let file = fs.create_new("x").unwrap();
    let expected: Vec<u8> = (0..10_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    file.write_all_at(&expected, 0).unwrap();
    file.sync_data().unwrap();
    let device = DeviceFile::uncached(fs.open_file("x", OFlags::RDONLY).unwrap());
    let mut bytes = vec![0; 9_998];
    device.read_exact_at(&mut bytes, 1).unwrap();
    assert_eq!(bytes, expected[1..9_999]);
}

#[test]
fn a_lock_file_with_two_names_is_refused() {
    let (folder, fs) = folder();
    drop(fs.create_new("IDENTITY").unwrap());
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::hard_link(at("IDENTITY"), at("second")).unwrap();
    assert!(fs.lock("IDENTITY").is_err());
    std::fs::remove_file(at("second")).unwrap();
    drop(fs.lock("IDENTITY").unwrap());
}

#[test]
fn a_lock_file_that_was_replaced_is_noticed() {
    let (folder, fs) = folder();
    drop(fs.create_new("a").unwrap());
    drop(fs.create_new("b").unwrap());
    let stat = |name| rustix::fs::stat(folder.path().join(name)).unwrap();
    check_locked(&stat("a"), &stat("a")).unwrap();
    let error = check_locked(&stat("a"), &stat("b"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected the lock file to be inode"),
        "{error}"
    );
}

#[test]
fn a_second_opening_of_the_folder_meets_the_lock() {
    let (folder, fs) = folder();
    drop(fs.create_new("IDENTITY").unwrap());
    let held = fs.lock("IDENTITY").unwrap();
    let other = RealFs::open(folder.path()).unwrap();
    assert_eq!(
        other.lock("IDENTITY").unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    drop(held);
    drop(other.lock("IDENTITY").unwrap());
}

#[test]
fn a_failed_lock_leaves_nothing_locked() {
    let (_folder, fs) = folder();
    assert!(fs.lock("IDENTITY").is_err());
    drop(fs.create_new("IDENTITY").unwrap());
    drop(fs.lock("IDENTITY").unwrap());
}

#[test]
fn the_folder_stays_the_same_when_its_path_changes() {
    let parent = tempfile::tempdir().unwrap();
    let (old, new) = (parent.path().join("old"), parent.path().join("new"));
    std::fs::create_dir(&old).unwrap();
    let fs = RealFs::open(&old).unwrap();
    std::fs::rename(&old, &new).unwrap();
    std::fs::create_dir(&old).unwrap();
    drop(fs.create_new("x").unwrap());
    assert!(new.join("x").exists());
}

#[test]
fn a_name_that_is_not_utf8_is_reported() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, fs) = folder();
    let name = std::ffi::OsStr::from_bytes(b"bad\xff");
    std::fs::write(folder.path().join(name), b"").unwrap();
    assert_eq!(fs.list("").unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn room_is_told_in_bytes() {
    let (folder, fs) = folder();
    let found = rustix::fs::statvfs(folder.path()).unwrap();
    let all = found.f_blocks * found.f_frsize;
    let free = fs.free_bytes().unwrap();
    assert!(free > 1 << 20 && free < all, "{free} of {all}");
}
