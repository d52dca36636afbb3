/* The places of the build caches, and what each tool's client takes for an answer. */
#include "api/cache_impl.h"

/* clang-format off */
const struct tool_rules tool_rules[TOOL_KINDS] = {
	/*                         stored there  denied too_big failed broken */
	[TOOL_TURBO]  = {"turbo",  202,   202,   403,   413,    507,   400,
			 {"x-artifact-duration", "x-artifact-tag", "x-artifact-sha", "x-artifact-dirty-hash", "x-artifact-client-ci"}},
	[TOOL_NX]     = {"nx",     200,   409,   403,   403,    403,   403, {NULL}},
	[TOOL_BAZEL]  = {"bazel",  200,   200,   403,   413,    507,   400, {"content-type"}},
	[TOOL_GRADLE] = {"gradle", 200,   200,   403,   413,    507,   400, {NULL}},
};
/* clang-format on */

enum id_kind { ID_WORD, ID_DECIMAL, ID_SHA256 };

static bool is_id(struct str s, enum id_kind kind)
{
	size_t most = kind == ID_WORD ? TOOL_ID_MAX : kind == ID_DECIMAL ? 20 : DIGEST_HEX;

	if (s.n == 0 || s.n > most || (kind == ID_SHA256 && s.n != DIGEST_HEX))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool digit = c >= '0' && c <= '9', hex = digit || (c >= 'a' && c <= 'f');
		bool word = hex || (c >= 'g' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			    c == '-';

		if (!(kind == ID_WORD ? word : kind == ID_DECIMAL ? digit : hex))
			return false;
	}
	return true;
}

static bool is_instance(struct str s)
{
	if (s.n == 0 || s.n > 64 || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && !is_id((struct str){s.p + i, 1}, ID_WORD))
			return false;
	return true;
}

static void set_id(struct cache_route *ret, struct str id, enum id_kind kind)
{
	ret->what = is_id(id, kind) ? CACHE_ENTRY : CACHE_BAD_ID;
	if (ret->what == CACHE_ENTRY) {
		memcpy(ret->id, id.p, id.n);
		ret->id[id.n] = 0;
	}
}

static bool after(struct str path, const char *prefix, struct str *ret)
{
	size_t n = strlen(prefix);

	if (!str_starts(path, prefix))
		return false;
	*ret = (struct str){path.p + n, path.n - n};
	return true;
}

static bool parse_turbo(struct str path, const char *team, struct cache_route *ret)
{
	struct str id;

	if (str_is(path, "/v8/artifacts") || str_is(path, "/v8/artifacts/"))
		ret->what = CACHE_QUERY;
	else if (!after(path, "/v8/artifacts/", &id))
		return false;
	else if (str_is(id, "status"))
		ret->what = CACHE_STATUS;
	else if (str_is(id, "events"))
		ret->what = CACHE_EVENTS;
	else
		set_id(ret, id, ID_WORD);
	ret->tool = TOOL_TURBO;
	if (team && is_instance(str_of(team)))
		snprintf(ret->space, sizeof(ret->space), "turbo/%s", team);
	else
		snprintf(ret->space, sizeof(ret->space), "turbo");
	return true;
}

/* "INSTANCE/ac/HEX", "ac/HEX", "a/b/cas/HEX" */
static bool parse_bazel(struct str path, struct cache_route *ret)
{
	struct str rest, word, all;
	unsigned words = 0;
	bool below = after(path, "/cache/", &all);

	if (!below && !after(path, "/", &all))
		return false;
	for (rest = all; rest.p && words < 4; words++) {
		const char *at = rest.p;

		word = str_cut(&rest, '/');
		bool action = str_is(word, "ac"), blob = str_is(word, "cas");
		/* An instance may be called so, too: the last one counts. */
		if ((action || blob) && rest.p && !memchr(rest.p, '/', rest.n)) {
			size_t n = (size_t)(at - all.p);

			if (!below && !is_id(rest, ID_SHA256))
				return false; /* somebody else's path */
			snprintf(ret->space, sizeof(ret->space), "bazel/%.*s%s", (int)n, all.p,
				 action ? "ac" : "cas");
			ret->tool = TOOL_BAZEL;
			ret->part = action ? PART_ACTION : PART_BLOB;
			set_id(ret, rest, ID_SHA256);
			return true;
		}
		if (!is_instance(word))
			return false;
	}
	return false;
}

bool cache_route_parse(const char *path, const char *team, struct cache_route *ret)
{
	struct str p = str_of(path), id;

	*ret = (struct cache_route){.part = PART_ANY};
	if (str_starts(p, "//")) { /* who joins a base that ends in a slash */
		p.p++;
		p.n--;
	}
	if (parse_turbo(p, team, ret))
		return true;
	if (after(p, "/v1/cache/", &id)) {
		ret->tool = TOOL_NX;
		snprintf(ret->space, sizeof(ret->space), "nx");
		set_id(ret, id, ID_DECIMAL);
		return true;
	}
	if (after(p, "/gradle/", &id) && !str_starts(id, "ac/") && !str_starts(id, "cas/")) {
		ret->tool = TOOL_GRADLE;
		snprintf(ret->space, sizeof(ret->space), "gradle");
		set_id(ret, id, ID_WORD);
		return true;
	}
	return parse_bazel(p, ret);
}
