//! `countersign proof`: proofs that stand alone, and their check without any ledger.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use countersign_chain::hash::{self, Hash};
use countersign_chain::record::Record;
use countersign_chain::tlog_proof::TlogProof;

use crate::connect::{ConnectArgs, parse_key};
use crate::exit::{Outcome, Refused};
use crate::files::{self, Access};
use crate::output::grouped;

/// Write a proof that stands alone, or check one offline
///
/// Writes the proof that an entry is in the newest signed tree, as a C2SP tlog-proof. It is checked
/// before it is written, and stands alone: with the entry's record and the verifier key, --check
/// needs neither ledger nor network.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["index", "check"]),
    group = ArgGroup::new("entry").args(["record", "leaf"]),
    after_long_help = "\
Example:
  countersign show 1042 --record entry.bin
  countersign proof 1042 -o entry.proof
  countersign proof --check entry.proof --record entry.bin --key 'ledger.example.com/prod+…'"
)]
pub(crate) struct ProofArgs {
    /// Index of the entry
    #[arg(value_name = "INDEX")]
    pub(crate) index: Option<u64>,
    /// Write to a new file instead of the standard output
    #[arg(short, long, value_name = "FILE", requires = "index")]
    pub(crate) output: Option<PathBuf>,
    /// Check this proof offline, for the entry in --record or --leaf, under --key
    #[arg(long, value_name = "FILE", requires = "entry")]
    pub(crate) check: Option<PathBuf>,
    /// File with the record's bytes, as `show --record` writes it
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(crate) record: Option<PathBuf>,
    /// Leaf hash of the entry, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "check")]
    pub(crate) leaf: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(args: ProofArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    if let Some(file) = &args.check {
        return check(file, &args, out);
    }
    let index = args.index.context("give the INDEX of an entry")?;
    let client = args.connect.client().await?;
    let proof = client.inclusion_proof(index, 0).await?;
    let text = proof.to_tlog_proof();
    match &args.output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            files::write_new(path, text.as_bytes(), Access::Public)?;
            writeln!(
                out,
                "Wrote the proof of entry {index} in a log of {} entries to {}; its leaf is {}.",
                grouped(proof.checkpoint.size()),
                path.display(),
                proof.leaf
            )?;
        }
    }
    Ok(Outcome::Fine)
}

fn check(file: &Path, args: &ProofArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let key = args.connect.settings_key()?;
    let key = parse_key(&key.context("give the verifier key of the log with --key VKEY")?)?;
    let proof = files::read_text(file)?;
    let leaf = leaf(args)?;
    let refused = |error: &dyn std::fmt::Display| {
        Refused(format!(
            "{} proves nothing about this entry: {error}",
            file.display()
        ))
    };
    let proof = TlogProof::parse(&proof).map_err(|error| refused(&error))?;
    if let Some(claimed) = index_of_record(args)?
        && claimed != proof.index
    {
        let error = format!(
            "expected entry {claimed}, got a proof of entry {}",
            proof.index
        );
        return Err(refused(&error).into());
    }
    let checkpoint = proof.verify(&leaf, &key).map_err(|error| refused(&error))?;
    writeln!(
        out,
        "Proved: entry {} with leaf {leaf} is in the log {} of {} entries, signed by {key}.",
        proof.index,
        checkpoint.checkpoint().origin,
        grouped(checkpoint.size())
    )?;
    Ok(Outcome::Fine)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn leaf(args: &ProofArgs) -> anyhow::Result<Hash> {
    if let Some(path) = &args.record {
        return Ok(hash::leaf(&read(path)?));
    }
    let text = args
        .leaf
        .as_deref()
        .context("give --record FILE or --leaf HEX")?;
    parse_hash(text)
        .with_context(|| format!("{text:?} is no leaf hash; expected 64 hexadecimal digits"))
}

fn index_of_record(args: &ProofArgs) -> anyhow::Result<Option<u64>> {
    let Some(path) = &args.record else {
        return Ok(None);
    };
    let bytes = read(path)?;
    let record = Record::parse(&bytes).with_context(|| {
        format!(
            "{} is no record; `show --record` writes one",
            path.display()
        )
    })?;
    Ok(Some(record.index().get()))
}

fn parse_hash(text: &str) -> Option<Hash> {
    let digits: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| {
        let digit = |c: &char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    Hash::from_slice(&bytes?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_hashes_are_64_hexadecimal_digits() {
        let hash = hash::leaf(b"an entry");
        assert_eq!(parse_hash(&hash.to_string()), Some(hash));
        assert_eq!(parse_hash(&hash.to_string().to_uppercase()), Some(hash));
        let short = hash.to_string().split_off(1);
        for text in ["", "0", "zz", &short, &format!("{hash}00")] {
            assert_eq!(parse_hash(text), None, "{text}");
        }
    }
}
