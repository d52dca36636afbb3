/* Between the files of the images on disk. */
#pragma once
#include "base/mem.h"
#include "clients/oci.h"
#include "clients/registry.h"
#include "ports/image.h"
#include "ports/secret.h"

struct image_disk {
	struct image base;
	char *dir; /* <data>/images: blobs/<hex>, refs/<hex of the name>, roots/<hex>, roots/<hex>.json, tmp/ */
	struct secret *secret; /* borrowed; NULL: none */
};
/* <dir>/roots/<hex>.json: written last, so what it tells of is whole. Its time is that of the latest use. */
struct image_note {
	struct image_root root;
	char *name;
	uint64_t bytes;
	bool login; /* it came with a login of ours */
};
extern const struct shape shape_image_note;

/* Where blobs come from. */
struct image_source {
	const struct image_disk *i;
	struct registry *registry;       /* or */
	char *layout;                    /* a folder */
	const struct registry_ref *name; /* of the registry, for further connections to it */
	const struct registry_options *options;
	bool anonymous; /* blobs that are here already may have come with a login: they are asked for again */
};

/* ---- image_disk_pull.c */
/* A manifest or index, kept in blobs/. */
MUST_CHECK enum rc image_manifest(const struct image_source *s, const char *digest,
				  struct strbuf *ret, struct err *err);
/* Fetch all of the image and lay its root out. */
MUST_CHECK enum rc image_fetch(const struct image_source *s, const char *name, const char *digest,
			       struct image_note *ret, struct err *err);
/* A blob into blobs/. */
MUST_CHECK enum rc image_blob(const struct image_source *s, struct registry *r,
			      const struct oci_desc *d, struct err *err);
/* ---- image_disk_layers.c: all layers, up to four at a time */
MUST_CHECK enum rc image_layers(const struct image_source *s, const struct oci_manifest *m,
				struct err *err);
char *image_blob_path(const struct image_disk *i, const char *digest);
char *image_root_path(const struct image_disk *i, const char *digest);

/* ---- image_disk_layout.c */
bool image_is_layout(const char *ref); /* "oci:..." */
/* Open the layout that ref names (a folder, or a tar of one, which is unpacked), and say what it means. */
MUST_CHECK enum rc image_layout(const struct image_disk *i, const char *ref,
				struct image_source *ret, char **ret_digest, struct err *err);
void image_source_done(struct image_source *s); /* removes what was unpacked for it */
/* Copy a blob out of a layout, checked. */
MUST_CHECK enum rc image_layout_blob(const struct image_source *s, const char *digest,
				     uint64_t size, const char *path, struct err *err);
/* The descriptor for this machine. */
MUST_CHECK enum rc image_choose(const struct oci_index *x, const char *tag, const char *name,
				char **ret_digest, struct err *err);

/* ---- image_disk_login.c: registry_options.login, ctx is the struct image_disk */
bool image_login(void *ctx, const char *host, struct strbuf *user, struct strbuf *password);
/* ---- image_disk_user.c: "name[:group]", "uid[:gid]", by the image's own /etc/passwd and /etc/group */
MUST_CHECK enum rc image_user(const char *root, const char *user, uint32_t *ret_uid,
			      uint32_t *ret_gid, struct err *err);
