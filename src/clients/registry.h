/*
 * Pulling from a registry of images (OCI distribution-spec 1.1, and Docker's registry before it): manifests by tag or digest, blobs by digest, with
 * bearer tokens or basic authentication. http on the loopback, https elsewhere. Everything blocks, has a cap, and is checked against its digest; what
 * fails for a while (no answer, 429, 5xx) is tried again up to five times. One thread at a time for a struct registry.
 */
#pragma once
#include "base/digest.h"
#include "base/strbuf.h"

#define REGISTRY_MANIFEST_MAX ((size_t)4 << 20)
#define REGISTRY_BLOB_MAX     ((uint64_t)16 << 30)

/* "node:20" is docker.io/library/node:20; "host:5000/a/b@sha256:..."; a tag beside a digest only says what it was. */
struct registry_ref {
	char *host;       /* as written: "docker.io", "localhost:5000" */
	char *repository; /* "library/node" */
	char *tag;        /* "latest" when neither is written; NULL with a digest alone */
	char *digest;     /* "sha256:<64 hex>" or NULL */
};
MUST_CHECK enum rc registry_ref_parse(const char *text, struct registry_ref *ret, struct err *err);
void registry_ref_done(struct registry_ref *r);
/* "docker.io/library/node:20"; the whole name without the digest. */
char *registry_ref_name(const struct registry_ref *r);

struct registry_options {
	/* User and password of a host; false: none. May be NULL. */
	bool (*login)(void *ctx, const char *host, struct strbuf *user, struct strbuf *password);
	/* Bytes of a blob so far. false: stop (RC_CONFLICT). May be NULL. */
	bool (*progress)(void *ctx, const char *digest, uint64_t have, uint64_t size);
	void *ctx;
	uint64_t wait; /* usec before the first try again, then doubled; 0: 500 ms */
};
struct registry;
/* Borrows nothing. Asks nothing yet. */
struct registry *registry_new(const struct registry_ref *ref, const struct registry_options *o);
void registry_free(struct registry *r);
/* A manifest or an index by tag or digest. *ret_digest is the SHA-256 of its bytes; RC_CORRUPT when that is not what was asked for. */
MUST_CHECK enum rc registry_manifest(struct registry *r, const char *reference, struct strbuf *ret,
				     char **ret_digest, struct err *err);
/* A blob into path: begun at path.part, gone on with there after a failure, renamed when its digest is right. */
MUST_CHECK enum rc registry_blob(struct registry *r, const char *digest, uint64_t size,
				 const char *path, struct err *err);
