#!/bin/bash
# What `penstock generate` prints, read by those who know those systems: check-jsonschema (GitHub, GitLab, Buildkite), actionlint,
# and gitlab-ci-local, which runs the pipeline for real.
. "$(dirname "$0")/lib.sh"
export PENSTOCK_CACHE=$work/cache HOME=$work/home
mkdir -p "$HOME" "$work/repo" && cd "$work/repo" || exit 2
git init -q -b main . && mkdir -p lib/t app || exit 2
cat >penstock.yml <<'END'
version: 1
project: gen
on: {push: {branches: [main], tags: ['v*']}, pull_request: {}, schedule: [{cron: '0 3 * * *'}]}
services: {app: {path: app, deps: [lib]}}
libraries: {lib: {path: lib}}
ci:
  build: {each: '*', needs: [^build], run: 'mkdir -p dist && cp x dist/out && printf "#!/bin/sh\necho ran $(cat x)\n" >dist/tool && chmod +x dist/tool', outputs: ['dist/**']}
  test:
    each: '*'
    needs: [build]
    matrix: {db: [pg, my], include: [{db: lite, extra: 'yes'}]}
    env: {WHO: '${unit}/${matrix.db}'}
    steps: [{name: one, run: './dist/tool && test "$(cat dist/out)" = "$(cat x)"'}, {run: 'echo "who=$WHO db=$MATRIX_DB"', timeout: 1m}]
    finally: 'echo finally here'
  files: {each: lib, split: {into: 2, files: 't/*.sh'}, run: 'for f in $SPLIT_FILES; do echo "share $SPLIT_INDEX of $SPLIT_TOTAL: $f"; done'}
  ship: {each: app, needs: [test], manual: true, if: "branch == 'main' && event != 'pull_request'", run: 'echo shipped', secrets: {KEY: 'file:ship-key'}, concurrency: {group: ship, mode: queue}}
  tagged: {each: app, if: "startsWith(tag, 'v')", run: 'echo tagged', allow_failure: true, cache: [{key: [x], paths: [.c]}], reports: {junit: r.xml, coverage: c.xml}}
  tried: {each: app, retry: {max: 2, exit: [3, 7]}, run: 'n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n; [ $n -ge 2 ] || exit 3'}
END
quiet=$(cat penstock.yml)
cat >>penstock.yml <<'END'
  odd: {each: app, if: "affected('lib') || branch =~ 'release/*'", run: 'echo odd', container: 'alpine:3.20'}
  db: {each: app, container: 'postgres:16', services: {pg: {image: 'postgres:16', port: 5432, env: {POSTGRES_PASSWORD: x}, ready: 'pg_isready -U postgres'}}, run: 'echo $PG_HOST', retry: {max: 1, on: [infra]}, agent: [big]}
END
echo 1 >lib/x && echo 2 >app/x
for name in a b c; do echo 'echo hi' >lib/t/$name.sh; done
git add -A && git commit -q -m First

for system in github gitlab buildkite tekton; do
	run "$PENSTOCK" generate $system
	is "generate $system: exit code" "$CODE" 0
	printf '%s\n' "$OUT" >"$work/$system.yml"
	[ -z "$(sort "$work/stderr" | uniq -d)" ] && ok "$system: every remark once" || not_ok "$system: every remark once" "$ERR"
done

# ---- schemas ----
if [ -x "$peers/schema/bin/check-jsonschema" ]; then
	for pair in github:github-workflows gitlab:gitlab-ci buildkite:buildkite; do
		good "schema of ${pair%:*}" "$peers/schema/bin/check-jsonschema" --builtin-schema "vendor.${pair#*:}" "$work/${pair%:*}.yml"
	done
	printf 'on: push\njobs: {a: {steps: [{run: 1}]}}\n' >"$work/wrong.yml"
	"$peers/schema/bin/check-jsonschema" --builtin-schema vendor.github-workflows "$work/wrong.yml" >/dev/null 2>&1
	is 'the schema refuses what is wrong' $? 1
else
	skip 'schemas' 'no check-jsonschema: tests/peers/install.sh'
fi
skip 'schema of tekton' 'no schema of its resources is at hand'
if [ -x "$peers/bin/actionlint" ]; then
	printf 'self-hosted-runner: {labels: [big]}\n' >"$work/actionlint.yml"
	good 'actionlint' "$peers/bin/actionlint" -config-file "$work/actionlint.yml" -no-color -shellcheck= -pyflakes= "$work/github.yml"
else
	skip actionlint 'not there: tests/peers/install.sh'
fi

# ---- a pipeline that runs ----
local=$peers/gitlab-ci-local/node_modules/.bin/gitlab-ci-local
if [ ! -x "$local" ]; then
	skip gitlab-ci-local 'not there: tests/peers/install.sh'
	finish
fi
printf '%s\n' "$quiet" >penstock.yml
printf '.gitlab-ci-local\n' >.gitignore
git add -A && git commit -q -m Second
"$PENSTOCK" generate gitlab >.gitlab-ci.yml 2>/dev/null
git remote add origin "https://git.example.com/group/gen.git"
run timeout 300 "$local" --list
is 'gitlab-ci-local: list: exit code' "$CODE" 0
has 'needs of another unit' "$OUT" 'app-build .*\[lib-build\]'
has 'rows of a matrix' "$OUT" 'app-test: \[pg\]'
has 'a job that waits for somebody' "$OUT" 'app-ship .* manual'
hasnt 'no job of a tag' "$OUT" 'app-tagged .*needs'
run timeout 300 "$local" --shell-isolation app-build lib-build lib-files app-test lib-test --needs
is 'gitlab-ci-local: run: exit code' "$CODE" 0
[ "$CODE" = 0 ] || echo "# $(tail -n 20 <<<"$OUT$ERR" | tr '\n' '|')"
has 'outputs arrive, programs stay programs' "$OUT" 'app-test: \[pg\].*ran 2'
has 'variables of the row' "$OUT" 'lib-test: \[lite,yes\].*who=lib/lite db=lite'
has 'after_script' "$OUT" 'app-test: \[my\].*finally here'
is 'each file is in one share' "$(grep -oE 'share [12] of 2: t/[abc].sh' <<<"$OUT" | sort -k5 | cut -d' ' -f5 | tr '\n' ' ')" 't/a.sh t/b.sh t/c.sh '

# ---- the loop that GitHub gets: run its own script ----
"$PENSTOCK" generate github 2>/dev/null >"$work/github.yml"
"$peers/schema/bin/python" - "$work/github.yml" >"$work/tried.sh" 2>/dev/null <<'END'
import sys
from ruamel.yaml import YAML
job = YAML(typ="safe").load(open(sys.argv[1]))["jobs"]["app-tried"]
print([s["run"] for s in job["steps"] if "try=" in s.get("run", "")][0])
END
if [ -s "$work/tried.sh" ]; then
	cd app || exit 2
	run sh -e "$work/tried.sh"
	is 'retry: exit code' "$CODE" 0
	is 'retry: three tries' "$(cat n)" 3
	sed -i 's/|| exit 3/|| exit 4/' "$work/tried.sh" && rm -f n
	run sh -e "$work/tried.sh"
	is 'retry: another code is not tried again' "$CODE$(cat n)" 41
else
	skip 'the loop of retry' 'nobody reads YAML here'
fi
finish
