/*
 * What Penstock knows: aggregates by id, each with a shape, so that snapshot, API and replay see the same fields. Only step() changes them;
 * their state only through state.c's set functions, which follow the tables in state.h.
 *
 * Ids are text and dense: "run-7", "run-7/ci/orders/test" (a job), "rel-4", "ro-12", "inc-2", "op-3". Digests are "sha256:<hex>".
 */
#pragma once
#include "base/map.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/plan.h"

#define ENUM_DECLARE(type, MAP, count)  \
	enum type { MAP(ENUM_MEMBER) }; \
	extern const char *const type##_names[count];
#define ENUM_MEMBER(name, text) name,

#define RUN_STATE_MAP(X)                                                              \
	X(RUN_PLANNED, "planned")                                                     \
	X(RUN_RUNNING, "running")                                                     \
	X(RUN_PASSED, "passed") X(RUN_FAILED, "failed") X(RUN_CANCELLED, "cancelled") \
		X(RUN_SUPERSEDED, "superseded")
ENUM_DECLARE(run_state, RUN_STATE_MAP, 6)

#define JOB_STATE_MAP(X)                                                                          \
	X(JOB_BLOCKED, "blocked")                                                                 \
	X(JOB_READY, "ready")                                                                     \
	X(JOB_RUNNING, "running") X(JOB_PASSED, "passed") X(JOB_CACHED, "cached")                 \
		X(JOB_UNAFFECTED, "unaffected") X(JOB_SKIPPED, "skipped") X(JOB_FAILED, "failed") \
			X(JOB_FLAKY, "flaky") X(JOB_CANCELLED, "cancelled") X(JOB_LOST, "lost")
ENUM_DECLARE(job_state, JOB_STATE_MAP, 11)

#define RELEASE_STATE_MAP(X)                                                                    \
	X(RELEASE_BUILT, "built")                                                               \
	X(RELEASE_STAGING, "staging")                                                           \
	X(RELEASE_STAGED, "staged") X(RELEASE_GATED, "gated") X(RELEASE_PROMOTING, "promoting") \
		X(RELEASE_LIVE, "live") X(RELEASE_REJECTED, "rejected")                         \
			X(RELEASE_FAILED, "failed") X(RELEASE_ROLLED_BACK, "rolled_back")       \
				X(RELEASE_SUPERSEDED, "superseded")
ENUM_DECLARE(release_state, RELEASE_STATE_MAP, 10)

#define ROLLOUT_STATE_MAP(X)                                                        \
	X(ROLLOUT_QUEUED, "queued")                                                 \
	X(ROLLOUT_PLANNED, "planned")                                               \
	X(ROLLOUT_APPLYING, "applying") X(ROLLOUT_BAKING, "baking")                 \
		X(ROLLOUT_PROMOTING, "promoting") X(ROLLOUT_VERIFYING, "verifying") \
			X(ROLLOUT_DONE, "done") X(ROLLOUT_HOLDING, "holding")       \
				X(ROLLOUT_ABORTING, "aborting") X(ROLLOUT_ABORTED, "aborted")
ENUM_DECLARE(rollout_state, ROLLOUT_STATE_MAP, 10)

#define INCIDENT_STATE_MAP(X) \
	X(INCIDENT_OPEN, "open") X(INCIDENT_MITIGATED, "mitigated") X(INCIDENT_CLOSED, "closed")
ENUM_DECLARE(incident_state, INCIDENT_STATE_MAP, 3)

/* Why a job ended badly; retry.on names them. */
#define FAILURE_MAP(X)                                                                \
	X(FAILURE_NONE, "none")                                                       \
	X(FAILURE_EXIT, "exit")                                                       \
	X(FAILURE_TIMEOUT, "timeout") X(FAILURE_OOM, "oom") X(FAILURE_INFRA, "infra") \
		X(FAILURE_OUTPUT, "output") X(FAILURE_CANCELLED, "cancelled")
ENUM_DECLARE(failure, FAILURE_MAP, 7)

#define REPLICA_STATE_MAP(X)                                        \
	X(REPLICA_STARTING, "starting")                             \
	X(REPLICA_READY, "ready")                                   \
	X(REPLICA_UNREADY, "unready") X(REPLICA_BACKOFF, "backoff") \
		X(REPLICA_STOPPING, "stopping") X(REPLICA_GONE, "gone")
ENUM_DECLARE(replica_state, REPLICA_STATE_MAP, 6)

