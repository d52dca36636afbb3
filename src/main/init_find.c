/* Which folders of a repository are services and libraries. */
#include "io/files.h"
#include "main/local_init.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX    4
#define MANIFEST_MAX ((size_t)256 << 10)
#define TEXT_MAX     ((size_t)2 << 20)

static const char *const manifests[] = {"Makefile", "package.json",   "go.mod",    "Cargo.toml",
					"pom.xml",  "CMakeLists.txt", "Dockerfile"};
static const char *const skipped[] = {"node_modules", "vendor", "target", "build",      "dist",
				      "out",          "obj",    "bin",    "third_party"};
/* Folders of units, never units themselves. */
static const char *const service_folders[] = {"services", "service", "apps", "svc"};
static const char *const library_folders[] = {"libs",   "lib",    "libraries",
					      "crates", "shared", "packages"};

static bool among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(name, list[i]))
			return true;
	return false;
}

void init_found_done(struct init_found *f)
{
	vec_each(u, &f->units) {
		char *const owned[] = {u->name,   u->path,   u->module,
				       u->binary, u->health, u->folder};
		for (size_t i = 0; i < ARRAY_LEN(owned); i++)
			xfree(owned[i]);
		vec_done(&u->deps);
		strbuf_done(&u->manifests);
	}
	vec_done(&f->units);
	init_infer_done(f);
	xfree(f->root);
	xfree(f->project);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has_manifest(const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", dir, manifests[i]);
		if (file_exists(path))
			return true;
	}
	return false;
}

/* A name of penstock.yml: a-z, 0-9, '-' and '_', with a letter or digit at both ends. */
static char *name_of(const char *text)
{
	char *name = xstrndup(text, 60);
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (plain || (n && name[n - 1] != '-'))
			name[n++] = plain || c == '_' ? c : '-';
	}
	while (n && (name[n - 1] == '-' || name[n - 1] == '_'))
		n--;
	name[n] = '\0';
	if (n && name[0] != '_')
		return name;
	xfree(name);
	return xstrdup("unit");
}

static bool is_taken(const struct init_found *f, const char *name)
{
	vec_each(u, &f->units)
		if (streq(u->name, name))
			return true;
	return false;
}

/* The folder's name, with the names above it as long as another unit is called so. */
static char *free_name(const struct init_found *f, const char *path)
{
	const char *from = path + strlen(path);

	for (;;) {
		while (from > path && from[-1] != '/')
			from--;
		char *name = name_of(from);
		if (!is_taken(f, name))
			return name;
		xfree(name);
		if (from == path)
			break;
		from--;
	}
	for (unsigned i = 2;; i++) {
		AUTO(freep) char *stem = name_of(path);
		char *name = xasprintf("%.50s-%u", stem, i);
		if (!is_taken(f, name))
			return name;
		xfree(name);
	}
}

static void add_file(struct init_unit *u, const char *path)
{
	struct err err = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(MANIFEST_MAX);

	if (file_read(path, MANIFEST_MAX, &text, &err) != RC_OK)
		return;
	strbuf_addstr(&u->manifests, strbuf_str(&text));
	strbuf_addc(&u->manifests, '\n');
}

/* Makefiles that it includes, and what these include; all from its own folder, as make does. */
static void add_includes(struct init_unit *u, const char *dir)
{
	size_t at = 0;

	for (unsigned n = 0; n < 16; n++) {
		const char *text = strbuf_cstr(&u->manifests);
		const char *line = at == 0 && str_starts(strbuf_str(&u->manifests), "include ")
					   ? text
					   : strstr(text + at, "\ninclude ");
		if (!line)
			return;
		line += *line == '\n';
		const char *name = line + strlen("include ");
		size_t length = strcspn(name, " \t\r\n");
		at = (size_t)(name - text);
		AUTO(freep) char *path = xasprintf("%s/%.*s", dir, (int)length, name);
		if (!memchr(name, '$', length))
			add_file(u, path);
	}
}

void init_add(struct init_found *f, const char *path, bool library)
{
	AUTO(freep) char *dir = xasprintf("%s/%s", f->root, path);
	struct init_unit u = {
		.path = xstrdup(path), .library = library, .manifests = STRBUF(TEXT_MAX)};

	u.name = streq(path, ".") ? name_of(f->project) : free_name(f, path);
	for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
		AUTO(freep) char *file = xasprintf("%s/%s", dir, manifests[i]);
		if (!file_exists(file))
			continue;
		add_file(&u, file);
		if (streq(manifests[i], "Makefile"))
			add_includes(&u, dir);
		u.docker |= streq(manifests[i], "Dockerfile");
	}
	vec_push(&f->units, u);
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.' && !among(e->d_name, skipped, ARRAY_LEN(skipped));
}

static void walk(struct init_found *f, const char *path, const char *parent, unsigned depth)
{
	AUTO(freep)
	char *dir = streq(path, ".") ? xstrdup(f->root) : xasprintf("%s/%s", f->root, path);
	struct dirent **list = NULL;
	int n = depth < DEPTH_MAX ? scandir(dir, &list, visible, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		AUTO(freep)
		char *below = streq(path, ".") ? xstrdup(name) : xasprintf("%s/%s", path, name);
		AUTO(freep) char *full = xasprintf("%s/%s", f->root, below);
		bool group = among(name, service_folders, ARRAY_LEN(service_folders)) ||
			     (among(name, library_folders, ARRAY_LEN(library_folders)) &&
			      streq(path, "."));
		if (is_folder(full) && !group && has_manifest(full) && f->units.n < INIT_UNITS)
			init_add(f, below,
				 !among(parent, service_folders, ARRAY_LEN(service_folders)));
		else if (is_folder(full))
			walk(f, below, name, depth + 1);
		free(list[i]);
	}
	free(list);
}

enum rc init_find(const char *root, struct init_found *ret, struct err *err)
{
	char real[4096];
	struct init_found f = {0};

	if (!is_folder(root))
		return err_set(err, RC_INVALID, "%s is no folder", root);
	if (!realpath(root, real))
		return err_set(err, RC_NOT_FOUND, "%s cannot be reached", root);
	const char *slash = strrchr(real, '/');
	f.root = xstrdup(real);
	f.project = name_of(slash && slash[1] ? slash + 1 : "project");
	walk(&f, ".", "", 0);
	init_infer(&f);
	init_find_workspace(&f);
	if (!f.units.n && has_manifest(real))
		init_add(&f, ".", true);
	*ret = f;
	return RC_OK;
}
