#!/bin/sh
# Builds the static binary that is released: build.sh FILE. Equal sources and an equal Go give equal bytes, wherever and
# whenever it runs: no paths, no times, no build id, no C. The page must be bundled before (`make page`).
set -eu
out=${1:?usage: build.sh FILE}
cd "$(dirname "$0")/.."
CGO_ENABLED=0 exec go build -trimpath -ldflags '-s -w -buildid=' -o "$out" ./cmd/alcove
