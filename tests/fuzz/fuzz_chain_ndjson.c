/* Lines of an export: no crash, and whatever is read as a record is written as the very same line. */
#include "store/verify.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum rc next_line(void *ctx, struct str *ret, bool *ret_any, struct err *err)
{
	struct str *rest = ctx;

	(void)err;
	*ret_any = rest->n > 0;
	if (*ret_any)
		*ret = str_cut(rest, '\n');
	return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, rest = text;
	AUTO(strbuf_done)
	struct strbuf texts = STRBUF(EXPORT_LINE_MAX), line = STRBUF(EXPORT_LINE_MAX);
	struct store_report report;
	struct record r;

	(void)!chain_verify_ndjson(next_line, &rest, &report, NULL);
	rest = text;
	struct str one = str_cut(&rest, '\n');
	if (record_parse(one, &texts, &r, NULL) == RC_OK) {
		BUG_ON(record_print(&r, &line, NULL) != RC_OK);
		BUG_ON(!str_eq(strbuf_str(&line), one));
	}
	struct store_report said;
	if (trailer_parse(one, &said, NULL) == RC_OK) {
		strbuf_clear(&line);
		trailer_print(&said, &line);
		BUG_ON(!str_eq(strbuf_str(&line), one));
	}
	return 0;
}
