/*
 * What an installation is set to.
 *
 * GET secrets: {"secrets":[{"name":"DB_PASSWORD","changed_at":usec,"problem":"...","missing":true,"used_by":[{"repo","unit","job","as"}]}]}, in order of name.
 * No value, and nothing that tells of one. missing: a penstock.yml names it, and nobody has written it. unit, job: who gets it, in the variable `as`.
 *
 * GET notifiers: {"notifiers":[{"repo","name","kind":"webhook|log","host":"hooks.example","page":true}]}, as the newest trusted penstock.yml of each repository
 * has them. Of a webhook only the host: its path is often the secret. page: production.on_failure.page names it.
 *
 * GET settings: {"version","started","settings":[{"name":"cache-max","value":"20 GiB","help":"..."}]}, what the daemon runs with (api_options.settings).
 */
#include "api/reads.h"

#include <stdlib.h>

/* ---- each trusted penstock.yml ---- */

typedef void config_fn(void *ctx, const char *repo, const struct config *c);

static void each_config(const struct model *m, config_fn *fn, void *ctx)
{
	const struct project *project = model_project(m);
	bool any = false;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *src = e->value;
		const struct config *config = model_config(m, src->config);

		if (config)
			fn(ctx, src->id, config);
		any = any || config;
	}
	if (!any && project && model_config(m, project->config))
		fn(ctx, NULL, model_config(m, project->config));
}

/* ---- secrets ---- */

struct use {
	char *secret, *repo, *unit, *job, *as;
};
struct entry {
	char *name, *problem;
	usec_t changed;
	bool found;
};
struct vault {
	VEC(struct use) uses;
	VEC(struct entry) entries;
};

static void vault_free(void *data)
{
	struct vault *v = data;

	vec_each(u, &v->uses) {
		xfree(u->secret);
		xfree(u->repo);
		xfree(u->unit);
		xfree(u->job);
		xfree(u->as);
	}
	vec_each(e, &v->entries) {
		xfree(e->name);
		xfree(e->problem);
	}
	vec_done(&v->uses);
	vec_done(&v->entries);
	xfree(v);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void add_uses(struct vault *v, const char *repo, const char *unit, const char *job,
		     const pairs *list)
{
	vec_each(p, list) {
		if (!p->value || !str_starts(str_of(p->value), "file:"))
			continue;
		vec_push(&v->uses, ((struct use){xstrdup(p->value + 5), copy(repo), copy(unit),
						 copy(job), copy(p->key)}));
	}
}

static void add_config_uses(void *ctx, const char *repo, const struct config *c)
{
	vec_each(u, &c->units)
		add_uses(ctx, repo, u->name, NULL, &u->secrets);
	vec_each(job, &c->jobs)
		add_uses(ctx, repo, NULL, job->name, &job->secrets);
}

static void add_entry(void *ctx, const char *name, usec_t changed, const char *problem)
{
	struct vault *v = ctx;

	vec_push(&v->entries, ((struct entry){xstrdup(name), copy(problem), changed, true}));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void sort_entries(struct vault *v)
{
	if (v->entries.n)
		qsort(v->entries.v, v->entries.n, sizeof(v->entries.v[0]), by_name);
}

/* Those that are named but not there, as entries, too. */
static void add_missing(struct vault *v)
{
	sort_entries(v);
	size_t n = v->entries.n;

	vec_each(u, &v->uses) {
		const struct entry key = {.name = u->secret};
		bool known = n && bsearch(&key, v->entries.v, n, sizeof(key), by_name);

		for (size_t i = n; !known && i < v->entries.n; i++)
			known = streq(v->entries.v[i].name, u->secret);
		if (!known)
			vec_push(&v->entries, ((struct entry){.name = xstrdup(u->secret)}));
	}
	sort_entries(v);
}

static void write_uses(struct json_out *o, const struct vault *v, const char *secret)
{
	bool any = false;

	vec_each(u, &v->uses) {
		if (!streq(u->secret, secret))
			continue;
		if (!any)
			json_list(o, "used_by");
		any = true;
		json_open(o, NULL);
		json_word(o, "repo", u->repo);
		json_word(o, "unit", u->unit);
		json_word(o, "job", u->job);
		json_word(o, "as", u->as);
		json_close(o);
	}
	if (any)
		json_unlist(o);
}

static void read_secrets(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	struct vault *v = c->data;

	c->rc = secret_names(engine_world(c->api->e)->secret, add_entry, v, &c->err);
	if (c->rc != RC_OK)
		return;
	add_missing(v);
	json_open(&o, NULL);
	json_list(&o, "secrets");
	vec_each(e, &v->entries) {
		json_open(&o, NULL);
		json_cstr(&o, "name", e->name);
		json_some(&o, "changed_at", e->changed);
		json_word(&o, "problem", e->problem);
		if (!e->found)
			json_bool(&o, "missing", true);
		write_uses(&o, v, e->name);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}

void get_secrets(struct call *c)
{
	struct vault *v = xcalloc(1, sizeof(*v));

	if (!engine_world(c->api->e)->secret) {
		vault_free(v);
		call_failf(c, RC_UNSUPPORTED, "this daemon has no provider of secrets");
		return;
	}
	each_config(engine_model(c->api->e), add_config_uses, v);
	c->data = v;
	c->free_data = vault_free;
	call_work(c, read_secrets);
}

/* ---- notifiers ---- */

/* "https://user:word@hooks.example:8443/T0/B0": "hooks.example:8443" */
static struct str host_of(const char *url)
{
	const char *at = strstr(url, "://");
	struct str host = {at ? at + 3 : url, strcspn(at ? at + 3 : url, "/?#")};

	for (size_t i = host.n; i > 0; i--)
		if (host.p[i - 1] == '@')
			return (struct str){host.p + i, host.n - i};
	return host;
}

static void write_notifiers(void *ctx, const char *repo, const struct config *c)
{
	struct json_out *o = ctx;

	vec_each(n, &c->notify) {
		json_open(o, NULL);
		json_word(o, "repo", repo);
		json_word(o, "name", n->name);
		json_word(o, "kind", n->kind);
		if (n->url)
			json_str(o, "host", host_of(n->url));
		if (c->page && n->name && streq(c->page, n->name))
			json_bool(o, "page", true);
		json_close(o);
	}
}

void get_notifiers(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_list(&o, "notifiers");
	each_config(engine_model(c->api->e), write_notifiers, &o);
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}

/* ---- what the daemon runs with ---- */

static void write_setting(void *to, const char *name, const char *value, const char *help)
{
	struct json_out *o = to;

	json_open(o, NULL);
	json_cstr(o, "name", name);
	json_cstr(o, "value", value);
	json_cstr(o, "help", help);
	json_close(o);
}

void get_settings(struct call *c)
{
	const struct api_options *options = &c->api->o;
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_word(&o, "version", options->version);
	json_u64(&o, "started", c->api->started);
	json_list(&o, "settings");
	if (options->settings)
		options->settings(options->ctx, write_setting, &o);
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}
