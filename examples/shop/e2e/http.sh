# One HTTP request in plain bash, and a tiny test harness: nothing else needs to be installed.

# request METHOD URL [BODY] [TOKEN]: sets STATUS (000: no answer) and ANSWER.
request() {
	local method=$1 url=$2 body=${3-} token=${4-} rest host path line length=0 fd
	STATUS=000 ANSWER=
	rest=${url#http://}
	host=${rest%%/*}
	path=${rest#"$host"}
	path=${path:-/}
	{ exec {fd}<>"/dev/tcp/${host%:*}/${host##*:}"; } 2>/dev/null || return 0
	{
		printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$method" "$path" "$host"
		[ -z "$token" ] || printf 'Authorization: Bearer %s\r\n' "$token"
		[ -z "$body" ] || printf 'Content-Type: application/json\r\nContent-Length: %d\r\n' "${#body}"
		printf '\r\n%s' "$body"
	} >&"$fd" 2>/dev/null
	if IFS= read -r -t 5 line <&"$fd"; then
		STATUS=${line:9:3}
		while IFS= read -r -t 5 line <&"$fd" && [ "$line" != $'\r' ]; do
			line=${line%$'\r'}
			case ${line,,} in content-length:*) length=${line##*[ :]} ;; esac
		done
		[ "$length" -eq 0 ] || IFS= read -r -t 5 -N "$length" ANSWER <&"$fd" || STATUS=000
	fi
	exec {fd}>&-
}

# member NAME: the value of a member of the JSON object in ANSWER.
member() {
	local rest=${ANSWER#*\"$1\":}
	[ "$rest" != "$ANSWER" ] || return 0
	rest=${rest%%[,\}]*}
	rest=${rest#\"}
	printf '%s' "${rest%\"}"
}

CASES='' PASSED=0 FAILED=0

# expect NAME WANTED GOT: one test case.
expect() {
	if [ "$2" = "$3" ]; then
		PASSED=$((PASSED + 1))
		CASES+="  <testcase classname=\"$SUITE\" name=\"$1\"/>"$'\n'
	else
		FAILED=$((FAILED + 1))
		echo "FAILED $SUITE.$1: wanted $2, got $3"
		CASES+="  <testcase classname=\"$SUITE\" name=\"$1\"><failure message=\"wanted $2, got $3\"/></testcase>"$'\n'
	fi
}

# finish FILE: writes JUnit XML; the script's exit status.
finish() {
	mkdir -p "${1%/*}" && {
		echo '<?xml version="1.0" encoding="UTF-8"?>'
		echo "<testsuite name=\"$SUITE\" tests=\"$((PASSED + FAILED))\" failures=\"$FAILED\">"
		printf '%s' "$CASES"
		echo '</testsuite>'
	} >"$1"
	echo "$SUITE: $PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ]
}
