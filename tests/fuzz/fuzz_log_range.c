/* Range headers of logs: left out, or bytes that lie in order. */
#include "api/log_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(freep) char *header = xstrndup((const char *)data, size);
	struct log_wish wish = {.until = INT64_MAX};

	log_range_read(&wish, header);
	if (!wish.range) {
		BUG_ON(wish.from || wish.suffix || wish.until != INT64_MAX);
		return 0;
	}
	BUG_ON(strncmp(header, "bytes=", 6) != 0);
	BUG_ON(wish.from >= wish.until || wish.until > INT64_MAX || wish.suffix >= INT64_MAX);
	BUG_ON(wish.suffix && wish.from);
	return 0;
}
