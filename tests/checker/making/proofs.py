"""Vectors of sections 3 and 10: trees, proofs, proofs as files."""

from .common import LEAVES, ORIGIN, VKEY, add, b64, between, note, parts, path, root_of


def tree_vectors():
    for size in [*range(9), 255, 256, 257]:
        add(
            f"tree/size-{size:03}",
            f"The root of {size} leaves.",
            "tree",
            {"size": size},
            "ok",
            {"root": root_of(LEAVES[:size]).hex()},
        )


def inclusion_vectors():
    def inclusion(name, what, expect, index, size, proof, root=None, hash=None):
        add(
            f"inclusion/{name}",
            what,
            "inclusion",
            {
                "leaf": (hash or LEAVES[index]).hex(),
                "index": index,
                "size": size,
                "proof": [h.hex() for h in proof],
                "root": (root or root_of(LEAVES[:size])).hex(),
            },
            expect,
        )

    for index, size in (
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (6, 7),
        (0, 8),
        (7, 8),
        (8, 9),
        (3, 9),
        (255, 256),
        (256, 257),
        (100, 257),
    ):
        inclusion(
            f"leaf-{index}-of-{size}",
            f"Leaf {index} of {size}.",
            "ok",
            index,
            size,
            path(index, LEAVES[:size]),
        )
    good, length, root, sizes = (
        path(4, LEAVES[:7]),
        "proof-wrong-length",
        "proof-wrong-root",
        "proof-out-of-range",
    )
    for name, what, *args in (
        ("missing-hash", "The last hash is missing.", length, 4, 7, good[:-1]),
        ("no-hash", "No hash.", length, 4, 7, []),
        ("extra-hash", "One hash too many.", length, 4, 7, good + [LEAVES[0]]),
        ("extra-at-one", "A hash where there is only one leaf.", length, 0, 1, [LEAVES[0]]),
        ("swapped", "Two hashes in the wrong order.", root, 4, 7, good[::-1]),
        ("index-is-size", "An index that is the size.", sizes, 7, 7, path(6, LEAVES[:7])),
        ("index-above", "An index above the size.", sizes, 9, 7, good),
        ("size-0", "A tree without leaves.", sizes, 0, 0, []),
        ("other-index", "The proof of the neighbour.", root, 5, 7, good),
        ("other-size", "The proof of another size.", length, 4, 9, good),
        ("size-2-63", "The largest size and a short proof.", length, 5, 2**63 - 1, good),
    ):
        inclusion(name, what, *args, root=root_of(LEAVES[:7]))
    inclusion(
        "same-shape",
        "Leaf 4 has a path of the same shape in 7 and 8 leaves; the checkpoint tells which.",
        "ok",
        4,
        8,
        good,
        root=root_of(LEAVES[:7]),
    )
    inclusion("other-leaf", "Another leaf.", root, 4, 7, good, hash=LEAVES[5])
    inclusion("other-root", "Another root.", root, 4, 7, good, root=LEAVES[0])
    inclusion(
        "node-as-leaf",
        "An inner node is passed off as a leaf.",
        length,
        2,
        4,
        [root_of(LEAVES[:2])],
        root=root_of(LEAVES[:4]),
        hash=root_of(LEAVES[2:4]),
    )


