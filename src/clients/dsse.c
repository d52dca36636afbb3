#include "clients/dsse.h"

#define STATEMENT "https://in-toto.io/Statement/v1"

void dsse_done(struct dsse *d)
{
	if (!d)
		return;
	vec_each(s, &d->signatures) {
		xfree(s->keyid);
		strbuf_done(&s->sig);
	}
	vec_done(&d->signatures);
	strbuf_done(&d->payload);
	xfree(d->type);
	*d = (struct dsse){0};
}

void dsse_pae(struct str type, struct str payload, struct strbuf *to)
{
	strbuf_addf(to, "DSSEv1 %zu ", type.n);
	strbuf_addstr(to, type);
	strbuf_addf(to, " %zu ", payload.n);
	strbuf_addstr(to, payload);
}

static void add_base64(struct json_out *o, const char *key, const struct strbuf *bytes)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(DSSE_MAX);

	strbuf_add_base64(&text, bytes->p ? bytes->p : "", bytes->n);
	if (strbuf_failed(&text))
		o->to->failed = true;
	json_str(o, key, strbuf_str(&text));
}

void dsse_write(const struct dsse *d, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	add_base64(&o, "payload", &d->payload);
	json_cstr(&o, "payloadType", d->type);
	json_list(&o, "signatures");
	vec_each(s, &d->signatures) {
		json_open(&o, NULL);
		json_cstr(&o, "keyid", s->keyid ? s->keyid : "");
		add_base64(&o, "sig", &s->sig);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}

static enum rc read_base64(const struct json *j, const char *what, struct strbuf *ret,
			   struct err *err)
{
	if (json_kind_of(j) != JSON_STR || !strbuf_add_unbase64(ret, json_view(j)))
		return err_set(err, RC_INVALID, "envelope: %s is not base64", what);
	return RC_OK;
}

static enum rc read_signature(const struct json *j, struct dsse *d, struct err *err)
{
	struct dsse_signature *s;

	if (json_kind_of(j) != JSON_MAP)
		return err_set(err, RC_INVALID, "envelope: a signature is no object");
	vec_add(&d->signatures);
	s = vec_last(&d->signatures);
	s->sig = STRBUF(4096);
	s->keyid = xstrdup(json_get_text(j, "keyid", "")); /* a hint only: nobody signed it */
	return read_base64(json_get(j, "sig"), "a signature", &s->sig, err);
}

static enum rc read_envelope(const struct json *root, struct dsse *d, struct err *err)
{
	const struct json *list = json_get(root, "signatures"),
			  *type = json_get(root, "payloadType");
	struct str type_text = json_view(type);
	size_t n = json_count(list);
	enum rc rc = RC_OK;

	if (json_kind_of(root) != JSON_MAP || json_kind_of(type) != JSON_STR ||
	    json_kind_of(list) != JSON_LIST)
		return err_set(err, RC_INVALID,
			       "not a DSSE envelope: payload, payloadType, signatures");
	if (!n || n > DSSE_SIGNATURES_MAX)
		return err_set(err, RC_INVALID, "envelope: %zu signatures, wanted 1 to %u", n,
			       DSSE_SIGNATURES_MAX);
	if (memchr(type_text.p, '\0', type_text.n))
		return err_set(err, RC_INVALID, "envelope: a NUL in payloadType");
	d->type = xstrndup(type_text.p, type_text.n);
	d->payload = STRBUF(DSSE_MAX);
	rc = read_base64(json_get(root, "payload"), "the payload", &d->payload, err);
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = read_signature(json_at(list, i), d, err);
	return rc;
}

enum rc dsse_read(struct str text, struct dsse *ret, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	AUTO(dsse_done) struct dsse d = {0};
	enum rc rc = json_read(text, DSSE_MAX, &root, err);

	if (rc == RC_OK)
		rc = read_envelope(root, &d, err);
	if (rc != RC_OK)
		return rc;
	*ret = d;
	d = (struct dsse){0};
	return RC_OK;
}

void statement_write(const char *hex, const char *predicate_type, struct str predicate,
		     struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_cstr(&o, "_type", STATEMENT);
	json_list(&o, "subject");
	json_open(&o, NULL);
	json_cstr(&o, "name", "image");
	json_open(&o, "digest");
	json_cstr(&o, "sha256", hex);
	json_close(&o);
	json_close(&o);
	json_unlist(&o);
	json_cstr(&o, "predicateType", predicate_type);
	json_raw(&o, "predicate", predicate);
	json_close(&o);
}

static enum rc check_subject(const struct json *root, const char *hex, struct err *err)
{
	const struct json *subjects = json_get(root, "subject"),
			  *digest = json_get(json_at(subjects, 0), "digest");

	if (json_kind_of(subjects) != JSON_LIST || json_count(subjects) != 1)
		return err_set(err, RC_DENIED, "the statement has %zu subjects, wanted one",
			       json_count(subjects));
	if (json_kind_of(digest) != JSON_MAP || json_count(digest) != 1 ||
	    !str_is(json_view(json_get(digest, "sha256")), hex))
		return err_set(err, RC_DENIED,
			       "the statement is about sha256:%.16s..., not about sha256:%.16s...",
			       json_get_text(digest, "sha256", "(nothing)"), hex);
	return RC_OK;
}

enum rc statement_check(struct str payload, const char *hex, const char *predicate_type,
			struct strbuf *ret_predicate, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;

	if (json_read(payload, STATEMENT_MAX, &root, err) != RC_OK) {
		struct err why = err ? *err : (struct err){0};
		return err_set(err, RC_DENIED, "the statement is no JSON: %.200s", why.msg);
	}
	const struct json *predicate = json_get(root, "predicate");
	if (!str_is(json_view(json_get(root, "_type")), STATEMENT))
		return err_set(err, RC_DENIED, "not an in-toto Statement v1");
	enum rc rc = check_subject(root, hex, err);
	if (rc != RC_OK)
		return rc;
	if (!str_is(json_view(json_get(root, "predicateType")), predicate_type))
		return err_set(err, RC_DENIED, "the statement's type is %.100s, wanted %s",
			       json_get_text(root, "predicateType", "(none)"), predicate_type);
	if (json_kind_of(predicate) != JSON_MAP)
		return err_set(err, RC_DENIED, "the statement's predicate is no object");
	if (ret_predicate) {
		struct json_out o = JSON_OUT(ret_predicate);
		json_write(&o, NULL, predicate);
	}
	return RC_OK;
}
