/* Lines of the splitter's log, in pieces of any size: no crash, and what is told is in bounds. */
#include "flow/5-deploy/route_haproxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	struct split_words w;
	struct route_fact f;

	while (rest.p) {
		line = str_cut(&rest, '\n');
		if (!split_line(line, &w, &f))
			continue;
		BUG_ON(f.status < 100 || f.status > 999 || f.ms < 0 || f.t < 0);
		BUG_ON(!*f.environment || !*f.unit || !*f.image);
		BUG_ON(strlen(f.environment) + strlen(f.unit) + strlen(f.image) > line.n);
	}
	return 0;
}
