#include "store/verify.h"

#define PROGRESS_EVERY 1000
#define TRIES          20 /* to begin before more records leave */

/* ---- the chain ---- */

void chain_walk_init(struct chain_walk *w, const struct record *anchor)
{
	*w = (struct chain_walk){.anchored = true};
	w->prev = (struct record){.seq = anchor->seq, .hash = anchor->hash};
}

enum rc chain_walk_next(struct chain_walk *w, const struct record *r, struct err *err)
{
	if (!w->anchored) { /* it says itself what it follows */
		w->prev = (struct record){.seq = r->seq ? r->seq - 1 : 0, .hash = r->prev};
		w->anchored = true;
	}
	enum rc rc = chain_check(r, w->prev.seq ? &w->prev : NULL, err);
	if (rc != RC_OK) {
		w->report.bad = w->prev.seq + 1;
		return rc;
	}
	if (!w->report.records) {
		w->report.first = r->time;
		w->report.from = r->seq;
		w->report.before = r->prev;
	}
	w->report.records++;
	w->report.to = r->seq;
	w->report.last = r->time;
	w->report.hash = r->hash;
	w->prev = (struct record){.seq = r->seq, .hash = r->hash};
	return RC_OK;
}

/* ---- of a store ---- */

struct walk {
	struct chain_walk chain;
	uint64_t total;
	store_progress progress;
	void *ctx;
	enum rc rc;
	struct err *err;
};

static bool check_one(void *ctx, const struct record *r)
{
	struct walk *w = ctx;

	w->rc = chain_walk_next(&w->chain, r, w->err);
	if (w->rc == RC_OK && w->progress && w->chain.report.records % PROGRESS_EVERY == 0)
		w->progress(w->ctx, w->chain.report.records, w->total);
	return w->rc == RC_OK;
}

bool store_has_left(struct store *s, uint64_t seq)
{
	struct record anchor = {0};

	return seq && store_anchor(s, &anchor, NULL) == RC_OK && anchor.seq >= seq;
}

/* One walk from what is the anchor now. */
static enum rc walk_store(struct store *s, struct walk *w, struct err *err)
{
	struct store_report *report = &w->chain.report;
	struct record last = {0}, anchor = {0};
	bool any = false;
	enum rc rc = store_anchor(s, &anchor, err);

	if (rc == RC_OK)
		rc = store_last(s, &last, &any, err);
	chain_walk_init(&w->chain, &anchor);
	w->rc = RC_OK;
	w->total = any && last.seq > anchor.seq ? last.seq - anchor.seq : 0;
	/* The walk first: it names the record, the structure only the page. */
	enum rc walked = store_journal(s, 0, 0, check_one, w, rc == RC_OK ? err : NULL);
	if (w->rc != RC_OK)
		walked = w->rc;
	else if (walked == RC_CORRUPT)
		report->bad = w->chain.prev.seq + 1;
	if (walked == RC_OK && rc == RC_OK && any && w->chain.prev.seq < last.seq) {
		report->bad = w->chain.prev.seq + 1;
		walked = err_set(err, RC_CORRUPT, "record %llu is missing: the journal ends early",
				 (unsigned long long)report->bad);
	}
	return rc == RC_OK ? walked : rc;
}

enum rc store_verify(struct store *s, store_progress progress, void *ctx, struct store_report *ret,
		     struct err *err)
{
	struct walk w = {.progress = progress, .ctx = ctx, .err = err};
	enum rc rc = walk_store(s, &w, err);

	for (unsigned i = 0; i < TRIES && rc == RC_CORRUPT && !w.chain.report.records &&
			     store_has_left(s, w.chain.report.bad);
	     i++)
		rc = walk_store(s, &w, err);
	if (rc == RC_OK)
		rc = store_check(s, err);
	if (rc == RC_OK && progress)
		progress(ctx, w.chain.report.records, w.total);
	*ret = w.chain.report;
	return rc;
}

/* ---- to an export ---- */

struct export
{
	struct chain_walk chain;
	struct strbuf line;
	uint64_t to;
	enum rc (*write)(void *ctx, struct str line, struct err *err);
	void *ctx;
	enum rc rc;
	struct err *err;
};

static bool export_one(void *ctx, const struct record *r)
{
	struct export *x = ctx;

	if (x->to && r->seq > x->to)
		return false;
	x->rc = chain_walk_next(&x->chain, r, x->err);
	if (x->rc != RC_OK)
		return false;
	strbuf_clear(&x->line);
	x->rc = record_print(r, &x->line, x->err);
	if (x->rc == RC_OK) {
		strbuf_addc(&x->line, '\n');
		x->rc = x->write(x->ctx, strbuf_str(&x->line), x->err);
	}
	return x->rc == RC_OK;
}

static enum rc export_trailer(struct export *x)
{
	strbuf_clear(&x->line);
	trailer_print(&x->chain.report, &x->line);
	strbuf_addc(&x->line, '\n');
	return x->write(x->ctx, strbuf_str(&x->line), x->err);
}

enum rc store_export_range(struct store *s, const struct seq_range *range,
			   enum rc (*write)(void *ctx, struct str line, struct err *err), void *ctx,
			   struct store_report *ret, struct err *err)
{
	struct export x = {.line = STRBUF(EXPORT_LINE_MAX + 1),
			   .to = range->to,
			   .write = write,
			   .ctx = ctx,
			   .err = err};
	struct record anchor = {0};
	enum rc rc = store_anchor(s, &anchor, err);

