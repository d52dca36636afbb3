/* Logins: what is sent to a provider, in which order, and what is remembered of it. */
#include "clients/oidc_impl.h"

#include "base/digest.h"
#include "io/clock.h"
#include "io/http.h"

#include <pthread.h>
#include <sys/random.h>

#define OPTION_MAX 1024u

struct oidc {
	char *issuer, *id, *secret, *redirect, *scopes, *groups, *name;
	usec_t keys_again;
	pthread_mutex_t lock;
	/* What the provider says about itself; the two times are monotonic, 0: never. */
	struct oidc_places places;
	struct jwks *keys;
	usec_t places_at, keys_at;
};

static void wipe(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->size);
	strbuf_done(b);
}

static void answer_wipe(struct http_answer *a)
{
	if (a->body.p)
		mem_wipe(a->body.p, a->body.size);
	http_answer_done(a);
}

/* ---- options ---- */

static enum rc check_options(const struct oidc_options *o, struct err *err)
{
	const struct {
		const char *name, *value;
		bool needed;
	} texts[] = {{"client_id", o->client_id, true},
		     {"client_secret", o->client_secret, false},
		     {"scopes", o->scopes, false},
		     {"groups_claim", o->groups_claim, false},
		     {"name_claim", o->name_claim, false}};
	struct str scopes = str_of(o->scopes ? o->scopes : "openid");
	bool openid = false;

	if (!o->issuer || !oidc_is_url(o->issuer, true) || strchr(o->issuer, '?'))
		return err_set(
			err, RC_INVALID,
			"the OpenID issuer must be an https URL without a query (http only on "
			"this machine)");
	/* Where people come back to may be http: which networks to trust is the operator's to say. */
	if (!o->redirect_uri || !*o->redirect_uri || strlen(o->redirect_uri) > OPTION_MAX ||
	    strpbrk(o->redirect_uri, "# \r\n\t") ||
	    !(str_starts(str_of(o->redirect_uri), "https://") ||
	      str_starts(str_of(o->redirect_uri), "http://")))
		return err_set(err, RC_INVALID,
			       "the OpenID redirect_uri must be an http or https URL");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].value ? !*texts[i].value || strlen(texts[i].value) > OPTION_MAX ||
					     strpbrk(texts[i].value, "\r\n\t")
				   : texts[i].needed)
			return err_set(err, RC_INVALID,
				       "the OpenID %s must be a text of at most %u bytes",
				       texts[i].name, OPTION_MAX);
	while (scopes.p)
		openid |= str_is(str_cut(&scopes, ' '), "openid");
	return openid ? RC_OK : err_set(err, RC_INVALID, "the OpenID scopes must hold \"openid\"");
}

static char *copy(const char *s, const char *otherwise)
{
	return s || otherwise ? xstrdup(s ? s : otherwise) : NULL;
}

enum rc oidc_new(const struct oidc_options *o, struct oidc **ret, struct err *err)
{
	enum rc rc = check_options(o, err);

	if (rc != RC_OK)
		return rc;
	struct oidc *c = xcalloc(1, sizeof(*c));
	*c = (struct oidc){.issuer = xstrdup(o->issuer),
			   .id = xstrdup(o->client_id),
			   .secret = copy(o->client_secret, NULL),
			   .redirect = xstrdup(o->redirect_uri),
			   .scopes = copy(o->scopes, "openid profile email"),
			   .groups = copy(o->groups_claim, "groups"),
			   .name = copy(o->name_claim, "name"),
			   .keys_again = o->keys_again ? o->keys_again : OIDC_KEYS_AGAIN};
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return RC_OK;
}

void oidc_free(struct oidc *c)
{
	if (!c)
		return;
	if (c->secret)
		mem_wipe(c->secret, strlen(c->secret));
	xfree(c->issuer);
	xfree(c->id);
	xfree(c->secret);
	xfree(c->redirect);
	xfree(c->scopes);
	xfree(c->groups);
	xfree(c->name);
	oidc_places_done(&c->places);
	jwks_free(c->keys);
	pthread_mutex_destroy(&c->lock);
	xfree(c);
}

/* ---- what the provider publishes ---- */

static enum rc fetch(const char *url, const char *what, size_t max, struct http_answer *ret,
		     struct err *err)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	struct http_request q = {
		.url = url, .headers = headers, .timeout = OIDC_TIMEOUT, .max = max};
	enum rc rc = http_ask(&q, ret, err);

	if (rc != RC_OK)
		return err_wrap(err, "the provider's %s", what);
	if (ret->status != 200)
		return err_set(err, ret->status == 404 ? RC_INVALID : RC_UNAVAILABLE,
			       "the provider's %s: HTTP %d at %.300s", what, ret->status, url);
	return RC_OK;
}

