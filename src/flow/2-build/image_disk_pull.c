/* From a digest to a file system: manifest, the one for this machine, config, layers; each checked, each kept. */
#include "flow/2-build/image_disk.h"

#include "base/glob.h"
#include "clients/unpack.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX   ((uint64_t)32 << 30)
#define ENTRIES_MAX 2000000u

char *image_blob_path(const struct image_disk *i, const char *digest)
{
	return xasprintf("%s/blobs/%s", i->dir, digest + strlen("sha256:"));
}

char *image_root_path(const struct image_disk *i, const char *digest)
{
	return xasprintf("%s/roots/%s", i->dir, digest + strlen("sha256:"));
}

enum rc image_manifest(const struct image_source *s, const char *digest, struct strbuf *ret,
		       struct err *err)
{
	AUTO(freep) char *kept = image_blob_path(s->i, digest);
	AUTO(freep)
	char *path =
		s->layout ? xasprintf("%s/blobs/sha256/%s", s->layout, digest + 7) : xstrdup(kept);
	AUTO(freep) char *got = NULL;
	enum rc rc;

	if (!s->registry || (!s->anonymous && file_exists(path))) {
		rc = file_read(path, OCI_JSON_MAX, ret, err);
		AUTO(freep) char *hex = digest_hex_dup(strbuf_str(ret));
		if (rc != RC_OK || streq(hex, digest + 7))
			return rc;
		if (!s->registry)
			return err_set(err, RC_CORRUPT, "%s has other bytes than its digest says",
				       path);
		strbuf_clear(ret);
	}
	rc = registry_manifest(s->registry, digest, ret, &got, err);
	return rc == RC_OK ? file_write_fast(kept, strbuf_str(ret), 0600, err) : rc;
}

/* The image itself, where the digest is that of an index. */
static enum rc manifest_of(const struct image_source *s, const char *name, const char *digest,
			   struct oci_manifest *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_JSON_MAX + 1);
	AUTO(oci_index_done) struct oci_index x = {0};
	AUTO(freep) char *inner = NULL;
	struct err why = {0};

	enum rc rc = image_manifest(s, digest, &text, err);
	if (rc != RC_OK || oci_manifest_read(strbuf_str(&text), ret, &why) == RC_OK)
		return rc;
	if (oci_index_read(strbuf_str(&text), &x, err) != RC_OK || !x.manifests.n)
		return err_set(err, RC_INVALID, "%s: %s", name, why.msg);
	rc = image_choose(&x, NULL, name, &inner, err);
	strbuf_clear(&text);
	if (rc == RC_OK)
		rc = image_manifest(s, inner, &text, err);
	return rc == RC_OK ? oci_manifest_read(strbuf_str(&text), ret, err) : rc;
}

enum rc image_blob(const struct image_source *s, struct registry *r, const struct oci_desc *d,
		   struct err *err)
{
	AUTO(freep) char *path = image_blob_path(s->i, d->digest);
	struct stat st;

	/* What has its name in blobs/ was checked when it got it; the size says that it is all there. */
	if (!s->anonymous && stat(path, &st) == 0 && (uint64_t)st.st_size == d->size)
		return RC_OK;
	return r ? registry_blob(r, d->digest, d->size, path, err)
		 : image_layout_blob(s, d->digest, d->size, path, err);
}

static enum rc lay(const struct image_source *s, const struct oci_manifest *m, const char *temp,
		   struct unpack_limits *left, struct err *err)
{
	AUTO(fd_close) int root = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	enum rc rc = root < 0 ? err_errno(err, errno, "open %s", temp) : RC_OK;

	for (size_t k = 0; k < m->layers.n && rc == RC_OK; k++) {
		AUTO(freep) char *path = image_blob_path(s->i, m->layers.v[k].digest);
		AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		rc = fd < 0 ? err_errno(err, errno, "open %s", path)
			    : unpack_layer(fd, oci_layer_packing(&m->layers.v[k]), root, left, err);
		if (rc != RC_OK)
			err_wrap(err, "layer %zu of %zu", k + 1, m->layers.n);
	}
	if (rc == RC_OK && fchmod(root, 0755) < 0)
		rc = err_errno(err, errno, "%s", temp);
	return rc;
}

