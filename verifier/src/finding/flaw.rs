//! What can be found wrong with a copy of a log.

use super::Severity;

/// Makes the list of flaws into an enum.
macro_rules! flaws {
    ($($name:ident $meaning:literal)*) => {
        /// Stable name of what is wrong with a copy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Flaw {
            $(
                #[doc = $meaning]
                $name,
            )*
        }

        impl Flaw {
            /// Every flaw.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it means, in one sentence.
            pub(super) const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

flaws! {
    ColumnChanged "A column of a copy says something else than the signed record or its commit."
    BadColumns "The columns of a file are not those of the form that it names."
    BadFile "A file of a copy is damaged, or is none of the form."
    BadMetadata "The metadata of a file are missing, malformed, or contradict its rows."
    BadPageIndex "What a file says of its pages would keep readers from finding some of its rows."
    RowUnproved "Neither rows nor a proof lead from an entry of a copy to a signed root."
    FileMissing "A file that the manifest of an export lists is missing."
    FileChanged "A file is not the one that the manifest of the export lists."
    FileUnlisted "A file stands among those of an export, and the manifest does not list it."
    BadManifest "The manifest of an export is malformed, or contradicts the files."
    ManifestUnproved "The manifest of an export is not the one that the log recorded."
    CopyPartial "A copy holds a part of the log; what the rest would show could not be judged."
    NotCovered "A checkpoint from elsewhere is about entries that the copy does not hold."
    NoManifest "A folder of copies has no manifest; whether files are missing cannot be told."
    NotRecorded "The log does not know of the export; its manifest is not signed."
    Unfinished "A file was left behind by an export that did not end; it was not judged."
}

impl Flaw {
    /// The code in reports.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::ColumnChanged => "column-changed",
            Self::BadColumns => "bad-columns",
            Self::BadFile => "bad-file",
            Self::BadMetadata => "bad-metadata",
            Self::BadPageIndex => "bad-page-index",
            Self::RowUnproved => "row-unproved",
            Self::FileMissing => "file-missing",
            Self::FileChanged => "file-changed",
            Self::FileUnlisted => "file-unlisted",
            Self::BadManifest => "bad-manifest",
            Self::ManifestUnproved => "manifest-unproved",
            Self::CopyPartial => "copy-partial",
            Self::NotCovered => "not-covered",
            Self::NoManifest => "no-manifest",
            Self::NotRecorded => "not-recorded",
            Self::Unfinished => "unfinished-file",
        }
    }

    /// Whether it makes the verdict.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::ColumnChanged
            | Self::BadColumns
            | Self::BadFile
            | Self::BadMetadata
            | Self::BadPageIndex
            | Self::RowUnproved
            | Self::FileMissing
            | Self::FileChanged
            | Self::FileUnlisted
            | Self::BadManifest
            | Self::ManifestUnproved => Severity::Damage,
            Self::CopyPartial
            | Self::NotCovered
            | Self::NoManifest
            | Self::NotRecorded
            | Self::Unfinished => Severity::Note,
        }
    }

    /// What the reader of the report should do.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::ColumnChanged
            | Self::BadColumns
            | Self::BadFile
            | Self::BadMetadata
            | Self::BadPageIndex
            | Self::RowUnproved => {
                "Do not use the file. Get another copy of it, or make the export again: the same \
                 entries give the same bytes."
            }
            Self::FileMissing
            | Self::FileChanged
            | Self::FileUnlisted
            | Self::BadManifest
            | Self::ManifestUnproved => {
                "Do not take the folder for the export. Ask whoever handed it over for another \
                 copy, or make the export again: the same entries give the same bytes."
            }
            Self::CopyPartial | Self::NotCovered => {
                "Verify the data folder, the ledger or a whole export for that."
            }
            Self::NoManifest | Self::NotRecorded => {
                "Ask for the folder as `countersign export` wrote it, taken from a ledger that \
                 runs: it records its exports."
            }
            Self::Unfinished => "Nothing. Repeating the export replaces it.",
        }
    }
}
