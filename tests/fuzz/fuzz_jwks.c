/* Sets of keys: no crash, no key that is weak; what is read can be used. */
#include "clients/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(jwks_freep) struct jwks *s = NULL;
	struct err err = {0};

	if (jwks_read((struct str){(const char *)data, size}, &s, &err) != RC_OK) {
		BUG_ON(s);
		return 0;
	}
	BUG_ON(jwks_count(s) > JWKS_KEYS);
	for (size_t i = 0; i < jwks_count(s) && i < 4; i++) {
		const struct jwk *k = jwks_at(s, i);
		AUTO(strbuf_done) struct strbuf print = STRBUF(100);
		static const char zeros[1024];

		jwk_thumbprint(k, &print);
		BUG_ON(print.n != 43);
		BUG_ON(jwk_verify(k, STR("x"), (struct str){zeros, ECDSA_RAW}));
		BUG_ON(jwk_verify(k, STR("x"), (struct str){zeros, 256}));
	}
	return 0;
}
