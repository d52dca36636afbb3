#!/bin/bash
# tools/run-tests.sh BUILD [--folder NAME] [TEST...]: run the test programs of a build folder (BUILD/tests/test_*) and
# tests/e2e/*.sh, two a core at a time (most of them wait for the world; TEST_JOBS: so many), each at most TEST_SECONDS (600,
# for what hangs; twice that for e2e). A passing test is one line; a failing one is shown in full. Ends with "N passed, N
# failed" (every case of every program counts) and exits 1 when one failed.
#
# A program reports in TAP; one that says nothing counts by its exit code. One that reports no failure and still ends
# badly (crash, leak, time-out) is one failure more.
set -u
cd "$(dirname "$0")/.." || exit 2

run_one() { # BUILD NAME LABEL OUT: leaves OUT/NAME.log and OUT/NAME.count ("passed failed skipped")
	local build=$1 name=$2 label=$3 out=$4 started=$EPOCHREALTIME code passed failed skipped verdict
	local program=$build/tests/$name

	export CMOCKA_MESSAGE_OUTPUT=TAP BUILD_FOLDER=$build
	export PENSTOCK=$build/penstock PENSTOCK_SHIM=$build/penstock-shim
	export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	local limit=${TEST_SECONDS:-600}
	[ "${label%%/*}" = e2e ] && program=tests/e2e/$name limit=$((limit * 2)) # they wait for the world
	timeout --kill-after=5 "$limit" "$program" >"$out/$name.log" 2>&1 </dev/null
	code=$?
	passed=$(grep -cE '^ok [0-9]+' "$out/$name.log")
	skipped=$(grep -cE '^(not )?ok [0-9]+ .*# SKIP' "$out/$name.log")
	skipped=$((skipped + $(grep -c '^skipped: ' "$out/$name.log"))) # a part that a program left out, by name
	failed=$(($(grep -cE '^not ok [0-9]+' "$out/$name.log") - $(grep -cE '^not ok [0-9]+ .*# SKIP' "$out/$name.log")))
	if [ $code -eq 77 ] && [ $((passed + failed)) -eq 0 ]; then
		skipped=1
	elif [ $code -ne 0 ] && [ $failed -eq 0 ]; then
		failed=1
	elif [ $code -eq 0 ] && [ $((passed + failed + skipped)) -eq 0 ]; then
		passed=1
	fi
	echo "$passed $failed $skipped" >"$out/$name.count"
	verdict=$(awk -v p="$passed" -v s="$skipped" -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN {
		printf "%4d passed%s  %.1f s", p, s ? sprintf(", %d skipped", s) : "", b - a }')
	if [ "$failed" -eq 0 ]; then
		printf 'ok    %-34s %s\n' "$label" "$verdict"
		sed -n 's/^skipped: /      skipped: /p' "$out/$name.log"
		return
	fi
	{
		printf 'FAIL  %-34s %s, %d failed, exit code %d%s\n' "$label" "$verdict" "$failed" $code \
			"$([ $code -eq 124 ] && echo " (no end after $limit s)")"
		sed 's/^/      | /' "$out/$name.log"
	} >"$out/$name.report"
	cat "$out/$name.report"
}

if [ "${1-}" = --one ]; then
	shift
	run_one "$@"
	exit 0
fi

build=$(cd "${1:?tools/run-tests.sh BUILD [--folder NAME] [TEST...]}" && pwd) || exit 2
shift
folder=
if [ "${1-}" = --folder ]; then
	folder=$2
	shift 2
fi
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT

names() { # "NAME LABEL" of what is to be run; longest first, so that two at a time end together
	local file name wanted
	for file in tests/sim/test_*.c tests/e2e/*.sh tests/port/test_*.c tests/unit/test_*.c; do
		[ -e "$file" ] || continue
		name=$(basename "$file" .c)
		label=$(basename "$(dirname "$file")")/$name
		[ -z "$folder" ] || [ "${label%%/*}" = "$folder" ] || continue
		if [ $# -gt 0 ]; then
			wanted=
			for name_wanted; do [ "$name_wanted" = "$name" ] && wanted=1; done
			[ -n "$wanted" ] || continue
		fi
		case $file in
		*/lib.sh) ;;
		*.sh) [ -x "$build/penstock" ] && echo "$name $label" ;;
		*) echo "$name $label" ;;
		esac
	done
}
names "$@" >"$out/list"
xargs -a "$out/list" -r -P"${TEST_JOBS:-$(($(nproc) * 2))}" -L1 sh -c '"$0" --one "$1" "$3" "$4" "$2"' "$PWD/tools/run-tests.sh" "$build" "$out"
cat "$out"/*.count 2>/dev/null | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		if (skipped)
			printf "%d skipped\n", skipped
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0
	}'
