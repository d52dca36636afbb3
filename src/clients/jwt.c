#include "clients/jwt.h"

#include "base/mem.h"
#include "clients/jwks.h"

#include <math.h>
#include <openssl/crypto.h>
#include <strings.h>

static const char *const alg_names[] = {
#define X(name, text) [name] = text,
	JWT_ALG_MAP(X)
#undef X
};

const char *jwt_alg_name(enum jwt_alg alg)
{
	return alg_names[alg];
}

bool jwt_alg_of(struct str name, enum jwt_alg *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(alg_names); i++)
		if (str_is(name, alg_names[i])) {
			*ret = (enum jwt_alg)i;
			return true;
		}
	return false;
}

#define LEEWAY ((double)(JWT_LEEWAY / USEC_SEC))

/* ---- base64url ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void jwt_add_base64url(struct strbuf *to, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16 | (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) |
			     (i + 2 < n ? b[i + 2] : 0);
		char text[4] = {digits[v >> 18], digits[v >> 12 & 63], digits[v >> 6 & 63],
				digits[v & 63]};

		strbuf_add(to, text, MIN_OF(n - i + 1, (size_t)4));
	}
}

static int digit_value(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '-'             ? 62
	       : c == '_'             ? 63
				      : -1;
}

bool jwt_add_unbase64url(struct strbuf *to, struct str s)
{
	uint32_t v = 0;
	unsigned bits = 0;

	if (s.n % 4 == 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (digit_value(s.p[i]) < 0)
			return false;
		v = v << 6 | (uint32_t)digit_value(s.p[i]);
	}
	if (v & (s.n % 4 == 2 ? 15u : s.n % 4 == 3 ? 3u : 0u))
		return false; /* bits that mean nothing: a second way to write the same */
	v = 0;
	for (size_t i = 0; i < s.n; i++) {
		v = v << 6 | (uint32_t)digit_value(s.p[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			strbuf_addc(to, (char)(v >> bits & 255));
		}
	}
	return true;
}

const char *jwt_shown(struct str s, char ret[JWT_SHOWN])
{
	size_t n = 0;

	for (size_t k; s.n && (k = MAX_OF(str_character(s), (size_t)1)) + n < JWT_SHOWN;) {
		bool plain = str_character(s) && (unsigned char)s.p[0] >= ' ' && s.p[0] != 0x7f;

		if (plain)
			memcpy(ret + n, s.p, k);
		else
			ret[n] = '?';
		n += plain ? k : 1;
		s.p += k;
		s.n -= k;
	}
	ret[n] = '\0';
	return ret;
}

/* Of a member that may be missing or no text. */
static const char *shown_member(const struct json *j, const char *otherwise, char ret[JWT_SHOWN])
{
	return jwt_shown(json_kind_of(j) == JSON_STR ? json_view(j) : str_of(otherwise), ret);
}

/* ---- reading ---- */

void jwt_done(struct jwt *t)
{
	if (!t)
		return;
	xfree(t->kid);
	json_free(t->claims);
	strbuf_done(&t->input);
	strbuf_done(&t->signature);
	*t = (struct jwt){0};
}

static enum rc read_part(struct str part, const char *what, struct json **ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(JWT_MAX);
	AUTO(json_freep) struct json *j = NULL;

	if (!part.n || !jwt_add_unbase64url(&text, part))
		return err_set(err, RC_INVALID, "the token's %s is not base64url", what);
	enum rc rc = json_read(strbuf_str(&text), JWT_MAX, &j, NULL); /* its error could quote it */
	if (rc != RC_OK || json_kind_of(j) != JSON_MAP)
		return err_set(err, RC_INVALID,
			       "the token's %s is not one JSON object without doubled members",
			       what);
	*ret = j;
	j = NULL;
	return RC_OK;
}

/* What a header may say. Members that only describe (jku, x5t ...) mean nothing to us. */
static enum rc read_header(const struct json *header, struct jwt *t, struct err *err)
{
	const struct json *alg = json_get(header, "alg"), *kid = json_get(header, "kid"),
			  *typ = json_get(header, "typ");
	char text[JWT_SHOWN];

