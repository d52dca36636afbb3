/* A provider's documents and answers. */
#include "clients/oidc_impl.h"
#include "clients/registry_impl.h"

#include "base/digest.h"

#include <openssl/crypto.h>
#include <strings.h>

#define URL_MAX   2048u
#define TOKEN_MAX ((size_t)64 << 10) /* of an access token: it is only passed on */

bool oidc_same(const char *a, const char *b)
{
	return a && b && strlen(a) == strlen(b) && CRYPTO_memcmp(a, b, strlen(a)) == 0;
}

void oidc_half_hash(struct str text, struct strbuf *to)
{
	struct digest d = digest_of(text);

	jwt_add_base64url(to, d.b, sizeof(d.b) / 2);
}

bool oidc_is_url(const char *url, bool clear)
{
	struct str rest = str_of(url);
	bool https = str_starts(rest, "https://");
	size_t scheme = https ? 8 : 7;

	if (!https && !(clear && str_starts(rest, "http://")))
		return false;
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || (unsigned char)rest.p[i] >= 0x7f ||
		    strchr("#\\\"<>", rest.p[i]))
			return false;
	const char *at = url + scheme;
	struct str host = {at, strcspn(at, "/?")};
	if (!host.n || *host.p == ':' || memchr(host.p, '@', host.n) || strlen(url) >= URL_MAX)
		return false;
	return https || registry_is_loopback(host);
}

/* ---- discovery ---- */

void oidc_places_done(struct oidc_places *p)
{
	if (!p)
		return;
	xfree(p->authorization);
	xfree(p->token);
	xfree(p->keys);
	xfree(p->userinfo);
	*p = (struct oidc_places){0};
}

/* Is a word in a list of the document? A list that is not there says `otherwise`. */
static bool lists(const struct json *doc, const char *key, const char *word, bool otherwise)
{
	const struct json *list = json_get(doc, key);

	if (!list)
		return otherwise;
	for (size_t i = 0; i < json_count(list) && json_kind_of(list) == JSON_LIST; i++)
		if (str_is(json_view(json_at(list, i)), word))
			return true;
	return false;
}

static enum rc read_place(const struct json *doc, const char *key, bool clear, char **ret,
			  struct err *err)
{
	const char *url = json_get_text(doc, key, NULL);
	char text[JWT_SHOWN];

	if (!url)
		return err_set(err, RC_INVALID, "the provider's document has no %s", key);
	if (!oidc_is_url(url, clear))
		return err_set(err, RC_INVALID, "the provider's %s is \"%s\": no https URL%s", key,
			       jwt_shown(str_of(url), text),
			       clear ? ", nor http on this machine" : "");
	*ret = xstrdup(url);
	return RC_OK;
}

static enum rc check_abilities(const struct json *doc, bool secret, struct err *err)
{
	const char *missing = NULL;

	if (!lists(doc, "response_types_supported", "code", true))
		missing = "the authorization code flow (response_types_supported)";
	else if (!lists(doc, "code_challenge_methods_supported", "S256", true))
		missing = "PKCE with S256 (code_challenge_methods_supported)";
	else if (!lists(doc, "id_token_signing_alg_values_supported", "RS256", true) &&
		 !lists(doc, "id_token_signing_alg_values_supported", "ES256", true))
		missing = "RS256 or ES256 (id_token_signing_alg_values_supported)";
	else if (secret &&
		 !lists(doc, "token_endpoint_auth_methods_supported", "client_secret_basic", true))
		missing = "client_secret_basic (token_endpoint_auth_methods_supported)";
	return missing ? err_set(err, RC_UNSUPPORTED, "the provider cannot do %s", missing) : RC_OK;
}

static enum rc read_places(const struct json *doc, const char *issuer, struct oidc_places *p,
			   struct err *err)
{
	const char *theirs = json_get_text(doc, "issuer", "nobody");
	char text[JWT_SHOWN];
	/* A provider elsewhere must not send us to ports of this machine. */
	bool clear = str_starts(str_of(issuer), "http://");

	if (!streq(theirs, issuer))
		return err_set(
			err, RC_INVALID,
			"the provider calls itself \"%s\", and is configured as \"%.150s\": they must be the same to the letter",
			jwt_shown(str_of(theirs), text), issuer);
	p->says_iss =
		json_truth(json_get(doc, "authorization_response_iss_parameter_supported"), false);
	enum rc rc = read_place(doc, "authorization_endpoint", clear, &p->authorization, err);
	if (rc == RC_OK)
		rc = read_place(doc, "token_endpoint", clear, &p->token, err);
	if (rc == RC_OK)
		rc = read_place(doc, "jwks_uri", clear, &p->keys, err);
	if (rc == RC_OK && json_get(doc, "userinfo_endpoint"))
		rc = read_place(doc, "userinfo_endpoint", clear, &p->userinfo, err);
	return rc;
}

enum rc oidc_read_places(struct str text, const char *issuer, bool secret, struct oidc_places *ret,
			 struct err *err)
{
	AUTO(json_freep) struct json *doc = NULL;
	AUTO(oidc_places_done) struct oidc_places p = {0};
	enum rc rc = json_read(text, OIDC_DOCUMENT_MAX, &doc, err);

