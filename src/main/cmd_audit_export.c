/* `penstock audit export`: from the daemon when one answers, else from the data folder. */
#include "api/wire.h"
#include "cli/client.h"
#include "io/files.h"
#include "main/local.h"
#include "main/local_audit.h"
#include "store/cdexport.h"
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define WRITE_AT  ((size_t)1 << 20)
#define LINE_HEAD ((size_t)4096)

struct sink {
	int fd;
	struct strbuf held;
	bool any;
	struct strbuf line; /* the beginning of the one that comes from the daemon */
	bool whole;         /* it was the trailer */
	struct err *err;
	enum rc rc;
};

static enum rc flush(struct sink *s, struct err *err)
{
	enum rc rc = fd_write(s->fd, strbuf_cstr(&s->held), s->held.n, err);

	strbuf_clear(&s->held);
	return rc;
}

static enum rc write_line(void *ctx, struct str line, struct err *err)
{
	struct sink *s = ctx;

	s->any = true;
	strbuf_addstr(&s->held, line);
	return s->held.n < WRITE_AT ? RC_OK : flush(s, err);
}

/* ---- what is asked for ---- */

struct span {
	uint64_t from, to;   /* 0: not given */
	usec_t since, until; /* 0: not given */
};

/* A number, a time, or a day. */
static enum rc read_end(const char *text, const char *option, uint64_t *ret_seq, usec_t *ret_time,
			struct err *err)
{
	AUTO(freep) char *day = text ? xasprintf("%sT00:00:00Z", text) : NULL;

	if (!text || (parse_u64(str_of(text), ret_seq) && *ret_seq))
		return RC_OK;
	if (time_parse(text, strlen(text), ret_time) || time_parse(day, strlen(day), ret_time))
		return RC_OK;
	return err_set(err, RC_INVALID,
		       "--%s takes a record's number or a time such as 2026-01-31 or "
		       "2026-01-31T12:00:00Z, not \"%.60s\"",
		       option, text);
}

static enum rc read_span(const struct audit_options *o, struct span *ret, struct err *err)
{
	enum rc rc = read_end(o->from, "from", &ret->from, &ret->since, err);

	return rc == RC_OK ? read_end(o->to, "to", &ret->to, &ret->until, err) : rc;
}

/* ---- from the daemon ---- */

/* A stream that went wrong ends with what went wrong, and without a trailer. */
static enum rc end_line(struct sink *s)
{
	struct str line = strbuf_str(&s->line);
	AUTO(json_freep) struct json *j = NULL;

	s->whole = str_starts(line, TRAILER_START);
	if (!str_starts(line, "{\"code\":") || json_read(line, LINE_HEAD, &j, NULL) != RC_OK)
		return RC_OK;
	return err_set(s->err, rc_of_name(json_get_text(j, "code", "internal")), "the daemon: %s",
		       json_get_text(j, "detail", ""));
}

static bool take_part(void *ctx, struct str part)
{
	struct sink *s = ctx;
	struct str rest = part;

	while (rest.n && s->rc == RC_OK) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		strbuf_add(&s->line, rest.p, MIN_OF(n, LINE_HEAD - s->line.n));
		if (end) {
			s->rc = end_line(s);
			strbuf_clear(&s->line);
		}
		rest.p += n + (end ? 1 : 0);
		rest.n -= n + (end ? 1 : 0);
	}
	if (s->rc == RC_OK)
		s->rc = write_line(s, part, s->err);
	return s->rc == RC_OK;
}

static enum rc from_daemon(const struct audit_options *o, const struct span *span, struct sink *s,
			   struct err *err)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(1024);

	strbuf_addf(&path, WIRE_AUDIT "/export?format=%s", o->cdevents ? "cdevents" : "ndjson");
	if (span->from)
		strbuf_addf(&path, "&from=%" PRIu64, span->from);
	if (span->to)
		strbuf_addf(&path, "&to=%" PRIu64, span->to);
	if (span->since)
		strbuf_addf(&path, "&since=%" PRIu64, span->since);
	if (span->until)
		strbuf_addf(&path, "&until=%" PRIu64, span->until);
	s->err = err;
	s->line = STRBUF(LINE_HEAD);
	enum rc rc = client_stream(o->cli, strbuf_cstr(&path), take_part, s, err);
	strbuf_done(&s->line);
	if (rc == RC_OK)
		rc = s->rc;
	if (rc == RC_OK && !o->cdevents && !s->whole)
		rc = err_set(err, RC_CORRUPT, "the daemon's answer was cut off");
	return rc;
}

