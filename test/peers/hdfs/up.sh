#!/usr/bin/env bash
# Starts real HDFS servers on 127.0.0.1 with WebHDFS over http; prints the URLs when
# HDFS is out of safe mode and every DataNode has registered.
#   up.sh [BASEPORT] [DATADIR]      (9870, $HDFS_DATA or .peers/data/hdfs)
# Ports: BASE NameNode http, +1 its rpc; +2 and +3 the same of the second NameNode;
#   +4 and +5 JournalNode rpc and http; +6 HttpFS; +7 KDC;
#   +10, +11, +12 DataNode http, data, ipc; +13... of the next DataNode.
# A DATADIR that holds a name space already is reused.
#   HDFS_DATANODES=N  number of DataNodes, default 1 (replication: N, at most 3)
#   HDFS_HA=1         two NameNodes and a JournalNode; nn1 is made active; fail over
#                     with `hdfs haadmin -failover nn1 nn2`; file system hdfs://peers
#   HDFS_HTTPFS=1     an HttpFS gateway as well
#   HDFS_KERBEROS=1   Kerberos (its own KDC from Debian's krb5-kdc); use the name
#                     localhost in URLs then; keytab of user alice: DATADIR/alice.keytab
#   HDFS_TLS=1        https only, with a CA of its own that also signs the clients' certificate, which is
#                     asked for: DATADIR/tls/{ca,client}.pem, client.key (another CA: other-ca.pem)
#   HDFS_HEAP         heap of each server, default 512m
#   HDFS_EXTRA        a file of further "name value" lines for the site files
source "$(dirname "$0")/../common.sh"
here=$PEERS/hdfs
base=${1:-9870}
data=$(realpath -m "${2:-${HDFS_DATA:-$CACHE/data/hdfs}}")
nodes=${HDFS_DATANODES:-1}
user=$(id -un)
realm=PEERS.TEST
host=127.0.0.1; [[ -z ${HDFS_KERBEROS:-}${HDFS_TLS:-} ]] || host=localhost
scheme=http; [[ -z ${HDFS_TLS:-} ]] || scheme=https
need curl curl
jars hdfs

