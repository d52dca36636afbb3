#include "clients/jwks.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/vec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define EXPONENT_MAX 4u /* bytes: 65537 is what everybody takes */

struct jwk {
	enum jwt_alg alg;
	char *kid;
	struct ecdsa_key *ec; /* ES256 */
	EVP_PKEY *rsa;        /* RS256 */
	struct strbuf n, e;   /* of RSA, without zeros in front */
};
struct useless {
	char *kid, *why;
};
struct jwks {
	VEC(struct jwk) keys;
	VEC(struct useless) useless;
};

enum jwt_alg jwk_alg(const struct jwk *k)
{
	return k->alg;
}

const char *jwk_kid(const struct jwk *k)
{
	return k->kid;
}

static void jwk_done(struct jwk *k)
{
	xfree(k->kid);
	ecdsa_free(k->ec);
	EVP_PKEY_free(k->rsa);
	strbuf_done(&k->n);
	strbuf_done(&k->e);
	*k = (struct jwk){0};
}

/* ---- thumbprints ---- */

static void number(struct json_out *o, const char *key, const void *p, size_t n)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(JWT_MAX);

	jwt_add_base64url(&text, p, n);
	json_str(o, key, strbuf_str(&text));
}

static void add_digest(const struct strbuf *text, struct strbuf *to)
{
	struct digest d = digest_of(strbuf_str(text));

	jwt_add_base64url(to, d.b, sizeof(d.b));
}

void jwks_kid(const struct ecdsa_key *k, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(JWT_MAX);
	struct json_out o = JSON_OUT(&text);
	struct ecdsa_point p = ecdsa_point(k);

	json_open(&o, NULL);
	json_cstr(&o, "crv", "P-256");
	json_cstr(&o, "kty", "EC");
	number(&o, "x", p.x, sizeof(p.x));
	number(&o, "y", p.y, sizeof(p.y));
	json_close(&o);
	add_digest(&text, to);
}

void jwk_thumbprint(const struct jwk *k, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(JWT_MAX);
	struct json_out o = JSON_OUT(&text);

	if (k->ec) {
		jwks_kid(k->ec, to);
		return;
	}
	json_open(&o, NULL);
	number(&o, "e", k->e.p, k->e.n);
	json_cstr(&o, "kty", "RSA");
	number(&o, "n", k->n.p, k->n.n);
	json_close(&o);
	add_digest(&text, to);
}

/* ---- verifying ---- */

static bool verify_rsa(EVP_PKEY *pkey, struct str message, struct str signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	BUG_ON(!ctx);
	/* PKCS#1 v1.5 is the padding of a new context. */
	bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				   (const unsigned char *)message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool jwk_verify(const struct jwk *k, struct str message, struct str signature)
{
	AUTO(strbuf_done) struct strbuf der = STRBUF(256);

	if (k->rsa)
		return verify_rsa(k->rsa, message, signature);
	return ecdsa_der_of_raw(signature, &der) && ecdsa_verify(k->ec, message, strbuf_str(&der));
}

/* ---- reading ---- */

static bool read_number(const struct json *map, const char *key, struct strbuf *to)
{
	const struct json *j = json_get(map, key);

	return json_kind_of(j) == JSON_STR && json_view(j).n <= 4096 && json_view(j).n &&
	       jwt_add_unbase64url(to, json_view(j)) && !strbuf_failed(to);
}

static EVP_PKEY *rsa_of(const struct strbuf *n, const struct strbuf *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	unsigned char *modulus = xmalloc(n->n), exponent[EXPONENT_MAX];

	BUG_ON(!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || e->n > sizeof(exponent));
	for (size_t i = 0; i < n->n; i++) /* OSSL_PARAM has the machine's order: little endian */
		modulus[i] = (unsigned char)n->p[n->n - 1 - i];
	for (size_t i = 0; i < e->n; i++)
		exponent[i] = (unsigned char)e->p[e->n - 1 - i];
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are turned round above");
	OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, n->n),
			       OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, exponent, e->n),
			       OSSL_PARAM_construct_end()};
	bool ok = EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
	EVP_PKEY_CTX_free(ctx);
	xfree(modulus);
	ERR_clear_error();
	if (ok)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

static void strip_zeros(struct strbuf *b)
{
	size_t z = 0;

	while (z < b->n && !b->p[z])
		z++;
	if (z) {
		memmove(b->p, b->p + z, b->n - z);
		b->n -= z;
	}
}

