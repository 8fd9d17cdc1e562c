"""Reads local copies of tables as any pyarrow user does: pyarrow.dataset, the columns dt and hr found in the folders.
Prints one JSON line: an object with a member for each table.

    read_table.py TABLE[=LOG]... [--scan TABLE=COLUMN,FROM,TO]...

LOG is a file of lines "partition TAB offset TAB timestamp ms TAB key TAB JSON event" (bench/events.py): both are
compared as multisets. Without it the rows are printed. --scan: what a filter on a time (RFC 3339) has to read.
"""
import argparse
import datetime
import io
import json
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers/python"))
from shown import shown  # noqa: E402

INSTANT = pa.timestamp("ms", "UTC")
RECORD = pa.schema([("_partition", pa.int32()), ("_offset", pa.int64()), ("_timestamp", pa.int64()),
                    ("_key", pa.string()), ("value", pa.string())])
EVENT = pa.schema([("ts", pa.string()), ("user_id", pa.int64()), ("session_id", pa.string()), ("event", pa.string()),
                   ("url", pa.string()), ("country", pa.string()), ("device", pa.string()), ("amount", pa.float64())])
ORDER = [("_partition", "ascending"), ("_offset", "ascending")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--scan", action="append", default=[])
    arguments = parser.parse_args()
    results = {}
    scans = dict(text.split("=", 1) for text in arguments.scan)
    for folder, _, log in (text.partition("=") for text in arguments.tables):
        results[folder] = {"scan": scan(folder, *scans[folder].split(","))} if folder in scans else read(folder, log)
    print(json.dumps(results))


def read(folder, log):
    dataset = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    table = dataset.to_table()
    result = {"types": {field.name: str(field.type) for field in dataset.schema}}
    if log:
        result.update(compare(table, read_log(log)))
    else:
        rows = table.sort_by(ORDER).to_pylist(maps_as_pydicts="strict")
        result["rows"] = [{name: shown(value) for name, value in row.items()} for row in rows]
    return result


def scan(folder, column, begin, end):
    """Files by the values of their folders, row groups by the statistics in the footers: both before any row is read."""
    begin, end = (datetime.datetime.fromisoformat(text) for text in (begin, end))
    in_folders = (pc.field("dt") == begin.strftime("%Y-%m-%d")) & (pc.field("hr") == begin.hour)
    in_time = (pc.field(column) >= pa.scalar(begin, INSTANT)) & (pc.field(column) < pa.scalar(end, INSTANT))
    dataset = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    files = list(dataset.get_fragments(filter=in_folders & in_time))
    groups = [group for file in files for part in file.split_by_row_group(in_time) for group in part.row_groups]
    return {"files": len(files), "rowGroups": len(groups), "rowsRead": sum(group.num_rows for group in groups),
            "rows": dataset.count_rows(filter=in_folders & in_time)}


def compare(table, log):
    """Sorted by coordinates, two multisets are the same when the sorted columns are; a double row makes them longer."""
    log = log.sort_by(ORDER)
    table = table.select(log.column_names).sort_by(ORDER)
    different = [name for name in log.column_names if not table[name].cast(log[name].type).equals(log[name])]
    return {"records": log.num_rows, "rows": table.num_rows, "different": different}


def read_log(path):
    """The records with the columns that the table should have; the folder is what the event's own text says."""
    block = 1 << 26
    lines = pyarrow.csv.read_csv(
        path, read_options=pyarrow.csv.ReadOptions(column_names=RECORD.names, block_size=block),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=RECORD))
    text = io.BytesIO("\n".join(lines["value"].to_pylist()).encode())
    events = pyarrow.json.read_json(text, read_options=pyarrow.json.ReadOptions(block_size=block),
                                    parse_options=pyarrow.json.ParseOptions(explicit_schema=EVENT))
    log = {name: lines[name] for name in RECORD.names if name != "value"}
    log.update({name: events[name] for name in EVENT.names})
    log["dt"] = pc.utf8_slice_codeunits(log["ts"], 0, 10)
    log["hr"] = pc.utf8_slice_codeunits(log["ts"], 11, 13).cast(pa.int32())
    log["ts"] = log["ts"].cast(INSTANT)
    log["_timestamp"] = log["_timestamp"].cast(INSTANT)
    return pa.table(log)


main()
