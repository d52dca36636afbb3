/* Between the files of the OpenID client: what a provider sends, read without asking anybody. */
#pragma once
#include "base/mem.h"
#include "clients/jwks.h"
#include "clients/oidc.h"

/* What its discovery document says. */
struct oidc_places {
	char *authorization, *token, *keys, *userinfo; /* userinfo NULL: none */
	bool says_iss; /* it puts iss into the query that the browser comes back with */
};
void oidc_places_done(struct oidc_places *p);
/* secret: the client has one. ret must be zeroed. */
MUST_CHECK enum rc oidc_read_places(struct str text, const char *issuer, bool secret,
				    struct oidc_places *ret, struct err *err);

struct oidc_tokens {
	char *id, *access; /* secret; access NULL: none */
};
void oidc_tokens_done(struct oidc_tokens *t); /* wipes */
/* The token endpoint's answer. ret must be zeroed. */
MUST_CHECK enum rc oidc_read_tokens(int status, struct str text, struct oidc_tokens *ret,
				    struct err *err);

struct oidc_names {
	const char *groups, *name; /* of claims */
};
/* Add what these claims (an ID token's or userinfo's) say and ret does not have yet: subject, name, email, groups. RC_DENIED: a claim that is no such text. */
MUST_CHECK enum rc oidc_read_person(const struct json *claims, const struct oidc_names *names,
				    struct oidc_person *ret, struct err *err);

/* An http or https URL without user, fragment and control characters, below 2,048 bytes; clear: http is taken too, from this machine only. */
MUST_CHECK bool oidc_is_url(const char *url, bool clear);
bool oidc_same(const char *a, const char *b); /* in constant time; NULL is like nothing */
/* What a hash claim (at_hash) says of a token: base64url of the left half of its SHA-256. */
void oidc_half_hash(struct str text, struct strbuf *to);
