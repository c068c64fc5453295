#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: fuzz.sh [TIME], as go test has it: 500x is a number of inputs. Targets are found,
# not listed, so none is forgotten, and a package whose tests name a target that Go does not see is an error: a build tag must not
# silently test nothing. Each package is compiled once, with the fuzzer's instrumentation, and its targets run from that binary.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
time=${1:-500x}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# one BINARY TARGET: at the end of a time Go's fuzzer up to 1.26 may report its own deadline as a failure (go.dev/issue/75804): that alone
# is tried once more, a failure with an input never is. A number of inputs has no deadline.
one() {
	for try in 1 2; do
		if "$1" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.fuzzcachedir "$work/cache" >"$work/log" 2>&1; then
			printf 'ok   %s %s: %s\n' "$package" "$2" "$(grep -o 'execs: [0-9]*' "$work/log" | tail -1)"
			return 0
		fi
		if [ "$try" = 2 ] || ! grep -q 'context deadline exceeded' "$work/log" || grep -q 'Failing input' "$work/log"; then
			cat "$work/log"
			return 1
		fi
	done
}

packages=$(grep -rlE --include='*_test.go' '^func Fuzz[A-Z0-9_]' . | xargs -r -n1 dirname | sort -u)
if [ -z "$packages" ]; then
	echo 'no fuzz target found' >&2
	exit 1
fi
count=0
for package in $packages; do
	go test -c -fuzz . -o "$work/fuzz.test" "$package"
	# A binary runs in its package's folder, where its seeds lie.
	cd "$package"
	targets=$("$work/fuzz.test" -test.list '^Fuzz')
	if [ -z "$targets" ]; then
		printf '%s has fuzz targets in its files, but Go lists none\n' "$package" >&2
		exit 1
	fi
	for target in $targets; do
		one "$work/fuzz.test" "$target"
		count=$((count + 1))
	done
	cd "$root"
done
printf '%d fuzz targets passed\n' "$count"
