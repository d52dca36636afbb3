/*
 * penstock.yml, read: what a project is and what its four stages do. One table (config.c) drives the reader, the
 * messages, `penstock check` and the JSON Schema. Everything is plain data with a shape, so it can stand in an event.
 */
#pragma once
#include "base/shape.h"

#define CONFIG_MAX_UNITS 20000
#define AUDIENCE_MAX     255 /* bytes of an audience of a token */
#define AUDIENCES_MAX    16
#define SPLIT_TEXT_MAX   ((size_t)96 << 10) /* of one variable; the kernel takes 128 KiB */
#define CONFIG_MAX_JOBS  200                /* job definitions, all stages */

#define STAGE_MAP(X)          \
	X(STAGE_NONE, "none") \
	X(STAGE_CI, "ci")     \
	X(STAGE_STAGING, "staging") X(STAGE_GATE, "gate") X(STAGE_PRODUCTION, "production")
enum stage {
#define X(name, text) name,
	STAGE_MAP(X)
#undef X
};
extern const char *const stage_names[5];

struct pair {
	char *key, *value;
};
extern const struct shape shape_pair;
typedef VEC(struct pair) pairs;
typedef VEC(char *) texts;

/* A unit of the project graph. */
struct unit {
	char *name,
		*path; /* path: inside the repository, no slash at the end; "." is the whole repository */
	bool library;
	texts deps;               /* units whose sources and outputs it is built from */
	texts provides, consumes; /* names of interfaces; they order deployments */
	uint32_t port; /* services: what the program listens on when nobody tells it by $PORT */
	char *health; /* services: path that answers 2xx when ready; NULL: a TCP connect is enough */
	uint32_t replicas; /* services: at least 1 */
	uint64_t memory;   /* bytes; 0: the default */
	pairs env;         /* declared environment of the running service */
	pairs secrets;     /* variable -> reference, "file:NAME" */
	texts owners;
	uint32_t line; /* in penstock.yml; 0 when inferred */
};
struct retry {
	uint32_t max;
	texts on;   /* infra | timeout | oom | any */
	texts exit; /* exit codes, as decimal texts: "75" */
};

/* ---- parts of a job ---- */
struct axis { /* one line of a matrix; at most 256 values */
	char *name;
	texts values;
};
struct combination { /* a row of matrix.include or matrix.exclude */
	pairs v;
};
struct matrix {
	VEC(struct axis) axes;
	VEC(struct combination) include, exclude;
};
struct service_def { /* a container beside the job, reached by its name and by <NAME>_HOST, <NAME>_PORT */
	char *name, *image;
	pairs env;
	char *ready; /* command run in it until it succeeds; NULL: its port takes a connection, or (no port) it runs */
	uint32_t port; /* 0: none is announced */
	texts args;    /* instead of the image's CMD */
	uint64_t memory;
	uint64_t start; /* usec in which it must become ready; 0: 60 s */
};
struct step_def {
	char *name;       /* the first words of run when not written */
	char *run;        /* given to sh -e, in an environment of its own */
	uint64_t timeout; /* usec; 0: only the job's */
};
struct cache_def {   /* a dependency cache: folders kept from run to run, never part of a result */
	texts key;   /* globs, relative to the unit: the content of these files names it */
	texts paths; /* folders in the unit's folder, or /home/... of a container */
	char *name;  /* kept apart from others; the job's name when not written */
};
struct group_def {  /* of jobs that must not run at the same time */
	char *name; /* NULL: none */
	bool supersede; /* a newer one ends those that wait (never one that runs in staging or production); else: queue */
};
struct split_def { /* files of tests, shared out to several jobs */
	uint32_t into;
	char *files; /* glob, relative to the unit; the job finds its share in $SPLIT_FILES, a line each; at most SPLIT_TEXT_MAX bytes */
	bool by_timing; /* else by name */
};
struct flaky_def {
	uint32_t
		retry; /* how often a job whose tests failed is tried again to see whether they are flaky */
	bool quarantine; /* failures of quarantined tests alone do not fail the job */
};
struct id_token_def { /* a token that shows others who the job is */
	char *name;   /* variable */
	texts aud;    /* for whom: at least one */
	uint32_t line;
};
struct reports_def {                    /* globs, relative to the unit */
	char *junit, *sarif, *coverage; /* coverage: Cobertura XML or lcov */
	char *problems; /* "gcc" | "tsc" | "eslint": lines of the log that are annotations; NULL: none */
	char *summary; /* Markdown */
};

enum job_kind { JOB_RUN, JOB_IMAGE };
extern const char *const job_kind_names[2];

