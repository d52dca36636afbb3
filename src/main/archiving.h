/* Old records leave the journal for archives while the daemon runs (store/archive.h). */
#pragma once
#include "api/api.h"
#include "io/loop.h"
#include "ports/store.h"

struct archiving;
/* The store and the API are borrowed. keep 0: only what an earlier daemon began is finished. */
struct archiving *archiving_start(struct loop *loop, struct store *store, struct api *api,
				  const char *data, usec_t keep);
void archiving_free(struct archiving *a); /* after loop_free() */
/* For api_options; ctx: the data folder. */
char *archiving_name_of(const char *data, uint64_t seq);
