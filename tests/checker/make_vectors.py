#!/usr/bin/env python3
"""Writes chain/vectors, always the same bytes: make_vectors.py DIR

What each vector must lead to is written here, next to how it is made, and never taken from a
program that reads it. The checker's own readers then have to agree, or nothing is written.
"""

import json
import pathlib
import sys

from making import entries, heads, proofs, signed, stored
from making.common import VECTORS


def main():
    for make in (
        entries.record_vectors,
        entries.name_vectors,
        entries.chain_vectors,
        signed.vkey_vectors,
        signed.checkpoint_vectors,
        stored.frame_vectors,
        stored.segment_vectors,
        heads.head_vectors,
        proofs.tree_vectors,
        proofs.inclusion_vectors,
        proofs.consistency_vectors,
        proofs.tlog_proof_vectors,
    ):
        make()
    folder = pathlib.Path(sys.argv[1])
    for old in folder.glob("*/*.json"):
        old.unlink()
    for name, vector in VECTORS.items():
        target = folder / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(vector, indent=1) + "\n", encoding="utf-8")
    refused = sum(vector["expect"] != "ok" for vector in VECTORS.values())
    print(f"{len(VECTORS)} vectors, {refused} of them refusals")


if __name__ == "__main__":
    main()
