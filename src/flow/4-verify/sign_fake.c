/* Evidence with a hash in place of a signature, for tests and the simulator. */
#include "flow/4-verify/adapters.h"

#include "flow/4-verify/sign_impl.h"

#include <pthread.h>

#define KEYID "fake"

struct fake {
	struct sign base;
	struct blobs *blobs;
	pthread_mutex_t lock;
	uint32_t fail_after;
	enum rc fail_rc;
};

static enum rc due(struct fake *f, struct err *err)
{
	pthread_mutex_lock(&f->lock);
	enum rc rc = f->fail_after ? RC_OK : f->fail_rc;
	if (f->fail_after)
		f->fail_after--;
	pthread_mutex_unlock(&f->lock);
	return rc == RC_OK ? rc : err_set(err, rc, "sign: %s (a planted fault)", rc_name(rc));
}

static void sign_pae(void *ctx, struct str pae, struct strbuf *ret)
{
	struct digest d = digest_of(pae);

	(void)ctx;
	strbuf_adds(ret, "fake signature ");
	strbuf_add(ret, d.b, sizeof(d.b));
}

static bool trusts(void *ctx, const char *keyid, struct str pae, struct str signature)
{
	AUTO(strbuf_done) struct strbuf want = STRBUF(256);

	(void)ctx;
	(void)keyid;
	sign_pae(NULL, pae, &want);
	return str_eq(strbuf_str(&want), signature);
}

static enum rc fake_attest(struct sign *s, const char *image, const char *type,
			   struct str predicate, char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	struct fake *f = container_of(s, struct fake, base);
	AUTO(evidence_of_done) struct evidence_of e = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(DSSE_MAX);
	enum rc rc = due(f, err);

	if (rc == RC_OK && !predicate.n)
		rc = err_set(err, RC_INVALID, "a predicate must be a JSON object");
	if (rc == RC_OK)
		rc = evidence_of_init(&e, image, type, predicate, err);
	if (rc == RC_OK)
		rc = evidence_write(&e, KEYID, sign_pae, NULL, &text, err);
	return rc == RC_OK ? blobs_put(f->blobs, strbuf_str(&text), ret_hex, err) : rc;
}

static enum rc fake_verify(struct sign *s, const char *envelope, const char *image,
			   const char *type, struct strbuf *ret_predicate, struct err *err)
{
	struct fake *f = container_of(s, struct fake, base);
	AUTO(evidence_of_done) struct evidence_of e = {0};
	enum rc rc = due(f, err);

	if (rc == RC_OK)
		rc = evidence_of_init(&e, image, type, (struct str){0}, err);
	return rc == RC_OK
		       ? evidence_check(f->blobs, envelope, &e, trusts, NULL, ret_predicate, err)
		       : rc;
}

static enum rc fake_public_key(struct sign *s, struct strbuf *ret_pem, struct err *err)
{
	(void)s;
	(void)err;
	strbuf_adds(ret_pem, "-----BEGIN PUBLIC KEY-----\nZmFrZQ==\n-----END PUBLIC KEY-----\n");
	return RC_OK;
}

static void fake_free(struct sign *s)
{
	struct fake *f = container_of(s, struct fake, base);

	pthread_mutex_destroy(&f->lock);
	xfree(f);
}

static const struct sign_ops ops = {
	.name = "fake",
	.attest = fake_attest,
	.verify = fake_verify,
	.public_key = fake_public_key,
	.free = fake_free,
};

struct sign *sign_fake_new(struct blobs *blobs)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	*f = (struct fake){.base.ops = &ops, .blobs = blobs};
	pthread_mutex_init(&f->lock, NULL);
	return &f->base;
}

void sign_fake_fail(struct sign *s, uint32_t after, enum rc rc)
{
	struct fake *f = container_of(s, struct fake, base);

	BUG_ON(s->ops != &ops);
	pthread_mutex_lock(&f->lock);
	f->fail_after = after;
	f->fail_rc = rc;
	pthread_mutex_unlock(&f->lock);
}
