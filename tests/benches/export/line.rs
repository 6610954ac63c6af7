//! Events as collectors bring them: lines of a web server, none like another.

use countersign_proto::event::Event;
use countersign_proto::v1::ExternalEvent;

use crate::random::Random;

/// Bytes of a line.
const LINE: usize = 502;
const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];
const PLACES: [&str; 8] = [
    "orders", "users", "invoices", "search", "session", "metrics", "export", "health",
];
const AGENTS: [&str; 4] = [
    "curl/8.5.0",
    "Mozilla/5.0",
    "okhttp/4.12",
    "python-requests/2.32",
];

/// A line whose words come again and whose numbers do not.
pub(crate) fn line(random: &mut Random) -> Event {
    let mut raw = String::with_capacity(LINE + 128);
    let mut pick = |words: &[&'static str]| {
        let count = u64::try_from(words.len()).expect("few");
        words[usize::try_from(random.below(count)).expect("few")]
    };
    let (method, place, agent) = (pick(&METHODS), pick(&PLACES), pick(&AGENTS));
    raw.push_str(&format!(
        "10.{}.{}.{} {method} /v1/{place}/{} HTTP/2 200 {agent}",
        random.below(256),
        random.below(256),
        random.below(256),
        random.below(100_000_000),
    ));
    let mut number = 0;
    while raw.len() < LINE {
        raw.push_str(&format!(
            " t{number}={}us id={:08x}",
            random.below(1_000_000),
            random.below(1 << 32)
        ));
        number += 1;
    }
    raw.truncate(LINE);
    Event::from_message(&ExternalEvent {
        source: "bench".into(),
        raw: raw.into_bytes().into(),
        ..Default::default()
    })
}
