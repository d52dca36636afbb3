/* Commits a second with 1 and 64 records a batch; loading what is active beside 10,000 ended runs. */
#include "store/adapters.h"

#include "base/mem.h"
#include "io/files.h"
#include "store/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAYLOAD 400

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum rc rc, const struct err *err)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "bench_store: %s\n", err->msg);
	exit(1);
}

static char payload[PAYLOAD + 16];
static struct record last;

/* n records, a snapshot, an effect that comes and the one before that goes: what the engine commits. */
static void commit(struct store *s, size_t n, uint64_t run, bool ended)
{
	struct record *r = xcalloc(n, sizeof(*r));
	char id[32], effect[32];
	struct err err = {0};

	for (size_t i = 0; i < n; i++) {
		r[i] = (struct record){.seq = last.seq + 1,
				       .time = 1700000000000000,
				       .actor = STR("engine"),
				       .subject = STR("run-1"),
				       .type = STR("job.ended"),
				       .payload = str_of(payload),
				       .prev = last.hash};
		r[i].hash = chain_hash(&r[i]);
		last = r[i];
	}
	(void)snprintf(id, sizeof(id), "run-%llu", (unsigned long long)run);
	(void)snprintf(effect, sizeof(effect), "%llu.0", (unsigned long long)last.seq);
	struct store_snapshot snap = {STR("run"), str_of(id), str_of(payload), ended};
	struct store_effect e = {str_of(effect), STR("timer"), str_of(payload), last.seq, 0};
	struct str done = str_of(effect);
	struct store_batch b = {r, n, &snap, 1, &e, 1, &done, 1};
	must(store_commit(s, &b, &err), &err);
	xfree(r);
}

static bool count(void *ctx, const struct store_snapshot *snap)
{
	(void)snap;
	++*(size_t *)ctx;
	return true;
}

static void rate(struct store *s, size_t n)
{
	double start = now(), end;
	unsigned commits = 0;

	do {
		commit(s, n, 1, false);
		commits++;
		end = now();
	} while (end - start < 1.5);
	printf("store: %3zu records a commit: %8.0f commits/s %8.0f records/s\n", n,
	       commits / (end - start), (double)(commits * n) / (end - start));
}

static void verify(struct store *s)
{
	struct store_report report;
	struct err err = {0};
	double start = now();

	must(store_verify(s, NULL, NULL, &report, &err), &err);
	printf("store: verify %llu records: %.2f s\n", (unsigned long long)report.records,
	       now() - start);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/penstock-bench-XXXXXX";
	struct err err = {0};
	struct store *s = NULL;
	size_t active = 0;

	if (argc > 1 && chdir(argv[1]) < 0)
		return 1;
	if (!mkdtemp(folder))
		return 1;
	AUTO(freep) char *path = xasprintf("%s/journal.db", folder);
	memset(payload, 'x', PAYLOAD);
	memcpy(payload, "{\"a\":\"", 6);
	memcpy(payload + PAYLOAD - 2, "\"}", 3);
	must(store_sqlite_open(path, &s, &err), &err);
	rate(s, 1);
	rate(s, 64);
	double start = now();
	for (uint64_t run = 2; run < 10002; run++)
		commit(s, 50, run, true);
	printf("store: 10,000 runs of 50 records written in %.1f s\n", now() - start);
	store_free(s);
	start = now();
	must(store_sqlite_open(path, &s, &err), &err);
	double opened = now();
	must(store_active(s, count, &active, &err), &err);
	printf("store: open %.1f ms, active (%zu) %.2f ms\n", (opened - start) * 1e3, active,
	       (now() - opened) * 1e3);
	verify(s);
	store_free(s);
	must(tree_remove(folder, &err), &err);
	return 0;
}
