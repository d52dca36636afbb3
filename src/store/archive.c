#include "store/archive.h"

#include "base/mem.h"
#include "clients/lines.h"
#include "clients/zst.h"
#include "core/retention.h"
#include "io/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRIM_RECORDS 2000
#define NAME_FORMAT  "%s/journal-%012llu-%012llu.ndjson.zst"
#define PART         "journal.part"

/* ---- which there are ---- */

/* journal-FROM-TO.ndjson.zst */
static bool parse_name(struct str name, uint64_t *ret_from, uint64_t *ret_to)
{
	static const char begin[] = "journal-", end[] = ".ndjson.zst";

	if (!str_starts(name, begin) || !str_ends(name, end))
		return false;
	struct str to = {name.p + sizeof(begin) - 1,
			 name.n - (sizeof(begin) - 1) - (sizeof(end) - 1)};
	struct str from = str_cut(&to, '-');
	return to.p && parse_u64(from, ret_from) && parse_u64(to, ret_to) && *ret_from &&
	       *ret_from <= *ret_to;
}

struct listing {
	const char *dir;
	struct archives *to;
};

static enum rc list_one(void *ctx, const struct file_seen *seen, struct err *err UNUSED)
{
	struct listing *l = ctx;
	struct archive a = {0};

	if (seen->kind == FILE_REGULAR && streq(seen->name, seen->path) &&
	    parse_name(str_of(seen->name), &a.from, &a.to)) {
		a.path = xasprintf("%s/%s", l->dir, seen->name);
		vec_push(&l->to->list, a);
	}
	return RC_OK;
}

static int by_from(const void *x, const void *y)
{
	const struct archive *a = x, *b = y;

	return a->from < b->from ? -1 : a->from > b->from;
}

enum rc archives_list(const char *dir, struct archives *ret, struct err *err)
{
	struct listing l = {dir, ret};

	*ret = (struct archives){0};
	if (!file_exists(dir))
		return RC_OK;
	enum rc rc = tree_walk(dir, list_one, &l, err);
	if (rc != RC_OK)
		archives_done(ret);
	else if (ret->list.n)
		qsort(ret->list.v, ret->list.n, sizeof(*ret->list.v), by_from);
	return rc;
}

void archives_done(struct archives *a)
{
	vec_each(one, &a->list)
		xfree(one->path);
	vec_done(&a->list);
}

const struct archive *archives_find(const struct archives *a, uint64_t seq)
{
	vec_each(one, &a->list)
		if (one->from <= seq && seq <= one->to)
			return one;
	return NULL;
}

/* ---- reading ---- */

struct archive_check {
	uint64_t from, to; /* as the name says */
	struct lines lines;
	struct export_check check;
};

enum rc archive_check_open(const struct archive *a, struct archive_check **ret, struct err *err)
{
	struct archive_check *c = xcalloc(1, sizeof(*c));

	c->lines.fd = -1;
	enum rc rc = lines_open(&c->lines, a->path, EXPORT_LINE_MAX, err);
	if (rc != RC_OK) {
		archive_check_free(c);
		return rc;
	}
	c->from = a->from;
	c->to = a->to;
	export_check_init(&c->check);
	*ret = c;
	return RC_OK;
}

void archive_check_free(struct archive_check *c)
{
	if (!c)
		return;
	lines_done(&c->lines);
	export_check_done(&c->check);
	xfree(c);
}

static enum rc whole(struct archive_check *c, struct err *err)
{
	const struct store_report *r = &c->check.chain.report;
	enum rc rc = export_check_end(&c->check, err);

	if (rc == RC_OK && !r->ended)
		rc = err_set(err, RC_CORRUPT, "it has no trailer: it was cut off");
	if (rc == RC_OK && (r->from != c->from || r->to != c->to))
		rc = err_set(err, RC_CORRUPT, "it holds records %llu to %llu",
			     (unsigned long long)r->from, (unsigned long long)r->to);
	return rc;
}

