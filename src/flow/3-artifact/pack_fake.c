/* Images that are nowhere, for tests and the simulator. */
#include "flow/3-artifact/adapters.h"

#include "base/mem.h"

#include <pthread.h>

struct fake {
	struct pack base;
	struct blobs *blobs;
	pthread_mutex_t lock;
	uint32_t fail_after;
	enum rc fail_rc;
};

static enum rc due(struct fake *f, struct err *err)
{
	pthread_mutex_lock(&f->lock);
	bool now = f->fail_rc != RC_OK && !f->fail_after;
	if (f->fail_after)
		f->fail_after--;
	enum rc rc = now ? f->fail_rc : RC_OK;
	pthread_mutex_unlock(&f->lock);
	return rc == RC_OK ? rc : err_set(err, rc, "pack: %s (a planted fault)", rc_name(rc));
}

static enum rc fake_image(struct pack *p, const struct job_spec *spec, struct packed *ret,
			  struct err *err)
{
	struct fake *f = container_of(p, struct fake, base);
	AUTO(freep) char *seed = xasprintf("penstock-fake-image %s %s", spec->unit, spec->key);
	AUTO(freep) char *image = digest_hex_dup(str_of(seed));
	AUTO(freep)
	char *sbom = xasprintf(
		"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,\"metadata\":"
		"{\"component\":{\"type\":\"container\",\"name\":\"image\",\"version\":\"sha256:%s\"}}}",
		image);
	char hex[DIGEST_HEX + 1];
	enum rc rc = due(f, err);

	digest_hex(digest_of(str_of(sbom)), hex);
	if (rc == RC_OK && f->blobs)
		rc = blobs_put(f->blobs, str_of(sbom), hex, err);
	if (rc == RC_OK)
		*ret = (struct packed){.image = xasprintf("sha256:%s", image),
				       .sbom = xstrdup(hex),
				       .bytes = 1024};
	return rc;
}

static enum rc fake_rootfs(struct pack *p, const char *image, const char *into,
			   struct strbuf *ret_config, struct err *err)
{
	struct digest d;

	(void)p;
	(void)into;
	if (!digest_parse(str_of(image), &d))
		return err_set(err, RC_INVALID, "\"%.80s\" is not an image's digest", image);
	if (ret_config)
		strbuf_adds(
			ret_config,
			"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/app\"]},"
			"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}");
	return RC_OK;
}

static void fake_free(struct pack *p)
{
	struct fake *f = container_of(p, struct fake, base);

	pthread_mutex_destroy(&f->lock);
	xfree(f);
}

static const struct pack_ops ops = {
	.name = "fake",
	.image = fake_image,
	.rootfs = fake_rootfs,
	.free = fake_free,
};

struct pack *pack_fake_new(struct blobs *blobs)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	*f = (struct fake){.base.ops = &ops, .blobs = blobs};
	pthread_mutex_init(&f->lock, NULL);
	return &f->base;
}

void pack_fake_fail(struct pack *p, uint32_t after, enum rc rc)
{
	struct fake *f = container_of(p, struct fake, base);

	BUG_ON(p->ops != &ops);
	pthread_mutex_lock(&f->lock);
	f->fail_after = after;
	f->fail_rc = rc;
	pthread_mutex_unlock(&f->lock);
}
