#include "clients/oci.h"

#include "base/digest.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define SIZE_LIMIT      ((uint64_t)1 << 40)

static const struct shape_field notes_fields[] = {
	{"org.opencontainers.image.ref.name", SHAPE_KIND_TEXT, offsetof(struct oci_notes, ref),
	 NULL, NULL, 0},
};
static const struct shape shape_notes = SHAPE(struct oci_notes, notes_fields);
static const struct shape_field platform_fields[] = {
	SHAPE_STR(struct oci_platform, architecture),
	SHAPE_STR(struct oci_platform, os),
};
static const struct shape shape_platform = SHAPE(struct oci_platform, platform_fields);
static const struct shape_field desc_fields[] = {
	SHAPE_STR(struct oci_desc, mediaType),
	SHAPE_STR(struct oci_desc, digest),
	SHAPE_U64(struct oci_desc, size),
	SHAPE_SUB(struct oci_desc, platform, shape_platform),
	SHAPE_SUB(struct oci_desc, annotations, shape_notes),
};
const struct shape shape_oci_desc = SHAPE(struct oci_desc, desc_fields);
static const struct shape_field manifest_fields[] = {
	SHAPE_U32(struct oci_manifest, schemaVersion),
	SHAPE_STR(struct oci_manifest, mediaType),
	SHAPE_SUB(struct oci_manifest, config, shape_oci_desc),
	SHAPE_LIST(struct oci_manifest, layers, shape_oci_desc),
};
const struct shape shape_oci_manifest = SHAPE(struct oci_manifest, manifest_fields);
static const struct shape_field runtime_fields[] = {
	SHAPE_STR(struct oci_runtime, User),        SHAPE_STRS(struct oci_runtime, Env),
	SHAPE_STRS(struct oci_runtime, Entrypoint), SHAPE_STRS(struct oci_runtime, Cmd),
	SHAPE_STR(struct oci_runtime, WorkingDir),
};
static const struct shape shape_runtime = SHAPE(struct oci_runtime, runtime_fields);
static const struct shape_field rootfs_fields[] = {
	SHAPE_STR(struct oci_rootfs, type),
	SHAPE_STRS(struct oci_rootfs, diff_ids),
};
static const struct shape shape_rootfs = SHAPE(struct oci_rootfs, rootfs_fields);
static const struct shape_field history_fields[] = {
	SHAPE_STR(struct oci_history, created),
	SHAPE_STR(struct oci_history, created_by),
};
static const struct shape shape_history = SHAPE(struct oci_history, history_fields);
static const struct shape_field config_fields[] = {
	SHAPE_STR(struct oci_config, created),
	SHAPE_STR(struct oci_config, architecture),
	SHAPE_STR(struct oci_config, os),
	SHAPE_SUB(struct oci_config, config, shape_runtime),
	SHAPE_SUB(struct oci_config, rootfs, shape_rootfs),
	SHAPE_LIST(struct oci_config, history, shape_history),
};
const struct shape shape_oci_config = SHAPE(struct oci_config, config_fields);
static const struct shape_field index_fields[] = {
	SHAPE_U32(struct oci_index, schemaVersion),
	SHAPE_STR(struct oci_index, mediaType),
	SHAPE_LIST(struct oci_index, manifests, shape_oci_desc),
};
const struct shape shape_oci_index = SHAPE(struct oci_index, index_fields);

void oci_manifest_done(struct oci_manifest *m)
{
	shape_done(&shape_oci_manifest, m);
}

void oci_config_done(struct oci_config *c)
{
	shape_done(&shape_oci_config, c);
}

void oci_index_done(struct oci_index *x)
{
	shape_done(&shape_oci_index, x);
}

void oci_write(const struct shape *shape, const void *object, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	shape_write(&o, NULL, shape, object);
}

const char *oci_architecture(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
#error "add this processor's name in the OCI specification (GOARCH)"
#endif
}

enum tar_packing oci_layer_packing(const struct oci_desc *layer)
{
	return streq(layer->mediaType, OCI_LAYER_TAR)    ? TAR_PLAIN
	       : streq(layer->mediaType, OCI_LAYER_ZSTD) ? TAR_ZSTD
							 : TAR_GZIP;
}

