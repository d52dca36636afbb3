/* Tokens: made, kept as hashes, found again. */
#include "io/httpd_token.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "io/files.h"

#define TOKENS_MAX ((size_t)256 << 10)
#define RANDOM     32

void tokens_init(struct tokens *t, const char *path)
{
	*t = (struct tokens){.path = path ? xstrdup(path) : NULL};
}

static void forget(struct tokens *t)
{
	vec_each(token, &t->list) {
		xfree(token->name);
		xfree(token->hash);
		xfree(token->groups);
		xfree(token->scope);
	}
	vec_done(&t->list);
}

void tokens_done(struct tokens *t)
{
	forget(t);
	xfree(t->path);
	*t = (struct tokens){0};
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > 64)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

static bool are_names(struct str list)
{
	while (list.p) {
		if (!is_name(str_cut(&list, ',')))
			return false;
	}
	return true;
}

bool token_is_scope(struct str s)
{
	uint64_t n;

	if (str_is(s, "trusted"))
		return true;
	if (str_starts(s, "agent/"))
		return is_name((struct str){s.p + 6, s.n - 6});
	if (!str_starts(s, "pr/") || s.n > TOKEN_SCOPE_MAX)
		return false;
	s.p += 3;
	s.n -= 3;
	return parse_u64(s, &n) && n > 0 && s.p[0] != '0';
}

static bool parse_line(struct str line, struct token *ret)
{
	struct str name = str_cut(&line, ':'), hash = str_cut(&line, ':'),
		   groups = str_cut(&line, ':'), scope = str_cut(&line, ':');
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	if (!is_name(name) || hash.n != DIGEST_HEX || !digest_parse(hash, &digest) ||
	    (groups.n && !are_names(groups)) || (scope.p && !token_is_scope(scope)) ||
	    (line.p && !str_is(line, "read-only")))
		return false;
	digest_hex(digest, hex);
	*ret = (struct token){.name = xstrndup(name.p, name.n),
			      .hash = xstrdup(hex),
			      .groups = xstrndup(groups.p ? groups.p : "", groups.n),
			      .scope = scope.p ? xstrndup(scope.p, scope.n) : NULL,
			      .read_only = line.p != NULL};
	return true;
}

enum rc tokens_parse(struct tokens *t, struct str text, struct err *err)
{
	struct tokens fresh = {0};

	for (unsigned n = 1; text.p && text.n; n++) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct token token;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!parse_line(line, &token)) {
			forget(&fresh);
			return err_set(
				err, RC_INVALID,
				"%s:%u: not name:sha256[:group,group[:scope[:read-only]]]; the whole file is not used",
				t->path ? t->path : "tokens", n);
		}
		vec_push(&fresh.list, token);
	}
	forget(t);
	t->list.v = fresh.list.v;
	t->list.n = fresh.list.n;
	t->list.cap = fresh.list.cap;
	return RC_OK;
}

static enum rc read_again(struct tokens *t, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKENS_MAX);
	struct stat st;

	if (!t->path || stat(t->path, &st) < 0) {
		forget(t);
		return t->path ? err_errno(err, errno, "tokens %s", t->path)
			       : err_set(err, RC_NOT_FOUND, "there are no tokens");
	}
	int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (st.st_mode & 077) {
		forget(t);
		t->inode = 0;
		return err_set(err, RC_DENIED, "others may read %s: chmod 600 it", t->path);
	}
	if (t->inode == st.st_ino && t->mtime_ns == mtime && t->size == st.st_size)
		return RC_OK;
	enum rc rc = file_read(t->path, TOKENS_MAX, &text, err);
	if (rc == RC_OK)
		rc = tokens_parse(t, strbuf_str(&text), err);
	if (rc != RC_OK) {
		forget(t);
		return rc;
	}
	t->inode = st.st_ino;
	t->mtime_ns = mtime;
	t->size = st.st_size;
	return RC_OK;
}

const struct token *tokens_find(struct tokens *t, struct str token, struct err *err)
{
	char hex[DIGEST_HEX + 1];

	if (read_again(t, err) != RC_OK)
		return NULL;
	digest_hex(digest_of(token), hex);
	vec_each(known, &t->list)
		if (streq(known->hash, hex))
			return known;
	err_set(err, RC_DENIED, "this token is not known");
	return NULL;
}

