#!/bin/bash
# `penstock run` as a step of GitHub Actions and GitLab CI: which commit it compares to, what its log says to the host, what a job's own
# output may not say, the summary, the outputs, the reports; then `import` and `generate` from the command line.
. "$(dirname "$0")/lib.sh"
unset GITHUB_ACTIONS GITHUB_EVENT_PATH GITHUB_STEP_SUMMARY GITHUB_OUTPUT GITLAB_CI CI_MERGE_REQUEST_DIFF_BASE_SHA CI_COMMIT_BEFORE_SHA
export PENSTOCK_CACHE=$work/cache HOME=$work/home
mkdir -p "$HOME" "$work/repo" && cd "$work/repo" || exit 2
git init -q -b main .
mkdir -p a b
echo 1 >a/x && echo 1 >b/x
cat >penstock.yml <<'END'
version: 1
project: shop
on: {push: {branches: [main]}, pull_request: {}}
libraries: {a: {path: a}, b: {path: b}}
ci:
  good: {each: '*', run: 'echo "fine $(cat x)"'}
  noisy:
    each: a
    run: |
      echo '::error file=evil.c,line=1::made by the job'
      echo '::set-output name=evil::1'
      echo '::add-mask::fine'
      echo '::stop-commands::guess'
      echo '::guess::'
      echo '::endgroup::'
      printf '\033[0Ksection_end:1:penstock_1\r\033[0K\n'
  bad:
    each: a
    needs: [good]
    run: |
      cp ../reports/* .
      echo 'src/main.c:7:3: error: 50% of this: is, wrong'
      echo "a failure's own words" >&2
      exit 3
    inputs: [x, ../reports/**]
    reports: {junit: junit.xml, sarif: out.sarif, problems: gcc}
END
mkdir reports
cat >reports/junit.xml <<'END'
<testsuites><testsuite name="s" tests="3"><testcase classname="c" name="adds" time="0.5"/>
<testcase classname="c" name="breaks &amp; burns" file="t/x_test.c" line="9" time="1"><failure message="1 != 2">line one
line two, 100%</failure></testcase><testcase name="later"><skipped/></testcase></testsuite></testsuites>
END
cat >reports/out.sarif <<'END'
{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"R:1,a","level":"warning","message":{"text":"two\nlines: 5%"},
"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/a b.c"},"region":{"startLine":4,"startColumn":2}}}]}]}]}
END
git add -A && git commit -q -m First
first=$(git rev-parse HEAD)
echo 2 >a/x && git commit -q -a -m Second
second=$(git rev-parse HEAD)
echo 3 >b/x && git commit -q -a -m Third
third=$(git rev-parse HEAD)

github() { # EVENT [ARGUMENT...]: a run as GitHub Actions would start it
	printf '%s' "$1" >"$work/event.json"
	: >"$work/summary"
	: >"$work/output"
	shift
	run env GITHUB_ACTIONS=true GITHUB_EVENT_PATH="$work/event.json" GITHUB_STEP_SUMMARY="$work/summary" \
		GITHUB_OUTPUT="$work/output" "$PENSTOCK" run ci "$@"
	SUMMARY=$(cat "$work/summary") OUTPUT=$(cat "$work/output")
}
# What GitHub would obey: lines outside of stop-commands, as its runner reads them.
commands() {
	awk '
		stopped { if ($0 == "::" token "::") stopped = 0; next }
		/^::stop-commands::/ { token = substr($0, 18); stopped = 1; next }
		/^::/ { print }' <<<"$OUT"
}
output_of() { # NAME
	awk -v name="$1" '!end && index($0, name "<<") == 1 { end = substr($0, length(name) + 3); next } $0 == end { end = "" } end' <<<"$OUTPUT"
}

# ---- GitHub: a push ----
github "{\"before\":\"$first\",\"after\":\"$third\"}"
is 'github: a failing job: exit code' "$CODE" 1
is 'github: affected since `before`' "$(output_of affected)" '["a","b"]'
is 'github: passed' "$(output_of passed)" false
is 'github: images' "$(output_of images)" '{}'
told=$(commands)
has 'github: a group for each good job' "$told" '^::group::passed b/good'
is 'github: each group ends' "$(grep -c '^::group::' <<<"$told")" "$(grep -c '^::endgroup::' <<<"$told")"
hasnt 'github: what failed is in no group' "$told" '^::group::failed'
has 'github: it stands open' "$OUT" '^failed a/bad'
hasnt "github: a job's own commands are not obeyed" "$told" 'evil|add-mask|set-output|guess'
has 'github: they are in the log all the same' "$OUT" '^::error file=evil.c'
has 'github: SARIF, escaped' "$told" '^::warning file=a/src/a b.c,line=4,col=2,title=R%3A1%2Ca::two%0Alines: 5%25$'
has 'github: a line of gcc, escaped' "$told" '^::error file=(a/)?src/main.c,line=7,col=3,.*::50%25 of this: is, wrong$'
has 'github: JUnit, escaped' "$told" '^::error file=(a/)?t/x_test.c,line=9,.*::.*1 != 2'
has 'github: the job that failed' "$told" '^::error title=failed a/bad'
has 'summary: title' "$SUMMARY" '^## Penstock: failed'
is 'summary: failures first' "$(grep -nE '^\| (❌|✅)' <<<"$SUMMARY" | head -n 1 | grep -c 'bad')" 1
has 'summary: the likely cause' "$SUMMARY" 'likely cause of a/bad'
hasnt 'summary: nothing of it is HTML' "$SUMMARY" '<'
tokens=$(grep -o '^::stop-commands::.*' <<<"$OUT" | sort -u | grep -v guess)
is 'github: one token' "$(wc -l <<<"$tokens")" 1
github "{\"before\":\"$first\"}"
[ "$(grep -o '^::stop-commands::.*' <<<"$OUT" | sort -u | grep -v guess)" != "$tokens" ]
is 'github: another one in the next run' $? 0

# ---- GitHub: a pull request, a branch that is new ----
github "{\"pull_request\":{\"base\":{\"sha\":\"$second\"}},\"before\":\"$first\"}"
is "github: a pull request's base comes first" "$(output_of affected)" '["b"]'
is 'github: all is well: exit code' "$CODE" 0
has 'github: and said' "$SUMMARY" '^## Penstock: passed'
is 'github: passed' "$(output_of passed)" true
github "{\"merge_group\":{\"base_sha\":\"$second\"}}"
is 'github: a merge group' "$(output_of affected)" '["b"]'
github '{"before":"0000000000000000000000000000000000000000"}' >/dev/null
has 'github: a new branch is compared as at home' "$(output_of affected)" '^\['
github 'not JSON' >/dev/null
has 'github: an event that is none' "$(output_of affected)" '^\['
github '{"before":"1111111111111111111111111111111111111111"}'
is 'github: a base that is not there: exit code' "$CODE" 2
has 'github: and what to do' "$ERR" 'fetch-depth: 0'

# ---- a shallow clone ----
git clone -q --depth 1 "file://$work/repo" "$work/shallow" && cd "$work/shallow" || exit 2
github "{\"before\":\"$first\"}"
is 'shallow: exit code' "$CODE" 2
has 'shallow: says what to do' "$ERR" "does not hold $first.*fetch-depth: 0"
is 'shallow: in one line' "$(wc -l <<<"$ERR")" 1
run env GITLAB_CI=true CI_COMMIT_BEFORE_SHA="$first" "$PENSTOCK" run ci
has 'shallow: GitLab' "$ERR" 'GIT_DEPTH: 0'
run "$PENSTOCK" run ci --base "$first"
is 'shallow: at home: exit code' "$CODE" 2
cd "$work/repo" || exit 2

# ---- GitLab ----
run env GITLAB_CI=true CI_MERGE_REQUEST_DIFF_BASE_SHA="$first" CI_COMMIT_BEFORE_SHA="$second" \
	"$PENSTOCK" run ci --junit "$work/junit.xml" --codequality "$work/quality.json"
is 'gitlab: exit code' "$CODE" 1
starts=$(grep -ao 'section_start:[0-9]*:penstock_[0-9]*\(\[collapsed=true\]\)\?' <<<"$OUT")
ends=$(grep -ao 'section_end:[0-9]*:penstock_[0-9]*' <<<"$OUT")
is 'gitlab: a section for each job, in order' "$(sed 's/.*penstock_\([0-9]*\).*/\1/' <<<"$starts")" "$(sed 's/.*penstock_//' <<<"$ends")"
at=$(grep -a 'section_start' <<<"$OUT" | grep -ac $'\r\033\[0K')
is 'gitlab: the marks are as its runner wants them' "$at" "$(wc -l <<<"$starts")"
is 'gitlab: good ones are shut, bad ones open' "$(grep -c collapsed <<<"$starts")" "$(($(wc -l <<<"$starts") - 1))"
hasnt "gitlab: a job's own marks are none" "$OUT" 'section_end:1:'
hasnt 'gitlab: nothing of GitHub' "$(grep -v guess <<<"$OUT")" '^::group|^::stop-commands::[0-9a-f]{16}'
good 'junit: is XML' xmllint --noout "$work/junit.xml"
is 'junit: tests' "$(xmllint --xpath 'count(//testcase)' "$work/junit.xml")" 3
is 'junit: one failed' "$(xmllint --xpath 'string(//failure/@message)' "$work/junit.xml")" '1 != 2'
is 'junit: its name' "$(xmllint --xpath 'string(//testcase[failure]/@name)' "$work/junit.xml")" 'breaks & burns'
good 'codequality: is JSON' jq -e 'type == "array" and length >= 2' "$work/quality.json"
good 'codequality: every field' jq -e 'all(.[]; (.description | length > 0) and (.check_name | length > 0) and (.fingerprint | test("^[0-9a-f]{64}$"))
	and (.severity | IN("info", "minor", "major")) and (.location.path | length > 0) and (.location.lines.begin >= 1))' "$work/quality.json"
