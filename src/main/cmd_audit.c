/* `penstock audit verify`: the chain of the journal with its archives, or of an export alone. Read-only, beside a running daemon. */
#include "base/json.h"
#include "base/mem.h"
#include "io/files.h"
#include "main/house.h"
#include "clients/lines.h"
#include "main/local.h"
#include "main/local_audit.h"
#include "store/adapters.h"
#include "api/wire.h"
#include "cli/client.h"
#include "store/archive.h"

#include <inttypes.h>
#include <unistd.h>

#define TRIES 3

char *audit_archives(const char *data)
{
	AUTO(freep) char *dir = data ? xstrdup(data) : default_data();

	return xasprintf("%s/archive", dir);
}

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

static void report_json(struct json_out *out, const struct store_report *r)
{
	char time[TIME_TEXT], hash[DIGEST_HEX + 1];

	json_u64(out, "records", r->records);
	if (!r->records)
		return;
	json_u64(out, "from", r->from);
	json_u64(out, "to", r->to);
	time_text(r->first, time);
	json_cstr(out, "first", time);
	time_text(r->last, time);
	json_cstr(out, "last", time);
	digest_hex(r->hash, hash);
	json_cstr(out, "hash", hash);
}

static void print_json(enum rc rc, const struct store_report *r, const struct err *why)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(16384);
	struct json_out out = JSON_OUT(&text);

	json_open(&out, NULL);
	json_bool(&out, "ok", rc == RC_OK);
	report_json(&out, r);
	if (rc != RC_OK) {
		json_u64(&out, "bad", r->bad);
		json_cstr(&out, "error", why->msg);
	}
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static void add_report(struct strbuf *to, const char *name, const struct store_report *r)
{
	char first[TIME_TEXT], last[TIME_TEXT];

	if (!r->records) {
		strbuf_addf(to, "%s: no records\n", name);
		return;
	}
	time_text(r->first, first);
	time_text(r->last, last);
	strbuf_addf(to, "%s: %" PRIu64 " records", name, r->records);
	if (r->from != 1)
		strbuf_addf(to, " (%" PRIu64 " to %" PRIu64 ")", r->from, r->to);
	strbuf_addf(to, ", %s to %s, each follows from the one before\n", first, last);
}

static void print_report(const char *name, const struct store_report *r, struct strbuf *before)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	char hash[DIGEST_HEX + 1];

	if (before)
		strbuf_addstr(&text, strbuf_str(before));
	add_report(&text, name, r);
	digest_hex(r->hash, hash);
	if (r->records)
		strbuf_addf(&text, "the last one's hash is %s\n", hash);
	local_print(&text);
}

/* ---- of an export ---- */

static enum rc next_line(void *ctx, struct str *ret, bool *ret_any, struct err *err)
{
	return lines_next(ctx, ret, ret_any, err);
}

static enum rc ends_with(const struct store_report *r, const char *head, struct err *err)
{
	char hash[DIGEST_HEX + 1];

	digest_hex(r->hash, hash);
	if (r->records && streq(hash, head))
		return RC_OK;
	return err_set(err, RC_CORRUPT, "it ends with record %" PRIu64 " of hash %s, not with %s",
		       r->to, hash, head);
}

/* What the daemon has under the number of the last record. */
static enum rc ends_as_the_daemon_says(struct cli *c, const struct store_report *r, struct err *err)
{
	AUTO(freep)
	char *path = xasprintf(WIRE_JOURNAL "?from=%" PRIu64 "&limit=1", r->to ? r->to : 1);
	AUTO(json_freep) struct json *j = NULL;
	enum rc rc = client_get(c, path, &j, err);

	if (rc != RC_OK)
		return rc;
	if (json_natural(json_get(j, "seq"), 0) != r->to)
		return err_set(err, RC_CORRUPT, "the daemon has no record %" PRIu64, r->to);
	return ends_with(r, json_get_text(j, "hash", ""), err);
}

static enum rc judge_end(const struct audit_options *o, const struct store_report *r,
			 struct err *err)
{
	enum rc rc = o->head ? ends_with(r, o->head, err) : RC_OK;

	if (rc == RC_OK && o->from_daemon)
		rc = ends_as_the_daemon_says(o->cli, r, err);
	if (rc == RC_OK && !r->ended && !o->head && !o->from_daemon)
		rc = err_set(err, RC_CORRUPT,
			     "behind record %" PRIu64
			     " there is no trailer: it was cut off there, or "
			     "is no whole export; if its last hash is known, check it with --head",
			     r->to);
	return rc;
}

