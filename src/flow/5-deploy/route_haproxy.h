/*
 * Inside of route_haproxy: what its files share. How it works:
 *
 * One HAProxy for all environments, with <data>/splitter as its working folder. Each service has a
 * backend "<environment>:<unit>" and a frontend before it. A server is named "<index>.<image>",
 * so a name in a log line says all. Which server gets a request is drawn by `use-server
 * %[rand(1000),map(<service>)]`: the share of a version is the share of map entries that name its
 * servers. The map is replaced in one step (prepare, add, commit), so that no request sees half a
 * change, and draws are independent: a load that repeats itself cannot fall in step with the split,
 * as it does with `balance roundrobin` (measured: of a load of four kinds in turn, a canary at 5 %
 * got one kind only). `balance random` by weight is off by the unevenness of its hash ring
 * (measured: 4.6 % to 5.5 % for 5 %). Weights only say where requests go that must be sent again.
 *
 * Server sets and shares stand in state.json, and in the configuration and map files, so that an
 * HAProxy that died comes back with all of it. HAProxy is started detached: the death of this
 * process does not touch traffic.
 *
 * Facts: `ring` -> unix stream -> a tcp proxy in HAProxy itself -> facts.sock. The tcp proxy only
 * waits: HAProxy 2.6 spins at 100 % CPU on a ring server that refuses connections, which is the
 * case as long as this process is away.
 */
#pragma once
#include "flow/5-deploy/adapters_deploy.h"
#include "base/shape.h"
#include <pthread.h>

/* Checks are only a guard for the time in which nobody else looks. Connections are kept (a request
 * costs 30 us of CPU instead of 75), but not for long: a service that closes an idle one just as
 * a POST goes out on it would lose that request, which must not be sent twice. */
#define SPLIT_SERVER "check inter 1s fall 2 rise 1 pool-purge-delay 1s"
#define SPLIT_SLOTS  1000
#define SPLIT_NAME   256 /* a server's name */
#define SPLIT_LINES  (8u << 20)
#define SPLIT_REPLY  ((size_t)16 << 20)

/* An image's part in a service's traffic. */
enum split_role {
	SPLIT_NEW,
	SPLIT_IN,
	SPLIT_OUT
}; /* not in any set() yet; takes part in the rest; was set to 0 */
struct split_image {
	char *image;
	uint32_t role;
};
struct split_server {
	char *image;
	uint32_t index;
	char *address;
	uint32_t port;
	bool ready;
	/* not in the shape */
	uint32_t slots;
	uint64_t failed; /* wretr + wredis when last read; UINT64_MAX: not yet */
	bool seen;
};
struct split_service {
	char *environment, *unit;
	uint32_t port;
	char *image; /* of the last set(); NULL: none */
	double share;
	VEC(struct split_image) images;
	VEC(struct split_server) servers;
	/* not in the shape */
	texts leaving; /* names of servers that are being drained just now */
};
struct split_state {
	VEC(struct split_service) services;
};
extern const struct shape shape_split_state;

struct split_facts;
struct route_haproxy {
	struct route route;
	char *dir, *program;
	uint32_t port_base, port_count;
	int dirfd;
	pthread_mutex_t lock; /* guards all below; not held while a server drains */
	struct split_state state;
	int64_t pid;  /* of the HAProxy that has all of state; 0: none known */
	bool stopped; /* by route_haproxy_stop(): do not start it again */
	struct split_facts *facts;
};

/* route_share.c: pure. Fills `slots` of each server so that they sum to SPLIT_SLOTS (or all are
 * 0). */
void split_share(struct split_service *s);
/* The next role of each image when set(image, share) comes. */
void split_ordered(struct split_service *s, const char *image, double share);
/* The servers are these from now on, with their slots; who left is in s->leaving. True: something
 * is other than before. *ret_moved: one has another address; it left, and comes back when this is
 * called again. */
bool split_take(struct split_service *s, const struct route_server *list, size_t n,
		bool *ret_moved);
MUST_CHECK enum rc split_names_ok(const char *environment, const char *unit, struct err *err);
MUST_CHECK enum rc split_list_ok(const struct route_server *v, size_t n, struct err *err);
MUST_CHECK bool split_image_ok(const char *s);
void split_texts_done(texts *t);
void split_state_done(struct split_state *st);
uint32_t split_weight(const struct split_service *s, const struct split_server *v);

