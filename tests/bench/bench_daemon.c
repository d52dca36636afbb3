/*
 * The daemon as a process: its memory when nothing happens, and how long it takes from exec to
 * /readyz with 10,000 runs in the journal (150,000 jobs, 500,000 records, all ended).
 */
#include "bench.h"

#include "io/http.h"

#include <signal.h>

#define RUNS    10000
#define RECORDS 50
#define JOBS    15

static struct record last;

static struct store_snapshot snapshot(struct strbuf *text, const char *kind, const char *id)
{
	strbuf_addf(text, "{\"id\":\"%s\",\"state\":\"passed\",\"text\":\"%0400d\"}", id, 0);
	return (struct store_snapshot){str_of(kind), str_of(id), strbuf_str(text), true};
}

/* One run as the engine leaves it: its records, its jobs, itself. */
static void write_run(struct store *s, unsigned n)
{
	static char payload[420];
	struct record r[RECORDS];
	struct store_snapshot snaps[JOBS + 1];
	struct strbuf json[JOBS + 1];
	char ids[JOBS + 1][64];
	struct err err = {0};

	if (!*payload)
		(void)snprintf(payload, sizeof(payload), "{\"text\":\"%0400d\"}", 0);
	for (size_t i = 0; i < RECORDS; i++) {
		r[i] = (struct record){.seq = last.seq + 1,
				       .time = 1700000000000000 + last.seq,
				       .actor = STR("engine"),
				       .subject = STR("run-1"),
				       .type = STR("job.ended"),
				       .payload = str_of(payload),
				       .prev = last.hash};
		r[i].hash = chain_hash(&r[i]);
		last = r[i];
	}
	for (size_t i = 0; i <= JOBS; i++) {
		json[i] = (struct strbuf)STRBUF(4096);
		if (i < JOBS)
			(void)snprintf(ids[i], sizeof(ids[i]), "run-%u/ci/unit-%02zu/test", n, i);
		else
			(void)snprintf(ids[i], sizeof(ids[i]), "run-%u", n);
		snaps[i] = snapshot(&json[i], i < JOBS ? "job" : "run", ids[i]);
	}
	struct store_batch b = {
		.records = r, .n_records = RECORDS, .snapshots = snaps, .n_snapshots = JOBS + 1};
	must(store_commit(s, &b, &err), &err);
	for (size_t i = 0; i <= JOBS; i++)
		strbuf_done(&json[i]);
}

static void fill(const char *data)
{
	AUTO(freep) char *path = xasprintf("%s/journal.db", data);
	struct store *s = NULL;
	struct err err = {0};
	usec_t begin = clock_mono();

	must(store_sqlite_open(path, &s, &err), &err);
	for (unsigned n = 1; n <= RUNS; n++)
		write_run(s, n);
	store_free(s);
	printf("daemon: %d runs, %d records written in %.1f s\n", RUNS, RUNS * RECORDS,
	       ms_since(begin) / 1e3);
}

static bool ready(const char *socket)
{
	AUTO(http_answer_done) struct http_answer answer = {0};
	struct http_request q = {
		.url = "http://penstock/readyz", .unix_socket = socket, .timeout = USEC_SEC};
	struct err err = {0};

	return http_ask(&q, &answer, &err) == RC_OK && answer.status == 200;
}

/* Milliseconds from exec to ready. */
static double start(const char *data, struct child *ret)
{
	const char *penstock = getenv("PENSTOCK");
	AUTO(freep)
	char *command = xasprintf("exec %s serve --data %s --port 0 >%s/out 2>%s/log",
				  penstock ? penstock : "build/penstock", data, data, data);
	AUTO(freep) char *socket = xasprintf("%s/penstock.sock", data);
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	struct child_spec spec = {.argv = argv, .fds = {-1, -1, -1, -1}};
	struct err err = {0};
	usec_t begin = clock_mono();

	must(child_start(&spec, ret, &err), &err);
	while (!ready(socket)) {
		int code;

		if (child_ended(ret, &code) || ms_since(begin) > 60000) {
			fprintf(stderr, "bench: the daemon does not get ready\n");
			exit(1);
		}
		clock_sleep(USEC_MS);
	}
	return ms_since(begin);
}

static double memory(const struct child *c)
{
	AUTO(freep) char *path = xasprintf("/proc/%ld/status", (long)c->pid);
	FILE *f = fopen(path, "r");
	char line[256];
	unsigned long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

static void stop(struct child *c)
{
	int code;

	kill(c->pid, SIGTERM);
	for (int i = 0; i < 500 && !child_ended(c, &code); i++)
		clock_sleep(10 * USEC_MS);
	child_done(c);
}

int main(void)
{
	char data[] = "/tmp/penstock-bench-XXXXXX", ours[32];
	struct child c = {0, -1};
	struct err err = {0};
	double ms[5];

	if (!mkdtemp(data))
		return 1;
	fill(data);
	for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
		ms[i] = start(data, &c);
		if (i + 1 == ARRAY_LEN(ms)) {
			clock_sleep(3 * USEC_SEC);
			(void)snprintf(ours, sizeof(ours), "%.1f MB", memory(&c));
			bench_row("memory of the daemon, 10,000 runs stored", ours, "-", 0,
				  "100 MB", memory(&c) > 100);
		}
		stop(&c);
	}
	double middle = bench_median(ms, ARRAY_LEN(ms));
	(void)snprintf(ours, sizeof(ours), "%.0f ms", middle);
	bench_row("restart, 10,000 runs in the journal: exec to /readyz", ours, "-", 0, "1 s",
		  middle > 1000);
	must(tree_remove(data, &err), &err);
	must(dir_make(data, 0700, &err), &err);
	(void)start(data, &c);
	clock_sleep(5 * USEC_SEC);
	(void)snprintf(ours, sizeof(ours), "%.1f MB", memory(&c));
	bench_row("memory of the daemon, idle for 5 s", ours, "-", 0, "20 MB", memory(&c) > 20);
	stop(&c);
	must(tree_remove(data, &err), &err);
	return 0;
}
