#!/usr/bin/env bash
# Reads tables on HDFS with Spark, and compares them with their logs (read.py, whose options it passes on):
#   read.sh --table /warehouse/activity --log /warehouse/activity=log.tsv        read.sh --help
# HDFS: the one of $HDFS_DATA (.peers/data/hdfs). SPARK_HEAP: heap, default 2g.
source "$(dirname "$0")/../common.sh"
here=$PEERS/spark
python=$(venv spark)
hdfs=$(realpath -m "${HDFS_DATA:-$CACHE/data/hdfs}")
[[ -d $hdfs/conf ]] || die "no HDFS in $hdfs: run hdfs/up.sh, or set HDFS_DATA"
export HADOOP_CONF_DIR=$hdfs/conf SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$python
export PYSPARK_SUBMIT_ARGS="--driver-memory ${SPARK_HEAP:-2g} --driver-java-options '${JAVA[*]:1}' pyspark-shell"
export SPARK_CONF_DIR=$here/conf  # quiet logging
exec "$python" "$here/read.py" "$@"
