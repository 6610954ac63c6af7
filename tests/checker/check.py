#!/usr/bin/env python3
"""Checks a log, or the vectors, by docs/format.md alone; it shares no code with the Rust crates.

check.py vectors DIR           every vector below DIR is judged as its file says
check.py log DIR --key VKEY    the data folder DIR of a log is intact under the key VKEY

Exit code 0: it is so. 1: it is not, each problem on a line. 2: it could not be checked.
Needs Python 3.11 and `pip install cryptography`. The format itself is in basics.py (sections 1 to 6
of docs/format.md) and structures.py (sections 7 to 10).
"""
import argparse, pathlib, sys

from basics import Refused, Tree, checkpoint, join, leaf, need, record, vkey
from structures import frame, head_slot, segment_header
from vectors import check_vectors

FRAME_MAX = 12 + 1310720 + 4  # with the padding

class Log:
    """What was read so far, where the reader stands, and what was wrong."""
    def __init__(self, key, heads):
        self.key, self.heads, self.tree, self.last = key, heads, Tree(), None
        self.where, self.problems = "", []

    def attempt(self, check, *args):
        """The result of the check, or None and one problem more."""
        try:
            return check(*args)
        except Refused as refusal:
            self.problems.append(f"{self.where}: {refusal}")
            return None

    def segment(self, path):
        """Reads one segment up to its end, or up to what is not a frame."""
        self.where = path.name
        data, at = path.read_bytes(), 512
        header = segment_header(data)
        self.attempt(self.follows, path.name, header)
        while found := frame(data[at:at + FRAME_MAX], header["nonce"]):
            self.commit(found)
            at += found["length"]
            self.compare_heads(header["first"], at)
            self.where = f"{path.name} offset {at}"
        need(not any(data[at:]), "dirty-tail")

    def follows(self, name, header):
        """Judges a segment header by its file name and by the entries before it."""
        need(name == f"{header['first']:020}.seg", "bad-header")
        need(header["origin"] == self.key["name"], "wrong-origin")
        need(header["first"] == self.tree.size, "index-gap")
        need(not self.last or header["prev"] == self.last["leaf"], "chain-broken")

    def commit(self, found):
        """Judges the entries of a frame and the checkpoint over all entries up to them."""
        place = self.where
        self.attempt(need, found["first"] == self.tree.size, "index-gap")
        for data in found["entries"]:
            self.where = f"{place} entry {self.tree.size}"
            if entry := self.attempt(record, data):
                self.attempt(join, self.tree.size, self.last, entry)
                self.last = entry
            self.tree.push(leaf(data))
        self.where = f"{place} checkpoint"
        if signed := self.attempt(checkpoint, found["note"], self.key):
            size = found["first"] + len(found["entries"])
            self.attempt(need, signed["size"] == size, "wrong-size")
            self.attempt(need, signed["root"] == self.tree.root(), "wrong-root")

    def compare_heads(self, segment, offset):
        """Marks the heads that say of the commit that ends here what is the case."""
        for head in self.heads:
            if head["size"] == self.tree.size and self.last:
                told = [head[name] for name in ("segment", "offset", "time", "last_leaf", "root")]
                head["true"] = told == [segment, offset, self.last["time"], self.last["leaf"],
                                        self.tree.root()]

    def judge_head(self, head):
        need(head["size"] <= self.tree.size, "log-cut")
        need(head["size"] == 0 or head.get("true"), "head-mismatch")

def read_heads(path, key):
    """The valid slots of the durable head."""
    data, heads = path.read_bytes() if path.exists() else b"", []
    for name, at in (("A", 0), ("B", 4096)):
        try:
            heads.append(head_slot(data[at:at + 4096], key))
        except Refused as refusal:
            print(f"note: head slot {name} is not valid ({refusal})")
    return heads

def check_log(folder, key):
    log = Log(key, read_heads(folder / "head", key))
    for path in sorted((folder / "segments").glob("*.seg")):
        log.attempt(log.segment, path)
    log.where = "head"
    log.attempt(need, log.heads, "head-mismatch")
    for head in log.heads:
        log.attempt(log.judge_head, head)
    for problem in log.problems:
        print(problem)
    if not log.problems:
        print(f"intact: {log.tree.size} entries, root {log.tree.root().hex()}")
    return 1 if log.problems else 0

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("vectors", "log"):
        command = commands.add_parser(name)
        command.add_argument("dir", type=pathlib.Path)
        if name == "log":
            command.add_argument("--key", required=True, type=vkey, metavar="VKEY")
    args = parser.parse_args()
    try:
        return check_log(args.dir, args.key) if args.command == "log" else check_vectors(args.dir)
    except OSError as error:
        print(f"could not check: {error}")
        return 2

if __name__ == "__main__":
    sys.exit(main())
