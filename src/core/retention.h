/* What may leave the journal, and when. Pure: the policy only; store/archive.h does it. */
#pragma once
#include "base/time.h"

#define RETENTION_RECORDS 1000000 /* of one archive at most */

struct retention {
	usec_t now, keep; /* keep 0: for ever */
	uint64_t first;   /* seq of the oldest record */
	usec_t first_at;  /* and its time */
	uint64_t last;    /* seq of the newest: it never leaves, the chain goes on from it */
	uint64_t border;  /* seq of the first record that is not older than keep */
};
/*
 * Up to which seq records leave now; 0: none. They leave when the oldest is older than keep by a tenth (at most a day), then all that are older
 * than keep: so archives are few, and no record stays much longer than it has to.
 */
uint64_t retention_due(const struct retention *r);
/* How long until it is worth looking again. */
usec_t retention_pause(usec_t keep);
