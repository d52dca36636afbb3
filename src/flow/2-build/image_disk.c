/* Images in <data>/images: what names mean, and which file systems are here. */
#include "flow/2-build/image_disk.h"

#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_FOR  (10 * USEC_MIN)
#define IN_USE    USEC_HOUR
#define NOTE_MAX  ((size_t)4 << 20)
#define LOCK_WAIT (30 * USEC_MIN) /* another process pulls the same image */

struct meaning { /* <dir>/refs/<hex>.json */
	char *name, *digest;
	uint64_t at;
};
static const struct shape_field meaning_fields[] = {
	SHAPE_STR(struct meaning, name),
	SHAPE_STR(struct meaning, digest),
	SHAPE_U64(struct meaning, at),
};
static const struct shape shape_meaning = SHAPE(struct meaning, meaning_fields);
static const struct shape_field note_fields[] = {
	SHAPE_SUB(struct image_note, root, shape_image_root),
	SHAPE_STR(struct image_note, name),
	SHAPE_U64(struct image_note, bytes),
	SHAPE_BOOL(struct image_note, login),
};
const struct shape shape_image_note = SHAPE(struct image_note, note_fields);

static struct image_disk *of(struct image *i)
{
	return container_of(i, struct image_disk, base);
}

static enum rc read_as(const char *path, const struct shape *shape, void *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	enum rc rc = file_read(path, NOTE_MAX, &text, err);

	return rc == RC_OK ? shape_parse(strbuf_str(&text), NOTE_MAX, shape, ret, err) : rc;
}

static enum rc write_as(const char *path, const struct shape *shape, const void *it,
			struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	struct json_out o = JSON_OUT(&text);

	shape_write(&o, NULL, shape, it);
	return strbuf_failed(&text) ? err_set(err, RC_TOO_BIG, "%s would be too big", path)
				    : file_write_fast(path, strbuf_str(&text), 0600, err);
}

/* ---- what a name means ---- */

static char *meaning_path(const struct image_disk *i, const char *name)
{
	AUTO(freep) char *hex = digest_hex_dup(str_of(name));

	return xasprintf("%s/refs/%s.json", i->dir, hex);
}

static enum rc ask_registry(const struct image_disk *i, const struct registry_ref *ref,
			    char **ret_digest, struct err *err)
{
	struct registry_options o = {.login = image_login, .ctx = (void *)(uintptr_t)i};
	AUTO(strbuf_done) struct strbuf text = STRBUF(REGISTRY_MANIFEST_MAX + 1);
	struct registry *r = registry_new(ref, &o);
	char *digest = NULL;

	enum rc rc = registry_manifest(r, ref->tag, &text, &digest, err);
	registry_free(r);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *path = image_blob_path(i, digest);
	rc = file_write_fast(path, strbuf_str(&text), 0600, err);
	if (rc == RC_OK)
		*ret_digest = digest;
	else
		xfree(digest);
	return rc;
}

static enum rc resolve_ref(const struct image_disk *i, const struct registry_ref *ref,
			   char **ret_digest, char **ret_warning, struct err *err)
{
	AUTO(freep) char *name = registry_ref_name(ref), *path = meaning_path(i, name);
	struct meaning known = {0};
	struct err why = {0};
	usec_t now = clock_wall();
	char *digest = NULL;
	struct digest d;

	if (ref->digest) {
		*ret_digest = xstrdup(ref->digest);
		return RC_OK;
	}
	bool any = read_as(path, &shape_meaning, &known, &why) == RC_OK && known.digest &&
		   str_starts(str_of(known.digest), "sha256:") &&
		   digest_parse(str_of(known.digest), &d);
	enum rc rc = RC_OK;
	if (any && known.at <= now && now - known.at < GOOD_FOR) {
		digest = xstrdup(known.digest);
	} else {
		rc = ask_registry(i, ref, &digest, err);
		struct meaning now_known = {name, digest, now};
		if (rc == RC_OK)
			rc = write_as(path, &shape_meaning, &now_known, err);
		if (rc == RC_UNAVAILABLE && any) {
			*ret_warning = xasprintf("%s is taken as %.19s, what it was before: %s",
						 name, known.digest, err->msg);
			digest = xstrdup(known.digest);
			err_clear(err);
			rc = RC_OK;
		}
	}
	shape_done(&shape_meaning, &known);
	if (rc == RC_OK)
		*ret_digest = digest;
	else
		xfree(digest);
	return rc;
}

