/* Any bytes are read or refused; what is read and written again is a fixed point. */
#include "base/json.h"

#include <stdlib.h>

#define TEXT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static void write_again(const struct json *j, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_write(&o, NULL, j);
	expect(!strbuf_failed(to));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_freep) struct json *first = NULL, *second = NULL;
	AUTO(strbuf_done) struct strbuf once = STRBUF(8 * TEXT_MAX), twice = STRBUF(8 * TEXT_MAX);
	struct err err = {0};

	if (json_read((struct str){(const char *)data, size}, TEXT_MAX, &first, &err) != RC_OK) {
		expect(err.msg[0] && str_is_utf8(str_of(err.msg)));
		return 0;
	}
	write_again(first, &once);
	expect(json_read(strbuf_str(&once), 8 * TEXT_MAX, &second, &err) == RC_OK);
	write_again(second, &twice);
	expect(str_eq(strbuf_str(&once), strbuf_str(&twice)));
	return 0;
}
