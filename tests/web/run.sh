#!/bin/bash
# tests/web/run.sh [TEST...]: the pages in a real browser (Debian's chromium) on a live daemon with a small fast project: their main acts, what axe
# says of each, their width at 400 px, in dark and in light. TEST: way, run, login ... (tests/web/TEST.test.mjs); all when none is given.
#   PENSTOCK=build/penstock   the program that is tried
#   WEB_SHOTS=FOLDER          keeps a picture of each page there
mine=$(cd "$(dirname "$0")" && pwd) || exit 2
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || :)}
left_out() {
	echo "skipped: the pages in a browser: $1"
	exit 77
}
[ -n "$CHROMIUM" ] || left_out "no chromium (apt-get install chromium)"
command -v node >/dev/null && command -v npm >/dev/null || left_out "no node and npm"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || left_out "playwright-core wants node 20"
if ! cmp -s "$mine/package-lock.json" "$mine/node_modules/.of"; then
	(cd "$mine" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1) || left_out "npm cannot get playwright-core and axe-core"
	cp "$mine/package-lock.json" "$mine/node_modules/.of"
fi
. "$mine/../e2e/lib.sh"
ports 23
build_service
project shop
. "$mine/project.sh"
web_project
serve "$work/data" --repo "$bare" --port "$api_port" || {
	echo "not ok 1 - serve: $(tail -n 3 "$data.log")"
	exit 1
}
WEB_URL=http://127.0.0.1:$api_port
WEB_TOKEN=$(grep -oE 'pst_[A-Za-z0-9_-]+' "$data.out" | head -n 1)
WEB_TREE=$tree WEB_DATA=$data
WEB_EMPTY="--port $((api_port + 1)) --door-base $((door_base + 30)) --replica-base $((replica_base + 150))" # for a daemon that nothing has come to
export WEB_EMPTY CHROMIUM PENSTOCK WEB_URL WEB_TOKEN WEB_TREE WEB_DATA WEB_SHOTS
files=()
for name in "${@:-}"; do
	[ -z "$name" ] || files+=("$mine/$name.test.mjs")
done
if [ ${#files[@]} -eq 0 ]; then # the board first: others leave marks behind, which hold its releases
	files=("$mine/way.test.mjs")
	for file in "$mine"/*.test.mjs; do [ "$file" = "${files[0]}" ] || files+=("$file"); done
fi
for file in "${files[@]}"; do
	# One after the other: they share the daemon and two cores.
	node --test --test-reporter=tap "$file" || failures=1
done
cleanup
[ "$failures" = 0 ]
exit
