/*
 * The journal from a record to a record: written out (the same bytes as `penstock audit export`), as CDEvents, or only checked. A reader
 * pulls pages; between two no worker is held, and a slow reader holds nothing but its place.
 */
#include "api/audit.h"
#include "store/cdexport.h"
#include "store/verify.h"

#define PAGE_RECORDS  2048
#define CHECK_RECORDS 20000 /* nothing is written for them */
#define PAGE_BYTES    ((size_t)256 << 10)

enum flow_kind { FLOW_EXPORT, FLOW_CDEVENTS, FLOW_VERIFY };

struct flow {
	struct api *api;
	struct stream *stream; /* NULL: the reader is gone */
	enum flow_kind kind;
	uint64_t next, to, total; /* total: records to be looked at */
	usec_t since, until;
	bool began, reading, ended;
	/* of the worker */
	struct past *past; /* archives, of a check; NULL: none are looked at */
	bool joined;       /* they were, and the journal is next */
	struct chain_walk chain;
	struct cdexport *cd;
	struct strbuf page;
	uint64_t looked;
	enum rc rc;
	struct err err;
};

/* ---- on a worker ---- */

/* Of a check: what left the journal is looked at first. Times of records there are not known: all of them when one may be meant. */
static void begin_past(struct flow *f, const struct record *anchor, uint64_t wanted)
{
	if (f->since && f->since <= anchor->time)
		wanted = 1;
	if (!f->api->archives || wanted > anchor->seq)
		return;
	f->past = past_new(f->api->archives, wanted, f->to);
	f->total = f->to >= wanted ? f->to - wanted + 1 : 0;
}

/* The chain begins behind what was archived, or with the first record of a part. */
static enum rc begin(struct flow *f, struct store *store)
{
	struct record anchor = {0}, last = {0};
	bool any = false;
	uint64_t seq = 0, wanted = f->next;
	enum rc rc = store_anchor(store, &anchor, &f->err);

	if (rc == RC_OK)
		rc = store_last(store, &last, &any, &f->err);
	f->to = MIN_OF(f->to, any ? last.seq : 0); /* what comes later is another export's */
	if (rc == RC_OK && f->since) {
		rc = store_seq_at(store, f->since, &seq, &f->err);
		f->next = MAX_OF(f->next, seq);
	}
	if (rc == RC_OK && f->until != USEC_NEVER) {
		rc = store_seq_at(store, f->until, &seq, &f->err);
		f->to = MIN_OF(f->to, seq - 1);
	}
	f->next = MAX_OF(f->next, anchor.seq + 1);
	if (f->next == anchor.seq + 1)
		chain_walk_init(&f->chain, &anchor);
	f->total = f->to >= f->next ? f->to - f->next + 1 : 0;
	if (f->kind == FLOW_CDEVENTS)
		f->cd = cdexport_new(store, f->api->o.base);
	if (rc == RC_OK && f->kind == FLOW_VERIFY)
		begin_past(f, &anchor, wanted);
	f->began = true;
	return rc;
}

/* The archives are done: more may be in them than were when we began. */
static enum rc join(struct flow *f, struct store *store)
{
	struct record anchor = {0};
	enum rc rc = store_anchor(store, &anchor, &f->err);

	if (rc == RC_OK)
		rc = past_join(f->past, &anchor, &f->err);
	if (rc != RC_OK)
		return rc;
	f->next = anchor.seq + 1;
	chain_walk_init(&f->chain, &anchor);
	f->total -= MIN_OF(f->total, past_missing(f->past));
	f->joined = true;
	return RC_OK;
}

static bool add_record(void *ctx, const struct record *r)
{
	struct flow *f = ctx;

	if (r->seq > f->to)
		return false;
	f->looked++;
	f->rc = chain_walk_next(&f->chain, r, &f->err);
	if (f->rc == RC_OK && f->kind == FLOW_EXPORT) {
		f->rc = record_print(r, &f->page, &f->err);
		strbuf_addc(&f->page, '\n');
	}
	if (f->rc == RC_OK && f->kind == FLOW_CDEVENTS)
		f->rc = cdexport_record(f->cd, r, &f->page, &f->err);
	f->next = r->seq + 1;
	return f->rc == RC_OK && f->page.n < PAGE_BYTES;
}

static void add_end(const struct flow *f, struct json_out *o)
{
	const struct store_report *r = &f->chain.report;
	const struct store_report *first = f->past ? past_report(f->past) : r;
	char hex[DIGEST_HEX + 1];

	if (!first->records)
		first = r;
	if (!r->records)
		r = first;
	if (r->records) {
		json_u64(o, "from", first->from);
		json_u64(o, "to", r->to);
		json_u64(o, "first_at", first->first);
		json_u64(o, "last_at", r->last);
		digest_hex(r->hash, hex);
		json_cstr(o, "head", hex);
	}
	if (f->rc != RC_OK) {
		uint64_t bad = f->past ? past_bad(f->past) : 0;

		bad = bad ? bad : f->chain.report.bad;
		json_u64(o, "bad", bad ? bad : f->next);
		json_cstr(o, "code", rc_name(f->rc));
		json_cstr(o, "detail", f->err.msg);
	}
}

static void add_report(struct flow *f)
{
	struct json_out o = JSON_OUT(&f->page);

	json_open(&o, NULL);
	if (f->ended)
		json_bool(&o, "ok", f->rc == RC_OK);
	json_u64(&o, "checked", f->chain.report.records + (f->past ? past_checked(f->past) : 0));
	json_u64(&o, "total", f->total);
	if (f->past)
		past_write(f->past, &o, f->ended);
	if (f->ended)
		add_end(f, &o);
	json_close(&o);
	strbuf_addc(&f->page, '\n');
}

