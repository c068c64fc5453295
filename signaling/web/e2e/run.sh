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

# run.sh --files FILE...: runs files one after the other. Where others run beside them, the output of each comes in one piece.
if [ "${1:-}" = --files ]; then
	shift
	failed=0
	for file in "$@"; do
		begin=$SECONDS
		log=/dev/stdout
		[ "${E2E_BESIDE:-}" = "" ] || log=out/${file%.test.mjs}.log
		isolated node --test --test-reporter=spec "$file" >"$log" 2>&1 || { failed=1; printf '%s\n' "$file" >>out/failed; }
		[ "$log" = /dev/stdout ] || cat "$log"
		printf '%s took %d s\n' "$file" $((SECONDS - begin))
	done
	exit "$failed"
fi

# The gate: together they prove what only browsers can. The others prove wording, rarer networks and longer sessions, too: --all. Those of
# the second list need little of a processor, and run beside the first.
gate=(recovery recording encryption session devices)
beside=(accessibility group-size)

if [ "${1:-}" = --bench ]; then
	shift
	isolated node "bench/$1.mjs" "${@:2}"
	exit
fi

if [ "${1:-}" = --screens ]; then
	shift
	isolated node screens/screens.mjs "$@"
	exit
fi

rm -rf out
mkdir out
tests=()
lists=()
case "${1:-}" in
'')
	export E2E_BESIDE=1
	lists=("${gate[*]/%/.test.mjs}" "${beside[*]/%/.test.mjs}")
	;;
--all) tests=(*.test.mjs) ;;
*) for word in "$@"; do
	if [ -f "$word.test.mjs" ]; then tests+=("$word.test.mjs"); else tests+=(*"$word"*.test.mjs); fi
done ;;
esac
[ "${#lists[@]}" -gt 0 ] || lists=("${tests[*]}")

printf '%s\n' "${lists[@]}" | xargs -L 1 -P 2 ./run.sh --files || {
	echo 'failed:'
	cat out/failed
	exit 1
}
