#!/bin/bash
# Jobs on other machines: labels, secrets, agents that die, stall, come back, leave; a daemon that dies; who is refused.
. "$(dirname "$0")/lib.sh"
ports
build_service
SECRET=correct-horse-battery-8c1

project shop
mkdir -p "$tree/a"
url=http://127.0.0.1:$api_port
up() { serve "$work/data" --port "$api_port" "$@"; }
up --repo "$bare" || not_ok 'serve' "$(tail -n 3 "$data.log")"
mkdir -p "$data/secrets" && printf %s "$SECRET" >"$data/secrets/TOKEN" && chmod -R go= "$data/secrets"

declare -A agent_pid
agent() { # NAME LABELS [OPTION...]: starts one, with its own folder
	local name=$1
	[ -s "$work/$name.token" ] || p agent token "$name" >"$work/$name.token"
	"$PENSTOCK" agent --server "$url" --token-file "$work/$name.token" --name "$name" --labels "$2" \
		--cpu 4 --data "$work/agent-$name" "${@:3}" >>"$work/$name.log" 2>&1 </dev/null &
	agent_pid[$name]=$!
	pids+=("$!")
}
agent_state() { api GET "/api/v1/journal?type=agent.seen&last=200" && grep -F "\"subject\":\"$1\"" <<<"$ANSWER" | tail -n 1 | grep -q '"ok":true' && echo connected || echo lost; }
agent_is() { [ "$(agent_state "$1")" = "$2" ]; }
end9() { # NAME: the agent dies, its jobs' shims do not
	kill -9 "${agent_pid[$1]}"
	{ wait "${agent_pid[$1]}"; } 2>/dev/null
}

round=0
# job LABEL COMMAND [MORE]: a change with one such job; sets RUN and JOB.
job() {
	round=$((round + 1))
	echo "$round" >"$tree/a/n"
	cat >"$tree/penstock.yml" <<-Y
		version: 1
		project: shop
		libraries: {a: {path: a}}
		ci:
		  work: {each: "*", run: '$2', agent: [$1], outputs: [made]${3-}}
		  use: {each: "*", needs: [work], run: "echo used \$(cat made)", agent: [linux]}
	Y
	commit "Round $round"
	RUN=run-$round JOB=run-$round/ci/a/work # each push is a run
	await 10 job_member id
}
job_member() { # NAME
	api GET "/api/v1/jobs/$JOB"
	[ "$STATUS" = 200 ] && first_member "$1" <<<"$ANSWER"
}
job_is() { [ "$(job_member state)" = "$1" ]; }
job_at() { [ "$(job_member state) $(job_member agent)" = "running $1" ]; }
job_log() { p logs "$JOB" 2>/dev/null; }
says() { grep -q -- "$1" <<<"$(job_log)"; }
ends() { grep -F '"type":"job.ended"' <<<"$(journal)" | grep -cF "\"$JOB\""; } # how often it ended

agent one linux,big
agent two linux
await_ok 'an agent connects' 10 agent_is one connected
await_ok 'and another' 10 agent_is two connected

# ---- labels, inputs, outputs, secrets ----
job big 'echo on big; cat n; echo the token is $TOKEN; echo made >made' ', secrets: {TOKEN: file:TOKEN}'
await_ok 'a run of jobs on agents passes' 20 run_is "$COMMIT" passed
is 'the job that asks for a label ran where it is' "$(job_member agent)" one
is 'its log came, masked' "$(job_log | tr '\n' ' ')" "on big $round the token is *** "
has 'its output went to the next job, wherever that ran' "$(p logs "$RUN/ci/a/use")" '^used made$'
hasnt 'the secret is on no disk of an agent' "$(grep -rlF "$SECRET" "$work"/agent-* 2>/dev/null)" .
hasnt 'nor in a log' "$(cat "$work"/*.log "$data.log")" "$SECRET"
job nowhere 'true'
await_ok 'a job that no agent can take is ready' 10 job_is ready
agent three big # whoever comes is looked at for what waits
await 10 agent_is three connected
is 'and waits' "$(job_member state)" ready
kill "${agent_pid[three]}"
await 20 agent_is three lost
p abort "$RUN" -m 'nobody has it' >/dev/null 2>&1

