/*
 * The process executor by itself: from a start to the first byte of the log, a log of 512 MB to the disk while ten readers follow it,
 * and masking with one secret and with a thousand.
 */
#include "bench.h"

#include "base/mask.h"

#include <poll.h>
#include <pthread.h>

#define ROUNDS   40
#define READERS  10
#define LOG_SIZE 536870912 /* bytes; what a job may log is more */

struct bench_exec {
	char dir[64];
	struct exec *x;
	struct exec_inputs in;
};

static void open_exec(struct bench_exec *b)
{
	const char *build = getenv("BUILD_FOLDER");
	AUTO(freep) char *shim = xasprintf("%s/penstock-shim", build ? build : "build");
	struct err err = {0};

	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/penstock-bench-XXXXXX");
	if (!mkdtemp(b->dir))
		exit(1);
	b->x = exec_sandbox_new(b->dir, shim, &err);
	if (!b->x)
		must(RC_INTERNAL, &err);
}

static void close_exec(struct bench_exec *b)
{
	struct err err = {0};

	exec_free(b->x);
	must(tree_remove(b->dir, &err), &err);
}

static void start(struct bench_exec *b, char *run)
{
	static uint32_t attempt;
	struct job_spec spec = {.job = (char[]){"run-1/ci/a/b"},
				.unit = (char[]){"a"},
				.path = (char[]){"a"},
				.attempt = ++attempt,
				.def = {.run = run}};
	struct err err = {0};

	must(exec_start(b->x, &spec, &b->in, &err), &err);
}

struct reader {
	struct bench_exec *b;
	uint64_t until, read; /* until: bytes; 0: to the end */
};

static void *follow(void *arg)
{
	struct reader *r = arg;
	AUTO(strbuf_done) struct strbuf piece = STRBUF((size_t)2 << 20);
	struct err err = {0};
	bool ended = false;

	while (!ended && (!r->until || r->read < r->until)) {
		strbuf_clear(&piece);
		must(exec_log(r->b->x, "run-1/ci/a/b", r->read, (size_t)1 << 20, &piece, &ended,
			      &err),
		     &err);
		r->read += piece.n;
		if (!piece.n && !ended && !r->until)
			clock_sleep(10 * USEC_MS); /* as the daemon looks */
	}
	return NULL;
}

static void first_byte(struct bench_exec *b)
{
	static char run[] = "echo up; sleep 0.05";
	double ms[ROUNDS];
	char text[48];

	for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
		struct reader first = {.b = b, .until = 1}, rest = {.b = b};
		usec_t begin = clock_mono();

		start(b, run);
		(void)follow(&first);
		ms[i] = ms_since(begin);
		(void)follow(&rest);
		if (!i)
			printf("exec: first byte of the first job, whose shim is started: %.1f ms\n",
			       ms[0]);
	}
	double median = bench_median(ms, ARRAY_LEN(ms)), worst = ms[ARRAY_LEN(ms) - 1];
	(void)snprintf(text, sizeof(text), "%.1f ms (worst %.1f)", median, worst);
	bench_row("first byte of a job's log after it is ready, process", text, "-", 0, "50 ms",
		  median > 50);
}

static void ingest(struct bench_exec *b)
{
	static char run[] =
		"yes 'a line of a log, as long as lines are on average: 0123456789' | head -c 536870912";
	pthread_t threads[READERS];
	struct reader readers[READERS];
	char text[48];
	usec_t begin = clock_mono();

	start(b, run);
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.b = b};
		if (pthread_create(&threads[i], NULL, follow, &readers[i]) != 0)
			exit(1);
	}
	for (size_t i = 0; i < READERS; i++) {
		(void)pthread_join(threads[i], NULL);
		if (readers[i].read < LOG_SIZE)
			exit(1);
	}
	double ms = ms_since(begin),
	       plain = bench_command(
		       "yes 'a line of a log, as long as lines are on average: 0123456789' | "
		       "head -c 536870912 >/tmp/penstock-bench-log; rm /tmp/penstock-bench-log");
	(void)snprintf(text, sizeof(text), "%.0f MB/s", LOG_SIZE / 1e3 / ms);
	char peer[64];
	(void)snprintf(peer, sizeof(peer), "%.0f MB/s (sh into a file, no reader)",
		       LOG_SIZE / 1e3 / plain);
	bench_row("log of a job to the disk, 10 readers follow it", text, peer, plain / ms, "-",
		  false);
}

static void masking(unsigned secrets)
{
	struct mask *m = mask_new();
	struct mask_stream s = {0};
	struct strbuf in = STRBUF((size_t)2 << 20), out = STRBUF((size_t)4 << 20);
	struct err err = {0};
	char what[80], text[48];
	enum { TIMES = 256 };

	for (unsigned i = 0; i < secrets; i++) {
		AUTO(freep)
		char *secret = xasprintf("s3cr3t-%08x-%08x", i * 2654435761u, i * 40503u + 7);
		must(mask_add(m, str_of(secret), &err), &err);
	}
	mask_seal(m);
	mask_open(&s, m);
	while (in.n < (size_t)1 << 20)
		strbuf_addf(
			&in,
			"%zu: a line of a log, as long as lines are on average, with numbers %zx\n",
			in.n, in.n * 31);
	usec_t begin = clock_mono();
	for (unsigned i = 0; i < TIMES; i++) {
		strbuf_clear(&out);
		mask_feed(&s, strbuf_str(&in), &out);
	}
	double ms = ms_since(begin), speed = (double)in.n * TIMES / 1e3 / ms;
	(void)snprintf(what, sizeof(what), "masking of a log, %u secret%s", secrets,
		       &"s"[secrets == 1]);
	(void)snprintf(text, sizeof(text), "%.0f MB/s", speed);
	bench_row(what, text, "-", 0, "400 MB/s", speed < 400);
	mask_close(&s);
	mask_free(m);
	strbuf_done(&in);
	strbuf_done(&out);
}

int main(void)
{
	struct bench_exec b = {0};

	open_exec(&b);
	first_byte(&b);
	ingest(&b);
	close_exec(&b);
	masking(1);
	masking(1000);
	return 0;
}
