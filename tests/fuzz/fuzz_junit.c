/* JUnit reports come from programs that a change brings along. */
#include "base/mem.h"
#include "flow/2-build/reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct junit j = {0};
	struct err err = {0};

	if (junit_read((struct str){(const char *)data, size}, "", &j, NULL, &err) != RC_OK)
		BUG_ON(j.tests || j.first_failure || !err.msg[0]);
	BUG_ON(j.first_failure && !str_is_utf8(str_of(j.first_failure)));
	shape_done(&shape_junit, &j);
	return 0;
}
