/* What this stage offers to main and to tests. */
#pragma once
#include <pthread.h>

#include "ports/blobs.h"
#include "ports/exec.h"
#include "ports/image.h"
#include "ports/secret.h"
#include "ports/tool_cache.h"

/* <data>/cas and <data>/results; both are made when missing. NULL: see err. */
struct blobs *blobs_disk_new(const char *data_dir, struct err *err);
/* cas_trim() of such a store. */
MUST_CHECK enum rc blobs_disk_trim(struct blobs *b, uint64_t max, pthread_rwlock_t *users,
				   uint64_t *ret_freed, struct err *err);
struct blobs *blobs_memory_new(void);

/* Caches of other people's tools, of at most `max` bytes. On a disk: everything below dir, which is made when missing. NULL: see err. */
struct tool_cache *tool_cache_disk_new(const char *dir, uint64_t max, struct err *err);
struct tool_cache *tool_cache_memory_new(uint64_t max);

/* Jobs in <data>/jobs, each in bubblewrap under shim_path (absolute). NULL: see err. Jobs of an
 * earlier daemon on the same folder are known again. */
struct exec *exec_sandbox_new(const char *data_dir, const char *shim_path, struct err *err);
/* Jobs with `container` and services: images (borrowed), and what runs them: "auto" (runc, else crun, else bwrap), one of these names,
 * podman, docker (whose daemon is asked at once: RC_UNAVAILABLE, RC_DENIED), or the path of a runtime. RC_UNSUPPORTED says what is missing. Without this call such jobs are refused. */
MUST_CHECK enum rc exec_sandbox_containers(struct exec *x, struct image *images, const char *how,
					   struct err *err);
/* Dependency caches are kept in <dir>/caches instead of <data>/caches. */
void exec_sandbox_caches(struct exec *x, const char *dir);
/* Keep folders of failed jobs that say so in <data>/kept for so long and no more than max bytes (0: no limit) of them. */
void exec_sandbox_keep(struct exec *x, usec_t keep_for, uint64_t max);
/* Remove those whose time is over. Blocks. */
void exec_sandbox_sweep(struct exec *x);
/* Jobs that run nowhere: the command's text says what would have happened. For tests and the
 * simulator; see exec_fake.c. */
struct exec *exec_fake_new(void);

/* Images in <data>/images. secret (borrowed, may be NULL) knows logins: "file:registry-<host>" is "user:password". NULL: see err. */
struct image *image_disk_new(const char *data_dir, struct secret *secret, struct err *err);
struct image *image_fake_new(void);
