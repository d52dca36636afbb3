/* Is everything there that an ActionResult promises? */
#include "api/cache_impl.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

struct check {
	struct tool_cache *cache;
	const char *scope;
	char space[TOOL_SPACE_MAX + 1]; /* of the blobs */
	bool lost;
};

static bool read_whole(const struct tool_found *f, size_t max, struct strbuf *to)
{
	if (f->meta.size > max)
		return false;
	if (f->fd < 0) {
		strbuf_addstr(to, strbuf_str(&f->bytes));
		return true;
	}
	size_t n = (size_t)f->meta.size, got = 0;
	AUTO(freep) char *p = xmalloc(n);
	while (got < n) {
		ssize_t k = pread(f->fd, p + got, n - got, (off_t)got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		got += (size_t)k;
	}
	strbuf_add(to, p, n);
	return true;
}

static void key_of(const struct check *c, struct str hex, char id[DIGEST_HEX + 1],
		   struct tool_key *ret)
{
	memcpy(id, hex.p, DIGEST_HEX);
	id[DIGEST_HEX] = 0;
	*ret = (struct tool_key){c->scope, c->space, id};
}

static bool each_file(void *ctx, enum digest_of what, struct str hex)
{
	struct check *c = ctx;
	char id[DIGEST_HEX + 1];
	struct tool_key k;

	(void)what;
	key_of(c, hex, id, &k);
	if (!tool_cache_touch(c->cache, &k))
		c->lost = true;
	return !c->lost;
}

static bool each(void *ctx, enum digest_of what, struct str hex)
{
	struct check *c = ctx;
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};
	AUTO(strbuf_done) struct strbuf tree = STRBUF(TREE_MAX);
	char id[DIGEST_HEX + 1];
	struct tool_key k;

	if (what == DIGEST_FILE)
		return each_file(c, what, hex);
	key_of(c, hex, id, &k);
	if (tool_cache_find(c->cache, &k, &f, NULL) != RC_OK || !read_whole(&f, TREE_MAX, &tree) ||
	    tree_digests(strbuf_str(&tree), each_file, c, NULL) != RC_OK)
		c->lost = true;
	return !c->lost;
}

bool action_is_whole(struct tool_cache *cache, const struct tool_key *k, const struct tool_found *f)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(ACTION_MAX);
	struct check c = {.cache = cache, .scope = k->scope};
	size_t n = strlen(k->space);
	char head[4] = {0};

	BUG_ON(n < 2 || n + 1 > TOOL_SPACE_MAX);
	memcpy(c.space, k->space, n - 2);
	memcpy(c.space + n - 2, "cas", 4);
	if (f->fd < 0)
		memcpy(head, f->bytes.p ? f->bytes.p : "", MIN_OF(f->bytes.n, sizeof(head)));
	else if (pread(f->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return false;
	if (action_kind_of((struct str){head, sizeof(head)}) == ACTION_RAW)
		return true;
	if (!read_whole(f, ACTION_MAX, &bytes))
		return false;
	struct str text = strbuf_str(&bytes);
	return action_digests(text, action_kind_of(text), each, &c, NULL) == RC_OK && !c.lost;
}
