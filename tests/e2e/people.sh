#!/bin/bash
# What people order: yes and no at the gate with four eyes, hold, pin, veto, promote, abort, rollback, incidents.
. "$(dirname "$0")/lib.sh"
ports
build_service
project shop
shop '{canary: {steps: [50%, 100%], compare: {error_rate: {margin: 0.1%}}, max: 10m}}'
sed -i '/^production:/i \  approve: {count: 1, by: [ann, leads, ada, root], not: author}' "$tree/penstock.yml"
sed -i '/  api:/d; s/, consumes: \[api\]//' "$tree/penstock.yml" && rm -r "$tree/services/api"

serve "$work/data" --repo "$bare" --port "$api_port" || not_ok 'serve' "$(tail -n 3 "$data.log")"
for who in ada ann bob carl:leads; do p token create "${who%%:*}" --role operator $([ "${who#*:}" = "$who" ] || echo "--groups ${who#*:}") >"$work/${who%%:*}.token"; done
as() { # WHO COMMAND...
	run "$PENSTOCK" "${@:2}" --server "http://127.0.0.1:$api_port" --token "$(cat "$work/$1.token" 2>/dev/null || echo pst_none)"
}
refusals=0
refused() { # NAME PATTERN, after run or as
	refusals=$((refusals + 1))
	if [ "$CODE" = 1 ] && [ "$(wc -l <<<"$ERR")" = 1 ] && grep -qE -- "$2" <<<"$ERR"; then ok "$1"; else not_ok "$1" "exit code $CODE: $ERR"; fi
}
done_by() { # NAME, after run or as
	if [ "$CODE" = 0 ]; then ok "$1"; else not_ok "$1" "exit code $CODE: $ERR"; fi
}
change() { # VERSION MESSAGE: on top of what others, Penstock too, pushed
	g fetch --quiet origin && { ! g rev-parse --quiet --verify origin/main >/dev/null || g reset --quiet --soft origin/main; }
	unit web "$1"
	commit "$2"
}
baking() { rollout_is "$1" production web baking && [ "$(rollout_line "$1" production web | first_member confirmed)" = 0.5 ]; }
rollout_id() { rollout_line "$1" production web | first_member id; }
waits_at_gate() { release_is "$1" staged && release_line "$1" | grep -q '"decision":"wait"'; }

# ---- the gate ----
change 'web 1' 'First'
await_ok 'a release waits at the gate' 30 waits_at_gate "$COMMIT"
rel=$(release_id "$COMMIT")
has 'why says for what' "$(p why "$rel")" 'approv'
as nobody approve "$rel"
has 'a token that is none: refused' "$CODE" '^[13]$'
as ada approve "$rel"
refused 'the author may not' 'author.*four eyes'
as bob approve "$rel"
refused 'who is not named may not' 'token:bob may not approve'
release_is "$COMMIT" staged && ok 'it still waits' || not_ok 'it still waits' "$(release_state "$COMMIT")"
as ann approve "$rel" -m 'looks good'
done_by 'who is named may'
await_ok 'and it goes live' 30 release_is "$COMMIT" live
web=$(door production web)
is 'clients get it' "$(ask "$web")" 'web 1'
as ann approve "$rel"
refused 'twice is refused' 'nothing to approve|there is no release|already'
has 'the decision names who, and why' "$(release_line "$COMMIT")" '"actor":"token:ann","yes":true,"comment":"looks good"'
has 'it is signed' "$(release_line "$COMMIT")" '"record":"[0-9a-f]{64}"'

change 'web 2' 'Second'
await_ok 'the next one waits' 30 waits_at_gate "$COMMIT"
rel=$(release_id "$COMMIT")
as carl approve "$rel" --no -m 'not on a Friday'
done_by 'a member of a group may say no'
await_ok 'which rejects it' 20 release_is "$COMMIT" rejected
has 'with the reason' "$(p why "$rel")" 'not on a Friday|token:carl'
is 'clients keep what they had' "$(ask "$web")" 'web 1'

# ---- hold, then a canary by hand ----
run p hold production web -m 'inventory'
done_by 'a hold, by the socket of this machine'
change 'web 3' 'Third'
await_ok 'a release waits' 30 waits_at_gate "$COMMIT"
rel=$(release_id "$COMMIT")
run p approve "$rel"
done_by 'the user of this machine may approve, too'
has 'who that was is known' "$(release_line "$COMMIT")" '"actor":"user:[a-z]'
has 'and still the hold holds' "$(p why "$rel")$(p status)" 'inventory|hold'
rollout_is "$rel" production web baking && not_ok 'nothing moves' 'it bakes' || ok 'nothing moves'
hold=$(p environments --json | grep -oE 'hold-[0-9]+' | head -n 1)
run p hold --lift production "$hold"
done_by 'the hold is lifted'
await_ok 'and the canary gets its half' 30 baking "$rel"
both() {
	local n body seen=''
	for ((n = 0; n < 40; n++)); do body=$(ask "$web") && [[ $seen == *"$body"* ]] || seen+="$body,"; done
	[[ $seen == *'web 1'* && $seen == *'web 3'* ]]
}
await_ok 'clients see both' 10 both
run p abort "$(rollout_id "$rel")" -m 'wrong flag'
done_by 'a person stops it'
await_ok 'and it is taken back' 30 release_is "$COMMIT" rolled_back
only() {
	local n
	for ((n = 0; n < 20; n++)); do answers "$web" "$1" || return 1; done
}
await_ok 'all clients get what was before' 10 only 'web 1'
has 'who did it stands there' "$(things rollouts | grep -F "\"release\":\"$rel\"")" 'stopped by user:[a-z]*: wrong flag'
run p abort "$(rollout_id "$rel")"
refused 'it cannot be stopped twice' 'under way|any more'

