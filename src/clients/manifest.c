#include "clients/manifest.h"

#include "base/glob.h"
#include "base/mem.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct shape_field entry_fields[] = {
	SHAPE_STR(struct manifest_entry, path), SHAPE_U32(struct manifest_entry, mode),
	SHAPE_U64(struct manifest_entry, size), SHAPE_STR(struct manifest_entry, sha256),
	SHAPE_STR(struct manifest_entry, link),
};
const struct shape shape_manifest_entry = SHAPE(struct manifest_entry, entry_fields);
static const struct shape_field manifest_fields[] = {
	SHAPE_LIST(struct manifest, entries, shape_manifest_entry)};
static const struct shape shape_manifest = SHAPE(struct manifest, manifest_fields);

void manifest_done(struct manifest *m)
{
	shape_done(&shape_manifest, m);
}

struct collect {
	struct blobs *blobs;
	const char *dir;
	const char *const *globs;
	size_t nglobs;
	bool *matched;
	struct manifest list;
	uint64_t bytes;
};

/* The path itself, or a folder above it. */
static bool wanted(struct collect *c, const char *path)
{
	bool any = false;

	for (size_t i = 0; i < c->nglobs; i++) {
		struct str glob = str_of(c->globs[i]);
		bool hit = glob_match(glob, str_of(path));
		for (const char *p = path; !hit && (p = strchr(p, '/')); p++)
			hit = glob_match(glob, (struct str){path, (size_t)(p - path)});
		c->matched[i] |= hit;
		any |= hit;
	}
	return any;
}

/*
 * A target stays inside when it goes up no further than the link is deep, and goes up only at its
 * beginning: behind the name of another link ".." could lead anywhere.
 */
static bool stays_inside(const char *path, const char *target)
{
	size_t depth = 0, up = 0;
	bool down = false;
	struct str rest = str_of(target);

	if (!*target || *target == '/')
		return false;
	for (const char *p = path; (p = strchr(p, '/')); p++)
		depth++;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (str_is(part, ".."))
			up++;
		if (str_is(part, "..") && down)
			return false;
		if (part.n && !str_is(part, "..") && !str_is(part, "."))
			down = true;
	}
	return up <= depth;
}

