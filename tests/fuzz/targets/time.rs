//! Times as people write them (`--since`, `--until`). Input: a text.
#![no_main]

use countersign_chain::time::UnixMicros;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

#[path = "../../../cli/src/when.rs"]
#[allow(
    dead_code,
    reason = "only what reads and writes ledger times is under test"
)]
mod when;

use when::{When, rfc3339};

fn plant() {
    seeds::plant_texts([
        "2026-01-31T12:00:00Z",
        "1970-01-01T01:00:01.5+01:00",
        "2026-01-31",
        "1h30m",
        "1w2d",
        "90s",
        "9999-12-31T23:59:59.999999Z",
        "18446744073709551615s",
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let text = Input::new(data).text();
    let now = UnixMicros::new(1_790_000_000_000_000).expect("a time");
    match When::parse(&text) {
        Ok(when @ When::At(time)) => {
            assert_eq!(when.resolve(now), time);
            assert_eq!(When::parse(&rfc3339(time)), Ok(when), "{text}");
        }
        Ok(when @ When::Ago(micros)) => {
            assert!(when.resolve(now) <= now);
            let seconds = When::parse(&format!("{}s", micros / 1_000_000));
            assert_eq!((seconds, micros % 1_000_000), (Ok(when), 0));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
