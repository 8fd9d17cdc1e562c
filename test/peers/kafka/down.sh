#!/usr/bin/env bash
# Stops the broker that up.sh started:  down.sh [DATADIR]
# With WIPE=1 the data directory is removed too.
source "$(dirname "$0")/../common.sh"
data=$(realpath -m "${1:-${KAFKA_DATA:-$CACHE/data/kafka}}")
stop "$data/kafka.pid" kafka.Kafka
[[ -z ${WIPE:-} ]] || rm -rf "$data"
