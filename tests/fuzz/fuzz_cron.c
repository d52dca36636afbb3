/* The first NUL parts a time of crontab and a zone's rule. What is read has a next time, and that one comes later. */
#include "core/cron.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, text = str_cut(&rest, '\0');
	struct cron c;
	struct tz tz = {.offset = 0};
	struct err err = {0};
	AUTO(freep) char *rule = xstrndup(rest.p ? rest.p : "UTC0", rest.p ? rest.n : 4);
	const usec_t after = (usec_t)1767600000 * USEC_SEC;

	(void)tz_parse(rule, &tz, &err);
	if (cron_parse(text, &c, &err) != RC_OK)
		return 0;
	usec_t next = cron_next(&c, &tz, after);
	if (next <= after || (next != USEC_NEVER && cron_next(&c, &tz, next) <= next))
		abort();
	return 0;
}
