/* Rows of a matrix as GitHub Actions defines them, names of instances, ${...}, and what templates and included files bring into a job. */
#include "core/config_impl.h"
#include "core/names.h"
#include "unit.h"

#define TOP "version: 1\nproject: p\nlibraries: {a: {path: x/a}}\n"
#define SHA "0123456789abcdef0123456789abcdef01234567"

static enum rc read_with(const char *text, const char *from, const char *included,
			 struct config *ret, struct err *err)
{
	const struct config_include one = {from, str_of(included ? included : "")};

	return config_read_with(str_of(text), "penstock.yml", &one, from ? 1 : 0, NULL, NULL, ret,
				err);
}

static void read_text(const char *text, struct config *ret)
{
	struct err err = {RC_OK, ""};

	if (read_with(text, NULL, NULL, ret, &err) != RC_OK)
		fail_msg("%s in %s", err.msg, text);
}

/* ---- matrices ---- */

#define FRUITS "fruit: [apple, pear], animal: [cat, dog]"

/* Rows apart by "; ", each its pairs in order. */
static const struct {
	const char *matrix, *rows;
} matrices[] = {
	{"a: [1]", "a=1"},
	{"a: 1", "a=1"},
	{"a: [1, 2], b: [x, y]", "a=1 b=x; a=1 b=y; a=2 b=x; a=2 b=y"},
	{"a: [1, 2], b: [x], c: [p, q]", "a=1 b=x c=p; a=1 b=x c=q; a=2 b=x c=p; a=2 b=x c=q"},
	/* exclude: a part of a row is enough; what no row has excludes nothing */
	{"a: [1, 2], b: [x, y], exclude: [{a: 1}]", "a=2 b=x; a=2 b=y"},
	{"a: [1, 2], b: [x, y], exclude: [{a: 1, b: y}]", "a=1 b=x; a=2 b=x; a=2 b=y"},
	{"a: [1, 2], exclude: [{a: 3}, {b: x}, {a: 1, b: x}]", "a=1; a=2"},
	{"a: [1], exclude: [{a: 1}], include: [{a: 1, c: z}]", "a=1 c=z"},
	/* include alone: each is a row */
	{"include: [{a: 1}, {a: 2, b: x}]", "a=1; a=2 b=x"},
	{"include: [{a: 1, b: x}, {a: 1, b: y}]", "a=1 b=x; a=1 b=y"},
	/* include widens rows whose axes it does not contradict */
	{"a: [1, 2], include: [{a: 1, b: x}]", "a=1 b=x; a=2"},
	{"a: [1, 2], include: [{b: x}]", "a=1 b=x; a=2 b=x"},
	{"a: [1, 2], include: [{a: 3, b: x}]", "a=1; a=2; a=3 b=x"},
	{"a: [1, 2], include: [{a: 3}, {a: 3, b: y}]", "a=1; a=2; a=3; a=3 b=y"},
	{"a: [1, 2], include: [{b: x}, {a: 2, b: y}]", "a=1 b=x; a=2 b=y"},
	{"a: [1, 2], exclude: [{a: 2}], include: [{a: 2, b: x}]", "a=1; a=2 b=x"},
	/* the example of GitHub's manual: values that were added may be overwritten, axes not, and rows that were added are not widened */
	{FRUITS
	 ", include: [{color: green}, {color: pink, animal: cat}, {fruit: apple, shape: circle}, {fruit: banana}, {fruit: banana, animal: cat}]",
	 "fruit=apple animal=cat color=pink shape=circle; fruit=apple animal=dog color=green shape=circle; "
	 "fruit=pear animal=cat color=pink; fruit=pear animal=dog color=green; fruit=banana; fruit=banana animal=cat"},
};

static char *rows_text(const struct matrix *m)
{
	struct strbuf b = STRBUF(1 << 16);
	matrix_rows rows = {NULL, 0, 0};

	matrix_expand(m, &rows);
	vec_each(row, &rows) {
		strbuf_adds(&b, b.n ? "; " : "");
		for (size_t i = 0; i < row->v.n; i++)
			strbuf_addf(&b, "%s%s=%s", i ? " " : "", row->v.v[i].key,
				    row->v.v[i].value);
	}
	matrix_rows_done(&rows);
	return strbuf_take(&b);
}

