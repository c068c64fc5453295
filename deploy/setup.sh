#!/bin/sh
# Installs what this machine lacks to build Alcove (`setup.sh page`), to test it as well (`setup.sh test`), or to look at what is
# deployed (`setup.sh lint`).
#
# Everything comes from the system's packages, and the script says what it installs before it does so; a machine that has it
# all is left alone. One exception: where the system's Node is too old, a newer one goes into deploy/node, inside this folder
# only, pinned by deploy/node/package-lock.json; the Makefile prefers it.
#
# SETUP_DRY_RUN=1 only says what would be done.
set -eu

NODE_MAJOR=20 # playwright-core and esbuild ask for it
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
# Tools like nft live in sbin, which is not on everybody's path.
has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

# want COMMAND PACKAGE...: the packages are missing if the command is.
missing=''
want() {
	command=$1
	shift
	has "$command" || missing="$missing $*"
}

# privileged COMMAND...: as root, by sudo if need be.
privileged() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif has sudo; then
		sudo "$@"
	else
		fail "this needs root, and there is no sudo. As root, run: $*"
	fi
}

install_missing() {
	[ -n "$missing" ] || return 0
	has apt-get || fail "please install, with your system's package manager, what Debian calls:$missing"
	say "installing with apt-get:$missing"
	[ -z "${SETUP_DRY_RUN:-}" ] || return 0
	privileged apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	privileged env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
	missing=''
}

# Not through .bin: an older npm leaves that empty.
own_node_works() {
	for own in "$here"/node/node_modules/node-linux-*/bin/node; do
		if [ -x "$own" ] && [ "$(node_major "$own")" -ge "$NODE_MAJOR" ]; then return 0; fi
	done
	return 1
}

node_major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

# The system's Node, or a newer one beside it.
settle_node() {
	[ -z "${SETUP_DRY_RUN:-}" ] || has node || return 0
	major=$(node_major node)
	[ "$major" -lt "$NODE_MAJOR" ] || return 0
	own_node_works && return 0
	say "the system's Node is $(node --version 2>/dev/null || echo unusable), Alcove needs $NODE_MAJOR or newer: installing a newer one into deploy/node"
	[ -z "${SETUP_DRY_RUN:-}" ] || return 0
	(cd "$here/node" && npm ci --no-fund --no-audit --loglevel=error) || true
	own_node_works || fail "that failed. Remedy: put a Node of version $NODE_MAJOR or newer first on your PATH, and run this again"
}

case "${1:-}" in
page | test | lint) ;;
*) fail "usage: setup.sh page|test|lint" ;;
esac

has go || fail "Go 1.26 is not on your PATH: install it from go.dev/dl first"

if [ "$1" = lint ]; then
	want promtool prometheus        # only its promtool is used; the package's server need not run
	want systemd-analyze systemd
	want curl curl
	install_missing
	exit 0
fi
want node nodejs
want npm npm
if [ "$1" = test ]; then
	want gcc gcc libc6-dev # the race detector links with C
	want chromium chromium
	want firefox-esr firefox-esr
	want nft nftables          # cuts a participant's media in the browser tests
	want ip iproute2           # gives the browser tests an interface of their own
	want unshare util-linux    # and a network of their own
	want openssl openssl       # and a certificate
	want ffprobe ffmpeg        # makes test media, and reads what is exported
	want nginx nginx-light     # the proxies that deploy/docs/proxies has configurations for
	want haproxy haproxy
	want caddy caddy
fi
proxies=$missing
install_missing
# Their packages start them; the tests do so themselves, on ports of their own.
for proxy in nginx haproxy caddy; do
	case "$proxies" in
	*"$proxy"*) [ -n "${SETUP_DRY_RUN:-}" ] || ! [ -d /run/systemd/system ] || privileged systemctl disable --now "$proxy" ;;
	esac
done
settle_node
