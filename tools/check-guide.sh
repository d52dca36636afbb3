#!/bin/bash
# tools/check-guide.sh PENSTOCK: every example of docs/guide/configuration.md that is a whole penstock.yml is one that
# `penstock check` takes, in a repository with the folders that it names.
set -eu
cd "$(dirname "$0")/.."
penstock=$(realpath "$1")
guide=$PWD/docs/guide/configuration.md
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir repo
awk -v to="$dir" '
	/^```yaml$/ { n++; file = to "/" n ".yml"; inside = 1; next }
	/^```$/ { inside = 0 }
	inside { print >file }' "$guide"
git init -q repo
bad=0
examples=(*.yml)
[ "${#examples[@]}" -ge 10 ] || { echo "$guide: only ${#examples[@]} examples"; bad=1; }
for example in "${examples[@]}"; do
	grep -o 'path: [a-z/]*' "$example" | while read -r _ path; do
		mkdir -p "repo/$path"
		touch "repo/$path/file"
	done
	cp "$example" repo/penstock.yml
	git -C repo add -A
	said=$(cd repo && "$penstock" check 2>&1 </dev/null) || {
		echo "example ${example%.yml} of docs/guide/configuration.md: $said"
		bad=1
	}
done
exit $bad