/* "pst_" and 256 random bits; the line that knows it again goes to `line`. */
static enum rc make_token(const char *name, const char *scope, bool read_only, struct strbuf *token,
			  struct strbuf *line, struct err *err)
{
	unsigned char bytes[RANDOM];
	char hex[DIGEST_HEX + 1];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, errno, "make a token");
	strbuf_adds(token, "pst_");
	strbuf_add_hex(token, bytes, sizeof(bytes));
	mem_wipe(bytes, sizeof(bytes));
	digest_hex(digest_of(strbuf_str(token)), hex);
	strbuf_addf(line, "%s:%s", name, hex);
	if (scope)
		strbuf_addf(line, "::%s%s", scope, read_only ? ":read-only" : "");
	strbuf_addc(line, '\n');
	return RC_OK;
}

#define FIRST_LINE "# name:sha256 of the token[:group,group[:scope[:read-only]]]\n"

static enum rc write_with(const char *path, struct str before, const char *name, const char *scope,
			  bool read_only, char **ret_token, struct err *err)
{
	AUTO(strbuf_done) struct strbuf token = STRBUF(256), text = STRBUF(TOKENS_MAX);

	strbuf_addstr(&text, before);
	if (before.n && !str_ends(before, "\n"))
		strbuf_addc(&text, '\n');
	enum rc rc = make_token(name, scope, read_only, &token, &text, err);
	if (rc == RC_OK && strbuf_failed(&text))
		rc = err_set(err, RC_TOO_BIG, "%s is full: %zu bytes", path, TOKENS_MAX);
	if (rc == RC_OK)
		rc = file_write(path, strbuf_str(&text), 0600, err);
	if (rc != RC_OK) {
		mem_wipe(token.p, token.n);
		return err_wrap(err, "make a token");
	}
	*ret_token = strbuf_take(&token);
	return RC_OK;
}

enum rc tokens_ensure(const char *path, const char *name, char **ret_token, struct err *err)
{
	if (file_exists(path)) {
		*ret_token = NULL;
		return RC_OK;
	}
	return write_with(path, STR(FIRST_LINE), name, NULL, false, ret_token, err);
}

/* Others may write the same file at this moment: one after another. */
static enum rc read_locked(const char *path, int *ret_lock, struct strbuf *text, struct err *err)
{
	AUTO(freep) char *lock = xasprintf("%s.lock", path);
	AUTO(strbuf_done) struct strbuf all = STRBUF(TOKENS_MAX);
	struct tokens t = {0};
	enum rc rc = file_lock(lock, ret_lock, err);

	if (rc == RC_OK && file_exists(path))
		rc = file_read(path, TOKENS_MAX, &all, err);
	if (rc == RC_OK)
		rc = tokens_parse(&t, strbuf_str(&all), err);
	tokens_done(&t);
	if (rc == RC_OK)
		strbuf_addstr(text, all.n ? strbuf_str(&all) : STR(FIRST_LINE));
	return rc;
}

static bool is_line_of(struct str line, const char *name)
{
	return str_is(str_cut(&line, ':'), name) && line.p;
}

enum rc tokens_add(const char *path, const char *name, const char *scope, bool read_only,
		   char **ret_token, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKENS_MAX);
	AUTO(fd_close) int lock = -1;

	if (!is_name(str_of(name)))
		return err_set(err, RC_INVALID,
			       "\"%.80s\" is no name of a token: letters, digits, - _ . up to 64",
			       name);
	if (scope && !token_is_scope(str_of(scope)))
		return err_set(err, RC_INVALID,
			       "\"%.80s\" is no scope: trusted, pr/NUMBER or agent/NAME", scope);
	enum rc rc = read_locked(path, &lock, &text, err);
	struct str rest = strbuf_str(&text);
	while (rc == RC_OK && rest.p)
		if (is_line_of(str_trim(str_cut(&rest, '\n')), name))
			rc = err_set(err, RC_CONFLICT,
				     "there is a token %s already: remove it, or take another name",
				     name);
	return rc == RC_OK
		       ? write_with(path, strbuf_str(&text), name, scope, read_only, ret_token, err)
		       : rc;
}

enum rc tokens_remove(const char *path, const char *name, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKENS_MAX), left = STRBUF(TOKENS_MAX);
	AUTO(fd_close) int lock = -1;
	enum rc rc = read_locked(path, &lock, &text, err);
	struct str rest = strbuf_str(&text);
	bool found = false;

	while (rc == RC_OK && rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		if (is_line_of(str_trim(line), name)) {
			found = true;
			continue;
		}
		strbuf_addstr(&left, line);
		strbuf_addc(&left, '\n');
	}
	if (rc == RC_OK && !found)
		return err_set(err, RC_NOT_FOUND, "there is no token %s in %s", name, path);
	return rc == RC_OK ? file_write(path, strbuf_str(&left), 0600, err) : rc;
}
