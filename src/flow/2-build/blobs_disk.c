/* The content store and the cache of results on a disk. */
#include "base/mem.h"
#include "clients/cas.h"
#include "clients/manifest.h"
#include "flow/2-build/adapters.h"
#include "io/files.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#define RESULT_MAX ((size_t)64 << 10)

struct disk {
	struct blobs base;
	struct cas *cas;
	char *results;
	atomic_uint serial;
};

static struct disk *of(struct blobs *b)
{
	return container_of(b, struct disk, base);
}

static enum rc disk_put(struct blobs *b, struct str bytes, char ret_hex[DIGEST_HEX + 1],
			struct err *err)
{
	return cas_put(of(b)->cas, bytes, ret_hex, err);
}

static enum rc disk_put_file(struct blobs *b, const char *path, char ret_hex[DIGEST_HEX + 1],
			     uint64_t *ret_size, struct err *err)
{
	return cas_put_file(of(b)->cas, path, BLOB_MAX, ret_hex, ret_size, err);
}

static enum rc disk_get(struct blobs *b, const char *hex, size_t max, struct strbuf *ret,
			struct err *err)
{
	return cas_get(of(b)->cas, hex, max, ret, err);
}

static enum rc disk_get_file(struct blobs *b, const char *hex, const char *path, unsigned mode,
			     struct err *err)
{
	return cas_get_file(of(b)->cas, hex, path, mode, err);
}

static enum rc disk_share_file(struct blobs *b, const char *hex, const char *path, bool exec,
			       struct err *err)
{
	return cas_share_file(of(b)->cas, hex, path, exec, err);
}

static enum rc disk_open(struct blobs *b, const char *hex, int *ret_fd, struct err *err)
{
	return cas_get_fd(of(b)->cas, hex, ret_fd, err);
}

static bool disk_has(struct blobs *b, const char *hex)
{
	return cas_has(of(b)->cas, hex);
}

static enum rc result_path(struct disk *d, const char *key, char **ret_dir, char **ret,
			   struct err *err)
{
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	if (!digest_parse(str_of(key), &digest))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a task key", key ? key : "");
	digest_hex(digest, hex);
	*ret_dir = xasprintf("%s/%.2s", d->results, hex);
	*ret = xasprintf("%s/%s.json", *ret_dir, hex + 2);
	return RC_OK;
}

static enum rc load(const char *path, struct result *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(RESULT_MAX);
	enum rc rc = file_read(path, RESULT_MAX, &text, err);

	if (rc == RC_OK &&
	    shape_parse(strbuf_str(&text), RESULT_MAX, &shape_result, ret, err) != RC_OK)
		rc = err_set(err, RC_CORRUPT, "%s is damaged", path);
	return rc;
}

/* The name is given by link(): the first one wins, also among processes. */
static enum rc store(struct disk *d, const char *dir, const char *path, const struct result *r,
		     struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(RESULT_MAX);
	struct json_out o = JSON_OUT(&text);
	AUTO(freep)
	char *temp = xasprintf("%s.%ld.%u", path, (long)getpid(), atomic_fetch_add(&d->serial, 1));

	shape_write(&o, NULL, &shape_result, r);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "a result is too big");
	enum rc rc = dir_make(dir, 0700, err);
	if (rc == RC_OK)
		rc = file_write_fast(temp, strbuf_str(&text), 0600,
				     err); /* cut by a loss of power: made again */
	if (rc != RC_OK)
		return rc;
	if (link(temp, path) < 0)
		rc = err_errno(err, errno, "link %s", path);
	unlink(temp);
	return rc;
}

static enum rc disk_put_result(struct blobs *b, const struct result *r, struct err *err)
{
	struct disk *d = of(b);
	AUTO(freep) char *dir = NULL, *path = NULL;
	struct result old = {0};
	struct err why = {0};

	enum rc rc = result_path(d, r->key, &dir, &path, err);
	if (rc != RC_OK)
		return rc;
	rc = load(path, &old, &why);
	if (rc == RC_NOT_FOUND || rc == RC_CORRUPT) {
		if (rc == RC_CORRUPT)
			unlink(path);
		rc = store(d, dir, path, r, err);
		if (rc != RC_CONFLICT)
			return rc;
		rc = load(path, &old, &why); /* somebody was faster */
	}
	if (rc != RC_OK)
		return err_set(err, rc, "%s", why.msg);
	if (!shape_equal(&shape_result, &old, r))
		rc = err_set(err, RC_CONFLICT, "task %.12s has a result already, of %s", r->key,
			     old.run ? old.run : "another run");
	shape_done(&shape_result, &old);
	return rc;
}

static bool missing(struct blobs *b, const char *hex)
{
	return hex && *hex && !disk_has(b, hex);
}

/*
 * A list of outputs is looked through only in a store that had to put a blob aside once: nothing else takes one away, and a
 * look at each file of each result would cost more than all else that a cached run does.
 */
static bool has_hole(struct blobs *b, const char *outputs)
{
	AUTO(manifest_done) struct manifest m = {0};

	if (!outputs || !*outputs || !cas_was_damaged(of(b)->cas))
		return false;
	if (manifest_list(b, outputs, &m, NULL) != RC_OK)
		return true;
	vec_each(e, &m.entries)
		if (e->sha256 && !disk_has(b, e->sha256))
			return true;
	return false;
}

static enum rc disk_get_result(struct blobs *b, const char *key, struct result *ret,
			       struct err *err)
{
	AUTO(freep) char *dir = NULL, *path = NULL;
	struct result r = {0};

	enum rc rc = result_path(of(b), key, &dir, &path, err);
	if (rc == RC_OK)
		rc = load(path, &r, err);
	if (rc == RC_CORRUPT) {
		unlink(path); /* it can be made again */
		return err_set(err, RC_NOT_FOUND, "the result of task %.12s was damaged", key);
	}
	if (rc != RC_OK)
		return rc;
	if (missing(b, r.outputs) || missing(b, r.image) || missing(b, r.log) ||
	    has_hole(b, r.outputs)) {
		shape_done(&shape_result, &r);
		unlink(path); /* so that the job's next run can be kept */
		return err_set(err, RC_NOT_FOUND, "a blob of task %.12s is missing", key);
	}
	*ret = r;
	return RC_OK;
}

enum rc blobs_disk_trim(struct blobs *b, uint64_t max, pthread_rwlock_t *users,
			uint64_t *ret_freed, struct err *err)
{
	return cas_trim(of(b)->cas, max, users, ret_freed, err);
}

static void disk_free_all(struct blobs *b)
{
	struct disk *d = of(b);

	cas_free(d->cas);
	xfree(d->results);
	xfree(d);
}

static const struct blobs_ops ops = {
	"disk",   disk_put,        disk_put_file,   disk_get,      disk_get_file,  disk_open,
	disk_has, disk_put_result, disk_get_result, disk_free_all, disk_share_file};

struct blobs *blobs_disk_new(const char *data_dir, struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/cas", data_dir);
	struct disk *d = xcalloc(1, sizeof(*d));

	d->base.ops = &ops;
	d->results = xasprintf("%s/results", data_dir);
	if (cas_open(path, &d->cas, err) == RC_OK && dir_make(d->results, 0700, err) == RC_OK)
		return &d->base;
	disk_free_all(&d->base);
	return NULL;
}
