# shellcheck shell=bash
# What the peers' tests share: a daemon with its cache, tokens, a proxy; assertions in TAP. Sourced, not run.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
peers=${PENSTOCK_PEERS:-$HOME/.cache/penstock-peers}

absent() { # PEER WHY: nothing of it can be tried
	echo "skipped: $1 ($2)"
	rm -rf "$work"
	exit 77
}
# cache_server [OPTION...]: a daemon with an empty cache. Sets URL, ADMIN, TRUSTED, READER and PR (tokens).
cache_server() {
	ports
	cache_port=$api_port
	serve "$work/data" --port "$cache_port" --rate 1000000 "$@" || {
		cat "$work/data.log"
		absent penstock "the daemon does not start"
	}
	URL=http://127.0.0.1:$cache_port
	ADMIN=$(sed -nE 's/.*shown this once\): (pst_.*)/\1/p' "$work/data.out" | tail -n 1)
	TRUSTED=$(p cache token ci --scope trusted)
	READER=$(p cache token reader --scope trusted --read-only)
	PR=$(p cache token pr --scope pr/7)
}
cache_again() { serve "$work/data" --port "$cache_port" --rate 1000000; } # the same, after `stop`
# proxy [SERVER]: sets PROXY, and PROXY_PID
proxy() {
	: >"$work/proxy.out" # or the address of the one before would be found
	PENSTOCK_TOKEN= "$PENSTOCK" cache proxy --server "${1:-$URL}" --listen 127.0.0.1:0 >"$work/proxy.out" 2>"$work/proxy.log" </dev/null &
	PROXY_PID=$!
	pids+=("$PROXY_PID")
	await 10 grep -q http "$work/proxy.out"
	PROXY=$(sed -nE 's/.*(http:.*)/\1/p' "$work/proxy.out")
}
count() { # TOOL WHAT: the daemon's counter
	p cache --json | grep -oE "\"tool\":\"$1\"[^}]*" | grep -oE "\"$2\":[0-9]+" | cut -d: -f2
}
# since TOOL WHAT: by how much the counter rose since the last `mark TOOL`
mark() {
	local what
	for what in hits misses stored there denied failed damaged; do eval "mark_$what=$(count "$1" "$what")"; done
}
since() { local before=mark_$2; echo $(($(count "$1" "$2") - ${!before})); }
at_least() { # NAME GOT LEAST
	if [ "${2:-0}" -ge "$3" ]; then ok "$1"; else not_ok "$1" "${2:-nothing}, wanted at least $3"; fi
}
entries() { find "$work/data/tools/trusted" -type f 2>/dev/null; }
corrupt_entries() { # each entry's first byte
	local file
	entries | while read -r file; do printf '\377' | dd of="$file" bs=1 count=1 conv=notrunc status=none; done
}
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status"; }
