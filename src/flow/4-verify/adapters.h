/* What this stage offers to main and to tests. */
#pragma once
#include "ports/sign.h"

/*
 * The installation's own key: <data>/keys/signing.pem (ECDSA P-256, PKCS#8, 0600), made at first start, its public half beside it as signing.pub. Evidence
 * signed by that key or by one in <data>/keys/trusted/<name>.pem is believed; those are read at start. NULL (see err) when a file that decides about trust
 * could have been written, or the private key read, by others. blobs is borrowed and outlives it.
 */
struct sign *sign_local_new(const char *data_dir, struct blobs *blobs, struct err *err);

/* The same envelopes with a hash in place of a signature: deterministic, worth nothing. blobs is borrowed. */
struct sign *sign_fake_new(struct blobs *blobs);
/* The next `after` calls of attest and verify work, all later ones fail with rc. RC_OK: from now on all work. */
void sign_fake_fail(struct sign *s, uint32_t after, enum rc rc);
