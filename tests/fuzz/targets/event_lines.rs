//! Events as JSON lines, as `countersign collector emit` reads them. Input: lines.
#![no_main]

use countersign_chain::limits::{MAX_IDEM, MAX_PAYLOAD};
use countersign_client::Draft;
use countersign_collector::emit::{OnBadLine, Options, emit};
use countersign_collector::{Sink, SinkError};
use countersign_fuzz::seeds;
use countersign_proto::event::Known;
use libfuzzer_sys::fuzz_target;
use tokio_util::sync::CancellationToken;

fn plant() {
    seeds::plant_texts([
        r#"{"source":"sshd","position":"17","observed_at":"2026-11-22T10:00:00.5+01:00","case":4,
"idempotency_key":"k","fields":{"user":"ada"},"raw":"text"}"#,
        "{\"source\":\"s\",\"position\":\"17\",\"observed_at\":\"1969-12-31T23:59:59.25Z\",\
         \"case\":4,\"idempotency_key\":\"k\",\"fields\":{\"a\":\"b\"},\"raw\":\"x\"}\n\n{}\n[]",
        "{\"raw\":\"\\ud83d\\ude00\"}\n{\"fields\":{\"\":\"\"}}\n",
    ]);
}

/// Keeps what is sent and calls it sealed.
struct Kept<'a>(&'a mut Vec<Draft>);

impl Sink for Kept<'_> {
    async fn send(&mut self, draft: Draft) -> Result<(), SinkError> {
        self.0.push(draft);
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        u64::try_from(self.0.len()).expect("few")
    }

    async fn acknowledged_beyond(&mut self, _count: u64) -> Result<u64, SinkError> {
        Ok(self.acknowledged())
    }

    async fn close(&mut self) {}
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut sent = Vec::new();
    let options = Options {
        on_bad_line: OnBadLine::Record,
        ..Options::new("run")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut bad = 0;
    let mut report = |told: countersign_collector::emit::Report<'_>| {
        if let countersign_collector::emit::Report::Bad { reason, .. } = told {
            assert!(!reason.to_string().is_empty());
            bad += 1;
        }
    };
    let stop = CancellationToken::new();
    let emitted = emit(data, Kept(&mut sent), &options, stop, &mut report);
    let progress = runtime.block_on(emitted).expect("bad lines are recorded");
    // Nothing is dropped: each line that says something is one event.
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let lines = data.split(|byte| *byte == b'\n');
    let full = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace)).count();
    assert_eq!((sent.len(), progress.bad), (full, bad));
    let mut malformed = 0;
    for draft in &sent {
        let Ok(Known::ExternalEvent(event)) = draft.event.known() else {
            panic!("the ledger would refuse {draft:?}");
        };
        malformed += u64::from(!event.malformed.is_empty());
        let (_, payload) = draft.event.parts().expect("one event");
        assert!(payload.len() <= MAX_PAYLOAD);
        assert!((1..=MAX_IDEM).contains(&draft.idempotency_key.len()));
    }
    assert_eq!(malformed, bad);
});
