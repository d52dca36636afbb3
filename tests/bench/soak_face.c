/*
 * soak_face SOCKET PORT TOKEN PID SECONDS [memory]: clients of a live daemon, while others make records. Prints TAP; tests/soak/face.sh starts it.
 *
 * GOOD event streams that are read at once, half by each way; SLOW ones that begin with the journal's first record, of which half takes some bytes a second by TCP, and
 * half nothing at all by the socket, whose buffer is small; READERS that ask at a steady rate on a connection each, and between two requests an echo server of ours, whose p99
 * says how much of the time is this machine's. Then more streams than there may be, and many more connections than that.
 */
#include "bench/face.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define GOOD     200
#define SLOW     50
#define READERS  4
#define EACH     (100 * USEC_MS) /* between two requests of a reader */
#define ROOM     4096            /* receive buffer of a slow reader */
#define CUT      60 /* s, of a run in which who takes nothing must have been cut off (after 30 s) */
#define MORE     1100
#define ATTEMPTS 10000
#define STREAMS  1000           /* that the daemon allows */
#define LOOKS    (5 * USEC_SEC) /* how often it looks for readers who left */
#define JOBS     32             /* descriptors that the project may have more */
#define P99      20.0           /* ms */
#define ECHO_P99 2.0            /* ms of the echo on a machine that has time */
#define JUDGED   60             /* seconds of a run whose times are asserted */

static struct face local, tcp;
static const char *pid;
static unsigned seconds, cases, failures;
static bool watch_memory;
static usec_t until;
static int epoll;
static struct sse good[GOOD], slow[SLOW];

static void PRINTF(3, 4) check(bool fine, const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%s %u - %s: ", fine ? "ok" : "not ok", ++cases, name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	(void)fflush(stdout);
	failures += !fine;
}

/* ---- the daemon, from outside ---- */

