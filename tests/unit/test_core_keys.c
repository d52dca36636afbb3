/*
 * Keys, by random definitions: one member of one job is said otherwise, and exactly the jobs that declare it, and those that need them, get another key; or, when
 * it is no part of what a job makes, none. The lines for people differ exactly when the keys do. Shares of split jobs, slices of lockfiles.
 */
#include "step_kit.h"

#define JOBS 5

/* A member of a job, for some number. */
static const struct member {
	const char *name, *text;
	bool counts;
} members[] = {
	{"run", "run: 'make %u'", true},
	{"steps", "steps: [{run: 'make %u'}, {name: more, run: y}]", true},
	{"a step's name", "steps: [{run: x}, {name: more%u, run: y}]", true},
	{"env", "env: {A: same, B: v%u}", true},
	{"env's name", "env: {A: same, B%u: v}", true},
	{"secrets", "secrets: {T: \"file:t%u\"}", true},
	{"a token's name", "id_tokens: {ID%u: {aud: sts}}", true},
	{"a token's audience", "id_tokens: {ID: {aud: [sts, \"s%u\"]}}", true},
	{"outputs", "outputs: [same, o%u]", true},
	{"junit", "reports: {junit: r%u.xml}", true},
	{"coverage", "reports: {coverage: r%u.xml}", true},
	{"sarif", "reports: {sarif: r%u.xml}", true},
	{"summary", "reports: {summary: r%u.md}", true},
	{"memory", "memory: 1%uMi", true},
	{"container", "container: \"img:%u\"", true},
	{"service", "services: {d: {image: \"pg:%u\"}}", true},
	{"service's name", "services: {d%u: {image: \"pg:1\"}}", true},
	{"service's env", "services: {d: {image: \"pg:1\", env: {A: v%u}}}", true},
	{"service's args", "services: {d: {image: \"pg:1\", args: [same, v%u]}}", true},
	{"service's ready", "services: {d: {image: \"pg:1\", ready: is %u}}", true},
	{"service's port", "services: {d: {image: \"pg:1\", port: 1%u}}", true},
	{"matrix", "matrix: {m: [v%u]}", true},
	{"inputs", "inputs: [same, src%u/**]", true},
	{"files", "split: {into: 2, files: \"t%u/*.sh\"}", true},
	{"finally", "finally: ['clean %u']", true},
	{"filled env", "env: {A: \"${unit}-%u\"}", true},
	{"timeout", "timeout: %um", false},
	{"retry", "retry: {max: %u}", false},
	{"retry's exit", "retry: {max: 1, exit: [%u]}", false},
	{"cpu", "cpu: %u", false},
	{"cache", "cache: [{key: [l%u], paths: [p]}]", false},
	{"cache's path", "cache: [{key: [l], paths: [p%u]}]", false},
	{"labels", "agent: [l%u]", false},
	{"flaky", "flaky: {retry: %u}", false},
	{"group", "concurrency: g%u", false},
	{"condition", "if: \"'x%u' != ''\"", false},
	{"step's timeout", "steps: [{run: x, timeout: %um}]", false},
};
static const struct word {
	const char *name;
	bool counts;
} words[] = {{"network", true}, {"strict", true}, {"manual", false}, {"allow_failure", false}};

struct said_job {
	const struct member *v[ARRAY_LEN(members)];
	unsigned number[ARRAY_LEN(members)], n;
	bool word[ARRAY_LEN(words)], needs[JOBS]; /* earlier ones */
};
struct project_text {
	struct said_job job[JOBS];
	unsigned order[JOBS];
	bool another_unit;
};

