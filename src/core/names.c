/* Names in the texts of a job, and what a matrix makes of it. */
#include "core/names.h"
#include "core/config_impl.h"
#include "core/expr.h"

static struct str branch_of(const char *ref)
{
	return ref && str_starts(str_of(ref), "refs/heads/") ? str_of(ref + strlen("refs/heads/"))
							     : STR("");
}

static bool number_value(uint32_t number, char buf[32], struct str *ret)
{
	struct strbuf b = STRBUF(31);

	strbuf_addf(&b, "%u", number);
	memcpy(buf, strbuf_cstr(&b), b.n + 1);
	*ret = str_of(buf);
	strbuf_done(&b);
	return true;
}

static bool change_value(const struct change *c, struct str name, struct str *ret)
{
	static const struct change none = {0};

	if (!c)
		c = &none;
	if (str_is(name, "event"))
		*ret = str_of(change_kind_names[c->kind]);
	else if (str_is(name, "branch"))
		*ret = branch_of(c->kind == CHANGE_QUEUE ? c->target : c->ref);
	else if (str_is(name, "tag"))
		*ret = c->ref && str_starts(str_of(c->ref), "refs/tags/")
			       ? str_of(c->ref + strlen("refs/tags/"))
			       : STR("");
	else if (str_is(name, "target"))
		*ret = branch_of(c->target);
	else if (str_is(name, "repo"))
		*ret = str_of(c->repo ? c->repo : "");
	else if (str_is(name, "subject"))
		*ret = str_of(c->subject ? c->subject : "");
	else if (str_is(name, "fork"))
		*ret = c->fork ? STR("true") : STR("");
	else if (str_is(name, "pr.number"))
		*ret = str_of(c->number ? c->number : "");
	else
		return false;
	return true;
}

bool name_value(const struct job_names *n, struct str name, char buf[32], struct str *ret)
{
	if (change_value(n->change, name, ret))
		return true;
	if (str_is(name, "stage"))
		*ret = str_of(stage_names[n->def->stage]);
	else if (str_is(name, "job"))
		*ret = str_of(n->def->name);
	else if (str_is(name, "unit"))
		*ret = str_of(n->unit ? n->unit->name : "");
	else if (str_is(name, "unit.path"))
		*ret = str_of(n->unit ? n->unit->path : ".");
	else if (str_is(name, "shard"))
		return number_value(n->shard, buf, ret);
	else if (str_is(name, "shards"))
		return number_value(n->shards, buf, ret);
	else if (!str_starts(name, "matrix."))
		return false;
	else {
		struct str axis = {name.p + 7, name.n - 7};

		for (size_t i = 0; n->matrix && i < n->matrix->n; i++)
			if (str_is(axis, n->matrix->v[i].key)) {
				*ret = str_of(n->matrix->v[i].value);
				return true;
			}
		*ret = STR(""); /* a row of `include` may lack it */
	}
	return true;
}

char *names_fill(const struct job_names *n, const char *text)
{
	struct strbuf b = STRBUF(2 * RUN_MAX);
	const char *at = text;

	for (const char *dollar; (dollar = strstr(at, "${"));) {
		const char *end = strchr(dollar, '}');
		struct str value;
		char buf[32];

		bool plain = dollar > at && dollar[-1] == '$'; /* $${ */

		if (!plain && !end)
			break;
		strbuf_add(&b, at, (size_t)(dollar - at));
		if (plain) {
			strbuf_adds(&b, "{");
			at = dollar + 2;
			continue;
		}
		if (name_value(n, (struct str){dollar + 2, (size_t)(end - dollar - 2)}, buf,
			       &value))
			strbuf_addstr(&b, value);
		at = end + 1;
	}
	strbuf_adds(&b, at);
	return strbuf_take(&b);
}

static void fill(const struct job_names *n, char **text)
{
	if (!*text || !strstr(*text, "${"))
		return;
	char *filled = names_fill(n, *text);

	xfree(*text);
	*text = filled;
}

/* Every text that may hold a name. */
static void each_text(struct job_def *def, void (*fn)(void *ctx, char **text, bool group),
		      void *ctx)
{
	fn(ctx, &def->container, false);
	fn(ctx, &def->group.name, true);
	vec_each(p, &def->env)
		fn(ctx, &p->value, false);
	vec_each(cache, &def->caches)
		fn(ctx, &cache->name, false);
	vec_each(s, &def->services) {
		fn(ctx, &s->image, false);
		vec_each(p, &s->env)
			fn(ctx, &p->value, false);
		vec_each(a, &s->args)
			fn(ctx, a, false);
	}
}

