#!/usr/bin/env bash
# Runs every fuzz target of the module for a short time: fuzz.sh [TIME]. Targets are found, not listed, so none is forgotten,
# and a package whose tests name a target that Go does not see is an error: a build tag must not silently test nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-3s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# one PACKAGE TARGET: at the end of its time Go's fuzzer at times reports its own deadline as a failure: that alone is tried
# once more, a failure with an input never is.
one() {
	for try in 1 2; do
		if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" >"$log" 2>&1; then
			printf 'ok   %s %s: %s\n' "$1" "$2" "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
			return 0
		fi
		if [ "$try" = 2 ] || ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input' "$log"; then
			cat "$log"
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
	# A listing that fails to build ends the script here, with Go's own words.
	listed=$(go test -list '^Fuzz' "$package")
	targets=$(grep '^Fuzz' <<<"$listed" || true)
	if [ -z "$targets" ]; then
		printf '%s has fuzz targets in its files, but Go lists none\n' "$package" >&2
		exit 1
	fi
	for target in $targets; do
		one "$package" "$target"
		count=$((count + 1))
	done
done
printf '%d fuzz targets passed\n' "$count"
