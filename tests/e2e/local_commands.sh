#!/bin/bash
# The commands that need no daemon, as people use them, and every bad input that they can be given: one clear line, the
# right exit code, nothing changed. Reports in TAP.
set -u
P=${PENSTOCK:?names the program to be tested}
SHOP=$(cd "$(dirname "$0")/../../examples/shop" && pwd) || exit 1
T=$(mktemp -d) || exit 1
daemon=
finish() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$T"
}
trap finish EXIT
export PENSTOCK_CACHE=$T/cache PENSTOCK_DATA=$T/data HOME=$T GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
n=0
failed=0

result() { # CODE NAME [WHY]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		echo "# ${3-}"
		failed=1
	fi
}

# refuse NAME CODE PATTERN COMMAND...: exit code, and exactly one line on stderr that matches.
refuse() {
	local name=$1 code=$2 pattern=$3 got
	shift 3
	timeout 300 "$@" >"$T/out" 2>"$T/err" </dev/null
	got=$?
	if [ $got -ne "$code" ]; then
		result 1 "$name" "exit code $got, not $code: $(head -c 300 "$T/err")"
	elif [ "$(wc -l <"$T/err")" -ne 1 ] || ! grep -Eq -- "$pattern" "$T/err"; then
		result 1 "$name" "says: $(head -c 300 "$T/err")"
	else
		result 0 "$name"
	fi
}

# accept NAME PATTERN COMMAND...: exit code 0, and stdout matches.
accept() {
	local name=$1 pattern=$2 got
	shift 2
	timeout 300 "$@" >"$T/out" 2>"$T/err" </dev/null
	got=$?
	if [ $got -ne 0 ]; then
		result 1 "$name" "exit code $got: $(head -c 300 "$T/err")"
	elif ! grep -Eq -- "$pattern" "$T/out"; then
		result 1 "$name" "prints: $(head -c 300 "$T/out")"
	else
		result 0 "$name"
	fi
}

is() { # NAME WANTED GOT
	[ "$2" = "$3" ]
	result $? "$1" "\"$3\" instead of \"$2\""
}

commit() {
	git add -A && git commit -qm "$1"
}

# ---- check ----
cd "$T" || exit 1
mkdir yaml
head='version: 1
project: p
libraries: {a: {path: a}}
'
job='ci: {build: {each: "*", run: make}}
'
bad() { # NAME PATTERN TEXT
	printf '%s' "$3" >yaml/bad.yml
	refuse "check: $1" 2 "^penstock: .*bad.yml(:[0-9]+:[0-9]+)?: .*$2" "$P" check yaml/bad.yml
}
accept "check: the shop" '3 services, 1 library' "$P" check "$SHOP/penstock.yml"
accept "check: as JSON" '"ok":true,"project":"shop"' "$P" check --json "$SHOP/penstock.yml"
accept "check: the schema" '"\$schema"' "$P" check --schema
refuse "check: no file" 2 'penstock init' "$P" check nowhere.yml
refuse "check: a folder" 2 'yaml' "$P" check yaml
bad "an anchor" 'anchor|alias' 'a: &a [x, x]
b: &b [*a, *a]
c: [*b, *b]
'
bad "a tab" 'tab' 'version: 1
project: p
ci:
	build: {run: x}
'
bad "a key twice" 'already there' "${head}project: q
$job"
bad "a wrong type" 'number|list|map|whole' "${head}ci: {build: {each: [a, {b: c}], run: make}}
"
bad "an unknown key" 'did you mean' "${head}ci: {build: {each: \"*\", rn: make}}
"
bad "a cycle" 'a -> b -> a|b -> a -> b' 'version: 1
project: p
libraries: {a: {path: a, deps: [b]}, b: {path: b, deps: [a]}}
ci: {build: {each: "*", run: make}}
'
bad "a path above the repository" '\.\.' 'version: 1
project: p
libraries: {a: {path: ../a}}
ci: {build: {each: "*", run: make}}
'
bad "an absolute path" '/etc' 'version: 1
project: p
libraries: {a: {path: /etc}}
ci: {build: {each: "*", run: make}}
'
printf 'version: 1\nproject: p\0q\n' >yaml/nul.yml
refuse "check: NUL" 2 'nul.yml:2:11: .*NUL' "$P" check yaml/nul.yml
head -c 100000000 /dev/zero | tr '\0' 'a' >yaml/huge.yml
refuse "check: 100 MB" 2 'huge.yml.*1048576' "$P" check yaml/huge.yml
rm yaml/huge.yml

