/* Inside the agent: shared by client*.c, for nobody else. */
#pragma once
#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"
#include "flow/2-agent/adapters.h"
#include "flow/2-agent/wire.h"

enum work_state {
	WORK_STARTING,
	WORK_RUNNING,
	WORK_BROUGHT, /* the daemon has it, and says when to forget it */
};
struct client;
struct log_place { /* how much of a log the daemon has */
	char *job;
	uint32_t attempt;
	uint64_t log, marks;
};
/* One job here. The loop's; `at_work` says that a worker has it (all but state and wishes). */
struct work {
	struct client *agent;
	char *id;
	uint32_t attempt;
	enum work_state state;
	bool at_work;
	bool cancel, forget; /* wished for while a worker had it */
	char *refused;       /* why it could not be started */
	enum rc refused_rc;
	struct agent_order *order; /* until it runs */
	struct agent_order *next;  /* of a later attempt, which waits for this one's end */
	texts kept;                /* digests of what its end names, but for outputs */
	uint64_t log_at,
		marks_at; /* bytes of its log, and of the marks beside it, that the daemon has */
	uint32_t tries;
	char *session; /* while a worker has it: the one to speak in */
	struct agent_answer answer;
	enum rc rc;
	struct err err;
};
struct client {
	struct agent_options o;
	char *instance;
	struct loop *loop;
	struct map works; /* id -> struct work * */
	/* the connection */
	char *session; /* NULL: none */
	bool streaming, beating, met, ended, draining, told_drain, leaving;
	uint32_t failures; /* to connect, one after another */
	uint32_t denials;  /* of them, for its token */
	struct loop_timer *look;
	atomic_bool stop; /* the stream should end */
	pthread_rwlock_t
		users; /* of blobs: held for reading by workers between asking for them and having used them */
	/* logs */
	bool shipping;
	usec_t log_rest;
	enum rc rc;
	struct err err;
};

/* ---- client_http.c: on workers. RC_CONFLICT: the session is over. */
enum rc agent_post(struct client *a, const char *session, const char *path, struct str body,
		   struct agent_answer *ret, struct err *err);
enum rc agent_ask_digests(struct client *a, const char *session, const texts *digests, texts *ret,
			  struct err *err);
/* What the status and the body of a refusal say. */
enum rc agent_refusal(int status, struct str body, struct err *err);
/* The request's URL and headers; freed by agent_request_done(). */
struct agent_request {
	char *url, *authorization, *session;
	const char *headers[3];
};
void agent_request_make(struct agent_request *q, const struct client *a, const char *session,
			const char *path);
void agent_request_done(struct agent_request *q);
/* ---- client_blobs.c: on workers */
enum rc agent_fetch_manifest(struct client *a, const char *session, const char *hex,
			     struct err *err); /* and all that it names */
/* Blobs, and a manifest (may be NULL) with all that it names; but for what the daemon has. */
enum rc agent_bring(struct client *a, const char *session, const texts *digests,
		    const char *manifest, struct err *err);
/* ---- client_job.c */
void work_start(struct client *a, struct agent_order *order); /* takes it */
void work_keep(struct client *a, const char *job, uint32_t attempt, uint64_t have);
void work_cancel(struct client *a, const char *job, uint32_t attempt);
void work_forget(struct client *a, const char *job, uint32_t attempt);
void works_look(struct client *a);         /* which have ended? */
void works_adopt(struct client *a);        /* those of an earlier agent */
size_t works_open(const struct client *a); /* that are not brought yet */
void works_end(
	struct client *
		a); /* nobody waits for them any more: their supervisors end them, also when we are gone */
void works_free(struct client *a);
/* ---- client_log.c */
void logs_ship(void *arg);
/* All that is left of a log; on a worker. */
enum rc log_finish(struct client *a, const char *session, struct log_place *place, struct err *err);
/* ---- client_stream.c */
void agent_connect(void *arg);
/* ---- client.c */
void agent_end(struct client *a, enum rc rc);
void agent_say(struct client *a, const char *fmt, ...) PRINTF(2, 3);
