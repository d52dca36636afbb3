/*
 * Plans and keys. A small repository in memory stands for Git: blobs with contents, whose trees get ids as Git's do (any change below changes
 * them). The property tests hold what plan_make() says against a slow and plain reading of the rules.
 */
#include "core/plan.h"
#include "unit.h"

#include "base/digest.h"
#include "base/glob.h"
#include "base/json.h"

#include <stdlib.h>

/* ---- a repository ---- */

struct blob {
	char path[80];
	unsigned content;
	uint32_t mode;
};
struct repo {
	struct blob v[200];
	size_t n;
};

static void put_mode(struct repo *r, const char *path, unsigned content, uint32_t mode)
{
	size_t at = 0;

	while (at < r->n && strcmp(r->v[at].path, path) < 0)
		at++;
	if (at == r->n || strcmp(r->v[at].path, path) != 0) {
		memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof(r->v[0]));
		r->n++;
	}
	memset(&r->v[at], 0, sizeof(r->v[at]));
	memcpy(r->v[at].path, path, strlen(path) + 1);
	r->v[at].content = content;
	r->v[at].mode = mode;
}

static void put(struct repo *r, const char *path, unsigned content)
{
	put_mode(r, path, content, 0100644);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return streq(dir, ".") || (strncmp(path, dir, n) == 0 && path[n] == '/');
}

static char *oid_of(struct str text)
{
	char *hex = digest_hex_dup(text);

	hex[40] = 0;
	return hex;
}

static char *blob_oid(const struct blob *b)
{
	AUTO(freep) char *text = xasprintf("blob %u", b->content);

	return oid_of(str_of(text));
}

/* NULL when nothing is there. */
static char *tree_oid(const struct repo *r, const char *dir)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);

	for (size_t i = 0; i < r->n; i++)
		if (below(r->v[i].path, dir))
			strbuf_addf(&b, "%s %o %u\n",
				    r->v[i].path + (streq(dir, ".") ? 0 : strlen(dir) + 1),
				    r->v[i].mode, r->v[i].content);
	return b.n ? oid_of(strbuf_str(&b)) : NULL;
}

static void texts_done(texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		xfree(list->v[i]);
	vec_done(list);
}

static bool has_entry(const struct tree_facts *t, const char *path)
{
	for (size_t i = 0; i < t->entries.n; i++)
		if (streq(t->entries.v[i].path, path))
			return true;
	return false;
}

static void add_entry(struct tree_facts *t, const char *path, char *oid, uint32_t mode)
{
	size_t at = 0;

	if (!oid || has_entry(t, path)) {
		xfree(oid);
		return;
	}
	vec_add(&t->entries);
	while (at + 1 < t->entries.n && strcmp(t->entries.v[at].path, path) < 0)
		at++;
	memmove(&t->entries.v[at + 1], &t->entries.v[at],
		(t->entries.n - 1 - at) * sizeof(*t->entries.v));
	t->entries.v[at] = (struct tree_entry){xstrdup(path), oid, mode};
}

static void facts_of(const struct repo *r, const struct config *c, struct tree_facts *ret)
{
	AUTO(texts_done) texts dirs = {NULL, 0, 0};
	AUTO(texts_done) texts list = {NULL, 0, 0};

	plan_paths(c, &dirs, &list);
	ret->tree = tree_oid(r, ".");
	for (size_t i = 0; i < dirs.n; i++) {
		if (streq(dirs.v[i], "."))
			continue; /* .tree says it */
		for (size_t k = 0; k < r->n; k++)
			if (streq(r->v[k].path, dirs.v[i]))
				add_entry(ret, dirs.v[i], blob_oid(&r->v[k]), r->v[k].mode);
		add_entry(ret, dirs.v[i], tree_oid(r, dirs.v[i]), 040000);
	}
	for (size_t i = 0; i < list.n; i++)
		for (size_t k = 0; k < r->n; k++)
			if (below(r->v[k].path, list.v[i]))
				add_entry(ret, r->v[k].path, blob_oid(&r->v[k]), r->v[k].mode);
}

/* ---- a project ---- */

#define TOP "version: 1\nproject: p\n"
#define UNITS                                                                           \
	"libraries: {base: {path: libs/base}, wire: {path: libs/wire, deps: [base]}}\n" \
	"services:\n"                                                                   \
	"  stock: {path: services/stock, deps: [wire], port: 80}\n"                     \
	"  shop: {path: services/shop, deps: [base], port: 81}\n"                       \
	"  lone: {path: services/lone}\n"
