#!/bin/bash
# tests/soak/face.sh: a live daemon with a project under way for SOAK_SECONDS (120), and before it 200 readers of its events, 50 slow ones and four who ask the API; then
# more streams than there may be and 10,000 connections. `make soak`. What is asserted stands in tests/bench/soak_face.c.
. "$(dirname "$0")/../e2e/lib.sh"
ports
seconds=${SOAK_SECONDS:-120}
every=${SOAK_EVERY:-3}
clients=${SOAK_FACE:-$(dirname "$PENSTOCK")/tests/soak_face}
[ -x "$clients" ] || {
	skip 'a soak' "no $clients"
	finish
}
build_service
project shop
shop rolling
# A library of which each change makes many small records: what flows through the streams.
sed -i 's/^services:/libraries:\n  lab: {path: lab}\n&/; s/each: "\*"/each: services/' "$tree/penstock.yml"
for n in {1..20}; do labs+="  lab-$n: {each: lab, run: \"cat mood\"}\n"; done
sed -i "s/^staging:/$labs&/" "$tree/penstock.yml"
mkdir -p "$tree/lab"
serve "$work/data" --repo "$bare" --port "$api_port" || not_ok 'serve' "$(tail -n 3 "$data.log")"
token=$(p token create soak --role viewer)
change() { # N
	echo "mood $1" >"$tree/lab/mood"
	[ $(($1 % 5)) != 0 ] || unit web "web $1"
	commit "Change $1"
}
# Until the journal is longer than what the system keeps for a reader who takes nothing.
records() { "$APP" http "$data/penstock.sock" GET /api/v1/status | sed -nE 's/.*"seq":([0-9]+).*/\1/p'; }
n=0
change $n
run_ended "$COMMIT" || await_ok 'the first run passes' 60 run_is "$COMMIT" passed
while [ "$(records)" -lt 500 ] && [ $n -lt 40 ]; do
	n=$((n + 1))
	change $n
	await 30 run_ended "$COMMIT" || break
done
(
	while [ ! -e "$work/enough" ]; do
		n=$((n + 1))
		change $n
		sleep "$every"
	done
) &
pids+=($!)
memory=memory
! ldd "$PENSTOCK" | grep -q libasan || memory= # which keeps what was freed
echo "# load $(cut -d' ' -f1-3 /proc/loadavg), journal of $(records) records"
while IFS= read -r line; do
	case $line in
	'ok '*) ok "${line#* - }" ;;
	'not ok '*) not_ok "${line#* - }" "$(tail -n 2 "$data.log" | cut -c1-300 | tr '\n' '|')" ;;
	1..*) clients_done=yes ;;
	*) echo "$line" ;;
	esac
# shellcheck disable=SC2086
done < <("$clients" "$data/penstock.sock" "$api_port" "$token" "$DAEMON" "$seconds" $memory 2>&1)
echo "# load $(cut -d' ' -f1-3 /proc/loadavg), journal of $(records) records, $(things runs | wc -l) runs"
is 'all clients came to their end' "${clients_done-}" yes
: >"$work/enough"
is 'the daemon lives' "$(gone "$DAEMON" && echo gone)" ''
good 'the journal is whole' p audit verify
finish
