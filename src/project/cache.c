#include "project/cache.h"
#include "base/map.h"
#include "base/strbuf.h"

#include <pthread.h>

#define SOURCES_MAX ((size_t)64 << 20)

struct project_cache {
	struct map parsed;
	size_t bytes; /* of the sources of what is in it */
	pthread_mutex_t mutex;
};

struct project_cache *project_cache_new(void)
{
	struct project_cache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->mutex, NULL);
	return c;
}

static void drop_all(struct project_cache *c)
{
	for (struct map_entry *e = NULL; (e = map_next(&c->parsed, e));) {
		struct parsed *p = e->value;
		if (p->manifest)
			buildfile_done(p->manifest);
		xfree(p->manifest);
		lock_free(p->lock);
		pom_free(p->pom);
		xfree(p->problem);
		xfree(p);
	}
	map_done(&c->parsed);
	c->bytes = 0;
}

void project_cache_free(struct project_cache *c)
{
	if (!c)
		return;
	drop_all(c);
	pthread_mutex_destroy(&c->mutex);
	xfree(c);
}

void project_cache_begin(struct project_cache *c)
{
	pthread_mutex_lock(&c->mutex);
	if (c->bytes > SOURCES_MAX)
		drop_all(c);
}

void project_cache_end(struct project_cache *c)
{
	pthread_mutex_unlock(&c->mutex);
}

static void parse(struct parsed *p, const char *path, struct str text, enum parse_as as)
{
	struct err why = {RC_OK, ""};
	struct buildfile m;
	enum rc rc = RC_OK;

	switch (as) {
	case PARSE_MANIFEST:
		rc = buildfile_read(path, text, &m, &why);
		if (rc == RC_OK) {
			p->manifest = xmalloc(sizeof(m));
			*p->manifest = m;
		}
		break;
	case PARSE_LOCK:
		rc = lock_read(path, text, &p->lock, &why);
		break;
	case PARSE_POM:
		rc = pom_read(path, text, &p->pom, &why);
		break;
	}
	if (rc != RC_OK)
		p->problem = xstrdup(why.msg);
}

enum rc project_cache_get(struct project_cache *c, const struct project_source *source,
			  const char *commit, const struct tree_entry *file, enum parse_as as,
			  const struct parsed **ret, struct err *err)
{
	size_t max = as == PARSE_LOCK ? LOCK_MAX_BYTES : BUILDFILE_MAX;
	AUTO(freep) char *key = xasprintf("%d %s %s", (int)as, file->oid, file->path);
	struct parsed *p = map_get(&c->parsed, str_of(key));
	AUTO(strbuf_done) struct strbuf text = STRBUF(max);

	if (p) {
		*ret = p;
		return RC_OK;
	}
	p = xcalloc(1, sizeof(*p));
	enum rc rc = source->file(source->ctx, commit, file->path, file->oid, max, &text, err);
	if (rc == RC_TOO_BIG)
		p->problem = xasprintf("%s:1: is larger than %zu bytes", file->path, max);
	else if (rc == RC_OK)
		parse(p, file->path, strbuf_str(&text), as);
	if (rc != RC_OK && rc != RC_TOO_BIG) {
		xfree(p);
		return rc;
	}
	map_put(&c->parsed, str_of(key), p);
	c->bytes += text.n + 256;
	*ret = p;
	return RC_OK;
}
