//! Recordings as they are played, searched and exported, whole and damaged.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::hash::digest;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::asciicast::{Code, Header, header, write_event, write_header};
use super::tame::Tamer;
use super::text::Lines;
use super::*;
use crate::limits::PART_LINES;

/// A recording whose parts have these outputs, a second after each other.
fn recording(outputs: &[&str]) -> Vec<Part> {
    let mut packer = Packer::new().unwrap();
    let mut parts = Vec::new();
    for (at, output) in outputs.iter().enumerate() {
        let mut lines = Vec::new();
        if at == 0 {
            let header = Header {
                width: 100,
                height: 30,
                ..Header::default()
            };
            write_header(&header, &mut lines);
        }
        let at = u64::try_from(at).unwrap();
        write_event(at * 1_000_000, Code::Output, output, &mut lines);
        let blob = Bytes::from(packer.pack(&lines).unwrap());
        parts.push(Part {
            number: at + 1,
            digest: Some(digest(&blob)),
            content: Ok(blob),
        });
    }
    parts
}

fn cast(parts: Vec<Part>, on_damage: OnDamage) -> Cast<std::vec::IntoIter<Part>> {
    Cast::new(parts.into_iter(), on_damage)
}

async fn shown(cast: &mut Cast<std::vec::IntoIter<Part>>) -> Result<String, CastError> {
    let mut all = String::new();
    while let Some(event) = cast.next().await? {
        all.push_str(&event.data);
    }
    Ok(all)
}

#[tokio::test]
async fn a_recording_is_read_from_its_parts() {
    let mut cast = cast(recording(&["a", "b", "c"]), OnDamage::Stop).expecting(3);
    assert_eq!(cast.header().await.unwrap().width, 100);
    assert_eq!(shown(&mut cast).await.unwrap(), "abc");
    assert_eq!(cast.damages(), []);
}

#[tokio::test]
async fn a_damaged_part_is_named_and_can_be_passed_over() {
    let letters = ["a", "b", "c", "d"];
    let whole = recording(&letters);
    let other = recording(&["x"]).remove(0);
    let not_zstd = Bytes::from_static(b"\x28\xb5\x2f\xfd nonsense");
    let unended = Packer::new().unwrap().pack(b"[1.0, \"o\", \"x\"]").unwrap();
    let bad_line = Packer::new().unwrap().pack(b"[1.0]\n").unwrap();
    let large = Packer::new()
        .unwrap()
        .pack(&vec![b'\n'; PART_LINES + 1])
        .unwrap();
    type Harming<'a> = (&'a str, Box<dyn Fn(&mut Part) + 'a>);
    let harms: [Harming<'_>; 8] = [
        (
            "missing",
            Box::new(|part| part.content = Err("it was erased".into())),
        ),
        (
            "digest",
            Box::new(|part| part.content = other.content.clone()),
        ),
        (
            "flipped",
            Box::new(|part| {
                let mut bytes = part.content.clone().unwrap().to_vec();
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
                part.content = Ok(bytes.into());
                part.digest = None;
            }),
        ),
        ("nonsense", Box::new(|part| replace(part, &not_zstd))),
        ("unended", Box::new(|part| replace(part, &unended))),
        ("line", Box::new(|part| replace(part, &bad_line))),
        ("large", Box::new(|part| replace(part, &large))),
        ("empty", Box::new(|part| replace(part, b""))),
    ];
    for (name, harm) in &harms {
        for at in 0..whole.len() {
            let mut parts = whole.clone();
            harm(&mut parts[at]);
            let mut strict = cast(parts.clone(), OnDamage::Stop);
            let error = shown(&mut strict).await.unwrap_err().to_string();
            assert!(
                error.contains(&format!("part {} ", at + 1)),
                "{name}: {error}"
            );
            assert_eq!(
                shown(&mut strict).await.unwrap(),
                "",
                "{name}: nothing behind it"
            );
            let mut lenient = cast(parts, OnDamage::PassOver);
            let mut rest = letters.to_vec();
            rest.remove(at);
            assert_eq!(shown(&mut lenient).await.unwrap(), rest.concat(), "{name}");
            let [damage] = lenient.damages() else {
                panic!("{name}: {:?}", lenient.damages());
            };
            assert_eq!(damage.part, u64::try_from(at + 1).unwrap(), "{name}");
        }
    }
}

fn replace(part: &mut Part, bytes: &[u8]) {
    part.content = Ok(Bytes::copy_from_slice(bytes));
    part.digest = Some(digest(bytes));
}

