/* A commit is read from Git objects and planned; a change is taken back. */
#include "base/digest.h"
#include "engine/engine_impl.h"
#include "project/read.h"
#include "project/results.h"

/* ---- what a project is read from ---- */
struct place {
	struct engine *e;
	const char *repo;
};

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

	return scm_file(at->e->w.scm, source, commit, path, max, ret, err);
}

static enum rc plan_change(struct engine *e, const struct change *c, struct project_reading *r,
			   struct err *err)
{
	struct place at = {e, c->repo};
	const struct project_source source = {.ctx = &at,
					      .file = read_file,
					      .tree = read_tree,
					      .other = read_other,
					      .zone_rule = e->w.zone_rule,
					      .zone_ctx = e->w.zone_ctx};
	const struct project_ask ask = {.source = &source,
					.cache = e->projects,
					.head = c->commit,
					.base = c->base,
					.stage = STAGE_CI,
					.toolchain = e->w.toolchain,
					.change = c};
	enum rc rc = project_plan(&ask, r, err);

	return rc == RC_OK ? project_results(&r->plan, e->w.blobs, true, err) : rc;
}

static void digest_config(const struct config *c, char **ret)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)64 << 20);
	struct json_out out = JSON_OUT(&json);

	shape_write(&out, NULL, &shape_config, c);
	*ret = digest_hex_dup(strbuf_str(&json));
}

enum rc perform_read_change(struct engine *e, const struct effect *f, struct outcome *ret,
			    struct err *err)
{
	AUTO(project_reading_done) struct project_reading r = {.has_base = false};
	struct event *ev = &ret->ev;

	shape_copy(&shape_change, &ev->change, &f->change);
	enum rc rc = scm_change(e->w.scm, f->change.repo, &ev->change, err);
	if (rc == RC_OK)
		rc = plan_change(e, &ev->change, &r, err);
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
