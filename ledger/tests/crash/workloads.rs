//! The workloads themselves.

use countersign_ledger::fs::sim::Survive;

use super::script::Step::{self, Capacity, Commit, Echo, Last, Reopen, Room, Seal, Tell};
use super::script::{End, Life, Workload};

/// Room for 3,584 bytes of frames, and 4,096 for the ledger's own entries: logs of some commits
/// roll.
const SMALL: u64 = 8_192;

fn once(steps: &[Step]) -> Life {
    let end = End::Idle;
    let steps = steps.to_vec();
    Life { steps, end }
}

fn torn(steps: &[Step], survive: Survive) -> Life {
    let end = End::Torn(survive);
    let steps = steps.to_vec();
    Life { steps, end }
}

fn small(name: &str, lives: Vec<Life>) -> Workload {
    let name = name.to_owned();
    let segment_bytes = SMALL;
    Workload {
        name,
        segment_bytes,
        lives,
    }
}

/// Workloads that someone thought of.
pub(crate) fn scripted() -> Vec<Workload> {
    [writing(), sizes(), room(), torn_ends(), restarts()]
        .into_iter()
        .flatten()
        .collect()
}

fn writing() -> Vec<Workload> {
    vec![
        small(
            "rolling",
            vec![once(&[
                Commit(1, 40),
                Seal,
                Room,
                Commit(3, 120),
                Commit(1, 900),
                Seal,
                Commit(2, 300),
                Room,
                Commit(1, 1_400),
                Commit(4, 10),
                Seal,
                Room,
                Commit(1, 2_500),
                Seal,
                Commit(1, 60),
            ])],
        ),
        small(
            "many small commits",
            vec![once(&[
                Commit(1, 40),
                Commit(1, 0),
                Commit(1, 1),
                Commit(1, 7),
                Commit(1, 64),
                Seal,
                Commit(1, 3),
                Commit(2, 2),
                Commit(1, 100),
                Commit(1, 5),
                Commit(1, 90),
                Seal,
                Commit(1, 11),
                Commit(1, 12),
                Commit(3, 13),
                Commit(1, 14),
            ])],
        ),
    ]
}

fn sizes() -> Vec<Workload> {
    vec![
        Workload {
            segment_bytes: 64 << 10,
            ..small(
                "large commits",
                vec![once(&[
                    Commit(1, 40),
                    Commit(1, 20_000),
                    Seal,
                    Commit(9, 2_000),
                    Commit(1, 30_000),
                    Room,
                    Commit(2, 9_000),
                    Seal,
                    Commit(1, 100),
                ])],
            )
        },
        small(
            "commits larger than a segment",
            vec![once(&[
                Commit(1, 40),
                Commit(1, 12_000),
                Room,
                Commit(3, 4_000),
                Seal,
                Commit(1, 10),
                Commit(1, 9_000),
                Commit(1, 10),
            ])],
        ),
        small(
            "a seal after every commit",
            vec![once(&[
                Commit(1, 40),
                Seal,
                Commit(1, 500),
                Seal,
                Commit(2, 300),
                Seal,
                Seal,
                Commit(1, 1_800),
                Seal,
                Commit(1, 200),
                Seal,
                Commit(5, 20),
                Seal,
            ])],
        ),
    ]
}

fn room() -> Vec<Workload> {
    vec![
        small(
            "never sealed",
            vec![once(&[
                Commit(1, 40),
                Commit(1, 1_200),
                Commit(2, 700),
                Commit(1, 2_000),
                Reopen,
                Commit(1, 900),
                Commit(1, 10),
            ])],
        ),
        small(
            "a disk that fills up",
            vec![once(&[
                Commit(1, 40),
                Capacity(2 * SMALL + 8_192 + 100),
                Room,
                Commit(1, 1_500),
                Seal,
                Commit(1, 2_000),
                Commit(1, 1_800),
                Last(1, 20),
                Commit(2, 900),
                Last(1, 200),
                Seal,
                Capacity(1 << 20),
                Commit(1, 2_500),
                Room,
                Commit(1, 2_500),
            ])],
        ),
        small(
            "room made early, late and twice",
            vec![once(&[
                Room,
                Commit(1, 40),
                Room,
                Room,
                Commit(1, 2_600),
                Commit(1, 2_600),
                Commit(1, 2_600),
                Room,
                Reopen,
                Commit(1, 2_600),
                Seal,
                Room,
                Commit(1, 100),
            ])],
        ),
    ]
}