def consistency_vectors():
    length, root, sizes = "proof-wrong-length", "proof-wrong-root", "proof-out-of-range"

    def consistency(name, what, expect, old, new, proof, old_root=None, new_root=None):
        add(
            f"consistency/{name}",
            what,
            "consistency",
            {
                "old": old,
                "new": new,
                "old_root": (old_root or root_of(LEAVES[:old])).hex(),
                "new_root": (new_root or root_of(LEAVES[:new])).hex(),
                "proof": [h.hex() for h in proof],
            },
            expect,
        )

    for old, new in (
        (1, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (3, 7),
        (4, 7),
        (6, 8),
        (7, 8),
        (8, 8),
        (8, 9),
        (9, 16),
        (7, 16),
        (127, 128),
        (128, 129),
        (255, 257),
        (256, 257),
    ):
        consistency(
            f"{old}-to-{new}",
            f"From {old} to {new} leaves.",
            "ok",
            old,
            new,
            between(old, LEAVES[:new]),
        )
    good, whole = between(3, LEAVES[:7]), between(4, LEAVES[:7])
    consistency("0-to-7", "Every tree begins with the empty one.", "ok", 0, 7, [])
    consistency("0-to-0", "From nothing to nothing.", "ok", 0, 0, [])
    for name, what, *args in (
        ("missing-hash", "The last hash is missing.", length, 3, 7, good[:-1]),
        ("first-missing", "The first hash is missing.", length, 3, 7, good[1:]),
        ("extra-hash", "One hash too many.", length, 3, 7, good + [LEAVES[0]]),
        ("no-hash", "No hash.", length, 3, 7, []),
        (
            "extra-first",
            "The old root in front, where it is a whole subtree.",
            length,
            4,
            7,
            [root_of(LEAVES[:4])] + whole,
        ),
        ("swapped", "Hashes in the wrong order.", root, 3, 7, good[::-1]),
        ("other-old", "The proof of another old size.", root, 5, 7, good),
        ("other-new", "The proof of another new size.", root, 3, 8, good),
        ("old-above-new", "The tree shrank.", sizes, 7, 3, good),
        ("old-1-above-0", "The tree vanished.", sizes, 1, 0, []),
        ("old-0-with-hash", "From nothing, with a hash.", length, 0, 7, good),
        ("equal-with-hash", "Equal sizes with a hash.", length, 7, 7, [LEAVES[0]]),
    ):
        consistency(name, what, *args)
    consistency(
        "equal-other-root", "Equal sizes, other roots: a fork.", root, 7, 7, [], new_root=LEAVES[0]
    )
    consistency(
        "0-to-7-old-root",
        "Size 0 with a root that is not that of nothing.",
        root,
        0,
        7,
        [],
        old_root=LEAVES[0],
    )
    consistency(
        "0-to-0-new-root",
        "Size 0 twice, the second with another root.",
        root,
        0,
        0,
        [],
        new_root=LEAVES[0],
    )
    consistency(
        "0-to-0-both-roots",
        "Size 0 twice, with equal roots that are not that of nothing.",
        root,
        0,
        0,
        [],
        LEAVES[0],
        LEAVES[0],
    )
    consistency("other-old-root", "Another old root.", root, 3, 7, good, old_root=LEAVES[0])
    consistency("other-new-root", "Another new root.", root, 3, 7, good, new_root=LEAVES[0])


def tlog_proof_vectors():
    leaves, root = LEAVES[:7], root_of(LEAVES[:7])
    steps = "".join(b64(h) + "\n" for h in path(4, leaves))
    good = f"c2sp.org/tlog-proof@v1\nindex 4\n{steps}\n{note(7, root)}"

    def case(name, what, text, expect="bad-proof", hash=leaves[4], value=None):
        add(
            f"tlog-proof/{name}",
            what,
            "tlog-proof",
            {"proof": parts(text), "leaf": hash.hex(), "vkey": VKEY},
            expect,
            value,
        )

    value = {"index": 4, "size": 7, "root": root.hex()}
    case("plain", "Entry 4 of 7.", good, "ok", value=value)
    case(
        "one-entry",
        "The only entry needs no hash.",
        f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note(1, leaves[0])}",
        "ok",
        leaves[0],
        {"index": 0, "size": 1, "root": leaves[0].hex()},
    )
    many = "".join(b64(LEAVES[0]) + "\n" for _ in range(65))
    case("other-leaf", "The proof of another entry.", good, "proof-wrong-root", leaves[5])
    case("other-index", "Another index.", good.replace("index 4", "index 5"), "proof-wrong-root")
    case(
        "index-is-size",
        "An index that is the size.",
        good.replace("index 4", "index 7"),
        "proof-out-of-range",
    )
    case("header", "Another version.", good.replace("@v1", "@v2"))
    case("crlf", "Lines that end in CR LF.", good.replace("\n", "\r\n"))
    case(
        "extra-line",
        "An extra line is ignored.",
        good.replace("index", "extra AAAA\nindex"),
        "ok",
        value=value,
    )
    case(
        "two-extra-lines",
        "Two extra lines.",
        good.replace("index", "extra AAAA\nextra AAAA\nindex"),
    )
    case(
        "extra-after-index",
        "An extra line in the wrong place.",
        good.replace("index 4\n", "index 4\nextra AAAA\n"),
    )
    case("index-leading-zero", "An index with a leading zero.", good.replace("index 4", "index 04"))
    case("index-2-64", "An index of 2^64.", good.replace("index 4", f"index {2**64}"))
    case("index-2-63", "An index of 2^63.", good.replace("index 4", f"index {2**63}"))
    case("no-index", "No index.", good.replace("index 4\n", ""))
    case("hash-unpadded", "A hash without padding.", good.replace(steps, steps.replace("=", "", 1)))
    case("hash-31", "A hash of 31 bytes.", good.replace(steps, b64(bytes(31)) + "\n" + steps))
    case(
        "hash-missing", "A hash is missing.", good.replace(steps, steps[:-45]), "proof-wrong-length"
    )
    case(
        "64-hashes",
        "64 hashes are allowed by the form.",
        good.replace(steps, many[45:]),
        "proof-wrong-length",
    )
    case("65-hashes", "More hashes than any tree needs.", good.replace(steps, many))
    case("no-empty-line", "The empty line is missing.", good.replace(steps + "\n", steps))
    case("no-checkpoint", "The checkpoint is missing.", good.split("\n\n")[0] + "\n\n", "bad-note")
    case(
        "form-before-note",
        "The form is judged before the checkpoint.",
        good.replace("index 4", "index 04").replace(ORIGIN, "other.example"),
    )
    case(
        "note-before-path",
        "The checkpoint is judged before the path.",
        good.replace(steps, "").replace("7\n", "8\n"),
        "bad-signature",
    )
    case(
        "note-unsigned",
        "The checkpoint of somebody else.",
        good.replace(f"\u2014 {ORIGIN}", "\u2014 other.example"),
        "no-known-signature",
    )
    case(
        "wrong-origin",
        "The checkpoint of another log.",
        good.replace(ORIGIN, "other.example"),
        "wrong-origin",
    )
