//! What can be found wrong with a log: one code each, with what it means and what to do
//! (docs/findings.md).

mod advice;
mod flaw;
#[cfg(test)]
mod tests;

use countersign_workflow::replay::Fault;

pub use flaw::Flaw;

/// Kept findings of each severity; more are counted only, so that a ruined log does not fill the
/// memory.
pub const MAX_KEPT: usize = 1_000;

/// Makes the list of codes into an enum that knows what each one means.
macro_rules! codes {
    ($($name:ident $meaning:literal)*) => {
        /// Stable name of what was found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(
                #[doc = $meaning]
                $name,
            )*
            /// What is wrong with a copy of a log.
            Copy(Flaw),
            /// The entry, or the lack of one, is against the rules of the workflow.
            Rule(Fault),
        }

        impl Code {
            /// Every code but those of copies and of the workflow's rules.
            const PLAIN: &[Self] = &[$(Self::$name,)*];

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                    Self::Copy(flaw) => flaw.meaning(),
                    Self::Rule(fault) => fault.meaning(),
                }
            }
        }
    };
}

codes! {
    RecordChanged "The entry's bytes are not the ones that were chained and signed."
    Forked "Two signed checkpoints contradict each other: the log has two histories."
    LogCut "A signed checkpoint or the durable head promises more entries than the log holds."
    WrongKey "The log names another key or another origin than the one it is checked with."
    BadIdentity "The file IDENTITY is missing, or does not say what it must."
    NotOpened "Entry 0 is no LogOpened event that names this origin and this key."
    BadPayload "The entry's payload is not the event that its kind promises."
    BadEntry "The server reads an entry to its clients differently than the record says."
    ChainBroken "The entry names another predecessor than the entry that stands before it."
    IndexGap "Entries are missing, stand twice or stand at the wrong place."
    WrongIndex "The entry was signed with another index than the one of its place."
    TimeWentBack "The entry is older than the entry before it."
    WrongRoot "The commit's checkpoint signs another root than the stored entries give."
    WrongSize "The commit's checkpoint signs another number of entries than there are."
    WrongOrigin "A checkpoint or a segment belongs to another log."
    BadSignature "A signature under the log's key does not hold."
    NoKnownSignature "A checkpoint carries no signature by the log's key."
    BadNote "A checkpoint is not of the form of a signed checkpoint."
    BadProof "A proof does not lead to the root that it is for."
    HeadMismatch "The durable head is missing, or contradicts the entries below it."
    BadHeader "A segment header is malformed, or stands under the wrong file name."
    BadMagic "A segment or a frame does not start with its magic."
    BadFormat "A segment has another format version."
    BadCrc "A checksum does not fit its bytes, and the records and the signature hold without it."
    BadFrame "A frame has a wrong length, count or index, or its padding is not zero."
    BadFrameLength "The length of a frame is out of range."
    ForeignFrame "A frame carries the nonce of another segment."
    DirtyTail "Bytes that are no frame stand behind the last frame of a segment."
    Truncated "A record, a frame or a segment ends before its fields do."
    BadVersion "A record was signed with another format version."
    BadFlags "A record was signed with flags that do not exist."
    BadKind "A record was signed with a kind out of range."
    BadIndex "An index is out of range."
    BadTime "A time is out of range."
    BadPrev "A record was signed with a zero predecessor, or entry 0 with one."
    BadCase "A record was signed with a case that comes after it."
    BadActor "A record was signed with an actor that is no principal."
    BadVia "A record was signed with a via that is no principal of its own."
    BadIdem "A record was signed with an idempotency key that is too long."
    PayloadTooLong "A record was signed with a payload that is too long."
    RecordTooLong "A record is longer than an entry can be."
    TrailingBytes "A record was signed with bytes behind its payload."
    PlaceMissing "A place of a client's queue was left out, and no entry of the ledger says so."
    PlaceTwice "A place of a client's queue stands behind a later one, or was said to be left out."
    RecordingHole "A part or a command of a session is missing before this one."
    RecordingTwice "A part or a command of a session stands twice."
    RecordingStray "A part or a command belongs to no session, or is more than its end tells of."
    RecordingForeign "A part or a command comes from somebody else than who started the session."
    RecordingMismatch "The end of a session tells of another recording than its entries do."
    RecordingIncomplete "A day after the end of a session, its recording has not come in full."
    BlobMissing "The content of a part of a recording is missing, or cannot be read."
    BlobChanged "The content of a part of a recording is not the one that its entry commits to."
    BlobLength "The content of a part of a recording is shorter or longer than its entry says."
    UnsealedTail "The last frame is incomplete, and no checkpoint promised it to anyone."
    BadHead "One slot of the durable head does not hold; the other one does."
    TreeDamaged "A stored tree hash is not the one that the entries give."
    CheckpointMissing "The published checkpoint is missing."
    UnknownFile "A file that is no segment stands in the folder of segments."
    UnknownKind "Entries have a kind that this version does not know; their payloads were not read."
    RootsUnchecked "Roots behind damage could not be computed; chain and signatures were checked."
    RecordingAwaited "The rest of the recording of a session that ended has not come yet."
    TracesUnchecked "Queues and recordings could be followed around damage only in part."
    CasesUnchecked "Whether cases behind damage kept the rules could not be told."
}

