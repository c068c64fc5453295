#!/usr/bin/env bash
# Runs the browser tests in a network of their own: a loopback, and one interface more, because Firefox gathers no loopback
# candidate where another interface exists. Nothing of the machine's network is touched, ports are always free, and nft may
# cut as it likes. As root, or by an unprivileged user namespace. Arguments narrow the files: run.sh session
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

rm -rf out
mkdir out
tests=()
for word in "${@:-}"; do
	for file in *"$word"*.test.mjs; do tests+=("$file"); done
done

# One file at a time: each holds a whole session.
failed=()
for file in "${tests[@]}"; do
	node --test --test-reporter=spec "$file" || failed+=("$file")
done
[ "${#failed[@]}" != 0 ] || exit 0

# Sound and pictures have deadlines that a busy machine misses now and then. So what failed gets a second chance, but few files,
# and it is said last, because a test that needs it is a test to mend.
if [ "${#failed[@]}" -gt 2 ]; then
	printf 'failed: %s\n' "${failed[@]}"
	exit 1
fi
broken=()
for file in "${failed[@]}"; do
	printf '\n%s failed; once more\n' "$file"
	node --test --test-reporter=spec "$file" || broken+=("$file")
done
if [ "${#broken[@]}" != 0 ]; then
	printf 'failed twice: %s\n' "${broken[@]}"
	exit 1
fi
printf 'UNSTABLE: %s failed, then passed\n' "${failed[@]}"
