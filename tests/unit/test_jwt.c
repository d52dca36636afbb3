/* Tokens and sets of keys: the RFCs' examples, and everything that must not be taken. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/jwks.h"

#include <openssl/core_names.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define A_MAX 65536

/* ---- RFC 7515, appendices A.2 and A.3 ---- */

#define A2_N                                                                               \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJ" \
	"PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0" \
	"LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD" \
	"Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2" \
	"PAcDTW9gb54h4FRWyuXpoQ"
#define A2_PAYLOAD                                                                \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
	"vbS9pc19yb290Ijp0cnVlfQ"
#define A2_SIGNATURE                                                                       \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF" \
	"5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK" \
	"5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt" \
	"FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB" \
	"p0igcN_IoypGlUPQGe77Rw"
#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define A3_SIGNATURE                                                       \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA" \
	"pmWQxfKTUJqPP3-Kg6NU1Q"
#define RS256 "eyJhbGciOiJSUzI1NiJ9"
#define ES256 "eyJhbGciOiJFUzI1NiJ9"

static const char rsa_set[] = "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" A2_N "\",\"e\":\"AQAB\"}]}";
static const char ec_set[] =
	"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}]}";

static struct jwks *set_of(const char *text)
{
	struct jwks *s = NULL;
	struct err err = {0};

	if (jwks_read(str_of(text), &s, &err) != RC_OK)
		fail_msg("%s: %.200s", err.msg, text);
	return s;
}

/* Read, find the key, verify. */
static enum rc take(const char *token, const struct jwks *s, struct err *err)
{
	AUTO(jwt_done) struct jwt t = {0};
	const struct jwk *key = NULL;
	enum rc rc = jwt_read(str_of(token), &t, err);

	if (rc == RC_OK)
		rc = jwks_find(s, &t, &key, err);
	return rc == RC_OK ? jwt_verify(&t, key, err) : rc;
}

static void rfc_7515(void **state)
{
	AUTO(jwks_freep) struct jwks *rsa = set_of(rsa_set), *ec = set_of(ec_set);
	const struct {
		const char *why, *token;
		const struct jwks *keys;
		enum rc want;
	} cases[] = {
		{"A.2", RS256 "." A2_PAYLOAD "." A2_SIGNATURE, rsa, RC_OK},
		{"A.3", ES256 "." A2_PAYLOAD "." A3_SIGNATURE, ec, RC_OK},
		{"A.2, another payload", RS256 ".eyJpc3MiOiJqb2UifQ." A2_SIGNATURE, rsa, RC_DENIED},
		{"A.3, another payload", ES256 ".eyJpc3MiOiJqb2UifQ." A3_SIGNATURE, ec, RC_DENIED},
		{"A.3's signature by A.2's key", RS256 "." A2_PAYLOAD "." A3_SIGNATURE, rsa,
		 RC_DENIED},
		{"A.2's signature by A.3's key", ES256 "." A2_PAYLOAD "." A2_SIGNATURE, ec,
		 RC_DENIED},
		{"no key of this algorithm", ES256 "." A2_PAYLOAD "." A3_SIGNATURE, rsa,
		 RC_NOT_FOUND},
		{"an ES256 signature of zeros",
		 ES256 "." A2_PAYLOAD ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 ec, RC_DENIED},
		{"a short signature", ES256 "." A2_PAYLOAD ".AAAA", ec, RC_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		enum rc rc = take(cases[i].token, cases[i].keys, &err);

		if (rc != cases[i].want)
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), err.msg);
	}
	AUTO(jwt_done) struct jwt t = {0};
	assert_int_equal(jwt_read(str_of(RS256 "." A2_PAYLOAD "." A2_SIGNATURE), &t, NULL), RC_OK);
	assert_string_equal(json_get_text(t.claims, "iss", ""), "joe");
	assert_int_equal(json_get_int(t.claims, "exp", 0), 1300819380);
	assert_true(json_truth(json_get(t.claims, "http://example.com/is_root"), false));
}