#define JOBS                                                                                                            \
	"ci:\n"                                                                                                         \
	"  lint: {each: \"*\", run: make lint, inputs: [src/**, \"*.mk\", ../../tools/lint.cfg]}\n"                     \
	"  build: {each: \"*\", needs: [^build], run: make, outputs: [out/**], env: {A: b, C: d}}\n"                    \
	"  test: {each: \"*\", needs: [build], run: make test}\n"                                                       \
	"  image: {each: services, needs: [test], image: {from: scratch, copy: {out/app: /app}, entrypoint: [/app]}}\n" \
	"  docs: {run: make docs, inputs: [docs/**/*.md]}\n"                                                            \
	"  all: {run: make all, needs: [test], inputs: [Makefile]}\n"
#define PROJECT TOP UNITS JOBS

static void read_config(const char *text, struct config *ret)
{
	struct err err = {RC_OK, ""};

	if (config_read(str_of(text), "penstock.yml", NULL, NULL, ret, &err) != RC_OK)
		fail_msg("%s in %s", err.msg, text);
}

static void fill_repo(struct repo *r)
{
	static const char *const units[] = {"libs/base", "libs/wire", "services/stock",
					    "services/shop", "services/lone"};

	r->n = 0;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		static const char *const files[] = {"src/a.c", "src/deep/b.c", "README", "x.mk",
						    "y.mk.in"};

		for (size_t k = 0; k < ARRAY_LEN(files); k++) {
			AUTO(freep) char *path = xasprintf("%s/%s", units[i], files[k]);

			put(r, path, (unsigned)(i * 10 + k));
		}
	}
	put(r, "Makefile", 1);
	put(r, "tools/lint.cfg", 1);
	put(r, "tools/other", 1);
	put(r, "docs/a.md", 1);
	put(r, "docs/x/y/b.md", 1);
	put(r, "docs/x/pic.png", 1);
	put(r, "docs.md", 1);
}

