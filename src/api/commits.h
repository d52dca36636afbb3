/* Commits between two versions, from the mirror; on a worker. */
#pragma once
#include "api/reads.h"

#define COMMITS_MAX 50 /* that are shown */

/*
 * "key":{"from","to","ahead":3,"behind":0,"more":false,"list":[{"commit","author","subject","at"}]}: what `to` has and `from` has not, newest first; ahead,
 * behind: how many each has alone, counted up to 1,000. {"problem":"..."} when the mirror cannot tell.
 */
void commits_write(struct json_out *o, const char *key, struct scm *scm, const char *repo,
		   const char *from, const char *to);
