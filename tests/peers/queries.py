"""Runs the queries of a page over Parquet files: queries.py PAGE FILES ANSWERS.

A block of SQL below a heading "## N." must give the rows of ANSWERS[N], in their order.
"""

import json
import re
import sys

import duckdb


def main():
    page, files, answers = sys.argv[1:]
    with open(answers, encoding="utf-8") as file:
        wanted = json.load(file)
    with open(page, encoding="utf-8") as file:
        parts = re.split(r"^## (\d+)\. ", file.read(), flags=re.M)[1:]
    base = duckdb.connect()
    base.execute(f"create view entries as select * from read_parquet('{files}')")
    rows = 0
    numbers = parts[::2]
    if sorted(numbers, key=int) != sorted(wanted, key=int):
        sys.exit(f"the page has the questions {numbers}, the answers are for {list(wanted)}")
    for number, text in zip(numbers, parts[1::2]):
        [query] = re.findall(r"^```sql\n(.*?)^```$", text, flags=re.M | re.S)
        found = [list(row) for row in base.execute(query).fetchall()]
        if found != wanted[number]:
            sys.exit(f"question {number}:\nfound    {found}\nexpected {wanted[number]}")
        rows += len(found)
    print(f"counted: {len(numbers)} questions answered with {rows} rows")


if __name__ == "__main__":
    main()
