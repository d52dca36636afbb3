/* Inside the hub: shared by hub*.c, for nobody else. */
#pragma once
#include "base/map.h"
#include "base/mem.h"
#include "flow/2-agent/adapters.h"
#include "flow/2-agent/wire.h"
#include <pthread.h>

/* An agent, from its first hello (or from being expected) on. Strings and lists under the hub's lock, the stream is the loop's. */
struct hub_agent {
	struct hub *hub;
	char *name, *instance, *session;
	struct stream *stream;
	usec_t heard;     /* monotonic; of anything that it said */
	bool lost;        /* its jobs were given up; until its next hello */
	const char *left; /* why it was lost, until the owner is told; a literal */
	bool expected;    /* no hello since this daemon started */
	int64_t offset;   /* what is added to its times to have ours, usec */
	char *address;
	texts orders; /* lines that are not in the stream yet */
	uint32_t lane;
};
struct hub_job {
	char *id;
	uint32_t attempt;
	char *agent;
	char *start; /* the order, until the agent has said that it runs; then NULL */
	bool cancelled;
	struct agent_end *end;
};
struct hub {
	struct exec base;
	struct loop *loop;
	struct blobs *blobs;
	char *dir;
	struct hub_owner owner;
	struct httpd *httpd;
	int event; /* an eventfd: some job ended */
	pthread_mutex_t lock;
	struct map agents;  /* name -> struct hub_agent * */
	struct map jobs;    /* id -> struct hub_job * */
	struct map sources; /* "repo commit path..." -> digest of a manifest (char *) */
	bool flushing, swept;
	uint32_t serial;
	uint64_t ticks;
};

static inline struct hub *hub_of(struct exec *x)
{
	return container_of(x, struct hub, base);
}
/* ---- hub.c */
void hub_lock(struct hub *h);
void hub_unlock(struct hub *h);
void hub_tell(struct hub *h); /* poll() should be called */
/* Locked: put an order into the agent's line, to be written soon; takes the text, which is wiped when it is out. */
void hub_order(struct hub *h, struct hub_agent *a, char *line);
void hub_order_job(struct hub *h, struct hub_agent *a, enum order_kind kind, const char *job,
		   uint32_t attempt, uint64_t have);
struct hub_agent *hub_agent_make(struct hub *h, const char *name);
void hub_text_free(char *text); /* wiped first: it may hold secrets */
/* ---- hub_job.c; locked */
struct hub_job *hub_job_make(struct hub *h, const char *id, uint32_t attempt, const char *agent);
void hub_job_drop(struct hub *h, struct hub_job *job);
enum hub_log { HUB_LOG, HUB_MARKS }; /* of a job: what it said, and base/logmark.h beside it */
char *hub_log_path(const struct hub *h, const char *job, uint32_t attempt, enum hub_log what);
void hub_job_free(struct hub_job *job);
/* From an offset; *ret_whole: there is no more now. */
MUST_CHECK enum rc hub_log_read(const char *path, uint64_t from, size_t max, struct strbuf *ret,
				bool *ret_whole, struct err *err);
/* Bytes at an offset, once; *ret_have: how many there are now. */
MUST_CHECK enum rc hub_log_write(const struct hub *h, const char *job, uint32_t attempt,
				 enum hub_log what, uint64_t from, struct str bytes,
				 uint64_t *ret_have, struct err *err);
uint64_t hub_log_size(const struct hub *h, const char *job, uint32_t attempt, enum hub_log what);
void hub_logs_sweep(struct hub *h); /* remove those of nobody's jobs */

/* ---- hub_start.c: on a worker */
enum rc hub_start(struct exec *x, const struct job_spec *spec, const struct exec_inputs *in,
		  struct err *err);
/* ---- hub_agent.c: on the loop */
void hub_agent_hello(struct hub *h, struct request *r);
void hub_agent_lose(struct hub *h, struct hub_agent *a, const char *why);
void hub_agent_free(struct hub_agent *a);
void hub_beat(void *arg);
void hub_flush(void *arg);
/* ---- hub_http.c */
void hub_denied(struct hub *h, struct request *r, const char *what, const char *why);
void hub_refuse(struct request *r, unsigned status, const struct err *err);
/* Which agent asks; false: it was told that its session is over. */
bool hub_session(struct hub *h, struct request *r, struct hub_agent **ret);
bool hub_take(void *ctx, struct request *r);
/* ---- hub_blobs.c */
bool hub_blobs_take(struct hub *h, struct request *r, struct str rest);
