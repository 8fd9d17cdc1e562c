#!/usr/bin/env bash
# Fetches ahead of time what the other scripts would fetch at their first use, and (on Debian, as
# root or with sudo) the packages that they need:
#   install.sh [debian] [kafka] [hdfs] [parquet] [hive] [python] [serializers] [spark] [datasets] [node24] [recipes] [kerberos] [browser]
# Nothing named: all. What is there already costs nothing. A last line says what is missing.
source "$(dirname "$0")/common.sh"

# packages COMMAND=PACKAGE...: installs the packages whose commands are not there.
packages() {
  local missing=() pair root=()
  for pair; do command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}"); done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null || die "these are missing and there is no apt-get: ${missing[*]}"
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || die "these Debian packages are missing, and only root can install them: ${missing[*]}"
    root=(sudo)
  fi
  { "${root[@]}" apt-get update -q &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >&2 ||
    die "apt-get could not install: ${missing[*]}"
}

# python3 alone is not enough on Debian: ensurepip comes in a package of its own.
venv_module() { python3 -c 'import ensurepip' 2>/dev/null || packages no-such-command=python3-venv; }

# npm_packages NAME: the packages of NAME/package.json, in the cache.
npm_packages() {
  local dir; dir=$CACHE/$1
  need npm nodejs
  [[ -d $dir/node_modules ]] && cmp -s "$PEERS/$1/package.json" "$dir/package.json" && return 0
  mkdir -p "$dir"
  npm install --prefix "$dir" --no-save --no-package-lock --ignore-scripts --no-fund --no-audit --silent \
    $(jq -r '.dependencies | to_entries[] | "\(.key)@\(.value)"' "$PEERS/$1/package.json") >&2 ||
    die "npm could not install what test/peers/$1/package.json names"
  cp "$PEERS/$1/package.json" "$dir/package.json"
}

[[ $# -gt 0 ]] || set -- debian kerberos kafka hdfs parquet hive python serializers spark datasets node24 browser recipes s3
for part; do
  case $part in
    debian)
      packages javac=openjdk-17-jdk-headless mvn=maven curl=curl openssl=openssl jq=jq flock=util-linux python3=python3 \
        redis-server=redis-server kcat=kcat
      venv_module ;;
    kerberos) PATH=$PATH:/usr/sbin packages krb5kdc=krb5-kdc kadmin.local=krb5-admin-server kinit=krb5-user ;;
    kafka | hdfs | parquet | hive) jars "$part" ;;
    browser) packages chromium=chromium ;;
    python) venv python >/dev/null ;;
    serializers) venv serializers >/dev/null ;;
    s3) venv s3 >/dev/null ;;
    spark) "$PEERS/spark/run.sh" install ;;
    datasets | node24) locked "$part" npm_packages "$part" ;;
    recipes) "$PEERS/recipes/fetch.sh" >/dev/null ;;
    *) die "no such part: $part" ;;
  esac
  echo "$part: ready"
done