static bool fresh(usec_t at, usec_t keep)
{
	return at && clock_mono() - at < keep;
}

static enum rc get_places(struct oidc *c, struct err *err)
{
	size_t n = strlen(c->issuer);
	AUTO(freep)
	char *url = xasprintf("%.*s/.well-known/openid-configuration",
			      (int)(n - (c->issuer[n - 1] == '/')), c->issuer);
	AUTO(http_answer_done) struct http_answer a = {0};
	struct oidc_places places = {0};

	if (fresh(c->places_at, OIDC_KEEP))
		return RC_OK;
	enum rc rc = fetch(url, "discovery document", OIDC_DOCUMENT_MAX, &a, err);
	if (rc == RC_OK)
		rc = oidc_read_places(strbuf_str(&a.body), c->issuer, c->secret, &places, err);
	if (rc != RC_OK)
		return rc;
	oidc_places_done(&c->places);
	c->places = places;
	c->places_at = clock_mono();
	return RC_OK;
}

static enum rc get_keys(struct oidc *c, struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct jwks *keys = NULL;
	enum rc rc = fetch(c->places.keys, "keys", JWKS_MAX, &a, err);

	if (rc == RC_OK)
		rc = jwks_read(strbuf_str(&a.body), &keys, err);
	if (rc != RC_OK)
		return rc;
	jwks_free(c->keys);
	c->keys = keys;
	c->keys_at = clock_mono();
	return RC_OK;
}

/* The URLs as they are now, for a request that is made without the lock. */
static enum rc places(struct oidc *c, struct oidc_places *ret, struct err *err)
{
	pthread_mutex_lock(&c->lock);
	enum rc rc = get_places(c, err);
	if (rc == RC_OK) {
		const struct oidc_places *p = &c->places;

		*ret = (struct oidc_places){xstrdup(p->authorization), xstrdup(p->token),
					    xstrdup(p->keys), copy(p->userinfo, NULL), p->says_iss};
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static enum rc verify_now(const struct oidc *c, const struct jwt *t, struct err *err)
{
	const struct jwk *key = NULL;
	enum rc rc = jwks_find(c->keys, t, &key, err);

	return rc == RC_OK ? jwt_verify(t, key, err) : rc;
}

/* By a key of the provider. A token that none of them signed may be of a new one: then they are fetched again, but not each time that somebody comes with a
 * made-up token. */
static enum rc verify(struct oidc *c, const struct jwt *t, struct err *err)
{
	pthread_mutex_lock(&c->lock);
	enum rc rc = fresh(c->keys_at, OIDC_KEEP) ? RC_OK : get_keys(c, err);
	if (rc == RC_OK) {
		rc = verify_now(c, t, err);
		if (rc != RC_OK && !fresh(c->keys_at, c->keys_again)) {
			rc = get_keys(c, err);
			if (rc == RC_OK)
				rc = verify_now(c, t, err);
		}
	}
	pthread_mutex_unlock(&c->lock);
	if (rc == RC_NOT_FOUND) /* for the caller nothing is missing: the token is not taken */
		rc = err_set(err, RC_DENIED,
			     "it is signed by a key that the provider does not publish");
	return rc;
}

/* ---- to the provider ---- */

static enum rc random_text(char ret[OIDC_RANDOM], struct err *err)
{
	AUTO(wipe) struct strbuf text = STRBUF(OIDC_RANDOM);
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, RC_UNSUPPORTED, "this system gives no random bytes");
	jwt_add_base64url(&text, bytes, sizeof(bytes));
	mem_wipe(bytes, sizeof(bytes));
	memcpy(ret, strbuf_cstr(&text), text.n + 1);
	return RC_OK;
}

static void query(struct strbuf *url, const char *name, const char *value)
{
	strbuf_addf(url, "&%s=", name);
	strbuf_add_urlencoded(url, str_of(value));
}

enum rc oidc_begin(struct oidc *c, struct oidc_login *ret, struct strbuf *ret_url, struct err *err)
{
	AUTO(oidc_places_done) struct oidc_places p = {0};
	AUTO(strbuf_done) struct strbuf url = STRBUF(16384), challenge = STRBUF(64);
	struct oidc_login login;
	enum rc rc = places(c, &p, err);

