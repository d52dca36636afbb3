/*
 * Repositories that stay open for the next who reads them: opening one, and reading and hashing the trees at its top again, costs more than the
 * few files that a job needs of it. From any thread; a handle is one caller's at a time.
 */
#pragma once
#include "clients/git.h"

#include <sys/types.h>

struct repo_pool;
struct repo_pool *repo_pool_new(void);
void repo_pool_free(struct repo_pool *p); /* all handles were given back */

struct repo_held {
	struct repo *repo;
	bool good; /* nothing failed: may be kept */
	struct repo_pool *pool;
	dev_t dev;
	ino_t ino;
};
/* A handle of `path`: one that waits, unless another folder stands there since; or a new one. As repo_open(). */
MUST_CHECK enum rc repo_take(struct repo_pool *p, const char *path, struct repo_held *ret,
			     struct err *err);
/* Keep it when it is good, else close it. */
void repo_give(struct repo_held *h);
