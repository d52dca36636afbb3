/* Constructors of the source adapters, for main/, the simulator and the tests. */
#pragma once
#include "ports/scm.h"
#include "ports/watch.h"

/*
 * Repositories of this machine. Each is fetched into <mirror_dir>/<name>.git (made when it is
 * missing), and only the mirror is read, so that a force push or a `git gc` there takes nothing
 * away from a run. mirror_dir NULL: no mirror, the repositories themselves are read (for one-off
 * commands). Where the port takes a commit, any revision will do.
 */
MUST_CHECK enum rc scm_local_new(const char *mirror_dir, struct scm **ret, struct err *err);
/* name: letters, digits, '.', '_', '-'. path: a bare repository, or one with a work tree. Before
 * other threads use the port. Adding a name again gives it the new path. The repository is
 * looked for when it is used. */
MUST_CHECK enum rc scm_local_add(struct scm *s, const char *name, const char *path,
				 struct err *err);

/*
 * In memory, with the same contract: a commit's id is a hash of what it says, so that equal
 * histories have equal ids. Not for several threads. A path below a commit may hold links (GIT
 * modes as in struct tree_entry).
 */
MUST_CHECK enum rc scm_fake_new(struct scm **ret, struct err *err);
void scm_fake_add(struct scm *s, const char *repo);
struct fake_file {
	const char *path;
	struct str bytes;
	uint32_t mode; /* 0: 0100644 */
	bool remove;
};
struct fake_commit {
	const char *author, *email, *message; /* NULL: Ann, ann@example.com, "change" */
	const struct fake_file *files;        /* edits of the parent's files */
	size_t n;
};
/* Commit on a branch (parent: its tip; made when there is none). The id stays the fake's until
 * it is freed. */
const char *scm_fake_commit(struct scm *s, const char *repo, const char *ref,
			    const struct fake_commit *c);
/* A push: the branch stands at commit from now on; NULL removes it. */
void scm_fake_set(struct scm *s, const char *repo, const char *ref, const char *commit);
/* The tip, or NULL. */
const char *scm_fake_tip(struct scm *s, const char *repo, const char *ref);
/* The next `after` calls of the port work, then `n` fail with rc, then all work again. */
void scm_fake_fail(struct scm *s, unsigned after, unsigned n, enum rc rc);

/* Inotify, where the kernel can, and a look each second where it cannot. */
MUST_CHECK enum rc watch_local_new(struct watch **ret, struct err *err);
/* Moves only when it is told to. */
MUST_CHECK enum rc watch_fake_new(struct watch **ret, struct err *err);
/* A push that the next poll() reports, unless the fake stands there already. new NULL: the
 * branch goes. */
void watch_fake_push(struct watch *w, const char *repo, const char *ref, const char *new_commit);
/* The next pushes are not seen until watch_poke(). */
void watch_fake_lose(struct watch *w, unsigned pushes);

/*
 * Write hooks/post-receive of a repository, so that a push tells the daemon at once: it runs
 * `<penstock_path> hook <repo_path>` with $PENSTOCK_SOCKET set and git's lines on its stdin. It
 * never fails or holds up a push for long: with the daemon down it says so in one line. A hook that
 * is there already is kept: it moves to hooks/post-receive.d/user, and all programs in that folder
 * run first. Idempotent. RC_UNSUPPORTED: core.hooksPath is set. RC_CONFLICT: the hook is a link, or
 * post-receive.d/user is taken; the text says what to do.
 */
MUST_CHECK enum rc scm_install_hook(const char *repo_path, const char *socket_path,
				    const char *penstock_path, struct err *err);