# ---- plan ----
refuse "plan: no repository" 2 'no Git repository' "$P" plan --repo "$T/yaml"
git init -q -b main empty
refuse "plan: no commit" 2 'no commit' "$P" plan --repo empty
refuse "run: no commit and no file" 2 'penstock init' "$P" run --repo empty
git init -q -b main bare-words
(cd bare-words && echo x >x && commit x)
refuse "plan: no penstock.yml" 2 'no penstock.yml' "$P" plan --repo bare-words
printf '%s' "$head$job" >bare-words/penstock.yml
refuse "plan: penstock.yml is not committed" 2 'is not committed.*penstock run' "$P" plan --repo bare-words
git init -q -b main p
cd p || exit 1
mkdir a b
echo 1 >a/x
echo 1 >b/x
cat >penstock.yml <<'END'
version: 1
project: p
libraries: {a: {path: a}, b: {path: b, deps: [a]}, c: {path: c}}
ci:
  build: {each: "*", needs: [^build], run: "cat x* >out; echo said $(cat out)", outputs: [out]}
  test: {each: "*", needs: [build], run: "! grep -q broken x"}
END
printf 'ignored\n' >.gitignore
mkdir c
echo 1 >c/x
commit first
echo 2 >a/x
commit second
git clone -q --bare . ../p.git
accept "plan: a bare repository" '^\{"units":3,"affected":\["a","b"\],"jobs":\[\{"unit":"a","job":"build","key":"[0-9a-f]{64}","state":"miss","why":"[^"]+"\},.*"state":"unaffected".*\],"elapsed_us":[0-9]+\}$' \
	"$P" plan --repo ../p.git --base main~1 --head main --json
accept "plan: what the last commit did, when nothing is said" '2 of 3 units affected' "$P" plan
accept "plan: against itself" '0 of 3 units affected' "$P" plan --base HEAD
refuse "plan: an unknown revision" 2 'no commit nowhere' "$P" plan --base nowhere
refuse "plan: an unknown option" 2 'did you mean' sh -c '"$0" plan --bse x 2>&1 >/dev/null | head -n 1 >&2; exit 2' "$P"
git init -q -b main ../links
(cd ../links && cp -r ../p/penstock.yml . && mkdir a b && echo 1 >a/x && echo 1 >b/x && ln -s /etc c && commit x)
refuse "plan: a unit that is a link" 2 'c' "$P" plan --repo ../links

