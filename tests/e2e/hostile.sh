#!/bin/bash
# Jobs, repositories and disks that mean harm: each ends in one clear line, and nothing is lost.
. "$(dirname "$0")/lib.sh"
ports
build_service
project bad

# ---- jobs that misbehave: one library each, so that none waits for another ----
mkdir -p "$work/data/secrets"
chmod 700 "$work/data" "$work/data/secrets"
printf 'hunter2-correct-horse' >"$work/data/secrets/token"
chmod 600 "$work/data/secrets/token"
marker=30$$.25 # seconds that nobody else sleeps
PORT=$api_port "$APP" 2>/dev/null & # something on the machine's own network
pids+=($!)
cat >"$tree/penstock.yml" <<Y
version: 1
project: bad
libraries:
  line: {path: line}
  flood: {path: flood}
  forks: {path: forks}
  deaf: {path: deaf}
  leaves: {path: leaves}
  disk: {path: disk}
  env: {path: env}
  net: {path: net}
  secret: {path: secret}
  memory: {path: memory}
  outside: {path: outside}
defaults: {timeout: 2m, memory: 256Mi}
ci:
  line: {each: line, run: "head -c 10000000 /dev/zero | tr '\\\\0' x; echo; echo after"}
  flood: {each: flood, run: "yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 200000000; echo; echo after"}
  forks: {each: forks, timeout: 3s, run: "f() { f | f & }; f; sleep 60"}
  deaf: {each: deaf, timeout: 1s, run: "trap '' TERM INT HUP; while :; do sleep 100; done"}
  leaves: {each: leaves, run: "setsid sleep $marker & (sleep $marker &) & sleep $marker & echo left", finally: ["echo finally-ran"]}
  disk: {each: disk, run: "head -c 30000000000 /dev/zero >big; echo wrote", timeout: 15s}
  env: {each: env, run: "env; echo SPY=[\$SPY]", env: {DECLARED: yes-it-is}}
  net: {each: net, run: "bash -c 'exec 3<>/dev/tcp/127.0.0.1/$api_port' 2>/dev/null && echo reached || echo unreachable"}
  secret: {each: secret, secrets: {TOKEN: "file:token"}, run: "echo value \$TOKEN; printf %s \$TOKEN | base64; echo \$TOKEN | sed 's/-/\\\\n-/' >split; cat split; exit 3"}
  memory: {each: memory, run: "head -c 2000000000 /dev/zero | tail >/dev/null; echo survived"}
  outside: {each: outside, run: "cat /etc/shadow; ls $work; echo 1 >/usr/touched; cat ../line/x; echo tried"}