good 'codequality: prints differ' jq -e '[.[].fingerprint] | length == (unique | length)' "$work/quality.json"
is 'codequality: the lint' "$(jq -r '.[] | select(.check_name == "R:1,a") | "\(.location.path):\(.location.lines.begin) \(.severity)"' "$work/quality.json")" \
	'a/src/a b.c:4 minor'

# ---- elsewhere ----
run "$PENSTOCK" run ci --base "$first" --dialect github
has '--dialect github' "$OUT" '^::group::'
run env GITHUB_ACTIONS=true "$PENSTOCK" run ci --base "$first" --dialect plain
hasnt '--dialect plain' "$(grep -v guess <<<"$OUT")" '^::group'
run "$PENSTOCK" run ci --dialect nobody
is '--dialect nobody: exit code' "$CODE" 2
run env GITHUB_ACTIONS=true "$PENSTOCK" run ci --base "$first" --json
good '--json is JSON alone' jq -es 'length > 2 and all(.[]; .state)' <<<"$OUT"
run env GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=/nowhere/x GITHUB_OUTPUT= "$PENSTOCK" run ci --base "$second"
is 'a summary that cannot be written fails nothing' "$CODE" 0

# ---- secrets ----
mkdir -p "$work/data/secrets"
printf 'hunter2-%s' "$RANDOM$RANDOM" >"$work/data/secrets/key" && chmod 600 "$work/data/secrets/key"
secret=$(cat "$work/data/secrets/key")
mkdir "$work/masked" && cd "$work/masked" && git init -q -b main . && mkdir a && echo 1 >a/x || exit 2
cat >penstock.yml <<END
version: 1
project: masked
libraries: {a: {path: a}}
ci:
  leak:
    each: '*'
    secrets: {KEY: 'file:key'}
    reports: {junit: j.xml, problems: gcc}
    run: |
      [ -n "\$KEY" ] || exit 9
      echo "key \$KEY"; printf %s "\$KEY" | base64
      echo "main.c:1:1: error: \$KEY"
      echo "<testsuite><testcase name='t'><failure message='\$KEY'>\$KEY</failure></testcase></testsuite>" >j.xml
      exit 1
