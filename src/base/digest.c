#include "base/digest.h"

#include "base/mem.h"

#include <openssl/evp.h>
#include <pthread.h>

struct digest_state {
	EVP_MD_CTX *ctx;
};

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* Looking an algorithm up costs more than hashing a short key: once is enough. */
static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	BUG_ON(!sha256);
}

struct digest_state *digest_new(void)
{
	struct digest_state *s = xcalloc(1, sizeof(*s));

	pthread_once(&sha256_once, fetch);
	s->ctx = EVP_MD_CTX_new();
	BUG_ON(!s->ctx);
	BUG_ON(EVP_DigestInit_ex2(s->ctx, sha256, NULL) != 1);
	return s;
}

void digest_add(struct digest_state *s, const void *p, size_t n)
{
	if (n)
		BUG_ON(EVP_DigestUpdate(s->ctx, p, n) != 1);
}

struct digest digest_finish(struct digest_state *s)
{
	struct digest d;
	unsigned n = 0;

	BUG_ON(EVP_DigestFinal_ex(s->ctx, d.b, &n) != 1 || n != sizeof(d.b));
	digest_drop(s);
	return d;
}

void digest_drop(struct digest_state *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	xfree(s);
}

struct digest digest_of(struct str bytes)
{
	struct digest_state *s = digest_new();

	digest_add(s, bytes.p, bytes.n);
	return digest_finish(s);
}

void digest_hex(struct digest d, char ret[DIGEST_HEX + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(d.b); i++) {
		ret[2 * i] = hex[d.b[i] >> 4];
		ret[2 * i + 1] = hex[d.b[i] & 15];
	}
	ret[DIGEST_HEX] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_parse(struct str hex, struct digest *ret)
{
	struct digest d;

	if (str_starts(hex, "sha256:")) {
		hex.p += 7;
		hex.n -= 7;
	}
	if (hex.n != DIGEST_HEX)
		return false;
	for (size_t i = 0; i < sizeof(d.b); i++) {
		int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		d.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret = d;
	return true;
}

bool digest_eq(struct digest a, struct digest b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

char *digest_hex_dup(struct str bytes)
{
	char *hex = xmalloc(DIGEST_HEX + 1);

	digest_hex(digest_of(bytes), hex);
	return hex;
}
