/*
 * Logs: masking, a job's gigabyte through the shim to disk while ten readers follow it, packing it for the store, reading it back, and how much
 * memory each part takes. PENSTOCK_SHIM names the shim.
 */
#include "base/logmark.h"
#include "base/mask.h"
#include "base/mem.h"
#include "clients/logfile.h"
#include "flow/2-build/report_keep.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "shim/spec.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define WATCHERS 10
#define BYTES    ((uint64_t)1 << 30)

static uint64_t seed = 1;

static uint32_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

static void die(const struct err *err)
{
	fprintf(stderr, "bench_logs: %s\n", err->msg);
	exit(1);
}

static double since(usec_t begin)
{
	return (double)(clock_mono() - begin) / 1e6;
}

static void add_line(struct strbuf *to)
{
	strbuf_addf(
		to,
		"[%8u] compiling src/module_%u.c: warning: unused variable 'x%u' [-Wunused] %08x\n",
		next() % 100000000, next() % 9999, next() % 999, next());
}

static void bench_mask(unsigned secrets)
{
	struct mask *m = mask_new();
	struct mask_stream s;
	struct strbuf text = STRBUF((size_t)64 << 20), out = STRBUF((size_t)1 << 20);
	struct err err = {0};

	for (unsigned i = 0; i < secrets; i++) {
		char secret[64];
		snprintf(secret, sizeof(secret), "s3cr/et+%08x%08x%08x", next(), next(), next());
		if (mask_add(m, str_of(secret), &err) != RC_OK)
			die(&err);
	}
	mask_seal(m);
	while (text.n + 200 < text.cap)
		add_line(&text);
	mask_open(&s, m);
	usec_t begin = clock_mono();
	for (size_t i = 0; i < text.n; i += 65536) {
		strbuf_clear(&out);
		mask_feed(&s, (struct str){text.p + i, MIN_OF(text.n - i, (size_t)65536)}, &out);
	}
	double rate = (double)text.n / 1e6 / since(begin);
	printf("| masking of a log, %u secret%s | %.0f MB/s | - | - | 400 MB/s%s |\n", secrets,
	       secrets == 1 ? "" : "s", rate, rate < 400 ? " **over**" : "");
	mask_close(&s);
	mask_free(m);
	strbuf_done(&text);
	strbuf_done(&out);
}

struct watcher {
	pthread_t thread;
	const char *path;
	const atomic_bool *ended;
	uint64_t bytes;
};

/* As the API reads: by offset, again after a while when nothing came. */
static void *watch(void *arg)
{
	struct watcher *w = arg;
	char *buf = xmalloc(256 << 10);
	int fd = -1;

	for (bool last = false;;) {
		if (fd < 0)
			fd = open(w->path, O_RDONLY | O_CLOEXEC);
		ssize_t k = fd < 0 ? 0 : pread(fd, buf, 256 << 10, (off_t)w->bytes);
		if (k > 0) {
			w->bytes += (uint64_t)k;
			continue;
		}
		if (last)
			break;
		last = atomic_load(w->ended);
		clock_sleep(5 * USEC_MS);
	}
	fd_close(&fd);
	xfree(buf);
	return NULL;
}

