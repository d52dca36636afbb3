#!/bin/bash
# kill -9 of the daemon at any moment, of shims, of HAProxy, of services: what was under way ends well, clients see little.
. "$(dirname "$0")/lib.sh"
ports
build_service
: "${ROUNDS:=20}"

project shop
shop '{canary: {steps: [50%, 100%], compare: {error_rate: {margin: 30%}}, max: 5m}}'
sed -i '2a defaults: {retry: {on: [infra], max: 2}}' "$tree/penstock.yml"
sed -i 's/health: \/healthz/&, replicas: 2/; s/run: "true"/run: "sleep 0.2"/' "$tree/penstock.yml"
serve "$work/data" --repo "$bare" || not_ok 'serve' "$(tail -n 3 "$data.log")"
commit 'First'
await_ok 'the first version is live' 40 release_is "$COMMIT" live
web=$(door production web) api=$(door production api)

# ---- a second daemon ----
run "$PENSTOCK" serve --data "$work/data" --port 0
is 'a second daemon on the folder is refused, exit code 3' "$CODE" 3
has 'and is told who has it' "$ERR" "(^|[^0-9])$DAEMON([^0-9]|$)"
is 'in one line' "$(wc -l <<<"$ERR")" 1
good 'the first one goes on' p status

# ---- clients, as long as this lasts ----
"$APP" load "$web" / 150 "$work/load" 2>"$work/load.errors" &
LOAD=$!
"$APP" load "$api" / 100 "$work/load.api" 2>"$work/load.api.errors" &
pids+=("$LOAD" $!)
errors() { wc -l <"$work/load.errors"; }

# ---- the daemon, at random moments ----
RANDOM=${SEED:-$$}
seed=${SEED:-$$}
n=1
again=0 lost=''
COMMIT=
for ((round = 1; round <= ROUNDS; round++)); do
	if [ -z "$COMMIT" ] || release_ended "$COMMIT"; then
		n=$((n + 1))
		unit web "web $n"
		[ $((n % 3)) -ne 0 ] || unit api "api $n"
		commit "Version $n"
	fi
	moment=$((RANDOM % 1500))
	sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
	kill9
	if serve "$work/data"; then again=$((again + 1)); else lost+=" round $round after $moment ms: $(tail -n 1 "$data.log" | cut -c1-300)"; fi
done
is "it came back $ROUNDS times (SEED=$seed)" "$again$lost" "$ROUNDS"
await_ok 'and the last version ends live' 60 release_is "$COMMIT" live
is 'clients get it' "$(ask "$web")" "web $n"
is 'no client saw an error while the daemon died' "$(errors)" 0
good 'audit verify' p audit verify
good 'audit replay' p audit replay
hasnt 'no job was lost' "$(journal)" '"failure":"infra"'
is 'every release ended live' "$(things releases | grep -cv '"state":"live"')" 0
eight() {
	api GET /api/v1/replicas
	[ "$(grep -o '"state":"ready"' <<<"$ANSWER" | wc -l) $(grep -o '"state":"' <<<"$ANSWER" | wc -l)" = '8 8' ]
}
await_ok 'eight replicas run, no more' 20 eight

# ---- a shim of a replica ----
replica_pids() { # ENVIRONMENT UNIT: of shims
	local pid
	for pid in $(left_below "$work/data/replicas/$1/$2/"); do
		case $(readlink "/proc/$pid/exe") in */penstock-shim) echo "$pid" ;; esac
	done
}
ready_replicas() { # ENVIRONMENT UNIT N
	api GET /api/v1/replicas
	[ "$(sed 's/{"environment"/\n&/g' <<<"$ANSWER" | grep -F "\"environment\":\"$1\",\"unit\":\"$2\"" | grep -c '"state":"ready"')" = "$3" ]
}
before=$(errors)
victim=$(replica_pids production web | head -n 1)
kill -9 "$victim"
heals() { ready_replicas production web 2 && [ "$(replica_pids production web | wc -l)" -ge 2 ] && ! replica_pids production web | grep -qx "$victim"; }
await_ok 'a replica whose shim was killed comes back' 20 heals

