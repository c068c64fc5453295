#!/usr/bin/env bash
# Builds the page and the released binary in two folders of different names, each from nothing, and compares: `make reproduce`.
# Nothing is shared, the cache of the compiler neither, so it takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for copy in one another-of-a-longer-name; do
	mkdir "$scratch/$copy"
	# What is known to git, as it lies here, changes included.
	git ls-files -z --cached --others --exclude-standard |
		xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar --null --files-from=- -cf - | tar -xf - -C "$scratch/$copy"
	cp -r signaling/web/node_modules "$scratch/$copy/signaling/web/"
	(cd "$scratch/$copy/signaling/web" && node build.mjs)
	# Outside a repository Go has no commit to write into the binary; in it, it writes the same one twice.
	GOCACHE=$scratch/$copy.cache "$scratch/$copy/deploy/build.sh" "$scratch/$copy.bin"
done

sha256sum "$scratch/one.bin" "$scratch/another-of-a-longer-name.bin" | sed 's| .*/| |'
if ! cmp "$scratch/one.bin" "$scratch/another-of-a-longer-name.bin"; then
	echo 'two builds of the same sources differ' >&2
	exit 1
fi
echo 'two builds in two folders are the same, byte for byte'
