/* Desired state in memory. */
#include "base/digest.h"
#include "base/map.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/5-deploy/desired_text.h"

struct file {
	char *text, *commit;
	char *who; /* NULL: Penstock */
};
struct desired_fake {
	struct desired base;
	struct map files; /* "environment/unit" -> struct file */
	char *last;       /* commit; ids are a chain */
	unsigned after, failing;
	enum rc rc;
};

static struct desired_fake *fake_of(struct desired *d)
{
	return container_of(d, struct desired_fake, base);
}

static enum rc countdown(struct desired_fake *f, const char *what, struct err *err)
{
	if (f->after) {
		f->after--;
		return RC_OK;
	}
	if (!f->failing)
		return RC_OK;
	f->failing--;
	return err_set(err, f->rc, "%s: told to fail", what);
}

static struct file *file_find(struct desired_fake *f, const char *environment, const char *unit)
{
	AUTO(freep) char *key = xasprintf("%s/%s", environment, unit);

	return map_get(&f->files, str_of(key));
}

static void file_free(struct file *file)
{
	if (!file)
		return;
	xfree(file->text);
	xfree(file->commit);
	xfree(file->who);
	xfree(file);
}

static const char *put(struct desired_fake *f, const char *environment, const char *unit,
		       const char *text, const char *message, const char *who)
{
	AUTO(freep) char *key = xasprintf("%s/%s", environment, unit);
	AUTO(freep) char *says = xasprintf("%s\n%s\n%s\n%s", f->last, key, message, text);
	char hex[DIGEST_HEX + 1];
	struct file *file = xcalloc(1, sizeof(*file));

	digest_hex(digest_of(str_of(says)), hex);
	xfree(f->last);
	f->last = xstrndup(hex, 40);
	*file = (struct file){xstrdup(text), xstrdup(f->last), who ? xstrdup(who) : NULL};
	file_free(map_put(&f->files, str_of(key), file));
	return file->commit;
}

static enum rc fake_plan(struct desired *d, const struct deploy *want, struct strbuf *ret_diff,
			 char ret_hash[65], struct err *err)
{
	struct desired_fake *f = fake_of(d);
	AUTO(strbuf_done) struct strbuf text = STRBUF(DESIRED_MAX);
	enum rc rc = countdown(f, "plan", err);

	if (rc == RC_OK)
		rc = desired_check(want, err);
	if (rc == RC_OK)
		rc = desired_render(want, &text, err);
	if (rc != RC_OK)
		return rc;
	const struct file *file = file_find(f, want->environment, want->unit);
	struct str now = str_of(file ? file->text : NULL);
	desired_hash(want, now, strbuf_str(&text), ret_hash);
	if (str_eq(now, strbuf_str(&text)))
		return RC_OK;
	strbuf_addf(ret_diff, "--- %s\n+++ b/services/%s.yml\n@@ @@\n", file ? "a" : "/dev/null",
		    want->unit);
	for (struct str rest = now; rest.n;) {
		struct str line = str_cut(&rest, '\n');
		strbuf_addf(ret_diff, "-%.*s\n", (int)line.n, line.p);
	}
	for (struct str rest = strbuf_str(&text); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		strbuf_addf(ret_diff, "+%.*s\n", (int)line.n, line.p);
	}
	return RC_OK;
}

static enum rc fake_write(struct desired *d, const struct deploy *want, const char *subject,
			  const pairs *trailers, char **ret_commit, struct err *err)
{
	struct desired_fake *f = fake_of(d);
	AUTO(strbuf_done) struct strbuf text = STRBUF(DESIRED_MAX), message = STRBUF(DESIRED_MAX);
	AUTO(freep) char *image = NULL;
	enum rc rc = countdown(f, "write", err);

	if (rc == RC_OK)
		rc = desired_check(want, err);
	if (rc == RC_OK)
		rc = desired_render(want, &text, err);
	const struct file *file = rc == RC_OK ? file_find(f, want->environment, want->unit) : NULL;
	if (file && !strcmp(file->text, strbuf_cstr(&text))) {
		*ret_commit = xstrdup(file->commit);
		return RC_OK;
	}
	if (file)
		rc = desired_read(str_of(file->text), want->unit, &image, err);
	if (rc == RC_OK && file)
		rc = desired_may_write(want, image, file->who, file->commit, err);
	if (rc != RC_OK)
		return rc;
	desired_message(subject, trailers, &message);
	*ret_commit = xstrdup(put(f, want->environment, want->unit, strbuf_cstr(&text),
				  strbuf_cstr(&message), NULL));
	return RC_OK;
}

static enum rc fake_image(struct desired *d, const char *environment, const char *unit,
			  char **ret_image, struct err *err)
{
	struct desired_fake *f = fake_of(d);
	enum rc rc = countdown(f, "image", err);

	if (rc == RC_OK)
		rc = desired_check_names(environment, unit, err);
	if (rc != RC_OK)
		return rc;
	const struct file *file = file_find(f, environment, unit);
	return desired_read(str_of(file ? file->text : NULL), unit, ret_image, err);
}

static void fake_free(struct desired *d)
{
	struct desired_fake *f = fake_of(d);

	for (struct map_entry *e = NULL; (e = map_next(&f->files, e));)
		file_free(e->value);
	map_done(&f->files);
	xfree(f->last);
	xfree(f);
}

static const struct desired_ops desired_fake = {
	.name = "fake",
	.plan = fake_plan,
	.write = fake_write,
	.image = fake_image,
	.free = fake_free,
};

enum rc desired_fake_new(struct desired **ret, struct err *err)
{
	struct desired_fake *f = xcalloc(1, sizeof(*f));

	(void)err;
	f->base.ops = &desired_fake;
	f->last = xstrdup("");
	*ret = &f->base;
	return RC_OK;
}

void desired_fake_edit(struct desired *d, const char *environment, const char *unit,
		       const char *image)
{
	AUTO(freep) char *text = xasprintf("service: %s\nimage: %s\n", unit, image);

	put(fake_of(d), environment, unit, text, "by hand", "Ann");
}

void desired_fake_fail(struct desired *d, unsigned after, unsigned n, enum rc rc)
{
	struct desired_fake *f = fake_of(d);

	f->after = after;
	f->failing = n;
	f->rc = rc;
}