static unsigned seed;
static unsigned any(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* The key before the colon: a job says it once. */
static bool says(const struct said_job *job, const struct member *m)
{
	for (unsigned i = 0; i < job->n; i++)
		if (strcspn(m->text, ":") == strcspn(job->v[i]->text, ":") &&
		    strncmp(m->text, job->v[i]->text, strcspn(m->text, ":")) == 0)
			return true;
	return false;
}

static void add_member(struct said_job *job, const struct member *m)
{
	if (says(job, m))
		return;
	job->v[job->n] = m;
	job->number[job->n++] = 1 + any(4);
}

static void invent(struct project_text *p)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < JOBS; i++) {
		struct said_job *job = &p->job[i];
		static const unsigned what[] = {0, 1, 2, ARRAY_LEN(members) - 1};

		p->order[i] = i;
		add_member(job, &members[what[any(ARRAY_LEN(what))]]);
		for (unsigned k = any(12); k--;) {
			const struct member *m = &members[any(ARRAY_LEN(members))];

			if (!str_starts(str_of(m->text), "run:") &&
			    !str_starts(str_of(m->text), "steps:"))
				add_member(job, m);
		}
		for (unsigned k = 0; k < ARRAY_LEN(words); k++)
			job->word[k] = any(4) == 0;
		for (unsigned k = 0; k < i; k++)
			job->needs[k] = any(4) == 0;
	}
}

static void write_job(const struct project_text *p, unsigned i, struct strbuf *to)
{
	const struct said_job *job = &p->job[i];
	bool first = true;

	strbuf_addf(to, "  j%u: {each: \"*\"", i);
	for (unsigned k = 0; k < job->n; k++) {
		const char *hole = strstr(job->v[k]->text, "%u");

		strbuf_addf(to, ", %.*s%u%s", (int)(hole - job->v[k]->text), job->v[k]->text,
			    job->number[k], hole + 2);
	}
	for (unsigned k = 0; k < ARRAY_LEN(words); k++)
		if (job->word[k])
			strbuf_addf(to, ", %s: true", words[k].name);
	for (unsigned k = 0; k < i; k++)
		if (job->needs[k]) {
			strbuf_addf(to, first ? ", needs: [j%u" : ", j%u", k);
			first = false;
		}
	strbuf_adds(to, first ? "}\n" : "]}\n");
}

static char *write_project(const struct project_text *p)
{
	struct strbuf b = STRBUF(1 << 16);

	strbuf_addf(
		&b,
		"version: 1\nproject: p\nlibraries:\n  a: {path: x/a}\n  b: {path: x/b, deps: [a]}\n%sci:\n",
		p->another_unit ? "  c: {path: x/c, deps: [b]}\n" : "");
	for (unsigned i = 0; i < JOBS; i++)
		write_job(p, p->order[i], &b);
	return strbuf_take(&b);
}

/* ---- two plans side by side ---- */

struct made {
	struct config c;
	struct tree_facts head;
	struct plan plan;
	struct plan_ask ask;
	char *text;
};

static void make(struct made *m, char *text, const char *toolchain, const pairs *images)
{
	struct err err = {RC_OK, ""};

	*m = (struct made){.text = text};
	if (config_read(str_of(text), "penstock.yml", NULL, NULL, &m->c, &err) != RC_OK)
		fail_msg("%s in\n%s", err.msg, text);
	made_up_tree(&m->c, "x", &m->head);
	m->ask = (struct plan_ask){.config = &m->c,
				   .head = &m->head,
				   .stage = STAGE_CI,
				   .toolchain = toolchain,
				   .images = images};
	if (plan_for(&m->ask, &m->plan, &err) != RC_OK)
		fail_msg("%s in\n%s", err.msg, text);
}

static void made_done(struct made *m)
{
	config_done(&m->c);
	tree_facts_done(&m->head);
	plan_done(&m->plan);
	xfree(m->text);
}

static char *lines_of(const struct made *m, const struct plan_job *job)
{
	struct strbuf b = STRBUF(1 << 20);
	texts lines = {NULL, 0, 0};

	assert_int_equal(plan_key_lines(&m->ask, &m->plan, job, &lines, NULL), RC_OK);
	vec_each(line, &lines) {
		strbuf_addf(&b, "%zu:%s\n", strlen(*line), *line);
		xfree(*line);
	}
	vec_done(&lines);
	return strbuf_take(&b);
}

