/*
 * JSON Web Tokens in JOSE's compact form (RFC 7515, 7518, 7519), signed by RS256 or ES256 and nothing else: no "none", no shared secrets (HS*), no
 * encryption. Read strictly: a token that two readers could take for two things is refused, with a text that says why; the text never holds the token.
 * Keys come from a JWK set (clients/jwks.h), never from the token itself: jwk, jku, x5u and x5c of a header are not looked at. Times are parameters.
 */
#pragma once
#include "base/json.h"
#include "clients/ecdsa.h"

#define JWT_MAX    ((size_t)16 << 10) /* bytes of a token */
#define JWT_LEEWAY (60 * USEC_SEC)    /* by which clocks may differ */

#define JWT_ALG_MAP(X) X(JWT_RS256, "RS256") X(JWT_ES256, "ES256")
enum jwt_alg {
#define X(name, text) name,
	JWT_ALG_MAP(X)
#undef X
};
const char *jwt_alg_name(enum jwt_alg alg);
MUST_CHECK bool jwt_alg_of(struct str name, enum jwt_alg *ret);

/* base64url without padding (RFC 7515 2). Reading takes the one canonical form: no "=", no bits left over; false leaves the buffer as it was. */
void jwt_add_base64url(struct strbuf *to, const void *p, size_t n);
MUST_CHECK bool jwt_add_unbase64url(struct strbuf *to, struct str s);

/* What somebody else wrote, for an error text: cut, without control characters. */
#define JWT_SHOWN 128
const char *jwt_shown(struct str s, char ret[JWT_SHOWN]);

/* A token taken apart. Nothing in it is true before jwt_verify() and jwt_check(). */
struct jwt {
	enum jwt_alg alg;
	char *kid;                      /* NULL: none is named */
	struct json *claims;            /* a map */
	struct strbuf input, signature; /* the bytes that are signed; the bytes of the signature */
};
void jwt_done(struct jwt *t);
/* RC_INVALID: no token that is taken here, and why; RC_TOO_BIG. ret must be zeroed. */
MUST_CHECK enum rc jwt_read(struct str token, struct jwt *ret, struct err *err);
struct jwk;
/* RC_DENIED: it was not signed by this key, or the key is for another algorithm than the token names. */
MUST_CHECK enum rc jwt_verify(const struct jwt *t, const struct jwk *key, struct err *err);
/* Append a token of these claims (a JSON map, written as it is), signed by ES256. kid is put into the header. RC_TOO_BIG: it would not be read again. */
MUST_CHECK enum rc jwt_sign(const struct ecdsa_key *key, const char *kid, struct str claims,
			    struct strbuf *to, struct err *err);

/* What the claims must say. */
struct jwt_want {
	const char *issuer;   /* iss, to the letter */
	const char *audience; /* aud is it, or has it in its list */
	const char *
		party; /* azp, where there is one, is it; there must be one when the audiences are several; NULL: not looked at */
	const char
		*nonce; /* compared in constant time; NULL: none is wanted, and none is looked at */
	usec_t now;
};
/* Who: sub, iss, aud; when: exp (needed), nbf, iat, with JWT_LEEWAY. RC_DENIED says which claim, what it is and what was wanted. */
MUST_CHECK enum rc jwt_check(const struct json *claims, const struct jwt_want *want,
			     struct err *err);
