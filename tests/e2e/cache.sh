#!/bin/bash
# The build caches, end to end: the daemon, its commands, tokens, limits, restarts, kill -9, and the proxy. What real build
# tools say to it stands in tests/peers.
. "$(dirname "$0")/lib.sh"
ports
command -v curl >/dev/null || { skip 'the build caches' 'no curl'; finish; }
port=$api_port
url=http://127.0.0.1:$port
cd "$work" || exit 2
up() { serve "$work/data" --port "$port" --cache-max 8MiB; }
up || not_ok 'the daemon starts' "$(tail -n 3 "$work/data.log")"
c() { curl -sS -o "$work/got" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$@" 2>&1; }

# ---- tokens ----
run p cache token ci --scope trusted
is 'a token: exit code' "$CODE" 0
has 'a token' "$OUT" '^psc_[A-Za-z0-9_-]{43}$'
trusted=$OUT
run p cache token reader --scope trusted --read-only --json
has 'as JSON' "$OUT" '^\{"name":"reader","scope":"trusted","read_only":true,"token":"psc_[A-Za-z0-9_-]{43}"\}$'
reader=$(grep -oE 'psc_[A-Za-z0-9_-]+' <<<"$OUT")
pr=$(p cache token pr-7 --scope pr/7)
run p cache token ci --scope trusted
is 'a name twice: refused' "$CODE" 1
run p cache token other --scope main
is 'a scope that is none: refused' "$CODE" 2
run p cache token other
is 'no scope: usage' "$CODE" 2
TOKEN=$trusted
is 'such a token is not for the API' "$(c "$url/api/v1/status") $(c -X POST "$url/api/v1/cache/prune?keep=0")" '401 401'
is 'who has none is a stranger' "$(TOKEN=x c "$url/v1/cache/1")" 401

# ---- put, get, scopes ----
head -c 500000 /dev/urandom >one
is 'a put, a get' "$(c -T one "$url/v1/cache/1") $(c "$url/v1/cache/1")" '200 200'
good 'the same bytes' cmp one got
is 'a trusted key stays' "$(c -T one "$url/v1/cache/1")" 409
TOKEN=$reader
is 'read-only' "$(c -T one "$url/v1/cache/2") $(c "$url/v1/cache/1")" '403 200'
TOKEN=$pr
is 'a pull request reads ours and writes its own' "$(c "$url/v1/cache/1") $(c -T one "$url/v1/cache/3") $(c "$url/v1/cache/3")" '200 200 200'
TOKEN=$trusted
is 'which we never read' "$(c "$url/v1/cache/3")" 404

# ---- what people see ----
run p cache
has 'penstock cache: the tool' "$OUT" 'nx +[0-9]+ +[0-9]+'
has 'its spaces' "$OUT" 'pr/7 +nx +1'
has 'the limit' "$OUT" 'of 8\.?0* MiB'
run p cache --json
has 'as JSON' "$OUT" '"scope":"pr/7","space":"nx","entries":1'
run p cache prune --keep 0 --scope pr/7
is 'a scope goes: exit code' "$CODE" 0
hasnt 'and is gone' "$(p cache --json)" '"scope":"pr/7"'
is 'the others stay' "$(c "$url/v1/cache/1")" 200
run p cache prune
is 'prune without a size: usage' "$CODE" 2

# ---- a restart, and kill -9 in the middle of a put ----
stop
up
is 'entries and tokens are there after a restart' "$(c "$url/v1/cache/1")" 200
good 'the same bytes' cmp one got
exec {half}<>"/dev/tcp/127.0.0.1/$port"
printf 'PUT /v1/cache/4 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 500000\r\n\r\n' "$TOKEN" >&"$half"
head -c 400000 one >&"$half"
await 5 sh -c "ls -A '$work/data/tools/trusted/nx'/*/ | grep -q '^.put'"
kill9
exec {half}>&-
up
is 'half a put was never there' "$(c "$url/v1/cache/4")" 404
is 'and can be put' "$(c -T one "$url/v1/cache/4") $(c "$url/v1/cache/4")" '200 200'

# ---- damage, the limit ----
find "$work/data/tools/trusted" -name 1 -type f -exec sh -c 'printf x | dd of="$1" bs=1 seek=1000 conv=notrunc status=none' _ {} \;
is 'a damaged entry is a miss' "$(c "$url/v1/cache/1")" 404
is 'and can be put again' "$(c -T one "$url/v1/cache/1")" 200
for i in $(seq 10 40); do c -T one "$url/v1/cache/$i" >>codes; done
is 'more than fits is taken' "$(grep -oE '[0-9]{3}' codes | sort | uniq -c | tr -s ' \n' ' ')" ' 31 200 '
size=$(du -sk --apparent-size "$work/data/tools" | cut -f1)
is 'and the limit holds' "$([ "$size" -le 8600 ] && echo yes || echo "$size kB")" yes
is 'what was used last is there' "$(c "$url/v1/cache/40")" 200
head -c 5000000 /dev/zero >big
is 'too big for one entry' "$(c -T big "$url/gradle/big") $(c -T big "$url/v1/cache/99")" '413 403'

# ---- the proxy ----
printf '%s\n' "$trusted" >token
"$PENSTOCK" cache proxy --server "$url" --token-file token --listen 127.0.0.1:0 >proxy.out 2>proxy.log </dev/null &
pids+=($!)
proxy_pid=$!
await 5 grep -q http proxy.out
proxy=$(sed -nE 's/.*(http:.*)/\1/p' proxy.out)
TOKEN=whatever
is 'through the proxy' "$(c "$proxy/v1/cache/40")" 200
good 'the same bytes' cmp one got
is 'only caches' "$(c "$proxy/api/v1/status")" 404
stop
is 'no daemon: a miss, and puts are taken' "$(c "$proxy/v1/cache/40") $(c -T big "$proxy/v1/cache/41") $(c "$proxy/v8/artifacts/status")" '404 200 200'
up
await_ok 'it is back: hits again' 15 sh -c "curl -s -o /dev/null -w '%{http_code}' '$proxy/v1/cache/40' | grep -q 200"
kill "$proxy_pid"
wait "$proxy_pid"
is 'the proxy ends well' "$?" 0
has 'and says what it did' "$(cat proxy.out)" '[0-9]+ answered without the server'
run "$PENSTOCK" cache proxy
is 'a proxy for nobody: usage' "$CODE" 2
run "$PENSTOCK" cache proxy --server ftp://x
is 'a server that is no URL' "$CODE" 2

# ---- a token is taken back ----
run p cache token ci --remove
is 'taken back' "$CODE" 0
TOKEN=$trusted
is 'it opens nothing any more' "$(c "$url/v1/cache/40")" 401
run p cache token ci --remove
is 'twice: refused' "$CODE" 1
finish