# ---- a service ----
app_pids() { # ENVIRONMENT UNIT: of the service's own processes
	local shim
	for shim in $(replica_pids "$1" "$2"); do below "$shim"; done
}
below() { # PID: its descendants that are the service
	local pid
	for pid in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in /app*) echo "$pid" ;; esac
		below "$pid"
	done
}
restarts() { # of all its replicas together
	api GET /api/v1/replicas
	sed 's/{"environment"/\n&/g' <<<"$ANSWER" | grep -F '"environment":"production","unit":"web"' | grep -oE '"restarts":[0-9]+' | awk -F: '{ n += $2 } END { print n + 0 }'
}
was=$(restarts) began=${EPOCHREALTIME/./}
app=$(app_pids production web | head -n 1)
if [ -n "$app" ]; then
	kill -9 "$app"
	more() { [ "$(restarts)" -gt "${was:-0}" ] && ready_replicas production web 2; }
	await_ok 'a service that was killed comes back' 20 more
else
	not_ok 'a service that was killed comes back' 'its process was not found'
fi
seen=$(($(errors) - before)) asked=$(((${EPOCHREALTIME/./} - began) * 150 / 1000000))
if [ "$seen" -le 60 ] || [ "$seen" -le $((asked / 10)) ]; then ok 'with few errors for clients'; else not_ok 'with few errors for clients' "$seen of $asked"; fi

# ---- HAProxy ----
haproxy_pid() { cat "$data/splitter/haproxy.pid" 2>/dev/null; }
before=$(errors)
was=$(haproxy_pid)
kill -9 "$was"
back() { [ "$(haproxy_pid)" != "$was" ] && answers "$web" "web $n"; }
await_ok 'HAProxy comes back' 20 back
seen=$(($(errors) - before))
if [ "$seen" -le 750 ]; then ok "clients were without it for less than 5 s"; else not_ok 'clients were without it for less than 5 s' "$seen errors of 150 a second"; fi
before=$(errors) began=${EPOCHREALTIME/./}
rm -f "$data/splitter/admin.sock"
n=$((n + 1))
unit web "web $n"
commit 'Without the socket of HAProxy'
await_ok 'without its socket, a release still goes live' 60 release_is "$COMMIT" live
is 'clients get it' "$(ask "$web")" "web $n"
seen=$(($(errors) - before)) asked=$(((${EPOCHREALTIME/./} - began) * 150 / 1000000))
if [ "$seen" -le 10 ] || [ "$seen" -le $((asked / 100)) ]; then ok 'and see next to no error'; else not_ok 'and see next to no error' "$seen of $asked"; fi

# ---- the shim of a job ----
sed -i 's/run: "sleep 0.2"/run: "case $PENSTOCK_ATTEMPT-$PENSTOCK_JOB in 1-*web*) sleep 600 ;; esac"/' "$tree/penstock.yml"
unit web "web $((n + 1))"
unit api 'api 99'
commit 'A long build'
kill_build() { # the shim of a build that does not end by itself
	local pid
	for pid in $(left_below "$work/data/jobs/"); do
		case "$(readlink "/proc/$pid/exe") $(tr '\0' ' ' <"/proc/$pid/cmdline")" in
		*/penstock-shim\ *web+build*) kill -9 "$pid" && return 0 ;;
		esac
	done
	return 1
}
await_ok 'the shim of a running job is killed' 15 kill_build
await_ok 'a job whose shim was killed is tried again, and the release is live' 60 release_is "$COMMIT" live
has 'as the journal says' "$(journal)" '"failure":"infra"'

# ---- the daemon is away ----
before=$(errors)
kill9
end=$((SECONDS + 2))
while [ $SECONDS -lt $end ]; do ask "$web" >/dev/null || break; done
is 'clients do not miss the daemon' "$(errors)" "$before"
splitter=$(haproxy_pid)
ticks() { sed 's/.*) //' "/proc/$splitter/stat" | cut -d' ' -f12,13 | tr ' ' '+'; }
used=$(($(ticks)))
end=$((SECONDS + 2))
while [ $SECONDS -lt $end ]; do ask "$web" >/dev/null || break; done
used=$(($(ticks) - used))
if [ $used -lt 120 ]; then ok 'HAProxy does not spin without the daemon'; else not_ok 'HAProxy does not spin without the daemon' "$used ticks in 2 s"; fi
serve "$work/data" || not_ok 'serve' "$(tail -n 1 "$data.log")"
good 'audit verify, after all' p audit verify
good 'audit replay, after all' p audit replay
kill "$LOAD"
await 10 test -s "$work/load"
printf '# clients: %s (asked good bad)\n' "$(cat "$work/load")"
stop
stop_all "$work/data"
is 'stop ends everything' "$(left_below "$work/data" | wc -l)" 0
finish
