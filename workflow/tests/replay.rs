//! Replays of logs that keep the rules, and of logs that do not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests stop at the first surprise"
)]

mod replay {
    pub(crate) mod world;

    pub(crate) mod forged;
    pub(crate) mod honest;
    mod insights;
    mod places;
    mod random;
    mod rehearsal;
    mod tell;
}
