#!/usr/bin/env bash
# Runs the browser tests, each file in a network of its own: a loopback, and one interface more, because Firefox gathers no loopback
# candidate where another interface exists. Nothing of the machine's network is touched, ports are always free, and nft may
# cut as it likes. As root, or by an unprivileged user namespace. Without arguments the gate
# runs, with --all everything; other arguments narrow the files: run.sh session. Sessions are encrypted end to end; with
# E2E_ENCRYPTION=off they are not.
set -euo pipefail
cd "$(dirname "$0")"

# run.sh --isolated CMD...: makes the network in which CMD runs.
if [ "${1:-}" = --isolated ]; then
	shift
	ip link set lo up
	ip link add alcove0 type veth peer name alcove1
	ip address add 10.99.0.1/24 dev alcove0
	ip link set alcove0 up
	ip link set alcove1 up
	# Firefox asks the way to the outside before it gathers anything.
	ip route add default via 10.99.0.2 dev alcove0
	exec "$@"
fi
isolated() {
	local user=()
	[ "$(id -u)" = 0 ] || user=(--user --map-root-user)
	# --kill-child: nothing outlives the tests.
	unshare "${user[@]}" --net --pid --fork --kill-child --mount-proc -- ./run.sh --isolated "$@"
}

# run.sh --file JOBS FILE: runs one file, whose output comes in one piece where others run beside it.
if [ "${1:-}" = --file ]; then
	begin=$SECONDS
	log=/dev/stdout
	[ "$2" = 1 ] || log=out/${3%.test.mjs}.log
	failed=0
	isolated node --test --test-reporter=spec "$3" >"$log" 2>&1 || failed=1
	[ "$2" = 1 ] || cat "$log"
	printf '%s took %d s\n' "$3" $((SECONDS - begin))
	[ "$failed" = 0 ] || printf '%s\n' "$3" >>out/failed
	exit "$failed"
fi

# The gate: together they prove what only browsers can. The others prove wording, rarer networks and longer sessions, too: --all.
# The longest come first, so that the last two end together.
gate=(recovery recording encryption session devices accessibility group-size)

if [ "${1:-}" = --bench ]; then
	shift
	isolated node "bench/$1.mjs" "${@:2}"
	exit
fi

if [ "${1:-}" = --screens ]; then
	shift
	exec node screens/screens.mjs "$@"
fi

rm -rf out
mkdir out
tests=()
jobs=1
case "${1:-}" in
'')
	for name in "${gate[@]}"; do tests+=("$name.test.mjs"); done
	jobs=2 # a session waits for half of its time: for networks that are cut, for keys that expire, for what is recorded
	;;
--all) tests=(*.test.mjs) ;;
*) for word in "$@"; do
	if [ -f "$word.test.mjs" ]; then tests+=("$word.test.mjs"); else tests+=(*"$word"*.test.mjs); fi
done ;;
esac

printf '%s\0' "${tests[@]}" | xargs -0 -n 1 -P "$jobs" ./run.sh --file "$jobs" || {
	printf 'failed: %s\n' "$(cat out/failed)"
	exit 1
}
