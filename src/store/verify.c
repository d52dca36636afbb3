#include "store/verify.h"

#define PROGRESS_EVERY 1000

struct walk {
	struct record prev; /* seq and hash of the last sound record */
	struct store_report report;
	uint64_t total;
	store_progress progress;
	void *ctx;
	enum rc rc;
	struct err *err;
};

static bool sound(struct walk *w, const struct record *r)
{
	w->rc = chain_check(r, w->report.records ? &w->prev : NULL, w->err);
	if (w->rc != RC_OK) {
		w->report.bad = w->report.records + 1;
		return false;
	}
	if (!w->report.records)
		w->report.first = r->time;
	w->report.records++;
	w->report.last = r->time;
	w->report.hash = r->hash;
	w->prev = (struct record){.seq = r->seq, .hash = r->hash};
	if (w->progress && w->report.records % PROGRESS_EVERY == 0)
		w->progress(w->ctx, w->report.records, w->total);
	return true;
}

static bool check_one(void *ctx, const struct record *r)
{
	return sound(ctx, r);
}

enum rc store_verify(struct store *s, store_progress progress, void *ctx, struct store_report *ret,
		     struct err *err)
{
	struct walk w = {.progress = progress, .ctx = ctx, .err = err};
	struct record last = {0};
	bool any = false;
	enum rc rc = store_last(s, &last, &any, err);

	w.total = any ? last.seq : 0;
	/* The walk first: it names the record, the structure only the page. */
	enum rc walked = store_journal(s, 0, 0, check_one, &w, rc == RC_OK ? err : NULL);
	if (w.rc != RC_OK)
		walked = w.rc;
	else if (walked == RC_CORRUPT)
		w.report.bad = w.report.records + 1;
	if (walked == RC_OK && rc == RC_OK && any && w.report.records < last.seq) {
		w.report.bad = w.report.records + 1;
		walked = err_set(err, RC_CORRUPT, "record %llu is missing: the journal ends early",
				 (unsigned long long)w.report.bad);
	}
	if (rc == RC_OK)
		rc = walked;
	if (rc == RC_OK)
		rc = store_check(s, err);
	if (rc == RC_OK && progress)
		progress(ctx, w.report.records, w.total);
	*ret = w.report;
	return rc;
}

struct export
{
	struct walk walk;
	struct strbuf line;
	enum rc (*write)(void *ctx, struct str line, struct err *err);
	void *ctx;
	enum rc rc;
	struct err *err;
};

static bool export_one(void *ctx, const struct record *r)
{
	struct export *x = ctx;

	if (!sound(&x->walk, r)) {
		x->rc = x->walk.rc;
		return false;
	}
	strbuf_clear(&x->line);
	x->rc = record_print(r, &x->line, x->err);
	if (x->rc == RC_OK) {
		strbuf_addc(&x->line, '\n');
		x->rc = x->write(x->ctx, strbuf_str(&x->line), x->err);
	}
	return x->rc == RC_OK;
}

enum rc store_export(struct store *s, enum rc (*write)(void *ctx, struct str line, struct err *err),
		     void *ctx, struct err *err)
{
	struct export x = {.walk.err = err,
			   .line = STRBUF(EXPORT_LINE_MAX + 1),
			   .write = write,
			   .ctx = ctx,
			   .err = err};
	enum rc rc = store_journal(s, 0, 0, export_one, &x, err);

	strbuf_done(&x.line);
	return rc == RC_OK ? x.rc : rc;
}

enum rc chain_verify_ndjson(enum rc (*line)(void *ctx, struct str *ret, bool *ret_any,
					    struct err *err),
			    void *ctx, struct store_report *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf texts = STRBUF(EXPORT_LINE_MAX);
	struct walk w = {.err = err};
	struct str text;
	bool any = false;
	enum rc rc = line(ctx, &text, &any, err);

	while (rc == RC_OK && any) {
		struct record r;
		strbuf_clear(&texts);
		rc = record_parse(text, &texts, &r, err);
		if (rc != RC_OK) {
			w.report.bad = w.report.records + 1;
			if (err)
				err_wrap(err, "line %llu", (unsigned long long)w.report.bad);
			break;
		}
		if (!sound(&w, &r)) {
			rc = w.rc;
			break;
		}
		rc = line(ctx, &text, &any, err);
	}
	*ret = w.report;
	return rc;
}
