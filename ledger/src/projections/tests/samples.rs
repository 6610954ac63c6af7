//! Logs with random entries, and readers that use an index or do without.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::commit::{CommitBuilder, Draft};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::filter::Filter;
use crate::projections::{BUNDLE_ENTRIES, Projections, Projector, Settings};
use crate::store::memory::MemoryStore;
use crate::store::{LogStore, Space};

/// Random numbers that every run repeats (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

pub(super) fn origin() -> Origin {
    Origin::parse("ledger.example.com/test").expect("valid")
}

/// A log in memory, with what a reader without an index finds in it.
pub(super) struct Log {
    pub(super) store: Arc<MemoryStore>,
    /// Read once: tests look at them many times.
    records: Vec<Record<'static>>,
    random: Random,
    key: SigningKey,
    open_case: u64,
}

impl Log {
    pub(super) fn new(seed: u64, origin: Origin) -> Self {
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("strong");
        Self {
            store: Arc::new(MemoryStore::new(key.verifier().clone())),
            records: Vec::new(),
            random: Random(seed),
            key,
            open_case: 0,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.store.head().head.size()
    }

    /// Appends so many random entries in commits of random size.
    pub(super) fn grow(&mut self, entries: u64) {
        let end = self.size() + entries;
        while self.size() < end {
            let count = (1 + self.random.below(300)).min(end - self.size());
            let mut commit = CommitBuilder::after(&self.store.head().head);
            for _ in 0..count {
                self.push(&mut commit);
            }
            let mut commit = commit.finish(&self.key).expect("not empty");
            for record in commit.records() {
                let bytes: &'static [u8] = record.to_vec().leak();
                self.records.push(Record::parse(bytes).expect("valid"));
            }
            let stored = self.store.append(0, &mut commit, Space::Common);
            stored.expect("follows");
        }
        self.store.seal().expect("in memory");
    }

    fn push(&mut self, commit: &mut CommitBuilder) {
        let random = &mut self.random;
        let index = commit.next_index();
        let kind = match index {
            0 => Kind::LOG_OPENED,
            // Some kinds are rare.
            _ if random.below(2_000) == 0 => Kind::new(120).expect("in range"),
            _ => Kind::new(20 + u16::try_from(random.below(8)).expect("small")).expect("in range"),
        };
        if random.below(25) == 0 {
            self.open_case = index;
        }
        let case = match random.below(3) {
            0 => 0,
            // Openers name themselves in half of the cases.
            1 => self.open_case,
            _ if self.open_case == index => 0,
            _ => self.open_case,
        };
        // Most principals come up for a while and are not seen again.
        let person = index / 700 * 3 + random.below(4);
        let actor = format!("user:person-{person}@example.com");
        let via = if random.below(2) == 0 {
            ""
        } else {
            "bot:slack"
        };
        let draft = Draft {
            kind,
            now: UnixMicros::new(1_000 + index * 10 + random.below(30)).expect("in range"),
            case,
            actor: &actor,
            via,
            idem: b"",
            payload: b"payload",
        };
        commit.push(&draft).expect("valid");
    }

    /// Indexes of all entries that match.
    pub(super) fn scan(&self, filter: &Filter) -> Vec<u64> {
        self.matches_in(filter, 0, self.size())
    }

    fn matches_in(&self, filter: &Filter, from: u64, to: u64) -> Vec<u64> {
        (from..to)
            .filter(|index| filter.matches(&self.records[usize::try_from(*index).expect("small")]))
            .collect()
    }

    /// The same, as a reader with an index finds it, and the number of entries that it looked at.
    pub(super) fn ask(&self, projections: &Projections, filter: &Filter) -> (Vec<u64>, u64) {
        const PAGE: usize = 7;
        let (mut found, mut looked, mut from) = (Vec::new(), 0, 0);
        let mut rest = 0;
        while let Some((bundles, indexed)) = projections.bundles(filter, from, PAGE) {
            assert!(bundles.is_sorted(), "{bundles:?}");
            assert!(bundles.iter().all(|bundle| (from..).contains(bundle)));
            for bundle in &bundles {
                let start = bundle * BUNDLE_ENTRIES;
                found.extend(self.matches_in(filter, start, start + BUNDLE_ENTRIES));
                looked += BUNDLE_ENTRIES;
            }
            match bundles.last() {
                Some(last) if bundles.len() == PAGE => {
                    from = last + 1;
                    rest = from * BUNDLE_ENTRIES;
                }
                _ => {
                    rest = rest.max(indexed);
                    break;
                }
            }
        }
        found.extend(self.matches_in(filter, rest, self.size()));
        (found, looked + self.size() - rest)
    }

    /// Questions with every choice of conditions, a few of each.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let size = self.size();
        let mut random = Random(size);
        let mut filters = vec![
            Filter {
                case: Some(0),
                ..Filter::default()
            },
            Filter {
                actor: Some("bot:slack".to_owned()),
                ..Filter::default()
            },
        ];
        for choice in 0..128_u32 {
            let chosen = |bit: u32| choice >> bit & 1 == 1;
            let person = random.below(size / 230 + 2);
            let since = random.below(size * 11);
            let until = since + random.below(size * 4);
            let kinds: &[u16] = if chosen(3) { &[120] } else { &[20, 120, 27] };
            let case = random.below(size);
            filters.push(Filter {
                case: chosen(0).then_some(case),
                actor: chosen(1).then(|| format!("user:person-{person}@example.com")),
                kinds: if chosen(2) {
                    kinds.to_vec()
                } else {
                    Vec::new()
                },
                since: chosen(4).then_some(since),
                until: chosen(5).then_some(until),
            });
        }
        filters
    }

