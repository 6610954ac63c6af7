//! A log in which every kind of event is there several times: with all of its fields, with as few
//! as its rules allow, and with texts that could break a format.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::{self, Hash};
use countersign_chain::index::Index;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::record::{Fields, Record};
use countersign_chain::time::UnixMicros;
use countersign_export::item::Item;
use countersign_proto::event::{Known, kinds};
use countersign_proto::v1;
use prost::Message;

use super::messages::{Messages, Texts};

/// 2026-09-21T14:13:20Z, and each entry a second later than the one before.
const BEGIN: u64 = 1_790_000_000_000_000;

/// Records and what signs them.
pub(crate) struct Samples {
    records: Vec<Vec<u8>>,
    commit: SignedCheckpoint,
    /// What each one is, for messages of tests.
    pub(crate) names: Vec<String>,
    step: u64,
}

impl Samples {
    /// Every kind in every form.
    pub(crate) fn all() -> Self {
        let mut samples = Self::empty(1_000_000);
        for form in ["full", "minimal", "hostile"] {
            samples.kinds(form);
        }
        // A kind that this version does not know, and one whose message is broken.
        samples.push(159, b"from later", "unknown kind");
        samples.push(28, &[0xff], "broken message");
        samples
    }

    /// Every kind with every field, `count` times; a day passes in `day` entries.
    pub(crate) fn many(count: usize, day: u64) -> Self {
        let mut samples = Self::empty(86_400_000_000 / day);
        for _ in 0..count {
            samples.kinds("full");
        }
        samples
    }

    /// Texts as long as they may be, `count` times.
    pub(crate) fn long(count: usize) -> Self {
        let mut samples = Self::empty(1_000_000);
        for _ in 0..count {
            samples.kinds("long");
        }
        samples
    }

    /// The key of the log.
    pub(crate) fn key() -> SigningKey {
        let origin = Origin::parse("example.com/log").expect("fine");
        SigningKey::from_seed(origin, &[7; 32]).expect("fine")
    }

    pub(crate) fn empty(step: u64) -> Self {
        let key = Self::key();
        let commit = SignedCheckpoint::sign(1_000_000, hash::digest(b"a root"), &key);
        Self {
            records: Vec::new(),
            commit,
            names: Vec::new(),
            step,
        }
    }

    fn kinds(&mut self, form: &str) {
        let messages = Messages::read();
        for (kind, name) in kinds() {
            let payload = match form {
                "full" => messages.full(name, Texts::Plain),
                "hostile" => messages.full(name, Texts::Hostile),
                "long" => messages.full(name, Texts::Long),
                _ => messages.minimal(kind, name),
            };
            if let Err(error) = Known::decode(kind, &payload) {
                panic!("{form} {name}: {error}");
            }
            self.push(kind, &payload, &format!("{form} {name}"));
        }
        self.variants();
    }

    /// What full and minimal fields do not show: the other way of every choice.
    fn variants(&mut self) {
        let link = v1::IdentityLinked {
            person: "ada".into(),
            platform: "slack".into(),
            tenant: "T1".into(),
            user: "U1".into(),
            proof: "link".into(),
            ended: false,
        };
        self.push(40, &link.encode_to_vec(), "an account begins");
        for (previous, forced) in [(0, true), (1, false)] {
            let policy = v1::PolicyChanged {
                digest: vec![7; 32].into(),
                bundle: b"packed".to_vec().into(),
                previous,
                forced,
                ..v1::PolicyChanged::default()
            };
            self.push(10, &policy.encode_to_vec(), "a policy");
        }
        let delegation = v1::DelegationChanged {
            from: "ada".into(),
            to: "bob".into(),
            start: Some(prost_types::Timestamp::default()),
            end: Some(prost_types::Timestamp {
                seconds: 4_000_000_000,
                nanos: 0,
            }),
            ..v1::DelegationChanged::default()
        };
        self.push(41, &delegation.encode_to_vec(), "a delegation begins");
        let review = v1::ReviewRecorded {
            request: 1,
            person: "bob".into(),
            decision: v1::Decision::Approve.into(),
            group: "ops".into(),
            ..v1::ReviewRecorded::default()
        };
        self.push(21, &review.encode_to_vec(), "an approval");
        let sink = v1::SinkFailed {
            sink: "splunk".into(),
            index: 7,
            recovered: true,
            ..v1::SinkFailed::default()
        };
        self.push(102, &sink.encode_to_vec(), "a sink recovers");
        self.more_variants();
    }

    fn more_variants(&mut self) {
        let case = v1::ReportCreated {
            report: "case".into(),
            about: 1,
            sha256: vec![7; 32].into(),
            ..v1::ReportCreated::default()
        };
        self.push(121, &case.encode_to_vec(), "evidence of a case");
        for (address, what) in [
            ("192.0.2.7", "an address"),
            ("[2001:db8::7]:22", "an address of IPv6"),
            ("jump-1", "a name"),
            ("", "no address"),
        ] {
            let session = v1::SessionStarted {
                grant: 1,
                person: "ada".into(),
                client: "psql".into(),
                source_address: address.into(),
            };
            self.push(
                60,
                &session.encode_to_vec(),
                &format!("a session from {what}"),
            );
        }
        let line = v1::ExternalEvent {
            source: "file:/var/log/x".into(),
            raw: vec![0xff, 0, 1].into(),
            ..v1::ExternalEvent::default()
        };
        self.push(140, &line.encode_to_vec(), "bytes that are no text");
    }

    /// Adds an entry. Those of a case belong to the last one that was opened.
    pub(crate) fn push(&mut self, kind: u16, payload: &[u8], name: &str) {
        let index = self.records.len() as u64;
        let (actor, via) = match kind {
            1..=7 | 26..=33 | 39 => ("ledger", ""),
            20..=25 | 34..=59 => ("user:ada@example.com", "bot:slack"),
            8..=10 => ("admin:root", ""),
            60..=65 | 140..=159 => ("agent:db-prod-1", ""),
            80..=84 => ("provisioner:postgres", ""),
            _ => ("auditor:jo", ""),
        };
        let opened = self.records.iter().rposition(|bytes| {
            let record = Record::parse(bytes).expect("fine");
            [20, 35].contains(&record.kind().get())
        });
        let case = match kind {
            20 | 35 => index,
            21..=34 | 36..=39 | 60..=84 => opened.map_or(0, |opened| opened as u64),
            _ => 0,
        };
        let prev = self
            .records
            .last()
            .map_or(Hash::ZERO, |bytes| hash::leaf(bytes));
        let mut bytes = Vec::new();
        let fields = Fields {
            kind: Kind::new(kind).expect("fine"),
            index: Index::new(index).expect("fine"),
            time: UnixMicros::new(BEGIN + index * self.step).expect("fine"),
            prev,
            case,
            actor,
            via,
            idem: b"key",
            payload,
        };
        fields
            .encode_into(&mut bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        self.records.push(bytes);
        self.names.push(name.to_owned());
    }

    /// The entries.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        self.records
            .iter()
            .map(|bytes| {
                let record = Record::parse(bytes).expect("fine");
                Item::new(record, hash::leaf(bytes), &self.commit)
            })
            .collect()
    }
}
