#!/bin/bash
# The way of a commit: init, check, serve, push, live; then every other thing that can happen to a branch.
. "$(dirname "$0")/lib.sh"
ports
build_service

# ---- a repository that knows nothing of Penstock ----
fresh=$work/fresh
mkdir "$fresh" && cp -R "$here/examples/shop/." "$fresh" && rm "$fresh/penstock.yml"
git -C "$fresh" init --quiet && git -C "$fresh" add -A && git -C "$fresh" commit --quiet -m shop
cd "$fresh" || exit 2
run "$PENSTOCK" init
is 'init ends well' "$CODE" 0
for unit in auth orders payments shared; do has "init finds $unit" "$(cat penstock.yml 2>/dev/null)" "$unit: *\\{?"; done
has 'what init writes is commented' "$(cat penstock.yml 2>/dev/null)" '#.*[a-z]'
good 'what init writes is right' "$PENSTOCK" check
run "$PENSTOCK" init
is 'init does not write over a penstock.yml' "$CODE" 2
cd "$work" || exit 2

# ---- an empty repository ----
project shop
serve "$work/data" --repo "$bare" || not_ok 'serve' "$(tail -n 3 "$data.log")"
has 'serve says where to push' "$(cat "$data.out")" "git push $bare main"
has 'an empty repository is no error' "$(p status)" 'Nothing was pushed yet'
is 'the hook is there' "$([ -x "$bare/hooks/post-receive" ] && echo yes)" yes

# ---- the first push ----
shop rolling
commit 'Open the shop'
first=$COMMIT
await_ok 'the first push is live in production' 30 release_is "$first" live
status=$(p status --json)
has 'status --json shows it' "$status" "\"state\":\"live\""
has 'status --json shows production' "$status" '"id":"production".*"live":\[\{"unit":"(api|web)"'
web=$(door production web) api=$(door production api)
is 'clients get it' "$(ask "$web")" 'web 1'
is 'staging has a door of its own' "$(ask "$(door staging web)")" 'web 1'
has 'status tells people' "$(p status)" 'rel-1 live'
run p logs run-1/web/test
has 'logs' "$OUT" 'tested web 1'
has 'logs of the newest run' "$(p logs api/test)" 'tested api 1'
run p logs web/tets
is 'logs of a job that is none' "$CODE" 1
has 'with a suggestion' "$ERR" 'did you mean web/test'
has 'why a job ran' "$(p why run-1/web/test)" 'web/test.*passed'
has 'why a release may go on' "$(p why rel-1)" 'evidence.*'
has 'releases' "$(p releases)" 'rel-1'
has 'rollouts' "$(p rollouts)" 'production +web'
has 'environments' "$(p environments)" 'production'
list=$(p audit list --last 500)
for type in source.ref_moved source.change_planned job.ended evidence.attested deploy.desired_written route.weight_set; do
	has "audit list has $type" "$list" "${type/./\\.}"
done
has 'the environment repository says what is wanted' "$(git -C "$data/env/production.git" show main:services/web.yml)" 'sha256:[0-9a-f]{64}'
has 'with trailers' "$(git -C "$data/env/production.git" log -1 --format=%B main)" 'Penstock-Release: rel-1'

# ---- one service of two ----
api_before=$(p environments --json | sed 's/{"unit"/\n&/g' | grep -F '"unit":"api"')
unit web 'web 2'
commit 'A better web'
await_ok 'a push of one service is live' 30 release_is "$COMMIT" live
is 'only it is affected' "$(run_line "$COMMIT" | sed -nE 's/.*"affected":\[([^]]*)\].*/\1/p')" '"web"'
hasnt 'only it is rolled out' "$(things rollouts | grep -F '"release":"rel-2"')" '"unit":"api"'
is 'the other is the very same' "$(p environments --json | sed 's/{"unit"/\n&/g' | grep -F '"unit":"api"')" "$api_before"
is 'clients get the new one' "$(ask "$web")" 'web 2'
is 'and the other as before' "$(ask "$api")" 'api 1'
has 'why the other did not run' "$(p why run-2/api/test)" 'unaffected'