Y
for unit in line flood forks deaf leaves disk env net secret memory outside; do mkdir -p "$tree/$unit" && echo "$unit" >"$tree/$unit/x"; done
export SPY=seen-by-a-job
started=$SECONDS
serve "$work/data" --repo "$bare" --slots 4 || not_ok 'serve' "$(tail -n 3 "$data.log")"
commit 'Bad jobs'
job() { p why "run-1/$1/$1" --json 2>/dev/null; }
ended() { api GET "/api/v1/jobs/run-1/ci/$1/$1" && [[ $ANSWER =~ \"state\":\"(passed|failed|flaky|cancelled)\" ]]; }
state() { # JOB: "passed", "failed timeout"
	api GET "/api/v1/jobs/run-1/ci/$1/$1"
	echo "$(first_member state <<<"$ANSWER") $(first_member failure <<<"$ANSWER")"
}
log() { p logs "run-1/$1/$1" 2>/dev/null; }
all_ended() { run_ended "$COMMIT" && for j in line flood forks deaf leaves disk env net secret memory outside; do ended $j || return 1; done; }
await_ok 'every job ends' 60 all_ended
printf '# %d s\n' $((SECONDS - started))
is '10 MB in one line pass' "$(state line)" 'passed '
has 'and what came after is kept' "$(log line | tail -c 100)" 'after'
is '200 MB pass' "$(state flood)" 'passed '
is 'and all of it is kept' "$(log flood | wc -c)" 200000007
small() { [ "$(du -sk --exclude=kept "$data" | cut -f1)" -lt 100000 ]; } # what failed is kept for a day, up to 10 GiB
await_ok 'the logs are bounded, and no waste of jobs stays' 10 small
has 'a fork bomb ends' "$(state forks)" 'failed'
is 'SIGTERM ignored: ended all the same' "$(state deaf)" 'failed timeout'
is 'children left behind do not hold a job' "$(state leaves)" 'passed '
has 'finally runs' "$(log leaves)" 'finally-ran'
none_left() {
	local file words
	for file in /proc/[0-9]*/cmdline; do
		{ IFS= read -r -d '' words && IFS= read -r -d '' words; } 2>/dev/null <"$file" || continue
		[ "$words" != "$marker" ] || return 1
	done
}
await_ok 'and none survives' 5 none_left
has 'a job that fills its disk fails' "$(state disk)" 'failed'
is 'declared environment is there' "$(log env | grep DECLARED)" 'DECLARED=yes-it-is'
is 'undeclared is not' "$(log env | grep SPY)" 'SPY=[]'
is 'the machine is there, for who may reach it' "$(ask "$api_port")" 'none'
is 'a job without a network does not' "$(log net)" 'unreachable'
hasnt 'no memory beyond its own' "$(log memory)" 'survived'
hasnt 'no file of the machine' "$(log outside)" '^root:'
hasnt 'no folder of others' "$(log outside)" 'penstock.sock|bad.git'
good 'nothing is written outside' test ! -e /usr/touched
has 'it tried' "$(log outside)$(state outside)" 'tried|failed'
has 'a secret is masked in the log' "$(log secret)" 'value \*\*\*'
hasnt 'also in base64' "$(log secret)" "$(printf hunter2-correct-horse | base64 | cut -c1-20)"
find "$data/kept" -name big -delete # gigabytes of zeros
found=$(grep -rlaF 'hunter2-correct-horse' "$data" --exclude-dir=secrets 2>/dev/null)
is 'a secret is nowhere in the data folder' "$found" ''
hasnt 'nor in the log of the daemon' "$(cat "$data.log" "$data.out")" 'hunter2-correct-horse'
hasnt 'nor in an export of the journal' "$(journal)" 'hunter2-correct-horse'
good 'the daemon is well' p status

# ---- paths and YAML, pushed ----
refused() { # NAME PATTERN: what is in the tree is refused, with this reason
	commit "$1"
	if await 20 run_is "$COMMIT" failed; then has "$1" "$(run_line "$COMMIT" | grep -oE '"reason":"([^"\\]|\\.)*"')" "$2"; else not_ok "$1" "$(run_line "$COMMIT")$(situation)"; fi
	good "the daemon lives after: $1" p status
}
yml() { printf "$@" >"$tree/penstock.yml"; }
g rm --quiet -r line flood forks deaf leaves disk env net secret memory outside
unit web 1
tail='version: 1\nproject: bad\nservices:\n  web: {path: services/web}\nci:\n  build: {each: web, run: "true", outputs: [app]}\n'
yml 'version: 1\nproject: bad\nservices:\n  web: {path: ../web}\n'
refused 'a path with ..' 'penstock.yml:4:[0-9]+: .*(\.\.|leaves|outside)'
yml 'version: 1\nproject: bad\nservices:\n  web: {path: /etc}\n'
refused 'an absolute path' 'penstock.yml:4:[0-9]+: '
yml "$tail"
ln -s /etc "$tree/services/web/link"
refused 'a symlink that leaves the repository' 'link'
rm "$tree/services/web/link"
yml 'version: 1\nproject: bad\nx: &a [l,l]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nw: &d [*c,*c,*c,*c,*c,*c,*c,*c]\nv: [*d,*d,*d,*d,*d,*d,*d,*d]\n'
refused 'a bomb of anchors' 'penstock.yml:3:[0-9]+: '
yml 'version: 1\nproject: bad\nservices:\n\tweb: {path: services/web}\n'
refused 'a tab' 'penstock.yml:4:[0-9]+: .*tab'
yml 'version: 1\nproject: b\0ad\n'
refused 'a NUL' 'penstock.yml:[0-9]+:[0-9]+: '
yml 'version: 1\nproject: bad\nservises: {}\n'
refused 'an unknown key' 'penstock.yml:3:1: .*servises.*services'
yml 'version: 1\nproject: bad\nproject: worse\n'
refused 'a key twice' 'penstock.yml:3:1: .*(twice|duplicate|already|again)'
yml 'version: 1\nproject: bad\nlibraries:\n  a: {path: a, deps: [b]}\n  b: {path: b, deps: [a]}\n'
refused 'a cycle' 'a -> b -> a|b -> a -> b'
head -c 120000000 /dev/zero | tr '\0' '#' >"$tree/penstock.yml"
refused '100 MB of YAML' '(too|at most|limit|larger|bytes)'
yml 'version: [1, {2: 3}]\nproject: bad\n'
refused 'a wrong type' 'penstock.yml:1:[0-9]+: '
yml "$tail"
commit 'Good again'
await_ok 'after all this, a good commit passes' 20 run_is "$COMMIT" passed
good 'audit verify' p audit verify
good 'audit replay' p audit replay

# ---- a blob and a journal that were changed ----
stop
cp -R "$data" "$work/tampered" && cp -R "$data" "$work/torn" && cp -R "$data" "$work/blob"
sed -i 's/Good again/Evil again/g' "$work/tampered/journal.db"
run "$PENSTOCK" audit verify --data "$work/tampered"
is 'audit verify finds a record that was changed' "$CODE" 1
has 'and names it' "$OUT$ERR" 'record [0-9]+|seq [0-9]+|[0-9]+ .*hash'
for page in 2 3 4 5; do printf 'garbage!garbage!' | dd of="$work/torn/journal.db" bs=1 seek=$((page * 4096)) conv=notrunc status=none; done
run timeout 200 "$PENSTOCK" serve --data "$work/torn" --port 0
is 'a daemon does not start on a torn journal, exit code 3' "$CODE" 3
is 'and says so in one line' "$(grep -c '^penstock: ' <<<"$ERR") of $(grep -c . <<<"$ERR")" '1 of 1'
has 'which names the journal and what to do' "$ERR" 'journal.db .*(damaged|malformed).*(backup|verify)'
run "$PENSTOCK" audit verify --data "$work/torn"
if [ "$CODE" != 0 ]; then ok 'audit verify says it, too'; else not_ok 'audit verify says it, too' "$OUT"; fi

# The kept output of a job is damaged; what needs it is built again, from what is known, or told.
for blob in $(find "$work/blob/cas" -type f -size +100k); do
	chmod u+w "$blob"
	printf 'XXXX' | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
done
printf '\n  image: {each: services, needs: [build], image: {from: scratch, copy: {app: /app}, entrypoint: [/app]}}\n' >>"$tree/penstock.yml"
serve "$work/blob" || not_ok 'serve' "$(tail -n 3 "$data.log")"
commit 'An image of what is damaged'
blob_seen() { run_ended "$COMMIT"; }
await_ok 'a damaged blob does not hold the run' 20 blob_seen
if run_is "$COMMIT" passed; then
	served=$(p releases --json | grep -o '"image":"sha256:[0-9a-f]*' | head -n 1)
	ok "it is made again (${served##*:})"
else
	has 'a damaged blob is said' "$(run_line "$COMMIT")" '(damaged|hash|corrupt|not what)'
fi
stop

# ---- a disk that is full, and one that is read-only ----
if ! mkdir "$work/disk" || ! mount -t tmpfs -o size=24m,mode=700 tmpfs "$work/disk" 2>/dev/null; then
	skip 'a disk that is full' 'tmpfs cannot be mounted here'
	finish
fi
at_end() { umount -l "$work/disk" 2>/dev/null; }
project small
mkdir "$tree/lib"
cat >"$tree/penstock.yml" <<'Y'
version: 1
project: small
libraries: {lib: {path: lib}}
ci:
  build: {each: lib, run: "cat x; head -c 10000 /dev/urandom | od -c | head -n 100"}
Y
echo 1 >"$tree/lib/x"
serve "$work/disk/data" --repo "$bare" || not_ok 'serve on a small disk' "$(tail -n 3 "$data.log")"
commit 'Fits'
await_ok 'on a small disk' 20 run_is "$COMMIT" passed
head -c 100000000 /dev/zero >"$work/disk/ballast" 2>/dev/null
for i in 2 3 4 5 6; do
	echo $i >"$tree/lib/x"
	commit "Full $i"
done
order() { p hold staging -m "$(head -c 3000 /dev/zero | tr '\0' x)"; }
fill() { # the order that fills the disk is answered when there is room again: nobody waits for it
	order >/dev/null 2>&1 &
	pids+=($!)
	api GET /readyz
	[ "$STATUS" = 503 ]
}
await_ok 'a disk gets full' 20 fill
run order
is 'an order is refused with exit code 3' "$CODE" 3
has 'and told why' "$ERR" '(space|full|disk|written)'
api GET /readyz
is 'readyz says 503' "$STATUS" 503
api GET /healthz
is 'healthz says that it lives' "$STATUS" 200
has 'status says it' "$(p status)" 'not ready|cannot be written'
good 'the daemon did not die' kill -0 "$DAEMON"
rm "$work/disk/ballast"
takes() { p hold staging -m 'there is room again'; }
await_ok 'with room again it takes orders' 20 takes
await_ok 'and does what was pushed meanwhile' 30 run_is "$COMMIT" passed
good 'audit verify, after the full disk' p audit verify
good 'audit replay, after the full disk' p audit replay
stop
mount -o remount,ro "$work/disk" || not_ok 'remount' 'the disk is in use'
run timeout 200 "$PENSTOCK" serve --data "$work/disk/data" --port 0
is 'on a read-only disk it does not start, exit code 3' "$CODE" 3
is 'and says so in one line' "$(grep -c '^penstock: ' <<<"$ERR") of $(grep -c . <<<"$ERR")" '1 of 1'
has 'with what to do' "$ERR" '[Rr]ead-only'
good 'audit verify needs no write' p audit verify
mount -o remount,rw "$work/disk"
serve "$work/disk/data"
good 'writable again, nothing was lost' p status
has 'with what it had' "$(p environments --json)" 'there is room again'
stop

# ---- a user who may watch three folders: the daemon takes them, its supervisors look by themselves ----
cat >"$work/few" <<S
#!/bin/sh
exec unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_instances; exec "\$0" "\$@"' "$PENSTOCK" "\$@"
S
chmod +x "$work/few"
if unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_instances' 2>/dev/null; then
	project scarce
	mkdir "$tree/a" && echo 1 >"$tree/a/n"
	printf 'version: 1\nproject: scarce\nlibraries: {a: {path: a}}\nci: {one: {each: a, run: "true"}, two: {each: a, needs: [one], run: "sleep 602"}}\n' >"$tree/penstock.yml"
	PENSTOCK=$work/few serve "$work/few-data" --repo "$bare" --processes || not_ok 'serve with few instances' "$(tail -n 3 "$data.log")"
	commit 'Few'
	await_ok 'a job runs without inotify' 30 sh -c '"$PENSTOCK" status --data "$0" | grep -q "two.*running\|1 of 2 jobs"' "$data"
	p abort run-1 >/dev/null
	await_ok 'and another hears that it is cancelled' 20 run_is "$COMMIT" cancelled
	stop
else
	skip 'few inotify instances' 'there are no user namespaces here'
fi
finish
