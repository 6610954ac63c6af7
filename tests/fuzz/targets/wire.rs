//! Messages of the wire and the values that they stand for (`proto::convert`). Input: mode, and a
//! message.
#![no_main]

use bytes::Bytes;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_proto::convert::{
    self, Inclusion, check_timestamp, hash_list, hash_run, hash_run_bytes, hashes, timestamp,
    unix_micros, unix_micros_ceil,
};
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use prost_types::Timestamp;

fn plant() {
    for input in seeds::vectors("record") {
        let record = seeds::bytes(&input["record"]);
        if let Ok(entry) = convert::entry(&Bytes::from(record.clone())) {
            seeds::plant([[&[0], entry.encode_to_vec().as_slice()].concat()]);
        }
        seeds::plant([[&[1], record.as_slice()].concat()]);
    }
    let proof = v1::InclusionProof {
        index: 3,
        tree_size: 4,
        hashes: vec![Bytes::from(vec![7; 32]); 2],
    };
    seeds::plant([
        [&[2], proof.encode_to_vec().as_slice()].concat(),
        vec![3; 65],
        [&[4], &[0; 7][..], &[1; 9]].concat(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    match input.byte() % 5 {
        0 => v1::Entry::decode(input.rest()).iter().for_each(entry),
        1 => {
            let bytes = Bytes::copy_from_slice(input.rest());
            let made = convert::entry(&bytes);
            assert_eq!(made.is_ok(), Record::parse(&bytes).is_ok());
            made.iter().for_each(entry);
        }
        2 => v1::InclusionProof::decode(input.rest()).iter().for_each(proof),
        3 => {
            if let Ok(run) = hash_run(input.rest()) {
                assert_eq!(hash_run_bytes(&run), input.rest());
            }
        }
        _ => time(&Timestamp {
            seconds: i64::from_be_bytes(input.array()),
            nanos: i32::from_be_bytes(input.array()),
        }),
    }
});

/// An entry that agrees with its record is the entry of its record.
fn entry(entry: &v1::Entry) {
    if let Ok((record, leaf)) = convert::record(entry) {
        assert_eq!(record.bytes(), entry.record);
        assert_eq!(convert::entry(&entry.record).as_ref(), Ok(entry));
        assert_eq!(convert::entry_of(&record, leaf), *entry);
        assert_eq!(
            v1::Entry::decode(entry.encode_to_vec().as_slice()).as_ref(),
            Ok(entry)
        );
    }
}

fn proof(proof: &v1::InclusionProof) {
    if let Ok(inclusion) = Inclusion::try_from(proof) {
        assert_eq!(v1::InclusionProof::from(&inclusion), *proof);
        assert_eq!(hashes(&hash_list(&inclusion.hashes)), Ok(inclusion.hashes));
    }
}

/// Both readings of a time agree, and rounding goes up by less than a microsecond.
fn time(time: &Timestamp) {
    let (exact, up) = (unix_micros(time), unix_micros_ceil(time));
    assert!(check_timestamp(time).is_ok() || up.is_err());
    if let Ok(exact) = exact {
        assert_eq!((timestamp(exact), up), (*time, Ok(exact)));
    }
    if let Ok(up) = up {
        let nanos =
            |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let more = nanos(&timestamp(up)) - nanos(time);
        assert!((0..1_000).contains(&more), "{more} ns");
        assert!(UnixMicros::new(up.get()).is_ok());
    }
}
