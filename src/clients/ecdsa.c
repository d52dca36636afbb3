#include "clients/ecdsa.h"

#include "base/mem.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CURVE "prime256v1"

struct ecdsa_key {
	EVP_PKEY *pkey;
	bool is_private;
	char id[DIGEST_HEX + 1];
};

static struct ecdsa_key *wrap(EVP_PKEY *pkey, bool is_private)
{
	struct ecdsa_key *k = xcalloc(1, sizeof(*k));
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	BUG_ON(n <= 0);
	*k = (struct ecdsa_key){.pkey = pkey, .is_private = is_private};
	digest_hex(digest_of((struct str){(const char *)der, (size_t)n}), k->id);
	OPENSSL_free(der);
	return k;
}

struct ecdsa_key *ecdsa_new(void)
{
	EVP_PKEY *pkey = EVP_EC_gen(CURVE);

	BUG_ON(!pkey);
	return wrap(pkey, true);
}

void ecdsa_free(struct ecdsa_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	xfree(k);
}

void ecdsa_freep(struct ecdsa_key **k)
{
	ecdsa_free(*k);
	*k = NULL;
}

/* Without it OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[64] = "";

	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	       streq(group, CURVE);
}

static enum rc read_pem(struct str pem, bool is_private, struct ecdsa_key **ret, struct err *err)
{
	EVP_PKEY *pkey = NULL;

	if (pem.n > ECDSA_PEM_MAX)
		return err_set(err, RC_TOO_BIG, "a key of %zu bytes", pem.n);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	BUG_ON(!bio);
	pkey = is_private ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL)
			  : PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey || !is_p256(pkey)) {
		EVP_PKEY_free(pkey);
		return err_set(err, RC_INVALID, "not an unencrypted PEM of a %s key of P-256",
			       is_private ? "private" : "public");
	}
	*ret = wrap(pkey, is_private);
	return RC_OK;
}

enum rc ecdsa_read_private(struct str pem, struct ecdsa_key **ret, struct err *err)
{
	return read_pem(pem, true, ret, err);
}

enum rc ecdsa_read_public(struct str pem, struct ecdsa_key **ret, struct err *err)
{
	return read_pem(pem, false, ret, err);
}

static void take_bio(BIO *bio, struct strbuf *to)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	BUG_ON(n <= 0);
	strbuf_add(to, p, (size_t)n);
	BIO_free(bio);
}

void ecdsa_write_private(const struct ecdsa_key *k, struct strbuf *to)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	BUG_ON(!bio || !k->is_private);
	BUG_ON(PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1);
	take_bio(bio, to);
}

void ecdsa_write_public(const struct ecdsa_key *k, struct strbuf *to)
{
	BIO *bio = BIO_new(BIO_s_mem());

	BUG_ON(!bio || PEM_write_bio_PUBKEY(bio, k->pkey) != 1);
	take_bio(bio, to);
}

const char *ecdsa_id(const struct ecdsa_key *k)
{
	return k->id;
}

void ecdsa_sign(const struct ecdsa_key *k, struct str message, struct strbuf *ret_signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[256];
	size_t n = sizeof(der);

	BUG_ON(!ctx || !k->is_private);
	BUG_ON(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) != 1);
	BUG_ON(EVP_DigestSign(ctx, der, &n, (const unsigned char *)message.p, message.n) != 1);
	EVP_MD_CTX_free(ctx);
	strbuf_add(ret_signature, der, n);
}

bool ecdsa_verify(const struct ecdsa_key *k, struct str message, struct str signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	BUG_ON(!ctx);
	bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				   (const unsigned char *)message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error(); /* a bad signature leaves something there */
	return ok;
}

/* ---- numbers, as JOSE writes them ---- */

static void coordinate(const EVP_PKEY *pkey, const char *name, uint8_t ret[ECDSA_COORD])
{
	BIGNUM *n = NULL;

	BUG_ON(EVP_PKEY_get_bn_param(pkey, name, &n) != 1);
	BUG_ON(BN_bn2binpad(n, ret, ECDSA_COORD) != ECDSA_COORD);
	BN_free(n);
}

struct ecdsa_point ecdsa_point(const struct ecdsa_key *k)
{
	struct ecdsa_point p = {0};

	coordinate(k->pkey, OSSL_PKEY_PARAM_EC_PUB_X, p.x);
	coordinate(k->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, p.y);
	return p;
}

enum rc ecdsa_of_point(const struct ecdsa_point *p, struct ecdsa_key **ret, struct err *err)
{
	unsigned char octets[1 + 2 * ECDSA_COORD] = {0x04}; /* uncompressed */
	char curve[] = CURVE;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	BUG_ON(!ctx || EVP_PKEY_fromdata_init(ctx) != 1);
	memcpy(octets + 1, p->x, ECDSA_COORD);
	memcpy(octets + 1 + ECDSA_COORD, p->y, ECDSA_COORD);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof(octets)),
		OSSL_PARAM_construct_end()};
	bool ok = EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
	EVP_PKEY_CTX_free(ctx);
	ctx = ok ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
	ok = ctx && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!ok) {
		EVP_PKEY_free(pkey);
		return err_set(err, RC_INVALID, "not a point of the curve P-256");
	}
	*ret = wrap(pkey, false);
	return RC_OK;
}

bool ecdsa_raw_of_der(struct str der, struct strbuf *to)
{
	const unsigned char *at = (const unsigned char *)der.p;
	unsigned char raw[ECDSA_RAW];
	ECDSA_SIG *sig = der.n <= 256 ? d2i_ECDSA_SIG(NULL, &at, (long)der.n) : NULL;
	bool ok = sig && at == (const unsigned char *)der.p + der.n &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ECDSA_RAW / 2) == ECDSA_RAW / 2 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ECDSA_RAW / 2, ECDSA_RAW / 2) ==
			  ECDSA_RAW / 2;

	ECDSA_SIG_free(sig);
	ERR_clear_error();
	if (ok)
		strbuf_add(to, raw, sizeof(raw));
	return ok;
}

bool ecdsa_der_of_raw(struct str raw, struct strbuf *to)
{
	const unsigned char *p = (const unsigned char *)raw.p;
	unsigned char *der = NULL;

	if (raw.n != ECDSA_RAW)
		return false;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(p, ECDSA_RAW / 2, NULL),
	       *s = BN_bin2bn(p + ECDSA_RAW / 2, ECDSA_RAW / 2, NULL);
	BUG_ON(!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1);
	int n = i2d_ECDSA_SIG(sig, &der);
	BUG_ON(n <= 0);
	ECDSA_SIG_free(sig);
	strbuf_add(to, der, (size_t)n);
	OPENSSL_free(der);
	return true;
}
