"""What all vectors are made of: encodings, keys, records, notes, trees."""

import base64
import hashlib
import re

import curve
from basics import L, Tree, leaf, node
from vectors import judge

VECTORS = {}
ORIGIN = "log.example.com/audit"
SEED = hashlib.sha256(b"key of the vectors").digest()
NONCE = hashlib.sha256(b"nonce of the vectors").digest()[:16]
T0 = 1_790_000_000_000_000


def parts(data):
    """Hex of bytes, or a text, with long repetitions as [part, times]."""
    text, unit, pattern = (
        (data, 1, r"(.)\1{63,}") if isinstance(data, str) else (data.hex(), 2, r"(..)\1{63,}")
    )
    found, at = [], 0
    while match := re.compile(pattern, re.S).search(text, at):
        start = match.start() + (match.start() - at) % unit  # on a byte boundary
        length = (match.end() - start) // unit * unit
        if start > at:
            found.append(text[at:start])
        found.append([text[start : start + unit], length // unit])
        at = start + length
    return text if not found else found + ([text[at:]] if text[at:] else [])


def add(name, what, kind, inputs, expect="ok", value=None):
    vector = {"what": what, "kind": kind, "input": inputs, "expect": expect, "value": value or {}}
    assert name not in VECTORS, name
    VECTORS[name] = vector
    seen = judge(vector)
    assert seen == (expect, vector["value"]), (name, expect, vector["value"], seen)


def uint(number, width):
    return number.to_bytes(width, "big")


def counted(width, data):
    return uint(len(data), width) + data


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).digest()


def grown(leaves):
    tree = Tree()
    for hash in leaves:
        tree.push(hash)
    return tree


# Records.
PLAIN = {
    "version": 1,
    "flags": 0,
    "kind": 140,
    "index": 7,
    "time": T0 + 7,
    "prev": sha256(b"before"),
    "case": 5,
    "actor": b"agent:db-prod-1",
    "via": b"bot:slack",
    "idem": b"order-66",
    "payload": b"payload",
}
FIRST = PLAIN | {
    "kind": 1,
    "index": 0,
    "prev": bytes(32),
    "case": 0,
    "actor": b"ledger",
    "via": b"",
}


def record(fields=None, **changes):
    f = (fields or PLAIN) | changes
    return (
        uint(f["version"], 1)
        + uint(f["flags"], 1)
        + uint(f["kind"], 2)
        + uint(f["index"], 8)
        + uint(f["time"], 8)
        + f["prev"]
        + uint(f["case"], 8)
        + counted(2, f["actor"])
        + counted(2, f["via"])
        + counted(2, f["idem"])
        + counted(4, f["payload"])
    )


# Keys and checkpoints.
def key_id(name, key, kind=1):
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def vkey(key, name=ORIGIN, kind=1):
    return f"{name}+{key_id(name, key, kind).hex()}+{b64(bytes([kind]) + key)}"


KEY = curve.public(SEED)
VKEY = vkey(KEY)


def body(size, root, origin=ORIGIN):
    return f"{origin}\n{size}\n{b64(root)}\n"


def line(text, name=ORIGIN, key=KEY, seed=SEED, signature=None):
    signature = signature or curve.sign(
        seed, key, text.encode(), nonce=int.from_bytes(sha256(text.encode())) % L
    )
    return f"\u2014 {name} {b64(key_id(name, key) + signature)}\n"


def note(size, root, **changes):
    text = body(size, root)
    return text + "\n" + line(text, **changes)


# Trees and proofs, by the recursive definitions of RFC 6962, section 2.1.
def split(size):
    return 1 << (size - 1).bit_length() - 1


def root_of(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    return node(root_of(leaves[: split(len(leaves))]), root_of(leaves[split(len(leaves)) :]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [root_of(leaves[k:])]
    return path(index - k, leaves[k:]) + [root_of(leaves[:k])]


def between(old, leaves, whole=True):
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    k = split(len(leaves))
    if old <= k:
        return between(old, leaves[:k], whole) + [root_of(leaves[k:])]
    return between(old - k, leaves[k:], False) + [root_of(leaves[:k])]


LEAVES = [leaf(str(n).encode()) for n in range(300)]
