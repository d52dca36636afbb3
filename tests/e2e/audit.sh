#!/bin/bash
# The audit: who did what, from where, by what; exports that are checked alone; CDEvents; records that leave for archives, also
# under kill -9.
. "$(dirname "$0")/lib.sh"
ports
command -v zstd >/dev/null || { skip 'the audit' 'no zstd'; finish; }
build_service
project shop
shop rolling
sed -i '/  api:/d; s/, consumes: \[api\]//' "$tree/penstock.yml" && rm -r "$tree/services/api"
commit 'First'
up() { serve "$work/data" --repo "$bare" --port "$api_port" "$@"; }
up || not_ok 'serve' "$(tail -n 3 "$data.log")"
await_ok 'live' 40 release_is "$COMMIT" live
verify() { run "$PENSTOCK" audit verify --export "$@"; }
http() { # TOKEN METHOD PATH: over TCP; sets STATUS and ANSWER
	ANSWER=$("$APP" http "$api_port" "$2" "$3" "${4-}" "$1")
	STATUS=${ANSWER%%$'\n'*} ANSWER=${ANSWER#*$'\n'}
}

# ---- who did what ----
p token create ann --role operator >"$work/ann.token"
p token create eve --role viewer >"$work/eve.token"
reader=$(p cache token reader --scope trusted --read-only)
http "$(cat "$work/ann.token")" POST /api/v1/environments/production/holds '{"reason":"an audit"}'
is 'an order by a token' "$STATUS" 200
http "$(cat "$work/eve.token")" POST /api/v1/environments/production/holds '{"reason":"mine"}'
is 'who may not' "$STATUS" 403
http pst_wrong GET /api/v1/runs
is 'a secret that is none' "$STATUS" 401
http "$reader" GET /api/v1/runs
is 'a token for something else' "$STATUS" 401
http "$reader" PUT /v1/cache/1 x
is 'a write by who only reads' "$STATUS" 403
http "$reader" POST /agent/v1/stream '{}'
http "$(cat "$work/ann.token")" POST '/api/v1/cache/prune?keep=0'
is 'the caches are emptied' "$STATUS" 200
p rollback production web >"$work/rollback" 2>&1
records=$(journal)
has 'the hold: who, where from, by what, before and after' "$(grep '"type":"person.hold"' <<<"$records")" \
	'"actor":"token:ann".*"payload":\{"address":"127.0.0.1","via":"tok-[0-9a-f]{12}","changes":\[\{"subject":"production","field":"holds","after":'
has 'who was denied' "$(grep '"actor":"token:eve"' <<<"$records")" '"type":"access.denied".*"address":"127.0.0.1".*POST /api/v1/environments/production/holds'
has 'a wrong secret' "$(grep '"actor":"nobody"' <<<"$records")" '"type":"access.denied".*"address":"127.0.0.1"'
has 'a token beside its scope' "$(grep '"actor":"token:reader"' <<<"$records")" 'GET /api/v1/runs'
has 'a write into the caches' "$(grep '"actor":"token:reader"' <<<"$records")" 'a write into the build caches'
has 'who emptied them' "$(grep '"type":"person.cache_prune"' <<<"$records")" '"actor":"token:ann".*"address":"127.0.0.1","via":"tok-'
has 'a refused order says from where' "$(grep -E '"type":"person.(refused|rollback)"' <<<"$records")" '"address":"local","via":"socket"'
has 'the states that a record led to' "$(grep '"type":"source.change_planned"' <<<"$records")" '\{"subject":"run-1","field":"state","after":"\\"running\\""\}'
api GET '/api/v1/audit?decisions=1&actor=token:ann'
has 'in a sentence' "$ANSWER" '"summary":"token ann held production: an audit","decision":true'
api GET '/api/v1/audit?subject=ro-1'
has 'a rollout' "$ANSWER" 'ro-1 is done'

# ---- exports ----
run p audit export -o "$work/a.ndjson"
is 'an export from the daemon' "$CODE" 0
"$PENSTOCK" audit export --server "http://127.0.0.1:$api_port" --token "$(cat "$work/ann.token")" --to "$(grep -c . <"$work/a.ndjson")" >"$work/tcp.ndjson"
verify "$work/a.ndjson" --data "$work/data"
is 'is checked alone' "$CODE" 0
(cd / && "$PENSTOCK" audit verify --export "$work/a.ndjson" >/dev/null) && ok 'anywhere' || not_ok 'anywhere' "$?"
verify "$work/a.ndjson" --from-daemon --data "$work/data"
is 'and by the daemon' "$CODE" 0
head=$(sed -nE 's/.*"hash":"([0-9a-f]{64})"\}$/\1/p' "$work/a.ndjson" | tail -n 1)
verify "$work/a.ndjson" --head "$head"
is 'ends with the hash that was kept' "$CODE" 0
verify "$work/a.ndjson" --head "${head//[0-9]/0}"
is 'and with no other' "$CODE" 1
head -n 20 "$work/a.ndjson" >"$work/cut.ndjson"
verify "$work/cut.ndjson"
has 'what was cut off is noticed' "$CODE $ERR" '^1 .*behind record 20 there is no trailer'
zstd -q "$work/a.ndjson" -o "$work/a.zst"
verify "$work/a.zst"
is 'packed' "$CODE" 0
verify - <"$work/a.zst"
is 'packed, from stdin' "$CODE" 0
head -c 900 "$work/a.zst" >"$work/cut.zst"
verify "$work/cut.zst"
has 'packed and cut off' "$CODE $ERR" '^1 .*cut off'
run p audit export --from 5 --to 9 -o "$work/part.ndjson"
verify "$work/part.ndjson" --json
has 'a part' "$OUT" '"ok":true,"records":5,"from":5,"to":9'
run p audit export --from 2001-01-01 --to 2002-01-01
has 'no time has none' "$OUT" '^\{"end":true,"from":0,"to":0,"records":0'
run p audit export --from yesterday
is 'a time that is none' "$CODE" 2
p audit export --format cdevents >"$work/cd1" && p audit export --format cdevents --to "$(grep -c seq "$work/a.ndjson")" >"$work/cd2"
head -n "$(wc -l <"$work/cd2")" "$work/cd1" | cmp -s - "$work/cd2" && ok 'CDEvents, the same each time' || not_ok 'CDEvents, the same each time' differ
has 'a service was deployed' "$(cat "$work/cd1")" '"type":"dev.cdevents.service.deployed.0.3.0".*"id":"web"'
api GET /api/v1/audit/verify
has 'the daemon checks itself' "$ANSWER" '"ok":true,"checked":'
at_server() { run "$PENSTOCK" audit verify --server "http://127.0.0.1:$api_port" --token "$(cat "$work/ann.token")" "$@"; }
at_server
has 'also when asked from elsewhere' "$CODE $OUT" "^0 journal of http://127.0.0.1:$api_port: [0-9]+ records \(1 to [0-9]+\), .*as the daemon says"
at_server --json
has 'as JSON' "$CODE $OUT" '^0 \{"ok":true,"checked":[0-9]+,.*"head":"[0-9a-f]{64}"\}$'
stop
run p audit export -o "$work/b.ndjson"
is 'an export without a daemon' "$CODE" 0
n=$(grep -c '"seq"' "$work/a.ndjson")
cmp -s <(head -n "$n" "$work/a.ndjson") <(head -n "$n" "$work/b.ndjson") && ok 'has the same bytes' || not_ok 'has the same bytes' differ
run p audit export --format cdevents
is 'CDEvents without a daemon' "$CODE" 0
cmp -s <(head -n 20 "$work/cd1") <(head -n 20 <<<"$OUT") && ok 'the same, too' || not_ok 'the same, too' differ

# ---- without Penstock: the script of docs/audit.md ----
sed -n '/^```bash$/,/^```$/p' "$here/docs/audit.md" | sed '1d;$d' >"$work/check.sh"
cp "$work/b.ndjson" "$work/audit.ndjson"
is 'bash and sha256sum say the same' "$(cd "$work" && bash check.sh)" "$(tail -n 1 "$work/b.ndjson" | sed -nE 's/.*"hash":"([0-9a-f]{64}).*/\1/p')"
sed -i '5s/"payload":{/&"x":1,/' "$work/audit.ndjson"
has 'and find what was changed' "$(cd "$work" && bash check.sh)" 'record 5 is wrong'

# ---- records leave ----
last=$(grep -c '"seq"' "$work/b.ndjson")
fill() { for _ in $(seq "$1"); do api POST /api/v1/agents/local/drain '{"ok":true}' && api POST /api/v1/agents/local/drain '{"ok":false}'; done; }
up || not_ok 'again' "$(tail -n 3 "$data.log")"
fill 150
sleep 2.2 # they must be older than --journal-keep
for i in 1 2 3 4 5 6; do
	kill9
	up --journal-keep 2s || not_ok "up after kill -9, $i" "$(tail -n 3 "$data.log")"
	sleep "0.$((i * 3 % 7))" # anywhere
done
archived() { ls "$data"/archive/journal-*.zst; }
await_ok 'old records are in archives' 20 archived
gone_from() { api GET '/api/v1/journal?from=1&limit=1'; [ "$STATUS" = 410 ]; }
await_ok 'and not in the journal' 20 gone_from
has 'who asks is told where' "$ANSWER" 'record 1 is in archive/journal-000000000001-[0-9]{12}\.ndjson\.zst'
api GET /api/v1/audit/verify
has 'the daemon checks archives and journal' "$ANSWER" '"ok":true,"checked":[0-9]+,"total":[0-9]+,"from":1,'
hasnt 'and misses nothing' "$ANSWER" '"missing"'
run p audit list -n 3
is 'what is new is read' "$CODE" 0
run p audit verify
has 'all are verified in sequence' "$CODE $OUT" '^0 .*journal-000000000001-'
hasnt 'nothing is missing' "$OUT" 'in no archive'
for file in "$data"/archive/*.zst; do
	verify "$file"
	is "$(basename "$file") alone" "$CODE" 0
done
run p audit replay
is 'the whole is replayed' "$CODE" 0
has 'from the first record on' "$OUT" "^[0-9]{3,} records replayed"
racing() { # while records leave, all the time
	local i
	for i in 1 2 3 4 5 6 7 8; do
		fill 5
		p audit verify >/dev/null && p audit replay >/dev/null || return 1
	done
}
good 'and both while records leave' racing
stop
# What is in an archive may stand in the database, too, when the daemon ended in between.
left=$(ls "$data/archive" | sed -nE 's/^journal-[0-9]+-0*([0-9]+)\.ndjson\.zst$/\1/p' | sort -n | tail -n 1)
run p audit export --from $((left + 1)) -o "$work/rest.ndjson"
for file in "$data"/archive/*.zst; do zstd -dcq "$file"; done | cat - "$work/rest.ndjson" >"$work/whole.ndjson"
verify "$work/whole.ndjson" --json
has 'all in one file, from the first record' "$OUT" '"ok":true,"records":[0-9]+,"from":1,'
cmp -s <(grep '"seq"' "$work/b.ndjson" | head -n "$last") <(grep '^{"seq"' "$work/whole.ndjson" | head -n "$last") && ok 'with the bytes of before' || not_ok 'with the bytes of before' differ
first=$(ls "$data"/archive/*.zst | head -n 1)
mv "$first" "$work/away.zst"
run p audit verify
has 'an archive that was put away is said' "$CODE $OUT" '^0 .*are in no archive here'
run p audit replay
has 'and needed to replay' "$CODE $ERR" '^[13] .*put it there'
zstd -dcq "$work/away.zst" | sed '3s/"actor":"/&x/' | zstd -q >"$first"
run p audit verify
has 'a changed one is found' "$CODE $ERR" '^1 .*line 3'
finish
