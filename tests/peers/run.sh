#!/bin/bash
# tests/peers/run.sh BUILD [NAME...]: try BUILD/penstock against real programs that others wrote: each tests/peers/peer_*.sh (or those
# named), one after another, each at most PEER_SECONDS (600). A peer that is absent is printed as "skipped: NAME (why)". Ends with
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${1:?tests/peers/run.sh BUILD [NAME...]}" && pwd) || exit 2
shift
export PENSTOCK=$build/penstock PENSTOCK_SHIM=$build/penstock-shim BUILD_FOLDER=$build
[ -n "${PEERS_INSTALLED-}" ] || tests/peers/install.sh
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

for file in tests/peers/peer_*.sh; do
	name=$(basename "$file" .sh)
	name=${name#peer_}
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	started=$EPOCHREALTIME
	timeout --kill-after=5 "${PEER_SECONDS:-600}" "$file" >"$log" 2>&1 </dev/null
	code=$?
	good=$(grep -cE '^ok [0-9]+' "$log") skips=$(grep -cE '^ok [0-9]+ .*# SKIP' "$log") bad=$(grep -cE '^not ok [0-9]+' "$log")
	good=$((good - skips))
	grep '^skipped: ' "$log"
	skipped=$((skipped + skips + $(grep -c '^skipped: ' "$log")))
	[ $code -eq 77 ] && continue
	[ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	passed=$((passed + good)) failed=$((failed + bad))
	printf '%-5s %-12s %3d passed, %d failed  %s s\n' "$([ "$bad" -eq 0 ] && echo ok || echo FAIL)" "$name" "$good" "$bad" \
		"$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')"
	[ "$bad" -eq 0 ] || sed 's/^/      | /' "$log"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
