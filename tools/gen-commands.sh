#!/bin/bash
# tools/gen-commands.sh PENSTOCK [check]: write docs/commands.md and docs/man/penstock.1 from what `penstock --help` and
# `penstock COMMAND --help` say; with "check", only say whether they are current.
set -eu
cd "$(dirname "$0")/.."
penstock=$1
version=$("$penstock" version | awk 'NR == 1 { print $2 }')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# "GROUP<tab>NAME<tab>SUMMARY" for each command, in order
"$penstock" --help </dev/null | awk '
	/^[A-Z]/ && !/^(Penstock|Exit|usage)/ { group = $0; next }
	/^  [a-z]/ {
		line = substr($0, 3)
		at = match(line, /  +/)
		print group "\t" substr(line, 1, at - 1) "\t" substr(line, at + RLENGTH)
	}' >"$dir/list"
[ -s "$dir/list" ] || { echo "gen-commands: $penstock --help lists no command" >&2; exit 1; }

help() { # NAME: all after the summary's line
	# shellcheck disable=SC2086
	"$penstock" $1 --help </dev/null | sed '1,2d'
}

{
	cat <<'END'
# Commands

From `penstock COMMAND --help`, by `tools/gen-commands.sh`; `make lint` says when it is not current.
Exit codes: 0 ok; 1 the work failed or was refused; 2 usage or configuration; 3 the daemon, the machine, the disk.
END
	before=
	while IFS=$'\t' read -r group name summary; do
		[ "$group" = "$before" ] || printf '\n## %s\n' "$group"
		before=$group
		printf '\n### penstock %s\n%s.\n```\n' "$name" "$summary"
		help "$name"
		printf '```\n'
	done <"$dir/list"
} >"$dir/commands.md"

roff() { sed -e 's/\\/\\e/g; s/-/\\-/g; s/^\./\\\&./; '"s/^'/\\\\\\&'/"; }
{
	printf '.TH PENSTOCK 1 "" "penstock %s" "Penstock"\n' "$version"
	printf '.SH NAME\npenstock \\- takes a commit to production, and takes it back when it hurts\n'
	printf '.SH SYNOPSIS\n.B penstock\n.I COMMAND\n[ARGUMENTS] [OPTIONS]\n.SH COMMANDS\n'
	while IFS=$'\t' read -r group name summary; do
		printf '.SS penstock %s\n' "$(roff <<<"$name")"
		roff <<<"$summary."
		printf '.PP\n.nf\n'
		help "$name" | roff
		printf '.fi\n'
	done <"$dir/list"
	cat <<'END'
.SH EXIT STATUS
0 ok; 1 the work failed or was refused; 2 usage or configuration; 3 the daemon, the machine, the disk.
.SH ENVIRONMENT
.TP
PENSTOCK_DATA
the data folder when \-\-data is not given
.TP
PENSTOCK_CACHE
where penstock run keeps results
.TP
PENSTOCK_TOKEN
the token for \-\-server
.TP
PENSTOCK_SHIM
where penstock\-shim is when it is not beside penstock
END
} >"$dir/penstock.1"

if [ "${2-}" = check ]; then
	cmp -s "$dir/commands.md" docs/commands.md && cmp -s "$dir/penstock.1" docs/man/penstock.1 && exit 0
	echo "docs/commands.md and docs/man/penstock.1 are not what penstock says: run tools/gen-commands.sh $penstock"
	exit 1
fi
mkdir -p docs/man
cp "$dir/commands.md" docs/commands.md
cp "$dir/penstock.1" docs/man/penstock.1
