/* Any bytes as any manifest or lockfile (the first byte says which): read, or refused with the file's name; a slice of what
 * was read is the same twice. */
#include "base/toml.h"
#include "project/lock.h"
#include "project/pom.h"
#include "project/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static const char *const files[] = {
	"a/package.json",   "pnpm-workspace.yaml", "a/go.mod",        "go.work",
	"a/Cargo.toml",     "a/pom.xml",           "settings.gradle", "a/build.gradle.kts",
	"a/pyproject.toml", "a/CMakeLists.txt",    "a/BUILD.bazel",   "package-lock.json",
	"pnpm-lock.yaml",   "yarn.lock",           "Cargo.lock",      "uv.lock",
	"poetry.lock",
};

static void as_lock(const char *file, struct str text, struct err *err)
{
	static const char name[] = "{\"dependencies\": {\"a\": \"^1\", \"b\": \"2\"}}";
	struct lock *l = NULL;
	struct buildfile b;

	if (lock_read(file, text, &l, err) != RC_OK) {
		expect(!strncmp(err->msg, file, strlen(file)));
		return;
	}
	expect(buildfile_read("a/package.json", str_of(name), &b, err) == RC_OK);
	const struct buildfile *const list[] = {&b};
	char one[65] = "", two[65] = "";
	bool first = lock_slice(l, "a", list, 1, one);
	expect(first == lock_slice(l, "a", list, 1, two) && !strcmp(one, two));
	buildfile_done(&b);
	lock_free(l);
}

static void as_pom(struct str text)
{
	struct err err = {RC_OK, ""};
	struct map named = {0};
	struct pom *p = NULL;
	struct buildfile b = {.kind = BUILDFILE_MAVEN};
	char digest[65];

	if (pom_read("pom.xml", text, &p, &err) != RC_OK)
		return;
	pom_slice(p, &b, &named, digest);
	expect(strlen(digest) == 64);
	pom_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {RC_OK, ""};
	enum lock_kind kind;
	struct buildfile b;

	if (!size)
		return 0;
	const char *file = files[data[0] % ARRAY_LEN(files)];
	struct str text = {(const char *)data + 1, size - 1};
	if (lock_is(file, &kind)) {
		as_lock(file, text, &err);
		return 0;
	}
	if (buildfile_read(file, text, &b, &err) == RC_OK) {
		vec_each(d, &b.deps)
			expect(d->name && *d->name);
		buildfile_done(&b);
	} else {
		expect(!strncmp(err.msg, file, strlen(file)));
	}
	if (strstr(file, "pom.xml"))
		as_pom(text);
	return 0;
}
