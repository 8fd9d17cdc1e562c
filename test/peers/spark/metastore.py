#!/usr/bin/env python3
"""A real Hive metastore (embedded, in memory) with two clients in front of it: Hive's own Driver for DDL, and Spark. Prints
`ready URL`; ends when its standard input does. Run by metastore.sh.

    PUT /hive, /spark   a file of statements, each with `;` behind it; answers with what they print, a row a line, cells
                        between tabs. The first that fails ends it: 500 and the message, as a client's exit code 1
    PUT /rows           one query for Spark; answers with a JSON array of its rows (shown.py)
"""
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from pyspark.sql import SparkSession

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))
from shown import shown  # noqa: E402

# Python is given instants as local times.
os.environ["TZ"] = "UTC"
time.tzset()
spark = (SparkSession.builder.master("local[1]").appName("metastore")
         .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
         .config("spark.sql.shuffle.partitions", "1").config("spark.sql.warehouse.dir", sys.argv[1])
         .config("spark.sql.session.timeZone", "Asia/Kathmandu")
         .config("spark.hadoop.javax.jdo.option.ConnectionURL", "jdbc:derby:memory:metastore;create=true")
         .config("spark.hadoop.datanucleus.schema.autoCreateAll", "true")
         .config("spark.hadoop.hive.metastore.schema.verification", "false")
         .enableHiveSupport().getOrCreate())
spark.sparkContext.setLogLevel("OFF")
system = spark._jvm.java.lang.System


def hive(statement):
    # Spark opens this way to Hive's Driver only while it is being tested itself.
    system.setProperty("spark.testing", "true")
    try:
        rows = spark._jsparkSession.sharedState().externalCatalog().unwrapped().client().runSqlHive(statement)
        return [rows.apply(i) for i in range(rows.size())]
    finally:
        system.clearProperty("spark.testing")


def spark_sql(statement):
    return ["\t".join("NULL" if cell is None else str(cell) for cell in row) for row in spark.sql(statement).collect()]


def answer(path, text):
    if path == "/rows":
        return json.dumps([shown(row.asDict(recursive=True)) for row in spark.sql(text).collect()])
    run = {"/hive": hive, "/spark": spark_sql}[path]
    # As simple clients do: at every semicolon, wherever it stands.
    statements = [part.strip() for part in text.split(";") if part.strip()]
    return "".join(f"{line}\n" for statement in statements for line in run(statement))


class Handler(BaseHTTPRequestHandler):
    def do_PUT(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            status, body = 200, answer("/" + self.path.split("/")[1], text)
        except Exception as error:  # whatever it is, the test has to see it
            status, body = 500, str(error).split("\n\tat ")[0]
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
hive("CREATE DATABASE IF NOT EXISTS lake")
print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
