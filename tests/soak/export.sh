#!/bin/bash
# tests/soak/export.sh: a journal whose export has EXPORT_MB (1000) megabytes, exported and checked by the command line and by the daemon; moved into
# archives and checked again. Memory stays as it is for a hundredth of it. `make soak`; needs three times the size on the disk.
. "$(dirname "$0")/../e2e/lib.sh"
ports
megabytes=${EXPORT_MB:-1000}
make_journal=$(dirname "$PENSTOCK")/tests/gen_journal
[ -x "$make_journal" ] || {
	skip 'a big export' "no $make_journal"
	finish
}
! ldd "$PENSTOCK" | grep -q libasan || {
	skip 'a big export' 'ASan keeps what was freed'
	finish
}
data=$work/data
mkdir -m 700 "$data" "$work/small"
peak() { sed -nE 's/^VmHWM:\s+([0-9]+).*/\1/p' "/proc/$1/status" 2>/dev/null; }
# measured NAME PROGRAM...: runs it; sets PEAK (KiB of memory at most) and says both.
measured() {
	local name=$1 pid now began=${EPOCHREALTIME/./}
	shift
	"$@" >"$work/measured" 2>"$work/stderr" &
	pid=$!
	PEAK=0
	while now=$(peak $pid) && [ -n "$now" ]; do
		PEAK=$now
		sleep 0.02
	done
	wait $pid
	CODE=$?
	echo "# $name: $(((${EPOCHREALTIME/./} - began) / 100000))e-1 s, at most $((PEAK / 1024)) MB"
}
flat() { # NAME SMALL: this and the same of a hundredth
	if [ "$PEAK" -lt $(($2 + 8192)) ]; then ok "$1: memory is flat"; else not_ok "$1: memory is flat" "$PEAK KiB, of a hundredth $2"; fi
}
records=$("$make_journal" "$data/journal.db" "$megabytes") || not_ok 'a journal' "$records"
"$make_journal" "$work/small/journal.db" $((megabytes / 100 + 1)) >/dev/null
echo "# $records records, $(du -m "$data/journal.db" | cut -f1) MB of journal, load $(cut -d' ' -f1-3 /proc/loadavg)"

measured 'export of a hundredth' "$PENSTOCK" audit export --data "$work/small" -o "$work/small.ndjson"
small_export=$PEAK
measured 'its check' "$PENSTOCK" audit verify --export "$work/small.ndjson"
small_check=$PEAK
measured "export of $megabytes MB" "$PENSTOCK" audit export --data "$data" -o "$work/all.ndjson"
is 'it is written' "$CODE" 0
flat 'export' "$small_export"
size=$(stat -c %s "$work/all.ndjson")
if [ $((size / 1000000)) -ge $((megabytes * 9 / 10)) ]; then ok 'it is that big'; else not_ok 'it is that big' "$size bytes"; fi
measured 'verify --export' "$PENSTOCK" audit verify --export "$work/all.ndjson"
is 'it verifies' "$CODE" 0
has 'all of it' "$(cat "$work/measured")" ": $records records"
flat 'verify --export' "$small_check"
measured 'verify of the journal' "$PENSTOCK" audit verify --data "$data"
is 'the journal verifies' "$CODE" 0
flat 'verify' "$small_check"

# ---- by the daemon ----
serve "$data" || not_ok 'serve' "$(tail -n 3 "$data.log")"
before=$(peak "$DAEMON")
by_http() { curl -sf --unix-socket "$data/penstock.sock" "http://x/api/v1/audit/$1"; }
measured 'export by the daemon' by_http export
head -c "$((size - 1000))" "$work/measured" | cmp -s - <(head -c "$((size - 1000))" "$work/all.ndjson") && ok 'the same bytes' || not_ok 'the same bytes' differ
rm -f "$work/all.ndjson" "$work/measured"
measured 'verify by the daemon' by_http verify
has 'it says so' "$(tail -n 1 "$work/measured")" "\"ok\":true,\"checked\":$((records + 1))?"
PEAK=$(peak "$DAEMON")
echo "# the daemon: at most $((before / 1024)) MB before, $((PEAK / 1024)) MB after"
if [ "$PEAK" -lt $((before + 16384)) ]; then ok 'the daemon: memory is flat'; else not_ok 'the daemon: memory is flat' "$before, then $PEAK KiB"; fi
stop

# ---- in archives ----
serve "$data" --journal-keep 1h || not_ok 'serve' "$(tail -n 3 "$data.log")"
gone_410() { [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$data/penstock.sock" "http://x/api/v1/journal?from=$((records - 5))&limit=1")" = 410 ]; }
began=${EPOCHREALTIME/./}
await_ok 'all of it moves to archives' 600 gone_410
echo "# moved within $(((${EPOCHREALTIME/./} - began) / 1000000)) s: $(ls "$data/archive" | wc -l) archives, $(du -m "$data/archive" | cut -f1) MB; the daemon: at most $(($(peak "$DAEMON") / 1024)) MB"
before=$(peak "$DAEMON")
measured 'verify by the daemon, archives first' by_http verify
has 'archives and journal hold' "$(tail -n 1 "$work/measured")" '"ok":true,.*"from":1,'
lines=$(wc -l <"$work/measured")
if [ "$lines" -gt 20 ]; then ok 'with progress'; else not_ok 'with progress' "$lines lines"; fi
PEAK=$(peak "$DAEMON")
if [ "$PEAK" -lt $((before + 16384)) ]; then ok 'memory is flat'; else not_ok 'memory is flat' "$before, then $PEAK KiB"; fi
measured 'audit verify, archives first' "$PENSTOCK" audit verify --data "$data"
is 'by the command line, too' "$CODE" 0
flat 'verify with archives' $((small_check + 16384))
finish
