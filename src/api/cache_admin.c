/* What people ask of the build caches: how much is in them, how often they help, and that something goes. */
#include "api/cache_impl.h"

#include "base/mem.h"

#define ADMIN_PATH "/api/v1/cache"
#define PRUNE_PATH ADMIN_PATH "/prune"

static void finish(struct cache_job *j)
{
	if (j->rc == RC_OK) {
		request_reply(j->r, 200, "application/json", strbuf_str(&j->body));
	} else {
		AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
		struct json_out o = JSON_OUT(&text);

		AUTO(freep) char *type = xasprintf("urn:penstock:problem:%s", rc_name(j->rc));

		json_open(&o, NULL);
		json_cstr(&o, "type", type);
		json_cstr(&o, "title", rc_name(j->rc));
		json_u64(&o, "status", j->rc == RC_INVALID ? 400 : 500);
		json_cstr(&o, "detail", j->err.msg);
		json_cstr(&o, "code", rc_name(j->rc));
		json_close(&o);
		request_reply(j->r, j->rc == RC_INVALID ? 400 : 500, "application/json",
			      strbuf_str(&text));
	}
	cache_job_free(j);
}

static void add_usage(void *ctx, const struct tool_usage *u)
{
	struct json_out *o = ctx;

	json_open(o, NULL);
	json_cstr(o, "scope", u->scope);
	json_cstr(o, "space", u->space);
	json_u64(o, "entries", u->entries);
	json_u64(o, "bytes", u->bytes);
	json_close(o);
}

static void look(struct cache_job *j)
{
	struct json_out o = JSON_OUT(&j->body);

	json_list(&o, "spaces");
	j->rc = tool_cache_usage(j->s->cache, add_usage, &o, &j->err);
	json_unlist(&o);
}

/* The counts are the loop's. */
static void looked(struct cache_job *j)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(TREE_MAX + 65536);
	struct json_out o = JSON_OUT(&out);

	json_open(&o, NULL);
	json_u64(&o, "max", j->s->cache->max);
	json_list(&o, "tools");
	for (int i = 0; i < TOOL_KINDS; i++) {
		const struct tool_counts *n = &j->s->counts[i];

		json_open(&o, NULL);
		json_cstr(&o, "tool", tool_rules[i].name);
		json_u64(&o, "hits", n->hits);
		json_u64(&o, "misses", n->misses);
		json_u64(&o, "stored", n->stored);
		json_u64(&o, "there", n->there);
		json_u64(&o, "denied", n->denied);
		json_u64(&o, "failed", n->failed);
		json_u64(&o, "damaged", n->damaged);
		json_u64(&o, "bytes_in", n->bytes_in);
		json_u64(&o, "bytes_out", n->bytes_out);
		json_close(&o);
	}
	json_unlist(&o);
	strbuf_addc(&out, ',');
	strbuf_addstr(&out, strbuf_str(&j->body));
	strbuf_adds(&out, "}\n");
	strbuf_clear(&j->body);
	strbuf_addstr(&j->body, strbuf_str(&out));
	finish(j);
}

static void prune(struct cache_job *j)
{
	struct json_out o = JSON_OUT(&j->body);

	j->rc = tool_cache_prune(j->s->cache, j->prune_scope, j->keep, &j->gone, &j->err);
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_u64(&o, "gone", j->gone);
	json_close(&o);
	strbuf_addc(&j->body, '\n');
}

static void pruned(struct cache_job *j)
{
	const struct cache_listener *l = &j->s->listener;

	if (j->rc == RC_OK && l->pruned)
		l->pruned(l->ctx, j->r, j->prune_scope, j->keep, j->gone);
	finish(j);
}

/* POST ?keep=SIZE[&scope=trusted|pr/N]; nothing goes when keep is not said. */
static void got_prune(void *ctx, struct request *r)
{
	struct cache_job *j = cache_job_new(ctx, r, NULL, TOOL_TRUSTED);
	const char *keep = request_query(r, "keep"), *scope = request_query(r, "scope");
	struct tool_key k = {scope ? scope : TOOL_TRUSTED, "x", "x"};

	if (!keep || !parse_size(str_of(keep), &j->keep))
		j->rc = err_set(&j->err, RC_INVALID,
				"?keep= wants a size such as 10Gi, or 0 for nothing");
	else if (!tool_key_good(&k))
		j->rc = err_set(&j->err, RC_INVALID, "?scope= is trusted or pr/NUMBER");
	if (j->rc != RC_OK) {
		finish(j);
		return;
	}
	j->prune_scope = scope ? xstrdup(scope) : NULL;
	j->fn = prune;
	j->done = pruned;
	cache_job_start(j);
}

bool take_admin(struct cache_service *s, struct request *r)
{
	const char *path = request_path(r), *method = request_method(r);

	if (!request_actor(r)) /* the API says who may */
		return false;
	if (streq(path, PRUNE_PATH) && streq(method, "POST") && !request_is_read_only(r)) {
		request_take_whole(r, got_prune, s);
		return true;
	}
	if (streq(path, PRUNE_PATH) && streq(method, "POST") && s->listener.denied)
		s->listener.denied(s->listener.ctx, r, "POST " PRUNE_PATH,
				   "who may only read the build caches does not empty them");
	if (!streq(path, ADMIN_PATH) || (!streq(method, "GET") && !streq(method, "HEAD")))
		return false;
	struct cache_job *j = cache_job_new(s, r, NULL, TOOL_TRUSTED);

	j->fn = look;
	j->done = looked;
	cache_job_start(j);
	return true;
}
