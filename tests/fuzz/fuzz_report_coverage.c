/* lcov and Cobertura come from programs that a change brings along. */
#include "base/mem.h"
#include "flow/2-build/reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coverage c = {0};
	struct report r = {0};
	struct err err = {0};

	if (coverage_read(&c, (struct str){(const char *)data, size}, "u", &err) != RC_OK)
		BUG_ON(!err.msg[0]);
	coverage_report(&c, &r);
	BUG_ON(r.covered > r.lines);
	vec_each(f, &r.coverage)
		BUG_ON(!f->lines || f->covered > f->lines || *f->path == '/');
	coverage_done(&c);
	report_done(&r);
	return 0;
}
