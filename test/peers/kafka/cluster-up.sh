#!/usr/bin/env bash
# Starts a real Apache Kafka of three nodes: a quorum of three controllers, three brokers, everything replicated three times.
# Prints the brokers' addresses when all three answer.
#   cluster-up.sh [PORT] [DATADIR]       (9192, $KAFKA_DATA or .peers/data/kafka-cluster)
# Node i = 1..3: broker on PORT+2(i-1), controller on the port behind it, rack "rack-i"; servers kafka1..kafka3 for node.sh.
# KAFKA_HEAP         heap of each node, default 320m
# KAFKA_PROPERTIES   further server properties for all nodes, as lines
source "$(dirname "$0")/../common.sh"
here=$PEERS/kafka
port=${1:-9192}
data=$(realpath -m "${2:-${KAFKA_DATA:-$CACHE/data/kafka-cluster}}")

jars kafka
mkdir -p "$data"
voters=
for i in 1 2 3; do
  ! alive "$data/kafka$i.pid" kafka.Kafka || die "a broker runs already in $data"
  port_free $((port + 2 * i - 2)); port_free $((port + 2 * i - 1))
  voters=$voters${voters:+,}$i@127.0.0.1:$((port + 2 * i - 1))
done

trap '[[ $? = 0 ]] || WIPE= "$here/down.sh" "$data"' EXIT  # no half-started cluster

java=("${JAVA[@]}" "-Xmx${KAFKA_HEAP:-320m}" "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$(jar_dir kafka)/*")
[[ -f $data/cluster.id ]] || echo "A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)" >"$data/cluster.id"

format() { # I
  [[ -f $data/log$1/meta.properties ]] ||
    "${java[@]}" kafka.tools.StorageTool format -t "$(cat "$data/cluster.id")" -c "$data/server$1.properties" >"$data/format$1.log" 2>&1 ||
    { cat "$data/format$1.log" >&2; return 1; }
}
formats=()
for i in 1 2 3; do
  cat >"$data/server$i.properties" <<P
process.roles=broker,controller
node.id=$i
broker.rack=rack-$i
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$((port + 2 * i - 2)),CONTROLLER://127.0.0.1:$((port + 2 * i - 1))
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$data/log$i
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
unclean.leader.election.enable=false
replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector
broker.session.timeout.ms=6000
P
  [[ -z ${KAFKA_PROPERTIES:-} ]] || echo "$KAFKA_PROPERTIES" >>"$data/server$i.properties"
  format $i & formats+=($!)
done
for pid in "${formats[@]}"; do wait "$pid" || die "format failed"; done

for i in 1 2 3; do
  start "$data/kafka$i.pid" "$data/kafka$i.log" "${java[@]}" -Dpeers.log=INFO kafka.Kafka "$data/server$i.properties"
done
for i in 1 2 3; do
  await 120 "$data/kafka$i.pid" kafka.Kafka "$data/kafka$i.log" grep -q 'Kafka Server started' "$data/kafka$i.log"
  await 60 "$data/kafka$i.pid" kafka.Kafka "$data/kafka$i.log" port_open $((port + 2 * i - 2))
done
echo "127.0.0.1:$port,127.0.0.1:$((port + 2)),127.0.0.1:$((port + 4))"
