//! Tests of the verifier on folders that are built here, whole and damaged.

mod it {
    pub(crate) mod folder;

    mod bits;
    mod checkpoints;
    mod fields;
    mod files;
    mod live;
    mod output;
    mod server;
}
