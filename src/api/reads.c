#include "api/reads.h"

bool thing_copy(const struct model *m, enum aggregate_kind kind, const char *id, void *to)
{
	const void *thing = id ? model_get(m, kind, id) : NULL;

	if (thing)
		shape_copy(aggregate_shapes[kind], to, thing);
	return thing != NULL;
}

enum rc thing_load(struct store *s, enum aggregate_kind kind, const char *id, void *to,
		   struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	const char *name = aggregate_kind_names[kind];
	enum rc rc = store_get(s, str_of(name), str_of(id), &json, err);

	if (rc == RC_NOT_FOUND)
		return err_set(err, rc, "there is no %s %s", name, id);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[kind], to, err);
	return rc;
}

void json_some(struct json_out *o, const char *key, uint64_t value)
{
	if (value)
		json_u64(o, key, value);
}

void json_word(struct json_out *o, const char *key, const char *value)
{
	if (value)
		json_cstr(o, key, value);
}

const char *query_text(const struct call *c, const char *key)
{
	const char *text = request_query(c->r, key);

	return text && *text ? text : NULL;
}

uint32_t query_names(const struct call *c, const char *key, const char *const *names, size_t n)
{
	struct str rest = str_of(query_text(c, key));
	uint32_t bits = 0;

	while (rest.n) {
		struct str one = str_cut(&rest, ',');

		for (size_t i = 0; i < n; i++)
			bits |= str_is(one, names[i]) ? 1u << i : 0;
	}
	return bits;
}

const char *branch_of(const char *ref)
{
	size_t n = strlen("refs/heads/");

	return ref && strncmp(ref, "refs/heads/", n) == 0 ? ref + n : ref;
}
