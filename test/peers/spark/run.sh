#!/usr/bin/env bash
# Loads a Kafka topic into HDFS with Spark (load.py, whose options it passes on):
#   run.sh [--codec zstd] [--topic T] [--out DIR] ...       run.sh --help
#   run.sh install       only fetches PySpark and the jars
# The output and the checkpoint are removed first, unless KEEP=1 (to go on from there).
# HDFS: the one of $HDFS_DATA (.peers/data/hdfs). SPARK_HEAP: heap, default 2g.
source "$(dirname "$0")/../common.sh"
here=$PEERS/spark
jars spark
python=$(venv spark)
[[ ${1:-} != install ]] || exit 0
hdfs=$(realpath -m "${HDFS_DATA:-$CACHE/data/hdfs}")
[[ -d $hdfs/conf ]] || die "no HDFS in $hdfs: run hdfs/up.sh, or set HDFS_DATA"
if [[ -z ${KEEP:-} ]]; then
  out=/spark/out; check=/spark/checkpoint; args=("$@")
  for ((i = 0; i < $#; i++)); do
    case ${args[i]} in --out) out=${args[i + 1]} ;; --checkpoint) check=${args[i + 1]} ;; esac
  done
  HDFS_DATA=$hdfs "$PEERS/hdfs/dfs" -rm -r -f -skipTrash "$out" "$check" >/dev/null
fi
export HADOOP_CONF_DIR=$hdfs/conf SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$python
export PYSPARK_SUBMIT_ARGS="--driver-memory ${SPARK_HEAP:-2g} --driver-class-path $(printf '%s:' "$(jar_dir spark)"/*.jar) pyspark-shell"
export SPARK_CONF_DIR=$here/conf  # quiet logging
LOAD_START=$(date +%s.%N) exec "$python" "$here/load.py" "$@"
