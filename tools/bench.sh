#!/bin/bash
# tools/bench.sh BUILD: run the measurements, one after another: BUILD/tests/bench_* and tests/bench/*.sh.
# All that they say goes by and into BUILD/bench.log; rows ("| what | ours | peer | ratio | budget |") come
# once more at the end, as one table. BENCH_BUILD=0 leaves the clean build out; ONLY=jobs runs what is named so.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p "$1"
build=$(cd "$1" && pwd) || exit 2
export PENSTOCK=$build/penstock PENSTOCK_SHIM=$build/penstock-shim BUILD_FOLDER=$build
log=$build/bench.log
failed=0

clean_build() {
	local folder begin end
	folder=$(mktemp -d /tmp/penstock-bench-XXXXXX) || return 1
	begin=$(date +%s%N)
	export CCACHE_DISABLE=1 # which meson takes when it is there
	if ! { meson setup "$folder/b" && ninja -C "$folder/b"; } >"$folder/log" 2>&1; then
		tail -n 20 "$folder/log"
		rm -rf "$folder"
		return 1
	fi
	end=$(date +%s%N)
	rm -rf "$folder"
	awk -v s=$(((end - begin) / 1000000)) -v cores="$(nproc)" 'BEGIN {
		printf "| clean build, %d cores: meson setup and ninja | %.1f s | - | - | 60 s%s |\n", cores, s / 1000, (s > 60000) ? " **over**" : ""
	}'
}

# Rows of measurements that speak in sentences (tests/bench/bench_route.c).
route_rows() {
	sed -n 's/^route: \(100 weight changes at [0-9]* requests\/s\): \([0-9]*\) requests, \([0-9]*\) lost.*/\1 \2 \3/p' "$log" |
		awk '{ printf "| requests lost in %s %s %s %s %s %s | %d of %d | - | - | 0%s |\n", $1, $2, $3, $4, $5, $6, $8, $7, $8 ? " **over**" : "" }'
}

programs=$(for file in tests/bench/bench_*.c; do basename "$file" .c; done)
tools/build.sh "$1" all tests/gen_repo $(printf 'tests/%s ' $programs) || exit 1
{
	for file in tests/bench/bench_*.c tests/bench/*.sh; do
		name=$(basename "${file%.*}")
		[[ $name == *"${ONLY-}"* ]] || continue
		program=$file
		[ "${file##*.}" = c ] && program=$build/tests/$name
		echo "== $name"
		"$program" </dev/null 2>&1 || echo "FAILED $name"
	done
	if [ "${BENCH_BUILD-1}" != 0 ] && [ -z "${ONLY-}" ]; then
		echo "== clean build"
		clean_build || echo "FAILED clean build"
	fi
} | tee "$log"
{
	echo
	grep '^| ' "$log"
	route_rows
} | awk -F ' [|] ' '
	NR == 1 { printf "\n%-84s %-24s %-36s %6s  %s\n", "what", "ours", "peer", "ratio", "budget"; next }
	{
		sub(/^[|] /, "", $1)
		sub(/ [|]$/, "", $5)
		printf "%-84s %-24s %-36s %6s  %s\n", $1, $2, $3, $4, $5
	}'
over=$(grep -c '[*][*]over' "$log")
over=$((over + $(route_rows | grep -c '[*][*]over')))
skipped=$(grep -c '^SKIPPED ' "$log")
failed=$(grep -c '^FAILED ' "$log")
grep -E '^(SKIPPED|FAILED) ' "$log"
echo "$over over budget, $skipped skipped for want of a peer, $failed failed"
[ "$failed" -eq 0 ]
