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

#define RUN_STATE_MAP(X)          \
	X(RUN_PLANNED, "planned") \
	X(RUN_RUNNING, "running") \
	X(RUN_PASSED, "passed")   \
	X(RUN_FAILED, "failed") X(RUN_CANCELLED, "cancelled") X(RUN_SUPERSEDED, "superseded")
ENUM_DECLARE(run_state, RUN_STATE_MAP, 6)

#define JOB_STATE_MAP(X)                                                                  \
	X(JOB_BLOCKED, "blocked")                                                         \
	X(JOB_READY, "ready")                                                             \
	X(JOB_RUNNING, "running")                                                         \
	X(JOB_PASSED, "passed")                                                           \
	X(JOB_CACHED, "cached")                                                           \
	X(JOB_UNAFFECTED, "unaffected") X(JOB_SKIPPED, "skipped") X(JOB_FAILED, "failed") \
		X(JOB_FLAKY, "flaky") X(JOB_CANCELLED, "cancelled") X(JOB_LOST, "lost")   \
			X(JOB_MANUAL, "manual")
#define JOB_STATES 12
ENUM_DECLARE(job_state, JOB_STATE_MAP, JOB_STATES)

#define RELEASE_STATE_MAP(X)                                                                \
	X(RELEASE_BUILT, "built")                                                           \
	X(RELEASE_STAGING, "staging")                                                       \
	X(RELEASE_STAGED, "staged")                                                         \
	X(RELEASE_GATED, "gated")                                                           \
	X(RELEASE_PROMOTING, "promoting")                                                   \
	X(RELEASE_LIVE, "live") X(RELEASE_REJECTED, "rejected") X(RELEASE_FAILED, "failed") \
		X(RELEASE_ROLLED_BACK, "rolled_back") X(RELEASE_SUPERSEDED, "superseded")
ENUM_DECLARE(release_state, RELEASE_STATE_MAP, 10)

#define ROLLOUT_STATE_MAP(X)                                                                    \
	X(ROLLOUT_QUEUED, "queued")                                                             \
	X(ROLLOUT_PLANNED, "planned")                                                           \
	X(ROLLOUT_APPLYING, "applying")                                                         \
	X(ROLLOUT_BAKING, "baking")                                                             \
	X(ROLLOUT_PROMOTING, "promoting")                                                       \
	X(ROLLOUT_VERIFYING, "verifying") X(ROLLOUT_DONE, "done") X(ROLLOUT_HOLDING, "holding") \
		X(ROLLOUT_ABORTING, "aborting") X(ROLLOUT_ABORTED, "aborted")
ENUM_DECLARE(rollout_state, ROLLOUT_STATE_MAP, 10)

#define INCIDENT_STATE_MAP(X) \
	X(INCIDENT_OPEN, "open") X(INCIDENT_MITIGATED, "mitigated") X(INCIDENT_CLOSED, "closed")
ENUM_DECLARE(incident_state, INCIDENT_STATE_MAP, 3)

/* Why a job ended badly; retry.on names them. */
#define FAILURE_MAP(X)                \
	X(FAILURE_NONE, "none")       \
	X(FAILURE_EXIT, "exit")       \
	X(FAILURE_TIMEOUT, "timeout") \
	X(FAILURE_OOM, "oom")         \
	X(FAILURE_INFRA, "infra") X(FAILURE_OUTPUT, "output") X(FAILURE_CANCELLED, "cancelled")
ENUM_DECLARE(failure, FAILURE_MAP, 7)

#define REPLICA_STATE_MAP(X)            \
	X(REPLICA_STARTING, "starting") \
	X(REPLICA_READY, "ready")       \
	X(REPLICA_UNREADY, "unready")   \
	X(REPLICA_BACKOFF, "backoff") X(REPLICA_STOPPING, "stopping") X(REPLICA_GONE, "gone")
ENUM_DECLARE(replica_state, REPLICA_STATE_MAP, 6)

#define CHANGE_KIND_MAP(X)             \
	X(CHANGE_PUSH, "push")         \
	X(CHANGE_PULL, "pull_request") \
	X(CHANGE_QUEUE, "merge_queue") \
	X(CHANGE_TAG, "tag") X(CHANGE_SCHEDULE, "schedule") X(CHANGE_PERSON, "person")
ENUM_DECLARE(change_kind, CHANGE_KIND_MAP, 6)

#define AGENT_STATE_MAP(X) \
	X(AGENT_CONNECTED, "connected") X(AGENT_DRAINING, "draining") X(AGENT_LOST, "lost")