# ---- who is refused ----
echo pst_wrong >"$work/wrong.token"
run "$PENSTOCK" agent --server "$url" --token-file "$work/wrong.token" --name three --data "$work/agent-three"
is 'a wrong token: exit code 3' "$CODE" 3
has 'and why' "$ERR" 'does not know this token'
run "$PENSTOCK" agent --server "$url" --token-file "$work/one.token" --name three --data "$work/agent-three"
is "another agent's token: exit code 3" "$CODE" 3
has 'and why' "$ERR" 'for agent one, not for three'
run "$PENSTOCK" agent --server "$url" --token-file "$work/one.token" --name one --data "$work/agent-again"
is 'two with one name: the second leaves, exit code 3' "$CODE" 3
has 'and is told why' "$ERR" 'an agent one is connected already, from 127.0.0.1'
run "$PENSTOCK" agent --server "$url" --token-file "$work/one.token" --name four --data "$work/agent-one"
is 'two in one folder: exit code 3' "$CODE" 3
run "$PENSTOCK" agent --server http://ci.example:7400 --token-file "$work/one.token"
is 'unencrypted to another machine: exit code 2' "$CODE" 2
has 'and what to do' "$ERR" 'https://.*--insecure'
"$PENSTOCK" serve --data "$work/elsewhere" --port 0 >"$work/elsewhere.out" 2>"$work/elsewhere.log" </dev/null &
pids+=("$!")
elsewhere() { "$PENSTOCK" agent token three --data "$work/elsewhere" >"$work/elsewhere.token"; }
await 20 elsewhere
run "$PENSTOCK" agent --server "$url" --token-file "$work/elsewhere.token" --name three --data "$work/agent-three"
is 'a token of another installation: exit code 3' "$CODE" 3
has 'and what to do' "$ERR" 'does not know this token.*penstock agent token'
limits_of() { awk '/^Max core file size/ {print $5, $6}' "/proc/$1/limits"; }
is 'the daemon leaves no core dumps' "$(limits_of "$DAEMON") $(cat "/proc/$DAEMON/coredump_filter")" '0 0 00000000'
is 'nor does an agent' "$(limits_of "${agent_pid[one]}") $(cat "/proc/${agent_pid[one]}/coredump_filter")" '0 0 00000000'
asks() { # TOKEN-FILE PATH BODY
	ANSWER=$("$APP" http "$api_port" POST "$2" "$3" "$(cat "$1")")
	STATUS=${ANSWER%%$'\n'*} ANSWER=${ANSWER#*$'\n'}
}
p agent token old >"$work/old.token"
asks "$work/old.token" /agent/stream '{"protocol":0,"name":"old","version":"0.0.1","instance":"x"}'
is 'an older protocol is refused' "$STATUS" 409
has 'clearly' "$ANSWER" 'agent old \(Penstock 0.0.1\) speaks protocol 0, this daemon .* install Penstock'
asks "$work/old.token" /agent/stream '{"protocol":9,"oldest":8,"name":"old","version":"9.0","instance":"x"}'
has 'a newer one, too' "$ANSWER" 'speaks protocol 8 and newer.*update the daemon'
asks "$work/old.token" /agent/beat '{}'
is 'without a hello nothing is answered' "$STATUS" 409
ANSWER=$("$APP" http "$api_port" GET /api/v1/status '' "$(cat "$work/old.token")")
is "an agent's token opens nothing else" "${ANSWER%%$'\n'*}" 401
is 'and a person`s token is none of an agent' "$("$APP" http "$api_port" POST /agent/beat '{}' "$(sed -nE 's/.*once\): //p' "$data.out" | head -n 1)" | head -n 1)" 401
agent gone linux,doomed
await 10 agent_is gone connected
job doomed 'echo begun; sleep 601'
await_ok 'a job runs at an agent' 10 says begun
p agent token gone --remove >/dev/null
left() { gone "${agent_pid[$1]}"; }
await_ok 'an agent whose token is revoked leaves' 15 left gone
wait "${agent_pid[gone]}"
is 'with exit code 3' $? 3
has 'and says why' "$(tail -n 1 "$work/gone.log")" 'does not know this token'
no_sleep() { ! pgrep -f '^sleep 601$' >/dev/null; }
await_ok 'its job ends with it' 10 no_sleep
p abort "$RUN" -m 'its agent is gone' >/dev/null
took=$(wc -l <"$work/gone.log")
if [ "$took" -le 6 ]; then ok 'in few words'; else not_ok 'in few words' "$took lines"; fi
api POST /api/v1/tokens '{"name":"brief","scope":"agent/brief","for":"5s"}'
first_member token <<<"$ANSWER" >"$work/brief.token"
agent brief linux
await 10 agent_is brief connected
await_ok 'an agent whose token ends leaves' 25 left brief
wait "${agent_pid[brief]}"
is 'with exit code 3, too' $? 3
has 'and says so' "$(tail -n 1 "$work/brief.log")" 'does not know this token'
run "$PENSTOCK" agent --server "$url" --token-file "$work/brief.token" --name brief --data "$work/agent-brief"
is 'and is not let in again' "$CODE" 3

# ---- a job that shows who it is ----
token_file() { echo "$work/agent-one/jobs/${JOB//\//+}/work/a/token"; }
claims_of() { # TOKEN: its claims, when a key that the daemon publishes signed it
	node -e '
		const { createPublicKey, verify } = require("node:crypto");
		const [head, body, signature] = process.argv[1].split(".");
		const text = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
		const jwk = JSON.parse(process.argv[2]).keys.find(({ kid }) => kid === text(head).kid);
		const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
		if (text(head).alg !== "ES256" || !verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) process.exit(1);
		console.log(JSON.stringify(text(body)));
	' "$1" "$(curl -s "$url/.well-known/jwks.json")"
}
has_token() { [ -s "$(token_file)" ]; }
job big "printf %s \"\$CLOUD\" >token; echo it is \$CLOUD; $(hold); echo made >made" ', id_tokens: {CLOUD: {aud: sts.example}}'
await_ok 'a job on an agent has its token' 20 has_token
TOKEN=$(cat "$(token_file)")
run claims_of "$TOKEN"
is 'a key of the daemon signed it' "$CODE" 0
has 'for this audience, by this daemon' "$OUT" "\"iss\":\"$url\".*\"aud\":\"sts.example\""
has 'and for this job' "$OUT" "$JOB"
run claims_of "${TOKEN%?????}AAAAA"
is 'changed, it does not hold' "$CODE" 1
let_go "$work/agent-one" "$JOB" a
await_ok 'the job passes' 20 job_is passed
is 'the token is masked in its log' "$(job_log | tr '\n' ' ')" 'it is *** '

# ---- an agent dies ----
moment_of() { # TYPE SUBJECT: of the last such record, in microseconds
	grep -F "\"subject\":\"$2\",\"type\":\"$1\"" <<<"$(journal)" | tail -n 1 | member time
}
moved_in_time() { # NAME SINCE: by the journal, which is not slowed down by who looks at it
	started_since() { [ "$(moment_of job.started "$JOB")" -gt "$1" ]; } # the state is told before its record is durable
	await 10 started_since "$2"
	local took=$((($(moment_of job.started "$JOB") - $2) / 1000))
	if [ $took -gt 0 ] && [ $took -lt 15000 ]; then ok "$1"; else not_ok "$1" "$took ms"; fi
}
its_job_over() { job_over "$work/agent-$first" "$JOB"; }
no_job_left() { [ -z "$(ls "$work/agent-$first/jobs")" ]; }
job linux "echo begun; $(hold); echo over >made; cat made"
await 10 says begun
first=$(job_member agent)
case $first in one) other=two ;; *) other=one ;; esac
before=${EPOCHREALTIME/./}
end9 "$first"
await_ok 'the job of an agent that died runs on the other' 15 job_at "$other"
moved_in_time 'within 15 s' "$before"
has 'the log says who was lost' "$(cat "$data.log")" "agent is lost.*\"agent\":\"$first\""
has 'and the job says why it runs again' "$(journal | grep -F '"type":"agent.seen"' | tail -n 1)" 'not heard for 10 seconds'
let_go "$work/agent-$first" "$JOB" a
await 10 its_job_over
let_go "$work/agent-$other" "$JOB" a
await_ok 'and passes' 20 job_is passed
agent "$first" "$([ "$first" = two ] || echo big,)linux" # as before: later jobs that ask for big go to one
await_ok 'the dead one comes back' 10 agent_is "$first" connected
await_ok 'and is told to forget its job' 10 no_job_left
is 'the job ended once' "$(ends)" 1
is 'in its second attempt' "$(job_member attempt)" 2

