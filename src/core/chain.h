/*
 * The journal's hash chain: hash = SHA-256 over prev_hash (32 bytes; zeros before the first), then each of seq, time (decimal text), actor,
 * subject, type, payload as its length in decimal, ':', its bytes, ','  (netstrings; Bernstein 1997), so that no two records have the same bytes.
 */
#pragma once
#include "base/digest.h"

struct record {
	uint64_t seq;
	usec_t time;
	struct str actor, subject, type, payload; /* payload: canonical JSON */
	struct digest prev, hash;
};
struct digest chain_hash(const struct record *r);
/* r follows prev (NULL: r is the first): seq dense from 1, prev equal, own hash right. RC_CORRUPT with what is wrong; of *prev only seq and hash are read. */
MUST_CHECK enum rc chain_check(const struct record *r, const struct record *prev, struct err *err);
