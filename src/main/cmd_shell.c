/* `penstock shell`: finds the kept folder of a failed job, and becomes the shim that opens it. */
#include "flow/2-build/kept.h"
#include "io/child.h"
#include "io/files.h"
#include "main/container_commands.h"
#include "main/house.h"
#include "secrets/adapters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)64 << 10)

struct wanted {
	char *run, *job; /* with '+' for '/'; NULL: any */
	const char *const *command;
	size_t n;
};

/* "run+ci+orders+test": the run in front, the job's last words behind. */
static bool fits(const struct wanted *w, const char *name)
{
	struct str s = str_of(name);
	size_t run = w->run ? strlen(w->run) : 0, job = w->job ? strlen(w->job) : 0;

	if (streq(name, w->run))
		return true;
	if (run && !(str_starts(s, w->run) && name[run] == '+'))
		return false;
	return !job || (str_ends(s, w->job) && (s.n == job || name[s.n - job - 1] == '+') &&
			s.n >= run + job);
}

static void list(struct cli *c, const char *top, const struct wanted *w, texts *ret)
{
	DIR *d = opendir(top);

	(void)c;
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && fits(w, e->d_name))
			vec_push(ret, xstrdup(e->d_name));
	if (d)
		closedir(d);
}

/* Its paths were written where it ran. */
static void move(char **path, const char *from, const char *to)
{
	if (!*path || !str_starts(str_of(*path), from))
		return;
	char *moved = xasprintf("%s%s", to, *path + strlen(from));
	xfree(*path);
	*path = moved;
}

static void move_all(struct shim_spec *s, const char *data, const char *name, const char *dir)
{
	AUTO(freep) char *from = xasprintf("%s/jobs/%s/", data, name);
	AUTO(freep) char *to = xasprintf("%s/", dir);

	for (size_t i = 0; i < s->binds.n; i++)
		move(&s->binds.v[i].from, from, to);
	move(&s->box.dir, from, to);
	for (size_t i = 0; i < s->sides.n; i++)
		move(&s->sides.v[i].box.dir, from, to);
}

static void add(shim_pairs *to, const char *key, const char *value)
{
	struct shim_pair p = {xstrdup(key), xstrdup(value)};

	vec_push(to, p);
}

static enum rc add_secrets(const char *data, const shim_pairs *references, struct shim_spec *s,
			   struct err *err)
{
	struct secret *store = secret_file_new(data);
	enum rc rc = RC_OK;

	for (size_t i = 0; i < references->n && rc == RC_OK; i++) {
		struct strbuf value = STRBUF(SECRET_MAX + 1);

		if (!str_starts(str_of(references->v[i].value), "file:"))
			continue; /* a token that the daemon made for that one attempt */
		rc = secret_get(store, references->v[i].value, &value, err);
		if (rc == RC_OK)
			add(&s->secrets, references->v[i].key, strbuf_cstr(&value));
		if (value.p)
			mem_wipe(value.p, value.size);
		strbuf_done(&value);
	}
	secret_free(store);
	return rc;
}

/* What is run there, in front of a person. */
static void program(struct shim_spec *s, const struct wanted *w)
{
	const char *term = getenv("TERM");

	for (size_t i = 0; i < w->n; i++)
		vec_push(&s->argv, xstrdup(w->command[i]));
	/* Without job control: the terminal's process groups are not of the sandbox's namespace. */
	static const char *const shell[] = {"/bin/sh", "-i", "+m"};
	for (size_t i = 0; i < ARRAY_LEN(shell) && !w->n; i++)
		vec_push(&s->argv, xstrdup(shell[i]));
	if (term)
		add(&s->env, "TERM", term);
	xfree(s->box.runtime); /* a terminal is bubblewrap's: a job's user is root in both */
	s->box.runtime = NULL;
}

static enum rc become_shim(const char *dir, const struct shim_spec *s, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	AUTO(freep) char *shim = shim_path();
	struct json_out o = JSON_OUT(&text);
	int fd = -1;

	shape_write(&o, NULL, &shape_shim_spec, s);
	enum rc rc = strbuf_failed(&text) ? err_set(err, RC_TOO_BIG, "the environment is too big")
					  : child_stdin(strbuf_str(&text), &fd, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	if (rc != RC_OK)
		return rc;
	fcntl(fd, F_SETFD, 0);
	AUTO(freep) char *number = xasprintf("%d", fd);
	execl(shim, shim, "--shell", dir, number, (char *)NULL);
	return err_errno(err, errno, "start %s", shim);
}

static enum rc open_kept(struct cli *c, const char *data, const char *name, const struct wanted *w,
			 struct err *err)
{
	AUTO(freep) char *dir = xasprintf("%s/kept/%s", data, name);
	AUTO(freep) char *lock = xasprintf("%s/%s", dir, KEPT_LOCK);
	struct kept_shell k = {0};
	int fd = -1;

	enum rc rc = file_lock(lock, &fd, err);
	if (rc == RC_CONFLICT)
		return err_set(err, rc, "somebody else has a shell in it");
	if (rc == RC_OK)
		fcntl(fd, F_SETFD, 0); /* held as long as the shell is open */
	if (rc == RC_OK)
		rc = kept_shell_read(dir, &k, err);
	if (rc == RC_OK && cli_flag(c, "secrets"))
		rc = add_secrets(data, &k.secrets, &k.spec, err);
	if (rc == RC_OK) {
		move_all(&k.spec, data, name, dir);
		program(&k.spec, w);
		cli_flush(c);
		rc = become_shim(dir, &k.spec, err);
	}
	shape_done(&shape_kept_shell, &k);
	return rc;
}

static char *with_plus(const char *text)
{
	char *ret = xstrdup(text);

	for (char *p = ret; *p; p++)
		if (*p == '/')
			*p = '+';
	return ret;
}

static void show(struct cli *c, const texts *found, const char *top)
{
	if (!found->n)
		say(c, "no failed job's sandbox is kept in %s\n", top);
	for (size_t i = 0; i < found->n; i++) {
		for (char *p = found->v[i]; *p; p++)
			if (*p == '+')
				*p = '/';
		say(c, "%s\n", found->v[i]);
	}
}

int run_shell(struct cli *c)
{
	AUTO(freep) char *data = realpath(cli_data(c), NULL);
	AUTO(freep) char *top = xasprintf("%s/kept", data ? data : cli_data(c));
	size_t words = c->n_args < c->n_before ? c->n_args : c->n_before;
	AUTO(freep) char *run = words > 0 ? with_plus(c->args[0]) : NULL;
	AUTO(freep) char *job = words > 1 ? with_plus(c->args[1]) : NULL;
	struct wanted w = {run, job, c->args + words, c->n_args - words};
	struct err err = {0};
	texts found = {0};
	int code = EXIT_GOOD;

	if (words > 2)
		return cli_usage(c, "shell takes RUN and JOB; a command stands behind --");
	list(c, top, &w, &found);
	if (!words) {
		show(c, &found, top);
	} else if (found.n == 1) {
		code = open_kept(c, data ? data : "", found.v[0], &w, &err) == RC_OK
			       ? EXIT_GOOD
			       : cli_fail(c, &err);
	} else {
		err_set(&err, RC_NOT_FOUND,
			found.n ? "%zu kept jobs fit: say which"
				: "no kept job fits; `penstock shell` lists them",
			found.n);
		code = cli_fail(c, &err);
		if (found.n)
			show(c, &found, top);
	}
	vec_each(f, &found)
		xfree(*f);
	vec_done(&found);
	return code;
}
