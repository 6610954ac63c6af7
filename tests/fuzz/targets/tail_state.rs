//! The file with the places of followed files, and a place as one word. Input: either.
#![no_main]

use countersign_collector::limits;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

#[path = "../../../collector/src/tail/state.rs"]
#[allow(dead_code, reason = "only the reader and the writer are under test")]
mod state;

const AGENT: &str = "db-1";

fn plant() {
    seeds::plant_texts([
        r#"{"format":1,"agent":"db-1","files":[{"path":"/var/log/x","device":1,"inode":2,
"fingerprint_bytes":11,"fingerprint_sha256":"ywCYnZSlacCmeK4EK2Pc1GJduWRAUX83put5duok7Us=",
"generation":3,"offset":18446744073709551615},{"path":"\\xff","device":1,"inode":2,
"fingerprint_bytes":0,"fingerprint_sha256":"ywCYnZSlacCmeK4EK2Pc1GJduWRAUX83put5duok7Us=",
"generation":0,"offset":0}]}"#,
        "1:2:3:4:11:ywCYnZSlacCmeK4EK2Pc1GJduWRAUX83put5duok7Us=",
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    if let Some(place) = std::str::from_utf8(data).ok().and_then(|word| word.parse().ok()) {
        let place: state::Place = place;
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    let file = seeds::scratch().join("tail.json");
    std::fs::write(&file, data).expect("room");
    if let Ok(places) = state::State::load(&file, AGENT) {
        places.save(&file, AGENT).expect("what was read can be written");
        assert_eq!(state::State::load(&file, AGENT).ok(), Some(places));
        assert!(state::State::load(&file, "db-2").is_err(), "the places of another agent");
    }
});