struct image_def {
	char *from; /* "scratch" */
	pairs copy; /* path in the unit -> path in the image */
	char *user; /* "65532" or "65532:65532" */
	texts entrypoint, cmd;
	pairs env;
	char *workdir;
};
#define INPUTS_DEFAULT "$default" /* among inputs: what a job without any reads */
#define INPUTS_ROOT    "$root/"   /* at the begin of an input: from the top of the repository */
struct job_def {
	char *name;
	enum stage stage;
	enum job_kind kind;
	char *each; /* "*" all units, "services", "libraries", one unit's name; NULL: once for the project */
	texts needs; /* "build": same unit; "^build": the same job of the unit's deps; "ci.build": of an earlier stage, for its outputs; a '?' at
		       * the end: optional, when there is no such job for the unit, or its `if` said no, it is left out */
	texts inputs; /* globs, relative to the unit (../x reaches the repository); empty: the unit's directory and those of its deps, which are
		       * INPUTS_DEFAULT among others */
	bool installs; /* of the project: units' jobs count of the lockfiles among its inputs what these say of their unit */
	texts outputs; /* globs, relative to the unit */
	pairs env, secrets;
	VEC(struct id_token_def) id_tokens;
	char *run; /* JOB_RUN: given to sh -e; NULL: it has steps */
	VEC(struct step_def) steps;
	texts finally;    /* commands that run on success, failure, timeout and cancel */
	uint64_t timeout; /* usec */
	uint64_t memory;  /* bytes; 0: none set */
	uint32_t cpu;     /* in thousandths of a processor; 0: 1000 */
	struct retry retry;
	struct reports_def reports;
	bool network;
	char *condition; /* `if`: an expression (core/expr.h); NULL: always */
	struct matrix matrix;
	VEC(struct service_def) services;
	VEC(struct cache_def) caches;
	struct group_def group;
	struct split_def split;
	struct flaky_def flaky;
	char *container; /* image whose file system it sees: "debian:12", "node@sha256:...", "oci:path/in/the/repository"; NULL: this machine's /usr */
	texts labels;    /* of the agent that may run it; empty: any */
	bool manual;     /* waits for `penstock start JOB` */
	bool allow_failure;     /* its failure is amber: shown, but fails nothing */
	bool strict;            /* sees nothing but declared inputs */
	bool trusted;           /* may see secrets; is left out of a change from a fork */
	char *extends;          /* name of the template that it was made from */
	struct image_def image; /* JOB_IMAGE */
	uint32_t line;
};

#define REQUIRE_MAP(X) X(REQUIRE_EVIDENCE, "evidence") X(REQUIRE_REVIEWS, "reviews")
enum require_kind {
#define X(name, text) name,
	REQUIRE_MAP(X)
#undef X
};
struct require {
	enum require_kind kind;
	texts stages;
	bool is_signed;
	uint32_t count;
	texts by;
	uint32_t line;
};
struct approve_def {
	uint32_t count;
	texts by;
	bool not_author;
	uint64_t expires; /* usec; 0: never */
};
struct window_def {
	bool allow;
	char *span; /* "Fri 16:00 - Mon 08:00" or "22:00 - 06:00" */
	char *zone;
	char *rule; /* POSIX TZ rule of the zone (POSIX.1 8.3), filled when read */
	uint32_t line;
};
struct gate_def {
	VEC(struct require) require;
	struct approve_def approve;
	VEC(struct window_def) windows;
};

enum strategy_kind { STRATEGY_ROLLING, STRATEGY_CANARY };
extern const char *const strategy_kind_names[2];
struct weight {
	double share;
}; /* 0..1 */
struct strategy {
	enum strategy_kind kind;
	VEC(struct weight) steps; /* canary: ends with 1 */
	double error_margin;      /* promotion margin of errors; 0: the verdict's default */
	double latency_margin; /* promotion margin of p99, as a share above 1: 0.2 = 20 % slower; 0: default */
	bool compare_errors, compare_p50, compare_p95,
		compare_p99;     /* metrics that must pass; none set: errors, p95, p99 */
	double guard_error_rate; /* 0: off */
	uint64_t min_bake, max;  /* usec; max 0: none */
};
struct environment_def {
	char *name;
	char *target; /* "local" */
};
struct notify_def {
	char *kind; /* "webhook" | "log" */
	char *url;
	char *name;
};