#[tokio::test]
async fn a_part_that_is_not_there_is_noticed_wherever_it_was() {
    let letters = ["a", "b", "c", "d"];
    for at in 0..letters.len() {
        let mut parts = recording(&letters);
        parts.remove(at);
        let mut strict = cast(parts.clone(), OnDamage::Stop).expecting(4);
        let error = shown(&mut strict).await.unwrap_err().to_string();
        assert!(error.contains(&format!("part {} ", at + 1)), "{error}");
        let mut lenient = cast(parts, OnDamage::PassOver).expecting(4);
        let width = lenient.header().await.unwrap().width;
        assert_eq!(width, if at == 0 { 80 } else { 100 });
        let mut rest = letters.to_vec();
        rest.remove(at);
        assert_eq!(shown(&mut lenient).await.unwrap(), rest.concat());
        let harms: Vec<&Harm> = lenient
            .damages()
            .iter()
            .map(|damage| &damage.harm)
            .collect();
        assert_eq!(harms, [&Harm::Absent]);
    }
}

#[tokio::test]
async fn a_part_that_comes_twice_or_late_is_not_shown_twice() {
    let mut parts = recording(&["a", "b", "c"]);
    parts.insert(2, parts[0].clone());
    let mut lenient = cast(parts, OnDamage::PassOver);
    assert_eq!(shown(&mut lenient).await.unwrap(), "abc");
    assert_eq!(lenient.damages()[0].harm, Harm::Order(2));
}

#[tokio::test]
async fn a_gap_of_any_size_is_told_within_bounds() {
    let mut parts = recording(&["a", "b"]);
    parts[1].number = u64::MAX;
    let mut lenient = cast(parts, OnDamage::PassOver);
    assert_eq!(shown(&mut lenient).await.unwrap(), "ab");
    assert_eq!(lenient.damages().len(), 1_000);
}

#[tokio::test]
async fn an_export_is_one_file() {
    let mut out = Vec::new();
    let mut whole = cast(recording(&["a", "b"]), OnDamage::Stop);
    let bytes = export(&mut whole, &mut out).await.unwrap();
    assert_eq!(bytes, u64::try_from(out.len()).unwrap());
    let lines: Vec<&[u8]> = out.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(header(lines[0]).unwrap().width, 100);
    assert_eq!(
        lines[1..],
        [
            &b"[0.000000, \"o\", \"a\"]\n"[..],
            b"[1.000000, \"o\", \"b\"]\n"
        ]
    );
    let mut parts = recording(&["a", "b"]);
    parts.remove(0);
    let mut out = Vec::new();
    export(&mut cast(parts, OnDamage::PassOver), &mut out)
        .await
        .unwrap();
    assert_eq!(
        header(out.split(|byte| *byte == b'\n').next().unwrap())
            .unwrap()
            .width,
        80
    );
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_played_at_its_pace() {
    let parts = recording(&["a", "b", "c"]);
    let pace = |speed, idle: Option<u64>| Pace {
        speed: Speed::new(speed).unwrap(),
        idle_limit: idle.map(Duration::from_millis),
        escapes: Escapes::Raw,
    };
    let cases = [
        (pace(1.0, None), 2_000),
        (pace(4.0, None), 500),
        (pace(0.5, None), 4_000),
        (pace(1.0, Some(100)), 200),
        (pace(2.0, Some(100)), 100),
    ];
    for (pace, millis) in cases {
        let stop = CancellationToken::new();
        let (begun, mut out) = (Instant::now(), Vec::new());
        let mut cast = cast(parts.clone(), OnDamage::Stop);
        let played = play(&mut cast, pace, &mut out, &stop).await.unwrap();
        assert_eq!((played, out.as_slice()), (Played::Whole, &b"abc"[..]));
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        assert!(took.abs_diff(millis) <= 3, "{pace:?} took {took} ms");
    }
    let stop = CancellationToken::new();
    let (mut out, waiting) = (Vec::new(), stop.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        waiting.cancel();
    });
    let mut cast = cast(parts, OnDamage::Stop);
    let played = play(&mut cast, pace(1.0, None), &mut out, &stop)
        .await
        .unwrap();
    assert_eq!((played, out.as_slice()), (Played::Stopped, &b"ab"[..]));
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.009, 1_000.1] {
        assert!(Speed::new(speed).is_err());
    }
}

#[tokio::test]
async fn parts_can_come_from_another_task() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for part in recording(&["a", "b"]) {
            sender.send(Ok(part)).await.unwrap();
        }
        sender.send(Err(SourceError("cut".into()))).await.unwrap();
    });
    let mut cast = Cast::new(receiver, OnDamage::PassOver);
    assert_eq!(cast.next().await.unwrap().unwrap().data, "a");
    assert_eq!(cast.next().await.unwrap().unwrap().data, "b");
    let error = cast.next().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read on: cut");
}

