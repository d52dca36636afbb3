/*
 * The pure part of a plan: 1,000 units (800 services on 200 libraries, in layers) and 4,000 jobs, facts given. Budget: 10 ms for the plan
 * alone, of 50 ms for a whole plan with what Git is asked. Prints the best of ten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/digest.h"
#include "core/plan.h"

#define UNITS     1000
#define LIBRARIES 200
#define ROUNDS    10

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void write_config(struct strbuf *b, const char *lint_inputs)
{
	strbuf_adds(b, "version: 1\nproject: big\nlibraries:\n");
	for (int i = 0; i < UNITS; i++) {
		if (i == LIBRARIES)
			strbuf_adds(b, "services:\n");
		strbuf_addf(b, "  u%04d: {path: packages/u%04d", i, i);
		if (i >= 10)
			for (int k = 0; k < 3; k++) /* one in each third of the libraries below */
				strbuf_addf(b, "%su%04d%s", k ? ", " : ", deps: [",
					    k * (MIN_OF(i, LIBRARIES) / 3) +
						    i * 7 % (MIN_OF(i, LIBRARIES) / 3),
					    k == 2 ? "]" : "");
		strbuf_adds(b, "}\n");
	}
	strbuf_addf(b, "ci:\n  lint: {each: \"*\", run: make lint%s}\n", lint_inputs);
	strbuf_adds(b,
		    "  build: {each: \"*\", needs: [^build], run: make build, outputs: [out/**]}\n"
		    "  test: {each: \"*\", needs: [build], run: make test}\n"
		    "  check: {each: \"*\", needs: [test], run: make check}\n");
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

static void add(struct tree_facts *t, char *path, unsigned salt, uint32_t mode)
{
	char *seed = xasprintf("%s %u", path, salt), *oid = digest_hex_dup(str_of(seed));

	oid[40] = 0;
	xfree(seed);
	vec_push(&t->entries, ((struct tree_entry){path, oid, mode}));
}

/* 100 files a unit when they have to be listed; the 500th unit differs by salt. */
static void make_facts(struct tree_facts *t, bool files, unsigned salt)
{
	for (unsigned i = 0; i < UNITS; i++) {
		unsigned s = i == 500 ? salt : 0;

		add(t, xasprintf("packages/u%04u", i), s, 040000);
		for (unsigned k = 0; files && k < 100; k++)
			add(t,
			    xasprintf("packages/u%04u/src/dir%u/file%u.%s", i, k / 10, k,
				      k % 2 ? "c" : "md"),
			    s, 0100644);
	}
	t->tree = xstrdup("0123456789012345678901234567890123456789");
	qsort(t->entries.v, t->entries.n, sizeof(*t->entries.v), by_path);
}

static int run(const char *name, const char *inputs, bool files, double budget)
{
	struct strbuf text = STRBUF(1 << 20);
	struct config c = {.project = NULL};
	struct tree_facts head = {.commit = NULL}, base = {.commit = NULL};
	struct err err = {RC_OK, ""};
	double best_read = 1e9, best_plan = 1e9;
	size_t misses = 0, jobs = 0;

	write_config(&text, inputs);
	make_facts(&head, files, 1);
	make_facts(&base, files, 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct plan p = {.hash = NULL};
		double t0, t1, t2;

		config_done(&c);
		t0 = now_ms();
		if (config_read(strbuf_str(&text), "penstock.yml", NULL, NULL, &c, &err) != RC_OK)
			goto failed;
		t1 = now_ms();
		if (plan_make(&c, &head, &base, &c, STAGE_CI, "gcc", &p, &err) != RC_OK)
			goto failed;
		t2 = now_ms();
		best_read = MIN_OF(best_read, t1 - t0);
		best_plan = MIN_OF(best_plan, t2 - t1);
		misses = 0;
		jobs = p.jobs.n;
		for (size_t k = 0; k < p.jobs.n; k++)
			misses += p.jobs.v[k].state == PLAN_MISS;
		plan_done(&p);
	}
	printf("%-28s %zu units, %zu jobs, %zu affected, %zu entries: read %.2f ms, plan %.2f ms (budget %.0f ms)\n",
	       name, c.units.n, jobs, misses, head.entries.n, best_read, best_plan, budget);
	config_done(&c);
	tree_facts_done(&head);
	tree_facts_done(&base);
	strbuf_done(&text);
	return best_plan > budget;
failed:
	printf("%s: %s\n", name, err.msg);
	return 1;
}

int main(void)
{
	int bad = run("folders", "", false, 10);

	bad |= run("folders by name", ", inputs: [src/**, Makefile]", false, 10);
	bad |= run("globs over 100,000 files", ", inputs: [src/**/*.c]", true, 60);
	return bad;
}
