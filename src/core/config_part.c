/* Parts of a job: steps, matrix, services beside it, caches, splitting, flaky tests, reports. */
#include "core/config_impl.h"

static enum rc check_relative(struct reader *r, const struct yaml_node *at)
{
	return check_glob(r, at);
}

/* ---- processors ---- */

/* "0.5", "2" or "500m". */
static bool read_cpu(struct str s, uint32_t *ret)
{
	double n = 0;
	bool milli = str_ends(s, "m");

	if (milli)
		s.n--;
	if (!parse_double(s, &n))
		return false;
	n = milli ? n : n * 1000;
	if (n < 10 || n > 1024000)
		return false;
	*ret = (uint32_t)(n + 0.5);
	return true;
}

enum rc own_cpu(struct reader *r, const struct key *key, const struct yaml_node *at, void *object,
		const struct place *place)
{
	if (at->kind != YAML_SCALAR ||
	    !read_cpu(at->text, (uint32_t *)(void *)((char *)object + key->offset)))
		return read_wrong(
			r, key, at, place,
			"a number of processors such as 2, 0.5 or 500m, from 10m to 1024");
	return RC_OK;
}

/* ---- steps ---- */

static enum rc finish_step(struct reader *r, const struct key *key, const struct yaml_node *at,
			   void *object, const struct place *place)
{
	struct step_def *step = object;
	struct str line = str_of(step->run), first = str_cut(&line, '\n');

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	if (!step->name)
		step->name = xstrndup(first.p, MIN_OF(first.n, (size_t)60));
	return RC_OK;
}

#define STEP(member) .offset = offsetof(struct step_def, member)
static const struct key step_keys[] = {
	{.name = "name",
	 .kind = KEY_TEXT,
	 .max = 100,
	 STEP(name),
	 .help = "What people see; the command's first line when not written."},
	{.name = "run",
	 .kind = KEY_TEXT,
	 .required = true,
	 .max = RUN_MAX,
	 STEP(run),
	 .help = "The command, given to `sh -e` in the unit's folder."},
	{.name = "timeout",
	 .kind = KEY_DURATION,
	 STEP(timeout),
	 .min = USEC_SEC,
	 .max = 7 * USEC_DAY,
	 .help = "Of this step alone."},
};
static const struct shape_field step_fields[] = {SHAPE_STR(struct step_def, name),
						 SHAPE_STR(struct step_def, run)};
static const struct shape shape_step = SHAPE(struct step_def, step_fields);
const struct keys keys_steps = {.what = "step",
				.v = step_keys,
				.n = ARRAY_LEN(step_keys),
				.size = sizeof(struct step_def),
				.name_at = NOWHERE,
				.line_at = NOWHERE,
				.shape = &shape_step,
				.finish = finish_step};

/* ---- tokens that show who the job is ---- */

/* It stands in a token as it is written here: nothing is filled in, or a branch's name could choose for whom it is. */
static enum rc check_audience(struct reader *r, const struct yaml_node *at)
{
	char text[SHOWN];
	bool ok = at->text.n && at->text.n <= AUDIENCE_MAX;

	for (size_t i = 0; ok && i < at->text.n; i++)
		ok = (unsigned char)at->text.p[i] > ' ' && (unsigned char)at->text.p[i] < 0x7f;
	return ok ? RC_OK
		  : FAIL(r, at,
			 "\"%s\" is no audience: a text of at most %d characters without blanks, such as https://sts.example.com",
			 shown(at->text, text), AUDIENCE_MAX);
}

static enum rc finish_id_token(struct reader *r, const struct key *key, const struct yaml_node *at,
			       void *object, const struct place *place)
{
	const struct id_token_def *token = object;
	char in[PLACE_TEXT];

	(void)key;
	if (token->aud.n == 0 || token->aud.n > AUDIENCES_MAX)
		return FAIL(r, at, "%s is for %zu audiences: 1 to %d are allowed",
			    place_text(place, in), token->aud.n, AUDIENCES_MAX);
	return RC_OK;
}

