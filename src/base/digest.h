/* SHA-256 (FIPS 180-4). Text form everywhere: 64 lower-case hex digits, with "sha256:" before it where the
 * OCI specification wants that. */
#pragma once
#include "base/str.h"

#define DIGEST_HEX 64
struct digest {
	uint8_t b[32];
};
struct digest_state; /* streaming */
struct digest_state *digest_new(void);
void digest_add(struct digest_state *s, const void *p, size_t n);
struct digest digest_finish(struct digest_state *s); /* frees s */
void digest_drop(struct digest_state *s);            /* frees s without a result; NULL is fine */

struct digest digest_of(struct str bytes);
void digest_hex(struct digest d, char ret[DIGEST_HEX + 1]);
MUST_CHECK bool digest_parse(struct str hex, struct digest *ret); /* with or without "sha256:" */
bool digest_eq(struct digest a, struct digest b);
char *digest_hex_dup(struct str bytes); /* hex of the digest of bytes, owned by the caller */
