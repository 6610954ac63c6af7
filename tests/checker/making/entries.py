"""Vectors of sections 1, 2 and 4: records, principals, origins, the order of a log."""

from basics import leaf

from .common import FIRST, ORIGIN, PLAIN, T0, add, parts, record, root_of, sha256


def good_record(name, what, fields=None, **changes):
    f = (fields or PLAIN) | changes
    data = record(f)
    value = {key: one.hex() if key in ("prev", "idem") else one for key, one in f.items()}
    value |= {"actor": f["actor"].decode(), "via": f["via"].decode(), "leaf": leaf(data).hex()}
    value["payload_sha256"] = sha256(value.pop("payload")).hex()
    add(f"record/{name}", what, "record", {"record": parts(data)}, "ok", value)


def bad_record(name, what, expect, data=None, **changes):
    data = record(**changes) if data is None else data
    add(f"record/{name}", what, "record", {"record": parts(data)}, expect)


def record_vectors():
    good_record("plain", "A record with every field filled.")
    good_record("first", "Entry 0: prev is zero.", FIRST)
    good_record(
        "all-empty", "No via, no idempotency key, no payload.", via=b"", idem=b"", payload=b""
    )
    good_record("kind-159", "The highest kind.", kind=159)
    good_record("index-highest", "Index 2^63 - 1.", index=2**63 - 1)
    good_record("time-highest", "Time 2^63 - 1.", time=2**63 - 1)
    good_record("case-is-index", "The entry that opens its own case.", case=7)
    good_record("actor-255", "An actor of 255 bytes.", actor=b"user:" + b"a" * 250)
    good_record("actor-role-31", "A role of 31 characters.", actor=b"a" + b"-" * 30 + b":x")
    good_record(
        "actor-unicode", "A name with letters beyond ASCII.", actor="user:Zoë-東京".encode()
    )
    good_record("actor-colons", "Only the first colon ends the role.", actor=b"user:a:b:")
    good_record("via-ledger", "The ledger itself may be the via.", via=b"ledger")
    good_record("idem-64", "An idempotency key of 64 bytes that is not text.", idem=b"\xff" * 64)
    good_record("payload-49152", "The longest payload.", payload=b"p" * 49152)
    full = record()
    bad_record(
        "65535-bytes",
        "65,535 bytes are not too long; the excess is met at the end.",
        "trailing-bytes",
        full + bytes(65535 - len(full)),
    )
    bad_record(
        "65536-bytes",
        "65,536 bytes are too long, whatever else holds.",
        "record-too-long",
        full + bytes(65536 - len(full)),
    )
    bad_record(
        "too-long-first",
        "The length of the whole is judged before the version.",
        "record-too-long",
        b"\x02" * 65536,
    )
    bad_record("empty", "No byte at all.", "truncated", b"")
    for name, at in {
        "version": 1,
        "kind": 3,
        "index": 11,
        "time": 19,
        "prev": 51,
        "case": 59,
        "actor-length": 61,
        "actor": 70,
        "via": 84,
        "idem": 93,
        "payload-length": 99,
    }.items():
        bad_record(f"cut-in-{name}", f"Cut after {at} bytes.", "truncated", full[:at])
    bad_record("cut-last-byte", "The last byte of the payload is missing.", "truncated", full[:-1])
    bad_record("version-0", "Version 0.", "bad-version", version=0)
    bad_record("version-2", "Version 2.", "bad-version", version=2)
    bad_record("flags-1", "A flag is set.", "bad-flags", flags=1)
    bad_record("kind-0", "Kind 0.", "bad-kind", kind=0)
    bad_record("kind-160", "Kind 160.", "bad-kind", kind=160)
    bad_record("index-2-63", "Index 2^63.", "bad-index", index=2**63)
    bad_record("time-2-63", "Time 2^63.", "bad-time", time=2**63)
    bad_record("prev-zero", "Entry 7 with a zero prev.", "bad-prev", prev=bytes(32))
    bad_record(
        "prev-at-0", "Entry 0 with a prev.", "bad-prev", record(FIRST, prev=sha256(b"before"))
    )
    bad_record("case-above-index", "A case that opens later.", "bad-case", case=8)
    actors = {
        "empty": b"",
        "no-name": b"user:",
        "no-role": b":ada",
        "no-colon": b"ada",
        "role-upper-case": b"User:ada",
        "role-digit": b"user2:ada",
        "role-hyphen": b"-user:ada",
        "role-32": b"a" * 32 + b":x",
        "ledger-name": b"ledger:main",
        "ledger-upper": b"Ledger",
        "nul": b"user:a\0da",
        "newline": b"user:ada\n",
        "delete": b"user:a\x7fda",
        "c1-control": "user:a\x9fda".encode(),
        "space": b"user:ada l",
        "no-break-space": "user:ada\u00a0l".encode(),
        "line-separator": "user:\u2028".encode(),
        "ideographic-space": "user:ada\u3000".encode(),
        "not-utf8": b"user:\xff\xfe",
        "surrogate": b"user:\xed\xa0\x80",
        "overlong": b"user:\xc1\xa1",
    }
    for name, actor in actors.items():
        bad_record(f"actor-{name}", f"The actor {actor!r}.", "bad-actor", actor=actor)
    bad_record("actor-256", "An actor of 256 bytes.", "bad-actor", actor=b"user:" + b"a" * 251)
    bad_record("via-is-actor", "A via that is the actor.", "bad-via", via=PLAIN["actor"])
    bad_record("via-no-name", "A via without a name.", "bad-via", via=b"bot:")
    bad_record("via-not-utf8", "A via that is not UTF-8.", "bad-via", via=b"bot:\xc3")
    bad_record("via-256", "A via of 256 bytes.", "bad-via", via=b"bot:" + b"a" * 252)
    bad_record("idem-65", "An idempotency key of 65 bytes.", "bad-idem", idem=b"k" * 65)
    bad_record(
        "payload-49153", "A payload of 49,153 bytes.", "payload-too-long", payload=b"p" * 49153
    )
    bad_record("trailing-byte", "One byte too many.", "trailing-bytes", full + b"\0")
    head = full[:60]
    bad_record(
        "actor-past-end",
        "actor_len promises more than there is.",
        "truncated",
        head + b"\0\x20user:ada",
    )
    bad_record(
        "actor-length-256",
        "actor_len is above its limit and there is nothing behind it.",
        "bad-actor",
        head + b"\1\0",
    )
    bad_record(
        "via-length-ffff",
        "via_len is above its limit and there is nothing behind it.",
        "bad-via",
        full[:77] + b"\xff\xff",
    )
    bad_record(
        "idem-length-65",
        "idem_len is above its limit and there is nothing behind it.",
        "bad-idem",
        full[:88] + b"\0\x41",
    )
    bad_record(
        "payload-length-ffffffff",
        "payload_len is 2^32 - 1.",
        "payload-too-long",
        full[:98] + b"\xff\xff\xff\xff",
    )
    bad_record(
        "payload-past-end",
        "payload_len is allowed and more than there is.",
        "truncated",
        full[:98] + b"\0\0\xc0\0",
    )
    bad_record(
        "order-version-cut",
        "A wrong version is met before the missing bytes.",
        "bad-version",
        b"\2",
    )
    bad_record("order-flags-kind", "Flags come before kind.", "bad-flags", flags=9, kind=0)
    bad_record("order-kind-index", "Kind comes before index.", "bad-kind", kind=160, index=2**63)
    bad_record("order-index-time", "Index comes before time.", "bad-index", index=2**63, time=2**63)
    bad_record("order-prev-case", "prev comes before case.", "bad-prev", prev=bytes(32), case=9)
    bad_record("order-actor-via", "actor comes before via.", "bad-actor", actor=b"", via=b"x")
    bad_record(
        "order-actor-trailing",
        "Fields come before trailing bytes.",
        "bad-actor",
        record(actor=b"") + b"\0",
    )