nns=(nn1); [[ -z ${HDFS_HA:-} ]] || nns=(nn1 nn2)
for p in "$base" $((base + 1)) $((base + 10)) $((base + 11)); do port_free "$p"; done
rm -f "$data"/*.log
trap '[[ $? = 0 ]] || WIPE= "$here/down.sh" "$data"' EXIT  # no half-started servers

# The published jars have no web pages, yet the servers insist on these folders.
mkdir -p "$data"/conf/webapps/{hdfs,datanode,journal,static}

# Lines of "name value" on standard input, as Hadoop's XML.
site() {
  echo '<?xml version="1.0"?><configuration>'
  while read -r name value; do
    [[ -z $name ]] || echo "<property><name>$name</name><value>$value</value></property>"
  done
  echo '</configuration>'
}

# ---- certificates ------------------------------------------------------------
tls=()
if [[ -n ${HDFS_TLS:-} ]]; then
  need openssl openssl
  mkdir -p "$data/tls"
  (
    cd "$data/tls"
    for ca in ca other-ca; do
      openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.pem -days 30 -subj "/CN=peers $ca"
    done
    for who in server client; do
      openssl req -newkey rsa:2048 -nodes -keyout $who.key -out $who.csr -subj "/CN=$who"
      openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $who.pem -days 30 \
        -extfile <(echo "subjectAltName=DNS:localhost")
      openssl pkcs12 -export -in $who.pem -inkey $who.key -out $who.p12 -passout pass:peersecret
    done
    keytool -importcert -noprompt -alias ca -file ca.pem -keystore trust.p12 -storetype PKCS12 -storepass peersecret
  ) >"$data/tls.log" 2>&1 || { tail -n 5 "$data/tls.log" >&2; die "no certificates; log: $data/tls.log"; }
  for side in server client; do
    site >"$data/conf/ssl-$side.xml" <<P
ssl.$side.keystore.location $data/tls/$side.p12
ssl.$side.keystore.password peersecret
ssl.$side.keystore.keypassword peersecret
ssl.$side.keystore.type pkcs12
ssl.$side.truststore.location $data/tls/trust.p12
ssl.$side.truststore.password peersecret
ssl.$side.truststore.type pkcs12
P
  done
  tls=(--cacert "$data/tls/ca.pem" --cert "$data/tls/client.pem" --key "$data/tls/client.key")
fi

# ---- site files -------------------------------------------------------------
site >"$data/conf/core-site.xml" <<P
fs.defaultFS hdfs://$([[ -n ${HDFS_HA:-} ]] && echo peers || echo "$host:$((base + 1))")
hadoop.tmp.dir $data/tmp
hadoop.proxyuser.$user.hosts *
hadoop.proxyuser.$user.groups *
$([[ -z ${HDFS_KERBEROS:-} ]] || cat <<K
hadoop.security.authentication kerberos
hadoop.security.authorization true
hadoop.proxyuser.hdfs.hosts *
hadoop.proxyuser.hdfs.groups *
hadoop.proxyuser.HTTP.hosts *
hadoop.proxyuser.HTTP.groups *
hadoop.http.authentication.type kerberos
hadoop.http.authentication.kerberos.principal HTTP/localhost@$realm
hadoop.http.authentication.kerberos.keytab $data/hdfs.keytab
K
)
$([[ -z ${HDFS_EXTRA:-} ]] || cat "$HDFS_EXTRA")
${HDFS_PROPERTIES:-}
P
site >"$data/conf/hdfs-site.xml" <<P
dfs.replication $((nodes < 3 ? nodes : 3))
dfs.namenode.name.dir file://$data/name
dfs.datanode.data.dir file://$data/blocks
dfs.journalnode.edits.dir $data/journal
dfs.datanode.hostname $host
dfs.client.use.datanode.hostname true
dfs.namenode.safemode.extension 0
dfs.webhdfs.enabled true
$([[ -z ${HDFS_TLS:-} ]] || cat <<T
dfs.http.policy HTTPS_ONLY
dfs.client.https.need-auth true
hadoop.ssl.require.client.cert true
T
)
$(if [[ -n ${HDFS_HA:-} ]]; then cat <<H
dfs.nameservices peers
dfs.ha.namenodes.peers nn1,nn2
dfs.namenode.rpc-address.peers.nn1 $host:$((base + 1))
dfs.namenode.$scheme-address.peers.nn1 $host:$base
dfs.namenode.rpc-address.peers.nn2 $host:$((base + 3))
dfs.namenode.$scheme-address.peers.nn2 $host:$((base + 2))
dfs.namenode.shared.edits.dir qjournal://$host:$((base + 4))/peers
dfs.journalnode.rpc-address $host:$((base + 4))
dfs.journalnode.http-address $host:$((base + 5))
dfs.client.failover.proxy.provider.peers org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider
dfs.ha.fencing.methods shell(/bin/true)
dfs.ha.automatic-failover.enabled false
H
else cat <<H
dfs.namenode.rpc-address $host:$((base + 1))
dfs.namenode.$scheme-address $host:$base
H
fi)
$([[ -z ${HDFS_KERBEROS:-} ]] || cat <<K
dfs.block.access.token.enable true
dfs.namenode.kerberos.principal hdfs/localhost@$realm
dfs.namenode.keytab.file $data/hdfs.keytab
dfs.datanode.kerberos.principal hdfs/localhost@$realm
dfs.datanode.keytab.file $data/hdfs.keytab
dfs.journalnode.kerberos.principal hdfs/localhost@$realm
dfs.journalnode.keytab.file $data/hdfs.keytab
dfs.journalnode.kerberos.internal.spnego.principal HTTP/localhost@$realm
dfs.web.authentication.kerberos.principal HTTP/localhost@$realm
dfs.web.authentication.kerberos.keytab $data/hdfs.keytab
ignore.secure.ports.for.testing true
K
)
$([[ -z ${HDFS_EXTRA:-} ]] || cat "$HDFS_EXTRA")
${HDFS_PROPERTIES:-}
P
cat >"$data/conf/log4j.properties" <<'P'
log4j.rootLogger=${hadoop.root.logger}
hadoop.root.logger=WARN,err
log4j.appender.err=org.apache.log4j.ConsoleAppender
log4j.appender.err.target=System.err
log4j.appender.err.layout=org.apache.log4j.PatternLayout
log4j.appender.err.layout.ConversionPattern=%d %p %c{2}: %m%n
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
P

# ---- a KDC of our own -------------------------------------------------------
krb=() spnego=()
if [[ -n ${HDFS_KERBEROS:-} ]]; then
  PATH=$PATH:/usr/sbin
  need krb5kdc krb5-kdc; need kadmin.local krb5-admin-server; need kinit krb5-user
  cat >"$data/krb5.conf" <<P
[libdefaults]
  default_realm = $realm
  dns_lookup_kdc = false
  rdns = false
  udp_preference_limit = 1
[realms]
  $realm = {
    kdc = 127.0.0.1:$((base + 7))
  }
P
  cat >"$data/kdc.conf" <<P
[kdcdefaults]
  kdc_listen = 127.0.0.1:$((base + 7))
  kdc_tcp_listen = 127.0.0.1:$((base + 7))
[realms]
  $realm = {
    database_name = $data/kdc.db
    key_stash_file = $data/kdc.stash
    acl_file = $data/kdc.acl
  }
P
  export KRB5_CONFIG=$data/krb5.conf KRB5_KDC_PROFILE=$data/kdc.conf
  if [[ ! -f $data/alice.keytab ]]; then
    kdb5_util create -s -r $realm -P peers >"$data/kdc.log" 2>&1 || die "no Kerberos database; log: $data/kdc.log"
    for p in hdfs/localhost HTTP/localhost alice; do
      keytab=hdfs; [[ $p != alice ]] || keytab=alice
      kadmin.local -q "addprinc -randkey $p" >>"$data/kdc.log" 2>&1
      kadmin.local -q "ktadd -k $data/$keytab.keytab $p" >>"$data/kdc.log" 2>&1
    done
  fi
  start "$data/kdc.pid" "$data/kdc.log" env KRB5_CONFIG="$KRB5_CONFIG" KRB5_KDC_PROFILE="$KRB5_KDC_PROFILE" \
    krb5kdc -n -P "$data/kdc.pid"
  await 20 "$data/kdc.pid" krb5kdc "$data/kdc.log" port_open $((base + 7))
  # this script itself acts as the super-user, with a ticket in a file of its own
  export KRB5CCNAME=$data/hdfs.ticket; kinit -kt "$data/hdfs.keytab" hdfs/localhost
  spnego=(--negotiate -u :)
  krb=("-Djava.security.krb5.conf=$data/krb5.conf")
fi

# ---- servers ----------------------------------------------------------------
# --add-opens: without it WebHDFS answers 500 on Java 17 (its JAXB opens java.lang).
java=("${JAVA[@]}" "-Xmx${HDFS_HEAP:-512m}" --add-opens java.base/java.lang=ALL-UNNAMED -Djava.net.preferIPv4Stack=true -Dhadoop.root.logger=INFO,err "${krb[@]}" -cp "$data/conf:$(jar_dir hdfs)/*")
ns=org.apache.hadoop.hdfs
nn=$ns.server.namenode.NameNode
jmx() { curl -sf "${spnego[@]}" "${tls[@]}" "$scheme://$host:$1/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" | tr -d ' ' | grep -q "$2"; }
once() { "${java[@]}" "$@" >"$data/setup.log" 2>&1 || { tail -n 20 "$data/setup.log" >&2; die "'${*: -2}' failed"; }; }

if [[ -n ${HDFS_HA:-} ]]; then
  start "$data/journal.pid" "$data/journal.log" "${java[@]}" $ns.qjournal.server.JournalNode
  await 180 "$data/journal.pid" JournalNode "$data/journal.log" port_open $((base + 4))
fi
for n in "${nns[@]}"; do
  i=${n#nn}; http=$((base + 2 * i - 2))
  id=(); [[ -z ${HDFS_HA:-} ]] || id=(-D "dfs.ha.namenode.id=$n")
  args=(-D "dfs.namenode.name.dir=file://$data/$n" "${id[@]}")
  if [[ ! -d $data/$n/current ]]; then
    if [[ $n = nn1 ]]; then once $nn "${args[@]}" -format -nonInteractive
    else once $nn "${args[@]}" -bootstrapStandby -nonInteractive; fi
  fi
  start "$data/$n.pid" "$data/$n.log" "${java[@]}" $nn "${args[@]}"
  await 180 "$data/$n.pid" $nn "$data/$n.log" jmx "$http" FSState
done
if [[ -n ${HDFS_HA:-} ]]; then
  HDFS_DATA=$data "$here/hdfs" haadmin -transitionToActive nn1 >"$data/setup.log" 2>&1 || { cat "$data/setup.log" >&2; die "nn1 does not become active"; }
fi

for ((i = 0; i < nodes; i++)); do
  p=$((base + 10 + 3 * i))
  start "$data/dn$i.pid" "$data/dn$i.log" "${java[@]}" $ns.server.datanode.DataNode \
    -D "dfs.datanode.data.dir=file://$data/dn$i" -D "dfs.datanode.$scheme.address=$host:$p" \
    -D "dfs.datanode.address=$host:$((p + 1))" -D "dfs.datanode.ipc.address=$host:$((p + 2))"
done
for ((i = 0; i < nodes; i++)); do
  await 180 "$data/dn$i.pid" DataNode "$data/dn$i.log" jmx "$base" "\"NumLiveDataNodes\":$nodes,"
done
await 180 "$data/nn1.pid" $nn "$data/nn1.log" jmx "$base" '"FSState":"Operational"'

if [[ -n ${HDFS_HTTPFS:-} ]]; then
  site >"$data/conf/httpfs-site.xml" <<P
httpfs.http.hostname $host
httpfs.http.port $((base + 6))
httpfs.hadoop.config.dir $data/conf
httpfs.proxyuser.$user.hosts *
httpfs.proxyuser.$user.groups *
${HDFS_PROPERTIES:-}
$([[ -z ${HDFS_KERBEROS:-} ]] || cat <<K
httpfs.hadoop.authentication.type kerberos
httpfs.hadoop.authentication.kerberos.principal HTTP/localhost@$realm
httpfs.hadoop.authentication.kerberos.keytab $data/hdfs.keytab
hadoop.http.authentication.type kerberos
hadoop.http.authentication.kerberos.principal HTTP/localhost@$realm
hadoop.http.authentication.kerberos.keytab $data/hdfs.keytab
K
)
P
  mkdir -p "$data/httpfs"
  dirs=(); for d in home.dir log.dir temp.dir; do dirs+=("-Dhttpfs.$d=$data/httpfs"); done
  start "$data/httpfs.pid" "$data/httpfs.log" "${java[@]}" "${dirs[@]}" "-Dhttpfs.config.dir=$data/conf" \
    org.apache.hadoop.fs.http.server.HttpFSServerWebServer
  await 180 "$data/httpfs.pid" HttpFSServerWebServer "$data/httpfs.log" port_open $((base + 6))
  echo "httpfs http://$host:$((base + 6))"
fi
for n in "${nns[@]}"; do i=${n#nn}; echo "$n webhdfs $scheme://$host:$((base + 2 * i - 2)) rpc hdfs://$host:$((base + 2 * i - 1))"; done
