#!/usr/bin/env bash
# A real Hive metastore with Hive's DDL and Spark in front of it (metastore.py), for one test:
#   metastore.sh FOLDER     its scratch; prints `ready URL`, ends when its standard input is closed
source "$(dirname "$0")/../common.sh"
here=$PEERS/spark
jars hive
python=$(venv spark)
export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$python SPARK_CONF_DIR=$here/conf
options="${JAVA[*]:1} -Dderby.system.home=$1 -Dderby.stream.error.file=$1/derby.log"
export PYSPARK_SUBMIT_ARGS="--driver-memory 1g --driver-class-path $(printf '%s:' "$(jar_dir hive)"/*.jar) --driver-java-options '$options' pyspark-shell"
cd "$1"
exec "$python" "$here/metastore.py" "$1"
