#!/usr/bin/env bash
# Starts a real Apache Kafka: one node, broker and controller (KRaft), plain text on
# 127.0.0.1. Prints its address when it answers.
#   up.sh [PORT] [DATADIR]       (9092, $KAFKA_DATA or .peers/data/kafka)
# The controller listens on PORT+1. A DATADIR that holds a log already is reused.
# KAFKA_HEAP      heap, default 1g
# KAFKA_SECURE=1  further listeners on PORT+2 (SSL, wants a client certificate) and PORT+3 (SASL_SSL: PLAIN for alice with
#                 alice-secret, SCRAM for whom kafka-configs adds, OAUTHBEARER with unsecured tokens, sessions of 8 s);
#                 certificates in DATADIR/certificates
# KAFKA_EXTRA     a file of further server properties, appended (the last one wins); KAFKA_PROPERTIES: the lines themselves
source "$(dirname "$0")/../common.sh"
here=$PEERS/kafka
port=${1:-9092}
data=$(realpath -m "${2:-${KAFKA_DATA:-$CACHE/data/kafka}}")

jars kafka
mkdir -p "$data"
! alive "$data/kafka.pid" kafka.Kafka || die "a broker runs already in $data"
for p in 0 1 ${KAFKA_SECURE:+2 3}; do port_free $((port + p)); done

trap '[[ $? = 0 ]] || WIPE= "$here/down.sh" "$data"' EXIT  # no half-started server

cat >"$data/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
log.dirs=$data/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
P
if [[ -n ${KAFKA_SECURE:-} ]]; then
  "$here/certificates.sh" "$data/certificates"
  modules=org.apache.kafka.common.security
  cat >>"$data/server.properties" <<P
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),SSL://127.0.0.1:$((port + 2)),SASL_SSL://127.0.0.1:$((port + 3))
ssl.keystore.type=PEM
ssl.keystore.location=$data/certificates/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$data/certificates/ca.pem
listener.name.ssl.ssl.client.auth=required
connections.max.reauth.ms=8000
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config=$modules.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=$modules.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
P
fi
[[ -z ${KAFKA_EXTRA:-} ]] || cat "$KAFKA_EXTRA" >>"$data/server.properties"
[[ -z ${KAFKA_PROPERTIES:-} ]] || echo "$KAFKA_PROPERTIES" >>"$data/server.properties"
rm -f "$data/kafka.log"

java=("${JAVA[@]}" "-Xmx${KAFKA_HEAP:-1g}" "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$(jar_dir kafka)/*")
[[ -f $data/log/meta.properties ]] ||
  "${java[@]}" kafka.tools.StorageTool format --standalone -t "$("${java[@]}" kafka.tools.StorageTool random-uuid)" \
    -c "$data/server.properties" >"$data/format.log" 2>&1 || { cat "$data/format.log" >&2; die "format failed"; }

start "$data/kafka.pid" "$data/kafka.log" "${java[@]}" -Dpeers.log=INFO kafka.Kafka "$data/server.properties"
await 60 "$data/kafka.pid" kafka.Kafka "$data/kafka.log" grep -q 'Kafka Server started' "$data/kafka.log"
await 60 "$data/kafka.pid" kafka.Kafka "$data/kafka.log" port_open "$port"
echo "127.0.0.1:$port"
