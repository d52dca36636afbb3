/*
 * tests/peers/oidc_login ISSUER CLIENT SECRET|- REDIRECT SCOPES KEYS_AGAIN: our relying party, driven by lines.
 * "begin" prints "url URL"; "finish URL" (where the browser was led back to) prints "person JSON". A failure prints "CODE text".
 */
#include "base/json.h"
#include "base/mem.h"
#include "clients/oidc.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_ 65536

static void say(const struct err *err)
{
	printf("%s %s\n", rc_name(err->rc), err->msg);
}

static void begin(struct oidc *c, struct oidc_login *login)
{
	AUTO(strbuf_done) struct strbuf url = STRBUF(LINE_MAX_);
	struct err err = {0};

	if (oidc_begin(c, login, &url, &err) == RC_OK)
		printf("url %s\n", strbuf_cstr(&url));
	else
		say(&err);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

/* The value of a name in a query, decoded; NULL: it is not there. */
static char *value_of(const char *url, const char *name)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(LINE_MAX_);
	struct str rest = str_of(strchr(url, '?') ? strchr(url, '?') + 1 : "");

	while (rest.p) {
		struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');

		if (!str_is(key, name) || !value.p)
			continue;
		for (size_t i = 0; i < value.n; i++)
			if (value.p[i] == '%' && i + 2 < value.n && hex(value.p[i + 1]) >= 0 &&
			    hex(value.p[i + 2]) >= 0) {
				strbuf_addc(&out,
					    (char)(hex(value.p[i + 1]) * 16 + hex(value.p[i + 2])));
				i += 2;
			} else {
				strbuf_addc(&out, value.p[i] == '+' ? ' ' : value.p[i]);
			}
		return strbuf_take(&out);
	}
	return NULL;
}

static void finish(struct oidc *c, const struct oidc_login *login, const char *url)
{
	AUTO(freep) char *state = value_of(url, "state");
	AUTO(freep) char *code = value_of(url, "code");
	AUTO(freep) char *iss = value_of(url, "iss");
	AUTO(freep) char *error = value_of(url, "error");
	AUTO(freep) char *more = value_of(url, "error_description");
	AUTO(oidc_person_done) struct oidc_person who = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(LINE_MAX_);
	const struct oidc_callback back = {state, code, iss, error, more};
	struct json_out o = JSON_OUT(&text);
	struct err err = {0};

	if (oidc_finish(c, login, &back, clock_wall(), &who, &err) != RC_OK) {
		say(&err);
		return;
	}
	json_open(&o, NULL);
	json_cstr(&o, "issuer", who.issuer);
	json_cstr(&o, "subject", who.subject);
	json_cstr(&o, "name", who.name);
	json_cstr(&o, "email", who.email);
	json_bool(&o, "email_verified", who.email_verified);
	json_list(&o, "groups");
	vec_each(g, &who.groups)
		json_cstr(&o, NULL, *g);
	json_unlist(&o);
	json_close(&o);
	printf("person %s\n", strbuf_cstr(&text));
}

int main(int argc, char **argv)
{
	struct oidc_login login = {0};
	struct oidc *c = NULL;
	struct err err = {0};
	static char line[LINE_MAX_];

	if (argc != 7) {
		fprintf(stderr, "oidc_login ISSUER CLIENT SECRET|- REDIRECT SCOPES KEYS_AGAIN\n");
		return 2;
	}
	const struct oidc_options o = {.issuer = argv[1],
				       .client_id = argv[2],
				       .client_secret = strcmp(argv[3], "-") ? argv[3] : NULL,
				       .redirect_uri = argv[4],
				       .scopes = argv[5],
				       .keys_again = strtoul(argv[6], NULL, 10)};
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (oidc_new(&o, &c, &err) != RC_OK) {
		say(&err);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "begin"))
			begin(c, &login);
		else if (!strncmp(line, "finish ", 7))
			finish(c, &login, line + 7);
		else
			printf("what?\n");
	}
	oidc_free(c);
	return 0;
}