# ---- run ----
before=$(sha256sum .git/index; git for-each-ref; find .git/objects | sort | sha256sum)
echo untracked >c/x2
echo no >c/ignored
echo 3 >b/x
rm a/x && echo 4 >a/x1
accept "run: what is not committed" '4 passed|6 passed' "$P" run
is "run: index, refs and objects stay" "$before" "$(sha256sum .git/index; git for-each-ref; find .git/objects | sort | sha256sum)"
accept "run: JSON" '^\{"unit":"c","job":"build","state":"cached","key":"[0-9a-f]{64}","seconds":0,"log":"/.*"\}$' "$P" run --json
is "run: a log is a file" "said 1 untracked" "$(zstd -dcqf "$(sed -n 's/.*"unit":"c","job":"build".*"log":"\([^"]*\)".*/\1/p' "$T/out")" | tr '\n' ' ' | sed 's/ $//')"
accept "run: again" '6 cached' "$P" run
times=$(cat "$PENSTOCK_CACHE"/history/*.json)
is "run: how long its jobs took is kept" 1 "$(grep -c '"id":"c/build","usec":[1-9][0-9]*,"runs":1' <<<"$times")"
sed -i 's/"usec":[0-9]*/"usec":600000000/g' "$PENSTOCK_CACHE"/history/*.json && echo more >>c/x2
accept "run: and said of the next run" 'about (10|20) min 0 s, as its jobs took before' sh -c '"$1" run 2>&1' - "$P"
printf '{"history":[{' >"$(echo "$PENSTOCK_CACHE"/history/*.json)"
accept "run: a damaged history is none" 'cached' "$P" run
echo untracked >c/x2
accept "run: one job of one unit" '^2 cached' "$P" run test --unit c
[ ! -e b/out ] || result 1 "run: the work tree is left alone" "b/out is there"
accept "run: --restore" '6 cached' "$P" run --restore
is "run: --restore lays what jobs left out in the work tree" "3 1 644 1" "$(cat b/out) $(cat c/x) $(stat -c '%a %h' b/out)"
echo mine >b/out
"$P" run --restore build >/dev/null 2>&1
is "run: the cache is not changed by it" "1 3" "$(rm -f a/out b/out c/out && "$P" run --restore >/dev/null 2>&1 && cat c/x b/out | tr '\n' ' ' | sed 's/ $//')"
rm -f a/out b/out c/out
refuse "run: an unknown job" 2 'did you mean test' "$P" run tst
refuse "run: an unknown unit" 2 'no unit' "$P" run --unit zzz
refuse "run: a bare repository" 2 'bare' "$P" run --repo ../p.git
echo broken >>c/x
"$P" run >"$T/out" 2>"$T/err"
is "run: a failed job" 1 $?
grep -q '1 failed' "$T/out"
result $? "run: the sum says so" "$(cat "$T/out")"
git checkout -q . && git clean -qfd
accept "run: a clean tree is its commit" 'passed' "$P" run
accept "plan: hits of that cache" '"state":"hit","why":"key seen in run-1"' "$P" plan --json --cache "$PENSTOCK_CACHE"
ln -s /etc/passwd c/out-of-here && git add -A
"$P" run build --unit c >"$T/out" 2>"$T/err"
is "run: a link out of the repository" 1 $?
git reset -q --hard && git clean -qfd
cat >penstock.yml <<'END'
version: 1
project: p
libraries: {a: {path: a}}
ci:
  slow: {each: "*", run: "sleep 600", finally: ["echo at last"]}
END
env --default-signal=INT "$P" run >"$T/out" 2>"$T/err" & # in the background, a shell's children ignore Ctrl-C
running=$!
log=
for _ in $(seq 2400); do # until the job runs
	log=$(compgen -G "$PENSTOCK_CACHE/runs/*/jobs/*slow*/log") && break
	sleep 0.05
done
[ -n "$log" ]
result $? "run: a job is under way"
kill -INT $running
wait $running
grep -q '1 cancelled' "$T/out"
result $? "run: Ctrl-C cancels" "$(cat "$T/out" "$T/err")"
is "run: nothing is left behind" "" "$(ls "$PENSTOCK_CACHE/runs")"
git checkout -q .

# ---- verdict ----
cd "$T" || exit 1
awk 'BEGIN { for (i = 0; i < 6000; i++) printf "{\"t\":%.2f,\"arm\":\"%s\",\"instance\":\"i%d\",\"status\":%d,\"ms\":%d}\n",
	i / 100, i % 10 ? "stable" : "canary", i % 10 ? i % 3 : 9, i % 20 ? 200 : 500, 10 + i % 7 }' >facts
accept "verdict: harm is found" '^\{"t":[0-9.]+,"answer":"fail","metric":"errors","lane":"[a-z]+","evidence":[0-9.e+]+,"need":0\}$' \
	"$P" verdict --facts facts --json
is "verdict: the first answer is to wait" wait "$(sed -n '1s/.*"answer":"\([a-z]*\)".*/\1/p' "$T/out")"
accept "verdict: from stdin, for people" 'fail +errors' sh -c '"$0" verdict --facts - --weight 50% --history facts <facts' "$P"
{ head -n 5 facts; echo '{"t":1,"arm":"other"}'; } >facts.bad
refuse "verdict: a bad line" 2 'facts.bad:6: "arm"' "$P" verdict --facts facts.bad
{ head -c 10000 /dev/zero | tr '\0' x; } >facts.long
refuse "verdict: a line of 10,000 bytes" 2 'facts.long:1: .*4096' "$P" verdict --facts facts.long
refuse "verdict: a file that is not there" 2 'nowhere' "$P" verdict --facts nowhere