static void rows_of_a_matrix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(matrices); i++) {
		AUTO(config_done) struct config c = {.project = NULL};
		AUTO(freep)
		char *text = xasprintf(TOP "ci: {t: {each: a, run: x, matrix: {%s}}}\n",
				       matrices[i].matrix);

		read_text(text, &c);
		AUTO(freep) char *got = rows_text(&c.jobs.v[0].matrix);
		CHECK_STR(got, matrices[i].rows, matrices[i].matrix);
	}
}

static void no_matrix_is_one_row(void **state)
{
	matrix_rows rows = {NULL, 0, 0};

	(void)state;
	matrix_expand(&(struct matrix){.axes = {NULL, 0, 0}}, &rows);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.v[0].v.n, 0);
	matrix_rows_done(&rows);
}

static char *axis_of(size_t n)
{
	struct strbuf b = STRBUF(1 << 16);

	for (size_t i = 0; i < n; i++)
		strbuf_addf(&b, "%s%zu", i ? ", " : "", i);
	return strbuf_take(&b);
}

/* Sizes: 16 x 16 rows stand, one more does not; nor do products that do not fit into 64 bits. */
static void how_big(void **state)
{
	AUTO(freep) char *sixteen = axis_of(16), *seventeen = axis_of(17), *many = axis_of(1000);
	AUTO(freep)
	char *fits = xasprintf(TOP "ci: {t: {each: a, run: x, matrix: {a: [%s], b: [%s]}}}",
			       sixteen, sixteen);
	AUTO(freep)
	char *more = xasprintf(TOP "ci: {t: {each: a, run: x, matrix: {a: [%s], b: [%s]}}}",
			       sixteen, seventeen);
	AUTO(freep)
	char *most = xasprintf(
		TOP
		"ci: {t: {each: a, run: x, matrix: {a: &m [%s], b: [%s], c: [%s], d: [%s], e: [%s], f: [%s], g: [%s]}}}",
		many, many, many, many, many, many, many);
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	read_text(fits, &c);
	struct config ignored = {.project = NULL};
	assert_int_equal(read_with(more, NULL, NULL, &ignored, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "272 combinations"));
	err = (struct err){RC_OK, ""};
	assert_int_equal(read_with(most, NULL, NULL, &ignored, &err), RC_INVALID);
}

static void names_of_instances(void **state)
{
	static const struct {
		const char *values[3];
		uint32_t shard, shards;
		const char *want;
	} rows[] = {
		{{NULL}, 0, 0, "test"},
		{{"15"}, 0, 0, "test@15"},
		{{"15", "node20", NULL}, 0, 0, "test@15,node20"},
		{{NULL}, 2, 4, "test@2of4"},
		{{"15", NULL}, 2, 4, "test@15:2of4"},
		{{"2of4", NULL}, 0, 0, "test@2of4"},
	};
	const struct job_def def = {.name = (char[]){"test"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair v[3];
		pairs row = {v, 0, 3};

		for (; row.n < 3 && rows[i].values[row.n]; row.n++)
			v[row.n] = (struct pair){(char[]){"a"}, xstrdup(rows[i].values[row.n])};
		AUTO(freep) char *got = instance_name(&def, &row, rows[i].shard, rows[i].shards);
		CHECK_STR(got, rows[i].want, rows[i].want);
		while (row.n)
			xfree(v[--row.n].value);
	}
}

/* ---- ${...} ---- */

static void filling(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"plain", "plain"},
		{"", ""},
		{"${unit}", "a"},
		{"${unit.path}/x", "x/a/x"},
		{"<${job}|${stage}>", "<t|ci>"},
		{"${matrix.db}-${matrix.os}", "15-deb"},
		{"${matrix.lacks}", ""},
		{"${shard}/${shards}", "2/4"},
		{"$${unit}", "${unit}"},
		{"a$${b}c${unit}", "a${b}ca"},
		{"$$${unit}", "$${unit}"},
		{"$unit $(x) `y` $", "$unit $(x) `y` $"},
		{"${matrix.evil}", "${unit}"}, /* a value is not read again */
		{"tail${unit", "tail${unit"},
		{"a${unit}b${", "aab${"},
		{"${branch}", "main"},
	};
	struct pair v[] = {{(char[]){"db"}, (char[]){"15"}},
			   {(char[]){"os"}, (char[]){"deb"}},
			   {(char[]){"evil"}, (char[]){"${unit}"}}};
	const pairs row = {v, ARRAY_LEN(v), ARRAY_LEN(v)};
	const struct job_def def = {.name = (char[]){"t"}, .stage = STAGE_CI};
	const struct unit unit = {.name = (char[]){"a"}, .path = (char[]){"x/a"}};
	const struct change change = {.ref = (char[]){"refs/heads/main"}};
	const struct job_names n = {&def, &unit, &row, 2, 4, &change};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(freep) char *got = names_fill(&n, rows[i].text);

		CHECK_STR(got, rows[i].want, rows[i].text);
	}
}

