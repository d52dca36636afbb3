/*
 * Port: makes an image from a job's definition and the outputs of its needs, into an OCI layout in the content store. Deterministic: same inputs, same digest,
 * on any machine (no times, owners as declared, sorted names). Blocking. Adapters: pack_native, pack_fake.
 */
#pragma once
#include "core/effect.h"
#include "ports/blobs.h"

struct packed {
	char *image; /* "sha256:..." of the manifest */
	char *sbom;  /* hex of a CycloneDX JSON blob */
	uint64_t bytes;
};
void packed_done(struct packed *p);
struct pack;
struct pack_ops {
	const char *name;
	enum rc (*image)(struct pack *p, const struct job_spec *spec, struct packed *ret,
			 struct err *err);
	enum rc (*rootfs)(struct pack *p, const char *image, const char *into,
			  struct strbuf *ret_config, struct err *err);
	void (*free)(struct pack *p);
};
struct pack {
	const struct pack_ops *ops;
};
MUST_CHECK static inline enum rc pack_image(struct pack *p, const struct job_spec *s,
					    struct packed *ret, struct err *err)
{
	return p->ops->image(p, s, ret, err);
}
/* Unpack an image's layers into the existing empty folder `into` (digests verified, nothing leaves it); ret_config is the image's config JSON. */
MUST_CHECK static inline enum rc pack_rootfs(struct pack *p, const char *image, const char *into,
					     struct strbuf *ret_config, struct err *err)
{
	return p->ops->rootfs(p, image, into, ret_config, err);
}
static inline void pack_free(struct pack *p)
{
	if (p)
		p->ops->free(p);
}
