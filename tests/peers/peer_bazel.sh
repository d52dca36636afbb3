#!/bin/bash
# Bazel's own client against our cache (Debian's bazel-bootstrap), with genrules: no toolchain, no network.
. "$(dirname "$0")/lib.sh"
command -v bazel >/dev/null || absent bazel "not installed: tests/peers/install.sh"
cache_server
root=$work/bazel
mkdir -p "$work/repo" && cd "$work/repo" || exit 2
touch WORKSPACE
cat >BUILD <<-'B'
	genrule(name = "a", outs = ["a.txt"], cmd = "date +%N > $@; echo built a")
	genrule(name = "b", srcs = [":a"], outs = ["b.txt"], cmd = "cat $(SRCS) > $@; date +%N >> $@; head -c 200000 /dev/zero >> $@")
B
startup=(--host_jvm_args=-Xmx512m "--output_user_root=$root" --max_idle_secs=20)
bazel_run() { # TOKEN URL
	bazel "${startup[@]}" clean >/dev/null 2>&1
	run bazel "${startup[@]}" build //:b --remote_cache="$2" --remote_header="authorization=Bearer $1" --remote_timeout=60 \
		--noshow_progress --color=no --spawn_strategy=local --genrule_strategy=local
	OUT+=$ERR
}
bytes() { sha256sum bazel-bin/a.txt bazel-bin/b.txt 2>&1; }
mark bazel
bazel_run "$TRUSTED" "$URL/main"
[ "$CODE" = 0 ] || echo "# bazel: $(tail -n 15 <<<"$OUT" | tr '\n' '|')"
is 'first run: exit code' "$CODE" 0
at_least 'misses' "$(since bazel misses)" 2
at_least 'puts' "$(since bazel stored)" 4
first=$(bytes)
mark bazel
bazel_run "$TRUSTED" "$URL/cache/main"
is 'cleaned: exit code' "$CODE" 0
at_least 'hits, also below /cache' "$(since bazel hits)" 4
is 'outputs are identical' "$(bytes)" "$first"
has 'and Bazel says so' "$OUT" '2 remote cache hit'
mark bazel
bazel_run x "http://any:$TRUSTED@127.0.0.1:$cache_port/main"
is 'the token as password: identical' "$(bytes)" "$first"
# ---- read-only ----
sed -i 's/built a/built a again/' BUILD
mark bazel
bazel_run "$READER" "$URL/main"
is 'read-only: exit code' "$CODE" 0
is 'nothing is stored' "$(since bazel stored)" 0
# ---- a lost blob: the result that names it is never given out ----
bazel_run "$TRUSTED" "$URL/main"
find "$work/data/tools/trusted/bazel/main/cas" -type f -delete
mark bazel
bazel_run "$TRUSTED" "$URL/main"
is 'evicted blobs: exit code' "$CODE" 0
is 'no result is given out' "$(since bazel hits)" 0
at_least 'and all is put again' "$(since bazel stored)" 4
hasnt 'and Bazel has nothing to warn of' "$OUT" 'WARNING.*[Rr]emote'
corrupt_entries
mark bazel
bazel_run "$TRUSTED" "$URL/main"
is 'damaged entries: exit code' "$CODE" 0
at_least 'are noticed' "$(since bazel damaged)" 1
first=$(bytes)
# ---- an outage ----
proxy
mark bazel
bazel_run "$TRUSTED" "$PROXY/main"
is 'through the proxy: exit code' "$CODE" 0
stop
bazel_run "$TRUSTED" "$URL/main"
is 'no server: exit code' "$CODE" 0
bazel_run "$TRUSTED" "$PROXY/main"
is 'no server, through the proxy: exit code' "$CODE" 0
hasnt 'and Bazel has nothing to warn of' "$OUT" 'WARNING.*[Rr]emote'
bazel "${startup[@]}" shutdown >/dev/null 2>&1
finish
