/* What plan.c, plan_jobs.c, plan_when.c, plan_split.c, plan_input.c and plan_key.c share. */
#pragma once
#include "base/digest.h"
#include "base/map.h"
#include "core/graph_impl.h"
#include "core/names.h"
#include "core/plan.h"

/* A tree's entries, to look up. */
struct tree {
	const struct tree_facts *facts;
	VEC(const struct tree_entry *) sorted; /* bytewise by path */
	char dot[2];
	struct tree_entry root; /* path dot, when "." is no entry of its own */
	struct map globs;       /* resolved pattern -> struct hits */
};
struct hits {
	VEC(const struct tree_entry *) v;
};
void tree_init(struct tree *t, const struct tree_facts *facts);
void input_tree_done(struct tree *t);
/* NULL: no such path. */
const struct tree_entry *tree_find(const struct tree *t, struct str path);

/* What a resolved pattern asks for: one path (ret_dir), or the blobs below ret_dir ("" is the root) that match. */
bool input_is_one(struct str resolved, struct str *ret_dir);
typedef VEC(const struct tree_entry *) found_list;
/* The entries that a job's inputs name in a tree, sorted by path, without doubles. Borrowed from the tree. */
void inputs_find(struct tree *t, const struct job_def *job, const char *unit_path, found_list *ret);

/* One field of a text that is hashed: its length, ':', its bytes, ','. */
void key_add(struct strbuf *to, struct str value);
void key_number(struct strbuf *to, uint64_t value);
/* Lines of a key: what they are of, and where they go. */
struct key_sink {
	void (*line)(struct key_sink *to, struct str text);
	struct strbuf *text; /* hashed: fields; each line is put together in `scratch` */
	struct strbuf *scratch;
	texts *list; /* for people; NULL: hashed */
};
/* All in a definition (its names replaced) that decides what an instance does. */
void key_lines_of_def(const struct job_def *def, const struct plan_ask *ask, const pairs *row,
		      struct key_sink *to);
struct digest key_of_def(const struct job_def *def, const struct plan_ask *ask, const pairs *row);
struct key_need {
	const char *text;
	const char *key; /* "unit/job" */
};
/* needs must be sorted. Scratch is cleared first. */
MUST_CHECK enum rc key_of_job(const struct digest *def, const char *unit, const char *path,
			      const struct plan_job *job, const struct key_need *needs, size_t n,
			      struct strbuf *scratch, char **ret, struct err *err);
/* Of a unit's tree and the closures of its deps (path and digest text, in order of path). */
char *key_of_closure(const struct plan_input *inputs, size_t n, struct strbuf *scratch);
#define KEY_TEXT_MAX ((size_t)64 << 20)

#define MODE_TREE 040000u
#define NO_JOB    UINT32_MAX

enum cause { CAUSE_NONE, CAUSE_FIRST, CAUSE_NEW, CAUSE_TREE, CAUSE_LOCK, CAUSE_CONFIG, CAUSE_DEP };
struct unit_state {
	const struct tree_entry *tree;
	char *closure; /* its own tree's id, or a digest over it and all deps' */
	enum cause cause;
	const char *lockfile; /* CAUSE_LOCK */
	uint32_t root, via;   /* CAUSE_DEP: the unit where it began, and the dep that brought it */
	size_t slice, slices; /* of head's slices: first and how many */
};
struct instance {
	uint32_t def, unit; /* unit == units.n: the project */
	uint32_t row;       /* of the definition's matrix */
	uint32_t shard, shards;
	texts files; /* of the shard; borrowed */
	char *skip;  /* why it does not run at all */
};
/* Instances of a definition for a unit stand beside each other. */
struct span {
	uint32_t first, n;
};
/* A definition of the stage that is planned. */
struct stage_def {
	const struct job_def *def;
	matrix_rows rows;
	struct digest key; /* when all instances have the same */
	bool varies;       /* they have not */
	bool changed;      /* since base */
};
/* plan_install.c: of an instance that installs from lockfiles. */
struct install {
	VEC(const char *) locks; /* that are among its inputs; borrowed */
	bool changed;            /* it would run, too, if none of these had changed */
};
struct planner {
	const struct plan_ask *ask;
	const struct config *c, *base_config;
	struct tree head, base;
	bool has_base;
	enum stage stage;
	struct graph deps, needs;
	struct unit_state *units;
	bool any_affected;
	VEC(struct stage_def) defs; /* of the stage */
	VEC(struct instance) list;  /* by definition, then by unit, then by row and shard */
	struct span *at;            /* defs.n rows of units.n + 1 */
	uint32_t *place;            /* of an instance in the plan */
	struct install *installs;   /* one an instance */
	uint64_t inputs;            /* of all instances */
	struct strbuf scratch;
	struct plan plan;
};
/* plan_jobs.c */
MUST_CHECK enum rc plan_instances(struct planner *p, struct err *err);
void plan_needs(struct planner *p);
MUST_CHECK enum rc plan_jobs(struct planner *p, struct err *err);
const struct unit *instance_unit(const struct planner *p,
				 const struct instance *me); /* NULL: the project */
/* A copy of its definition with its names replaced; shape_done() it. */
void instance_def(const struct planner *p, const struct instance *me, struct job_def *ret);
/* plan.c: the unit's own tree, what lockfiles say of it, and one entry for each direct dep; borrowed texts, sorted by path. */
typedef VEC(struct plan_input) input_list;
void unit_inputs(const struct planner *p, uint32_t unit, input_list *ret);
/* plan_install.c: without lockfiles, and manifests of units; job->rest and the locks of instance i; does an instance, or a job, count a need by its slices? */
void install_rest(const struct planner *p, found_list *list);
MUST_CHECK enum rc install_key(struct planner *p, uint32_t i, const struct digest *def,
			       struct plan_job *job, const struct key_need *needs, size_t n,
			       struct err *err);
bool install_is_sliced(const struct planner *p, const struct instance *me, uint32_t need);
bool install_is_sliced_by(const struct plan_job *job, bool strict, const struct tree_facts *head,
			  const struct plan_job *need);
/* plan_when.c: why it is left out (owned by the caller), or NULL. */
MUST_CHECK enum rc plan_when(struct planner *p, const struct instance *me, char **ret,
			     struct err *err);
/* plan_split.c: the shards of a definition for a unit; texts are borrowed from head. Empty: there is no such file. */
struct shard {
	texts files;
};
typedef VEC(struct shard) shard_list;
MUST_CHECK enum rc plan_split(struct planner *p, const struct job_def *def, const struct unit *unit,
			      shard_list *ret, struct err *err);
/* The folder or tar of an image that lies in the repository, "oci:ci/image:tag"; empty: it lies elsewhere. */
struct str repository_image(const char *image);
/* Blobs of head that match a pattern of a unit; borrowed. */
void glob_entries(struct tree *t, const char *unit_path, const char *pattern, found_list *ret);
