//! Judges the files of `chain/vectors`, which were made from docs/format.md by a program that
//! shares no code with this crate. The README there says how a vector is written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::frame::{Frame, Nonce};
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::HeadSlot;
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_chain::proof::{verify_consistency, verify_inclusion};
use countersign_chain::record::Record;
use countersign_chain::segment::SegmentHeader;
use countersign_chain::tlog_proof::TlogProof;
use countersign_chain::tree::Frontier;
use countersign_chain::verify::{self, LogVerifier};
use serde_json::{Value, json};

/// What the crate makes of an input: the value that it read, or the code of its refusal.
type Verdict = Result<Value, &'static str>;

/// Judges the input of a vector.
type Judge = fn(&Value) -> Verdict;

/// Every kind of vector, and who judges it.
const JUDGES: [(&str, Judge); 13] = [
    ("chain", chain),
    ("checkpoint", checkpoint),
    ("consistency", consistency),
    ("frame", frame),
    ("head", head),
    ("inclusion", inclusion),
    ("origin", origin),
    ("principal", principal),
    ("record", record),
    ("segment", segment),
    ("tlog-proof", tlog_proof),
    ("tree", tree),
    ("vkey", vkey),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

/// Every vector by group and name. A group without vectors, or with anything else, is a mistake.
fn vectors() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for group in children(&folder()).into_iter().filter(|path| path.is_dir()) {
        let files = children(&group);
        assert!(!files.is_empty(), "{} is empty", group.display());
        for path in files {
            let text = fs::read_to_string(&path).expect("a readable vector");
            let vector = serde_json::from_str(&text).expect("JSON");
            let name = path.strip_prefix(folder()).expect("below the folder");
            found.insert(name.display().to_string(), vector);
        }
    }
    found
}