ENUM_DECLARE(agent_state, AGENT_STATE_MAP, 3)

/* What somebody may do; each may what those before it may (core/access.h). */
#define ROLE_MAP(X)                    \
	X(ROLE_NONE, "none")           \
	X(ROLE_VIEWER, "viewer")       \
	X(ROLE_DEVELOPER, "developer") \
	X(ROLE_APPROVER, "approver") X(ROLE_OPERATOR, "operator") X(ROLE_ADMIN, "admin")
ENUM_DECLARE(role, ROLE_MAP, 6)

#define QUEUE_STATE_MAP(X)          \
	X(QUEUE_IDLE, "idle")       \
	X(QUEUE_MERGING, "merging") \
	X(QUEUE_TESTING, "testing") X(QUEUE_LANDING, "landing")
ENUM_DECLARE(queue_state, QUEUE_STATE_MAP, 4)

/* A commit on a branch, with what it is compared to. */
struct change {
	enum change_kind kind;
	char *target; /* CHANGE_PULL, CHANGE_QUEUE: the branch it wants to be on, refs/heads/main */
	char *number; /* CHANGE_PULL: "17" */
	bool fork;    /* from somebody who may not write here: no secrets, no trusted cache */
	texts labels; /* CHANGE_PULL */
	char *repo;   /* name of a source */
	char *ref;    /* refs/heads/main */
	char *commit, *base; /* 40 hex; base NULL: first push, or a branch that was rewritten */
	char *author, *email, *subject;
	char *reverts;      /* a release that this commit takes back, when Penstock wrote it */
	uint64_t pushed_at; /* usec: when the ref moved, as the daemon learnt it */
};

extern const struct shape shape_change, shape_junit, shape_gate;

struct junit {
	uint32_t tests, failed, skipped;
	char *first_failure;
	texts failures; /* names "class.name" of failed tests, at most 100 */
};
struct file_time { /* how long the tests of one file took */
	char *file;
	uint64_t usec;
};
/* What the reports of a job came to; all of it stands in the blob. */
struct job_report {
	char *blob;                /* digest of the report's JSON (ports/report.h); NULL: none */
	uint32_t errors, warnings; /* annotations: findings and problem lines */
	uint64_t lines, covered;   /* coverage; lines 0: none */
	uint64_t base_lines, base_covered; /* the same of what it is compared to, set by step() */
	char *cause; /* the likely cause of a failure: the lines people should read first; at most 4 KiB */
};
extern const struct shape shape_job_report, shape_file_time;