enum rc archive_check_next(struct archive_check *c, size_t n, bool *ret_more, struct err *err)
{
	struct str text;
	bool any = true;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && any && i < n; i++) {
		rc = lines_next(&c->lines, &text, &any, err);
		if (rc == RC_OK && any)
			rc = export_check_line(&c->check, text, err);
	}
	if (rc == RC_OK && !any)
		rc = whole(c, err);
	if (rc == RC_INVALID || rc == RC_TOO_BIG)
		err->rc = rc = RC_CORRUPT;
	*ret_more = rc == RC_OK && any;
	return rc;
}

const struct store_report *archive_check_report(const struct archive_check *c)
{
	return &c->check.chain.report;
}

enum rc archive_verify(const struct archive *a, struct store_report *ret, struct err *err)
{
	struct archive_check *c = NULL;
	bool more;
	enum rc rc = archive_check_open(a, &c, err);

	if (rc != RC_OK)
		return rc;
	rc = archive_check_next(c, SIZE_MAX, &more, err);
	*ret = c->check.chain.report;
	archive_check_free(c);
	return rc == RC_OK ? rc : err_wrap(err, "%s", a->path);
}

enum rc archive_walk(const struct archive *a, bool (*each)(void *ctx, const struct record *r),
		     void *ctx, struct err *err)
{
	AUTO(strbuf_done) struct strbuf texts = STRBUF(EXPORT_LINE_MAX);
	AUTO(lines_done) struct lines lines = {.fd = -1};
	struct chain_walk chain = {0};
	struct str text;
	bool any = false, goes_on = true;
	enum rc rc = lines_open(&lines, a->path, EXPORT_LINE_MAX, err);

	if (rc == RC_OK)
		rc = lines_next(&lines, &text, &any, err);
	while (rc == RC_OK && any && goes_on && !str_starts(text, TRAILER_START)) {
		struct record r = {0};

		strbuf_clear(&texts);
		rc = record_parse(text, &texts, &r, err);
		if (rc == RC_OK)
			rc = chain_walk_next(&chain, &r, err);
		goes_on = rc == RC_OK && each(ctx, &r);
		if (goes_on)
			rc = lines_next(&lines, &text, &any, err);
	}
	return rc == RC_OK ? rc : err_wrap(err, "%s", a->path);
}

/* ---- writing ---- */

static enum rc write_line(void *ctx, struct str line, struct err *err)
{
	return zst_add(ctx, line, err);
}

static enum rc write_part(struct archiver *a, const char *path, uint64_t through,
			  struct store_report *ret, struct err *err)
{
	AUTO(zst_writer_freep) struct zst_writer *w = NULL;
	struct seq_range range = {.to = through};
	enum rc rc = zst_create(path, &w, err);

	if (rc == RC_OK)
		rc = store_export_range(a->store, &range, write_line, w, ret, err);
	return rc == RC_OK ? zst_finish(w, err) : rc;
}

/* Under another name, read back from the disk, and only then an archive. */
static enum rc write_archive(struct archiver *a, uint64_t through, struct err *err)
{
	AUTO(freep) char *part = xasprintf("%s/" PART, a->dir);
	struct store_report wrote = {0}, read = {0};
	enum rc rc = dir_make(a->dir, 0700, err);

	(void)unlink(part);
	if (rc == RC_OK)
		rc = write_part(a, part, through, &wrote, err);
	struct archive as = {part, wrote.from, wrote.to};
	if (rc == RC_OK)
		rc = archive_verify(&as, &read, err);
	if (rc == RC_OK && (!digest_eq(read.hash, wrote.hash) || read.to != through))
		rc = err_set(err, RC_CORRUPT, "%s does not read back as it was written", part);
	AUTO(freep)
	char *path = xasprintf(NAME_FORMAT, a->dir, (unsigned long long)wrote.from,
			       (unsigned long long)wrote.to);
	if (rc == RC_OK && rename(part, path) != 0)
		rc = err_errno(err, errno, "name %s", path);
	if (rc == RC_OK)
		rc = dir_sync(a->dir, err);
	if (rc == RC_OK)
		a->checked = through;
	else
		(void)unlink(part);
	return rc;
}

