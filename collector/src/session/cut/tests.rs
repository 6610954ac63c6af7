//! Where a recording is cut into parts.

use super::*;
use crate::limits::RECORD_AHEAD;
use crate::recording::asciicast::{Event, event, header};
use crate::recording::unpack;
use crate::session::mask::NoMask;
use crate::session::queue::Window;

const SECOND: u64 = 1_000_000;

fn cutter(masks: &dyn Masks) -> Cutter {
    let header = Header {
        width: 80,
        height: 24,
        timestamp: 5,
        ..Header::default()
    };
    Cutter::new(&header, masks).unwrap()
}

fn output(bytes: &[u8]) -> Piece {
    Piece::Output(bytes.to_vec())
}

fn parts(cutter: &mut Cutter) -> Vec<CutPart> {
    std::iter::from_fn(|| cutter.take()).collect()
}

/// The events of these parts, which must be one file with its header at the beginning.
fn events(parts: &[CutPart]) -> Vec<Event> {
    let mut lines = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        assert_eq!(part.number, u64::try_from(at + 1).unwrap());
        lines.extend(unpack(&part.blob).unwrap());
    }
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
    assert_eq!(header(lines.next().unwrap()).unwrap().timestamp, 5);
    let events: Vec<Event> = lines.map(|line| event(line).unwrap()).collect();
    assert!(events.is_sorted_by_key(|event| event.at), "times go back");
    events
}

fn shown(parts: &[CutPart]) -> String {
    let events = events(parts).into_iter();
    let output = events.filter(|event| event.code == Code::Output);
    output.map(|event| event.data).collect()
}

#[test]
fn a_part_is_closed_a_second_after_its_first_event() {
    let mut cutter = cutter(&NoMask);
    assert_eq!(cutter.due(), None);
    cutter.push(3 * SECOND, &output(b"a")).unwrap();
    cutter.push(3 * SECOND + 900_000, &output(b"b")).unwrap();
    let quiet = micros(QUIET);
    assert_eq!(cutter.due(), Some(4 * SECOND));
    cutter.tick(4 * SECOND - 1).unwrap();
    assert_eq!(cutter.take(), None);
    cutter.tick(4 * SECOND).unwrap();
    let first = cutter.take().unwrap();
    assert_eq!((first.from, first.to), (3 * SECOND, 3 * SECOND + 900_000));
    assert_eq!((first.number, first.output_bytes), (1, 2));
    assert_eq!(
        cutter.due(),
        Some(3 * SECOND + 900_000 + quiet),
        "the mask is to be asked"
    );
    cutter.tick(5 * SECOND).unwrap();
    assert_eq!(cutter.due(), None);
    cutter.push(9 * SECOND, &output(b"c")).unwrap();
    // Whoever is late closes the old part before the new piece.
    cutter.push(20 * SECOND, &output(b"d")).unwrap();
    assert_eq!(cutter.take().unwrap().to, 9 * SECOND);
    let totals = cutter.finish(21 * SECOND).unwrap();
    assert_eq!((totals.parts, totals.output_bytes), (3, 4));
}

#[test]
fn no_byte_is_older_than_a_second_in_an_open_part() {
    let mut cutter = cutter(&NoMask);
    let mut now = 0;
    for step in (1..400_u64).map(|step| step * 7_919 % 600_000) {
        now += step;
        cutter.push(now, &output(b"x")).unwrap();
        let due = cutter.due().unwrap();
        assert!(due <= now + SECOND);
        if due < now + step {
            cutter.tick(due).unwrap();
        }
    }
    cutter.finish(now).unwrap();
    let parts = parts(&mut cutter);
    assert!(parts.iter().all(|part| part.to - part.from <= SECOND));
    assert_eq!(shown(&parts).len(), 399);
}

#[test]
fn a_part_is_closed_at_256_kib_of_output() {
    let mut cutter = cutter(&NoMask);
    let piece = output(&[b'x'; EVENT_OUTPUT]);
    for _ in 0..9 {
        cutter.push(0, &piece).unwrap();
    }
    let totals = cutter.finish(0).unwrap();
    assert_eq!(totals.output_bytes, 9 * 65_536);
    let parts = parts(&mut cutter);
    let sizes: Vec<u64> = parts.iter().map(|part| part.output_bytes).collect();
    assert_eq!(sizes, [262_144, 262_144, 65_536]);
    assert_eq!(shown(&parts).len(), 9 * EVENT_OUTPUT);
}

