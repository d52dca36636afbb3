/* What plan.c, plan_input.c and plan_key.c share. */
#pragma once
#include "base/digest.h"
#include "base/map.h"
#include "core/graph_impl.h"
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
/* Digest of all in a definition that decides what a job does. */
struct digest key_of_def(const struct job_def *job, const char *toolchain);
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
