#include "main/job_tokens.h"
#include "base/map.h"
#include "io/files.h"
#include "io/httpd_token.h"

#include <pthread.h>

#define PREFIX     "jobs."
#define TOKENS_MAX ((size_t)1 << 20)

struct job_tokens {
	char *path;
	pthread_mutex_t lock;
	struct map by_scope; /* scope -> token */
};

/* Nobody knows these any more: only their hashes stand in the file. */
static enum rc remove_old(const char *path, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKENS_MAX);
	struct tokens all;
	enum rc rc = file_read(path, TOKENS_MAX, &text, err);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	tokens_init(&all, path);
	rc = tokens_parse(&all, strbuf_str(&text), err);
	for (size_t i = 0; i < all.list.n && rc == RC_OK; i++)
		if (str_starts(str_of(all.list.v[i].name), PREFIX))
			rc = tokens_remove(path, all.list.v[i].name, err);
	tokens_done(&all);
	return rc;
}

enum rc job_tokens_new(const char *tokens, struct job_tokens **ret, struct err *err)
{
	enum rc rc = file_exists(tokens) ? remove_old(tokens, err) : RC_OK;

	if (rc != RC_OK)
		return err_wrap(err, "tokens of jobs");
	struct job_tokens *t = xcalloc(1, sizeof(*t));
	t->path = xstrdup(tokens);
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return RC_OK;
}

static void wipe(char *token)
{
	if (token)
		mem_wipe(token, strlen(token));
	xfree(token);
}

void job_tokens_free(struct job_tokens *t)
{
	if (!t)
		return;
	for (struct map_entry *e = NULL; (e = map_next(&t->by_scope, e));)
		wipe(e->value);
	map_done(&t->by_scope);
	pthread_mutex_destroy(&t->lock);
	xfree(t->path);
	xfree(t);
}

static enum rc make(struct job_tokens *t, const char *scope, char **ret, struct err *err)
{
	AUTO(freep) char *name = xasprintf(PREFIX "%s", scope);

	for (char *c = name; *c; c++)
		*c = *c == '/' ? '-' : *c;
	return tokens_add(t->path, name, scope, false, ret, err);
}

enum rc job_tokens_get(void *ctx, const char *scope, struct strbuf *ret, struct err *err)
{
	struct job_tokens *t = ctx;
	enum rc rc = RC_OK;

	pthread_mutex_lock(&t->lock);
	char *token = map_get(&t->by_scope, str_of(scope));
	if (!token) {
		rc = make(t, scope, &token, err);
		if (rc == RC_OK)
			map_put(&t->by_scope, str_of(scope), token);
	}
	if (rc == RC_OK)
		strbuf_adds(ret, token);
	pthread_mutex_unlock(&t->lock);
	return rc;
}
