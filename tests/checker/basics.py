"""Sections 1 to 6 of docs/format.md: records, principals, hashes, order, keys and checkpoints.

A function raises `Refused` with a code of section 12, or returns what it read.
"""
import base64, hashlib, re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

class Refused(ValueError):
    """Its text is the code."""

def need(rule, code):
    if not rule:
        raise Refused(code)

class Reader:
    """Takes fields off the front of `data`; `short` is the code when there are too few bytes."""
    def __init__(self, data, short="truncated"):
        self.data, self.short, self.at = data, short, 0
    def take(self, count):
        need(self.at + count <= len(self.data), self.short)
        self.at += count
        return self.data[self.at - count:self.at]
    def uint(self, width):
        return int.from_bytes(self.take(width), "big")
    def counted(self, width, limit=65535, code=None):
        length = self.uint(width)
        need(length <= limit, code)
        return self.take(length)
    def end(self, code):
        need(self.at == len(self.data), code)

def utf8(data, code):
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(code) from None

def unbase64(text, code):
    try:
        data = base64.b64decode(text)
    except ValueError:
        raise Refused(code) from None
    need(base64.b64encode(data).decode() == text, code)  # canonical, and nothing was skipped
    return data

# Sections 1 to 4: records, principals, hashes, origin, the order of a log.
ORIGIN = r"([!-*,-~]{1,255})"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
PRINCIPAL = re.compile(r"ledger|(?!ledger:)([a-z][a-z-]{0,30}):(\S+)")

def principal(text, code="bad-principal"):
    match = PRINCIPAL.fullmatch(text)
    need(match and not CONTROL.search(text) and len(text.encode()) <= 255, code)
    return {"role": match[1] or "ledger", "name": match[2] or ""}

def origin(text):
    need(re.fullmatch(ORIGIN, text), "bad-origin")
    return {"origin": text}

def record(data):
    need(len(data) <= 65535, "record-too-long")
    r, f = Reader(data), {"leaf": leaf(data)}
    def field(name, value, rule, code):
        f[name] = value
        need(rule(value), code)
    field("version", r.uint(1), lambda v: v == 1, "bad-version")
    field("flags", r.uint(1), lambda v: v == 0, "bad-flags")
    field("kind", r.uint(2), lambda v: 1 <= v <= 159, "bad-kind")
    field("index", r.uint(8), lambda v: v < 2**63, "bad-index")
    field("time", r.uint(8), lambda v: v < 2**63, "bad-time")
    field("prev", r.take(32), lambda v: (v == bytes(32)) == (f["index"] == 0), "bad-prev")
    field("case", r.uint(8), lambda v: v <= f["index"], "bad-case")
    actor = utf8(r.counted(2, 255, "bad-actor"), "bad-actor")
    field("actor", actor, lambda v: principal(v, "bad-actor"), "bad-actor")
    via = utf8(r.counted(2, 255, "bad-via"), "bad-via")
    field("via", via, lambda v: not v or v != actor and principal(v, "bad-via"), "bad-via")
    f["idem"] = r.counted(2, 64, "bad-idem")
    f["payload"] = r.counted(4, 49152, "payload-too-long")
    r.end("trailing-bytes")
    return f

def join(position, before, entry):
    """Judges the record `entry` at `position` after the record `before`, None at the start."""
    need(entry["index"] == position, "wrong-index")
    need(position > 0 or entry["kind"] == 1, "not-opened")
    need(not before or entry["prev"] == before["leaf"], "chain-broken")
    need(not before or entry["time"] >= before["time"], "time-went-back")

def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()

class Tree:
    """The complete subtrees of the leaves so far, largest first, one for each bit set in `size`."""
    def __init__(self, size=0, hashes=()):
        self.size, self.hashes = size, list(hashes)
    def push(self, hash):
        full = self.size
        while full & 1:
            hash, full = node(self.hashes.pop(), hash), full >> 1
        self.hashes.append(hash)
        self.size += 1
    def root(self):
        if not self.hashes:
            return hashlib.sha256(b"").digest()
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node(left, root)
        return root

# Section 5: keys, and strict verification on top of the rule of the library.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7  # of points of order 8
SMALL_ORDER = {0, 1, P - 1, Y8, P - Y8}

def sound_point(data):
    """True for the canonical encoding of a curve point that is not of small order."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return y < P and y not in SMALL_ORDER and pow(x_squared, (P - 1) // 2, P) == 1

def vkey(text):
    match = re.fullmatch(ORIGIN + r"\+([0-9a-f]{8})\+(\S+)", text)
    need(match, "bad-vkey")
    key = unbase64(match[3], "bad-vkey")
    need(len(key) == 33 and key[0] == 1, "bad-vkey")
    key_id = hashlib.sha256(match[1].encode() + b"\n" + key).digest()[:4]
    need(key_id.hex() == match[2], "bad-key-id")
    need(sound_point(key[1:]), "weak-key")
    return {"name": match[1], "id": key_id, "key": key[1:]}

def verify(key, message, signature):
    need(len(signature) == 64 and sound_point(signature[:32]), "bad-signature")
    need(int.from_bytes(signature[32:], "little") < L, "bad-signature")
    try:
        Ed25519PublicKey.from_public_bytes(key["key"]).verify(signature, message)
    except InvalidSignature:
        raise Refused("bad-signature") from None

# Section 6: checkpoints.
NOTE = re.compile(ORIGIN + r"\n(0|[1-9][0-9]*)\n(\S{44})\n\n((?:\u2014 [^\s+]+ \S+\n){1,64})")

def checkpoint(note, key):
    """Opens a note under the key of the log."""
    match = NOTE.fullmatch(note)
    need(match and len(note.encode()) <= 65535, "bad-note")
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", note), "bad-note")
    root, size = unbase64(match[3], "bad-note"), int(match[2])
    need(len(root) == 32 and size < 2**63, "bad-note")
    lines = [line.split(" ")[1:] for line in match[4].split("\n")[:-1]]
    lines = [(name, unbase64(value, "bad-note")) for name, value in lines]
    need(all(len(value) >= 5 for _, value in lines), "bad-note")
    need(match[1] == key["name"], "wrong-origin")
    ours = [sig for name, sig in lines if (name, sig[:4]) == (key["name"], key["id"])]
    for signature in ours:
        verify(key, note[:note.index("\n\n") + 1].encode(), signature[4:])
    need(ours, "no-known-signature")
    return {"origin": match[1], "size": size, "root": root}
