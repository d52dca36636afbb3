/*
 * The masked log: bytes come by a pipe and leave to a file. A replica's is rotated. A job's only grows, so that readers may go by offset: above
 * its cap the beginning stays, the latest output goes round in a file beside it, and is put behind the beginning at the end.
 */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES (256 << 10)
#define READ_BYTES ((size_t)64 << 10)
#define END_MAX    ((uint64_t)64 << 20) /* of a cap, at most half, for the end */

/* A job's begins with what its starter said of its image. */
static enum rc open_log(struct out *o, bool from_empty, struct err *err)
{
	struct stat st;

	o->fd = open(o->path,
		     O_WRONLY | O_CREAT | (from_empty ? O_TRUNC : 0) | O_APPEND | O_CLOEXEC |
			     O_NOFOLLOW,
		     0600);
	if (o->fd >= 0 && fstat(o->fd, &st) == 0)
		o->bytes = (uint64_t)st.st_size;
	return o->fd < 0 ? err_errno(err, errno, "create %s", o->path) : RC_OK;
}

static enum rc add_masks(struct out *o, const struct shim_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->secrets.n; i++) {
		const struct shim_pair *p = &spec->secrets.v[i];
		if (mask_add(o->mask, str_of(p->value), err) != RC_OK)
			return err_wrap(err, "secret %s", p->key ? p->key : "");
	}
	for (size_t i = 0; i < spec->masks.n; i++)
		if (mask_add(o->mask, str_of(spec->masks.v[i]), err) != RC_OK)
			return err_wrap(err, "a value to hide");
	return RC_OK;
}

static enum rc masks(struct out *o, const struct shim_spec *spec, struct err *err)
{
	o->mask = mask_new();
	enum rc rc = add_masks(o, spec, err);
	mask_seal(o->mask); /* also of some only: what we say of the failure passes through it */
	mask_open(&o->stream, o->mask);
	return rc;
}

enum rc out_open(struct out *o, const char *dir, bool rotate, uint64_t max,
		 const struct shim_spec *spec, struct err *err)
{
	*o = (struct out){.fd = -1,
			  .pipe = {-1, -1},
			  .max = max,
			  .text = STRBUF(READ_BYTES * 32),
			  .end = {.fd = -1, .size = MIN_OF(max / 2, END_MAX)},
			  .index = {.fd = -1}};
	o->path = path_in(dir, "log");
	if (rotate) {
		o->older = path_in(dir, "log.1");
	} else {
		o->end.path = path_in(dir, "log.end");
		out_index_open(&o->index, dir);
	}
	enum rc rc = open_log(o, rotate, err);
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
	out_index_done(&o->index);
	fd_drop(&o->end.fd);
	xfree(o->end.path);
	xfree(o->path);
	xfree(o->older);
}

static void rotate(struct out *o)
{
	struct err err = {0};

	fd_drop(&o->fd);
	rename(o->path, o->older);
	if (open_log(o, true, &err) == RC_OK)
		o->bytes = 0;
}

static bool write_log(struct out *o, const char *p, size_t n)
{
	struct err err = {0};

	if (o->fd < 0 || write_all(o->fd, p, n, &err) != RC_OK)
		return false;
	o->bytes += n;
	return true;
}

static void put_end(struct out *o, const char *p, size_t n)
{
	if (!o->end.at) {
		AUTO(strbuf_done) struct strbuf line = STRBUF(256), size = STRBUF(64);
		strbuf_add_size(&size, o->end.size);
		strbuf_addf(
			&line,
			"%s[penstock] the log is full: of what follows, only the last %s will be kept\n",
			&"\n"[!o->line], strbuf_cstr(&size));
		(void)!write_log(o, line.p, line.n);
		o->line = false;
	}
	out_index_late_time(&o->index, o->end.at, o->end.size);
	if (!out_end_put(&o->end, p, n))
		o->left_out += n;
}

/* A disk that is full must not stop the program: what cannot be written is left out and counted. */
static void put(struct out *o, const char *p, size_t n)
{
	uint64_t begin = o->older ? UINT64_MAX : o->max - o->end.size;
	uint64_t room = o->end.at || begin <= o->bytes ? 0 : begin - o->bytes;
	size_t take = (size_t)MIN_OF((uint64_t)n, room);

	if (!n)
		return;
	if (o->older && o->bytes + n > o->max / 2)
		rotate(o);
	if (take) {
		out_index_time(&o->index, o->bytes);
		if (write_log(o, p, take))
			o->line = p[take - 1] != '\n';
		else
			o->left_out += take;
	}
	if (take < n) {
		put_end(o, p + take, n - take);
		o->line = p[n - 1] != '\n';
	}
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
	va_list ap;

	strbuf_adds(&line, &"\n[penstock] "[!o->line]);
	va_start(ap, fmt);
	strbuf_addv(&line, fmt, ap);
	va_end(ap);
	strbuf_addc(&line, '\n');
	if (o->mask)
		mask_text(o->mask, &line);
	put(o, strbuf_cstr(&line), line.n);
}

static void mark(struct out *o, struct log_mark *m)
{
	m->time = now_wall();
	m->at = o->end.at ? o->end.at : o->bytes;
	if (o->end.at)
		out_index_late(&o->index, m);
	else
		out_index_add(&o->index, m);
}

void out_step(struct out *o, uint32_t step, const char *name)
{
	struct strbuf text = STRBUF(4096);

	strbuf_adds(&text, name);
	mask_text(o->mask, &text);
	struct log_mark m = {.kind = LOG_BEGIN, .step = step, .name = text.p};
	mark(o, &m);
	strbuf_done(&text);
}

void out_step_end(struct out *o, uint32_t step, int64_t exit)
{
	struct log_mark m = {.kind = LOG_END, .step = step, .exit = exit};

	mark(o, &m);
}

static void append(void *ctx, const char *p, size_t n)
{
	struct out *o = ctx;

	if (!write_log(o, p, n))
		o->left_out += n;
}

void out_finish(struct out *o)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(256), size = STRBUF(64);

	if (!o->end.at) {
		if (!o->left_out)
			return;
		strbuf_add_size(&size, o->left_out);
		out_note(o, "%s of output left out here", strbuf_cstr(&size));
		return;
	}
	uint64_t lost = out_end_lost(&o->end);
	o->left_out += lost;
	if (o->left_out) {
		strbuf_add_size(&size, o->left_out);
		strbuf_addf(&line, "[penstock] %s of output left out here\n", strbuf_cstr(&size));
		append(o, line.p, line.n);
	}
	out_index_settle(&o->index, lost, o->bytes);
	out_end_take(&o->end, lost, append, o);
}
