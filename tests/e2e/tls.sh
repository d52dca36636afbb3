#!/bin/bash
# The daemon's port by TLS: the CLI and an agent with a private authority, certificates that change and that are broken, what is refused.
. "$(dirname "$0")/lib.sh"
ports 21
command -v openssl >/dev/null || {
	skip 'TLS' 'no openssl'
	finish
}
project shop
mkdir -p "$tree/a"
url=https://127.0.0.1:$api_port
log=$work/data.log

# ---- an authority of our own ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=e2e authority' -days 2 \
	-keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=other authority' -days 2 \
	-keyout "$work/other.key" -out "$work/other.pem" 2>/dev/null
pair() { # SERIAL: a new pair, put where the daemon looks, each half whole
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=ci.example' -keyout "$work/new.key" -out "$work/new.csr" 2>/dev/null
	openssl x509 -req -in "$work/new.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -set_serial "$1" -days 2 -out "$work/new.pem" \
		-extfile <(printf 'subjectAltName=DNS:ci.example,IP:127.0.0.1\n') 2>/dev/null
	mv "$work/new.key" "$work/ci.key"
	mv "$work/new.pem" "$work/ci.pem"
}
serial() { openssl s_client -connect "127.0.0.1:$api_port" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null; }
serial_is() { [ "$(serial)" = "serial=$1" ]; }
handshake() { openssl s_client -connect "127.0.0.1:$api_port" "$@" </dev/null >"$work/s_client" 2>&1 && grep -q '^    Verify return code\|^Verify return code\|Cipher is [A-Z]' "$work/s_client" && ! grep -q 'Cipher is (NONE)' "$work/s_client"; }

# ---- what is refused at the start ----
run "$PENSTOCK" serve --data "$work/no" --port "$api_port" --listen 0.0.0.0
is 'other machines in the clear: refused' "$CODE" 2
has 'and what to do' "$ERR" '--tls-cert and --tls-key, or --insecure-listen'
run "$PENSTOCK" serve --data "$work/no" --port "$api_port" --tls-cert "$work/ca.pem"
is 'a certificate without a key' "$CODE" 2
run "$PENSTOCK" serve --data "$work/no" --port "$api_port" --tls-cert "$work/ca.pem" --tls-key "$work/other.key"
is 'a key of another certificate' "$CODE" 2
has 'says so' "$ERR" 'other.key is not the key of the certificate'
run "$PENSTOCK" serve --data "$work/no" --port "$api_port" --public-url ci.example
is 'a public URL that is none' "$CODE" 2

# ---- the CLI ----
pair 17
up() { serve "$work/data" --port "$api_port" --tls-cert "$work/ci.pem" --tls-key "$work/ci.key" --public-url "https://proxy.example" "$@"; }
up --repo "$bare" || not_ok 'serve' "$(tail -n 3 "$log")"
token=$(sed -nE 's/^The token of the administrator for https:.*: (pst_.*)/\1/p' "$data.out")
has 'the first token, for https' "$token" '^pst_'
remote() { "$PENSTOCK" "$@" --server "$url" --token "$token"; }
run remote status --ca "$work/ca.pem"
is 'the CLI believes the authority that it is given' "$CODE" 0
run env PENSTOCK_CA="$work/ca.pem" "$PENSTOCK" status --server "$url" --token "$token"
is 'also by the environment' "$CODE" 0
run remote status
is 'without it: not reached' "$CODE" 3
has 'and why' "$ERR" 'certificate'
run remote status --ca "$work/other.pem"
is 'another authority' "$CODE" 3
run remote status --ca "$work/ci.key"
is 'a file that holds none' "$CODE" 2
has 'is named' "$ERR" 'ci.key holds no certificates'
run "$PENSTOCK" status --server "${url/127.0.0.1/127.0.0.2}" --token "$token" --ca "$work/ca.pem"
is 'a name that the certificate does not have' "$CODE" 3
run "$PENSTOCK" status --server "http://127.0.0.1:$api_port" --token "$token"
is 'in the clear: no answer' "$CODE" 3

# ---- versions ----
good 'TLS 1.3' handshake -tls1_3
good 'TLS 1.2' handshake -tls1_2
for old in tls1_1 tls1; do
	if handshake -$old -cipher 'ALL:@SECLEVEL=0'; then not_ok "$old is refused" "$(cat "$work/s_client")"; else ok "$old is refused"; fi
done

