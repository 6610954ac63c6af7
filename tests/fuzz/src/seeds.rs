//! The corpus that a target starts with: inputs of chain/vectors, and a few of its own.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_chain::hash;
use serde_json::Value;

/// Names the folder for the seeds. `run` sets it.
const FOLDER: &str = "COUNTERSIGN_FUZZ_SEEDS";

/// Writes seeds, each under a name that follows from its bytes.
pub fn plant(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    for seed in seeds {
        let name = hash::digest(&seed).to_string();
        fs::write(Path::new(&folder).join(name), seed).expect("a folder that can be written");
    }
}

/// As [`plant`], for texts.
pub fn plant_texts<'a>(seeds: impl IntoIterator<Item = &'a str>) {
    plant(seeds.into_iter().map(|seed| seed.as_bytes().to_vec()));
}

/// The inputs of all vectors of a kind, which is also the name of their folder.
pub fn vectors(kind: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../chain/vectors");
    let entries = fs::read_dir(folder.join(kind)).expect("the folder of a kind");
    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a readable vector");
        let mut vector: Value = serde_json::from_str(&text).expect("JSON");
        vector["input"].take()
    };
    entries
        .map(|entry| read(&entry.expect("an entry").path()))
        .collect()
}

/// A text of a vector: as it is, or in parts, of which `[part, times]` is a repetition.
pub fn text(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part {
                Value::Array(pair) => {
                    let times = pair[1].as_u64().expect("a number of times");
                    text(&pair[0]).repeat(usize::try_from(times).expect("small"))
                }
                part => text(part),
            })
            .collect(),
        text => text.as_str().expect("a text").to_owned(),
    }
}

/// The bytes that a text of a vector is the hex of.
pub fn bytes(value: &Value) -> Vec<u8> {
    let digits = text(value);
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Eight bytes of a number of a vector.
pub fn number(value: &Value) -> [u8; 8] {
    value.as_u64().expect("a number").to_be_bytes()
}

/// All hashes of a list, one after the other.
pub fn hashes(value: &Value) -> Vec<u8> {
    let list = value.as_array().expect("a list");
    list.iter().flat_map(bytes).collect()
}

/// A folder of this process for files that are read back at once; `run` says where.
pub fn scratch() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("countersign-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder that can be made");
    folder
}