#define TOKEN(member) .offset = offsetof(struct id_token_def, member)
static const struct key id_token_keys[] = {
	{.name = "aud",
	 .kind = KEY_TEXTS,
	 .required = true,
	 .unique = true,
	 TOKEN(aud),
	 .check = check_audience,
	 .pattern = "^[!-~]{1,255}$",
	 .help = "For whom the token is: what the other side expects in it."},
};
static const struct shape_field id_token_fields[] = {SHAPE_STR(struct id_token_def, name),
						     SHAPE_STRS(struct id_token_def, aud)};
static const struct shape shape_id_token = SHAPE(struct id_token_def, id_token_fields);
const struct keys keys_id_tokens = {.what = "id_token",
				    .v = id_token_keys,
				    .n = ARRAY_LEN(id_token_keys),
				    .size = sizeof(struct id_token_def),
				    .name_at = offsetof(struct id_token_def, name),
				    .line_at = offsetof(struct id_token_def, line),
				    .shape = &shape_id_token,
				    .finish = finish_id_token};

/* ---- services beside the job ---- */

#define SIDE(member) .offset = offsetof(struct service_def, member)
static const struct key side_keys[] = {
	{.name = "image",
	 .kind = KEY_TEXT,
	 .required = true,
	 .max = 512,
	 SIDE(image),
	 .check = check_container,
	 .help = "The image it runs, with a tag or a digest."},
	{.name = "env",
	 .kind = KEY_PAIRS,
	 SIDE(env),
	 .check_name = check_variable,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Its environment."},
	{.name = "ready",
	 .kind = KEY_TEXT,
	 SIDE(ready),
	 .help = "A command run in it until it succeeds; without it: its port takes a connection."},
	{.name = "port",
	 .kind = KEY_COUNT,
	 SIDE(port),
	 .min = 1,
	 .max = 65535,
	 .help = "Where it listens; the job is told by <NAME>_PORT."},
	{.name = "args", .kind = KEY_TEXTS, SIDE(args), .help = "Instead of the image's CMD."},
	{.name = "memory",
	 .kind = KEY_SIZE,
	 SIDE(memory),
	 .min = 1 << 20,
	 .max = (uint64_t)1 << 42,
	 .help = "Its limit."},
	{.name = "start",
	 .kind = KEY_DURATION,
	 SIDE(start),
	 .min = USEC_SEC,
	 .max = USEC_HOUR,
	 .help = "Time in which it must become ready; 60s when not written."},
};
static const struct shape_field side_fields[] = {
	SHAPE_STR(struct service_def, name), SHAPE_STR(struct service_def, image),
	SHAPE_LIST(struct service_def, env, shape_pair), SHAPE_STR(struct service_def, ready),
	SHAPE_STRS(struct service_def, args)};
static const struct shape shape_side = SHAPE(struct service_def, side_fields);
const struct keys keys_side = {.what = "service",
			       .v = side_keys,
			       .n = ARRAY_LEN(side_keys),
			       .size = sizeof(struct service_def),
			       .name_at = offsetof(struct service_def, name),
			       .line_at = NOWHERE,
			       .shape = &shape_side};

/* ---- caches of dependencies ---- */

static enum rc finish_cache(struct reader *r, const struct key *key, const struct yaml_node *at,
			    void *object, const struct place *place)
{
	const struct cache_def *cache = object;

	(void)key;
	(void)place;
	if (cache->paths.n == 0)
		return FAIL(r, at, "a cache without \"paths\" keeps nothing");
	return RC_OK;
}

#define CACHE(member) .offset = offsetof(struct cache_def, member)
static const struct key cache_keys[] = {
	{.name = "key",
	 .kind = KEY_TEXTS,
	 .required = true,
	 .unique = true,
	 CACHE(key),
	 .check = check_relative,
	 .help = "Files whose content names the cache, relative to the unit: a lockfile."},
	{.name = "paths",
	 .kind = KEY_TEXTS,
	 .required = true,
	 .unique = true,
	 CACHE(paths),
	 .check = check_inner_path,
	 .help = "Folders that are kept, relative to the unit."},
	{.name = "name",
	 .kind = KEY_TEXT,
	 CACHE(name),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "Shared with every job that says the same name; the job's own when not written."},
};
static const struct shape_field cache_fields[] = {SHAPE_STRS(struct cache_def, key),
						  SHAPE_STRS(struct cache_def, paths),
						  SHAPE_STR(struct cache_def, name)};
static const struct shape shape_cache = SHAPE(struct cache_def, cache_fields);
const struct keys keys_caches = {.what = "cache",
				 .v = cache_keys,
				 .n = ARRAY_LEN(cache_keys),
				 .size = sizeof(struct cache_def),
				 .name_at = NOWHERE,
				 .line_at = NOWHERE,
				 .shape = &shape_cache,
				 .finish = finish_cache};

/* ---- splitting, flaky tests ---- */

static const char *const split_words[] = {"timing", "name"};

static enum rc own_by(struct reader *r, const struct key *key, const struct yaml_node *at,
		      void *object, const struct place *place)
{
	if (at->kind != YAML_SCALAR ||
	    (!str_is(at->text, split_words[0]) && !str_is(at->text, split_words[1])))
		return read_wrong(r, key, at, place, "timing or name");
	((struct split_def *)object)->by_timing = str_is(at->text, split_words[0]);
	return RC_OK;
}

static enum rc finish_split(struct reader *r, const struct key *key, const struct yaml_node *at,
			    void *object, const struct place *place)
{
	(void)r;
	(void)key;
	(void)place;
	if (at->kind == YAML_MAP && !yaml_get(at, "by"))
		((struct split_def *)object)->by_timing = true;
	return RC_OK;
}

static const struct key split_keys[] = {
	{.name = "into",
	 .kind = KEY_COUNT,
	 .required = true,
	 .offset = offsetof(struct split_def, into),
	 .min = 2,
	 .max = SHARDS_MAX,
	 .help = "Number of jobs."},
	{.name = "files",
	 .kind = KEY_TEXT,
	 .required = true,
	 .offset = offsetof(struct split_def, files),
	 .check = check_relative,
	 .help = "Test files, relative to the unit; the job finds its share in $SPLIT_FILES, a line each."},
	{.name = "by",
	 .kind = KEY_OWN,
	 .offset = 0,
	 .own = own_by,
	 .schema = "{\"enum\":[\"timing\",\"name\"]}",
	 .help = "timing: by how long they took in earlier runs; name: in order, round about."},
};
const struct keys keys_split = {
	.what = "split", .v = split_keys, .n = ARRAY_LEN(split_keys), .finish = finish_split};

static const struct key flaky_keys[] = {
	{.name = "retry",
	 .kind = KEY_COUNT,
	 .offset = offsetof(struct flaky_def, retry),
	 .min = 0,
	 .max = 5,
	 .help = "How often a job whose tests failed is tried again; it is flaky when it passes then."},
	{.name = "quarantine",
	 .kind = KEY_BOOL,
	 .offset = offsetof(struct flaky_def, quarantine),
	 .help = "Whether failures of quarantined tests alone leave the job amber instead of red."},
};
const struct keys keys_flaky = {.what = "flaky", .v = flaky_keys, .n = ARRAY_LEN(flaky_keys)};

/* ---- reports ---- */

static const char *const problem_words[] = {"gcc", "tsc", "eslint"};
#define REPORT(member) .offset = offsetof(struct reports_def, member)
static const struct key report_keys[] = {
	{.name = "junit",
	 .kind = KEY_TEXT,
	 REPORT(junit),
	 .check = check_relative,
	 .help = "Files with test results, relative to the unit."},
	{.name = "sarif",
	 .kind = KEY_TEXT,
	 REPORT(sarif),
	 .check = check_relative,
	 .help = "Files with findings (SARIF 2.1.0)."},
	{.name = "coverage",
	 .kind = KEY_TEXT,
	 REPORT(coverage),
	 .check = check_relative,
	 .help = "Files with coverage: Cobertura XML or lcov."},
	{.name = "problems",
	 .kind = KEY_TEXT,
	 REPORT(problems),
	 .names = problem_words,
	 .nnames = ARRAY_LEN(problem_words),
	 .help = "Whose messages in the log are annotations."},
	{.name = "summary",
	 .kind = KEY_TEXT,
	 REPORT(summary),
	 .check = check_relative,
	 .help = "A Markdown file that is shown with the job."},
	{.name = "k6", .kind = KEY_LATER},
};
const struct keys keys_reports = {.what = "reports", .v = report_keys, .n = ARRAY_LEN(report_keys)};

/* ---- matrix ---- */

static enum rc check_value(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text;
	char text[SHOWN];
	bool ok = s.n > 0 && s.n <= 64;

	for (size_t i = 0; ok && i < s.n; i++)
		ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		     (s.p[i] >= '0' && s.p[i] <= '9') || strchr("._-", s.p[i]);
	if (!ok || s.p[0] == '.')
		return FAIL(
			r, at,
			"\"%s\" cannot be a value of a matrix: it has 1 to 64 letters, digits, \".\", \"_\" and \"-\"",
			shown(s, text));
	return RC_OK;
}

uint64_t matrix_product(const struct matrix *m)
{
	uint64_t n = m->axes.n ? 1 : 0;

	vec_each(axis, &m->axes)
		n = n > UINT64_MAX / (axis->values.n + 1) ? UINT64_MAX : n * axis->values.n;
	return n;
}

static void rows_clear(struct combination *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		vec_each(p, &v[i].v) {
			xfree(p->key);
			xfree(p->value);
		}
		vec_done(&v[i].v);
	}
	xfree(v);
}