/// What a finding does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was changed, removed or forked: exit code 1.
    Damage,
    /// Worth knowing, and no fault of the log: exit code 0.
    Note,
}

impl Severity {
    /// As documented.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Damage => "damage",
            Self::Note => "note",
        }
    }
}

impl Code {
    /// Every code.
    pub fn all() -> impl Iterator<Item = Self> {
        let rules = Fault::ALL.iter().map(|fault| Self::Rule(*fault));
        let flaws = Flaw::ALL.iter().map(|flaw| Self::Copy(*flaw));
        Self::PLAIN.iter().copied().chain(flaws).chain(rules)
    }

    /// The code in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RecordChanged => "record-changed",
            Self::Forked => "forked",
            Self::LogCut => "log-cut",
            Self::WrongKey => "wrong-key",
            Self::BadIdentity => "bad-identity",
            Self::NotOpened => "not-opened",
            Self::BadPayload => "bad-payload",
            Self::BadEntry => "bad-entry",
            Self::ChainBroken => "chain-broken",
            Self::IndexGap => "index-gap",
            Self::WrongIndex => "wrong-index",
            Self::TimeWentBack => "time-went-back",
            Self::WrongRoot => "wrong-root",
            Self::WrongSize => "wrong-size",
            Self::WrongOrigin => "wrong-origin",
            Self::BadSignature => "bad-signature",
            Self::NoKnownSignature => "no-known-signature",
            Self::BadNote => "bad-note",
            Self::BadProof => "bad-proof",
            Self::HeadMismatch => "head-mismatch",
            Self::BadHeader => "bad-header",
            Self::BadMagic => "bad-magic",
            Self::BadFormat => "bad-format",
            Self::BadCrc => "bad-crc",
            Self::BadFrame => "bad-frame",
            Self::BadFrameLength => "bad-frame-length",
            Self::ForeignFrame => "foreign-frame",
            Self::DirtyTail => "dirty-tail",
            Self::Truncated => "truncated",
            Self::BadVersion => "bad-version",
            Self::BadFlags => "bad-flags",
            Self::BadKind => "bad-kind",
            Self::BadIndex => "bad-index",
            Self::BadTime => "bad-time",
            Self::BadPrev => "bad-prev",
            Self::BadCase => "bad-case",
            Self::BadActor => "bad-actor",
            Self::BadVia => "bad-via",
            Self::BadIdem => "bad-idem",
            Self::PayloadTooLong => "payload-too-long",
            Self::RecordTooLong => "record-too-long",
            Self::TrailingBytes => "trailing-bytes",
            Self::PlaceMissing => "place-missing",
            Self::PlaceTwice => "place-twice",
            Self::RecordingHole => "recording-hole",
            Self::RecordingTwice => "recording-twice",
            Self::RecordingStray => "recording-stray",
            Self::RecordingForeign => "recording-foreign",
            Self::RecordingMismatch => "recording-mismatch",
            Self::RecordingIncomplete => "recording-incomplete",
            Self::BlobMissing => "blob-missing",
            Self::BlobChanged => "blob-changed",
            Self::BlobLength => "blob-length",
            Self::UnsealedTail => "unsealed-tail",
            Self::BadHead => "bad-head",
            Self::TreeDamaged => "tree-damaged",
            Self::CheckpointMissing => "checkpoint-missing",
            Self::UnknownFile => "unknown-file",
            Self::UnknownKind => "unknown-kind",
            Self::RootsUnchecked => "roots-unchecked",
            Self::RecordingAwaited => "recording-awaited",
            Self::TracesUnchecked => "traces-unchecked",
            Self::CasesUnchecked => "cases-unchecked",
            Self::Copy(flaw) => flaw.code(),
            Self::Rule(fault) => fault.code(),
        }
    }

    /// The finding for a refusal of `countersign_chain`, whose codes are those of docs/format.md.
    #[must_use]
    pub fn of_format(code: &str, otherwise: Self) -> Self {
        let known = Self::PLAIN.iter().find(|known| known.code() == code);
        known.copied().unwrap_or(otherwise)
    }

    /// Whether it makes the verdict.
    #[must_use]
    pub const fn severity(self) -> Severity {
        if let Self::Copy(flaw) = self {
            return flaw.severity();
        }
        let note = matches!(
            self,
            Self::UnsealedTail
                | Self::BadHead
                | Self::TreeDamaged
                | Self::CheckpointMissing
                | Self::UnknownFile
                | Self::UnknownKind
                | Self::RootsUnchecked
                | Self::RecordingAwaited
                | Self::TracesUnchecked
                | Self::CasesUnchecked
        );
        if note {
            Severity::Note
        } else {
            Severity::Damage
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The entry that it is about, where there is one.
    pub index: Option<u64>,
    /// In words, with expected and got.
    pub message: String,
}

/// Everything that was found, in order; bounded.
#[derive(Debug, Default)]
pub struct Findings {
    damage: Vec<Finding>,
    notes: Vec<Finding>,
    damage_total: u64,
    notes_total: u64,
}

impl Findings {
    /// Adds a finding; behind [`MAX_KEPT`] of its severity it is counted only.
    pub fn add(&mut self, code: Code, index: Option<u64>, message: String) {
        let (kept, total) = match code.severity() {
            Severity::Damage => (&mut self.damage, &mut self.damage_total),
            Severity::Note => (&mut self.notes, &mut self.notes_total),
        };
        *total = total.saturating_add(1);
        if kept.len() < MAX_KEPT {
            kept.push(Finding {
                code,
                index,
                message,
            });
        }
    }

    /// Adds what someone else found.
    pub fn append(&mut self, other: Self) {
        let extra =
            |total: u64, kept: usize| total.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
        let damage = extra(other.damage_total, other.damage.len());
        let notes = extra(other.notes_total, other.notes.len());
        for finding in other.damage.into_iter().chain(other.notes) {
            self.add(finding.code, finding.index, finding.message);
        }
        self.damage_total = self.damage_total.saturating_add(damage);
        self.notes_total = self.notes_total.saturating_add(notes);
    }

    /// Puts what someone else found before the others, of which the last ones are counted only
    /// where there is no room.
    pub fn put_first(&mut self, mut other: Self) {
        other.append(std::mem::take(self));
        *self = other;
    }

    /// Findings that make the verdict.
    #[must_use]
    pub fn damage(&self) -> &[Finding] {
        &self.damage
    }

    /// Findings that do not.
    #[must_use]
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// Number of findings that make the verdict, those that were not kept included.
    #[must_use]
    pub const fn damage_total(&self) -> u64 {
        self.damage_total
    }

    /// Number of notes, those that were not kept included.
    #[must_use]
    pub const fn notes_total(&self) -> u64 {
        self.notes_total
    }
}
