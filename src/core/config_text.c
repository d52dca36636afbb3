/* Checks of single texts in penstock.yml. Each fails at the text's own place. */
#include "base/glob.h"
#include "core/config_impl.h"

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
static bool is_word(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

enum rc check_name(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text;
	char text[SHOWN];
	bool ok = s.n > 0 && s.n <= 63 && is_lower(s.p[0]) && is_lower(s.p[s.n - 1]);

	for (size_t i = 0; ok && i < s.n; i++)
		ok = is_lower(s.p[i]) || s.p[i] == '-' || s.p[i] == '_';
	if (!ok)
		return FAIL(
			r, at,
			"\"%s\" is no name: a name has 1 to 63 of a-z, 0-9, \"-\" and \"_\", with a letter or digit at both ends",
			shown(s, text));
	return RC_OK;
}

enum rc check_unit_name(struct reader *r, const struct yaml_node *at)
{
	if (str_is(at->text, "services") || str_is(at->text, "libraries"))
		return FAIL(r, at, "a unit cannot be called \"%s\": \"each: %s\" means all of them",
			    str_is(at->text, "services") ? "services" : "libraries",
			    str_is(at->text, "services") ? "services" : "libraries");
	return check_name(r, at);
}

enum rc check_interface(struct reader *r, const struct yaml_node *at)
{
	return check_name(r, at);
}

/* "api", or "billing.api" of repository billing. */
enum rc check_consumed(struct reader *r, const struct yaml_node *at)
{
	struct yaml_node part = *at;

	for (struct str rest = at->text; rest.p;) {
		part.text = str_cut(&rest, '.');
		if (check_name(r, &part) != RC_OK)
			return r->err->rc;
	}
	return RC_OK;
}

enum rc check_variable(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text;
	char text[SHOWN];
	bool ok = s.n > 0 && s.n <= 128 && !(s.p[0] >= '0' && s.p[0] <= '9');

	for (size_t i = 0; ok && i < s.n; i++)
		ok = is_word(s.p[i]);
	if (!ok)
		return FAIL(
			r, at,
			"\"%s\" is no name of a variable: it has letters, digits and \"_\", and does not begin with a digit",
			shown(s, text));
	return RC_OK;
}

/* The base's reason, at our place. */
static enum rc because(struct reader *r, const struct yaml_node *at, const struct err *why)
{
	char text[SHOWN];

	return FAIL(r, at, "\"%s\": %s", shown(at->text, text), why->msg);
}

enum rc check_unit_path(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text, first = s;
	char text[SHOWN];

	if (str_is(s, "."))
		return RC_OK;
	if (s.n > 1 && s.p[s.n - 1] == '/')
		return FAIL(r, at, "\"%s\": a path has no \"/\" at its end", shown(s, text));
	if (str_is(str_cut(&first, '/'), ".git"))
		return FAIL(r, at, "\"%s\" is Git's own folder", shown(s, text));
	return check_inner_path(r, at);
}

enum rc check_inner_path(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};

	return path_check(at->text, &why) == RC_OK ? RC_OK : because(r, at, &why);
}

/* A path in an image: absolute, plain. */
enum rc check_image_path(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};
	char text[SHOWN];

	if (!str_starts(at->text, "/"))
		return FAIL(r, at, "\"%s\" must be an absolute path in the image, such as /app",
			    shown(at->text, text));
	if (at->text.n == 1)
		return RC_OK;
	return path_check((struct str){at->text.p + 1, at->text.n - 1}, &why) == RC_OK
		       ? RC_OK
		       : because(r, at, &why);
}

enum rc check_glob(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};

	return glob_check(at->text, &why) == RC_OK ? RC_OK : because(r, at, &why);
}

/* An input may climb with `../`; whether it stays in the repository depends on the unit (jobs_check). */
enum rc check_input(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};
	struct str s = at->text;

	while (str_starts(s, "../")) {
		s.p += 3;
		s.n -= 3;
	}
	return glob_check(s, &why) == RC_OK ? RC_OK : because(r, at, &why);
}