static void matrix_clear(struct matrix *m)
{
	vec_each(axis, &m->axes) {
		xfree(axis->name);
		vec_each(value, &axis->values)
			xfree(*value);
		vec_done(&axis->values);
	}
	vec_done(&m->axes);
	rows_clear(m->include.v, m->include.n);
	rows_clear(m->exclude.v, m->exclude.n);
	*m = (struct matrix){0};
}

static enum rc read_axis(struct reader *r, const struct yaml_node *name, const struct yaml_node *at,
			 struct matrix *m, const struct place *place)
{
	const struct key key = {
		.name = "matrix", .kind = KEY_TEXTS, .unique = true, .check = check_value};
	struct axis axis = {0};

	(void)place;
	if (check_name(r, name) != RC_OK)
		return r->err->rc;
	const struct yaml_node *list = at;
	size_t n = list->kind == YAML_LIST ? list->n : list->kind == YAML_SCALAR;
	char text[SHOWN];
	if (n == 0)
		return FAIL(r, at, "axis \"%s\" of a matrix must be a list of values",
			    shown(name->text, text));
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = list->kind == YAML_LIST ? &list->items[i] : list;

		if (item->kind != YAML_SCALAR || key.check(r, item) != RC_OK) {
			vec_each(v, &axis.values)
				xfree(*v);
			vec_done(&axis.values);
			return r->err->rc != RC_OK
				       ? r->err->rc
				       : FAIL(r, item, "a value of axis \"%s\" must be a text",
					      shown(name->text, text));
		}
		vec_push(&axis.values, xstrndup(item->text.p, item->text.n));
	}
	axis.name = xstrndup(name->text.p, name->text.n);
	vec_push(&m->axes, axis);
	return RC_OK;
}

