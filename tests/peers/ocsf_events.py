"""Judges OCSF events: FOLDER holds VERSION.jsonl, a line for each event with its name.

ocsf-json-schema makes a JSON Schema of an event's class and profiles, jsonschema holds the event
against it. Schemas of 1.3.0 and 1.8.0 come with the former; 1.9.0 is in tests/peers/ocsf. What
neither looks at is looked at here: type_uid, captions, observables, profiles and the hashes.

`validate` is what the other judges use, too.
"""

import base64
import copy
import gzip
import hashlib
import json
import sys
from functools import lru_cache
from pathlib import Path

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded
from ocsf_json_schema import get_ocsf_schema

HERE = Path(__file__).parent


@lru_cache(maxsize=None)
def compiled(version):
    """The compiled schema of a version."""
    if version == "1.9.0":
        with gzip.open(HERE / "ocsf" / "ocsf-1.9.0-dev-compiled.json.gz") as file:
            return json.load(file)
    return get_ocsf_schema(version=version)


@lru_cache(maxsize=None)
def by_class(version):
    """Classes of a version by their numbers."""
    return {it["uid"]: (name, it) for name, it in compiled(version)["classes"].items()}


@lru_cache(maxsize=None)
def validator(version, class_name, profiles):
    """The validator of a class."""
    schemas = OcsfJsonSchemaEmbedded(compiled(version))
    schema = schemas.get_class_schema(class_name=class_name, profiles=list(profiles))
    return Draft202012Validator(schema)


def at(event, path):
    """What stands at a dotted path."""
    value = event
    for name in path.split("."):
        value = value[name]
    return value


def captions(attributes, objects, value, path=""):
    """Labels of every number that has one, all the way down."""
    for name, part in value.items():
        known = attributes.get(name)
        if known is None:
            continue
        parts = part if isinstance(part, list) else [part]
        for each in parts:
            if isinstance(each, dict) and known.get("object_type") in objects:
                inside = objects[known["object_type"]]["attributes"]
                yield from captions(inside, objects, each, f"{path}{name}.")
        enum = known.get("enum")
        label = known.get("sibling") or name.removesuffix("_id")
        if enum and name.endswith("_id") and label in value and label != name:
            caption = enum.get(str(part), {}).get("caption")
            if caption not in (None, "Other") and caption != value[label]:
                yield f"{path}{label} is {value[label]!r}, not {caption!r}"


def validate(event, version):
    """What is wrong with an event; nothing when it is well."""
    named = by_class(version).get(event.get("class_uid"))
    if named is None:
        return [f"there is no class {event.get('class_uid')}"]
    name, known = named
    profiles = event.get("metadata", {}).get("profiles", [])
    wrong = [f"profile {it} is not of the class" for it in profiles if it not in known["profiles"]]
    judge = validator(version, name, tuple(profiles))
    wrong += [f"{error.json_path}: {error.message[:300]}" for error in judge.iter_errors(event)]
    if wrong:
        return wrong
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        wrong.append("type_uid is not class and activity")
    if event["category_uid"] != event["class_uid"] // 1000:
        wrong.append("category_uid is not that of the class")
    if event["metadata"]["version"] != version:
        wrong.append("another version")
    wrong += list(captions(known["attributes"], compiled(version)["objects"], event))
    for seen in event.get("observables", []):
        try:
            value = at(event, seen["name"])
        except (KeyError, TypeError):
            wrong.append(f"observable {seen['name']} points nowhere")
            continue
        if value != seen["value"]:
            wrong.append(f"observable {seen['name']} is not {seen['value']!r}")
    return wrong + proofs(event, version)


