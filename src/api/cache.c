/* The build caches: who asks for what, and entries that are read. */
#include "api/cache_impl.h"

#include "base/log.h"
#include "base/mem.h"

#define PLAIN "text/plain; charset=utf-8"

const char *scope_of(const struct request *r)
{
	if (request_scope(r))
		return request_scope(r);
	return request_actor(r) ? TOOL_TRUSTED : NULL;
}

/* Nx's client wants problems in plain text. */
void reply_text(struct request *r, unsigned status, const char *text)
{
	request_reply(r, status, PLAIN, str_of(text));
}

/* ---- jobs ---- */

struct cache_job *cache_job_new(struct cache_service *s, struct request *r,
				const struct cache_route *route, const char *scope)
{
	struct cache_job *j = xcalloc(1, sizeof(*j));

	*j = (struct cache_job){.s = s, .r = r, .next = s->jobs, .body = STRBUF(TREE_MAX)};
	if (route)
		j->route = *route;
	snprintf(j->scope, sizeof(j->scope), "%s", scope);
	j->found.fd = -1;
	if (j->next)
		j->next->prev = j;
	s->jobs = j;
	return j;
}

void cache_job_free(struct cache_job *j)
{
	if (j->prev)
		j->prev->next = j->next;
	else
		j->s->jobs = j->next;
	if (j->next)
		j->next->prev = j->prev;
	tool_found_done(&j->found);
	strbuf_done(&j->body);
	xfree(j->prune_scope);
	xfree(j);
}

static void on_thread(void *arg)
{
	struct cache_job *j = arg;

	j->fn(j);
}

static void on_loop(void *arg)
{
	struct cache_job *j = arg;

	j->done(j);
}

void cache_job_start(struct cache_job *j)
{
	char lane[32];

	snprintf(lane, sizeof(lane), "cache %u", j->s->turn++ % LANES);
	loop_work(j->s->loop, lane, on_thread, on_loop, j);
}

/* ---- entries ---- */

static void find_entry(struct cache_job *j)
{
	struct tool_key k = {j->scope, j->route.space, j->route.id};

	j->rc = tool_cache_find(j->s->cache, &k, &j->found, &j->err);
	if (j->rc != RC_OK || j->route.part != PART_ACTION)
		return;
	if (action_is_whole(j->s->cache, &k, &j->found))
		return;
	/* It would only be a promise that we cannot keep; its maker may put it again. */
	k.scope = j->found.trusted ? TOOL_TRUSTED : j->scope;
	tool_found_done(&j->found);
	j->rc = tool_cache_forget(j->s->cache, &k, &j->err);
	if (j->rc == RC_OK)
		j->rc = err_set(&j->err, RC_NOT_FOUND, "a blob of %s is missing", j->route.id);
}

static void count_miss(struct cache_job *j)
{
	struct tool_counts *n = &j->s->counts[j->route.tool];

	n->misses++;
	if (j->rc == RC_NOT_FOUND)
		return;
	if (j->rc == RC_CORRUPT)
		n->damaged++;
	else
		n->failed++;
	LOG(LOG_WARN, "an entry of the build cache cannot be read: the client hears of a miss",
	    LF("space", j->route.space), LF("id", j->route.id), LF("error", j->err.msg));
}

/* Whatever went wrong is a miss: a cache that fails must never fail a build. */
static void answer_entry(struct cache_job *j)
{
	struct tool_counts *n = &j->s->counts[j->route.tool];
	struct tool_found *f = &j->found;
	const char *type = "application/octet-stream";

	if (j->rc != RC_OK) {
		count_miss(j);
		reply_text(j->r, 404, "not here\n");
		cache_job_free(j);
		return;
	}
	n->hits++;
	for (size_t i = 0; i < TOOL_NOTES && f->meta.notes[i].name; i++) {
		if (streq(f->meta.notes[i].name, "content-type"))
			type = f->meta.notes[i].value;
		else
			request_add_header(j->r, f->meta.notes[i].name, f->meta.notes[i].value);
	}
	if (f->meta.writer)
		request_add_header(j->r, "X-Penstock-Writer", f->meta.writer);
	if (f->meta.run)
		request_add_header(j->r, "X-Penstock-Run", f->meta.run);
	if (streq(request_method(j->r), "GET"))
		n->bytes_out += f->meta.size;
	if (f->fd < 0) {
		request_reply(j->r, 200, type, strbuf_str(&f->bytes));
	} else {
		request_reply_file(j->r, 200, type, f->fd, 0, f->meta.size);
		f->fd = -1;
	}
	cache_job_free(j);
}

