#!/usr/bin/env bash
# Stops what up.sh or cluster-up.sh started:  down.sh [DATADIR]
# With WIPE=1 the data directory is removed too.
source "$(dirname "$0")/../common.sh"
data=$(realpath -m "${1:-${KAFKA_DATA:-$CACHE/data/kafka}}")
stopping=()
for pidfile in "$data"/kafka*.pid; do
  stop "$pidfile" kafka.Kafka & stopping+=($!)
done
for pid in "${stopping[@]}"; do wait "$pid"; done
[[ -z ${WIPE:-} ]] || rm -rf "$data"
