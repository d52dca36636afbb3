/*
 * The tokens of the HTTP API: a file of lines "name:sha256 of the token in hex[:group,group[:scope[:read-only]]]", mode 0600. Blank lines and
 * those that begin with '#' are left out. The token itself is nowhere stored.
 *
 * A token with a scope ("trusted", "pr/12") is for the build caches and nothing else: whoever brings it is no actor of the API.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

struct token {
	char *name, *hash, *groups; /* groups: "a,b" or "" */
	char *scope;                /* of the build caches; NULL: a token of the API */
	bool read_only;
};
#define TOKEN_SCOPE_MAX 16
/* "trusted", "pr/N"; "agent/NAME": what an agent of this name may do, and nothing else */
bool token_is_scope(struct str s);
struct tokens {
	char *path;
	VEC(struct token) list;
	int64_t mtime_ns, size; /* of the file as it was read */
	uint64_t inode;
};
void tokens_init(struct tokens *t, const char *path);
void tokens_done(struct tokens *t);
/* The token's line, or NULL; the file is read again when it has changed. RC_DENIED when others may read it. Blocks for a stat. */
const struct token *tokens_find(struct tokens *t, struct str token, struct err *err);
/* Parse the file's text. RC_INVALID names the line. */
MUST_CHECK enum rc tokens_parse(struct tokens *t, struct str text, struct err *err);

/* At the daemon's first start: when there is no such file, make it with one token of this name and give that, to be shown once; else *ret_token
 * is NULL. The caller wipes and frees it. */
MUST_CHECK enum rc tokens_ensure(const char *path, const char *name, char **ret_token,
				 struct err *err);

/* A token more. scope may be NULL. RC_CONFLICT: there is one of this name; RC_INVALID: a name or a scope that is none. The caller wipes and frees
 * *ret_token, which is shown once. */
MUST_CHECK enum rc tokens_add(const char *path, const char *name, const char *scope, bool read_only,
			      char **ret_token, struct err *err);
/* RC_NOT_FOUND: there is none of this name. */
MUST_CHECK enum rc tokens_remove(const char *path, const char *name, struct err *err);
