#!/usr/bin/env python3
"""Checks a proof that travels as a file, by docs/format.md alone.

proof.py PROOF RECORD VKEY    RECORD holds the bytes of the entry, as `countersign show --record` writes them

Exit code 0: the record is the entry of the log that the proof names. 1: it is not.
"""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "checker"))
from basics import Refused, leaf, need, record, vkey
from structures import tlog_proof

def main(proof, entry, key):
    data = pathlib.Path(entry).read_bytes()
    try:
        found = tlog_proof(pathlib.Path(proof).read_text(), leaf(data), vkey(key))
        need(record(data)["index"] == found["index"], "wrong-index")
    except Refused as refusal:
        sys.exit(f"refused: {refusal}")
    print(f"proved: entry {found['index']} of {found['size']}, root {found['root'].hex()}")

if __name__ == "__main__":
    main(*sys.argv[1:])
