#!/usr/bin/env bash
# Starts Debian's Redis on 127.0.0.1, with an append-only file; prints its address.
#   up.sh [PORT] [DATADIR]       (6379, $REDIS_DATA or .peers/data/redis; $REDIS_ARGS: further settings)
source "$(dirname "$0")/../common.sh"
port=${1:-6379}
data=$(realpath -m "${2:-${REDIS_DATA:-$CACHE/data/redis}}")
need redis-server redis-server
mkdir -p "$data"
! alive "$data/redis.pid" redis-server || die "Redis runs already in $data"
port_free "$port"
rm -f "$data/redis.log"
# With its command line as it is, node.sh knows the process again.
start "$data/redis.pid" "$data/redis.log" redis-server --bind 127.0.0.1 --port "$port" --dir "$data" --set-proc-title no --appendonly yes --save "" ${REDIS_ARGS:-}
await 20 "$data/redis.pid" redis-server "$data/redis.log" port_open "$port"
echo "127.0.0.1:$port"