static bool plain_url(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

enum rc check_url_path(struct reader *r, const struct yaml_node *at)
{
	char text[SHOWN];

	if (!str_starts(at->text, "/") || !plain_url(at->text))
		return FAIL(r, at, "\"%s\" must be the path of a URL, such as /healthz",
			    shown(at->text, text));
	return RC_OK;
}

enum rc check_webhook(struct reader *r, const struct yaml_node *at)
{
	char text[SHOWN];
	size_t head = str_starts(at->text, "https://")  ? 8
		      : str_starts(at->text, "http://") ? 7
							: 0;

	if (!head || at->text.n == head || !plain_url(at->text))
		return FAIL(r, at, "\"%s\" must be a URL that begins with http:// or https://",
			    shown(at->text, text));
	return RC_OK;
}

enum rc check_secret(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text, rest = s;
	struct str provider = str_cut(&rest, ':');
	char text[SHOWN];

	/* The text itself is not repeated: somebody may have written the secret here. */
	if (!rest.p)
		return FAIL(
			r, at,
			"a secret is given by reference, \"file:NAME\"; never write its value here");
	if (!str_is(provider, "file")) {
		static const char *const later[] = {"vault", "aws", "k8s", "sealed"};

		for (size_t i = 0; i < ARRAY_LEN(later); i++)
			if (str_is(provider, later[i]))
				return FAIL(
					r, at,
					"secrets from \"%s\" are not supported by this version of Penstock; use \"file:NAME\"",
					shown(provider, text));
		return FAIL(
			r, at,
			"a secret is given by reference, \"file:NAME\"; never write its value here");
	}
	bool ok = rest.n > 0 && rest.n <= 128 && rest.p[0] != '.';

	for (size_t i = 0; ok && i < rest.n; i++)
		ok = is_word(rest.p[i]) || rest.p[i] == '-' || rest.p[i] == '.';
	if (!ok)
		return FAIL(r, at,
			    "the name of a secret has letters, digits, \"-\", \"_\" and \".\"");
	return RC_OK;
}

/* 65532 or 65532:65532; a scratch image has no /etc/passwd for names. */
enum rc check_user(struct reader *r, const struct yaml_node *at)
{
	struct str rest = at->text;
	struct str user = str_cut(&rest, ':');
	uint32_t id;
	char text[SHOWN];

	if (!parse_u32(user, &id) || (rest.p && !parse_u32(rest, &id)))
		return FAIL(
			r, at,
			"\"%s\": a user is a number, such as 65532 or 65532:65532 (the image knows no names)",
			shown(at->text, text));
	return RC_OK;
}

enum rc check_from(struct reader *r, const struct yaml_node *at)
{
	char text[SHOWN];

	if (str_is(at->text, "scratch"))
		return RC_OK;
	if (str_ends(at->text, ":latest"))
		return FAIL(
			r, at,
			"\"%s\": \":latest\" means another image tomorrow; an image is named by its digest",
			shown(at->text, text));
	return FAIL(
		r, at,
		"\"from: %s\" is not supported by this version of Penstock; use \"from: scratch\"",
		shown(at->text, text));
}

/* A path or URL; {service} is the one place holder. */
enum rc check_runbook(struct reader *r, const struct yaml_node *at)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(TEXT_MAX);
	struct err why = {RC_OK, ""};
	struct str s = at->text;
	char text[SHOWN];

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = {s.p + i, s.n - i};

		if (str_starts(rest, "{service}")) {
			strbuf_addc(&b, 's');
			i += strlen("{service}") - 1;
		} else if (s.p[i] == '{' || s.p[i] == '}') {
			return FAIL(r, at, "\"%s\": the one place holder of a runbook is {service}",
				    shown(s, text));
		} else {
			strbuf_addc(&b, s.p[i]);
		}
	}
	struct str filled = strbuf_str(&b);

	if (str_starts(filled, "http://") || str_starts(filled, "https://")) {
		if (!plain_url(filled))
			return FAIL(r, at, "\"%s\" is no URL", shown(s, text));
		return RC_OK;
	}
	return path_check(filled, &why) == RC_OK ? RC_OK : because(r, at, &why);
}

enum rc check_target(struct reader *r, const struct yaml_node *at)
{
	char text[SHOWN];

	if (str_is(at->text, "kubernetes"))
		return FAIL(
			r, at,
			"target \"%s\" is not supported by this version of Penstock; use \"local\"",
			shown(at->text, text));
	return RC_OK;
}
