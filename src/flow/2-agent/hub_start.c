/* A job is given to an agent: its sources become a manifest in the content store, its secrets go with the order and nowhere else. */
#include "flow/2-agent/hub.h"

#include "clients/manifest.h"
#include "io/files.h"

#define SECRET_MAX  ((size_t)64 << 10)
#define SOURCES_MAX 512 /* manifests that are remembered */

/* What the sources are known by; NULL: they cannot be known. */
static char *sources_key(const struct job_spec *spec)
{
	struct strbuf key = STRBUF((size_t)1 << 20);

	if (!spec->change.repo || !spec->change.commit)
		return NULL;
	strbuf_addf(&key, "%s %s", spec->change.repo, spec->change.commit);
	vec_each(path, &spec->reads)
		strbuf_addf(&key, "\n%s", *path);
	if (!strbuf_failed(&key))
		return strbuf_take(&key);
	strbuf_done(&key);
	return NULL;
}

static char *known_sources(struct hub *h, const char *key)
{
	hub_lock(h);
	const char *hex = key ? map_get(&h->sources, str_of(key)) : NULL;
	char *ret = hex && blobs_has(h->blobs, hex) ? xstrdup(hex) : NULL;
	hub_unlock(h);
	return ret;
}

static void remember(struct hub *h, const char *key, const char *hex)
{
	if (!key)
		return;
	hub_lock(h);
	if (h->sources.n >= SOURCES_MAX) {
		for (struct map_entry *m = NULL; (m = map_next(&h->sources, m));)
			xfree(m->value);
		map_done(&h->sources);
	}
	xfree(map_put(&h->sources, str_of(key), xstrdup(hex)));
	hub_unlock(h);
}

/* *ret stays NULL when there is no file at all: a unit may be empty. */
static enum rc lay_and_keep(struct hub *h, const struct job_spec *spec,
			    const struct exec_inputs *in, const char *dir, char **ret,
			    struct err *err)
{
	static const char *const all[] = {"**"};
	enum rc rc = dir_make(dir, 0700, err);

	if (rc == RC_OK)
		rc = in->sources(in->ctx, &spec->change, &spec->reads, dir, err);
	if (rc != RC_OK)
		return rc;
	rc = manifest_collect(h->blobs, dir, all, ARRAY_LEN(all), ret, err);
	return rc == RC_NOT_FOUND ? err_clear(err) : rc;
}

static enum rc sources(struct hub *h, const struct job_spec *spec, const struct exec_inputs *in,
		       char **ret, struct err *err)
{
	if (!in->sources || !spec->reads.n)
		return RC_OK;
	AUTO(freep) char *key = sources_key(spec);
	*ret = known_sources(h, key);
	if (*ret)
		return RC_OK;
	hub_lock(h);
	AUTO(freep) char *dir = xasprintf("%s/tmp/%u", h->dir, h->serial++);
	hub_unlock(h);
	enum rc rc = lay_and_keep(h, spec, in, dir, ret, err);
	struct err why = {0};
	(void)!tree_remove(dir, &why);
	if (rc == RC_OK && *ret)
		remember(h, key, *ret);
	return rc;
}

static enum rc secrets(const struct job_spec *spec, const struct exec_inputs *in, pairs *to,
		       struct err *err)
{
	vec_each(p, &spec->def.secrets) {
		struct strbuf value = STRBUF(SECRET_MAX);
		struct err here = {0};
		enum rc rc = in->secret ? in->secret(in->ctx, p->value, &value, &here)
					: err_set(&here, RC_NOT_FOUND, "there are no secrets here");

		if (rc == RC_OK &&
		    (!str_is_utf8(strbuf_str(&value)) || strlen(strbuf_cstr(&value)) != value.n))
			rc = err_set(
				&here, RC_INVALID,
				"it is not text (UTF-8 without NUL): encode it, as base64 for example");
		if (rc == RC_OK)
			vec_push(to,
				 ((struct pair){xstrdup(p->value), xstrdup(strbuf_cstr(&value))}));
		if (value.p)
			mem_wipe(value.p, value.size);
		strbuf_done(&value);
		if (rc != RC_OK)
			return err_set(err, rc, "secret %s (%s): %s", p->key, p->value, here.msg);
	}
	return RC_OK;
}

