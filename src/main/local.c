#include "main/local.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/files.h"

#include <unistd.h>

static int exit_of(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return EXIT_GOOD;
	case RC_INVALID:
	case RC_NOT_FOUND:
	case RC_TOO_BIG:
		return EXIT_USAGE;
	case RC_CONFLICT:
	case RC_CORRUPT:
	case RC_INTERNAL:
		return EXIT_WORK;
	case RC_DENIED:
	case RC_UNAVAILABLE:
	case RC_NO_SPACE:
	case RC_UNSUPPORTED:
		return EXIT_ENVIRONMENT;
	}
	return EXIT_WORK;
}

/* One line, whatever a library's text holds. */
int local_fail(const struct err *err)
{
	char text[sizeof(err->msg)];

	memcpy(text, err->msg, sizeof(text));
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	(void)fflush(stdout);
	fprintf(stderr, "penstock: %s\n", text);
	return exit_of(err->rc);
}

int local_fail_as(const struct err *err, bool json)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	struct json_out out = JSON_OUT(&text);

	if (!json)
		return local_fail(err);
	json_open(&out, NULL);
	json_cstr(&out, "code", rc_name(err->rc));
	json_cstr(&out, "detail", err->msg);
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
	return local_fail(err);
}

void local_print(const struct strbuf *text)
{
	struct err err = {0};

	(void)fflush(stdout);
	if (fd_write(STDOUT_FILENO, strbuf_cstr(text), text->n, &err) != RC_OK)
		return; /* nobody reads it */
}

char *local_absolute(const char *path)
{
	char real[4096];

	if (*path == '/')
		return xstrdup(path);
	if (!getcwd(real, sizeof(real)))
		return xstrdup(path);
	return streq(path, ".") ? xstrdup(real) : xasprintf("%s/%s", real, path);
}
