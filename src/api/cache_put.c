/*
 * An entry on its way in: the loop fills one buffer while a worker writes the other, and the client waits when both are full. What is small is
 * one turn of a worker.
 */
#include "api/cache_impl.h"

#include "base/log.h"
#include "base/mem.h"

#define BUFFER  ((size_t)256 << 10)
#define RUN_MAX 200

struct upload {
	struct upload *prev, *next;
	struct cache_service *s;
	struct request *r; /* NULL: the client left, or has its answer */
	struct cache_route route;
	char scope[TOOL_SCOPE_MAX + 1], lane[32];
	struct tool_meta meta;
	struct tool_put *put;
	struct strbuf fill, busy; /* the loop's; the worker's */
	struct strbuf action;     /* all of an ActionResult, which is looked at */
	uint64_t announced;
	bool working, ended, last, begun, is_action, replace;
	enum rc rc;
	struct err err;
};

static void upload_free(struct upload *u)
{
	if (u->prev)
		u->prev->next = u->next;
	else
		u->s->uploads = u->next;
	if (u->next)
		u->next->prev = u->prev;
	tool_put_drop(u->s->cache, u->put);
	tool_meta_done(&u->meta);
	strbuf_done(&u->fill);
	strbuf_done(&u->busy);
	strbuf_done(&u->action);
	xfree(u);
}

void uploads_free(struct cache_service *s)
{
	while (s->uploads) {
		if (s->uploads->r)
			reply_text(s->uploads->r, 503, "");
		upload_free(s->uploads);
	}
}

/* ---- on a worker ---- */

/* A result in the place that names lost blobs makes room for one that is whole. */
static void make_way(struct upload *u, const struct tool_key *k)
{
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};

	if (tool_cache_find(u->s->cache, k, &f, NULL) == RC_OK &&
	    !action_is_whole(u->s->cache, k, &f) && tool_cache_forget(u->s->cache, k, &u->err))
		u->rc = u->err.rc;
}

static void begin(struct upload *u)
{
	struct tool_key k = {u->scope, u->route.space, u->route.id};
	struct str head = strbuf_str(&u->busy);

	u->begun = true;
	if (u->route.part == PART_ACTION) {
		u->is_action = action_kind_of(head) != ACTION_RAW;
		u->replace = action_is_ccache_manifest(head);
	}
	bool trusted = streq(u->scope, TOOL_TRUSTED);
	if (u->is_action && trusted)
		make_way(u, &k);
	/* A blob is the same wherever it stands; other entries of a pull request stand before the trusted ones. */
	if (u->rc == RC_OK && !u->replace &&
	    ((trusted && tool_cache_has_own(u->s->cache, &k)) ||
	     (u->route.part == PART_BLOB && tool_cache_touch(u->s->cache, &k))))
		u->rc = err_set(&u->err, RC_CONFLICT, "it is there already");
	if (u->rc == RC_OK)
		u->rc = tool_cache_put(u->s->cache, &k, u->announced, &u->put, &u->err);
}

static bool any(void *ctx, enum digest_of what, struct str hex)
{
	(void)ctx;
	(void)what;
	(void)hex;
	return true;
}

static void keep(struct upload *u)
{
	struct tool_put *p = u->put;
	struct digest want;
	bool blob = u->route.part == PART_BLOB;

	if (u->is_action) {
		struct str text = strbuf_str(&u->action);

		u->rc = strbuf_failed(&u->action)
				? err_set(&u->err, RC_TOO_BIG, "an ActionResult above %zu bytes",
					  ACTION_MAX)
				: action_digests(text, action_kind_of(text), any, NULL, &u->err);
		if (u->rc != RC_OK)
			return;
	}
	if (blob && !digest_parse(str_of(u->route.id), &want)) {
		u->rc = err_set(&u->err, RC_INVALID, "the key is no SHA-256");
		return;
	}
	u->put = NULL;
	u->rc = tool_put_keep(u->s->cache, p, &u->meta, blob ? &want : NULL, u->replace, &u->err);
}

