#!/bin/bash
# penstock login, logout: a token asked for at a terminal and granted by a person, kept by server, used without being named.
. "$(dirname "$0")/lib.sh"
ports 19
command -v curl >/dev/null || { skip 'login' 'no curl'; finish; }
build_service
project shop
export HOME=$work/home XDG_CONFIG_HOME=
mkdir -p "$HOME"
kept=$HOME/.config/penstock/credentials.json
server=http://127.0.0.1:$api_port

serve "$work/data" --repo "$bare" --port "$api_port" || not_ok 'serve' "$(tail -n 3 "$data.log")"
p user set ann --email ann@shop.example >/dev/null
p grant user:ann developer >/dev/null
p token create annt --owner user:ann --role developer >"$work/ann.token"
p token create bot --role viewer >"$work/bot.token"

at() { run "$PENSTOCK" "$@"; }
answer() { # CODE OK: as ann, in her browser's stead
	curl -s -o "$work/said" -w '%{http_code}' -H "Authorization: Bearer $(cat "$work/ann.token")" -H 'Content-Type: application/json' \
		-d "{\"user_code\":\"$1\",\"ok\":$2}" "$server/api/v1/login/device/approve"
}
begin() { # login in the background; sets LOGIN and CODE_SHOWN
	: >"$work/login" # or the code of the one before would be found
	"$PENSTOCK" login --server "$server/" --name laptop >"$work/login" 2>&1 </dev/null &
	LOGIN=$!
	pids+=("$LOGIN")
	await 10 grep -q 'code=' "$work/login"
	CODE_SHOWN=$(sed -n 's/.*code=//p' "$work/login")
}

# ---- what is refused before anything is sent ----
at login
is 'without a server: usage' "$CODE" 2
has 'it says what to give' "$ERR" '--server'
for bad in http://ci.example ftp://ci.example 'http://127.0.0.1:1@ci.example' http://127.0.0.1.ci.example http://localhost.ci.example; do
	at login --server "$bad" --token x
	is "$bad: refused" "$CODE" 2
done
[ ! -e "$kept" ] && ok 'nothing is kept' || not_ok 'nothing is kept' "$(ls -l "$kept")"
at whoami --server "$server"
is 'nobody is let in without a token' "$CODE" 1

# ---- the way of a device ----
begin
has 'the address with the code is shown' "$(cat "$work/login")" "$server/device\?code=[B-Z]{4}-[B-Z]{4}"
is 'another code is known to nobody' "$(answer ZZZZ-ZZZZ true)" 404
is 'ann says yes' "$(answer "$(tr 'A-Z' 'a-z' <<<"$CODE_SHOWN" | tr -d -)" true)" 200
has 'she is told to whom' "$(cat "$work/said")" '"name":"laptop"'
wait "$LOGIN"
is 'login ends well' $? 0
has 'and says as whom' "$(cat "$work/login")" "user:ann at $server"
is 'only the user may read what is kept' "$(stat -c '%a %a' "$kept" "$HOME/.config/penstock" | tr '\n' ' ')" '600 600 700 700 '
at whoami --server "$server"
has 'commands act as ann' "$OUT" '^user:ann'
run env PENSTOCK_SERVER="$server" "$PENSTOCK" whoami
has 'also by PENSTOCK_SERVER' "$OUT" '^user:ann'
run env PENSTOCK_SERVER="$server" PENSTOCK_TOKEN="$(cat "$work/bot.token")" "$PENSTOCK" whoami
has 'PENSTOCK_TOKEN is stronger' "$OUT" '^token:bot'
run env PENSTOCK_SERVER="$server" PENSTOCK_TOKEN=pst_none "$PENSTOCK" whoami --token "$(cat "$work/bot.token")"
has '--token is stronger still' "$OUT" '^token:bot'
run env PENSTOCK_SERVER="http://127.0.0.1:1" "$PENSTOCK" whoami --data "$data"
has '--data means the socket' "$OUT" '^user:'
at token list --mine --server "$server"
has 'ann sees the token of her laptop' "$OUT" 'laptop\.[0-9]+ +user:ann'
token=$(sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$kept")

chmod 644 "$kept"
at whoami --server "$server"
is 'what others may read is not used' "$CODE" 1
has 'it says how to mend it' "$ERR" "chmod 600 $kept"
chmod 600 "$kept"
cp "$kept" "$work/good"
for cut in '{"servers":' '{"servers":[{"server":"x"}]}' '{"servers":[{"token":"x","server":7}]}'; do
	printf '%s' "$cut" >"$kept"
	at whoami --server "$server"
	if [ "$CODE" != 0 ] && [ "$(wc -l <<<"$ERR")" = 1 ] && grep -qF "$kept" <<<"$ERR"; then ok "a broken file is said to be: $cut"; else not_ok "a broken file is said to be: $cut" "$CODE $ERR"; fi
done
cp "$work/good" "$kept"
chmod 600 "$kept"

# ---- no ----
at logout --server "$server/"
is 'logout ends well' "$CODE" 0
has 'it revokes' "$OUT" 'revoked'
hasnt 'and forgets' "$(cat "$kept")" 'pst_'
at whoami --server "$server" --token "$token"
is 'the token opens nothing any more' "$CODE" 1
at logout
is 'twice: there is none' "$CODE" 1
begin
is 'ann says no' "$(answer "$CODE_SHOWN" false)" 200
wait "$LOGIN"
is 'login ends badly' $? 1
has 'and says why' "$(cat "$work/login")" 'said no'
hasnt 'nothing is kept' "$(cat "$kept")" 'pst_'

# ---- a token that is brought ----
run "$PENSTOCK" login --server "$server" --token - --json <"$work/bot.token"
has 'by standard input' "$OUT" '"actor":"token:bot"'
at whoami --server "$server"
has 'it acts as the machine' "$OUT" '^token:bot'
run "$PENSTOCK" login --server "$server" --token - <<<pst_none
is 'one that opens nothing is not kept' "$CODE" 1
has 'the one before is' "$("$PENSTOCK" whoami --server "$server")" '^token:bot'
run "$PENSTOCK" login --server "$server" --token - </dev/null
is 'no token: usage' "$CODE" 2
at logout
has 'logout forgets a token that was brought' "$OUT" 'not revoked'
at whoami --server "$server" --token "$(cat "$work/bot.token")"
is 'it still opens' "$CODE" 0
finish
