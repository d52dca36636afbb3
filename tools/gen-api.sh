#!/bin/bash
# tools/gen-api.sh PENSTOCK [check]: write the reference in docs/api.md, behind its hand-written head, from what
# `penstock api --markdown` says; with "check", only say whether it is current.
set -eu
cd "$(dirname "$0")/.."
penstock=$1
mark='<!-- reference: by tools/gen-api.sh -->'
new=$(mktemp)
trap 'rm -f "$new"' EXIT
grep -qxF "$mark" docs/api.md || { echo "docs/api.md has no line \"$mark\"" >&2; exit 1; }
awk -v mark="$mark" '{ print } $0 == mark { exit }' docs/api.md >"$new"
"$penstock" api --markdown </dev/null >>"$new"
if [ "${2-}" = check ]; then
	cmp -s "$new" docs/api.md && exit 0
	echo "docs/api.md is not what penstock says: run tools/gen-api.sh $penstock"
	exit 1
fi
cp "$new" docs/api.md
