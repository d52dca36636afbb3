/* What this stage offers to main and to tests: jobs on other machines. */
#pragma once
#include <pthread.h>

#include "io/httpd.h"
#include "io/loop.h"
#include "ports/blobs.h"
#include "ports/exec.h"

/* What the hub learns of an agent; on the loop. */
struct agent_news {
	const char *name;
	bool connected; /* false: lost, its jobs are forgotten here */
	bool back;      /* it was lost, or is new */
	const texts *labels;
	uint32_t cpu;
	uint64_t memory;
	const char *version, *address;
	const char *error; /* of a lost one: why */
};
struct hub_options {
	struct loop *loop;
	struct blobs *blobs;
	const char *dir; /* <data>/agents; made when missing */
};
/* Who is told, and asked. On the loop's thread; never from within a call of the executor. */
struct hub_owner {
	void (*agent)(void *ctx, const struct agent_news *news);
	void (*drain)(void *ctx, const char *name); /* it asks for no more jobs */
	/* Is this attempt meant to run, or its result waited for, at this agent? Of a job that the hub does not know. */
	bool (*wanted)(void *ctx, const char *agent, const char *job, uint32_t attempt);
	void *ctx;
	/* Somebody with a token that is not for this was refused; NULL: nobody wants to know. */
	void (*denied)(void *ctx, struct request *r, const char *what, const char *why);
	void *denied_ctx;
};
/*
 * The executor of jobs on other machines, and the daemon's side of wire.h. start() needs an agent that is connected, or expected: it says
 * RC_UNAVAILABLE for others. It is done when the order is written; what fails on the agent is the job's end. NULL: see err.
 */
struct exec *exec_hub_new(const struct hub_options *o, struct err *err);
/* Before agents are let in. */
void hub_own(struct exec *hub, const struct hub_owner *owner);
/* An agent of an earlier daemon: it is lost when it does not come in time. On the loop. */
void hub_expect(struct exec *hub, const char *name);
/* Its HTTP side. */
void hub_listen(struct exec *hub, struct httpd *h);
/* Does the hub know of this job? On the loop. */
bool hub_has(struct exec *hub, const char *job);

/* One executor of two: jobs whose agent is NULL or "local" go to `here`, all others to `hub`. Takes both. */
struct exec *exec_places_new(struct exec *here, struct exec *hub, struct err *err);

/* The agent itself: it runs jobs of one daemon in `exec`, until a signal or the daemon's refusal ends it. */
struct agent_options {
	const char *server; /* http://host:7400 */
	const char *token, *name;
	const char *
		ca; /* https: a PEM file of the only authorities that are believed; NULL: the system's */
	texts labels;
	uint32_t cpu;
	uint64_t memory;
	usec_t grace;    /* how long running jobs may take to end after SIGTERM */
	const char *dir; /* for what is being fetched */
	const char *
		tool_cache; /* URL of a build cache for jobs that may use the network: $PENSTOCK_TOOL_CACHE; NULL: none */
	struct loop *loop;
	struct exec *exec;
	struct blobs *blobs;
	/* On a worker, now and then: makes room. Blobs may be removed while users is held for writing. May be NULL. */
	void (*trim)(void *ctx, pthread_rwlock_t *users);
	void *trim_ctx;
	void (*said)(void *ctx,
		     const char *line); /* may be NULL: connected, refused ... for people */
	void *ctx;
};
/* To be called once, at the end of a process: workers may still be busy when it returns.
 * RC_OK: drained, or told to end. RC_CONFLICT, RC_DENIED, RC_INVALID: the daemon refused it; *err says why. */
MUST_CHECK enum rc agent_run(const struct agent_options *o, struct err *err);
