"""Vectors of section 9: slots of the durable head."""

from basics import leaf
from structures import crc32c

from .common import ORIGIN, T0, VKEY, add, counted, grown, note, parts, uint


def head_slot(body, magic=b"CSHEAD1\n", length=None, crc_xor=0, fill=b"\0"):
    length = uint(len(body) if length is None else length, 4)
    return (magic + length + uint(crc32c(length + body) ^ crc_xor, 4) + body).ljust(4096, fill)


def head_vectors():
    leaves = [leaf(str(n).encode()) for n in range(11)]

    def body(size=11, time=T0, segment=4, offset=4096, hashes=None, count=None, text=None):
        tree = grown(leaves[:size])
        hashes = tree.hashes if hashes is None else hashes
        text = (
            (note(size, tree.root()) if text is None else text).encode()
            if not isinstance(text, bytes)
            else text
        )
        return (
            uint(size, 8)
            + uint(time, 8)
            + leaves[10]
            + uint(segment, 8)
            + uint(offset, 8)
            + uint(len(hashes) if count is None else count, 1)
            + b"".join(hashes)
            + counted(2, text)
        )

    def good(name, what, size, segment):
        root = grown(leaves[:size]).root()
        add(
            f"head/{name}",
            what,
            "head",
            {"slot": parts(head_slot(body(size, segment=segment))), "vkey": VKEY},
            "ok",
            {
                "size": size,
                "time": T0,
                "last_leaf": leaves[10].hex(),
                "segment": segment,
                "offset": 4096,
                "root": root.hex(),
                "note": note(size, root),
            },
        )

    good("plain", "A head of 11 entries: subtrees of 8, 2 and 1.", 11, 4)
    good("size-0", "The head of a log without entries.", 0, 0)
    good("one", "A head of one entry.", 1, 0)
    good("power-of-two", "A head of 8 entries: one subtree.", 8, 7)
    tree, short = grown(leaves), grown(leaves[:10])
    for name, what, expect, data in (
        ("cut", "4,095 bytes.", "truncated", head_slot(body())[:4095]),
        ("never-written", "A slot that was never written.", "bad-magic", bytes(4096)),
        ("magic", "Another magic.", "bad-magic", head_slot(body(), magic=b"CSHEAD2\n")),
        (
            "length-4081",
            "A length above the room there is.",
            "bad-head",
            head_slot(body(), length=4081),
        ),
        ("length-0", "An empty body.", "bad-head", head_slot(b"")),
        ("crc", "A wrong crc.", "bad-crc", head_slot(body(), crc_xor=1)),
        (
            "size-2-63",
            "Size 2^63, and a hash for its one bit.",
            "bad-head",
            head_slot(uint(2**63, 8) + body(8)[8:]),
        ),
        ("time-2-63", "Time 2^63.", "bad-head", head_slot(body(time=2**63))),
        (
            "count-too-high",
            "One hash more than bits in size.",
            "bad-head",
            head_slot(body(hashes=tree.hashes + [leaves[0]])),
        ),
        (
            "count-too-low",
            "One hash fewer than bits in size.",
            "bad-head",
            head_slot(body(hashes=tree.hashes[:-1])),
        ),
        (
            "count-lies",
            "The count is right, a hash is missing.",
            "bad-head",
            head_slot(body(hashes=tree.hashes[:-1], count=3, text="")),
        ),
        (
            "note-past-end",
            "A note that is longer than the body.",
            "bad-head",
            head_slot(body(text="")[:-2] + b"\1\0"),
        ),
        ("note-not-utf8", "A note that is not UTF-8.", "bad-head", head_slot(body(text=b"\xff"))),
        ("trailing-byte", "A byte after the note.", "bad-head", head_slot(body() + b"\0")),
        (
            "padding",
            "Bytes after the body that are not zero.",
            "bad-head",
            head_slot(body(), fill=b"\1"),
        ),
        ("note-empty", "No note.", "bad-note", head_slot(body(text=""))),
        (
            "note-form",
            "A note without signature.",
            "bad-note",
            head_slot(body(text=note(11, tree.root()).split("\n\n")[0] + "\n\n")),
        ),
        (
            "note-signature",
            "A note whose signature is wrong.",
            "bad-signature",
            head_slot(body(text=note(11, tree.root(), signature=bytes(64)))),
        ),
        (
            "note-of-other-origin",
            "The checkpoint of another log.",
            "wrong-origin",
            head_slot(body(text=note(11, tree.root()).replace(ORIGIN, "other.example"))),
        ),
        (
            "note-unsigned",
            "A note that somebody else signed.",
            "no-known-signature",
            head_slot(
                body(text=note(11, tree.root()).replace(f"\u2014 {ORIGIN}", "\u2014 other.example"))
            ),
        ),
        (
            "note-of-other-size",
            "The checkpoint of one entry fewer.",
            "head-wrong-root",
            head_slot(body(text=note(10, short.root()))),
        ),
        (
            "note-of-other-root",
            "The checkpoint of another root.",
            "head-wrong-root",
            head_slot(body(text=note(11, short.root()))),
        ),
        (
            "hashes-swapped",
            "The subtrees in the wrong order.",
            "head-wrong-root",
            head_slot(body(hashes=tree.hashes[::-1])),
        ),
        (
            "hash-changed",
            "A subtree of other entries.",
            "head-wrong-root",
            head_slot(body(hashes=[leaves[0]] + tree.hashes[1:])),
        ),
    ):
        add(f"head/{name}", what, "head", {"slot": parts(data), "vkey": VKEY}, expect)
