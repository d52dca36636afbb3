#!/bin/bash
# A person logs in to the daemon by npm's oidc-provider, as a browser does: there, back, a cookie; the groups of the provider give the role.
. "$(dirname "$0")/lib.sh"
[ -d "$peers/oidc/node_modules/oidc-provider" ] || absent login "no oidc-provider in $peers: tests/peers/install.sh"
command -v node >/dev/null || absent login "there is no node"
ports 24
port=$((api_port + 1))
provider_port=$((api_port + 2))
issuer=http://127.0.0.1:$provider_port
url=http://127.0.0.1:$port
back=$url/api/v1/login/oidc/callback
mkdir -p "$work/data/secrets" && chmod 700 "$work/data" "$work/data/secrets"
printf 'a secret: 7' >"$work/data/secrets/oidc" && chmod 600 "$work/data/secrets/oidc"
provide() {
	: >"$work/provider.out" # or the word of the one before would do
	PENSTOCK_PEERS=$peers node "$here/tests/peers/oidc_provider.mjs" --port "$provider_port" --redirect "$back" "$@" \
		>"$work/provider.out" 2>"$work/provider.log" </dev/null &
	provider=$!
	pids+=("$provider")
	await 20 grep -q "^ready $issuer" "$work/provider.out"
}
provide || { cat "$work/provider.log"; absent login "the provider does not start"; }
serve "$work/data" --port "$port" --oidc-issuer "$issuer" --oidc-client penstock --oidc-secret oidc --oidc-name 'the company' \
	--oidc-scopes 'openid profile email groups' || {
	not_ok 'serve' "$(tail -n 3 "$data.log")"
	finish
}
ask_url() { curl -sS -i -b "$work/jar" -c "$work/jar" "$@" | tr -d '\r'; }
location() { sed -n 's/^Location: //p'; }
# come ACCOUNT [cancel]: ANSWER is what our callback said
come() {
	rm -f "$work/jar"
	there=$(ask_url "$url/api/v1/login/oidc?to=/runs" | location)
	BACK=$(node "$here/tests/peers/oidc_browser.mjs" "$there" "$@" 2>"$work/browser") || BACK=
	ANSWER=$(ask_url "${BACK:-$url/none}")
}
has 'the way in is offered' "$(curl -s "$url/api/v1/login")" '"oidc":\{"name":"the company"\}'
come ann
has 'ann comes back' "$ANSWER" '^HTTP/1.1 303'
is 'to where she wanted' "$(location <<<"$ANSWER")" /runs
has 'with a cookie that scripts cannot read' "$ANSWER" '^Set-Cookie: penstock_session=pss_[^;]*;.*HttpOnly.*SameSite=Strict'
hasnt 'no secret stands in an address' "$(location <<<"$ANSWER")" 'pss_'
me=$(ask_url "$url/api/v1/me")
has 'she is a user' "$me" '"actor":"user:ann"'
groups=$(grep -oE '"groups":\[[^]]*\]' <<<"$me" | grep -oE '"[a-z-]+"' | tr -d '"' | sed 1d)
[ -n "$groups" ] && ok 'with the groups of the provider' || not_ok 'with the groups of the provider' "$me"
has 'without a role she sees nothing' "$(ask_url "$url/api/v1/runs" | head -n 1)" ' 403 '
group=$(head -n 1 <<<"$groups")
good 'her group is given a role' p grant "group:$group" viewer
has 'now she does' "$(ask_url "$url/api/v1/runs" | head -n 1)" ' 200 '
has 'she may not decide' "$(ask_url -X POST -H 'Penstock-Csrf: 0' "$url/api/v1/runs/run-1/rerun" | head -n 1)" ' 403 '
cp "$work/jar" "$work/hers"
# ---- the same way back twice, another browser, another path ----
ANSWER=$(ask_url "$BACK")
has 'the same way back is good for once' "$(location <<<"$ANSWER")" '^/login\?error='
come ann
rm -f "$work/jar"
ANSWER=$(curl -sS -i "$BACK" | tr -d '\r')
has 'another browser`s way back is not ours' "$(location <<<"$ANSWER")" '^/login\?error='
has 'nobody is sent elsewhere' "$(curl -sS -i -c "$work/j2" "$url/api/v1/login/oidc?to=//evil.example" | tr -d '\r' | location)" "^$issuer"
come ann cancel
has 'who says no is told' "$(location <<<"$ANSWER")" '^/login\?error='
# ---- two people, one account ----
come bob
has 'bob is another one' "$(ask_url "$url/api/v1/me")" '"actor":"user:bob"'
good 'bob is put out' p user set bob --disable
has 'his session ends with it' "$(ask_url "$url/api/v1/me" | head -n 1)" ' 401 '
come bob
has 'and he cannot come again' "$(location <<<"$ANSWER")" '^/login\?error=.*disabled'
# ---- the provider is down, lies about time, changes its keys ----
cp "$work/hers" "$work/jar"
kill "$provider" && wait "$provider" 2>/dev/null
has 'sessions outlive the provider' "$(ask_url "$url/api/v1/runs" | head -n 1)" ' 200 '
come ann
has 'a login without it is refused with why' "$there" '^/login\?error=|^http'
provide --clock=-7200 || not_ok 'a provider with a wrong clock' ''
come ann
has 'its time is wrong: refused' "$(location <<<"$ANSWER")" '^/login\?error='
kill "$provider" && wait "$provider" 2>/dev/null
provide || not_ok 'the provider is back' ''
sleep 1
again() { come ann && [ "$(location <<<"$ANSWER")" = /runs ]; }
await_ok 'new keys are fetched' 30 again
# ---- what stands in the journal ----
j=$(p audit list --last 500)
has 'logins are in the journal' "$j" 'access.login +user:ann'
hasnt 'and no secret' "$(p audit export 2>/dev/null; cat "$data.log")" 'pss_|a secret: 7'
finish