/* ---- one thing after the other ---- */

struct hash_of {
	struct digest hash;
	uint64_t seq;
};

static bool note_hash(void *ctx, const struct record *r)
{
	*(struct hash_of *)ctx = (struct hash_of){r->hash, r->seq};
	return false;
}

/* An archive of an earlier process: is it whole, and of this very journal? */
static enum rc check_archive(struct archiver *a, const struct archive *newest, struct err *err)
{
	struct store_report report = {0};
	struct hash_of own = {0};
	enum rc rc = archive_verify(newest, &report, err);

	if (rc == RC_OK)
		rc = store_journal(a->store, newest->to, 1, note_hash, &own, err);
	if (rc == RC_OK && (own.seq != newest->to || !digest_eq(own.hash, report.hash)))
		rc = err_set(err, RC_CORRUPT,
			     "%s is not of this journal: nothing leaves it; move the file away",
			     newest->path);
	if (rc == RC_OK)
		a->checked = newest->to;
	return rc;
}

struct peek {
	usec_t time;
	bool any;
};

static bool peek_one(void *ctx, const struct record *r)
{
	*(struct peek *)ctx = (struct peek){r->time, true};
	return false;
}

static enum rc first_record(struct archiver *a, const struct record *anchor, struct retention *r,
			    struct err *err)
{
	struct record last = {0};
	struct peek peek = {0};
	bool any = false;
	enum rc rc = store_last(a->store, &last, &any, err);

	if (rc == RC_OK)
		rc = store_journal(a->store, anchor->seq + 1, 1, peek_one, &peek, err);
	r->first = anchor->seq + 1;
	r->first_at = peek.any ? peek.time : r->now;
	r->last = any ? last.seq : 0;
	if (rc == RC_OK && r->now > r->keep)
		rc = store_seq_at(a->store, r->now - r->keep, &r->border, err);
	return rc;
}

static enum rc turn(struct archiver *a, const struct archives *have, usec_t now, bool *ret_more,
		    struct err *err)
{
	const struct archive *newest = have->list.n ? vec_last(&have->list) : NULL;
	struct record anchor = {0};
	enum rc rc = store_anchor(a->store, &anchor, err);

	if (rc == RC_OK && newest && newest->to > anchor.seq) {
		if (newest->from > anchor.seq + 1)
			return err_set(err, RC_CORRUPT,
				       "there is no archive of records %llu to %llu: put it back",
				       (unsigned long long)anchor.seq + 1,
				       (unsigned long long)newest->from - 1);
		if (a->checked < newest->to)
			rc = check_archive(a, newest, err);
		if (rc == RC_OK)
			rc = store_trim(a->store, newest->to, TRIM_RECORDS, err);
		*ret_more = rc == RC_OK;
	} else if (rc == RC_OK && a->keep) {
		struct retention r = {.now = now, .keep = a->keep};
		uint64_t through = 0;

		rc = first_record(a, &anchor, &r, err);
		if (rc == RC_OK)
			through = retention_due(&r);
		if (through)
			rc = write_archive(a, through, err);
		*ret_more = rc == RC_OK && through;
	}
	if (rc == RC_OK)
		rc = store_anchor(a->store, &anchor, err);
	if (rc == RC_OK) {
		a->archived = anchor.seq;
		a->archived_at = anchor.time;
	}
	return rc;
}

enum rc archive_turn(struct archiver *a, usec_t now, bool *ret_more, struct err *err)
{
	AUTO(archives_done) struct archives have = {0};
	enum rc rc = archives_list(a->dir, &have, err);

	*ret_more = false;
	if (rc == RC_OK && !a->swept) { /* half an archive of a process that was killed */
		AUTO(freep) char *part = xasprintf("%s/" PART, a->dir);

		(void)unlink(part);
		a->swept = true;
	}
	return rc == RC_OK ? turn(a, &have, now, ret_more, err) : rc;
}
