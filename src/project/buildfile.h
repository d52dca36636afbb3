/*
 * What one manifest says, whatever its kind: bytes in, names and mentions out. Nothing is evaluated and nothing else is
 * read: who is meant by a name is found out when all manifests are there (graph.h).
 */
#pragma once
#include "core/config.h"

#define BUILDFILE_MAX      ((size_t)1 << 20)
#define BUILDFILE_MENTIONS 5000u

#define BUILDFILE_MAP(X)                                          \
	X(BUILDFILE_NPM, "npm", "package.json")                   \
	X(BUILDFILE_PNPM, "pnpm", "pnpm-workspace.yaml")          \
	X(BUILDFILE_GO, "go", "go.mod")                           \
	X(BUILDFILE_GO_WORK, "go", "go.work")                     \
	X(BUILDFILE_CARGO, "cargo", "Cargo.toml")                 \
	X(BUILDFILE_MAVEN, "maven", "pom.xml")                    \
	X(BUILDFILE_GRADLE_SETTINGS, "gradle", "settings.gradle") \
	X(BUILDFILE_GRADLE, "gradle", "build.gradle")             \
	X(BUILDFILE_PYTHON, "python", "pyproject.toml")           \
	X(BUILDFILE_CMAKE, "cmake", "CMakeLists.txt")             \
	X(BUILDFILE_BAZEL, "bazel", "BUILD")                      \
	X(BUILDFILE_DOCKER, "docker", "Dockerfile")
enum buildfile_kind {
#define X(name, tool, file) name,
	BUILDFILE_MAP(X)
#undef X
};
extern const char *const buildfile_tools[12];

/* Another unit or a package, as this manifest names it. */
struct mention {
	char *name;  /* as others call it; path: a folder of the repository */
	char *range; /* what is wanted of it ("^1.2.0"), or NULL */
	bool path;
	bool dev; /* only for building and testing it */
	uint32_t line;
};
struct buildfile {
	enum buildfile_kind kind;
	char *file, *dir; /* "libs/a/package.json", "libs/a"; "." the root */
	bool unit;        /* its folder is one */
	bool workspace;   /* other folders belong to it */
	const char *runs; /* what says that it is a service ("script \"start\""), or NULL */
	uint32_t runs_line;
	VEC(struct mention) deps;
	texts names;             /* that others of its kind call it */
	texts members, excludes; /* of a workspace: globs, from the root of the repository */
	pairs places;            /* Gradle: project to folder */
	char *parent;   /* Maven: the parent's file, when it is in the repository, or NULL */
	texts refs;     /* Maven: properties that it reads */
	char *settings; /* go.work: all but its `use` lines, or NULL */
};
/* Whether a path is that of a manifest; by its last part. False too inside of folders that hold others' code. */
bool buildfile_is(const char *path, enum buildfile_kind *ret);
/* Inside node_modules, vendor, third_party, testdata or a folder that begins with a dot. */
bool path_is_foreign(const char *path);
/* Read one. RC_INVALID: "file:line: what". *ret untouched on failure. */
MUST_CHECK enum rc buildfile_read(const char *file, struct str text, struct buildfile *ret,
				  struct err *err);
void buildfile_done(struct buildfile *m);

/* What json_read() said, as "file:line: what". Returns its code. */
enum rc json_problem(const char *file, struct err *err);

/* ---- paths of a repository ---- */
char *path_dir(const char *file); /* "." for a file of the root */
const char *path_base(const char *path);
/* rel, seen from dir, as a path of the repository; NULL: it leaves it, or is absolute or too long. */
char *path_join(const char *dir, struct str rel);
bool path_below(const char *path, const char *dir); /* dir itself counts */
