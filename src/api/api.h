/*
 * The HTTP API over the engine. It lives on the loop's thread; what blocks (store, blobs, logs) goes to at most four workers.
 * Every path, with what may be asked there, stands in the table of routes.c.
 */
#pragma once
#include "engine/engine.h"
#include "io/httpd.h"

struct oidc;
struct workload;
struct api_options {
	struct engine *engine; /* borrowed */
	const char *version;
	/* The name of a source, given its path or its name; NULL: we do not watch it. NULL: only names of world.sources are known. */
	const char *(*source_of)(void *ctx, const char *path);
	/* Where a source lies, without credentials; NULL: not known. Borrowed. On the loop. */
	const char *(*address_of)(void *ctx, const char *source);
	/* What the machine lacks, each as (check, "ok" | "warning" | "missing", what is so, how to mend it or ""). Blocks: called on a worker. NULL: nothing is
	 * known of the machine. */
	void (*doctor)(void *ctx,
		       void (*each)(void *to, const char *check, const char *state,
				    const char *says, const char *fix),
		       void *to);
	/* The archive that holds a record which left the journal, for messages; the caller's. NULL: not known. */
	char *(*archive_of)(void *ctx, uint64_t seq);
	const char *archives; /* their folder; NULL: there are none. Copied */
	const char *
		base; /* where people see this: "https://ci.example.com"; NULL: http://127.0.0.1:7400 */
	/* Calls add for each thing that the daemon was told at its start, or takes when it is not told. On the loop. NULL: nothing is known. */
	void (*settings)(void *ctx,
			 void (*add)(void *to, const char *name, const char *value,
				     const char *help),
			 void *to);
	void *ctx;
	struct oidc *oidc;         /* people log in by it; NULL: by tokens only. Borrowed */
	const char *oidc_name;     /* what the button says; NULL: "single sign-on" */
	struct workload *workload; /* whose documents are published; NULL: none. Borrowed */
};
struct api;
struct api *api_new(const struct api_options *o);
/* The handler for struct httpd_options; ctx is the api. */
void api_handle(void *ctx, struct request *r);
/* For /metrics: the server that it is behind. */
void api_behind(struct api *api, struct httpd *h);
/* For takers on the same port (build caches, agents); ctx is the api. What they refuse stands in the journal, and what they destroy. On the loop. */
void api_denied(void *ctx, struct request *r, const char *what, const char *why);
void api_pruned(void *ctx, struct request *r, const char *scope, uint64_t keep, uint64_t gone);
/* Records up to seq, of this time, have left the journal: who asks for them is told where they are. On the loop. */
void api_archived(struct api *api, uint64_t seq, usec_t time);
/* After httpd_free() and when no work runs any more; before engine_free(). */
void api_free(struct api *api);
