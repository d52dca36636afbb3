/* Between the files of `penstock run`. */
#pragma once
#include "cli/term.h"
#include "engine/engine.h"
#include "io/loop.h"
#include "main/local.h"
#include "main/local_plan.h"

#define RUN_ID  "run-1"
#define RUN_REF "refs/local/worktree" /* no branch: the engine plans nothing by itself */

/* Everything real that stage ci needs; the rest are fakes that nobody calls. */
struct run_world {
	struct loop *loop;
	struct world world;
	char *cache, *dir; /* dir: of this run only */
	int lock;
	struct image *images; /* of containers */
	struct blobs *memory; /* evidence is worth nothing here, and is not kept */
};
/* The cache folder (NULL: $PENSTOCK_CACHE, or ~/.cache/penstock), and a folder in it for this run. */
MUST_CHECK enum rc run_folder(struct run_world *w, const char *cache, struct err *err);
/* repo: the bare repository that holds the commit. */
MUST_CHECK enum rc run_world_open(struct run_world *w, const char *repo, struct err *err);
void run_world_close(struct run_world *w);
/* What is known of how long jobs take in the work tree with this path: into the store, before the engine begins; out of its model at the end. */
void run_history_load(const struct run_world *w, const char *tree);
void run_history_save(const struct run_world *w, const struct model *m, const char *tree);

/* Lay the outputs of all jobs that are good out in the clone's work tree; ret_n: files. */
MUST_CHECK enum rc run_restore(const struct run_world *w, const struct model *m, const char *repo,
			       size_t *ret_n, struct err *err);

/* What is said while it goes and at its end. */
struct run_show {
	struct run_world *w;
	struct engine *engine;
	struct term term, progress; /* of stdout; of stderr, for what goes away again */
	bool json, drawn, promised;
	struct run_ci *ci; /* NULL: for people and scripts */
	struct mask
		*mask;   /* of the jobs' secrets: reports are files, and say what their job wrote */
	struct map told; /* ids of jobs whose end was told */
	usec_t began;
	struct loop_timer *timer;
};
void run_show_init(struct run_show *s, struct run_world *w, struct engine *e, bool json);
void run_show_done(struct run_show *s);
/* Secrets of these jobs are not said. */
void run_show_mask(struct run_show *s, const struct config *c);
/* The text without them; the caller's. NULL stays NULL. */
char *run_show_masked(const struct run_show *s, const char *text);
/* Tell the jobs that ended since. */
void run_show_news(struct run_show *s);
/* Where a job's log lies (clients/logfile.h); NULL: it has none. The caller's. */
char *run_show_log(const struct run_show *s, const struct job *job);
/* Unit and job of an id. */
const char *run_show_name(const char *id);
bool run_show_is_bad(const struct job *job);
/* It failed, and may, or was flaky: it fails nothing, and is not as it should be. */
bool run_show_is_amber(const struct job *job);
/* Logs of what failed, and the sum. */
void run_show_end(struct run_show *s);
