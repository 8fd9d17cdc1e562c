# Shared helpers; sourced by the other scripts, not run.
set -euo pipefail
PEERS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Jars, Python environments, data sets and default data directories: nothing of it is committed.
CACHE=${SLUICE_PEERS_CACHE:-$(realpath -m "$PEERS/../../.peers")}
# How Java runs: ${PEERS_JAVA_OPTS} names what is good for servers and tools that end after a minute (C1 compiles in no time);
# without it they run as in production, as `npm run bench` needs it.
read -ra JAVA <<<"java ${PEERS_JAVA_OPTS--XX:+UseG1GC}"
MDP=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

die()  { echo "error: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || die "'$1' not found; install the package $2"; }

# locked NAME CMD...: runs CMD while no other process of this cache runs one under that NAME.
locked() {
  local name=$1; shift
  mkdir -p "$CACHE"
  (flock 9; "$@") 9>"$CACHE/.$name.lock"
}

# jar_dir NAME: where the jars of NAME/pom.xml belong; another pom is another folder, so servers
# that run keep theirs.
jar_dir() { echo "$CACHE/jars/$1-$(sha256sum "$PEERS/$1/pom.xml" | cut -c1-12)"; }

# jars NAME: copies the runtime class path of NAME/pom.xml to its jar_dir, once. Safe to call from
# several processes at the same time.
jars() { [[ -d $(jar_dir "$1") ]] || locked "jars-$1" fetch_jars "$1"; }
fetch_jars() {
  local lib; lib=$(jar_dir "$1")
  [[ ! -d $lib ]] || return 0
  need java openjdk-17-jdk-headless; need mvn maven
  rm -rf "$lib.part"
  mvn -q -B -Dstyle.color=never -f "$PEERS/$1/pom.xml" "$MDP:copy-dependencies" -DincludeScope=runtime \
    -DoutputDirectory="$lib.part" >&2 || die "Maven could not fetch the jars of $PEERS/$1/pom.xml"
  mv "$lib.part" "$lib"
}

# venv NAME: a Python environment with NAME/requirements.txt in it, once; prints its python.
venv() {
  local dir; dir=$CACHE/venv/$1-$(sha256sum "$PEERS/$1/requirements.txt" | cut -c1-12)
  [[ -f $dir/.done ]] || locked "venv-$1" make_venv "$dir" "$PEERS/$1/requirements.txt" || return 1
  echo "$dir/bin/python"
}
make_venv() {
  [[ ! -f $1/.done ]] || return 0
  need python3 python3-venv
  rm -rf "$1"
  { python3 -m venv "$1" && "$1/bin/pip" install -q --disable-pip-version-check -r "$2"; } >&2 || die "pip could not install $2"
  touch "$1/.done"
}

# alive PIDFILE WORD: true when that process runs and its command line has WORD
# (so that a recycled pid is never taken for ours).
alive() {
  local pid; pid=$(cat "$1" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

# start PIDFILE LOG CMD...: runs CMD detached from this shell; node.sh can run it again.
start() {
  local pidfile=$1 log=$2; shift 2
  printf '%q ' "$@" >"${pidfile%.pid}.cmd"
  setsid nohup "$@" >>"$log" 2>&1 </dev/null &
  echo $! >"$pidfile"
}

# await SECONDS PIDFILE WORD LOG TEST...: waits until TEST succeeds; fails at once
# when the process is gone, and shows the end of its log.
await() {
  local end=$((SECONDS + $1)) pidfile=$2 word=$3 log=$4; shift 4
  until "$@" >/dev/null 2>&1; do
    sleep 0.2
    kill -0 "$(cat "$pidfile")" 2>/dev/null || { tail -n 20 "$log" >&2; die "$word stopped while starting; log: $log"; }
    ((SECONDS < end)) || { tail -n 20 "$log" >&2; die "$word is not ready in time; log: $log"; }
  done
}

# stop PIDFILE WORD: TERM, then KILL after 30 s; quiet when it does not run.
stop() {
  local pidfile=$1 word=$2 pid i
  if alive "$pidfile" "$word"; then
    pid=$(cat "$pidfile"); kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 150; i++)); do alive "$pidfile" "$word" || break; sleep 0.2; done
    if alive "$pidfile" "$word"; then kill -9 "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$pidfile"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_free() { ! port_open "$1" || die "port $1 is in use"; }
