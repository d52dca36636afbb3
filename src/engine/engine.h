/*
 * The engine: event -> journal -> step -> effects -> journal -> ports -> events. One thread owns it (the loop's); adapters block on workers. It names no vendor.
 */
#pragma once
#include "core/step.h"
#include "ports/blobs.h"
#include "ports/desired.h"
#include "ports/exec.h"
#include "ports/image.h"
#include "ports/notify.h"
#include "ports/pack.h"
#include "ports/route.h"
#include "ports/runner.h"
#include "ports/runtime.h"
#include "ports/scm.h"
#include "ports/secret.h"
#include "ports/sign.h"
#include "ports/store.h"

/* The outside world. Borrowed for the engine's life. */
struct world {
	struct runner *runner;
	struct store *store;
	struct scm *scm;
	struct blobs *blobs;
	struct exec *exec;
	struct image *image; /* images of containers; NULL: what jobs name counts as it is */
	struct pack *pack;
	struct sign *sign;
	struct desired *desired;
	struct runtime *runtime;
	struct route *route;
	struct notify *notify;
	struct secret *secret;
	/* Of the build caches, for jobs that may use the network: where they are (NULL: nowhere), and a token for a scope ("trusted", "pr/12"). */
	const char *tool_cache;
	enum rc (*cache_token)(void *ctx, const char *scope, struct strbuf *ret, struct err *err);
	void *cache_ctx;
	/* A token by which the job shows others who it is (its id_tokens), for these audiences; NULL: jobs are given none. From any thread. */
	enum rc (*id_token)(void *ctx, const struct job_spec *spec, const texts *audience,
			    struct strbuf *ret, struct err *err);
	void *id_ctx;
	const char *toolchain; /* names what jobs find in their sandbox; part of every task key */
	const char *(*zone_rule)(const char *zone, void *ctx); /* may be NULL */
	void *zone_ctx;
	/* Outputs of jobs as manifests in the content store (clients/manifest.h). */
	enum rc (*keep_outputs)(struct blobs *b, const char *dir, const char *const *globs,
				size_t n, char **ret_hex, struct err *err);
	enum rc (*lay_outputs)(struct blobs *b, const char *hex, const char *into, const char *own,
			       struct err *err);
	texts sources; /* names of repositories that are watched */
};
struct engine_options {
	uint32_t slots;  /* jobs at a time: each has a processor unless it asks for more or less */
	uint64_t memory; /* bytes that jobs may ask for together, here; 0: not limited */
	const char *version;
	bool read_only; /* restore only: no events, no effects */
};

struct engine;
/* Restore from the store. Nothing is done yet. RC_CORRUPT when a snapshot cannot be read. */
MUST_CHECK enum rc engine_new(const struct world *w, const struct engine_options *o,
			      struct engine **ret, struct err *err);
void engine_free(struct engine *e);
/* Re-attach, reconcile, dispatch what the outbox holds, and go on. */
void engine_start(struct engine *e);
/* No new effects; what runs is left alone. */
void engine_stop(struct engine *e);

/* Take an event (its members are taken over, *ev is zeroed; seq, and time when 0, are given here). Applied in order, at once or when the current step is over. */
void engine_submit(struct engine *e, struct event *ev);
/* As engine_submit, for people: done is called once, on the loop, when the event or its refusal (rc and err say which) is in
 * the journal; or at once, when the journal cannot be written. */
typedef void engine_answer(void *ctx, enum rc rc, const struct err *err, uint64_t seq);
void engine_ask(struct engine *e, struct event *ev, engine_answer *done, void *ctx);

const struct model *engine_model(const struct engine *e);
struct world *engine_world(struct engine *e);
/* Why it does not take events now (the store fails), or NULL. */
const char *engine_stalled(const struct engine *e);
/* Called for every record once it is durable, on the loop. */
typedef void engine_listener(void *ctx, const struct record *r);
void engine_listen(struct engine *e, engine_listener *fn, void *ctx);
void engine_unlisten(struct engine *e, engine_listener *fn, void *ctx);

/* What the daemon counts of itself; plain numbers, never reset. */
struct engine_stats {
	uint64_t events, refused, commits, commit_usec, effects, effect_failures, effect_retries,
		effect_usec, facts, windows;
	uint64_t queue, outbox; /* now */
	uint64_t requests[6];   /* of all front doors, by status class; [0]: no answer */
};
const struct engine_stats *engine_stats(const struct engine *e);

/* An agent has said which jobs it has: those that it should have and the executor does not know are lost. */
void engine_agent_back(struct engine *e, const char *agent);
/* A ref was pushed, told by a hook: read the refs of this source again, now. */
void engine_source_changed(struct engine *e, const char *repo);
/* Traffic of a service's version since the daemon started; false: none seen. */
struct engine_traffic {
	uint64_t n, errors;
	double per_second;
};
bool engine_traffic(const struct engine *e, const char *environment, const char *unit,
		    const char *image, struct engine_traffic *ret);
/* The lines of a job's key, as plan_key_lines(), read again from its commit. Blocks; from any thread. files, images: what the run has of them. */
struct explain {
	const struct change *change;
	const pairs *images;
	const texts *files;
	const char *unit, *job;
};
MUST_CHECK enum rc engine_explain(struct engine *e, const struct explain *ask, texts *ret_lines,
				  char **ret_key, struct err *err);
/* All replicas as last seen. */
void engine_replicas(const struct engine *e, void (*each)(void *ctx, const struct replica *r),
		     void *ctx);