static void fill_one(void *ctx, char **text, bool group)
{
	(void)group;
	fill(ctx, text);
}

void names_fill_def(const struct job_names *n, struct job_def *def)
{
	struct job_names copy = *n;

	each_text(def, fill_one, &copy);
}

static void note_one(void *ctx, char **text, bool group)
{
	bool *used = ctx;

	*used = *used || (!group && *text && strstr(*text, "${"));
}

bool names_used(const struct job_def *def)
{
	struct job_def view = *def;
	bool used = false;

	each_text(&view, note_one, &used);
	return used;
}

/* ---- what a reader of penstock.yml checks ---- */

struct check {
	struct reader *r;
	const struct job_def *job;
	const struct yaml_node *at;
	bool group;
};

static bool has_axis(const struct matrix *m, struct str axis)
{
	vec_each(a, &m->axes)
		if (str_is(axis, a->name))
			return true;
	vec_each(row, &m->include)
		vec_each(p, &row->v)
			if (str_is(axis, p->key))
				return true;
	return false;
}

static bool is_known(void *ctx, struct str name)
{
	const struct check *c = ctx;
	struct job_names names = {.def = c->job};
	struct str value;
	char buf[32];

	if (str_is(name, "pr.labels"))
		return true;
	if (str_starts(name, "matrix."))
		return has_axis(&c->job->matrix, (struct str){name.p + 7, name.n - 7});
	return name_value(&names, name, buf, &value);
}

static bool is_fixed(const struct check *c, struct str name, bool group)
{
	struct str value;

	if (group &&
	    (str_is(name, "branch") || str_is(name, "target") || str_is(name, "pr.number")))
		return true;
	return is_known((void *)(uintptr_t)c, name) && !change_value(NULL, name, &value) &&
	       !str_is(name, "pr.labels");
}

static void check_text(void *ctx, char **text, bool group)
{
	struct check *c = ctx;
	char name_text[SHOWN];

	for (const char *at = *text; at && c->r->err->rc == RC_OK && (at = strstr(at, "${"));
	     at += 2) {
		const char *end = strchr(at, '}');
		struct str name = {at + 2, end ? (size_t)(end - at - 2) : strlen(at + 2)};

		if (at > *text && at[-1] == '$')
			continue;
		if (!end)
			FAIL(c->r, c->at,
			     "\"${%s\" in job \"%s\" has no end; write \"$${\" for a plain \"${\"",
			     shown(name, name_text), c->job->name);
		else if (!is_fixed(c, name, group))
			FAIL(c->r, c->at,
			     "\"${%s}\" in job \"%s\" is no name: there are job, stage, unit, unit.path, matrix.AXIS, shard and shards; write \"$${\" for a plain \"${\"",
			     shown(name, name_text), c->job->name);
	}
}

/* Two rows of a matrix are told apart by their name. */
static enum rc unique_check(struct reader *r, const struct job_def *job, const struct yaml_node *at)
{
	AUTO(matrix_rows_done) matrix_rows rows = {NULL, 0, 0};
	struct map seen = {.n = 0};
	enum rc rc = RC_OK;

	matrix_expand(&job->matrix, &rows);
	if (rows.n == 0)
		rc = FAIL(r, at, "the matrix of job \"%s\" excludes everything", job->name);
	for (size_t i = 0; i < rows.n && rc == RC_OK; i++) {
		AUTO(freep) char *name = instance_name(job, &rows.v[i].v, 0, 0);

		if (map_put(&seen, str_of(name), &seen))
			rc = FAIL(r, at, "the matrix of job \"%s\" has \"%s\" twice", job->name,
				  name);
	}
	map_done(&seen);
	return rc;
}

enum rc names_check(struct reader *r, const struct job_def *job, const struct yaml_node *at)
{
	struct check c = {.r = r, .job = job, .at = at};
	struct job_def view = *job;
	const struct yaml_node *condition = yaml_get(at, "if");
	struct err why = {RC_OK, ""};
	char text[SHOWN];

