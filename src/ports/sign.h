/*
 * Port: evidence. Statements are in-toto Statement v1 (predicate type https://penstock.dev/<type>/v1 or SLSA provenance v1 for builds) in DSSE v1 envelopes, stored as blobs.
 * Blocking, safe from any thread. Adapters: sign_local (ECDSA P-256, key made at first start, 0600), sign_fake.
 */
#pragma once
#include "ports/blobs.h"

struct sign;
struct sign_ops {
	const char *name;
	enum rc (*attest)(struct sign *s, const char *image, const char *type, struct str predicate,
			  char ret_hex[DIGEST_HEX + 1], struct err *err);
	enum rc (*verify)(struct sign *s, const char *envelope, const char *image, const char *type,
			  struct strbuf *ret_predicate, struct err *err);
	enum rc (*public_key)(struct sign *s, struct strbuf *ret_pem, struct err *err);
	void (*free)(struct sign *s);
};
struct sign {
	const struct sign_ops *ops;
};
/* Sign a predicate (JSON) about an image digest; the same input gives the same envelope digest only for the same signature, so: looked up by content first (idempotent). */
MUST_CHECK static inline enum rc sign_attest(struct sign *s, const char *image, const char *type,
					     struct str predicate, char ret_hex[DIGEST_HEX + 1],
					     struct err *err)
{
	return s->ops->attest(s, image, type, predicate, ret_hex, err);
}
/* The envelope exists, its bytes match its digest, its signature is by a trusted key, its subject is exactly image, its type is type. RC_DENIED with the reason otherwise
 * (RC_CORRUPT, RC_NOT_FOUND from the store). ret_predicate may be NULL. */
MUST_CHECK static inline enum rc sign_verify(struct sign *s, const char *envelope,
					     const char *image, const char *type,
					     struct strbuf *ret_predicate, struct err *err)
{
	return s->ops->verify(s, envelope, image, type, ret_predicate, err);
}
MUST_CHECK static inline enum rc sign_public_key(struct sign *s, struct strbuf *ret_pem,
						 struct err *err)
{
	return s->ops->public_key(s, ret_pem, err);
}
static inline void sign_free(struct sign *s)
{
	if (s)
		s->ops->free(s);
}
