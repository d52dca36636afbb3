#!/bin/sh
# tools/check-purity.sh BUILD: libcore calls nothing but itself, base and tools/core-may-call. Nor does it hold variables.
set -eu
cd "$(dirname "$0")/.."
build=$1
[ -f "$build/libcore.a" ] || {
	echo "no $build/libcore.a: nothing to check"
	exit 0
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

defined() { nm -j --defined-only "$@" | grep -v -e '^$' -e ':$'; }
may_call=$(sed 's/#.*//' tools/core-may-call | tr -s ' \n' '  ')
defined -g "$build/libcore.a" "$build/libbase.a" | sort -u >"$tmp/ours"
nm -A -u "$build/libcore.a" | awk '{ sub(/:[ \t]*$/, "", $1); print $NF, $1 }' | sort -u >"$tmp/calls"
bad=0
set -f # the globs of the list are for names, not for files
while read -r name where; do
	grep -qxF "$name" "$tmp/ours" && continue
	ok=
	for glob in $may_call; do
		# shellcheck disable=SC2254
		case $name in # some of str* read the locale, keep state or allocate
		strerror* | strftime* | strptime* | strtok* | strdup | strndup) ;;
		$glob) ok=1 ;;
		esac
	done
	[ -n "$ok" ] || {
		echo "core calls $name ($where)"
		bad=1
	}
done <"$tmp/calls"
nm -A -f sysv --defined-only "$build/libcore.a" | awk -F '|' '
	$NF ~ /^ *(\.t?data|\.t?bss|\*COM\*)( |$)/ && $4 ~ /OBJECT|TLS/ {
		gsub(/^.*:| +$/, "", $1)
		print "core holds the variable " $1
		bad = 1
	}
	END { exit bad }' || bad=1
exit $bad