	if (rc == RC_OK && range->from && range->from <= anchor.seq)
		rc = err_set(err, RC_NOT_FOUND, "record %llu is in an archive, not in the journal",
			     (unsigned long long)range->from);
	if (rc != RC_OK)
		return rc;
	if (range->from <= anchor.seq + 1)
		chain_walk_init(&x.chain, &anchor);
	if (!range->to || range->to >= range->from)
		rc = store_journal(s, range->from, 0, export_one, &x, err);
	rc = rc == RC_OK ? x.rc : rc;
	if (rc == RC_CORRUPT && store_has_left(s, x.chain.report.bad))
		rc = err_set(err, RC_CONFLICT,
			     "record %llu left the journal for an archive meanwhile: begin again",
			     (unsigned long long)x.chain.report.bad);
	if (rc == RC_OK)
		rc = export_trailer(&x);
	strbuf_done(&x.line);
	if (ret)
		*ret = x.chain.report;
	return rc;
}

enum rc store_export(struct store *s, enum rc (*write)(void *ctx, struct str line, struct err *err),
		     void *ctx, struct err *err)
{
	static const struct seq_range all;

	return store_export_range(s, &all, write, ctx, NULL, err);
}

/* ---- of an export ---- */

static enum rc read_record(struct export_check *f, const struct record *r, struct err *err)
{
	if (!f->records) {
		f->from = r->seq;
		f->before = r->prev;
	}
	f->records++;
	f->chain.report.ended = false;
	return chain_walk_next(&f->chain, r, err);
}

/* It must say what stood before it, since the last one. */
static enum rc read_trailer(struct export_check *f, const struct store_report *said,
			    struct err *err)
{
	const struct store_report *r = &f->chain.report;

	if (said->records != f->records)
		return err_set(
			err, RC_CORRUPT,
			"the trailer speaks of %llu records (%llu to %llu), but there are %llu",
			(unsigned long long)said->records, (unsigned long long)said->from,
			(unsigned long long)said->to, (unsigned long long)f->records);
	if (f->records && (said->from != f->from || said->to != r->to ||
			   !digest_eq(said->before, f->before) || !digest_eq(said->hash, r->hash)))
		return err_set(err, RC_CORRUPT,
			       "the trailer speaks of records %llu to %llu with other hashes",
			       (unsigned long long)said->from, (unsigned long long)said->to);
	f->records = 0;
	f->chain.report.ended = true;
	return RC_OK;
}

static enum rc read_line(struct export_check *f, struct str text, struct err *err)
{
	struct store_report said;
	struct record r;

	strbuf_clear(&f->texts);
	if (str_starts(text, TRAILER_START)) {
		enum rc rc = trailer_parse(text, &said, err);

		return rc == RC_OK ? read_trailer(f, &said, err) : rc;
	}
	enum rc rc = record_parse(text, &f->texts, &r, err);
	return rc == RC_OK ? read_record(f, &r, err) : rc;
}

void export_check_init(struct export_check *f)
{
	*f = (struct export_check){.texts = STRBUF(EXPORT_LINE_MAX)};
}

void export_check_done(struct export_check *f)
{
	strbuf_done(&f->texts);
}

enum rc export_check_line(struct export_check *f, struct str text, struct err *err)
{
	f->lines++;
	enum rc rc = read_line(f, text, err);

	if (rc == RC_OK)
		return RC_OK;
	f->chain.report.bad = f->lines;
	if (err)
		err_wrap(err, "line %llu", (unsigned long long)f->lines);
	return rc;
}

enum rc export_check_end(struct export_check *f, struct err *err)
{
	struct store_report *report = &f->chain.report;

	if (!report->records || report->ended || report->from == 1)
		return RC_OK;
	report->bad = 1;
	return err_set(err, RC_CORRUPT,
		       "it begins with record %llu, and no trailer says that it should",
		       (unsigned long long)report->from);
}

enum rc chain_verify_ndjson(enum rc (*line)(void *ctx, struct str *ret, bool *ret_any,
					    struct err *err),
			    void *ctx, struct store_report *ret, struct err *err)
{
	AUTO(export_check_done) struct export_check f;
	struct str text;
	bool any = false;

	export_check_init(&f);
	enum rc rc = line(ctx, &text, &any, err);
	while (rc == RC_OK && any) {
		rc = export_check_line(&f, text, err);
		if (rc == RC_OK)
			rc = line(ctx, &text, &any, err);
		else
			any = false;
	}
	if (rc == RC_OK)
		rc = export_check_end(&f, err);
	*ret = f.chain.report;
	return rc;
}

/* ---- times ---- */

struct peek {
	usec_t time;
	bool any;
};

static bool peek_one(void *ctx, const struct record *r)
{
	*(struct peek *)ctx = (struct peek){r->time, true};
	return false;
}

enum rc store_seq_at(struct store *s, usec_t at, uint64_t *ret, struct err *err)
{
	struct record anchor = {0}, last = {0};
	bool any = false;
	enum rc rc = store_anchor(s, &anchor, err);

	if (rc == RC_OK)
		rc = store_last(s, &last, &any, err);
	uint64_t low = anchor.seq + 1, high = any ? last.seq + 1 : low;
	while (rc == RC_OK && low < high) {
		uint64_t mid = low + (high - low) / 2;
		struct peek peek = {0};

		rc = store_journal(s, mid, 1, peek_one, &peek, err);
		if (peek.any && peek.time < at)
			low = mid + 1;
		else
			high = mid;
	}
	if (rc == RC_OK)
		*ret = low;
	return rc;
}
