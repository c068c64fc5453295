#!/usr/bin/env bash
# Runs the browser tests in a network of their own: a loopback, and one interface more, because Firefox gathers no loopback
# candidate where another interface exists. Nothing of the machine's network is touched, ports are always free, and nft may
# cut as it likes. As root, or by an unprivileged user namespace. Without arguments the gate
# runs, with --all everything; other arguments narrow the files: run.sh session. Sessions are encrypted end to end; with
# E2E_ENCRYPTION=off they are not.
set -euo pipefail
cd "$(dirname "$0")"

if [ -z "${E2E_NETWORK:-}" ]; then
	user=()
	[ "$(id -u)" = 0 ] || user=(--user --map-root-user)
	# --kill-child: nothing outlives the tests.
	exec env E2E_NETWORK=1 unshare "${user[@]}" --net --pid --fork --kill-child --mount-proc -- ./run.sh "$@"
fi

ip link set lo up
ip link add alcove0 type veth peer name alcove1
ip address add 10.99.0.1/24 dev alcove0
ip link set alcove0 up
ip link set alcove1 up
# Firefox asks the way to the outside before it gathers anything.
ip route add default via 10.99.0.2 dev alcove0

# The gate: together they prove what only browsers can. The others prove wording, rarer networks and longer sessions, too: --all.
gate=(session encryption group-size recording recovery devices accessibility)

if [ "${1:-}" = --bench ]; then
	shift
	exec node "bench/$1.mjs" "${@:2}"
fi

if [ "${1:-}" = --screens ]; then
	shift
	exec node screens/screens.mjs "$@"
fi

rm -rf out
mkdir out
tests=()
case "${1:-}" in
'') for name in "${gate[@]}"; do tests+=("$name.test.mjs"); done ;;
--all) tests=(*.test.mjs) ;;
*) for word in "$@"; do
	if [ -f "$word.test.mjs" ]; then tests+=("$word.test.mjs"); else tests+=(*"$word"*.test.mjs); fi
done ;;
esac

# One file at a time: each holds a whole session.
failed=()
for file in "${tests[@]}"; do
	begin=$SECONDS
	node --test --test-reporter=spec "$file" || failed+=("$file")
	printf '%s took %d s\n' "$file" $((SECONDS - begin))
done
[ "${#failed[@]}" = 0 ] || {
	printf 'failed: %s\n' "${failed[@]}"
	exit 1
}
