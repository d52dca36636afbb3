/* The job's side of its services: start them, hear how they are, end them. */
#include "shim/box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL  4096
#define LINES 20
#define END   (12 * USEC_SEC)

static enum rc spec_file(const struct shim_spec *spec, int *ret, struct err *err)
{
	AUTO(fd_drop) int fd = memfd_create("spec", MFD_CLOEXEC);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	struct json_out o = JSON_OUT(&text);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	shape_write(&o, NULL, &shape_shim_spec, spec);
	enum rc rc = strbuf_failed(&text)
			     ? err_set(err, RC_TOO_BIG, "the services' spec is too big")
			     : write_all(fd, text.p, text.n, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	if (rc != RC_OK)
		return rc;
	lseek(fd, 0, SEEK_SET);
	*ret = fd;
	fd = -1;
	return RC_OK;
}

static enum rc start(struct sides *s, const char *dir, const struct shim_spec *spec,
		     struct err *err)
{
	AUTO(fd_drop) int in = -1;
	int told[2];
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};

	enum rc rc = spec_file(spec, &in, err);
	if (rc != RC_OK)
		return rc;
	if (pipe2(told, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe");
	AUTO(freep) char *in_text = xasprintf("%d", in), *told_text = xasprintf("%d", told[1]);
	const char *argv[] = {"/proc/self/exe", "--sides", dir, in_text, told_text, NULL};
	const int keep[] = {in, told[1]};
	struct spawn p = {.argv = argv,
			  .env = env,
			  .out = -1,
			  .keep = keep,
			  .nkeep = ARRAY_LEN(keep),
			  .session = true};
	rc = spawn(&p, &s->pid, err);
	close(told[1]);
	s->told = told[0];
	fcntl(s->told, F_SETFL, O_NONBLOCK);
	return rc;
}

/* The last lines of a service's log. */
static void show_log(const char *dir, struct str name, struct out *out)
{
	AUTO(freep) char *path = xasprintf("%s/services/%.*s/log", dir, (int)name.n, name.p);
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	static char text[TAIL];
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t n = fd < 0 ? 0 : pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);
	struct str rest = {text, n > 0 ? (size_t)n : 0};
	size_t lines = 0;

	for (size_t i = rest.n; i-- > 0;)
		if (rest.p[i] == '\n' && i + 1 < rest.n && ++lines == LINES) {
			rest = (struct str){rest.p + i + 1, rest.n - i - 1};
			break;
		}
	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');
		out_note(out, "%.*s | %.*s", (int)name.n, name.p, (int)MIN_OF(line.n, 1000u),
			 line.p);
	}
}

enum said { SAID_NOTHING, SAID_READY, SAID_FAILED };

static enum said hear(struct sides *s, const char *dir, struct out *out, struct err *err)
{
	char text[1024];
	ssize_t n = read(s->told, text, sizeof(text));
	struct str rest = {text, n > 0 ? (size_t)n : 0};

	if (n == 0) {
		err_set(err, RC_UNAVAILABLE, "the supervisor of the services was killed");
		return SAID_FAILED;
	}
	while (rest.n) {
		struct str line = str_cut(&rest, '\n'), word = str_cut(&line, ' ');
		struct str name = line.p ? str_cut(&line, ' ') : (struct str){0};
		if (str_is(word, "ready"))
			return SAID_READY;
		if (!str_is(word, "failed") && !str_is(word, "ended"))
			continue;
		err_set(err, RC_UNAVAILABLE, "service %.*s: %.*s", (int)name.n, name.p, (int)line.n,
			line.p ? line.p : "");
		if (dir)
			show_log(dir, name, out);
		return SAID_FAILED;
	}
	return SAID_NOTHING;
}

enum rc sides_up(struct sides *s, const char *dir, const struct shim_spec *spec,
		 struct watch *watch, struct out *out, struct err *err)
{
	enum said said = SAID_NOTHING;

	*s = (struct sides){.told = -1};
	if (!spec->sides.n)
		return RC_OK;
	enum rc rc = start(s, dir, spec, err);
	while (rc == RC_OK && said == SAID_NOTHING && !watch->end) {
		struct pollfd p[3] = {{s->told, POLLIN, 0},
				      {watch->signals, POLLIN, 0},
				      {watch->folder, POLLIN, 0}};
		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents | p[2].revents)
			watch_read(watch);
		if (p[0].revents)
			said = hear(s, dir, out, err);
	}
	s->dir = dir;
	s->up = said == SAID_READY;
	if (rc == RC_OK && said == SAID_FAILED)
		rc = RC_UNAVAILABLE;
	else if (rc == RC_OK && said != SAID_READY)
		rc = err_set(err, RC_CONFLICT, "cancelled");
	return rc;
}

void sides_down(struct sides *s, struct out *out)
{
	usec_t until = now_mono() + END;
	struct err err = {0};

	if (s->pid > 0) {
		if (s->told >= 0 && s->up && hear(s, s->dir, out, &err) == SAID_FAILED)
			out_note(out, "%s", err.msg);
		kill(s->pid, SIGTERM);
		while (waitpid(s->pid, NULL, WNOHANG) == 0) {
			if (now_mono() >= until)
				kill(s->pid, SIGKILL);
			usleep(2000);
		}
		s->pid = 0;
	}
	fd_drop(&s->told);
}
