# shellcheck shell=bash
# What the end-to-end tests share: the real binary, a real Git, real services. Sourced, not run.
#
# A test gets its ports with `ports`, makes repositories with `project`, starts daemons with `serve`, and asserts with
# `is`, `has`, `hasnt` and `good`, which print TAP. Nothing sleeps for a fixed time: `await` looks again until something
# is true or a time is over, and a job that is to last until then says `$(hold)` and ends when it is told so (`let_go`).
# Whatever was started is ended when the script ends, however it ends.
# shellcheck shell=bash
set -u
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 2
PENSTOCK=${PENSTOCK:-$here/build/penstock}
export PENSTOCK
[ -x "$PENSTOCK" ] || {
	echo "1..0 # SKIP no $PENSTOCK"
	exit 77
}
unset PENSTOCK_DATA PENSTOCK_CA PENSTOCK_SERVER PENSTOCK_TOKEN PENSTOCK_SOCKET PENSTOCK_CACHE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@shop.example
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@shop.example

work=$(mktemp -d "${TMPDIR:-/tmp}/penstock-e2e-XXXXXX") || exit 2
cases=0 failures=0
datas=() # data folders whose daemon and services are ours to end
pids=()  # what else we started

# ---- TAP ----
ok() {
	cases=$((cases + 1))
	printf 'ok %d - %s\n' "$cases" "$1"
}
not_ok() { # NAME WHY...
	cases=$((cases + 1))
	failures=$((failures + 1))
	printf 'not ok %d - %s: %s\n' "$cases" "$1" "${*:2}"
}
skip() {
	cases=$((cases + 1))
	printf 'ok %d - %s # SKIP %s\n' "$cases" "$1" "${*:2}"
}
is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got \"$2\", wanted \"$3\""; fi
}
has() { # NAME TEXT PATTERN: an extended regular expression
	if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no /$3/ in: $(head -c 1500 <<<"$2" | tr '\n' '|')"; fi
}
hasnt() { # NAME TEXT PATTERN
	if grep -qE -- "$3" <<<"$2"; then
		not_ok "$1" "/$3/ in: $(grep -E -- "$3" <<<"$2" | head -c 600 | tr '\n' '|')"
	else ok "$1"; fi
}
good() { # NAME COMMAND...: it ends well
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* ended with $?: $(tail -n 3 <<<"$said" | tr '\n' '|')"; fi
}
# await SECONDS COMMAND...: until it ends well. SECONDS is what it takes at most where nothing else runs; a loaded machine is several times slower,
# and patience costs nothing where all is well: it gives up after four times that, and after a minute at the earliest.
await() {
	local end=$((${EPOCHREALTIME/./} + ($1 > 15 ? $1 * 4 : 60) * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || {
			echo "# in vain: $*"
			return 1
		}
		sleep 0.05
	done
}
await_ok() { # NAME SECONDS COMMAND...
	local name=$1 seconds=$2
	shift 2
	if await "$seconds" "$@"; then ok "$name"; else not_ok "$name" "it never did: $*$(situation)"; fi
}
# run COMMAND...: sets CODE, OUT (stdout) and ERR (stderr).
run() {
	CODE=0
	OUT=$("$@" 2>"$work/stderr") || CODE=$?
	ERR=$(cat "$work/stderr")
}

# ---- daemons ----
# ports: of this test. Several trees may run tests at a time, so a set of ports is taken with a lock, which lasts as long as anything that this test
# started. All are below those that the kernel gives to clients.
ports() {
	local slot lock
	for ((slot = $$ % 30, tries = 0; tries < 30; tries++, slot = (slot + 1) % 30)); do
		{ exec {lock}>"${TMPDIR:-/tmp}/penstock-e2e-ports.$slot"; } 2>/dev/null || continue
		if flock -n "$lock"; then
			api_port=$((15000 + slot * 10))      # and the nine behind it
			door_base=$((16000 + slot * 40))     # to 17199
			replica_base=$((18000 + slot * 200)) # to 23999
			return
		fi
		exec {lock}>&-
	done
	echo "1..0 # SKIP thirty other tests run here"
	exit 77
}
# serve DATA [OPTION...]: starts a daemon, sets DAEMON; true when it answers.
serve() {
	data=$1
	shift
	case " ${datas[*]-} " in *" $data "*) ;; *) datas+=("$data") ;; esac
	"$PENSTOCK" serve --data "$data" --port 0 --door-base "$door_base" --replica-base "$replica_base" "$@" >>"$data.out" 2>>"$data.log" </dev/null &
	DAEMON=$!
	echo "$DAEMON" >"$data.pid"
	await 20 answers_or_ended && ! gone "$DAEMON"
}
answers_or_ended() { p status || gone "$DAEMON"; }
p() { "$PENSTOCK" "$@" --data "$data"; } # the command, with this test's daemon
stop() {                                # the daemon, not its services
	[ -n "${DAEMON-}" ] || return 0
	kill "$DAEMON" 2>/dev/null
	await 10 gone "$DAEMON" || kill -9 "$DAEMON" 2>/dev/null
	wait "$DAEMON" 2>/dev/null
	CODE=$?
	DAEMON=
	return 0
}
kill9() {
	kill -9 "$DAEMON" 2>/dev/null
	{ wait "$DAEMON"; } 2>/dev/null # all its threads are over, and bash says nothing of it
	DAEMON=
}
gone() { # or a zombie, which is ours to wait for
	local state
	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
	[ -z "$state" ] || [ "${state%% *}" = Z ]
}
situation() { # what helps when something did not come
	[ -n "${data-}" ] || return 0
	printf ' | '
	p status 2>&1 | head -c 1500 | tr '\n' '|'
	tail -n 4 "$data.log" 2>/dev/null | cut -c1-300 | tr '\n' '|'
}
stop_all() { # DATA: its services and its splitter
	"$PENSTOCK" stop --data "$1" >/dev/null 2>"$work/stop" || "$PENSTOCK" serve --data "$1" --stop-all >/dev/null 2>&1
}
# hold [NAME]: for a job's command: wait, until let_go says so.
hold() { printf 'until test -e %s; do sleep 0.05; done' "${1:-go}"; }
# let_go DATA JOB UNIT [NAME]: a job that waits in the folder of its unit goes on, on the daemon's or an agent's DATA.
let_go() {
	local folder=$1/jobs/${2//\//+}
	await 20 test -d "$folder/work/$3" && : >"$folder/work/$3/${4:-go}"
}
# job_over DATA JOB: nothing of it runs any more, whether the daemon knows that or not.
job_over() { [ -e "$1/jobs/${2//\//+}/exit" ]; }
# Processes below a folder of ours, by what they have open or run: what a test must not leave.
left_below() { # FOLDER: pids
	grep -slaFf <(printf '%s\n' "$1") /proc/[0-9]*/cmdline | cut -d/ -f3 | grep -vx $$
}
# Is it a child of this shell? The number of one that ended long ago may be anybody's by now.
is_ours() { [ "$(sed -nE 's/^.*\) [A-Za-z] ([0-9]+) .*/\1/p' "/proc/$1/stat" 2>/dev/null)" = $$ ]; }
cleanup() {
	local d pid
	trap '' EXIT INT TERM
	for pid in ${pids[@]+"${pids[@]}"}; do ! is_ours "$pid" || kill "$pid" 2>/dev/null; done
	for d in ${datas[@]+"${datas[@]}"}; do
		pid=$(cat "$d.pid" 2>/dev/null) && is_ours "$pid" && kill "$pid" 2>/dev/null
		[ -z "$pid" ] || ! is_ours "$pid" || await 10 gone "$pid" || kill -9 "$pid" 2>/dev/null
		[ ! -d "$d" ] || stop_all "$d"
	done
	# Nobody else's: the folder's name is of this run alone.
	for pid in $(left_below "$work/"); do [ "$pid" = "$BASHPID" ] || kill -9 "$pid" 2>/dev/null; done
	type at_end >/dev/null 2>&1 && at_end
	if [ -n "${KEEP-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
finish() {
	printf '1..%d\n' "$cases"
	cleanup
	[ "$failures" -eq 0 ]
	exit
}
trap 'cleanup; exit 1' INT TERM
trap cleanup EXIT

# ---- repositories ----
# A service in C, static, so that it can live in an empty image. What it does stands in /version (container) or ./version:
# a line of words: the version, then `errors=PERCENT`, `slow=MS`, `crash=MS`, `deaf` (health says 503).
# As `app load PORT PATH RATE FILE` it is a client: RATE requests a second until SIGTERM, then "asked good bad" in FILE.
service_source() {
	cat <<-'C'
		#include <arpa/inet.h>
		#include <netinet/tcp.h>
		#include <pthread.h>
		#include <signal.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/un.h>
		#include <time.h>
		#include <unistd.h>

		static char version[256] = "none";
		static int errors, slow, crash, deaf;
		static volatile sig_atomic_t ended;

		static int word(const char *name)
		{
			char *at = strstr(version, name);

			return at ? atoi(at + strlen(name)) : 0;
		}

		static int is_bad(void)
		{
			static unsigned n;

			return (__atomic_add_fetch(&n, 1, __ATOMIC_RELAXED) * 37) % 100 < (unsigned)errors;
		}

		static void *talk(void *arg)
		{
			int fd = (int)(long)arg;
			char in[8192], out[1024];
			size_t have = 0;

			for (;;) {
				char *end = NULL;

				while (!end) {
					ssize_t n = have < sizeof(in) - 1 ? read(fd, in + have, sizeof(in) - 1 - have) : 0;

					if (n <= 0) {
						close(fd);
						return NULL;
					}
					have += (size_t)n;
					in[have] = 0;
					end = strstr(in, "\r\n\r\n");
				}
				int health = strstr(in, " /healthz ") && strstr(in, " /healthz ") < end;
				int bad = health ? deaf : is_bad();
				if (slow && !health)
					usleep((unsigned)slow * 1000);
				int n = snprintf(out, sizeof(out), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", bad ? "503 Bad" : "200 OK",
						 strlen(version), version);
				if (write(fd, out, (size_t)n) != n) {
					close(fd);
					return NULL;
				}
				have -= (size_t)(end + 4 - in);
				memmove(in, end + 4, have);
			}
		}

		static void end(int sig)
		{
			(void)sig;
			ended = 1;
		}

		static int dial(int port, int seconds)
		{
			struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
			struct timeval limit = {seconds, 0};
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
			if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
				return fd;
			close(fd);
			return -1;
		}

		/* 0: no answer. One connection each: what a client sees who just came. */
		static int ask(int port, const char *path)
		{
			char text[4096];
			int fd = dial(port, 5), status = 0;

			if (fd < 0)
				return 0;
			int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
			if (write(fd, text, (size_t)n) == n) {
				ssize_t got = 0, more;

				while ((more = read(fd, text + got, sizeof(text) - 1 - (size_t)got)) > 0)
					got += more;
				text[got] = 0;
				if (got > 12 && !strncmp(text, "HTTP/1.1 ", 9))
					status = atoi(text + 9);
			}
			close(fd);
			return status;
		}

		static int load(char **v)
		{
			long asked = 0, good = 0, each = 1000000000L / atoi(v[4]);
			struct timespec at;
			struct sigaction sa = {.sa_handler = end};

			sigaction(SIGTERM, &sa, NULL);
			clock_gettime(CLOCK_MONOTONIC, &at);
			while (!ended) {
				int status = ask(atoi(v[2]), v[3]);

				asked++;
				good += status == 200;
				if (status != 200) {
					fprintf(stderr, "%ld %d\n", (long)time(NULL), status);
					fflush(stderr);
				}
				at.tv_nsec += each;
				at.tv_sec += at.tv_nsec / 1000000000;
				at.tv_nsec %= 1000000000;
				clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
			}
			FILE *f = fopen(v[5], "w");
			if (!f)
				return 1;
			fprintf(f, "%ld %ld %ld\n", asked, good, asked - good);
			return fclose(f);
		}

		/* http SOCKET|PORT METHOD PATH [BODY [TOKEN]]: the status, then the body. */
		static int http(int argc, char **v)
		{
			struct sockaddr_un to = {.sun_family = AF_UNIX};
			char out[65536], in[65536], *body = argc > 5 ? v[5] : "";
			size_t got = 0;
			ssize_t more;
			int fd = v[2][0] == '/' ? socket(AF_UNIX, SOCK_STREAM, 0) : dial(atoi(v[2]), 60);

			snprintf(to.sun_path, sizeof(to.sun_path), "%s", v[2]);
			if (fd < 0 || (v[2][0] == '/' && connect(fd, (struct sockaddr *)&to, sizeof(to))))
				return 3;
			int n = snprintf(out, sizeof(out), "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n%s%s%s\r\n%s",
					 v[3], v[4], strlen(body), argc > 6 ? "Authorization: Bearer " : "", argc > 6 ? v[6] : "", argc > 6 ? "\r\n" : "", body);
			if (write(fd, out, (size_t)n) != n)
				return 3;
			while (got < sizeof(in) - 1 && (more = read(fd, in + got, sizeof(in) - 1 - got)) > 0)
				got += (size_t)more;
			in[got] = 0;
			char *at = strstr(in, "\r\n\r\n");
			if (got < 12 || !at)
				return 3;
			printf("%.3s\n%s\n", in + 9, at + 4);
			return 0;
		}

		int main(int argc, char **argv)
		{
			struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
			int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			FILE *f;

			if (argc == 6 && !strcmp(argv[1], "load"))
				return load(argv);
			if (argc >= 5 && !strcmp(argv[1], "http"))
				return http(argc, argv);
			signal(SIGPIPE, SIG_IGN);
			signal(SIGTERM, _exit);
			if ((f = fopen("/version", "r")) || (f = fopen("version", "r"))) {
				if (!fgets(version, sizeof(version), f))
					return 1;
				fclose(f);
			}
			errors = word("errors="), slow = word("slow="), crash = word("crash="), deaf = strstr(version, "deaf") != NULL;
			a.sin_port = htons((unsigned short)atoi(getenv("PORT") ? getenv("PORT") : "8080"));
			setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
			if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 512)) {
				perror("listen");
				return 1;
			}
			if (crash) {
				usleep((unsigned)crash * 1000);
				fprintf(stderr, "falls\n");
				return 7;
			}
			for (;;) {
				int fd = accept(s, NULL, NULL);
				pthread_t t;

				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				if (pthread_create(&t, NULL, talk, (void *)(long)fd))
					close(fd);
				else
					pthread_detach(t);
			}
		}
	C
}
build_service() { # sets APP
	APP=$work/app
	service_source >"$work/app.c"
	${CC:-cc} -O1 -static -pthread -o "$APP" "$work/app.c" 2>"$work/cc.log" && strip "$APP" && return
	skip "a static service" "no C compiler that makes one: $(head -n 1 "$work/cc.log")"
	finish
}
# shop STRATEGY: a project of two services, web (which asks api) and api, at version 1.
shop() {
	unit web "web 1"
	unit api "api 1"
	cat >"$tree/penstock.yml" <<-Y
		version: 1
		project: shop
		services:
		  web: {path: services/web, health: /healthz, consumes: [api]}
		  api: {path: services/api, health: /healthz, provides: api}
		ci:
		  build: {each: "*", run: "true", outputs: [app, version]}
		  test: {each: "*", needs: [build], run: "echo tested \$(cat version)"}
		  image: {each: services, needs: [test], image: {from: scratch, copy: {app: /app, version: /version}, user: 65532, entrypoint: [/app]}}
		staging: {environment: staging}
		gate:
		  require:
		    - evidence: {stages: [ci, staging], signed: true}
		production:
		  environment: production
		  strategy: $1
	Y
}
g() { git -C "$tree" "$@"; }
# project NAME: a bare repository $bare and a clone $tree of it.
project() {
	bare=$work/$1.git tree=$work/$1
	git init --quiet --bare --initial-branch=main "$bare" && git init --quiet --initial-branch=main "$tree" && g remote add origin "$bare"
}
# unit NAME VERSION: a service is its binary and a version; nothing is compiled, so a build takes no time.
unit() {
	mkdir -p "$tree/services/$1"
	[ -e "$tree/services/$1/app" ] || cp "$APP" "$tree/services/$1/app"
	printf '%s\n' "$2" >"$tree/services/$1/version"
}
commit() { # MESSAGE: all that changed, pushed; sets COMMIT
	g add -A && g commit --quiet --allow-empty -m "$1" && COMMIT=$(g rev-parse HEAD) && g push --quiet origin HEAD:main 2>>"$work/push.log"
}

# ---- what the daemon says: one line for each thing of a list ----
things() { # runs|releases|rollouts|incidents
	p "$1" --json 2>/dev/null | sed -E 's/\{"id":"(run|rel|ro|inc)-[0-9]+"/\n&/g' | grep -E '^\{"id":'
}
member() { # NAME < LINE
	sed -nE "s/^[^\n]*\"$1\":\"?([^\",}]*).*/\1/p" | head -n 1
}
first_member() { # NAME < LINE: the leftmost, for members that inner things have, too
	grep -oE "\"$1\":\"?[^\",}]*" | head -n 1 | sed -E "s/\"$1\":\"?//"
}
release_line() { things releases | grep -F "\"commit\":\"$1" | head -n 1; }
release_state() { release_line "$1" | first_member state; }
release_id() { release_line "$1" | first_member id; }
run_line() { things runs | grep -F "\"commit\":\"$1" | head -n 1; }
run_state() { run_line "$1" | first_member state; }
run_id() { run_line "$1" | first_member id; }
rollout_line() { # RELEASE ENVIRONMENT UNIT
	things rollouts | grep -F "\"release\":\"$1\",\"environment\":\"$2\",\"unit\":\"$3\"" | head -n 1
}
release_is() { [ "$(release_state "$1")" = "$2" ]; } # COMMIT STATE
run_is() { [ "$(run_state "$1")" = "$2" ]; }
rollout_is() { [ "$(rollout_line "$1" "$2" "$3" | first_member state)" = "$4" ]; }
run_ended() { case $(run_state "$1") in passed | failed | cancelled | superseded) return 0 ;; esac; return 1; }
release_ended() { case $(release_state "$1") in live | rejected | failed | rolled_back | superseded) return 0 ;; esac; return 1; }
journal() { p audit export 2>/dev/null; }
in_journal() { grep -qE -- "$1" <<<"$(journal)"; }
# api METHOD PATH [BODY]: over the socket of the data folder; sets STATUS and ANSWER.
api() {
	ANSWER=$("$APP" http "$data/penstock.sock" "$@")
	STATUS=${ANSWER%%$'\n'*} ANSWER=${ANSWER#*$'\n'}
}
door() { # ENVIRONMENT UNIT: the port of its front door
	"$APP" http "$data/penstock.sock" GET /api/v1/doors | sed 's/{"environment"/\n&/g' | grep -F "\"environment\":\"$1\",\"unit\":\"$2\"" |
		sed -nE 's|.*"url":"http://[^:"]*:([0-9]+).*|\1|p' | head -n 1
}
# ask PORT [PATH]: the answer's body; false when it is not 200.
ask() {
	local fd line status length=0 body=
	{ exec {fd}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${2:-/}" >&"$fd"
	IFS= read -r -t 30 status <&"$fd" || return 1
	while IFS= read -r -t 30 line <&"$fd" && [ "$line" != $'\r' ]; do
		case ${line,,} in content-length:*) line=${line##*: } length=${line%$'\r'} ;; esac
	done
	[ "$length" -eq 0 ] || IFS= read -r -t 30 -N "$length" body <&"$fd"
	exec {fd}>&-
	printf '%s\n' "${body%$'\n'}"
	case $status in *" 200 "*) ;; *) return 1 ;; esac
}
answers() { [ "$(ask "$1")" = "$2" ]; } # PORT BODY
