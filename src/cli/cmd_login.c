/* penstock login, logout: a token of this machine, asked for by it and granted in a person's browser (RFC 8628). */
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/view.h"

#include "api/wire.h"
#include "io/clock.h"
#include "io/files.h"

#include <stdio.h>
#include <unistd.h>

#define TOKEN_MAX ((size_t)4096)

/* What a person has to read now; with --json not on stdout. */
static void tell(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
static void tell(struct cli *c, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	(void)!fd_write(c->json ? STDERR_FILENO : STDOUT_FILENO, text.p, text.n, NULL);
}

static enum rc need_server(struct cli *c, const char **ret, struct err *err)
{
	*ret = client_server(c);
	if (!*ret)
		return err_set(
			err, RC_INVALID,
			"to which daemon? --server https://ci.example, or PENSTOCK_SERVER; the one of this machine needs no token");
	return url_is_safe(*ret, cli_flag(c, "insecure"), err);
}

/* ---- a token that is brought ---- */

static enum rc read_token(const char *given, char **ret, struct err *err)
{
	struct strbuf text = STRBUF(TOKEN_MAX + 1);
	enum rc rc = RC_OK;

	if (streq(given, "-"))
		rc = fd_read(STDIN_FILENO, TOKEN_MAX, &text, err);
	else
		strbuf_adds(&text, given);
	struct str token = str_trim(strbuf_str(&text));
	if (rc == RC_OK && (!token.n || memchr(token.p, '\n', token.n)))
		rc = err_set(err, RC_INVALID, "%s",
			     token.n ? "that is more than one line"
				     : "there is no token on standard input");
	if (rc == RC_OK)
		*ret = xstrndup(token.p, token.n);
	if (text.p)
		mem_wipe(text.p, text.n);
	strbuf_done(&text);
	return rc;
}

/* ---- a token that is asked for ---- */

struct asked {
	char *code, *secret;
	uint64_t interval, left; /* seconds */
};

static void asked_done(struct asked *a)
{
	if (a->secret)
		mem_wipe(a->secret, strlen(a->secret));
	xfree(a->secret);
	xfree(a->code);
}

static enum rc ask_code(struct cli *c, struct asked *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	AUTO(json_freep) struct json *j = NULL;
	struct json_out o = JSON_OUT(&body);
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0 || !*host)
		(void)snprintf(host, sizeof(host), "a machine");
	json_open(&o, NULL);
	json_cstr(&o, "name", cli_value(c, "name") ? cli_value(c, "name") : host);
	json_close(&o);
	enum rc rc = client_post_as(c, "", WIRE_LOGIN "/device", strbuf_str(&body), &j, err);
	if (rc != RC_OK)
		return rc;
	const char *code = json_get_text(j, "user_code", NULL),
		   *secret = json_get_text(j, "device_code", NULL);
	if (!code || !secret)
		return err_set(err, RC_CORRUPT, "the daemon's answer has no code");
	ret->code = xstrdup(code);
	ret->secret = xstrdup(secret);
	ret->interval = MAX_OF(number_at(j, "interval"), (uint64_t)2);
	ret->left = MIN_OF(number_at(j, "expires_in"), (uint64_t)3600);
	return RC_OK;
}

static bool says(const struct err *err, const char *word)
{
	return str_starts(str_of(err->msg), word);
}

static enum rc await_token(struct cli *c, struct asked *a, char **ret_token, char **ret_id,
			   struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	json_cstr(&o, "device_code", a->secret);
	json_close(&o);
	while (a->left) {
		AUTO(json_freep) struct json *j = NULL;

		clock_sleep(a->interval * USEC_SEC);
		a->left -= MIN_OF(a->left, a->interval);
		enum rc rc = client_post_as(c, "", WIRE_LOGIN "/device/token", strbuf_str(&body),
					    &j, err);
		if (rc == RC_OK && json_get_text(j, "token", NULL)) {
			*ret_token = xstrdup(text_at(j, "token"));
			*ret_id = xstrdup(text_at(j, "id"));
			break;
		}
		if (rc == RC_OK)
			return err_set(err, RC_CORRUPT, "the daemon's answer has no token");
		if (says(err, "slow_down"))
			a->interval++;
		else if (!says(err, "authorization_pending") && rc != RC_UNAVAILABLE)
			return rc; /* RFC 8628, 3.5: a time-out is no answer, and is asked again */
	}
	mem_wipe(body.p, body.n);
	return *ret_token ? RC_OK
			  : err_set(err, RC_DENIED,
				    "nobody said yes in time; begin again: penstock login");
}

static enum rc get_token(struct cli *c, const char *server, char **ret_token, char **ret_id,
			 struct err *err)
{
	AUTO(asked_done) struct asked a = {0};
	struct str base = str_of(server);

	if (cli_value(c, "token"))
		return read_token(cli_value(c, "token"), ret_token, err);
	enum rc rc = ask_code(c, &a, err);
	if (rc != RC_OK)
		return rc;
	while (str_ends(base, "/"))
		base.n--;
	tell(c,
	     "Open this in a browser, and say yes when the page asks about the code %s:\n\n  %.*s/device?code=%s\n\n",
	     a.code, (int)base.n, base.p, a.code);
	tell(c, "Waiting, for at most %llu minutes; Ctrl-C gives up.\n",
	     (unsigned long long)(a.left + 59) / 60);
	return await_token(c, &a, ret_token, ret_id, err);
}

