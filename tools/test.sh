#!/bin/bash
# tools/test.sh BUILD [asan]: what `make test` does. Release build and suites, the same under ASan and UBSan (only that
# with "asan"), lint. Goes on after a failure; ends with "N passed, N failed" over all and the exit code that fits.
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1
only=${2-}
passed=0
failed=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

step() { # NAME COMMAND...: show its output, add the numbers of its last line
	local name=$1 started=$SECONDS code last
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$log"
	code=${PIPESTATUS[0]}
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		[ "$code" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || failed=$((failed + 1))
	elif [ "$code" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
	echo "-- $name: $([ "$code" -eq 0 ] && echo done || echo FAILED) in $((SECONDS - started)) s"
	return "$code"
}

# What needs the processor runs beside tests, which mostly wait; its output is shown when its turn comes.
behind=$(mktemp -d) || exit 2
trap 'rm -rf "$log" "$behind"' EXIT
begin() { # NAME COMMAND...
	local name=$1
	shift
	{
		nice "$@" >"$behind/$name" 2>&1
		echo $? >"$behind/$name.code"
	} &
}
result() { # NAME: waits for it
	while [ ! -s "$behind/$1.code" ]; do sleep 0.2; done
	cat "$behind/$1"
	return "$(cat "$behind/$1.code")"
}

asan_build() { # what is wrong with the sources is so again
	result asan || { echo "failed beside the tests: once more, alone" && tools/build.sh "${asan[@]}"; }
}
asan=("$build-asan" --setup "-Db_sanitize=address,undefined -Doptimization=1" all tests)
if [ "$only" = asan ]; then
	step "ASan and UBSan build" tools/build.sh "${asan[@]}" &&
		step "tests, ASan and UBSan build" tools/run-tests.sh "$build-asan"
elif step "release build" tools/build.sh "$build" all tests; then
	begin asan tools/build.sh "${asan[@]}"
	begin lint tools/lint.sh "$build"
	step "tests, release build" tools/run-tests.sh "$build"
	step "ASan and UBSan build" asan_build &&
		step "tests, ASan and UBSan build" tools/run-tests.sh "$build-asan"
	step "lint" result lint
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
