"""Makes small logs, sound and damaged, and looks at what `check.py log` says of them.

python -m unittest test_log
"""
import contextlib, io, pathlib, tempfile, unittest

from basics import Tree, leaf, vkey
from check import check_log
from making.common import FIRST, PLAIN, T0, VKEY, counted, note, record, uint
from making.heads import head_slot
from making.stored import frame, frame_body, segment_header

# Commits of the log, by segment: two in the first, one in the second.
LAYOUT = (((0, 1), (1, 4)), ((4, 7),))

def records(changes):
    """Seven records; `changes` maps an entry to fields that differ, and later ones build on it."""
    made, prev = [], bytes(32)
    for index in range(7):
        plain = FIRST if index == 0 else PLAIN
        own = {"index": index, "time": T0 + index, "prev": prev, "case": 0}
        made.append(record(plain | own | changes.get(index, {})))
        prev = leaf(made[-1])
    return made

def files(made, layout=LAYOUT):
    """Path and bytes of each segment, and the head after the last commit."""
    tree, found, prev = Tree(), {}, bytes(32)
    for commits in layout:
        first = commits[0][0]
        data = segment_header(first=first, prev=prev)
        for start, end in commits:
            for one in made[start:end]:
                tree.push(leaf(one))
            data += frame(frame_body(made[start:end], start, note=note(end, tree.root())))
        prev = leaf(made[end - 1])
        found[f"segments/{first:020}.seg"] = data + bytes(4096)
    facts = uint(tree.size, 8) + uint(T0 + tree.size - 1, 8) + prev + uint(first, 8)
    body = facts + uint(len(data), 8) + uint(len(tree.hashes), 1) + b"".join(tree.hashes)
    slot = head_slot(body + counted(2, note(tree.size, tree.root()).encode()))
    return found | {"head": slot + bytes(4096)}

def check(contents, key=VKEY):
    """Exit code and lines of `check.py log` for a folder with these files."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()) as out:
        for path, data in contents.items():
            target = pathlib.Path(name, path)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
        return check_log(pathlib.Path(name), vkey(key)), out.getvalue().splitlines()

SECOND = f"segments/{4:020}.seg"

class Logs(unittest.TestCase):
    def assert_problem(self, contents, code):
        status, lines = check(contents)
        self.assertEqual(status, 1)
        self.assertTrue(any(line.endswith(f": {code}") for line in lines), (code, lines))

    def test_a_sound_log_is_intact(self):
        status, lines = check(files(records({})))
        tree = Tree()
        for one in records({}):
            tree.push(leaf(one))
        self.assertEqual(status, 0)
        self.assertEqual(lines[-1], f"intact: 7 entries, root {tree.root().hex()}")

    def test_entries_behind_the_head_are_fine(self):
        sound, short = files(records({})), files(records({}), LAYOUT[:1])
        self.assertEqual(check(sound | {"head": short["head"]})[0], 0)

    def test_a_torn_slot_leaves_the_other(self):
        sound = files(records({}))
        torn = sound["head"][:100] + bytes(3996) + sound["head"][:4096]
        self.assertEqual(check(sound | {"head": torn})[0], 0)

    def test_what_breaks_the_order_is_named(self):
        for changes, code in (({2: {"prev": leaf(b"other")}}, "chain-broken"),
                              ({4: {"prev": leaf(b"other")}}, "chain-broken"),
                              ({5: {"time": T0}}, "time-went-back"),
                              ({5: {"index": 6}}, "wrong-index"),
                              ({0: {"kind": 2}}, "not-opened"), ({3: {"kind": 0}}, "bad-kind")):
            self.assert_problem(files(records(changes)), code)

    def test_a_cut_log_is_named(self):
        sound, short = files(records({})), files(records({}), LAYOUT[:1])
        self.assert_problem(short | {"head": sound["head"]}, "log-cut")
        self.assert_problem(sound | {"head": b""}, "head-mismatch")

    def test_a_missing_segment_is_named(self):
        sound = files(records({}))
        self.assert_problem({SECOND: sound[SECOND], "head": sound["head"]}, "index-gap")

    def test_a_segment_under_another_name_is_named(self):
        sound = files(records({}))
        other = {name.replace("4.seg", "5.seg"): data for name, data in sound.items()}
        self.assert_problem(other, "bad-header")

    def test_a_dirty_tail_is_named(self):
        sound = files(records({}))
        self.assert_problem(sound | {SECOND: sound[SECOND][:-1] + b"\1"}, "dirty-tail")

    def test_a_head_that_lies_is_named(self):
        sound, other = files(records({})), files(records({5: {"payload": b"other"}}))
        self.assert_problem(sound | {"head": other["head"]}, "head-mismatch")

    def test_a_head_at_another_offset_is_named(self):
        sound, other = files(records({})), files(records({}), (((0, 7),),))
        self.assert_problem(sound | {"head": other["head"]}, "head-mismatch")

    def test_every_flipped_bit_of_a_segment_is_found(self):
        sound = files(records({}))
        for at in range(0, len(sound[SECOND]), 7):
            bad = bytearray(sound[SECOND])
            bad[at] ^= 1 << at % 8
            self.assertEqual(check(sound | {SECOND: bytes(bad)})[0], 1, at)

    def test_another_key_is_refused(self):
        other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
        self.assertEqual(check(files(records({})), other)[0], 1)

if __name__ == "__main__":
    unittest.main()
