/*
 * The wiring: every adapter of one data folder, put together as the engine's world. The only place that names them all.
 *
 *	<data>/journal.db  cas/ results/  mirror/  env/  jobs/ agents/  replicas/ rootfs/  splitter/  keys/ evidence/  oci/  secrets/  penstock.sock
 */
#pragma once
#include "engine/engine.h"
#include "io/loop.h"
#include "ports/watch.h"

struct house_options {
	const char *data;       /* absolute */
	uint32_t door_base;     /* first port of front doors; 0: 18080 */
	uint32_t replica_base;  /* first port of replicas; 0: 20000 */
	bool processes;         /* services as processes even where containers can be had */
	const char *containers; /* what runs jobs' containers: NULL: auto; runc, crun, bwrap */
	uint64_t keep_failed,
		keep_max; /* usec that failed jobs' folders are kept, bytes of them; 0: 24 h, 10 GiB */
};
struct house {
	char *data, *shim;
	struct world world;
	struct watch *watch;
	struct image *images;
	struct exec *local; /* this machine's side of world.exec, whose it is */
	struct exec *hub;   /* the agents' side of world.exec, whose it is */
};
/* Open or make the data folder and all that lives in it. RC_CONFLICT: another daemon has it. */
MUST_CHECK enum rc house_open(const struct house_options *o, struct loop *loop, struct house **ret,
			      struct err *err);
/* Watch a repository under a name, now and after restarts. */
MUST_CHECK enum rc house_add_source(struct house *h, const char *name, const char *path,
				    struct err *err);
void house_close(struct house *h);
void house_closep(struct house **h);

/* What the sandbox offers to jobs, for task keys: distribution, machine, and our sandbox's version. Static text. */
const char *toolchain_text(void);
/* penstock-shim: beside this program, or $PENSTOCK_SHIM. The caller's. */
char *shim_path(void);
/* Where data lives when nobody says: $PENSTOCK_DATA, ./.penstock if it is there, /var/lib/penstock for root, else ~/.local/share/penstock. The caller's. */
char *default_data(void);
/* Where `penstock run` keeps results: $PENSTOCK_CACHE, else a folder of the user's caches. The caller's. */
char *default_cache(void);
/* Tokens, keys and secrets are in our memory: no copy of it goes to a disk or to a collector of crashes. What we start has the limit, too. */
void house_no_core_dumps(void);
