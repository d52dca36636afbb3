#!/bin/bash
# The merge queue: changes land in order, tested as they would land; the guilty one is found and put out; the clock starts runs.
. "$(dirname "$0")/lib.sh"
ports
project lab
mkdir -p "$tree/a"
echo base >"$tree/a/file"
cat >"$tree/penstock.yml" <<-Y
	version: 1
	project: lab
	on: {push: {branches: [main]}, merge_queue: {batch: 4}, schedule: [{cron: "* * * * *"}]}
	libraries: {a: {path: a}}
	ci:
	  test: {each: a, run: "echo tested; $(hold); test ! -e broken"}
Y
serve "$work/data" --repo "$bare" || not_ok serve "$(tail -n 3 "$data.log")"
touch "$work/open" # while it is there, whatever waits goes on
doorman() {
	local folder
	while sleep 0.1; do
		[ -e "$work/open" ] || continue
		(cd "$data/jobs" && for folder in */work/a; do [ ! -d "$folder" ] || [ -e "$folder/go" ] || : >"$folder/go"; done)
	done
}
doorman 2>/dev/null &
pids+=($!)
commit first
await_ok 'the branch has its run' 30 run_is "$COMMIT" passed

topic() { # NAME COMMAND: a branch on main with one commit
	g fetch --quiet origin && g checkout --quiet -B "$1" origin/main && eval "$2" && g add -A && g commit --quiet -m "$1" && g push --quiet -f origin "HEAD:refs/heads/$1"
}
on_main() { g fetch --quiet origin && [ -n "$(g log origin/main --grep="$1" --format=%h -n 1)" ]; }
idle() { p queue --json 2>/dev/null | grep -q '"state":"idle"'; }

topic one 'echo 1 >"$tree/a/one"'
topic two 'echo 2 >"$tree/a/two"'
topic bad 'touch "$tree/a/broken"'
topic three 'echo 3 >"$tree/a/three"'
topic clash 'echo other >"$tree/a/one"'
rm "$work/open" # what is tested first is tested until all are in the queue
run p queue add one
is 'a change is queued' "$CODE" 0
for b in two bad three clash; do run p queue add "$b"; [ "$CODE" = 0 ] || not_ok "queue $b" "$ERR"; done
run p queue add clash
has 'twice is refused' "$CODE $ERR" '^1 .*(already|in the queue)'
touch "$work/open"
for b in one two three; do await_ok "$b lands" 90 on_main "^$b\$"; done
await_ok 'the queue is empty in the end' 60 idle
on_main '^bad$' && not_ok 'the bad one does not land' 'it did' || ok 'the bad one does not land'
on_main '^clash$' && not_ok 'what does not merge does not land' 'it did' || ok 'what does not merge does not land'
has 'why is known' "$(p queue --json)$(journal | grep queue)" 'conflict|does not merge|failed'
has 'authors stay' "$(g log origin/main --format='%an %s' -n 12)" 'Ada one'
g fetch --quiet origin
is 'main is green' "$(run_state "$(g rev-parse origin/main)")" passed
run p queue add nowhere
has 'a branch that is none' "$CODE $ERR" '^1 '

# ---- the clock ----
await_ok 'every minute has a run' 75 in_journal '"kind":"schedule"'

finish
