//! Payloads that almost every log is full of, judged without decoding them: nothing is copied, and
//! only what is certainly well-formed passes. Everything else is decoded.

/// Field number of `ExternalEvent` in `countersign.v1.Event`.
const EXTERNAL_EVENT: u16 = 140;
/// Seconds of a time that are taken here: up to the year 3058, and none before 1970.
const SECONDS: u64 = 1 << 35;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Whether this is an `ExternalEvent` of known fields, each at most once, that keeps the rules of
/// its kind. It says nothing about any other payload.
pub(super) fn is_usual(kind: u16, payload: &[u8]) -> bool {
    kind == EXTERNAL_EVENT && external_event(payload).is_some()
}

fn external_event(payload: &[u8]) -> Option<()> {
    let mut left = Wire(payload);
    let mut seen = 0_u64;
    let mut has_source = false;
    while let Some(key) = left.key() {
        let value = left.value()?;
        match key {
            1 => {
                text(value)?;
                has_source = !value.is_empty();
            }
            2 | 6 => text(value)?,
            3 => {}
            4 => pair(value)?,
            5 => time(value)?,
            _ => return None,
        }
        // Only the pairs of the map stand more than once.
        let bit = if key == 4 { 0 } else { 1 << key };
        if seen & bit != 0 {
            return None;
        }
        seen |= bit;
    }
    (left.0.is_empty() && has_source).then_some(())
}

fn text(value: &[u8]) -> Option<()> {
    std::str::from_utf8(value).ok().map(|_| ())
}

/// A key and its value.
fn pair(value: &[u8]) -> Option<()> {
    let mut left = Wire(value);
    while let Some(key) = left.key() {
        if !matches!(key, 1 | 2) {
            return None;
        }
        text(left.value()?)?;
    }
    left.0.is_empty().then_some(())
}

/// `google.protobuf.Timestamp`: seconds and nanoseconds, both optional, in this order.
fn time(value: &[u8]) -> Option<()> {
    let mut left = Wire(value);
    for (key, end) in [(1 << 3, SECONDS), (2 << 3, NANOS_PER_SECOND)] {
        if let Some(behind) = left.0.strip_prefix(&[key]) {
            left.0 = behind;
            left.varint().filter(|number| *number < end)?;
        }
    }
    left.0.is_empty().then_some(())
}

/// What is left of a message.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// Number of the next field, when it is below 16 and length-delimited; `None` at the end.
    fn key(&mut self) -> Option<u8> {
        let (key, behind) = self.0.split_first()?;
        let is_delimited = key & 0x87 == 0x02;
        is_delimited.then(|| {
            self.0 = behind;
            key >> 3
        })
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (value, behind) = self.0.split_at_checked(len)?;
        self.0 = behind;
        Some(value)
    }

    /// A number of at most five bytes.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let (byte, behind) = self.0.split_first()?;
            self.0 = behind;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::event::{Event, Known};
    use countersign_proto::v1::{ExternalEvent, LogStopped};

    use super::*;

    fn bytes(event: &ExternalEvent) -> Vec<u8> {
        let (kind, payload) = Event::from_message(event).into_parts().expect("an event");
        assert_eq!(kind.get(), EXTERNAL_EVENT);
        payload.to_vec()
    }

    /// Events as collectors write them.
    fn samples() -> Vec<Vec<u8>> {
        let short = ExternalEvent {
            source: "sshd".into(),
            raw: vec![0xFF; 200].into(),
            ..Default::default()
        };
        let pairs = [("pid", "17"), ("", ""), ("h\u{e4}user", "")];
        let full = ExternalEvent {
            position: "0".into(),
            fields: pairs.map(|(key, value)| (key.into(), value.into())).into(),
            malformed: "no date".into(),
            ..short.clone()
        };
        let mut samples = vec![bytes(&short), bytes(&full)];
        // Times: none of either number, both, and the largest.
        let times: [&[u8]; 4] = [
            &[],
            &[0x08, 0x80, 0x01],
            &[0x10, 0x05],
            &[
                0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x10, 0xFF, 0x93, 0xEB, 0xDC, 0x03,
            ],
        ];
        for time in times {
            let mut sample = bytes(&short);
            sample.extend([0x2A, u8::try_from(time.len()).expect("short")]);
            sample.extend(time);
            samples.push(sample);
        }
        samples
    }

    /// Whatever passes here must be decoded too.
    fn holds(payload: &[u8]) -> bool {
        let usual = is_usual(EXTERNAL_EVENT, payload);
        let decoded = Known::decode(EXTERNAL_EVENT, payload);
        assert!(!usual || decoded.is_ok(), "{payload:x?}: {decoded:?}");
        usual
    }

    #[test]
    fn events_of_collectors_are_usual_and_other_kinds_are_not() {
        for payload in samples() {
            assert!(holds(&payload), "{payload:x?}");
        }
        assert!(!holds(&[]), "a source is missing");
        let stopped = Event::from_message(&LogStopped::default());
        let (kind, payload) = stopped.into_parts().expect("an event");
        assert!(!is_usual(kind.get(), &payload));
    }

    #[test]
    fn whatever_is_usual_can_be_decoded() {
        for payload in samples() {
            for at in 0..=payload.len() {
                let (start, end) = payload.split_at(at);
                holds(start);
                holds(&[end, start].concat());
                holds(&[start, &payload].concat());
                for byte in 0..=u8::MAX {
                    holds(&[start, &[byte], end].concat());
                    holds(&[start, &[byte], end.get(1..).unwrap_or_default()].concat());
                }
            }
        }
    }

    #[test]
    fn whatever_is_usual_among_made_up_messages_can_be_decoded() {
        // Pieces of messages in any order, four at a time.
        let pieces: [&[u8]; 16] = [
            &[0x0A, 0x01, b'a'],
            &[0x0A, 0x00],
            &[0x12, 0x02, 0xC3, 0xA4],
            &[0x1A, 0x81, 0x00, 0xFF],
            &[0x1A, 0x80, 0x80, 0x80, 0x80, 0x00],
            &[0x22, 0x00],
            &[0x22, 0x05, 0x0A, 0x00, 0x12, 0x01, b'b'],
            &[0x22, 0x02, 0x08, 0x00],
            &[0x2A, 0x02, 0x08, 0x01],
            &[0x2A, 0x06, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0x2A, 0x04, 0x10, 0x01, 0x08, 0x01],
            &[0x32, 0x01, b'c'],
            &[0x32],
            &[0x3A, 0x00],
            &[0x08],
            &[0x00],
        ];
        let mut usual = 0;
        for number in 0..pieces.len().pow(4) {
            let chosen = [0, 4, 8, 12].map(|shift| pieces[number >> shift & 15]);
            usual += usize::from(holds(&chosen.concat()));
        }
        assert!(usual > 50, "{usual} of them are usual");
    }
}