	if (rc == RC_OK)
		rc = random_text(login.state, err);
	if (rc == RC_OK)
		rc = random_text(login.nonce, err);
	if (rc == RC_OK)
		rc = random_text(login.verifier, err);
	if (rc != RC_OK)
		return rc;
	struct digest d = digest_of(str_of(login.verifier));
	jwt_add_base64url(&challenge, d.b, sizeof(d.b));
	strbuf_addf(&url, "%s%cresponse_type=code", p.authorization,
		    strchr(p.authorization, '?') ? '&' : '?');
	query(&url, "client_id", c->id);
	query(&url, "redirect_uri", c->redirect);
	query(&url, "scope", c->scopes);
	query(&url, "state", login.state);
	query(&url, "nonce", login.nonce);
	query(&url, "code_challenge", strbuf_cstr(&challenge));
	query(&url, "code_challenge_method", "S256");
	strbuf_addstr(ret_url, strbuf_str(&url));
	if (strbuf_failed(&url) || strbuf_failed(ret_url))
		return err_set(err, RC_TOO_BIG, "the URL of the login is too long");
	*ret = login;
	return RC_OK;
}

/* ---- back from the provider ---- */

static enum rc check_callback(const struct oidc *c, const struct oidc_places *p,
			      const struct oidc_login *login, const struct oidc_callback *back,
			      struct err *err)
{
	char word[JWT_SHOWN], text[JWT_SHOWN];

	if (!oidc_same(back->state, login->state))
		return err_set(
			err, RC_DENIED,
			"this answer is to another login than the one that began here (state): "
			"log in again");
	if (back->iss ? !streq(back->iss, c->issuer) : p->says_iss)
		return err_set(
			err, RC_DENIED,
			"this answer is of another provider than the one that was asked (iss)");
	if (back->error)
		return err_set(err, RC_DENIED, "the provider refuses: %s%s%s",
			       jwt_shown(str_of(back->error), word),
			       back->error_description ? ": " : "",
			       jwt_shown(str_of(back->error_description), text));
	if (!back->code || !*back->code || strlen(back->code) > OIDC_CODE_MAX)
		return err_set(err, RC_DENIED, "the provider's answer has no code");
	return RC_OK;
}

/* "Authorization: Basic ..." of id and secret, each in the form of a query first (RFC 6749 2.3.1). */
static void basic(const struct oidc *c, struct strbuf *line)
{
	AUTO(wipe) struct strbuf both = STRBUF(16384);

	strbuf_add_urlencoded(&both, str_of(c->id));
	strbuf_addc(&both, ':');
	strbuf_add_urlencoded(&both, str_of(c->secret));
	strbuf_adds(line, "Authorization: Basic ");
	strbuf_add_base64(line, both.p, both.n);
}

static enum rc exchange(const struct oidc *c, const struct oidc_places *p, const char *code,
			const char *verifier, struct oidc_tokens *ret, struct err *err)
{
	AUTO(wipe) struct strbuf form = STRBUF(32768), login = STRBUF(32768);
	AUTO(answer_wipe) struct http_answer a = {0};
	const char *headers[] = {"Content-Type: application/x-www-form-urlencoded",
				 "Accept: application/json", NULL, NULL};

	strbuf_adds(&form, "grant_type=authorization_code");
	query(&form, "code", code);
	query(&form, "redirect_uri", c->redirect);
	query(&form, "code_verifier", verifier);
	if (c->secret) {
		basic(c, &login);
		headers[2] = strbuf_cstr(&login);
	} else {
		query(&form, "client_id", c->id);
	}
	if (strbuf_failed(&form) || strbuf_failed(&login))
		return err_set(err, RC_TOO_BIG, "the code is too long");
	struct http_request q = {.method = "POST",
				 .url = p->token,
				 .headers = headers,
				 .body = strbuf_str(&form),
				 .timeout = OIDC_TIMEOUT,
				 .max = OIDC_DOCUMENT_MAX};
	enum rc rc = http_ask(&q, &a, err);
	if (rc != RC_OK)
		return err_wrap(err, "the provider's token endpoint");
	return oidc_read_tokens(a.status, strbuf_str(&a.body), ret, err);
}

static enum rc check_hash(const struct jwt *t, const char *access, struct err *err)
{
	const struct json *hash = json_get(t->claims, "at_hash");
	AUTO(strbuf_done) struct strbuf ours = STRBUF(64);