bool oci_layer_is_gzip(const struct oci_desc *layer)
{
	return oci_layer_packing(layer) == TAR_GZIP;
}

static enum rc check_desc(const struct oci_desc *d, const char *const *types, const char *what,
			  struct err *err)
{
	struct digest digest;

	if (!d->digest || !str_starts(str_of(d->digest), "sha256:") ||
	    !digest_parse(str_of(d->digest), &digest))
		return err_set(err, RC_INVALID, "manifest: the digest of %s is not sha256", what);
	if (d->size > SIZE_LIMIT)
		return err_set(err, RC_TOO_BIG, "manifest: %s is too big", what);
	for (; *types; types++)
		if (streq(d->mediaType, *types))
			return RC_OK;
	return err_set(err, RC_INVALID,
		       "manifest: %s has the media type %.100s, which cannot be unpacked", what,
		       d->mediaType ? d->mediaType : "(none)");
}

static enum rc check_manifest(const struct oci_manifest *m, struct err *err)
{
	static const char *const configs[] = {OCI_CONFIG, DOCKER_CONFIG, NULL};
	static const char *const layers[] = {OCI_LAYER_TAR, OCI_LAYER_GZIP, OCI_LAYER_ZSTD,
					     DOCKER_LAYER, NULL};

	if (m->schemaVersion != 2 || (m->mediaType && !streq(m->mediaType, OCI_MANIFEST) &&
				      !streq(m->mediaType, DOCKER_MANIFEST)))
		return err_set(err, RC_INVALID,
			       "not the manifest of an image (media type %.100s, version %u)",
			       m->mediaType ? m->mediaType : "(none)", m->schemaVersion);
	if (m->layers.n > OCI_LAYERS_MAX)
		return err_set(err, RC_TOO_BIG, "manifest: %zu layers, at most %u", m->layers.n,
			       OCI_LAYERS_MAX);
	enum rc rc = check_desc(&m->config, configs, "the config", err);
	for (size_t i = 0; i < m->layers.n && rc == RC_OK; i++)
		rc = check_desc(&m->layers.v[i], layers, "a layer", err);
	return rc;
}

enum rc oci_manifest_read(struct str text, struct oci_manifest *ret, struct err *err)
{
	struct oci_manifest m = {0};
	enum rc rc = shape_parse(text, OCI_JSON_MAX, &shape_oci_manifest, &m, err);

	if (rc == RC_OK)
		rc = check_manifest(&m, err);
	if (rc == RC_OK)
		*ret = m;
	else
		oci_manifest_done(&m);
	return rc;
}

enum rc oci_config_read(struct str text, size_t layers, struct oci_config *ret, struct err *err)
{
	struct oci_config c = {0};
	struct digest d;
	enum rc rc = shape_parse(text, OCI_JSON_MAX, &shape_oci_config, &c, err);

	if (rc == RC_OK && (!streq(c.rootfs.type, "layers") || c.rootfs.diff_ids.n != layers))
		rc = err_set(err, RC_INVALID,
			     "config: it has %zu layers where the manifest has %zu",
			     c.rootfs.diff_ids.n, layers);
	for (size_t i = 0; i < c.rootfs.diff_ids.n && rc == RC_OK; i++)
		if (!digest_parse(str_of(c.rootfs.diff_ids.v[i]), &d))
			rc = err_set(err, RC_INVALID, "config: a diff_id is not sha256");
	if (rc == RC_OK)
		*ret = c;
	else
		oci_config_done(&c);
	return rc;
}

enum rc oci_index_read(struct str text, struct oci_index *ret, struct err *err)
{
	struct oci_index x = {0};
	enum rc rc = shape_parse(text, OCI_INDEX_MAX, &shape_oci_index, &x, err);

	if (rc == RC_OK && x.schemaVersion != 2) {
		rc = err_set(err, RC_INVALID, "not an index of images");
		oci_index_done(&x);
	}
	if (rc == RC_OK)
		*ret = x;
	return rc;
}