static void make_plan(const struct config *c, const struct repo *head, const struct repo *base,
		      const struct config *base_config, struct plan *ret)
{
	AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
	AUTO(tree_facts_done) struct tree_facts b = {.commit = NULL};
	struct err err = {RC_OK, ""};

	facts_of(head, c, &h);
	if (base)
		facts_of(base, c, &b);
	if (plan_make(c, &h, base ? &b : NULL, base_config, STAGE_CI, "gcc 12", ret, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

static struct plan_job *find(const struct plan *p, const char *unit, const char *job)
{
	for (size_t i = 0; i < p->jobs.n; i++)
		if (streq(p->jobs.v[i].unit, unit) && streq(p->jobs.v[i].job, job))
			return &p->jobs.v[i];
	fail_msg("no job %s/%s", unit, job);
	return NULL;
}

/* "unit/job ..." of all jobs whose keys differ, or that only q has, in the order of q. */
static char *changed_keys(const struct plan *p, const struct plan *q)
{
	struct strbuf b = STRBUF(1 << 16);

	for (size_t i = 0; i < q->jobs.n; i++) {
		const struct plan_job *now = &q->jobs.v[i], *old = NULL;

		for (size_t k = 0; k < p->jobs.n && !old; k++)
			if (streq(p->jobs.v[k].unit, now->unit) &&
			    streq(p->jobs.v[k].job, now->job))
				old = &p->jobs.v[k];
		if (!old || !streq(old->key, now->key))
			strbuf_addf(&b, "%s%s/%s", b.n ? " " : "", now->unit, now->job);
	}
	return strbuf_take(&b);
}

static char *affected_units(const struct plan *p)
{
	struct strbuf b = STRBUF(4096);

	for (size_t i = 0; i < p->units.n; i++)
		if (p->units.v[i].affected)
			strbuf_addf(&b, "%s%s", b.n ? " " : "", p->units.v[i].name);
	return strbuf_take(&b);
}

static char *joined(const texts *list)
{
	struct strbuf b = STRBUF(4096);

	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", list->v[i]);
	return strbuf_take(&b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of a text, sorted. */
static char *sorted(const char *text)
{
	texts words = {NULL, 0, 0};
	struct str rest = str_of(text);
	char *ret;

	while (rest.p && rest.n) {
		struct str word = str_cut(&rest, ' ');

		vec_push(&words, xstrndup(word.p, word.n));
	}
	if (words.n)
		qsort(words.v, words.n, sizeof(*words.v), by_name);
	ret = joined(&words);
	texts_done(&words);
	return ret;
}

/* ---- shape of a plan ---- */

static void paths_to_ask_for(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(texts_done) texts dirs = {NULL, 0, 0};
	AUTO(texts_done) texts list = {NULL, 0, 0};

	(void)state;
	read_config(PROJECT, &c);
	plan_paths(&c, &dirs, &list);
	AUTO(freep) char *d = joined(&dirs);
	AUTO(freep) char *l = joined(&list);

	assert_string_equal(
		d,
		"Makefile libs/base libs/base/src libs/wire libs/wire/src services/lone services/lone/src services/shop "
		"services/shop/src services/stock services/stock/src tools/lint.cfg");
	assert_string_equal(l,
			    "docs libs/base libs/wire services/lone services/shop services/stock");
}

static void root_and_nested_lists(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(texts_done) texts dirs = {NULL, 0, 0};
	AUTO(texts_done) texts list = {NULL, 0, 0};

	(void)state;
	read_config(
		TOP
		"services: {a: {path: .}, b: {path: x/y}}\nci: {t: {each: \"*\", run: x, inputs: [\"**/*.c\", z/*.h]}, u: {run: x, inputs: [\"**\"]}}",
		&c);
	plan_paths(&c, &dirs, &list);
	AUTO(freep) char *d = joined(&dirs);
	AUTO(freep) char *l = joined(&list);

	assert_string_equal(d, ". x/y");
	assert_string_equal(l, ".");
}

static const struct {
	const char *unit, *job, *needs, *why;
} first_jobs[] = {
	{"base", "build", "", "there is nothing to compare with"},
	{"wire", "build", "base/build", NULL},
	{"stock", "build", "wire/build", NULL},
	{"stock", "test", "stock/build", NULL},
	{"stock", "image", "stock/test", NULL},
	{"", "docs", "", "there is nothing to compare with"},
	{"", "all", "base/test lone/test shop/test stock/test wire/test", NULL},
};

static void first_push(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	make_plan(&c, &repo, NULL, NULL, &p);
	assert_int_equal(p.units.n, 5);
	assert_int_equal(p.jobs.n, 5 * 3 + 3 + 2);
	for (size_t i = 0; i < p.jobs.n; i++) {
		CHECK(p.jobs.v[i].state == PLAN_MISS && strlen(p.jobs.v[i].key) == 64,
		      p.jobs.v[i].job);
		for (size_t k = 0; k < p.jobs.v[i].needs.n; k++) { /* stand before */
			bool before = false;

			for (size_t j = 0; j < i; j++) {
				AUTO(freep)
				char *name = xasprintf("%s/%s", p.jobs.v[j].unit, p.jobs.v[j].job);

				before |= streq(name, p.jobs.v[i].needs.v[k]);
			}
			CHECK(before, p.jobs.v[i].needs.v[k]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(first_jobs); i++) {
		const struct plan_job *job = find(&p, first_jobs[i].unit, first_jobs[i].job);
		AUTO(freep) char *needs = joined(&job->needs);

		CHECK_STR(needs, first_jobs[i].needs, first_jobs[i].job);
		if (first_jobs[i].why)
			CHECK_STR(job->why, first_jobs[i].why, first_jobs[i].job);
	}
	assert_int_equal(find(&p, "stock", "image")->kind, JOB_IMAGE);
	assert_int_equal(find(&p, "stock", "image")->inputs.n, 0);
}

static void inputs_are_named(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo repo;
	static const struct {
		const char *unit, *job, *paths;
	} rows[] = {
		{"stock", "lint", "services/stock/src services/stock/x.mk tools/lint.cfg"},
		{"stock", "test", "libs/wire services/stock"},
		{"base", "test", "libs/base"},
		{"", "docs", "docs/a.md docs/x/y/b.md"},
		{"", "all", "Makefile"},
	};

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	make_plan(&c, &repo, NULL, NULL, &p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(1000);
		const struct plan_job *job = find(&p, rows[i].unit, rows[i].job);

		for (size_t k = 0; k < job->inputs.n; k++)
			strbuf_addf(&b, "%s%s", k ? " " : "", job->inputs.v[k].path);
		CHECK_STR(strbuf_cstr(&b), rows[i].paths, rows[i].job);
	}
	assert_int_equal(strlen(find(&p, "stock", "test")->inputs.v[0].oid),
			 64); /* wire has deps: a closure */
	assert_int_equal(strlen(find(&p, "shop", "test")->inputs.v[0].oid),
			 40); /* base has none: its tree */
}

/* ---- changes ---- */

static const struct {
	const char *path, *affected, *keys, *unit, *job;
	enum plan_state state;
	const char *why;
} changes[] = {
	{"services/lone/src/a.c", "lone", "lone/lint lone/build lone/test lone/image /all", "lone",
	 "build", PLAN_MISS, "services/lone changed"},
	{"services/lone/README", "lone", "lone/build lone/test lone/image /all", "lone", "lint",
	 PLAN_MISS, "services/lone changed"},
	{"services/lone/x.mk", "lone", "lone/lint lone/build lone/test lone/image /all", "", "all",
	 PLAN_MISS, "it needs test of lone, which is affected"},
	{"services/lone/README", "lone", "lone/build lone/test lone/image /all", "shop", "build",
	 PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"libs/wire/src/a.c", "stock wire",
	 "wire/lint wire/build stock/build wire/test stock/test stock/image /all", "stock", "lint",
	 PLAN_MISS, "libs/wire changed, and stock depends on it"},
	{"libs/base/README", "base shop stock wire", NULL, "stock", "test", PLAN_MISS,
	 "libs/base changed, and stock depends on it through wire"},
	{"tools/lint.cfg", "", "base/lint lone/lint shop/lint stock/lint wire/lint", "shop", "lint",
	 PLAN_MISS, "tools/lint.cfg changed"},
	{"tools/lint.cfg", "", "base/lint lone/lint shop/lint stock/lint wire/lint", "shop",
	 "build", PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"tools/other", "", "", "shop", "lint", PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"docs/x/y/b.md", "", "/docs", "", "docs", PLAN_MISS, "docs/x/y/b.md changed"},
	{"docs/x/pic.png", "", "", "", "docs", PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"docs.md", "", "", "", "docs", PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"services/lone/README", "lone", NULL, "", "docs", PLAN_MISS,
	 "a unit of the project is affected"},
	{"Makefile", "", "/all", "", "all", PLAN_MISS, "Makefile changed"},
	{"NEW", "", "", "", "all", PLAN_UNAFFECTED, "nothing that it reads changed"},
	{"docs/new.md", "", "/docs", "", "docs", PLAN_MISS, "docs/new.md changed"},
};

static void a_change_reaches_what_reads_it(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	struct repo base;

	(void)state;
	fill_repo(&base);
	read_config(PROJECT, &c);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		AUTO(plan_done) struct plan before = {.hash = NULL};
		AUTO(plan_done) struct plan after = {.hash = NULL};
		struct repo head = base;

		put(&head, changes[i].path, 4711);
		make_plan(&c, &base, NULL, NULL, &before);
		make_plan(&c, &head, &base, &c, &after);
		AUTO(freep) char *units = affected_units(&after);
		AUTO(freep) char *keys = changed_keys(&before, &after);
		const struct plan_job *job = find(&after, changes[i].unit, changes[i].job);

		CHECK_STR(units, changes[i].affected, changes[i].path);
		if (changes[i].keys) {
			AUTO(freep) char *got = sorted(keys);
			AUTO(freep) char *want = sorted(changes[i].keys);

			CHECK_STR(got, want, changes[i].path);
		}
		CHECK_STR(job->why, changes[i].why, changes[i].path);
		CHECK(job->state == changes[i].state, changes[i].path);
	}
}

static void nothing_changed(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	make_plan(&c, &repo, &repo, &c, &p);
	for (size_t i = 0; i < p.jobs.n; i++)
		assert_int_equal(p.jobs.v[i].state, PLAN_UNAFFECTED);
	for (size_t i = 0; i < p.units.n; i++)
		assert_string_equal(p.units.v[i].why, "nothing that it is made of changed");
}

static void the_mode_counts(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo base, head;

	(void)state;
	fill_repo(&base);
	read_config(PROJECT, &c);
	head = base;
	put_mode(&head, "tools/lint.cfg", 1, 0100755);
	make_plan(&c, &head, &base, &c, &p);
	assert_int_equal(find(&p, "lone", "lint")->state, PLAN_MISS);
}

/* ---- what penstock.yml declares: each edit changes these keys (of services/lone's jobs and the project's), and no others ---- */

static const struct {
	const char *why, *from, *to, *keys, *affected;
	const char *state_of; /* "unit/job" that must be a miss, though its key may be the same */
} edits[] = {
	{"a command", "run: make lint", "run: make lint2",
	 "base/lint lone/lint shop/lint stock/lint wire/lint", "", "lone/lint"},
	{"a command that others need", "run: make test", "run: make tests",
	 "base/test lone/test lone/image shop/test shop/image stock/test stock/image wire/test /all",
	 "", "lone/image"},
	{"environment", "A: b", "A: bb", NULL, "", "lone/build"},
	{"more environment", "A: b", "A: b, B: c", NULL, "", "lone/build"},
	{"no environment", ", env: {A: b, C: d}", "", NULL, "", "lone/build"},
	{"the order of environment", "A: b, C: d", "C: d, A: b", "", "", NULL},
	{"a secret", "run: make docs", "run: make docs, secrets: {T: \"file:t\"}", "/docs", "",
	 "/docs"},
	{"outputs", "out/**", "out/*", NULL, "", "lone/build"},
	{"finally", "run: make docs", "run: make docs, finally: [x]", "/docs", "", "/docs"},
	{"network", "run: make docs", "run: make docs, network: true", "/docs", "", "/docs"},
	{"memory", "run: make docs", "run: make docs, memory: 1Gi", "/docs", "", "/docs"},
	{"reports", "run: make docs", "run: make docs, reports: {junit: x}", "/docs", "", "/docs"},
	{"inputs that name more", "inputs: [Makefile]", "inputs: [Makefile, tools/other]", "/all",
	 "", "/all"},
	{"inputs that name the same", "inputs: [Makefile]", "inputs: [Makefile, absent]", "", "",
	 "/all"},
	{"what it reads anyhow, written", "run: make test}", "run: make test, inputs: [$default]}",
	 "", "", "lone/test"},
	{"more than that", "run: make test}",
	 "run: make test, inputs: [$default, ../../tools/other]}",
	 "base/test lone/test lone/image shop/test shop/image stock/test stock/image wire/test /all",
	 "", "lone/test"},
	{"needs", "needs: [test], inputs", "needs: [test, docs], inputs", "/all", "", "/all"},
	{"another program in the image", "entrypoint: [/app]", "entrypoint: [/app, -x]",
	 "lone/image shop/image stock/image", "", "lone/image"},
	{"another place in the image", "out/app: /app", "out/app: /bin/app",
	 "lone/image shop/image stock/image", "", "lone/image"},
	{"a user of the image", "from: scratch", "from: scratch, user: 1",
	 "lone/image shop/image stock/image", "", "lone/image"},
	{"image environment", "from: scratch", "from: scratch, env: {A: b}",
	 "lone/image shop/image stock/image", "", "lone/image"},
	{"a name", "docs: {run", "manual: {run", "/manual", "", "/manual"},
	/* what decides nothing about the result */
	{"timeout", "run: make docs", "run: make docs, timeout: 1h", "", "", "/docs"},
	{"retry", "run: make docs", "run: make docs, retry: {max: 3}", "", "", "/docs"},
	{"lines", TOP, TOP "\n\n# moved down\n\n", "", "", NULL},
	{"another stage", "ci:\n", "staging: {e2e: {run: x}}\nci:\n", "", "", NULL},
	{"the order of jobs",
	 "  docs: {run: make docs, inputs: [docs/**/*.md]}\n  all: {run: make all, needs: [test], inputs: [Makefile]}\n",
	 "  all: {run: make all, needs: [test], inputs: [Makefile]}\n  docs: {run: make docs, inputs: [docs/**/*.md]}\n",
	 "", "", NULL},
	/* units */
	{"how a service runs", "port: 81", "port: 82", "", "shop", "shop/build"},
	{"replicas", "port: 80}", "port: 80, replicas: 3}", "", "stock", "stock/image"},
	{"a dep more", "lone}", "lone, deps: [base]}", "lone/build lone/test lone/image /all",
	 "lone", "lone/build"},
	{"a unit more", "lone: {path: services/lone}",
	 "lone: {path: services/lone}\n  more: {path: docs/x}",
	 "more/lint more/build more/test more/image /all", "more", "more/build"},
};

static char *edited(const char *from, const char *to)
{
	struct strbuf b = STRBUF(1 << 16);
	const char *hole = strstr(PROJECT, from);

	if (!hole)
		fail_msg("no <%s> in the project", from);
	strbuf_add(&b, PROJECT, (size_t)(hole - PROJECT));
	strbuf_adds(&b, to);
	strbuf_adds(&b, hole + strlen(from));
	return strbuf_take(&b);
}

static void each_declared_change_changes_its_keys(void **state)
{
	AUTO(config_done) struct config before = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &before);
	make_plan(&before, &repo, NULL, NULL, &p);
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		AUTO(config_done) struct config after = {.project = NULL};
		AUTO(plan_done) struct plan q = {.hash = NULL};
		AUTO(freep) char *text = edited(edits[i].from, edits[i].to);

		read_config(text, &after);
		make_plan(&after, &repo, &repo, &before, &q);
		AUTO(freep) char *keys = changed_keys(&p, &q);
		AUTO(freep) char *got = sorted(keys);
		AUTO(freep) char *want = sorted(edits[i].keys ? edits[i].keys : "");
		AUTO(freep) char *units = affected_units(&q);

		if (edits[i].keys)
			CHECK_STR(got, want, edits[i].why);
		else
			CHECK(strstr(keys, "lone/build") && strstr(keys, "lone/image") &&
				      !strstr(keys, "lint"),
			      edits[i].why);
		CHECK_STR(units, edits[i].affected, edits[i].why);
		for (size_t k = 0; k < q.jobs.n; k++) {
			AUTO(freep)
			char *name = xasprintf("%s/%s", q.jobs.v[k].unit, q.jobs.v[k].job);
			bool must = edits[i].state_of && streq(name, edits[i].state_of);

			if (must || strstr(keys, name)) /* a new key is never called unaffected */
				CHECK(q.jobs.v[k].state == PLAN_MISS, name);
		}
	}
}

static void the_toolchain_is_in_the_key(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	AUTO(plan_done) struct plan q = {.hash = NULL};
	AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	facts_of(&repo, &c, &h);
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "gcc 12", &p, NULL), RC_OK);
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "gcc 13", &q, NULL), RC_OK);
	for (size_t i = 0; i < p.jobs.n; i++)
		CHECK(!streq(p.jobs.v[i].key, q.jobs.v[i].key), p.jobs.v[i].job);
	CHECK(!streq(p.hash, q.hash), "hash");
}

