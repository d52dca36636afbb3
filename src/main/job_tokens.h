/*
 * Tokens that jobs bring to the build caches: one for what is on branches, one for each request to merge, so that a tool in a job needs no setting and
 * a request's job writes where only that request reads. Made when first asked for, void with the next start of the daemon. From any thread.
 */
#pragma once
#include "base/strbuf.h"

struct job_tokens;
/* tokens: path of the daemon's token file; what an earlier daemon made for jobs is removed from it. */
MUST_CHECK enum rc job_tokens_new(const char *tokens, struct job_tokens **ret, struct err *err);
void job_tokens_free(struct job_tokens *t);
/* scope: "trusted", "pr/12". Appends the token. */
MUST_CHECK enum rc job_tokens_get(void *t, const char *scope, struct strbuf *ret, struct err *err);
