#!/bin/bash
# Stage ci as people know it: matrices, steps, conditions, templates, manual jobs, amber ones, flaky tests and quarantine, splits, tags, requests to
# merge and forks, and why a job ran.
. "$(dirname "$0")/lib.sh"
ports
project lab
serve_it() { serve "$work/data" --repo "$bare" "$@"; }
jobs_of() { p runs --json >/dev/null && "$PENSTOCK" why "$1" --data "$data" >/dev/null; }
job_line() { # RUN UNIT/JOB
	"$PENSTOCK" why "$1/$2" --json --data "$data" 2>/dev/null
}
job_state() { job_line "$1" "$2" | first_member state; }
job_is() { [ "$(job_state "$1" "$2")" = "$3" ]; }
log_of() { p logs "$1/$2" 2>/dev/null; }
junit() { # NAME OK|FAIL ...: a shell line that writes a report
	printf '<testsuite>'
	while [ $# -gt 1 ]; do
		if [ "$2" = OK ]; then printf '<testcase classname="t" name="%s" file="t/%s.sh" time="0.1"/>' "$1" "$1"; else
			printf '<testcase classname="t" name="%s"><failure message="no"/></testcase>' "$1"
		fi
		shift 2
	done
	printf '</testsuite>'
}

mkdir -p "$tree/a/t" "$tree/b" "$tree/ci"
for i in 1 2 3 4 5; do echo "$i" >"$tree/a/t/$i.sh"; done
echo b >"$tree/b/file"
junit one OK two FAIL >"$tree/a/bad.xml"
junit one OK two OK >"$tree/a/good.xml"
cat >"$tree/ci/templates.yml" <<-Y
	version: 1
	templates:
	  shell: {env: {GREETING: hello, WHO: nobody}, timeout: 2m}
Y
cat >"$tree/penstock.yml" <<-'Y'
	version: 1
	project: lab
	include: [ci/templates.yml]
	on:
	  push: {branches: [main, "topic/*"], tags: ["v*"]}
	  pull_request: {forks: approve}
	libraries:
	  a: {path: a}
	  b: {path: b, deps: [a]}
	ci:
	  budget: 10m
	  axes: {each: a, matrix: {db: ["15", "16"], os: [deb, alp], exclude: [{db: "15", os: alp}], include: [{db: "17", os: deb}]}, run: 'echo "db=$MATRIX_DB os=$MATRIX_OS ${NOTHING-unset}"'}
	  steps: {each: a, steps: [{name: prepare, run: echo one}, {name: work, run: echo two}]}
	  greet: {each: b, extends: shell, env: {WHO: world}, run: 'echo "$GREETING $WHO"'}
	  only-tags: {each: a, if: "event == 'tag' && tag =~ 'v*'", run: echo tagged $PENSTOCK_JOB}
	  on-docs: {if: "changed('docs/**')", inputs: [docs/**], run: "true"}
	  after-skipped: {each: a, needs: ["only-tags", "axes?"], run: "true"}
	  may-fail: {each: a, allow_failure: true, run: "exit 3"}
	  after-may-fail: {each: a, needs: [may-fail], run: "true"}
	  by-hand: {each: a, manual: true, run: echo by hand}
	  after-by-hand: {each: a, needs: [by-hand], run: echo then}
	  files: {each: a, split: {into: 2, files: "t/*.sh"}, run: 'echo "$SPLIT_FILES" | tr "\n" " "; echo "$SPLIT_INDEX/$SPLIT_TOTAL"'}
	  retried: {each: a, retry: {max: 1, exit: [75]}, run: "exit 75"}
	  known: {each: a, flaky: {quarantine: true}, run: "cp bad.xml out.xml; exit 1", reports: {junit: out.xml}, allow_failure: false}
	quarantine:
	  - {test: t.two, owner: ada, until: 2099-12-31, reason: "it counts seconds"}
Y
sed -i '/  retried:/d' "$tree/penstock.yml"
serve_it --port "$api_port" || not_ok serve "$(tail -n 3 "$data.log")"
commit first
await_ok 'the run ends' 60 run_ended "$COMMIT"
is 'and passes' "$(run_state "$COMMIT")" passed
r=$(run_id "$COMMIT")

# ---- what ran ----
for row in 15,deb 16,deb 16,alp 17,deb; do is "row $row of the matrix" "$(job_state "$r" "a/axes@$row")" passed; done
has 'a row that is excluded is no job' "$(p why "$r/a/axes@15,alp" 2>&1)" 'has no job a/axes@15,alp'
has 'the name of all rows is told which there are' "$(p why "$r/a/axes" 2>&1)" 'no job a/axes of that name alone; which: a/axes@15,deb, '
has 'a job of the project by its name' "$(p why on-docs)" "^$r/ci/-/on-docs "
has 'or as its id has it' "$(p why "$r/-/on-docs")" "^$r/ci/-/on-docs "
has 'a job of a unit by its name alone, too' "$(p why axes 2>&1)" 'no job axes of that name alone; which: a/axes@15,deb, '
has 'a step that is none is said to be none' "$(p logs "$r/a/steps" --step nowhere 2>&1)" 'no step "nowhere" .* --fold'
has 'the row is in the environment, nothing else is' "$(log_of "$r" a/axes@16,alp)" 'db=16 os=alp unset'
has 'steps run in order' "$(log_of "$r" a/steps | tr '\n' ' ')" 'one.*two'
has 'a template is merged with the job' "$(log_of "$r" b/greet)" 'hello world'
is '`if` says no' "$(job_state "$r" a/only-tags)" skipped
has 'and why says which' "$(p why "$r/a/only-tags")" "event == 'tag'"
is 'what needs a skipped job runs' "$(job_state "$r" a/after-skipped)" passed
is 'a job that may fail fails' "$(job_state "$r" a/may-fail)" failed
has 'and is amber' "$(job_line "$r" a/may-fail)" '"amber":true'
has 'status says that it may' "$(p status)" 'may-fail  failed \(allowed\)'
has 'and counts it apart' "$(p status)" '[0-9]+ failed \(allowed\)'
hasnt 'and calls nothing of it failed' "$(p status)" '[0-9] failed($|,)'
has 'and why does' "$(p why "$r/a/may-fail")" 'allowed +it says allow_failure'
is 'what needs it runs' "$(job_state "$r" a/after-may-fail)" passed
is 'a manual job waits' "$(job_state "$r" a/by-hand)" manual
is 'and so does what needs it' "$(job_state "$r" a/after-by-hand)" blocked
has 'files are shared out' "$(log_of "$r" a/files@1of2)$(log_of "$r" a/files@2of2)" 't/1.sh'
is 'each file once' "$( (log_of "$r" a/files@1of2; log_of "$r" a/files@2of2) | grep -oE 't/[1-5].sh' | sort | tr '\n' ' ')" 't/1.sh t/2.sh t/3.sh t/4.sh t/5.sh '
is 'only quarantined tests failed: amber' "$(job_state "$r" a/known)" flaky
has 'and it says so' "$(p why "$r/a/known")" 'only quarantined tests failed: t.two'
has 'the run says how long it was thought to take, or took' "$(p why "$r")" 'took .*budget 10 min'
has 'and what it hung on' "$(p why "$r")" 'critical'
has 'the included file is recorded with its digest' "$(things runs | head -n 1)" '"from":"ci/templates.yml","digest":"[0-9a-f]{64}"'

# ---- by hand ----
run p start "$r/a/by-hand"
is 'somebody starts it' "$CODE" 0
await_ok 'it runs' 20 job_is "$r" a/by-hand passed
await_ok 'and then what needs it' 20 job_is "$r" a/after-by-hand passed
run p start "$r/a/by-hand"
has 'twice is refused' "$CODE $ERR" '^1 .*nothing to start'

# ---- why ----
has 'a key has its lines' "$(p why "$r/a/axes@16,alp" --key)" 'matrix db=16'
echo more >>"$tree/a/t/1.sh"
sed -i 's/WHO: world/WHO: everybody/' "$tree/penstock.yml"
commit second
await_ok 'a second run ends' 60 run_ended "$COMMIT"
s=$(run_id "$COMMIT")
diff=$(p why "$s/b/greet" --diff "$r")
has 'what differs: the environment' "$diff" '^- env WHO=world'
has 'to the byte' "$diff" '^\+ env WHO=everybody'
has 'and the input' "$diff" '^[+-] input (a|b) '
hasnt 'and nothing else' "$diff" 'GREETING|toolchain'
diff=$(p why "$s/a/axes@15,deb" --diff "$r" --json)
has 'as JSON' "$diff" '"same":false,"removed":\["input a [0-9]+ [0-9a-f]{40}"\]'

# ---- flaky ----
cat >"$tree/penstock.yml" <<-'Y'
	version: 1
	project: lab
	libraries: {a: {path: a}}
	on: {push: {branches: [main], tags: ["v*"]}, pull_request: {forks: approve}}
	ci:
	  flaky: {each: a, flaky: {retry: 2}, reports: {junit: out.xml}, run: 'if [ "$PENSTOCK_ATTEMPT" = 1 ]; then cp bad.xml out.xml; exit 1; fi; cp good.xml out.xml'}
	  tools: {each: a, network: true, run: 'bash ./put.sh'}
  secret: {each: a, secrets: {TOKEN: "file:token"}, run: "true", if: "event != 'push'"}
Y
cat >"$tree/a/put.sh" <<-'S'
	where=${PENSTOCK_TOOL_CACHE#http://}
	exec 3<>"/dev/tcp/${where%:*}/${where#*:}"
	printf 'PUT /v1/cache/4711 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello' "$PENSTOCK_TOOL_CACHE_TOKEN" >&3
	read -r answer <&3
	echo "answer $answer token $PENSTOCK_TOOL_CACHE_TOKEN"
S
commit third
await_ok 'a run with a flaky test ends' 60 run_ended "$COMMIT"
f=$(run_id "$COMMIT")
is 'it passes' "$(run_state "$COMMIT")" passed
has 'a job may use the build caches without a setting' "$(log_of "$f" a/tools)" 'answer HTTP/1.1 200'
has 'and its token is masked' "$(log_of "$f" a/tools)" 'token \*\*\*'
is 'its job is flaky' "$(job_state "$f" a/flaky)" flaky
has 'the test is recorded' "$(p tests)" 't.two +a/flaky +1'
run p quarantine t.two --owner ada --for 14d -m 'issue 12'
is 'it goes into quarantine' "$CODE" 0
has 'which is seen' "$(p tests)" 't.two +ada'
run p quarantine t.two --lift
is 'and out of it' "$CODE" 0
run p quarantine t.two --owner ada --for 900d
has 'never for ever' "$CODE $ERR" '180 days'

# ---- tags, requests to merge ----
g tag v1 && g push --quiet origin v1
await_ok 'a tag has a run' 30 in_journal '"kind":"tag"'
g checkout --quiet -b topic/x && echo x >>"$tree/a/t/2.sh" && g commit --quiet -am request && g push --quiet origin HEAD:refs/pull/7/head
q=$(g rev-parse HEAD)
await_ok 'a request from a fork has a run that waits' 30 in_journal '"number":"7","fork":true'
planned() { w=$(p runs --json | grep -oE '"state":"planned","id":"run-[0-9]+"' | grep -oE 'run-[0-9]+'); [ -n "$w" ]; }
await 20 planned
has 'for somebody' "$(p why "$w")" 'waits for approval'
is 'nothing of it runs' "$(job_state "$w" a/flaky)" blocked
run p approve "$w"
is 'somebody says yes' "$CODE" 0
await_ok 'it runs' 30 run_is "$q" passed
is 'but sees no secret' "$(job_state "$w" a/secret)" skipped
has 'and says why' "$(p why "$w/a/secret")" 'fork sees no secrets'
hasnt 'and makes no release' "$(things releases)" "$q"

finish
