#!/usr/bin/env bash
# Stops every server that up.sh started:  down.sh [DATADIR]
# With WIPE=1 the data directory is removed too.
source "$(dirname "$0")/../common.sh"
data=$(realpath -m "${1:-${HDFS_DATA:-$CACHE/data/hdfs}}")
for f in httpfs dn nn journal kdc; do
  for pid in "$data/$f"*.pid; do
    [[ ! -f $pid ]] || stop "$pid" "$data"
  done
done
[[ -z ${WIPE:-} ]] || rm -rf "$data"
