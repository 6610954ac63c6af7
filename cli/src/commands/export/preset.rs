//! What the files of an export are made for.

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use countersign_export::lines::Lines;
use countersign_export::ocsf::Version;
use countersign_export::ocsf::lake::{Lake, Place};

/// What the files are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetName {
    /// Parquet with a typed column for each field, provable row by row
    Native,
    /// Parquet of OCSF 1.3.0, as Amazon Security Lake takes it from custom sources
    SecurityLake,
    /// Parquet of OCSF with snappy, below 100 MB
    Panther,
    /// JSON lines, of OCSF with --ocsf
    Jsonl,
    /// Lines of the Common Event Format
    Cef,
    /// Lines of syslog, RFC 5424
    Syslog,
}

/// What presets ask for.
#[derive(Debug, Args)]
pub(crate) struct PresetArgs {
    /// What the files are made for
    #[arg(long, value_name = "NAME", value_enum, default_value_t = PresetName::Native)]
    pub(crate) preset: PresetName,
    /// Version of OCSF, for the presets panther and jsonl: 1.3.0, 1.8.0 or 1.9.0 [default: 1.8.0
    /// for panther, none for jsonl]
    #[arg(long, value_name = "VERSION")]
    pub(crate) ocsf: Option<Version>,
    /// Region of the bucket, for the preset security-lake
    #[arg(long, value_name = "REGION")]
    pub(crate) lake_region: Option<String>,
    /// Account that the entries belong to, for the preset security-lake: 12 digits, external or
    /// external_ID
    #[arg(long, value_name = "ID", default_value = "external")]
    pub(crate) lake_account: String,
    /// How the names of the custom sources begin, for the preset security-lake
    #[arg(long, value_name = "NAME", default_value = "countersign")]
    pub(crate) lake_source: String,
}

/// A preset with all that it needs.
#[derive(Debug)]
pub(super) enum Chosen {
    Native,
    Lake(Lake),
    Lines(Lines),
}

impl PresetArgs {
    /// Checks what was asked for, before anything is read.
    pub(super) fn chosen(&self) -> anyhow::Result<Chosen> {
        let name = self.preset;
        if let Some(version) = self.ocsf {
            match name {
                PresetName::Panther | PresetName::Jsonl => {}
                PresetName::SecurityLake if version == Version::V1_3 => {}
                PresetName::SecurityLake => bail!(
                    "--ocsf is {version}; Amazon Security Lake takes 1.3.0 from custom sources: \
                     leave it out"
                ),
                PresetName::Native | PresetName::Cef | PresetName::Syslog => bail!(
                    "--ocsf is for --preset panther and --preset jsonl; the others are no OCSF"
                ),
            }
        }
        Ok(match name {
            PresetName::Native => Chosen::Native,
            PresetName::SecurityLake => Chosen::Lake(Lake::security_lake(self.place()?)),
            PresetName::Panther => Chosen::Lake(Lake::panther(self.ocsf.unwrap_or(Version::V1_8))),
            PresetName::Jsonl => Chosen::Lines(self.ocsf.map_or(Lines::json(), Lines::ocsf)),
            PresetName::Cef => Chosen::Lines(Lines::cef()),
            PresetName::Syslog => Chosen::Lines(Lines::syslog()),
        })
    }

    fn place(&self) -> anyhow::Result<Place> {
        let region = self.lake_region.as_deref().context(
            "--preset security-lake needs --lake-region, the region of the bucket, for example \
             eu-central-1",
        )?;
        Ok(Place::new(&self.lake_source, region, &self.lake_account)?)
    }
}
