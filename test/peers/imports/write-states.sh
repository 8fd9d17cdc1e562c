#!/usr/bin/env bash
# Writes what Camus and Gobblin keep of a topic's positions, with Hadoop's own classes:
#   write-states.sh FOLDER TOPIC NEXT0 [NEXT1 ...]      FOLDER/camus is a history, FOLDER/gobblin a state store
source "$(dirname "$0")/../common.sh"
here=$PEERS/imports
jars hdfs
need javac openjdk-17-jdk-headless
classes=$CACHE/imports-$(cat "$here"/*.java | sha256sum | cut -c1-12)
[[ -d $classes ]] || { javac -nowarn -cp "$(jar_dir hdfs)/*" -d "$classes.part$$" "$here"/*.java && mv -T "$classes.part$$" "$classes" 2>/dev/null || [[ -d $classes ]]; }
exec java -Xmx128m -cp "$classes:$(jar_dir hdfs)/*" WriteStates "$@"
