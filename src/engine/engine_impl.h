/* What the parts of the engine share. */
#pragma once
#include "base/map.h"
#include "core/state.h"
#include "core/verdict.h"
#include "engine/engine.h"

#define POLL_EVERY   USEC_SEC        /* look at jobs and replicas even when no fd said so */
#define TRAFFIC_TICK (100 * USEC_MS) /* close seconds of traffic */
#define RETRY_COMMIT USEC_SEC
#define COMMIT_LAZY  (5 * USEC_MS) /* for what nobody waits for */

struct ask {
	engine_answer *done;
	void *ctx;
	uint64_t seq;
	struct err refused; /* rc is RC_OK: it was taken */
};
struct queued {
	struct event ev;
	engine_answer *done;
	void *ctx;
};

/* One transaction being built or written. Owns its texts. */
struct kept_record {
	struct record r;
	char *actor, *subject, *payload;
};
struct kept_snapshot {
	char *kind, *id, *json;
	bool ended;
};
struct batch {
	VEC(struct kept_record) records;
	VEC(struct kept_snapshot) snapshots; /* last one of an aggregate counts */
	struct map snapshot_at;              /* "kind/id" -> index + 1 */
	VEC(struct effect) effects;
	texts done; /* effect ids */
	VEC(struct ask) asks;
};

/* An effect that waits for its answer. */
struct pending {
	struct effect effect;
	uint32_t attempts;
	usec_t next;
	bool running; /* on a worker, or its timer runs */
};

struct outcome {
	struct event ev;
	bool silent;
}; /* silent: no event, the effect is just done */

/* Replicas as last seen, by set. */
struct seen_replica {
	char *key, *environment, *unit, *image, *address, *why;
	uint32_t index, restarts, probes, port;
	enum replica_state state;
	int64_t exit;
	uint64_t since;
	bool fresh, there;
};
struct unread {
	char *repo;
	uint32_t tries;
	usec_t next;
}; /* a repository that could not be read: it is tried again */
struct leaving {
	char *environment, *unit, *image;
};

struct traffic_version {
	char *image;
	uint32_t index;
	uint32_t id;
	uint64_t n, errors;
};
struct traffic {
	char *environment, *unit;
	struct verdict_facts *facts;
	struct verdict_history *history;
	char *rollout;                        /* whose canary is told apart now; NULL: none */
	uint32_t step;                        /* of that rollout, for the ratios */
	VEC(struct traffic_version) versions; /* index in here + 1 is the verdict's instance id */
	double last;                          /* of the last fact */
	usec_t since;
};

/* What an executor's questions are about. */
struct job_inputs {
	struct engine *e;
	const struct job_spec *spec; /* NULL: no job is started */
};
struct engine {
	struct world w;
	struct engine_options o;
	struct model model;
	struct digest head; /* hash of the last record */
	uint64_t seq;
	usec_t skew; /* the journal's time is this far ahead of the clock: it was set back while the daemon was down */
	VEC(struct queued) queue;
	size_t queue_at;
	bool turning, committing, started, stopped;
	bool urgent;  /* in building is something that somebody waits for: an effect, an answer */
	bool lingers; /* the timer of what is not urgent runs */
	struct batch *building, *writing;
	enum rc commit_rc;
	struct err commit_err;
	char *stalled;
	usec_t commit_began;
	struct map outbox; /* id -> struct pending * */
	VEC(struct seen_replica) replicas;
	VEC(struct leaving) leaving;
	VEC(struct traffic *) traffic;
	VEC(struct listener {
		engine_listener *fn;
		void *ctx;
	})
	listeners;
	struct engine_stats stats;
	struct exec_inputs exec_inputs; /* of no job in particular */
	struct job_inputs no_job;
	struct runtime_inputs runtime_inputs;
	bool collecting_poll, ensuring;
	VEC(struct unread) unread;
	struct project_cache *projects; /* manifests and lockfiles that were read */
	struct map collecting;          /* job ids whose result is being fetched */
};

/* engine.c */
void engine_turn(struct engine *e);
void event_take(struct event *to, struct event *from);
/* commit.c */
struct batch *batch_new(void);
void batch_free(struct batch *b);
void batch_add(struct engine *e, struct batch *b, const struct event *ev, struct effects *out);
void commit_start(struct engine *e);
/* outbox.c */
void outbox_add(struct engine *e, struct effect *effect, uint32_t attempts, usec_t next);
bool outbox_answered(struct engine *e, const char *id); /* an event answers it: it leaves */
void outbox_dispatch(struct engine *e, struct pending *p);
void outbox_dispatch_all(struct engine *e);
/* perform_*.c: on a worker; no engine state */
struct known_time { /* of a file's tests, as history has it */
	char *unit, *job, *file;
	uint64_t usec;
};
struct order_context {
	/* EF_READ_CHANGE of a request to merge: images and includes that the repository's own penstock.yml names. A fork's others are not looked at. */
	texts images, includes;
	VEC(struct known_time) times; /* EF_READ_CHANGE; in order of unit, job and file */
	struct route_server *servers;
	size_t n_servers;
	struct incident *incident;
	struct event *revealed;
};
enum rc perform(struct engine *e, const struct effect *f, const struct order_context *c,
		struct outcome *ret, struct err *err);
enum rc perform_read_change(struct engine *e, const struct effect *f, const struct order_context *c,
			    struct outcome *ret, struct err *err);
enum rc perform_revert(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err);
enum rc perform_merge(struct engine *e, const struct effect *f, struct outcome *ret,
		      struct err *err);
enum rc perform_land(struct engine *e, const struct effect *f, struct outcome *ret,
		     struct err *err);
enum rc perform_start_job(struct engine *e, const struct effect *f, struct outcome *ret,
			  struct err *err);
enum rc perform_pack(struct engine *e, const struct effect *f, struct outcome *ret,
		     struct err *err);
enum rc perform_plan_deploy(struct engine *e, const struct effect *f, struct outcome *ret,
			    struct err *err);
enum rc perform_write_desired(struct engine *e, const struct effect *f, struct outcome *ret,
			      struct err *err);
enum rc perform_start_replicas(struct engine *e, const struct effect *f, struct outcome *ret,
			       struct err *err);
enum rc perform_stop_replicas(struct engine *e, const struct effect *f,
			      const struct order_context *c, struct outcome *ret, struct err *err);
enum rc perform_set_weight(struct engine *e, const struct effect *f, struct outcome *ret,
			   struct err *err);
enum rc perform_attest(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err);
enum rc perform_verify(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err);
enum rc perform_notify(struct engine *e, const struct effect *f, const struct order_context *c,
		       struct outcome *ret, struct err *err);
void inputs_init(struct engine *e);
void fail_outcome(const struct effect *f, const struct err *err,
		  struct event *ret); /* the event that says: given up */
/* observe.c */
void observe_start(struct engine *e);
/* observe_jobs.c */
void observe_jobs(struct engine *e);
void observe_lost(struct engine *e);
void observe_ended(struct engine *e, const char *job); /* its end is durable */
/* observe.c */
void observe_replicas(struct engine *e);
void observe_set_again(struct engine *e, const char *environment, const char *unit,
		       const char *image);
size_t servers_of(struct engine *e, const char *environment, const char *unit, const char *without,
		  struct route_server **ret);
void leaving_add(struct engine *e, const char *environment, const char *unit, const char *image);
void leaving_del(struct engine *e, const char *environment, const char *unit, const char *image);
/* traffic.c */
void traffic_start(struct engine *e);
void traffic_history(struct engine *e, const char *rollout, struct event *ret);
void traffic_free(struct engine *e);
