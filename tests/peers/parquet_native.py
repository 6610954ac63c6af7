"""Reads a native Parquet file with pyarrow, DuckDB, Polars and chDB, and compares types, counts and values.

Usage: parquet_native.py FILE EXPECTED, where EXPECTED is JSON: rows, columns (name, type, nullable), kinds (number, name).
"""

import datetime
import hashlib
import json
import sys

import chdb
import duckdb
import polars
import pyarrow
import pyarrow.parquet

# The type as docs/export.md names it, and what each reader calls it.
TYPES = {
    "uint64": ("uint64", "UBIGINT", "UInt64", "UInt64"),
    "uint16": ("uint16", "USMALLINT", "UInt16", "UInt16"),
    "int32": ("int32", "INTEGER", "Int32", "Int32"),
    "string": ("string", "VARCHAR", "String", "String"),
    "bool": ("bool", "BOOLEAN", "Boolean", "Bool"),
    "binary": ("binary", "BLOB", "Binary", "String"),
    "fixed(32)": ("fixed_size_binary[32]", "BLOB", "Binary", "FixedString(32)"),
    "fixed(64)": ("fixed_size_binary[64]", "BLOB", "Binary", "FixedString(64)"),
    "timestamp(us, UTC)": (
        "timestamp[us, tz=UTC]",
        "TIMESTAMP WITH TIME ZONE",
        "Datetime(time_unit='us', time_zone='UTC')",
        "DateTime64(6, 'UTC')",
    ),
}


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: got {got!r}, expected {expected!r}")


def with_pyarrow(path, expected):
    table = pyarrow.parquet.read_table(path)
    check("pyarrow rows", table.num_rows, expected["rows"])
    check("pyarrow columns", table.column_names, [name for name, _, _ in expected["columns"]])
    for field, (name, kind, nullable) in zip(table.schema, expected["columns"]):
        check(f"pyarrow {name}", str(field.type), TYPES[kind][0])
        check(f"pyarrow {name} nullable", field.nullable, nullable)
    rows = table.to_pylist()
    for row in rows:
        leaf = hashlib.sha256(b"\0" + row["record"]).digest()
        check(f"leaf of {row['index']}", row["leaf"], leaf)
        json.loads(row["event"])
    file = pyarrow.parquet.ParquetFile(path)
    names = {key for key in file.metadata.metadata if key.startswith(b"countersign.")}
    check("metadata", len(names), 9)
    group = file.metadata.row_group(0)
    check("sorted by", [it.column_index for it in group.sorting_columns], [0])
    check("compression", group.column(0).compression, "ZSTD")
    return rows


def with_duckdb(path, expected, rows):
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    described = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    for (name, kind, *_), (wanted, type_, _) in zip(described, expected["columns"], strict=True):
        check("DuckDB column", name, wanted)
        check(f"DuckDB {name}", kind, TYPES[type_][1])
    counted = db.execute(
        'SELECT kind, name, count(*) FROM read_parquet(?) GROUP BY ALL ORDER BY kind', [path]
    ).fetchall()
    check("DuckDB kinds", counted, [(kind, name, 1) for kind, name in expected["kinds"]])
    asked = db.execute(
        """SELECT person, resource, "end" IS NULL, approvals FROM read_parquet(?)
           WHERE name = 'AccessRequested'""",
        [path],
    ).fetchall()
    check("DuckDB request", asked, [("ada", "orders-db", True, "security:1, team-leads:2")])
    reason = db.execute(
        "SELECT event->>'$.reason' FROM read_parquet(?) WHERE name = 'AccessRequested'", [path]
    ).fetchone()[0]
    of_column = [row["reason"] for row in rows if row["name"] == "AccessRequested"]
    check("DuckDB JSON", [reason], of_column)
    found = db.execute(
        'SELECT count(*) FROM read_parquet(?) WHERE "case" = 5 AND actor = ?',
        [path, "agent:db-prod-1"],
    ).fetchone()[0]
    check("DuckDB case", found, 2)


def with_polars(path, expected, rows):
    frame = polars.read_parquet(path)
    check("Polars shape", frame.shape, (expected["rows"], len(expected["columns"])))
    for (name, kind, _), (column, type_) in zip(expected["columns"], frame.schema.items()):
        check("Polars column", column, name)
        check(f"Polars {name}", str(type_), TYPES[kind][2])
    utc = datetime.timezone.utc
    for ours, theirs in zip(rows, frame.iter_rows(named=True), strict=True):
        for name, value in ours.items():
            other = theirs[name]
            if isinstance(value, datetime.datetime):
                value, other = value.astimezone(utc), other.astimezone(utc)
            check(f"Polars {name} of {ours['index']}", other, value)


def with_chdb(path, expected, rows):
    file = f"file('{path}', Parquet)"
    described = chdb.query(f"describe {file}", "JSONCompact").bytes()
    columns = [(name, kind) for name, kind, *_ in json.loads(described)["data"]]
    for (name, kind), (wanted, type_, nullable) in zip(columns, expected["columns"], strict=True):
        check("chDB column", name, wanted)
        type_ = TYPES[type_][3]
        check(f"chDB {name}", kind, f"Nullable({type_})" if nullable else type_)
    hashes = "index, hex(leaf), hex(record), person, `end`"
    read = chdb.query(f"select {hashes} from {file} order by index", "JSONCompact").bytes()
    for ours, theirs in zip(rows, json.loads(read)["data"], strict=True):
        end = ours["end"] and ours["end"].strftime("%Y-%m-%d %H:%M:%S.%f")
        texts = [ours["leaf"].hex().upper(), ours["record"].hex().upper(), ours["person"], end]
        check(f"chDB {ours['index']}", [int(theirs[0]), *theirs[1:]], [ours["index"], *texts])


def main():
    path, expected = sys.argv[1], json.loads(sys.argv[2])
    rows = with_pyarrow(path, expected)
    with_duckdb(path, expected, rows)
    with_polars(path, expected, rows)
    with_chdb(path, expected, rows)
    columns = len(expected["columns"])
    print(
        f"counted: {expected['rows']} kinds in {columns} columns, read by pyarrow "
        f"{pyarrow.__version__}, DuckDB {duckdb.__version__}, Polars {polars.__version__} "
        f"and chDB {chdb.__version__}"
    )


main()