	each_text(&view, check_text, &c);
	if (r->err->rc != RC_OK)
		return r->err->rc;
	if (job->stage != STAGE_CI && job->condition && strstr(job->condition, "changed("))
		return FAIL(
			r, condition ? condition : at,
			"\"if\" of job \"%s\": changed() is for jobs of stage ci; use affected('unit')",
			job->name);
	if (job->stage != STAGE_CI && job->split.into)
		return FAIL(r, at, "job \"%s\": \"split\" is for jobs of stage ci", job->name);
	if (unique_check(r, job, at) != RC_OK)
		return r->err->rc;
	const struct expr_known known = {.name = is_known, .ctx = &c};
	if (job->condition && expr_check(str_of(job->condition), &known, NULL, &why) != RC_OK)
		return FAIL(r, condition ? condition : at, "\"if\" of job \"%s\" (%s): %s",
			    job->name, shown(str_of(job->condition), text), why.msg);
	return RC_OK;
}

/* ---- instances ---- */

char *instance_name(const struct job_def *def, const pairs *row, uint32_t shard, uint32_t shards)
{
	struct strbuf b = STRBUF(2048);

	strbuf_adds(&b, def->name);
	for (size_t i = 0; row && i < row->n; i++)
		strbuf_addf(&b, "%c%s", i ? ',' : '@', row->v[i].value);
	if (shards)
		strbuf_addf(&b, "%c%uof%u", row && row->n ? ':' : '@', shard, shards);
	return strbuf_take(&b);
}

static const char *row_value(const pairs *row, const char *axis)
{
	for (size_t i = 0; i < row->n; i++)
		if (streq(row->v[i].key, axis))
			return row->v[i].value;
	return NULL;
}

/* Every value that the entry names is the row's. */
static bool row_fits(const pairs *row, const pairs *entry)
{
	for (size_t i = 0; i < entry->n; i++)
		if (!streq(row_value(row, entry->v[i].key), entry->v[i].value))
			return false;
	return true;
}

/* No axis of the row has another value in the entry: the entry says more of that row. One that names no axis says more of all. */
static bool row_widens(const struct matrix *m, const pairs *row, const pairs *entry)
{
	vec_each(axis, &m->axes) {
		const char *value = row_value(entry, axis->name);

		if (value && !streq(value, row_value(row, axis->name)))
			return false;
	}
	return true;
}

/* What an earlier entry added, a later one may say otherwise. */
static void row_put(pairs *row, const struct pair *p)
{
	vec_each(old, row) {
		if (!streq(old->key, p->key))
			continue;
		xfree(old->value);
		old->value = xstrdup(p->value);
		return;
	}
	vec_push(row, ((struct pair){xstrdup(p->key), xstrdup(p->value)}));
}

static void row_done(pairs *row)
{
	vec_each(p, row) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(row);
}

static void add_product(const struct matrix *m, matrix_rows *ret)
{
	uint64_t n = matrix_product(m);

	for (uint64_t k = 0; k < n; k++) {
		struct matrix_row row = {{NULL, 0, 0}};
		uint64_t rest = k, below = n;
		bool out = false;

		vec_each(axis, &m->axes) { /* the last axis turns fastest */
			below /= axis->values.n;
			const struct pair p = {axis->name, axis->values.v[rest / below]};
			rest %= below;
			row_put(&row.v, &p);
		}
		vec_each(entry, &m->exclude)
			out = out || row_fits(&row.v, &entry->v);
		if (out)
			row_done(&row.v);
		else
			vec_push(ret, row);
	}
}

void matrix_expand(const struct matrix *m, matrix_rows *ret)
{
	add_product(m, ret);
	size_t n = ret->n;

	vec_each(entry, &m->include) {
		bool used = false;

		for (size_t i = 0; i < n; i++) {
			if (!row_widens(m, &ret->v[i].v, &entry->v))
				continue;
			used = true;
			vec_each(p, &entry->v)
				row_put(&ret->v[i].v, p);
		}
		if (used)
			continue;
		vec_push(ret, ((struct matrix_row){{NULL, 0, 0}}));
		vec_each(p, &entry->v)
			row_put(&vec_last(ret)->v, p);
	}
	if (m->axes.n == 0 && m->include.n == 0)
		vec_push(ret, ((struct matrix_row){{NULL, 0, 0}}));
}

void matrix_rows_done(matrix_rows *rows)
{
	vec_each(row, rows)
		row_done(&row->v);
	vec_done(rows);
}
