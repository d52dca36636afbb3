#!/bin/bash
# tests/bench/bench_harm.sh: from harm to weight 0, on the real daemon, HAProxy and shop: scene d of the demo
# (20 % errors at 5 % of the traffic), at several rates. The statistics' floor is the time that the
# verdict needs on these facts, in whole windows of a second: what it says is replayed from the
# journal by the demo itself. What we add to it is the time from the end of that last window to
# weight 0 confirmed at HAProxy.
set -u
command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || {
	echo "SKIPPED haproxy: harm to weight 0"
	exit 0
}
dir=$(mktemp -d /tmp/penstock-bench-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT

# RATE: play the scene; rows, or what went wrong, into $dir/RATE.rows.
measure() {
	local rate=$1 scene
	if ! timeout --kill-after=10 400 "$PENSTOCK" demo --exit --scene d --rate "$rate" --json "$dir/$rate.json" >"$dir/$rate.out" 2>&1; then
		echo "FAILED harm at $rate requests/s: the scene did not end as it should"
		grep -E 'NOT AS|not as|penstock demo' "$dir/$rate.out" | head -n 5
	fi
	[ -s "$dir/$rate.json" ] || return
	# The times stand in the scene's object as "harm_at":N and so on, in microseconds.
	scene=$(sed 's/.*"scene":"d"//' "$dir/$rate.json")
	number() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<<"$scene"; }
	awk -v rate="$rate" -v harm="$(number harm_at)" -v verdict="$(number verdict_at)" -v zero="$(number zero_confirmed_at)" 'BEGIN {
		if (!zero) exit
		window = int(verdict / 1e6) * 1e6
		printf "| harm to weight 0 confirmed, %d requests/s | %.3f s | %.0f s (the statistics alone) | %.2f | floor + 0.5 s%s |\n",
			rate, (zero - harm) / 1e6, (window - harm) / 1e6, (zero - harm) / (window - harm), (zero - window > 5e5) ? " **over**" : ""
		printf "| from verdict to weight 0 confirmed, %d requests/s | %.0f ms | - | - | 500 ms%s |\n",
			rate, (zero - verdict) / 1e3, (zero - verdict > 5e5) ? " **over**" : ""
	}'
}

# At 10 requests per second hardly anything happens, for minutes: another one runs beside it.
slow=
for rate in ${BENCH_RATES:-10 100 1000}; do
	if [ "$rate" -le 10 ]; then
		measure "$rate" >"$dir/$rate.rows" &
		slow="$slow $rate"
		sleep 15 # its first push builds everything
	else
		measure "$rate"
	fi
done
wait
for rate in $slow; do
	cat "$dir/$rate.rows"
done