# ---- what a browser hears; by which names ----
head=$(curl -s -D - -o "$work/answer" --cacert "$work/ca.pem" --resolve "ci.example:$api_port:127.0.0.1" "https://ci.example:$api_port/healthz")
has 'a name of the certificate' "$head" '^HTTP/1.1 200'
has 'the browser is to use TLS only' "$head" '^Strict-Transport-Security: max-age=31536000'
has 'and may do nothing with data' "$head" "^Content-Security-Policy: default-src 'none'"
code() { curl -s -o "$work/answer" -w '%{http_code}' --cacert "$work/ca.pem" "$@"; }
is 'the public name' "$(code -H 'Host: proxy.example' "$url/healthz")" 200
is 'a name that leads here, but is not ours' "$(code -H 'Host: evil.example' "$url/healthz")" 421
has 'it says what to do' "$(cat "$work/answer")" 'does not answer by the name evil.example: start it with --public-url or --host'

# ---- too many ----
codes=$(curl -s -o /dev/null -w '%{http_code}\n' --cacert "$work/ca.pem" "$url/healthz#[1-120]")
has 'a stranger who asks too often' "$codes" '^429'
has 'is answered up to a point' "$codes" '^200'
run remote status --ca "$work/ca.pem"
is 'who brings a token is not held up by that' "$CODE" 0

# ---- an agent ----
p agent token one >"$work/one.token"
agent() { # NAME CA
	"$PENSTOCK" agent --server "$url" --ca "$2" --token-file "$work/one.token" --name one --labels linux --cpu 4 --data "$work/agent-$1" >>"$work/$1.log" 2>&1 </dev/null &
	pids+=("$!")
	AGENT=$!
}
agent wrong "$work/other.pem"
await_ok 'an agent that believes another authority says so' 10 grep -q certificate "$work/wrong.log"
kill "$AGENT"
await 10 gone "$AGENT"
agent one "$work/ca.pem"
await_ok 'an agent connects' 10 grep -q 'connected' "$work/one.log"
job() { # N: a change with one job, whose output comes back
	echo "$1" >"$tree/a/n"
	cat >"$tree/penstock.yml" <<-Y
		version: 1
		project: shop
		libraries: {a: {path: a}}
		ci:
		  work: {each: "*", run: 'echo on an agent; cp n made', agent: [linux], outputs: [made]}
	Y
	commit "Change $1"
}
job 1
await_ok 'its job passes' 20 run_is "$COMMIT" passed

# ---- the certificate changes ----
curl -sN --cacert "$work/ca.pem" -H "Authorization: Bearer $token" "$url/api/v1/journal?follow=1" >"$work/followed" 2>"$work/followed.err" &
follower=$!
pids+=("$follower")
await 5 test -s "$work/followed"
pair 34
await_ok 'a new certificate is shown' 6 serial_is 22
await_ok 'and logged' 2 grep -q 'certificate was read anew' "$log"
job 2
await_ok 'the agent is still there, and its next job passes' 20 run_is "$COMMIT" passed
await_ok 'a reader from before the change reads on' 5 grep -q 'Change 2' "$work/followed"
good 'and was not cut off' kill -0 "$follower"
is 'the agent has connected once' "$(grep -c 'an agent is connected' "$log")" 1
cp "$work/other.pem" "$work/ci.pem"
await_ok 'a broken pair is told' 6 grep -q 'the old one stays' "$log"
good 'the old one stays' serial_is 22
pair 51
kill -HUP "$DAEMON"
await_ok 'SIGHUP: read now' 3 serial_is 33
run remote status --ca "$work/ca.pem"
is 'the CLI sees no difference' "$CODE" 0

# ---- jobs on this machine, after a restart ----
local_port=$(cat "$data/loopback-port")
has 'the loopback has a port in the clear' "$(curl -s "http://127.0.0.1:$local_port/healthz")" ok
stop
up || not_ok 'serve again' "$(tail -n 3 "$log")"
is 'which is the same after a restart' "$(cat "$data/loopback-port")" "$local_port"
good 'and answers' curl -sf -o /dev/null "http://127.0.0.1:$local_port/healthz"
stop

# ---- addresses ----
serve "$work/data" --port "$api_port" --listen ::1 || not_ok 'serve on ::1' "$(tail -n 3 "$log")"
good 'IPv6' curl -sf -o /dev/null "http://[::1]:$api_port/healthz"
stop
serve "$work/data" --port "$api_port" --listen 0.0.0.0 --insecure-listen || not_ok 'serve on 0.0.0.0' "$(tail -n 3 "$log")"
has 'in the clear for all: the log warns' "$(cat "$log")" 'open to other machines without TLS'
stop
finish
