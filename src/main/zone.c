#include "main/zone.h"
#include "base/str.h"
#include "io/files.h"

#define ZONE_FILE_MAX ((size_t)64 << 10)

static _Thread_local char rule[128];

/* A name may only walk down: letters, digits, '/', '_', '-', '+'. */
static bool is_name(const char *zone)
{
	if (!*zone || *zone == '/' || strlen(zone) > 64)
		return false;
	return zone[strspn(zone,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-+")] ==
	       '\0';
}

const char *zone_rule(const char *zone, void *ctx)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(ZONE_FILE_MAX), path = STRBUF(256);
	struct err err = {0};

	(void)ctx;
	if (!is_name(zone))
		return NULL;
	if (streq(zone, "UTC"))
		return "UTC0";
	strbuf_addf(&path, "/usr/share/zoneinfo/%s", zone);
	if (file_read(strbuf_cstr(&path), ZONE_FILE_MAX, &bytes, &err) != RC_OK || bytes.n < 2 ||
	    memcmp(bytes.p, "TZif", 4) != 0)
		return NULL;
	if (bytes.p[bytes.n - 1] != '\n')
		return NULL;
	size_t end = bytes.n - 1, begin = end;
	while (begin && bytes.p[begin - 1] != '\n')
		begin--;
	if (end == begin || end - begin >= sizeof(rule))
		return NULL;
	memcpy(rule, bytes.p + begin, end - begin);
	rule[end - begin] = '\0';
	return rule;
}