	if (json_kind_of(alg) != JSON_STR)
		return err_set(err, RC_INVALID, "the token names no algorithm");
	if (!jwt_alg_of(json_view(alg), &t->alg))
		return err_set(err, RC_INVALID,
			       "the token's algorithm is \"%.20s\": only RS256 and ES256 are taken",
			       shown_member(alg, "?", text));
	if (json_get(header, "crit"))
		return err_set(err, RC_INVALID,
			       "the token wants extensions (crit), and none is known here");
	if (json_get(header, "enc") || json_get(header, "zip"))
		return err_set(err, RC_INVALID, "the token is encrypted or compressed");
	if (typ && !(json_kind_of(typ) == JSON_STR && strcasecmp(json_text(typ, ""), "JWT") == 0))
		return err_set(err, RC_INVALID, "the token is a \"%.20s\", not a JWT",
			       shown_member(typ, "?", text));
	if (!kid)
		return RC_OK;
	if (!json_text(kid, NULL) || json_view(kid).n > 1024)
		return err_set(err, RC_INVALID, "the token's kid is no text of at most 1024 bytes");
	t->kid = xstrdup(json_text(kid, NULL));
	return RC_OK;
}

static enum rc read_token(struct str token, struct jwt *t, struct err *err)
{
	AUTO(json_freep) struct json *header = NULL;
	struct str rest = token, head = str_cut(&rest, '.'), payload = {0}, signature;
	enum rc rc;

	if (rest.p)
		payload = str_cut(&rest, '.');
	if (!rest.p || memchr(rest.p, '.', rest.n))
		return err_set(err, RC_INVALID,
			       "not a signed token: three parts with two dots were expected");
	signature = rest;
	rc = read_part(head, "header", &header, err);
	if (rc == RC_OK)
		rc = read_header(header, t, err);
	if (rc == RC_OK)
		rc = read_part(payload, "payload", &t->claims, err);
	if (rc != RC_OK)
		return rc;
	t->signature = STRBUF(JWT_MAX);
	if (!signature.n || !jwt_add_unbase64url(&t->signature, signature))
		return err_set(err, RC_INVALID, "the token's signature is not base64url");
	t->input = STRBUF(JWT_MAX);
	strbuf_add(&t->input, token.p, token.n - signature.n - 1);
	return RC_OK;
}

enum rc jwt_read(struct str token, struct jwt *ret, struct err *err)
{
	AUTO(jwt_done) struct jwt t = {0};

	if (token.n > JWT_MAX)
		return err_set(err, RC_TOO_BIG, "a token of %zu bytes: %zu are taken", token.n,
			       JWT_MAX);
	enum rc rc = read_token(token, &t, err);
	if (rc != RC_OK)
		return rc;
	*ret = t;
	t = (struct jwt){0};
	return RC_OK;
}

enum rc jwt_verify(const struct jwt *t, const struct jwk *key, struct err *err)
{
	const char *kid = jwk_kid(key) ? jwk_kid(key) : "(no kid)";
	char text[JWT_SHOWN];

	if (t->alg != jwk_alg(key))
		return err_set(err, RC_DENIED, "the token says %s, and the key \"%s\" is for %s",
			       jwt_alg_name(t->alg), jwt_shown(str_of(kid), text),
			       jwt_alg_name(jwk_alg(key)));
	if (!jwk_verify(key, strbuf_str(&t->input), strbuf_str(&t->signature)))
		return err_set(err, RC_DENIED, "the token's signature is not one of the key \"%s\"",
			       jwt_shown(str_of(kid), text));
	return RC_OK;
}

/* ---- signing ---- */

enum rc jwt_sign(const struct ecdsa_key *key, const char *kid, struct str claims, struct strbuf *to,
		 struct err *err)
{
	AUTO(strbuf_done)
	struct strbuf header = STRBUF(4096), text = STRBUF(JWT_MAX), der = STRBUF(256),
		      raw = STRBUF(ECDSA_RAW);
	struct json_out o = JSON_OUT(&header);

	json_open(&o, NULL);
	json_cstr(&o, "alg", jwt_alg_name(JWT_ES256));
	json_cstr(&o, "kid", kid);
	json_cstr(&o, "typ", "JWT");
	json_close(&o);
	jwt_add_base64url(&text, strbuf_cstr(&header), header.n);
	strbuf_addc(&text, '.');
	jwt_add_base64url(&text, claims.p, claims.n);
	ecdsa_sign(key, strbuf_str(&text), &der);
	BUG_ON(!ecdsa_raw_of_der(strbuf_str(&der), &raw));
	strbuf_addc(&text, '.');
	jwt_add_base64url(&text, raw.p, raw.n);
	if (strbuf_failed(&header) || strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "a token above %zu bytes", JWT_MAX);
	strbuf_addstr(to, strbuf_str(&text));
	return strbuf_failed(to) ? err_set(err, RC_TOO_BIG, "the token does not fit") : RC_OK;
}

