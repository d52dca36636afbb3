/* The proxy's way in: what is passed on, and the client's body into a file. */
#include "api/cache_proxy_impl.h"

#include <unistd.h>

#include "base/mem.h"
#include "io/files.h"

#define BUFFER ((size_t)256 << 10)

void passing_free(struct passing *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		x->proxy->passings = x->next;
	if (x->next)
		x->next->prev = x->prev;
	vec_each(h, &x->headers) {
		if (*h)
			mem_wipe(*h, strlen(*h));
		xfree(*h);
	}
	vec_done(&x->headers);
	relay_answer_done(&x->answer);
	fd_close(&x->from_client);
	fd_close(&x->from_server);
	strbuf_done(&x->held);
	xfree(x->method);
	xfree(x->url);
	xfree(x);
}

static const char *const passed_up[] = {"Content-Type",
					"Accept",
					"User-Agent",
					"x-artifact-duration",
					"x-artifact-tag",
					"x-artifact-sha",
					"x-artifact-dirty-hash",
					"x-artifact-client-ci"};

static void add_headers(struct passing *x)
{
	const struct cache_proxy *p = x->proxy;
	const char *auth = request_header(x->r, "Authorization");

	for (size_t i = 0; i < ARRAY_LEN(passed_up); i++) {
		const char *value = request_header(x->r, passed_up[i]);

		if (value)
			vec_push(&x->headers, xasprintf("%s: %s", passed_up[i], value));
	}
	if (p->token)
		vec_push(&x->headers, xasprintf("Authorization: Bearer %s", p->token));
	else if (auth)
		vec_push(&x->headers, xasprintf("Authorization: %s", auth));
	if (p->run)
		vec_push(&x->headers, xasprintf("X-Penstock-Run: %s", p->run));
	vec_push(&x->headers, NULL);
}

/* The path holds no byte that would need escaping: cache_route_parse() took it. */
static char *url_of(const struct cache_proxy *p, struct request *r)
{
	AUTO(strbuf_done) struct strbuf url = STRBUF(8192);
	const char *team;

	strbuf_addf(&url, "%s%s", p->server, request_path(r));
	if ((team = request_query(r, "slug"))) {
		strbuf_adds(&url, "?slug=");
		strbuf_add_urlencoded(&url, str_of(team));
	} else if ((team = request_query(r, "teamId"))) {
		strbuf_adds(&url, "?teamId=");
		strbuf_add_urlencoded(&url, str_of(team));
	}
	return strbuf_take(&url);
}

static struct passing *passing_new(struct cache_proxy *p, struct request *r)
{
	struct passing *x = xcalloc(1, sizeof(*x));

	*x = (struct passing){.proxy = p,
			      .r = r,
			      .next = p->passings,
			      .from_client = -1,
			      .from_server = -1,
			      .held = STRBUF(BUFFER),
			      .method = xstrdup(request_method(r)),
			      .url = url_of(p, r)};
	snprintf(x->lane, sizeof(x->lane), "proxy body %u", p->turn++);
	if (x->next)
		x->next->prev = x;
	p->passings = x;
	add_headers(x);
	return x;
}

/* ---- the client's body ---- */

static void write_held(void *arg)
{
	struct passing *x = arg;

	if (x->from_client < 0)
		x->rc = spool_open(x->proxy, &x->from_client, &x->err);
	if (x->rc == RC_OK)
		x->rc = fd_write(x->from_client, x->held.p, x->held.n, &x->err);
}

static void wrote(void *arg)
{
	struct passing *x = arg;

	x->writing = false;
	x->size += x->held.n;
	strbuf_clear(&x->held);
	x->drop = x->drop || x->rc != RC_OK; /* no room here: the build goes on all the same */
	if (!x->r) {
		passing_free(x);
	} else if (!x->ended) {
		request_more(x->r);
	} else if (x->drop) {
		proxy_shield(x->proxy, x->r, &x->route);
		passing_free(x);
	} else {
		proxy_pass(x);
	}
}

static void start_writing(struct passing *x)
{
	x->writing = true;
	loop_work(x->proxy->loop, x->lane, write_held, wrote, x);
}

static size_t piece(void *ctx, struct request *r, struct str bytes)
{
	struct passing *x = ctx;

	(void)r;
	if (x->drop)
		return bytes.n;
	if (x->writing)
		return 0;
	size_t n = MIN_OF(BUFFER - x->held.n, bytes.n);
	strbuf_add(&x->held, bytes.p, n);
	if (x->held.n == BUFFER)
		start_writing(x);
	return n;
}

static void end(void *ctx, struct request *r)
{
	struct passing *x = ctx;

	(void)r;
	x->ended = true;
	if (x->writing)
		return; /* wrote() goes on */
	if (x->drop) {
		proxy_shield(x->proxy, x->r, &x->route);
		passing_free(x);
		return;
	}
	start_writing(x);
}

static void gone(void *ctx)
{
	struct passing *x = ctx;

	x->r = NULL;
	if (!x->writing)
		passing_free(x);
}

static const struct body_ops ops = {piece, end, gone};

/* ---- the way in ---- */

static void answer_preflight(struct request *r)
{
	request_add_header(r, "Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, OPTIONS");
	request_add_header(
		r, "Access-Control-Allow-Headers",
		"Authorization, Content-Type, User-Agent, x-artifact-duration, x-artifact-tag, x-artifact-sha, x-artifact-dirty-hash, x-artifact-client-ci");
	request_reply(r, 200, "text/plain", STR(""));
}

bool proxy_take(void *ctx, struct request *r)
{
	struct cache_proxy *p = ctx;
	const char *method = request_method(r);
	struct cache_route route = {0};
	bool known = cache_route_parse(request_path(r), NULL, &route);

	if (!known && !streq(request_path(r), "/status"))
		return false;
	if (streq(method, "OPTIONS")) {
		answer_preflight(r);
		return true;
	}
	bool body = streq(method, "PUT") || streq(method, "POST");
	if ((!body && !streq(method, "GET") && !streq(method, "HEAD")) ||
	    route.what == CACHE_BAD_ID) {
		reply_text(r, route.what == CACHE_BAD_ID ? 404 : 405, "no entry is asked for so\n");
		return true;
	}
	struct passing *x = passing_new(p, r);
	x->route = route;
	x->known = known;
	x->is_put = streq(method, "PUT");
	if (body) {
		x->drop = proxy_server_is_away(p); /* not even into a file */
		request_take_body(r, &ops, x);
	} else {
		proxy_pass(x);
	}
	return true;
}