/* Written down once: when this fails, every cache in the world is lost, which must be meant (and "penstock-key-2" become -3). */
static void keys_are_the_same_for_ever(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	make_plan(&c, &repo, NULL, NULL, &p);
	assert_string_equal(find(&p, "lone", "lint")->key,
			    "1393d47a7ee38791ef0ee02d342489af27dfcd40d189cac47e94805a33285925");
	assert_string_equal(find(&p, "stock", "image")->key,
			    "e47fc37257d8a4b8106a1cdb35fb86e95f42be32847efdc8daf77e0e5a461fc7");
}

static void a_plan_goes_there_and_back(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	AUTO(plan_done) struct plan back = {.hash = NULL};
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);
	struct json_out o = JSON_OUT(&b);
	struct repo repo;
	struct err err = {RC_OK, ""};

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	make_plan(&c, &repo, NULL, NULL, &p);
	shape_write(&o, NULL, &shape_plan, &p);
	if (shape_parse(strbuf_str(&b), 1 << 20, &shape_plan, &back, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_true(shape_equal(&shape_plan, &p, &back));
}

/* ---- what cannot be planned ---- */

static void units_must_be_folders(void **state)
{
	static const struct {
		const char *why, *path;
		uint32_t mode;
		const char *want;
	} rows[] = {
		{"absent", "services/other", 0,
		 "penstock.yml:3: unit \"a\": there is no folder \"services/a\" in this commit"},
		{"a file", "services/a", 0100644,
		 "penstock.yml:3: unit \"a\": \"services/a\" is a file, not a folder"},
		{"a link", "services/a", 0120000,
		 "penstock.yml:3: unit \"a\": \"services/a\" is a symbolic link, not a folder"},
		{"a submodule", "services/a", 0160000,
		 "penstock.yml:3: unit \"a\": \"services/a\" is a submodule, not a folder"},
	};
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	read_config(TOP "services: {a: {path: services/a}}\nci: {b: {each: a, run: x}}", &c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
		AUTO(plan_done) struct plan p = {.hash = NULL};
		struct err err = {RC_OK, ""};

		add_entry(&h, rows[i].path, xstrdup("0123456789012345678901234567890123456789"),
			  rows[i].mode);
		CHECK(plan_make(&c, &h, NULL, NULL, STAGE_CI, "", &p, &err) == RC_INVALID,
		      rows[i].why);
		CHECK_STR(err.msg, rows[i].want, rows[i].why);
		CHECK(p.jobs.n == 0 && p.units.n == 0, rows[i].why);
	}
}

static void circles_are_refused(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
	struct repo repo;
	struct err err = {RC_OK, ""};

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	facts_of(&repo, &c, &h);
	vec_push(&c.jobs.v[1].needs, xstrdup("test")); /* as a journal from elsewhere might say */
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "", &p, &err), RC_INVALID);
	assert_string_equal(err.msg, "jobs of stage ci need each other in a circle");
	vec_push(&c.units.v[0].deps, xstrdup("stock"));
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "", &p, &err), RC_INVALID);
	assert_string_equal(err.msg, "units depend on each other in a circle");
}

