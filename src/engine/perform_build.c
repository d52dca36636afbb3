/* Jobs are started, images packed; and what an executor or a runtime asks the other ports for. */
#include "base/glob.h"
#include "engine/engine_impl.h"
#include "project/results.h"

/* References to no secret of anybody's: penstock.yml cannot hold them. */
#define CACHE_SCOPE "tool-cache:"
#define ID_TOKEN    "id-token:"

static struct engine *engine_of(void *ctx)
{
	return ((struct job_inputs *)ctx)->e;
}

static bool has_wildcard(const char *path)
{
	return strpbrk(path, "*?[{") != NULL;
}

/* "tools/x/" + "**" -> "tools/x"; "*.c" -> "." */
static char *literal_folder(const char *pattern)
{
	size_t n = strcspn(pattern, "*?[{");

	while (n && pattern[n - 1] != '/')
		n--;
	return n ? xstrndup(pattern, n - 1) : xstrdup(".");
}

static enum rc expand(struct engine *e, const struct change *c, const char *pattern, texts *to,
		      struct err *err)
{
	char *folder = literal_folder(pattern);
	char *const folders[] = {folder};
	texts none = {0}, list = {.v = (char **)(uintptr_t)folders, .n = 1};
	struct tree_facts facts = {0};
	enum rc rc = scm_tree(e->w.scm, c->repo, c->commit, &none, &list, &facts, err);

	if (rc == RC_OK)
		vec_each(entry, &facts.entries)
			if (glob_match(str_of(pattern), str_of(entry->path)))
				vec_push(to, xstrdup(entry->path));
	tree_facts_done(&facts);
	xfree(folder);
	return rc;
}

static enum rc lay_sources(void *ctx, const struct change *c, const texts *paths, const char *into,
			   struct err *err)
{
	struct engine *e = engine_of(ctx);
	texts all = {0};
	enum rc rc = RC_OK;

	vec_each(path, paths) {
		if (rc == RC_OK && has_wildcard(*path))
			rc = expand(e, c, *path, &all, err);
		else if (rc == RC_OK)
			vec_push(&all, xstrdup(*path));
	}
	if (rc == RC_OK)
		rc = scm_materialise(e->w.scm, c->repo, c->commit, &all, into, err);
	vec_each(path, &all)
		xfree(*path);
	vec_done(&all);
	return rc;
}

static enum rc lay_outputs(void *ctx, const char *manifest, const char *into, const char *own,
			   struct err *err)
{
	struct engine *e = engine_of(ctx);

	return e->w.lay_outputs(e->w.blobs, manifest, into, own, err);
}

static enum rc id_token(const struct job_inputs *in, const char *name, struct strbuf *ret,
			struct err *err)
{
	const struct world *w = &in->e->w;

	if (in->spec && in->spec->trusted && w->id_token)
		vec_each(t, &in->spec->def.id_tokens)
			if (streq(t->name, name))
				return w->id_token(w->id_ctx, in->spec, &t->aud, ret, err);
	return err_set(err, RC_NOT_FOUND, "the job has no such token");
}

static enum rc service_secret(void *ctx, const char *reference, struct strbuf *ret, struct err *err)
{
	struct engine *e = ctx;

	return secret_get(e->w.secret, reference, ret, err);
}

static enum rc get_secret(void *ctx, const char *reference, struct strbuf *ret, struct err *err)
{
	struct engine *e = engine_of(ctx);

	if (str_starts(str_of(reference), ID_TOKEN))
		return id_token(ctx, reference + strlen(ID_TOKEN), ret, err);
	if (e->w.cache_token && str_starts(str_of(reference), CACHE_SCOPE))
		return e->w.cache_token(e->w.cache_ctx, reference + strlen(CACHE_SCOPE), ret, err);
	return secret_get(e->w.secret, reference, ret, err);
}

static enum rc keep_outputs(void *ctx, const char *dir, const texts *globs, char **ret_manifest,
			    struct err *err)
{
	struct engine *e = engine_of(ctx);

	return e->w.keep_outputs(e->w.blobs, dir, (const char *const *)globs->v, globs->n,
				 ret_manifest, err);
}

static enum rc keep_file(void *ctx, const char *path, char **ret_hex, struct err *err)
{
	struct engine *e = engine_of(ctx);
	char hex[DIGEST_HEX + 1];
	uint64_t size;
	enum rc rc = blobs_put_file(e->w.blobs, path, hex, &size, err);

	if (rc == RC_OK)
		*ret_hex = xstrdup(hex);
	return rc;
}

static enum rc lay_rootfs(void *ctx, const char *image, const char *into, struct strbuf *ret_config,
			  struct err *err)
{
	struct engine *e = ctx;

	return pack_rootfs(e->w.pack, image, into, ret_config, err);
}

static enum rc front_door(void *ctx, const char *environment, const char *unit, char **ret_url,
			  struct err *err)
{
	struct engine *e = ctx;

	return route_front_door(e->w.route, environment, unit, ret_url, err);
}

void inputs_init(struct engine *e)
{
	e->no_job = (struct job_inputs){e, NULL};
	e->exec_inputs = (struct exec_inputs){&e->no_job, lay_sources,  lay_outputs,
					      get_secret, keep_outputs, keep_file};
	e->runtime_inputs = (struct runtime_inputs){e, lay_rootfs, service_secret, front_door};
}

