#!/bin/bash
# The fixed faces: what scripts may rely on. Commands, options, exit codes, and the JSON of each.
. "$(dirname "$0")/lib.sh"
ports
build_service
project shop
shop rolling
commit 'First'
first=$COMMIT
unit web 'web 2'
commit 'Second'
cd "$tree" || exit 2
export HOME=$work/home XDG_CACHE_HOME=$work/cache
mkdir -p "$HOME"
one_json() { # TEXT: looks like one JSON object in one line
	[ "$(wc -l <<<"$1")" = 1 ] && [[ $1 == \{*\} ]]
}

# ---- every command: help, what it takes, what it does not ----
run "$PENSTOCK" --help
is 'penstock --help' "$CODE" 0
commands=$(sed -nE 's/^  ([a-z]+( [a-z]+)?) {2,}.*/\1/p' <<<"$OUT")
for name in init check plan run serve status logs why approve promote rollback abort pin veto hold 'audit list' 'audit verify' 'audit export' 'audit replay' 'incident list' doctor version demo verdict hook; do
	grep -qx "$name" <<<"$commands" || not_ok "there is a command $name" "$(tr '\n' ' ' <<<"$commands")"
done
run "$PENSTOCK" incident --help
is 'there is a command incident' "$CODE" 0
bad=''
while read -r name; do
	# shellcheck disable=SC2086
	run "$PENSTOCK" $name --help </dev/null
	[ "$CODE" = 0 ] && [ -z "$ERR" ] && grep -q 'penstock '"$name" <<<"$OUT" && grep -qi '^examples' <<<"$OUT" && grep -q -- '--json' <<<"$OUT" || bad+=" $name(help)"
	# shellcheck disable=SC2086
	run "$PENSTOCK" $name --no-such-option </dev/null
	[ "$CODE" = 2 ] && [ -n "$ERR" ] && [ -z "$OUT" ] || bad+=" $name(option:$CODE)"
	# shellcheck disable=SC2086
	run "$PENSTOCK" $name --jsn </dev/null
	grep -q 'did you mean.*--json' <<<"$ERR" || bad+=" $name(suggestion)"
done <<<"$commands"
is 'every command has help with examples, --json, and suggests the right option' "$bad" ''
run "$PENSTOCK" statsu
is 'an unknown command: exit code 2' "$CODE" 2
has 'with a suggestion' "$ERR" 'did you mean.*status'
run "$PENSTOCK"
is 'no command: exit code 2' "$CODE" 2
run "$PENSTOCK" version
is 'version' "$CODE" 0
run "$PENSTOCK" version --json
if one_json "$OUT"; then ok 'version --json'; else not_ok 'version --json' "$OUT"; fi
run "$PENSTOCK" doctor --json --data "$work/doctor"
has 'doctor --json' "$OUT" '"checks":\[\{'

# ---- no daemon ----
bad=''
for name in status runs releases rollouts environments 'audit list' incident 'approve rel-1' 'hold production' 'why run-1' 'logs web/test'; do
	# shellcheck disable=SC2086
	run "$PENSTOCK" $name --data "$work/none"
	[ "$CODE" = 3 ] && [ "$(wc -l <<<"$ERR")" = 1 ] && grep -q 'penstock serve' <<<"$ERR" || bad+=" $name:$CODE"
done
is 'without a daemon: exit code 3 and how to start one' "$bad" ''
run "$PENSTOCK" audit verify --data "$work/none"
has 'audit verify without a journal: exit code 2 or 3' "$CODE" '^[23]$'
has 'in one line that names it' "$ERR" "$work/none/journal.db"

