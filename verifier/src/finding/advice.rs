//! What to do about a finding.

use countersign_workflow::replay::Fault;

use super::{Code, Flaw};

/// Who can do something about it.
#[derive(Debug, Clone, Copy)]
enum Remedy {
    /// The entry is in a copy.
    CopyOfEntry,
    /// Nothing: it is proof.
    Proof,
    /// Entries may be in a backup.
    Backup,
    /// It may be the wrong folder.
    Folder,
    /// The ledger's operator, if a copy has it too.
    Compare,
    /// Another way to read the log.
    Server,
    /// Whoever keeps the ledger from starting.
    Head,
    /// The disk, or a copy.
    Disk,
    /// Recovery, if the ledger crashed.
    Recovery,
    /// The ledger's operator.
    Operator,
    /// A running ledger.
    Wait,
    /// Nobody needs to.
    None,
    /// A ledger that starts.
    Restart,
    /// Whoever put it there.
    Ask,
    /// Another verifier.
    Update,
    /// A verification after the repair.
    Again,
    /// Whoever answers for the access.
    Access,
    /// The recorder's machine.
    Recorder,
    /// The blob is in a copy.
    Blob,
    /// A recorder that is cut off.
    Spool,
    /// Whoever has the copy.
    Copy(Flaw),
}

impl Code {
    /// What the reader of the report should do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        self.remedy().text()
    }

    const fn remedy(self) -> Remedy {
        match self {
            Self::RecordChanged => Remedy::CopyOfEntry,
            Self::Forked => Remedy::Proof,
            Self::LogCut | Self::IndexGap => Remedy::Backup,
            Self::WrongKey | Self::BadIdentity | Self::NotOpened => Remedy::Folder,
            Self::WrongRoot
            | Self::WrongSize
            | Self::ChainBroken
            | Self::WrongIndex
            | Self::TimeWentBack
            | Self::WrongOrigin
            | Self::BadSignature
            | Self::NoKnownSignature
            | Self::BadNote => Remedy::Compare,
            Self::BadEntry | Self::BadProof => Remedy::Server,
            Self::HeadMismatch => Remedy::Head,
            Self::BadHeader
            | Self::BadMagic
            | Self::BadFormat
            | Self::BadCrc
            | Self::BadFrame
            | Self::BadFrameLength
            | Self::ForeignFrame
            | Self::Truncated => Remedy::Disk,
            Self::DirtyTail => Remedy::Recovery,
            Self::BadPayload
            | Self::BadVersion
            | Self::BadFlags
            | Self::BadKind
            | Self::BadIndex
            | Self::BadTime
            | Self::BadPrev
            | Self::BadCase
            | Self::BadActor
            | Self::BadVia
            | Self::BadIdem
            | Self::PayloadTooLong
            | Self::RecordTooLong
            | Self::TrailingBytes => Remedy::Operator,
            Self::PlaceMissing | Self::PlaceTwice => Remedy::Operator,
            Self::RecordingHole
            | Self::RecordingTwice
            | Self::RecordingStray
            | Self::RecordingForeign
            | Self::RecordingMismatch
            | Self::RecordingIncomplete => Remedy::Recorder,
            Self::BlobMissing | Self::BlobChanged | Self::BlobLength => Remedy::Blob,
            Self::RecordingAwaited => Remedy::Spool,
            Self::UnsealedTail => Remedy::Wait,
            Self::BadHead => Remedy::None,
            Self::TreeDamaged | Self::CheckpointMissing => Remedy::Restart,
            Self::UnknownFile => Remedy::Ask,
            Self::UnknownKind => Remedy::Update,
            Self::RootsUnchecked | Self::TracesUnchecked | Self::CasesUnchecked => Remedy::Again,
            Self::Copy(flaw) => Remedy::Copy(flaw),
            Self::Rule(fault) => Remedy::of_rule(fault),
        }
    }
}

