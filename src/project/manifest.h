/*
 * What one manifest says, whatever its kind: bytes in, names and mentions out. Nothing is evaluated and nothing else is
 * read: who is meant by a name is found out when all manifests are there (graph.h).
 */
#pragma once
#include "core/config.h"

#define MANIFEST_MAX      ((size_t)1 << 20)
#define MANIFEST_MENTIONS 5000u

#define MANIFEST_MAP(X)                                                                        \
	X(MANIFEST_NPM, "npm", "package.json")                                                 \
	X(MANIFEST_PNPM, "pnpm", "pnpm-workspace.yaml")                                        \
	X(MANIFEST_GO, "go", "go.mod")                                                         \
	X(MANIFEST_GO_WORK, "go", "go.work")                                                   \
	X(MANIFEST_CARGO, "cargo", "Cargo.toml")                                               \
	X(MANIFEST_MAVEN, "maven", "pom.xml")                                                  \
	X(MANIFEST_GRADLE_SETTINGS, "gradle", "settings.gradle")                               \
	X(MANIFEST_GRADLE, "gradle", "build.gradle")                                           \
	X(MANIFEST_PYTHON, "python", "pyproject.toml")                                         \
	X(MANIFEST_CMAKE, "cmake", "CMakeLists.txt")                                           \
	X(MANIFEST_BAZEL, "bazel", "BUILD")                                                    \
	X(MANIFEST_DOCKER, "docker", "Dockerfile")
enum manifest_kind {
#define X(name, tool, file) name,
	MANIFEST_MAP(X)
#undef X
};
extern const char *const manifest_tools[12];

/* Another unit or a package, as this manifest names it. */
struct mention {
	char *name;  /* as others call it; path: a folder of the repository */
	char *range; /* what is wanted of it ("^1.2.0"), or NULL */
	bool path;
	bool dev; /* only for building and testing it */
	uint32_t line;
};
struct manifest {
	enum manifest_kind kind;
	char *file, *dir; /* "libs/a/package.json", "libs/a"; "." the root */
	bool unit;        /* its folder is one */
	bool workspace;   /* other folders belong to it */
	const char *runs; /* what says that it is a service ("script \"start\""), or NULL */
	uint32_t runs_line;
	VEC(struct mention) deps;
	texts names;             /* that others of its kind call it */
	texts members, excludes; /* of a workspace: globs, from the root of the repository */
	pairs places;            /* Gradle: project to folder */
	char *parent;            /* Maven: the parent's file, when it is in the repository, or NULL */
	texts refs;              /* Maven: properties that it reads */
	char *settings;          /* go.work: all but its `use` lines, or NULL */
};
/* Whether a path is that of a manifest; by its last part. False too inside of folders that hold others' code. */
bool manifest_is(const char *path, enum manifest_kind *ret);
/* Inside node_modules, vendor, third_party, testdata or a folder that begins with a dot. */
bool path_is_foreign(const char *path);
/* Read one. RC_INVALID: "file:line: what". *ret untouched on failure. */
MUST_CHECK enum rc manifest_read(const char *file, struct str text, struct manifest *ret,
				 struct err *err);
void manifest_done(struct manifest *m);

/* ---- paths of a repository ---- */
char *path_dir(const char *file); /* "." for a file of the root */
const char *path_base(const char *path);
/* rel, seen from dir, as a path of the repository; NULL: it leaves it, or is absolute or too long. */
char *path_join(const char *dir, struct str rel);
bool path_below(const char *path, const char *dir); /* dir itself counts */
