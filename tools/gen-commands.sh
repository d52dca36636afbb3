#!/bin/bash
# tools/gen-commands.sh PENSTOCK [check]: write docs/commands.md, docs/man/penstock.1 and a page for each command
# (docs/man/penstock-COMMAND.1) from what `penstock --help` and `penstock COMMAND --help` say, and remove the pages of
# commands that are gone; with "check", only say whether all of them are current.
set -eu
cd "$(dirname "$0")/.."
penstock=$1
version=$("$penstock" version | awk 'NR == 1 { print $2 }')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/help" "$dir/man"

# "GROUP<tab>NAME<tab>SUMMARY" for each command, in order
"$penstock" --help </dev/null | awk '
	/^[A-Z]/ && !/^(Penstock|Exit|usage)/ { group = $0; next }
	/^  [a-z]/ {
		line = substr($0, 3)
		at = match(line, /  +/)
		print group "\t" substr(line, 1, at - 1) "\t" substr(line, at + RLENGTH)
	}' >"$dir/list"
[ -s "$dir/list" ] || { echo "gen-commands: $penstock --help lists no command" >&2; exit 1; }
while IFS=$'\t' read -r _ name _; do
	# shellcheck disable=SC2086
	"$penstock" $name --help </dev/null >"$dir/help/${name// /-}"
done <"$dir/list"

{
	cat <<'END'
# Commands

From `penstock COMMAND --help`, by `tools/gen-commands.sh`; `make lint` says when it is not current. The same as man pages: `man penstock`,
`man penstock-status`. Exit codes: 0 ok; 1 the work failed or was refused; 2 usage or configuration; 3 the daemon, the machine, the disk.
END
	before=
	while IFS=$'\t' read -r group name summary; do
		[ "$group" = "$before" ] || printf '\n## %s\n' "$group"
		before=$group
		printf '\n### penstock %s\n%s.\n```\n' "$name" "$summary"
		sed '1,2d' "$dir/help/${name// /-}"
		printf '```\n'
	done <"$dir/list"
} >"$dir/commands.md"

# The pages, all by one program: tools/man.awk reads the list, then each command's help.
(cd "$dir/help" && awk -v version="$version" -v out="$dir/man" -f "$OLDPWD/tools/man.awk" "$dir/list" $(cut -f 2 "$dir/list" | tr ' ' -))

if [ "${2-}" = check ]; then
	cmp -s "$dir/commands.md" docs/commands.md && diff -rq "$dir/man" docs/man >"$dir/diff" && exit 0
	echo "docs/commands.md and docs/man are not what penstock says: run tools/gen-commands.sh $penstock"
	exit 1
fi
mkdir -p docs/man
rm -f docs/man/penstock*.1
cp "$dir/commands.md" docs/commands.md
cp "$dir"/man/*.1 docs/man/
