/*
 * GET journal: records as they are stored, one a line, or as server-sent events. A reader pulls pages from the store; one that has reached
 * the end and follows is given new records at once, and goes back to pulling when it falls behind: nothing is lost, nothing piles up.
 */
#include "api/api_impl.h"
#include "api/audit.h"

#define PAGE_RECORDS 2048 /* looked at in one go */
#define PAGE_BYTES   ((size_t)256 << 10)
#define LINE_MAX_    ((size_t)60 << 20)
#define BEHIND       ((size_t)256 << 10) /* bytes not taken: no longer live */

struct line {
	char *text;
};
struct follow {
	struct follow *prev, *next_follow;
	struct api *api;
	struct stream *stream; /* NULL: the reader is gone */
	char *type, *subject;
	uint64_t next, left; /* seq to look at; lines still wanted */
	uint64_t last;       /* ?last=N: only the newest N; then 0 */
	bool following, events, live, reading;
	uint64_t durable; /* when reading began: the store has all up to here */
	bool exact;       /* one whole subject: the store knows where its records are */
	/* of the worker */
	struct strbuf page;
	VEC(struct line) newest;
	uint64_t looked;
	enum rc rc;
	struct err err;
};

static bool wanted(const struct follow *f, const struct record *r)
{
	return audit_fits(f->type, r->type) && audit_fits(f->subject, r->subject);
}

/* The same bytes as an export of the journal has. */
void record_write(struct json_out *o, const struct record *r)
{
	char hex[DIGEST_HEX + 1];

	json_open(o, NULL);
	json_u64(o, "seq", r->seq);
	json_u64(o, "time", r->time);
	json_str(o, "actor", r->actor);
	json_str(o, "subject", r->subject);
	json_str(o, "type", r->type);
	json_raw(o, "payload", r->payload);
	digest_hex(r->prev, hex);
	json_cstr(o, "prev", hex);
	digest_hex(r->hash, hex);
	json_cstr(o, "hash", hex);
	json_close(o);
}

static void print(const struct follow *f, struct strbuf *to, const struct record *r)
{
	struct json_out o = JSON_OUT(to);

	if (f->events)
		strbuf_addf(to, "id: %llu\nevent: record\ndata: ", (unsigned long long)r->seq);
	record_write(&o, r);
	strbuf_adds(to, f->events ? "\n\n" : "\n");
}

/* ---- pages, on a worker ---- */

static void keep_newest(struct follow *f, const struct record *r)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(LINE_MAX_);

	print(f, &text, r);
	if (f->newest.n == f->last) {
		xfree(f->newest.v[0].text);
		vec_remove(&f->newest, 0);
	}
	vec_push(&f->newest, ((struct line){strbuf_take(&text)}));
}

static bool add_record(void *ctx, const struct record *r)
{
	struct follow *f = ctx;

	f->next = r->seq + 1;
	f->looked++;
	if (!wanted(f, r))
		return true;
	if (f->last) {
		keep_newest(f, r);
		return true;
	}
	print(f, &f->page, r);
	return --f->left > 0 && f->page.n < PAGE_BYTES;
}

static void read_page(void *arg)
{
	struct follow *f = arg;

	struct store *store = engine_world(f->api->e)->store;
	uint64_t limit = f->last ? 0 : PAGE_RECORDS;

	f->looked = 0;
	if (f->exact)
		f->rc = store_about(store, str_of(f->subject), f->next, limit, add_record, f,
				    &f->err);
	else
		f->rc = store_journal(store, f->next, limit, add_record, f, &f->err);
	vec_each(line, &f->newest) {
		strbuf_adds(&f->page, line->text);
		xfree(line->text);
	}
	vec_done(&f->newest);
	f->last = 0;
}

/* ---- on the loop ---- */

static void follow_free(struct follow *f)
{
	if (f->prev)
		f->prev->next_follow = f->next_follow;
	else if (f->api->follows == f)
		f->api->follows = f->next_follow;
	if (f->next_follow)
		f->next_follow->prev = f->prev;
	xfree(f->type);
	xfree(f->subject);
	strbuf_done(&f->page);
	xfree(f);
}

static void end(struct follow *f)
{
	stream_end(f->stream);
	f->api->streams--;
	follow_free(f);
}

static void pull(struct follow *f);

static void page_was_read(void *arg)
{
	struct follow *f = arg;

	f->reading = false;
	if (!f->stream) {
		follow_free(f);
		return;
	}
	if (f->rc != RC_OK || strbuf_failed(&f->page)) {
		AUTO(strbuf_done) struct strbuf line = STRBUF(4096);
		struct json_out o = JSON_OUT(&line);

		json_open(&o, NULL);
		json_cstr(&o, "code", rc_name(f->rc ? f->rc : RC_TOO_BIG));
		json_cstr(&o, "detail", f->rc ? f->err.msg : "a record is too long to be sent");
		json_close(&o);
		strbuf_addc(&line, '\n');
		(void)!stream_write(f->stream, strbuf_str(&line));
		end(f);
		return;
	}
	bool any = f->page.n > 0;
	if (any && !stream_write(f->stream, strbuf_str(&f->page)))
		return; /* cut: gone() comes */
	strbuf_done(&f->page);
	if (f->left == 0 || (f->looked == 0 && !f->following)) {
		end(f);
		return;
	}
	if (f->exact && f->looked == 0) /* what lies between is about others */
		f->next = MAX_OF(f->next, f->durable + 1);
	if (f->looked == 0 && f->api->last_seq < f->next)
		f->live = true;
	else if (!any)
		pull(f);
	/* else: when this page was taken */
}

static void pull(struct follow *f)
{
	if (f->reading || f->live)
		return;
	f->reading = true;
	f->durable = f->api->last_seq;
	api_work(f->api, read_page, page_was_read, f);
}

