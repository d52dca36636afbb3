/*
 * The plan of a change, decided from Git objects: which units it touches, the key of each job, and why. Pure: what Git says comes in as facts.
 *
 * A unit is affected when its tree differs between base and head, when penstock.yml says something else about it, or when a unit it depends on
 * (transitively) is. A job is affected when its unit is, when penstock.yml or an input of its own changed, or when a need of it is; a job of the
 * project also when any unit is.
 *
 * The key of a job is SHA-256 over lines, each with its length before it; plan_key_lines() gives them for people. They are: "penstock-key-2", stage,
 * name, kind, command or steps, finally, declared environment, secret references and id_tokens (sorted), image definition, outputs (sorted) and report patterns,
 * network, memory, strict, container and services with the digests that their images stand for, the toolchain text (jobs without a container), the row of the
 * matrix, number and files of the shard; then unit and path, its inputs (path, mode and oid, sorted by path), and unit, name and key of its needs (sorted).
 * Nothing undeclared is in it: not timeout, retry, each, caches of dependencies, other units, nor the order of the file. ${...} is replaced before.
 *
 * Inputs of a job that names none: its unit's tree and, for each direct dep, one entry under the dep's path: the dep's tree id (40 hex), or, when
 * the dep has deps itself, a digest (64 hex) over its tree and theirs, all the way down. So a chain of a thousand libraries costs a thousand entries,
 * not a million. JOB_IMAGE reads no tree unless it names inputs.
 */
#pragma once
#include "core/config.h"

struct change;

/* What a commit's tree holds at some paths. Unit directories give their tree's id; globs give blobs. */
struct tree_entry {
	char *path;
	char *oid; /* 40 hex */
	uint32_t mode;
};
extern const struct shape shape_tree_entry;
/* What a lockfile outside of a unit's folder says about that unit: a digest over the locked versions it uses, so that a bump of one dependency
 * touches those that use it. */
struct lock_slice {
	char *unit, *path; /* path: of the lockfile */
	char *digest;      /* 64 hex */
};
struct tree_facts {
	char *commit, *tree; /* 40 hex; commit may be NULL (a work tree) */
	VEC(struct tree_entry)
	entries; /* in order of path; a path that does not exist is left out */
	VEC(struct lock_slice) slices; /* in order of unit and path */
};
void tree_facts_done(struct tree_facts *t);
/* The paths whose entries plan_make() will ask for. ret_dirs: one entry each, a tree or a blob: unit directories, inputs without wild cards, and
 * `dir` of inputs such as `dir/` + `**`; "." is the root (its id may also stand in tree_facts.tree alone). ret_list: folders whose blobs must all be listed,
 * because globs look for them there. Both sorted, without doubles; no folder of ret_list lies in another one. */
void plan_paths(const struct config *c, texts *ret_dirs, texts *ret_list);

#define PLAN_STATE_MAP(X)                \
	X(PLAN_MISS, "miss")             \
	X(PLAN_HIT, "hit")               \
	X(PLAN_UNAFFECTED, "unaffected") \
		X(PLAN_SKIPPED, "skipped") /* its `if` said no, or a fork may not run it */
enum plan_state {
#define X(name, text) name,
	PLAN_STATE_MAP(X)
#undef X
};
extern const char *const plan_state_names[4];
struct plan_input {
	char *path, *oid;
	uint32_t mode; /* 0: of a closure */
};
struct plan_job {
	char *unit; /* "" for a job of the project */
	char *job;  /* the instance: "test", "test@15,node20" of a matrix, "test@2of4" of a split */
	char *def;  /* name of the definition; NULL: as job */
	pairs matrix;
	uint32_t shard, shards;
	texts files; /* of the shard, relative to the unit */
	enum stage stage;
	enum job_kind kind;
	char *key; /* 64 hex */
	char *rest; /* of one that installs: its key but for the lockfiles; NULL: it does not */
	enum plan_state state;
	char *why;     /* one clause for people: "services/orders changed", "key seen in run-3" */
	texts needs;   /* "unit/job" of this plan, same stage ("/job": of the project), sorted */
	char *outputs; /* a hit's result: digest of the output manifest, or NULL */
	char *image;   /* a hit's image digest, for JOB_IMAGE */
	VEC(struct plan_input) inputs;
};
struct plan_unit {
	char *name;
	bool affected;
	char *why;
	uint32_t wave; /* services: order of deployment, providers first */
};
struct plan {
	VEC(struct plan_unit) units; /* in order of name */
	VEC(struct plan_job) jobs;   /* topological: needs stand before */
	char *hash;                  /* of the plan without hits */
	pairs images;                /* as it was asked with: what the jobs' images stood for */
};
extern const struct shape shape_plan, shape_plan_job, shape_plan_unit;
void plan_done(struct plan *p);

/* What decides a plan besides the two trees. */
struct plan_ask {
	const struct config *config, *base_config;
	const struct tree_facts *head, *base;
	enum stage stage;
	const char *toolchain;
	const struct change
		*change; /* for `if` and forks; NULL: a push that nobody knows anything of */
	const pairs *
		images; /* image as a job names it -> digest that it stands for now; NULL: names count as they are */
	/* How long a file's tests take, for splits; NULL: not known. 0: never seen. */
	uint64_t (*file_time)(void *ctx, const char *unit, const char *job, const char *file);
	void *ctx;
};
MUST_CHECK enum rc plan_for(const struct plan_ask *ask, struct plan *ret, struct err *err);
/* The text that a job's key is the SHA-256 of, as lines for people: "env CC=gcc", "input services/a/main.c 100644 <oid>", "need a/build <key>". Two of them
 * can be compared line by line; every declared thing has one. */
MUST_CHECK enum rc plan_key_lines(const struct plan_ask *ask, const struct plan *plan,
				  const struct plan_job *job, texts *ret, struct err *err);

/* base NULL: everything is affected (first push). base_config: what penstock.yml said at base; NULL: as now. toolchain: a text that names what the
 * sandbox provides. Jobs of one stage are planned. The hit or miss is the caller's to fill in (cache port): all jobs come back as miss or unaffected; an
 * unaffected job has its key too, because what it left behind is looked up by it, and if that is not found the job must run.
 * RC_INVALID: a unit's path is no folder in this commit, or jobs need each other in a circle. RC_TOO_BIG: more than PLAN_MAX_JOBS.
 * Cost: O(units + jobs + entries). 1,000 units in well under 10 ms. */
#define PLAN_MAX_JOBS 200000
MUST_CHECK enum rc plan_make(const struct config *c, const struct tree_facts *head,
			     const struct tree_facts *base, const struct config *base_config,
			     enum stage stage, const char *toolchain, struct plan *ret,
			     struct err *err);

/* Graph questions, on names; results in a stable order. */
void graph_closure(const struct config *c, const char *unit,
		   texts *ret); /* transitive deps, sorted */
void graph_dependents(const struct config *c, const char *unit,
		      texts *ret); /* transitive, sorted */
/* A cycle through deps, or (when config.order is not given) through deps and consumes, as "a -> b -> a", or NULL. Owned by the caller. */
char *graph_cycle(const struct config *c);
/* Deployment waves: wave[i] of c->units.v[i]; providers before consumers; config.order wins when given. */
void graph_waves(const struct config *c, uint32_t *wave);
