//! The payload of every kind of event, made out of the descriptors of the contract: a new kind and
//! a new field are in the samples by themselves.

use std::collections::BTreeMap;

use countersign_proto::FILE_DESCRIPTOR_SET;
use countersign_proto::event::{EventError, Known};
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// How texts are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// Words.
    Plain,
    /// Whatever could break a format.
    Hostile,
    /// As hostile, and long.
    Long,
}

/// What could break a format: separators, quotes, line ends, escapes, control characters, and text
/// that is not ASCII.
pub(crate) const HOSTILE: &str = "a|b=c\\d\"e]f[g'h,i;j{k}\nl\r\nm\tn\u{0}o\u{1b}[31mp \
    \u{7f}\u{85} \u{202e}q\u{2028}r\u{feff} ünï \u{1f512} 日本語 \\n \\| \\= %s ${x} <14>1 CEF:0| ";

/// All messages by their full names.
pub(crate) struct Messages(BTreeMap<String, DescriptorProto>);

impl Messages {
    pub(crate) fn read() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it is a set");
        let mut all = BTreeMap::new();
        for file in set.file {
            for message in &file.message_type {
                gather(&mut all, &format!(".{}", file.package()), message);
            }
        }
        Self(all)
    }

    /// A payload of a kind in which every field says something.
    pub(crate) fn full(&self, name: &str, texts: Texts) -> Vec<u8> {
        let fields = &self.message(&format!(".countersign.v1.{name}")).field;
        fields
            .iter()
            .flat_map(|it| self.field(it, texts, 0))
            .collect()
    }

    /// A payload of a kind with the fields that the rules of the kind ask for, and no more.
    pub(crate) fn minimal(&self, kind: u16, name: &str) -> Vec<u8> {
        let fields = &self.message(&format!(".countersign.v1.{name}")).field;
        let mut payload = Vec::new();
        for _ in 0..=fields.len() {
            match Known::decode(kind, &payload) {
                Ok(_) => return payload,
                Err(EventError::Field { field, .. }) => {
                    let wanted = field.split('.').next().expect("a name");
                    let found = fields.iter().find(|it| it.name() == wanted);
                    let found = found.unwrap_or_else(|| panic!("{name} has no {field}"));
                    payload.extend(self.field(found, Texts::Plain, 0));
                }
                Err(other) => panic!("{name}: {other}"),
            }
        }
        panic!("{name}: its rules cannot be kept");
    }

    fn message(&self, name: &str) -> &DescriptorProto {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// One field, encoded. Repeated ones come twice.
    fn field(&self, it: &FieldDescriptorProto, texts: Texts, depth: u32) -> Vec<u8> {
        let number = u32::try_from(it.number()).expect("positive");
        let (wire, value) = match it.r#type() {
            Type::String => (2, prefixed(text(it.name(), texts).as_bytes())),
            Type::Bytes => (2, prefixed(&[7; 32])),
            Type::Message => (2, prefixed(&self.inner(it, texts, depth))),
            Type::Bool => (0, vec![u8::from(it.name() != "recovered")]),
            Type::Enum => (0, vec![2]),
            Type::Int32 | Type::Uint32 | Type::Uint64 => (0, varint(number_of(it.name()))),
            other => panic!("no samples of {other:?}"),
        };
        let mut out = varint(u64::from(number << 3 | wire));
        out.extend(value);
        if it.label() == Label::Repeated {
            out.extend(out.clone());
        }
        out
    }

    fn inner(&self, it: &FieldDescriptorProto, texts: Texts, depth: u32) -> Vec<u8> {
        if it.type_name() == ".google.protobuf.Timestamp" {
            let time = prost_types::Timestamp {
                seconds: 1_790_000_000,
                nanos: 123_456_000,
            };
            return time.encode_to_vec();
        }
        assert!(depth < 5, "{} goes deep", it.name());
        let fields = &self.message(it.type_name()).field;
        let short = if texts == Texts::Long {
            Texts::Hostile
        } else {
            texts
        };
        fields
            .iter()
            .flat_map(|it| self.field(it, short, depth + 1))
            .collect()
    }
}

fn gather(all: &mut BTreeMap<String, DescriptorProto>, prefix: &str, it: &DescriptorProto) {
    let name = format!("{prefix}.{}", it.name());
    for nested in &it.nested_type {
        gather(all, &name, nested);
    }
    all.insert(name, it.clone());
}

/// Texts that rules look at are what they should be; all others are as asked for.
fn text(field: &str, texts: Texts) -> String {
    let fixed = match field {
        "origin" => "example.com/log",
        "principal" => "agent:db-prod-1",
        "serial" => "0a1b2c",
        "report" => "period",
        "source_address" => "192.0.2.7:50022",
        "platform" | "tenant" | "user" | "channel" | "message" | "callback" | "verified_by" => {
            field
        }
        _ => "",
    };
    match (fixed, texts) {
        ("", Texts::Plain) => format!("some {field}"),
        ("", Texts::Hostile) => format!("{field} {HOSTILE}"),
        // Bounded, so that the payload stays below 48 KiB however many texts there are.
        ("", Texts::Long) => HOSTILE.repeat(2_800 / HOSTILE.len()),
        (fixed, _) => fixed.to_owned(),
    }
}

fn number_of(field: &str) -> u64 {
    match field {
        "end" => 5_000,
        _ => 7,
    }
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("7 bits");
        number >>= 7;
        if number == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}