enum forks { FORKS_APPROVE, FORKS_NEVER, FORKS_ALWAYS };
extern const char *const forks_names[3];
struct schedule_def {
	char *cron;        /* "0 3 * * *": minute hour day month weekday (POSIX crontab) */
	char *zone, *rule; /* as in window_def */
	char *branch;      /* NULL: the first of on.push.branches that is no pattern */
	uint32_t line;
};
struct queue_def { /* on.merge_queue */
	bool on;
	texts branches; /* targets; globs; empty: those of on.push */
	uint32_t batch; /* changes tested together, at most; 0: 5 */
};
struct quarantine_def { /* a test whose failure is known and owned */
	char *test;     /* as JUnit names it, "class.name"; globs */
	char *unit;     /* NULL: any */
	char *owner, *reason;
	uint64_t until; /* usec; the end of the day (UTC) that was written */
	uint32_t line;
};
struct include_ref {  /* an included file, as it was read */
	char *from;   /* "ci/templates.yml", "templates//node.yml@<40 hex>" */
	char *digest; /* sha256 of its bytes */
};

struct config {
	char *project;
	texts branches; /* on.push.branches; globs */
	texts tags;     /* on.push.tags; globs; empty: none */
	bool tag_releases; /* on.push.release: tags: only a tag's run makes a release, a branch's none */
	bool pull_requests;  /* on.pull_request is written */
	texts pull_branches; /* their targets; globs; empty: as branches */
	enum forks forks;
	struct queue_def queue;
	VEC(struct schedule_def) schedules;
	VEC(struct quarantine_def) quarantine;
	VEC(struct include_ref) includes;
	bool infer; /* units are inferred from manifests too (projects: infer, the default when neither services nor libraries are written) */
	VEC(struct unit) units;   /* in order of name */
	VEC(struct job_def) jobs; /* in order of the file */
	uint64_t ci_budget;       /* usec */
	char *staging_env, *production_env;
	struct gate_def gate;
	struct strategy staging_strategy, production_strategy;
	texts order;          /* production.order; empty: by the graph */
	bool rollback;        /* production.on_failure.rollback; true unless said */
	char *page, *runbook; /* runbook may hold {service} */
	VEC(struct environment_def) environments;
	VEC(struct notify_def) notify;
};
extern const struct shape shape_config, shape_unit, shape_job_def, shape_image_def, shape_strategy,
	shape_quarantine_def, shape_include_ref;

/* Files that the text wants included, in order, as written: "ci/templates.yml" (of the same commit), "SOURCE//node.yml@<40 hex>" (of another repository at
 * that commit). The caller reads them. They hold `version: 1` and `templates:`, and include nothing themselves. */
MUST_CHECK enum rc config_includes(struct str text, const char *name, texts *ret, struct err *err);
struct config_include {
	const char *from;
	struct str text;
};

/* Read and check a penstock.yml. name stands in messages ("penstock.yml"). zone_rule gives the POSIX TZ rule of a zone name
 * ("Europe/Berlin" -> "CET-1CEST,M3.5.0,M10.5.0/3") or NULL when there is none; it may be NULL itself (only UTC then).
 * Errors are "name:line:column: what; did you mean X?". Checks: names, paths that leave the repository (units inside units' paths are allowed),
 * duplicate names, paths and providers, unknown deps, interfaces, needs and environments, cycles (as a path: a -> b -> a), globs, limits.
 * Services may have the same port: each replica has an address of its own, and is told its port by $PORT where it has not.
 * What is not written: branches [main], timeout 10 min, replicas 1, staging rolling, production canary 5 %, 50 %, 100 %, rollback true, environments
 * staging and production, both local. On failure *ret stays as it was. */
MUST_CHECK enum rc config_read(struct str text, const char *name,
			       const char *(*zone_rule)(const char *zone, void *ctx), void *ctx,
			       struct config *ret, struct err *err);
/* The same with the files that config_includes() asked for, in its order. */
MUST_CHECK enum rc config_read_with(struct str text, const char *name,
				    const struct config_include *includes, size_t n,
				    const char *(*zone_rule)(const char *zone, void *ctx),
				    void *ctx, struct config *ret, struct err *err);
void config_done(struct config *c);
/* The JSON Schema (draft 2020-12) of penstock.yml, from the table that reads it. */
void config_schema(struct strbuf *to);

const struct unit *config_unit(const struct config *c, const char *name);
/* RC_INVALID: the job's `if` asks for affected('a unit that there is not'). For when all units are known, inferred ones as well. */
MUST_CHECK enum rc config_condition(const struct config *c, const struct job_def *job,
				    struct err *err);
const struct job_def *config_job(const struct config *c, enum stage stage, const char *name);
