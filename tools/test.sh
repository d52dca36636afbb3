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

if [ "$only" != asan ]; then
	step "release build" tools/build.sh "$build" all tests &&
		step "tests, release build" tools/run-tests.sh "$build"
fi
step "ASan and UBSan build" tools/build.sh "$build-asan" \
	--setup "-Db_sanitize=address,undefined -Doptimization=1" all tests &&
	step "tests, ASan and UBSan build" env SOAK_SECONDS=5 tools/run-tests.sh "$build-asan"
if [ "$only" != asan ]; then
	step "lint" tools/lint.sh "$build"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
