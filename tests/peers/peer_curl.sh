#!/bin/bash
# curl against our cache: what no build tool can be made to do at will. Many puts at a time, large ones, memory.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || absent curl "not installed"
cache_server
cd "$work" || exit 2
c() { curl -sS -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer ${TOKEN-$TRUSTED}" "$@" 2>&1; }
# ---- 64 puts of one key at a time, each with other bytes ----
for i in $(seq 64); do head -c 300000 /dev/zero | tr '\0' "$(printf "\\$(printf %o $((i + 160)))")" >"put$i"; done
for i in $(seq 64); do echo "put$i"; done | xargs -P 64 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $TRUSTED" -T {} "$URL/v1/cache/1" >codes 2>&1
is '64 puts of one key: one wins' "$(sort codes | uniq -c | tr -s ' \n' ' ')" ' 1 200 63 409 '
curl -sS -H "Authorization: Bearer $TRUSTED" -o got "$URL/v1/cache/1"
winner=$(sha256sum <got)
is 'and its bytes are whole' "$(for i in $(seq 64); do sha256sum <"put$i"; done | grep -cF "$winner")" 1
rm -f put*
# ---- 100 MB, six at a time, with flat memory ----
head -c 100000000 /dev/urandom >big
key=$(sha256sum <big | cut -c1-64)
c -T got "$URL/gradle/warm" >/dev/null
before=$(rss)
is '100 MB put' "$(c -T big "$URL/main/cas/$key")" 200
for i in 1 2 3 4 5 6; do echo "$i"; done | xargs -P 6 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $TRUSTED" -T big "$URL/gradle/big{}" >codes 2>&1
is 'six more at a time' "$(sort codes | uniq -c | tr -s ' \n' ' ')" ' 6 200 '
after_puts=$(rss)
for i in 1 2 3; do curl -sS -H "Authorization: Bearer $TRUSTED" -o "big$i" "$URL/gradle/big$i" & done
wait %+ 2>/dev/null
for job in $(jobs -p); do [ "$job" = "$DAEMON" ] || wait "$job"; done
is 'and back' "$(cat big1 big2 big3 2>/dev/null | sha256sum)" "$(cat big big big | sha256sum)"
after=$(rss)
echo "# RSS: $before kB before, $after_puts kB after 700 MB of puts, $after kB after 300 MB of gets"
if [ $((after - before)) -lt 16384 ] && [ $((after_puts - before)) -lt 16384 ]; then
	ok 'memory is flat'
else
	not_ok 'memory is flat' "$before, $after_puts, $after kB"
fi
other=${key%?}0 # not its hash
[ "$other" != "$key" ] || other=${key%?}1
is 'wrong bytes for a hash' "$(c -T got "$URL/main/cas/$key" | head -n 1; c -T big "$URL/main/cas/$other" | tail -n 1)" "$(printf '200\n400')"
is 'a second put of the same blob' "$(c -T big "$URL/main/cas/$key")" 200
# ---- one that the cache cannot hold; refusals are heard, with and without Expect ----
truncate -s 11G huge
is 'above the limit' "$(c -T huge "$URL/gradle/huge")" 413
TOKEN=$READER
is 'read-only, 100 MB, Expect' "$(c -H 'Expect: 100-continue' -T big "$URL/v1/cache/2")" 403
is 'read-only, 100 MB, sent at once' "$(c -H 'Expect:' -T big "$URL/v1/cache/2")" 403
TOKEN=$TRUSTED
rm -f huge
# ---- through the proxy: 100 MB, a server that hangs, one that stops in the middle ----
proxy
is '100 MB through the proxy' "$(c -T big "$PROXY/gradle/through")" 200
curl -sS -H "Authorization: Bearer $TRUSTED" -o big4 "$PROXY/gradle/through"
good 'and back' cmp big big4
kill -STOP "$DAEMON"
started=$SECONDS
is 'a server that hangs: a miss' "$(c "$PROXY/v1/cache/1")" 404
took=$((SECONDS - started))
is 'within seconds' "$([ $took -le 8 ] && echo yes || echo $took)" yes
is 'then at once' "$(c --max-time 1 "$PROXY/v1/cache/1")" 404
is 'puts are taken' "$(c --max-time 2 -T got "$PROXY/v1/cache/9")" 200
kill -CONT "$DAEMON"
finish
