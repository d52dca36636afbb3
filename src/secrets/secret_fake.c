#include "base/mem.h"
#include "secrets/adapters.h"

struct secret_fake {
	struct secret base;
	const char *const *pairs;
};

static enum rc fake_get(struct secret *s, const char *reference, struct strbuf *ret,
			struct err *err)
{
	struct secret_fake *f = container_of(s, struct secret_fake, base);

	if (!reference || !str_starts(str_of(reference), "file:") || !reference[5] ||
	    strchr("./", reference[5]) || strchr(reference, '/'))
		return err_set(err, RC_INVALID,
			       "\"%.80s\" is not a secret's reference: write file:NAME",
			       reference ? reference : "");
	for (size_t i = 0; f->pairs[i]; i += 2)
		if (streq(f->pairs[i], reference + 5)) {
			strbuf_adds(ret, f->pairs[i + 1]);
			return RC_OK;
		}
	return err_set(err, RC_NOT_FOUND, "there is no secret %s", reference + 5);
}

static enum rc fake_names(struct secret *s,
			  void (*each)(void *ctx, const char *name, usec_t changed,
				       const char *problem),
			  void *ctx, struct err *err)
{
	struct secret_fake *f = container_of(s, struct secret_fake, base);

	(void)err;
	for (size_t i = 0; f->pairs[i]; i += 2)
		each(ctx, f->pairs[i], 0, NULL);
	return RC_OK;
}

static void fake_free(struct secret *s)
{
	xfree(container_of(s, struct secret_fake, base));
}

static const struct secret_ops fake_ops = {"fake", fake_get, fake_names, fake_free};

struct secret *secret_fake_new(const char *const *pairs)
{
	struct secret_fake *f = xcalloc(1, sizeof(*f));

	f->base.ops = &fake_ops;
	f->pairs = pairs;
	return &f->base;
}
