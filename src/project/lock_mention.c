/* What a manifest's words mean in a lockfile that does not know its folder. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "project/lock_impl.h"

#define NONE UINT32_MAX

static uint32_t npm_mention(const struct lock *l, const char *dir, const struct mention *d)
{
	AUTO(freep) char *where = NULL;

	if (streq(dir, l->dir))
		where = xstrdup("");
	else if (streq(l->dir, "."))
		where = xstrdup(dir);
	else if (path_below(dir, l->dir))
		where = xstrdup(dir + strlen(l->dir) + 1);
	return where ? lock_npm_resolve(l, where, d->name) : NONE;
}

static uint32_t yarn_mention(const struct lock *l, const struct mention *d)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);

	strbuf_addf(&key, "%s@%s", d->name, d->range ? d->range : "");
	uint32_t found = lock_find(l, strbuf_str(&key));
	if (found != NONE)
		return found;
	strbuf_clear(&key);
	strbuf_addf(&key, "%s@npm:%s", d->name, d->range ? d->range : "");
	return lock_find(l, strbuf_str(&key));
}

uint32_t lock_mention(const struct lock *l, const char *dir, const struct mention *d)
{
	if (d->path)
		return NONE;
	if (l->kind == LOCK_NPM)
		return npm_mention(l, dir, d);
	if (l->kind == LOCK_YARN)
		return yarn_mention(l, d);
	if (l->kind == LOCK_UV)
		return lock_find(l, str_of(d->name));
	return NONE; /* by name alone: lock_named() */
}