impl Remedy {
    /// Faults through which somebody may have had access, or decided on it, against the rules.
    const fn of_rule(fault: Fault) -> Self {
        match fault {
            Fault::GrantWithoutApproval
            | Fault::ExtensionWithoutApproval
            | Fault::DenialMissing
            | Fault::ExpiryMissing
            | Fault::OverrunMissing
            | Fault::WrongActor
            | Fault::WrongPerson
            | Fault::WrongPolicy
            | Fault::WrongObligations
            | Fault::WrongEnd
            | Fault::SelfApproval
            | Fault::NotAReviewer
            | Fault::PasskeyMissing
            | Fault::ReviewedTwice
            | Fault::DecidedAlready
            | Fault::NotYours
            | Fault::GrantNotActive
            | Fault::RequestNotAllowed
            | Fault::TooLong
            | Fault::PersonUnknown
            | Fault::PolicyMissing
            | Fault::PolicyRefused
            | Fault::ExtensionRefused
            | Fault::DelegationRefused
            | Fault::RetroRefused => Self::Access,
            Fault::DenialWithoutReview
            | Fault::ClosedEarly
            | Fault::TooEarly
            | Fault::GrantMissing
            | Fault::ExtensionMissing
            | Fault::ClosingMissing
            | Fault::StartMissing
            | Fault::ReminderMissing
            | Fault::WrongCase
            | Fault::WrongField
            | Fault::SessionOver
            | Fault::FeedbackRefused
            | Fault::ProvisioningOrder
            | Fault::NumberUnknown
            | Fault::TextRefused
            | Fault::TooMany
            | Fault::RefusalUnknown
            | Fault::NotAllowed => Self::Operator,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::CopyOfEntry => {
                "Keep the folder as it is. Get the entry from a copy of the segment and compare; \
                 the leaf hash in the message tells which copy is right."
            }
            Self::Proof => {
                "Keep both checkpoints: they prove that the key signed two histories, or was \
                 stolen. Ask who else holds checkpoints of this log."
            }
            Self::Backup => {
                "Look for the missing entries in copies and backups. If the folder was restored \
                 from an older state, the entries since then are lost here."
            }
            Self::Folder => {
                "Make sure that this is the right folder, and compare the key with the one that \
                 was handed out when the log was made."
            }
            Self::Compare => {
                "Keep the folder as it is and compare with a copy. If the copy holds the same \
                 bytes, the ledger signed or stored something wrong: ask its operator."
            }
            Self::Server => {
                "Do not believe this server. Verify the log's folder or a copy of it instead."
            }
            Self::Head => {
                "Compare with a copy. Do not start the ledger on this folder before it is \
                 explained: the head is the floor below which nothing may be missing."
            }
            Self::Disk => "Check the disk, and replace the segment by a copy that verifies.",
            Self::Recovery => {
                "If the ledger crashed, start it: recovery moves torn bytes to quarantine. \
                 Otherwise check the disk and compare with a copy."
            }
            Self::Operator => {
                "The ledger wrote it like this: report it to its operator. If the ledger is \
                 newer than this verifier, use a verifier of the same version."
            }
            Self::Wait => "Nothing. A running ledger completes it, recovery removes it.",
            Self::None => "Nothing, if the ledger crashed: it writes the slots in turn.",
            Self::Restart => "Restart the ledger: it computes the file again from the entries.",
            Self::Ask => "Find out who put it there. The log does not use it.",
            Self::Update => "Use a verifier that is at least as new as the ledger.",
            Self::Again => "Repair what was found before it, and verify again.",
            Self::Recorder => {
                "Do not take the recording for the whole session. Look at the recorder's machine \
                 and its spool, and ask who recorded it."
            }
            Self::Blob => {
                "Get the file from a copy of the folder blobs: its name is its digest. The entry \
                 still proves what it must be."
            }
            Self::Copy(flaw) => flaw.advice(),
            Self::Spool => "Nothing, if the recorder is cut off. Verify again after a day.",
            Self::Access => {
                "The ledger let through, or left out, what its rules forbid. Take the access away \
                 if it still exists, look at what was done with it, and find out which program \
                 wrote the log."
            }
        }
    }
}