static void work(void *arg)
{
	struct upload *u = arg;

	if (!u->begun)
		begin(u);
	if (u->rc == RC_OK && u->busy.n) {
		if (u->is_action)
			strbuf_addstr(&u->action, strbuf_str(&u->busy));
		u->rc = tool_put_write(u->s->cache, u->put, strbuf_str(&u->busy), &u->err);
	}
	strbuf_clear(&u->busy);
	if (u->last && u->rc == RC_OK)
		keep(u);
}

/* ---- on the loop ---- */

static unsigned status_for(const struct tool_rules *t, enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return t->stored;
	case RC_CONFLICT:
		return t->there;
	case RC_TOO_BIG:
		return t->too_big;
	case RC_DENIED:
		return t->denied;
	case RC_CORRUPT:
	case RC_INVALID:
		return t->broken;
	case RC_NOT_FOUND:
	case RC_UNAVAILABLE:
	case RC_NO_SPACE:
	case RC_UNSUPPORTED:
	case RC_INTERNAL:
		return t->failed;
	}
	return t->failed;
}

static void reply_put(struct request *r, enum tool tool, enum rc rc, const char *why)
{
	unsigned status = status_for(&tool_rules[tool], rc);
	AUTO(strbuf_done) struct strbuf text = STRBUF(2048);
	struct json_out o = JSON_OUT(&text);

	if (tool != TOOL_TURBO) {
		strbuf_addf(&text, "%s\n", rc == RC_OK ? "stored" : why);
		reply_text(r, status, strbuf_cstr(&text));
		return;
	}
	json_open(&o, NULL);
	if (status < 300) {
		json_list(&o, "urls");
		json_unlist(&o);
	} else {
		json_open(&o, "error");
		json_cstr(&o, "code", status == 403 ? "forbidden" : rc_name(rc));
		json_cstr(&o, "message", why);
		json_close(&o);
	}
	json_close(&o);
	request_reply(r, status, "application/json", strbuf_str(&text));
}

static void count(struct upload *u)
{
	struct tool_counts *n = &u->s->counts[u->route.tool];

	if (u->rc == RC_OK) {
		n->stored++;
		n->bytes_in += u->meta.size;
	} else if (u->rc == RC_CONFLICT) {
		n->there++;
	} else {
		n->failed++;
		LOG(LOG_WARN, "an entry was not put into the build cache",
		    LF("space", u->route.space), LF("id", u->route.id), LF("error", u->err.msg));
	}
}

static void answer(struct upload *u)
{
	struct request *r = u->r;

	count(u);
	u->r = NULL;
	reply_put(r, u->route.tool, u->rc, u->err.msg);
	upload_free(u);
}

static void worked(void *arg);

static void next_turn(struct upload *u)
{
	struct strbuf empty = u->busy;

	u->busy = u->fill;
	u->fill = empty;
	u->working = true;
	u->last = u->ended;
	loop_work(u->s->loop, u->lane, work, worked, u);
}

static void worked(void *arg)
{
	struct upload *u = arg;

	u->working = false;
	if (!u->r) {
		upload_free(u);
	} else if (u->rc != RC_OK || u->last) {
		answer(u);
	} else {
		if (u->ended || u->fill.n >= BUFFER)
			next_turn(u);
		request_more(u->r);
	}
}

static size_t piece(void *ctx, struct request *r, struct str bytes)
{
	struct upload *u = ctx;
	size_t room = BUFFER - u->fill.n, n = MIN_OF(room, bytes.n);

	(void)r;
	strbuf_add(&u->fill, bytes.p, n);
	if (u->fill.n < BUFFER || u->working)
		return n;
	next_turn(u);
	return n + (n < bytes.n ? piece(ctx, r, (struct str){bytes.p + n, bytes.n - n}) : 0);
}