# ---- init, doctor ----
mkdir nothing
refuse "init: nothing to find" 2 'Makefile' "$P" init nothing
cp -r "$SHOP" shop && rm shop/penstock.yml && cd shop && git init -q -b main .
accept "init: the shop" 'services/orders is the service orders, built by make, built from shared' "$P" init
accept "init: check takes what it wrote" '3 services, 1 library' "$P" check
refuse "init: not over a file" 2 '--force' "$P" init
accept "init: --force" 'wrote' "$P" init --force
mkdir -p ../other/apps/web ../other/packages/ui && cd ../other || exit 1
echo '{"name":"web","scripts":{"start":"node ."},"dependencies":{"@o/ui":"1"}}' >apps/web/package.json
echo '{"name":"@o/ui","scripts":{"test":"true"}}' >packages/ui/package.json
accept "init: another layout" 'apps/web is the service web, built by npm, built from ui' "$P" init .
accept "init: check takes that, too" '1 service, 1 library' "$P" check
printf 'version: 1\nproject: o\nci: {t: {each: "*", run: "true"}}\n' >penstock.yml
git init -q -b main .
accept "check: units that manifests name, of what is not committed" '1 service, 1 library' "$P" check
accept "check: and their jobs" '"unit":"web",.*"deps":\["ui"\],.*"jobs":\["t"\]' "$P" check --json
git add -A && git commit -qm o
"$P" run >"$T/out" 2>&1
result $? "run: in a repository of two units" "$(cat "$T/out")"
accept "plan: finds what run kept" '0 jobs to run, 2 in the cache' "$P" plan
cat >penstock.yml <<'END'
version: 1
project: o
ci:
  may: {run: "echo a problem; exit 3", allow_failure: true}
  hand: {run: "true", manual: true}
  after: {run: "true", needs: [hand]}
  again: {run: "exit 75", retry: {max: 1, exit: [75]}, allow_failure: true}
  slow: {run: "echo nearly there; sleep 60", timeout: 1s, allow_failure: true}
END
accept "run: what may fail is said to, and fails nothing" '^! failed +-/may .*exit 3 \(allowed\)' "$P" run
grep -qE '^(·|-) left out  -/hand  manual' "$T/out" && grep -qE '^(·|-) left out  -/after  it needs a manual job' "$T/out"
result $? "run: what nobody can start is named" "$(cat "$T/out")"
grep -q 'exit 75 (allowed) (attempt 2)' "$T/out"
result $? "run: attempts are counted" "$(cat "$T/out")"
tail -n 1 "$T/out" | grep -Eq '^1 manual, 3 failed \(allowed\), 1 behind a manual job in '
result $? "run: the sum tells them apart" "$(tail -n 1 "$T/out")"
accept "run: JSON says why, and what may" '"job":"may",.*"amber":true,.*"error":"exit 3","failure":"exit","exit":3,"cause":"a problem"' "$P" run --json
grep -q '"job":"hand","state":"manual"' "$T/out" && grep -q '"job":"after","state":"blocked"' "$T/out"
result $? "run: JSON has what was left out" "$(cat "$T/out")"
accept "run: a job that ended by its timeout says so, before what it printed" '^::warning title=failed -/slow .*did not end within 1.0 s%0Anearly there' \
	env GITHUB_STEP_SUMMARY="$T/summary" GITHUB_OUTPUT= "$P" run --dialect github
grep -q '^| ⚠️ | - | may | failed (allowed)' "$T/summary" && grep -q '^5 jobs, 0 failed, 3 amber' "$T/summary"
result $? "run: nor does a summary call it failed" "$(cat "$T/summary")"
git checkout -q penstock.yml

printf 'version: 1\nproject: o\nci:\n  a: {run: frobnicate}\n  b: {run: frobnicate, env: {PATH: /usr/bin/none:/usr/bin}}\n' >penstock.yml
"$P" run >"$T/out" 2>&1
grep -A2 '^-/a, the likely' "$T/out" | tr '\n' ' ' | grep -q 'frobnicate: not found .*exit 127: .* sees /usr alone, with PATH=/usr/local/bin:/usr/bin:.*container: IMAGE'
result $? "run: a tool that is not on a job's PATH" "$(cat "$T/out")"
grep -A2 '^-/b, the likely' "$T/out" | grep -q 'with PATH=/usr/bin/none:/usr/bin: '
result $? "run: nor on the one that it says itself" "$(cat "$T/out")"
git checkout -q penstock.yml