/* Each bit of the signature counts. */
static void damaged(void **state)
{
	AUTO(jwks_freep) struct jwks *s = set_of(ec_set);
	char token[] = ES256 "." A2_PAYLOAD "." A3_SIGNATURE;

	(void)state;
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];
		struct err err = {0};

		token[i] = was == 'A' ? 'B' : 'A';
		CHECK(take(token, s, &err) != RC_OK, token);
		token[i] = was;
	}
	assert_int_equal(take(token, s, NULL), RC_OK);
}

/* ---- RFC 7638, section 3.1 ---- */

static void thumbprints(void **state)
{
	AUTO(jwks_freep)
	struct jwks *s =
		set_of("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2"
		       "aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
		       "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
		       "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr"
		       "dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
		       "kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\","
		       "\"kid\":\"2011-04-29\"}]}");
	AUTO(strbuf_done) struct strbuf print = STRBUF(100);

	(void)state;
	assert_int_equal(jwks_count(s), 1);
	assert_string_equal(jwk_kid(jwks_at(s, 0)), "2011-04-29");
	jwk_thumbprint(jwks_at(s, 0), &print);
	assert_string_equal(strbuf_cstr(&print), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* ---- what is refused before any key is looked for ---- */

static char *part(const char *json)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(A_MAX);

	jwt_add_base64url(&b, json, strlen(json));
	return strbuf_take(&b);
}

static void refused(void **state)
{
	static const struct {
		const char *header, *payload, *says;
	} parts[] = {
		{"{\"alg\":\"none\"}", "{}", "\"none\": only RS256 and ES256"},
		{"{\"alg\":\"None\"}", "{}", "only RS256 and ES256"},
		{"{\"alg\":\"HS256\"}", "{}", "\"HS256\": only"},
		{"{\"alg\":\"HS512\"}", "{}", "only RS256"},
		{"{\"alg\":\"RS384\"}", "{}", "only RS256"},
		{"{\"alg\":\"PS256\"}", "{}", "only RS256"},
		{"{\"alg\":\"ES256K\"}", "{}", "only RS256"},
		{"{\"alg\":\"es256\"}", "{}", "only RS256"},
		{"{\"alg\":\"E\\u001b[31m\"}", "{}", "\"E?[31m\""},
		{"{\"alg\":[\"ES256\"]}", "{}", "names no algorithm"},
		{"{}", "{}", "names no algorithm"},
		{"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "{}", "crit"},
		{"{\"alg\":\"ES256\",\"crit\":[]}", "{}", "crit"},
		{"{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", "{}", "crit"},
		{"{\"alg\":\"ES256\",\"zip\":\"DEF\"}", "{}", "compressed"},
		{"{\"alg\":\"ES256\",\"enc\":\"A128GCM\"}", "{}", "encrypted"},
		{"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", "{}", "\"at+jwt\", not a JWT"},
		{"{\"alg\":\"ES256\",\"kid\":7}", "{}", "kid"},
		{"{\"alg\":\"ES256\",\"kid\":\"a\\u0000b\"}", "{}", "kid"},
		{"{\"alg\":\"none\",\"alg\":\"ES256\"}", "{}", "header is not one JSON object"},
		{"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "{}", "doubled members"},
		{"{\"alg\":\"ES256\"}", "{\"sub\":\"a\",\"sub\":\"b\"}", "payload is not one JSON"},
		{"{\"alg\":\"ES256\"}", "{\"a\":{\"x\":1,\"x\":1}}", "payload is not one JSON"},
		{"{\"alg\":\"ES256\"}", "[]", "payload is not one JSON object"},
		{"{\"alg\":\"ES256\"}", "{} {}", "payload is not one JSON object"},
		{"{\"alg\":\"ES256\"}", "{\"a\":\"\xff\"}", "payload is not one JSON object"},
		{"[\"ES256\"]", "{}", "header is not one JSON object"},
	};
	static const struct {
		const char *token, *says;
	} whole[] = {
		{"", "three parts"},
		{"a.b", "three parts"},
		{ES256 ".e30", "three parts"},
		{ES256 ".e30.AA.AA", "three parts"},
		{"e30.e30.e30.e30.e30", "three parts"},
		{".e30.AA", "header is not base64url"},
		{ES256 "..AA", "payload is not base64url"},
		{ES256 ".e30.", "signature is not base64url"},
		{ES256 ".e30=.AA", "payload is not base64url"},
		{ES256 ".e3 0.AA", "payload is not base64url"},
		{ES256 ".e30\n.AA", "payload is not base64url"},
		{ES256 ".e30.A+AA", "signature is not base64url"},
		{ES256 ".e30.A/AA", "signature is not base64url"},
		{ES256 ".e30.A", "signature is not base64url"},
		{ES256 ".e30.AB", "signature is not base64url"},  /* bits left over */
		{ES256 ".e30.AAB", "signature is not base64url"}, /* so here */
		{ES256 ".e31.AA", "payload is not base64url"},    /* {} with a bit more */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO(freep) char *header = part(parts[i].header);
		AUTO(freep) char *payload = part(parts[i].payload);
		AUTO(freep) char *token = xasprintf("%s.%s.AA", header, payload);
		struct jwt t = {0};
		struct err err = {0};

		CHECK(jwt_read(str_of(token), &t, &err) == RC_INVALID, parts[i].header);
		if (!strstr(err.msg, parts[i].says))
			fail_msg("%s: %s", parts[i].header, err.msg);
		CHECK(!t.claims && !t.kid && !t.input.p, "untouched");
	}
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		struct jwt t = {0};
		struct err err = {0};

		CHECK(jwt_read(str_of(whole[i].token), &t, &err) == RC_INVALID, whole[i].token);
		if (!strstr(err.msg, whole[i].says))
			fail_msg("%s: %s", whole[i].token, err.msg);
	}
}

static void too_big(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(A_MAX), text = STRBUF(A_MAX);
	AUTO(ecdsa_freep) struct ecdsa_key *key = ecdsa_new();
	struct jwt t = {0};
	struct err err = {0};

	(void)state;
	strbuf_adds(&b, ES256 ".e30.");
	while (b.n < JWT_MAX + 1)
		strbuf_addc(&b, 'A');
	assert_int_equal(jwt_read(strbuf_str(&b), &t, &err), RC_TOO_BIG);
	assert_non_null(strstr(err.msg, "16384 are taken"));
	b.n = JWT_MAX;
	jwt_done(&t);
	assert_true(jwt_read(strbuf_str(&b), &t, &err) != RC_TOO_BIG);
	jwt_done(&t);
	strbuf_clear(&b);
	strbuf_adds(&text, "{\"a\":\"");
	while (text.n < JWT_MAX)
		strbuf_addc(&text, 'x');
	strbuf_adds(&text, "\"}");
	assert_int_equal(jwt_sign(key, "k", strbuf_str(&text), &b, &err), RC_TOO_BIG);
}

static void base64url(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {{"", ""},           {"f", "Zg"},        {"fo", "Zm8"},
		     {"foo", "Zm9v"},    {"foob", "Zm9vYg"}, {"\xff\xef\xbe", "_---"},
		     {"\xfb\xff", "-_8"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf to = STRBUF(100), back = STRBUF(100);

		jwt_add_base64url(&to, cases[i].bytes, strlen(cases[i].bytes));
		CHECK_STR(strbuf_cstr(&to), cases[i].text, cases[i].text);
		CHECK(jwt_add_unbase64url(&back, strbuf_str(&to)), cases[i].text);
		CHECK_STR(strbuf_cstr(&back), cases[i].bytes, cases[i].text);
	}
}

/* ---- sets of keys ---- */

/* A public RSA key of so many bits as the members of a JWK. */
static char *rsa_members(unsigned bits)
{
	AUTO(strbuf_done) struct strbuf n = STRBUF(A_MAX);
	EVP_PKEY *pkey = EVP_RSA_gen(bits);
	BIGNUM *number = NULL;
	unsigned char bytes[2048];

	assert_non_null(pkey);
	assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &number), 1);
	int len = BN_bn2bin(number, bytes);
	BN_free(number);
	EVP_PKEY_free(pkey);
	jwt_add_base64url(&n, bytes, (size_t)len);
	return xasprintf("\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"", strbuf_cstr(&n));
}

#define EC  "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\""
#define RSA "\"kty\":\"RSA\",\"n\":\"" A2_N "\",\"e\":\"AQAB\""

/* What stands in a set beside good keys, and what a token that names it is told. */
static void useless(void **state)
{
	AUTO(freep) char *weak = rsa_members(1024);
	const struct {
		const char *members, *says;
	} cases[] = {
		{EC ",\"use\":\"enc\"", "not for signatures"},
		{EC ",\"key_ops\":[\"deriveKey\"]", "not for signatures"},
		{EC ",\"alg\":\"ECDH-ES\"", "for ECDH-ES, not for ES256"},
		{RSA ",\"alg\":\"PS256\"", "for PS256, not for RS256"},
		{RSA ",\"alg\":\"RS512\"", "for RS512"},
		{RSA ",\"alg\":\"ES256\"", "for ES256, not for RS256"},
		{EC ",\"d\":\"AAAA\"", "secret half is public"},
		{weak, "1024 bits, at least 2048"},
		{"\"kty\":\"RSA\",\"n\":\"" A2_N "\",\"e\":\"AQ\"", "exponent"},
		{"\"kty\":\"RSA\",\"n\":\"" A2_N "\",\"e\":\"Ag\"", "exponent"},
		{"\"kty\":\"RSA\",\"n\":\"" A2_N "\",\"e\":\"AQAAAAE\"", "exponent"},
		{"\"kty\":\"RSA\",\"n\":\"" A2_N "=\",\"e\":\"AQAB\"", "not base64url"},
		{"\"kty\":\"RSA\",\"e\":\"AQAB\"", "not base64url"},
		{"\"kty\":\"oct\",\"k\":\"AAAA\"", "secret half"},
		{"\"kty\":\"oct\"", "of type oct"},
		{"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"", "of type OKP"},
		{"\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"",
		 "P-384, and ES256 wants P-256"},
		{"\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"",
		 "secp256k1"},
		{"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_Y "\",\"y\":\"" A3_X "\"",
		 "not a point of the curve"},
		{"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"" A3_Y "\"",
		 "not 32 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep)
		char *text =
			xasprintf("{\"keys\":[{\"kid\":\"bad\",%s},{\"kid\":\"good\"," EC "}]}",
				  cases[i].members);
		AUTO(jwks_freep) struct jwks *s = set_of(text);
		AUTO(freep) char *bad = part("{\"alg\":\"ES256\",\"kid\":\"bad\"}");
		AUTO(freep) char *token = xasprintf("%s.e30.AA", bad);
		struct err err = {0};

		CHECK(jwks_count(s) == 1, cases[i].members);
		CHECK(take(token, s, &err) == RC_DENIED, cases[i].members);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: %s", cases[i].members, err.msg);
	}
}

static void which_key(void **state)
{
	AUTO(jwks_freep)
	struct jwks *s = set_of("{\"keys\":[{\"kid\":\"r\"," RSA "},{\"kid\":\"e\"," EC
				",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"ES256\"},"
				"{\"kid\":\"e2\"," EC "}]}");
	static const struct {
		const char *header, *says;
		enum rc want;
	} cases[] = {
		{"{\"alg\":\"ES256\",\"kid\":\"r\"}",
		 "the token says ES256, and the key \"r\" is for RS256", RC_DENIED},
		{"{\"alg\":\"RS256\",\"kid\":\"e\"}", "is for ES256", RC_DENIED},
		{"{\"alg\":\"ES256\",\"kid\":\"e\"}", "signature is not one of the key \"e\"",
		 RC_DENIED},
		{"{\"alg\":\"ES256\",\"kid\":\"no\\n\"}", "no key \"no?\"", RC_NOT_FOUND},
		{"{\"alg\":\"ES256\"}", "the set has 2 for ES256", RC_DENIED},
		{"{\"alg\":\"RS256\"}", "signature is not one of the key \"r\"", RC_DENIED},
	};

	(void)state;
	assert_int_equal(jwks_count(s), 3);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *header = part(cases[i].header);
		AUTO(freep) char *token = xasprintf("%s.e30.AA", header);
		struct err err = {0};

		CHECK(take(token, s, &err) == cases[i].want, cases[i].header);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: %s", cases[i].header, err.msg);
	}
}

static void bad_sets(void **state)
{
	AUTO(strbuf_done) struct strbuf many = STRBUF(A_MAX), big = STRBUF(JWKS_MAX + 100);
	static const char *const bad[] = {"",
					  "[]",
					  "{}",
					  "{\"keys\":{}}",
					  "{\"keys\":[1]}",
					  "{\"keys\":[],\"keys\":[]}",
					  "{\"keys\":[{\"kty\":\"EC\",\"kty\":\"RSA\"}]}"};
	struct jwks *s = NULL;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(jwks_read(str_of(bad[i]), &s, &err) == RC_INVALID && !s, bad[i]);
	strbuf_adds(&many, "{\"keys\":[{}");
	for (unsigned i = 1; i < JWKS_KEYS; i++)
		strbuf_adds(&many, ",{}");
	size_t n = many.n;
	strbuf_adds(&many, "]}");
	assert_int_equal(jwks_read(strbuf_str(&many), &s, &err), RC_OK);
	assert_int_equal(jwks_count(s), 0);
	jwks_freep(&s);
	many.n = n;
	strbuf_adds(&many, ",{}]}");
	assert_int_equal(jwks_read(strbuf_str(&many), &s, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "65 keys: at most 64"));
	strbuf_adds(&big, "{\"keys\":[]}");
	while (big.n <= JWKS_MAX)
		strbuf_addc(&big, ' ');
	assert_int_equal(jwks_read(strbuf_str(&big), &s, &err), RC_TOO_BIG);
}

/* ---- our own ---- */

static void signed_by_us(void **state)
{
	AUTO(ecdsa_freep) struct ecdsa_key *one = ecdsa_new(), *two = ecdsa_new();
	const struct ecdsa_key *both[] = {one, two};
	AUTO(strbuf_done)
	struct strbuf text = STRBUF(A_MAX), kid = STRBUF(100), other = STRBUF(100);
	AUTO(jwks_freep) struct jwks *s = NULL;
	struct err err = {0};

	(void)state;
	jwks_write(both, 2, &text);
	s = set_of(strbuf_cstr(&text));
	assert_int_equal(jwks_count(s), 2);
	jwks_kid(one, &kid);
	jwk_thumbprint(jwks_at(s, 0), &other);
	assert_string_equal(strbuf_cstr(&kid), strbuf_cstr(&other));
	assert_string_equal(strbuf_cstr(&kid), jwk_kid(jwks_at(s, 0)));
	for (int i = 0; i < 50; i++) { /* r and s have zeros in front now and then */
		AUTO(strbuf_done) struct strbuf token = STRBUF(A_MAX);
		AUTO(freep) char *claims = xasprintf("{\"sub\":\"%d\"}", i);

		assert_int_equal(jwt_sign(one, strbuf_cstr(&kid), str_of(claims), &token, &err),
				 RC_OK);
		if (take(strbuf_cstr(&token), s, &err) != RC_OK)
			fail_msg("%d: %s", i, err.msg);
	}
	AUTO(strbuf_done) struct strbuf forged = STRBUF(A_MAX);
	assert_int_equal(jwt_sign(two, strbuf_cstr(&kid), STR("{}"), &forged, &err), RC_OK);
	assert_int_equal(take(strbuf_cstr(&forged), s, &err), RC_DENIED);
}

static void raw_and_der(void **state)
{
	static const char *const bad_der[] = {"",
					      "30",
					      "3006020101020101ff",
					      "300602010102",
					      "30050201010500",
					      "3008020101020102ffff"};
	AUTO(ecdsa_freep) struct ecdsa_key *key = ecdsa_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_der); i++) {
		AUTO(strbuf_done) struct strbuf der = STRBUF(100), to = STRBUF(100);

		for (const char *p = bad_der[i]; *p; p += 2) {
			char two[3] = {p[0], p[1], 0};
			strbuf_addc(&der, (char)strtoul(two, NULL, 16));
		}
		CHECK(!ecdsa_raw_of_der(strbuf_str(&der), &to) && !to.n, bad_der[i]);
	}
	for (int i = 0; i < 50; i++) {
		AUTO(strbuf_done)
		struct strbuf der = STRBUF(256), raw = STRBUF(100), again = STRBUF(256);

		ecdsa_sign(key, STR("x"), &der);
		assert_true(ecdsa_raw_of_der(strbuf_str(&der), &raw));
		assert_int_equal(raw.n, ECDSA_RAW);
		assert_true(ecdsa_der_of_raw(strbuf_str(&raw), &again));
		assert_true(str_eq(strbuf_str(&der), strbuf_str(&again)));
		raw.n--;
		assert_false(ecdsa_der_of_raw(strbuf_str(&raw), &again));
	}
}

/* ---- claims ---- */

#define ISS  "\"iss\":\"https://id.example\""
#define AUD  "\"aud\":\"us\""
#define SUB  "\"sub\":\"ann\""
#define EXP  "\"exp\":2000"
#define GOOD ISS "," AUD "," SUB "," EXP

static void claims(void **state)
{
	static const struct {
		const char *why, *claims, *says; /* NULL: taken */
		const char *nonce, *party;
		uint64_t now;
	} cases[] = {
		{"good", GOOD, NULL, NULL, NULL, 1000},
		{"another issuer", "\"iss\":\"https://id.example/\"," AUD "," SUB "," EXP, "(iss)",
		 NULL, NULL, 1000},
		{"no issuer", AUD "," SUB "," EXP, "of \"nobody\" (iss)", NULL, NULL, 1000},
		{"issuer in a list", "\"iss\":[\"https://id.example\"]," AUD "," SUB "," EXP,
		 "(iss)", NULL, NULL, 1000},
		{"another audience", ISS ",\"aud\":\"them\"," SUB "," EXP,
		 "for \"them\" (aud), not for \"us\"", NULL, NULL, 1000},
		{"part of the audience", ISS ",\"aud\":\"usa\"," SUB "," EXP, "(aud)", NULL, NULL,
		 1000},
		{"NUL in the audience", ISS ",\"aud\":\"us\\u0000\"," SUB "," EXP, "(aud)", NULL,
		 NULL, 1000},
		{"no audience", ISS "," SUB "," EXP, "for \"nobody\" (aud)", NULL, NULL, 1000},
		{"empty list", ISS ",\"aud\":[]," SUB "," EXP, "(aud)", NULL, NULL, 1000},
		{"list of one", ISS ",\"aud\":[\"us\"]," SUB "," EXP, NULL, NULL, "us", 1000},
		{"list of two, plain token", ISS ",\"aud\":[\"them\",\"us\"]," SUB "," EXP, NULL,
		 NULL, NULL, 1000},
		{"list of two, no azp", ISS ",\"aud\":[\"them\",\"us\"]," SUB "," EXP, "(azp)",
		 NULL, "us", 1000},
		{"list of two, azp", ISS ",\"aud\":[\"them\",\"us\"],\"azp\":\"us\"," SUB "," EXP,
		 NULL, NULL, "us", 1000},
		{"azp is somebody else", GOOD ",\"azp\":\"them\"", "issued for \"them\" (azp)",
		 NULL, "us", 1000},
		{"azp is no text", GOOD ",\"azp\":1", "(azp)", NULL, "us", 1000},
		{"a number among them", ISS ",\"aud\":[\"us\",1]," SUB "," EXP, "no text", NULL,
		 NULL, 1000},
		{"no end", ISS "," AUD "," SUB, "(exp)", NULL, NULL, 1000},
		{"end as text", ISS "," AUD "," SUB ",\"exp\":\"2000\"", "(exp)", NULL, NULL, 1000},
		{"end below zero", ISS "," AUD "," SUB ",\"exp\":-1", "(exp)", NULL, NULL, 0},
		{"end far out", ISS "," AUD "," SUB ",\"exp\":1e300", "(exp)", NULL, NULL, 1000},
		{"end with a fraction", ISS "," AUD "," SUB ",\"exp\":2000.5", NULL, NULL, NULL,
		 1000},
		{"just within the leeway", GOOD, NULL, NULL, NULL, 2059},
		{"ended", GOOD, "ended 60 s ago", NULL, NULL, 2060},
		{"long ended", GOOD, "ended 8000 s ago", NULL, NULL, 10000},
		{"begins within the leeway", GOOD ",\"nbf\":1060", NULL, NULL, NULL, 1000},
		{"begins later", GOOD ",\"nbf\":1061", "61 s from now, in the future (nbf)", NULL,
		 NULL, 1000},
		{"begin is text", GOOD ",\"nbf\":\"1\"", "nbf is no time", NULL, NULL, 1000},
		{"issued within the leeway", GOOD ",\"iat\":1060", NULL, NULL, NULL, 1000},
		{"issued in the future", GOOD ",\"iat\":1100",
		 "100 s from now, in the future (iat)", NULL, NULL, 1000},
		{"issued at no time", GOOD ",\"iat\":null", "iat is no time", NULL, NULL, 1000},
		{"no subject", ISS "," AUD "," EXP, "(sub)", NULL, NULL, 1000},
		{"empty subject", ISS "," AUD "," EXP ",\"sub\":\"\"", "(sub)", NULL, NULL, 1000},
		{"subject is a number", ISS "," AUD "," EXP ",\"sub\":7", "(sub)", NULL, NULL,
		 1000},
		{"nonce", GOOD ",\"nonce\":\"n1\"", NULL, "n1", NULL, 1000},
		{"another nonce", GOOD ",\"nonce\":\"n2\"", "(nonce)", "n1", NULL, 1000},
		{"a longer nonce", GOOD ",\"nonce\":\"n1x\"", "(nonce)", "n1", NULL, 1000},
		{"no nonce", GOOD, "(nonce)", "n1", NULL, 1000},
		{"nobody asked for the nonce", GOOD ",\"nonce\":\"n1\"", NULL, NULL, NULL, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *text = xasprintf("{%s}", cases[i].claims);
		AUTO(json_freep) struct json *j = NULL;
		const struct jwt_want want = {"https://id.example", "us", cases[i].party,
					      cases[i].nonce, cases[i].now * USEC_SEC};
		struct err err = {0};

		CHECK(json_read(str_of(text), A_MAX, &j, &err) == RC_OK, cases[i].why);
		enum rc rc = jwt_check(j, &want, &err);
		if (rc != (cases[i].says ? RC_DENIED : RC_OK) ||
		    (cases[i].says && !strstr(err.msg, cases[i].says)))
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7515),    cmocka_unit_test(damaged),
		cmocka_unit_test(thumbprints), cmocka_unit_test(refused),
		cmocka_unit_test(too_big),     cmocka_unit_test(base64url),
		cmocka_unit_test(useless),     cmocka_unit_test(which_key),
		cmocka_unit_test(bad_sets),    cmocka_unit_test(signed_by_us),
		cmocka_unit_test(raw_and_der), cmocka_unit_test(claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
