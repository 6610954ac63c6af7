//! Recordings: lines of an asciicast file and packed parts. Input: the part, packed or not.
#![no_main]

use bytes::Bytes;
use countersign_collector::recording::asciicast::{event, header, write_event, write_header};
use countersign_collector::recording::{
    Cast, Escapes, OnDamage, Pace, Packer, Part, Speed, play, text, unpack,
};
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use tokio_util::sync::CancellationToken;

fn plant() {
    seeds::plant_texts([
        "{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 7, \
         \"env\": {\"TERM\": \"xterm\", \"SHELL\": \"/bin/bash\"}}\n\
         [0.000000, \"o\", \"a\\u001b[1mb\\r\\n\"]\n",
        "[1.5, \"r\", \"80x24\"]\n[1.500001, \"o\", \"\\u001b[3D\\u001b[2@x\\u001b]0;t\\u0007\"]\n",
    ]);
}

fn parts(data: &[u8]) -> Vec<Part> {
    let packed = Packer::new()
        .and_then(|mut packer| packer.pack(data))
        .expect("memory");
    [Bytes::copy_from_slice(data), packed.into()]
        .into_iter()
        .zip(1..)
        .map(|(content, number)| Part {
            number,
            digest: None,
            content: Ok(content),
        })
        .collect()
}

fuzz_target!(init: plant(), |data: &[u8]| {
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let mut again = Vec::new();
        if let Ok(read) = event(line) {
            write_event(read.at, read.code, &read.data, &mut again);
            assert_eq!(event(&again).as_ref(), Ok(&read));
        }
        again.clear();
        if let Ok(read) = header(line) {
            write_header(&read, &mut again);
            assert_eq!(header(&again).as_ref(), Ok(&read));
        }
    }
    drop(unpack(data));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let cast = || Cast::new(parts(data).into_iter(), OnDamage::PassOver);
        let mut out = Vec::new();
        text(&mut cast(), &mut out).await.expect("damage is passed over");
        assert!(!out.contains(&0x1b), "an escape sequence in text");
        let pace = Pace {
            speed: Speed::new(1_000.0).expect("a speed"),
            idle_limit: Some(std::time::Duration::ZERO),
            escapes: Escapes::Tamed,
        };
        let stop = CancellationToken::new();
        let played = play(&mut cast(), pace, &mut out, &stop).await;
        played.expect("damage is passed over");
    });
});
