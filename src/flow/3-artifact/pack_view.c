/*
 * <data>/oci: the packed images as an OCI layout. A view only: what counts are the blobs. Its blobs are links into <data>/cas where that holds them (clients/cas.h
 * says how files are named there), else copies.
 */
#include "flow/3-artifact/pack_impl.h"

#include "clients/oci.h"
#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

struct pack_view {
	char *dir, *cas;
	struct blobs *blobs;
	pthread_mutex_t lock; /* index.json */
};

enum rc pack_view_open(const char *data_dir, struct blobs *b, struct pack_view **ret,
		       struct err *err)
{
	struct pack_view *v = xcalloc(1, sizeof(*v));

	*v = (struct pack_view){.dir = xasprintf("%s/oci", data_dir),
				.cas = xasprintf("%s/cas", data_dir),
				.blobs = b};
	pthread_mutex_init(&v->lock, NULL);
	AUTO(freep) char *blobs = xasprintf("%s/blobs/sha256", v->dir);
	AUTO(freep) char *mark = xasprintf("%s/oci-layout", v->dir);
	enum rc rc = dir_make(blobs, 0700, err);
	if (rc == RC_OK && !file_exists(mark))
		rc = file_write(mark, STR("{\"imageLayoutVersion\":\"1.0.0\"}"), 0600, err);
	if (rc == RC_OK)
		*ret = v;
	else
		pack_view_free(v);
	return rc;
}

void pack_view_free(struct pack_view *v)
{
	if (!v)
		return;
	pthread_mutex_destroy(&v->lock);
	xfree(v->dir);
	xfree(v->cas);
	xfree(v);
}

static enum rc show_blob(struct pack_view *v, const char *hex, struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/blobs/sha256/%s", v->dir, hex);
	AUTO(freep) char *kept = xasprintf("%s/%.2s/%s", v->cas, hex, hex + 2);
	AUTO(freep) char *link = xasprintf("../../../cas/%.2s/%s", hex, hex + 2);

	if (file_exists(path))
		return RC_OK;
	if (!file_exists(kept)) {
		enum rc rc = blobs_get_file(v->blobs, hex, path, 0444, err);
		return rc == RC_CONFLICT ? RC_OK : rc;
	}
	return symlink(link, path) == 0 || errno == EEXIST ? RC_OK
							   : err_errno(err, errno, "link %s", path);
}

static enum rc load_index(const char *path, struct oci_index *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_INDEX_MAX);

	if (!file_exists(path)) {
		ret->schemaVersion = 2;
		ret->mediaType = xstrdup(OCI_INDEX);
		return RC_OK;
	}
	enum rc rc = file_read(path, OCI_INDEX_MAX, &text, err);
	return rc == RC_OK ? oci_index_read(strbuf_str(&text), ret, err) : rc;
}

/* In order of name; false: it is there already. */
static bool insert(struct oci_index *x, const char *ref, const char *image, uint64_t size)
{
	size_t at = 0;

	while (at < x->manifests.n && x->manifests.v[at].annotations.ref &&
	       strcmp(x->manifests.v[at].annotations.ref, ref) < 0)
		at++;
	if (at < x->manifests.n && streq(x->manifests.v[at].annotations.ref, ref))
		return false;
	vec_add(&x->manifests);
	memmove(&x->manifests.v[at + 1], &x->manifests.v[at],
		(x->manifests.n - 1 - at) * sizeof(*x->manifests.v));
	x->manifests.v[at] = (struct oci_desc){
		.mediaType = xstrdup(OCI_MANIFEST),
		.digest = xstrdup(image),
		.size = size,
		.platform = {.architecture = xstrdup(oci_architecture()), .os = xstrdup("linux")},
		.annotations = {.ref = xstrdup(ref)}};
	return true;
}

static enum rc index_add(struct pack_view *v, const char *ref, const char *image, uint64_t size,
			 struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/index.json", v->dir);
	AUTO(oci_index_done) struct oci_index x = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_INDEX_MAX);
	enum rc rc = load_index(path, &x, err);

	if (rc ==
	    RC_INVALID) /* somebody wrote into it: begin anew, the images are in the content store */
		rc = tree_remove(path, err) == RC_OK ? load_index(path, &x, err) : RC_INVALID;
	if (rc != RC_OK || !insert(&x, ref, image, size))
		return rc;
	oci_write(&shape_oci_index, &x, &text);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "%s is too big: remove it, it is made again", path);
	return file_write(path, strbuf_str(&text), 0600, err);
}

enum rc pack_view_add(struct pack_view *v, const char *unit, const char *image, uint64_t size,
		      const char *const *blobs, size_t nblobs, struct err *err)
{
	const char *hex = image + strlen("sha256:");
	AUTO(freep) char *ref = xasprintf("%s-%.12s", unit, hex);
	enum rc rc = show_blob(v, hex, err);

	for (size_t i = 0; i < nblobs && rc == RC_OK; i++)
		rc = show_blob(v, blobs[i], err);
	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&v->lock);
	rc = index_add(v, ref, image, size, err);
	pthread_mutex_unlock(&v->lock);
	return rc;
}
