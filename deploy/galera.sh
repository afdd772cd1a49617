#!/usr/bin/env bash
# A MariaDB Galera cluster of three nodes on the loopback address, for tests and rehearsals: never for people's money, since
# root has no password here. It needs Debian's mariadb-server (with galera-4) and rsync, and the user mysql when run as root.
#
#   deploy/galera.sh start DIR      three nodes with their data in DIR; prints the database addresses when all are in sync
#   deploy/galera.sh kill DIR N     ends node N (1 to 3) as a power cut would
#   deploy/galera.sh join DIR N     starts node N again and waits until it is in sync
#   deploy/galera.sh stop DIR       ends the nodes
#
# Node N serves SQL on port 23500+N (GALERA_PORT changes 23500); replication uses the hundreds above it.
set -euo pipefail

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -ge 2 ] || usage
act=$1 dir=$2 base=${GALERA_PORT:-23500}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
plugin=${GALERA_PLUGIN:-/usr/lib/galera/libgalera_smm.so}
user=$(id -un)
[ "$user" = root ] && user=mysql

sql() { mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P $((base + $1)) -u root -NBe "$2" 2>/dev/null; }
replication() { echo $((base + 100 * $1)); } # state transfers use the two ports above it
members() { echo "gcomm://127.0.0.1:$(replication 1),127.0.0.1:$(replication 2),127.0.0.1:$(replication 3)"; }

# launch N ADDRESS: starts a node that joins ADDRESS; the empty gcomm:// makes a new cluster.
launch() {
	local n=$1 at
	at=$(replication "$n")
	mariadbd --no-defaults --user="$user" --datadir="$dir/node$n" --bind-address=127.0.0.1 --port=$((base + n)) --socket="$dir/node$n.socket" \
		--pid-file="$dir/node$n.pid" --log-error="$dir/node$n.log" --max-connections=300 --innodb-buffer-pool-size=128M \
		--binlog-format=ROW --innodb-autoinc-lock-mode=2 --innodb-flush-log-at-trx-commit=1 \
		--wsrep-on=ON --wsrep-provider="$plugin" --wsrep-cluster-name=hongbao-test --wsrep-cluster-address="$2" \
		--wsrep-node-name="node$n" --wsrep-node-address="127.0.0.1:$at" --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$((at + 1))" \
		--wsrep-provider-options="base_host=127.0.0.1;base_port=$at;gmcast.listen_addr=tcp://127.0.0.1:$at;ist.recv_addr=127.0.0.1:$((at + 2));gcache.size=64M" \
		</dev/null >/dev/null 2>&1 &
}

# await N SIZE: waits until node N is in sync with at least SIZE nodes.
await() {
	for _ in $(seq 600); do
		if [ "$(sql "$1" "SHOW STATUS LIKE 'wsrep_local_state_comment'" | cut -f2)" = Synced ] &&
			[ "$(sql "$1" "SHOW STATUS LIKE 'wsrep_cluster_size'" | cut -f2)" -ge "$2" ]; then return 0; fi
		sleep 0.2
	done
	echo "node $1 does not come into sync; the end of its log:" >&2
	tail -20 "$dir/node$1.log" >&2
	return 1
}

start() {
	for n in 1 2 3; do
		[ ! -e "$dir/node$n" ] || { echo "$dir holds a cluster already: stop it and remove the folder" >&2; return 1; }
	done
	[ "$user" = mysql ] && chown mysql "$dir"
	for n in 1 2 3; do
		mariadb-install-db --no-defaults --user="$user" --datadir="$dir/node$n" --auth-root-authentication-method=normal --skip-test-db >"$dir/install$n.log" 2>&1
	done
	launch 1 "gcomm://"
	await 1 1
	for n in 2 3; do
		launch "$n" "$(members)"
		await "$n" "$n"
	done
	for n in 1 2 3; do echo "mysql://root@127.0.0.1:$((base + n))/"; done
}

stop() {
	local pids=()
	for n in 3 2 1; do
		if [ -f "$dir/node$n.pid" ] && pid=$(cat "$dir/node$n.pid") && kill "$pid" 2>/dev/null; then pids+=("$pid"); fi
	done
	for pid in "${pids[@]}"; do
		for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -9 "$pid" 2>/dev/null || true
	done
}

case $act in
start) start ;;
stop) stop ;;
kill) kill -9 "$(cat "$dir/node$3.pid")" ;;
join) launch "$3" "$(members)" && await "$3" 2 ;;
*) usage ;;
esac