static enum rc read_rows(struct reader *r, const struct yaml_node *at, const char *what,
			 struct combination **v, size_t *n)
{
	VEC(struct combination) rows = {NULL, 0, 0};

	if (at->kind != YAML_LIST || at->n > MATRIX_MAX)
		return FAIL(r, at, "\"%s\" of a matrix must be a list of at most %d maps", what,
			    MATRIX_MAX);
	for (size_t i = 0; i < at->n; i++) {
		const struct yaml_node *row = &at->items[i];

		vec_add(&rows);
		struct combination *c = vec_last(&rows);
		bool ok = row->kind == YAML_MAP && row->n > 0;
		for (size_t k = 0; ok && k < row->n; k++) {
			ok = check_name(r, &row->keys[k]) == RC_OK &&
			     row->items[k].kind == YAML_SCALAR &&
			     check_value(r, &row->items[k]) == RC_OK;
			if (ok)
				vec_push(&c->v, ((struct pair){xstrndup(row->keys[k].text.p,
									row->keys[k].text.n),
							       xstrndup(row->items[k].text.p,
									row->items[k].text.n)}));
		}
		if (!ok && r->err->rc == RC_OK)
			FAIL(r, row, "an entry of \"%s\" must be a map of axes to values", what);
	}
	*v = rows.v;
	*n = rows.n;
	return r->err->rc;
}

