#include "cli/credentials.h"

#include "base/json.h"
#include "io/files.h"

#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20)

static void forget(struct credential *one)
{
	if (one->token)
		mem_wipe(one->token, strlen(one->token));
	xfree(one->server);
	xfree(one->token);
	xfree(one->id);
}

void credentials_done(struct credentials *c)
{
	vec_each(one, &c->list)
		forget(one);
	vec_done(&c->list);
	xfree(c->path);
	c->path = NULL;
}

static struct str bare(const char *server)
{
	struct str s = str_of(server);

	while (str_ends(s, "/"))
		s.n--;
	return s;
}

struct credential *credentials_find(struct credentials *c, const char *server)
{
	struct str want = bare(server);

	vec_each(one, &c->list)
		if (str_is(want, one->server))
			return one;
	return NULL;
}

void credentials_drop(struct credentials *c, const struct credential *which)
{
	size_t i = (size_t)(which - c->list.v);

	forget(&c->list.v[i]);
	vec_remove(&c->list, i);
}

void credentials_set(struct credentials *c, const char *server, const char *token, const char *id)
{
	const struct credential *old = credentials_find(c, server);
	struct str name = bare(server);

	if (old)
		credentials_drop(c, old);
	vec_push(&c->list, ((struct credential){xstrndup(name.p, name.n), xstrdup(token),
						id ? xstrdup(id) : NULL}));
}

/* ---- the file ---- */

static enum rc find_path(char **ret, struct err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		*ret = xasprintf("%s/penstock/credentials.json", config);
	else if (home && *home)
		*ret = xasprintf("%s/.config/penstock/credentials.json", home);
	else
		return err_set(err, RC_UNSUPPORTED,
			       "there is no home folder to keep a token in: set HOME");
	return RC_OK;
}

static enum rc parse(struct credentials *c, struct str text, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;

	if (json_read(text, FILE_MAX, &j, err) != RC_OK)
		return err_wrap(err, "%s", c->path);
	const struct json *list = json_get(j, "servers");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *one = json_at(list, i);
		const char *server = json_get_text(one, "server", NULL),
			   *token = json_get_text(one, "token", NULL);

		if (!server || !token || strpbrk(token, "\r\n"))
			return err_set(
				err, RC_CORRUPT,
				"%s: entry %zu has no server or no token; remove the file, and log in again",
				c->path, i + 1);
		credentials_set(c, server, token, json_get_text(one, "id", NULL));
	}
	return RC_OK;
}

enum rc credentials_read(struct credentials *ret, struct err *err)
{
	struct strbuf text = STRBUF(FILE_MAX + 1);
	struct stat st;
	enum rc rc = find_path(&ret->path, err);

	if (rc != RC_OK || stat(ret->path, &st) != 0)
		return rc;
	if (st.st_mode & 077)
		return err_set(err, RC_DENIED, "%s may be read by others: chmod 600 %s", ret->path,
			       ret->path);
	rc = file_read(ret->path, FILE_MAX, &text, err);
	if (rc == RC_OK)
		rc = parse(ret, strbuf_str(&text), err);
	if (text.p)
		mem_wipe(text.p, text.n);
	strbuf_done(&text);
	return rc;
}

static enum rc make_folder(const char *path, struct err *err)
{
	AUTO(freep) char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	return dir_make(dir, 0700, err);
}

enum rc credentials_write(const struct credentials *c, struct err *err)
{
	struct strbuf text = STRBUF(FILE_MAX);
	struct json_out o = JSON_OUT(&text);
	enum rc rc = make_folder(c->path, err);

	json_open(&o, NULL);
	json_list(&o, "servers");
	vec_each(one, &c->list) {
		json_open(&o, NULL);
		json_cstr(&o, "server", one->server);
		json_cstr(&o, "token", one->token);
		if (one->id)
			json_cstr(&o, "id", one->id);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
	strbuf_addc(&text, '\n');
	if (rc == RC_OK && strbuf_failed(&text))
		rc = err_set(err, RC_TOO_BIG, "%s would be above 1 MiB", c->path);
	if (rc == RC_OK)
		rc = file_write(c->path, strbuf_str(&text), 0600, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	strbuf_done(&text);
	return rc;
}

/* ---- where a token may go ---- */

bool url_is_loopback(struct str url)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};

	if (!str_starts(url, "http://") && !str_starts(url, "https://"))
		return false;
	size_t front = str_starts(url, "https://") ? 8 : 7;
	url = (struct str){url.p + front, url.n - front};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (str_starts(url, hosts[i]) && (url.n == n || url.p[n] == ':' || url.p[n] == '/'))
			return true;
	}
	return false;
}

/* "http://127.0.0.1:1@host" is `host` to every client of HTTP. */
static bool has_user(struct str url)
{
	for (size_t i = 8; i < url.n && url.p[i] != '/'; i++)
		if (url.p[i] == '@')
			return true;
	return false;
}

enum rc url_is_safe(const char *url, bool insecure, struct err *err)
{
	struct str s = str_of(url);

	if (!str_starts(s, "https://") && !str_starts(s, "http://"))
		return err_set(err, RC_INVALID,
			       "--server takes an http or https URL, not \"%.100s\"", url);
	if (has_user(s))
		return err_set(err, RC_INVALID,
			       "--server takes no name and no password before the host");
	if (str_starts(s, "https://") || insecure || url_is_loopback(s))
		return RC_OK;
	return err_set(
		err, RC_INVALID,
		"http:// to another machine would send the token unencrypted: use https://, or --insecure");
}