/* ---- from the data folder ---- */

struct cd {
	struct cdexport *x;
	struct strbuf text;
	struct sink *sink;
	uint64_t to;
	enum rc rc;
	struct err *err;
};

static bool cd_record(void *ctx, const struct record *r)
{
	struct cd *cd = ctx;

	if (cd->to && r->seq > cd->to)
		return false;
	strbuf_clear(&cd->text);
	cd->rc = cdexport_record(cd->x, r, &cd->text, cd->err);
	if (cd->rc == RC_OK)
		cd->rc = write_line(cd->sink, strbuf_str(&cd->text), cd->err);
	return cd->rc == RC_OK;
}

static enum rc write_cdevents(struct store *store, const struct seq_range *range, struct sink *s,
			      struct err *err)
{
	struct cd cd = {.x = cdexport_new(store, NULL),
			.text = STRBUF(CDEVENTS_LINE_MAX),
			.sink = s,
			.to = range->to,
			.err = err};
	enum rc rc = RC_OK;

	if (!range->to || range->to >= range->from)
		rc = store_journal(store, range->from, 0, cd_record, &cd, err);
	cdexport_free(cd.x);
	strbuf_done(&cd.text);
	return rc == RC_OK ? cd.rc : rc;
}

static enum rc range_of(struct store *store, const struct span *span, struct seq_range *ret,
			struct err *err)
{
	enum rc rc = RC_OK;
	uint64_t seq = 0;

	*ret = (struct seq_range){span->from, span->to};
	if (span->since) {
		rc = store_seq_at(store, span->since, &seq, err);
		ret->from = MAX_OF(ret->from, seq);
	}
	if (rc == RC_OK && span->until) {
		rc = store_seq_at(store, span->until, &seq, err);
		ret->to = ret->to ? MIN_OF(ret->to, seq - 1) : seq - 1;
		if (!ret->to) /* all are younger: from 2 to 1 is nothing */
			*ret = (struct seq_range){2, 1};
	}
	return rc;
}

static enum rc from_folder(const struct audit_options *o, const struct span *span, struct sink *s,
			   struct err *err)
{
	struct store *store = NULL;
	struct seq_range range;
	enum rc rc = audit_open(o->data, &store, err);

	if (rc == RC_OK)
		rc = range_of(store, span, &range, err);
	if (rc == RC_OK && o->cdevents)
		rc = write_cdevents(store, &range, s, err);
	else if (rc == RC_OK)
		rc = store_export_range(store, &range, write_line, s, NULL, err);
	store_free(store);
	return rc;
}

/* ---- either ---- */

static enum rc export_to(const struct audit_options *o, int fd, struct err *err)
{
	struct sink sink = {.fd = fd, .held = STRBUF(WRITE_AT + EXPORT_LINE_MAX + 1)};
	struct span span = {0};
	enum rc rc = read_span(o, &span, err);

	if (rc == RC_OK) {
		rc = from_daemon(o, &span, &sink, err);
		if (rc == RC_UNAVAILABLE && !o->server && !sink.any)
			rc = from_folder(o, &span, &sink, err);
	}
	if (rc == RC_OK || rc == RC_CORRUPT) { /* what is sound is written */
		struct err late = {0};
		enum rc flushed = flush(&sink, &late);
		if (rc == RC_OK && flushed != RC_OK)
			rc = err_set(err, flushed, "%s", late.msg);
	}
	strbuf_done(&sink.held);
	return rc;
}

/* The file appears when it is whole. */
static enum rc export_file(const struct audit_options *o, struct err *err)
{
	AUTO(freep) char *temp = xasprintf("%s.part", o->file);
	AUTO(fd_close)
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "write %s", temp);
	enum rc rc = export_to(o, fd, err);
	if (rc == RC_OK && (fsync(fd) != 0 || rename(temp, o->file) != 0))
		rc = err_errno(err, errno, "write %s", o->file);
	if (rc != RC_OK)
		(void)unlink(temp);
	return rc;
}

int local_audit_export(const struct audit_options *o)
{
	struct err err = {0};
	bool to_file = o->file && !streq(o->file, "-");
	enum rc rc = to_file ? export_file(o, &err) : export_to(o, STDOUT_FILENO, &err);

	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
