#!/bin/bash
# ccache against our cache, by its HTTP storage in Bazel's layout.
. "$(dirname "$0")/lib.sh"
command -v ccache >/dev/null || absent ccache "not installed: tests/peers/install.sh"
command -v cc >/dev/null || absent ccache "no C compiler"
cache_server
cd "$work" || exit 2
unset CCACHE_DISABLE
export CCACHE_DIR=$work/ccache CCACHE_CONFIGPATH=/dev/null CCACHE_NODEBUG=1
echo 'int one(void) { return 1; }' >one.h
printf '#include "one.h"\nint main(void) { return one() - 1; }\n' >one.c
build() { # TOKEN URL
	rm -rf one.o "$CCACHE_DIR"
	run env CCACHE_REMOTE_STORAGE="$2/cc|layout=bazel|bearer-token=$1" ccache cc -Wno-unused -c one.c -o one.o
}
mark bazel
build "$TRUSTED" "$URL"
is 'first run: exit code' "$CODE" 0
at_least 'misses' "$(since bazel misses)" 1
at_least 'puts' "$(since bazel stored)" 2
first=$(sha256sum <one.o)
mark bazel
build "$TRUSTED" "$URL"
is 'wiped local cache: exit code' "$CODE" 0
at_least 'hits' "$(since bazel hits)" 2
is 'nothing is compiled again: no miss' "$(since bazel misses)" 0
is 'the object is identical' "$(sha256sum <one.o)" "$first"
# ---- a manifest grows, also in the trusted scope: the same source, another header, and back ----
echo 'int one(void) { return 2; }' >one.h
build "$TRUSTED" "$URL"
echo 'int one(void) { return 1; }' >one.h
mark bazel
build "$TRUSTED" "$URL"
is 'a header that comes back hits again' "$(since bazel misses) $(sha256sum <one.o)" "0 $first"
# ---- read-only ----
echo 'int one(void) { return 3; }' >one.h
mark bazel
build "$READER" "$URL"
is 'read-only: exit code' "$CODE" 0
is 'nothing is stored' "$(since bazel stored)" 0
at_least 'a put is denied' "$(since bazel denied)" 1
# ---- damage, eviction, outage ----
build "$TRUSTED" "$URL"
first=$(sha256sum <one.o)
corrupt_entries
mark bazel
build "$TRUSTED" "$URL"
is 'damaged entries: exit code' "$CODE" 0
at_least 'are noticed' "$(since bazel damaged)" 1
is 'and compiled again' "$(sha256sum <one.o)" "$first"
p cache prune --keep 0 >/dev/null
mark bazel
build "$TRUSTED" "$URL"
is 'evicted: exit code and puts' "$CODE $([ "$(since bazel stored)" -ge 2 ] && echo puts)" '0 puts'
proxy
mark bazel
build "$TRUSTED" "$PROXY"
is 'through the proxy: exit code' "$CODE" 0
at_least 'hits' "$(since bazel hits)" 2
stop
build "$TRUSTED" "$URL"
is 'no server: exit code' "$CODE" 0
build "$TRUSTED" "$PROXY"
is 'no server, through the proxy: exit code' "$CODE" 0
is 'and the object is identical' "$(sha256sum <one.o)" "$first"
finish
