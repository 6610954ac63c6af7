//! Clients of a soak: writers of every sort, readers of every sort, and those that vanish.

use std::time::Duration;

use countersign_client::{Client, Filter, Level, StreamOptions};
use countersign_tests::folder::DataFolder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::journal::Journal;
use countersign_tests::random::Random;

/// How often a client does something: the load is steady, and its log stays small enough to check.
const PACE: Duration = Duration::from_millis(40);

/// What every client works with.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) journal: Journal,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Who takes part.
pub(crate) struct Cast {
    pub(crate) url: String,
    pub(crate) agents: Vec<std::path::PathBuf>,
    pub(crate) auditor: std::path::PathBuf,
}

/// Waits for the next turn; false when the soak is over.
struct Turns {
    interval: tokio::time::Interval,
    stop: watch::Receiver<bool>,
}

impl Turns {
    fn new(stage: &Stage) -> Self {
        let mut interval = interval(PACE);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            stop: stage.stop.clone(),
        }
    }

    async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => false,
            _ = self.interval.tick() => true,
        }
    }
}

/// Starts all of them.
pub(crate) async fn start(
    data: &DataFolder,
    cast: &Cast,
    stage: &Stage,
    random: &mut Random,
) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for agent in &cast.agents {
        let connect = async || data.connect(&cast.url, agent).await;
        clients.spawn(single(connect().await, stage.clone(), random.branch()));
        clients.spawn(batches(connect().await, stage.clone(), random.branch()));
        clients.spawn(streams(connect().await, stage.clone(), random.branch()));
        let config = data.config(&cast.url, agent);
        clients.spawn(vanish(config, stage.clone(), random.branch()));
    }
    let connect = async || data.connect(&cast.url, &cast.auditor).await;
    clients.spawn(follow(connect().await, stage.clone()));
    clients.spawn(list(connect().await, stage.clone()));
    clients.spawn(prove(connect().await, stage.clone(), random.branch()));
    clients.spawn(dawdle(connect().await, stage.clone()));
    clients
}

/// One event at a time.
async fn single(client: Client, stage: Stage, mut random: Random) {
    let writer = stage.journal.writer();
    let mut turns = Turns::new(&stage);
    while turns.next().await {
        let (first, draft) = stage.journal.draft(writer);
        let level = if random.below(3) == 0 {
            Level::Sealed
        } else {
            Level::Accepted
        };
        let receipt = client.append(draft, level).await;
        let receipt = receipt.expect("safe to repeat until it is taken");
        stage.journal.acknowledge(writer, first, receipt.index, 1);
    }
}

/// Batches of 1 to 8.
async fn batches(client: Client, stage: Stage, mut random: Random) {
    let writer = stage.journal.writer();
    let mut turns = Turns::new(&stage);
    while turns.next().await {
        let count = 1 + random.below(8);
        let drafts: Vec<_> = (0..count).map(|_| stage.journal.draft(writer)).collect();
        let first = drafts[0].0;
        let drafts = drafts.into_iter().map(|(_, draft)| draft).collect();
        let run = client.append_batch(drafts, Level::Accepted).await;
        let run = run.expect("safe to repeat until it is taken");
        let (index, count) = (run.first_index, run.leaves.len());
        stage.journal.acknowledge(writer, first, index, count);
    }
}

/// A stream of 8 events a turn.
async fn streams(client: Client, stage: Stage, mut random: Random) {
    let writer = stage.journal.writer();
    let journal = stage.journal.clone();
    let options = StreamOptions {
        level: Level::Accepted,
        ..StreamOptions::default()
    };
    let mut stream = client.append_stream(options, move |ack| {
        let (index, count) = (ack.run.first_index, ack.run.leaves.len());
        journal.acknowledge(writer, ack.first_position, index, count);
    });
    let mut turns = Turns::new(&stage);
    while turns.next().await {
        for _ in 0..=random.below(8) {
            let (_, draft) = stage.journal.draft(writer);
            stream
                .send(draft)
                .await
                .expect("it survives lost connections");
        }
    }
    stream.finish().await.expect("it survives lost connections");
}

/// Connects, leaves an append and a Follow behind, and is gone.
async fn vanish(config: countersign_client::Config, stage: Stage, mut random: Random) {
    let writer = stage.journal.writer();
    let mut turns = Turns::new(&stage);
    while turns.next().await {
        let Ok(client) = Client::connect(config.clone()).await else {
            continue;
        };
        let (_, draft) = stage.journal.draft(writer);
        let mut stream = client.append_stream(StreamOptions::default(), |_ack| {});
        stream.send(draft).await.expect("it is handed over");
        let (_, draft) = stage.journal.draft(writer);
        let append = client.append(draft, Level::Sealed);
        // Some are sent, some are not, and nobody waits for an answer.
        let moment = Duration::from_micros(random.below(3_000));
        drop(tokio::time::timeout(moment, append).await);
    }
}

/// Follows everything from the beginning and misses nothing.
async fn follow(client: Client, mut stage: Stage) {
    let mut follow = client.follow(0, Filter::default());
    let mut next = 0;
    loop {
        let part = tokio::select! {
            _ = stage.stop.wait_for(|stop| *stop) => return,
            part = follow.next() => part,
        };
        let part = part
            .expect("without end")
            .expect("what is followed is believed");
        for entry in &part.entries {
            assert_eq!(entry.index(), next, "a follower misses nothing");
            next += 1;
        }
        assert_eq!(part.next_index, next);
        stage.journal.count_read();
    }
}

/// Turns pages of what one agent wrote, again and again.
async fn list(client: Client, stage: Stage) {
    let filter = Filter {
        actor: "agent:load-0".to_owned(),
        ..Filter::default()
    };
    let mut turns = Turns::new(&stage);
    let mut pages = client.list(filter.clone()).page_size(50);
    while turns.next().await {
        match pages.next().await.expect("what is listed is believed") {
            Some(_) => stage.journal.count_read(),
            None => pages = client.list(filter.clone()).page_size(50),
        }
    }
}

/// Asks for proofs of entries and of growth.
async fn prove(client: Client, stage: Stage, mut random: Random) {
    let mut turns = Turns::new(&stage);
    let old = client.checkpoint().await.expect("a checkpoint");
    while turns.next().await {
        let sealed = client.checkpoint().await.expect("it extends what was seen");
        let index = random.below(sealed.size());
        let proof = client.inclusion_proof(index, sealed.size()).await;
        proof.expect("every sealed entry has a proof");
        let proof = client.consistency_proof(&old, sealed.size()).await;
        proof.expect("the log only grows");
        stage.journal.count_read();
    }
}

/// Opens a Follow and reads nothing for a while, again and again.
async fn dawdle(client: Client, mut stage: Stage) {
    loop {
        let follow = client.follow(0, Filter::default());
        let until = stage.journal.acknowledged() + 500;
        tokio::select! {
            _ = stage.stop.wait_for(|stop| *stop) => return,
            () = stage.journal.reaches(until) => {}
        }
        drop(follow);
    }
}