/* A commit on a branch, with what it is compared to. */
struct change {
	char *repo;          /* name of a source */
	char *ref;           /* refs/heads/main */
	char *commit, *base; /* 40 hex; base NULL: first push, or a branch that was rewritten */
	char *author, *email, *subject;
	char *reverts;      /* a release that this commit takes back, when Penstock wrote it */
	uint64_t pushed_at; /* usec: when the ref moved, as the daemon learnt it */
};

extern const struct shape shape_change, shape_junit, shape_gate;

struct junit {
	uint32_t tests, failed, skipped;
	char *first_failure;
};

struct job {
	char *id, *run, *unit, *name; /* unit "" for a job of the project or the release */
	enum stage stage;
	enum job_kind kind;
	enum job_state state;
	char *key, *why;
	char *release;                           /* jobs of staging and production */
	texts needs;                             /* job ids */
	uint32_t attempt;                        /* from 1 once started */
	uint64_t ready_at, started_at, ended_at; /* usec */
	int64_t exit;
	enum failure failure;
	char *error;    /* one line */
	char *log;      /* digest of the log's blob, once ended */
	char *outputs;  /* digest of the output manifest */
	char *image;    /* image digest */
	char *evidence; /* digest of the envelope that attests the result */
	struct junit junit;
	bool settled; /* in an end state that nothing changes any more */
	/* not in the shape; rebuilt by model_link() */
	uint32_t waiting; /* needs that are not settled */
	VEC(struct job *) dependents;
};

struct run {
	char *id;
	enum run_state state;
	struct change change;
	char *config;                                    /* digest of the config aggregate */
	char *plan;                                      /* hash */
	uint32_t jobs, open, cached, unaffected, failed; /* stage ci */
	char *release;                                   /* the release that came of it */
	char *reason;
	texts affected; /* units */
	uint64_t created_at, ended_at;
	uint32_t next_job; /* how many job ids were given */
};

struct config_ref {
	char *id; /* digest of penstock.yml */
	struct config config;
};

/* One service in a release. */
struct release_item {
	char *unit, *image; /* "sha256:..." */
	char *key;          /* key of the image job */
	uint32_t wave;
	char *staging_rollout, *production_rollout; /* ids, once made */
	bool staging_done, production_done;
	bool staging_skipped, production_skipped; /* the very digest was live already */
	char *evidence_job;                       /* id of the image job */
};
struct approval {
	char *actor;
	bool yes;
	char *comment;
	uint64_t at;
};
struct requirement { /* one line of a gate's decision */
	char *kind;  /* evidence | approvals | window | hold | veto | reviews */
	char *state; /* ok | wait | no */
	char *reason;
};
struct gate {
	VEC(struct requirement) requirements;
	VEC(struct approval) approvals;
	char *decision; /* NULL, "wait", "pass", "no" */
	char *by;       /* actor of the last event that moved it */
	uint64_t decided_at;
	char *record; /* digest of the signed decision */
};
struct evidence {
	char *image, *type, *stage, *envelope;
};
struct release {
	char *id, *run;
	enum release_state state;
	struct change change;
	char *config;
	VEC(struct release_item) items;
	VEC(struct evidence) evidence;
	struct gate gate;
	char *reason;
	char *environment; /* where it is being rolled out now */
	uint32_t wave;
	bool verified; /* evidence was verified again for the next environment */
	bool rolling_back;
	uint32_t jobs_open; /* jobs of the current stage */
	uint64_t built_at, staged_at, gated_at, live_at, ended_at;
	char *incident;
};

struct verdict_numbers { /* the last report of the verdict, for people */
	char *answer, *metric, *lane;
	double evidence, wanted, harm_evidence, harm_wanted;
	uint64_t need, canary_n, canary_errors, stable_n, stable_errors;
	uint64_t seconds; /* windows seen in this step */
};
struct rollout {
	char *id, *release, *environment, *unit;
	char *image, *previous; /* previous NULL: the first version here */
	enum rollout_state state;
	enum rollout_state held_from; /* HOLDING: where it goes on */
	struct strategy strategy;
	uint32_t step;        /* index into strategy.steps */
	uint32_t replicas;    /* wanted, at full size */
	uint32_t want, ready; /* replicas of image: ordered; ready */
	uint64_t
		settled_at; /* since when all that are wanted are ready without an exit; 0: they are not */
	double weight;    /* ordered for image, 0..1 */
	double confirmed; /* read back from the data plane */
	char *plan;       /* hash of the deploy plan that is being executed */
	char *desired;    /* commit in the environment repository */
	char *verdict;    /* base64 of verdict_save(); NULL before baking */
	struct verdict_numbers numbers;
	char *reason;
	char *cause; /* abort: errors | latency | guard | crash | unready | image | smoke | person | max */
	bool is_return; /* brings back an earlier version: no analysis */
	bool old_stopped, new_stopped;
	uint64_t created_at, applied_at, baked_at, step_at, ended_at;
	uint64_t
		harm_at; /* start of the first window that holds a bad canary answer (analysis) or the fact's time */
	uint64_t verdict_at, zero_ordered_at, zero_confirmed_at;
	uint32_t restarts;
	char *smoke_job;
};

