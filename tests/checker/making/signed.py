"""Vectors of sections 5 and 6: keys and checkpoints."""

import curve
from basics import L, P, leaf

from .common import (
    KEY,
    ORIGIN,
    SEED,
    VKEY,
    add,
    b64,
    body,
    grown,
    key_id,
    line,
    note,
    parts,
    sha256,
    uint,
    vkey,
)


def vkey_vectors():
    for name, who in (("plain", ORIGIN), ("name-255", "n" * 255)):
        add(
            f"vkey/{name}",
            "A key.",
            "vkey",
            {"vkey": vkey(KEY, who)},
            "ok",
            {"name": who, "id": key_id(who, KEY).hex(), "key": KEY.hex()},
        )
    mixed = curve.public(SEED, curve.TORSION[1])
    add(
        "vkey/mixed-order",
        "A key with a part of order 8 is not of small order.",
        "vkey",
        {"vkey": vkey(mixed)},
        "ok",
        {"name": ORIGIN, "id": key_id(ORIGIN, mixed).hex(), "key": mixed.hex()},
    )
    for n, point in enumerate(curve.TORSION):
        add(
            f"vkey/small-order-{n}",
            f"Multiple {n} of a point of order 8.",
            "vkey",
            {"vkey": vkey(curve.encode(point))},
            "weak-key",
        )
    wild = next(p for p in map(curve.with_y, range(2, 19)) if p)
    off = next(y for y in range(2, 100) if not curve.with_y(y))
    for name, what, key in (
        ("y-plus-p", "A point of large order, encoded with y + P.", curve.encode(wild, add_p=True)),
        ("identity-plus-p", "The neutral point, encoded with y + P.", uint(P + 1, 32)[::-1]),
        ("minus-zero", "The neutral point with the sign of x set.", uint(1 | 1 << 255, 32)[::-1]),
        ("not-a-point", "No point of the curve has this y.", uint(off, 32)[::-1]),
    ):
        add(f"vkey/{name}", what, "vkey", {"vkey": vkey(key)}, "weak-key")
    name, hex_id, text = VKEY.split("+", 2)
    other = "00000000"
    add(
        "vkey/other-id",
        "A key id of something else.",
        "vkey",
        {"vkey": f"{name}+{other}+{text}"},
        "bad-key-id",
    )
    add(
        "vkey/id-of-other-name",
        "The key id belongs to the key under another name.",
        "vkey",
        {"vkey": f"other.example+{hex_id}+{text}"},
        "bad-key-id",
    )
    add(
        "vkey/order-id-weak",
        "The key id is judged before the point.",
        "vkey",
        {"vkey": f"{name}+{other}+{b64(bytes([1, 1]) + bytes(31))}"},
        "bad-key-id",
    )
    bad = {
        "empty": "",
        "two-parts": f"{name}+{hex_id}",
        "no-name": vkey(KEY, ""),
        "name-space": vkey(KEY, "a b"),
        "name-256": vkey(KEY, "n" * 256),
        "name-not-ascii": vkey(KEY, "lög"),
        "id-upper": f"{name}+{hex_id.upper()}+{text}",
        "id-7-digits": f"{name}+{hex_id[1:]}+{text}",
        "id-9-digits": f"{name}+0{hex_id}+{text}",
        "type-2": vkey(KEY, kind=2),
        "type-4": vkey(KEY, kind=4),
        "key-31": vkey(KEY[:31]),
        "key-33": vkey(KEY + b"\0"),
        "base64-unpadded": vkey(KEY[:31]).rstrip("="),
        "base64-padding": VKEY + "=",
        "base64-cut": VKEY[:-1],
        "base64-newline": VKEY + "\n",
        "base64-url": vkey(b"\xff" * 32).replace("/", "_"),
    }
    assert hex_id != hex_id.upper()
    for case, vector in bad.items():
        add(
            f"vkey/{case}",
            f"Not of the form of a vkey: {case}.",
            "vkey",
            {"vkey": parts(vector)},
            "bad-vkey",
        )


