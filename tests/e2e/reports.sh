#!/bin/bash
# Reports over two pushes: coverage (lcov) with its change against the base, of a job and of a run; and of a run that ended before a restart.
. "$(dirname "$0")/lib.sh"
ports
project lab
lcov() { # COVERED OF
	local i
	printf 'SF:src/a.c\n'
	for ((i = 1; i <= $2; i++)); do printf 'DA:%d,%d\n' "$i" $((i <= $1)); done
	printf 'LF:%d\nLH:%d\nend_of_record\n' "$2" "$1"
}
mkdir -p "$tree/a"
lcov 5 10 >"$tree/a/cover.info"
cat >"$tree/penstock.yml" <<-Y
	version: 1
	project: lab
	libraries: {a: {path: a}}
	ci:
	  test: {each: a, run: cp cover.info out.info, reports: {coverage: out.info}}
	  slow: {each: a, steps: [{name: one, run: echo first}, {name: two, run: "echo second; test ! -e slowly || { $(hold); }"}, {name: three, run: echo third}]}
Y
serve "$work/data" --repo "$bare" --port "$api_port" || not_ok serve "$(tail -n 3 "$data.log")"
commit first
await_ok 'the first run ends' 60 run_ended "$COMMIT"
first=$(run_id "$COMMIT")
cp "$tree/a/cover.info" "$work/info"
lcov 5 10 >"$tree/a/cover.info" && echo '# again' >>"$tree/a/cover.info"
touch "$tree/a/slowly"
commit again
await 20 sh -c '"$PENSTOCK" runs --json --data "$0" | grep -q "$1"' "$data" "$COMMIT"
now=$(run_id "$COMMIT")
p logs "$now" a/slow --fold --follow >"$work/fold" 2>&1 &
pids+=($!)
await_ok 'a step is told while the next one runs' 20 sh -c 'grep -q "> one" "$0" && ! grep -q "> two" "$0"' "$work/fold"
let_go "$data" "$now/ci/a/slow" a
wait $!
has 'the rest when it ends' "$(tr '\n' ' ' <"$work/fold")" '> one .*> two .*> three  1 line'
await 20 run_ended "$COMMIT"
cp "$work/info" "$tree/a/cover.info" && rm "$tree/a/slowly"
has 'coverage without a base' "$(p report "$first" a/test)" 'coverage  50\.0 % \(5 of 10 lines\)$'
lcov 8 10 >"$tree/a/cover.info"
commit more
await_ok 'the second run ends' 60 run_ended "$COMMIT"
second=$(run_id "$COMMIT")
has 'its change, of a job' "$(p report "$second" a/test)" '80\.0 % \(8 of 10 lines\), \+30\.0 points against the base'
has 'its change, of the run' "$(p report "$second")" '80\.0 % \(8 of 10 lines\), \+30\.0 points against the base'
lcov 2 10 >"$tree/a/cover.info"
commit less
await_ok 'the third run ends' 60 run_ended "$COMMIT"
has 'less is less' "$(p report "$(run_id "$COMMIT")")" '20\.0 % \(2 of 10 lines\), -60\.0 points against the base'
before=$(p report "$second" --json)
# ---- what a report says of a secret ----
SECRET=tiger-$RANDOM-lily-$RANDOM
mkdir -p "$data/secrets" && printf %s "$SECRET" >"$data/secrets/KEY" && chmod -R go= "$data/secrets"
cat >"$tree/a/tell.sh" <<-'S'
	mkdir -p out/deep
	echo "<testsuite><testcase name='t' classname='c'><failure message='was $KEY'>in base64 $(printf %s "$KEY" | base64)</failure></testcase></testsuite>" >out/deep/j.xml
	echo "<testsuite><testcase name='plain' classname='c'/></testsuite>" >out/plain.xml
	printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan"}},"results":[{"ruleId":"r","message":{"text":"found %s"},"locations":[]}]}]}' "$KEY" >out/s.sarif
	echo "# of $KEY" >out/told.md
	echo "summary of $KEY" >>"$PENSTOCK_SUMMARY"
	exit 1
S
sed -i '/^  test:/i\  tell: {each: a, run: sh tell.sh, secrets: {KEY: "file:KEY"}, reports: {junit: "out/**/*.xml", sarif: out/s.sarif, summary: out/told.md}}' "$tree/penstock.yml"
commit tell
await_ok 'the run that tells ends' 60 run_ended "$COMMIT"
told=$(p report "$(run_id "$COMMIT")" a/tell --json)
hasnt 'no report says a secret' "$told" "$SECRET|$(printf %s "$SECRET" | base64)"
has 'a failure is shown without it' "$told" 'was \*\*\*'
has 'and its text' "$told" 'in base64 \*\*\*'
has 'a finding' "$told" 'found \*\*\*'
has 'a summary' "$told" '# of \*\*\*'
has 'the summary by the variable' "$told" 'summary of \*\*\*'
has 'a report without one as it is' "$told" '"name":"plain"'
# nobody has hidden anything when the job's supervisor is killed: its files are not read
echo 'mkdir -p out; echo "# of $KEY" >out/told.md; sleep 60' >"$tree/a/tell.sh"
commit lost
await 20 run_line "$COMMIT"
lost=$(run_id "$COMMIT")
told_md() { [ -s "$data/jobs/$lost+ci+a+tell/work/a/out/told.md" ]; }
await_ok 'it has written a report' 20 told_md
kill -9 "$(cat "$data/jobs/$lost+ci+a+tell/lock")"
await_ok 'the run of a lost job ends' 60 run_ended "$COMMIT"
hasnt 'and its report says no secret' "$(p report "$lost" a/tell --json)" 'summary'
stop
serve "$work/data" --repo "$bare" --port "$api_port" || not_ok 'serve again' "$(tail -n 3 "$data.log")"
is 'the report of a run that only the store knows' "$(p report "$second" --json)" "$before"
run p report run-999
has 'a run that never was' "$ERR" 'there is no run run-999'
finish
