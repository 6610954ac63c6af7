//! Records (docs/format.md, section 1): what is accepted has exactly one encoding.
#![no_main]

use countersign_chain::hash;
use countersign_chain::record::{Fields, Record};
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

fn plant() {
    let vectors = seeds::vectors("record");
    seeds::plant(vectors.iter().map(|input| seeds::bytes(&input["record"])));
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let Ok(record) = Record::parse(data) else {
        return;
    };
    assert_eq!((record.bytes(), record.leaf()), (data, hash::leaf(data)));
    let fields = Fields {
        kind: record.kind(),
        index: record.index(),
        time: record.time(),
        prev: record.prev(),
        case: record.case(),
        actor: record.actor(),
        via: record.via(),
        idem: record.idem(),
        payload: record.payload(),
    };
    let mut again = Vec::new();
    fields.encode_into(&mut again).expect("what was read can be written");
    assert_eq!((again.as_slice(), fields.encoded_len()), (data, data.len()));
    assert!(Record::parse(&data[..data.len() - 1]).is_err(), "a byte less");
    again.push(0);
    assert!(Record::parse(&again).is_err(), "a byte more");
});
