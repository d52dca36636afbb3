/* Input for tests: a folder of their own, and repositories made by the git command line. */
#pragma once
#include "base/strbuf.h"
#include "base/mem.h"
#include "io/files.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char input_dir[64];

static inline int input_begin(void **state)
{
	static const char *const env[][2] = {
		{"GIT_CONFIG_NOSYSTEM", "1"},  {"GIT_CONFIG_GLOBAL", "/dev/null"},
		{"GIT_AUTHOR_NAME", "Ann"},    {"GIT_AUTHOR_EMAIL", "ann@example.com"},
		{"GIT_COMMITTER_NAME", "Ann"}, {"GIT_COMMITTER_EMAIL", "ann@example.com"},
		{"GIT_TERMINAL_PROMPT", "0"},  {"LC_ALL", "C"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(env); i++)
		setenv(env[i][0], env[i][1], 1);
	snprintf(input_dir, sizeof(input_dir), "/tmp/penstock-git-XXXXXX");
	assert_non_null(mkdtemp(input_dir));
	assert_int_equal(chdir(input_dir), 0);
	return 0;
}

/* Run a shell command in the test's folder; its first line of output, which must be there unless
 * it is "". */
PRINTF(1, 2) static inline const char *sh(const char *fmt, ...)
{
	static char lines[64][256];
	static unsigned next;
	char *line = lines[next++ % 64];
	AUTO(strbuf_done) struct strbuf command = STRBUF(100000);
	va_list ap;

	strbuf_adds(&command, "cd ");
	strbuf_adds(&command, input_dir);
	strbuf_adds(&command, " && set -e && exec 2>>stderr; ");
	va_start(ap, fmt);
	strbuf_addv(&command, fmt, ap);
	va_end(ap);
	FILE *p = popen(strbuf_cstr(&command), "r");
	assert_non_null(p);
	if (!fgets(line, sizeof(lines[0]), p))
		line[0] = '\0';
	while (fgetc(p) != EOF)
		;
	int status = pclose(p);
	if (status)
		fail_msg("%s: status %d", strbuf_cstr(&command), status);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static inline int input_end(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	sh("rm -rf %s", input_dir);
	return 0;
}

/* A bare repository NAME.git and a work tree NAME that pushes into it. */
static inline void make_repo(const char *name)
{
	sh("git init -q --bare -b main %s.git && git init -q -b main %s && cd %s && git remote add origin ../%s.git",
	   name, name, name, name);
}

/* Commit one file in the work tree and push the branch it is on; returns the commit. */
static inline const char *push_file(const char *name, const char *path, const char *text)
{
	sh("cd %s && mkdir -p \"$(dirname %s)\" && printf '%s' > %s && git add -A && git commit -qm 'change %s' && "
	   "git push -qf origin HEAD",
	   name, path, text, path, path);
	return sh("git -C %s rev-parse HEAD", name);
}
