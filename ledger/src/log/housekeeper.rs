//! The housekeeper keeps room for the next segment, says when there is none, and looks after the
//! tree files.

use std::io;
use std::sync::Arc;

use countersign_proto::event::Event;
use countersign_proto::v1::DiskLow;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::open::feed_tree;
use super::own_entry;
use super::submit::{Proposal, Reply, Work};
use crate::limits::{HOUSEKEEPING, TREE_STRIDE};
use crate::store::{LogStore, Room};
use crate::tree::TreeStore;

fn mend(store: &dyn LogStore, tree: &TreeStore, rebuild: bool) -> io::Result<()> {
    if rebuild {
        tree.reset()?;
    }
    while tree.size() < store.head().head.size() {
        feed_tree(store, tree).map_err(io::Error::other)?;
    }
    tree.make_durable()
}

/// Whether the disk is nearly full.
#[derive(Debug, Clone, Default)]
pub(super) struct Low(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Free bytes, and bytes that are needed.
    room: Option<(u64, u64)>,
    /// Whether the log tells it.
    told: bool,
}

impl Low {
    /// Free bytes and bytes that are needed, when the disk is nearly full.
    pub(super) fn get(&self) -> Option<(u64, u64)> {
        self.0.lock().room
    }

    pub(super) fn set(&self, free: u64, needed: u64) {
        self.0.lock().room = Some((free, needed));
    }

    fn is_told(&self) -> bool {
        self.0.lock().told
    }

    fn tell(&self) {
        self.0.lock().told = true;
    }

    /// There is room; returns whether there was none before.
    fn clear(&self) -> bool {
        std::mem::take(&mut *self.0.lock()).room.is_some()
    }
}

/// What the housekeeper works with.
#[derive(Debug)]
pub(super) struct Housekeeper {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) tree: Arc<TreeStore>,
    pub(super) low: Low,
    pub(super) queue: mpsc::WeakSender<Work>,
    pub(super) stop: CancellationToken,
}

impl Housekeeper {
    /// Looks after room now and then until it is stopped.
    pub(super) async fn run(self) {
        loop {
            let store = Arc::clone(&self.store);
            let room = tokio::task::spawn_blocking(move || store.make_room()).await;
            self.judge(room.unwrap_or_else(|error| Err(io::Error::other(error))))
                .await;
            self.mend_tree().await;
            self.keep_tree().await;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(HOUSEKEEPING) => {}
            }
        }
    }

    /// Syncs the tree files now and then, so that a crash leaves little of them to be read back.
    async fn keep_tree(&self) {
        if self.tree.loose() < TREE_STRIDE || self.tree.needs_rebuild() {
            return;
        }
        let tree = Arc::clone(&self.tree);
        let kept = tokio::task::spawn_blocking(move || tree.make_durable()).await;
        if let Err(error) = kept.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!(error = %error, "cannot sync the tree files");
        }
    }

    /// Builds the tree files again when a proof showed that they are damaged, and adds what is
    /// missing when they could not be written. The writer's own leaves are refused by the tree
    /// until it has caught up.
    async fn mend_tree(&self) {
        let rebuild = self.tree.needs_rebuild();
        if !self.tree.take_behind() && !rebuild {
            return;
        }
        let (store, tree) = (Arc::clone(&self.store), Arc::clone(&self.tree));
        let mended =
            tokio::task::spawn_blocking(move || mend(store.as_ref(), &tree, rebuild)).await;
        match mended.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => tracing::info!("the tree files are whole again"),
            // What could not be done now is tried again with the next look.
            Err(error) => self.tree.fell_behind(&error),
        }
    }

    async fn judge(&self, room: io::Result<Room>) {
        match room {
            Ok(Room::Enough) => {
                if self.low.clear() {
                    tracing::info!("the disk has room again, appends go on");
                }
            }
            Ok(Room::Low { free, needed }) => {
                self.low.set(free, needed);
                if !self.low.is_told() {
                    tracing::error!(free, needed, "the disk is nearly full, appends are refused");
                    self.record(free, needed).await;
                }
            }
            Err(error) => tracing::warn!(error = %error, "cannot make room for the next segment"),
        }
    }

    /// Writes the entry that tells why others are refused; there is room for it in the open
    /// segment.
    async fn record(&self, free_bytes: u64, low_water_bytes: u64) {
        let event = Event::from_message(&DiskLow {
            free_bytes,
            low_water_bytes,
        });
        let (reply, pending) = Reply::own();
        let (Ok(entry), Some(queue)) = (own_entry(&event), self.queue.upgrade()) else {
            return;
        };
        let proposal = Proposal::own(entry, reply);
        if queue.send(Work::Entries(proposal)).await.is_ok() && pending.accepted().await.is_ok() {
            self.low.tell();
        } else {
            tracing::warn!("cannot record that the disk is nearly full");
        }
    }
}