def proofs(event, version):
    """What the event carries must prove it: the record hashes to what is said of it."""
    record = base64.b64decode(event["raw_data"], validate=True)
    leaf = hashlib.sha256(b"\0" + record).hexdigest()
    flat = event["unmapped"]
    wrong = []
    if flat["ledger_entry_hash"] != leaf or flat["ledger_prev_hash"] != record[20:52].hex():
        wrong.append("hashes are not those of the record")
    if int(flat["ledger_index"]) != int.from_bytes(record[4:12], "big"):
        wrong.append("another index")
    if event["metadata"]["sequence"] != int(flat["ledger_index"]):
        wrong.append("another sequence")
    if len(base64.b64decode(flat["ledger_sig"], validate=True)) != 64:
        wrong.append("no signature")
    if any(not isinstance(text, str) for text in flat.values()):
        wrong.append("unmapped is not flat")
    if version != "1.3.0":
        digest = hashlib.sha256(event["raw_data"].encode()).hexdigest()
        if event["raw_data_hash"]["value"] != digest:
            wrong.append("raw_data_hash is not that of raw_data")
    if version == "1.9.0":
        [proof] = event["attestation_list"]
        before = proof.get("prev_event", {}).get("fingerprint", {}).get("value", "0" * 64)
        if proof["fingerprint"]["value"] != leaf or before != flat["ledger_prev_hash"]:
            wrong.append("attestation is not that of the record")
    return wrong


def put(path, value):
    """A damage: another value at a path."""
    def change(event):
        *way, last = path.split(".")
        target = event
        for name in way:
            target = target[name]
        if last not in target:
            return False
        target[last] = value(target[last]) if callable(value) else value
        return True
    return change


def drop(path):
    """A damage: an attribute is not there."""
    def change(event):
        *way, last = path.split(".")
        target = event
        for name in way:
            target = target[name]
        return target.pop(last, None) is not None
    return change


DAMAGES = {
    "no metadata": drop("metadata"),
    "no class": put("class_uid", 9999),
    "no time": drop("time"),
    "time as text": put("time", str),
    "null": put("message", None),
    "unknown attribute": lambda event: event.update(countersign=1) or True,
    "bad severity": put("severity_id", 7),
    "another type": put("type_uid", lambda it: it + 1),
    "another category": put("category_uid", 2),
    "wrong caption": put("severity", "Fatal"),
    "no product name": drop("metadata.product.name"),
    "no user": drop("user"),
    "no entity": drop("entity"),
    "no api": drop("api"),
    "no end of the session": drop("dst_endpoint"),
    "no process id": drop("process.uid"),
    "profile of another class": put("metadata.profiles", ["trace", "no such"]),
    "observable that points nowhere": lambda event: bool(event["observables"])
    and event["observables"][0].update(name="actor.nobody") is None,
    "record changed": put("raw_data", lambda it: base64.b64encode(b"x" + base64.b64decode(it)).decode()),
}


def damaged(events, version):
    """Damages events in every way that touches them; every one must be refused."""
    refused = dict.fromkeys(DAMAGES, 0)
    kept = {"no user": (3002, 3005, 3007), "no entity": (3004,), "no api": (6003,),
            "no end of the session": (3002,), "no process id": (1007,)}
    for line in events:
        for what, change in DAMAGES.items():
            event = copy.deepcopy(line["event"])
            if what in kept and event["class_uid"] not in kept[what]:
                continue
            try:
                if not change(event):
                    continue
            except KeyError:
                continue
            if not validate(event, version):
                sys.exit(f"{version}: {line['name']} with {what} was taken")
            refused[what] += 1
    missing = [what for what, count in refused.items() if not count]
    if missing:
        sys.exit(f"{version}: nothing was damaged by {missing}")
    return sum(refused.values())


def main():
    folder = Path(sys.argv[1])
    taken, refused, bad = 0, 0, []
    for path in sorted(folder.glob("*.jsonl")):
        version = path.stem
        events = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        for line in events:
            wrong = validate(line["event"], version)
            bad += [f"{version} {line['name']}: {it}" for it in wrong]
            taken += 1
        if not bad:
            refused += damaged(events[:64], version)
    if bad:
        print("\n".join(bad[:60]), file=sys.stderr)
        sys.exit(f"{len(bad)} complaints")
    print(f"counted: {taken} OCSF events taken, {refused} damaged ones of {len(DAMAGES)} sorts refused")


if __name__ == "__main__":
    main()
