#!/bin/bash
# Jobs that show who they are: their id_tokens, brought to a cloud of our own that knows nothing but our two open documents and checks by PyJWT.
. "$(dirname "$0")/lib.sh"
python=$peers/jwt/bin/python
[ -x "$python" ] || absent PyJWT "not in $peers: tests/peers/install.sh"
documents=${BUILD_FOLDER:-$here/build}/tests/workload_documents
[ -x "$documents" ] || absent PyJWT "no $documents: ninja -C BUILD tests/workload_documents"
ports 28
cloud_port=$api_port daemon_port=$((api_port + 40)) door_base=$((api_port + 400)) replica_base=$((11000 + $$ % 10 * 150)) # no other test's
issuer=http://127.0.0.1:$cloud_port
mkdir -p "$work/documents"
publish() { # what a daemon's open routes, or a web server elsewhere, would give
	"$documents" "$work/data" "$issuer" discovery >"$work/documents/discovery" && "$documents" "$work/data" "$issuer" keys >"$work/documents/keys"
}
serve_it() { serve "$work/data" --repo "$bare" --port "$daemon_port" --public-url "$issuer/" "$@"; }
seen() { grep -E -- "$1" "$work/seen" 2>/dev/null; }
number() { # CLAIM LINE
	local n
	n=$(grep -oE "\"$1\": [0-9]+" <<<"$2")
	echo "${n:-: 0}" | sed 's/.*: //'
}
life() { echo $(($(number exp "$1") - $(number iat "$1"))); }
log_of() { p logs "$1/$2" 2>/dev/null; }

: >"$work/seen"
"$python" "$here/tests/peers/workload_cloud.py" "$cloud_port" "$work/documents" "$issuer" "$work/seen" >"$work/cloud.log" 2>&1 </dev/null &
pids+=($!)
build_service
project shop
shop rolling
# bring VARIABLE AUDIENCE: the token in VARIABLE to the cloud, as one for AUDIENCE
cat >"$tree/bring.sh" <<S
	token=\${!1-none}
	exec 3<>/dev/tcp/127.0.0.1/$cloud_port
	printf 'POST /%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "\$2" "\${#token}" "\$token" >&3
	read -r status <&3
	echo "\$2 says \${status%\$'\\r'} to \$token"
S
sed -i 's/^ci:$/&\
  cloud: {timeout: 3m, network: true, inputs: [bring.sh, turn], id_tokens: {CLOUD: {aud: sts}, BOTH: {aud: [one, two]}},\
    run: "bash bring.sh CLOUD sts; bash bring.sh CLOUD another; bash bring.sh BOTH two"}\
  plain: {network: true, inputs: [bring.sh, turn], run: "echo token ${CLOUD-unset}"}/
	s/^staging: .*/staging:\
  environment: staging\
  e2e: {each: web, inputs: [..\/..\/bring.sh], timeout: 2h, id_tokens: {CLOUD: {aud: staging}}, run: "bash ..\/..\/bring.sh CLOUD staging"}/' "$tree/penstock.yml"
sed -i '2a on: {push: {branches: [main]}, pull_request: {forks: always}}' "$tree/penstock.yml"
echo 1 >"$tree/turn"
serve_it || {
	not_ok serve "$(tail -n 3 "$data.log")"
	finish
}
publish
commit First
await_ok 'a run with tokens ends' 60 run_ended "$COMMIT"
is 'it passes' "$(run_state "$COMMIT")" passed
r=$(run_id "$COMMIT")
await 5 seen '"asked": "two"'

# ---- what the cloud was shown ----
line=$(seen '"asked": "sts"')
now=$(date +%s)
has 'the cloud believes the token' "$line" '"aud": "sts"'
has 'of this issuer' "$line" "\"iss\": \"$issuer\""
has 'for this branch' "$line" '"sub": "repo:shop:ref:refs/heads/main"'
has 'of this commit, run, job, stage, event, project' "$line" "\"commit\": \"$COMMIT\", \"event\": \"push\".*\"job\": \"$r/ci/-/cloud\".*\"project\": \"shop\", \"ref\": \"refs/heads/main\", \"repository\": \"shop\", \"run\": \"$r\", \"stage\": \"ci\""
has 'by its author, as the commit says' "$line" '"actor": "git:ada@shop.example"'
hasnt 'with no environment, and no unit' "$line" '"(environment|unit)"'
is 'it lives as long as its job may, and five minutes' "$(life "$line")" 480
issued=$(number iat "$line")
if [ $((now - issued)) -lt 120 ]; then ok 'it is new'; else not_ok 'it is new' "$line"; fi
has 'for another audience it is refused' "$(seen '"asked": "another"')" 'InvalidAudienceError'
has 'one token for two' "$(seen '"asked": "two"')" '"aud": \["one", "two"\]'
has 'in the log it is masked' "$(log_of "$r" cloud)" 'sts says HTTP/1.0 200 OK to \*\*\*'
token=$(head -n 1 "$work/seen.tokens")
if [ "${#token}" -gt 300 ] && ! grep -rqF -- "${token:0:200}" "$work/data"; then ok 'it stands in no file of the daemon'; else not_ok 'it stands in no file of the daemon' "${#token} bytes, $(grep -rlF -- "${token:0:200}" "$work/data" | head -n 3)"; fi
has 'a job that asks for none has none' "$(log_of "$r" plain)" 'token unset'

# ---- a stage with an environment ----
await_ok 'the release goes through staging' 90 seen '"asked": "staging"'
line=$(seen '"asked": "staging"' | head -n 1)
has 'its job says so' "$line" '"sub": "repo:shop:ref:refs/heads/main:environment:staging"'
has 'in claims too' "$line" '"environment": "staging".*"stage": "staging".*"unit": "web"'
is 'never longer than an hour' "$(life "$line")" 3600

# ---- a fork ----
g checkout --quiet -b topic && echo fork >"$tree/turn" && g commit --quiet -am request && g push --quiet origin HEAD:refs/pull/7/head
fork=$(g rev-parse HEAD)
await_ok 'a request from a fork runs' 60 run_is "$fork" passed
has 'its jobs have no token' "$(log_of "$(run_id "$fork")" cloud)" 'sts says HTTP/1.0 403 Forbidden to none'
g checkout --quiet main

# ---- another key ----
stop
good 'the key is changed' "$documents" "$work/data" "$issuer" rotate
publish
serve_it || not_ok 'serve again' "$(tail -n 3 "$data.log")"
is 'both keys are published' "$(grep -oE '"kid"' "$work/documents/keys" | wc -l)" 2
: >"$work/seen"
echo 2 >"$tree/turn"
commit Second
await_ok 'a run after that ends' 60 run_ended "$COMMIT"
has 'the cloud believes the new key' "$(seen '"asked": "sts"')" "\"commit\": \"$COMMIT\""
exec {fd}<>"/dev/tcp/127.0.0.1/$cloud_port"
printf 'POST /sts HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "${#token}" "$token" >&"$fd"
read -r status <&"$fd"
exec {fd}>&-
has 'and still the old one' "$status" ' 200 '
is 'the private keys are nobody else'"'"'s' "$(stat -c %a "$work/data/keys/workload.pem" "$work/data/keys/workload.old.pem" | tr '\n' ' ')" '600 600 '

# ---- no address ----
stop
run "$PENSTOCK" serve --data "$work/other" --port 0 --public-url ftp://ci.example
is 'an issuer that is no URL: exit code' "$CODE" 2
has 'and what to write' "$ERR" 'public-url.*https://HOST'
finish