# ---- plan, from a bare repository ----
run "$PENSTOCK" plan --repo "$bare" --base "$first" --head "$COMMIT" --json
is 'plan --json' "$CODE" 0
has 'units, affected, jobs, elapsed_us' "$OUT" '^\{"units":2,"affected":\["web"\],"jobs":\[.*\],"elapsed_us":[0-9]+\}$'
has 'each job: unit, job, key, state, why' "$OUT" '\{"unit":"web","job":"build","key":"[0-9a-f]{64}","state":"miss","why":"[^"]+"'
has 'what is not affected' "$OUT" '"unit":"api","job":"build","key":"[0-9a-f]{64}","state":"unaffected"'
key=$(grep -oE '"unit":"web","job":"build","key":"[0-9a-f]*' <<<"$OUT")
run "$PENSTOCK" plan --repo "$bare" --base "$first" --head main --json
has 'the same content has the same key' "$OUT" "$key"
run "$PENSTOCK" plan --repo "$bare" --base "$first" --head nothing --json
is 'a head that is none: exit code 1 or 2' "$([[ $CODE == [12] ]] && echo good)" good
has 'in one line that names it' "$ERR" 'nothing'
run "$PENSTOCK" plan --repo "$work/none.git" --head main
is 'a repository that is none: exit code' "$([[ $CODE == [123] ]] && echo good)" good
git init --quiet --bare "$work/empty.git"
run "$PENSTOCK" plan --repo "$work/empty.git"
has 'a repository without commits: in one clear line' "$ERR" 'no commit|empty|HEAD'
is 'and no crash' "$([[ $CODE == [123] ]] && echo good)" good

# ---- check ----
run "$PENSTOCK" check
is 'check' "$CODE" 0
sed 's/^staging/stagin/' penstock.yml >bad.yml
run "$PENSTOCK" check bad.yml
is 'check of what is wrong: exit code 2' "$CODE" 2
has 'file:line:column, what, the right word' "$ERR" 'bad.yml:[0-9]+:[0-9]+: .*stagin.*did you mean "staging"'
rm bad.yml
run "$PENSTOCK" check --schema
has 'check --schema' "$OUT" 'json-schema.org'
run "$PENSTOCK" check none.yml
has 'check of no file: not 0' "$CODE" '[123]'

# ---- run, with what is not committed ----
run "$PENSTOCK" run --json
is 'run --json' "$CODE" 0
has 'one line a job: unit, job, state, key, seconds, log' "$OUT" '^\{"unit":"web","job":"test","state":"(passed|cached)","key":"[0-9a-f]{64}","seconds":[0-9.]+,"log":"'
log=$(sed -nE 's/.*"unit":"web","job":"test".*"log":"([^"]*)".*/\1/p' <<<"$OUT")
has 'the log can be read' "$(cat "$log" 2>/dev/null)" 'tested web 2'
echo 'web 3, not committed' >services/web/version
run "$PENSTOCK" run --json
log=$(sed -nE 's/.*"unit":"web","job":"test".*"log":"([^"]*)".*/\1/p' <<<"$OUT")
has 'what is not committed counts' "$(cat "$log" 2>/dev/null)" 'tested web 3, not committed'
run "$PENSTOCK" run --json
has 'again: from the cache' "$OUT" '"job":"test","state":"cached"'
sed -i 's/echo tested/false #/' penstock.yml
run "$PENSTOCK" run --json
is 'a job that fails: exit code 1' "$CODE" 1
has 'and its line' "$OUT" '"job":"test","state":"failed"'
git checkout --quiet .

# ---- verdict ----
facts() { # CANARY-ERRORS-PERCENT
	awk -v bad="$1" 'BEGIN {
		srand(7)
		for (i = 0; i < 40000; i++) {
			canary = i % 20 == 0
			status = canary && rand() * 100 < bad ? 500 : 200
			printf "{\"t\":%.3f,\"arm\":\"%s\",\"instance\":\"i%d\",\"status\":%d,\"ms\":%.2f}\n", i / 1000, canary ? "canary" : "stable", canary ? 9 : i % 3, status, 5 + 3 * rand()
		}
	}'
}
facts 20 >"$work/bad.ndjson"
run "$PENSTOCK" verdict --facts "$work/bad.ndjson" --weight 5% --json
is 'verdict --json' "$CODE" 0
has 'begins with wait' "$(head -n 1 <<<"$OUT")" '"answer":"wait"'
has 'ends with fail, with its numbers' "$(tail -n 1 <<<"$OUT")" '^\{"t":[0-9.]+,"answer":"fail","metric":"[a-z0-9_]+","lane":.*"evidence":.*"need":'
run "$PENSTOCK" verdict --facts - --error-margin 0.1% --latency-ratio 1.05 --json <"$work/bad.ndjson"
has 'from stdin' "$(tail -n 1 <<<"$OUT")" '"answer":"fail"'
facts 0 >"$work/fine.ndjson"
run "$PENSTOCK" verdict --facts "$work/fine.ndjson" --weight 5% --json
hasnt 'what is fine is never a failure' "$OUT" '"answer":"fail"'
run "$PENSTOCK" verdict --facts - --json <<<'{"t":0,"arm":"canary","status":"x"}'
is 'facts that cannot be read: exit code 2' "$CODE" 2
has 'with their line' "$ERR" '1'
run "$PENSTOCK" verdict --json
is 'verdict without facts: exit code 2' "$CODE" 2

