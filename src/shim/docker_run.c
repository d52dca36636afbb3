/* What the docker client is told: an empty container with limits. Neither the environment nor what runs in it stands there. */
#include "shim/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE    "penstock-empty:1" /* no file at all; the same for everybody on the machine */
#define SAID_MAX 4096

char *docker_ask(const struct shim_box *box, unsigned turn)
{
	return xasprintf("%s/ask.%u", box->dir, turn);
}

static void option(shim_texts *to, const char *name, char *take_value)
{
	vec_push(to, xstrdup(name));
	vec_push(to, take_value);
}

static void words_of(shim_texts *to, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_push(to, xstrdup(list[i]));
}

static void limits(shim_texts *to, const struct docker_run *run)
{
	if (run->memory) {
		option(to, "--memory", xasprintf("%llu", (unsigned long long)run->memory));
		option(to, "--memory-swap", xasprintf("%llu", (unsigned long long)run->memory));
	}
	if (run->pids) /* its first process is one of them */
		option(to, "--pids-limit", xasprintf("%llu", (unsigned long long)run->pids + 1));
}

/* Beside this program; it is linked statically, as the container has nothing else. */
static char *init_path(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	return xasprintf("%.*s/penstock-init", slash ? (int)(slash - self) : 0, self);
}

/* Mounting wants CAP_SYS_ADMIN, which the init gives up before anything of the job runs; AppArmor's and SELinux's rules for docker's containers would
 * not let it. Docker's filter of system calls stays. */
static void command_line(shim_texts *to, const struct docker_run *run)
{
	const char *const fixed[] = {run->box->runtime,
				     "run",
				     "--rm",
				     "--detach",
				     "--pull=never",
				     "--network=none",
				     "--ipc=private",
				     "--cgroupns=private",
				     "--userns=host",
				     "--log-driver=none",
				     "--security-opt=no-new-privileges",
				     "--security-opt=apparmor=unconfined",
				     "--security-opt=label=disable",
				     "--cap-drop=ALL",
				     "--cap-add=SYS_ADMIN"};
	bool named = run->name && *run->name && !strchr(run->name, '/');
	AUTO(freep) char *init = init_path();

	words_of(to, fixed, ARRAY_LEN(fixed));
	for (size_t i = 0; i < ARRAY_LEN(box_caps); i++)
		option(to, "--cap-add", xstrdup(box_caps[i]));
	option(to, "--hostname", xstrdup(named ? run->name : "job"));
	option(to, "--label", xasprintf(DOCKER_LABEL "=%s", run->box->data ? run->box->data : ""));
	limits(to, run);
	option(to, "--volume", xasprintf("%s:/init:ro", init));
	option(to, "--volume", xasprintf("%s:/ask:ro", run->ask));
	vec_push(to, xstrdup(IMAGE));
	vec_push(to, xstrdup("/init"));
}

/* Run the client to its end; what it says goes to `said`. keep: a descriptor for it, or -1. Its exit code. */
static int client(const shim_texts *line, const struct docker_run *run, int said, int keep)
{
	AUTO(freep) char *host = xasprintf("DOCKER_HOST=%s", run->box->host);
	const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", host,
				   NULL};
	struct spawn s = {.env = env,
			  .dir = "/",
			  .out = said,
			  .keep = &keep,
			  .nkeep = keep >= 0,
			  .session = true};
	struct err err = {0};
	words argv = {0};
	pid_t pid = 0;
	int how = 0;

	for (size_t i = 0; i < line->n; i++)
		vec_push(&argv, line->v[i]);
	vec_push(&argv, NULL);
	s.argv = argv.v;
	if (spawn(&s, &pid, &err) != RC_OK)
		dprintf(said, "%s\n", err.msg);
	vec_done(&argv);
	while (pid && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return pid && WIFEXITED(how) ? WEXITSTATUS(how) : 125;
}

/* `docker system prune` takes it away when nothing runs: two blocks of zeros are an archive without files. */
static bool make_image(const struct docker_run *run, int said)
{
	static const char nothing[1024];
	AUTO(fd_drop) int tar = memfd_create("empty.tar", MFD_CLOEXEC);
	AUTO(freep) char *path = xasprintf("/proc/self/fd/%d", tar);
	const char *const import[] = {run->box->runtime, "image", "import", path, IMAGE};
	shim_texts line = {0};
	struct err err = {0};

	if (tar < 0 || write_all(tar, nothing, sizeof(nothing), &err) != RC_OK)
		return false;
	words_of(&line, import, ARRAY_LEN(import));
	int code = client(&line, run, said, tar);
	texts_free(&line);
	return code == 0;
}

static void show(int said, int log)
{
	char text[SAID_MAX];
	ssize_t n = pread(said, text, sizeof(text), 0);
	struct str rest = str_trim((struct str){text, n > 0 ? (size_t)n : 0});

	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n)
			dprintf(log, "[penstock] %.*s\n", (int)line.n, line.p);
	}
}

bool docker_run(const struct docker_run *run, int log)
{
	AUTO(fd_drop) int said = memfd_create("said", MFD_CLOEXEC);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SAID_MAX + 1);
	struct err err = {0};
	shim_texts line = {0};

	command_line(&line, run);
	int code = client(&line, run, said, -1);
	lseek(said, 0, SEEK_SET);
	if (code && read_fd(said, SAID_MAX, &text, &err) == RC_OK &&
	    strstr(strbuf_cstr(&text), "No such image")) {
		(void)!ftruncate(said, 0);
		lseek(said, 0, SEEK_SET);
		if (make_image(run, said))
			code = client(&line, run, said, -1);
	}
	if (code)
		show(said, log);
	texts_free(&line);
	return code == 0;
}