static double resident(void)
{
	AUTO(freep) char *path = xasprintf("/proc/%s/status", pid);
	FILE *f = fopen(path, "re");
	char line[256];
	unsigned long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

static unsigned descriptors(void)
{
	AUTO(freep) char *path = xasprintf("/proc/%s/fd", pid);
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static uint64_t seq(void)
{
	return face_number(&local, "/api/v1/status", "seq");
}

/* ---- readers of the API ---- */

static struct times api_times, echo_times;
static pthread_mutex_t times_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned bad_answers;

/* A process of its own, as the daemon is one. */
static pid_t start_echo(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, n) < 0 || listen(fd, READERS) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		exit(2);
	*ret_port = ntohs(at.sin_port);
	pid_t child = fork();
	if (child) {
		close(fd);
		return child;
	}
	struct pollfd fds[READERS + 1] = {{.fd = fd, .events = POLLIN}};
	for (nfds_t used = 1; poll(fds, used, -1) > 0;) {
		char bytes[16384];

		for (nfds_t i = 1; i < used; i++) {
			ssize_t got = fds[i].revents ? recv(fds[i].fd, bytes, sizeof(bytes), 0) : 0;

			if (got > 0)
				(void)!send(fds[i].fd, bytes, (size_t)got, MSG_NOSIGNAL);
			else if (fds[i].revents)
				_exit(0); /* the readers are done */
		}
		if (!fds[0].revents || used > READERS)
			continue;
		fds[used] = (struct pollfd){.fd = accept(fd, NULL, NULL), .events = POLLIN};
		(void)setsockopt(fds[used++].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	_exit(1);
}

static usec_t echo_once(int fd)
{
	static const char text[600] = {'e'};
	char bytes[sizeof(text)];
	usec_t begin = clock_mono();

	if (send(fd, text, sizeof(text), MSG_NOSIGNAL) != (ssize_t)sizeof(text) ||
	    recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != (ssize_t)sizeof(bytes))
		exit(2);
	return clock_mono() - begin;
}

static void *reader(void *arg)
{
	static const char *const paths[] = {"/api/v1/runs?limit=20", "/api/v1/runs/run-1",
					    "/api/v1/status", "/api/v1/environments",
					    "/api/v1/releases?limit=20"};
	const struct face echo = {.port = *(const uint16_t *)arg};
	AUTO(strbuf_done) struct strbuf in = STRBUF((size_t)16 << 20);
	int fd = face_dial(&tcp, 0), echo_fd = face_dial(&echo, 0);

	if (fd < 0 || echo_fd < 0)
		exit(2);
	usec_t next = clock_mono();
	for (unsigned i = 0; clock_mono() < until; i++, next += EACH) {
		AUTO(freep) char *text = face_text(&tcp, 1, paths[i % ARRAY_LEN(paths)], "");
		usec_t echo_took = echo_once(echo_fd), begin = clock_mono();
		unsigned status = face_ask(fd, text, &in);
		usec_t took = clock_mono() - begin, now = clock_mono();

		pthread_mutex_lock(&times_lock);
		times_add(&echo_times, echo_took);
		times_add(&api_times, took);
		bad_answers += status != 200;
		pthread_mutex_unlock(&times_lock);
		if (!status) { /* cut off: what was wrong is counted */
			close(fd);
			fd = face_dial(&tcp, 0);
		}
		if (next + EACH > now)
			clock_sleep(next + EACH - now);
	}
	close(fd);
	close(echo_fd);
	return NULL;
}

static void judge_times(void)
{
	double p99 = times_at(&api_times, 0.99), echo = times_at(&echo_times, 0.99);
	double limit = P99 * MAX_OF(echo / ECHO_P99, 1.0);

	printf("# API: %zu reads: p50 %.2f, p99 %.2f, p999 %.2f ms\n", api_times.n,
	       times_at(&api_times, 0.5), p99, times_at(&api_times, 0.999));
	printf("# echo of 600 bytes by loopback: p50 %.2f, p99 %.2f, p999 %.2f ms; ratio of the p99s %.1f\n",
	       times_at(&echo_times, 0.5), echo, times_at(&echo_times, 0.999),
	       echo > 0 ? p99 / echo : 0);
	check(!bad_answers && api_times.n, "every read is answered with 200", "%u of %zu not",
	      bad_answers, api_times.n);
	if (seconds >= JUDGED) /* a short one stands among other tests, and tells */
		check(p99 < limit, "p99 of API reads", "%.2f ms; limit %.1f", p99, limit);
}

/* ---- streams ---- */

static void watch(struct sse *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	if (s->fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &e) < 0)
		exit(2);
}

/* What is watched is read for so long; a stream that ended is not watched any more. */
static void read_for(usec_t time)
{
	struct epoll_event e[64];
	usec_t end = clock_mono() + time, now;

	while ((now = clock_mono()) < end) {
		int n = epoll_wait(epoll, e, 64, (int)((end - now) / USEC_MS) + 1);

		for (int i = 0; i < n; i++) {
			struct sse *s = e[i].data.ptr;

			(void)sse_read(s, SIZE_MAX);
			if (s->over && s->fd >= 0)
				(void)epoll_ctl(epoll, EPOLL_CTL_DEL, s->fd, NULL);
		}
	}
}

static bool all_at(const struct sse *s, size_t n, uint64_t want)
{
	for (size_t i = 0; i < n; i++)
		if (s[i].last < want)
			return false;
	return true;
}

static void wait_all(const struct sse *s, size_t n, uint64_t want)
{
	for (int i = 0; i < 300 && !all_at(s, n, want); i++)
		read_for(100 * USEC_MS);
}

static void judge_streams(const char *who, const struct sse *s, size_t n, uint64_t want)
{
	uint64_t missed = 0, doubled = 0, behind = 0, over = 0, events = 0;

	for (size_t i = 0; i < n; i++) {
		missed += s[i].missed;
		doubled += s[i].doubled;
		behind += s[i].last < want;
		over += s[i].over;
		events += s[i].events;
	}
	check(!missed && !doubled && !behind && !over && events, who,
	      "%llu events on %zu streams, %llu missed, %llu doubled, %llu streams behind record %llu, %llu ended",
	      (unsigned long long)events, n, (unsigned long long)missed,
	      (unsigned long long)doubled, (unsigned long long)behind, (unsigned long long)want,
	      (unsigned long long)over);
}

/* Even ones take 16 bytes a turn, odd ones nothing behind the head. */
static void drip(void)
{
	for (size_t i = 0; i < SLOW; i++)
		if (i % 2 == 0 || !slow[i].status)
			(void)sse_read(&slow[i], 16);
}

static double middle(const double *v, size_t n)
{
	struct times t = {0};

	for (size_t i = 0; i < n; i++)
		times_add(&t, (usec_t)(v[i] * 1e3));
	double at = times_at(&t, 0.5);
	xfree(t.ms);
	return at;
}

/* The second quarter against the last one. */
static void judge_memory(const double *rss, size_t n)
{
	double early = middle(rss + n / 4, n / 4), late = middle(rss + n - n / 4, n / 4);

	printf("# memory of the daemon: %.1f MB at the begin, %.1f then, %.1f at the end\n", rss[0],
	       early, late);
	if (watch_memory)
		check(late < early * 1.1 + 8, "memory stays flat", "%.1f MB, then %.1f", early,
		      late);
}

static void soak(void)
{
	double *rss = xcalloc(seconds + 2, sizeof(*rss));
	uint16_t echo_port = 0;
	pid_t echo = start_echo(&echo_port);
	pthread_t threads[READERS];
	uint64_t from = seq();
	size_t n = 0;

	for (size_t i = 0; i < GOOD; i++)
		if (sse_open(&good[i], i % 2 ? &tcp : &local, from, 0))
			watch(&good[i]);
	for (size_t i = 0; i < SLOW; i++)
		(void)sse_open(&slow[i], i % 2 ? &local : &tcp, 0, i % 2 ? 0 : ROOM);
	until = clock_mono() + seconds * USEC_SEC;
	for (size_t i = 0; i < READERS; i++)
		if (pthread_create(&threads[i], NULL, reader, &echo_port) != 0)
			exit(2);
	while (clock_mono() < until && n < seconds + 2) {
		rss[n++] = resident();
		drip();
		read_for(USEC_SEC);
	}
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	(void)waitpid(echo, NULL, 0);
	uint64_t want = seq();
	wait_all(good, GOOD, want);
	check(want > from, "records came", "%llu to %llu", (unsigned long long)from,
	      (unsigned long long)want);
	judge_streams("who reads gets each record once", good, GOOD, want);
	judge_memory(rss, n);
	judge_times();
	xfree(rss);
}

/* Who took nothing for 30 s while there was something was cut off; each goes on behind its last whole record. */
static void resume_slow(void)
{
	unsigned cut = 0;
	uint64_t want = seq();

	for (size_t i = 0; i < SLOW; i++) {
		struct sse before;

		for (int k = 0; k < 50 && i % 2 && seconds >= CUT && !slow[i].over; k++) {
			while (sse_read(&slow[i], SIZE_MAX))
				continue;
			if (!slow[i].over)
				clock_sleep(20 * USEC_MS);
		}
		cut += i % 2 && slow[i].over;
		sse_close(&slow[i]);
		before = slow[i];
		if (sse_open(&slow[i], &tcp, before.last, 0))
			watch(&slow[i]);
		slow[i].missed = before.missed;
		slow[i].doubled = before.doubled;
	}
	wait_all(slow, SLOW, want);
	if (seconds >= CUT)
		check(cut == SLOW / 2, "who takes nothing is cut off", "%u of %u", cut, SLOW / 2);
	judge_streams("slow readers go on where they stood", slow, SLOW, want);
	for (size_t i = 0; i < SLOW; i++)
		sse_close(&slow[i]);
	read_for(2 * LOOKS); /* until the daemon knows */
}

/* ---- more than there may be ---- */

struct tally {
	unsigned let_in, refused, wrong;
};

static void count(struct tally *t, const struct sse *s)
{
	t->let_in += s->status == 200;
	t->refused += s->status == 503 && s->retry_after;
	t->wrong += s->status != 200 && (s->status != 503 || !s->retry_after);
}

/* Until each has an answer, or is refused and over. */
static void await_answers(struct sse *s, size_t n)
{
	for (int i = 0; i < 300; i++) {
		size_t open = 0;

		read_for(50 * USEC_MS);
		for (size_t k = 0; k < n; k++)
			open += !s[k].over && (!s[k].status || s[k].status != 200);
		if (!open)
			return;
	}
}

static void ask_more(struct sse *s)
{
	struct tally t = {0};

	for (size_t i = 0; i < MORE; i++) {
		if (sse_open(&s[i], &local, seconds, 0))
			watch(&s[i]);
		if (i % 50 == 0) /* the others read on */
			read_for(10 * USEC_MS);
	}
	await_answers(s, MORE);
	for (size_t i = 0; i < MORE; i++)
		count(&t, &s[i]);
	check(!t.wrong && t.let_in + GOOD == STREAMS,
	      "streams up to the limit, then 503 with Retry-After",
	      "%u of %u let in beside %u, %u refused, %u otherwise", t.let_in, MORE, GOOD,
	      t.refused, t.wrong);
}

/* All places are taken; so many more come, one behind the other, as fast as they are answered. */
static void ask_many(void)
{
	struct tally t = {0};
	usec_t began = clock_mono();

	for (size_t i = 0; i < ATTEMPTS; i += 50) {
		struct sse s[50];

		for (size_t k = 0; k < 50; k++)
			if (sse_open(&s[k], &local, 1, 0))
				watch(&s[k]);
		await_answers(s, 50);
		for (size_t k = 0; k < 50; k++) {
			count(&t, &s[k]);
			sse_close(&s[k]);
		}
	}
	check(!t.wrong && !t.let_in, "attempts while all places are taken: 503 with Retry-After",
	      "%u refused, %u let in, %u otherwise, in %.1f s", t.refused, t.let_in, t.wrong,
	      (double)(clock_mono() - began) / 1e6);
}

/* As many connections as the daemon takes and the system queues, of strangers who say nothing: those we know are served beside them. */
static void hold_silent(void)
{
	const struct face stranger = {.port = tcp.port};
	static int fds[ATTEMPTS];
	size_t n = 0;

	for (; n < ATTEMPTS; n++) {
		fds[n] = face_dial(&stranger, ROOM);
		if (fds[n] < 0)
			break;
	}
	usec_t began = clock_mono();
	uint64_t said = face_number(&tcp, "/api/v1/status", "seq");
	double ms = (double)(clock_mono() - began) / 1e3;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	check(n == ATTEMPTS && said, "beside silent connections a request is answered",
	      "%zu connections, %.0f ms", n, ms);
}

static void crowd(unsigned fds_before)
{
	struct sse *s = xcalloc(MORE, sizeof(*s));
	unsigned fds = 0;

	ask_more(s);
	ask_many();
	for (size_t i = 0; i < MORE; i++)
		sse_close(&s[i]);
	xfree(s);
	judge_streams("who read before reads still", good, GOOD, 0);
	for (size_t i = 0; i < GOOD; i++)
		sse_close(&good[i]);
	hold_silent();
	usec_t began = clock_mono();
	check(seq() > 0 && clock_mono() - began < 2 * USEC_SEC, "answers at once afterwards",
	      "%.0f ms", (double)(clock_mono() - began) / 1e3);
	for (int i = 0; i < 300; i++) {
		fds = descriptors();
		if (fds <= fds_before)
			break;
		clock_sleep(100 * USEC_MS);
	}
	check(fds <= fds_before + JOBS, "no descriptor is left", "%u before, %u now", fds_before,
	      fds);
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc < 6) {
		fprintf(stderr, "usage: soak_face SOCKET PORT TOKEN PID SECONDS [memory]\n");
		return 2;
	}
	local = (struct face){.socket = argv[1]};
	tcp = (struct face){.port = (uint16_t)strtoul(argv[2], NULL, 10), .token = argv[3]};
	pid = argv[4];
	seconds = (unsigned)strtoul(argv[5], NULL, 10);
	watch_memory = argc > 6;
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur < ATTEMPTS + MORE + GOOD) {
		fprintf(stderr, "soak_face: at most %lu files may be open: raise it (ulimit -n)\n",
			(unsigned long)files.rlim_cur);
		return 2;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned fds = descriptors();
	soak();
	resume_slow();
	crowd(fds);
	printf("1..%u\n", cases);
	return failures ? 1 : 0;
}
