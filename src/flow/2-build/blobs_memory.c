/* The content store in memory: the disk's twin for tests and the simulator. */
#include "base/map.h"
#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct memory {
	struct blobs base;
	pthread_mutex_t lock; /* the port promises any thread */
	struct map blobs;     /* hex -> struct strbuf * */
	struct map results;   /* hex -> struct result * */
};

static struct memory *of(struct blobs *b)
{
	return container_of(b, struct memory, base);
}

static bool key_of(const char *hex, char ret[DIGEST_HEX + 1])
{
	struct digest d;

	if (!digest_parse(str_of(hex), &d))
		return false;
	digest_hex(d, ret);
	return true;
}

static enum rc memory_put(struct blobs *b, struct str bytes, char ret_hex[DIGEST_HEX + 1],
			  struct err *err)
{
	struct memory *m = of(b);
	char hex[DIGEST_HEX + 1];

	if (bytes.n > BLOB_MAX)
		return err_set(err, RC_TOO_BIG, "a blob is too big");
	digest_hex(digest_of(bytes), hex);
	pthread_mutex_lock(&m->lock);
	if (!map_get(&m->blobs, str_of(hex))) {
		struct strbuf *copy = xcalloc(1, sizeof(*copy));
		*copy = STRBUF(BLOB_MAX);
		strbuf_addstr(copy, bytes);
		map_put(&m->blobs, str_of(hex), copy);
	}
	pthread_mutex_unlock(&m->lock);
	memcpy(ret_hex, hex, sizeof(hex));
	return RC_OK;
}

static enum rc memory_put_file(struct blobs *b, const char *path, char ret_hex[DIGEST_HEX + 1],
			       uint64_t *ret_size, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(BLOB_MAX);
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_errno(err, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, RC_INVALID, "%s is not a regular file", path);
	enum rc rc = file_read(path, BLOB_MAX, &bytes, err);
	if (rc == RC_OK && ret_size)
		*ret_size = bytes.n;
	return rc == RC_OK ? memory_put(b, strbuf_str(&bytes), ret_hex, err) : rc;
}

/* Damage shows here too: bytes are compared with their hash as on a disk. */
static enum rc memory_get(struct blobs *b, const char *hex, size_t max, struct strbuf *ret,
			  struct err *err)
{
	struct memory *m = of(b);
	char key[DIGEST_HEX + 1];
	enum rc rc = RC_OK;

	if (!key_of(hex, key))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a SHA-256 digest",
			       hex ? hex : "");
	pthread_mutex_lock(&m->lock);
	struct strbuf *bytes = map_get(&m->blobs, str_of(key));
	if (!bytes)
		rc = err_set(err, RC_NOT_FOUND, "there is no blob %s", hex);
	else if (bytes->n > max)
		rc = err_set(err, RC_TOO_BIG, "blob %s: more than %zu bytes", hex, max);
	else
		strbuf_addstr(ret, strbuf_str(bytes));
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static enum rc memory_get_file(struct blobs *b, const char *hex, const char *path, unsigned mode,
			       struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(BLOB_MAX);
	enum rc rc = memory_get(b, hex, BLOB_MAX, &bytes, err);

	if (rc != RC_OK)
		return rc;
	AUTO(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "create %s", path);
	rc = fd_write(fd, bytes.p, bytes.n, err);
	if (rc == RC_OK && fchmod(fd, mode) < 0)
		rc = err_errno(err, errno, "chmod %s", path);
	if (rc != RC_OK)
		unlink(path);
	return rc;
}

static enum rc memory_share_file(struct blobs *b, const char *hex, const char *path, bool exec,
				 struct err *err)
{
	return memory_get_file(b, hex, path, exec ? 0555 : 0444, err);
}

static enum rc memory_open(struct blobs *b, const char *hex, int *ret_fd, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(BLOB_MAX);
	AUTO(fd_close) int fd = -1;
	enum rc rc = memory_get(b, hex, BLOB_MAX, &bytes, err);

	if (rc == RC_OK && (fd = memfd_create("blob", MFD_CLOEXEC)) < 0)
		rc = err_errno(err, errno, "memfd_create");
	if (rc == RC_OK)
		rc = fd_write(fd, bytes.p, bytes.n, err);
	if (rc == RC_OK && lseek(fd, 0, SEEK_SET) < 0)
		rc = err_errno(err, errno, "seek");
	if (rc != RC_OK)
		return rc;
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}

static bool memory_has(struct blobs *b, const char *hex)
{
	struct memory *m = of(b);
	char key[DIGEST_HEX + 1];

	if (!key_of(hex, key))
		return false;
	pthread_mutex_lock(&m->lock);
	bool has = map_get(&m->blobs, str_of(key)) != NULL;
	pthread_mutex_unlock(&m->lock);
	return has;
}

static enum rc memory_put_result(struct blobs *b, const struct result *r, struct err *err)
{
	struct memory *m = of(b);
	char key[DIGEST_HEX + 1];
	enum rc rc = RC_OK;

	if (!key_of(r->key, key))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a task key",
			       r->key ? r->key : "");
	pthread_mutex_lock(&m->lock);
	struct result *old = map_get(&m->results, str_of(key));
	if (!old) {
		struct result *copy = xcalloc(1, sizeof(*copy));
		shape_copy(&shape_result, copy, r);
		map_put(&m->results, str_of(key), copy);
	} else if (!shape_equal(&shape_result, old, r)) {
		rc = err_set(err, RC_CONFLICT, "task %.12s has a result already, of %s", key,
			     old->run ? old->run : "another run");
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static bool missing(struct blobs *b, const char *hex)
{
	return hex && *hex && !memory_has(b, hex);
}

static enum rc memory_get_result(struct blobs *b, const char *key, struct result *ret,
				 struct err *err)
{
	struct memory *m = of(b);
	char hex[DIGEST_HEX + 1];
	struct result r = {0};

	if (!key_of(key, hex))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a task key", key ? key : "");
	pthread_mutex_lock(&m->lock);
	struct result *old = map_get(&m->results, str_of(hex));
	if (old)
		shape_copy(&shape_result, &r, old);
	pthread_mutex_unlock(&m->lock);
	if (!old)
		return err_set(err, RC_NOT_FOUND, "task %.12s has no result", hex);
	if (missing(b, r.outputs) || missing(b, r.image) || missing(b, r.log)) {
		shape_done(&shape_result, &r);
		return err_set(err, RC_NOT_FOUND, "a blob of task %.12s is missing", hex);
	}
	*ret = r;
	return RC_OK;
}

static void memory_free(struct blobs *b)
{
	struct memory *m = of(b);

	for (struct map_entry *e = NULL; (e = map_next(&m->blobs, e));) {
		strbuf_done(e->value);
		xfree(e->value);
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->results, e));) {
		shape_done(&shape_result, e->value);
		xfree(e->value);
	}
	map_done(&m->blobs);
	map_done(&m->results);
	pthread_mutex_destroy(&m->lock);
	xfree(m);
}

static const struct blobs_ops ops = {"memory",    memory_put,        memory_put_file,
				     memory_get,  memory_get_file,   memory_open,
				     memory_has,  memory_put_result, memory_get_result,
				     memory_free, memory_share_file};

struct blobs *blobs_memory_new(void)
{
	struct memory *m = xcalloc(1, sizeof(*m));

	m->base.ops = &ops;
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}
