/* ActionResults and Trees come from whoever has a token: three readers of one text, and only digests come out. */
#include "api/cache_impl.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool each(void *ctx, enum digest_of what, struct str hex)
{
	struct digest d;
	size_t *n = ctx;

	BUG_ON(hex.n != DIGEST_HEX || !digest_parse(hex, &d) || str_is(hex, EMPTY_SHA));
	BUG_ON(what != DIGEST_FILE && what != DIGEST_TREE);
	return ++*n < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct err err = {0};
	size_t n = 0;
	enum action_kind kind = action_kind_of(bytes);

	BUG_ON(action_is_ccache_manifest(bytes) && kind != ACTION_RAW);
	if (action_digests(bytes, kind, each, &n, &err) != RC_OK)
		BUG_ON(!err.msg[0]);
	if (action_digests(bytes, ACTION_BINARY, each, &n, &err) != RC_OK)
		BUG_ON(!err.msg[0]);
	if (tree_digests(bytes, each, &n, &err) != RC_OK)
		BUG_ON(!err.msg[0]);
	BUG_ON(n > 3000);
	return 0;
}