/* ---- claims ---- */

/* A NumericDate: seconds since 1970, with a fraction or without. */
static bool read_time(const struct json *j, double *ret)
{
	double t = json_number(j, NAN);

	if (!isfinite(t) || t < 0 || t > 253402300799.0) /* the end of year 9999 */
		return false;
	*ret = t;
	return true;
}

/* A time that must not lie ahead, where there is one. */
static enum rc check_past(const struct json *claims, const char *name, const char *what, double at,
			  struct err *err)
{
	const struct json *j = json_get(claims, name);
	double t;

	if (!j)
		return RC_OK;
	if (!read_time(j, &t))
		return err_set(err, RC_DENIED, "the token's %s is no time", name);
	if (t - LEEWAY > at)
		return err_set(
			err, RC_DENIED,
			"the token %s %.0f s from now, in the future (%s): compare the two machines' clocks",
			what, t - at, name);
	return RC_OK;
}

static enum rc check_times(const struct json *claims, usec_t now, struct err *err)
{
	double at = (double)now / (double)USEC_SEC, t;

	if (!read_time(json_get(claims, "exp"), &t))
		return err_set(err, RC_DENIED, "the token does not say when it ends (exp)");
	if (t + LEEWAY <= at)
		return err_set(err, RC_DENIED,
			       "the token ended %.0f s ago (exp): compare the two machines' clocks",
			       at - t);
	enum rc rc = check_past(claims, "nbf", "counts only", at, err);
	return rc == RC_OK ? check_past(claims, "iat", "was issued", at, err) : rc;
}

static enum rc check_audience(const struct json *claims, const struct jwt_want *want,
			      struct err *err)
{
	const struct json *aud = json_get(claims, "aud"), *azp = json_get(claims, "azp");
	size_t n = json_kind_of(aud) == JSON_LIST ? json_count(aud) : 0;
	char got[JWT_SHOWN], wanted[JWT_SHOWN];
	bool ours = str_is(json_view(aud), want->audience) && json_kind_of(aud) == JSON_STR;

	for (size_t i = 0; i < n; i++) {
		if (json_kind_of(json_at(aud, i)) != JSON_STR)
			return err_set(err, RC_DENIED, "the token's audience (aud) is no text");
		ours |= str_is(json_view(json_at(aud, i)), want->audience);
	}
	if (!ours)
		return err_set(err, RC_DENIED, "the token is for \"%s\" (aud), not for \"%s\"",
			       shown_member(n ? json_at(aud, 0) : aud, "nobody", got),
			       jwt_shown(str_of(want->audience), wanted));
	if (!want->party)
		return RC_OK;
	if (n > 1 && !azp)
		return err_set(err, RC_DENIED,
			       "the token is for %zu audiences and does not say for whom it was "
			       "issued (azp)",
			       n);
	if (azp && !(json_kind_of(azp) == JSON_STR && str_is(json_view(azp), want->party)))
		return err_set(err, RC_DENIED,
			       "the token was issued for \"%s\" (azp), not for \"%s\"",
			       shown_member(azp, "?", got), jwt_shown(str_of(want->party), wanted));
	return RC_OK;
}

static bool same_secret(struct str a, const char *b)
{
	return a.n == strlen(b) && CRYPTO_memcmp(a.p, b, a.n) == 0;
}

enum rc jwt_check(const struct json *claims, const struct jwt_want *want, struct err *err)
{
	const struct json *iss = json_get(claims, "iss"), *sub = json_get(claims, "sub"),
			  *nonce = json_get(claims, "nonce");
	char got[JWT_SHOWN], wanted[JWT_SHOWN];

	if (json_kind_of(iss) != JSON_STR || !str_is(json_view(iss), want->issuer))
		return err_set(
			err, RC_DENIED, "the token is of \"%s\" (iss), wanted was one of \"%s\"",
			shown_member(iss, "nobody", got), jwt_shown(str_of(want->issuer), wanted));
	enum rc rc = check_audience(claims, want, err);
	if (rc == RC_OK)
		rc = check_times(claims, want->now, err);
	if (rc != RC_OK)
		return rc;
	if (!json_text(sub, NULL) || !*json_text(sub, ""))
		return err_set(err, RC_DENIED, "the token does not say about whom it is (sub)");
	if (want->nonce &&
	    (json_kind_of(nonce) != JSON_STR || !same_secret(json_view(nonce), want->nonce)))
		return err_set(
			err, RC_DENIED,
			"the token answers another question than ours (nonce): log in again");
	return RC_OK;
}
