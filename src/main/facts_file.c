#include "main/facts_file.h"
#include "base/json.h"

void facts_names_done(struct facts_names *n)
{
	map_done(&n->ids);
}

/* Above this many names, names share numbers: memory stays flat, and the verdict folds so many instances anyway. */
#define NAMES_MAX 100000u

static uint32_t number_of(struct facts_names *n, struct str name)
{
	uintptr_t id = (uintptr_t)map_get(&n->ids, name);

	if (!id && n->n >= NAMES_MAX) {
		uint32_t hash = 2166136261u; /* FNV-1a: the same on every machine */

		for (size_t i = 0; i < name.n; i++)
			hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
		return NAMES_MAX + 1 + hash % NAMES_MAX;
	}
	if (!id) {
		id = ++n->n;
		map_put(&n->ids, name, (void *)id);
	}
	return (uint32_t)id;
}

/* Short plain decimals, exactly (at most 15 digits and 10^22: one division, rounded once); others by parse_double(). */
static bool number(struct str s, double *ret)
{
	static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
				      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	uint64_t digits = 0;
	size_t i = 0, whole = 0, behind = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && i < 16; i++, whole++)
		digits = digits * 10 + (uint64_t)(s.p[i] - '0');
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && i < 18; i++, behind++)
			digits = digits * 10 + (uint64_t)(s.p[i] - '0');
	bool point = i == whole + behind + 1;
	if (whole > 1 && s.p[0] == '0')
		return false; /* no JSON */
	if (i != s.n || !whole || (point && !behind) || whole + behind > 15)
		return parse_double(s, ret);
	*ret = (double)digits / tens[behind];
	return true;
}

enum { HAS_T = 1, HAS_ARM = 2, HAS_INSTANCE = 4, HAS_STATUS = 8, HAS_ALL = 15 };

/* Plain lines as programs write them: flat, no escapes. False: let the real parser look. */
static bool cut_token(struct str *rest, struct str *ret, bool *ret_text)
{
	while (rest->n && (*rest->p == ' ' || *rest->p == '\t'))
		rest->p++, rest->n--;
	*ret_text = rest->n && *rest->p == '"';
	if (*ret_text)
		rest->p++, rest->n--;
	size_t i = 0;
	while (i < rest->n && (*ret_text ? rest->p[i] != '"'
					 : (rest->p[i] != ',' && rest->p[i] != '}' &&
					    rest->p[i] != ' ' && rest->p[i] != ':'))) {
		unsigned char c = (unsigned char)rest->p[i];

		if (c == '\\' || c < 0x20 || c >= 0x80 || c == '{' || c == '[')
			return false;
		i++;
	}
	*ret = (struct str){rest->p, i};
	if (*ret_text && i == rest->n)
		return false;
	i += *ret_text;
	rest->p += i;
	rest->n -= i;
	while (rest->n && (*rest->p == ' ' || *rest->p == '\t'))
		rest->p++, rest->n--;
	return *ret_text || ret->n;
}

static bool take_plain(struct str key, struct str value, bool text, struct facts_names *names,
		       struct verdict_fact *f, unsigned *has)
{
	uint32_t status;

	if (str_is(key, "t") && !text)
		return *has |= HAS_T, number(value, &f->t);
	if (str_is(key, "ms") && !text)
		return number(value, &f->ms);
	if (str_is(key, "status") && !text) {
		*has |= HAS_STATUS;
		if (!parse_u32(value, &status) || status > 999)
			return false;
		f->status = (uint16_t)status;
		return true;
	}
	if (str_is(key, "arm") && text) {
		*has |= HAS_ARM;
		f->canary = str_is(value, "canary");
		return f->canary || str_is(value, "stable");
	}
	if (str_is(key, "instance") && text) {
		*has |= HAS_INSTANCE;
		f->instance = number_of(names, value);
		return true;
	}
	return false;
}

static bool plain_line(struct str line, struct facts_names *names, struct verdict_fact *f)
{
	struct str rest = str_trim(line), key, value;
	unsigned has = 0;
	bool key_text, text;

	if (!rest.n || *rest.p != '{')
		return false;
	rest.p++, rest.n--;
	for (;;) {
		if (!cut_token(&rest, &key, &key_text) || !key_text || !rest.n || *rest.p != ':')
			return false;
		rest.p++, rest.n--;
		if (!cut_token(&rest, &value, &text) || !rest.n ||
		    !take_plain(key, value, text, names, f, &has))
			return false;
		char c = *rest.p;
		rest.p++, rest.n--;
		if (c == '}')
			return rest.n == 0 && has == HAS_ALL;
		if (c != ',')
			return false;
	}
}

static enum rc any_line(struct str line, struct facts_names *names, struct verdict_fact *f,
			struct err *err)
{
	struct json *root = NULL;
	enum rc rc = json_read(line, FACT_LINE_MAX, &root, err);

	if (rc != RC_OK)
		return rc;
	const struct json *t = json_get(root, "t"), *arm = json_get(root, "arm"),
			  *instance = json_get(root, "instance"),
			  *status = json_get(root, "status");
	bool canary = streq(json_text(arm, ""), "canary");
	if (json_kind_of(t) != JSON_INT && json_kind_of(t) != JSON_REAL)
		rc = err_set(err, RC_INVALID, "\"t\" (seconds) is missing or no number");
	else if (!canary && !streq(json_text(arm, ""), "stable"))
		rc = err_set(err, RC_INVALID, "\"arm\" must be \"canary\" or \"stable\"");
	else if (json_kind_of(instance) != JSON_STR)
		rc = err_set(err, RC_INVALID, "\"instance\" is missing or no text");
	else if (json_int(status, -1) < 0 || json_int(status, -1) > 999)
		rc = err_set(err, RC_INVALID, "\"status\" must be 0..999");
	else
		*f = (struct verdict_fact){.t = json_number(t, 0),
					   .canary = canary,
					   .instance = number_of(names, json_view(instance)),
					   .status = (uint16_t)json_int(status, 0),
					   .ms = json_number(json_get(root, "ms"), -1)};
	json_free(root);
	return rc;
}

enum rc facts_line(struct str line, struct facts_names *names, struct verdict_fact *ret,
		   struct err *err)
{
	*ret = (struct verdict_fact){.ms = -1};
	if (!plain_line(line, names, ret)) {
		enum rc rc = any_line(line, names, ret, err);

		if (rc != RC_OK)
			return rc;
	}
	if (!(ret->t >= 0))
		return err_set(err, RC_INVALID, "\"t\" must not be negative");
	return RC_OK;
}
