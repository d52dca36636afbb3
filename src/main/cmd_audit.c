/* `penstock audit verify` and `export`: the journal's chain, checked and written out. Read-only, beside a running daemon. */
#include "base/json.h"
#include "base/mem.h"
#include "io/files.h"
#include "main/house.h"
#include "main/lines.h"
#include "main/local.h"
#include "main/local_audit.h"
#include "store/adapters.h"
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define WRITE_AT ((size_t)1 << 20)

enum rc audit_open(const char *data, struct store **ret, struct err *err)
{
	AUTO(freep) char *dir = data ? xstrdup(data) : default_data();
	AUTO(freep) char *path = xasprintf("%s/journal.db", dir);

	if (!file_exists(path))
		return err_set(err, RC_NOT_FOUND,
			       "there is no journal at %s; --data names its folder", path);
	return store_sqlite_open_readonly(path, ret, err);
}

void audit_progress(void *ctx, uint64_t done, uint64_t total)
{
	const char *what = ctx;

	if (!isatty(STDERR_FILENO) || total < 10000)
		return;
	fprintf(stderr, "\r%s %" PRIu64 " of %" PRIu64 " records%s", what, done, total,
		done >= total ? "\r\033[K" : "");
}

/* ---- verify ---- */
static void report_json(struct json_out *out, const struct store_report *r)
{
	char time[TIME_TEXT], hash[DIGEST_HEX + 1];

	json_u64(out, "records", r->records);
	if (!r->records)
		return;
	time_text(r->first, time);
	json_cstr(out, "first", time);
	time_text(r->last, time);
	json_cstr(out, "last", time);
	digest_hex(r->hash, hash);
	json_cstr(out, "hash", hash);
}

static void print_report(const char *name, bool json, enum rc rc, const struct store_report *r,
			 const struct err *why)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(16384);
	struct json_out out = JSON_OUT(&text);
	char first[TIME_TEXT], last[TIME_TEXT], hash[DIGEST_HEX + 1];

	if (json) {
		json_open(&out, NULL);
		json_bool(&out, "ok", rc == RC_OK);
		report_json(&out, r);
		if (rc != RC_OK) {
			json_u64(&out, "bad", r->bad);
			json_cstr(&out, "error", why->msg);
		}
		json_close(&out);
	} else if (r->records) {
		time_text(r->first, first);
		time_text(r->last, last);
		digest_hex(r->hash, hash);
		strbuf_addf(&text,
			    "%s: %" PRIu64 " records, %s to %s, each follows from the one before\n",
			    name, r->records, first, last);
		strbuf_addf(&text, "the last one's hash is %s", hash);
	} else {
		strbuf_addf(&text, "%s: no records", name);
	}
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static enum rc next_line(void *ctx, struct str *ret, bool *ret_any, struct err *err)
{
	return lines_next(ctx, ret, ret_any, err);
}

static enum rc verify_export(const char *file, struct store_report *ret, struct err *err)
{
	AUTO(lines_done) struct lines lines = {.fd = -1};
	enum rc rc = lines_open(&lines, file, EXPORT_LINE_MAX, err);

	if (rc != RC_OK)
		return rc;
	rc = chain_verify_ndjson(next_line, &lines, ret, err);
	if (rc == RC_TOO_BIG || rc == RC_INVALID)
		err->rc = rc = RC_CORRUPT; /* no line of an export */
	return rc == RC_OK ? rc : err_wrap(err, "%s", lines.name);
}

static enum rc verify_store(const char *data, struct store_report *ret, struct err *err)
{
	struct store *store = NULL;
	char what[] = "checked";
	enum rc rc = audit_open(data, &store, err);

	if (rc == RC_OK)
		rc = store_verify(store, audit_progress, what, ret, err);
	store_free(store);
	return rc;
}

int local_audit_verify(const struct audit_options *o)
{
	struct store_report report = {0};
	struct err err = {0};
	enum rc rc = o->file ? verify_export(o->file, &report, &err)
			     : verify_store(o->data, &report, &err);

	if (o->json && (rc == RC_OK || rc == RC_CORRUPT))
		print_report("", true, rc, &report, &err);
	else if (rc == RC_OK)
		print_report(o->file ? o->file : "journal", false, rc, &report, &err);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}

/* ---- export ---- */
struct sink {
	int fd;
	struct strbuf held;
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

	strbuf_addstr(&s->held, line);
	return s->held.n < WRITE_AT ? RC_OK : flush(s, err);
}

static enum rc export_to(struct store *store, int fd, struct err *err)
{
	struct sink sink = {fd, STRBUF(WRITE_AT + EXPORT_LINE_MAX + 1)};
	enum rc rc = store_export(store, write_line, &sink, err);

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
static enum rc export_file(struct store *store, const char *path, struct err *err)
{
	AUTO(freep) char *temp = xasprintf("%s.part", path);
	AUTO(fd_close)
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "write %s", temp);
	enum rc rc = export_to(store, fd, err);
	if (rc == RC_OK && (fsync(fd) != 0 || rename(temp, path) != 0))
		rc = err_errno(err, errno, "write %s", path);
	if (rc != RC_OK)
		(void)unlink(temp);
	return rc;
}

int local_audit_export(const struct audit_options *o)
{
	struct store *store = NULL;
	struct err err = {0};
	bool to_file = o->file && !streq(o->file, "-");
	enum rc rc = audit_open(o->data, &store, &err);

	if (rc == RC_OK)
		rc = to_file ? export_file(store, o->file, &err)
			     : export_to(store, STDOUT_FILENO, &err);
	store_free(store);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
