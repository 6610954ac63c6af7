//! Origins (section 4), and the names that they give to trust domains.
#![no_main]

use countersign_chain::checkpoint::Checkpoint;
use countersign_chain::hash;
use countersign_chain::origin::Origin;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use countersign_ledger::identity::uri;
use libfuzzer_sys::fuzz_target;

fn plant() {
    let vectors = seeds::vectors("origin");
    seeds::plant(
        vectors
            .iter()
            .map(|input| seeds::text(&input["origin"]).into_bytes()),
    );
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let text = Input::new(data).text();
    let Ok(origin) = Origin::parse(&text) else {
        return;
    };
    assert_eq!(origin.as_str(), text);
    assert_eq!(uri::parse_authority(&uri::authority(&origin)).as_ref(), Some(&origin));
    // Every origin survives in a checkpoint.
    let root = hash::empty_root();
    let checkpoint = Checkpoint { origin, size: 0, root };
    assert_eq!(Checkpoint::peek(&make::note(&checkpoint.to_text())), Ok(checkpoint));
});