struct live {
	char *unit, *image, *release, *previous;
	uint64_t since;
};
struct pin {
	char *id, *unit, *image, *actor, *reason, *until_commit;
	uint64_t since, until; /* usec; 0: until lifted */
};
struct veto {
	char *id, *unit, *image, *actor, *reason, *release, *incident;
	uint64_t since, until;
};
struct hold {
	char *id, *unit /* NULL: all */, *actor, *reason;
	uint64_t since, until;
};
struct environment {
	char *id; /* its name */
	enum stage stage;
	VEC(struct live) live;
	VEC(struct pin) pins;
	VEC(struct veto) vetoes;
	VEC(struct hold) holds;
	texts queue;        /* release ids that wait */
	char *active;       /* release id */
	uint32_t next_mark; /* ids of pins, vetoes, holds */
};

struct moment {
	uint64_t at;
	char *actor, *text;
};
struct incident {
	char *id;
	enum incident_state state;
	char *title, *unit, *environment, *image, *release, *rollout, *run, *runbook, *page;
	char *revert; /* commit that takes the change back, or why there is none */
	VEC(struct moment) timeline;
	uint64_t opened_at, mitigated_at, closed_at;
	bool paged;
};

struct repo_ref {
	char *repo, *ref, *commit;
	char *run;
};
struct project { /* one, id "project" */
	char *id;
	char *name;
	uint32_t slots; /* jobs at a time */
	uint32_t running;
	uint32_t runs, releases, rollouts, incidents; /* ids given */
	VEC(struct repo_ref) refs;
	char *config;     /* of the last change read */
	uint64_t started; /* how often the engine started */
	char *version;
};

enum aggregate_kind {
	AGG_PROJECT,
	AGG_CONFIG,
	AGG_RUN,
	AGG_JOB,
	AGG_RELEASE,
	AGG_ROLLOUT,
	AGG_ENVIRONMENT,
	AGG_INCIDENT,
	AGG_KINDS
};
extern const char *const aggregate_kind_names[AGG_KINDS];
extern const struct shape *const aggregate_shapes[AGG_KINDS];

struct touch {
	enum aggregate_kind kind;
	char *id;
	bool gone; /* evicted from memory; its last snapshot stays stored */
};
struct model {
	uint64_t seq;                  /* last event applied */
	usec_t time;                   /* its time */
	struct map by_kind[AGG_KINDS]; /* id -> struct <kind> *, in order of creation */
	VEC(struct touch) touched;     /* by the last step(), without doubles */
	struct map touch_index;        /* the same, by "kind/id", once they are many */
	VEC(struct job *) ready;       /* jobs that wait for a slot; rebuilt by model_link() */
};
void model_init(struct model *m);
void model_done(struct model *m);
/* Put an aggregate that was read from a snapshot (JSON text) into the model. */
MUST_CHECK enum rc model_restore(struct model *m, enum aggregate_kind kind, struct str json,
				 struct err *err);
/* Call once after the last model_restore(): rebuilds what shapes leave out. */
MUST_CHECK enum rc model_link(struct model *m, struct err *err);
/* The aggregate's canonical JSON. */
void model_snapshot(const struct model *m, enum aggregate_kind kind, const char *id,
		    struct strbuf *to);
/* Ended: not needed to decide anything any more, so that a restart need not load it. */
bool model_is_ended(const struct model *m, enum aggregate_kind kind, const char *id);

struct project *model_project(const struct model *m);
struct run *model_run(const struct model *m, const char *id);
struct job *model_job(const struct model *m, const char *id);
struct release *model_release(const struct model *m, const char *id);
struct rollout *model_rollout(const struct model *m, const char *id);
struct environment *model_environment(const struct model *m, const char *id);
struct incident *model_incident(const struct model *m, const char *id);
const struct config *model_config(const struct model *m, const char *digest);
