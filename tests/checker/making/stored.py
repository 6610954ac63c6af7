"""Vectors of sections 7 and 8: frames and segment headers."""

from basics import leaf
from structures import crc32c

from .common import (
    FIRST,
    NONCE,
    ORIGIN,
    add,
    counted,
    grown,
    note,
    parts,
    record,
    sha256,
    uint,
)


# Frames, segment headers, head slots.
def frame(body, length=None, crc=None, padding=None, magic=b"CSMT"):
    length = uint(len(body) if length is None else length, 4)
    crc = crc32c(length + body) if crc is None else crc
    padding = bytes(-(12 + len(body)) % 8) if padding is None else padding
    return magic + length + uint(crc, 4) + body + padding


def frame_body(entries, first=7, count=None, note="note\n", nonce=NONCE):
    count = len(entries) if count is None else count
    note = note if isinstance(note, bytes) else note.encode()
    return (
        nonce
        + uint(first, 8)
        + uint(count, 4)
        + b"".join(counted(2, e) for e in entries)
        + counted(2, note)
    )


def frame_vectors():
    def good(name, what, entries, first, note, tail=b""):
        data = frame(frame_body(entries, first, note=note))
        bundle = b"".join(counted(2, e) for e in entries)
        add(
            f"frame/{name}",
            what,
            "frame",
            {"frame": parts(data + tail), "nonce": NONCE.hex()},
            "ok",
            {
                "first": first,
                "count": len(entries),
                "bundle_sha256": sha256(bundle).hex(),
                "note": note,
                "length": len(data),
            },
        )

    def bad(name, what, expect, data):
        add(f"frame/{name}", what, "frame", {"frame": parts(data), "nonce": NONCE.hex()}, expect)

    first = record(FIRST)
    second = record(index=1, prev=leaf(first), case=0)
    pair = [first, second]
    good("one", "One entry and its checkpoint.", [first], 0, note(1, leaf(first)))
    good("two", "Two entries.", pair, 0, note(2, grown(map(leaf, pair)).root()))
    good(
        "more-behind",
        "Zero bytes behind the frame are not part of it.",
        pair,
        0,
        "note\n",
        bytes(100),
    )
    good("no-padding", "A frame that ends on a multiple of 8.", [b"12345678"], 5, "ab")
    good("smallest", "A body of 32 bytes.", [b""], 0, "")
    good(
        "count-1024",
        "1,024 entries; a frame does not look into them.",
        [b""] * 1024,
        2**63 - 1025,
        "n",
    )
    for name, what, data in (
        ("end-zero", "A zero magic ends the data.", bytes(16)),
        ("end-nothing", "Nothing is left.", b""),
        ("end-3-bytes", "No room for a magic.", bytes(3)),
        (
            "end-zero-magic",
            "A zero magic ends the data, " "whatever is behind it.",
            bytes(4) + b"\xff" * 8,
        ),
    ):
        add(
            f"frame/{name}",
            what,
            "frame",
            {"frame": parts(data), "nonce": NONCE.hex()},
            "ok",
            {"end": True},
        )
    whole = frame_body(pair, 0)
    bad("magic", "Another magic.", "bad-magic", frame(whole, magic=b"CSMU"))
    bad(
        "magic-first-zero",
        "A magic that begins with zero.",
        "bad-magic",
        frame(whole, magic=b"\0SMT"),
    )
    bad("magic-before-length", "The magic is judged before missing bytes.", "bad-magic", b"CSMU")
    bad("cut-in-header", "Cut in the crc.", "truncated", frame(whole)[:11])
    bad("cut-in-body", "Cut in the body.", "truncated", frame(whole)[:100])
    bad("cut-in-padding", "Cut in the padding.", "truncated", frame(frame_body([b"1"]))[:-1])
    bad("length-31", "A length below the smallest.", "bad-frame-length", frame(whole[:31]))
    bad(
        "length-1310721",
        "A length above the largest.",
        "bad-frame-length",
        frame(whole, length=1310721),
    )
    bad(
        "length-1310720",
        "The largest length, and not so many bytes.",
        "truncated",
        frame(whole, length=1310720),
    )
    bad("length-ffffffff", "Length 2^32 - 1.", "bad-frame-length", frame(whole, length=2**32 - 1))
    bad("crc", "A wrong crc.", "bad-crc", frame(whole, crc=crc32c(uint(len(whole), 4) + whole) ^ 1))
    bad(
        "crc-without-length", "A crc of the body alone.", "bad-crc", frame(whole, crc=crc32c(whole))
    )
    flipped = bytearray(frame(whole))
    flipped[60] ^= 0x10
    bad("bit-flip", "One bit of an entry has flipped.", "bad-crc", bytes(flipped))
    bad(
        "nonce",
        "The nonce of another segment.",
        "foreign-frame",
        frame(frame_body(pair, 0, nonce=bytes(16))),
    )
    bad(
        "crc-before-nonce",
        "The crc is judged before the nonce.",
        "bad-crc",
        frame(frame_body(pair, 0, nonce=bytes(16)), crc=0),
    )
    for name, what, data in (
        ("count-0", "No entry.", frame_body([], note=b"1234")),
        ("count-1025", "1,025 entries.", frame_body([b""] * 1025)),
        ("first-too-high", "Size 2^63 after the frame.", frame_body([b"", b""], first=2**63 - 2)),
        (
            "first-highest",
            "first + count does not fit 64 bits.",
            frame_body([b"", b""], first=2**64 - 1),
        ),
        (
            "count-too-high",
            "One entry fewer than promised.",
            frame_body(pair, 0, count=3, note=b""),
        ),
        ("count-too-low", "One entry more than promised.", frame_body(pair, 0, count=1)),
        (
            "entry-past-end",
            "An entry that is longer than the body.",
            whole[:28] + b"\xff\xff" + whole[30:],
        ),
        (
            "note-past-end",
            "A note that is longer than the body.",
            frame_body(pair, 0, note=b"")[:-2] + b"\0\1",
        ),
        ("note-length-missing", "The body ends before note_len.", frame_body([b"1" * 32])[:-7]),
        ("note-not-utf8", "A note that is not UTF-8.", frame_body(pair, 0, note=b"\xff")),
        ("trailing-byte", "A byte after the note.", whole + b"\0"),
    ):
        bad(name, what, "bad-frame", frame(data))
    odd = frame_body([b"1"])
    bad(
        "length-before-crc",
        "The length is judged before the missing crc.",
        "bad-frame-length",
        frame(whole, length=0)[:8],
    )
    bad(
        "crc-before-padding",
        "The crc is judged before the missing padding.",
        "bad-crc",
        frame(odd, crc=0, padding=b""),
    )
    bad(
        "padding-before-nonce",
        "The padding is judged before the nonce.",
        "bad-frame",
        frame(frame_body([b"1"], nonce=bytes(16)), padding=b"\1" * (-(12 + len(odd)) % 8)),
    )
    bad(
        "padding",
        "Padding that is not zero.",
        "bad-frame",
        frame(odd, padding=bytes(-(12 + len(odd)) % 8 - 1) + b"\1"),
    )


