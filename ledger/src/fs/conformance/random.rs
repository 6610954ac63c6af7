//! The real and the simulated file system show the same under random calls.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::{get, pattern};
use crate::fs::Fs;
use crate::fs::real::RealFs;
use crate::fs::sim::SimFs;

/// A call on one of few names, so that calls meet.
#[derive(Clone, Debug)]
enum Step {
    CreateDir(usize),
    Create(usize),
    Write(usize, u64, usize),
    Allocate(usize, u64),
    Rename(usize, usize),
    RenameNoreplace(usize, usize),
    Remove(usize),
    Read(usize),
    List(usize),
    SyncData(usize),
    SyncDir(usize),
}

const NAMES: [&str; 6] = ["a", "b", "d", "d/a", "d/b", "d/e"];

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        1 => name.clone().prop_map(Step::CreateDir),
        4 => name.clone().prop_map(Step::Create),
        4 => (name.clone(), 0..10_000_u64, 0..6_000_usize)
            .prop_map(|(name, offset, len)| Step::Write(name, offset, len)),
        1 => (name.clone(), 0..20_000_u64).prop_map(|(n, l)| Step::Allocate(n, l)),
        2 => (name.clone(), name.clone()).prop_map(|(a, b)| Step::Rename(a, b)),
        2 => (name.clone(), name.clone()).prop_map(|(a, b)| Step::RenameNoreplace(a, b)),
        1 => name.clone().prop_map(Step::Remove),
        3 => name.clone().prop_map(Step::Read),
        1 => name.clone().prop_map(Step::List),
        1 => name.clone().prop_map(Step::SyncData),
        1 => name.prop_map(Step::SyncDir),
    ]
}

/// Does a step and tells everything a caller can see of it.
fn observe(fs: &dyn Fs, step: &Step) -> Result<String, ErrorKind> {
    let done = |()| String::from("done");
    let seen = match *step {
        Step::CreateDir(name) => fs.create_dir(NAMES[name]).map(done),
        Step::Create(name) => fs.create_new(NAMES[name]).map(|_| done(())),
        Step::Write(name, offset, len) => fs
            .open(NAMES[name])
            .and_then(|file| file.write_all_at(&pattern(len), offset))
            .map(done),
        Step::Allocate(name, len) => fs
            .open(NAMES[name])
            .and_then(|file| file.allocate(len.max(1)))
            .map(done),
        Step::Rename(from, to) => fs.rename(NAMES[from], NAMES[to]).map(done),
        Step::RenameNoreplace(from, to) => fs.rename_noreplace(NAMES[from], NAMES[to]).map(done),
        Step::Remove(name) => fs.remove(NAMES[name]).map(done),
        Step::Read(name) => fs
            .open_read(NAMES[name])
            .map(|file| format!("{:?}", get(&*file))),
        Step::List(name) => fs.list(NAMES[name]).map(|names| format!("{names:?}")),
        Step::SyncData(name) => fs
            .open(NAMES[name])
            .and_then(|file| file.sync_data())
            .map(done),
        Step::SyncDir(name) => fs.sync_dir(NAMES[name]).map(done),
    };
    seen.map_err(|error| error.kind())
}

/// So many cases, without a file of past failures beside the source.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(count)
    }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn both_show_the_same_under_random_calls(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let real = RealFs::open(folder.path()).unwrap();
        let sim = SimFs::new();
        for step in &steps {
            prop_assert_eq!(observe(&*real, step), observe(&sim, step), "{:?}", step);
        }
        for name in NAMES {
            let read = Step::Read(NAMES.iter().position(|other| *other == name).unwrap());
            prop_assert_eq!(observe(&*real, &read), observe(&sim, &read), "{}", name);
        }
    }
}
