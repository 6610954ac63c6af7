"""Judges the vectors of chain/vectors; the README there says how they are written."""
import hashlib, json

import basics, structures
from basics import Refused, Tree, checkpoint, join, leaf, record, vkey

def text(parts):
    """A string of an input: as it is, or in parts, of which [part, times] is a repetition."""
    if isinstance(parts, str):
        return parts
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in parts)

def raw(parts):
    return bytes.fromhex(text(parts))

def plain(value):
    """Bytes as hex, for the comparison with JSON."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value

def tree(size):
    """The tree over the leaves "0", "1", "2", …"""
    grown = Tree()
    for number in range(size):
        grown.push(leaf(str(number).encode()))
    return {"root": grown.root()}

def chain(records):
    before, grown = None, Tree()
    for data in records:
        entry = record(data)
        join(grown.size, before, entry)
        grown.push(entry["leaf"])
        before = entry
    return {"size": grown.size, "last_leaf": before["leaf"], "root": grown.root()}

def digest(data):
    return hashlib.sha256(data).hexdigest()

def record_value(data):
    fields = record(data)
    return fields | {"payload_sha256": digest(fields.pop("payload"))}

def frame_value(data, nonce):
    found = structures.frame(data, nonce)
    if not found:
        return {"end": True}
    entries = found.pop("entries")
    bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
    return found | {"count": len(entries), "bundle_sha256": digest(bundle)}

JUDGES = {
    "record": lambda i: record_value(raw(i["record"])),
    "principal": lambda i: basics.principal(text(i["principal"])),
    "origin": lambda i: basics.origin(text(i["origin"])),
    "vkey": lambda i: vkey(text(i["vkey"])),
    "checkpoint": lambda i: checkpoint(text(i["note"]), vkey(i["vkey"])),
    "frame": lambda i: frame_value(raw(i["frame"]), raw(i["nonce"])),
    "segment": lambda i: structures.segment_header(raw(i["header"])),
    "head": lambda i: structures.head_slot(raw(i["slot"]), vkey(i["vkey"])),
    "tree": lambda i: tree(i["size"]),
    "inclusion": lambda i: structures.inclusion(
        raw(i["leaf"]), i["index"], i["size"], [raw(h) for h in i["proof"]], raw(i["root"])),
    "consistency": lambda i: structures.consistency(
        i["old"], i["new"], raw(i["old_root"]), raw(i["new_root"]), [raw(h) for h in i["proof"]]),
    "chain": lambda i: chain([raw(r) for r in i["records"]]),
    "tlog-proof": lambda i: structures.tlog_proof(
        text(i["proof"]), raw(i["leaf"]), vkey(i["vkey"])),
}

def judge(vector):
    """What this program makes of the vector: ("ok", value) or (code, {})."""
    try:
        return "ok", plain(JUDGES[vector["kind"]](vector["input"]) or {})
    except Refused as refusal:
        return str(refusal), {}

def check_vectors(folder):
    paths, agree = sorted(folder.glob("*/*.json")), 0
    for path in paths:
        vector = json.loads(path.read_text(encoding="utf-8"))
        verdict, value = judge(vector)
        if (verdict, value) == (vector["expect"], vector["value"]):
            agree += 1
        else:
            print(f"{path}: expected {vector['expect']} {vector['value']}, got {verdict} {value}")
    print(f"{len(paths)} vectors: {agree} agree")
    return 0 if paths and agree == len(paths) else 1
