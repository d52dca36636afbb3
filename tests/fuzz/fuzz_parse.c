/* The strict parsers of text: any bytes, and what is written by us is read back. */
#include "base/digest.h"
#include "base/strbuf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};
	uint64_t n;
	int64_t i;
	double d;
	bool b;
	usec_t t, again;
	struct digest digest;
	char text[TIME_TEXT];
	static const char *const names[] = {"build", "test", "deploy"};
	AUTO(strbuf_done) struct strbuf to = STRBUF(4096), back = STRBUF(4096);

	expect(!parse_u64(s, &n) || size < 4096 || n == 0 || s.p[0] == '0');
	(void)!parse_i64(s, &i);
	expect(!parse_percent(s, &d) || (d >= 0 && d <= 1));
	(void)!parse_double(s, &d);
	(void)!parse_bool(s, &b);
	(void)!parse_size(s, &n);
	if (parse_duration(s, &t))
		strbuf_add_duration(&to, t);
	if (time_parse(s.p, s.n, &t)) {
		time_text(t, text);
		expect(time_parse(text, strlen(text), &again) && again == t);
	}
	(void)!digest_parse(s, &digest);
	str_nearest(s, names, ARRAY_LEN(names));
	strbuf_clear(&to);
	if (strbuf_add_unbase64(&to, s)) {
		strbuf_add_base64(&back, to.p, to.n);
		expect(str_eq(strbuf_str(&back), s));
	}
	return 0;
}
