#!/usr/bin/env bash
# Unpacks Debian's rsyslog, syslog-ng and collectd into a folder each, side by side, and prints the folder that holds them:
#   fetch.sh        ->  $CACHE/recipes/{rsyslog,syslog-ng,collectd}/usr/...
# They are not installed: rsyslog and syslog-ng exclude each other, and nothing of the machine's own logging is touched.
# Run them with LD_LIBRARY_PATH=FOLDER/NAME/usr/lib/x86_64-linux-gnu.
source "$(dirname "$0")/../common.sh"

dir=$CACHE/recipes
declare -A wanted=(
  [rsyslog]="rsyslog rsyslog-kafka"
  [syslog-ng]="syslog-ng-core syslog-ng-mod-rdkafka syslog-ng-mod-http"
  [collectd]="collectd-core"
)

root=()
if [[ $(id -u) != 0 ]]; then need sudo sudo; root=(sudo); fi

unpack() {
  local name=$1 debs=$dir/$1.debs
  [[ ! -f $dir/$name/.done ]] || return 0
  need apt-get apt; need dpkg dpkg
  rm -rf "$debs" "${dir:?}/$name"
  mkdir -p "$debs/partial" "$dir/$name"
  # What they need and the machine does not have comes along.
  # shellcheck disable=SC2086
  "${root[@]}" apt-get install -y -q --no-install-recommends --download-only -o Dir::Cache::archives="$debs" \
    ${wanted[$name]} >&2 || die "apt-get could not fetch: ${wanted[$name]}"
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$dir/$name"; done
  rm -rf "$debs"
  touch "$dir/$name/.done"
}

fetch() {
  [[ -f $dir/rsyslog/.done && -f $dir/syslog-ng/.done && -f $dir/collectd/.done ]] && return 0
  "${root[@]}" apt-get update -q >&2 || die "apt-get update failed"
  for name in rsyslog syslog-ng collectd; do unpack "$name"; done
}

locked recipes fetch || exit 1
echo "$dir"
