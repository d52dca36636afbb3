/*
 * Realistic files of other systems (tests/data/import/SYSTEM-*.yml): what becomes of each stands beside it (*.want): the penstock.yml, which
 * must be one that we take, then every remark. UPDATE=1 writes what is wanted anew: look at the difference.
 */
#include "unit.h"
#include "base/mem.h"
#include "core/config.h"
#include "dialect/dialect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/data/import"

static bool read_file(const char *path, struct strbuf *to)
{
	FILE *f = fopen(path, "r");
	char bytes[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		strbuf_add(to, bytes, n);
	fclose(f);
	return true;
}

static enum rc read_include(void *ctx, const char *path, struct strbuf *ret, struct err *err)
{
	AUTO(freep) char *full = xasprintf(FOLDER "/%s", path);

	(void)ctx;
	return read_file(full, ret) ? RC_OK : err_set(err, RC_NOT_FOUND, "%s is not there", path);
}

static enum rc import(struct str text, const char *name, struct draft *d, struct err *err)
{
	return name[3] == 'h' ? import_github(text, name, d, err)
			      : import_gitlab(text, name, read_include, NULL, d, err);
}

static const char *any_zone(const char *zone, void *ctx)
{
	(void)ctx;
	(void)zone;
	return "UTC0";
}

static const char *value_of(const pairs *env, const char *key)
{
	vec_each(p, env)
		if (strcmp(p->key, key) == 0)
			return p->value;
	return "(none)";
}

/* The file that was made is one of ours, with the same jobs. */
static void check_ours(const struct draft *d, const struct strbuf *made, const char *name)
{
	AUTO(config_done) struct config c = {0};
	struct err err = {0};

	if (config_read(strbuf_str(made), "penstock.yml", any_zone, NULL, &c, &err) != RC_OK)
		fail_msg("%s: what was made is refused: %s", name, err.msg);
	assert_int_equal(c.jobs.n, d->c.jobs.n);
	for (size_t i = 0; i < c.jobs.n; i++) {
		const struct job_def *got = config_job(&c, STAGE_CI, d->c.jobs.v[i].name);
		const struct job_def *want = &d->c.jobs.v[i];
		CHECK(got != NULL, want->name);
		CHECK_STR(got->condition ? got->condition : "",
			  want->condition ? want->condition : "", want->name);
		CHECK_STR(got->container ? got->container : "",
			  want->container ? want->container : "", want->name);
		CHECK_STR(got->run ? got->run : "", want->run ? want->run : "", want->name);
		CHECK(got->steps.n == want->steps.n && got->needs.n == want->needs.n &&
			      got->env.n == want->env.n && got->services.n == want->services.n &&
			      got->outputs.n == want->outputs.n &&
			      got->finally.n == want->finally.n && got->manual == want->manual,
		      want->name);
		for (size_t k = 0; k < got->steps.n; k++)
			CHECK_STR(got->steps.v[k].run, want->steps.v[k].run, want->name);
		vec_each(p, &want->env)
			CHECK_STR(value_of(&got->env, p->key), p->value, p->key);
	}
}

static void describe(const char *name, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
	AUTO(freep) char *path = xasprintf(FOLDER "/%s", name);
	AUTO(draft_done) struct draft d = {0};
	struct err err = {0};

	CHECK(read_file(path, &text), path);
	if (import(strbuf_str(&text), name, &d, &err) != RC_OK) {
		strbuf_addf(to, "refused: %s\n", err.msg);
		return;
	}
	draft_write(&d, to);
	assert_false(strbuf_failed(to));
	check_ours(&d, to, name);
	strbuf_adds(to, "# ---- remarks ----\n");
	vec_each(r, &d.remarks)
		strbuf_addf(to, "# %s:%u: %s: not mapped; %s\n", r->file, r->line, r->what,
			    r->instead);
}

static void one(const char *name)
{
	AUTO(strbuf_done)
	struct strbuf got = STRBUF((size_t)1 << 20), want = STRBUF((size_t)1 << 20);
	AUTO(freep) char *path = xasprintf(FOLDER "/%.*s.want", (int)strlen(name) - 4, name);

	describe(name, &got);
	if (getenv("UPDATE")) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs(strbuf_cstr(&got), f);
		fclose(f);
	}
	CHECK(read_file(path, &want), path);
	CHECK_STR(strbuf_cstr(&got), strbuf_cstr(&want), name);
}

