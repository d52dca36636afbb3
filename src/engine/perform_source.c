/* A commit is read from Git objects and planned; a change is taken back. */
#include "base/digest.h"
#include "base/yaml.h"
#include "engine/engine_impl.h"

#define CONFIG_NAME "penstock.yml"

static void texts_done(texts *t)
{
	vec_each(s, t)
		xfree(*s);
	vec_done(t);
}

static enum rc read_config(struct engine *e, const struct change *c, const char *commit,
			   struct config *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);

	enum rc rc = scm_file(e->w.scm, c->repo, commit, CONFIG_NAME, YAML_MAX_BYTES, &text, err);
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_INVALID,
			       "there is no %s at %.12s; `penstock init` writes one", CONFIG_NAME,
			       commit);
	if (rc != RC_OK)
		return rc;
	return config_read(strbuf_str(&text), CONFIG_NAME, e->w.zone_rule, e->w.zone_ctx, ret, err);
}

static enum rc read_tree(struct engine *e, const struct change *c, const char *commit,
			 const texts *dirs, const texts *list, struct tree_facts *ret,
			 struct err *err)
{
	return scm_tree(e->w.scm, c->repo, commit, dirs, list, ret, err);
}

static void take_hit(struct plan_job *job, struct result *r)
{
	xfree(job->outputs);
	xfree(job->image);
	job->outputs = r->outputs;
	job->image = r->image;
	r->outputs = r->image = NULL;
}

static struct plan_job *job_of(struct plan *p, struct map *at, const char *name)
{
	size_t i = (size_t)(uintptr_t)map_get(at, str_of(name));

	return i ? &p->jobs.v[i - 1] : NULL;
}

/* Which keys were seen: hits among the misses; results of the unaffected, which others may need. */
static enum rc look_up(struct engine *e, struct plan *p, struct err *err)
{
	vec_each(job, &p->jobs) {
		struct result r = {0};
		enum rc rc = blobs_get_result(e->w.blobs, job->key, &r, err);

		if (rc == RC_UNAVAILABLE || rc == RC_NO_SPACE)
			return rc;
		if (rc == RC_OK) {
			take_hit(job, &r);
			if (job->state == PLAN_MISS) {
				job->state = PLAN_HIT;
				xfree(job->why);
				job->why = xasprintf("key seen in %s",
						     r.run ? r.run : "an earlier run");
			}
		} else if (job->state == PLAN_UNAFFECTED) {
			xfree(job->outputs);
			job->outputs = xstrdup(""); /* marks: no result; see want_needed() */
		}
		shape_done(&shape_result, &r);
	}
	return RC_OK;
}

/* An unaffected job whose result is gone is run again when something that misses needs it. */
static void want_needed(struct plan *p)
{
	struct map at = {0};

	for (size_t i = 0; i < p->jobs.n; i++) {
		AUTO(freep) char *name = xasprintf("%s/%s", p->jobs.v[i].unit, p->jobs.v[i].job);
		map_put(&at, str_of(name), (void *)(uintptr_t)(i + 1));
	}
	for (size_t i = p->jobs.n;
	     i-- > 0;) { /* needs stand before: one pass backwards reaches all */
		const struct plan_job *job = &p->jobs.v[i];

		if (job->state != PLAN_MISS)
			continue;
		vec_each(need, &job->needs) {
			struct plan_job *on = job_of(p, &at, *need);

			if (!on || on->state != PLAN_UNAFFECTED || !streq(on->outputs, ""))
				continue;
			on->state = PLAN_MISS;
			xfree(on->why);
			on->why =
				xasprintf("%s needs it and its result is not kept any more", *need);
		}
	}
	vec_each(job, &p->jobs) {
		if (!streq(job->outputs, ""))
			continue;
		xfree(job->outputs);
		job->outputs = NULL;
	}
	map_done(&at);
}

struct reading {
	struct config config, base_config;
	struct tree_facts head, base;
	texts dirs, list;
	struct plan plan;
	bool has_base;
};

static void reading_done(struct reading *r)
{
	config_done(&r->config);
	config_done(&r->base_config);
	tree_facts_done(&r->head);
	tree_facts_done(&r->base);
	texts_done(&r->dirs);
	texts_done(&r->list);
	plan_done(&r->plan);
}

static enum rc plan_change(struct engine *e, const struct change *c, struct reading *r,
			   struct err *err)
{
	enum rc rc = read_config(e, c, c->commit, &r->config, err);
	struct err ignored = {0};

	if (rc != RC_OK)
		return rc;
	plan_paths(&r->config, &r->dirs, &r->list);
	rc = read_tree(e, c, c->commit, &r->dirs, &r->list, &r->head, err);
	if (rc != RC_OK)
		return rc;
	if (c->base) {
		rc = read_tree(e, c, c->base, &r->dirs, &r->list, &r->base, err);
		if (rc != RC_OK)
			return rc;
		r->has_base = read_config(e, c, c->base, &r->base_config, &ignored) == RC_OK;
	}
	rc = plan_make(&r->config, &r->head, r->has_base ? &r->base : NULL,
		       r->has_base ? &r->base_config : NULL, STAGE_CI, e->w.toolchain, &r->plan,
		       err);
	if (rc != RC_OK)
		return rc;
	rc = look_up(e, &r->plan, err);
	if (rc == RC_OK)
		want_needed(&r->plan);
	return rc;
}

static void digest_config(struct reading *r, char **ret)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)64 << 20);
	struct json_out out = JSON_OUT(&json);

	shape_write(&out, NULL, &shape_config, &r->config);
	*ret = digest_hex_dup(strbuf_str(&json));
}

enum rc perform_read_change(struct engine *e, const struct effect *f, struct outcome *ret,
			    struct err *err)
{
	AUTO(reading_done) struct reading r = {0};
	struct event *ev = &ret->ev;

	shape_copy(&shape_change, &ev->change, &f->change);
	enum rc rc = scm_change(e->w.scm, f->change.repo, &ev->change, err);
	if (rc == RC_OK)
		rc = plan_change(e, &ev->change, &r, err);
	if (rc != RC_OK)
		return rc;
	ev->kind = EV_CHANGE_PLANNED;
	ev->actor = xstrdup("git");
	digest_config(&r, &ev->config_digest);
	ev->config = r.config;
	r.config = (struct config){0};
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