static enum rc compose(struct hub *h, const struct job_spec *spec, const struct exec_inputs *in,
		       char **ret, struct err *err)
{
	struct agent_order o = {.kind = ORDER_START};
	struct strbuf line = STRBUF(AGENT_ORDER_MAX);
	enum rc rc = sources(h, spec, in, &o.sources, err);

	if (rc == RC_OK)
		rc = secrets(spec, in, &o.secrets, err);
	shape_copy(&shape_job_spec, &o.spec, spec);
	if (rc == RC_OK)
		agent_order_write(&line, &o);
	if (rc == RC_OK && strbuf_failed(&line))
		rc = err_set(err, RC_TOO_BIG, "the job's definition is above %zu MiB",
			     AGENT_ORDER_MAX >> 20);
	agent_order_done(&o);
	if (rc == RC_OK) {
		*ret = strbuf_take(&line);
		return RC_OK;
	}
	if (line.p)
		mem_wipe(line.p, line.n);
	strbuf_done(&line);
	return rc;
}

/* Locked. Another attempt, or at another agent: what was before is over. */
static void replace(struct hub *h, struct hub_job *old)
{
	struct hub_agent *a = map_get(&h->agents, str_of(old->agent));

	if (a && a->stream)
		hub_order_job(h, a, ORDER_FORGET, old->id, old->attempt, 0);
	hub_job_drop(h, old);
}

static enum rc give(struct hub *h, const struct job_spec *spec, char *line, struct err *err)
{
	enum rc rc = RC_OK;

	hub_lock(h);
	struct hub_agent *a = map_get(&h->agents, str_of(spec->agent));
	struct hub_job *old = map_get(&h->jobs, str_of(spec->job));
	if (!a || a->lost) {
		rc = err_set(err, RC_UNAVAILABLE, "agent %s is not connected", spec->agent);
		hub_text_free(line);
	} else {
		if (old)
			replace(h, old);
		struct hub_job *job = hub_job_make(h, spec->job, spec->attempt, a->name);

		job->start = line;
		if (a->stream)
			hub_order(h, a, xstrdup(line));
	}
	hub_unlock(h);
	return rc;
}

enum rc hub_start(struct exec *x, const struct job_spec *spec, const struct exec_inputs *in,
		  struct err *err)
{
	struct hub *h = hub_of(x);
	struct err here = {0}, *e = err ? err : &here;
	struct agent_job ref = {.job = spec->job, .attempt = spec->attempt};
	char *line = NULL;

	if (!agent_is_name(str_of(spec->agent)))
		return err_set(err, RC_INVALID, "start %s: \"%.80s\" is no agent", ref.job,
			       spec->agent ? spec->agent : "");
	enum rc rc = agent_job_check(&ref, e);
	if (rc != RC_OK)
		return err_wrap(e, "start");
	hub_lock(h);
	const struct hub_agent *a = map_get(&h->agents, str_of(spec->agent));
	const struct hub_job *old = map_get(&h->jobs, str_of(spec->job));
	bool same = old && old->attempt == spec->attempt && streq(old->agent, spec->agent);
	if (!a || a->lost)
		rc = err_set(e, RC_UNAVAILABLE, "start %s: agent %s is not connected", spec->job,
			     spec->agent);
	hub_unlock(h);
	if (same || rc != RC_OK)
		return rc;
	rc = compose(h, spec, in, &line, e);
	if (rc == RC_OK)
		rc = give(h, spec, line, e);
	return rc == RC_OK ? rc : err_wrap(e, "start %s", spec->job);
}
