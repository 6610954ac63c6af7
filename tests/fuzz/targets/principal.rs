//! Principals (section 2).
#![no_main]

use countersign_chain::principal::{Principal, check};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

fn plant() {
    let vectors = seeds::vectors("principal");
    seeds::plant(
        vectors
            .iter()
            .map(|input| seeds::text(&input["principal"]).into_bytes()),
    );
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let text = Input::new(data).text();
    let parsed = Principal::parse(&text);
    assert_eq!(check(&text), parsed.clone().map(drop));
    let Ok(principal) = parsed else {
        return;
    };
    assert_eq!(principal.as_str(), text);
    if principal == Principal::ledger() {
        assert_eq!((principal.role(), principal.name()), ("ledger", ""));
    } else {
        assert_eq!(format!("{}:{}", principal.role(), principal.name()), text);
        assert_ne!(principal.role(), "ledger", "somebody else looks like the ledger");
    }
    assert!(!text.contains(|c: char| c.is_control() || c.is_whitespace()));
});
