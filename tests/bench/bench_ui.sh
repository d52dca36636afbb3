#!/bin/bash
# tests/bench/bench_ui.sh: what the pages weigh, as the build says it, and the time from the navigation to the first painted card of the board with
# 500 services, in Debian's chromium without anything cached.
. "$(dirname "$0")/../e2e/lib.sh"
ports
build=${BUILD_FOLDER:-$(dirname "$PENSTOCK")}
services=500 times=${TIMES:-7}

sed -nE 's/^web: first view ([0-9.]+) kB gzip, ([0-9.]+) kB brotli.*/\1 \2/p' "$build"/assets_data.c.p/bundle.log 2>/dev/null | tail -n 1 |
	awk '{ over = ($1 > 100) ? " **over**" : ""; printf "| the pages: first view, compressed | %s kB gzip, %s kB brotli | - | - | 100 kB%s |\n", $1, $2, over }'
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || :)}
if [ -z "$chromium" ] || ! command -v node >/dev/null; then
	echo "SKIPPED chromium: the time to the first board (no chromium, or no node)"
	exit 0
fi
project many
{
	printf 'version: 1\nproject: many\nservices:\n'
	for ((i = 1; i <= services; i++)); do printf '  svc-%03d: {path: services/svc-%03d, port: 8080}\n' $i $i; done
	printf 'ci:\n  build: {each: services, run: "true", outputs: [version]}\n'
	printf '  image: {each: services, needs: [build], image: {from: scratch, copy: {version: /version}, entrypoint: [/version]}}\n'
	printf 'gate:\n  approve: {count: 1}\nproduction: {environment: production}\n' # where it waits
} >"$tree/penstock.yml"
for ((i = 1; i <= services; i++)); do
	folder=$tree/services/$(printf 'svc-%03d' $i)
	mkdir -p "$folder" && echo "$i" >"$folder/version"
done
serve "$work/data" --repo "$bare" --port "$api_port" || {
	tail -n 3 "$data.log" >&2
	exit 1
}
commit 'Five hundred services'
has_release() { [ -n "$(release_line "$COMMIT")" ]; }
await 30 has_release || {
	echo "there is no release: $(run_line "$COMMIT" | cut -c1-500)" >&2
	exit 1
}
token=$(p token create browser --role viewer)
node "$(dirname "$0")/board.mjs" "$chromium" "http://127.0.0.1:$api_port" "$token" "$times" "$work" >"$work/times" || exit 1
while read -r name median most; do
	what="the board with $services services and one release of all"
	[ "$name" = board ] || what='the same, by service: all lanes'
	[ "$name" != board ] || [ "$median" -le 300 ] || over=' **over**'
	printf '| %s: navigation to paint, nothing cached | %s ms (worst %s) | - | - | %s |\n' "$what" "$median" "$most" "$([ "$name" = board ] && echo "300 ms${over-}" || echo -)"
done <"$work/times"