# ---- an agent is started again while its job runs ----
connections() { grep -c '"message":"connected' "$work/one.log"; }
connected_again() { [ "$(connections)" -gt "$before" ]; }
job big "echo begun; $(hold); echo after >made; echo ended"
await 10 says begun
end9 one
before=$(connections)
agent one linux,big
await 10 connected_again
let_go "$work/agent-one" "$JOB" a
await_ok 'an agent that comes back in time keeps its job' 20 job_is passed
is 'in its first attempt' "$(job_member attempt)" 1
is 'with all of its log' "$(job_log | tr '\n' ' ')" 'begun ended '

# ---- an agent stalls ----
job linux "echo begun; $(hold); echo over >made"
await 10 says begun
first=$(job_member agent)
case $first in one) other=two ;; *) other=one ;; esac
before=${EPOCHREALTIME/./}
kill -STOP "${agent_pid[$first]}"
let_go "$work/agent-$first" "$JOB" a
await_ok 'the job of an agent that stalls runs on the other' 15 job_at "$other"
moved_in_time 'within 15 s' "$before"
await 10 its_job_over
kill -CONT "${agent_pid[$first]}"
await_ok 'the stalled one is back' 15 agent_is "$first" connected
await_ok 'what it has to say comes too late' 10 no_job_left
is 'its late answer is ignored: the job goes on' "$(ends) $(job_member state)" '0 running'
let_go "$work/agent-$other" "$JOB" a
await_ok 'the job passes' 20 job_is passed
is 'it ended once' "$(ends)" 1
is 'where it was given last' "$(job_member agent)" "$other"