static void bench_shim(const char *dir, const char *log)
{
	const char *shim =
		getenv("PENSTOCK_SHIM") ? getenv("PENSTOCK_SHIM") : "build/penstock-shim";
	AUTO(freep)
	char *spec = xasprintf(
		"{\"name\":\"bench\",\"sandbox\":\"/usr/bin/bwrap\",\"cwd\":\"/tmp\",\"log_max\":%llu,"
		"\"secrets\":[{\"key\":\"S\",\"value\":\"a-secret-of-some-length\"}],"
		"\"run\":\"yes 'a line that a compiler could have printed, of the usual length, 0123456789abcdef' | head -c %llu\"}",
		(unsigned long long)BYTES * 2, (unsigned long long)BYTES);
	const char *argv[] = {shim, dir, NULL};
	struct child_spec c = {.argv = argv, .fds = {-1, -1, -1, -1}};
	struct child child;
	struct watcher watchers[WATCHERS] = {{0}};
	atomic_bool ended = false;
	struct err err = {0};
	struct rusage usage;
	int code = 0;

	if (child_stdin(str_of(spec), &c.fds[0], &err) != RC_OK)
		die(&err);
	for (int i = 0; i < WATCHERS; i++) {
		watchers[i] = (struct watcher){.path = log, .ended = &ended};
		pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]);
	}
	usec_t begin = clock_mono();
	if (child_start(&c, &child, &err) != RC_OK)
		die(&err);
	while (!child_ended(&child, &code))
		clock_sleep(USEC_MS);
	double took = since(begin);
	atomic_store(&ended, true);
	for (int i = 0; i < WATCHERS; i++) {
		pthread_join(watchers[i].thread, NULL);
		if (watchers[i].bytes != BYTES)
			printf("FAILED a watcher saw %llu bytes\n",
			       (unsigned long long)watchers[i].bytes);
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("| log to disk, masked, %d readers following, 1 GiB | %.0f MB/s | - | - | - |\n",
	       WATCHERS, (double)BYTES / 1e6 / took);
	printf("| memory of the shim meanwhile (with its sandbox's programs) | %.1f MB at most | - | - | - |\n",
	       (double)usage.ru_maxrss / 1024);
}

static long peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static enum rc keep(void *ctx, const char *path, char **ret, struct err *err)
{
	(void)err;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	*(int *)ctx = fd;
	*ret = xstrdup("kept");
	return RC_OK;
}

static void bench_kept(const char *log)
{
	int fd = -1;
	struct exec_inputs in = {.ctx = &fd, .keep_file = keep};
	AUTO(freep) char *hex = NULL;
	AUTO(strbuf_done) struct strbuf piece = STRBUF((size_t)1 << 20);
	struct logfile *l = NULL;
	struct err err = {0};
	uint64_t bytes = 0;
	long before = peak();
	usec_t begin = clock_mono();

	if (log_keep(log, &in, &hex, &err) != RC_OK)
		die(&err);
	printf("| a 1 GiB log packed for the store | %.0f MB/s | - | - | - |\n",
	       (double)BYTES / 1e6 / since(begin));
	if (logfile_open(fd, &l, &err) != RC_OK)
		die(&err);
	begin = clock_mono();
	for (;;) {
		strbuf_clear(&piece);
		if (logfile_read(l, bytes, 256 << 10, &piece, &err) != RC_OK)
			die(&err);
		if (!piece.n)
			break;
		bytes += piece.n;
	}
	printf("| a kept 1 GiB log read whole | %.0f MB/s | - | - | - |\n",
	       (double)bytes / 1e6 / since(begin));
	begin = clock_mono();
	for (unsigned i = 0; i < 200; i++) {
		strbuf_clear(&piece);
		if (logfile_read(l, (uint64_t)next() % BYTES, 4096, &piece, &err) != RC_OK)
			die(&err);
	}
	printf("| 4 KiB of a kept 1 GiB log, anywhere | %.2f ms | - | - | - |\n",
	       since(begin) * 1e3 / 200);
	printf("| memory that packing and reading it took | %.1f MB | - | - | - |\n",
	       (double)(peak() - before) / 1024);
	logfile_free(l);
}

int main(void)
{
	char dir[] = "/tmp/penstock-bench-logs-XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	AUTO(freep) char *log = xasprintf("%s/log", dir);
	if (access("/usr/bin/bwrap", X_OK) == 0) {
		bench_shim(dir, log);
		bench_kept(log);
	} else {
		printf("SKIPPED logs: bubblewrap is not installed\n");
	}
	(void)!tree_remove(dir, NULL);
	bench_mask(1);
	bench_mask(1000);
	return 0;
}
