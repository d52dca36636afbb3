/* Problem lines and the likely cause, out of what any program may print. */
#include "base/mem.h"
#include "flow/2-build/reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const styles[] = {"gcc", "tsc", "eslint"};
	struct str log = {(const char *)data, size};
	struct strbuf cause = STRBUF(CAUSE_MAX);
	struct cause_ask ask = {.log = log, .exit = 1};

	for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
		struct report r = {0};
		struct problems p;
		BUG_ON(!problems_open(&p, styles[i], "u", &r));
		problems_feed(&p, (struct str){log.p, size / 2});
		problems_feed(&p, (struct str){log.p + size / 2, size - size / 2});
		problems_close(&p);
		vec_each(a, &r.annotations)
			BUG_ON(!str_is_utf8(str_of(a->message)));
		report_done(&r);
	}
	cause_find(&ask, &cause);
	BUG_ON(strbuf_failed(&cause) || !str_is_utf8(strbuf_str(&cause)));
	size_t lines = cause.n != 0;
	for (size_t i = 0; i < cause.n; i++)
		lines += cause.p[i] == '\n';
	BUG_ON(lines > CAUSE_LINES);
	strbuf_done(&cause);
	return 0;
}
