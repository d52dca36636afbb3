/* What holds among jobs and units: every need has its job, nothing waits for itself, inputs stay in the repository. */
#include "base/glob.h"
#include "core/config_impl.h"
#include "core/expr.h"

bool input_is_default(const char *pattern)
{
	return streq(pattern, INPUTS_DEFAULT);
}

bool inputs_have_default(const struct job_def *job)
{
	vec_each(pattern, &job->inputs)
		if (input_is_default(*pattern))
			return true;
	return false;
}

bool job_covers(const struct job_def *job, const struct unit *unit)
{
	if (!job->each)
		return false;
	if (streq(job->each, "*"))
		return true;
	if (streq(job->each, "services"))
		return !unit->library;
	if (streq(job->each, "libraries"))
		return unit->library;
	return streq(job->each, unit->name);
}

bool input_resolve(const char *unit_path, struct str pattern, struct strbuf *to)
{
	struct str base = str_of(streq(unit_path, ".") ? "" : unit_path);

	if (str_starts(pattern, INPUTS_ROOT)) {
		base.n = 0;
		pattern.p += strlen(INPUTS_ROOT);
		pattern.n -= strlen(INPUTS_ROOT);
	}
	while (str_starts(pattern, "../")) {
		if (base.n == 0)
			return false;
		while (base.n && base.p[base.n - 1] != '/')
			base.n--;
		if (base.n)
			base.n--; /* the '/' itself */
		pattern.p += 3;
		pattern.n -= 3;
	}
	strbuf_addstr(to, base);
	if (base.n)
		strbuf_addc(to, '/');
	strbuf_addstr(to, pattern);
	return true;
}

struct need_ref need_parse(const char *text)
{
	struct need_ref ref = {.name = str_of(text)};

	if (str_starts(ref.name, "^")) {
		ref.deps = true;
		ref.name.p++;
		ref.name.n--;
	} else if (str_starts(ref.name, "ci.") || str_starts(ref.name, "staging.")) {
		ref.stage = str_starts(ref.name, "ci.") ? STAGE_CI : STAGE_STAGING;
		str_cut(&ref.name, '.');
	}
	if (str_ends(ref.name, "?")) {
		ref.optional = true;
		ref.name.n--;
	}
	return ref;
}

const struct job_def *need_def(const struct config *c, const struct job_def *job,
			       const struct need_ref *need)
{
	enum stage stage = need->stage == STAGE_NONE ? job->stage : need->stage;

	for (size_t i = 0; i < c->jobs.n; i++)
		if (c->jobs.v[i].stage == stage && str_is(need->name, c->jobs.v[i].name))
			return &c->jobs.v[i];
	return NULL;
}

static enum rc check_inputs(struct reader *r, const struct job_def *job, const struct yaml_node *at,
			    const char *path)
{
	char text[SHOWN];

	for (size_t i = 0; i < job->inputs.n; i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(2 * TEXT_MAX);
		const struct yaml_node *node = text_node(at, "inputs", i);
		struct err why = {RC_OK, ""};

		shown(node->text, text);
		if (input_is_default(job->inputs.v[i]) && !job->each)
			return FAIL(
				r, node,
				"input \"" INPUTS_DEFAULT
				"\" is the folder of a unit and those of its deps: a job without "
				"\"each\" is of no unit, and reads the whole repository without \"inputs\"");
		if (input_is_default(job->inputs.v[i]))
			continue;
		if (streq(path, ".") && !str_starts(str_of(job->inputs.v[i]), "../") &&
		    !str_starts(str_of(job->inputs.v[i]), INPUTS_ROOT))
			continue; /* was checked as it stands */
		if (!input_resolve(path, str_of(job->inputs.v[i]), &b))
			return FAIL(
				r, node,
				"input \"%s\" leaves the repository (the unit is at \"%s\"); " INPUTS_ROOT
				"... is its top",
				text, path);
		if (glob_check(strbuf_str(&b), &why) != RC_OK)
			return FAIL(r, node, "input \"%s\" of the unit at \"%s\": %s", text, path,
				    why.msg);
	}
	return RC_OK;
}