static enum rc disk_resolve(struct image *base, const char *ref, char **ret_digest,
			    char **ret_warning, struct err *err)
{
	const struct image_disk *i = of(base);
	AUTO(registry_ref_done) struct registry_ref name = {0};
	AUTO(image_source_done) struct image_source s = {0};
	struct err here = {0}, *e = err ? err : &here;

	if (image_is_layout(ref))
		return image_layout(i, ref, &s, ret_digest, e);
	enum rc rc = registry_ref_parse(ref, &name, e);
	if (rc != RC_OK)
		return rc;
	rc = resolve_ref(i, &name, ret_digest, ret_warning, e);
	return rc == RC_OK ? rc : err_wrap(e, "image %s", ref);
}

/* ---- which are here ---- */

static enum rc wait_lock(const char *path, int *ret, struct err *err)
{
	usec_t until = clock_mono() + LOCK_WAIT;
	enum rc rc;

	while ((rc = file_lock(path, ret, err)) == RC_CONFLICT && clock_mono() < until)
		clock_sleep(50 * USEC_MS);
	if (rc == RC_OK)
		err_clear(err);
	return rc;
}

struct relay {
	const struct image_how *how; /* never NULL */
	struct image_disk *i;
	pthread_mutex_t lock;
	bool login; /* one was given away */
};

static bool relay(void *ctx, const char *digest, uint64_t have, uint64_t size)
{
	struct relay *r = ctx;

	if (!r->how->progress)
		return true;
	pthread_mutex_lock(&r->lock);
	bool go = r->how->progress(r->how->ctx, digest, have, size);
	pthread_mutex_unlock(&r->lock);
	return go;
}

static bool relay_login(void *ctx, const char *host, struct strbuf *user, struct strbuf *password)
{
	struct relay *r = ctx;

	if (r->how->anonymous || !image_login(r->i, host, user, password))
		return false;
	pthread_mutex_lock(&r->lock);
	r->login = true;
	pthread_mutex_unlock(&r->lock);
	return true;
}

static enum rc known(const char *note, struct image_note *ret, struct err *err)
{
	enum rc rc = file_exists(note) ? read_as(note, &shape_image_note, ret, err) : RC_NOT_FOUND;

	if (rc == RC_OK)
		utimensat(AT_FDCWD, note, NULL, 0);
	return rc;
}

/* What came with a login is only for who could have it without: the registry is asked. */
static enum rc may_have(const struct image_source *s, const struct image_note *n,
			const char *digest, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REGISTRY_MANIFEST_MAX + 1);

	return s->anonymous && n->login ? image_manifest(s, digest, &text, err) : RC_OK;
}

static enum rc pull_from(struct image_disk *i, const struct image_source *s, const char *name,
			 const char *digest, const bool *login, struct image_root *ret,
			 struct err *err)
{
	AUTO(freep) char *root = image_root_path(i, digest);
	AUTO(freep) char *note = xasprintf("%s.json", root), *lock = xasprintf("%s.lock", root);
	AUTO(fd_close) int fd = -1;
	struct image_note n = {0};

	enum rc rc = known(note, &n, err);
	if (rc == RC_NOT_FOUND)
		rc = wait_lock(lock, &fd, err);
	if (rc == RC_OK && fd >= 0) {
		rc = known(note, &n, err); /* by who had the lock before us */
		if (rc == RC_NOT_FOUND) {
			rc = image_fetch(s, name, digest, &n, err);
			n.login = *login;
			if (rc == RC_OK)
				rc = write_as(note, &shape_image_note, &n, err);
		}
	}
	if (rc == RC_OK)
		rc = may_have(s, &n, digest, err);
	if (rc == RC_OK) {
		*ret = n.root;
		n.root = (struct image_root){0};
	}
	shape_done(&shape_image_note, &n);
	return rc;
}

static enum rc disk_pull(struct image *base, const char *ref, const struct image_how *how,
			 struct image_root *ret, struct err *err)
{
	static const struct image_how plain;
	struct image_disk *i = of(base);
	struct relay r = {how ? how : &plain, i, PTHREAD_MUTEX_INITIALIZER, false};
	struct registry_options o = {.login = relay_login, .progress = relay, .ctx = &r};
	AUTO(registry_ref_done) struct registry_ref name = {0};
	AUTO(image_source_done)
	struct image_source s = {
		.i = i, .name = &name, .options = &o, .anonymous = r.how->anonymous};
	AUTO(freep) char *digest = NULL, *warning = NULL;
	struct err here = {0}, *e = err ? err : &here;
	enum rc rc;