def segment_header(
    magic=b"countersign-seg\n",
    form=1,
    origin=ORIGIN.encode(),
    length=None,
    fill=b"\0",
    first=7,
    prev=sha256(b"before"),
    rest=bytes(176),
    crc_xor=0,
):
    data = (
        magic
        + uint(form, 2)
        + uint(len(origin) if length is None else length, 2)
        + origin[:256].ljust(256, fill)
        + uint(first, 8)
        + prev
        + NONCE
    )
    return data + uint(crc32c(data) ^ crc_xor, 4) + rest


def segment_vectors():
    def case(name, what, data, expect="ok", value=None):
        add(f"segment/{name}", what, "segment", {"header": parts(data)}, expect, value)

    value = {"origin": ORIGIN, "first": 7, "prev": sha256(b"before").hex(), "nonce": NONCE.hex()}
    case("plain", "The header of a later segment.", segment_header(), value=value)
    case(
        "first",
        "The header of the first segment.",
        segment_header(first=0, prev=bytes(32)),
        value=value | {"first": 0, "prev": bytes(32).hex()},
    )
    case(
        "origin-255",
        "An origin of 255 bytes.",
        segment_header(origin=b"o" * 255),
        value=value | {"origin": "o" * 255},
    )
    case(
        "data-behind",
        "What is behind the header is not part of it.",
        segment_header() + b"CSMT",
        value=value,
    )
    for name, what, expect, data in (
        ("empty", "Nothing.", "truncated", b""),
        ("cut", "511 bytes.", "truncated", segment_header()[:511]),
        ("zero", "A segment that was only preallocated.", "bad-magic", bytes(512)),
        ("magic", "Another magic.", "bad-magic", segment_header(magic=b"countersign-seg\r")),
        ("format-0", "Format 0.", "bad-format", segment_header(form=0)),
        ("format-2", "Format 2.", "bad-format", segment_header(form=2)),
        (
            "format-before-crc",
            "The format is judged before the crc.",
            "bad-format",
            segment_header(form=2, crc_xor=1),
        ),
        ("crc", "A wrong crc.", "bad-crc", segment_header(crc_xor=1)),
        (
            "crc-before-origin",
            "The crc is judged before the fields.",
            "bad-crc",
            segment_header(origin=b"", crc_xor=1),
        ),
        ("origin-empty", "No origin.", "bad-header", segment_header(origin=b"")),
        ("origin-256", "An origin of 256 bytes.", "bad-header", segment_header(origin=b"o" * 256)),
        (
            "origin-length-ffff",
            "An origin longer than its field.",
            "bad-header",
            segment_header(length=65535),
        ),
        ("origin-plus", "An origin with a plus.", "bad-header", segment_header(origin=b"a+b")),
        (
            "origin-not-utf8",
            "An origin that is not text.",
            "bad-header",
            segment_header(origin=b"a\xff"),
        ),
        (
            "origin-fill",
            "Bytes after the origin that are not zero.",
            "bad-header",
            segment_header(fill=b"x"),
        ),
        (
            "origin-short",
            "origin_len leaves out a byte.",
            "bad-header",
            segment_header(length=len(ORIGIN) - 1),
        ),
        ("first-2-63", "first is 2^63.", "bad-header", segment_header(first=2**63)),
        (
            "prev-zero",
            "A later segment with a zero prev.",
            "bad-header",
            segment_header(prev=bytes(32)),
        ),
        ("prev-at-0", "The first segment with a prev.", "bad-header", segment_header(first=0)),
        (
            "rest",
            "The last byte of the header is not zero.",
            "bad-header",
            segment_header(rest=bytes(175) + b"\1"),
        ),
    ):
        case(name, what, data, expect)
