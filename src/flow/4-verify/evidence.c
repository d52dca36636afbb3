#include "flow/4-verify/sign_impl.h"

#define PREDICATE_MAX ((size_t)8 << 20)

void evidence_of_done(struct evidence_of *e)
{
	strbuf_done(&e->predicate_type);
	strbuf_done(&e->predicate);
}

static bool is_word(const char *type)
{
	size_t n = strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= EVIDENCE_TYPE_MAX && !type[n];
}

static enum rc take_predicate(struct evidence_of *e, struct str predicate, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	struct json_out o = JSON_OUT(&e->predicate);
	enum rc rc = json_read(predicate, PREDICATE_MAX, &root, err);

	if (rc == RC_OK && json_kind_of(root) != JSON_MAP)
		rc = err_set(err, RC_INVALID, "a predicate must be a JSON object");
	if (rc == RC_OK)
		json_write(&o, NULL, root);
	if (rc == RC_OK && strbuf_failed(&e->predicate))
		rc = err_set(err, RC_TOO_BIG, "a predicate is above %zu bytes", PREDICATE_MAX);
	return rc;
}

enum rc evidence_of_init(struct evidence_of *e, const char *image, const char *type,
			 struct str predicate, struct err *err)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF(PREDICATE_MAX + 256);
	struct digest d;

	*e = (struct evidence_of){.predicate_type = STRBUF(256),
				  .predicate = STRBUF(PREDICATE_MAX)};
	if (!image || !digest_parse(str_of(image), &d))
		return err_set(err, RC_INVALID, "\"%.80s\" is not an image's digest",
			       image ? image : "");
	if (!type || !is_word(type))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a type of evidence",
			       type ? type : "");
	digest_hex(d, e->hex);
	if (streq(type, "build"))
		strbuf_adds(&e->predicate_type, "https://slsa.dev/provenance/v1");
	else
		strbuf_addf(&e->predicate_type, "https://penstock.dev/%s/v1", type);
	enum rc rc = predicate.n ? take_predicate(e, predicate, err) : RC_OK;
	strbuf_addf(&name, "%s %s ", e->hex, type);
	strbuf_addstr(&name, strbuf_str(&e->predicate));
	digest_hex(digest_of(strbuf_str(&name)), e->index);
	if (rc != RC_OK)
		evidence_of_done(e);
	return rc;
}

enum rc evidence_write(const struct evidence_of *e, const char *keyid, evidence_sign sign,
		       void *ctx, struct strbuf *ret, struct err *err)
{
	AUTO(dsse_done)
	struct dsse d = {.type = xstrdup(DSSE_INTOTO), .payload = STRBUF(STATEMENT_MAX)};
	AUTO(strbuf_done) struct strbuf pae = STRBUF(STATEMENT_MAX + 256);
	struct dsse_signature s = {.keyid = xstrdup(keyid), .sig = STRBUF(4096)};

	statement_write(e->hex, strbuf_cstr(&e->predicate_type), strbuf_str(&e->predicate),
			&d.payload);
	dsse_pae(str_of(d.type), strbuf_str(&d.payload), &pae);
	sign(ctx, strbuf_str(&pae), &s.sig);
	vec_push(&d.signatures, s);
	dsse_write(&d, ret);
	if (strbuf_failed(&d.payload) || strbuf_failed(&pae) || strbuf_failed(ret))
		return err_set(err, RC_TOO_BIG, "a statement is too big");
	return RC_OK;
}

/* One good signature is enough; bad ones beside it prove nothing either way. */
static bool any_trusted(const struct dsse *d, evidence_trusts trusts, void *ctx)
{
	AUTO(strbuf_done) struct strbuf pae = STRBUF(DSSE_MAX + 256);

	dsse_pae(str_of(d->type), strbuf_str(&d->payload), &pae);
	if (strbuf_failed(&pae))
		return false;
	vec_each(s, &d->signatures)
		if (trusts(ctx, s->keyid, strbuf_str(&pae), strbuf_str(&s->sig)))
			return true;
	return false;
}

/* The signature first: nothing unsigned is interpreted. */
static enum rc check(const struct dsse *d, const struct evidence_of *e, evidence_trusts trusts,
		     void *ctx, struct strbuf *ret_predicate, struct err *err)
{
	if (!any_trusted(d, trusts, ctx))
		return err_set(err, RC_DENIED,
			       "no signature by a trusted key (it names the key %.16s...)",
			       d->signatures.v[0].keyid);
	if (!streq(d->type, DSSE_INTOTO))
		return err_set(err, RC_DENIED, "its payload is %.100s, wanted " DSSE_INTOTO,
			       d->type);
	return statement_check(strbuf_str(&d->payload), e->hex, strbuf_cstr(&e->predicate_type),
			       ret_predicate, err);
}

enum rc evidence_check(struct blobs *b, const char *envelope, const struct evidence_of *e,
		       evidence_trusts trusts, void *ctx, struct strbuf *ret_predicate,
		       struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(DSSE_MAX), predicate = STRBUF(STATEMENT_MAX);
	AUTO(dsse_done) struct dsse d = {0};
	struct err here = {0}, *why = err ? err : &here;
	enum rc rc = blobs_get(b, envelope, DSSE_MAX, &text, why);

	if (rc == RC_INVALID || rc == RC_TOO_BIG)
		why->rc = RC_DENIED;
	if (rc != RC_OK)
		return err_wrap(why, "evidence %.12s", envelope ? envelope : "");
	if (dsse_read(strbuf_str(&text), &d, why) != RC_OK) {
		why->rc = RC_DENIED;
		return err_wrap(why, "evidence %.12s", envelope);
	}
	rc = check(&d, e, trusts, ctx, ret_predicate ? &predicate : NULL, why);
	if (rc == RC_OK && strbuf_failed(&predicate))
		rc = err_set(why, RC_DENIED, "the predicate is too big");
	if (rc != RC_OK)
		return err_wrap(why, "evidence %.12s", envelope);
	if (ret_predicate)
		strbuf_addstr(ret_predicate, strbuf_str(&predicate));
	return RC_OK;
}