/* Only a token that opens something is kept. */
static enum rc keep(struct cli *c, const char *server, const char *token, const char *id,
		    char **ret_actor, struct err *err)
{
	AUTO(credentials_done) struct credentials all = {0};
	AUTO(json_freep) struct json *me = NULL;
	enum rc rc = client_get_as(c, token, WIRE_ME, &me, err);

	if (rc == RC_OK)
		rc = credentials_read(&all, err);
	if (rc != RC_OK)
		return rc;
	*ret_actor = xstrdup(text_at(me, "actor"));
	credentials_set(&all, server, token, id && *id ? id : NULL);
	return credentials_write(&all, err);
}

static int run_login(struct cli *c)
{
	AUTO(freep) char *id = NULL;
	AUTO(freep) char *actor = NULL;
	const char *server = NULL;
	char *token = NULL;
	struct err err = {0};
	enum rc rc = need_server(c, &server, &err);

	if (rc == RC_OK)
		rc = get_token(c, server, &token, &id, &err);
	if (rc == RC_OK)
		rc = keep(c, server, token, id, &actor, &err);
	if (token)
		mem_wipe(token, strlen(token));
	xfree(token);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		struct json_out o = JSON_OUT(&c->out);

		json_open(&o, NULL);
		json_cstr(&o, "server", server);
		json_cstr(&o, "actor", actor);
		json_close(&o);
		say(c, "\n");
		return EXIT_GOOD;
	}
	tint(&c->out, &c->term, GOOD, "%s", mark_good(&c->term));
	say(c, " %s at %s\n", actor, server);
	hint(c, "commands with --server %s, or PENSTOCK_SERVER, act as %s from now on", server,
	     actor);
	return EXIT_GOOD;
}

/* ---- logout ---- */

static enum rc which(struct cli *c, struct credentials *all, struct credential **ret,
		     struct err *err)
{
	const char *server = client_server(c);

	*ret = server ? credentials_find(all, server) : all->list.n == 1 ? &all->list.v[0] : NULL;
	if (*ret)
		return RC_OK;
	if (server)
		return err_set(err, RC_NOT_FOUND, "no token is kept for %s", server);
	return err_set(err, all->list.n ? RC_INVALID : RC_NOT_FOUND, "%s",
		       all->list.n ? "tokens of several servers are kept: which one? --server URL"
				   : "no token is kept");
}

/* One that opens nothing any more is as good as revoked. */
static enum rc end_token(struct cli *c, const struct credential *one, struct err *err)
{
	AUTO(freep) char *path = client_path(WIRE_ME "/tokens", one->id, "");
	enum rc rc = url_is_safe(one->server, cli_flag(c, "insecure"), err);

	if (rc == RC_OK)
		rc = client_delete_at(c, one->server, one->token, path, err);
	return rc == RC_NOT_FOUND || rc == RC_DENIED ? RC_OK : rc;
}

static int run_logout(struct cli *c)
{
	AUTO(credentials_done) struct credentials all = {0};
	AUTO(freep) char *server = NULL;
	struct credential *one = NULL;
	struct err err = {0};
	enum rc rc = credentials_read(&all, &err);
	bool revoked = false;

	if (rc == RC_OK)
		rc = which(c, &all, &one, &err);
	if (rc == RC_OK && one->id && !cli_flag(c, "local")) {
		rc = end_token(c, one, &err);
		revoked = rc == RC_OK;
		if (rc != RC_OK)
			rc = err_wrap(&err, "the token is kept (--local forgets it all the same)");
	}
	if (rc != RC_OK)
		return cli_fail(c, &err);
	server = xstrdup(one->server);
	credentials_drop(&all, one);
	if (credentials_write(&all, &err) != RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		say(c, "{\"ok\":true}\n");
		return EXIT_GOOD;
	}
	tint(&c->out, &c->term, GOOD, "%s", mark_good(&c->term));
	say(c, " the token for %s is %s\n", server,
	    revoked ? "revoked, and forgotten here" : "forgotten here; it is not revoked");
	return EXIT_GOOD;
}

static const struct option login_options[] = {
	{"token", 0, "TOKEN", "keep this one instead; - reads it from standard input"},
	{"name", 0, "TEXT", "of the token: where it is (this machine's name)"},
	{0},
};
static const struct option logout_options[] = {
	{"local", 0, NULL, "only forget it here; it is not revoked"},
	{0},
};

const struct command cmd_login = {
	.name = "login",
	.group = GROUP_PEOPLE,
	.summary = "Get a token for this machine; you say yes in a browser",
	.usage = "--server URL",
	.options = login_options,
	.examples = "penstock login --server https://ci.example\n"
		    "penstock login --server https://ci.example --token - <token",
	.run = run_login,
};
const struct command cmd_logout = {
	.name = "logout",
	.group = GROUP_PEOPLE,
	.summary = "Revoke and forget the token that login got",
	.usage = "[--server URL]",
	.options = logout_options,
	.examples = "penstock logout",
	.run = run_logout,
};
