/*
 * Inside of runtime_local. A replica has a folder
 * <data>/replicas/<environment>/<unit>/<digest12>/<index>/ with what the shim leaves there
 * (shim/spec.h) and replica.json, our note: who it is, its port, and how to start it again. Values
 * of secrets are not in it. The table in memory is made from the folders at start. Lanes (start,
 * stop) and the loop (poll) share it under one lock, which is never held while something is waited
 * for; a member that a lane works at is `busy`, and poll() only reports it.
 */
#pragma once
#include "flow/5-deploy/adapters_deploy.h"
#include "shim/spec.h"
#include <pthread.h>

struct replica_note {
	struct deploy deploy; /* environment, unit, image, port ...; replicas is not used */
	uint32_t index, port;
	shim_pairs urls; /* <UNIT>_URL of what it calls */
};
extern const struct shape shape_replica_note;

enum recovery { RECOVERY_NONE, RECOVERY_CLEANING, RECOVERY_WAITING };
struct member {
	char *dir, *address;
	struct replica_note note;
	struct shim_event last; /* the last line of events */
	uint64_t offset, inode; /* of events: read so far */
	uint32_t lives;         /* restarts that earlier shims counted */
	int watch_events, watch_lock;
	bool busy, stopping, asked; /* asked: look at the lock now */
	usec_t looked;              /* at the lock */
	enum recovery recovery;
	usec_t recover_at, begun_at; /* begun_at: when its shim was started here */
	uint32_t falls;              /* shims that ended soon after they were started, one after another */
	char why[200]; /* instead of the shim's: it was killed */
};

struct runtime_local {
	struct runtime runtime;
	char *data, *shim;
	enum runtime_mode mode; /* CONTAINER or PROCESS */
	struct runtime_oci oci;
	uint32_t port_base, port_count, next_port;
	int inotify;
	pthread_mutex_t lock;
	VEC(struct member *) members; /* by (environment, unit, image, index) */
	struct runtime_inputs inputs; /* of the last start() */
	bool have_inputs;
};

/* What an image says about how to run it. */
struct image_words {
	shim_texts argv;
	shim_pairs env;
	uint32_t uid, gid;
	char *cwd;
};

/* runtime_local_note.c */
char *replica_dir(const struct runtime_local *l, const struct replica_note *n);
MUST_CHECK enum rc replica_note_write(const char *dir, const struct replica_note *n,
				      struct err *err);
MUST_CHECK enum rc replica_note_read(const char *dir, struct replica_note *ret, struct err *err);
void member_free(struct member *m);
/* Reads what is new in its events. Never blocks. */
void member_read(struct member *m);
/* Every folder that has a note. */
MUST_CHECK enum rc replica_scan(const struct runtime_local *l,
				void (*each)(struct runtime_local *l, char *take_dir),
				struct err *err);
struct member *member_find(const struct runtime_local *l, const char *environment, const char *unit,
			   const char *image, uint32_t index);
struct member *member_new(struct runtime_local *l, struct replica_note *take_note);
void member_watch(struct runtime_local *l, struct member *m);
void member_drop(struct runtime_local *l, struct member *m);

/* runtime_local_rootfs.c: <data>/rootfs/<digest12>, unpacked once; the image's config beside it. */
MUST_CHECK enum rc rootfs_ready(const struct runtime_local *l, const char *image,
				const struct runtime_inputs *in, struct err *err);
MUST_CHECK enum rc rootfs_words(const struct runtime_local *l, const char *image,
				struct image_words *ret, struct err *err);
char *rootfs_path(const struct runtime_local *l, const char *image);
void image_words_done(struct image_words *w);
void digest12(const char *image, char ret[13]);
void pair_set(shim_pairs *to, const char *key, const char *value);
void pairs_done(shim_pairs *p);

/* runtime_local_spec.c: what the shim is told, as JSON with secrets in it: the caller wipes it. */
MUST_CHECK enum rc replica_spec(const struct runtime_local *l, const struct member *m,
				const struct runtime_inputs *in, struct strbuf *ret,
				struct err *err);

/* runtime_local_shim.c */
MUST_CHECK enum rc shim_start(const struct runtime_local *l, const struct member *m,
			      const struct runtime_inputs *in, struct err *err);
bool shim_lives(const char *dir);
/* Stops them all at once; returns when all are gone: SIGTERM, 5 s, SIGKILL, by the shims; then
 * without them. Removes their folders. */
MUST_CHECK enum rc shims_stop(const struct runtime_local *l, char *const *dirs, size_t n,
			      struct err *err);
MUST_CHECK enum rc shim_clean(const struct runtime_local *l, const char *dir,
			      struct err *err); /* blocks */
MUST_CHECK enum rc shim_clean_begin(const struct runtime_local *l, const char *dir,
				    struct err *err); /* returns at once; DIR/left goes */
