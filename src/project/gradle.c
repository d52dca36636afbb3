/*
 * settings.gradle and build.gradle, Groovy and Kotlin: include(":a:b"), project(":x").projectDir = file("dir"),
 * project(":x") and the accessors projects.a.b as dependencies, plugins that make a program. Read, never evaluated.
 */
#include "project/buildfile_impl.h"
#include "project/scan.h"

static struct scan begin(const struct source *s)
{
	struct scan scan = {.slashes = true};

	scan_init(&scan, s->text);
	return scan;
}

/* ":a:b" is a/b, unless something else is said. */
static void set_place(struct source *s, struct str project, char *take_dir)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF(1024);

	if (!project.n || project.p[0] != ':')
		strbuf_addc(&name, ':');
	strbuf_addstr(&name, project);
	vec_each(p, &s->m->places)
		if (streq(p->key, strbuf_cstr(&name))) {
			xfree(p->value);
			p->value = take_dir;
			return;
		}
	if (strbuf_failed(&name) || s->m->places.n == BUILDFILE_MENTIONS)
		xfree(take_dir);
	else
		vec_push(&s->m->places, ((struct pair){strbuf_take(&name), take_dir}));
}

static void include(struct source *s, struct str project)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(1024);

	strbuf_addstr(&path, project);
	for (size_t i = 0; i < path.n; i++)
		path.p[i] = path.p[i] == ':' ? '/' : path.p[i];
	while (path.n && *path.p == '/') { /* ":a" */
		memmove(path.p, path.p + 1, path.n);
		path.n--;
	}
	char *dir = strbuf_failed(&path) ? NULL : path_join(s->m->dir, strbuf_str(&path));
	if (dir)
		set_place(s, project, dir);
}

/* After "include": texts, with commas and brackets between them. */
static void includes(struct source *s, struct scan *scan)
{
	while (scan_next(scan) == SCAN_TEXT || scan_is(scan, ',') || scan_is(scan, '(') ||
	       scan_is(scan, '[')) {
		if (scan->kind == SCAN_TEXT && !memchr(scan->text.p, '$', scan->text.n))
			include(s, scan->text);
	}
}

/* After "project": (":x") .projectDir = file("dir") or new File(settingsDir, "dir"). */
static void moves(struct source *s, struct scan *scan)
{
	struct str project = {NULL, 0};
	uint32_t line = scan->at_line;
	bool dir = false;

	for (unsigned i = 0; i < 16 && scan_next(scan) != SCAN_END; i++) {
		if (scan->kind == SCAN_WORD && str_ends(scan->text, "projectDir"))
			dir = true;
		else if (scan->kind == SCAN_TEXT && !project.p)
			project = scan->text;
		else if (scan->kind == SCAN_TEXT && dir) {
			char *path = path_join(s->m->dir, scan->text);
			if (path)
				set_place(s, project, path);
			return;
		} else if (!dir && scan->at_line > line + 1) {
			return;
		}
	}
}

enum rc read_gradle_settings(struct source *s)
{
	struct scan scan = begin(s);

	s->m->workspace = true;
	scan_next(&scan);
	while (scan.kind != SCAN_END) {
		bool word = scan.kind == SCAN_WORD;
		if (word && str_is(scan.text, "include")) {
			includes(s, &scan);
			continue; /* what ended it is looked at, too */
		}
		if (word && str_is(scan.text, "project"))
			moves(s, &scan);
		scan_next(&scan);
	}
	return scan.unclosed ? source_fail(s, scan.line, "a text or comment is not closed") : RC_OK;
}

static void plugin(struct source *s, struct str text, uint32_t line)
{
	if (str_is(text, "application") || str_is(text, "org.springframework.boot") ||
	    str_is(text, "io.quarkus") || str_is(text, "io.micronaut.application"))
		source_runs(s, "a plugin that makes a program", line);
}

/* "projects.libs.sharedModel" is ":libs:shared-model", with any of its spellings. */
static bool accessor(struct source *s, struct str text, uint32_t line)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF(1024);

	for (size_t i = strlen("projects"); i < text.n; i++) {
		char c = text.p[i];
		if (c >= 'A' && c <= 'Z') {
			strbuf_addc(&name, '-');
			c = (char)(c - 'A' + 'a');
		}
		strbuf_addc(&name, c == '.' ? ':' : c);
	}
	return strbuf_failed(&name) ||
	       add_mention(s, strbuf_str(&name), (struct str){NULL, 0}, false, line);
}

/* After "project" in a list of dependencies: (":x") or (path: ":x"). */
static bool project(struct source *s, struct scan *scan)
{
	for (unsigned i = 0; i < 5 && scan_next(scan) != SCAN_END; i++) {
		if (scan->kind == SCAN_TEXT)
			return scan->text.n == 0 || scan->text.p[0] != ':' ||
			       add_mention(s, scan->text, (struct str){NULL, 0}, false,
					   scan->at_line);
		if (scan->kind == SCAN_WORD && !str_is(scan->text, "path"))
			break;
	}
	return true;
}

enum rc read_gradle(struct source *s)
{
	struct scan scan = begin(s);
	bool id = false;

	s->m->unit = true;
	while (scan_next(&scan) != SCAN_END) {
		if (scan.kind == SCAN_TEXT && id)
			plugin(s, scan.text, scan.at_line);
		if (scan.kind != SCAN_WORD) {
			id = id && scan_is(&scan, '(');
			continue;
		}
		id = str_is(scan.text, "id") || str_is(scan.text, "plugin") ||
		     str_is(scan.text, "apply");
		if (str_is(scan.text, "application"))
			plugin(s, scan.text, scan.at_line);
		if (str_is(scan.text, "mainClass") || str_is(scan.text, "mainClassName"))
			source_runs(s, "mainClass", scan.at_line);
		if ((str_is(scan.text, "project") && !project(s, &scan)) ||
		    (str_starts(scan.text, "projects.") && !accessor(s, scan.text, scan.at_line)))
			return too_many(s);
	}
	return scan.unclosed ? source_fail(s, scan.line, "a text or comment is not closed") : RC_OK;
}
