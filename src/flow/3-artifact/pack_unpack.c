/* From an image's digest to a folder: every blob is checked against the digest that named it. */
#include "clients/oci.h"
#include "clients/unpack.h"
#include "flow/3-artifact/pack_impl.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BYTES_MAX   ((uint64_t)8 << 30)
#define ENTRIES_MAX 500000u

static enum rc open_empty(const char *into, int *ret, struct err *err)
{
	AUTO(fd_close) int fd = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool empty = true;

	if (fd < 0)
		return err_errno(err, errno, "%s", into);
	DIR *d = opendir(into);
	if (!d)
		return err_errno(err, errno, "%s", into);
	for (struct dirent *e; (e = readdir(d));)
		empty &= streq(e->d_name, ".") || streq(e->d_name, "..");
	closedir(d);
	if (!empty)
		return err_set(err, RC_CONFLICT, "%s is not empty", into);
	*ret = fd;
	fd = -1;
	return RC_OK;
}

/* A blob that a descriptor names, with the very size it says. */
static enum rc get_exact(struct blobs *b, const struct oci_desc *d, struct strbuf *ret,
			 struct err *err)
{
	if (d->size > OCI_JSON_MAX)
		return err_set(err, RC_TOO_BIG, "%s is above %zu bytes", d->digest, OCI_JSON_MAX);
	enum rc rc = blobs_get(b, d->digest, (size_t)d->size, ret, err);
	if (rc == RC_TOO_BIG || (rc == RC_OK && ret->n != d->size))
		return err_set(err, RC_INVALID, "%s has another size than the manifest says",
			       d->digest);
	return rc;
}

static enum rc lay_layer(struct blobs *b, const char *temp, const struct oci_desc *layer, int root,
			 struct unpack_limits *left, struct err *err)
{
	AUTO(freep) char *path = pack_temp(temp);
	AUTO(fd_close) int fd = -1;
	enum rc rc = blobs_get_file(b, layer->digest, path, 0600, err);

	if (rc != RC_OK)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (fd < 0 || size < 0)
		rc = err_errno(err, errno, "%s", path);
	else if ((uint64_t)size != layer->size)
		rc = err_set(err, RC_INVALID, "layer %s has another size than the manifest says",
			     layer->digest);
	unlink(path);
	return rc == RC_OK ? unpack_layer(fd, oci_layer_packing(layer), root, left, err) : rc;
}

/* A plain layer is its own diff_id. */
static enum rc check_layers(const struct oci_manifest *m, const struct oci_config *c,
			    struct err *err)
{
	for (size_t i = 0; i < m->layers.n; i++)
		if (!oci_layer_is_gzip(&m->layers.v[i]) &&
		    !streq(m->layers.v[i].digest, c->rootfs.diff_ids.v[i]))
			return err_set(err, RC_INVALID,
				       "config and manifest name different layers");
	return RC_OK;
}

static enum rc unpack(struct blobs *b, const char *temp, const char *image, int root,
		      struct strbuf *config, struct err *err)
{
	AUTO(oci_manifest_done) struct oci_manifest m = {0};
	AUTO(oci_config_done) struct oci_config c = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_JSON_MAX + 1);
	struct unpack_limits left = {.bytes = BYTES_MAX, .entries = ENTRIES_MAX};
	enum rc rc = blobs_get(b, image, OCI_JSON_MAX, &text, err);

	if (rc == RC_OK)
		rc = oci_manifest_read(strbuf_str(&text), &m, err);
	if (rc == RC_OK)
		rc = get_exact(b, &m.config, config, err);
	if (rc == RC_OK)
		rc = oci_config_read(strbuf_str(config), m.layers.n, &c, err);
	if (rc == RC_OK)
		rc = check_layers(&m, &c, err);
	for (size_t i = 0; i < m.layers.n && rc == RC_OK; i++)
		rc = lay_layer(b, temp, &m.layers.v[i], root, &left, err);
	return rc;
}

enum rc pack_unpack(struct blobs *b, const char *temp, const char *image, const char *into,
		    struct strbuf *ret_config, struct err *err)
{
	AUTO(strbuf_done) struct strbuf config = STRBUF(OCI_JSON_MAX + 1);
	AUTO(fd_close) int root = -1;
	struct err here = {0}, *e = err ? err : &here;
	enum rc rc = open_empty(into, &root, e);

	if (rc == RC_OK)
		rc = unpack(b, temp, image, root, &config, e);
	if (rc != RC_OK)
		return err_wrap(e, "unpack %.19s", image);
	if (ret_config)
		strbuf_addstr(ret_config, strbuf_str(&config));
	return RC_OK;
}