static void add_problem(struct flow *f)
{
	struct json_out o = JSON_OUT(&f->page);

	json_open(&o, NULL);
	json_cstr(&o, "code", rc_name(f->rc));
	json_cstr(&o, "detail", f->err.msg);
	json_close(&o);
	strbuf_addc(&f->page, '\n');
}

/* A record between that is not there at all ends the walk, too. */
static void check_gap(struct flow *f)
{
	if (f->rc == RC_OK && f->ended && f->next <= f->to) {
		f->chain.report.bad = f->next;
		f->rc = err_set(&f->err, RC_CORRUPT,
				"record %llu is missing: the journal ends early",
				(unsigned long long)f->next);
	}
}

static void read_journal(struct flow *f, struct store *store)
{
	enum rc rc = RC_OK;

	f->looked = 0;
	if (f->next <= f->to)
		rc = store_journal(store, f->next,
				   f->kind == FLOW_VERIFY ? CHECK_RECORDS : PAGE_RECORDS,
				   add_record, f, &f->err);
	f->rc = f->rc == RC_OK ? rc : f->rc;
	if (f->rc == RC_CORRUPT && store_has_left(store, f->chain.report.bad))
		f->rc = err_set(
			&f->err, RC_CONFLICT,
			"record %llu left the journal for an archive meanwhile: begin again",
			(unsigned long long)f->chain.report.bad);
	f->ended = f->rc != RC_OK || f->looked == 0 || f->next > f->to;
	check_gap(f);
}

/* False: this page is one of the archives, or they are not as they must be. */
static bool past_is_over(struct flow *f, struct store *store)
{
	bool more = false;

	if (!f->past || f->joined)
		return true;
	f->rc = past_check(f->past, CHECK_RECORDS, &more, &f->err);
	if (f->rc == RC_OK && more)
		return false;
	if (f->rc == RC_OK)
		f->rc = join(f, store);
	f->ended = f->rc != RC_OK;
	return !f->ended;
}

static void read_page(void *arg)
{
	struct flow *f = arg;
	struct store *store = engine_world(f->api->e)->store;

	if (!f->began)
		f->rc = begin(f, store);
	f->ended = f->rc != RC_OK;
	if (!f->ended && past_is_over(f, store))
		read_journal(f, store);
	if (strbuf_failed(&f->page) && f->rc == RC_OK) {
		f->rc = err_set(&f->err, RC_TOO_BIG, "a record is too long to be sent");
		f->ended = true;
		strbuf_clear(&f->page);
	}
	if (f->kind == FLOW_VERIFY) {
		add_report(f);
	} else if (f->rc != RC_OK) {
		add_problem(f);
	} else if (f->ended && f->kind == FLOW_EXPORT) {
		trailer_print(&f->chain.report, &f->page);
		strbuf_addc(&f->page, '\n');
	}
}

/* ---- on the loop ---- */

static void flow_free(struct flow *f)
{
	cdexport_free(f->cd);
	past_free(f->past);
	strbuf_done(&f->page);
	xfree(f);
}

static void pull(struct flow *f);

static void page_was_read(void *arg)
{
	struct flow *f = arg;
	bool none = f->page.n == 0;

	f->reading = false;
	if (!f->stream) {
		flow_free(f);
		return;
	}
	if (!none && !stream_write(f->stream, strbuf_str(&f->page)))
		return; /* cut: gone() comes */
	strbuf_done(&f->page);
	if (f->ended) {
		stream_end(f->stream);
		f->api->streams--;
		flow_free(f);
	} else if (none) {
		pull(f);
	}
}

static void pull(struct flow *f)
{
	if (f->reading)
		return;
	f->reading = true;
	api_work(f->api, read_page, page_was_read, f);
}

static void on_drained(void *ctx)
{
	pull(ctx);
}

static void on_gone(void *ctx)
{
	struct flow *f = ctx;

	f->stream = NULL;
	f->api->streams--;
	if (!f->reading)
		flow_free(f);
}

static const struct stream_ops flow_ops = {on_drained, on_gone};

static void start(struct call *c, enum flow_kind kind)
{
	struct api *api = c->api;
	uint64_t from, to, since, until;

	if (!call_number(c, "from", 1, INT64_MAX, &from) ||
	    !call_number(c, "to", INT64_MAX, INT64_MAX, &to) ||
	    !call_number(c, "since", 0, INT64_MAX, &since) ||
	    !call_number(c, "until", USEC_NEVER, INT64_MAX, &until) ||
	    (kind != FLOW_VERIFY &&
	     audit_is_archived(c, request_query(c->r, "from") ? from : 0, since)))
		return;
	if (kind != FLOW_VERIFY)
		request_add_header(c->r, "Content-Disposition",
				   kind == FLOW_EXPORT
					   ? "attachment; filename=\"penstock-audit.ndjson\""
					   : "attachment; filename=\"penstock-cdevents.ndjson\"");
	struct flow *f = xcalloc(1, sizeof(*f));
	*f = (struct flow){.api = api,
			   .kind = kind,
			   .next = MAX_OF(from, 1),
			   .to = to,
			   .since = since,
			   .until = until,
			   .page = STRBUF(EXPORT_LINE_MAX + PAGE_BYTES)};
	f->stream = call_stream(c, "application/x-ndjson", &flow_ops, f);
	if (f->stream)
		pull(f);
	else
		flow_free(f);
}

void get_audit_export(struct call *c)
{
	const char *format = request_query(c->r, "format");

	start(c, streq(format, "cdevents") ? FLOW_CDEVENTS : FLOW_EXPORT);
}

void get_audit_verify(struct call *c)
{
	start(c, FLOW_VERIFY);
}