	if (image_is_layout(ref)) {
		rc = image_layout(i, ref, &s, &digest, e);
	} else {
		rc = registry_ref_parse(ref, &name, e);
		if (rc == RC_OK)
			rc = resolve_ref(i, &name, &digest, &warning, e);
		if (rc == RC_OK)
			s.registry = registry_new(&name, &o);
	}
	if (rc == RC_OK)
		rc = pull_from(i, &s, ref, digest, &r.login, ret, e);
	return rc == RC_OK ? rc : err_wrap(e, "image %s", ref);
}

/* ---- making room ---- */

struct old {
	char *note;
	uint64_t bytes;
	usec_t used;
};

static int by_use(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

static enum rc drop(struct old *o, struct err *err)
{
	AUTO(freep) char *root = xstrndup(o->note, strlen(o->note) - strlen(".json"));

	/* The note goes first: what has none is not there. */
	return unlink(o->note) < 0 && errno != ENOENT ? err_errno(err, errno, "remove %s", o->note)
						      : tree_remove(root, err);
}

/* Layers are only for making roots of: all that nobody fetched within the hour go. */
static void drop_blobs(const char *dir, usec_t now, uint64_t *freed)
{
	DIR *d = opendir(dir);
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
		    (usec_t)st.st_mtim.tv_sec * USEC_SEC + IN_USE < now &&
		    unlinkat(dirfd(d), e->d_name, 0) == 0)
			*freed += (uint64_t)st.st_size;
	if (d)
		closedir(d);
}

static enum rc disk_prune(struct image *base, uint64_t max, uint64_t *ret_freed, struct err *err)
{
	const struct image_disk *i = of(base);
	AUTO(freep)
	char *roots = xasprintf("%s/roots", i->dir), *blobs = xasprintf("%s/blobs", i->dir);
	VEC(struct old) all = {0};
	uint64_t total = 0, freed = 0;
	usec_t now = clock_wall();
	enum rc rc = RC_OK;
	DIR *d = opendir(roots);

	for (struct dirent *e; d && (e = readdir(d));) {
		struct image_note n = {0};
		struct err why = {0};
		struct stat st;
		char *path = xasprintf("%s/%s", roots, e->d_name);
		if (str_ends(str_of(path), ".json") && stat(path, &st) == 0 &&
		    read_as(path, &shape_image_note, &n, &why) == RC_OK) {
			struct old o = {path, n.bytes, (usec_t)st.st_mtim.tv_sec * USEC_SEC};
			vec_push(&all, o);
			total += n.bytes;
			path = NULL;
		}
		shape_done(&shape_image_note, &n);
		xfree(path);
	}
	if (d)
		closedir(d);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_use);
	vec_each(o, &all) {
		if (total > max && o->used + IN_USE < now && rc == RC_OK) {
			rc = drop(o, err);
			total -= o->bytes;
			freed += o->bytes;
		}
		xfree(o->note);
	}
	vec_done(&all);
	drop_blobs(blobs, now, &freed);
	*ret_freed = freed;
	return rc;
}

static void disk_free_images(struct image *base)
{
	struct image_disk *i = of(base);

	xfree(i->dir);
	xfree(i);
}

static const struct image_ops ops = {"disk", disk_resolve, disk_pull, disk_prune, disk_free_images};

struct image *image_disk_new(const char *data_dir, struct secret *secret, struct err *err)
{
	static const char *const folders[] = {"blobs", "refs", "roots", "tmp"};
	AUTO(freep) char *data = realpath(data_dir, NULL);
	struct image_disk *i = xcalloc(1, sizeof(*i));
	enum rc rc = data ? RC_OK : err_errno(err, errno, "%s", data_dir);

	i->base.ops = &ops;
	i->secret = secret;
	i->dir = xasprintf("%s/images", data ? data : "");
	for (size_t k = 0; k < ARRAY_LEN(folders) && rc == RC_OK; k++) {
		AUTO(freep) char *path = xasprintf("%s/%s", i->dir, folders[k]);
		rc = dir_make(path, 0700, err);
	}
	if (rc == RC_OK)
		return &i->base;
	disk_free_images(&i->base);
	return NULL;
}