static void other_stages(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
	struct repo repo;
	struct err err = {RC_OK, ""};

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT "staging: {e2e: {run: make e2e}}", &c);
	facts_of(&repo, &c, &h);
	if (plan_make(&c, &h, NULL, NULL, STAGE_STAGING, "", &p, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(p.jobs.n, 1);
	assert_string_equal(p.jobs.v[0].inputs.v[0].path, ".");
}

/* Entries in Git's own order (a folder as if it ended with '/') give the same plan. */
static void the_order_of_entries_does_not_matter(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(plan_done) struct plan p = {.hash = NULL};
	AUTO(plan_done) struct plan q = {.hash = NULL};
	AUTO(tree_facts_done) struct tree_facts h = {.commit = NULL};
	struct repo repo;

	(void)state;
	fill_repo(&repo);
	read_config(PROJECT, &c);
	facts_of(&repo, &c, &h);
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "", &p, NULL), RC_OK);
	for (size_t i = 0; i < h.entries.n / 2; i++) {
		struct tree_entry swap = h.entries.v[i];

		h.entries.v[i] = h.entries.v[h.entries.n - 1 - i];
		h.entries.v[h.entries.n - 1 - i] = swap;
	}
	assert_int_equal(plan_make(&c, &h, NULL, NULL, STAGE_CI, "", &q, NULL), RC_OK);
	assert_string_equal(p.hash, q.hash);
}