def name_vectors():
    for name, text, role, rest in (
        ("ledger", "ledger", "ledger", ""),
        ("user", "user:ada@example.com", "user", "ada@example.com"),
        ("zero-width", "user:a\u200bb", "user", "a\u200bb"),
    ):
        add(
            f"principal/{name}",
            f"The principal {text!r}.",
            "principal",
            {"principal": text},
            "ok",
            {"role": role, "name": rest},
        )
    for name, text in (
        ("empty", ""),
        ("role-only", "user"),
        ("ledger-name", "ledger:x"),
        ("space-in-role", "us er:x"),
        ("tab", "user:a\tb"),
        ("en-quad", "user:a\u2000b"),
        ("next-line", "user:a\u0085"),
        ("256-bytes", "user:" + "é" * 125 + "x"),
    ):
        add(
            f"principal/{name}",
            f"The text {text!r:.40} is no principal.",
            "principal",
            {"principal": parts(text)},
            "bad-principal",
        )
    for name, text in (("plain", ORIGIN), ("one-byte", "x"), ("255-bytes", "o" * 255)):
        add(
            f"origin/{name}",
            "An origin.",
            "origin",
            {"origin": parts(text)},
            "ok",
            {"origin": text},
        )
    for name, text in (
        ("empty", ""),
        ("plus", "a+b"),
        ("space", "a b"),
        ("newline", "a\n"),
        ("delete", "a\x7f"),
        ("not-ascii", "lög"),
        ("256-bytes", "o" * 256),
    ):
        add(
            f"origin/{name}",
            f"The text {text!r:.40} is no origin.",
            "origin",
            {"origin": parts(text)},
            "bad-origin",
        )


