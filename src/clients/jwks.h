/*
 * Sets of public keys as JSON (RFC 7517): read from a provider, written of our own. A key that cannot verify a token here (for encryption, of another
 * algorithm or curve, an RSA key below 2048 bits, damaged) does not spoil the set: it is kept with the reason, for the day on which a token names it.
 */
#pragma once
#include "clients/jwt.h"

#define JWKS_MAX      ((size_t)256 << 10)
#define JWKS_KEYS     64u
#define JWK_RSA_LEAST 2048u
#define JWK_RSA_MOST  8192u /* the time that a verification takes grows with it */

struct jwk; /* a public key with its algorithm */
enum jwt_alg jwk_alg(const struct jwk *k);
const char *jwk_kid(const struct jwk *k); /* NULL: it has none */
/* Appends base64url of the SHA-256 over its needed members (RFC 7638). */
void jwk_thumbprint(const struct jwk *k, struct strbuf *to);
bool jwk_verify(const struct jwk *k, struct str message, struct str signature);

struct jwks;
/* RC_INVALID: no JWK set, or more than JWKS_KEYS; RC_TOO_BIG: above JWKS_MAX. */
MUST_CHECK enum rc jwks_read(struct str text, struct jwks **ret, struct err *err);
void jwks_free(struct jwks *s);
void jwks_freep(struct jwks **s);
size_t jwks_count(const struct jwks *s); /* of keys that can be used */
const struct jwk *jwks_at(const struct jwks *s, size_t i);
/* The key of a token: the one with its kid, or, when it names none, the only one of its algorithm. RC_NOT_FOUND: the set has no such key (it may have been
 * changed since); RC_DENIED: it has, but the key cannot be used, and why. *ret is the set's. */
MUST_CHECK enum rc jwks_find(const struct jwks *s, const struct jwt *t, const struct jwk **ret,
			     struct err *err);

/* Appends the thumbprint of an ECDSA key: the kid that jwks_write() gives it. */
void jwks_kid(const struct ecdsa_key *k, struct strbuf *to);
/* {"keys":[...]}: the public halves, for ES256. */
void jwks_write(const struct ecdsa_key *const *keys, size_t n, struct strbuf *to);