static int is_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return strncmp(e->d_name, "git", 3) == 0 && n > 4 && strcmp(e->d_name + n - 4, ".yml") == 0;
}

static void as_wanted(void **state)
{
	struct dirent **list = NULL;
	int n = scandir(FOLDER, &list, is_file, alphasort);

	(void)state;
	assert_true(n >= 20);
	for (int i = 0; i < n; i++) {
		one(list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* ---- small things, each with what must come of it ---- */
static void says(const char *name, const char *text, const char *part)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)1 << 20);
	AUTO(draft_done) struct draft d = {0};
	struct err err = {0};

	if (import(str_of(text), name, &d, &err) != RC_OK)
		fail_msg("%s: %s", text, err.msg);
	draft_write(&d, &out);
	check_ours(&d, &out, text);
	if (!strstr(strbuf_cstr(&out), part))
		fail_msg("<%s>: no <%s> in\n%s", text, part, strbuf_cstr(&out));
}

#define JOB "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
static void expressions_never_become_commands(void **state)
{
	static const struct {
		const char *run, *want;
	} cases[] = {
		{"echo ${{ secrets.KEY }}", "echo ${KEY}"},
		{"echo \"${{ secrets.KEY }}\"", "echo \"${KEY}\""},
		{"echo '${{ secrets.KEY }}'", "echo ''\"${KEY}\"''"},
		{"curl -d '{\"t\":\"${{ secrets.KEY }}\"}' x",
		 "curl -d '{\"t\":\"'\"${KEY}\"'\"}' x"},
		{"echo \"it's ${{ secrets.KEY }}\"", "echo \"it's ${KEY}\""},
		{"echo it\\'s ${{ secrets.KEY }}", "echo it\\'s ${KEY}"},
		{"true # it's\n          echo ${{ secrets.KEY }}", "true # it's\necho ${KEY}"},
		{"echo 'a\n          ${{ secrets.KEY }}'", "echo 'a\n'\"${KEY}\"''"},
		{"echo ${{ github.event.issue.title }}", "echo ${NOT_MAPPED:?see the comment}"},
		{"echo ${{ env.X }}", "echo ${X}"},
		{"echo ${{ 'plain' }}", "echo plain"},
		{"echo ${{ unfinished", "echo ${{ unfinished"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(draft_done) struct draft d = {0};
		AUTO(freep)
		char *text =
			xasprintf(JOB "    steps:\n      - run: |\n          %s\n", cases[i].run);
		assert_int_equal(import(str_of(text), "github.yml", &d, NULL), RC_OK);
		CHECK_STR(d.c.jobs.v[0].steps.v[0].run, cases[i].want, cases[i].run);
	}
}

static void conditions(void **state)
{
	static const struct {
		const char *name, *text, *part;
	} cases[] = {
		{"github.yml",
		 JOB "    if: github.ref == 'refs/heads/main'\n    steps: [{run: x}]\n",
		 "if: 'branch == ''main'''"},
		{"github.yml", JOB "    if: github.ref_type == 'tag'\n    steps: [{run: x}]\n",
		 "if: 'tag != '''''"},
		{"github.yml",
		 JOB
		 "    if: github.event.pull_request.head.repo.full_name != github.repository\n    steps: [{run: x}]\n",
		 "if: fork"},
		{"github.yml", JOB "    if: github.actor == 'x'\n    steps: [{run: x}]\n",
		 "manual: true"},
		{"gitlab.yml",
		 "a:\n  script: x\n  rules: [{if: $CI_COMMIT_TAG, when: never}, {when: on_success}]\n",
		 "if: '!(tag != '''')'"},
		{"gitlab.yml", "a:\n  script: x\n  rules: [{if: $NOBODY_KNOWS}]\n", "manual: true"},
		{"gitlab.yml",
		 "variables: {ON: \"1\"}\na:\n  script: x\n  rules: [{if: $ON == \"2\"}]\n",
		 "if: 'false'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		says(cases[i].name, cases[i].text, cases[i].part);
}

/* ---- bad input ---- */
static void refuses(void **state)
{
	static const struct {
		const char *name, *text, *says;
	} cases[] = {
		{"github.yml", "", "it is no map"},
		{"github.yml", "[1]\n", "it is no map"},
		{"github.yml", "on: push\n", "it has no jobs"},
		{"github.yml", "jobs: {}\n", "it has no jobs"},
		{"github.yml", "jobs: {a: [x]}\n", "github.yml:1:11: a job must be a map"},
		{"github.yml", "jobs: &x {a: *x}\n", "there is no anchor &x"},
		{"gitlab.yml", "x\n", "it is no map"},
		{"gitlab.yml", "image: x\n", "it has no jobs"},
		{"gitlab.yml", ".hidden: {script: x}\n", "it has no jobs"},
		{"gitlab.yml", "a: {extends: a, script: x}\n", "or itself"},
		{"gitlab.yml", "a: {extends: b}\nb: {extends: a}\n", "or itself"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(draft_done) struct draft d = {0};
		struct err err = {0};
		CHECK(import(str_of(cases[i].text), cases[i].name, &d, &err) == RC_INVALID,
		      cases[i].text);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("<%s>: says <%s>", cases[i].text, err.msg);
	}
}

static void too_much(void **state)
{
	AUTO(strbuf_done)
	struct strbuf hub = STRBUF((size_t)1 << 20), lab = STRBUF((size_t)1 << 20),
		      wide = STRBUF((size_t)1 << 20), deep = STRBUF((size_t)1 << 20);
	struct err err = {0};

	(void)state;
	strbuf_adds(&hub, "jobs:\n");
	strbuf_adds(&wide, "jobs: {a: {strategy: {matrix: {");
	for (int i = 0; i <= CONFIG_MAX_JOBS; i++) {
		strbuf_addf(&hub, "  j%d: {steps: [{run: x}]}\n", i);
		strbuf_addf(&lab, "j%d: {script: x}\n", i);
	}
	for (int i = 0; i < 10; i++) {
		strbuf_addf(&wide, "%sa%d: [", i ? ", " : "", i);
		for (int k = 0; k < 100; k++)
			strbuf_addf(&wide, "%s%d", k ? ", " : "", k);
		strbuf_addc(&wide, ']');
	}
	strbuf_adds(&wide, "}}, steps: [{run: x}]}}\n");
	strbuf_adds(&deep, "jobs: {a: {if: \"");
	for (int i = 0; i < 3000; i++)
		strbuf_adds(&deep, "!(");
	strbuf_adds(&deep, "\", steps: [{run: x}]}}\n");
	AUTO(draft_done) struct draft d1 = {0}, d2 = {0}, d3 = {0}, d4 = {0};
	assert_int_equal(import(strbuf_str(&hub), "github.yml", &d1, &err), RC_TOO_BIG);
	assert_int_equal(import(strbuf_str(&lab), "gitlab.yml", &d2, &err), RC_TOO_BIG);
	/* 10^20 rows are told, not made */
	assert_int_equal(import(strbuf_str(&wide), "github.yml", &d3, &err), RC_OK);
	assert_int_equal(import(strbuf_str(&deep), "github.yml", &d4, &err), RC_OK);
	assert_true(d4.c.jobs.v[0].manual);
}

/* Cut anywhere, or with any byte changed, each file is read or refused with words. */
static void damage(void **state)
{
	static const char *const names[] = {"github-nasty.yml", "gitlab-nasty.yml"};
	static const char bytes[] = "\0\n '\"#*&!{}[]:,-$\xff";

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(names); f++) {
		AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
		AUTO(freep) char *path = xasprintf(FOLDER "/%s", names[f]);
		assert_true(read_file(path, &text));
		for (size_t i = 0; i < text.n; i += 3) {
			AUTO(draft_done) struct draft d = {0};
			AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)1 << 20);
			struct err err = {0};
			char was = text.p[i];
			text.p[i] = bytes[i % sizeof(bytes)];
			enum rc rc = import(strbuf_str(&text), names[f], &d, &err);
			assert_true(rc == RC_OK ||
				    ((rc == RC_INVALID || rc == RC_TOO_BIG) && err.msg[0]));
			if (rc == RC_OK)
				draft_write(&d, &out);
			text.p[i] = was;
			AUTO(draft_done) struct draft cut = {0};
			rc = import((struct str){text.p, i}, names[f], &cut, &err);
			assert_true(rc == RC_OK || rc == RC_INVALID);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_wanted),  cmocka_unit_test(expressions_never_become_commands),
		cmocka_unit_test(conditions), cmocka_unit_test(refuses),
		cmocka_unit_test(too_much),   cmocka_unit_test(damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