/// A text as it is, or in parts, of which `[part, times]` is a repetition.
fn text(value: &Value) -> String {
    let part = |part: &Value| match part {
        Value::Array(pair) => {
            let times = pair[1].as_u64().and_then(|n| usize::try_from(n).ok());
            text(&pair[0]).repeat(times.expect("a number of times"))
        }
        _ => part.as_str().expect("a text").to_owned(),
    };
    match value {
        Value::Array(parts) => parts.iter().map(part).collect(),
        _ => part(value),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = text(value);
    assert_eq!(digits.len() % 2, 0, "half a byte");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn hash_of(value: &Value) -> Hash {
    Hash::from_slice(&bytes(value)).expect("32 bytes")
}

fn hashes(value: &Value) -> Vec<Hash> {
    let list = value.as_array().expect("a list of hashes");
    list.iter().map(hash_of).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn log_key(input: &Value) -> VerifierKey {
    VerifierKey::parse(&text(&input["vkey"])).expect("a good key")
}

fn record(input: &Value) -> Verdict {
    let bytes = bytes(&input["record"]);
    let record = Record::parse(&bytes).map_err(|error| error.code())?;
    assert_eq!(record.bytes(), bytes);
    Ok(json!({
        "version": 1,
        "flags": 0,
        "kind": record.kind().get(),
        "index": record.index().get(),
        "time": record.time().get(),
        "prev": record.prev().to_string(),
        "case": record.case(),
        "actor": record.actor(),
        "via": record.via(),
        "idem": hex(record.idem()),
        "payload_sha256": hash::digest(record.payload()).to_string(),
        "leaf": record.leaf().to_string(),
    }))
}

fn principal(input: &Value) -> Verdict {
    let text = text(&input["principal"]);
    let principal = Principal::parse(&text).map_err(|_why| "bad-principal")?;
    Ok(json!({"role": principal.role(), "name": principal.name()}))
}

fn origin(input: &Value) -> Verdict {
    let origin = Origin::parse(&text(&input["origin"])).map_err(|_why| "bad-origin")?;
    Ok(json!({"origin": origin.as_str()}))
}

fn vkey(input: &Value) -> Verdict {
    let written = text(&input["vkey"]);
    let key = VerifierKey::parse(&written).map_err(|error| error.code())?;
    assert_eq!(key.to_string(), written);
    let (_, data) = written
        .split_once(&format!("+{}+", key.id()))
        .expect("its own id");
    let data = STANDARD.decode(data).expect("its own base64");
    Ok(json!({
        "name": key.origin().as_str(),
        "id": key.id().to_string(),
        "key": hex(&data[1..]),
    }))
}

fn checkpoint(input: &Value) -> Verdict {
    let note = text(&input["note"]);
    let signed = SignedCheckpoint::open(&note, &log_key(input)).map_err(|error| error.code())?;
    assert_eq!(signed.text(), note);
    Ok(json!({
        "origin": signed.checkpoint().origin.as_str(),
        "size": signed.size(),
        "root": signed.root().to_string(),
    }))
}

fn frame(input: &Value) -> Verdict {
    let (data, nonce) = (bytes(&input["frame"]), bytes(&input["nonce"]));
    let nonce = Nonce(nonce.try_into().expect("16 bytes"));
    let Some(frame) = Frame::parse(&data, &nonce).map_err(|error| error.code())? else {
        return Ok(json!({"end": true}));
    };
    let mut bundle = Vec::new();
    for record in frame.records() {
        bundle.extend_from_slice(&u16::try_from(record.len()).expect("short").to_be_bytes());
        bundle.extend_from_slice(record);
    }
    Ok(json!({
        "first": frame.first(),
        "count": frame.records().len(),
        "bundle_sha256": hash::digest(&bundle).to_string(),
        "note": frame.note(),
        "length": frame.len(),
    }))
}

fn segment(input: &Value) -> Verdict {
    let bytes = bytes(&input["header"]);
    let header = SegmentHeader::parse(&bytes).map_err(|error| error.code())?;
    assert_eq!(header.encode(), bytes[..512]);
    Ok(json!({
        "origin": header.origin.as_str(),
        "first": header.first,
        "prev": header.prev.to_string(),
        "nonce": hex(&header.nonce.0),
    }))
}

fn head(input: &Value) -> Verdict {
    let bytes = bytes(&input["slot"]);
    let slot = HeadSlot::parse(&bytes, &log_key(input)).map_err(|error| error.code())?;
    assert_eq!(slot.encode().expect("it fitted"), bytes);
    Ok(json!({
        "size": slot.head.size(),
        "time": slot.head.time().get(),
        "last_leaf": slot.head.last_leaf().to_string(),
        "segment": slot.segment,
        "offset": slot.offset,
        "root": slot.head.frontier().root().to_string(),
        "note": slot.checkpoint.text(),
    }))
}

fn tree(input: &Value) -> Verdict {
    let mut frontier = Frontier::new();
    for n in 0..number(&input["size"]) {
        frontier.push(hash::leaf(n.to_string().as_bytes()));
    }
    Ok(json!({"root": frontier.root().to_string()}))
}

fn inclusion(input: &Value) -> Verdict {
    let (index, size) = (number(&input["index"]), number(&input["size"]));
    let (leaf, root) = (hash_of(&input["leaf"]), hash_of(&input["root"]));
    verify_inclusion(&leaf, index, size, &hashes(&input["proof"]), &root)
        .map(|()| json!({}))
        .map_err(|error| error.code())
}

fn consistency(input: &Value) -> Verdict {
    let (old, new) = (number(&input["old"]), number(&input["new"]));
    let roots = (hash_of(&input["old_root"]), hash_of(&input["new_root"]));
    verify_consistency(old, new, &roots.0, &roots.1, &hashes(&input["proof"]))
        .map(|()| json!({}))
        .map_err(|error| error.code())
}

fn tlog_proof(input: &Value) -> Verdict {
    let proof = TlogProof::parse(&text(&input["proof"])).map_err(|error| error.code())?;
    let signed = proof
        .verify(&hash_of(&input["leaf"]), &log_key(input))
        .map_err(|error| error.code())?;
    Ok(json!({
        "index": proof.index,
        "size": signed.size(),
        "root": signed.root().to_string(),
    }))
}

/// Entries are judged as one commit, and again with a commit for each. Both ways must agree.
fn chain(input: &Value) -> Verdict {
    let list = input["records"].as_array().expect("a list of records");
    let records: Vec<Vec<u8>> = list.iter().map(bytes).collect();
    let one = read_commits(&[&records]);
    let each: Vec<&[Vec<u8>]> = records.chunks(1).collect();
    assert_eq!(one, read_commits(&each), "one commit and many differ");
    one
}

/// Puts rightly signed frames around the records, and verifies them in order.
fn read_commits(commits: &[&[Vec<u8>]]) -> Verdict {
    let origin = Origin::parse("log.example.com/audit").expect("an origin");
    let key = SigningKey::from_seed(origin, &[7; 32]).expect("a key");
    let (nonce, mut tree) = (Nonce([9; 16]), Frontier::new());
    let mut verifier = LogVerifier::from_head(LogHead::empty());
    for records in commits {
        let first = tree.size();
        records
            .iter()
            .for_each(|record| tree.push(hash::leaf(record)));
        let note = SignedCheckpoint::sign(tree.size(), tree.root(), &key);
        let data = frame_around(first, records, note.text(), &nonce);
        let frame = Frame::parse(&data, &nonce).map_err(|error| error.code())?;
        let frame = frame.expect("not the end");
        verify::examine(&frame, key.verifier())
            .and_then(|examined| verifier.join(examined).map(drop))
            .map_err(|fault| fault.code())?;
    }
    let head = verifier.head();
    Ok(json!({
        "size": head.size(),
        "last_leaf": head.last_leaf().to_string(),
        "root": head.frontier().root().to_string(),
    }))
}

fn frame_around(first: u64, records: &[Vec<u8>], note: &str, nonce: &Nonce) -> Vec<u8> {
    let len16 = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let mut body = nonce.0.to_vec();
    body.extend_from_slice(&first.to_be_bytes());
    body.extend_from_slice(&u32::try_from(records.len()).expect("few").to_be_bytes());
    for record in records {
        body.extend_from_slice(&len16(record));
        body.extend_from_slice(record);
    }
    body.extend_from_slice(&len16(note.as_bytes()));
    body.extend_from_slice(note.as_bytes());
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let crc = crc32c::crc32c(&[&length, body.as_slice()].concat());
    let mut out = [b"CSMT", &length, &crc.to_be_bytes(), body.as_slice()].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

#[test]
fn every_vector_is_judged_as_its_file_says() {
    let vectors = vectors();
    let mut seen: BTreeMap<&str, usize> = JUDGES.iter().map(|(kind, _)| (*kind, 0)).collect();
    let mut wrong = Vec::new();
    for (name, vector) in &vectors {
        let kind = vector["kind"].as_str().expect("a kind");
        let judge = JUDGES.iter().find(|(known, _)| *known == kind);
        let (kind, judge) = judge.unwrap_or_else(|| panic!("{name}: unknown kind {kind}"));
        *seen.entry(kind).or_default() += 1;
        let (verdict, value) = match judge(&vector["input"]) {
            Ok(value) => ("ok", value),
            Err(code) => (code, json!({})),
        };
        if vector["expect"] != verdict || vector["value"] != value {
            let expected = (&vector["expect"], &vector["value"]);
            wrong.push(format!(
                "{name}: expected {expected:?}, got {verdict} {value}"
            ));
        }
    }
    println!(
        "counted: {} vectors: {} agree",
        vectors.len(),
        vectors.len() - wrong.len()
    );
    assert!(
        seen.values().all(|count| *count > 0),
        "a kind without vectors: {seen:?}"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_of_a_vector_is_in_the_table_of_the_format() {
    let format = folder().join("../../docs/format.md");
    let format = fs::read_to_string(format).expect("docs/format.md");
    let (_, table) = format
        .split_once("## 12. Refusal codes")
        .expect("section 12");
    for (name, vector) in vectors() {
        let expect = vector["expect"].as_str().expect("a code");
        let known = expect == "ok" || table.contains(&format!("\n| `{expect}` | "));
        assert!(known, "{name}: {expect} is not in section 12");
    }
}
