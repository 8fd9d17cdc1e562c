#!/usr/bin/env python3
"""Reads a table as any Spark user does: spark.read.parquet(folder), the columns dt and hr found in
the folders. The session's time zone is far from UTC, so a time that is not an instant in UTC would
show. Prints one JSON line. Run by read.sh.

With --log, a file of lines "partition TAB offset TAB timestamp ms TAB key TAB JSON event"
(bench/events.py), both are compared as multisets; without it the rows are printed.
"""
import argparse
import json

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ap = argparse.ArgumentParser()
ap.add_argument("--table", required=True, help="folder of the table on HDFS")
ap.add_argument("--log", help="local file with what the table should hold")
ap.add_argument("--merge", action="store_true", help="take the columns of all files, not of one")
a = ap.parse_args()

spark = (SparkSession.builder.master("local[2]").appName("read")
         .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
         .config("spark.sql.shuffle.partitions", "8").config("spark.sql.jsonGenerator.ignoreNullFields", "false")
         .config("spark.sql.session.timeZone", "Asia/Kathmandu").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")

table = spark.read.option("mergeSchema", str(a.merge).lower()).parquet(a.table)
result = {"types": {field.name: field.dataType.simpleString() for field in table.schema.fields}}
COORDINATES = ["_partition", "_offset", "_timestamp", "_key", "dt", "hr"]

# Instants become microseconds since the epoch: what is compared no longer depends on a time zone.
for name, kind in result["types"].items():
    if kind == "timestamp":
        table = table.withColumn(name, F.unix_micros(name))
# The folder is compared with the text in the event, so it has to be the hour in UTC.
table = table.withColumn("dt", F.col("dt").cast("string")).withColumn("hr", F.lpad(F.col("hr").cast("string"), 2, "0"))

if a.log:
    event = ("ts string, user_id bigint, session_id string, event string, url string, "
             "country string, device string, amount double")
    lines = spark.read.csv("file://" + a.log, sep="\t", quote="", escape="",
                           schema="_partition int, _offset bigint, _timestamp bigint, _key string, value string")
    log = (lines.withColumn("e", F.from_json("value", event))
           .select("_partition", "_offset", (F.col("_timestamp") * 1000).alias("_timestamp"), "_key",
                   F.substring("e.ts", 1, 10).alias("dt"), F.substring("e.ts", 12, 2).alias("hr"), "e.*")
           .withColumn("ts", F.unix_micros(F.to_timestamp("ts"))))
    rows = table.select(log.columns).cache()
    log = log.cache()
    result["records"], result["rows"] = log.count(), rows.count()
    result["missing"], result["unexpected"] = log.exceptAll(rows).count(), rows.exceptAll(log).count()
else:
    fields = [name for name in table.columns if name not in COORDINATES]
    table = table.orderBy("_partition", "_offset").select(
        *COORDINATES, *[F.hex(name).alias(name) if result["types"][name] == "binary" else F.col(name).cast("string").alias(name)
                        for name in fields])
    result["rows"] = [json.loads(row) for row in table.toJSON().collect()]
print(json.dumps(result))
spark.stop()
