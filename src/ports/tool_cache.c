/* What all adapters of the tools' cache have in common: the grammar of keys, the order of scopes, what is kept beside the bytes. */
#include "ports/tool_cache.h"

#include "base/mem.h"

#include <unistd.h>

static bool is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

static bool is_id(struct str s)
{
	if (s.n == 0 || s.n > TOOL_ID_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_word_char(s.p[i]))
			return false;
	return true;
}

static bool is_space(struct str s)
{
	if (s.n == 0 || s.n > TOOL_SPACE_MAX)
		return false;
	while (s.p) {
		struct str word = str_cut(&s, '/');

		if (word.n == 0 || word.p[0] == '.')
			return false;
		for (size_t i = 0; i < word.n; i++)
			if (!is_word_char(word.p[i]) && word.p[i] != '.')
				return false;
	}
	return true;
}

static bool is_scope(struct str s)
{
	uint64_t n;

	if (str_is(s, TOOL_TRUSTED))
		return true;
	if (!str_starts(s, "pr/") || s.n > TOOL_SCOPE_MAX)
		return false;
	return parse_u64((struct str){s.p + 3, s.n - 3}, &n) && s.p[3] != '0';
}

bool tool_key_good(const struct tool_key *k)
{
	return is_scope(str_of(k->scope)) && is_space(str_of(k->space)) && is_id(str_of(k->id));
}

void tool_meta_done(struct tool_meta *m)
{
	xfree(m->writer);
	xfree(m->run);
	for (size_t i = 0; i < TOOL_NOTES; i++) {
		xfree(m->notes[i].name);
		xfree(m->notes[i].value);
	}
	*m = (struct tool_meta){0};
}

void tool_found_done(struct tool_found *f)
{
	tool_meta_done(&f->meta);
	strbuf_done(&f->bytes);
	if (f->fd > 0)
		close(f->fd);
	*f = (struct tool_found){.fd = -1};
}

enum rc tool_meta_note(struct tool_meta *m, const char *name, const char *value, struct err *err)
{
	size_t i = 0;

	while (i < TOOL_NOTES && m->notes[i].name)
		i++;
	if (i == TOOL_NOTES)
		return err_set(err, RC_TOO_BIG, "more than %d headers are kept of no entry",
			       TOOL_NOTES);
	if (strlen(value) > TOOL_NOTE_MAX || !str_is_utf8(str_of(value)))
		return err_set(err, RC_TOO_BIG,
			       "the header %s is above %d bytes, or no text in UTF-8", name,
			       TOOL_NOTE_MAX);
	m->notes[i] = (struct tool_note){xstrdup(name), xstrdup(value)};
	return RC_OK;
}

const char *tool_meta_get(const struct tool_meta *m, const char *name)
{
	for (size_t i = 0; i < TOOL_NOTES && m->notes[i].name; i++)
		if (streq(m->notes[i].name, name))
			return m->notes[i].value;
	return NULL;
}

void tool_put_init(struct tool_put *p, struct tool_cache *c, const struct tool_key *k)
{
	*p = (struct tool_put){.cache = c,
			       .scope = xstrdup(k->scope),
			       .space = xstrdup(k->space),
			       .id = xstrdup(k->id),
			       .digest = digest_new()};
}

void tool_put_done(struct tool_put *p)
{
	digest_drop(p->digest);
	xfree(p->scope);
	xfree(p->space);
	xfree(p->id);
}

enum rc tool_put_keep(struct tool_cache *c, struct tool_put *take_p, struct tool_meta *meta,
		      const struct digest *want, bool replace, struct err *err)
{
	meta->sha = digest_finish(take_p->digest);
	take_p->digest = NULL;
	meta->size = take_p->size;
	if (want && !digest_eq(*want, meta->sha)) {
		char hex[DIGEST_HEX + 1];

		digest_hex(meta->sha, hex);
		tool_put_drop(c, take_p);
		return err_set(err, RC_CORRUPT, "these bytes have the SHA-256 %s, not the key's",
			       hex);
	}
	replace = replace || !streq(take_p->scope, TOOL_TRUSTED);
	return c->ops->put_keep(take_p, meta, replace, err);
}

static struct tool_key trusted(const struct tool_key *k)
{
	return (struct tool_key){TOOL_TRUSTED, k->space, k->id};
}

enum rc tool_cache_find(struct tool_cache *c, const struct tool_key *k, struct tool_found *ret,
			struct err *err)
{
	struct tool_key behind = trusted(k);

	if (!tool_key_good(k))
		return err_set(err, RC_NOT_FOUND, "this is no key of the build cache");
	enum rc own = c->ops->get(c, k, ret, err);
	if (own == RC_OK)
		ret->trusted = streq(k->scope, TOOL_TRUSTED);
	if (own == RC_OK || streq(k->scope, TOOL_TRUSTED))
		return own;
	enum rc rc = c->ops->get(c, &behind, ret, own == RC_CORRUPT ? NULL : err);
	if (rc == RC_OK) {
		ret->trusted = true;
		err_clear(err); /* our own scope has none */
	}
	return rc != RC_OK && own == RC_CORRUPT ? own : rc;
}

bool tool_cache_touch(struct tool_cache *c, const struct tool_key *k)
{
	struct tool_key behind = trusted(k);

	if (!tool_key_good(k))
		return false;
	return c->ops->touch(c, k) || (!streq(k->scope, TOOL_TRUSTED) && c->ops->touch(c, &behind));
}
