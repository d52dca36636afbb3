#include "main/local_plan.h"
#include "base/yaml.h"
#include "clients/git_worktree.h"
#include "main/house.h"
#include "main/zone.h"

static void texts_done(texts *t)
{
	vec_each(s, t)
		xfree(*s);
	vec_done(t);
}

void local_change_done(struct local_change *c)
{
	config_done(&c->config);
	plan_done(&c->plan);
}

enum rc local_repo(const char *path, struct repo **ret, struct err *err)
{
	return path ? repo_open(path, ret, err) : repo_find(".", ret, err);
}

enum rc local_head(struct repo *r, const char *head, char ret[GIT_HEX + 1], struct err *err)
{
	enum rc rc = repo_resolve(r, head ? head : "HEAD", ret, err);

	if (rc == RC_NOT_FOUND && !head)
		return err_set(err, rc, "%s has no commit yet: commit a %s first", repo_path(r),
			       CONFIG_FILE);
	return rc;
}

static enum rc config_text(struct repo *r, const char *commit, struct strbuf *to, struct err *err)
{
	enum rc rc = repo_file(r, commit, CONFIG_FILE, YAML_MAX_BYTES, to, err);

	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_INVALID,
			       "there is no %s at %.12s; `penstock init` writes one", CONFIG_FILE,
			       commit);
	return rc;
}

enum rc local_config(struct repo *r, const char *commit, struct config *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);
	enum rc rc = config_text(r, commit, &text, err);

	return rc == RC_OK ? config_read(strbuf_str(&text), CONFIG_FILE, zone_rule, NULL, ret, err)
			   : rc;
}

static enum rc keep_entry(void *ctx, const struct repo_entry *e, struct err *err)
{
	struct tree_facts *to = ctx;

	(void)err;
	vec_push(&to->entries,
		 ((struct tree_entry){xstrdup(e->path), xstrndup(e->oid, GIT_HEX), e->mode}));
	return RC_OK;
}

static enum rc read_tree(struct repo *r, const char *commit, const texts *dirs, const texts *list,
			 struct tree_facts *ret, struct err *err)
{
	const struct repo_ask ask = {(const char *const *)dirs->v, dirs->n,
				     (const char *const *)list->v, list->n};
	char tree[GIT_HEX + 1];
	enum rc rc = repo_tree(r, commit, &ask, keep_entry, ret, tree, err);

	if (rc != RC_OK)
		return err_wrap(err, "repository %s at %.12s", repo_path(r), commit);
	ret->commit = xstrdup(commit);
	ret->tree = xstrdup(tree);
	return RC_OK;
}

struct sides {
	struct strbuf head_text, base_text;
	struct config base_config;
	struct tree_facts head, base;
	texts dirs, list;
	bool has_base, same_config;
};

static void sides_done(struct sides *s)
{
	strbuf_done(&s->head_text);
	strbuf_done(&s->base_text);
	config_done(&s->base_config);
	tree_facts_done(&s->head);
	tree_facts_done(&s->base);
	texts_done(&s->dirs);
	texts_done(&s->list);
}

/* A base without a usable penstock.yml is no base: then everything is new. */
static enum rc read_base(struct repo *r, const char *base, struct sides *s, struct err *err)
{
	struct err ignored = {0};

	if (config_text(r, base, &s->base_text, &ignored) != RC_OK)
		return RC_OK;
	s->same_config = str_eq(strbuf_str(&s->base_text), strbuf_str(&s->head_text));
	if (!s->same_config && config_read(strbuf_str(&s->base_text), CONFIG_FILE, zone_rule, NULL,
					   &s->base_config, &ignored) != RC_OK)
		return RC_OK;
	s->has_base = true;
	return read_tree(r, base, &s->dirs, &s->list, &s->base, err);
}

enum rc local_change(struct repo *r, const char *head, const char *base, struct local_change *ret,
		     struct err *err)
{
	AUTO(sides_done)
	struct sides s = {.head_text = STRBUF(YAML_MAX_BYTES), .base_text = STRBUF(YAML_MAX_BYTES)};
	struct local_change c = {0};
	enum rc rc = config_text(r, head, &s.head_text, err);

	snprintf(c.head, sizeof(c.head), "%s", head);
	snprintf(c.base, sizeof(c.base), "%s", base ? base : "");
	if (rc == RC_OK)
		rc = config_read(strbuf_str(&s.head_text), CONFIG_FILE, zone_rule, NULL, &c.config,
				 err);
	if (rc == RC_OK) {
		plan_paths(&c.config, &s.dirs, &s.list);
		rc = read_tree(r, head, &s.dirs, &s.list, &s.head, err);
	}
	if (rc == RC_OK && *c.base)
		rc = read_base(r, c.base, &s, err);
	if (rc == RC_OK)
		rc = plan_make(&c.config, &s.head, s.has_base ? &s.base : NULL,
			       s.has_base && !s.same_config ? &s.base_config : NULL, STAGE_CI,
			       toolchain_text(), &c.plan, err);
	if (rc != RC_OK) {
		local_change_done(&c);
		return rc;
	}
	if (!s.has_base)
		*c.base = '\0';
	*ret = c;
	return RC_OK;
}

/* ---- the cache ---- */
static enum rc find_result(struct blobs *cache, struct plan_job *job, bool *ret_found,
			   struct err *err)
{
	struct result r = {0};
	struct err why = {0};
	enum rc rc = blobs_get_result(cache, job->key, &r, &why);

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

static struct plan_job *job_of(struct plan *p, const struct map *at, const char *name)
{
	size_t i = (size_t)(uintptr_t)map_get(at, str_of(name));

	return i ? &p->jobs.v[i - 1] : NULL;
}

static void index_jobs(const struct plan *p, struct map *at)
{
	for (size_t i = 0; i < p->jobs.n; i++) {
		AUTO(freep) char *name = xasprintf("%s/%s", p->jobs.v[i].unit, p->jobs.v[i].job);
		map_put(at, str_of(name), (void *)(uintptr_t)(i + 1));
	}
}

/* What a miss reads must be there: an unaffected need without a result runs again. */
static enum rc want_needs(struct plan *p, const struct map *at, const struct plan_job *job,
			  struct blobs *cache, struct err *err)
{
	vec_each(need, &job->needs) {
		struct plan_job *on = job_of(p, at, *need);
		bool found = false;

		if (!on || on->state != PLAN_UNAFFECTED)
			continue;
		enum rc rc = find_result(cache, on, &found, err);
		if (rc != RC_OK)
			return rc;
		if (found)
			continue;
		on->state = PLAN_MISS;
		xfree(on->why);
		on->why = xasprintf("%s needs it and its result is not kept any more", *need);
	}
	return RC_OK;
}

enum rc local_look_up(struct plan *p, struct blobs *cache, bool all, struct err *err)
{
	struct map at = {0};
	enum rc rc = RC_OK;
	bool found;

	vec_each(job, &p->jobs)
		if (rc == RC_OK && (all || job->state == PLAN_MISS))
			rc = find_result(cache, job, &found, err);
	index_jobs(p, &at);
	for (size_t i = p->jobs.n; i-- > 0 && rc == RC_OK;) /* needs stand before */
		if (p->jobs.v[i].state == PLAN_MISS)
			rc = want_needs(p, &at, &p->jobs.v[i], cache, err);
	map_done(&at);
	return rc;
}
