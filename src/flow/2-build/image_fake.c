/*
 * Images that are nowhere: every name but those with "missing" in them means the digest of its text; "down" means a registry that does not answer, "private" one
 * that wants a login.
 * Their root is this machine's.
 */
#include "base/digest.h"
#include "flow/2-build/adapters.h"

struct image_fake {
	struct image base;
};

static enum rc fake_resolve(struct image *base, const char *ref, char **ret_digest,
			    char **ret_warning, struct err *err)
{
	const char *at = strstr(ref, "@sha256:");

	(void)base, (void)ret_warning;
	if (strstr(ref, "missing"))
		return err_set(err, RC_NOT_FOUND, "image %s: there is none", ref);
	if (strstr(ref, "down"))
		return err_set(err, RC_UNAVAILABLE, "image %s: no answer", ref);
	AUTO(freep) char *hex = digest_hex_dup(str_of(ref));
	*ret_digest = at ? xstrdup(at + 1) : xasprintf("sha256:%s", hex);
	return RC_OK;
}

static enum rc fake_pull(struct image *base, const char *ref, const struct image_how *how,
			 struct image_root *ret, struct err *err)
{
	char *digest = NULL, *warning = NULL;
	enum rc rc = fake_resolve(base, ref, &digest, &warning, err);

	if (rc == RC_OK && how && how->anonymous && strstr(ref, "private"))
		rc = err_set(err, RC_DENIED, "image %s wants a login", ref);
	if (rc == RC_OK && how && how->progress && !how->progress(how->ctx, digest, 1, 1))
		rc = err_set(err, RC_CONFLICT, "image %s: stopped", ref);
	if (rc != RC_OK) {
		xfree(digest);
		return rc;
	}
	*ret = (struct image_root){.digest = digest, .path = xstrdup("/")};
	return RC_OK;
}

static enum rc fake_prune(struct image *base, uint64_t max, uint64_t *ret_freed, struct err *err)
{
	(void)base, (void)max, (void)err;
	*ret_freed = 0;
	return RC_OK;
}

static void fake_free(struct image *base)
{
	xfree(container_of(base, struct image_fake, base));
}

static const struct image_ops ops = {"fake", fake_resolve, fake_pull, fake_prune, fake_free};

struct image *image_fake_new(void)
{
	struct image_fake *f = xcalloc(1, sizeof(*f));

	f->base.ops = &ops;
	return &f->base;
}
