/*
 * Who a job is, for others to believe: JSON web tokens signed by this installation's own key (ES256), in the shape that clouds take from an OpenID
 * provider, so that a job reaches them without a stored key. The key is <keys>/workload.pem (0600), made when it is first needed; after
 * workload_rotate() the one before it, workload.old.pem, is published as long as its tokens can live. Blocks for files; safe from any thread.
 */
#pragma once
#include "clients/jwt.h"

#define WORKLOAD_SLACK       (5 * USEC_MIN) /* a token lives so much longer than its job may */
#define WORKLOAD_MOST        USEC_HOUR      /* and never longer than this */
#define WORKLOAD_AUDIENCES   16u
#define WORKLOAD_TEXT_MAX    1024u /* bytes of a claim, of an audience, of the issuer */
#define WORKLOAD_ISSUER_PATH "/.well-known/openid-configuration"
#define WORKLOAD_KEYS_PATH   "/.well-known/jwks.json"

struct workload;
/* issuer: the URL under which others find the documents; a slash at its end is cut off. Touches no file yet. RC_INVALID: no http or https URL, or one
 * with a query. */
MUST_CHECK enum rc workload_new(const char *keys_dir, const char *issuer, struct workload **ret,
				struct err *err);
void workload_free(struct workload *w);
const char *workload_issuer(const struct workload *w);

/* What is said of a job. NULL or "" is left out of the token. */
struct workload_job {
	const char *project, *repository, *ref, *commit, *event, *run, *job, *unit, *stage,
		*environment, *actor;
	usec_t timeout; /* the job's */
};
/* Append a token: iss, sub ("repo:NAME:ref:REF", with ":environment:NAME" where there is one), aud (text when it is one, else a list), iat, nbf, exp, jti, and
 * the job's. RC_INVALID: a claim that would make the subject mean two things, or no audience; RC_DENIED, RC_INVALID: the key's file is not safe or none. */
MUST_CHECK enum rc workload_issue(struct workload *w, const struct workload_job *job,
				  const char *const *audience, size_t n, usec_t now,
				  struct strbuf *to, struct err *err);
/* The two documents that are open to everybody, as JSON. */
MUST_CHECK enum rc workload_keys(struct workload *w, struct strbuf *to, struct err *err);
void workload_discovery(const struct workload *w, struct strbuf *to);
/* A new key; the one before stays published. Tokens of the one before that are void. */
MUST_CHECK enum rc workload_rotate(struct workload *w, struct err *err);
