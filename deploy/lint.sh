#!/usr/bin/env bash
# Looks at what is deployed, with the tools that will read it: `make lint` runs it. What a machine cannot run is printed as
# skipped, with what would let it run; LINT_STRICT=1 makes that an error.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

HELM=v3.19.0
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
	lint_metrics
}

# lint_metrics starts a daemon and shows promtool what it counts.
lint_metrics() {
	if ! has curl; then
		skipped 'promtool check metrics: no curl'
		return
	fi
	(cd .. && go build -o "$scratch/alcove" ./cmd/alcove)
	"$scratch/alcove" dev --listen 127.0.0.1:0 --log error >"$scratch/greeting" 2>"$scratch/out" &
	local daemon=$! url=''
	for _ in $(seq 100); do
		url=$(grep -o 'http://[^ ]*/metrics' "$scratch/greeting") && curl -fs "$url" >"$scratch/metrics" && break
		sleep 0.1
	done
	kill "$daemon" && wait "$daemon" || true
	quietly 'promtool check metrics' promtool check metrics <"$scratch/metrics"
}

# Helm is built through Go's module proxy where it is not installed: minutes the first time, a second from then on.
lint_helm() {
	local helm=helm kube=(--kube-version 1.30.0) needed=(--set image.tag=1)
	if ! has helm; then
		if ! GOBIN=$scratch go install "helm.sh/helm/v3/cmd/helm@$HELM" >"$scratch/out" 2>&1; then
			skipped "Helm chart: no helm, and it does not build ($(tail -n 1 "$scratch/out"))"
			return
		fi
		helm=$scratch/helm
	fi
	quietly 'helm lint' "$helm" lint --strict helm/alcove "${kube[@]}" "${needed[@]}"
	quietly 'helm template' "$helm" template alcove helm/alcove "${kube[@]}" "${needed[@]}"
	lint_chart_config "$scratch/out"
	if "$helm" template alcove helm/alcove "${kube[@]}" >/dev/null 2>&1; then
		echo 'failed   the chart takes no version for "latest"'
		exit 1
	fi
	ok 'helm template refuses to run no version in particular'
}

# lint_chart_config FILE: the configuration that the chart writes has to be one that Alcove reads; only its files are missing here.
lint_chart_config() {
	sed -n '/^  alcove.yaml: |$/,/^---$/s/^    //p' "$1" >"$scratch/chart.yaml"
	(cd .. && go run ./cmd/alcove check --config "$scratch/chart.yaml") >"$scratch/check" 2>&1 || true
	if ! grep -q 'cert_file: cannot use the certificate' "$scratch/check" || grep -v 'no such file' "$scratch/check" | grep -q 'chart.yaml:'; then
		cat "$scratch/check"
		echo 'failed   the configuration of the chart'
		exit 1
	fi
	ok 'the configuration that the chart writes'
}

lint_systemd
lint_prometheus
lint_helm