/* ---- random projects against the rules, read slowly ---- */

static uint32_t random_state;
static uint32_t pick(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

#define N_UNITS 9
#define N_JOBS  5

static char *random_project(void)
{
	struct strbuf b = STRBUF(1 << 16);
	static const char *const inputs[] = {"",
					     "",
					     "inputs: [src/**], ",
					     "inputs: [\"*.c\"], ",
					     "inputs: [../common.h, \"src/*.[ch]\"], ",
					     "inputs: [\"../u?/src/{a,b}.c\"], ",
					     "inputs: [$default, ../common.h, \"../u1/src/*.c\"], ",
					     "inputs: [src/**, $default], ",
					     "inputs: [a.c, $root/top.txt, $root/u0/src/**], ",
					     "inputs: [src], "};
	static const char *const each[] = {"\"*\"", "\"*\"", "\"*\"", "services", "libraries"};

	strbuf_adds(&b, TOP "libraries:\n");
	for (uint32_t i = 0; i < N_UNITS; i++) {
		if (i == N_UNITS / 2)
			strbuf_adds(&b, "services:\n");
		strbuf_addf(&b, "  u%u: {path: u%u, deps: [", i, i);
		for (uint32_t k = 0, n = 0; k < i; k++)
			if (pick(4) == 0)
				strbuf_addf(&b, "%su%u", n++ ? ", " : "", k);
		strbuf_adds(&b, "]}\n");
	}
	strbuf_adds(&b, "ci:\n");
	for (uint32_t j = 0; j < N_JOBS; j++) {
		bool project = j == 3 && pick(2);

		strbuf_addf(&b, "  j%u: {run: x, ", j);
		if (!project)
			strbuf_addf(&b, "each: %s, ", j == N_JOBS - 1 ? each[pick(5)] : each[0]);
		strbuf_adds(&b, project ? "inputs: [top.txt], " : inputs[pick(ARRAY_LEN(inputs))]);
		strbuf_adds(&b, "needs: [");
		for (uint32_t k = 0, n = 0; k <= j && k < 3; k++)
			if (pick(3) == 0)
				strbuf_addf(&b, "%s%sj%u", n++ ? ", " : "",
					    (k == j || pick(2)) && !project ? "^" : "", k);
		strbuf_adds(&b, "]}\n");
	}
	return strbuf_take(&b);
}

static void random_repo(struct repo *r)
{
	static const char *const files[] = {"a.c",     "b.c",          "src/a.c", "src/b.c",
					    "src/x.h", "src/deep/a.c", "README"};

	r->n = 0;
	for (uint32_t i = 0; i < N_UNITS; i++)
		for (size_t k = 0; k < ARRAY_LEN(files); k++) {
			AUTO(freep) char *path = xasprintf("u%u/%s", i, files[k]);

			put(r, path, 1);
		}
	put(r, "common.h", 1);
	put(r, "top.txt", 1);
}

static bool in_closure(const struct config *c, const char *unit, const char *other)
{
	AUTO(texts_done) texts all = {NULL, 0, 0};

	if (streq(unit, other))
		return true;
	graph_closure(c, unit, &all);
	for (size_t i = 0; i < all.n; i++)
		if (streq(all.v[i], other))
			return true;
	return false;
}

/* Does one job (without its needs) read a path? By the words of config.h. */
static bool reads(const struct config *c, const struct plan_job *job, const char *path)
{
	const struct job_def *def = config_job(c, STAGE_CI, job->job);

	bool all = def->inputs.n == 0;

	for (size_t i = 0; i < def->inputs.n; i++) {
		const char *in = def->inputs.v[i];

		all |= streq(in, "$default");
		if (streq(in, "$default"))
			continue;
		AUTO(freep)
		char *full = strncmp(in, "../", 3) == 0      ? xstrdup(in + 3)
			     : strncmp(in, "$root/", 6) == 0 ? xstrdup(in + 6)
			     : job->unit[0]                  ? xasprintf("%s/%s", job->unit, in)
							     : xstrdup(in);

		if (glob_match(str_of(full), str_of(path)) || below(path, full))
			return true;
	}
	for (size_t i = 0; all && i < c->units.n; i++)
		if (below(path, c->units.v[i].path) && in_closure(c, job->unit, c->units.v[i].name))
			return true;
	return false;
}

static bool key_differs(const struct plan *p, const struct plan *q, const char *name)
{
	for (size_t i = 0; i < p->jobs.n; i++) {
		AUTO(freep) char *here = xasprintf("%s/%s", p->jobs.v[i].unit, p->jobs.v[i].job);

		if (streq(here, name))
			return !streq(p->jobs.v[i].key, q->jobs.v[i].key);
	}
	fail_msg("no %s", name);
	return false;
}

static void compare_with_the_rules(const struct config *c, const struct plan *p,
				   const struct plan *q, const char *path, uint32_t seed)
{
	for (size_t i = 0; i < q->units.n; i++) {
		bool want = false;

		for (size_t k = 0; k < c->units.n; k++)
			want |= below(path, c->units.v[k].path) &&
				in_closure(c, q->units.v[i].name, c->units.v[k].name);
		if (want != q->units.v[i].affected)
			fail_msg("seed %u: %s changed, %s is %saffected", seed, path,
				 q->units.v[i].name, want ? "not " : "");
	}
	for (size_t i = 0; i < q->jobs.n; i++) {
		const struct plan_job *job = &q->jobs.v[i];
		bool want = reads(c, job, path), differs = !streq(p->jobs.v[i].key, job->key);

		for (size_t k = 0; k < job->needs.n; k++)
			want |= key_differs(p, q, job->needs.v[k]);
		if (want != differs)
			fail_msg("seed %u: %s changed, the key of %s/%s is %s", seed, path,
				 job->unit, job->job, differs ? "another" : "the same");
		if (differs && job->state != PLAN_MISS)
			fail_msg("seed %u: %s changed, %s/%s has another key and is unaffected",
				 seed, path, job->unit, job->job);
	}
}

static void random_projects_follow_the_rules(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		AUTO(config_done) struct config c = {.project = NULL};
		AUTO(plan_done) struct plan p = {.hash = NULL};
		AUTO(freep) char *text = NULL;
		struct repo base;
		struct err err = {RC_OK, ""};

		random_state = seed;
		text = random_project();
		if (config_read(str_of(text), "penstock.yml", NULL, NULL, &c, &err) != RC_OK) {
			if (!strstr(err.msg,
				    "which runs only for")) /* a need that not all have: may happen */
				fail_msg("seed %u: %s in %s", seed, err.msg, text);
			continue;
		}
		random_repo(&base);
		make_plan(&c, &base, NULL, NULL, &p);
		for (unsigned k = 0; k < 12; k++) {
			AUTO(plan_done) struct plan q = {.hash = NULL};
			struct repo head = base;
			const char *path = base.v[pick((uint32_t)base.n)].path;

			put(&head, path, 2);
			make_plan(&c, &head, &base, &c, &q);
			compare_with_the_rules(&c, &p, &q, path, seed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_to_ask_for),
		cmocka_unit_test(root_and_nested_lists),
		cmocka_unit_test(first_push),
		cmocka_unit_test(inputs_are_named),
		cmocka_unit_test(a_change_reaches_what_reads_it),
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(the_mode_counts),
		cmocka_unit_test(each_declared_change_changes_its_keys),
		cmocka_unit_test(the_toolchain_is_in_the_key),
		cmocka_unit_test(keys_are_the_same_for_ever),
		cmocka_unit_test(a_plan_goes_there_and_back),
		cmocka_unit_test(units_must_be_folders),
		cmocka_unit_test(circles_are_refused),
		cmocka_unit_test(other_stages),
		cmocka_unit_test(the_order_of_entries_does_not_matter),
		cmocka_unit_test(random_projects_follow_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
