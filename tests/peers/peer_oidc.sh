#!/bin/bash
# npm's oidc-provider against our OpenID relying party (clients/oidc), driven line by line through tests/oidc_login.
. "$(dirname "$0")/lib.sh"
[ -d "$peers/oidc/node_modules/oidc-provider" ] || absent oidc-provider "not in $peers: tests/peers/install.sh"
command -v node >/dev/null || absent oidc-provider "there is no node"
driver=${BUILD_FOLDER:-$here/build}/tests/oidc_login
[ -x "$driver" ] || absent oidc-provider "no $driver: ninja -C BUILD tests/oidc_login"
ports 27
port=$api_port
issuer=http://127.0.0.1:$port
back=http://127.0.0.1:9/back
scopes='openid profile email groups'

provider_answers() { grep -q "^ready $issuer" "$work/provider.out"; }
# provider [OPTION...]: the provider, on the one port; the one before it is gone.
provider() {
	no_provider
	: >"$work/provider.out"
	PENSTOCK_PEERS=$peers node "$here/tests/peers/oidc_provider.mjs" --port "$port" --redirect "$back" "$@" \
		>"$work/provider.out" 2>"$work/provider.log" </dev/null &
	provider=$!
	pids+=("$provider")
	await 20 provider_answers || {
		not_ok "the provider starts ($*)" "$(tail -n 3 "$work/provider.log" | tr '\n' '|')"
		finish
	}
}
no_provider() {
	[ -n "${provider-}" ] || return 0
	kill "$provider" 2>/dev/null
	wait "$provider" 2>/dev/null
	provider=
}
# client [CLIENT SECRET [KEYS_AGAIN]]: a relying party that knows nothing yet.
client() {
	[ -z "${client_pid-}" ] || {
		exec {to}>&- {from}<&-
		wait "$client_pid" 2>/dev/null
	}
	coproc RP { exec "$driver" "$issuer" "${1-penstock}" "${2-a secret: 7}" "$back" "$scopes" "${3-1}"; }
	client_pid=$RP_PID
	local out=${RP[0]} in=${RP[1]}
	exec {to}>&"$in" {from}<&"$out"
	eval "exec $in>&- $out<&-"
	pids+=("$client_pid")
}
ask() { # LINE: sets SAID
	SAID=
	echo "$1" >&"$to"
	read -r -t 30 SAID <&"$from"
}
# login ACCOUNT [cancel]: all of it; SAID is what came of it. BACK is where the browser was led.
login() {
	ask begin
	[ "${SAID%% *}" = url ] || return 1
	BACK=$(node "$here/tests/peers/oidc_browser.mjs" "${SAID#url }" "$@" 2>"$work/browser") || {
		SAID="no way back: $(cat "$work/browser")"
		return 1
	}
	ask "finish $BACK"
}

# ---- who is it ----
ann="{\"issuer\":\"$issuer\",\"subject\":\"ann\",\"name\":\"Ann\",\"email\":\"ann@shop.example\",\"email_verified\":true,\"groups\":[\"devs\",\"approvers\"]}"
for alg in RS256 ES256; do
	provider --alg $alg
	client
	login ann
	is "$alg: who it is" "$SAID" "person $ann"
	login bob
	has "$alg: somebody else, whose address nobody verified" "$SAID" '"subject":"bob".*"email_verified":false,"groups":\["devs"\]'
	ask "finish $BACK"
	has "$alg: a code is good once" "$SAID" '^denied .*invalid_grant'
	client public -
	login ann
	is "$alg: a client without a secret" "$SAID" "person $ann"
	login eve
	has "$alg: no groups, no address" "$SAID" '"name":"Eve","email":null,"email_verified":false,"groups":\[\]'
done
provider --groups userinfo
client
login ann
is 'groups by userinfo' "$SAID" "person $ann"
provider --no-kid
client
login ann
is 'a token that names no key' "$SAID" "person $ann"

# ---- the person, the client, the browser ----
login ann cancel
has 'the person says no' "$SAID" '^denied the provider refuses: access_denied: End-User'
ask begin
first=${SAID#url }
first_back=$(node "$here/tests/peers/oidc_browser.mjs" "$first" ann)
ask begin
ask "finish $first_back"
has 'an answer to another login' "$SAID" '^denied .*\(state\)'
ask "finish $(sed -E 's/&state=[^&]*//' <<<"$first_back")"
has 'and one without a state' "$SAID" '^denied .*\(state\)'
login ann
ask "finish ${BACK/iss=*/iss=http%3A%2F%2Fevil.example}"
has 'an answer of another provider' "$SAID" '^denied .*\(iss\)'
ask "finish ${BACK/&iss=*/}"
has 'and one that does not say of which' "$SAID" '^denied .*\(iss\)'
ask begin
stolen=$(sed -E 's/code_challenge=[^&]*/code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/' <<<"${SAID#url }")
ask "finish $(node "$here/tests/peers/oidc_browser.mjs" "$stolen" ann)"
has 'a code that was not asked for with our verifier' "$SAID" '^denied .*invalid_grant'
client penstock 'another secret'
login ann
has 'a wrong secret' "$SAID" '^denied .*HTTP 401, invalid_client'

# ---- keys ----
provider
client
login ann
has 'before the rotation' "$SAID" '^person'
provider
login ann
is 'after it: other keys, the same relying party' "$SAID" "person $ann"
client penstock 'a secret: 7' 3600000000
login ann
provider
login ann
has 'keys are not fetched again and again' "$SAID" '^denied .*does not publish'

# ---- lies ----
for lie in 'aud=another:\(aud\)' 'iss=http://127.0.0.1:1:\(iss\)' 'nonce=x:\(nonce\)' 'azp=another:\(azp\)' 'at_hash=x:\(at_hash\)'; do
	provider --lie "${lie%:*}"
	client
	login ann
	has "a token with ${lie%:*}" "$SAID" "^denied the provider's ID token: .*${lie##*:}"
done
provider --clock=3600
client
login ann
has 'a provider whose clock is an hour ahead' "$SAID" '^denied .*in the future \(iat\): compare the two machines'
provider --clock=-7200
client
login ann
has 'a provider whose clock is two hours behind' "$SAID" '^denied .*the token ended .* s ago \(exp\): compare the two'
provider --clock=30
client
login ann
has 'half a minute is forgiven' "$SAID" '^person'

# ---- it is down ----
ask begin
BACK=$(node "$here/tests/peers/oidc_browser.mjs" "${SAID#url }" ann)
no_provider
ask "finish $BACK"
has 'it went down during a login' "$SAID" "^unavailable the provider's token endpoint: 127.0.0.1:$port: "
client
ask begin
has 'it is down from the start' "$SAID" "^unavailable the provider's discovery document: 127.0.0.1:$port: "
provider
login ann
has 'it is back' "$SAID" '^person'

# ---- it is another one ----
no_provider
issuer=http://localhost:$port
client
issuer=http://127.0.0.1:$port
provider
ask begin
has 'a provider that calls itself otherwise' "$SAID" '^invalid the provider calls itself "http://127.0.0.1:.*to the letter'
no_provider
finish
