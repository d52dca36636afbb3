#!/bin/bash
# Stage ci at its edges: a step's own time, exit codes that are tried again, what no agent can take, shares of a split job compared, templates of another
# repository at a commit, runs by the clock, and a fork that names somebody else's group.
. "$(dirname "$0")/lib.sh"
ports
project shared
mkdir -p "$tree/t"
cat >"$tree/t/go.yml" <<-'Y'
	version: 1
	templates:
	  greeting: {env: {GREETING: hello, WHO: nobody}, run: 'echo "$GREETING $WHO"'}
Y
printf 'version: 1\nproject: lab\n' >"$tree/penstock.yml"
commit templates
shared=$bare at=$COMMIT
sed -i 's/hello/goodbye/' "$tree/t/go.yml"
commit 'later ones'

project lab
serve_it() { serve "$work/data" --repo "lab=$bare" --repo "shared=$shared" "$@"; }
job_line() { "$PENSTOCK" why "$1/$2" --json --data "$data" 2>/dev/null; }
job_state() { job_line "$1" "$2" | first_member state; }
job_is() { [ "$(job_state "$1" "$2")" = "$3" ]; }
log_of() { p logs "$1/$2" 2>/dev/null; }

mkdir -p "$tree/a/t"
for i in 1 2 3 4; do echo "$i" >"$tree/a/t/$i.sh"; done
rules() { # BRANCHES: what stands in front of the jobs
	cat <<-Y
		version: 1
		project: lab
		include: ["shared//t/go.yml@$at"]
		on: {push: {branches: [main]}, pull_request: {forks: approve}${1-}}
		libraries: {a: {path: a}}
		ci:
	Y
}
{
	rules
	cat <<-'Y'
		  greet: {each: a, extends: greeting, env: {WHO: world}}
		  files: {each: a, split: {into: 2, files: "t/*.sh", by: name}, run: 'echo "$SPLIT_FILES"'}
		  slow: {each: a, allow_failure: true, steps: [{name: quick, run: echo one}, {name: long, run: sleep 60, timeout: 1s}, {name: never, run: echo three}], finally: [echo cleaned]}
		  again: {each: a, retry: {max: 2, exit: [75]}, run: 'echo "attempt $PENSTOCK_ATTEMPT"; [ "$PENSTOCK_ATTEMPT" = 3 ] || exit 75'}
		  once: {each: a, allow_failure: true, retry: {max: 2, exit: [75]}, run: 'echo "attempt $PENSTOCK_ATTEMPT"; exit 3'}
		  big: {each: a, allow_failure: true, cpu: 1000, run: "true"}
		  labelled: {each: a, allow_failure: true, agent: [gpu], run: "true"}
	Y
} >"$tree/penstock.yml"
serve_it || not_ok serve "$(tail -n 3 "$data.log")"
commit first
await_ok 'the run ends' 60 run_ended "$COMMIT"
is 'and passes' "$(run_state "$COMMIT")" passed
r=$(run_id "$COMMIT")

# ---- another repository ----
has 'a template of another repository, as it was at that commit' "$(log_of "$r" a/greet)" 'hello world'
has 'it is recorded with its digest' "$(run_line "$COMMIT")" "\"from\":\"shared//t/go.yml@$at\",\"digest\":\"[0-9a-f]{64}\""

# ---- time, exit codes, room ----
is 'a step that takes too long ends its job' "$(job_state "$r" a/slow)" failed
has 'as a timeout' "$(job_line "$r" a/slow)" '"failure":"timeout"'
has 'the step before it ran, those after it did not, and finally did' "$(log_of "$r" a/slow | tr '\n' ' ')" 'one.*cleaned'
hasnt 'not the one behind it' "$(log_of "$r" a/slow)" '^three'
is 'an exit code that is named is tried again' "$(job_line "$r" a/again | member attempt)" 3
is 'and passes, amber' "$(job_state "$r" a/again)" flaky
is 'another one is not' "$(job_line "$r" a/once | member attempt)" 1
is 'what no agent can take fails' "$(job_state "$r" a/big)" failed
has 'and says how big they are' "$(p why "$r/a/big")" 'asks for 1000 processors.*the biggest is local'
has 'so does what asks for a label that nobody has' "$(p why "$r/a/labelled")" 'labels gpu; no such agent'

# ---- shares ----
echo 5 >"$tree/a/t/5.sh" && echo 6 >"$tree/a/t/6.sh"
commit second
await_ok 'a second run ends' 60 run_ended "$COMMIT"
s=$(run_id "$COMMIT")
diff=$(p why "$s/a/files@1of2" --diff "$r")
has 'a share is compared with the same share of before' "$diff" "^\+ file t/5\.sh"
is 'each line once' "$(sort <<<"$diff" | grep -E '^[+-] ' | uniq -d)" ''
hasnt 'files of the other share are none of its' "$diff" 'file t/[246]\.sh'
has 'which share it is stands in its key' "$(p why "$s/a/files@1of2" --key)" 'shard 1of2'

# ---- what cannot be read ----
cp "$tree/penstock.yml" "$work/good.yml"
sed -i "s/@$at/@0000000000000000000000000000000000000000/" "$tree/penstock.yml"
commit 'no such commit'
await_ok 'an include that is not there fails its run' 30 run_is "$COMMIT" failed
has 'and says which' "$(p why "$(run_id "$COMMIT")")" 'shared//t/go.yml|000000000000'
sed -i "s/shared\/\/t/nowhere\/\/t/" "$tree/penstock.yml"
commit 'no such source'
await_ok 'one of a repository that is not watched, too' 30 run_is "$COMMIT" failed

# ---- a fork and groups; the clock ----
{
	rules ', schedule: [{cron: "* * * * *"}]'
	echo '  hold: {each: a, concurrency: db, if: "event == '"'push'"'", inputs: [t/1.sh], run: "'"$(hold)"'"}'
} >"$tree/penstock.yml"
commit third
third=$COMMIT
running() { h=$(run_id "$third") && [ -n "$h" ] && job_is "$h" a/hold running; }
await_ok 'a job holds its group' 30 running
g checkout --quiet -b evil
{
	rules | sed 's/forks: approve/forks: always/'
	echo '  take: {each: a, concurrency: {group: db, mode: supersede}, run: "true"}'
} >"$tree/penstock.yml"
g commit --quiet -am evil && g push --quiet origin HEAD:refs/pull/9/head
evil=$(g rev-parse HEAD)
g checkout --quiet main
await_ok 'a request from a fork names the same group' 30 in_journal '"number":"9","fork":true'
planned() { w=$(p runs --json | grep -oE '"state":"planned","id":"run-[0-9]+"' | grep -oE 'run-[0-9]+'); [ -n "$w" ]; }
await 20 planned
has 'what its own penstock.yml says of forks counts nothing' "$(p why "$w")" 'waits for approval'
let_go "$data" "$h/ci/a/hold" a
await_ok 'and ends nobody' 30 run_ended "$third"
is 'whose run passes' "$(run_state "$third")" passed
await_ok 'the clock starts a run' 90 in_journal '"kind":"schedule"'

finish
