#include "project/results.h"
#include "base/digest.h"
#include "base/map.h"

char *result_scope(const struct change *c)
{
	if (c->kind != CHANGE_PULL)
		return NULL;
	return xasprintf("%s %s", c->repo ? c->repo : "-", c->ref ? c->ref : "-");
}

char *result_key(const char *scope, const char *key)
{
	if (!scope)
		return xstrdup(key);
	AUTO(freep) char *text = xasprintf("penstock-scope-1 %zu:%s %s", strlen(scope), scope, key);
	return digest_hex_dup(str_of(text));
}

struct lookup {
	struct plan *plan;
	struct blobs *cache;
	const char *scope;
	struct map at; /* "unit/job" -> job + 1 */
};

/* What its own scope knows, else what everybody trusts. */
static enum rc get_result(const struct lookup *l, const char *key, struct result *ret,
			  struct err *err)
{
	AUTO(freep) char *own = l->scope ? result_key(l->scope, key) : NULL;

	if (own && blobs_get_result(l->cache, own, ret, err) == RC_OK)
		return RC_OK;
	*err = (struct err){0};
	return blobs_get_result(l->cache, key, ret, err);
}

static enum rc find_result(const struct lookup *l, struct plan_job *job, bool *ret_found,
			   struct err *err)
{
	struct result r = {0};
	struct err why = {0};
	enum rc rc = get_result(l, job->key, &r, &why);

	*ret_found = rc == RC_OK;
	if (rc == RC_UNAVAILABLE || rc == RC_NO_SPACE || rc == RC_DENIED)
		return err_set(err, rc, "%s", why.msg);
	if (rc != RC_OK)
		return RC_OK;
	if (job->state == PLAN_MISS) {
		job->state = PLAN_HIT;
		xfree(job->why);
		job->why = xasprintf("key seen in %s", r.run ? r.run : "an earlier run");
	}
	xfree(job->outputs);
	xfree(job->image);
	job->outputs = r.outputs;
	job->image = r.image;
	r.outputs = r.image = NULL;
	shape_done(&shape_result, &r);
	return RC_OK;
}

static void index_jobs(struct lookup *l)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF(8192);

	for (size_t i = 0; i < l->plan->jobs.n; i++) {
		strbuf_clear(&name);
		strbuf_adds(&name, l->plan->jobs.v[i].unit);
		strbuf_addc(&name, '/');
		strbuf_adds(&name, l->plan->jobs.v[i].job);
		map_put(&l->at, strbuf_str(&name), (void *)(uintptr_t)(i + 1));
	}
}

/* What a miss reads must be there: an unaffected need without a result runs again. */
static enum rc want_needs(struct lookup *l, const struct plan_job *job, struct err *err)
{
	vec_each(need, &job->needs) {
		size_t i = (size_t)(uintptr_t)map_get(&l->at, str_of(*need));
		struct plan_job *on = i ? &l->plan->jobs.v[i - 1] : NULL;
		bool found = false;

		if (!on || on->state != PLAN_UNAFFECTED)
			continue;
		enum rc rc = on->outputs || on->image ? RC_OK : find_result(l, on, &found, err);
		if (rc != RC_OK)
			return rc;
		if (found || on->outputs || on->image)
			continue;
		on->state = PLAN_MISS;
		xfree(on->why);
		on->why = xasprintf("%s needs it and its result is not kept any more", *need);
	}
	return RC_OK;
}

enum rc project_results(struct plan *p, struct blobs *cache, const char *scope, bool all,
			struct err *err)
{
	struct lookup l = {.plan = p, .cache = cache, .scope = scope};
	enum rc rc = RC_OK;
	bool found, missing = false;

	vec_each(job, &p->jobs) {
		if (rc == RC_OK && job->state != PLAN_SKIPPED && (all || job->state == PLAN_MISS))
			rc = find_result(&l, job, &found, err);
		missing |= job->state == PLAN_MISS;
	}
	if (missing && rc == RC_OK)
		index_jobs(&l);
	for (size_t i = p->jobs.n; missing && i-- > 0 && rc == RC_OK;) /* needs stand before */
		if (p->jobs.v[i].state == PLAN_MISS)
			rc = want_needs(&l, &p->jobs.v[i], err);
	map_done(&l.at);
	return rc;
}