# ---- a daemon: JSON of everything, audit ----
serve "$work/data" --repo "$bare" || not_ok 'serve' "$(tail -n 3 "$data.log")"
await_ok 'live' 40 release_is "$COMMIT" live
bad=''
for name in status runs releases rollouts environments 'audit list' incident 'incident list' 'why run-1/web/test' 'why run-1' 'why rel-1' 'why ro-1' 'audit show 1' 'logs web/test' 'hold staging'; do
	# shellcheck disable=SC2086
	run p $name --json
	[ "$CODE" = 0 ] && [[ ${OUT:0:1} == \{ ]] && [ "${OUT: -1}" = '}' ] || bad+=" [$name:$CODE ${OUT:0:60}]"
done
is '--json of what asks the daemon' "$bad" ''
bad=''
for name in 'approve rel-99' 'promote ro-99' 'abort run-99' 'rollback production nothing' 'incident close inc-9' 'audit show 99999' 'hold nowhere' 'pin production nothing' 'veto --lift production veto-9' 'rerun run-99'; do
	# shellcheck disable=SC2086
	run p $name
	[ "$CODE" = 1 ] && [ "$(wc -l <<<"$ERR")" = 1 ] || bad+=" [$name:$CODE $ERR]"
done
is 'what is not there: exit code 1 and one line' "$bad" ''
good 'audit export' p audit export -o "$work/audit.ndjson"
good 'audit verify --export' "$PENSTOCK" audit verify --export "$work/audit.ndjson"
good 'audit verify --export -' "$PENSTOCK" audit verify --export - <"$work/audit.ndjson"
run p audit verify --json
if [ "$CODE" = 0 ] && one_json "$OUT"; then ok 'audit verify --json'; else not_ok 'audit verify --json' "$CODE $OUT"; fi
run p audit replay --json
if [ "$CODE" = 0 ] && one_json "$OUT"; then ok 'audit replay --json'; else not_ok 'audit replay --json' "$CODE $OUT"; fi
sed '5s/"actor":"/&x/' "$work/audit.ndjson" >"$work/changed.ndjson"
run "$PENSTOCK" audit verify --export "$work/changed.ndjson"
is 'a changed record: exit code 1' "$CODE" 1
has 'and which one' "$OUT$ERR" '(^|[^0-9])[56]([^0-9]|$)'
sed 7d "$work/audit.ndjson" >"$work/short.ndjson"
run "$PENSTOCK" audit verify --export "$work/short.ndjson"
is 'a record that is missing: exit code 1' "$CODE" 1
api GET /metrics
has '/metrics' "$ANSWER" '# TYPE penstock_'
api GET /healthz
is '/healthz' "$STATUS" 200
api GET /readyz
is '/readyz' "$STATUS" 200
api GET /api/v1/nothing
is 'a path that is none' "$STATUS" 404
bad=''
while read -r line; do [ -z "$line" ] || [[ $line == \{\"time\":*\} && $line == *\"level\":* && $line == *\"message\":* ]] || bad+=" $line"; done <"$data.log"
is 'the log is JSON, a line each' "${bad:0:300}" ''
run p hold --lift staging hold-1 -m 'the sale is over'
is 'a hold is lifted' "$CODE" 0
api GET '/api/v1/audit?type=person.unhold'
has 'and the journal says why' "$ANSWER" 'lifted hold-1 in staging: the sale is over'
run p rerun run-1 -m again
has 'a rerun says which run it is now' "$OUT" 'run-1 is done again as run-2;'
run p rerun run-1 --json
has 'once more: run-2 stands there by now, and none comes of it' "$OUT" '^\{"ok":true,"seq":[0-9]+\}$'
api GET /api/v1/runs/run-2/stages
has 'and where it stands' "$ANSWER" '"stage":"ci","state":"'
has 'with trace and span ids' "$(cat "$data.log")" '"trace_id":"[0-9a-f]{32}","span_id":"[0-9a-f]{16}"'
finish
