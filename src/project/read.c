#include "project/read.h"
#include "project/side.h"

static void side_release(struct project_side *s)
{
	config_done(&s->config);
	tree_facts_done(&s->facts);
	project_graph_done(&s->graph);
	vec_each(w, &s->warnings) {
		xfree(w->key);
		xfree(w->value);
	}
	vec_done(&s->warnings);
}

void project_reading_done(struct project_reading *r)
{
	side_release(&r->head);
	side_release(&r->base);
	plan_done(&r->plan);
	vec_each(p, &r->images) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&r->images);
	*r = (struct project_reading){.has_base = false};
}

static enum rc read_head(struct side *s, struct err *err)
{
	enum rc rc = side_config(s, NULL, err);

	if (rc == RC_OK)
		rc = side_files(s, err);
	return rc == RC_OK ? side_units(s, err) : rc;
}

static bool same_files(const struct side *a, const struct side *b)
{
	if (a->files.n != b->files.n)
		return false;
	for (size_t i = 0; i < a->files.n; i++)
		if (!streq(a->files.v[i].oid, b->files.v[i].oid) ||
		    !streq(a->files.v[i].path, b->files.v[i].path))
			return false;
	return true;
}

/* The same penstock.yml over the same manifests and lockfiles: units and slices are the same. */
static enum rc reuse(struct side *s, const struct side *head, struct project_reading *r,
		     struct err *err)
{
	const struct project_source *source = s->ask->source;
	texts dirs = {0}, list = {0};
	enum rc rc = RC_OK;

	r->same_config = true;
	if (head->to->config.infer) {
		plan_paths(&head->to->config, &dirs, &list);
		rc = source->tree(source->ctx, s->commit, &dirs, &list, NULL, &s->to->facts, err);
	}
	vec_each(one, &head->to->facts.slices)
		vec_push(&s->to->facts.slices,
			 ((struct lock_slice){xstrdup(one->unit), xstrdup(one->path),
					      xstrdup(one->digest)}));
	vec_each(d, &dirs)
		xfree(*d);
	vec_each(l, &list)
		xfree(*l);
	vec_done(&dirs);
	vec_done(&list);
	return rc;
}

/* What base says is compared with; when it cannot be read, everything is new. */
static enum rc read_base(struct side *s, const struct side *head, struct project_reading *r,
			 struct err *err)
{
	struct err why = {RC_OK, ""};
	enum rc rc = side_config(s, head, &why);

	if (rc == RC_OK)
		rc = side_files(s, &why);
	if (rc == RC_OK && s->like && same_files(s, head)) {
		rc = reuse(s, head, r, &why);
	} else {
		if (rc == RC_OK && s->like)
			rc = side_config(s, NULL, &why);
		if (rc == RC_OK)
			rc = side_units(s, &why);
	}
	if (rc == RC_UNAVAILABLE || rc == RC_NO_SPACE || rc == RC_CORRUPT)
		return err_set(err, rc, "%s", why.msg);
	if (rc == RC_OK)
		r->has_base = true;
	else
		side_release(&r->base);
	if (rc != RC_OK)
		r->base = (struct project_side){.facts = {.commit = NULL}};
	return RC_OK;
}

struct plan_ask project_plan_ask(const struct project_ask *ask, const struct project_reading *r)
{
	return (struct plan_ask){.config = &r->head.config,
				 .base_config =
					 r->has_base && !r->same_config ? &r->base.config : NULL,
				 .head = &r->head.facts,
				 .base = r->has_base ? &r->base.facts : NULL,
				 .stage = ask->stage,
				 .toolchain = ask->toolchain,
				 .change = ask->change,
				 .images = &r->images,
				 .file_time = ask->file_time,
				 .ctx = ask->file_ctx};
}

static void warn(char **why, const char *text)
{
	char *both = xasprintf("%s; warning: %s: the whole file counts", *why ? *why : "", text);

	xfree(*why);
	*why = both;
}

/* A lockfile that cannot be read is said to those that it touches. */
static void add_warnings(struct project_reading *r)
{
	vec_each(w, &r->head.warnings) {
		vec_each(u, &r->plan.units)
			if (streq(u->name, w->key))
				warn(&u->why, w->value);
		vec_each(job, &r->plan.jobs)
			if (streq(job->unit, w->key) && job->state == PLAN_MISS)
				warn(&job->why, w->value);
	}
}

static enum rc read_both(const struct project_ask *ask, struct project_cache *cache, bool plan,
			 struct project_reading *r, struct err *err)
{
	AUTO(side_done) struct side head = {.ask = ask}, base = {.ask = ask};

	side_init(&head, ask, cache, ask->head, &r->head);
	enum rc rc = read_head(&head, err);
	if (rc == RC_OK && plan && ask->base) {
		side_init(&base, ask, cache, ask->base, &r->base);
		rc = read_base(&base, &head, r, err);
	}
	return rc;
}

static enum rc read_with(const struct project_ask *ask, bool plan, struct project_reading *ret,
			 struct err *err)
{
	struct project_cache *cache = ask->cache ? ask->cache : project_cache_new();
	struct project_reading r = {.has_base = false};

	project_cache_begin(cache);
	enum rc rc = read_both(ask, cache, plan, &r, err);
	project_cache_end(cache);
	if (!ask->cache)
		project_cache_free(cache);
	if (rc == RC_OK && plan && ask->images)
		rc = ask->images(ask->images_ctx, &r.head.config, &r.images, err);
	if (rc == RC_OK && plan) {
		const struct plan_ask want = project_plan_ask(ask, &r);
		rc = plan_for(&want, &r.plan, err);
		add_warnings(&r);
	}
	if (rc != RC_OK) {
		project_reading_done(&r);
		return rc;
	}
	*ret = r;
	return RC_OK;
}

enum rc project_read(const struct project_ask *ask, struct project_reading *ret, struct err *err)
{
	return read_with(ask, false, ret, err);
}

enum rc project_plan(const struct project_ask *ask, struct project_reading *ret, struct err *err)
{
	return read_with(ask, true, ret, err);
}
