/* Who is turned away before anybody looks at the request: too many, too often, or by a name that is not ours. */
#include "io/httpd_impl.h"

#include <sys/random.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/clock.h"
#include "io/httpd_header.h"

#define RETRY_CONNECT 1

static void or_else(struct rate *r, uint32_t per_second, uint32_t burst)
{
	if (!r->per_second)
		*r = (struct rate){per_second, burst};
	r->burst = MAX_OF(r->burst, 1u);
}

void guard_init(struct httpd *h)
{
	uint64_t seed[2] = {0};

	BUG_ON(getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed));
	h->rates = xmalloc(sizeof(*h->rates));
	rates_init(h->rates, seed);
	or_else(&h->o.actor_rate, 100, 500);
	or_else(&h->o.scope_rate, UINT32_MAX, 1); /* a build asks for thousands of entries */
	or_else(&h->o.stranger_rate, 20, 60);
	if (!h->o.streams_max)
		h->o.streams_max = HTTPD_STREAMS;
	if (!h->o.streams_each)
		h->o.streams_each = MAX_OF(h->o.streams_max / 4, (size_t)HTTPD_STREAMS_EACH);
	h->check_hosts = h->o.hosts != NULL;
	for (size_t i = 0; h->o.hosts && h->o.hosts[i]; i++)
		vec_push(&h->hosts, xstrdup(h->o.hosts[i]));
}

void guard_done(struct httpd *h)
{
	vec_each(name, &h->hosts)
		xfree(*name);
	vec_done(&h->hosts);
	xfree(h->rates);
}

/* ---- connections ---- */

/* Whoever opens connections and says nothing holds no place that somebody else needs. */
static void cut_oldest_stranger(struct httpd *h)
{
	for (struct conn *c = h->oldest; c; c = c->prev)
		if (c->way != WAY_UNIX && !c->known && !c->busy && !c->cut) {
			c->cut = true;
			shutdown(c->fd, SHUT_RDWR);
			return;
		}
}

void guard_accepted(struct httpd *h, struct conn *c)
{
	h->n_way[c->way]++;
	c->over = h->n_way[c->way] > h->o.streams_max + HTTPD_REQUESTS;
	if (c->way == WAY_UNIX)
		return;
	h->n_strangers++;
	if (h->n_strangers > HTTPD_STRANGERS)
		cut_oldest_stranger(h);
}

void guard_closed(struct httpd *h, struct conn *c)
{
	h->n_way[c->way]--;
	if (c->way != WAY_UNIX && !c->known)
		h->n_strangers--;
}

/* ---- requests ---- */

static bool is_our_name(const struct request *r, struct str name)
{
	const struct httpd *h = r->h;

	if (host_is_address(name) || host_is_loopback(name))
		return true;
	vec_each(own, &h->hosts)
		if (host_eq(name, str_of(*own)))
			return true;
	return h->tls && r->conn->way == WAY_TCP && tls_is_for(h->tls, name);
}

/* Browsers always send a host; what sends none (HTTP/1.0) is no browser. */
static bool has_wrong_host(const struct request *r, struct refusal *ret)
{
	const char *header = request_header(r, "Host");
	struct str name;

	if (!r->h->check_hosts || !header)
		return false;
	if (!host_read(str_of(header), &name)) {
		*ret = (struct refusal){.status = 400, .rc = RC_INVALID};
		(void)snprintf(ret->detail, sizeof(ret->detail), "the header Host names no host");
		return true;
	}
	if (is_our_name(r, name))
		return false;
	*ret = (struct refusal){.status = 421, .rc = RC_INVALID};
	(void)snprintf(
		ret->detail, sizeof(ret->detail),
		"this daemon does not answer by the name %.*s: start it with --public-url or --host of that name",
		(int)MIN_OF(name.n, 100u), name.p);
	return true;
}

/* Of an IPv6 address its network: whoever has one has them all. */
static void key_of_address(const struct request *r, char ret[REQUEST_ADDRESS])
{
	unsigned colons = 0;

	request_address(r, ret);
	if (strstr(ret, "::") == ret) /* the loopback, and the like */
		return;
	for (char *p = ret; *p; p++) {
		if (*p != ':')
			continue;
		if (p[1] == ':' || ++colons == 4) {
			*p = 0;
			return;
		}
	}
}

static bool asks_too_often(const struct request *r, struct refusal *ret)
{
	const struct httpd_options *o = &r->h->o;
	char address[REQUEST_ADDRESS];
	const struct rate *limit = &o->actor_rate;
	const char *who = r->actor;

	if (o->unlimited && str_starts(str_of(r->path), o->unlimited))
		return false;
	if (!who && r->scope) {
		who = r->holder;
		limit = &o->scope_rate;
	} else if (!who) {
		key_of_address(r, address);
		who = address;
		limit = &o->stranger_rate;
	}
	usec_t wait = rates_take(r->h->rates, str_of(who), limit, clock_mono());
	if (!wait)
		return false;
	*ret = (struct refusal){.status = 429,
				.rc = RC_UNAVAILABLE,
				.retry_after = (unsigned)((wait + USEC_SEC - 1) / USEC_SEC)};
	(void)snprintf(ret->detail, sizeof(ret->detail),
		       "too many requests of %.80s: %u a second, %u at once", who,
		       limit->per_second, limit->burst);
	return true;
}

bool guard_refuses(struct request *r, struct refusal *ret)
{
	if (r->conn->over) {
		*ret = (struct refusal){
			.status = 503, .rc = RC_UNAVAILABLE, .retry_after = RETRY_CONNECT};
		(void)snprintf(ret->detail, sizeof(ret->detail),
			       "too many connections: try again later");
		return true;
	}
	if (r->conn->way == WAY_UNIX)
		return false;
	if (has_wrong_host(r, ret))
		return true;
	peer_identify(r);
	if (!r->conn->known && (r->actor || r->scope)) {
		r->conn->known = true;
		r->h->n_strangers--;
	}
	return asks_too_often(r, ret);
}