# ---- the hook, and the watch where there is none ----
run env PENSTOCK_SOCKET="$data/penstock.sock" "$PENSTOCK" hook "$bare" <<<"$first $COMMIT refs/heads/main"
is 'the hook is taken' "$CODE $OUT$ERR" '0 '
run env PENSTOCK_SOCKET="$data/penstock.sock" "$PENSTOCK" hook "$work/other.git" <<<"$first $COMMIT refs/heads/main"
has 'of a repository that is not served, it says so' "$OUT" 'is .*other.git still served'
is 'and fails no push' "$CODE" 0
rm "$bare/hooks/post-receive"
unit web 'web 3'
commit 'Without a hook'
await_ok 'without the hook, the watch sees a push' 10 run_line "$COMMIT"
await_ok 'and it goes live' 30 release_is "$COMMIT" live

# ---- other branches, force, delete ----
runs=$(things runs | wc -l)
g push --quiet origin HEAD:refs/heads/topic
g push --quiet origin :refs/heads/topic
unit web 'web 3b'
g add -A && g commit --quiet --amend -m 'Rewritten' && COMMIT=$(g rev-parse HEAD) && g push --quiet --force origin HEAD:main
await_ok 'a forced push is taken' 10 run_line "$COMMIT"
await_ok 'and goes live' 30 release_is "$COMMIT" live
is 'other branches make no run' "$(things runs | wc -l)" $((runs + 1))
git -C "$bare" config receive.denyDeleteCurrent ignore
g push --quiet origin :refs/heads/main
await_ok 'that the branch was deleted is in the journal' 10 in_journal '"type":"source.ref_moved","payload":\{"repo":"shop","ref":"refs/heads/main"(,"base":"[0-9a-f]*")?\}'
is 'what is live stays' "$(ask "$web")" 'web 3b'

# ---- commits that cannot be read ----
cp "$tree/penstock.yml" "$work/penstock.yml"
sed -i 's/^staging:.*/stagin: {environment: staging}/' "$tree/penstock.yml"
commit 'A wrong word'
await_ok 'an error in penstock.yml fails the run' 10 run_is "$COMMIT" failed
has 'with line, column and the right word' "$(run_line "$COMMIT")" 'penstock.yml:10:1: .*did you mean.*staging'
has 'and whose it is' "$(run_line "$COMMIT")" '"author":"Ada"'
git -C "$tree" rm --quiet penstock.yml
commit 'No penstock.yml'
await_ok 'a commit without penstock.yml fails its run' 10 run_is "$COMMIT" failed
has 'and says so' "$(run_line "$COMMIT")" '"reason":"[^"]*penstock.yml'

# ---- while the daemon was away ----
stop
is 'it stops when it is asked to' "$CODE" 0
is 'services go on without it' "$(ask "$web")" 'web 3b'
cp "$work/penstock.yml" "$tree/penstock.yml"
unit api 'api 2'
long=$(printf 'x%.0s' {1..4000}) && for i in {1..20}; do echo "      V$i: $long"; done >"$work/env"
sed -i -e "/^  api: {/c\\  api:\n    path: services/api\n    health: /healthz\n    provides: api\n    env:" "$tree/penstock.yml" && sed -i "/^    env:/r $work/env" "$tree/penstock.yml"
commit 'While nobody looked'
good 'a push does not need the daemon' test "$(git -C "$bare" rev-parse main)" = "$COMMIT"
run p status
is 'without a daemon, exit code 3' "$CODE" 3
serve "$work/data" || not_ok 'serve again' "$(tail -n 3 "$data.log")"
await_ok 'the daemon sees what was pushed meanwhile' 30 release_is "$COMMIT" live
is 'clients get it' "$(ask "$api")" 'api 2'
plans=$(curl -sS --unix-socket "$data/penstock.sock" "http://localhost/api/v1/releases/$(release_id "$COMMIT")/plans")
has 'a long plan is kept, but for its end' "$plans" '"diff":"--- .*[0-9]{5} more bytes: they stand in the commit'
good 'audit verify' p audit verify
good 'audit replay' p audit replay
stop

# ---- a repository of the daemon's own ----
serve "$work/own"
is 'without --repo there is one to push to' "$(git -C "$work/own/git/project.git" rev-parse --is-bare-repository)" true
g push --quiet "$work/own/git/project.git" HEAD:main
await_ok 'and a push to it runs' 20 run_is "$COMMIT" passed
finish
