/* Tokens: no crash; one that is read has one way to be written, and no key of ours has signed it. */
#include "clients/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SET                                                                                                                 \
	"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"

/* What is decoded is encoded to the same text: there is no second form. */
static void canonical(struct str text)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(JWT_MAX * 2), again = STRBUF(JWT_MAX * 4);

	if (text.n > JWT_MAX || !jwt_add_unbase64url(&bytes, text))
		return;
	jwt_add_base64url(&again, bytes.p, bytes.n);
	BUG_ON(!str_eq(strbuf_str(&again), text));
}

static void sign(struct str claims)
{
	static struct ecdsa_key *key;
	AUTO(strbuf_done) struct strbuf token = STRBUF(JWT_MAX);
	AUTO(jwt_done) struct jwt t = {0};

	if (!key)
		key = ecdsa_new();
	if (claims.n > JWT_MAX / 2 || jwt_sign(key, "k", claims, &token, NULL) != RC_OK)
		return;
	if (jwt_read(strbuf_str(&token), &t, NULL) == RC_OK)
		BUG_ON(t.alg != JWT_ES256 || t.signature.n != ECDSA_RAW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jwt_want want = {.issuer = "https://id.example",
					     .audience = "us",
					     .party = "us",
					     .nonce = "n",
					     .now = 1000 * USEC_SEC};
	struct str text = {(const char *)data, size};
	static struct jwks *set;
	AUTO(jwt_done) struct jwt t = {0};
	const struct jwk *key = NULL;
	char shown[JWT_SHOWN];
	struct err err = {0};

	if (!set && jwks_read(STR(SET), &set, NULL) != RC_OK)
		BUG_ON(true);
	canonical(text);
	BUG_ON(strlen(jwt_shown(text, shown)) >= JWT_SHOWN);
	sign(text);
	if (jwt_read(text, &t, &err) != RC_OK) {
		BUG_ON(t.claims || t.kid || t.input.p || t.signature.p);
		return 0;
	}
	BUG_ON(!str_starts(text, strbuf_cstr(&t.input)));
	if (jwt_check(t.claims, &want, &err) == RC_OK)
		BUG_ON(!str_is(json_view(json_get(t.claims, "iss")), want.issuer));
	/* The seeds hold RFC 7515's A.3, which this key has signed. */
	if (jwks_find(set, &t, &key, &err) == RC_OK && jwt_verify(&t, key, &err) == RC_OK)
		BUG_ON(!streq(json_get_text(t.claims, "iss", NULL), "joe"));
	return 0;
}
