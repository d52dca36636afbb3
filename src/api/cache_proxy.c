/* The proxy's decisions: whether the server is asked at all, and what the client hears. */
#include "api/cache_proxy_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"

#define LEAST      10240 /* bytes a second */
#define AWAY_FIRST USEC_SEC
#define AWAY_MOST  (30 * USEC_SEC)

/* ---- is the server there? ---- */

static bool may_ask(struct cache_proxy *p)
{
	if (!p->away)
		return true;
	if (p->probing || clock_mono() < p->away_until)
		return false;
	p->probing = true;
	return true;
}

static void went_well(struct cache_proxy *p)
{
	if (p->away)
		LOG(LOG_INFO, "the cache server is back", LF("server", p->server));
	p->away = 0;
	p->probing = false;
}

static void went_badly(struct cache_proxy *p, const char *why)
{
	usec_t now = clock_mono();

	p->probing = false;
	if (p->away && now < p->away_until)
		return; /* one that was asked before we knew */
	if (!p->away)
		LOG(LOG_WARN,
		    "the cache server does not serve: builds go on without it, and it is asked again from time to time",
		    LF("server", p->server), LF("error", why));
	p->away = p->away ? MIN_OF(2 * p->away, AWAY_MOST) : AWAY_FIRST;
	p->away_until = now + p->away;
}

/* ---- what the client hears ---- */

static void json(struct request *r, const char *text)
{
	request_reply(r, 200, "application/json", str_of(text));
}

/* As a cache that is empty and takes all. Nx knows only 200 for what it puts. */
void proxy_shield(struct cache_proxy *p, struct request *r, const struct cache_route *route)
{
	const char *method = request_method(r);

	p->counts.shielded++;
	if (!route || route->what == CACHE_STATUS)
		json(r, "{\"status\":\"enabled\"}\n");
	else if (route->what == CACHE_QUERY || route->what == CACHE_EVENTS)
		json(r, "{}\n");
	else if (streq(method, "PUT"))
		json(r, "{\"urls\":[]}\n");
	else
		reply_text(r, 404, "not here\n");
}

/* Statuses that the tool's client takes without a failed build; all others are ours to hide. */
static bool is_harmless(const struct passing *x, int status)
{
	const struct tool_rules *t = &tool_rules[x->route.tool];

	if (!x->known)
		return status == 200;
	if (x->is_put)
		return (unsigned)status == t->stored || (unsigned)status == t->there ||
		       (unsigned)status == t->denied || (unsigned)status == t->too_big;
	return status == 200 || (x->route.what == CACHE_ENTRY && status == 404);
}

static void passed(void *arg)
{
	struct passing *x = arg;
	struct cache_proxy *p = x->proxy;
	int status = x->answer.status;

	if (x->rc != RC_OK || status >= 500) {
		char text[64];

		snprintf(text, sizeof(text), "status %d", status);
		went_badly(p, x->rc == RC_OK ? text : x->err.msg);
	} else {
		went_well(p);
	}
	if (x->rc != RC_OK || !is_harmless(x, status)) {
		if (x->rc == RC_OK && status < 500 && !p->told_refusal) {
			LOG(LOG_WARN, "the cache server refuses us: every read is a miss",
			    LF("server", p->server), LFN("status", status));
			p->told_refusal = true;
		}
		proxy_shield(p, x->r, x->known ? &x->route : NULL);
		passing_free(x);
		return;
	}
	p->counts.puts += x->is_put && status < 300;
	p->counts.hits += !x->is_put && status == 200 && x->route.what == CACHE_ENTRY;
	p->counts.misses += !x->is_put && status == 404;
	const char *type = "application/octet-stream";
	vec_each(h, &x->answer.headers) {
		if (strcasecmp(h->name, "content-type") == 0)
			type = h->value;
		else
			request_add_header(x->r, h->name, h->value);
	}
	request_reply_file(x->r, (unsigned)status, type, x->from_server, 0, x->answer.size);
	x->from_server = -1;
	passing_free(x);
}

static const char *const wanted[] = {"content-type", "x-artifact-", "x-penstock-", NULL};