static void on_drained(void *ctx)
{
	pull(ctx);
}

static void on_gone(void *ctx)
{
	struct follow *f = ctx;

	f->stream = NULL;
	f->api->streams--;
	if (!f->reading)
		follow_free(f);
}

static const struct stream_ops follow_ops = {on_drained, on_gone};

/* A record on its way to all who follow: written once as a line and once as an event, when somebody wants it so. */
struct news {
	const struct record *r;
	struct strbuf text[2]; /* by events */
};

static void give(struct follow *f, struct news *news)
{
	const struct record *r = news->r;
	struct strbuf *text = &news->text[f->events];

	if (r->seq > f->next || stream_waiting(f->stream) > BEHIND) {
		f->live = false;
		if (stream_waiting(f->stream) == 0)
			pull(f);
		return;
	}
	f->next = r->seq + 1;
	if (!wanted(f, r))
		return;
	if (!text->n)
		print(f, text, r);
	if (stream_write(f->stream, strbuf_str(text)) && --f->left == 0)
		end(f);
}

/*
 * Clients give up on a silent stream (libcurl: below a byte a second). A line of blanks is no record, and a comment no event; 64 bytes count as
 * speech.
 */
void journal_beat(struct api *api)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(128);

	for (struct follow *f = api->follows; f; f = f->next_follow) {
		if (!f->live || !f->stream || stream_waiting(f->stream))
			continue;
		strbuf_clear(&line);
		strbuf_addf(&line, "%s%64s%s", f->events ? ":" : "", "", f->events ? "\n\n" : "\n");
		(void)!stream_write(f->stream, strbuf_str(&line));
	}
}

void journal_told(struct api *api, const struct record *r)
{
	struct news news = {r, {STRBUF(LINE_MAX_), STRBUF(LINE_MAX_)}};

	for (struct follow *f = api->follows, *next; f; f = next) {
		next = f->next_follow;
		if (f->live && f->stream && r->seq >= f->next)
			give(f, &news);
	}
	for (size_t i = 0; i < ARRAY_LEN(news.text); i++)
		strbuf_done(&news.text[i]);
}

static char *copy_query(const struct call *c, const char *key)
{
	const char *value = request_query(c->r, key);

	return value && *value ? xstrdup(value) : NULL;
}

static bool asks(const struct call *c, const char *key)
{
	const char *value = request_query(c->r, key);

	return value && !streq(value, "0") && !streq(value, "false");
}

static void resume_from(struct follow *f, const struct call *c)
{
	const char *id = request_header(c->r, "Last-Event-ID");
	uint64_t seq;

	/*
	 * An id that is not there yet is of another journal: waiting for it would be silence. The model's, not the last one told: who read it
	 * from a status may be here before it was told, and has it.
	 */
	if (f->events && id && parse_u64(str_of(id), &seq))
		f->next = MIN_OF(seq, engine_model(c->api->e)->seq) + 1;
}

/* Who names a record that left the journal is told so; who names none gets what is there. */
static bool is_gone(struct follow *f, struct call *c)
{
	bool named = request_query(c->r, "from") || request_header(c->r, "Last-Event-ID");

	if (!named || !audit_is_archived(c, f->next, 0))
		return false;
	xfree(f);
	return true;
}

static void follow_begin(struct call *c, struct follow *f)
{
	struct api *api = c->api;

	f->api = api;
	f->page = STRBUF(LINE_MAX_);
	f->type = copy_query(c, "type");
	f->subject = copy_query(c, "subject");
	f->exact = f->subject && !str_ends(str_of(f->subject), "*");
	f->stream = call_stream(c, f->events ? "text/event-stream" : "application/x-ndjson",
				&follow_ops, f);
	f->next_follow = api->follows;
	if (f->next_follow)
		f->next_follow->prev = f;
	api->follows = f;
	/* The head goes out with the first byte: a browser that waits for it would not know that it is connected. */
	if (f->stream && f->events)
		(void)!stream_write(f->stream, STR(": connected\n\n"));
	else if (f->stream)
		pull(f);
	else
		follow_free(f);
}

void get_journal(struct call *c)
{
	uint64_t from, limit, last, newest = engine_model(c->api->e)->seq;
	const char *accept = request_header(c->r, "Accept");

	if (!call_number(c, "from", 1, INT64_MAX, &from) ||
	    !call_number(c, "limit", 0, INT64_MAX, &limit) ||
	    !call_number(c, "last", 0, WIRE_LIST_MAX, &last))
		return;
	struct follow *f = xcalloc(1, sizeof(*f));
	*f = (struct follow){.next = MAX_OF(from, 1),
			     .left = limit ? limit : UINT64_MAX,
			     .last = last,
			     .following = asks(c, "follow"),
			     .events = accept && strstr(accept, "text/event-stream")};
	resume_from(f, c);
	if (is_gone(f, c))
		return;
	if (last && !request_query(c->r, "type") &&
	    !request_query(c->r, "subject")) { /* no need to look for them */
		f->next = newest > last ? MAX_OF(f->next, newest - last + 1) : f->next;
		f->last = 0;
	}
	follow_begin(c, f);
}

/* From now on, unless the reader says where it stood. */
void get_events(struct call *c)
{
	uint64_t from;

	if (!call_number(c, "from", engine_model(c->api->e)->seq + 1, INT64_MAX, &from))
		return;
	struct follow *f = xcalloc(1, sizeof(*f));
	*f = (struct follow){
		.next = MAX_OF(from, 1), .left = UINT64_MAX, .following = true, .events = true};
	resume_from(f, c);
	if (!is_gone(f, c))
		follow_begin(c, f);
}
