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

static bool parse_line(struct str line, struct token *ret)
{
	struct str name = str_cut(&line, ':'), hash = str_cut(&line, ':');
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	if (!is_name(name) || hash.n != DIGEST_HEX || !digest_parse(hash, &digest) ||
	    (line.p && line.n && !are_names(line)))
		return false;
	digest_hex(digest, hex);
	*ret = (struct token){xstrndup(name.p, name.n), xstrdup(hex),
			      xstrndup(line.p ? line.p : "", line.n)};
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
				"%s:%u: not name:sha256[:group,group]; the whole file is not used",
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

enum rc tokens_ensure(const char *path, const char *name, char **ret_token, struct err *err)
{
	unsigned char bytes[RANDOM];
	AUTO(strbuf_done) struct strbuf token = STRBUF(256), line = STRBUF(512);
	char hex[DIGEST_HEX + 1];

	if (file_exists(path)) {
		*ret_token = NULL;
		return RC_OK;
	}
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, errno, "make a token");
	strbuf_adds(&token, "pst_");
	strbuf_add_hex(&token, bytes, sizeof(bytes));
	mem_wipe(bytes, sizeof(bytes));
	digest_hex(digest_of(strbuf_str(&token)), hex);
	strbuf_addf(&line, "# name:sha256 of the token[:group,group]\n%s:%s\n", name, hex);
	enum rc rc = file_write(path, strbuf_str(&line), 0600, err);
	if (rc != RC_OK) {
		mem_wipe(token.p, token.n);
		return err_wrap(err, "make a token");
	}
	*ret_token = strbuf_take(&token);
	return RC_OK;
}
