#include "clients/ecdsa.h"

#include "base/mem.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
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
