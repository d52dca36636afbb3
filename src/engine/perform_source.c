/* A commit is read from Git objects and planned; a change is taken back. */
#include "base/digest.h"
#include "base/log.h"
#include "core/names.h"
#include "engine/engine_impl.h"
#include "project/read.h"
#include "project/results.h"

/* ---- what a project is read from ---- */
#define IMAGES_MAX 64
struct place {
	struct engine *e;
	const char *repo;
	const struct order_context
		*limit; /* a change from a fork: only what this names; NULL: no limit */
};

static bool is_named(const texts *list, const char *text)
{
	vec_each(one, list)
		if (streq(*one, text))
			return true;
	return false;
}

static enum rc read_file(void *ctx, const char *commit, const char *path, const char *oid,
			 size_t max, struct strbuf *ret, struct err *err)
{
	const struct place *at = ctx;

	(void)oid;
	return scm_file(at->e->w.scm, at->repo, commit, path, max, ret, err);
}

static enum rc read_tree(void *ctx, const char *commit, const texts *dirs, const texts *list,
			 bool (*wanted)(const char *path), struct tree_facts *ret, struct err *err)
{
	const struct place *at = ctx;

	(void)wanted;
	return scm_tree(at->e->w.scm, at->repo, commit, dirs, list, ret, err);
}

/* The source of an include is the name of a repository that is watched. */
static enum rc read_other(void *ctx, const char *source, const char *commit, const char *path,
			  size_t max, struct strbuf *ret, struct err *err)
{
	const struct place *at = ctx;
	AUTO(freep) char *from = xasprintf("%s//%s@%s", source, path, commit);

	if (at->limit && !is_named(&at->limit->includes, from))
		return err_set(
			err, RC_DENIED,
			"include %s: a change from a fork may include only what the repository's own penstock.yml includes",
			from);
	return scm_file(at->e->w.scm, source, commit, path, max, ret, err);
}

/* ---- what images stand for ---- */
static enum rc add_image(struct engine *e, const char *name, pairs *ret, struct err *err)
{
	char *digest = NULL, *warning = NULL;

	if (!name || strchr(name, '@'))
		return RC_OK;
	if (str_starts(str_of(name), "oci:") && !str_starts(str_of(name), "oci:/"))
		return RC_OK; /* of the repository: its tree is an input */
	vec_each(p, ret)
		if (streq(p->key, name))
			return RC_OK;
	if (ret->n == IMAGES_MAX)
		return err_set(err, RC_TOO_BIG, "the jobs name more than %d different images",
			       IMAGES_MAX);
	enum rc rc = image_resolve(e->w.image, name, &digest, &warning, err);
	if (rc != RC_OK)
		return err_wrap(err, "image %s", name);
	if (warning)
		LOG(LOG_WARN, "an image's name is resolved from memory", LF("image", name),
		    LF("why", warning));
	xfree(warning);
	vec_push(ret, ((struct pair){xstrdup(name), digest}));
	return RC_OK;
}

/* Names without ${...}: what an axis of a matrix stands in is resolved for each value. */
static enum rc add_job_images(const struct place *at, const struct job_def *def, pairs *ret,
			      struct err *err)
{
	const struct order_context *limit = at->limit;
	matrix_rows rows = {NULL, 0, 0};
	enum rc rc = RC_OK;

	matrix_expand(&def->matrix, &rows);
	for (size_t i = 0; i < rows.n && rc == RC_OK; i++) {
		const struct job_names names = {.def = def, .matrix = &rows.v[i].v};
		struct job_def own = {0};

		shape_copy(&shape_job_def, &own, def);
		names_fill_def(&names, &own);
		if (!limit || (def->container && is_named(&limit->images, def->container)))
			rc = add_image(at->e, own.container, ret, err);
		for (size_t k = 0; k < own.services.n && rc == RC_OK; k++)
			if (!limit || is_named(&limit->images, def->services.v[k].image))
				rc = add_image(at->e, own.services.v[k].image, ret, err);
		shape_done(&shape_job_def, &own);
	}
	matrix_rows_done(&rows);
	return rc;
}

static enum rc find_images(void *ctx, const struct config *c, pairs *ret, struct err *err)
{
	const struct place *at = ctx;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < c->jobs.n && rc == RC_OK; i++)
		if (c->jobs.v[i].container || c->jobs.v[i].services.n)
			rc = add_job_images(at, &c->jobs.v[i], ret, err);
	return rc;
}

static enum rc same_images(void *ctx, const struct config *c, pairs *ret, struct err *err)
{
	const pairs *known = ctx;

	(void)c;
	(void)err;
	for (size_t i = 0; known && i < known->n; i++)
		vec_push(ret,
			 ((struct pair){xstrdup(known->v[i].key), xstrdup(known->v[i].value)}));
	return RC_OK;
}

