#!/bin/sh
# tools/build.sh FOLDER [--setup "MESON OPTIONS"] [NINJA TARGETS]: configure FOLDER when that is needed (first time,
# or files came or went), then build. One at a time per folder.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
options=
if [ "${1-}" = --setup ]; then
	options=$2
	shift 2
fi
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9

now=$(tools/sources.sh; cksum meson.build meson_options.txt tests/meson.build; pkg-config --modversion cmocka 2>/dev/null || :)
before=$(cat "$folder/.sources" 2>/dev/null || :)
if [ ! -f "$folder/build.ninja" ]; then
	rm -rf "$folder/meson-private" # what a failed or stopped first try left
	# shellcheck disable=SC2086
	meson setup "$folder" $options >"$folder/setup.log" 2>&1 9>&- || {
		cat "$folder/setup.log" >&2
		exit 1
	}
elif [ "$now" != "$before" ]; then
	meson setup --reconfigure "$folder" >"$folder/setup.log" 2>&1 9>&- || {
		cat "$folder/setup.log" >&2
		exit 1
	}
	ninja -C "$folder" -t restat build.ninja >/dev/null # or it would do the same once more
fi
printf '%s\n' "$now" >"$folder/.sources"
code=0
{
	ninja --quiet -C "$folder" "$@" 9>&- || echo "$?" >"$folder/.failed"
} | sed '/^ninja: no work to do/d'
[ ! -f "$folder/.failed" ] || read -r code <"$folder/.failed"
rm -f "$folder/.failed"
exit "$code"