static void end(void *ctx, struct request *r)
{
	struct upload *u = ctx;

	(void)r;
	u->ended = true;
	if (!u->working)
		next_turn(u);
}

static void gone(void *ctx)
{
	struct upload *u = ctx;

	u->r = NULL;
	if (!u->working)
		upload_free(u);
}

static const struct body_ops ops = {piece, end, gone};

static struct upload *upload_new(struct cache_service *s, struct request *r,
				 const struct cache_route *route, const char *scope)
{
	struct upload *u = xcalloc(1, sizeof(*u));
	const char *writer = request_holder(r) ? request_holder(r) : request_actor(r);
	const char *run = request_header(r, "X-Penstock-Run");

	*u = (struct upload){.s = s,
			     .r = r,
			     .route = *route,
			     .next = s->uploads,
			     .announced = request_length(r),
			     .fill = STRBUF(BUFFER),
			     .busy = STRBUF(BUFFER),
			     .action = STRBUF(ACTION_MAX)};
	snprintf(u->scope, sizeof(u->scope), "%s", scope);
	snprintf(u->lane, sizeof(u->lane), "cache put %u", s->puts++);
	if (u->next)
		u->next->prev = u;
	s->uploads = u;
	u->meta.writer = xstrdup(writer ? writer : "");
	if (run && str_is_utf8(str_of(run)))
		u->meta.run = xstrndup(run, MIN_OF(strlen(run), (size_t)RUN_MAX));
	return u;
}

static enum rc take_notes(struct upload *u, struct request *r, struct err *err)
{
	const struct tool_rules *t = &tool_rules[u->route.tool];
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < TOOL_NOTES && t->notes[i]; i++) {
		const char *value = request_header(r, t->notes[i]);

		/* Only a result's own type is worth keeping: moon's is JSON. */
		if (value && (u->route.tool != TOOL_BAZEL || u->route.part == PART_ACTION))
			rc = tool_meta_note(&u->meta, t->notes[i], value, err);
	}
	return rc;
}

/* Refusals that need no look at the disk. */
static enum rc look_at_head(struct cache_service *s, struct request *r,
			    const struct cache_route *route, struct err *err)
{
	uint64_t n = request_length(r);
	const char *encoding = request_header(r, "Content-Encoding");

	if (request_is_read_only(r))
		return err_set(err, RC_DENIED, "this token may only read");
	if (route->what == CACHE_BAD_ID)
		return err_set(err, RC_INVALID, "no entry can be called so");
	if (n == HTTPD_NO_LENGTH || !request_header(r, "Content-Length"))
		return err_set(err, RC_INVALID, "a PUT must say its Content-Length");
	if (encoding && !streq(encoding, "identity"))
		return err_set(err, RC_INVALID, "bytes are kept as they are: no Content-Encoding");
	if (n > s->cache->max / 2)
		return err_set(err, RC_TOO_BIG,
			       "%llu bytes are above the %llu that one entry may have",
			       (unsigned long long)n, (unsigned long long)s->cache->max / 2);
	return RC_OK;
}

void take_put(struct cache_service *s, struct request *r, const struct cache_route *route,
	      const char *scope)
{
	struct err err = {0};
	enum rc rc = look_at_head(s, r, route, &err);

	if (rc != RC_OK) {
		struct tool_counts *n = &s->counts[route->tool];

		*(rc == RC_DENIED ? &n->denied : &n->failed) += 1;
		if (rc == RC_DENIED && s->listener.denied)
			s->listener.denied(s->listener.ctx, r, "a write into the build caches",
					   err.msg);
		reply_put(r, route->tool, rc, err.msg);
		return;
	}
	struct upload *u = upload_new(s, r, route, scope);
	rc = take_notes(u, r, &err);
	if (rc != RC_OK) {
		u->r = NULL;
		reply_put(r, route->tool, rc, err.msg);
		upload_free(u);
		return;
	}
	request_take_body(r, &ops, u);
}
