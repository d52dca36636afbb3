/* The Cookie header: whatever is found lies inside it, is made of cookie-octets, and stands behind its name. */
#include "io/httpd_cookie.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"penstock_session", "a", ""};
	struct str header = {(const char *)data, size};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);
		struct str value = cookie_find(header, names[i]);

		if (!value.p)
			continue;
		if (!cookie_is_value(value) || value.p < header.p + n + 1 ||
		    value.p + value.n > header.p + header.n || value.p[-1] != '=' ||
		    memcmp(value.p - 1 - n, names[i], n) != 0)
			abort();
	}
	return 0;
}