/* What a change is, as an `if` sees it. */
static void values_of_a_change(void **state)
{
	static const struct {
		enum change_kind kind;
		const char *ref, *target, *name, *want;
	} rows[] = {
		{CHANGE_PUSH, "refs/heads/a/b", NULL, "branch", "a/b"},
		{CHANGE_PUSH, "refs/heads/a/b", NULL, "event", "push"},
		{CHANGE_PUSH, "refs/heads/main", NULL, "tag", ""},
		{CHANGE_TAG, "refs/tags/v1", NULL, "tag", "v1"},
		{CHANGE_TAG, "refs/tags/v1", NULL, "branch", ""},
		{CHANGE_PULL, "refs/pull/7/head", "refs/heads/main", "branch", ""},
		{CHANGE_PULL, "refs/pull/7/head", "refs/heads/main", "target", "main"},
		{CHANGE_QUEUE, "refs/penstock/q", "refs/heads/main", "branch", "main"},
		{CHANGE_QUEUE, "refs/penstock/q", "refs/heads/main", "event", "merge_queue"},
		{CHANGE_PUSH, NULL, NULL, "branch", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(freep) char *ref = rows[i].ref ? xstrdup(rows[i].ref) : NULL;
		AUTO(freep) char *target = rows[i].target ? xstrdup(rows[i].target) : NULL;
		const struct change c = {.kind = rows[i].kind, .ref = ref, .target = target};
		const struct job_def def = {.name = (char[]){"t"}};
		const struct job_names n = {.def = &def, .change = &c};
		struct str got;
		char buf[32];

		CHECK(name_value(&n, str_of(rows[i].name), buf, &got), rows[i].name);
		CHECK(str_is(got, rows[i].want), rows[i].name);
		CHECK(!name_value(&n, STR("secrets.TOKEN"), buf, &got), rows[i].name);
	}
}

/* Names in commands are no names: there stand variables. */
static void only_where_they_may(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	read_text(
		TOP
		"ci: {t: {each: a, matrix: {v: [1]}, run: 'echo ${unit} ${HOME}', finally: ['${x}'], env: {A: \"${unit}-${matrix.v}\"}, "
		"concurrency: \"g-${branch}\", container: \"img:${matrix.v}\", services: {d: {image: \"pg:${matrix.v}\", env: {U: \"${unit}\"}, args: [\"${job}\"]}}}}",
		&c);
	struct pair v[] = {{(char[]){"v"}, (char[]){"1"}}};
	const pairs row = {v, 1, 1};
	struct job_def *d = &c.jobs.v[0];
	const struct job_names n = {.def = d, .unit = &c.units.v[0], .matrix = &row};

	assert_true(names_used(d));
	names_fill_def(&n, d);
	assert_false(names_used(d));
	assert_string_equal(d->run, "echo ${unit} ${HOME}");
	assert_string_equal(d->finally.v[0], "${x}");
	assert_string_equal(d->env.v[0].value, "a-1");
	assert_string_equal(d->container, "img:1");
	assert_string_equal(d->services.v[0].image, "pg:1");
	assert_string_equal(d->services.v[0].env.v[0].value, "a");
	assert_string_equal(d->services.v[0].args.v[0], "t");
	assert_string_equal(d->group.name, "g-");
}

/* ---- templates ---- */

#define INC  "include: [inc.yml]\n"
#define BASE "version: 1\ntemplates:\n"
#define PLAIN \
	"  base: {env: {A: a, B: b}, outputs: [o1, o2], timeout: 5m, retry: {max: 2, on: [oom]}, run: base}\n"

static struct config *job_from(const char *templates, const char *job, struct config *c)
{
	AUTO(freep) char *inc = xasprintf(BASE "%s", templates);
	AUTO(freep) char *text = xasprintf(TOP INC "ci: {t: {each: a, %s}}\n", job);
	struct err err = {RC_OK, ""};

	if (read_with(text, "inc.yml", inc, c, &err) != RC_OK)
		fail_msg("%s in %s%s", err.msg, inc, text);
	return c;
}

static char *pairs_text(const pairs *list)
{
	struct strbuf b = STRBUF(4096);

	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(&b, "%s%s=%s", i ? " " : "", list->v[i].key, list->v[i].value);
	return strbuf_take(&b);
}

static void maps_merge_lists_replace(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	job_from(
		PLAIN
		"  side: {services: {db: {image: \"pg:1\", port: 5432}, mq: {image: \"mq:1\"}}, steps: [{run: one}, {run: two}], cache: [{key: [l], paths: [p]}], matrix: {a: [1], b: [2]}}\n",
		"extends: base, env: {B: mine, C: c}, outputs: [o3], run: own", &c);
	const struct job_def *d = &c.jobs.v[0];
	AUTO(freep) char *env = pairs_text(&d->env);
	assert_string_equal(env, "A=a B=mine C=c");
	assert_int_equal(d->outputs.n, 1);
	assert_string_equal(d->outputs.v[0], "o3");
	assert_int_equal(d->timeout, 5 * USEC_MIN);
	assert_int_equal(d->retry.max, 2);
	assert_string_equal(d->run, "own");
	assert_string_equal(d->extends, "base");
	assert_string_equal(d->name, "t");

	AUTO(config_done) struct config e = {.project = NULL};
	job_from(
		"  side: {services: {db: {image: \"pg:1\", port: 5432}, mq: {image: \"mq:1\"}}, steps: [{run: one}, {run: two}], cache: [{key: [l], paths: [p]}], matrix: {a: [1], b: [2]}}\n",
		"extends: side, services: {db: {image: \"pg:2\"}}, steps: [{run: mine}], matrix: {c: [3]}",
		&e);
	d = &e.jobs.v[0];
	assert_int_equal(d->services.n, 2);
	for (size_t i = 0; i < d->services.n; i++)
		assert_string_equal(d->services.v[i].image,
				    streq(d->services.v[i].name, "db") ? "pg:2" : "mq:1");
	assert_int_equal(d->steps.n, 1);
	assert_string_equal(d->steps.v[0].run, "mine");
	assert_int_equal(d->caches.n, 1);
	AUTO(freep) char *rows = rows_text(&d->matrix);
	assert_string_equal(rows, "c=3");
}

/* A job that says only `max` keeps the template's classes; one that says nothing anywhere gets infra. */
static void retry_of_a_template(void **state)
{
	static const struct {
		const char *job, *on;
	} rows[] = {{"extends: base", "oom"},
		    {"extends: base, retry: {max: 3}", "oom"},
		    {"extends: base, retry: {max: 3, on: [timeout]}", "timeout"},
		    {"run: x, retry: {max: 3}", "infra"},
		    {"run: x, retry: {max: 3, exit: [75]}", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(config_done) struct config c = {.project = NULL};
		AUTO(strbuf_done) struct strbuf on = STRBUF(100);

		job_from(PLAIN, rows[i].job, &c);
		vec_each(t, &c.jobs.v[0].retry.on)
			strbuf_addf(&on, "%s%s", on.n ? " " : "", *t);
		CHECK_STR(strbuf_cstr(&on), rows[i].on, rows[i].job);
	}
}

static void templates_extend_templates(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	job_from(
		PLAIN
		"  mid: {extends: base, env: {B: mid}, outputs: [m]}\n  top: {env: {C: top}, extends: mid}\n",
		"extends: top, env: {D: d}", &c);
	AUTO(freep) char *env = pairs_text(&c.jobs.v[0].env);
	assert_string_equal(env, "A=a B=mid C=top D=d");
	assert_string_equal(c.jobs.v[0].outputs.v[0], "m");
	assert_string_equal(c.jobs.v[0].run, "base");
	assert_string_equal(c.jobs.v[0].extends, "top");
}

/* ---- what is wrong, and where it stands ---- */

#define CI \
	"ci: {t: {each: services, needs: [b], image: {from: scratch, copy: {o: /o}, cmd: [/o]}, extends: base}, b: {each: services, run: x}}\n"

static const struct {
	const char *why, *templates, *rest, *says;
} faults[] = {
	{"no such template", PLAIN, "ci: {t: {each: a, extends: bas}}",
	 "penstock.yml:5:28: there is no template \"bas\"; did you mean \"base\"?"},
	{"a key of the included file", "  b: {run: x}\n  c: {rnu: x}\n", "",
	 "inc.yml:4:7: unknown key \"rnu\" in template \"c\"; did you mean \"run\"?"},
	{"a value of the included file", "  b:\n    run: x\n    timeout: soon\n", "",
	 "inc.yml:5:14: "},
	{"a circle", "  b: {extends: c}\n  c: {extends: b}\n", "", "in a circle"},
	{"of itself", "  b: {extends: b}\n", "", "in a circle"},
	{"too deep",
	 "  a: {run: x}\n  b: {extends: a}\n  c: {extends: b}\n  d: {extends: c}\n  e: {extends: d}\n  f: {extends: e}\n  g: {extends: f}\n  h: {extends: g}\n  i: {extends: h}\n  j: {extends: i}\n",
	 "", "more than 8 deep"},
	{"a template's name", "  B!: {run: x}\n", "", "inc.yml:3:3: "},
	{"a template that is a list", "  b: [x]\n", "", "inc.yml:3:6: a template must be a map"},
	{"no map", "  - b\n", "", "inc.yml:3:3: \"templates\" must be a map"},
	{"an image with a template's run", PLAIN, "services: {s: {path: y}}\n" CI,
	 "packs an image and runs nothing: it has no \"run\""},
	{"an image with a template's container", "  base: {container: \"debian:12\"}\n",
	 "services: {s: {path: y}}\n" CI, "it has no \"container\""},
	{"an image with a template's secrets", "  base: {secrets: {T: \"file:t\"}}\n",
	 "services: {s: {path: y}}\n" CI, "it has no \"secrets\""},
	{"an image by template that has a run too",
	 "  base: {image: {from: scratch, copy: {o: /o}, cmd: [/o]}}\n",
	 "services: {s: {path: y}}\nci: {t: {each: services, needs: [b], extends: base, run: x}, b: {each: services, run: x}}\n",
	 "it has no \"run\""},
};

static void where_it_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		AUTO(freep) char *inc = xasprintf(BASE "%s", faults[i].templates);
		AUTO(freep) char *text = xasprintf(TOP INC "%s", faults[i].rest);
		struct config c = {.project = NULL};
		struct err err = {RC_OK, ""};

		CHECK(read_with(text, "inc.yml", inc, &c, &err) == RC_INVALID, faults[i].why);
		if (!strstr(err.msg, faults[i].says))
			fail_msg("%s: got <%s>, want <%s>", faults[i].why, err.msg, faults[i].says);
	}
}