static uint64_t file_time(void *ctx, const char *unit, const char *job, const char *file)
{
	const struct order_context *c = ctx;
	size_t low = 0, high = c->times.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct known_time *t = &c->times.v[mid];
		int order = strcmp(t->unit, unit);

		order = order ? order : strcmp(t->job, job);
		order = order ? order : strcmp(t->file, file);
		if (order == 0)
			return t->usec;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

/* ---- the plan ---- */
static struct project_source source_of(struct engine *e, struct place *at)
{
	return (struct project_source){.ctx = at,
				       .file = read_file,
				       .tree = read_tree,
				       .other = read_other,
				       .zone_rule = e->w.zone_rule,
				       .zone_ctx = e->w.zone_ctx};
}

static enum rc plan_change(struct engine *e, const struct change *c,
			   const struct order_context *context, struct project_reading *r,
			   struct err *err)
{
	struct place at = {e, c->repo, c->fork ? context : NULL};
	const struct project_source source = source_of(e, &at);
	const struct project_ask ask = {.source = &source,
					.cache = e->projects,
					.head = c->commit,
					.base = c->base,
					.stage = STAGE_CI,
					.toolchain = e->w.toolchain,
					.change = c,
					.images = e->w.image ? find_images : NULL,
					.images_ctx = &at,
					.file_time = file_time,
					.file_ctx = (void *)(uintptr_t)context};
	AUTO(freep) char *scope = result_scope(c);
	enum rc rc = project_plan(&ask, r, err);

	return rc == RC_OK ? project_results(&r->plan, e->w.blobs, scope, true, err) : rc;
}

static const struct plan_job *job_in(const struct plan *p, const char *unit, const char *job)
{
	vec_each(one, &p->jobs)
		if (streq(one->unit, unit) && streq(one->job, job))
			return one;
	return NULL;
}

enum rc engine_explain(struct engine *e, const struct explain *ask, texts *ret_lines,
		       char **ret_key, struct err *err)
{
	AUTO(project_reading_done) struct project_reading r = {.has_base = false};
	struct place at = {e, ask->change->repo, NULL}; /* it was planned before */
	const struct project_source source = source_of(e, &at);
	const struct project_ask want = {.source = &source,
					 .cache = e->projects,
					 .head = ask->change->commit,
					 .stage = STAGE_CI,
					 .toolchain = e->w.toolchain,
					 .change = ask->change,
					 .images = same_images,
					 .images_ctx = (void *)(uintptr_t)ask->images};
	enum rc rc = project_plan(&want, &r, err);

	if (rc != RC_OK)
		return rc;
	const struct plan_job *found = job_in(&r.plan, ask->unit, ask->job);
	if (!found)
		return err_set(err, RC_NOT_FOUND, "penstock.yml at %.12s has no job %s of %s",
			       ask->change->commit, ask->job,
			       *ask->unit ? ask->unit : "the project");
	const struct plan_ask plan = project_plan_ask(&want, &r);
	struct plan_job job = *found;
	if (ask->files && job.shards) /* shared out by the times of that day */
		job.files = *ask->files;
	*ret_key = xstrdup(found->key);
	return plan_key_lines(&plan, &r.plan, &job, ret_lines, err);
}

static void digest_config(const struct config *c, char **ret)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)64 << 20);
	struct json_out out = JSON_OUT(&json);

	shape_write(&out, NULL, &shape_config, c);
	*ret = digest_hex_dup(strbuf_str(&json));
}

enum rc perform_read_change(struct engine *e, const struct effect *f, const struct order_context *c,
			    struct outcome *ret, struct err *err)
{
	AUTO(project_reading_done) struct project_reading r = {.has_base = false};
	struct event *ev = &ret->ev;

	shape_copy(&shape_change, &ev->change, &f->change);
	enum rc rc = scm_change(e->w.scm, f->change.repo, &ev->change, err);
	if (rc == RC_OK)
		rc = plan_change(e, &ev->change, c, &r, err);
	if (rc != RC_OK)
		return rc;
	ev->kind = EV_CHANGE_PLANNED;
	ev->actor = xstrdup("git");
	digest_config(&r.head.config, &ev->config_digest);
	ev->config = r.head.config;
	r.head.config = (struct config){0};
	vec_each(
		job,
		&r.plan.jobs) { /* the listed inputs are for `penstock why` and stay out of the journal */
		vec_each(in, &job->inputs) {
			xfree(in->path);
			xfree(in->oid);
		}
		vec_done(&job->inputs);
	}
	ev->plan = r.plan;
	r.plan = (struct plan){0};
	return RC_OK;
}

enum rc perform_revert(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err)
{
	AUTO(freep)
	char *message = xasprintf(
		"Revert \"%s\"\n\nPenstock took %s back: %s\n\nThis reverts commit %s.\n\nPenstock-Reverts: %s\n",
		f->change.subject ? f->change.subject : f->change.commit, f->release,
		f->text ? f->text : "-", f->change.commit, f->release);

	ret->ev.kind = EV_CHANGE_REVERTED;
	ret->ev.release = xstrdup(f->release);
	return scm_revert(e->w.scm, f->change.repo, &f->change, message, &ret->ev.commit, err);
}
