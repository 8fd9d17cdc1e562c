#!/usr/bin/env python3
"""Reads tables as any Spark user does: spark.read.parquet(folder), the columns dt and hr found in the folders. The
session's time zone is far from UTC, so a time that is not an instant in UTC would show. Prints one JSON line: an object
with a member for each table. Run by read.sh.

--log FOLDER=FILE: lines "partition TAB offset TAB timestamp ms TAB key TAB JSON event" (bench/events.py); both are compared
as multisets. Without it the rows are printed. --schema FOLDER=DDL: the columns as a user declares them. --scan
FOLDER=CONDITION: what the condition has to read.
"""
import argparse
import json
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))
from shown import shown  # noqa: E402

ap = argparse.ArgumentParser()
ap.add_argument("--table", action="append", required=True, help="folder of a table on HDFS")
ap.add_argument("--log", action="append", default=[], help="FOLDER=FILE with what the table should hold")
ap.add_argument("--schema", action="append", default=[], help="FOLDER=DDL")
ap.add_argument("--scan", action="append", default=[], help="FOLDER=CONDITION")
ap.add_argument("--merge", action="store_true", help="take the columns of all files, not of one")
a = ap.parse_args()
logs, schemas, scans = (dict(text.split("=", 1) for text in pairs) for pairs in (a.log, a.schema, a.scan))

# Python is given instants as local times.
os.environ["TZ"] = "UTC"
time.tzset()
spark = (SparkSession.builder.master("local[2]").appName("read")
         .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
         .config("spark.sql.shuffle.partitions", "8").config("spark.sql.adaptive.enabled", "false")
         .config("spark.sql.session.timeZone", "Asia/Kathmandu").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")


def load(folder):
    reader = spark.read.option("mergeSchema", str(a.merge).lower())
    return (reader.schema(schemas[folder]) if folder in schemas else reader).parquet(folder)


def compare(table, log_file):
    event = ("ts string, user_id bigint, session_id string, event string, url string, "
             "country string, device string, amount double")
    lines = spark.read.csv("file://" + log_file, sep="\t", quote="", escape="",
                           schema="_partition int, _offset bigint, _timestamp bigint, _key string, value string")
    log = (lines.withColumn("e", F.from_json("value", event))
           .select("_partition", "_offset", (F.col("_timestamp") * 1000).alias("_timestamp"), "_key",
                   F.substring("e.ts", 1, 10).alias("dt"), F.substring("e.ts", 12, 2).alias("hr"), "e.*")
           .withColumn("ts", F.unix_micros(F.to_timestamp("ts"))))
    # Instants become microseconds since the epoch: what is compared no longer depends on a time zone.
    for field in table.schema.fields:
        if field.dataType.simpleString() == "timestamp":
            table = table.withColumn(field.name, F.unix_micros(field.name))
    # The folder is compared with the text in the event, so it has to be the hour in UTC.
    table = table.withColumn("dt", F.col("dt").cast("string")).withColumn("hr", F.lpad(F.col("hr").cast("string"), 2, "0"))
    rows, log = table.select(log.columns).cache(), log.cache()
    return {"records": log.count(), "rows": rows.count(),
            "missing": log.exceptAll(rows).count(), "unexpected": rows.exceptAll(log).count()}


def scan(table, condition):
    """Files by the values of their folders, row groups by the statistics in the footers, as Spark's own metrics count them."""
    chosen = table.where(condition).select("_offset")
    rows = len(chosen.collect())
    metrics = chosen._jdf.queryExecution().executedPlan().collectLeaves().apply(0).metrics()
    return {"files": metrics.get("numFiles").get().value(), "rowsRead": metrics.get("numOutputRows").get().value(), "rows": rows}


def read(folder):
    table = load(folder)
    result = {"types": {field.name: field.dataType.simpleString() for field in table.schema.fields}}
    if folder in scans:
        result["scan"] = scan(table, scans[folder])
    elif folder in logs:
        result.update(compare(table, logs[folder]))
    else:
        order = [name for name in ("_partition", "_offset") if name in table.columns]
        result["rows"] = [shown(row.asDict(recursive=True)) for row in table.orderBy(*order).collect()]
    return result


print(json.dumps({folder: read(folder) for folder in a.table}))
spark.stop()
