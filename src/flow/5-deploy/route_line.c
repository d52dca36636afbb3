/* One line of the splitter's log: "<end, usec> <duration, usec> <status> <how it ended>
 * <retries> <environment>:<unit> <index>.<image>". */
#include "flow/5-deploy/route_haproxy.h"

static bool copy(struct str s, char *to)
{
	if (s.n == 0 || s.n >= SPLIT_NAME || memchr(s.p, '\0', s.n))
		return false;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

/* A status as the client felt it: an answer that broke off, or never came, is none of the
 * server's good ones. */
static bool status_of(struct str status, struct str how, uint16_t *ret)
{
	int64_t n;

	if (how.n != 2 || !parse_i64(status, &n) || n > 999)
		return false;
	if (how.p[0] == 'S' || how.p[0] == 's')
		n = n >= 500 ? n : how.p[0] == 'S' ? 502 : 504;
	/* Below: the client went away before there was an answer; says nothing of the server. */
	if (n < 100)
		return false;
	*ret = (uint16_t)n;
	return true;
}

bool split_line(struct str line, struct split_words *w, struct route_fact *ret)
{
	struct str rest = line, f[7], unit, image;
	struct route_fact fact = {0};
	uint64_t end, took;
	uint32_t retries;

	for (size_t i = 0; i < ARRAY_LEN(f); i++) {
		if (!rest.p)
			return false;
		f[i] = str_cut(&rest, ' ');
	}
	if (f[4].n && f[4].p[0] == '+') /* "+1": sent again, and to another server */
		f[4] = (struct str){f[4].p + 1, f[4].n - 1};
	unit = f[5];
	f[5] = str_cut(&unit, ':');
	if (rest.p || !unit.p || !parse_u64(f[0], &end) || !parse_u64(f[1], &took) ||
	    !status_of(f[2], f[3], &fact.status) || !parse_u32(f[4], &retries) ||
	    !split_name_read(f[6], &fact.index, &image))
		return false;
	if (end > USEC_DAY * 366 * 1000 || took > USEC_DAY || !copy(f[5], w->environment) ||
	    !copy(unit, w->unit) || !copy(image, w->image))
		return false;
	fact.t = (double)end / 1e6;
	fact.ms = (double)took / 1e3;
	fact.retries = (uint16_t)MIN_OF(retries, 65535u);
	fact.environment = w->environment;
	fact.unit = w->unit;
	fact.image = w->image;
	*ret = fact;
	return true;
}
