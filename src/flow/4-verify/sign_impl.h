/* What all signers do alike; they differ in who signs and whom they trust. */
#pragma once
#include "clients/dsse.h"
#include "ports/sign.h"

#define EVIDENCE_TYPE_MAX 64u

/* Checked inputs of one statement. */
struct evidence_of {
	char hex[DIGEST_HEX + 1];                /* of the image */
	char index[DIGEST_HEX + 1];              /* names (image, type, predicate) */
	struct strbuf predicate_type, predicate; /* URI; canonical JSON */
};
void evidence_of_done(struct evidence_of *e);
/* RC_INVALID: image is no digest, type no word of [a-z0-9._-], predicate no JSON object. predicate may be empty (to verify). */
MUST_CHECK enum rc evidence_of_init(struct evidence_of *e, const char *image, const char *type,
				    struct str predicate, struct err *err);

/* Append a signature of what dsse_pae() gave. */
typedef void (*evidence_sign)(void *ctx, struct str pae, struct strbuf *ret);
/* Is it a signature of pae by somebody trusted? */
typedef bool (*evidence_trusts)(void *ctx, const char *keyid, struct str pae, struct str signature);

MUST_CHECK enum rc evidence_write(const struct evidence_of *e, const char *keyid,
				  evidence_sign sign, void *ctx, struct strbuf *ret,
				  struct err *err);
MUST_CHECK enum rc evidence_check(struct blobs *b, const char *envelope,
				  const struct evidence_of *e, evidence_trusts trusts, void *ctx,
				  struct strbuf *ret_predicate, struct err *err);