def chain_vectors():
    def records(*changes):
        """Four entries; a change is (entry, fields), and later entries are built on it."""
        made, prev = [], bytes(32)
        for index in range(4):
            fields = (FIRST if index == 0 else PLAIN) | {
                "index": index,
                "time": T0 + index // 2,
                "prev": prev,
                "case": 0,
            }
            for entry, change in changes:
                fields |= change if entry == index else {}
            made.append(record(fields))
            prev = leaf(made[-1])
        return made

    def case(name, what, data, expect="ok"):
        leaves = [leaf(one) for one in data]
        value = {"size": len(data), "last_leaf": leaves[-1].hex(), "root": root_of(leaves).hex()}
        add(
            f"chain/{name}",
            what,
            "chain",
            {"records": [parts(one) for one in data]},
            expect,
            value if expect == "ok" else None,
        )

    good = records()
    case("four", "Four entries; time may stand still.", good)
    case("one", "Entry 0 alone.", good[:1])
    case(
        "prev-other",
        "prev of entry 2 is the leaf of entry 0.",
        records((2, {"prev": leaf(good[0])})),
        "chain-broken",
    )
    case(
        "prev-plain-hash",
        "prev is SHA-256 of the record without the leaf prefix.",
        records((1, {"prev": sha256(good[0])})),
        "chain-broken",
    )
    case(
        "entry-changed",
        "Entry 1 was replaced, entry 2 still names the old one.",
        [good[0], records((1, {"payload": b"forged"}))[1], *good[2:]],
        "chain-broken",
    )
    case("time-back", "Time goes back by 1 µs.", records((2, {"time": T0 - 1})), "time-went-back")
    case("index-missing", "Entry 1 is missing.", [good[0], good[2]], "wrong-index")
    case("index-twice", "Entry 1 comes twice.", [good[0], good[1], good[1]], "wrong-index")
    case(
        "order-swapped", "Entries 1 and 2 are swapped.", [good[0], good[2], good[1]], "wrong-index"
    )
    case(
        "index-jump", "Entry 3 says that it is entry 4.", records((3, {"index": 4})), "wrong-index"
    )
    case("begins-at-1", "The log begins with entry 1.", good[1:], "wrong-index")
    case("first-prev", "Entry 0 has a prev.", records((0, {"prev": sha256(b"x")})), "bad-prev")
    case("first-kind", "Entry 0 does not open the log.", records((0, {"kind": 140})), "not-opened")
    case("bad-record", "Entry 2 is no record.", [*good[:2], good[2][:-1]], "truncated")
    case(
        "order-index-prev",
        "The index is judged before prev.",
        records((2, {"index": 3, "prev": sha256(b"x")})),
        "wrong-index",
    )
    case(
        "order-prev-time",
        "prev is judged before time.",
        records((2, {"time": T0 - 1, "prev": sha256(b"x")})),
        "chain-broken",
    )