static void what_an_included_file_holds(void **state)
{
	static const struct {
		const char *inc, *says;
	} rows[] = {
		{"version: 1\nci: {x: {run: x}}\n",
		 "inc.yml:2:1: an included file holds \"version\" and \"templates\", not \"ci\""},
		{"version: 1\ninclude: [more.yml]\n", "inc.yml:2:1: an included file holds"},
		{"on: {pull_request: {forks: always}}\n", "inc.yml:1:1: an included file holds"},
		{"- x\n", "inc.yml:1:1: "},
		{"", "inc.yml"},
		{"version: 1\ntemplates: {a: {run: x}\n", "inc.yml:"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config c = {.project = NULL};
		struct err err = {RC_OK, ""};

		CHECK(read_with(TOP INC "ci: {t: {run: x}}\n", "inc.yml", rows[i].inc, &c, &err) ==
			      RC_INVALID,
		      rows[i].inc);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("%s: got <%s>, want <%s>", rows[i].inc, err.msg, rows[i].says);
	}
}

static const struct {
	const char *include, *says; /* NULL: fine */
} includes[] = {
	{"[ci/a.yml]", NULL},
	{"ci/a.yml", NULL},
	{"[\"other//ci/a.yml@" SHA "\"]", NULL},
	{"[\"other//ci/a.yml\"]", "whole commit"},
	{"[\"other//ci/a.yml@main\"]", "whole commit"},
	{"[\"other//ci/a.yml@0123456\"]", "whole commit"},
	{"[\"other//ci/a.yml@0" SHA "\"]", "whole commit"},
	{"[\"other//ci/a.yml@0123456789ABCDEF0123456789abcdef01234567\"]", "whole commit"},
	{"[\"other//../a.yml@" SHA "\"]", "include"},
	{"[\"other//@" SHA "\"]", "include"},
	{"[\"//" SHA "\"]", "whole commit"},
	{"[../a.yml]", "include"},
	{"[/etc/passwd]", "include"},
	{"[ci/../../a.yml]", "include"},
	{"[\"\"]", "include"},
	{"[{a: b}]", "names files"},
	{"{a: b}", "names files"},
	{"[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]", NULL},
	{"[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]", "at most 16"},
};

static void which_files_may_be_included(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(includes); i++) {
		AUTO(freep) char *text = xasprintf(TOP "include: %s\n", includes[i].include);
		struct err err = {RC_OK, ""};
		texts names = {NULL, 0, 0};
		enum rc rc = config_includes(str_of(text), "penstock.yml", &names, &err);

		CHECK((rc == RC_OK) == !includes[i].says, includes[i].include);
		if (includes[i].says)
			CHECK(strstr(err.msg, includes[i].says) &&
				      strstr(err.msg, "penstock.yml:4:"),
			      err.msg);
		vec_each(n, &names)
			xfree(*n);
		vec_done(&names);
	}
}

