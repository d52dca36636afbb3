/* Jobs that the hub knows of, and their logs: <dir>/logs/<job id, '/' as '+'>.<attempt>, and the marks beside it: .idx */
#include "flow/2-agent/hub.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"

char *hub_log_path(const struct hub *h, const char *job, uint32_t attempt, enum hub_log what)
{
	char *ret =
		xasprintf("%s/logs/%s.%u%s", h->dir, job, attempt, what == HUB_MARKS ? ".idx" : "");

	for (char *p = ret + strlen(h->dir) + 6; *p; p++)
		if (*p == '/')
			*p = '+';
	return ret;
}

uint64_t hub_log_size(const struct hub *h, const char *job, uint32_t attempt, enum hub_log what)
{
	AUTO(freep) char *path = hub_log_path(h, job, attempt, what);
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

enum rc hub_log_read(const char *path, uint64_t from, size_t max, struct strbuf *ret,
		     bool *ret_whole, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[16384];

	*ret_whole = fd < 0;
	while (fd >= 0 && max) {
		ssize_t n = pread(fd, buf, MIN_OF(max, sizeof(buf)), (off_t)from);

		if (n < 0)
			return err_errno(err, errno, "read %s", path);
		*ret_whole = !n;
		if (!n)
			break;
		strbuf_add(ret, buf, (size_t)n);
		from += (uint64_t)n;
		max -= (size_t)n;
	}
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "the log's piece does not fit")
				  : RC_OK;
}

enum rc hub_log_write(const struct hub *h, const char *job, uint32_t attempt, enum hub_log what,
		      uint64_t from, struct str bytes, uint64_t *ret_have, struct err *err)
{
	AUTO(freep) char *path = hub_log_path(h, job, attempt, what);
	AUTO(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open %s", path);
	uint64_t have = (uint64_t)st.st_size;
	*ret_have = have;
	if (from > have || from + bytes.n <= have) /* a gap: it is asked for; or known already */
		return RC_OK;
	if (from + bytes.n > AGENT_LOG_MAX)
		return err_set(err, RC_TOO_BIG, "the log of %s is above %llu bytes", job,
			       (unsigned long long)AGENT_LOG_MAX);
	size_t skip = (size_t)(have - from);
	if (lseek(fd, (off_t)have, SEEK_SET) < 0)
		return err_errno(err, errno, "write %s", path);
	enum rc rc = fd_write(fd, bytes.p + skip, bytes.n - skip, err);
	if (rc == RC_OK)
		*ret_have = from + bytes.n;
	else if (ftruncate(fd, st.st_size) < 0)
		err_wrap(err, "cut off");
	return rc;
}

void hub_job_free(struct hub_job *job)
{
	hub_text_free(job->start);
	if (job->end)
		shape_done(&shape_agent_end, job->end);
	xfree(job->end);
	xfree(job->agent);
	xfree(job->id);
	xfree(job);
}

void hub_job_drop(struct hub *h, struct hub_job *job)
{
	AUTO(freep) char *path = hub_log_path(h, job->id, job->attempt, HUB_LOG);
	AUTO(freep) char *marks = hub_log_path(h, job->id, job->attempt, HUB_MARKS);

	unlink(path);
	unlink(marks);
	map_del(&h->jobs, str_of(job->id));
	hub_job_free(job);
}

struct hub_job *hub_job_make(struct hub *h, const char *id, uint32_t attempt, const char *agent)
{
	struct hub_job *job = xcalloc(1, sizeof(*job));

	*job = (struct hub_job){.id = xstrdup(id), .attempt = attempt, .agent = xstrdup(agent)};
	BUG_ON(map_put(&h->jobs, str_of(id), job) != NULL);
	return job;
}

/* Is this the log's name of a job that we know? */
static bool is_known(struct hub *h, const char *name)
{
	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));) {
		const struct hub_job *job = m->value;
		AUTO(freep) char *path = hub_log_path(h, job->id, job->attempt, HUB_LOG);

		if (str_starts(str_of(name), strrchr(path, '/') + 1))
			return true;
	}
	return false;
}

void hub_logs_sweep(struct hub *h)
{
	AUTO(freep) char *dir = xasprintf("%s/logs", h->dir);
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && !is_known(h, e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}