static void pass_on(void *arg)
{
	struct passing *x = arg;
	struct cache_proxy *p = x->proxy;
	struct relay_ask q = {.method = x->method,
			      .url = x->url,
			      .headers = (const char *const *)x->headers.v,
			      .body = x->from_client,
			      .body_size = x->size,
			      .connect = p->connect,
			      .patience = p->patience,
			      .least = LEAST,
			      .max = UINT64_MAX / 4};

	x->rc = spool_open(p, &x->from_server, &x->err);
	q.to = x->from_server;
	if (x->rc == RC_OK)
		x->rc = relay_pass(p->relay, &q, wanted, &x->answer, &x->err);
}

void proxy_pass(struct passing *x)
{
	char lane[32];

	if (!may_ask(x->proxy)) {
		proxy_shield(x->proxy, x->r, x->known ? &x->route : NULL);
		passing_free(x);
		return;
	}
	snprintf(lane, sizeof(lane), "proxy %u", x->proxy->turn++ % LANES);
	loop_work(x->proxy->loop, lane, pass_on, passed, x);
}

bool proxy_server_is_away(const struct cache_proxy *p)
{
	return p->away && (p->probing || clock_mono() < p->away_until);
}

/* ---- start and end ---- */

enum rc spool_open(const struct cache_proxy *p, int *ret, struct err *err)
{
	AUTO(freep) char *name = xasprintf("%s/penstock-proxy-XXXXXX", p->spool);

	*ret = open(p->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*ret >= 0)
		return RC_OK;
	*ret = mkostemp(name, O_CLOEXEC); /* a file system without nameless files */
	if (*ret < 0)
		return err_errno(err, errno, "a file in %s", p->spool);
	unlink(name);
	return RC_OK;
}

static void nothing_here(void *ctx, struct request *r)
{
	(void)ctx;
	reply_text(r, 404, "this is a proxy for build caches only\n");
}

enum rc cache_proxy_new(struct loop *l, const struct cache_proxy_options *o,
			struct cache_proxy **ret, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	struct str server = str_of(o->server);

	if (!str_starts(server, "http://") && !str_starts(server, "https://"))
		return err_set(err, RC_INVALID,
			       "\"%.100s\" is no http or https URL of a cache server", o->server);
	while (str_ends(server, "/"))
		server.n--;
	struct cache_proxy *p = xcalloc(1, sizeof(*p));
	p->loop = l;
	p->server = xstrndup(server.p, server.n);
	p->token = o->token ? xstrdup(o->token) : NULL;
	p->run = o->run ? xstrdup(o->run) : NULL;
	p->spool = xstrdup(o->spool ? o->spool : tmp && *tmp ? tmp : "/tmp");
	p->connect = o->connect ? o->connect : USEC_SEC;
	p->patience = o->patience ? o->patience : 5 * USEC_SEC;
	p->ca = o->ca ? xstrdup(o->ca) : NULL;
	p->relay = relay_new(p->ca);
	struct httpd_options ho = {.address = o->address,
				   .port = o->port,
				   .any_port = o->port == 0,
				   /* its clients bring tokens that are not ours to know */
				   .stranger_rate = {UINT32_MAX, 1},
				   .handle = nothing_here,
				   .ctx = p};
	enum rc rc = httpd_new(l, &ho, &p->httpd, err);
	if (rc != RC_OK) {
		cache_proxy_free(p);
		return rc;
	}
	httpd_add_taker(p->httpd, proxy_take, p);
	*ret = p;
	return RC_OK;
}

uint16_t cache_proxy_port(const struct cache_proxy *p)
{
	return httpd_port(p->httpd);
}

struct cache_proxy_counts cache_proxy_counts(const struct cache_proxy *p)
{
	return p->counts;
}

void cache_proxy_stop(struct cache_proxy *p)
{
	httpd_free(p->httpd);
	p->httpd = NULL;
}

void cache_proxy_free(struct cache_proxy *p)
{
	if (!p)
		return;
	if (p->httpd)
		cache_proxy_stop(p);
	while (p->passings) {
		if (p->passings->r)
			reply_text(p->passings->r, 503, "");
		passing_free(p->passings);
	}
	relay_free(p->relay);
	if (p->token)
		mem_wipe(p->token, strlen(p->token));
	xfree(p->token);
	xfree(p->server);
	xfree(p->run);
	xfree(p->ca);
	xfree(p->spool);
	xfree(p);
}