static void take_get(struct cache_service *s, struct request *r, const struct cache_route *route,
		     const char *scope)
{
	if (route->what == CACHE_BAD_ID) {
		reply_text(r, 404, "no entry can be called so\n");
		return;
	}
	if (route->part == PART_BLOB && streq(route->id, EMPTY_SHA)) {
		request_reply(r, 200, "application/octet-stream", STR(""));
		return;
	}
	struct cache_job *j = cache_job_new(s, r, route, scope);

	j->fn = find_entry;
	j->done = answer_entry;
	cache_job_start(j);
}

/* ---- the way in ---- */

static void refuse_stranger(struct request *r)
{
	request_add_header(r, "WWW-Authenticate", "Basic realm=\"penstock\"");
	reply_text(
		r, 401,
		"who are you? send a token of this server's, as Bearer or as Basic password; make one with: penstock cache token NAME --scope trusted\n");
}

static void take_preflight(struct request *r)
{
	request_add_header(r, "Allow", "GET, HEAD, PUT, POST, OPTIONS");
	request_add_header(r, "Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, OPTIONS");
	request_add_header(
		r, "Access-Control-Allow-Headers",
		"Authorization, Content-Type, User-Agent, x-artifact-duration, x-artifact-tag, x-artifact-sha, x-artifact-dirty-hash, x-artifact-client-ci, x-artifact-client-interactive");
	request_reply(r, 200, PLAIN, STR(""));
}

static void take_route(struct cache_service *s, struct request *r, const struct cache_route *route)
{
	const char *method = request_method(r), *scope = scope_of(r);

	if (streq(method, "OPTIONS")) {
		take_preflight(r);
	} else if (!scope) {
		refuse_stranger(r);
	} else if (route->what != CACHE_ENTRY && route->what != CACHE_BAD_ID) {
		take_turbo(s, r, route);
	} else if (streq(method, "GET") || streq(method, "HEAD")) {
		take_get(s, r, route, scope);
	} else if (streq(method, "PUT")) {
		take_put(s, r, route, scope);
	} else {
		request_add_header(r, "Allow", "GET, HEAD, PUT");
		reply_text(r, 405, "an entry is read with GET or HEAD and written with PUT\n");
	}
}

bool cache_take(void *ctx, struct request *r)
{
	struct cache_service *s = ctx;
	const char *path = request_path(r);
	struct cache_route route;

	if (take_admin(s, r))
		return true;
	if (streq(path, "/status") &&
	    scope_of(r)) { /* moon and Bazel's tools look whether we live */
		request_reply(r, 200, "application/json", STR("{\"status\":\"enabled\"}\n"));
		return true;
	}
	const char *team = request_query(r, "slug");
	if (!cache_route_parse(path, team ? team : request_query(r, "teamId"), &route))
		return false;
	take_route(s, r, &route);
	return true;
}

void cache_service_listen(struct cache_service *s, const struct cache_listener *l)
{
	s->listener = *l;
}

struct cache_service *cache_service_new(struct loop *l, struct tool_cache *cache)
{
	struct cache_service *s = xcalloc(1, sizeof(*s));

	s->loop = l;
	s->cache = cache;
	return s;
}

void cache_service_free(struct cache_service *s)
{
	if (!s)
		return;
	while (s->jobs) {
		request_reply(s->jobs->r, 503, PLAIN, STR(""));
		cache_job_free(s->jobs);
	}
	uploads_free(s);
	xfree(s);
}
