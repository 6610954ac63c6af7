//! Tests of the verifier on folders that are built here, whole and damaged.

mod it {
    pub(crate) mod folder;

    /// The company, its honest logs and the forged ones, as the workflow's own tests have them.
    #[path = "../../../workflow/tests/replay/world.rs"]
    pub(crate) mod world;

    #[path = "../../../workflow/tests/replay/honest.rs"]
    pub(crate) mod honest;

    #[path = "../../../workflow/tests/replay/forged.rs"]
    pub(crate) mod forged;

    /// An event of every kind.
    #[expect(
        unreachable_pub,
        reason = "the system tests have it as a module of their library"
    )]
    #[path = "../../../tests/src/samples.rs"]
    pub(crate) mod samples;

    pub(crate) mod copying;

    mod bits;
    mod checkpoints;
    mod copies;
    mod export;
    mod fields;
    mod files;
    mod legality;
    mod live;
    mod output;
    mod presets;
    mod server;
    mod traces;
}