struct job {
	char *id, *run, *unit, *name; /* unit "" for a job of the project or the release */
	enum stage stage;
	enum job_kind kind;
	enum job_state state;
	char *key, *why;
	char *release;          /* jobs of staging and production */
	texts needs;            /* job ids */
	char *def;              /* name of its definition; NULL: as name */
	pairs matrix;           /* the row of the matrix it is for */
	uint32_t shard, shards; /* split: from 1; 0: none */
	texts files;            /* of the shard */
	char *agent;            /* where it runs, or ran: "local" or an agent's name */
	char *group;            /* concurrency group */
	bool amber;             /* failed, and may */
	bool optional;          /* a manual job, or one behind it: nothing waits for it */
	bool played;            /* a manual job that somebody started */
	uint32_t cpu;           /* what it takes of an agent, thousandths */
	uint64_t memory;        /* bytes */
	uint32_t retries;       /* that its classes of failure have used */
	uint32_t flaky_tries;   /* that flaky.retry has used */
	uint32_t losses;        /* of agents under it */
	bool resumed;           /* made in a workspace that was kept: its result is not the key's */
	bool unkeyed;           /* nor is it when a need failed, as it may, and left nothing */
	struct job_report report;
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
	struct ready_class *waits_in; /* core/ready.h: while it is ready */
	struct job *ready_prev, *ready_next;
	size_t ready_slot;
	uint64_t ready_order, path;
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
	texts affected;  /* units */
	uint32_t amber;  /* jobs that failed and may, or were flaky */
	uint32_t manual; /* jobs that wait for somebody to start them */
	bool waits;      /* for somebody to approve it: a change from a fork */
	uint64_t budget,
		predicted; /* usec; predicted from history when it was planned; 0: not known */
	texts critical;    /* once it ended: the critical path's jobs, first to last */
	texts advice;      /* at most three things that would shorten it, in words */
	VEC(struct include_ref) includes;
	pairs images; /* what its jobs' images stood for when it was planned */
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
	bool live;       /* it is what runs in production now */
	bool taken_back; /* from production, once it was live */
	char *evidence_job;                       /* id of the image job */
};
struct approval {
	char *actor;
	bool yes;
	char *comment;
	char *note; /* what an auditor should know of it: how it stands to the author */
	char *behind; /* who made the machine's token that it came by */
	uint64_t at;
};
struct requirement { /* one line of a gate's decision */
	char *kind;  /* evidence | approvals | window | hold | veto | reviews */
	char *state; /* ok | wait | no */
	char *reason;
	uint64_t since; /* that it is in this state */
	uint64_t until; /* a window: when it opens, or a hold: when it ends; 0: not known */
	texts by;       /* approvals: who may; empty: whoever has the role */
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
	char *previous_release; /* that brought `previous` here */
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

/* A time of penstock.yml at which a run begins. */
struct schedule_ref {
	char *repo, *cron, *zone, *rule, *branch;
	uint64_t next;
	char *last; /* what became of the last time, in words */
};
/* An order that came with an idempotency key: sent again, it is answered as the first time. */
struct once {
	char *key;  /* hash of who and key */
	char *what; /* hash of what was ordered */
	char *who;  /* whose key it is; NULL: nobody's */
	uint64_t seq, at;
};
#define ONCE_MAX  1000
#define ONCE_EACH 250
struct project { /* one, id "project" */
	char *id;
	char *name;
	uint32_t slots; /* jobs at a time, here */
	uint32_t running;
	VEC(struct quarantine_def) quarantine;        /* by people; penstock.yml has its own */
	uint32_t runs, releases, rollouts, incidents; /* ids given */
	VEC(struct schedule_ref) schedules;
	char *config;     /* of the last change read, of whatever repository */
	uint64_t started; /* how often the engine started */
	char *version;
	VEC(struct once) once; /* of the last day, oldest first; of one actor at most ONCE_EACH */
};

/* A repository of the project; id: its name. */
struct repo_ref {
	char *ref, *commit;
	char *run; /* of this commit; "-": none is wanted */
};
struct project_repo {
	char *id;
	char *config;              /* of penstock.yml as a trusted change last said it */
	VEC(struct repo_ref) refs; /* in order of name */
};

/* A machine that runs jobs. "local" is the daemon's own. */
struct agent {
	char *id; /* its name */
	enum agent_state state;
	texts labels;
	uint32_t cpu;    /* thousandths */
	uint64_t memory; /* bytes; 0: not limited */
	uint32_t used_cpu;
	uint64_t used_memory;
	uint32_t running; /* jobs */
	char *version, *address;
	uint64_t since, lost_at;
};

/* What is known of a unit's job from earlier runs. id: "orders/test", "-/e2e". */
struct failed_key {
	char *key, *job;
};
struct flaky_test {
	char *test, *job; /* job: where it was last seen */
	uint32_t count;
	uint64_t last_at;
};
struct history {
	char *id;
	uint64_t usec; /* how long it takes: an exponential mean of those that ran, weight 1/4 */
	uint32_t runs, failed, flaky, cached;
	VEC(struct file_time)
	files; /* of its tests, at most 2,000; replaced only by more than 30 % */
	VEC(struct flaky_test) tests;
	VEC(struct failed_key) failed_keys; /* the last 8 */
	uint64_t lines, covered;            /* coverage of the last run on a branch */
};

/* Changes that want to be on a branch, tested as they would land. id: "shop:refs/heads/main". */
struct queue_entry {
	char *ref, *commit, *actor, *number;
	uint64_t since;
	uint32_t tries;
};
struct merge_queue {
	char *id, *repo, *target;
	enum queue_state state;
	VEC(struct queue_entry) entries; /* first in, first out */
	uint32_t batch;                  /* how many of the first are being tested */
	uint32_t limit; /* how many may be, next time: halved by a failure, doubled by a success */
	char *tip;      /* what the target stood at when they were merged */
	char *trial;    /* the commit that is tested */
	char *run;
	bool stale;   /* what is being merged is not wanted any more */
	char *reason; /* of the last thing that went wrong: each that was put out, by its ref */
	uint64_t reason_at; /* number of the event that said so */
	uint64_t since;
};

/* A person. id: the name that stands behind "user:". */
struct user {
	char *id;
	char *name, *email;     /* as people write them */
	char *issuer, *subject; /* of the OpenID provider that knows them; NULL: made here */
	texts groups;
	bool disabled;
	uint64_t created_at, login_at;
};
/* What a program shows to be let in; only its hash is known. id: core/access.h. */
struct token {
	char *id, *name, *digest;
	char *owner;    /* "user:ann": acts as she does; NULL: a machine of its own, "token:NAME" */
	enum role role; /* a machine's role, an owner's upper limit */
	char *environment; /* the only one that it is for; NULL: all */
	texts groups;      /* of a machine, for gate.approve.by */
	char *scope; /* for one thing only: of the build caches "trusted", "pr/12"; "agent/NAME"; NULL: the API */
	bool read_only;                                /* with a scope */
	char *actor;                                   /* who made it */
	uint64_t created_at, until, used_at, ended_at; /* until 0: no end */
	char *used_from;                               /* address */
};
/* A browser that somebody logged in with. */
struct session {
	char *id, *digest;
	char *actor; /* "user:ann", or "token:NAME" of the machine token that was brought */
	char *token; /* id of the token that was brought; it ends with that one */
	char *address, *agent;
	uint64_t created_at, until, ended_at;
	uint64_t begun_at; /* when somebody logged in: a new cookie does not move it */
};
struct grant {
	char *id;
	char *who; /* "user:ann", "group:release-team" */
	enum role role;
	char *project, *environment; /* NULL: all */
	char *actor;
	uint64_t since, ended_at;
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
	AGG_AGENT,
	AGG_HISTORY,
	AGG_QUEUE,
	AGG_SOURCE,
	AGG_USER,
	AGG_TOKEN,
	AGG_SESSION,
	AGG_GRANT,
	AGG_KINDS
};
extern const char *const aggregate_kind_names[AGG_KINDS];
extern const struct shape *const aggregate_shapes[AGG_KINDS];

struct touch {
	enum aggregate_kind kind;
	char *id;
	bool gone; /* evicted from memory; its last snapshot stays stored */
};
/* A thing on the way (run, release, rollout, incident) that came to be or changed its state; an environment that came to be. */
struct state_move {
	enum aggregate_kind kind;
	char *id;
	const char *from; /* name of a state; NULL: it is new */
};
struct model {
	uint64_t seq;                  /* last event applied */
	usec_t time;                   /* its time */
	struct map by_kind[AGG_KINDS]; /* id -> struct <kind> *, in order of creation */
	VEC(struct touch) touched;     /* by the last step(), without doubles */
	struct map touch_index;        /* the same, by "kind/id", once they are many */
	VEC(struct state_move) moves;        /* by the last step(): the first of each thing */
	struct ready {
		struct map classes; /* by what they ask for: struct ready_class *, core/ready.h */
		struct map groups;  /* concurrency group -> the job that holds it */
		size_t n;
		uint64_t order;  /* given to those that became ready */
		uint64_t newest; /* the latest ready_at of a job that was started */
	} ready;                 /* jobs that wait for a place; rebuilt by model_link() */
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

/* The name of the state that a run, release, rollout or incident is in; of an environment its stage. NULL: other kinds, or not here. */
const char *model_state(const struct model *m, enum aggregate_kind kind, const char *id);

struct project *model_project(const struct model *m);
struct run *model_run(const struct model *m, const char *id);
struct job *model_job(const struct model *m, const char *id);
struct release *model_release(const struct model *m, const char *id);
struct rollout *model_rollout(const struct model *m, const char *id);
struct environment *model_environment(const struct model *m, const char *id);
struct incident *model_incident(const struct model *m, const char *id);
struct project_repo *model_source(const struct model *m, const char *repo);
struct repo_ref *source_ref(const struct project_repo *src,
			    const char *ref); /* NULL: not known; src may be NULL */
struct agent *model_agent(const struct model *m, const char *id);
/* Of a unit's ("" or NULL: the project's) job by its definition's or instance's name. */
struct history *model_history(const struct model *m, const char *unit, const char *job);
struct user *model_user(const struct model *m, const char *id);
struct token *model_token(const struct model *m, const char *id);
struct session *model_session(const struct model *m, const char *id);
struct grant *model_grant(const struct model *m, const char *id);
struct merge_queue *model_queue(const struct model *m, const char *repo, const char *target);
/* A unit in the penstock.yml of whichever repository has it; *ret_config (may be NULL) is that one. */
const struct unit *model_unit(const struct model *m, const char *name,
			      const struct config **ret_config);
const struct config *model_config(const struct model *m, const char *digest);
