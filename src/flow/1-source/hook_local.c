/* The hook that tells the daemon of a push. */
#include "clients/git.h"
#include "flow/1-source/adapters.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "# penstock-hook"

/* $0 is absolute or relative to the repository, in which git runs hooks. */
static const char script_head[] =
	"#!/bin/sh\n" MARK
	" 1: written by Penstock. Your own hooks belong into post-receive.d, as programs.\n"
	"refs=$(cat)\n"
	"for hook in \"${0%/*}\"/post-receive.d/*; do\n"
	"\tif [ -f \"$hook\" ] && [ -x \"$hook\" ]; then\n"
	"\t\tprintf '%s\\n' \"$refs\" | \"$hook\"\n"
	"\tfi\n"
	"done\n";
static const char script_tail[] =
	"if ! printf '%s\\n' \"$refs\" | limit \"$penstock\" hook \"$repo\" 2>/dev/null; then\n"
	"\techo 'penstock: not told of this push; it will see it when it runs again' >&2\n"
	"fi\n"
	"exit 0\n";

static void write_script(struct strbuf *to, const char *repo, const char *socket,
			 const char *penstock)
{
	strbuf_adds(to, script_head);
	strbuf_adds(to, "limit() {\n\tif command -v timeout >/dev/null; then timeout 5 \"$@\"; "
			"else \"$@\"; fi\n}\n");
	strbuf_adds(to, "PENSTOCK_SOCKET=");
	strbuf_add_shellquoted(to, str_of(socket));
	strbuf_adds(to, "\nexport PENSTOCK_SOCKET\npenstock=");
	strbuf_add_shellquoted(to, str_of(penstock));
	strbuf_adds(to, "\nrepo=");
	strbuf_add_shellquoted(to, str_of(repo));
	strbuf_addc(to, '\n');
	strbuf_adds(to, script_tail);
}

/* Give a hook that somebody else wrote a second name in post-receive.d: there is no moment at
 * which it is missing. */
static enum rc keep_theirs(const char *hook, const char *folder, struct err *err)
{
	AUTO(freep) char *user = xasprintf("%s/user", folder);
	struct stat theirs, kept;

	enum rc rc = dir_make(folder, 0755, err);
	if (rc != RC_OK)
		return rc;
	if (link(hook, user) == 0)
		return RC_OK;
	if (errno != EEXIST)
		return err_errno(err, errno, "keep %s as %s", hook, user);
	if (stat(hook, &theirs) == 0 && lstat(user, &kept) == 0 && theirs.st_ino == kept.st_ino &&
	    theirs.st_dev == kept.st_dev)
		return RC_OK; /* an earlier try came this far */
	return err_set(err, RC_CONFLICT,
		       "%s and %s are both there: move one into %s under another name, remove it "
		       "here, and try again",
		       hook, user, folder);
}

static enum rc make_room(const char *hook, const char *folder, const struct strbuf *script,
			 bool *ret_done, struct err *err)
{
	AUTO(strbuf_done) struct strbuf now = STRBUF((size_t)4 << 20);
	struct stat st;

	if (lstat(hook, &st) < 0)
		return errno == ENOENT ? RC_OK : err_errno(err, errno, "hook %s", hook);
	if (!S_ISREG(st.st_mode))
		return err_set(
			err, RC_CONFLICT,
			"%s is a link or no file: move it to %s/user (a link with its whole path) "
			"and try again",
			hook, folder);
	enum rc rc = file_read(hook, now.cap, &now, err);
	if (rc != RC_OK)
		return rc;
	*ret_done = str_eq(strbuf_str(&now), strbuf_str(script)) && (st.st_mode & 0111) == 0111;
	return strstr(strbuf_cstr(&now), MARK) ? RC_OK : keep_theirs(hook, folder, err);
}

enum rc scm_install_hook(const char *repo_path, const char *socket_path, const char *penstock_path,
			 struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done)
	struct strbuf dir = STRBUF(REPO_MAX_PATH), script = STRBUF((size_t)64 << 10);
	bool done = false;
	enum rc rc = repo_open(repo_path, &r, err);

	if (rc == RC_OK)
		rc = repo_hooks(r, &dir, err);
	if (rc == RC_OK)
		rc = dir_make(strbuf_cstr(&dir), 0755, err);
	if (rc != RC_OK)
		return err_wrap(err, "install hook");
	AUTO(freep) char *hook = xasprintf("%s/post-receive", strbuf_cstr(&dir));
	AUTO(freep) char *folder = xasprintf("%s.d", hook);
	write_script(&script, repo_path, socket_path, penstock_path);
	rc = make_room(hook, folder, &script, &done, err);
	if (rc == RC_OK && !done)
		rc = file_write(hook, strbuf_str(&script), 0755, err);
	return rc == RC_OK ? RC_OK : err_wrap(err, "install hook");
}
