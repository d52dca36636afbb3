/*
 * Git repositories through libgit2, without policy: objects, trees, refs, commits. All blocking on
 * the disk. A handle belongs to one thread at a time; different handles, also of one repository,
 * may be used by different threads and processes at once. Nothing is read from the user's or the
 * machine's Git configuration, and no hook or filter runs. A revision is 40 hex digits, a ref, or
 * anything that `git rev-parse` knows. Object ids in texts: 40 hex, NUL at the end.
 */
#pragma once
#include "base/strbuf.h"

#define GIT_HEX        40
#define GIT_MODE_TREE  0040000u
#define GIT_MODE_FILE  0100644u
#define GIT_MODE_EXEC  0100755u
#define GIT_MODE_LINK  0120000u
#define GIT_MODE_OTHER 0160000u /* a submodule: the id is a commit of another repository */

#define REPO_MAX_ENTRIES 1000000u /* of one listing */
#define REPO_MAX_DEPTH   100u
#define REPO_MAX_PATH    4096u
#define REPO_MAX_BLOB    ((uint64_t)512 << 20) /* that is laid out as a file */

struct repo;
/* A bare repository, or the .git of a work tree. RC_NOT_FOUND: there is none. */
MUST_CHECK enum rc repo_open(const char *path, struct repo **ret, struct err *err);
/* As repo_open(); makes a bare one (HEAD at refs/heads/main) when there is none. durable: fsync
 * what is written. */
MUST_CHECK enum rc repo_init(const char *path, bool durable, struct repo **ret, struct err *err);
/* Of all repositories DIR/NAME.git, which no other daemon uses now: lock files of refs that one who was killed has left. Who pushes by hand in
 * that moment is refused by Git, and nothing is lost. */
void repos_drop_stale_locks(const char *dir);
void repo_free(struct repo *r);
void repo_freep(struct repo **r);
const char *repo_path(const struct repo *r); /* as it was opened */
const char *repo_dir(const struct repo *r);  /* where refs and objects are; ends with '/' */
/* The folder of its hooks; RC_UNSUPPORTED when core.hooksPath moves them elsewhere. */
MUST_CHECK enum rc repo_hooks(struct repo *r, struct strbuf *ret, struct err *err);

/* ---- refs and commits ---- */
/* Every ref under prefix ("refs/heads/") that leads to a commit, in order of name, until each
 * returns false. */
MUST_CHECK enum rc repo_refs(struct repo *r, const char *prefix,
			     bool (*each)(void *ctx, const char *ref, const char *commit),
			     void *ctx, struct err *err);
/* Those that bring changes, in order of name: branches, tags, and the heads of requests to merge (refs/pull/N/head, refs/merge-requests/N/head). */
MUST_CHECK enum rc repo_change_refs(struct repo *r,
				    bool (*each)(void *ctx, const char *ref, const char *commit),
				    void *ctx, struct err *err);
/* The best common ancestor of two commits. RC_NOT_FOUND: they have none. */
MUST_CHECK enum rc repo_merge_base(struct repo *r, const char *a, const char *b,
				   char ret[GIT_HEX + 1], struct err *err);
/* The commit of a revision. RC_NOT_FOUND. */
MUST_CHECK enum rc repo_resolve(struct repo *r, const char *rev, char ret[GIT_HEX + 1],
				struct err *err);
/* A commit counts as its own ancestor. An id that the repository does not have is nobody's. */
MUST_CHECK enum rc repo_is_ancestor(struct repo *r, const char *base, const char *commit, bool *ret,
				    struct err *err);

struct repo_commit {
	char id[GIT_HEX + 1], tree[GIT_HEX + 1];
	char parent[GIT_HEX + 1]; /* the first one, "" for a root */
	char *author, *email, *committer, *committer_email;
	char *subject, *message;
	int64_t time; /* seconds */
};
MUST_CHECK enum rc repo_commit(struct repo *r, const char *rev, struct repo_commit *ret,
			       struct err *err);
void repo_commit_done(struct repo_commit *c);
/* The value of a message's trailer ("Penstock-Reverts"), the caller's; NULL when it has none. */
char *repo_trailer(const char *message, const char *key);
/* Commits from tip back to (and without) stop's history, newest first, until each returns false;
 * stop may be NULL. */
