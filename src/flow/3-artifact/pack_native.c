/*
 * The native packer: one layer, one config, one manifest, all canonical. What could differ between two machines or two days is not in them: times are
 * 1970, owners as declared, modes 0755 or 0644, names sorted, the layer not compressed.
 */
#include "flow/3-artifact/adapters.h"

#include "clients/oci.h"
#include "clients/tar.h"
#include "flow/3-artifact/pack_impl.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define EPOCH     "1970-01-01T00:00:00Z"
#define SMALL     ((size_t)1 << 20) /* files up to here go through memory */
#define CONFIG_OF ((size_t)1 << 20)

struct native {
	struct pack base;
	struct blobs *blobs;
	struct pack_view *view;
	char *temp;
};
struct owner {
	uint32_t uid, gid;
};

char *pack_temp(const char *temp)
{
	static atomic_uint serial;

	return xasprintf("%s/%ld.%u", temp, (long)getpid(), atomic_fetch_add(&serial, 1));
}

/* "65532" or "65532:65532": an image from scratch has no names. Without a group: group 0, as the runtime will have it. */
static enum rc owner_of(const struct job_spec *spec, struct owner *ret, struct err *err)
{
	struct str group = str_of(spec->def.image.user), user = str_cut(&group, ':');
	struct owner o = {0};

	if (!spec->def.image.user)
		return RC_OK;
	if (!parse_u32(user, &o.uid) || (group.p && !parse_u32(group, &o.gid)) ||
	    o.uid > INT32_MAX || o.gid > INT32_MAX)
		return err_set(err, RC_INVALID,
			       "image of %s: user: \"%.60s\" is not a number or number:number",
			       spec->unit, spec->def.image.user);
	*ret = o;
	return RC_OK;
}

/* ---- the layer ---- */

static enum rc add_data(struct native *n, struct tar_out *tar, const struct manifest_entry *e,
			struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(SMALL + 1);
	AUTO(fd_close) int fd = -1;
	enum rc rc;

	if (e->size <= SMALL) {
		rc = blobs_get(n->blobs, e->sha256, SMALL, &bytes, err);
		if (rc == RC_OK && bytes.n != e->size)
			rc = err_set(err, RC_CORRUPT,
				     "output %.200s has another size than its list says", e->path);
		return rc == RC_OK ? tar_data(tar, bytes.p, bytes.n, err) : rc;
	}
	AUTO(freep) char *path = pack_temp(n->temp);
	rc = blobs_get_file(n->blobs, e->sha256, path, 0600, err);
	if (rc != RC_OK)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (fd < 0 || size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		rc = err_errno(err, errno, "%s", path);
	else if ((uint64_t)size != e->size)
		rc = err_set(err, RC_CORRUPT, "output %.200s has another size than its list says",
			     e->path);
	unlink(path);
	return rc == RC_OK ? tar_data_fd(tar, fd, err) : rc;
}

static enum rc add_file(struct native *n, struct tar_out *tar, const struct pack_file *f,
			struct owner owner, struct err *err)
{
	const struct manifest_entry *e = f->entry;
	AUTO(freep) char *folder = e ? NULL : xasprintf("%s/", f->path);
	struct tar_entry t = {.path = f->path, .kind = TAR_FILE, .mode = 0755};

	if (!e) { /* folders are root's: nobody but the image's author puts things there */
		t.path = folder;
		t.kind = TAR_DIR;
		return tar_add(tar, &t, err);
	}
	t.uid = owner.uid;
	t.gid = owner.gid;
	if (e->link) {
		t.kind = TAR_LINK;
		t.mode = 0777;
		t.link = e->link;
		return tar_add(tar, &t, err);
	}
	t.mode = e->mode & 0100 ? 0755 : 0644;
	t.size = e->size;
	enum rc rc = tar_add(tar, &t, err);
	return rc == RC_OK ? add_data(n, tar, e, err) : rc;
}

static enum rc write_layer(struct native *n, int fd, const struct pack_files *files,
			   struct owner owner, struct err *err)
{
	AUTO(tar_out_freep) struct tar_out *tar = tar_out_new(fd);
	enum rc rc = RC_OK;

	for (size_t i = 0; i < files->list.n && rc == RC_OK; i++)
		rc = add_file(n, tar, &files->list.v[i], owner, err);
	return rc == RC_OK ? tar_end(tar, err) : rc;
}

static enum rc put_layer(struct native *n, const struct pack_files *files, struct owner owner,
			 struct oci_desc *ret, struct err *err)
{
	AUTO(freep) char *path = pack_temp(n->temp);
	AUTO(fd_close)
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char hex[DIGEST_HEX + 1];

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	enum rc rc = write_layer(n, fd, files, owner, err);
	if (rc == RC_OK)
		rc = blobs_put_file(n->blobs, path, hex, &ret->size, err);
	unlink(path);
	if (rc == RC_OK) {
		ret->mediaType = xstrdup(OCI_LAYER_TAR);
		ret->digest = xasprintf("sha256:%s", hex);
	}
	return rc;
}

/* ---- config and manifest ---- */

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static enum rc put_config(struct native *n, const struct job_spec *spec, const char *layer,
			  struct oci_desc *ret, struct err *err)
{
	const struct image_def *def = &spec->def.image;
	AUTO(oci_config_done)
	struct oci_config c = {.created = xstrdup(EPOCH),
			       .architecture = xstrdup(oci_architecture()),
			       .os = xstrdup("linux")};
	AUTO(strbuf_done) struct strbuf text = STRBUF(CONFIG_OF);
	struct oci_history history = {xstrdup(EPOCH), xstrdup("penstock")};
	char hex[DIGEST_HEX + 1];

	c.config.User = def->user ? xstrdup(def->user) : NULL;
	c.config.WorkingDir = def->workdir ? xstrdup(def->workdir) : NULL;
	vec_each(pair, &def->env)
		vec_push(&c.config.Env,
			 xasprintf("%s=%s", pair->key, pair->value ? pair->value : ""));
	if (c.config.Env.n > 1)
		qsort(c.config.Env.v, c.config.Env.n, sizeof(*c.config.Env.v), by_text);
	vec_each(word, &def->entrypoint)
		vec_push(&c.config.Entrypoint, xstrdup(*word));
	vec_each(word, &def->cmd)
		vec_push(&c.config.Cmd, xstrdup(*word));
	c.rootfs.type = xstrdup("layers");
	vec_push(&c.rootfs.diff_ids, xstrdup(layer));
	vec_push(&c.history, history);
	oci_write(&shape_oci_config, &c, &text);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "image of %s: env, entrypoint and cmd are too long",
			       spec->unit);
	enum rc rc = blobs_put(n->blobs, strbuf_str(&text), hex, err);
	if (rc == RC_OK)
		*ret = (struct oci_desc){.mediaType = xstrdup(OCI_CONFIG),
					 .digest = xasprintf("sha256:%s", hex),
					 .size = text.n};
	return rc;
}

