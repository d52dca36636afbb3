/* Envelopes and statements: no crash; what was read is written so that it reads the same. */
#include "clients/dsse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEX "1111111111111111111111111111111111111111111111111111111111111111"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	AUTO(dsse_done) struct dsse one = {0}, two = {0};
	AUTO(strbuf_done) struct strbuf again = STRBUF(DSSE_MAX), predicate = STRBUF(STATEMENT_MAX);

	if (statement_check(text, HEX, "https://penstock.dev/tests/v1", &predicate, NULL) ==
	    RC_OK) {
		statement_write(HEX, "https://penstock.dev/tests/v1", strbuf_str(&predicate),
				&again);
		BUG_ON(statement_check(strbuf_str(&again), HEX, "https://penstock.dev/tests/v1",
				       NULL, NULL) != RC_OK);
		strbuf_clear(&again);
	}
	if (dsse_read(text, &one, NULL) != RC_OK)
		return 0;
	dsse_write(&one, &again);
	if (strbuf_failed(&again))
		return 0;
	BUG_ON(dsse_read(strbuf_str(&again), &two, NULL) != RC_OK);
	BUG_ON(one.signatures.n != two.signatures.n);
	BUG_ON(!str_eq(strbuf_str(&one.payload), strbuf_str(&two.payload)));
	return 0;
}