/* Instances of a definition: their shard and row may be named otherwise now, so that the n-th stands for the n-th. */
static const struct plan_job *nth(const struct plan *p, const char *unit, const char *def, size_t n)
{
	vec_each(job, &p->jobs)
		if (streq(job->unit, unit) && streq(job->def ? job->def : job->job, def) &&
		    n-- == 0)
			return job;
	return NULL;
}

/* Which definitions (as bits) have another key in any of the units a and b; the lines agree with the keys. */
static unsigned differing(const struct made *p, const struct made *q, const char *why)
{
	unsigned ret = 0;

	for (unsigned i = 0; i < JOBS; i++)
		for (unsigned u = 0; u < 2; u++)
			for (size_t n = 0;; n++) {
				AUTO(freep) char *def = xasprintf("j%u", i);
				const struct plan_job *a = nth(&p->plan, u ? "b" : "a", def, n);
				const struct plan_job *b = nth(&q->plan, u ? "b" : "a", def, n);

				if (!a && !b)
					break;
				bool other = !a || !b || !streq(a->key, b->key);
				ret |= (unsigned)other << i;
				if (!a || !b)
					continue;
				AUTO(freep) char *old = lines_of(p, a);
				AUTO(freep) char *new = lines_of(q, b);
				if (streq(old, new) == other)
					fail_msg("%s: %s of\n%s\n%s", why,
						 other ? "keys differ, lines do not"
						       : "lines differ, keys do not",
						 old, new);
			}
	return ret;
}

static unsigned with_needers(const struct project_text *p, unsigned jobs)
{
	for (unsigned i = 0; i < JOBS; i++)
		for (unsigned k = 0; k < i; k++)
			if (p->job[i].needs[k] && (jobs >> k & 1))
				jobs |= 1u << i;
	return jobs;
}

static void compare(const struct project_text *p, const struct project_text *q, unsigned want,
		    const char *why)
{
	struct made a, b;

	make(&a, write_project(p), "gcc", NULL);
	make(&b, write_project(q), "gcc", NULL);
	unsigned got = differing(&a, &b, why);
	if (got != want)
		fail_msg("%s: keys of %x changed, not %x, from\n%s\nto\n%s", why, got, want, a.text,
			 b.text);
	made_done(&a);
	made_done(&b);
}

/* ---- properties ---- */

static void one_member_otherwise(void **state)
{
	bool tried[ARRAY_LEN(members)] = {false};

	(void)state;
	seed = 1;
	for (unsigned round = 0; round < 1500; round++) {
		struct project_text p, q;
		unsigned i = any(JOBS);

		invent(&p);
		q = p;
		struct said_job *job = &q.job[i];
		unsigned k = any(job->n);
		job->number[k]++;
		tried[job->v[k] - members] = true;
		compare(&p, &q, job->v[k]->counts ? with_needers(&q, 1u << i) : 0, job->v[k]->name);
	}
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		CHECK(tried[i], members[i].name);
}

static void one_member_more(void **state)
{
	(void)state;
	seed = 2;
	for (unsigned round = 0; round < 1000; round++) {
		const struct member *m = &members[3 + any(ARRAY_LEN(members) - 4)];
		struct project_text p, q;
		unsigned i = any(JOBS);

		invent(&p);
		q = p;
		if (says(&p.job[i], m))
			continue;
		add_member(&q.job[i], m);
		compare(&p, &q, m->counts ? with_needers(&q, 1u << i) : 0, m->name);
	}
}

