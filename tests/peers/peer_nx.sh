#!/bin/bash
# Nx's own client against our cache: the one that ends builds at any answer that it does not know.
. "$(dirname "$0")/lib.sh"
bin=$peers/nx/node_modules/.bin
[ -x "$bin/nx" ] || absent nx "not in $peers: tests/peers/install.sh"
cache_server
export NX_DAEMON=false NX_NO_CLOUD=true CI=1 NO_COLOR=1 NX_TUI=false NX_ISOLATE_PLUGINS=false
repo=$work/repo
mkdir -p "$repo"/packages/{a,b} && cd "$repo" || exit 2
ln -s "$peers/nx/node_modules" node_modules
echo '{"name":"shop","private":true,"workspaces":["packages/*"],"devDependencies":{"nx":"24.0.6"}}' >package.json
echo '{"lockfileVersion":3,"name":"shop","packages":{"":{"name":"shop","workspaces":["packages/*"]},"packages/a":{"name":"a"},"packages/b":{"name":"b"}}}' >package-lock.json
echo '{"targetDefaults":{"build":{"cache":true,"outputs":["{projectRoot}/dist"]}},"analytics":false}' >nx.json
for name in a b; do
	echo "{\"name\":\"$name\",\"version\":\"1.0.0\",\"scripts\":{\"build\":\"mkdir -p dist && date +%N >dist/out.txt && echo built $name\"}}" >packages/$name/package.json
done
printf 'node_modules\ndist\n.nx\n' >.gitignore
git init --quiet && git add -A && git commit --quiet -m 'First' || exit 2
nx_run() { # TOKEN URL
	rm -rf .nx packages/*/dist "$work"/nxcache*
	run env NX_CACHE_DIRECTORY="$work/nxcache$RANDOM" NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN="$1" NX_SELF_HOSTED_REMOTE_CACHE_SERVER="$2" \
		node_modules/.bin/nx run-many -t build --outputStyle=static
	OUT+=$ERR
	[ "$CODE" = 0 ] || echo "# nx: $(tail -n 15 <<<"$OUT" | tr '\n' '|')"
}
bytes() { cat packages/a/dist/out.txt packages/b/dist/out.txt 2>&1; }

mark nx
nx_run "$TRUSTED" "$URL"
is 'first run: exit code' "$CODE" 0
is 'two misses' "$(since nx misses)" 2
is 'two puts' "$(since nx stored)" 2
first=$(bytes)
mark nx
nx_run "$TRUSTED" "$URL/"
is 'wiped local cache, a base that ends in a slash: exit code' "$CODE" 0
is 'two hits' "$(since nx hits)" 2
is 'outputs are identical' "$(bytes)" "$first"
has 'logs are replayed' "$OUT" 'built a'
has 'and nx says so' "$OUT" 'remote cache'

# ---- a token that may only read; a key that is there ----
echo y >packages/a/x
mark nx
nx_run "$READER" "$URL"
is 'read-only: exit code' "$CODE" 0
is 'nothing is stored' "$(since nx stored)" 0
at_least 'a put is denied' "$(since nx denied)" 1
mark nx
nx_run "$PR" "$URL"
is 'a pull request: exit code' "$CODE" 0
is 'has our hit and puts its own' "$(since nx hits) $(since nx stored)" '1 1'
mark nx
nx_run "$TRUSTED" "$URL"
is 'which a trusted run does not see' "$(since nx hits) $(since nx stored)" '1 1'

# ---- damage, eviction ----
corrupt_entries
mark nx
nx_run "$TRUSTED" "$URL"
is 'damaged entries: exit code' "$CODE" 0
is 'are misses' "$(since nx hits)" 0
at_least 'that are noticed' "$(since nx damaged)" 1
p cache prune --keep 0 >/dev/null
mark nx
nx_run "$TRUSTED" "$URL"
is 'evicted: exit code' "$CODE" 0
is 'two misses, two puts' "$(since nx misses) $(since nx stored)" '2 2'

# ---- an outage ----
proxy
nx_run "$TRUSTED" "$PROXY"
is 'through the proxy: exit code' "$CODE" 0
has 'hits' "$OUT" 'remote cache'
nx_run wrong "$PROXY"
is 'a wrong token, through the proxy: exit code' "$CODE" 0
stop
nx_run "$TRUSTED" "$URL"
is 'no server: nx itself ends with' "$CODE" 1
nx_run "$TRUSTED" "$PROXY"
is 'no server, through the proxy: exit code' "$CODE" 0
has 'and it was built' "$(bytes | wc -l)" '^2$'
finish