static size_t bits_of(const struct strbuf *b)
{
	size_t bits = b->n * 8;

	for (unsigned top = b->n ? (unsigned char)b->p[0] : 0; top && !(top & 128); top <<= 1)
		bits--;
	return bits;
}

static enum rc read_rsa(const struct json *j, struct jwk *k, struct err *err)
{
	k->alg = JWT_RS256;
	k->n = k->e = STRBUF(4096);
	if (!read_number(j, "n", &k->n) || !read_number(j, "e", &k->e))
		return err_set(err, RC_INVALID, "its numbers n and e are not base64url");
	strip_zeros(&k->n);
	strip_zeros(&k->e);
	if (bits_of(&k->n) < JWK_RSA_LEAST)
		return err_set(err, RC_INVALID,
			       "it is an RSA key of %zu bits, at least %u are safe", bits_of(&k->n),
			       JWK_RSA_LEAST);
	if (bits_of(&k->n) > JWK_RSA_MOST)
		return err_set(err, RC_INVALID,
			       "it is an RSA key of %zu bits, at most %u are taken", bits_of(&k->n),
			       JWK_RSA_MOST);
	if (!k->e.n || k->e.n > EXPONENT_MAX || !(k->e.p[k->e.n - 1] & 1) ||
	    (k->e.n == 1 && k->e.p[0] == 1))
		return err_set(err, RC_INVALID,
			       "its exponent is not an odd number from 3 to %u bytes",
			       EXPONENT_MAX);
	k->rsa = rsa_of(&k->n, &k->e);
	return k->rsa ? RC_OK : err_set(err, RC_INVALID, "its numbers are no RSA key");
}

static enum rc read_ec(const struct json *j, struct jwk *k, struct err *err)
{
	AUTO(strbuf_done) struct strbuf x = STRBUF(4096), y = STRBUF(4096);
	struct ecdsa_point p = {0};

	k->alg = JWT_ES256;
	if (!str_is(json_view(json_get(j, "crv")), "P-256"))
		return err_set(err, RC_INVALID, "its curve is %.20s, and ES256 wants P-256",
			       json_get_text(j, "crv", "not named"));
	if (!read_number(j, "x", &x) || !read_number(j, "y", &y) || x.n != ECDSA_COORD ||
	    y.n != ECDSA_COORD)
		return err_set(err, RC_INVALID,
			       "its numbers x and y are not 32 bytes in base64url");
	memcpy(p.x, x.p, ECDSA_COORD);
	memcpy(p.y, y.p, ECDSA_COORD);
	return ecdsa_of_point(&p, &k->ec, err);
}

static bool may_verify(const struct json *j)
{
	const struct json *use = json_get(j, "use"), *ops = json_get(j, "key_ops");
	bool yes = !ops;

	for (size_t i = 0; i < json_count(ops) && json_kind_of(ops) == JSON_LIST; i++)
		yes |= str_is(json_view(json_at(ops, i)), "verify");
	return yes && (!use || str_is(json_view(use), "sig"));
}

static enum rc read_key(const struct json *j, struct jwk *k, struct err *err)
{
	struct str kty = json_view(json_get(j, "kty"));
	const struct json *alg = json_get(j, "alg");
	enum rc rc;

	if (!may_verify(j))
		return err_set(err, RC_INVALID, "it is not for signatures (use, key_ops)");
	if (json_get(j, "d") || json_get(j, "k"))
		return err_set(err, RC_INVALID, "its secret half is public");
	if (str_is(kty, "RSA"))
		rc = read_rsa(j, k, err);
	else if (str_is(kty, "EC"))
		rc = read_ec(j, k, err);
	else
		return err_set(err, RC_INVALID, "it is of type %.20s, not RSA or EC",
			       json_get_text(j, "kty", "(none)"));
	if (rc == RC_OK && alg && !str_is(json_view(alg), jwt_alg_name(k->alg)))
		return err_set(err, RC_INVALID, "it is for %.20s, not for %s", json_text(alg, "?"),
			       jwt_alg_name(k->alg));
	return rc;
}

