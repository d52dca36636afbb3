/* Lines of a log with their marks, as JSON: the input is the marks, a NUL, the log. However it is cut, the lines are the same. */
#include "api/log_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct str log, size_t piece, const struct log_marks *marks, struct strbuf *out)
{
	struct log_view v = {.format = LOG_JSON};

	log_view_seek(&v, 0, 1);
	for (size_t i = 0; i < log.n; i += piece)
		log_view_feed(&v, marks, (struct str){log.p + i, MIN_OF(piece, log.n - i)}, out);
	log_view_end(&v, marks, out);
	log_view_done(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	size_t n = end ? (size_t)(end - data) : 0;
	struct str log = {(const char *)data + n, size - n};
	struct log_marks marks = {0};
	struct strbuf whole = STRBUF((size_t)64 << 20), cut = STRBUF((size_t)64 << 20);

	log_marks_add(&marks, (struct str){(const char *)data, n});
	feed(log, log.n + 1, &marks, &whole);
	feed(log, 3, &marks, &cut);
	BUG_ON(!str_eq(strbuf_str(&whole), strbuf_str(&cut)));
	log_marks_done(&marks);
	strbuf_done(&whole);
	strbuf_done(&cut);
	return 0;
}
