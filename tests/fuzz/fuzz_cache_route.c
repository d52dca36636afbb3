/* Paths and teams of the build caches: what is taken for an entry is a key that the store takes, and leads nowhere else. */
#include "api/cache_impl.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(freep) char *path = xstrndup((const char *)data, size);
	size_t n = strlen(path);
	AUTO(freep)
	char *team = n < size ? xstrndup((const char *)data + n + 1, size - n - 1) : NULL;
	struct cache_route r;

	if (!cache_route_parse(path, team, &r))
		return 0;
	struct tool_key k = {TOOL_TRUSTED, r.space, r.what == CACHE_ENTRY ? r.id : "x"};
	BUG_ON(!tool_key_good(&k));
	BUG_ON(strstr(r.space, "/."));
	BUG_ON(r.what == CACHE_ENTRY && !r.id[0]);
	BUG_ON(r.tool == TOOL_BAZEL && r.part == PART_ANY);
	return 0;
}
