"""Sections 7 to 10 of docs/format.md: frames, segment headers, head slots and proofs."""
import re

from basics import ORIGIN, Reader, Tree, checkpoint, need, node, unbase64, utf8

CRC_TABLE = list(range(256))
for _ in range(8):  # CRC-32C, reflected, one bit a round
    CRC_TABLE = [c >> 1 ^ (0x82F63B78 if c & 1 else 0) for c in CRC_TABLE]

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF

def frame(data, nonce):
    """The frame at the start of `data`, or None at the end of the data."""
    if len(data) < 4 or data[:4] == bytes(4):
        return None
    r = Reader(data)
    need(r.take(4) == b"CSMT", "bad-magic")
    length = r.uint(4)
    need(32 <= length <= 1310720, "bad-frame-length")
    crc, body = r.uint(4), r.take(length)
    need(crc32c(data[4:8] + body) == crc, "bad-crc")
    need(not any(r.take(-(12 + length) % 8)), "bad-frame")
    b = Reader(body, "bad-frame")
    need(b.take(16) == nonce, "foreign-frame")
    first, count = b.uint(8), b.uint(4)
    need(1 <= count <= 1024 and first + count < 2**63, "bad-frame")
    entries = [b.counted(2) for _ in range(count)]
    note = utf8(b.counted(2), "bad-frame")
    b.end("bad-frame")
    return {"first": first, "entries": entries, "note": note, "length": r.at}

def segment_header(data):
    r = Reader(data)
    r.take(512)
    r.at = 0
    need(r.take(16) == b"countersign-seg\n", "bad-magic")
    need(r.uint(2) == 1, "bad-format")
    need(crc32c(data[:332]) == int.from_bytes(data[332:336], "big"), "bad-crc")
    length, name = r.uint(2), r.take(256)
    name, rest = utf8(name[:length], "bad-header"), name[length:]
    need(re.fullmatch(ORIGIN, name) and not any(rest), "bad-header")
    first, prev, nonce = r.uint(8), r.take(32), r.take(16)
    need(first < 2**63 and (prev == bytes(32)) == (first == 0), "bad-header")
    need(not any(data[336:512]), "bad-header")
    return {"origin": name, "first": first, "prev": prev, "nonce": nonce}

def head_slot(data, key):
    r = Reader(data)
    r.take(4096)
    r.at = 0
    need(r.take(8) == b"CSHEAD1\n", "bad-magic")
    length, crc = r.uint(4), r.uint(4)
    need(length <= 4080, "bad-head")
    b = Reader(r.take(length), "bad-head")
    need(crc32c(data[8:12] + b.data) == crc, "bad-crc")
    need(not any(data[r.at:4096]), "bad-head")
    size, time, last_leaf = b.uint(8), b.uint(8), b.take(32)
    segment, offset, count = b.uint(8), b.uint(8), b.uint(1)
    need(size < 2**63 and time < 2**63 and count == size.bit_count(), "bad-head")
    root = Tree(size, [b.take(32) for _ in range(count)]).root()
    note = utf8(b.counted(2), "bad-head")
    b.end("bad-head")
    signed = checkpoint(note, key)
    need((signed["size"], signed["root"]) == (size, root), "head-wrong-root")
    return {"size": size, "time": time, "last_leaf": last_leaf, "segment": segment,
            "offset": offset, "root": root, "note": note}

# Section 10: proofs, by the recursive definitions of RFC 6962, section 2.1.
def split(size):
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1

def root_of_path(hash, index, size, path):
    """The root that `path` leads to from the leaf hash at `index` of `size`."""
    if size == 1:
        need(not path, "proof-wrong-length")
        return hash
    need(path, "proof-wrong-length")
    left, rest, last = split(size), path[:-1], path[-1]
    if index < left:
        return node(root_of_path(hash, index, left, rest), last)
    return node(last, root_of_path(hash, index - left, size - left, rest))

def roots_of_path(old, new, path, known):
    """Old and new root by `path`; `known` is the old root while old is a whole left part."""
    if old == new:
        need(len(path) == (0 if known else 1), "proof-wrong-length")
        return (known, known) if known else (path[0], path[0])
    need(path, "proof-wrong-length")
    left, rest, last = split(new), path[:-1], path[-1]
    if old <= left:
        old_root, new_root = roots_of_path(old, left, rest, known)
        return old_root, node(new_root, last)
    old_root, new_root = roots_of_path(old - left, new - left, rest, None)
    return node(last, old_root), node(last, new_root)

def inclusion(hash, index, size, path, root):
    need(index < size, "proof-out-of-range")
    need(root_of_path(hash, index, size, path) == root, "proof-wrong-root")

def consistency(old, new, old_root, new_root, path):
    need(old <= new, "proof-out-of-range")
    if old == 0:  # RFC 6962 leaves it out: every tree begins with the empty one
        need(not path, "proof-wrong-length")
        need(old_root == Tree().root() and (new > 0 or new_root == old_root), "proof-wrong-root")
    else:
        roots = roots_of_path(old, new, path, old_root)
        need(roots == (old_root, new_root), "proof-wrong-root")

PROOF = re.compile(r"c2sp\.org/tlog-proof@v1\n(?:extra .*\n)?index (0|[1-9][0-9]*)\n"
                   r"((?:\S{44}\n){0,64})\n((?s:.*))")

def tlog_proof(text, hash, key):
    """A proof that travels as a file, for the leaf hash `hash` in the log of `key`."""
    match = PROOF.fullmatch(text)
    need(match and int(match[1]) < 2**63, "bad-proof")
    path = [unbase64(line, "bad-proof") for line in match[2].split()]
    need(all(len(step) == 32 for step in path), "bad-proof")
    signed = checkpoint(match[3], key)
    inclusion(hash, int(match[1]), signed["size"], path, signed["root"])
    return {"index": int(match[1]), "size": signed["size"], "root": signed["root"]}
