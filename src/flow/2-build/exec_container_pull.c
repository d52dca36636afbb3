/* The image of a job or of a service is fetched while its folder is being prepared: the job's log says how far it is, and a cancel ends it. */
#include "flow/2-build/exec_container.h"

#include "base/glob.h"
#include "io/clock.h"
#include "io/files.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define EVERY (2 * USEC_SEC)

struct pull {
	const char *name;
	char *log, *cancel; /* in the folder that is being prepared */
	usec_t told;
	bool begun;
};

static void say(const struct pull *p, const char *fmt, ...) PRINTF(2, 3);
static void say(const struct pull *p, const char *fmt, ...)
{
	AUTO(fd_close)
	int fd = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	AUTO(strbuf_done) struct strbuf line = STRBUF(4096);
	struct err ignored = {0};
	va_list ap;

	strbuf_adds(&line, "[penstock] ");
	va_start(ap, fmt);
	strbuf_addv(&line, fmt, ap);
	va_end(ap);
	strbuf_addc(&line, '\n');
	if (fd >= 0 && !strbuf_failed(&line))
		(void)!fd_write(fd, line.p, line.n, &ignored);
}

static bool progress(void *ctx, const char *what, uint64_t have, uint64_t size)
{
	struct pull *p = ctx;
	AUTO(strbuf_done) struct strbuf so_far = STRBUF(256);
	usec_t now = clock_mono();

	if (!p->begun)
		say(p, "%s is fetched", p->name);
	if (p->begun && now - p->told >= EVERY) {
		strbuf_add_size(&so_far, have);
		strbuf_adds(&so_far, " of ");
		strbuf_add_size(&so_far, size);
		say(p, "%s: %.19s %s", p->name, what, strbuf_cstr(&so_far));
	}
	if (!p->begun || now - p->told >= EVERY)
		p->told = now;
	p->begun = true;
	return !file_exists(p->cancel);
}

/* "oci:ci/image[:tag]" of the repository: laid out below `from`, and named by its absolute path. */
static enum rc of_repository(const struct job_spec *spec, const struct exec_inputs *in,
			     const char *ref, const char *from, char **ret, struct err *err)
{
	struct str rest = str_of(ref + strlen("oci:"));
	AUTO(freep) char *into = dir_path(from, "image");
	texts paths = {0};

	for (size_t i = rest.n; i-- > 0 && rest.p[i] != '/';)
		if (rest.p[i] == ':') {
			rest.n = i;
			break;
		}
	enum rc rc = path_check(rest, err);
	if (rc == RC_OK && !in->sources)
		rc = err_set(err, RC_NOT_FOUND, "%s: there is no repository here", ref);
	if (rc == RC_OK)
		rc = dir_make(into, 0700, err);
	if (rc != RC_OK)
		return rc;
	vec_push(&paths, xstrndup(rest.p, rest.n));
	rc = in->sources(in->ctx, &spec->change, &paths, into, err);
	xfree(paths.v[0]);
	vec_done(&paths);
	if (rc == RC_OK)
		*ret = xasprintf("oci:%s/%s", into, ref + strlen("oci:"));
	return rc;
}

enum rc container_image(const struct sandbox_exec *x, const struct job_spec *spec,
			const struct exec_inputs *in, const char *ref, const char *from,
			struct image_root *ret, struct err *err)
{
	const char *at = strstr(ref, "@sha256:");
	bool layout = str_starts(str_of(ref), "oci:");
	AUTO(freep) char *name = layout && at ? xstrndup(ref, (size_t)(at - ref)) : xstrdup(ref);
	AUTO(freep) char *place = NULL, *laid = dir_path(from, "image");
	struct pull p = {
		.name = name, .log = dir_path(from, "log"), .cancel = dir_path(from, "cancel")};
	const struct image_how how = {!spec->trusted, progress, &p};

	enum rc rc = x->images ? RC_OK
			       : err_set(err, RC_UNSUPPORTED,
					 "%s: containers are switched off here", ref);
	if (rc == RC_OK && layout && name[4] != '/')
		rc = of_repository(spec, in, name, from, &place, err);
	if (rc == RC_OK)
		rc = image_pull(x->images, place ? place : name, &how, ret, err);
	if (rc == RC_OK && p.begun)
		say(&p, "%s is here", name);
	else if (rc == RC_CONFLICT && file_exists(p.cancel))
		rc = err_set(err, RC_CONFLICT, "cancelled");
	xfree(p.log);
	xfree(p.cancel);
	if (rc == RC_OK && layout && at && !streq(ret->digest, at + 1)) {
		rc = err_set(err, RC_CONFLICT, "%s is %s now", name, ret->digest);
		image_root_done(ret);
	}
	(void)!tree_remove(laid, NULL);
	return rc;
}
