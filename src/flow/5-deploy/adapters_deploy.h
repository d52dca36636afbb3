/* The constructors of this folder's adapters, and what only main and tests do with them. */
#pragma once
#include "ports/route.h"
#include "ports/runtime.h"

/* ---- route_haproxy: a supervised HAProxy, everything below <data>/splitter/ ---- */
struct route_haproxy_options {
	const char *data;    /* absolute path of the data folder */
	const char *haproxy; /* NULL: found in PATH and /usr/sbin */
	uint32_t port_base;  /* first port of front doors; 0: 18080 */
	uint32_t port_count; /* 0: 1000 */
};
/* Reads what was ordered before and listens for facts; HAProxy is found or started by the first
 * ensure() or services(). */
MUST_CHECK enum rc route_haproxy_new(const struct route_haproxy_options *o, struct route **ret,
				     struct err *err);
/* Ends HAProxy (free() leaves it at work): requests that are under way get a second. */
MUST_CHECK enum rc route_haproxy_stop(struct route *r, struct err *err);
/* Is there an HAProxy that can do it? RC_UNSUPPORTED says what to install. For `penstock
 * doctor`. */
MUST_CHECK enum rc route_probe(struct err *reason);

/* ---- route_fake: keeps real shares in memory; for the simulator ---- */
MUST_CHECK enum rc route_fake_new(struct route **ret, struct err *err);
enum route_fake_call {
	ROUTE_FAKE_SERVICES,
	ROUTE_FAKE_SERVERS,
	ROUTE_FAKE_SET,
	ROUTE_FAKE_CONFIRM,
	ROUTE_FAKE_ENSURE,
	ROUTE_FAKE_CALLS
};
/* The next `after` calls of this kind work, the `times` after them fail with rc. */
void route_fake_fail(struct route *r, enum route_fake_call call, uint32_t after, uint32_t times,
		     enum rc rc);
/* set() says yes and does nothing, for the next n calls; a later ensure() or set() makes it
 * true. */
void route_fake_lie(struct route *r, uint32_t n);
/* What was set is seen by confirm() and by requests only after n more calls of confirm(). */
void route_fake_slow(struct route *r, uint32_t n);
/* Where does the next request go? u is uniform in [0, 1). NULL: nowhere (503). The answer is
 * borrowed until servers() changes. */
const struct route_server *route_fake_pick(struct route *r, const char *environment,
					   const char *unit, double u);
/* Let a request have happened: facts() will tell. */
void route_fake_fact(struct route *r, const struct route_fact *fact);

/* ---- runtime_local: containers or processes under penstock-shim, in <data>/replicas/ ---- */
enum runtime_mode { RUNTIME_AUTO, RUNTIME_CONTAINER, RUNTIME_PROCESS };
struct runtime_local_options {
	const char *data; /* absolute path of the data folder */
	const char *shim; /* absolute path of penstock-shim */
	enum runtime_mode mode;
	const char *oci;     /* OCI runtime; NULL: what runtime_probe() finds */
	uint32_t port_base;  /* first port of replicas; 0: 20000 */
	uint32_t port_count; /* 0: 10000 */
};
MUST_CHECK enum rc runtime_local_new(const struct runtime_local_options *o, struct runtime **ret,
				     struct err *err);
/* How this one runs replicas: RUNTIME_CONTAINER or RUNTIME_PROCESS. */
enum runtime_mode runtime_local_mode(const struct runtime *r);
struct runtime_oci {
	char path[256];    /* of runc or crun */
	bool hide_unified; /* crun where cgroups are hybrid: hide the v2 mount from it */
};
/* Which OCI runtime can start containers here? RC_UNSUPPORTED: none, with the reason and the
 * fix. For `penstock doctor` as well. */
MUST_CHECK enum rc runtime_probe(struct runtime_oci *ret, struct err *reason);

/* ---- runtime_fake: a world in memory with a clock of its own ---- */
MUST_CHECK enum rc runtime_fake_new(struct runtime **ret, struct err *err);
struct runtime_fake_behaviour {
	uint64_t ready_after; /* usec from the start to ready */
	bool never_ready;     /* probes fail, one each 250 ms */
	uint64_t crash_after; /* usec from each start to an exit; 0: it does not */
	uint64_t crash_at;    /* world time from which crash_after holds; 0: always */
	int64_t exit;         /* of a crash */
};
/* How replicas of this image behave from now on; NULL: of images that have no word of their own. */
void runtime_fake_behave(struct runtime *r, const char *image,
			 const struct runtime_fake_behaviour *b);
/* The world's time moves to now (usec); replicas start, get ready, crash and come back by it. */
void runtime_fake_tick(struct runtime *r, uint64_t now);
enum runtime_fake_call {
	RUNTIME_FAKE_START,
	RUNTIME_FAKE_STOP,
	RUNTIME_FAKE_POLL,
	RUNTIME_FAKE_CALLS
};
void runtime_fake_fail(struct runtime *r, enum runtime_fake_call call, uint32_t after,
		       uint32_t times, enum rc rc);
