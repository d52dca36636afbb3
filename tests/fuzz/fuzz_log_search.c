/* ?search= over a log: the input is the text, a NUL, the log. No pattern breaks it, and what is found does not depend on how the log is cut. */
#include "api/log_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	size_t n = end ? (size_t)(end - data) : 0;
	struct str log = {(const char *)data + n, size - n};
	struct strbuf whole = STRBUF((size_t)64 << 20), cut = STRBUF((size_t)64 << 20);
	struct err err = {0};

	if (!end || n > 64 || log.n > 20000)
		return 0;
	AUTO(freep) char *text = xstrndup((const char *)data, n);
	AUTO(freep)
	char *copy = xcalloc(1, log.n + 1); /* the sanitizer's regexec() looks for a NUL */
	memcpy(copy, log.p, log.n);
	log.p = copy;
	enum rc first = log_search_bytes(text, log, log.n, &whole, &err);
	BUG_ON(log_search_bytes(text, log, 3, &cut, &err) != first);
	BUG_ON(!str_eq(strbuf_str(&whole), strbuf_str(&cut)));
	strbuf_done(&whole);
	strbuf_done(&cut);
	return 0;
}