	if (!hash || !access)
		return RC_OK;
	oidc_half_hash(str_of(access), &ours);
	if (!oidc_same(json_text(hash, NULL), strbuf_cstr(&ours)))
		return err_set(err, RC_DENIED,
			       "the access token is not the one of the ID token (at_hash)");
	return RC_OK;
}

static enum rc check_id(struct oidc *c, const struct oidc_tokens *tokens, const char *nonce,
			usec_t now, struct jwt *ret, struct err *err)
{
	AUTO(jwt_done) struct jwt t = {0};
	const struct jwt_want want = {
		.issuer = c->issuer, .audience = c->id, .party = c->id, .nonce = nonce, .now = now};
	enum rc rc = jwt_read(str_of(tokens->id), &t, err);

	if (rc == RC_OK)
		rc = verify(c, &t, err);
	if (rc == RC_OK)
		rc = jwt_check(t.claims, &want, err);
	if (rc == RC_OK)
		rc = check_hash(&t, tokens->access, err);
	if (rc != RC_OK)
		return err_wrap(err, "the provider's ID token");
	*ret = t;
	t = (struct jwt){0};
	return RC_OK;
}

static enum rc ask_userinfo(const char *url, const struct oidc_tokens *tokens,
			    struct http_answer *ret, struct err *err)
{
	AUTO(wipe) struct strbuf line = STRBUF((size_t)128 << 10);
	const char *headers[] = {"Accept: application/json", NULL, NULL};

	strbuf_addf(&line, "Authorization: Bearer %s", tokens->access);
	headers[1] = strbuf_cstr(&line);
	struct http_request q = {
		.url = url, .headers = headers, .timeout = OIDC_TIMEOUT, .max = OIDC_DOCUMENT_MAX};
	enum rc rc = http_ask(&q, ret, err);
	if (rc != RC_OK)
		return err_wrap(err, "the provider's userinfo");
	if (ret->status != 200)
		return err_set(
			err, ret->status >= 500 || ret->status == 429 ? RC_UNAVAILABLE : RC_DENIED,
			"the provider's userinfo: HTTP %d", ret->status);
	return str_starts(str_of(ret->type), "application/jwt")
		       ? err_set(err, RC_UNSUPPORTED,
				 "the provider's userinfo is signed: let it answer in plain JSON, or "
				 "put the groups into the ID token")
		       : RC_OK;
}

/* What the ID token left out. Its subject must be the same: the access token could be anybody's. */
static enum rc add_userinfo(const struct oidc *c, const struct oidc_places *p,
			    const struct oidc_tokens *tokens, struct oidc_person *person,
			    struct err *err)
{
	AUTO(answer_wipe) struct http_answer a = {0};
	AUTO(json_freep) struct json *j = NULL;
	const struct oidc_names names = {c->groups, c->name};

	if (!p->userinfo || !tokens->access)
		return RC_OK;
	enum rc rc = ask_userinfo(p->userinfo, tokens, &a, err);
	if (rc != RC_OK)
		return rc;
	if (json_read(strbuf_str(&a.body), OIDC_DOCUMENT_MAX, &j, NULL) != RC_OK ||
	    json_kind_of(j) != JSON_MAP)
		return err_set(err, RC_INVALID, "the provider's userinfo is no JSON object");
	if (!streq(json_get_text(j, "sub", NULL), person->subject))
		return err_set(err, RC_DENIED,
			       "the provider's userinfo is about somebody else than its ID token");
	rc = oidc_read_person(j, &names, person, err);
	return rc == RC_OK ? rc : err_wrap(err, "the provider's userinfo");
}

static enum rc person_of(struct oidc *c, const struct oidc_places *p,
			 const struct oidc_tokens *tokens, const struct jwt *t,
			 struct oidc_person *person, struct err *err)
{
	const struct oidc_names names = {c->groups, c->name};
	enum rc rc = oidc_read_person(t->claims, &names, person, err);

	if (rc == RC_OK && !json_get(t->claims, c->groups))
		rc = add_userinfo(c, p, tokens, person, err);
	if (rc != RC_OK)
		return rc;
	person->issuer = xstrdup(c->issuer);
	if (!person->name)
		person->name = xstrdup(person->email ? person->email : person->subject);
	return RC_OK;
}

enum rc oidc_finish(struct oidc *c, const struct oidc_login *login,
		    const struct oidc_callback *back, usec_t now, struct oidc_person *ret,
		    struct err *err)
{
	AUTO(oidc_places_done) struct oidc_places p = {0};
	AUTO(oidc_tokens_done) struct oidc_tokens tokens = {0};
	AUTO(oidc_person_done) struct oidc_person person = {0};
	AUTO(jwt_done) struct jwt t = {0};
	enum rc rc = places(c, &p, err);

	if (rc == RC_OK)
		rc = check_callback(c, &p, login, back, err);
	if (rc == RC_OK)
		rc = exchange(c, &p, back->code, login->verifier, &tokens, err);
	if (rc == RC_OK)
		rc = check_id(c, &tokens, login->nonce, now, &t, err);
	if (rc == RC_OK)
		rc = person_of(c, &p, &tokens, &t, &person, err);
	if (rc != RC_OK)
		return rc;
	*ret = person;
	person = (struct oidc_person){0};
	return RC_OK;
}