def checkpoint_vectors():
    root = grown([leaf(b"0"), leaf(b"1")]).root()
    text = body(2, root)
    value = {"origin": ORIGIN, "size": 2, "root": root.hex()}
    ours, other_seed = line(text), sha256(b"another key")
    other = curve.public(other_seed)
    witness = line(text, "witness.example", other, other_seed)
    junk = f"\u2014 junk {b64(b'12345')}\n"

    def case(name, what, text, expect="ok", value=value, key=VKEY):
        add(
            f"checkpoint/{name}",
            what,
            "checkpoint",
            {"note": parts(text), "vkey": key},
            expect,
            value if expect == "ok" else None,
        )

    case("plain", "A checkpoint with the log's signature.", text + "\n" + ours)
    empty = sha256(b"")
    case(
        "size-0",
        "Size 0 is written as 0.",
        note(0, empty),
        value=value | {"size": 0, "root": empty.hex()},
    )
    case("size-highest", "Size 2^63 - 1.", note(2**63 - 1, root), value=value | {"size": 2**63 - 1})
    case("witness-after", "An unknown signature after ours.", text + "\n" + ours + witness)
    case("witness-before", "An unknown signature before ours.", text + "\n" + witness + ours)
    case("unknown-short", "An unknown signature of a single byte.", text + "\n" + junk + ours)
    case("64-signatures", "64 signature lines.", text + "\n" + junk * 63 + ours)
    case(
        "signer-delete",
        "A signer's name with U+007F, which signed-note allows.",
        text + "\n" + ours + line(text, "a\x7fb"),
    )
    case("ours-twice", "The same right signature twice.", text + "\n" + ours * 2)
    case(
        "our-name-other-key",
        "A signature under our name and an id that is not known.",
        text + "\n" + line(text, ORIGIN, other, other_seed) + ours,
    )
    bad = {
        "65-signatures": ("65 signature lines.", text + "\n" + junk * 64 + ours),
        "65536-bytes": (
            "A note of 65,536 bytes.",
            text
            + "\n"
            + ours
            + f"\u2014 {'n' * (65536 - len((text + ours).encode()) - 14)} MTIzNDU=\n",
        ),
        "empty": ("No text at all.", ""),
        "no-signature": ("No signature line.", text + "\n"),
        "no-empty-line": ("The empty line is missing.", text + ours),
        "two-empty-lines": ("Two empty lines.", text + "\n\n" + ours),
        "crlf": ("Lines that end in CR LF.", (text + "\n" + ours).replace("\n", "\r\n")),
        "no-last-newline": ("The last newline is missing.", (text + "\n" + ours)[:-1]),
        "line-after": ("A line after the signatures that is none.", text + "\n" + ours + "end\n"),
        "hyphen": ("A hyphen for the dash.", text + "\n" + ours.replace("\u2014", "-")),
        "two-spaces": (
            "Two spaces after the name.",
            text + "\n" + ours.replace(ORIGIN, ORIGIN + " "),
        ),
        "signer-plus": ("A signer's name with a plus.", text + "\n" + ours + line(text, "a+b")),
        "signer-white-space": (
            "A signer's name with a no-break space.",
            text + "\n" + ours + line(text, "a\u00a0b"),
        ),
        "signer-control": (
            "A signer's name with a control character.",
            text + "\n" + ours + line(text, "a\x01b"),
        ),
        "signature-base64": (
            "Base64 with a character outside of its alphabet.",
            text + "\n" + ours + "\u2014 x MTIz*DU=\n",
        ),
        "signature-unused-bits": (
            "Base64 whose unused bits are not zero.",
            text + "\n" + ours + "\u2014 x MTIzNDV=\n",
        ),
        "signature-4-bytes": (
            "A signature line with a key id only.",
            text + "\n" + ours + "\u2014 x MTIzNA==\n",
        ),
    }
    forms = {
        "leading-zero": ("A size with a leading zero.", f"{ORIGIN}\n02\n{b64(root)}\n"),
        "size-plus": ("A size with a sign.", f"{ORIGIN}\n+2\n{b64(root)}\n"),
        "size-empty": ("No size.", f"{ORIGIN}\n\n{b64(root)}\n"),
        "size-other-digits": (
            "A size in digits that are not ASCII.",
            f"{ORIGIN}\n\u0662\n{b64(root)}\n",
        ),
        "size-2-63": ("Size 2^63.", body(2**63, root)),
        "size-2-64": ("Size 2^64.", body(2**64, root)),
        "root-31": ("A root of 31 bytes.", body(2, root[:31])),
        "root-33": ("A root of 33 bytes.", body(2, root + b"\0")),
        "root-unpadded": ("A root without padding.", text.replace("=", "")),
        "root-unused-bits": (
            "A root whose unused bits are not zero.",
            f"{ORIGIN}\n2\n{b64(root)[:-2]}{'ABCD'['AEIM'.find(b64(root)[-2])]}=\n",
        ),
        "extension": ("An extension line.", text + "extension 1\n"),
        "no-root": ("No root.", f"{ORIGIN}\n2\n"),
        "no-origin": ("An empty origin.", body(2, root, "")),
        "origin-space": ("An origin with a space.", body(2, root, "a b")),
        "origin-not-ascii": ("An origin beyond ASCII.", body(2, root, "lög")),
    }
    for name, (what, data) in bad.items():
        case(name, what, data, "bad-note")
    for name, (what, data) in forms.items():
        case(name, what, data + "\n" + line(data), "bad-note")
    case(
        "wrong-origin",
        "Another origin, rightly signed.",
        body(2, root, "other.example") + "\n" + line(body(2, root, "other.example")),
        "wrong-origin",
    )
    case(
        "wrong-origin-bad-signature",
        "The origin is judged before signatures.",
        body(2, root, "other.example") + "\n" + ours,
        "wrong-origin",
    )
    case(
        "unknown-only", "Signed by somebody else only.", text + "\n" + witness, "no-known-signature"
    )
    case(
        "our-name-only",
        "Our name, but another key's id.",
        text + "\n" + line(text, ORIGIN, other, other_seed),
        "no-known-signature",
    )
    case(
        "our-id-only",
        "Our key's id under another name.",
        text + "\n" + ours.replace(ORIGIN, "other.example"),
        "no-known-signature",
    )
    for name, what, data in (
        (
            "root-changed",
            "The root is another than the signed one.",
            body(2, sha256(b"x")) + "\n" + ours,
        ),
        ("size-changed", "The size is another than the signed one.", body(3, root) + "\n" + ours),
        (
            "right-and-wrong",
            "One right and one wrong signature under the key.",
            text + "\n" + ours + line(text, signature=bytes(64)),
        ),
        (
            "signature-63",
            "A signature of 63 bytes.",
            text + "\n" + line(text, signature=curve.sign(SEED, KEY, text.encode())[:63]),
        ),
        (
            "signature-65",
            "A signature of 65 bytes.",
            text + "\n" + line(text, signature=curve.sign(SEED, KEY, text.encode()) + b"\0"),
        ),
    ):
        case(name, what, data, "bad-signature")
    strict_vectors(case, text)


