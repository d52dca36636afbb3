#!/bin/bash
# tools/fuzz.sh BUILD SECONDS [TARGET]: run each tests/fuzz/fuzz_*.c (or one) for so long with libFuzzer, ASan and UBSan.
# What is known stays in BUILD/corpus/TARGET, next to the seeds of tests/data/fuzz/TARGET; a crash is kept in
# BUILD/crash-* and named.
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1
seconds=$2
only=${3-}
export LSAN_OPTIONS=suppressions=$PWD/tools/lsan-suppressions:print_suppressions=0
passed=0
failed=0

targets=()
for file in tests/fuzz/fuzz_*.c; do
	name=$(basename "$file" .c)
	[ -e "$file" ] && { [ -z "$only" ] || [ "$only" = "$name" ]; } && targets+=("$name")
done
[ ${#targets[@]} -gt 0 ] || {
	echo "no fuzz target${only:+ is called $only}"
	exit 2
}
CC=clang-14 tools/build.sh "$build" --setup "-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false" \
	"${targets[@]/#/tests/}" || exit 1
for name in "${targets[@]}"; do
	mkdir -p "$build/corpus/$name"
	seeds=()
	[ -d "tests/data/fuzz/$name" ] && seeds=("tests/data/fuzz/$name")
	if "$build/tests/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/crash-$name-" "$build/corpus/$name" "${seeds[@]}" >"$build/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") runs"
	else
		failed=$((failed + 1))
		echo "FAIL  $name"
		tail -n 60 "$build/$name.log" | sed 's/^/      | /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