static void words_and_needs(void **state)
{
	(void)state;
	seed = 3;
	for (unsigned round = 0; round < 600; round++) {
		struct project_text p, q;
		unsigned i = 1 + any(JOBS - 1), w = any(ARRAY_LEN(words)), k = any(i);

		invent(&p);
		q = p;
		if (round % 2) {
			q.job[i].word[w] = !p.job[i].word[w];
			compare(&p, &q, words[w].counts ? with_needers(&q, 1u << i) : 0,
				words[w].name);
		} else {
			q.job[i].needs[k] = !p.job[i].needs[k];
			compare(&p, &q, with_needers(&q, 1u << i), "needs");
		}
	}
}

static void order_and_other_units(void **state)
{
	(void)state;
	seed = 4;
	for (unsigned round = 0; round < 200; round++) {
		struct project_text p, q;

		invent(&p);
		q = p;
		for (unsigned i = JOBS; i > 1; i--) {
			unsigned k = any(i), t = q.order[i - 1];

			q.order[i - 1] = q.order[k];
			q.order[k] = t;
		}
		compare(&p, &q, 0, "order of the file");
		q.another_unit = true;
		compare(&p, &q, 0, "another unit");
	}
}

/* What the machine provides counts for jobs without a container; what an image stands for, for those that run it or have it beside them. */
static void toolchain_and_images(void **state)
{
	struct pair old[] = {{(char[]){"img:1"}, (char[]){"sha256:1"}},
			     {(char[]){"pg:1"}, (char[]){"sha256:2"}}};
	struct pair new[] = {{(char[]){"img:1"}, (char[]){"sha256:1"}},
			     {(char[]){"pg:1"}, (char[]){"sha256:3"}}};
	const pairs before = {old, 2, 2}, after = {new, 2, 2};
	const char *text =
		"version: 1\nproject: p\nlibraries: {a: {path: x/a}, b: {path: x/b}}\nci:\n"
		"  j0: {each: \"*\", run: x}\n  j1: {each: \"*\", run: x, container: \"img:1\"}\n"
		"  j2: {each: \"*\", run: x, container: \"img:1\", services: {d: {image: \"pg:1\"}}}\n"
		"  j3: {each: \"*\", run: x, services: {d: {image: \"pg:1\"}}}\n  j4: {each: \"*\", run: x, container: \"img:1\", needs: [j3]}\n";
	struct made a, b;

	(void)state;
	make(&a, xstrdup(text), "gcc 12", &before);
	make(&b, xstrdup(text), "gcc 13", &before);
	assert_int_equal(differing(&a, &b, "toolchain"), 1u << 0 | 1u << 3 | 1u << 4);
	made_done(&b);
	make(&b, xstrdup(text), "gcc 12", &after);
	assert_int_equal(differing(&a, &b, "image"), 1u << 2 | 1u << 3 | 1u << 4);
	made_done(&b);
	new[0].value = (char[]){"sha256:4"};
	new[1].value = (char[]){"sha256:2"};
	make(&b, xstrdup(text), "gcc 12", &after);
	assert_int_equal(differing(&a, &b, "container"), 1u << 1 | 1u << 2 | 1u << 4);
	made_done(&b);
	made_done(&a);
}

/* ---- shares ---- */

static uint64_t times[16];
static uint64_t time_of(void *ctx, const char *unit, const char *job, const char *file)
{
	(void)ctx;
	assert_string_equal(unit, "a");
	assert_string_equal(job, "t");
	return times[atoi(file + 2)];
}

static void plan_shares(unsigned files, unsigned into, bool by_name, struct made *m)
{
	m->text = xasprintf(
		"version: 1\nproject: p\nlibraries: {a: {path: x/a}}\nci: {t: {each: a, run: x, split: {into: %u, files: \"t/*\"%s}}}\n",
		into, by_name ? ", by: name" : "");
	struct err err = {RC_OK, ""};

	assert_int_equal(config_read(str_of(m->text), "penstock.yml", NULL, NULL, &m->c, &err),
			 RC_OK);
	add_entry(&m->head, "x/a", "x", 040000);
	for (unsigned i = 0; i < files; i++) {
		AUTO(freep) char *path = xasprintf("x/a/t/%02u", i);

		add_entry(&m->head, path, "x", 0100644);
	}
	m->ask = (struct plan_ask){.config = &m->c,
				   .head = &m->head,
				   .stage = STAGE_CI,
				   .toolchain = "t",
				   .file_time = time_of};
	assert_int_equal(plan_for(&m->ask, &m->plan, &err), RC_OK);
}