/* route_haproxy_state.c */
struct split_service *split_find(struct split_state *st, const char *environment, const char *unit);
void split_server_name(const struct split_server *v, char ret[SPLIT_NAME]);
/* "<index>.<image>" -> both; image points into name. */
MUST_CHECK bool split_name_read(struct str name, uint32_t *ret_index, struct str *ret_image);
MUST_CHECK enum rc split_load(struct route_haproxy *h, struct err *err);
MUST_CHECK enum rc split_save(struct route_haproxy *h, struct err *err);
/* Write haproxy.cfg and the maps. */
MUST_CHECK enum rc split_configure(struct route_haproxy *h, struct err *err);
void split_map_line(const struct split_service *s, uint32_t slot,
		    struct strbuf *to); /* slots in order of servers */

/* route_haproxy_cli.c: one command (no newline inside but in payloads), its answer without the
 * empty line at the end. RC_NOT_FOUND: nobody listens. */
MUST_CHECK enum rc split_ask(struct route_haproxy *h, struct str command, struct strbuf *ret,
			     struct err *err);
MUST_CHECK enum rc split_askf(struct route_haproxy *h, struct strbuf *ret, struct err *err,
			      const char *fmt, ...) PRINTF(4, 5);
/* The answer must be exactly this; else the error holds what was said. */
MUST_CHECK enum rc split_tell(struct route_haproxy *h, const char *answer, struct err *err,
			      const char *fmt, ...) PRINTF(4, 5);
struct split_stat {
	struct str proxy, server, status;
	uint64_t current, retries, redispatches, weight;
};
/* `show stat` of servers: each row is given to `each`. proxy NULL: all. */
MUST_CHECK enum rc split_stats(struct route_haproxy *h, const char *proxy,
			       void (*each)(void *ctx, const struct split_stat *), void *ctx,
			       struct err *err);
MUST_CHECK enum rc split_pid(struct route_haproxy *h, int64_t *ret, struct err *err);

/* route_haproxy_process.c */
/* Run HAProxy on the present configuration; one that runs hands its sockets over and ends its
 * requests. */
MUST_CHECK enum rc split_launch(struct route_haproxy *h, struct err *err);
int64_t split_running(struct route_haproxy *h); /* pid by pid file and /proc; 0: none */
MUST_CHECK enum rc split_program(const char *given, char **ret, struct err *err);

/* route_haproxy_apply.c: make HAProxy be as the state says. */
MUST_CHECK enum rc split_apply_servers(struct route_haproxy *h, struct split_service *s,
				       struct err *err); /* add, change; no removal */
MUST_CHECK enum rc split_apply_map(struct route_haproxy *h, struct split_service *s,
				   struct err *err);
MUST_CHECK enum rc split_apply_weights(struct route_haproxy *h, struct split_service *s,
				       struct err *err);
/* Servers that nobody ordered are taken out; those that still have connections stay for the next
 * time. */
MUST_CHECK enum rc split_reap(struct route_haproxy *h, struct split_service *s, struct err *err);

/* route_haproxy_facts.c */
MUST_CHECK enum rc split_facts_new(int dirfd, struct split_facts **ret, struct err *err);
void split_facts_free(struct split_facts *f);
int split_facts_fd(struct split_facts *f);
/* Attempts that failed and were sent to another server: told as facts of status 599. Any thread. */
void split_facts_failed(struct split_facts *f, const struct split_service *s,
			const struct split_server *v, uint64_t n);
MUST_CHECK enum rc split_facts_read(struct split_facts *f,
				    void (*each)(void *ctx, const struct route_fact *), void *ctx,
				    struct err *err);

/* route_line.c: one line of the log; false: not one of ours, or no server was asked. Strings are
 * copied into w. */
struct split_words {
	char environment[SPLIT_NAME], unit[SPLIT_NAME], image[SPLIT_NAME];
};
MUST_CHECK bool split_line(struct str line, struct split_words *w, struct route_fact *ret);
#define SPLIT_LOG_FORMAT "%[date(0,us)] %[date(0,us),sub(txn.begin)] %ST %ts %rc %b %s"