/* Where the build caches are, and a token that writes no further than the change is trusted. An agent says itself where its way to them begins. */
static void add_tool_cache(struct engine *e, struct job_spec *spec)
{
	const struct change *c = &spec->change;

	if (!e->w.tool_cache || !e->w.cache_token || !spec->def.network ||
	    spec->def.stage != STAGE_CI)
		return;
	if (!spec->agent || streq(spec->agent, "local"))
		vec_push(&spec->env,
			 ((struct pair){xstrdup("PENSTOCK_TOOL_CACHE"), xstrdup(e->w.tool_cache)}));
	char *scope = c->kind == CHANGE_PULL
			      ? xasprintf(CACHE_SCOPE "pr/%s", c->number ? c->number : "0")
			      : xstrdup(CACHE_SCOPE "trusted");
	vec_push(&spec->def.secrets, ((struct pair){xstrdup("PENSTOCK_TOOL_CACHE_TOKEN"), scope}));
}

/* Tokens go to a job as secrets do, so that they stand on no disk and in no log. A change from a fork gets none: whoever writes it could be anybody. */
static void add_id_tokens(struct engine *e, struct job_spec *spec)
{
	if (!spec->trusted || !e->w.id_token)
		return;
	vec_each(t, &spec->def.id_tokens)
		vec_push(&spec->def.secrets,
			 ((struct pair){xstrdup(t->name), xasprintf(ID_TOKEN "%s", t->name)}));
}

/* "url:production/orders" becomes the front door's address. */
static enum rc resolve_urls(struct engine *e, struct job_spec *spec, struct err *err)
{
	vec_each(p, &spec->env) {
		if (!str_starts(str_of(p->value), "url:"))
			continue;
		struct str rest = str_of(p->value + strlen("url:")), head = str_cut(&rest, '/');
		AUTO(freep) char *environment = xstrndup(head.p, head.n);
		char *url = NULL;
		enum rc rc =
			route_front_door(e->w.route, environment, rest.p ? rest.p : "", &url, err);

		if (rc != RC_OK && rc != RC_NOT_FOUND)
			return rc;
		xfree(p->value);
		p->value =
			url ? url : xstrdup(""); /* a service that was never deployed has no door */
	}
	return RC_OK;
}

enum rc perform_start_job(struct engine *e, const struct effect *f, struct outcome *ret,
			  struct err *err)
{
	struct job_spec spec = {0};

	shape_copy(&shape_job_spec, &spec, &f->spec);
	struct job_inputs about = {e, &spec};
	struct exec_inputs inputs = e->exec_inputs;

	inputs.ctx = &about;
	add_tool_cache(e, &spec);
	add_id_tokens(e, &spec);
	enum rc rc = resolve_urls(e, &spec, err);
	if (rc == RC_OK)
		rc = exec_start(e->w.exec, &spec, &inputs, err);
	shape_done(&shape_job_spec, &spec);
	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_JOB_STARTED;
	ret->ev.job = xstrdup(f->job);
	ret->ev.id = f->spec.agent ? xstrdup(f->spec.agent) : NULL;
	ret->ev.count = f->spec.attempt;
	return RC_OK;
}

/* Another run packed the same key meanwhile, or a blob of its result was lost: the image is the same, only who made it differs. */
static enum rc keep_result(struct engine *e, const struct result *r, struct err *err)
{
	struct result old = {0};
	struct err ignored = {0};
	enum rc rc = blobs_put_result(e->w.blobs, r, err);

	if (rc != RC_CONFLICT)
		return rc;
	enum rc known = blobs_get_result(e->w.blobs, r->key, &old, &ignored);
	if (known == RC_NOT_FOUND || (known == RC_OK && streq(old.image, r->image)))
		rc = RC_OK;
	shape_done(&shape_result, &old);
	return rc;
}

enum rc perform_pack(struct engine *e, const struct effect *f, struct outcome *ret, struct err *err)
{
	struct packed packed = {0};
	char envelope[DIGEST_HEX + 1];
	struct event *ev = &ret->ev;
	enum rc rc = pack_image(e->w.pack, &f->spec, &packed, err);

	if (rc != RC_OK)
		return rc;
	if (packed.sbom) {
		AUTO(strbuf_done) struct strbuf body = STRBUF((size_t)16 << 20);

		rc = blobs_get(e->w.blobs, packed.sbom, (size_t)16 << 20, &body, err);
		if (rc == RC_OK)
			rc = sign_attest(e->w.sign, packed.image, "sbom", strbuf_str(&body),
					 envelope, err);
	}
	AUTO(freep) char *scope = result_scope(&f->spec.change);
	AUTO(freep) char *key = result_key(scope, f->spec.key);
	struct result r = {
		.key = key, .image = packed.image, .outputs = packed.sbom, .run = f->run};
	if (rc == RC_OK && !f->spec.unkeyed)
		rc = keep_result(e, &r, err);
	if (rc == RC_OK) {
		ev->kind = EV_JOB_ENDED;
		ev->job = xstrdup(f->job);
		ev->count = f->spec.attempt;
		ev->image = xstrdup(packed.image);
		ev->outputs = packed.sbom ? xstrdup(packed.sbom) : NULL;
	}
	packed_done(&packed);
	return rc;
}
