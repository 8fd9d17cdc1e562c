#!/usr/bin/env bash
# Stops the Redis that up.sh started:  down.sh [DATADIR]
# With WIPE=1 the data directory is removed too.
source "$(dirname "$0")/../common.sh"
data=$(realpath -m "${1:-${REDIS_DATA:-$CACHE/data/redis}}")
stop "$data/redis.pid" redis-server
[[ -z ${WIPE:-} ]] || rm -rf "$data"
