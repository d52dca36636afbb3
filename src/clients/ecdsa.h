/*
 * ECDSA over P-256 with SHA-256 (FIPS 186-4), by OpenSSL. Keys are PEM: PKCS#8 private, SubjectPublicKeyInfo public; signatures are DER.
 * A key's id is the SHA-256 of its public key's DER. Safe from any thread.
 */
#pragma once
#include "base/digest.h"
#include "base/strbuf.h"

#define ECDSA_PEM_MAX ((size_t)16 << 10)

struct ecdsa_key;
struct ecdsa_key *ecdsa_new(void);
void ecdsa_free(struct ecdsa_key *k);
void ecdsa_freep(struct ecdsa_key **k);
/* RC_INVALID: no PEM of such a key, an encrypted one, another curve. */
MUST_CHECK enum rc ecdsa_read_private(struct str pem, struct ecdsa_key **ret, struct err *err);
MUST_CHECK enum rc ecdsa_read_public(struct str pem, struct ecdsa_key **ret, struct err *err);
void ecdsa_write_private(const struct ecdsa_key *k, struct strbuf *to); /* the caller wipes it */
void ecdsa_write_public(const struct ecdsa_key *k, struct strbuf *to);
const char *ecdsa_id(const struct ecdsa_key *k); /* 64 hex, owned by the key */
void ecdsa_sign(const struct ecdsa_key *k, struct str message, struct strbuf *ret_signature);
bool ecdsa_verify(const struct ecdsa_key *k, struct str message, struct str signature);

/* Where the public key's point is on the curve, each coordinate 32 bytes, most significant first. */
#define ECDSA_COORD 32
struct ecdsa_point {
	uint8_t x[ECDSA_COORD], y[ECDSA_COORD];
};
struct ecdsa_point ecdsa_point(const struct ecdsa_key *k);
/* A public key from its point. RC_INVALID: not on the curve. */
MUST_CHECK enum rc ecdsa_of_point(const struct ecdsa_point *p, struct ecdsa_key **ret,
				  struct err *err);
/* Signatures as r and s one after another, 64 bytes (RFC 7518 3.4), and as DER. false: not such a one, to is left alone. */
#define ECDSA_RAW 64
MUST_CHECK bool ecdsa_raw_of_der(struct str der, struct strbuf *to);
MUST_CHECK bool ecdsa_der_of_raw(struct str raw, struct strbuf *to);
