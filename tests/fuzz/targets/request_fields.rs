//! Fields of a request, counted while its bytes come in parts. Input: size of the parts, and an
//! `AppendBatchRequest`.
#![no_main]

use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

#[path = "../../../ledger/src/server/guard/fields.rs"]
mod fields;

fn plant() {
    let draft = v1::EventDraft {
        case: 300,
        idempotency_key: "k".repeat(200),
        ..v1::EventDraft::default()
    };
    let request = v1::AppendBatchRequest {
        log: "main".to_owned(),
        drafts: vec![draft, v1::EventDraft::default()],
        wait_for: 1,
    };
    seeds::plant([[&[3], request.encode_to_vec().as_slice()].concat()]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let size = usize::from(input.byte()) + 1;
    let body = input.rest();
    let request = [&[0; 5], body].concat();
    let whole = fields::Fields::default().count(&request);
    let mut counting = fields::Fields::default();
    let parts: usize = request.chunks(size).map(|part| counting.count(part)).sum();
    assert_eq!(whole, parts, "however the bytes are parted");
    assert!(whole <= body.len());
    // What becomes a draft in memory was counted.
    if let Ok(decoded) = v1::AppendBatchRequest::decode(body) {
        assert!(decoded.drafts.len() <= whole, "{} drafts, {whole} fields", decoded.drafts.len());
    }
});
