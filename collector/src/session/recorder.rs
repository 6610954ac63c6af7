//! The recorder: takes pieces from the queue, cuts parts, and hands them on.
//!
//! It runs on a thread of its own, so that neither the relay nor the runtime waits for compression.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::hash::digest;
use countersign_client::Draft;
use countersign_proto::v1;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::outlet::Item;
use crate::recording::ENCODING;
use crate::session::cut::{CutPart, Cutter, Totals};
use crate::session::queue::{Queue, Taken};

/// Which session a recording belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Of {
    pub(crate) session: u64,
    pub(crate) case: u64,
}

/// Records until the queue is closed; gives the totals when every part is handed over.
pub(crate) fn record(
    of: Of,
    mut cutter: Cutter,
    (queue, failed): (Arc<Queue>, CancellationToken),
    items: mpsc::Sender<Item>,
) -> io::Result<oneshot::Receiver<io::Result<Totals>>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || {
            let totals = run(of, &mut cutter, &queue, &items);
            if totals.is_err() {
                queue.abandon();
                failed.cancel();
            }
            // Nobody waits for a session that failed otherwise.
            drop(sender.send(totals));
        })?;
    Ok(receiver)
}

fn run(
    of: Of,
    cutter: &mut Cutter,
    queue: &Queue,
    items: &mpsc::Sender<Item>,
) -> io::Result<Totals> {
    loop {
        let wait = cutter
            .due()
            .map(|due| Duration::from_micros(due.saturating_sub(queue.now())));
        match queue.take(wait) {
            Taken::Pieces(pieces) => {
                for (at, piece) in pieces {
                    cutter.push(at, &piece)?;
                    hand_over(of, cutter, items)?;
                }
            }
            Taken::Nothing => cutter.tick(queue.now())?,
            Taken::Closed => {
                let totals = cutter.finish(queue.now())?;
                hand_over(of, cutter, items)?;
                return Ok(totals);
            }
        }
        hand_over(of, cutter, items)?;
    }
}

fn hand_over(of: Of, cutter: &mut Cutter, items: &mpsc::Sender<Item>) -> io::Result<()> {
    while let Some(part) = cutter.take() {
        let gone = |_| io::Error::other("the recording is not stored any more");
        items.blocking_send(item(of, part)).map_err(gone)?;
    }
    Ok(())
}

fn item(of: Of, part: CutPart) -> Item {
    let output = v1::SessionOutput {
        session: of.session,
        part: part.number,
        blob_sha256: digest(&part.blob).as_bytes().to_vec().into(),
        blob_bytes: u64::try_from(part.blob.len()).unwrap_or(u64::MAX),
        encoding: ENCODING.to_owned(),
        output_bytes: part.output_bytes,
        from_micros: part.from,
        to_micros: part.to,
        redactions: part.redactions,
    };
    Item::new(Draft::new(&output).in_case(of.case)).with_blob(part.blob)
}
