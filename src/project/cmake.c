/* CMakeLists.txt: targets, what they link, and folders that belong to it. Variables are not followed. */
#include "project/buildfile_impl.h"
#include "project/scan.h"

#include <strings.h>

struct cmake {
	struct source *s;
	struct scan scan;
	struct str args[256]; /* of the command */
	uint32_t lines[256];
	size_t n;
};

/* At "(": the arguments up to its ")"; inner brackets are part of them. */
static bool arguments(struct cmake *c)
{
	unsigned depth = 1;

	c->n = 0;
	while (depth && scan_next(&c->scan) != SCAN_END) {
		if (scan_is(&c->scan, '('))
			depth++;
		else if (scan_is(&c->scan, ')'))
			depth--;
		else if (c->n < ARRAY_LEN(c->args)) {
			c->args[c->n] = c->scan.text;
			c->lines[c->n++] = c->scan.at_line;
		}
	}
	return depth == 0;
}

static bool is_command(struct str word, const char *name)
{
	return word.n == strlen(name) && strncasecmp(word.p, name, word.n) == 0;
}

static void target(struct cmake *c, bool program)
{
	static const char *const not_ours[] = {"IMPORTED", "ALIAS"};

	if (!c->n || memchr(c->args[0].p, '$', c->args[0].n))
		return;
	for (size_t i = 1; i < c->n && i < 4; i++)
		for (size_t k = 0; k < ARRAY_LEN(not_ours); k++)
			if (str_is(c->args[i], not_ours[k])) {
				if (k == 1)
					add_name(c->s, c->args[0]);
				return;
			}
	add_name(c->s, c->args[0]);
	c->s->m->unit = true;
	if (program)
		source_runs(c->s, "add_executable", c->lines[0]);
}

static bool links(struct cmake *c)
{
	static const char *const words[] = {
		"PUBLIC",      "PRIVATE",      "INTERFACE",
		"LINK_PUBLIC", "debug",        "optimized",
		"general",     "LINK_PRIVATE", "LINK_INTERFACE_LIBRARIES"};

	for (size_t i = 1; i < c->n; i++) {
		bool word = memchr(c->args[i].p, '$', c->args[i].n) || c->args[i].p[0] == '-';
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			word |= str_is(c->args[i], words[k]);
		if (!word &&
		    !add_mention(c->s, c->args[i], (struct str){NULL, 0}, false, c->lines[i]))
			return false;
	}
	return true;
}

enum rc read_cmake(struct source *s)
{
	struct cmake *c = xcalloc(1, sizeof(*c));
	enum rc rc = RC_OK;

	c->s = s;
	c->scan.hash = c->scan.loose = true;
	scan_init(&c->scan, s->text);
	while (rc == RC_OK && scan_next(&c->scan) != SCAN_END) {
		struct str word = c->scan.text;
		uint32_t line = c->scan.at_line;
		if (c->scan.kind != SCAN_WORD)
			continue;
		scan_next(&c->scan);
		if (!scan_is(&c->scan, '('))
			continue;
		if (!arguments(c))
			rc = source_fail(s, line, "the bracket of %.*s() is not closed",
					 (int)MIN_OF(word.n, (size_t)40), word.p);
		else if (is_command(word, "add_subdirectory") && c->n)
			add_member(s, c->args[0], false);
		else if (is_command(word, "add_executable") || is_command(word, "add_library"))
			target(c, is_command(word, "add_executable"));
		else if (is_command(word, "target_link_libraries") && !links(c))
			rc = too_many(s);
	}
	xfree(c);
	return rc;
}