    /// All questions have the answers of a full scan.
    pub(super) fn assert_answers(&self, projections: &Projections) {
        for filter in self.filters() {
            let (found, _) = self.ask(projections, &filter);
            assert_eq!(found, self.scan(&filter), "{filter:?}");
        }
    }
}

/// A projector at work.
pub(super) struct Running {
    pub(super) projector: Projector,
    pub(super) projections: Arc<Projections>,
    pub(super) sealed: watch::Sender<u64>,
    pub(super) stop: CancellationToken,
}

impl Running {
    pub(super) fn start(folder: &Path, store: Arc<dyn LogStore>) -> Self {
        Self::start_as(folder, store, origin())
    }

    pub(super) fn start_as(folder: &Path, store: Arc<dyn LogStore>, origin: Origin) -> Self {
        let now = || UnixMicros::new(1_700_000_000_000_000).expect("in range");
        let settings =
            Settings::new(folder.to_owned(), origin, now).with_backoff(Duration::from_millis(1));
        let (sealed, receiver) = watch::channel(store.sealed().head.size());
        let stop = CancellationToken::new();
        let projector =
            Projector::spawn(settings, store, receiver, stop.clone()).expect("a thread");
        let projections = projector.projections();
        Self {
            projector,
            projections,
            sealed,
            stop,
        }
    }

    /// Waits until the index covers all complete bundles of so many entries.
    pub(super) async fn covers(&self, entries: u64) {
        let target = entries / BUNDLE_ENTRIES * BUNDLE_ENTRIES;
        let mut indexed = self.projections.indexed();
        let reached = indexed.wait_for(|indexed| *indexed == target);
        let limit = Duration::from_secs(60);
        let reached = tokio::time::timeout(limit, reached).await;
        reached.expect("covers in time").expect("is running");
    }

    pub(super) fn stop(self) {
        self.stop.cancel();
        self.projector.join();
    }
}

/// Runs a projector until it covers the log.
pub(super) async fn build(folder: &Path, log: &Log) {
    let running = Running::start(folder, Arc::clone(&log.store) as Arc<dyn LogStore>);
    running.covers(log.size()).await;
    running.stop();
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("file");
        }
    }
}

/// All files of a folder.
pub(super) fn files(folder: &Path) -> BTreeSet<std::path::PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// Number of indexes that were put aside.
pub(super) fn put_aside(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("quarantine")).map_or(0, Iterator::count)
}
