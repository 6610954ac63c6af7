//! What every OCSF event has: classification, severity, who acted, and what proves the entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_chain::hash::{Hash, digest};
use countersign_proto::reading::text::{hex, rfc3339};
use countersign_proto::reading::{fields_of, kind_text, summary_of};

use super::model::{
    Actor, Attestation, Event, Fingerprint, Flat, Metadata, Observable, PrevEvent, Product,
    Signature, User,
};
use super::{Activity, Class, Version};
use crate::item::Item;
use crate::severity::Severity;

const PRODUCT: &str = "Countersign";
const SHA256: u8 = 3;
/// Texts in `unmapped` of most events: 13 of the entry, and the fields of its event.
const UNMAPPED: usize = 24;

/// Completes an event.
pub(super) fn close(event: &mut Event, activity: Activity, item: &Item<'_>, version: Version) {
    classify(event, activity, version);
    let severity = Severity::of(item.event.as_ref());
    event.severity_id = Some(severity_id(severity));
    event.severity = Some(severity.name());
    if version < Version::V1_8 {
        (event.action_id, event.action) = (None, None);
        (event.disposition_id, event.disposition) = (None, None);
        event.authorizations = None;
    }
    let status = *event.status_id.get_or_insert(1);
    event.status = Some(match status {
        0 => "Unknown",
        1 => "Success",
        _ => "Failure",
    });
    event.time = Some(item.record.time().get().div_euclid(1_000));
    event.message = Some(summary_of(item.event.as_ref())).filter(|text| !text.is_empty());
    let acts = actor(item, version);
    event.actor.get_or_insert(acts);
    event.unmapped = Some(unmapped(item));
    event.observables = observables(event);
    proof(event, item, version);
    metadata(event, activity, item, version);
}

fn classify(event: &mut Event, activity: Activity, version: Version) {
    let class = activity.class();
    let (class_name, name) = (class.name(version), activity.name(version));
    event.activity_id = Some(activity.id(version));
    event.activity_name = Some(name);
    event.category_uid = Some(class.category());
    event.category_name = Some(class.category_name());
    event.class_uid = Some(class.uid(version));
    event.class_name = Some(class_name);
    event.type_uid = Some(activity.type_uid(version));
    let type_name = match activity.id(version) {
        99 => "Other",
        _ => name,
    };
    event.type_name = Some(format!("{class_name}: {type_name}"));
}

const fn severity_id(severity: Severity) -> u8 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
    }
}

/// The principal that acted, and the program that carried it.
fn actor(item: &Item<'_>, version: Version) -> Actor {
    let principal = item.record.actor();
    let (role, name) = principal.split_once(':').unwrap_or((principal, principal));
    let (type_id, kind) = match (role, version) {
        ("user" | "auditor", _) => (1, "User"),
        ("admin", _) => (2, "Admin"),
        ("ledger", _) => (3, "System"),
        // 1.3 has no number for services.
        (_, Version::V1_3) => (99, "Service"),
        (_, Version::V1_8 | Version::V1_9) => (4, "Service"),
    };
    let user = User {
        name: Some(name.to_owned()),
        uid: Some(principal.to_owned()),
        type_id: Some(type_id),
        r#type: Some(kind),
    };
    let carrier = match (item.record.via(), role) {
        ("", "ledger") => Some(PRODUCT.to_owned()),
        ("", _) => None,
        (via, _) => Some(via.to_owned()),
    };
    Actor {
        user: Some(user),
        app_name: carrier,
        session: None,
    }
}

/// Position, hashes and signature, and the fields of the event, all as texts.
fn unmapped(item: &Item<'_>) -> Flat {
    let (record, commit) = (&item.record, item.commit);
    let mut flat = Flat::with_capacity(UNMAPPED);
    flat.put("ledger_origin", commit.checkpoint().origin.as_str());
    flat.put("ledger_index", record.index().get().to_string());
    flat.put("ledger_kind", record.kind().get().to_string());
    if record.case() > 0 {
        flat.put("ledger_case", record.case().to_string());
    }
    flat.put("ledger_actor", record.actor());
    if !record.via().is_empty() {
        flat.put("ledger_via", record.via());
    }
    flat.put("ledger_entry_hash", hash_text(&item.leaf));
    flat.put("ledger_prev_hash", hash_text(&record.prev()));
    flat.put("ledger_commit_size", commit.size().to_string());
    flat.put("ledger_commit_root", hash_text(&commit.root()));
    flat.put("ledger_key_id", commit.signer().to_string());
    flat.put("ledger_sig_alg", "Ed25519");
    flat.put("ledger_sig", STANDARD.encode(commit.signature()));
    fields(&mut flat, item);
    flat
}

/// The fields of the event that say something; the raw bytes of what came from outside are in
/// `message` and `raw_data` already.
fn fields(flat: &mut Flat, item: &Item<'_>) {
    for (name, field) in fields_of(item.event.as_ref(), item.record.payload()) {
        if matches!(name, "raw" | "raw_hex" | "payload_hex") {
            continue;
        }
        if let Some(text) = field.into_text() {
            flat.put(["event_", name].concat(), text);
        }
    }
}

