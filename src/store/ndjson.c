/* One record as one line, and back. */
#include "store/verify.h"

#include "base/json.h"

static void print_head(struct json_out *o, const struct record *r)
{
	json_open(o, NULL);
	json_u64(o, "seq", r->seq);
	json_u64(o, "time", r->time);
	json_str(o, "actor", r->actor);
	json_str(o, "subject", r->subject);
	json_str(o, "type", r->type);
}

static void print_tail(struct json_out *o, const struct record *r)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(r->prev, hex);
	json_cstr(o, "prev", hex);
	digest_hex(r->hash, hex);
	json_cstr(o, "hash", hex);
	json_close(o);
}

static enum rc check_payload(struct str payload, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;

	if (memchr(payload.p, '\n', payload.n))
		return err_set(err, RC_CORRUPT, "the payload has a line break");
	if (json_read(payload, EXPORT_LINE_MAX, &j, err) != RC_OK) {
		if (err)
			err->rc = RC_CORRUPT;
		return RC_CORRUPT;
	}
	return RC_OK;
}

enum rc record_print(const struct record *r, struct strbuf *to, struct err *err)
{
	struct json_out o = JSON_OUT(to);

	if (!str_is_utf8(r->actor) || !str_is_utf8(r->subject) || !str_is_utf8(r->type))
		return err_set(err, RC_CORRUPT, "record %llu has a text that is no UTF-8",
			       (unsigned long long)r->seq);
	if (check_payload(r->payload, err) != RC_OK)
		return err_set(err, RC_CORRUPT, "the payload of record %llu is no JSON on one line",
			       (unsigned long long)r->seq);
	print_head(&o, r);
	json_raw(&o, "payload", r->payload);
	print_tail(&o, r);
	if (strbuf_failed(to))
		return err_set(err, RC_TOO_BIG, "record %llu is above %zu bytes",
			       (unsigned long long)r->seq, EXPORT_LINE_MAX);
	return RC_OK;
}

/* The text of a field, copied into texts (which does not move: see record_parse). */
static bool take_text(const struct json *j, const char *key, struct strbuf *texts, struct str *ret)
{
	const struct json *value = json_get(j, key);
	struct str view = json_view(value);
	size_t at = texts->n;

	if (json_kind_of(value) != JSON_STR)
		return false;
	strbuf_addstr(texts, view);
	*ret = (struct str){texts->p ? texts->p + at : "", view.n};
	return true;
}

static bool take_number(const struct json *j, const char *key, uint64_t *ret)
{
	const struct json *value = json_get(j, key);
	int64_t v = json_int(value, -1);

	if (json_kind_of(value) != JSON_INT || v < 0)
		return false;
	*ret = (uint64_t)v;
	return true;
}

static bool take_fields(const struct json *j, struct strbuf *texts, struct record *r)
{
	return take_number(j, "seq", &r->seq) && take_number(j, "time", &r->time) &&
	       take_text(j, "actor", texts, &r->actor) &&
	       take_text(j, "subject", texts, &r->subject) &&
	       take_text(j, "type", texts, &r->type) &&
	       digest_parse(json_view(json_get(j, "prev")), &r->prev) &&
	       digest_parse(json_view(json_get(j, "hash")), &r->hash);
}

/* The bytes between what must stand before and after them. */
static bool find_payload(struct str line, struct record *r)
{
	AUTO(strbuf_done) struct strbuf head = STRBUF(8 * line.n + 1024), tail = STRBUF(1024);
	struct json_out before = JSON_OUT(&head), after = JSON_OUT(&tail);

	print_head(&before, r);
	strbuf_adds(&head, ",\"payload\":");
	after.comma = true;
	print_tail(&after, r);
	if (strbuf_failed(&head) || strbuf_failed(&tail) || line.n < head.n + tail.n)
		return false;
	if (memcmp(line.p, head.p, head.n) != 0 ||
	    memcmp(line.p + line.n - tail.n, tail.p, tail.n) != 0)
		return false;
	r->payload = (struct str){line.p + head.n, line.n - head.n - tail.n};
	return true;
}

enum rc record_parse(struct str line, struct strbuf *texts, struct record *ret, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	struct record r = {0};
	enum rc rc = json_read(line, EXPORT_LINE_MAX, &j, err);

	if (rc != RC_OK)
		return rc;
	/* Unquoted text is never longer than the line: one growth, so that views stay. */
	size_t had = texts->n;
	strbuf_addstr(texts, line);
	if (strbuf_failed(texts))
		return err_set(err, RC_TOO_BIG, "a line is above %zu bytes", texts->cap);
	texts->n = had;
	if (json_count(j) != 8 || !take_fields(j, texts, &r))
		return err_set(
			err, RC_INVALID,
			"not a record: seq, time, actor, subject, type, payload, prev, hash");
	if (!find_payload(line, &r))
		return err_set(err, RC_INVALID, "not laid out as the export writes it");
	/* The line is JSON of eight members, and seven of them stand before and behind it: so it is one value. */
	*ret = r;
	return RC_OK;
}

/* ---- the last line ---- */

void trailer_print(const struct store_report *r, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);
	char hex[DIGEST_HEX + 1];

	json_open(&o, NULL);
	json_bool(&o, "end", true);
	json_u64(&o, "from", r->from);
	json_u64(&o, "to", r->to);
	json_u64(&o, "records", r->records);
	digest_hex(r->before, hex);
	json_cstr(&o, "prev", hex);
	digest_hex(r->hash, hex);
	json_cstr(&o, "hash", hex);
	json_close(&o);
}

enum rc trailer_parse(struct str line, struct store_report *ret, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	AUTO(strbuf_done) struct strbuf again = STRBUF(1024);
	struct store_report r = {0};
	enum rc rc = json_read(line, 1024, &j, err);

	if (rc != RC_OK)
		return rc;
	if (!take_number(j, "from", &r.from) || !take_number(j, "to", &r.to) ||
	    !take_number(j, "records", &r.records) ||
	    !digest_parse(json_view(json_get(j, "prev")), &r.before) ||
	    !digest_parse(json_view(json_get(j, "hash")), &r.hash))
		return err_set(err, RC_INVALID,
			       "not a trailer: end, from, to, records, prev, hash");
	trailer_print(&r, &again);
	if (!str_eq(strbuf_str(&again), line))
		return err_set(err, RC_INVALID, "not laid out as the export writes it");
	*ret = r;
	return RC_OK;
}