/* The least that the fullest of n shares can have, by trying all. */
static uint64_t best_of(const uint64_t *v, unsigned files, uint64_t *load, unsigned n)
{
	uint64_t best = UINT64_MAX;

	if (!files) {
		best = 0;
		for (unsigned k = 0; k < n; k++)
			best = MAX_OF(best, load[k]);
		return best;
	}
	for (unsigned k = 0; k < n; k++) {
		load[k] += v[files - 1];
		uint64_t this = best_of(v, files - 1, load, n);
		best = MIN_OF(best, this);
		load[k] -= v[files - 1];
	}
	return best;
}

static void shares(void **state)
{
	(void)state;
	seed = 5;
	for (unsigned round = 0; round < 300; round++) {
		unsigned files = 1 + any(9), into = 2 + any(3), n = MIN_OF(files, into);
		uint64_t load[4] = {0}, fullest = 0;
		unsigned seen[16] = {0};
		struct made m = {.text = NULL}, again = {.text = NULL};

		for (unsigned i = 0; i < files; i++)
			times[i] = 1 + any(1000);
		plan_shares(files, into, false, &m);
		plan_shares(files, into, false, &again);
		assert_int_equal(m.plan.jobs.n, n);
		for (unsigned k = 0; k < n; k++) {
			const struct plan_job *job = &m.plan.jobs.v[k];

			assert_int_equal(job->shard, k + 1);
			assert_int_equal(job->shards, n);
			assert_string_equal(job->key, again.plan.jobs.v[k].key);
			for (size_t i = 0; i < job->files.n; i++) {
				int file = atoi(job->files.v[i] + 2);

				seen[file]++;
				load[k] += times[file];
				assert_true(i == 0 ||
					    strcmp(job->files.v[i - 1], job->files.v[i]) < 0);
			}
			fullest = MAX_OF(fullest, load[k]);
		}
		for (unsigned i = 0; i < files; i++)
			assert_int_equal(seen[i], 1);
		uint64_t none[4] = {0};
		assert_true(fullest * 3 <= best_of(times, files, none, n) * 4);
		made_done(&m);
		made_done(&again);
	}
}

/* A job may go by $SPLIT_INDEX and $SPLIT_TOTAL instead of $SPLIT_FILES: the same files as another share are another job. */
static void which_share_it_is(void **state)
{
	struct made two = {.text = NULL}, three = {.text = NULL};

	(void)state;
	times[0] = 300;
	times[1] = times[2] = 100;
	plan_shares(3, 2, false, &two);
	plan_shares(3, 3, false, &three);
	assert_string_equal(two.plan.jobs.v[0].files.v[0], three.plan.jobs.v[0].files.v[0]);
	assert_int_equal(two.plan.jobs.v[0].files.n, three.plan.jobs.v[0].files.n);
	assert_string_not_equal(two.plan.jobs.v[0].key, three.plan.jobs.v[0].key);
	AUTO(freep) char *lines = lines_of(&two, &two.plan.jobs.v[0]);
	assert_non_null(strstr(lines, "shard 1of2"));
	made_done(&two);
	made_done(&three);
}

