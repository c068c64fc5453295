#!/usr/bin/env bash
# Looks at what is deployed, with the tools that will read it: `make lint` runs it. What a machine cannot run is printed as
# skipped, with what would let it run; LINT_STRICT=1 makes that an error.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

MOST_EXPOSED=20 # systemd-analyze's scale times ten: 2.0 of 10

ok() { printf 'ok       %s\n' "$*"; }
skipped() {
	printf 'skipped  %s\n' "$*"
	[ -z "${LINT_STRICT:-}" ] || exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# quietly WHAT COMMAND...: its output only if it fails.
quietly() {
	local what=$1
	shift
	if ! "$@" >"$scratch/out" 2>&1; then
		cat "$scratch/out"
		printf 'failed   %s\n' "$what"
		exit 1
	fi
	ok "$what"
}

lint_systemd() {
	if ! has systemd-analyze; then
		skipped 'systemd unit: no systemd-analyze (Debian package systemd)'
		return
	fi
	# verify wants the program to exist; another stands in for it.
	sed 's|/usr/local/bin/alcove|/bin/true|' systemd/alcove.service >"$scratch/alcove.service"
	quietly 'systemd-analyze verify' systemd-analyze verify --man=no "$scratch/alcove.service"
	quietly "systemd-analyze security, at most $MOST_EXPOSED of 100" \
		systemd-analyze security --offline=true --no-pager --threshold=$MOST_EXPOSED "$scratch/alcove.service"
}

lint_prometheus() {
	if ! has promtool; then
		skipped 'Prometheus rules: no promtool (Debian package prometheus)'
		return
	fi
	quietly 'promtool check rules' promtool check rules prometheus/rules.yaml
	quietly 'promtool test rules' promtool test rules prometheus/rules_test.yaml
}

lint_systemd
lint_prometheus
