/*
 * DSSE v1 envelopes (secure-systems-lab/dsse, protocol and envelope 1.0) around in-toto Statements v1. Signing and trust are the caller's; here are the bytes.
 * Written canonically: {"payload":b64,"payloadType":"...","signatures":[{"keyid":"...","sig":b64}]}.
 */
#pragma once
#include "base/shape.h"

#define DSSE_MAX            ((size_t)32 << 20) /* of an envelope's JSON */
#define DSSE_SIGNATURES_MAX 16u
#define DSSE_INTOTO         "application/vnd.in-toto+json"
#define STATEMENT_MAX       ((size_t)16 << 20)

struct dsse_signature {
	char *keyid;
	struct strbuf sig;
};
struct dsse {
	char *type;            /* payloadType */
	struct strbuf payload; /* decoded */
	VEC(struct dsse_signature) signatures;
};
void dsse_done(struct dsse *d);
/* What is signed: "DSSEv1 LEN(type) type LEN(payload) payload". */
void dsse_pae(struct str type, struct str payload, struct strbuf *to);
void dsse_write(const struct dsse *d, struct strbuf *to);
/* RC_INVALID: no envelope, bad base64, no signature, too many; RC_TOO_BIG. ret must be zeroed. */
MUST_CHECK enum rc dsse_read(struct str text, struct dsse *ret, struct err *err);

/* An in-toto Statement about one image. predicate must be JSON. */
void statement_write(const char *hex, const char *predicate_type, struct str predicate,
		     struct strbuf *to);
/* That payload is a Statement v1 with exactly one subject, whose only digest is sha256 `hex`, and with this predicate type. RC_DENIED says what is not so.
 * ret_predicate (may be NULL) gets the predicate, written canonically. */
MUST_CHECK enum rc statement_check(struct str payload, const char *hex, const char *predicate_type,
				   struct strbuf *ret_predicate, struct err *err);
