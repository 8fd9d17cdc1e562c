#!/usr/bin/env bash
# Stops the S3 that up.sh started:  down.sh [DATADIR]
# With WIPE=1 the data directory is removed too.
source "$(dirname "$0")/../common.sh"
data=$(realpath -m "${1:-${S3_DATA:-$CACHE/data/s3}}")
stop "$data/s3.pid" serve.py
[[ -z ${WIPE:-} ]] || rm -rf "$data"
