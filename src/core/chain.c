#include "core/chain.h"

#define DECIMAL_MAX 20 /* digits of UINT64_MAX */

/* Writes v in decimal at the end of buf; returns what was written. */
static struct str decimal(uint64_t v, char buf[DECIMAL_MAX])
{
	size_t at = DECIMAL_MAX;

	do {
		buf[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return (struct str){buf + at, DECIMAL_MAX - at};
}

static void add_netstring(struct digest_state *s, struct str text)
{
	char buf[DECIMAL_MAX];
	struct str length = decimal(text.n, buf);

	digest_add(s, length.p, length.n);
	digest_add(s, ":", 1);
	digest_add(s, text.p, text.n);
	digest_add(s, ",", 1);
}

struct digest chain_hash(const struct record *r)
{
	struct digest_state *s = digest_new();
	char seq[DECIMAL_MAX], time[DECIMAL_MAX];

	digest_add(s, r->prev.b, sizeof(r->prev.b));
	add_netstring(s, decimal(r->seq, seq));
	add_netstring(s, decimal(r->time, time));
	add_netstring(s, r->actor);
	add_netstring(s, r->subject);
	add_netstring(s, r->type);
	add_netstring(s, r->payload);
	return digest_finish(s);
}

enum rc chain_check(const struct record *r, const struct record *prev, struct err *err)
{
	static const struct digest zeros;
	uint64_t want = prev ? prev->seq + 1 : 1;
	const struct digest *before = prev ? &prev->hash : &zeros;

	if (r->seq != want)
		return err_set(err, RC_CORRUPT, "record %llu stands where record %llu should be",
			       (unsigned long long)r->seq, (unsigned long long)want);
	if (!digest_eq(r->prev, *before))
		return err_set(err, RC_CORRUPT,
			       prev ? "record %llu does not name the hash of the record before it"
				    : "record %llu is the first but names one before it",
			       (unsigned long long)r->seq);
	if (!digest_eq(chain_hash(r), r->hash))
		return err_set(err, RC_CORRUPT,
			       "record %llu was changed: its bytes do not give its hash",
			       (unsigned long long)r->seq);
	return RC_OK;
}
