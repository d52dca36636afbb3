/*
 * A report is a file that the job wrote, and may say its secrets. Only the shim knows them, so it leaves a copy without them beside the job's
 * folders, which is read instead: the file itself stays as it is, as it may be an output.
 */
#include "base/glob.h"
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE      ((size_t)64 << 10)
#define REPORT_MAX ((off_t)64 << 20) /* nobody reads a larger one */

static enum rc copy_masked(const struct mask *m, int from, int to, uint64_t *in, uint64_t *out,
			   struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(PIECE * 32);
	AUTO(freep) char *piece = xmalloc(PIECE);
	struct mask_stream s;
	enum rc rc = RC_OK;
	ssize_t k = 1;

	mask_open(&s, m);
	while (rc == RC_OK && k > 0) {
		k = read(from, piece, PIECE);
		if (k < 0 && errno == EINTR) {
			k = 1;
			continue;
		}
		if (k < 0)
			rc = err_errno(err, errno, "read");
		else if (k > 0)
			mask_feed(&s, (struct str){piece, (size_t)k}, &text);
		else
			mask_end(&s, &text);
		*in += k > 0 ? (uint64_t)k : 0;
		*out += text.n;
		if (rc == RC_OK)
			rc = write_all(to, strbuf_cstr(&text), text.n, err);
		strbuf_clear(&text);
	}
	mask_close(&s);
	mem_wipe(piece, PIECE);
	return rc;
}

static enum rc make_folders(const char *path, struct err *err)
{
	AUTO(freep) char *part = xstrdup(path);

	for (char *at = part + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_errno(err, errno, "create %s", part);
	}
	return RC_OK;
}

/* A copy at `to`, when something was hidden in it: what is hidden gets shorter. */
static enum rc mask_file(const struct mask *m, const char *path, const char *to, struct err *err)
{
	AUTO(fd_drop) int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO(freep) char *temp = xasprintf("%s.tmp", to);
	uint64_t in = 0, out = 0;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > REPORT_MAX)
		return RC_OK; /* it is not read either */
	enum rc rc = make_folders(to, err);
	if (rc != RC_OK)
		return rc;
	AUTO(fd_drop)
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "create %s", temp);
	rc = copy_masked(m, from, fd, &in, &out, err);
	if (rc == RC_OK && in != out && rename(temp, to) < 0)
		rc = err_errno(err, errno, "rename %s", temp);
	if (rc != RC_OK || in == out)
		unlink(temp);
	return rc;
}

static bool is_report(const struct shim_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->reports.n; i++)
		if (glob_match(str_of(spec->reports.v[i]), str_of(path)))
			return true;
	return false;
}

/* One that cannot be copied is taken away: a report less, and no secret told. */
static void mask_one(struct out *o, const char *path, const char *to, const char *name)
{
	struct err err = {0};

	if (mask_file(o->mask, path, to, &err) == RC_OK)
		return;
	unlink(path);
	out_note(o, "the report %s is left out, as secrets cannot be hidden in it: %s", name,
		 err.msg);
}

void reports_mask(struct out *o, const char *dir, const struct shim_spec *spec)
{
	AUTO(freep) char *summary = path_in(dir, "summary.md");
	char *roots[] = {spec->unit, NULL};
	size_t skip = spec->unit ? strlen(spec->unit) + 1 : 0;

	if (!spec->secrets.n && !spec->masks.n)
		return;
	mask_one(o, summary, summary, "summary");
	FTS *walk = spec->unit && spec->reports.n
			    ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL)
			    : NULL;
	for (FTSENT *e = NULL; walk && (e = fts_read(walk));) {
		if (e->fts_info != FTS_F || strlen(e->fts_path) <= skip ||
		    !is_report(spec, e->fts_path + skip))
			continue;
		AUTO(freep) char *to = xasprintf("%s/masked/%s", dir, e->fts_path + skip);
		mask_one(o, e->fts_path, to, e->fts_path + skip);
	}
	if (walk)
		fts_close(walk);
}
