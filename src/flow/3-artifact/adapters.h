/* What this stage offers to main and to tests. */
#pragma once
#include "ports/pack.h"

/*
 * Packs by itself: no daemon, no rights. blobs is borrowed and outlives it. Images are readable by other tools as the OCI layout <data>/oci
 * (`skopeo inspect oci:<data>/oci:orders-<12 digits of the image's digest>`), whose blobs are links into the content store.
 *
 * A layer is a plain tar, not gzip: compressed bytes depend on the version of zlib, and the digest of an image must not. The content store and the runtime
 * are on one disk, so that nothing is transferred; whoever pushes over a network compresses there. NULL: see err.
 */
struct pack *pack_native_new(const char *data_dir, struct blobs *blobs, struct err *err);

/* Images that are nowhere: a digest made from the job's unit and key. blobs (borrowed) may be NULL; else the SBOM is stored there. */
struct pack *pack_fake_new(struct blobs *blobs);
/* The next `after` images work, all later ones fail with rc. RC_OK: from now on all work. */
void pack_fake_fail(struct pack *p, uint32_t after, enum rc rc);