/* Without times, or by name, shares differ by one file at most; a file that was never seen counts as the mean. */
static void shares_without_times(void **state)
{
	(void)state;
	for (unsigned by_name = 0; by_name < 2; by_name++) {
		struct made m = {.text = NULL};

		for (unsigned i = 0; i < 11; i++)
			times[i] = by_name ? 1 + i * i * 1000 : 0;
		plan_shares(11, 4, by_name, &m);
		assert_int_equal(m.plan.jobs.n, 4);
		vec_each(job, &m.plan.jobs)
			assert_in_range(job->files.n, 2, 3);
		made_done(&m);
	}
	struct made m = {.text = NULL};
	times[0] = 300;
	times[1] = 100;
	times[2] = 0; /* 200 */
	plan_shares(3, 2, false, &m);
	assert_int_equal(m.plan.jobs.v[0].files.n, 1);
	assert_string_equal(m.plan.jobs.v[0].files.v[0], "t/00");
	made_done(&m);
	struct made none = {.text = NULL};
	plan_shares(0, 3, false, &none); /* no file: one job, without a share */
	assert_int_equal(none.plan.jobs.n, 1);
	assert_int_equal(none.plan.jobs.v[0].shards, 0);
	made_done(&none);
}

/* ---- lockfiles ---- */

static void slice(struct tree_facts *t, const char *unit, const char *digest)
{
	vec_push(&t->slices,
		 ((struct lock_slice){xstrdup(unit), xstrdup("lock"), xstrdup(digest)}));
}

/* A bump of one unit's dependency: its jobs and those of what is built from it; with inputs of its own, a unit's job only reads its own slice. */
static void slices(void **state)
{
	static const char text[] =
		"version: 1\nproject: p\nlibraries: {a: {path: x/a}, b: {path: x/b, deps: [a]}, c: {path: x/c, deps: [b]}, d: {path: x/d}}\n"
		"ci: {t: {each: \"*\", run: x}, l: {each: \"*\", run: x, inputs: [src/**]}}\n";
	static const struct {
		const char *bumped, *t, *l;
	} rows[] = {{"a", "abc", "a"}, {"b", "bc", "b"}, {"c", "c", "c"}, {"d", "d", "d"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct made m[2];

		for (unsigned k = 0; k < 2; k++) {
			struct err err = {RC_OK, ""};

			m[k] = (struct made){.text = NULL};
			assert_int_equal(config_read(str_of(text), "p", NULL, NULL, &m[k].c, &err),
					 RC_OK);
			made_up_tree(&m[k].c, "x", &m[k].head);
			for (const char *u = "abcd"; *u; u++)
				slice(&m[k].head, (char[]){*u, 0},
				      k && *u == *rows[i].bumped ? "new" : "old");
			m[k].ask = (struct plan_ask){.config = &m[k].c,
						     .head = &m[k].head,
						     .stage = STAGE_CI,
						     .toolchain = "t"};
			if (k)
				m[k].ask.base = &m[0].head;
			assert_int_equal(plan_for(&m[k].ask, &m[k].plan, &err), RC_OK);
		}
		for (const char *u = "abcd"; *u; u++)
			for (const char *def = "tl"; *def; def++) {
				const struct plan_job *a =
					nth(&m[0].plan, (char[]){*u, 0}, (char[]){*def, 0}, 0);
				const struct plan_job *b =
					nth(&m[1].plan, (char[]){*u, 0}, (char[]){*def, 0}, 0);
				AUTO(freep)
				char *why =
					xasprintf("%s bumped: %c of %c", rows[i].bumped, *def, *u);

				CHECK(streq(a->key, b->key) ==
					      !strchr(*def == 't' ? rows[i].t : rows[i].l, *u),
				      why);
				CHECK((b->state == PLAN_MISS) == !!strchr(rows[i].t, *u), why);
			}
		made_done(&m[1]);
		made_done(&m[0]);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(one_member_otherwise),
		cmocka_unit_test(one_member_more),
		cmocka_unit_test(words_and_needs),
		cmocka_unit_test(order_and_other_units),
		cmocka_unit_test(toolchain_and_images),
		cmocka_unit_test(shares),
		cmocka_unit_test(which_share_it_is),
		cmocka_unit_test(shares_without_times),
		cmocka_unit_test(slices),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