# ---- the daemon dies ----
made() { [ -e "$work/agent-one/jobs/${JOB//\//+}/work/a/$1" ]; }
job big "echo line 1; echo line 2; $(hold); echo line 3; echo line 4; touch four; $(hold go2); for i in 5 6 7 8; do echo line \$i; done; echo kept >made"
await 10 says 'line 2'
kill9
let_go "$work/agent-one" "$JOB" a
await_ok 'a job goes on while the daemon is away' 20 made four
up || not_ok 'the daemon comes back' "$(tail -n 3 "$data.log")"
let_go "$work/agent-one" "$JOB" a go2
await_ok 'and passes' 20 job_is passed
is 'in its first attempt' "$(job_member attempt)" 1
is 'no line of its log is lost or double' "$(job_log | tr '\n' ' ')" 'line 1 line 2 line 3 line 4 line 5 line 6 line 7 line 8 '
await_ok 'the run passes' 20 run_is "$COMMIT" passed
job big "echo begun; $(hold); echo late >made"
await 10 says begun
kill9
let_go "$work/agent-one" "$JOB" a
first=one
await 10 its_job_over
up
await_ok 'a job that ended while the daemon was away has its result' 20 job_is passed
is 'once' "$(ends)" 1

# ---- cancel ----
job big 'echo begun; sleep 600'
await 10 says begun
p abort "$RUN" -m 'enough' >/dev/null
await_ok 'a cancelled job ends at the agent' 10 job_is cancelled
await_ok 'and leaves nothing there' 10 no_job_left

# ---- drain ----
job big "echo begun; $(hold); head -c 60000000 /dev/urandom >made" # not at once fetched
await 10 says begun
kill "${agent_pid[one]}"
draining() { grep -q '"type":"person.drain"' <<<"$(journal)"; }
await_ok 'an agent that is told to leave takes no more jobs' 5 draining
good 'and waits for the one it has' kill -0 "${agent_pid[one]}"
let_go "$work/agent-one" "$JOB" a
wait "${agent_pid[one]}"
is 'it leaves by itself' $? 0
await_ok 'and its last job has passed' 5 job_is passed
is 'in its first attempt' "$(job_member attempt)" 1
why_lost() { grep -F '"type":"agent.seen"' <<<"$(journal)" | grep -F "\"subject\":\"$1\"" | tail -n 1 | member error; }
await 10 agent_is one lost
is 'the daemon knows at once that it left' "$(why_lost one)" 'it left'
good '--drain waits for the other one' "$PENSTOCK" agent --drain --data "$work/agent-two"
await 10 agent_is two lost
is 'which left, too' "$(why_lost two)" 'it left'

# ---- room ----
blobs_there() { find "$work/agent-one/cas" -type f 2>/dev/null | wc -l; }
few_blobs() { [ "$(blobs_there)" -lt 2 ]; }
good 'what jobs needed is still there' [ "$(blobs_there)" -gt 2 ]
agent one linux,big --cache-size 4096
await_ok 'an agent starts with less room' 10 agent_is one connected
await_ok 'and takes away what nobody needs' 10 few_blobs
job big 'cat n; echo done >made'
await_ok 'a job there has what it needs' 20 job_is passed

good 'audit verify' p audit verify
good 'audit replay' p audit replay
finish
