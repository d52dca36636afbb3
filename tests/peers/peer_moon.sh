#!/bin/bash
# moon's own client against our cache: Bazel's HTTP protocol with results in JSON.
. "$(dirname "$0")/lib.sh"
bin=$peers/moon/node_modules/.bin
[ -x "$bin/moon" ] || absent moon "not in $peers: tests/peers/install.sh"
cache_server
export MOON_TOKEN CI=1 NO_COLOR=1 MOON_TOOLCHAIN_FORCE_GLOBALS=true PROTO_HOME=$work/proto HOME=$work/home MOON_SKIP_SETUP_TOOLCHAIN=true
mkdir -p "$HOME" "$work/repo/.moon" "$work/repo/packages/"{a,b} && cd "$work/repo" || exit 2
settings() { # URL
	printf "projects: ['packages/*']\nvcs: {client: git, defaultBranch: main}\ntelemetry: false\nremote: {api: http, host: '%s', auth: {token: MOON_TOKEN}}\n" "$1" >.moon/workspace.yml
}
for name in a b; do
	printf 'tasks:\n  build:\n    command: ./build.sh\n    outputs: [dist]\n    inputs: [build.sh]\n    options: {runInCI: true, cache: true}\n' >packages/$name/moon.yml
	printf '#!/bin/sh\nmkdir -p dist && date +%%N >dist/out.txt && echo built %s\n' $name >packages/$name/build.sh
	chmod +x packages/$name/build.sh
done
printf '.moon/cache\ndist\n' >.gitignore
settings "$URL"
git init --quiet --initial-branch=main && git add -A && git commit --quiet -m 'First' || exit 2
moon_run() { # TOKEN URL
	settings "$2"
	rm -rf .moon/cache packages/*/dist
	MOON_TOKEN=$1
	run "$bin/moon" run a:build b:build
	OUT+=$ERR
	[ "$CODE" = 0 ] || echo "# moon: $(tail -n 15 <<<"$OUT" | tr '\n' '|')"
}
bytes() { cat packages/a/dist/out.txt packages/b/dist/out.txt 2>&1; }
mark bazel
moon_run "$TRUSTED" "$URL"
is 'first run: exit code' "$CODE" 0
at_least 'misses' "$(since bazel misses)" 2
at_least 'puts' "$(since bazel stored)" 4
first=$(bytes)
mark bazel
moon_run "$TRUSTED" "$URL"
is 'wiped local cache: exit code' "$CODE" 0
at_least 'hits' "$(since bazel hits)" 2
is 'outputs are identical' "$(bytes)" "$first"
has 'moon says so' "$OUT" 'cached from remote|remote cache|cached'
has 'logs are replayed' "$OUT" 'built a'
# ---- read-only ----
echo '# more' >>packages/a/build.sh
mark bazel
moon_run "$READER" "$URL"
is 'read-only: exit code' "$CODE" 0
is 'nothing is stored' "$(since bazel stored)" 0
# ---- a lost blob: the result that names it is never given out ----
find "$work/data/tools/trusted" -path '*/cas/*' -type f -delete
mark bazel
moon_run "$TRUSTED" "$URL"
is 'lost blobs: exit code' "$CODE" 0
at_least 'are misses' "$(since bazel misses)" 1
at_least 'and put again' "$(since bazel stored)" 2
corrupt_entries
mark bazel
moon_run "$TRUSTED" "$URL"
is 'damaged entries: exit code' "$CODE" 0
at_least 'are noticed' "$(since bazel damaged)" 1
# ---- an outage ----
proxy
moon_run "$TRUSTED" "$PROXY" # the settings are part of moon's keys
mark bazel
moon_run "$TRUSTED" "$PROXY"
is 'through the proxy: exit code' "$CODE" 0
at_least 'hits' "$(since bazel hits)" 1
stop
moon_run "$TRUSTED" "$URL"
is 'no server: exit code' "$CODE" 0
moon_run "$TRUSTED" "$PROXY"
is 'no server, through the proxy: exit code' "$CODE" 0
is 'and it was built' "$(bytes | wc -l)" 2
finish
