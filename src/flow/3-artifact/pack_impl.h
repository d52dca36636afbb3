/* Parts of pack_native: what goes into the layer, the layout that other tools read, the SBOM. */
#pragma once
#include "base/vec.h"
#include "clients/manifest.h"
#include "ports/pack.h"

/* One name in the image. */
struct pack_file {
	char *path;                         /* in the image, no '/' before */
	const struct manifest_entry *entry; /* NULL: a folder */
};
struct pack_files {
	VEC(struct manifest) outputs; /* owns the entries */
	VEC(struct pack_file) list;   /* in order of path, folders before what is in them */
};
void pack_files_done(struct pack_files *f);
/* What image.copy takes from the outputs of the unit's own needs. RC_INVALID says which pattern or name is wrong. */
MUST_CHECK enum rc pack_select(struct blobs *b, const struct job_spec *spec, struct pack_files *ret,
			       struct err *err);

struct pack_view; /* <data>/oci */
MUST_CHECK enum rc pack_view_open(const char *data_dir, struct blobs *b, struct pack_view **ret,
				  struct err *err);
void pack_view_free(struct pack_view *v);
/* Make image (with the blobs its manifest names) visible as "<unit>-<12 digits>". Idempotent, safe from any thread. */
MUST_CHECK enum rc pack_view_add(struct pack_view *v, const char *unit, const char *image,
				 uint64_t size, const char *const *blobs, size_t nblobs,
				 struct err *err);

/* Store the CycloneDX 1.5 JSON of an image. */
MUST_CHECK enum rc sbom_put(struct blobs *b, const struct job_spec *spec, const char *image,
			    const struct pack_files *files, char ret_hex[DIGEST_HEX + 1],
			    struct err *err);

/* Unpack into an existing empty folder. temp: a folder for layers on their way. */
MUST_CHECK enum rc pack_unpack(struct blobs *b, const char *temp, const char *image,
			       const char *into, struct strbuf *ret_config, struct err *err);
/* A new name below temp. */
char *pack_temp(const char *temp);
