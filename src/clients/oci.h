/*
 * The JSON of OCI images (image-spec 1.0): descriptors, manifests, configs and the index of a layout. Written canonically (fixed order, no blanks), read with
 * unknown keys ignored. Members have the specification's names; what is empty is left out.
 */
#pragma once
#include "base/shape.h"
#include "clients/tar.h"

#define OCI_MANIFEST   "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG     "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER_TAR  "application/vnd.oci.image.layer.v1.tar"
#define OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define OCI_INDEX      "application/vnd.oci.image.index.v1+json"
#define OCI_LAYERS_MAX 128u
#define OCI_JSON_MAX   ((size_t)4 << 20)
#define OCI_INDEX_MAX  ((size_t)64 << 20)

struct oci_notes {
	char *ref;
}; /* org.opencontainers.image.ref.name */
struct oci_platform {
	char *architecture, *os;
};
struct oci_desc {
	char *mediaType, *digest;
	uint64_t size;
	struct oci_platform platform; /* in an index */
	struct oci_notes annotations; /* in an index */
};
struct oci_manifest {
	uint32_t schemaVersion;
	char *mediaType;
	struct oci_desc config;
	VEC(struct oci_desc) layers;
};
struct oci_runtime {
	char *User;
	VEC(char *) Env;
	VEC(char *) Entrypoint;
	VEC(char *) Cmd;
	char *WorkingDir;
};
struct oci_rootfs {
	char *type;
	VEC(char *) diff_ids;
};
struct oci_history {
	char *created, *created_by;
};
struct oci_config {
	char *created, *architecture, *os;
	struct oci_runtime config;
	struct oci_rootfs rootfs;
	VEC(struct oci_history) history;
};
struct oci_index {
	uint32_t schemaVersion;
	char *mediaType;
	VEC(struct oci_desc) manifests;
};
extern const struct shape shape_oci_desc, shape_oci_manifest, shape_oci_config, shape_oci_index;

void oci_manifest_done(struct oci_manifest *m);
void oci_config_done(struct oci_config *c);
void oci_index_done(struct oci_index *x);
void oci_write(const struct shape *shape, const void *object, struct strbuf *to);
/* Also Docker's schema 2. RC_INVALID: not an image's manifest, a digest that is not SHA-256, media types we cannot unpack; RC_TOO_BIG. */
MUST_CHECK enum rc oci_manifest_read(struct str text, struct oci_manifest *ret, struct err *err);
/* layers: how many diff_ids it must have. */
MUST_CHECK enum rc oci_config_read(struct str text, size_t layers, struct oci_config *ret,
				   struct err *err);
MUST_CHECK enum rc oci_index_read(struct str text, struct oci_index *ret, struct err *err);
enum tar_packing oci_layer_packing(const struct oci_desc *layer);
bool oci_layer_is_gzip(const struct oci_desc *layer);
const char *oci_architecture(void); /* of this program, in the words of the specification */
