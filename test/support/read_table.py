"""Reads a local copy of a table as any pyarrow user does: pyarrow.dataset, the columns dt and hr found in the folders.
Prints one JSON line.

    read_table.py TABLE [LOG]

LOG is a file of lines "partition TAB offset TAB timestamp ms TAB key TAB JSON event" (bench/events.py): both are
compared as multisets. Without it the rows are printed.
"""
import io
import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json

INSTANT = pa.timestamp("ms", "UTC")
RECORD = pa.schema([("_partition", pa.int32()), ("_offset", pa.int64()), ("_timestamp", pa.int64()),
                    ("_key", pa.string()), ("value", pa.string())])
EVENT = pa.schema([("ts", pa.string()), ("user_id", pa.int64()), ("session_id", pa.string()), ("event", pa.string()),
                   ("url", pa.string()), ("country", pa.string()), ("device", pa.string()), ("amount", pa.float64())])
ORDER = [("_partition", "ascending"), ("_offset", "ascending")]


def main():
    dataset = pyarrow.dataset.dataset(sys.argv[1], format="parquet", partitioning="hive")
    table = dataset.to_table()
    result = {"types": {field.name: str(field.type) for field in dataset.schema}}
    if len(sys.argv) > 2:
        result.update(compare(table, read_log(sys.argv[2])))
    else:
        rows = table.sort_by(ORDER).to_pylist()
        result["rows"] = [{name: shown(value) for name, value in row.items()} for row in rows]
    print(json.dumps(result))


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


def shown(value):
    if isinstance(value, bytes):
        return value.hex().upper()
    if type(value) is int and abs(value) > 2**53:
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


main()