static enum rc keep_link(struct collect *c, const struct file_seen *seen, struct manifest_entry *e,
			 struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(seen->dir, seen->name, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(err, errno, "read the link %s", seen->path);
	target[n] = '\0';
	if (!stays_inside(seen->path, target) || !str_is_utf8(str_of(target)))
		return err_set(err, RC_INVALID,
			       "output %s is a link that leaves the unit's folder (%.200s)",
			       seen->path, target);
	e->link = xstrdup(target);
	c->bytes += (uint64_t)n;
	return RC_OK;
}

static enum rc keep_file(struct collect *c, const struct file_seen *seen, struct manifest_entry *e,
			 struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/%s", c->dir, seen->path);
	char hex[DIGEST_HEX + 1];

	if (c->bytes + seen->size > MANIFEST_BYTES)
		return err_set(err, RC_TOO_BIG, "outputs have more than %llu bytes: declare less",
			       (unsigned long long)MANIFEST_BYTES);
	enum rc rc = blobs_put_file(c->blobs, path, hex, &e->size, err);
	if (rc != RC_OK)
		return rc;
	c->bytes += e->size;
	e->mode = seen->mode & 0100 ? 0755 : 0644;
	e->sha256 = xstrdup(hex);
	return RC_OK;
}

static enum rc collect_one(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct collect *c = ctx;

	if (!wanted(c, seen->path) || seen->kind == FILE_DIR)
		return RC_OK;
	if (seen->kind == FILE_OTHER)
		return err_set(
			err, RC_INVALID,
			"output %s is a device, a socket or a pipe: only files and links can be kept",
			seen->path);
	enum rc rc = path_check(str_of(seen->path), err);
	if (rc == RC_OK && !str_is_utf8(str_of(seen->path)))
		rc = err_set(err, RC_INVALID, "output %s: its name is not UTF-8", seen->path);
	if (rc == RC_OK && c->list.entries.n >= MANIFEST_FILES)
		rc = err_set(err, RC_TOO_BIG, "outputs are more than %d files: declare less",
			     MANIFEST_FILES);
	if (rc != RC_OK)
		return rc;
	vec_add(&c->list.entries);
	struct manifest_entry *e = vec_last(&c->list.entries);
	e->path = xstrdup(seen->path);
	return seen->kind == FILE_LINK ? keep_link(c, seen, e, err) : keep_file(c, seen, e, err);
}

static int by_path(const void *a, const void *b)
{
	const struct manifest_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static enum rc keep_list(struct collect *c, char **ret_hex, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(MANIFEST_MAX);
	struct json_out o = JSON_OUT(&text);
	char hex[DIGEST_HEX + 1];

	if (c->list.entries.n)
		qsort(c->list.entries.v, c->list.entries.n, sizeof(*c->list.entries.v), by_path);
	json_list(&o, NULL);
	for (size_t i = 0; i < c->list.entries.n; i++)
		shape_write(&o, NULL, &shape_manifest_entry, &c->list.entries.v[i]);
	json_unlist(&o);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "the list of outputs is too big");
	enum rc rc = blobs_put(c->blobs, strbuf_str(&text), hex, err);
	if (rc == RC_OK)
		*ret_hex = xstrdup(hex);
	return rc;
}

enum rc manifest_collect(struct blobs *b, const char *dir, const char *const *globs, size_t nglobs,
			 char **ret_hex, struct err *err)
{
	struct collect c = {.blobs = b, .dir = dir, .globs = globs, .nglobs = nglobs};
	enum rc rc = RC_OK;

	c.matched = xcalloc(nglobs + 1, sizeof(*c.matched));
	for (size_t i = 0; i < nglobs && rc == RC_OK; i++)
		rc = glob_check(str_of(globs[i]), err);
	if (rc == RC_OK)
		rc = tree_walk(dir, collect_one, &c, err);
	for (size_t i = 0; i < nglobs && rc == RC_OK; i++)
		if (!c.matched[i])
			rc = err_set(err, RC_NOT_FOUND,
				     "output %s: the job left nothing that matches", globs[i]);
	if (rc == RC_OK)
		rc = keep_list(&c, ret_hex, err);
	xfree(c.matched);
	manifest_done(&c.list);
	return rc;
}

static enum rc check_entry(const struct manifest_entry *e, struct err *err)
{
	struct digest d;
	enum rc rc = path_check(str_of(e->path), err);

	if (rc != RC_OK)
		return rc;
	if (e->link ? !stays_inside(e->path, e->link)
		    : !e->sha256 || !digest_parse(str_of(e->sha256), &d))
		return err_set(err, RC_CORRUPT,
			       "output manifest: %s is neither a file nor a link that stays inside",
			       e->path);
	return RC_OK;
}

enum rc manifest_list(struct blobs *b, const char *hex, struct manifest *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(MANIFEST_MAX);
	AUTO(json_freep) struct json *root = NULL;
	struct manifest m = {0};

	enum rc rc = blobs_get(b, hex, MANIFEST_MAX, &text, err);
	if (rc == RC_OK)
		rc = json_read(strbuf_str(&text), MANIFEST_MAX, &root, err);
	for (size_t i = 0; rc == RC_OK && i < json_count(root); i++) {
		vec_add(&m.entries);
		rc = shape_read(json_at(root, i), &shape_manifest_entry, vec_last(&m.entries), err);
		if (rc == RC_OK)
			rc = check_entry(vec_last(&m.entries), err);
	}
	if (rc == RC_OK)
		*ret = m;
	else
		manifest_done(&m);
	return rc;
}

/* Open the folder that holds path below root, made where it is missing. Links are not followed. */
static enum rc open_above(int root, const char *path, int *ret, const char **ret_name,
			  struct err *err)
{
	AUTO(fd_close) int at = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	while (at >= 0 && (slash = strchr(path, '/'))) {
		AUTO(freep) char *name = xstrndup(path, (size_t)(slash - path));
		if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
			return err_errno(err, errno, "make folder %s", name);
		int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
			return err_set(err, RC_INVALID,
				       "%s is not a folder: nothing is laid out through it", name);
		fd_close(&at);
		at = next;
		path = slash + 1;
	}
	if (at < 0)
		return err_errno(err, errno, "open a folder");
	*ret = at;
	*ret_name = path;
	at = -1;
	return RC_OK;
}

/* Where the last file was laid: the next one is most often its neighbour. */
struct laying {
	struct blobs *blobs;
	int root, dir;
	const char *path; /* of the file before; NULL at first */
	size_t n;         /* of its folder's part */
	const char *own;  /* NULL: none */
};

static bool is_own(const struct laying *l, const char *path)
{
	size_t n = l->own ? strlen(l->own) : 0;

	return l->own && (streq(l->own, ".") || (!strncmp(path, l->own, n) && path[n] == '/'));
}

static enum rc folder_of(struct laying *l, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	if (l->path && l->n == n && !strncmp(l->path, path, n))
		return RC_OK;
	fd_close(&l->dir);
	l->path = NULL;
	enum rc rc = open_above(l->root, path, &l->dir, ret_name, err);
	if (rc == RC_OK) {
		l->path = path;
		l->n = n;
	}
	return rc;
}

static enum rc lay_out(struct laying *l, const struct manifest_entry *e, struct err *err)
{
	const char *name = NULL;
	bool exec = e->mode & 0100;

	enum rc rc = folder_of(l, e->path, &name, err);
	if (rc != RC_OK)
		return rc;
	if (unlinkat(l->dir, name, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "replace %s", e->path);
	if (e->link)
		return symlinkat(e->link, l->dir, name) < 0
			       ? err_errno(err, errno, "link %s", e->path)
			       : RC_OK;
	AUTO(freep) char *path = xasprintf("/proc/self/fd/%d/%s", l->dir, name);
	return is_own(l, e->path)
		       ? blobs_get_file(l->blobs, e->sha256, path, exec ? 0755 : 0644, err)
		       : blobs_share_file(l->blobs, e->sha256, path, exec, err);
}

enum rc manifest_layout(struct blobs *b, const char *hex, const char *into, const char *own,
			struct err *err)
{
	AUTO(manifest_done) struct manifest m = {0};
	struct err here = {0}, *e = err ? err : &here;

	enum rc rc = manifest_list(b, hex, &m, e);
	if (rc != RC_OK)
		return err_wrap(e, "outputs %.12s", hex);
	AUTO(fd_close) int root = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, errno, "open %s", into);
	struct laying l = {.blobs = b, .root = root, .dir = -1, .own = own};
	for (size_t i = 0; i < m.entries.n && rc == RC_OK; i++)
		rc = lay_out(&l, &m.entries.v[i], e);
	fd_close(&l.dir);
	return rc == RC_OK ? rc : err_wrap(e, "outputs %.12s", hex);
}
