/* The masked log: bytes come by a pipe, leave to a file that is either cut at its cap or rotated. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define PIPE_BYTES (256 << 10)
#define READ_BYTES ((size_t)64 << 10)

static enum rc open_log(struct out *o, struct err *err)
{
	o->fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	return o->fd < 0 ? err_errno(err, errno, "create %s", o->path) : RC_OK;
}

static enum rc masks(struct out *o, const struct shim_spec *spec, struct err *err)
{
	enum rc rc;

	o->mask = mask_new();
	for (size_t i = 0; i < spec->secrets.n; i++) {
		const struct shim_pair *p = &spec->secrets.v[i];
		rc = mask_add(o->mask, str_of(p->value), err);
		if (rc != RC_OK)
			return err_wrap(err, "secret %s", p->key ? p->key : "");
	}
	for (size_t i = 0; i < spec->masks.n; i++) {
		rc = mask_add(o->mask, str_of(spec->masks.v[i]), err);
		if (rc != RC_OK)
			return err_wrap(err, "a value to hide");
	}
	mask_seal(o->mask);
	mask_open(&o->stream, o->mask);
	return RC_OK;
}

enum rc out_open(struct out *o, const char *dir, bool rotate, uint64_t max,
		 const struct shim_spec *spec, struct err *err)
{
	*o = (struct out){.fd = -1, .pipe = {-1, -1}, .max = max, .text = STRBUF(READ_BYTES * 32)};
	o->path = path_in(dir, "log");
	if (rotate)
		o->older = path_in(dir, "log.1");
	enum rc rc = open_log(o, err);
	if (rc == RC_OK)
		rc = masks(o, spec, err);
	if (rc == RC_OK && pipe2(o->pipe, O_CLOEXEC) < 0)
		rc = err_errno(err, errno, "pipe");
	if (rc != RC_OK)
		return rc;
	fcntl(o->pipe[0], F_SETFL, O_NONBLOCK);
	fcntl(o->pipe[0], F_SETPIPE_SZ, PIPE_BYTES);
	return RC_OK;
}

void out_done(struct out *o)
{
	fd_drop(&o->fd);
	fd_drop(&o->pipe[0]);
	fd_drop(&o->pipe[1]);
	mask_close(&o->stream);
	mask_free(o->mask);
	strbuf_done(&o->text);
	xfree(o->path);
	xfree(o->older);
}

static void rotate(struct out *o)
{
	struct err err = {0};

	fd_drop(&o->fd);
	rename(o->path, o->older);
	if (open_log(o, &err) == RC_OK)
		o->bytes = 0;
}

/* A disk that is full must not stop the program: what cannot be written is left out and counted. */
static void put(struct out *o, const char *p, size_t n)
{
	if (o->older && o->bytes + n > o->max / 2)
		rotate(o);
	uint64_t room = o->older ? n : o->max > o->bytes ? o->max - o->bytes : 0;
	size_t take = (size_t)MIN_OF((uint64_t)n, room);
	struct err err = {0};
	if (take && o->fd >= 0 && write_all(o->fd, p, take, &err) == RC_OK)
		o->bytes += take, o->line = p[take - 1] != '\n';
	else
		take = 0;
	o->left_out += n - take;
}

static void put_text(struct out *o)
{
	put(o, o->text.p ? o->text.p : "", o->text.n);
	strbuf_clear(&o->text);
}

bool out_read(struct out *o)
{
	static char buf[READ_BYTES];
	ssize_t k;

	do
		k = read(o->pipe[0], buf, sizeof(buf));
	while (k < 0 && errno == EINTR);
	if (k <= 0)
		return false;
	if (!o->older && o->bytes >= o->max) {
		o->left_out += (uint64_t)k;
		return true;
	}
	mask_feed(&o->stream, (struct str){buf, (size_t)k}, &o->text);
	put_text(o);
	return true;
}

void out_flush(struct out *o)
{
	mask_end(&o->stream, &o->text);
	put_text(o);
}

void out_note(struct out *o, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(4096);
	struct err err = {0};
	va_list ap;

	strbuf_adds(&line, &"\n[penstock] "[!o->line]);
	o->line = false;
	va_start(ap, fmt);
	strbuf_addv(&line, fmt, ap);
	va_end(ap);
	strbuf_addc(&line, '\n');
	if (o->mask)
		mask_text(o->mask, &line);
	if (o->fd >= 0 && write_all(o->fd, strbuf_cstr(&line), line.n, &err) == RC_OK)
		o->bytes +=
			line.n; /* above the cap too: it is what says that something is missing */
}
