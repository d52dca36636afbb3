/* Private to src/clients/git*.c. */
#pragma once
#include "base/map.h"
#include "base/vec.h"
#include "clients/git.h"

#include <git2.h>

struct repo {
	git_repository *git;
	git_odb *odb;
	char *path;
};

/* libgit2's last error as ours: "fmt: its text". */
enum rc git_fail(struct err *err, int code, const char *fmt, ...) PRINTF(3, 4);

void git_commitp(git_commit **p);
void git_treep(git_tree **p);
void git_objectp(git_object **p);
void git_odb_objectp(git_odb_object **p);
void git_revwalkp(git_revwalk **p);

MUST_CHECK enum rc git_find_commit(struct repo *r, const char *rev, git_commit **ret,
				   struct err *err);

/* RC_CONFLICT: "<who> changed the same lines of a, b". */
enum rc git_name_conflicts(git_index *index, const char *who, struct err *err);

/* A tree's entries straight from its bytes. */
struct tree_iter {
	git_odb_object *raw;
	const char *at, *end;
	/* the entry */
	struct str name;
	git_oid oid;
	uint32_t mode;
};
MUST_CHECK enum rc tree_open(struct repo *r, const git_oid *oid, struct tree_iter *ret,
			     struct err *err);
void tree_done(struct tree_iter *t);
/* False at the end, and (with *rc set) when the bytes are no tree or the name is one that no
 * file can have. */
bool tree_next(struct tree_iter *t, enum rc *rc, struct err *err);

/* repo_tree() with what libgit2 has; path ends with NUL and is path_n long. */
struct walk_entry {
	const char *path;
	size_t path_n;
	const git_oid *oid;
	uint32_t mode;
};
typedef enum rc (*walk_fn)(void *ctx, const struct walk_entry *e, struct err *err);
MUST_CHECK enum rc walk_tree(struct repo *r, const git_oid *root, const struct repo_ask *ask,
			     walk_fn each, void *ctx, struct err *err);

/* git_scan.c: paths below the work tree's top that may differ from the index, which was written at that time; a folder stands for all below it. */
typedef VEC(char *) git_paths;
MUST_CHECK enum rc git_scan(git_index *index, const char *top, struct timespec written,
			    git_paths *ret, struct err *err);