MUST_CHECK enum rc repo_log(struct repo *r, const char *tip, const char *stop,
			    bool (*each)(void *ctx, const struct repo_commit *c), void *ctx,
			    struct err *err);

/* ---- trees and blobs ---- */
struct repo_entry {
	const char *path;
	const char *oid;
	uint32_t mode;
};
/* What a commit's tree holds. dirs: the entry of each path, of whatever kind ("." the root).
 * list: each file and link at or below each path, submodules left out. Every tree is read once;
 * each() is called once for a path, in the tree's order; a path that does not exist is left out.
 * RC_INVALID: a tree holds a name that no file can have (".git", "..", "a/b"); RC_TOO_BIG;
 * RC_CORRUPT. each() may return an error, which ends the walk. ret_tree (may be NULL): the root. */
struct repo_ask {
	const char *const *dirs;
	size_t n_dirs;
	const char *const *list;
	size_t n_list;
};
MUST_CHECK enum rc repo_tree(struct repo *r, const char *rev, const struct repo_ask *ask,
			     enum rc (*each)(void *ctx, const struct repo_entry *e,
					     struct err *err),
			     void *ctx, char ret_tree[GIT_HEX + 1], struct err *err);
/* Append a file. RC_NOT_FOUND (also for a folder, link or submodule), RC_TOO_BIG. */
MUST_CHECK enum rc repo_file(struct repo *r, const char *rev, const char *path, size_t max,
			     struct strbuf *ret, struct err *err);
/* A file's contents by its blob's id. */
MUST_CHECK enum rc repo_blob(struct repo *r, const char *oid, size_t max, struct strbuf *ret,
			     struct err *err);
/* Write the files and links at or below paths under the existing folder `into`, with their whole
 * paths; modes 0644 and 0755. Never follows a link; a link that could lead outside of `into` is
 * RC_INVALID; a file that stands there is replaced. */
MUST_CHECK enum rc repo_lay(struct repo *r, const char *rev, const char *const *paths, size_t n,
			    const char *into, struct err *err);

/* ---- writing ---- */
/* Make branches of `mirror` equal to those of `from`, with all objects that they need; branches
 * that are gone there go here. The caller keeps others from fetching into the same mirror.
 * ret_changed may be NULL. */
MUST_CHECK enum rc repo_fetch(struct repo *mirror, struct repo *from, bool *ret_changed,
			      struct err *err);

struct repo_edit {
	const char *path;
	struct str bytes;
	bool remove;
	bool exec;
};
struct repo_author {
	const char *name, *email;
	int64_t time; /* seconds */
};
/* A commit on `ref` without a work tree. expected: what the ref must stand at when it moves, and
 * the new commit's parent; NULL: the ref must not exist. RC_CONFLICT: it stands elsewhere;
 * nothing has changed then. */
MUST_CHECK enum rc repo_write(struct repo *r, const char *ref, const char *expected,
			      const struct repo_edit *edits, size_t n, const char *message,
			      const struct repo_author *by, char ret[GIT_HEX + 1], struct err *err);
/* As repo_write() with a whole tree. */
MUST_CHECK enum rc repo_write_tree(struct repo *r, const char *ref, const char *expected,
				   const char *tree, const char *message,
				   const struct repo_author *by, char ret[GIT_HEX + 1],
				   struct err *err);
/* Move a ref without a commit; to NULL: remove it. expected as above. */
MUST_CHECK enum rc repo_move(struct repo *r, const char *ref, const char *expected, const char *to,
			     struct err *err);
/* The tree of `tip` without what lies between base and commit (three-way). RC_CONFLICT names the
 * files. */
MUST_CHECK enum rc repo_take_back(struct repo *r, const char *tip, const char *commit,
				  const char *base, char ret_tree[GIT_HEX + 1], struct err *err);
/* A commit that merges `head` onto `onto` (no branch moves): the head's author, this committer, whose time is the later one of both parents. `onto` itself when
 * it holds the head already. RC_CONFLICT names the files. */
MUST_CHECK enum rc repo_merge(struct repo *r, const char *onto, const char *head,
			      const char *message, const char *committer, const char *email,
			      char ret[GIT_HEX + 1], struct err *err);
/* Append a unified diff of one file; an empty old or new text stands for "no file". Nothing when
 * they are equal. */
void repo_diff(struct strbuf *to, const char *path, struct str old_text, struct str new_text);