static enum rc put_manifest(struct native *n, const struct job_spec *spec,
			    const struct pack_files *files, struct packed *ret, struct err *err)
{
	AUTO(oci_manifest_done)
	struct oci_manifest m = {.schemaVersion = 2, .mediaType = xstrdup(OCI_MANIFEST)};
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_JSON_MAX);
	struct owner owner = {0};
	char hex[DIGEST_HEX + 1];
	enum rc rc = owner_of(spec, &owner, err);

	vec_add(&m.layers);
	if (rc == RC_OK)
		rc = put_layer(n, files, owner, &m.layers.v[0], err);
	if (rc == RC_OK)
		rc = put_config(n, spec, m.layers.v[0].digest, &m.config, err);
	if (rc != RC_OK)
		return rc;
	oci_write(&shape_oci_manifest, &m, &text);
	rc = blobs_put(n->blobs, strbuf_str(&text), hex, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *image = xasprintf("sha256:%s", hex);
	const char *parts[] = {m.config.digest + strlen("sha256:"),
			       m.layers.v[0].digest + strlen("sha256:")};
	rc = pack_view_add(n->view, spec->unit, image, text.n, parts, 2, err);
	if (rc == RC_OK) {
		ret->bytes = m.layers.v[0].size;
		ret->image = image;
		image = NULL;
	}
	return rc;
}

static enum rc native_image(struct pack *p, const struct job_spec *spec, struct packed *ret,
			    struct err *err)
{
	struct native *n = container_of(p, struct native, base);
	struct pack_files files = {0};
	AUTO(packed_done) struct packed packed = {0};
	char sbom[DIGEST_HEX + 1];

	if (spec->def.image.from && !streq(spec->def.image.from, "scratch"))
		return err_set(err, RC_UNSUPPORTED,
			       "image of %s: from: only \"scratch\" can be packed, not \"%.100s\"",
			       spec->unit, spec->def.image.from);
	enum rc rc = pack_select(n->blobs, spec, &files, err);
	if (rc == RC_OK)
		rc = put_manifest(n, spec, &files, &packed, err);
	if (rc == RC_OK)
		rc = sbom_put(n->blobs, spec, packed.image, &files, sbom, err);
	pack_files_done(&files);
	if (rc == RC_OK) {
		packed.sbom = xstrdup(sbom);
		*ret = packed;
		packed = (struct packed){0};
	}
	return rc;
}

static enum rc native_rootfs(struct pack *p, const char *image, const char *into,
			     struct strbuf *ret_config, struct err *err)
{
	struct native *n = container_of(p, struct native, base);

	return pack_unpack(n->blobs, n->temp, image, into, ret_config, err);
}

static void native_free(struct pack *p)
{
	struct native *n = container_of(p, struct native, base);

	pack_view_free(n->view);
	xfree(n->temp);
	xfree(n);
}

static const struct pack_ops ops = {
	.name = "native",
	.image = native_image,
	.rootfs = native_rootfs,
	.free = native_free,
};

struct pack *pack_native_new(const char *data_dir, struct blobs *blobs, struct err *err)
{
	struct native *n = xcalloc(1, sizeof(*n));

	*n = (struct native){
		.base.ops = &ops, .blobs = blobs, .temp = xasprintf("%s/tmp/pack", data_dir)};
	/* what a killed daemon left there */
	enum rc rc = tree_remove(n->temp, err);
	if (rc == RC_OK)
		rc = dir_make(n->temp, 0700, err);
	if (rc == RC_OK)
		rc = pack_view_open(data_dir, blobs, &n->view, err);
	if (rc == RC_OK)
		return &n->base;
	native_free(&n->base);
	return NULL;
}