# ---- promote ----
change 'web 4' 'Fourth'
await_ok 'the next release waits' 30 waits_at_gate "$COMMIT"
rel=$(release_id "$COMMIT")
# Two say yes in the same moment: one word is enough, and the other is told.
says_yes() {
	"$PENSTOCK" approve "$rel" --server "http://127.0.0.1:$api_port" --token "$(cat "$work/$1.token")" >"$work/$1.said" 2>&1
	echo $? >"$work/$1.code"
}
says_yes ann &
one=$!
says_yes carl &
wait $one $!
is 'of two who approve at once one decides' "$(sort "$work/ann.code" "$work/carl.code" | tr -d '\n')" 01
has 'the other is told' "$(cat "$work/ann.said" "$work/carl.said")" 'nothing to approve|there is no release|let .* through already'
refusals=$((refusals + 1))
is 'one approval stands' "$(release_line "$COMMIT" | grep -o '"yes":true' | wc -l)" 1
await_ok 'its canary bakes' 30 baking "$rel"
as ann promote "$(rollout_id "$rel")" -m 'no traffic at night'
done_by 'a person promotes it'
await_ok 'and it goes live' 30 release_is "$COMMIT" live
await_ok 'clients get it' 10 only 'web 4'
as ann promote "$(rollout_id "$rel")"
refused 'there is nothing to promote any more' 'rollout'

# ---- rollback, and what follows: the daemon that does it is not the one that brought it ----
stop
: >"$data/env/production.git/refs/heads/main.lock" # as one who is killed in the middle of a commit leaves them
: >"$data/mirror/${bare##*/}/packed-refs.lock"
serve "$work/data" --repo "$bare" --port "$api_port" || not_ok 'serve again' "$(tail -n 3 "$data.log")"
is 'locks that somebody left do not stand in the way' "$(ls "$data"/env/*.git/refs/heads/*.lock "$data"/mirror/*.git/*.lock 2>/dev/null)" ''
before=$(things incident | wc -l)
as carl rollback production web -m 'customers complain'
done_by 'a person takes it back'
await_ok 'clients get what was before' 30 only 'web 1'
more() { [ "$(things incident | wc -l)" -gt "$before" ]; }
await_ok 'an incident is open' 10 more
inc=$(things incident | grep -F 'customers complain' | head -n 1 | first_member id)
has 'with who and why' "$(p incident show "$inc")" 'token:carl.*customers complain'
run p incident note "$inc" 'the pool was too small'
done_by 'a note'
mitigated() { p incident show "$inc" | head -n 1 | grep -q mitigated; }
await_ok 'it is mitigated' 20 mitigated
run p incident close "$inc" 'fixed'
done_by 'it is closed'
has 'its timeline has all' "$(p incident show "$inc")" 'the pool was too small'
has 'a post-mortem as Markdown' "$(p incident postmortem "$inc")" '^# .*customers complain'
has 'and in JSON' "$(p incident postmortem "$inc" --json)" '"markdown":"# '
run p incident close "$inc"
refused 'it cannot be closed twice' 'no open incident'
taken_back() { git -C "$bare" log -1 --format=%B main | grep -qF "Penstock-Reverts: $rel"; }
await_ok 'the change is taken back in Git' 20 taken_back
unpinned() { ! p environments --json | grep -q '"until_commit"'; }
await_ok 'and the pin that waited for it ends' 30 unpinned
change 'web 4' 'Fourth, again'
has 'its release is not live any more' "$(p releases)" "$rel +rolled_back"
again() { release_is "$COMMIT" rejected || release_line "$COMMIT" | grep -q '"kind":"veto","state":"no"'; }
await_ok 'the same content is refused: its digest is vetoed' 30 again
has 'with the reason' "$(p why "$(release_id "$COMMIT")")" 'veto'

# ---- pin and veto ----
run p pin production web -m 'load test'
done_by 'a pin at what runs'
run p pin production web
refused 'a second pin is refused' 'pinned in production already'
change 'web 5' 'Fifth'
at_gate() { [ -n "$(release_id "$COMMIT")" ] && ! release_is "$COMMIT" built && ! release_is "$COMMIT" staging; }
await_ok 'a release' 30 at_gate
rel=$(release_id "$COMMIT")
as ann approve "$rel"
pinned() { p why "$rel" | grep -q 'pin'; }
await_ok 'the pin keeps it out' 20 pinned
is 'clients keep what is pinned' "$(ask "$web")" 'web 1'
pin=$(p environments --json | grep -oE 'pin-[0-9]+' | head -n 1)
run p pin --lift production "$pin"
done_by 'the pin is lifted'
run p veto production web "$rel" -m 'loses orders'
done_by 'a veto of a release'
await_ok 'it never gets there' 30 release_ended "$COMMIT"
hasnt 'not live' "$(release_state "$COMMIT")" 'live'
run p veto --lift production veto-99
refused 'a veto that is not there' 'no veto veto-99'
run p hold nowhere
refused 'an environment that is not there' 'no environment nowhere'
run p rollback production nothing
refused 'a service that is not there' 'nothing does not run in production'

# ---- the journal ----
is 'every refusal is in the journal' "$(journal | grep -c '"type":"person.refused"')" "$refusals"
has 'with who asked' "$(journal | grep '"type":"person.refused"')" '"actor":"token:ada"'
has 'and what people did' "$(p audit list --last 500 --type 'person.*')" 'token:carl'
good 'audit verify' p audit verify
good 'audit replay' p audit replay
hasnt 'no token is anywhere' "$(cat "$data.log" "$data.out"; journal)" 'secret of'
finish