fn torn_ends() -> Vec<Workload> {
    vec![
        small(
            "torn, told, and on it goes",
            vec![
                torn(
                    &[Commit(1, 40), Seal, Commit(1, 600), Commit(1, 1_900)],
                    Survive::AllBut(1),
                ),
                once(&[
                    Tell,
                    Seal,
                    Commit(1, 1_700),
                    Commit(2, 900),
                    Seal,
                    Commit(1, 30),
                ]),
            ],
        ),
        small(
            "torn three times in a row",
            vec![
                torn(
                    &[Commit(1, 40), Commit(1, 300), Commit(3, 400)],
                    Survive::Single(1),
                ),
                torn(&[Commit(1, 800), Commit(1, 1_100)], Survive::Prefix(1)),
                torn(&[Tell, Commit(1, 700)], Survive::Random(5)),
                once(&[Commit(1, 50), Room, Tell, Commit(1, 1_500), Seal]),
            ],
        ),
        small(
            "torn slots of the head",
            vec![
                torn(&[Commit(1, 40), Seal], Survive::Single(0)),
                torn(
                    &[Commit(1, 100), Seal, Commit(1, 200), Seal],
                    Survive::Prefix(3),
                ),
                torn(&[Commit(1, 50), Seal], Survive::AllBut(2)),
                once(&[Seal, Commit(1, 60), Seal, Commit(1, 70), Seal]),
            ],
        ),
    ]
}

fn restarts() -> Vec<Workload> {
    vec![
        small(
            "closed and opened again and again",
            vec![once(&[
                Reopen,
                Commit(1, 40),
                Reopen,
                Reopen,
                Commit(1, 900),
                Seal,
                Reopen,
                Commit(1, 1_800),
                Room,
                Reopen,
                Commit(3, 500),
                Seal,
                Reopen,
                Commit(1, 10),
            ])],
        ),
        small(
            "lost before the first sync, then lived",
            vec![
                torn(&[Commit(1, 500)], Survive::Nothing),
                torn(&[Commit(1, 700)], Survive::Prefix(1)),
                torn(&[Room, Commit(1, 700)], Survive::Everything),
                once(&[Commit(1, 600), Seal, Commit(1, 1_500), Commit(1, 1_500)]),
            ],
        ),
        Workload {
            segment_bytes: 16 << 10,
            ..small(
                "payloads that look like commits",
                vec![
                    torn(&[Commit(1, 40), Seal, Echo, Commit(1, 30), Echo], {
                        Survive::AllBut(0)
                    }),
                    once(&[Tell, Echo, Commit(1, 10), Seal, Commit(1, 20)]),
                ],
            )
        },
    ]
}

/// A workload that nobody thought of.
pub(crate) fn random(seed: u64) -> Workload {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let segment_bytes = [SMALL, 12 << 10, 16 << 10][dice.roll(3)];
    let count = 1 + dice.roll(3);
    let lives = (0..count).map(|life| dice.life(life + 1 == count, count == 1));
    Workload {
        segment_bytes,
        ..small(&format!("random {seed}"), lives.collect())
    }
}

/// Xorshift (Marsaglia, "Xorshift RNGs", 2003); the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % u64::try_from(sides).expect("small")).expect("small")
    }

    fn life(&mut self, is_last: bool, is_only: bool) -> Life {
        let mut steps = vec![Commit(1, self.roll(800))];
        for _ in 0..6 + self.roll(8) {
            steps.push(match self.roll(16) {
                0..8 => Commit(1 + self.roll(3), self.roll(1_200)),
                8 => Commit(1, 3_000 + self.roll(9_000)),
                9..12 => Seal,
                12 => Room,
                13 => Reopen,
                14 if is_only => Capacity(SMALL * u64::try_from(2 + self.roll(9)).expect("small")),
                14 => Last(1, self.roll(400)),
                _ => Tell,
            });
        }
        if is_last {
            return once(&steps);
        }
        let seed = u64::try_from(self.roll(1_000)).expect("small");
        torn(&steps, Survive::Random(seed))
    }
}