static void add_key(struct jwks *s, const struct json *j)
{
	const char *kid = json_get_text(j, "kid", NULL);
	struct jwk k = {0};
	struct err why = {0};

	if (read_key(j, &k, &why) == RC_OK) {
		k.kid = kid ? xstrdup(kid) : NULL;
		vec_push(&s->keys, k);
		return;
	}
	jwk_done(&k);
	vec_push(&s->useless, ((struct useless){kid ? xstrdup(kid) : NULL, xstrdup(why.msg)}));
}

enum rc jwks_read(struct str text, struct jwks **ret, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	enum rc rc = json_read(text, JWKS_MAX, &root, err);

	if (rc != RC_OK)
		return err_wrap(err, "the set of keys");
	const struct json *list = json_get(root, "keys");
	if (json_kind_of(list) != JSON_LIST)
		return err_set(err, RC_INVALID,
			       "not a set of keys: {\"keys\": [...]} was expected");
	if (json_count(list) > JWKS_KEYS)
		return err_set(err, RC_INVALID, "a set of %zu keys: at most %u are taken",
			       json_count(list), JWKS_KEYS);
	for (size_t i = 0; i < json_count(list); i++)
		if (json_kind_of(json_at(list, i)) != JSON_MAP)
			return err_set(err, RC_INVALID, "key %zu of the set is no object", i + 1);
	struct jwks *s = xcalloc(1, sizeof(*s));
	for (size_t i = 0; i < json_count(list); i++)
		add_key(s, json_at(list, i));
	*ret = s;
	return RC_OK;
}

void jwks_free(struct jwks *s)
{
	if (!s)
		return;
	vec_each(k, &s->keys)
		jwk_done(k);
	vec_each(u, &s->useless) {
		xfree(u->kid);
		xfree(u->why);
	}
	vec_done(&s->keys);
	vec_done(&s->useless);
	xfree(s);
}

void jwks_freep(struct jwks **s)
{
	jwks_free(*s);
	*s = NULL;
}

size_t jwks_count(const struct jwks *s)
{
	return s->keys.n;
}

const struct jwk *jwks_at(const struct jwks *s, size_t i)
{
	return &s->keys.v[i];
}

/* A token without a kid: there must be no choice. */
static enum rc find_only(const struct jwks *s, enum jwt_alg alg, const struct jwk **ret,
			 struct err *err)
{
	const struct jwk *found = NULL;
	size_t n = 0;

	vec_each(k, &s->keys)
		if (k->alg == alg) {
			found = k;
			n++;
		}
	if (n > 1)
		return err_set(err, RC_DENIED,
			       "the token names no key (kid), and the set has %zu for %s", n,
			       jwt_alg_name(alg));
	if (!n)
		return err_set(err, RC_NOT_FOUND, "the set has no key for %s", jwt_alg_name(alg));
	*ret = found;
	return RC_OK;
}

enum rc jwks_find(const struct jwks *s, const struct jwt *t, const struct jwk **ret,
		  struct err *err)
{
	const struct jwk *other = NULL;
	char text[JWT_SHOWN];

	if (!t->kid)
		return find_only(s, t->alg, ret, err);
	vec_each(k, &s->keys) {
		if (!streq(k->kid, t->kid))
			continue;
		other = k;
		if (k->alg == t->alg)
			break;
	}
	if (other) { /* of another algorithm: jwt_verify() says so */
		*ret = other;
		return RC_OK;
	}
	vec_each(u, &s->useless)
		if (streq(u->kid, t->kid))
			return err_set(err, RC_DENIED, "the key \"%s\" cannot be used: %s",
				       jwt_shown(str_of(u->kid), text), u->why);
	return err_set(err, RC_NOT_FOUND, "the set has no key \"%s\"",
		       jwt_shown(str_of(t->kid), text));
}

/* ---- writing ---- */

void jwks_write(const struct ecdsa_key *const *keys, size_t n, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_list(&o, "keys");
	for (size_t i = 0; i < n; i++) {
		AUTO(strbuf_done) struct strbuf kid = STRBUF(64);
		struct ecdsa_point p = ecdsa_point(keys[i]);

		jwks_kid(keys[i], &kid);
		json_open(&o, NULL);
		json_cstr(&o, "kty", "EC");
		json_cstr(&o, "use", "sig");
		json_cstr(&o, "alg", jwt_alg_name(JWT_ES256));
		json_str(&o, "kid", strbuf_str(&kid));
		json_cstr(&o, "crv", "P-256");
		number(&o, "x", p.x, sizeof(p.x));
		number(&o, "y", p.y, sizeof(p.y));
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}