# a workspace: one install for all, and files at its top
echo '{"private":true,"workspaces":["apps/*","packages/*"]}' >package.json
echo '{"lockfileVersion":3,"packages":{}}' >package-lock.json
echo '{}' >tsconfig.json
echo secret >other
echo '{"name":"@o/ui","main":"./dist/index.js","scripts":{"build":"true","test":"true"}}' >packages/ui/package.json
accept "init: a workspace of npm" 'built by npm' "$P" init --force
accept "init: check takes that as well" '1 service, 1 library' "$P" check
for line in '    inputs: [package.json, package-lock.json, "apps/*/package.json", "packages/*/package.json"]' '    run: npm ci --no-audit --no-fund' \
	'    outputs: ["**/node_modules/**"]' '    needs: [install, ^build]' '    inputs: [$default, $root/tsconfig.json]' '    outputs: [dist/**]'; do
	grep -qF "$line" penstock.yml || sed 's/^/# /' penstock.yml
	grep -qF "$line" penstock.yml
	result $? "init: it is installed once, and its packages see what stands at its top: $line"
done
touch pnpm-workspace.yaml pnpm-lock.yaml
"$P" init --force >"$T/out" 2>&1 && grep -q '    run: pnpm install --frozen-lockfile' penstock.yml
result $? "init: and one of pnpm" "$(cat "$T/out")"
rm pnpm-workspace.yaml pnpm-lock.yaml
cat >penstock.yml <<'END'
version: 1
project: o
ci:
  all: {each: web, inputs: [$default, $root/tsconfig.json], run: "ls package.json ../../packages/ui/package.json ../../tsconfig.json; ! ls ../../other"}
  one: {each: web, inputs: [../../tsconfig.json], run: "ls ../../tsconfig.json; ! ls package.json"}
END
"$P" run >"$T/out" 2>&1
result $? "run: \$default is what a job reads without inputs" "$(cat "$T/out")"
git add -A && git commit -qm workspace && echo '{ }' >tsconfig.json && git commit -qam settings
accept "plan: what stands beside \$default counts" 'web +all +miss .* tsconfig.json changed' "$P" plan --base HEAD~1
sed -i 's,\[\.\./\.\./,[../../../,' penstock.yml
refuse "check: an input of an inferred unit that leaves the repository" 2 'penstock.yml:5: input "../../../tsconfig.json" of job "one" leaves the repository.*\$root/' "$P" check
git checkout -q penstock.yml
echo '{"name":"@o/ui","version":"2"}' >packages/ui/package.json && git commit -qam ui
accept "plan: and so does what it stands for" 'web +all +miss .* packages/ui changed, and web depends' "$P" plan --base HEAD~1
"$P" doctor --json >"$T/out" 2>"$T/err"
code=$?
[ $code -eq 0 ] || [ $code -eq 3 ]
result $? "doctor: exit code" $code
grep -q '"check":"sandbox","state":"' "$T/out"
result $? "doctor: tries a sandbox" "$(cat "$T/out" "$T/err")"

# ---- audit ----
cd "$T" || exit 1
refuse "audit: no journal" 2 'no journal' "$P" audit verify
"$P" serve --repo p.git --port 0 --processes >serve.log 2>&1 &
daemon=$!
for _ in $(seq 600); do
	"$P" audit export 2>/dev/null | grep -q '"job.ended"' && break
	sleep 0.2
done
accept "audit: verify beside a daemon" 'records, .* each follows' "$P" audit verify
accept "audit: replay beside a daemon" 'byte for byte' "$P" audit replay
kill -9 $daemon
wait 2>/dev/null
daemon=
accept "audit: export" '"type":"engine.started"' "$P" audit export
cp out journal.ndjson
accept "audit: verify an export" 'each follows' "$P" audit verify --export journal.ndjson
sed '3s/"actor":"git"/"actor":"ann"/' journal.ndjson >forged.ndjson
refuse "audit: a forged export" 1 'forged.ndjson: .*3' "$P" audit verify --export forged.ndjson
sed '2d' journal.ndjson >gap.ndjson
refuse "audit: an export with a gap" 1 'gap.ndjson: ' "$P" audit verify --export gap.ndjson
mkdir torn && head -c 5000 /dev/urandom >torn/journal.db
refuse "audit: no database" 1 'damaged' "$P" audit verify --data torn
refuse "audit: replay of no database" 1 'damaged' "$P" audit replay --data torn
refuse "audit: export of no database" 1 'damaged' "$P" audit export --data torn
echo "1..$n"
exit $failed
