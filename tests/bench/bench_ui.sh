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
	printf 'ci:\n  test: {each: "*", run: "true"}\n'
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
await 60 run_is "$COMMIT" passed || {
	echo "the run did not pass: $(run_line "$COMMIT" | cut -c1-500)" >&2
	exit 1
}
token=$(p token create browser --role viewer)
node "$(dirname "$0")/board.mjs" "$chromium" "http://127.0.0.1:$api_port" "$token" "$times" "$work" >"$work/times" || exit 1
read -r median most <"$work/times"
[ "$median" -le 300 ] || over=' **over**'
echo "| the board, a change of $services services: navigation to the first card painted, nothing cached | $median ms (worst $most) | - | - | 300 ms${over-} |"
