#!/bin/bash
# Turborepo's own client against our cache.
. "$(dirname "$0")/lib.sh"
bin=$peers/turbo/node_modules/.bin
[ -x "$bin/turbo" ] || absent turbo "not in $peers: tests/peers/install.sh"
cache_server
export TURBO_TELEMETRY_DISABLED=1 TURBO_TEAM=shop DO_NOT_TRACK=1 CI=1 NO_COLOR=1 PATH=$bin:$PATH TURBO_SCM_BASE=HEAD
repo=$work/repo
mkdir -p "$repo"/packages/{a,b} && cd "$repo" || exit 2
echo '{"name":"shop","private":true,"packageManager":"npm@10.0.0","workspaces":["packages/*"]}' >package.json
echo '{"lockfileVersion":3,"name":"shop","packages":{"":{"name":"shop","workspaces":["packages/*"]},"node_modules/a":{"resolved":"packages/a","link":true},"node_modules/b":{"resolved":"packages/b","link":true},"packages/a":{"name":"a"},"packages/b":{"name":"b"}}}' >package-lock.json
echo '{"$schema":"https://turborepo.com/schema.json","tasks":{"build":{"outputs":["dist/**"]}}}' >turbo.json
for name in a b; do
	echo "{\"name\":\"$name\",\"version\":\"1.0.0\",\"scripts\":{\"build\":\"mkdir -p dist && date +%N >dist/out.txt && echo built $name\"}}" >packages/$name/package.json
done
printf 'node_modules\ndist\n.turbo\n' >.gitignore
git init --quiet && git add -A && git commit --quiet -m 'First' || exit 2
turbo_run() { # TOKEN URL
	run env TURBO_TOKEN="$1" TURBO_API="$2" turbo run build
	OUT+=$ERR
}
wipe() { rm -rf .turbo node_modules/.cache packages/*/.turbo packages/*/dist; }
bytes() { cat packages/a/dist/out.txt packages/b/dist/out.txt 2>&1; }

mark turbo
turbo_run "$TRUSTED" "$URL"
is 'first run: exit code' "$CODE" 0
is 'two misses' "$(since turbo misses)" 2
is 'two puts' "$(since turbo stored)" 2
first=$(bytes)
wipe
mark turbo
turbo_run "$TRUSTED" "$URL"
is 'wiped local cache: exit code' "$CODE" 0
is 'two hits' "$(since turbo hits)" 2
is 'outputs are identical' "$(bytes)" "$first"
has 'logs are replayed' "$OUT" 'built a'
has 'and turbo says so' "$OUT" '2 cached, 2 total|FULL TURBO'

wipe
run env TURBO_TOKEN="$TRUSTED" TURBO_API="$URL" turbo run build --dry=json
has 'a dry run knows what is in the remote cache' "$OUT" '"remote": true'

# ---- a pull request reads ours, and we never read its ----
wipe
mark turbo
turbo_run "$PR" "$URL"
is 'a pull request has our hits' "$(since turbo hits)" 2
echo x >packages/a/x
wipe
mark turbo
turbo_run "$PR" "$URL"
is 'and puts what it changed' "$(since turbo stored)" 1
wipe
mark turbo
turbo_run "$PR" "$URL"
is 'which hits when it runs again' "$(since turbo hits)" 2
wipe
mark turbo
turbo_run "$TRUSTED" "$URL"
is 'a trusted run does not see it' "$(since turbo hits) $(since turbo stored)" '1 1'

# ---- a token that may only read ----
echo y >packages/a/x
wipe
mark turbo
turbo_run "$READER" "$URL"
is 'read-only: exit code' "$CODE" 0
is 'nothing is stored' "$(since turbo stored)" 0
at_least 'a put is denied' "$(since turbo denied)" 1

# ---- damage ----
corrupt_entries
wipe
mark turbo
turbo_run "$TRUSTED" "$URL"
is 'damaged entries: exit code' "$CODE" 0
is 'are misses' "$(since turbo hits)" 0
at_least 'that are noticed' "$(since turbo damaged)" 1
at_least 'and are stored again' "$(since turbo stored)" 1

# ---- evicted ----
p cache prune --keep 0 >/dev/null
wipe
mark turbo
turbo_run "$TRUSTED" "$URL"
is 'evicted: exit code' "$CODE" 0
is 'two misses, two puts' "$(since turbo misses) $(since turbo stored)" '2 2'

# ---- an outage ----
proxy
wipe
turbo_run "$TRUSTED" "$PROXY"
is 'through the proxy: exit code' "$CODE" 0
has 'hits' "$OUT" '2 cached, 2 total|FULL TURBO'
stop
wipe
turbo_run "$TRUSTED" "$URL"
is 'no server: exit code' "$CODE" 0
wipe
turbo_run "$TRUSTED" "$PROXY"
is 'no server, through the proxy: exit code' "$CODE" 0
hasnt 'and no warning' "$OUT" 'failed to contact|artifact (retrieval|upload) failed|error sending'
cache_again
await 5 sh -c "sleep 2; curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer $TRUSTED' '$PROXY/v8/artifacts/status' | grep -q 200"
wipe
mark turbo
turbo_run "$TRUSTED" "$PROXY"
is 'the server is back: hits through the proxy' "$(since turbo hits)" 2
finish
