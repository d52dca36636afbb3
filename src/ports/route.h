/*
 * Port: splits the traffic of an environment's services between versions and tells what happened to each request.
 * set/servers/confirm block for some milliseconds (lane "route/<environment>"); facts are read on the loop. Adapters: route_haproxy (supervised HAProxy, runtime API, ring to a
 * unix stream), route_fake.
 */
#pragma once
#include "core/effect.h"

#define ROUTE_MAX_SERVERS 128
struct route_server {
	const char *image;
	uint32_t index;
	const char *address;
	uint32_t port;
	bool ready;
};
struct route_fact {
	double t;
	const char *environment, *unit, *image;
	uint32_t index;
	uint16_t status;
	double ms;
	uint16_t retries;
};

struct route;
struct route_ops {
	const char *name;
	enum rc (*services)(struct route *r, const char *environment, const texts *units,
			    struct err *err);
	enum rc (*servers)(struct route *r, const char *environment, const char *unit,
			   const struct route_server *list, size_t n, struct err *err);
	enum rc (*set)(struct route *r, const char *environment, const char *unit,
		       const char *image, double share, struct err *err);
	enum rc (*confirm)(struct route *r, const char *environment, const char *unit,
			   const char *image, double *ret_share, struct err *err);
	enum rc (*front_door)(struct route *r, const char *environment, const char *unit,
			      char **ret_url, struct err *err);
	enum rc (*ensure)(struct route *r, struct err *err);
	int (*fd)(struct route *r);
	enum rc (*facts)(struct route *r, void (*each)(void *ctx, const struct route_fact *),
			 void *ctx, struct err *err);
	void (*free)(struct route *r);
};
struct route {
	const struct route_ops *ops;
};
/* These services have a front door (a stable loopback port each, kept in <data>) from now on; those that had one before keep it. */
MUST_CHECK static inline enum rc route_services(struct route *r, const char *environment,
						const texts *units, struct err *err)
{
	return r->ops->services(r, environment, units, err);
}
/* The servers behind a front door are exactly these; a new one gets no traffic until set(). Ones that leave are drained first (their open requests end). Idempotent. */
MUST_CHECK static inline enum rc route_servers(struct route *r, const char *environment,
					       const char *unit, const struct route_server *list,
					       size_t n, struct err *err)
{
	return n > ROUTE_MAX_SERVERS ? err_set(err, RC_TOO_BIG,
					       "%s has %zu replicas; the splitter takes at most %d",
					       unit, n, ROUTE_MAX_SERVERS)
				     : r->ops->servers(r, environment, unit, list, n, err);
}
/* image gets `share` (0..1) of the requests, all other versions the rest, by number of servers. Kept until the next set(), also over changes of servers.
 * A version that is new to servers() waits for the next set(); one that was set to 0 is out until it is set again, also of "the rest". Idempotent. */
MUST_CHECK static inline enum rc route_set(struct route *r, const char *environment,
					   const char *unit, const char *image, double share,
					   struct err *err)
{
	return share < 0 || share > 1
		       ? err_set(err, RC_INVALID, "weight %g is not between 0 and 1", share)
		       : r->ops->set(r, environment, unit, image, share, err);
}
/* Read the share back from the data plane itself. */
MUST_CHECK static inline enum rc route_confirm(struct route *r, const char *environment,
					       const char *unit, const char *image,
					       double *ret_share, struct err *err)
{
	return r->ops->confirm(r, environment, unit, image, ret_share, err);
}
/* "http://127.0.0.1:18080"; the caller's. */
MUST_CHECK static inline enum rc route_front_door(struct route *r, const char *environment,
						  const char *unit, char **ret_url, struct err *err)
{
	return r->ops->front_door(r, environment, unit, ret_url, err);
}
/* Once a second and at start: the splitter lives and has what set() and servers() ordered; restarted and refilled when it had died or its socket had gone. */
MUST_CHECK static inline enum rc route_ensure(struct route *r, struct err *err)
{
	return r->ops->ensure(r, err);
}
static inline int route_fd(struct route *r)
{
	return r->ops->fd(r);
}
/* The requests that ended since the last call, in order of arrival. Never blocks. */
MUST_CHECK static inline enum rc route_facts(struct route *r,
					     void (*each)(void *ctx, const struct route_fact *),
					     void *ctx, struct err *err)
{
	return r->ops->facts(r, each, ctx, err);
}
static inline void route_free(struct route *r)
{
	if (r)
		r->ops->free(r);
}