static enum rc verify_export(const struct audit_options *o, struct store_report *ret,
			     struct err *err)
{
	AUTO(lines_done) struct lines lines = {.fd = -1};
	enum rc rc = lines_open(&lines, o->file, EXPORT_LINE_MAX, err);

	if (rc != RC_OK)
		return rc;
	rc = chain_verify_ndjson(next_line, &lines, ret, err);
	if (rc == RC_OK && (rc = judge_end(o, ret, err)) == RC_CORRUPT)
		ret->bad = ret->to + 1;
	if (rc == RC_TOO_BIG || rc == RC_INVALID)
		err->rc = rc = RC_CORRUPT; /* no line of an export */
	return rc == RC_OK ? rc : err_wrap(err, "%s", lines.name);
}

/* ---- of a data folder ---- */

struct whole {
	struct store_report last; /* of the last archive */
	struct strbuf text;       /* about the archives */
};

static enum rc verify_archives(const char *data, struct whole *w, struct err *err)
{
	AUTO(freep) char *dir = audit_archives(data);
	AUTO(archives_done) struct archives have = {0};
	enum rc rc = archives_list(dir, &have, err);

	for (size_t i = 0; rc == RC_OK && i < have.list.n; i++) {
		const struct archive *a = &have.list.v[i];
		struct store_report r = {0};

		rc = archive_verify(a, &r, err);
		if (rc == RC_OK && r.from != w->last.to + 1)
			strbuf_addf(&w->text,
				    "records %" PRIu64 " to %" PRIu64 " are in no archive here\n",
				    w->last.to + 1, r.from - 1);
		else if (rc == RC_OK && w->last.records && !digest_eq(r.before, w->last.hash))
			rc = err_set(err, RC_CORRUPT,
				     "%s does not go on from the archive before it", a->path);
		if (rc == RC_OK)
			add_report(&w->text, a->path, &r);
		w->last = r;
	}
	return rc;
}

struct own {
	struct digest hash;
	bool any;
};

static bool note_hash(void *ctx, const struct record *r)
{
	*(struct own *)ctx = (struct own){r->hash, true};
	return false;
}

/* The last archive's last record is the one that the journal goes on from, or is still in it, too. */
static enum rc joins(struct store *store, const struct store_report *archive,
		     const struct store_report *r, struct strbuf *text, struct err *err)
{
	struct own own = {r->before, r->from == archive->to + 1};
	enum rc rc = RC_OK;

	if (!archive->records)
		return RC_OK;
	if (archive->to >= r->from)
		rc = store_journal(store, archive->to, 1, note_hash, &own, err);
	if (rc != RC_OK)
		return rc;
	if (!own.any)
		strbuf_addf(text, "records %" PRIu64 " to %" PRIu64 " are in no archive here\n",
			    archive->to + 1, r->from - 1);
	else if (!digest_eq(own.hash, archive->hash))
		return err_set(err, RC_CORRUPT,
			       "the journal does not go on from its archives: record %" PRIu64
			       " has another hash there",
			       archive->to);
	return RC_OK;
}

static enum rc verify_store(const char *data, struct whole *w, struct store_report *ret,
			    struct err *err)
{
	struct store *store = NULL;
	char what[] = "checked";
	enum rc rc = audit_open(data, &store, err);

	for (unsigned i = 0; rc == RC_OK && i < TRIES; i++) {
		strbuf_clear(&w->text);
		w->last = (struct store_report){0};
		rc = verify_archives(data, w, err);
		if (rc == RC_OK)
			rc = store_verify(store, audit_progress, what, ret, err);
		if (w->last.to + 1 >= ret->from) /* else one was made between the two */
			break;
	}
	if (rc == RC_OK)
		rc = joins(store, &w->last, ret, &w->text, err);
	if (rc == RC_OK && !w->last.records && ret->from > 1)
		strbuf_addf(&w->text, "records 1 to %" PRIu64 " are in no archive here\n",
			    ret->from - 1);
	store_free(store);
	return rc;
}

int local_audit_verify(const struct audit_options *o)
{
	struct whole whole = {.text = STRBUF(1 << 20)};
	struct store_report report = {0};
	struct err err = {0};

	if (!o->file && o->server)
		return audit_verify_server(o);
	enum rc rc = o->file ? verify_export(o, &report, &err)
			     : verify_store(o->data, &whole, &report, &err);

	if (o->json && (rc == RC_OK || rc == RC_CORRUPT))
		print_json(rc, &report, &err);
	else if (rc == RC_OK)
		print_report(o->file ? o->file : "journal", &report, &whole.text);
	strbuf_done(&whole.text);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