	if (rc != RC_OK)
		return err_wrap(err, "the provider's document");
	if (json_kind_of(doc) != JSON_MAP)
		return err_set(err, RC_INVALID, "the provider's document is no JSON object");
	rc = read_places(doc, issuer, &p, err);
	if (rc == RC_OK)
		rc = check_abilities(doc, secret, err);
	if (rc != RC_OK)
		return rc;
	*ret = p;
	p = (struct oidc_places){0};
	return RC_OK;
}

/* ---- tokens ---- */

static void wipe(char *secret)
{
	if (secret)
		mem_wipe(secret, strlen(secret));
	xfree(secret);
}

void oidc_tokens_done(struct oidc_tokens *t)
{
	if (!t)
		return;
	wipe(t->id);
	wipe(t->access);
	*t = (struct oidc_tokens){0};
}

/* {"error":"invalid_grant","error_description":"..."} */
static enum rc refused(int status, const struct json *j, struct err *err)
{
	const char *error = json_get_text(j, "error", ""),
		   *more = json_get_text(j, "error_description", "");
	char word[JWT_SHOWN], text[JWT_SHOWN];

	return err_set(err, status >= 500 || status == 429 ? RC_UNAVAILABLE : RC_DENIED,
		       "the provider gives no token: HTTP %d%s%s%s%s", status, *error ? ", " : "",
		       jwt_shown(str_of(error), word), *more ? ": " : "",
		       jwt_shown(str_of(more), text));
}

/* A text that can stand in a header. */
static bool is_token(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f)
			return false;
	return n && n <= TOKEN_MAX;
}

enum rc oidc_read_tokens(int status, struct str text, struct oidc_tokens *ret, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	enum rc rc = json_read(text, OIDC_DOCUMENT_MAX, &j, NULL); /* an error would quote it */

	if (status != 200)
		return refused(status, j, err);
	if (rc != RC_OK || json_kind_of(j) != JSON_MAP)
		return err_set(err, RC_INVALID,
			       "the provider's answer to the code is no JSON object");
	const char *id = json_get_text(j, "id_token", NULL),
		   *access = json_get_text(j, "access_token", NULL);
	if (!id || !is_token(id))
		return err_set(
			err, RC_INVALID,
			"the provider's answer has no ID token: is \"openid\" in the scopes?");
	if (access &&
	    (!is_token(access) || strcasecmp(json_get_text(j, "token_type", ""), "bearer") != 0))
		access = NULL; /* only userinfo would want it */
	*ret = (struct oidc_tokens){xstrdup(id), access ? xstrdup(access) : NULL};
	return RC_OK;
}

/* ---- people ---- */

void oidc_person_done(struct oidc_person *p)
{
	if (!p)
		return;
	xfree(p->issuer);
	xfree(p->subject);
	xfree(p->name);
	xfree(p->email);
	vec_each(g, &p->groups)
		xfree(*g);
	vec_done(&p->groups);
	*p = (struct oidc_person){0};
}

/* A text for people: not empty, not long, without control characters. */
static bool is_plain(const struct json *j)
{
	struct str s = json_view(j);

	if (json_kind_of(j) != JSON_STR || !s.n || s.n > OIDC_TEXT_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static enum rc take_text(const struct json *claims, const char *key, char **to, struct err *err)
{
	const struct json *j = json_get(claims, key);

	if (*to || json_kind_of(j) == JSON_NULL || (json_kind_of(j) == JSON_STR && !json_view(j).n))
		return RC_OK;
	if (!is_plain(j))
		return err_set(err, RC_DENIED,
			       "the claim \"%.60s\" is no text of at most %u bytes without control "
			       "characters",
			       key, OIDC_TEXT_MAX);
	*to = xstrdup(json_text(j, ""));
	return RC_OK;
}

static enum rc take_groups(const struct json *claims, const char *key, struct oidc_person *p,
			   struct err *err)
{
	const struct json *list = json_get(claims, key);
	bool one = json_kind_of(list) == JSON_STR;
	size_t n = one ? 1 : json_count(list);

	if (p->groups.n || json_kind_of(list) == JSON_NULL)
		return RC_OK;
	if (!one && json_kind_of(list) != JSON_LIST)
		return err_set(err, RC_DENIED, "the claim \"%.60s\" is no list of groups", key);
	if (n > OIDC_GROUPS_MAX)
		return err_set(err, RC_DENIED,
			       "the claim \"%.60s\" has %zu groups, at most %u are taken: let the "
			       "provider send only those that matter here",
			       key, n, OIDC_GROUPS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_plain(one ? list : json_at(list, i)))
			return err_set(
				err, RC_DENIED,
				"a group in the claim \"%.60s\" is no text of at most %u bytes",
				key, OIDC_TEXT_MAX);
	for (size_t i = 0; i < n; i++)
		vec_push(&p->groups, xstrdup(json_text(one ? list : json_at(list, i), "")));
	return RC_OK;
}

enum rc oidc_read_person(const struct json *claims, const struct oidc_names *names,
			 struct oidc_person *ret, struct err *err)
{
	const struct json *verified = json_get(claims, "email_verified");
	bool had_email = ret->email;
	enum rc rc = take_text(claims, "sub", &ret->subject, err);

	if (rc == RC_OK)
		rc = take_text(claims, names->name, &ret->name, err);
	if (rc == RC_OK)
		rc = take_text(claims, "email", &ret->email, err);
	if (rc == RC_OK)
		rc = take_groups(claims, names->groups, ret, err);
	if (rc == RC_OK && !had_email && ret->email) /* some write it as text */
		ret->email_verified =
			json_truth(verified, false) || str_is(json_view(verified), "true");
	return rc;
}