#[test]
fn a_blob_stays_below_a_mebibyte_whatever_is_shown() {
    // Bytes of a xorshift generator: controls and invalid UTF-8 that cannot be compressed.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let noise: Vec<u8> = (0..RECORD_AHEAD).map(|_| random()).collect();
    let controls: Vec<u8> = noise.iter().map(|byte| byte & 31).collect();
    for bytes in [
        noise,
        controls,
        vec![0; RECORD_AHEAD],
        vec![0xff; RECORD_AHEAD],
    ] {
        let mut cutter = cutter(&NoMask);
        cutter.push(0, &output(&bytes)).unwrap();
        let totals = cutter.finish(0).unwrap();
        assert_eq!(totals.output_bytes, 1_048_576);
        let parts = parts(&mut cutter);
        assert!(parts.iter().all(|part| part.blob.len() < 1_048_576));
        assert_eq!(shown(&parts), String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn characters_survive_wherever_output_is_cut() {
    let text = "aé€😀\u{301}z".repeat(3);
    for at in 0..=text.len() {
        let (one, two) = text.as_bytes().split_at(at);
        let mut cutter = cutter(&NoMask);
        cutter.push(0, &output(one)).unwrap();
        cutter.push(5 * SECOND, &output(two)).unwrap();
        cutter.finish(6 * SECOND).unwrap();
        assert_eq!(shown(&parts(&mut cutter)), text, "cut at {at}");
    }
    let mut cutter = cutter(&NoMask);
    cutter.push(0, &output(b"\xf0\x9f")).unwrap();
    cutter.finish(SECOND).unwrap();
    assert_eq!(shown(&parts(&mut cutter)), "\u{fffd}");
}

#[test]
fn events_are_what_comes_within_a_few_milliseconds() {
    let mut cutter = cutter(&NoMask);
    for (at, text) in [
        (0, "a"),
        (3_000, "b"),
        (4_000, "c"),
        (5_000, "d"),
        (6_000, "e"),
    ] {
        cutter.push(at, &output(text.as_bytes())).unwrap();
    }
    cutter.push(6_100, &Piece::Input(b"i".to_vec())).unwrap();
    let columns = 120;
    cutter
        .push(6_200, &Piece::Resize(Window { columns, rows: 40 }))
        .unwrap();
    cutter.push(6_300, &output(b"f")).unwrap();
    cutter.push(6_400, &Piece::Marker("m".into())).unwrap();
    cutter.finish(6_500).unwrap();
    let events = events(&parts(&mut cutter));
    let seen: Vec<(u64, Code, &str)> = events
        .iter()
        .map(|event| (event.at, event.code, event.data.as_str()))
        .collect();
    let expected = [
        (0, Code::Output, "abc"),
        (5_000, Code::Output, "de"),
        (6_100, Code::Input, "i"),
        (6_200, Code::Resize, "120x40"),
        (6_300, Code::Output, "f"),
        (6_400, Code::Marker, "m"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_session_that_shows_nothing_has_one_part() {
    let mut cutter = cutter(&NoMask);
    let totals = cutter.finish(7).unwrap();
    assert_eq!((totals.parts, totals.output_bytes), (1, 0));
    assert_eq!(shown(&parts(&mut cutter)), "");
}

/// Takes out "secret", and holds back what may begin it.
#[derive(Default)]
struct Secret {
    held: Vec<u8>,
    count: u64,
}

impl Mask for Secret {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            self.held.push(*byte);
            if self.held == b"secret" {
                self.held.clear();
                self.count += 1;
                out.extend_from_slice(b"[hidden]");
            }
            while !b"secret".starts_with(&self.held) {
                out.push(self.held.remove(0));
            }
        }
    }

    fn flush_quiet(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }

    fn count(&self) -> u64 {
        self.count
    }
}

struct Secrets;

impl Masks for Secrets {
    fn mask(&self) -> Box<dyn Mask> {
        Box::<Secret>::default()
    }
}

#[test]
fn a_secret_is_taken_out_across_parts_and_counted_where_it_ended() {
    let mut cutter = cutter(&Secrets);
    cutter.push(0, &output(b"my secret sec")).unwrap();
    cutter.push(100_000, &output(b"ret se")).unwrap();
    // What is held back is shown when it is quiet, and has the time of its release.
    cutter.tick(100_000 + micros(QUIET)).unwrap();
    cutter.push(3 * SECOND, &output(b"cret s")).unwrap();
    let totals = cutter.finish(4 * SECOND).unwrap();
    assert_eq!((totals.redactions, totals.output_bytes), (2, 25));
    let parts = parts(&mut cutter);
    let counts: Vec<u64> = parts.iter().map(|part| part.redactions).collect();
    assert_eq!(counts, [2, 0]);
    assert_eq!(shown(&parts), "my [hidden] [hidden] secret s");
    let released = events(&parts)
        .into_iter()
        .find(|event| event.data == "se")
        .unwrap();
    assert_eq!(released.at, 100_000 + micros(QUIET));
}

#[test]
fn output_of_which_nothing_is_left_has_a_part() {
    struct Nothing;
    impl Mask for Nothing {
        fn push(&mut self, _bytes: &[u8], _out: &mut Vec<u8>) {}
        fn flush_quiet(&mut self, _out: &mut Vec<u8>) {}
        fn finish(&mut self, _out: &mut Vec<u8>) {}
        fn count(&self) -> u64 {
            1
        }
    }
    impl Masks for Nothing {
        fn mask(&self) -> Box<dyn Mask> {
            Box::new(Self)
        }
    }
    let mut cutter = cutter(&Nothing);
    cutter.push(0, &output(b"secret")).unwrap();
    let totals = cutter.finish(5).unwrap();
    assert_eq!((totals.parts, totals.output_bytes), (1, 6));
    assert_eq!(shown(&parts(&mut cutter)), "");
}
