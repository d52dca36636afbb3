#!/bin/bash
# tools/bench.sh BUILD: run the measurements, one after another: BUILD/tests/bench_* and tests/bench/*.sh.
set -u
cd "$(dirname "$0")/.." || exit 2
export PENSTOCK=$PWD/$1/penstock PENSTOCK_SHIM=$PWD/$1/penstock-shim BUILD_FOLDER=$PWD/$1
failed=0
for file in tests/bench/bench_*.c tests/bench/*.sh; do
	[ -e "$file" ] || continue
	program=$file
	[ "${file##*.}" = c ] && program=$1/tests/$(basename "$file" .c)
	echo "== $(basename "$file")"
	"$program" </dev/null || failed=1
done
exit $failed
