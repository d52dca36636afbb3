/* Private to src/flow/1-source/scm_fake*.c: what the repositories in memory are made of. */
#pragma once
#include "base/digest.h"
#include "base/map.h"
#include "flow/1-source/adapters.h"

#define HEX       40
#define MODE_FILE 0100644u
#define MODE_TREE 0040000u
#define MODE_LINK 0120000u
#define TRAILER   "Penstock-Reverts"
#define MAIL      "penstock@localhost"

struct blob { /* shared by the commits that have it */
	unsigned refs;
	char oid[HEX + 1];
	struct strbuf bytes;
};
struct file {
	char *path;
	uint32_t mode;
	struct blob *blob;
};
struct files {
	VEC(struct file) list; /* in order of path */
};
struct commit {
	char id[HEX + 1], parent[HEX + 1], second[HEX + 1]; /* second: of a merge */
	char *author, *email, *message;
	struct files files;
};
struct fake_repo {
	struct map commits;  /* id -> struct commit */
	struct map branches; /* ref -> struct commit */
};
struct scm_fake {
	struct scm base;
	struct map repos; /* name -> struct fake_repo */
	unsigned after, failing;
	enum rc rc;
};

enum rc fake_begin(struct scm *s, const char *repo, struct fake_repo **ret, struct err *err);
const struct file *fake_files_find(const struct files *f, const char *path);
void fake_files_set(struct files *f, const char *path, uint32_t mode, struct blob *blob);
struct commit *fake_commit_find(const struct fake_repo *r, const char *rev, struct err *err);
struct commit *fake_commit_child(const struct commit *parent, const char *author, const char *email,
				 const char *message);
struct commit *fake_commit_keep(struct fake_repo *r, struct commit *c); /* takes c */
void fake_commit_free(struct commit *c);
bool fake_is_ancestor(const struct fake_repo *r, const char *base, const struct commit *c);
bool fake_same_file(const struct file *a, const struct file *b);
/* scm_fake_merge.c */
enum rc fake_merge(struct scm *s, const char *repo, const struct scm_merge *m, char **ret_commit,
		   texts *ret_conflicts, struct err *err);
enum rc fake_log(struct scm *s, const char *repo, const char *tip, const char *stop,
		 bool (*each)(void *ctx, const struct scm_commit *c), void *ctx, struct err *err);
enum rc fake_land(struct scm *s, const char *repo, const struct change *c, struct err *err);