/// What is worth searching for: people, things, addresses, commands.
fn observables(event: &Event) -> Option<Vec<Observable>> {
    let mut found = Vec::new();
    let mut add = |name, (type_id, kind), value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            found.push(Observable {
                name: Some(name),
                type_id: Some(type_id),
                r#type: Some(kind),
                value: Some(value.to_owned()),
            });
        }
    };
    let (name, thing) = ((4, "User Name"), (10, "Resource UID"));
    let actor = event.actor.as_ref().and_then(|actor| actor.user.as_ref());
    add(
        "actor.user.name",
        name,
        actor.and_then(|user| user.name.as_deref()),
    );
    let user = event.user.as_ref().and_then(|user| user.name.as_deref());
    add(
        "user.name",
        name,
        user.filter(|name| *name != super::map::UNKNOWN),
    );
    let flat = event.unmapped.as_ref();
    let field = |name| flat.and_then(|flat| flat.get(name));
    add("unmapped.event_person", name, field("event_person"));
    add("unmapped.event_resource", thing, field("event_resource"));
    let from = event.src_endpoint.as_ref();
    let ip = from.and_then(|from| from.ip.as_deref());
    add("src_endpoint.ip", (2, "IP Address"), ip);
    let command = event
        .process
        .as_ref()
        .and_then(|process| process.cmd_line.as_deref());
    add("process.cmd_line", (13, "Command Line"), command);
    Some(found)
}

fn proof(event: &mut Event, item: &Item<'_>, version: Version) {
    let raw = STANDARD.encode(item.record.bytes());
    if version >= Version::V1_8 {
        event.raw_data_hash = Some(sha256(&digest(raw.as_bytes())));
    }
    event.raw_data = Some(raw);
    if version >= Version::V1_9 {
        event.attestation_list = Some(vec![attestation(item)]);
    }
}

fn hash_text(hash: &Hash) -> String {
    hex(hash.as_bytes())
}

fn sha256(hash: &Hash) -> Fingerprint {
    Fingerprint {
        algorithm_id: Some(SHA256),
        algorithm: Some("SHA-256"),
        value: Some(hash_text(hash)),
        ..Fingerprint::default()
    }
}

/// The hash of a record as the profile wants it. The profile would hash the OCSF event; the log
/// signs its own records (docs/format.md), which is what the serialization says.
fn record_hash(hash: &Hash) -> Fingerprint {
    Fingerprint {
        encoding_id: Some(1),
        encoding: Some("Hex"),
        serialization_id: Some(99),
        serialization: Some("countersign-record-1"),
        ..sha256(hash)
    }
}

fn attestation(item: &Item<'_>) -> Attestation {
    let origin = item.commit.checkpoint().origin.as_str();
    let index = item.record.index().get();
    let before = index.checked_sub(1).map(|before| PrevEvent {
        uid: Some(uid(origin, before)),
        fingerprint: Some(record_hash(&item.record.prev())),
    });
    let signer = format!("{origin}+{}", item.commit.signer());
    let signature = Signature {
        algorithm_id: Some(99),
        algorithm: Some("Ed25519"),
        developer_uid: Some(signer.clone()),
        digest: Some(sha256(&item.commit.root())),
    };
    Attestation {
        uid: Some(uid(origin, index)),
        authority_uid: Some(signer),
        chain_uid: Some(origin.to_owned()),
        fingerprint: Some(record_hash(&item.leaf)),
        prev_event: before,
        signatures: Some(vec![signature]),
    }
}

/// The id of an entry everywhere.
fn uid(origin: &str, index: u64) -> String {
    format!("{origin}/{index}")
}

fn metadata(event: &mut Event, activity: Activity, item: &Item<'_>, version: Version) {
    let record = &item.record;
    let origin = item.commit.checkpoint().origin.as_str();
    let product = Product {
        name: Some(PRODUCT.to_owned()),
        vendor_name: Some(PRODUCT),
        // No version: the same entry is the same event whichever program writes it.
        ..Product::default()
    };
    let id = uid(origin, record.index().get());
    let profiles = profiles(event, activity, version);
    let before = event.metadata.take().unwrap_or_default();
    event.metadata = Some(Metadata {
        version: Some(version.as_str()),
        product: Some(product),
        profiles: Some(profiles).filter(|profiles| !profiles.is_empty()),
        original_event_uid: Some(id.clone()).filter(|_| version >= Version::V1_8),
        uid: Some(id),
        correlation_uid: item.case().map(|case| uid(origin, case)),
        event_code: Some(kind_text(record.kind().get())),
        log_name: Some(origin.to_owned()),
        log_provider: Some(PRODUCT),
        original_time: before
            .original_time
            .or_else(|| Some(rfc3339(record.time()))),
        sequence: Some(record.index().get()),
    });
}

/// The profiles that the attributes of an event belong to.
fn profiles(event: &Event, activity: Activity, version: Version) -> Vec<&'static str> {
    let host = match activity.class() {
        Class::Entity | Class::Access => version < Version::V1_8,
        Class::Lifecycle => true,
        Class::Process | Class::Authentication | Class::Api => false,
    };
    let ruled = event.action_id.is_some();
    let profiles = [
        (host, "host"),
        (ruled, "security_control"),
        (version >= Version::V1_9, "record_integrity"),
    ];
    let declared = profiles.into_iter().filter(|(declared, _)| *declared);
    declared.map(|(_, name)| name).collect()
}
