/* SARIF comes from programs that a change brings along. */
#include "base/mem.h"
#include "flow/2-build/reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report r = {0};
	struct err err = {0};

	if (sarif_read((struct str){(const char *)data, size}, "u", &r, &err) != RC_OK)
		BUG_ON(!err.msg[0] || r.annotations.n);
	vec_each(a, &r.annotations)
		BUG_ON(!a->message || !str_is_utf8(str_of(a->message)) ||
		       (a->path && strstr(a->path, "..") && *a->path == '/'));
	report_done(&r);
	return 0;
}