/* Images of jobs and of services beside them: named whole, and no folder of the machine. */
static void which_images(void **state)
{
	static const struct {
		const char *image;
		bool fine;
	} rows[] = {
		{"debian:12", true},
		{"registry.local:5000/a/b@sha256:00", true},
		{"img:${matrix.v}", true},
		{"oci:ci/image", true},
		{"oci:ci/image:tag", true},
		{"oci:ci/image@sha256:00", true},
		{"oci:ci/${matrix.v}:x", true},
		{"debian:latest", false},
		{"debian 12", false},
		{"", false},
		{"oci:/etc", false},
		{"oci:../x", false},
		{"oci:ci/../../x", false},
		{"oci:", false},
		{"oci:/:x", false},
		{"oci:..:x", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		AUTO(freep)
		char *text = xasprintf(
			TOP "ci: {t: {each: a, run: x, matrix: {v: [1]}, %s\"%s\"%s}}\n",
			i % 2 ? "services: {d: {image: " : "container: ", rows[i / 2].image,
			i % 2 ? "}}" : "");
		struct config c = {.project = NULL};
		struct err err = {RC_OK, ""};
		enum rc rc = read_with(text, NULL, NULL, &c, &err);

		CHECK((rc == RC_OK) == rows[i / 2].fine, text);
		config_done(&c);
	}
}

/* It is recorded as it was read; a template of the file itself wins over one that was included. */
static void recorded(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};
	const char *from = "other//t.yml@" SHA;
	const char *text =
		TOP "include: [\"other//t.yml@" SHA
		    "\"]\ntemplates: {base: {run: mine}}\nci: {t: {each: a, extends: base}}\n";

	(void)state;
	assert_int_equal(read_with(text, from, BASE PLAIN, &c, &err), RC_OK);
	assert_string_equal(c.jobs.v[0].run, "mine");
	assert_int_equal(c.includes.n, 1);
	assert_string_equal(c.includes.v[0].from, from);
	assert_int_equal(strlen(c.includes.v[0].digest), 64);
	struct config again = {.project = NULL};
	assert_int_equal(read_with(text, NULL, NULL, &again, &err), RC_INVALID);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(rows_of_a_matrix),
		cmocka_unit_test(no_matrix_is_one_row),
		cmocka_unit_test(how_big),
		cmocka_unit_test(names_of_instances),
		cmocka_unit_test(filling),
		cmocka_unit_test(values_of_a_change),
		cmocka_unit_test(only_where_they_may),
		cmocka_unit_test(maps_merge_lists_replace),
		cmocka_unit_test(retry_of_a_template),
		cmocka_unit_test(templates_extend_templates),
		cmocka_unit_test(where_it_is_wrong),
		cmocka_unit_test(what_an_included_file_holds),
		cmocka_unit_test(which_files_may_be_included),
		cmocka_unit_test(which_images),
		cmocka_unit_test(recorded),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