def strict_vectors(case, text):
    """Signatures on which tolerant verifiers disagree."""
    message, signed = text.encode(), curve.sign(SEED, KEY, text.encode())
    high_s = signed[:32] + (int.from_bytes(signed[32:], "little") + L).to_bytes(32, "little")
    order_8 = curve.TORSION[1]
    neutral, neutral_p = curve.encode(curve.IDENTITY), uint(P + 1, 32)[::-1]
    for name, what, signature in (
        ("s-plus-l", "S + L satisfies the equation and is not canonical.", high_s),
        (
            "r-neutral",
            "R is the neutral point and the equation holds.",
            curve.sign(SEED, KEY, message, 0, r=neutral),
        ),
        (
            "r-neutral-plus-p",
            "R is the neutral point, encoded with y + P.",
            curve.sign(SEED, KEY, message, 0, r=neutral_p),
        ),
        (
            "r-order-8",
            "R is of order 8 and the equation holds with the cofactor.",
            curve.sign(SEED, KEY, message, 0, order_8),
        ),
        (
            "r-mixed-order",
            "The equation holds with the cofactor only.",
            curve.sign(SEED, KEY, message, 5, order_8),
        ),
    ):
        case(name, what, text + "\n" + line(text, signature=signature), "bad-signature")
    mixed = curve.public(SEED, order_8)
    fits = {}
    for nonce in range(1, 200):  # k divisible by 8 makes the part of order 8 vanish
        signature = curve.sign(SEED, mixed, message, nonce)
        fits.setdefault(curve.challenge(signature[:32], mixed, message) % 8 == 0, signature)
    case(
        "key-mixed-order",
        "A key with a part of order 8 that vanishes in the equation.",
        text + "\n" + line(text, key=mixed, signature=fits[True]),
        key=vkey(mixed),
    )
    case(
        "key-mixed-order-cofactor",
        "The same key; the equation holds with the cofactor only.",
        text + "\n" + line(text, key=mixed, signature=fits[False]),
        "bad-signature",
        key=vkey(mixed),
    )
