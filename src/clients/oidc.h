/*
 * OpenID Connect, the relying party's side (Core 1.0, Discovery 1.0; RFC 6749, 7636, 9207): people log in at somebody else's provider by the
 * authorization code flow with PKCE, and come back with who they are. Everything blocks (io/http.h) and has a cap and a time-out: call it from a worker.
 * Safe from any thread; what the provider publishes about itself is fetched by one of them while the others wait.
 *
 *	oidc_begin() -> send the browser to the URL, keep the login -> the browser comes back with a query -> oidc_finish()
 *
 * The texts of errors hold no code, token or secret.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

#define OIDC_DOCUMENT_MAX ((size_t)256 << 10) /* of each answer of the provider, but its keys */
#define OIDC_TIMEOUT      (10 * USEC_SEC)     /* of each request */
#define OIDC_GROUPS_MAX   1000u
#define OIDC_TEXT_MAX     256u            /* bytes of a name, a group, an address, a subject */
#define OIDC_KEEP         USEC_HOUR       /* then the provider's documents are fetched again */
#define OIDC_KEYS_AGAIN   (10 * USEC_SEC) /* unknown keys make us fetch no more often */
#define OIDC_CODE_MAX     4096u

struct oidc_options {
	const char *
		issuer; /* https, or http on the loopback; as the provider writes it, to the letter */
	const char *client_id;
	const char *client_secret; /* NULL: a public client, PKCE alone */
	const char *redirect_uri;  /* where the browser comes back to */
	const char *scopes;        /* NULL: "openid profile email" */
	const char *groups_claim;  /* NULL: "groups" */
	const char *name_claim;    /* NULL: "name" */
	usec_t keys_again;         /* 0: OIDC_KEYS_AGAIN */
};
struct oidc;
/* Asks nothing yet. RC_INVALID says which option is wrong. */
MUST_CHECK enum rc oidc_new(const struct oidc_options *o, struct oidc **ret, struct err *err);
void oidc_free(struct oidc *c); /* wipes the secret */

/* What must be remembered of a login until it comes back, and shown to nobody but the one browser: 32 random bytes each, as base64url. */
#define OIDC_RANDOM 44
struct oidc_login {
	char state[OIDC_RANDOM], nonce[OIDC_RANDOM], verifier[OIDC_RANDOM];
};
/* Begin a login: ret_url is where the browser goes. Fetches what the provider says about itself when that is not known. */
MUST_CHECK enum rc oidc_begin(struct oidc *c, struct oidc_login *ret, struct strbuf *ret_url,
			      struct err *err);

/* The query that the browser came back with; NULL: was not there. */
struct oidc_callback {
	const char *state, *code, *iss, *error, *error_description;
};
struct oidc_person {
	char *issuer, *subject; /* together they name a person for ever; nothing else does */
	char *name;             /* for people; never NULL */
	char *email;            /* NULL: not told */
	bool email_verified;
	VEC(char *) groups;
};
void oidc_person_done(struct oidc_person *p);
/* End a login: the state is compared (constant time), the code exchanged, the ID token checked against the provider's keys, and, when it does not hold the
 * groups, the userinfo endpoint asked. now: the wall clock. ret must be zeroed.
 * RC_DENIED: the provider or the token says no, and why; RC_UNAVAILABLE: the provider does not answer; RC_UNSUPPORTED: it cannot do what is wanted. */
MUST_CHECK enum rc oidc_finish(struct oidc *c, const struct oidc_login *login,
			       const struct oidc_callback *back, usec_t now,
			       struct oidc_person *ret, struct err *err);