#[tokio::test]
async fn text_is_what_could_be_read_on_the_screen() {
    let cases = [
        ("plain\r\nlines\r\n", "plain\nlines\n"),
        ("no end", "no end\n"),
        ("\x1b[1;31mred\x1b[0m\n", "red\n"),
        ("10%\r20%\r100%\r\n", "100%\n"),
        ("lss\x08 \x08 -l\r\n", "ls -l\n"),
        ("abc\x1b[2D\x1b[KX\n", "aX\n"),
        ("abcd\x1b[3D\x1b[1P\n", "acd\n"),
        ("acd\x1b[2D\x1b[1@b\n", "abcd\n"),
        ("a\tb\n", "a       b\n"),
        ("\x1b]0;title\x07text\n", "text\n"),
        ("\x1bP+q544e\x1b\\text\n", "text\n"),
        ("\x1b[2J\x1b[Hone\x1b[2;1Htwo\x1b[3;1H", "one\ntwo\n"),
        ("\x1b[?2004h$ \x1b[?2004l\r\n", "$\n"),
        ("é€😀\r\n", "é€😀\n"),
    ];
    for (output, expected) in cases {
        for pieces in [
            vec![output.to_owned()],
            output.chars().map(String::from).collect(),
        ] {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let mut out = Vec::new();
            text(&mut cast(recording(&pieces), OnDamage::Stop), &mut out)
                .await
                .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{output:?}");
        }
    }
}

#[test]
fn a_line_without_end_is_cut() {
    let mut lines = Lines::default();
    let long = "x".repeat(100_000);
    let cut: usize = lines.push(0, &long).map(|line| line.text.len()).sum();
    assert_eq!(cut + lines.finish().unwrap().text.len(), long.len());
    let far: Vec<Line> = lines
        .push(0, "\x1b[65535C\x1b[65535Cx\x1b[65535@\x1b[65535Pz\n")
        .collect();
    assert!(far.iter().all(|line| line.text.len() <= 16_384));
}

#[tokio::test]
async fn a_search_tells_line_and_time() {
    let parts = recording(&["one\r\ntw", "o\r\nthree", " two\r\n", "two"]);
    let mut hits = Vec::new();
    let two = pattern("^two|three").unwrap();
    grep(&mut cast(parts.clone(), OnDamage::Stop), &two, |hit| {
        hits.push((hit.number, hit.at, hit.text));
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    let expected = [
        (2, 0, "two"),
        (3, 1_000_000, "three two"),
        (4, 3_000_000, "two"),
    ];
    let expected = expected.map(|(number, at, text)| (number, at, text.to_owned()));
    assert_eq!(hits, expected);
    let mut count = 0;
    grep(&mut cast(parts, OnDamage::Stop), &two, |_| {
        count += 1;
        ControlFlow::Break(())
    })
    .await
    .unwrap();
    assert_eq!(count, 1);
    assert!(pattern("(").is_err());
    assert!(pattern("(a{1000}){1000}").is_err());
}

#[test]
fn only_what_paints_reaches_a_terminal() {
    let cases = [
        ("text\r\n\t\x08\x07", "text\r\n\t\x08\x07"),
        (
            "\x1b[1;31mred\x1b[0m\x1b[38:2:1:2:3m",
            "\x1b[1;31mred\x1b[0m\x1b[38:2:1:2:3m",
        ),
        (
            "\x1b[2J\x1b[10;20H\x1b[?25l\x1b[?1049h",
            "\x1b[2J\x1b[10;20H\x1b[?25l\x1b[?1049h",
        ),
        ("\x1b7\x1b8\x1bM\x1b(0\x1b(B", "\x1b7\x1b8\x1bM\x1b(0\x1b(B"),
        ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1bP$qm\x1b\\b", "ab"),
        ("a\x1b[6nb\x1b[cc\x1b[>cd\x1b[5n", "abcd"),
        ("a\x1b[21tb\x1b[?6n", "ab"),
        ("a\x05b", "ab"),
        ("a\x1bZb", "ab"),
        ("a\x1b[?1000hb\x1b[?2004h", "ab"),
        ("a\u{9b}6nb", "a6nb"),
        ("\x1b[20h\x1b[4h", "\x1b[4h"),
    ];
    for (session, terminal) in cases {
        let mut tamer = Tamer::default();
        assert_eq!(
            String::from_utf8_lossy(tamer.tame(session)),
            terminal,
            "{session:?}"
        );
        let mut tamer = Tamer::default();
        let mut bytewise = Vec::new();
        for letter in session.chars() {
            bytewise.extend_from_slice(tamer.tame(&letter.to_string()));
        }
        assert_eq!(String::from_utf8_lossy(&bytewise), terminal, "{session:?}");
    }
}
