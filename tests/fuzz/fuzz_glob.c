/* The first NUL parts pattern and path. A pattern that passes the check and has no special characters matches itself. */
#include "base/glob.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, pattern = str_cut(&rest, '\0');
	struct str path = rest.p ? rest : pattern;
	struct err err = {0};
	bool plain = true;

	glob_match(pattern, path);
	(void)path_check(path, &err);
	if (glob_check(pattern, &err) != RC_OK)
		return 0;
	for (size_t i = 0; i < pattern.n; i++)
		plain = plain && !strchr("*?[]{}", pattern.p[i]);
	if (plain && !glob_match(pattern, pattern))
		abort();
	return 0;
}