static enum rc read_part(struct reader *r, const struct yaml_node *name, const struct yaml_node *at,
			 struct matrix *m, const struct place *place)
{
	enum rc rc;

	if (str_is(name->text, "include")) {
		rc = read_rows(r, at, "include", &m->include.v, &m->include.n);
		m->include.cap = m->include.n;
		return rc;
	}
	if (str_is(name->text, "exclude")) {
		rc = read_rows(r, at, "exclude", &m->exclude.v, &m->exclude.n);
		m->exclude.cap = m->exclude.n;
		return rc;
	}
	return read_axis(r, name, at, m, place);
}

enum rc own_matrix(struct reader *r, const struct key *key, const struct yaml_node *at,
		   void *object, const struct place *place)
{
	struct matrix *m = &((struct job_def *)object)->matrix;
	uint64_t rows;

	matrix_clear(m); /* of a template */
	if (at->kind != YAML_MAP || at->n == 0 || at->n > 18)
		return read_wrong(r, key, at, place, "a map of at most 16 axes to lists of values");
	for (size_t i = 0; i < at->n; i++)
		if (read_part(r, &at->keys[i], &at->items[i], m, place) != RC_OK)
			return r->err->rc;
	rows = matrix_product(m);
	if (rows > MATRIX_MAX)
		return FAIL(r, at, "the matrix has %llu combinations; at most %d are allowed",
			    (unsigned long long)rows, MATRIX_MAX);
	if (rows == 0 && m->include.n == 0)
		return FAIL(r, at, "the matrix has no combination");
	return RC_OK;
}

/* ---- concurrency ---- */

static const char *const mode_words[] = {"queue", "supersede"};
static enum rc own_mode(struct reader *r, const struct key *key, const struct yaml_node *at,
			void *object, const struct place *place)
{
	if (at->kind != YAML_SCALAR ||
	    (!str_is(at->text, mode_words[0]) && !str_is(at->text, mode_words[1])))
		return read_wrong(r, key, at, place, "queue or supersede");
	((struct group_def *)object)->supersede = str_is(at->text, mode_words[1]);
	return RC_OK;
}
static const struct key group_keys[] = {
	{.name = "group",
	 .kind = KEY_TEXT,
	 .required = true,
	 .max = 200,
	 .offset = offsetof(struct group_def, name),
	 .help = "Its name."},
	{.name = "mode",
	 .kind = KEY_OWN,
	 .offset = 0,
	 .own = own_mode,
	 .schema = "{\"enum\":[\"queue\",\"supersede\"]}",
	 .help = "queue: one after another; supersede: a newer run ends what an older one waits or runs for."},
};
static const struct keys keys_group = {
	.what = "concurrency", .v = group_keys, .n = ARRAY_LEN(group_keys)};

enum rc own_group(struct reader *r, const struct key *key, const struct yaml_node *at, void *object,
		  const struct place *place)
{
	struct group_def *g = &((struct job_def *)object)->group;
	struct place inner = {place, key->name, {NULL, 0}};
	struct str s;

	if (at->kind == YAML_MAP)
		return read_object(r, key, &keys_group, at, g, &inner);
	if (read_scalar(r, key, at, place, &s) != RC_OK)
		return r->err->rc;
	xfree(g->name);
	g->name = xstrndup(s.p, s.n);
	g->supersede = false;
	return RC_OK;
}
