#!/bin/sh
# tools/check-layers.sh: the layers of src/, after a test of the checker itself on trees with planted violations.
set -eu
cd "$(dirname "$0")/.."
check=tools/check-layers.awk
data=tests/data/layers
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

grep -rn '/\* planted \*/' $data/src | sed 's/^\([^:]*:[0-9]*\):.*/\1/' | sort >"$tmp/planted"
find $data/src -name '*.c' -exec awk -f $check $data/LAYERS {} + | sed 's/^\([^:]*:[0-9]*\):.*/\1/' | sort -u >"$tmp/found"
cmp -s "$tmp/planted" "$tmp/found" || {
	echo "check-layers: the checker does not find what is planted (<) or finds what is not (>):"
	diff "$tmp/planted" "$tmp/found" || :
	exit 1
}
find $data/clean -name '*.c' -exec awk -f $check $data/LAYERS {} + || {
	echo "check-layers: the checker complains about the clean tree"
	exit 1
}
if awk -f $check $data/CYCLE $data/clean/src/base/a.c >/dev/null; then
	echo "check-layers: the checker takes a cycle in LAYERS"
	exit 1
fi
find src -name '*.[ch]' -exec awk -f $check LAYERS {} +
