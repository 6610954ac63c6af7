"""Readers of Parquet as judges: FOLDER/PRESET/VERSION holds events.jsonl, what was to be written,
and Parquet files of one class each.

pyarrow, DuckDB, Polars and chDB read every file. The rows, turned back into JSON without nulls,
must be the very events, in their order, with the types of OCSF, and pass the validator.
"""

import json
import sys
from pathlib import Path

import chdb
import duckdb
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

from ocsf_events import validate


def clean(value, name=""):
    """A row as the JSON that it was: no nulls, no objects without attributes, maps as objects."""
    if name == "unmapped" and isinstance(value, list):
        pairs = [(it["key"], it["value"]) if isinstance(it, dict) else it for it in value]
        return dict(pairs)
    if isinstance(value, dict):
        parts = {key: clean(part, key) for key, part in value.items()}
        parts = {key: part for key, part in parts.items() if part is not None}
        return parts or None
    if isinstance(value, list):
        return [clean(part) for part in value] or None
    return value


def with_pyarrow(path):
    return pyarrow.parquet.read_table(path, partitioning=None).to_pylist()


def with_duckdb(path):
    with duckdb.connect() as base:
        base.execute("set enable_progress_bar = false")
        query = "select * from read_parquet(?, hive_partitioning = false)"
        return base.execute(query, [str(path)]).to_arrow_table().to_pylist()


def with_polars(path):
    return polars.read_parquet(path, hive_partitioning=False).to_dicts()


def with_chdb(path):
    query = f"select * from file('{path}', Parquet) settings use_hive_partitioning = 0"
    return chdb.query(query, "ArrowTable").to_pylist()


READERS = {
    "pyarrow": with_pyarrow,
    "duckdb": with_duckdb,
    "polars": with_polars,
    "chdb": with_chdb,
}
LONG = {"type_uid", "time", "start_time", "end_time", "sequence", "created_time"}


def types(schema):
    """Numbers have the width of OCSF: timestamps, type_uid and sequence 64 bits, all others 32."""
    for field in schema:
        for part in pyarrow.schema([field]) if not pyarrow.types.is_struct(field.type) else field.type:
            if pyarrow.types.is_integer(part.type):
                wanted = pyarrow.int64() if part.name in LONG else pyarrow.int32()
                if part.type != wanted:
                    sys.exit(f"{part.name} is {part.type}")
    if not pyarrow.types.is_map(schema.field("unmapped").type):
        sys.exit("unmapped is not a map")


def main():
    read, files, checked = dict.fromkeys(READERS, 0), 0, 0
    for events in sorted(Path(sys.argv[1]).glob("*/*/events.jsonl")):
        version = events.parent.name
        wanted = {}
        for line in events.read_text("utf-8").split("\n"):
            if line:
                event = json.loads(line)
                wanted.setdefault(event["class_uid"], []).append(event)
        seen = set()
        for path in sorted(events.parent.rglob("*.parquet")):
            files += 1
            types(pyarrow.parquet.read_schema(path))
            for name, reader in READERS.items():
                rows = [clean(row) for row in reader(path)]
                uid = rows[0]["class_uid"]
                if rows != wanted[uid]:
                    for row, event in zip(rows, wanted[uid]):
                        if row != event:
                            sys.exit(f"{name} {path}:\n{row}\n{event}")
                    sys.exit(f"{name} {path}: {len(rows)} rows of {len(wanted[uid])}")
                seen.add(uid)
                read[name] += len(rows)
                for row in rows if name == "pyarrow" else []:
                    wrong = validate(row, version)
                    checked += 1
                    if wrong:
                        sys.exit(f"{path}: {wrong}")
        if seen != set(wanted):
            sys.exit(f"{events.parent}: classes {set(wanted) - seen} are not there")
        partitions(events.parent, sum(map(len, wanted.values())))
    counts = ", ".join(f"{count} by {name}" for name, count in read.items())
    print(f"counted: {files} files, rows read: {counts}; {checked} rows validated")


def partitions(folder, count):
    """What stands in the names of folders is found, and is no column of the files."""
    with duckdb.connect() as base:
        query = "select count(*) from read_parquet(?, union_by_name = true)"
        found = base.execute(query, [f"{folder}/**/*.parquet"]).fetchone()[0]
        if found != count:
            sys.exit(f"{folder}: {found} rows of {count}")
        if (folder / "ext").exists():
            query = """select distinct region, accountId, eventDay
                from read_parquet(?, union_by_name = true, hive_partitioning = true)"""
            found = base.execute(query, [f"{folder}/ext/**/*.parquet"]).fetchall()
            if [tuple(map(str, row)) for row in found] != [("eu-central-1", "external", "20260921")]:
                sys.exit(f"{folder}: {found}")


if __name__ == "__main__":
    main()
