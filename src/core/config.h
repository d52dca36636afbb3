/*
 * penstock.yml, read: what a project is and what its four stages do. One table (config.c) drives the reader, the
 * messages, `penstock check` and the JSON Schema. Everything is plain data with a shape, so it can stand in an event.
 */
#pragma once
#include "base/shape.h"

#define CONFIG_MAX_UNITS 20000
#define CONFIG_MAX_JOBS  200 /* job definitions, all stages */

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
	texts on; /* infra | timeout | oom | any */
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
struct job_def {
	char *name;
	enum stage stage;
	enum job_kind kind;
	char *each; /* "*" all units, "services", "libraries", one unit's name; NULL: once for the project */
	texts needs;  /* "build": same unit; "^build": the same job of the unit's deps */
	texts inputs; /* globs, relative to the unit (../x reaches the repository); empty: the unit's directory and those of its deps */
	texts outputs; /* globs, relative to the unit */
	pairs env, secrets;
	char *run;        /* JOB_RUN: given to sh -e */
	texts finally;    /* commands that run on success, failure, timeout and cancel */
	uint64_t timeout; /* usec */
	uint64_t memory;  /* bytes; 0: none set */
	struct retry retry;
	char *junit; /* glob, relative to the unit */
	bool network;
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

struct config {
	char *project;
	texts branches;           /* on.push.branches; globs */
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
extern const struct shape shape_config, shape_unit, shape_job_def, shape_image_def, shape_strategy;

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
void config_done(struct config *c);
/* The JSON Schema (draft 2020-12) of penstock.yml, from the table that reads it. */
void config_schema(struct strbuf *to);

const struct unit *config_unit(const struct config *c, const char *name);
const struct job_def *config_job(const struct config *c, enum stage stage, const char *name);