static void copy_texts(texts *to, char *const *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_push(to, xstrdup(from[i]));
}

static enum rc describe(const struct oci_config *c, struct image_note *n, struct err *err)
{
	const struct oci_runtime *r = &c->config;

	for (size_t i = 0; i < r->Env.n; i++) {
		struct str rest = str_of(r->Env.v[i]), key = str_cut(&rest, '=');
		struct pair p = {xstrndup(key.p, key.n), xstrndup(rest.p ? rest.p : "", rest.n)};
		vec_push(&n->root.env, p);
	}
	copy_texts(&n->root.entrypoint, r->Entrypoint.v, r->Entrypoint.n);
	copy_texts(&n->root.cmd, r->Cmd.v, r->Cmd.n);
	n->root.cwd = r->WorkingDir && *r->WorkingDir ? xstrdup(r->WorkingDir) : NULL;
	n->root.user = r->User && *r->User ? xstrdup(r->User) : NULL;
	return image_user(n->root.path, r->User ? r->User : "", &n->root.uid, &n->root.gid, err);
}

static enum rc config_of(const struct image_source *s, const struct oci_manifest *m,
			 struct oci_config *ret, struct err *err)
{
	AUTO(freep) char *path = image_blob_path(s->i, m->config.digest);
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_JSON_MAX + 1);

	if (m->config.size > OCI_JSON_MAX)
		return err_set(err, RC_TOO_BIG, "the image's config is above %zu bytes",
			       OCI_JSON_MAX);
	enum rc rc = image_blob(s, s->registry, &m->config, err);
	if (rc == RC_OK)
		rc = file_read(path, OCI_JSON_MAX, &text, err);
	if (rc == RC_OK)
		rc = oci_config_read(strbuf_str(&text), m->layers.n, ret, err);
	if (rc == RC_OK && ret->os && !streq(ret->os, "linux"))
		rc = err_set(err, RC_UNSUPPORTED, "the image is for %s", ret->os);
	if (rc == RC_OK && ret->architecture && !streq(ret->architecture, oci_architecture()))
		rc = err_set(err, RC_UNSUPPORTED, "the image is for %s, this machine is %s",
			     ret->architecture, oci_architecture());
	return rc;
}

/* Below tmp first; its place in roots/ by rename. */
static enum rc place(const struct image_source *s, const struct oci_manifest *m,
		     struct image_note *n, struct err *err)
{
	AUTO(freep) char *temp = xasprintf("%s/tmp/root-XXXXXX", s->i->dir);
	struct unpack_limits left = {BYTES_MAX, ENTRIES_MAX, true};

	if (!mkdtemp(temp))
		return err_errno(err, errno, "%s", temp);
	enum rc rc = lay(s, m, temp, &left, err);
	if (rc == RC_OK)
		rc = tree_remove(n->root.path,
				 err); /* of a pull that was cut off before its note */
	if (rc == RC_OK && rename(temp, n->root.path) < 0)
		rc = err_errno(err, errno, "rename %s", temp);
	if (rc != RC_OK)
		(void)!tree_remove(temp, NULL);
	n->bytes = BYTES_MAX - left.bytes;
	return rc;
}

enum rc image_fetch(const struct image_source *s, const char *name, const char *digest,
		    struct image_note *ret, struct err *err)
{
	AUTO(oci_manifest_done) struct oci_manifest m = {0};
	AUTO(oci_config_done) struct oci_config c = {0};
	struct image_note n = {0};

	n.name = xstrdup(name);
	n.root.digest = xstrdup(digest);
	n.root.path = image_root_path(s->i, digest);
	enum rc rc = manifest_of(s, name, digest, &m, err);
	if (rc == RC_OK)
		rc = config_of(s, &m, &c, err);
	if (rc == RC_OK)
		rc = image_layers(s, &m, err);
	if (rc == RC_OK)
		rc = place(s, &m, &n, err);
	if (rc == RC_OK)
		rc = describe(&c, &n, err);
	if (rc == RC_OK)
		*ret = n;
	else
		shape_done(&shape_image_note, &n);
	return rc;
}
