/* GET audit: the journal as an auditor reads it, newest first, in sentences. A page looks at a bounded number of records. */
#include "api/audit.h"
#include "core/tell.h"
#include "store/verify.h"

#define SCAN_MAX    20000 /* records that one answer looks at */
#define PAYLOAD_MAX ((size_t)16 << 10)
#define LIMIT       50

struct look {
	struct store *store;
	uint64_t from, to; /* seq, both included */
	usec_t since, until;
	char *actor, *subject, *type, *search; /* search: in lower case */
	bool decisions;
	uint64_t limit;
	/* what came of it */
	struct json_out *out;
	uint64_t scanned, found, next; /* next: seq to go on with; 0: the end */
	struct strbuf *to_text;
};

/* "person.*" begins with "person."; anything else is meant as it stands. */
bool audit_fits(const char *want, struct str text)
{
	size_t n = want ? strlen(want) : 0;

	if (!want)
		return true;
	if (n && want[n - 1] == '*')
		return text.n >= n - 1 && memcmp(text.p, want, n - 1) == 0;
	return str_is(text, want);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool holds(struct str text, const char *search)
{
	size_t n = strlen(search);
	char upper =
		search[0] >= 'a' && search[0] <= 'z' ? (char)(search[0] - ('a' - 'A')) : search[0];

	for (size_t i = 0; i + n <= text.n; i++) {
		size_t k = 1;

		if (text.p[i] != search[0] && text.p[i] != upper)
			continue;
		while (k < n && lower(text.p[i + k]) == search[k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* Of types whose decisions stand in the states that they led to, most led to none. */
static bool may_decide(const struct record *r)
{
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		if (str_is(r->type, event_kind_names[k]))
			switch (tell_kind_of((enum event_kind)k)) {
			case TELL_NEVER:
				return false;
			case TELL_ALWAYS:
				return true;
			case TELL_BY_EVENT:
				return k == EV_ATTESTED || k == EV_EVIDENCE_VERIFIED ||
				       holds(r->payload, "\"changes\":");
			}
	return true;
}

static bool is_wanted(const struct look *l, const struct record *r)
{
	if (!audit_fits(l->type, r->type) || !audit_fits(l->actor, r->actor) ||
	    !audit_fits(l->subject, r->subject))
		return false;
	if (l->search && !holds(r->payload, l->search) && !holds(r->actor, l->search) &&
	    !holds(r->subject, l->search) && !holds(r->type, l->search))
		return false;
	return !l->decisions || may_decide(r);
}

/* A member's value as it was written: JSON. */
static void write_value(struct json_out *o, const char *key, const char *json)
{
	AUTO(json_freep) struct json *j = NULL;

	if (json && json_read(str_of(json), NOTE_MAX, &j, NULL) == RC_OK)
		json_write(o, key, j);
	else if (json)
		json_cstr(o, key, json);
}

static void write_changes(struct json_out *o, const struct event *ev)
{
	if (!ev->changes.n)
		return;
	json_list(o, "changes");
	vec_each(c, &ev->changes) {
		json_open(o, NULL);
		json_cstr(o, "subject", c->subject);
		json_cstr(o, "field", c->field);
		write_value(o, "before", c->before);
		write_value(o, "after", c->after);
		json_close(o);
	}
	json_unlist(o);
}

static void write_entry(struct json_out *o, const struct record *r, const struct event *ev,
			bool decision)
{
	AUTO(strbuf_done) struct strbuf summary = STRBUF(4096);

	if (ev)
		tell_event(ev, &summary);
	else /* of a newer version: shown as it is */
		strbuf_addf(&summary, "%.*s", (int)MIN_OF(r->type.n, (size_t)80), r->type.p);
	json_open(o, NULL);
	json_u64(o, "seq", r->seq);
	json_u64(o, "at", r->time);
	json_str(o, "actor", r->actor);
	if (ev && ev->address)
		json_cstr(o, "address", ev->address);
	if (ev && ev->via)
		json_cstr(o, "via", ev->via);
	json_str(o, "subject", r->subject);
	json_str(o, "type", r->type);
	json_str(o, "summary", strbuf_str(&summary));
	if (decision)
		json_bool(o, "decision", true);
	if (ev)
		write_changes(o, ev);
	if (r->payload.n <= PAYLOAD_MAX)
		json_raw(o, "payload", r->payload);
	else
		json_u64(o, "payload_bytes", r->payload.n);
	json_close(o);
}

static void take(struct look *l, const struct record *r)
{
	struct event ev = {0};
	bool known = event_read(r, &ev, NULL) == RC_OK;
	bool decision = known && tell_is_decision(&ev);

	if (!l->decisions || decision) {
		write_entry(l->out, r, known ? &ev : NULL, decision);
		l->found++;
	}
	event_done(&ev);
}

static bool look_at(void *ctx, const struct record *r)
{
	struct look *l = ctx;

	if (r->seq < l->from) {
		l->next = 0;
		return false;
	}
	l->scanned++;
	l->next = r->seq - 1;
	if (is_wanted(l, r))
		take(l, r);
	return l->found < l->limit && l->to_text->n < TEXT_MAX / 8;
}

/* Times into numbers of records. */
static enum rc find_range(struct look *l, struct err *err)
{
	uint64_t seq = 0;
	enum rc rc = RC_OK;

	if (l->since) {
		rc = store_seq_at(l->store, l->since, &seq, err);
		l->from = MAX_OF(l->from, seq);
	}
	if (rc == RC_OK && l->until != USEC_NEVER) {
		rc = store_seq_at(l->store, l->until, &seq, err);
		l->to = MIN_OF(l->to, seq - 1);
	}
	return rc;
}

static void look(struct call *c)
{
	struct look *l = c->data;
	struct json_out o = JSON_OUT(&c->out);
	struct record anchor = {0};
	bool exact = l->subject && *l->subject && !str_ends(str_of(l->subject), "*");

	l->out = &o;
	l->to_text = &c->out;
	c->rc = store_anchor(l->store, &anchor, &c->err);
	if (c->rc == RC_OK)
		c->rc = find_range(l, &c->err);
	l->from = MAX_OF(l->from, anchor.seq + 1);
	json_open(&o, NULL);
	json_list(&o, "entries");
	if (c->rc == RC_OK && l->to >= l->from)
		c->rc = store_back(l->store, str_of(exact ? l->subject : NULL), l->to, SCAN_MAX,
				   look_at, l, &c->err);
	json_unlist(&o);
	json_u64(&o, "scanned", l->scanned);
	/* With an index by subject, what was not given is not there. */
	if (l->next >= l->from && (l->found >= l->limit || l->scanned >= SCAN_MAX)) {
		AUTO(freep) char *cursor = xasprintf("%llu", (unsigned long long)l->next);

		json_cstr(&o, "next", cursor);
		if (l->found < l->limit)
			json_bool(&o, "capped", true);
	}
	if (anchor.seq)
		json_u64(&o, "archived", anchor.seq);
	json_close(&o);
}

static void look_free(void *data)
{
	struct look *l = data;

	xfree(l->actor);
	xfree(l->subject);
	xfree(l->type);
	xfree(l->search);
	xfree(l);
}

char *audit_query(const struct call *c, const char *key)
{
	const char *value = request_query(c->r, key);

	return value && *value ? xstrdup(value) : NULL;
}

void get_audit(struct call *c)
{
	const char *decisions = request_query(c->r, "decisions");
	uint64_t from, to, cursor, since, until, limit;

	if (!call_number(c, "from", 1, INT64_MAX, &from) ||
	    !call_number(c, "to", INT64_MAX, INT64_MAX, &to) ||
	    !call_number(c, "cursor", INT64_MAX, INT64_MAX, &cursor) ||
	    !call_number(c, "since", 0, INT64_MAX, &since) ||
	    !call_number(c, "until", USEC_NEVER, INT64_MAX, &until) ||
	    !call_number(c, "limit", LIMIT, WIRE_LIST_MAX, &limit))
		return;
	if (audit_is_archived(c, request_query(c->r, "from") ? from : 0, since))
		return;
	struct look *l = xcalloc(1, sizeof(*l));
	*l = (struct look){.store = engine_world(c->api->e)->store,
			   .from = from,
			   .to = MIN_OF(to, cursor),
			   .since = since,
			   .until = until,
			   .actor = audit_query(c, "actor"),
			   .subject = audit_query(c, "subject"),
			   .type = audit_query(c, "type"),
			   .search = audit_query(c, "search"),
			   .decisions = decisions && !streq(decisions, "0") &&
					!streq(decisions, "false"),
			   .limit = MAX_OF(limit, (uint64_t)1)};
	for (char *p = l->search; p && *p; p++)
		*p = lower(*p);
	c->data = l;
	c->free_data = look_free;
	call_work(c, look);
}

/* ---- what is archived ---- */

void api_archived(struct api *api, uint64_t seq, usec_t time)
{
	api->archived = seq;
	api->archived_at = time;
}

bool audit_is_archived(struct call *c, uint64_t from, usec_t since)
{
	struct api *api = c->api;
	uint64_t seq = from ? from : 1;

	if (!api->archived ||
	    !((from && from <= api->archived) || (since && since <= api->archived_at)))
		return false;
	AUTO(freep) char *name = api->o.archive_of ? api->o.archive_of(api->o.ctx, seq) : NULL;
	call_problem(
		c, 410, RC_NOT_FOUND,
		"records up to %llu left the journal: record %llu is in %s of the data folder; "
		"`penstock audit verify --export` reads it",
		(unsigned long long)api->archived, (unsigned long long)seq,
		name ? name : "an archive (archive/journal-*)");
	return true;
}