static enum rc no_such_job(struct reader *r, const struct job_def *job,
			   const struct yaml_node *node, const struct need_ref *need)
{
	enum stage stage = need->stage == STAGE_NONE ? job->stage : need->stage;
	const struct config *c = &r->file->c;
	const char *names[CONFIG_MAX_JOBS], *near;
	char text[SHOWN];
	size_t n = 0;

	for (size_t i = 0; i < c->jobs.n && n < ARRAY_LEN(names); i++)
		if (c->jobs.v[i].stage == stage)
			names[n++] = c->jobs.v[i].name;
	near = str_nearest(need->name, names, n);
	shown(node->text, text);
	if (near)
		return FAIL(
			r, node,
			"job \"%s\" needs \"%s\", which is no job of stage %s; did you mean \"%s\"?",
			job->name, text, stage_names[stage], near);
	return FAIL(r, node, "job \"%s\" needs \"%s\", which is no job of stage %s", job->name,
		    text, stage_names[stage]);
}

/* Every unit of job must have `need`, unless need is the project's. */
static enum rc check_covered(struct reader *r, const struct job_def *job,
			     const struct job_def *need, const struct yaml_node *node)
{
	const struct config *c = &r->file->c;

	if (!job->each || !need->each || streq(need->each, "*") || streq(need->each, job->each))
		return RC_OK;
	for (size_t i = 0; i < c->units.n; i++) {
		const struct unit *u = &c->units.v[i];

		if (job_covers(job, u) && !job_covers(need, u))
			return FAIL(
				r, node,
				"job \"%s\" of \"%s\" needs job \"%s\", which runs only for \"%s\"",
				job->name, u->name, need->name, need->each);
	}
	return RC_OK;
}

static bool is_unit(void *ctx, struct str unit)
{
	const struct config *c = *(const struct config **)ctx;

	for (size_t i = 0; i < c->units.n; i++)
		if (str_is(unit, c->units.v[i].name))
			return true;
	return false;
}

enum rc config_condition(const struct config *c, const struct job_def *job, struct err *err)
{
	const struct expr_known known = {.unit = is_unit, .ctx = &c};
	struct err why = {RC_OK, ""};

	if (!job->condition || expr_check(str_of(job->condition), &known, NULL, &why) == RC_OK)
		return RC_OK;
	return err_set(err, RC_INVALID, "\"if\" of job \"%s\": %s", job->name, why.msg);
}

static enum rc check_job(struct reader *r, const struct job_def *job, const struct yaml_node *at)
{
	const struct config *c = &r->file->c;
	const struct yaml_node *condition = yaml_get(at, "if");
	struct err why = {RC_OK, ""};
	bool any = !job->each || streq(job->each, "*") || streq(job->each, "services") ||
		   streq(job->each, "libraries");

