/*
 * What to do. Ordered by step(), journalled with the event that ordered it, then done through ports; may be done twice. Its id is the
 * event's sequence number and an index: "41.0". The answer is an event that names it.
 */
#pragma once
#include "core/event.h"

#define EFFECT_MAP(X)                                                                                                            \
	X(EF_READ_CHANGE, "read_change") /* change -> EV_CHANGE_PLANNED | EV_CHANGE_REFUSED */                                   \
	X(EF_START_JOB, "start_job")     /* spec -> (EV_JOB_STARTED) EV_JOB_ENDED */                                             \
	X(EF_CANCEL_JOB, "cancel_job")   /* job -> nothing: the job's own end answers */                                         \
	X(EF_PACK_IMAGE, "pack_image")   /* spec -> EV_JOB_ENDED with image */                                                   \
	X(EF_ATTEST, "attest") /* release or job, image, type, stage, body -> EV_ATTESTED */                                     \
	X(EF_VERIFY_EVIDENCE,                                                                                                    \
	  "verify_evidence") /* release, environment, claims -> EV_EVIDENCE_VERIFIED */                                          \
	X(EF_PLAN_DEPLOY, "plan_deploy") /* rollout + deploy -> EV_DEPLOY_PLANNED */                                             \
	X(EF_WRITE_DESIRED,                                                                                                      \
	  "write_desired") /* rollout + deploy, trailers -> EV_DESIRED_WRITTEN */                                                \
	X(EF_START_REPLICAS,                                                                                                     \
	  "start_replicas") /* rollout + deploy, count -> EV_REPLICAS_STARTED, then EV_REPLICA ... */                            \
	X(EF_STOP_REPLICAS, "stop_replicas") /* environment, unit, image -> EV_REPLICAS_STOPPED */                               \
	X(EF_SET_WEIGHT,                                                                                                         \
	  "set_weight") /* environment, unit, image, previous, weight -> EV_WEIGHT_SET; tried until it holds */                  \
	X(EF_WATCH, "watch") /* rollout -> EV_HISTORY; EV_FACTS then come while it bakes */                                      \
	X(EF_REVERT_CHANGE, "revert_change") /* change, release -> EV_CHANGE_REVERTED */                                         \
	X(EF_NOTIFY, "notify")               /* incident, text -> EV_NOTIFIED */                                                 \
	X(EF_MERGE,                                                                                                              \
	  "merge") /* change (repo, target, commit = the target's tip), ids = commits, in order; type = queue id -> EV_MERGED */ \
	X(EF_LAND,                                                                                                               \
	  "land") /* change (repo, target, base = its tip, commit), ids = refs that are done, type = queue id -> EV_LANDED */    \
	X(EF_TIMER, "timer") /* at, subject, text -> EV_TIMER */
#define EFFECT_KINDS 17
ENUM_DECLARE(effect_kind, EFFECT_MAP, EFFECT_KINDS)

/* What a need of a job left behind, laid beside its inputs. */
struct need_output {
	char *unit, *path, *outputs; /* digest of the output manifest */
};
extern const struct shape shape_need_output;
/* What its tokens say of a job besides what stands in its spec; filled only for a job with id_tokens. */
struct token_facts {
	char *project, *run, *environment, *actor; /* environment NULL: its stage has none */
};
/* All that the executor must know about a job: nothing else is looked up. */
struct job_spec {
	char *job, *key, *unit, *path; /* unit's path; "." for a job of the project */
	struct job_def def;
	struct change change;
	texts reads; /* paths of the repository laid out read-only: dep closure */
	VEC(struct need_output) needs;
	pairs env; /* event and environment variables: STAGING_URL ... values are resolved by the engine ("url:staging") */
	uint32_t attempt;
	char *agent;  /* where it runs: "local", or an agent's name */
	texts files;  /* of a split job */
	bool trusted; /* false: a change from a fork; no secret, no trusted cache */
	bool resume;  /* in the kept workspace of the attempt before, from the step that failed */
	bool unkeyed; /* its result is kept under no key */
	bool keep; /* the folder is kept when it fails, for `penstock shell` and a resumed attempt */
	texts tests; /* names of quarantined tests, for $QUARANTINED_TESTS */
	struct token_facts facts;
};
/* One version of a service in an environment. */
struct deploy {
	char *environment, *unit, *image, *previous;
	uint32_t replicas, port;
	char *health;
	uint64_t memory;
	pairs env, secrets;
	texts consumers; /* units that this one calls: their front doors' URLs are given as <UNIT>_URL */
};
struct claim {
	char *image, *type, *stage, *envelope;
};

struct effect {
	char *id; /* "seq.index" */
	enum effect_kind kind;
	char *lane; /* effects of one lane run one after another, in order */
	usec_t at;  /* not before */
	struct change change;
	struct job_spec spec;
	struct deploy deploy;
	char *run, *job, *release, *rollout, *environment, *unit, *image, *incident;
	char *type, *text, *body; /* body: JSON of a predicate */
	enum stage stage;
	VEC(struct claim) claims;
	pairs trailers;
	uint32_t count;
	double weight;
	char *config; /* digest */
	texts ids;
	texts pages;
	VEC(struct notify_def) notifiers;
};
extern const struct shape shape_effect, shape_job_spec, shape_deploy;
void effect_done(struct effect *e);
struct effects {
	VEC(struct effect) list;
};
void effects_done(struct effects *e);