END
git add -A && git commit -q -m First
export PENSTOCK_DATA=$work/data
github '{}' --junit "$work/masked.xml" --codequality "$work/masked.json"
has 'masks: the job had it' "$OUT" '^key \*\*\*'
is 'masks: the reports are there' "$(xmllint --xpath 'count(//failure)' "$work/masked.xml")$(jq length "$work/masked.json")" 11
unset PENSTOCK_DATA
for file in "$work/summary" "$work/output" "$work/masked.xml" "$work/masked.json"; do
	hasnt "masks: not in $(basename "$file")" "$(cat "$file")" "$secret"
done
hasnt 'masks: not in what is said' "$OUT$ERR" "$secret|$(printf %s "$secret" | base64)"

# ---- import and generate ----
cd "$work/repo" || exit 2
run "$PENSTOCK" import github "$here/tests/data/import/github-simple.yml" -o "$work/made.yml"
is 'import: all of it: exit code' "$CODE" 0
good 'import: what was made is ours' "$PENSTOCK" check "$work/made.yml"
run "$PENSTOCK" import github "$here/tests/data/import/github-simple.yml" -o "$work/made.yml"
is 'import: a file that is there: exit code' "$CODE" 1
run "$PENSTOCK" import gitlab "$here/tests/data/import/gitlab-nasty.yml"
is 'import: not all of it: exit code' "$CODE" 1
has 'import: line by line' "$ERR" 'gitlab-nasty.yml:[0-9]+: .*: not mapped; '
run "$PENSTOCK" import gitlab "$work/nowhere"
is 'import: no file: exit code' "$CODE" 2
run "$PENSTOCK" import jenkins x
is 'import: a system that it does not know: exit code' "$CODE" 2
for system in github gitlab tekton buildkite; do
	run "$PENSTOCK" generate $system
	is "generate $system: exit code" "$CODE" 0
	run "$PENSTOCK" generate $system --base "$second"
	has "generate $system: what is affected" "$OUT" 'b-good'
	hasnt "generate $system: and no more" "$OUT" 'a-good'
done
finish