	if (!job->each && check_inputs(r, job, at, ".") != RC_OK)
		return r->err->rc;
	for (size_t i = 0; i < c->units.n; i++) {
		if (!job_covers(job, &c->units.v[i]))
			continue;
		any = true;
		if (job->inputs.n && check_inputs(r, job, at, c->units.v[i].path) != RC_OK)
			return r->err->rc;
	}
	if (!any && !c->infer) { /* inferred units are not known yet */
		const char *near = NULL;
		char text[SHOWN];
		VEC(const char *) names = {NULL, 0, 0};

		for (size_t i = 0; i < c->units.n; i++)
			vec_push(&names, c->units.v[i].name);
		vec_push(&names, "services");
		vec_push(&names, "libraries");
		near = str_nearest(str_of(job->each), names.v, names.n);
		vec_done(&names);
		return FAIL(
			r, text_node(at, "each", 0),
			"\"each\" of job \"%s\" must be \"*\", services, libraries or a unit, not \"%s\"%s%s%s",
			job->name, shown(str_of(job->each), text), near ? "; did you mean \"" : "",
			near ? near : "", near ? "\"?" : "");
	}
	if (!c->infer && config_condition(c, job, &why) != RC_OK)
		return FAIL(r, condition ? condition : at, "%s", why.msg);
	for (size_t i = 0; i < job->needs.n; i++) {
		const struct yaml_node *node = text_node(at, "needs", i);
		const struct need_ref ref = need_parse(job->needs.v[i]);
		const struct job_def *need = need_def(c, job, &ref);

		if (!need)
			return no_such_job(r, job, node, &ref);
		if (ref.deps && !job->each)
			return FAIL(
				r, node,
				"job \"%s\" runs once for the project, which depends on no unit: write \"%s\" without \"^\"",
				job->name, job->needs.v[i] + 1);
		if (ref.stage != STAGE_NONE && ref.stage >= job->stage)
			return FAIL(
				r, node,
				"job \"%s\" of stage %s cannot need \"%s\": only jobs of an earlier stage are named with their stage",
				job->name, stage_names[job->stage], job->needs.v[i]);
		if (!ref.deps && !ref.optional && check_covered(r, job, need, node) != RC_OK)
			return r->err->rc;
	}
	return RC_OK;
}

/* ---- circles: 200 jobs at most, so that a plain depth-first walk from every job will do ---- */

struct walk {
	const struct config *c;
	bool climbs; /* follow `^` too */
	size_t to;   /* the job that one must not come back to */
	bool seen[CONFIG_MAX_JOBS];
	size_t path[CONFIG_MAX_JOBS + 1]; /* ends with CONFIG_MAX_JOBS */
};

static bool comes_back(struct walk *w, size_t at, size_t depth)
{
	const struct job_def *job = &w->c->jobs.v[at];

	w->path[depth] = at;
	for (size_t i = 0; i < job->needs.n; i++) {
		const struct need_ref ref = need_parse(job->needs.v[i]);
		const struct job_def *need = need_def(w->c, job, &ref);
		size_t next = need ? (size_t)(need - w->c->jobs.v) : 0;

		if (!need || (ref.deps && !w->climbs))
			continue;
		if (next == w->to) {
			w->path[depth + 1] = CONFIG_MAX_JOBS;
			return true;
		}
		if (!w->seen[next]) {
			w->seen[next] = true;
			if (comes_back(w, next, depth + 1))
				return true;
		}
	}
	return false;
}

/* Through `^` one comes to another unit, so that only a job of the project closes such a circle. */
static enum rc check_circles(struct reader *r, size_t i)
{
	const struct config *c = &r->file->c;
	AUTO(strbuf_done) struct strbuf b = STRBUF(400);
	struct walk w = {.c = c, .to = i, .climbs = !c->jobs.v[i].each};

	if (!comes_back(&w, i, 0))
		return RC_OK;
	for (size_t k = 0; w.path[k] != CONFIG_MAX_JOBS; k++) {
		if (b.n > 200) {
			strbuf_adds(&b, "... -> ");
			break;
		}
		strbuf_addf(&b, "%s -> ", c->jobs.v[w.path[k]].name);
	}
	return FAIL(r, r->jobs.v[i], "the jobs need each other in a circle: %s%s", strbuf_cstr(&b),
		    c->jobs.v[i].name);
}

enum rc jobs_check(struct reader *r)
{
	const struct config *c = &r->file->c;
	const struct job_def *image = NULL;

	for (size_t i = 0; i < c->jobs.n; i++) {
		const struct job_def *job = &c->jobs.v[i];

		if (check_job(r, job, r->jobs.v[i]) != RC_OK)
			return r->err->rc;
		if (job->kind == JOB_IMAGE && image)
			return FAIL(
				r, r->jobs.v[i],
				"jobs \"%s\" and \"%s\" both pack the image of a service; one is enough",
				image->name, job->name);
		if (job->kind == JOB_IMAGE)
			image = job;
	}
	for (size_t i = 0; i < c->jobs.n; i++)
		if (check_circles(r, i) != RC_OK)
			return r->err->rc;
	return RC_OK;
}
