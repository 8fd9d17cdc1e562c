#!/usr/bin/env bash
# Starts moto's S3 on 127.0.0.1; prints its address. Any credentials do, and what it holds is gone with it.
#   up.sh [PORT] [DATADIR]       (9000, $S3_DATA or .peers/data/s3)
source "$(dirname "$0")/../common.sh"
port=${1:-9000}
data=$(realpath -m "${2:-${S3_DATA:-$CACHE/data/s3}}")
python=$(venv s3)
mkdir -p "$data"
! alive "$data/s3.pid" serve.py || die "S3 runs already in $data"
port_free "$port"
rm -f "$data/s3.log"
start "$data/s3.pid" "$data/s3.log" "$python" "$PEERS/s3/serve.py" "$port" "$data"
await 120 "$data/s3.pid" serve.py "$data/s3.log" port_open "$port"
echo "127.0.0.1:$port"
