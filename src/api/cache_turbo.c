/* What Turborepo's client asks beside entries: is there a cache, which of these are in it, and here is what happened. */
#include "api/cache_impl.h"

#include "base/mem.h"

#define ASKED_MAX 20000

static void reply_json(struct cache_job *j)
{
	struct str body = strbuf_str(&j->body);

	if (j->rc == RC_OK)
		request_reply(j->r, 200, "application/json", body);
	else
		reply_text(j->r, j->rc == RC_INVALID ? 400 : 500, j->err.msg);
	cache_job_free(j);
}

static void write_one(struct cache_job *j, struct json_out *o, const char *hash)
{
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};
	struct tool_key k = {j->scope, j->route.space, hash};
	uint64_t ms = 0;

	if (tool_cache_find(j->s->cache, &k, &f, NULL) != RC_OK) {
		json_nil(o, hash);
		return;
	}
	const char *duration = tool_meta_get(&f.meta, "x-artifact-duration"),
		   *tag = tool_meta_get(&f.meta, "x-artifact-tag");
	if (duration && !parse_u64(str_of(duration), &ms))
		ms = 0;
	json_open(o, hash);
	json_u64(o, "size", f.meta.size);
	json_u64(o, "taskDurationMs", ms);
	json_cstr(o, "tag", tag ? tag : "");
	json_close(o);
}

/* {"hashes": ["..."]} -> {"...": {"size", "taskDurationMs", "tag"} or null} */
static void query(struct cache_job *j)
{
	AUTO(json_freep) struct json *asked = NULL;
	AUTO(strbuf_done) struct strbuf out = STRBUF(TREE_MAX);
	struct json_out o = JSON_OUT(&out);

	j->rc = json_read(strbuf_str(&j->body), HTTPD_MAX_BODY, &asked, &j->err);
	const struct json *list = json_get(asked, "hashes");
	if (j->rc == RC_OK && (json_kind_of(list) != JSON_LIST || json_count(list) > ASKED_MAX))
		j->rc = err_set(&j->err, RC_INVALID, "{\"hashes\": [...]} is wanted, at most %d",
				ASKED_MAX);
	if (j->rc != RC_OK)
		return;
	json_open(&o, NULL);
	for (size_t i = 0; i < json_count(list); i++)
		write_one(j, &o, json_text(json_at(list, i), ""));
	json_close(&o);
	strbuf_clear(&j->body);
	strbuf_addstr(&j->body, strbuf_str(&out));
}

static void got_query(void *ctx, struct request *r)
{
	struct cache_service *s = ctx;
	const char *team = request_query(r, "slug");
	struct cache_route route;

	BUG_ON(!cache_route_parse(request_path(r), team ? team : request_query(r, "teamId"),
				  &route)); /* it led here */
	struct cache_job *j = cache_job_new(s, r, &route, scope_of(r));
	strbuf_addstr(&j->body, request_body(r));
	j->fn = query;
	j->done = reply_json;
	cache_job_start(j);
}

/* Counted by what was asked of us; what hit in the client's own cache is the client's business. */
static void got_events(void *ctx, struct request *r)
{
	(void)ctx;
	request_reply(r, 200, "application/json", STR("{}\n"));
}

void take_turbo(struct cache_service *s, struct request *r, const struct cache_route *route)
{
	const char *method = request_method(r);
	bool post = streq(method, "POST");

	if (route->what == CACHE_STATUS && (streq(method, "GET") || streq(method, "HEAD"))) {
		request_reply(r, 200, "application/json", STR("{\"status\":\"enabled\"}\n"));
	} else if (route->what == CACHE_QUERY && post) {
		request_take_whole(r, got_query, s);
	} else if (route->what == CACHE_EVENTS && post) {
		request_take_whole(r, got_events, s);
	} else {
		request_add_header(r, "Allow", route->what == CACHE_STATUS ? "GET, HEAD" : "POST");
		reply_text(r, 405, "not with this method\n");
	}
}
