#include <string.h>

#include "shared/check.h"
#include "shared/headers.h"
#include "shared/message.h"
#include "tests.h"

void test_headers(void)
{
	struct span fields = span_of(shared_headers), v;
	size_t n = strlen(shared_headers);

	CHECK(n > 2 && strcmp(shared_headers + n - 2, "\r\n") == 0);
	CHECK(http_field(fields, "x-content-type-options", &v) && span_is(v, "nosniff"));
}
