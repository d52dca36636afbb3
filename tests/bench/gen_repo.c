/*
 * gen_repo DIR [units] [files]: a bare repository with that many units (default 1,000; one in ten a
 * library) of that many files (default 100), a penstock.yml, and two commits on main, the second of
 * which changes one file. One pack, written as a stream: 100,000 files in about two seconds. Prints
 * the commits' ids, the earlier one first.
 */
#include "base/map.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "clients/git.h"

#include <git2.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <zlib.h>

struct pack {
	struct strbuf bytes; /* objects, without the header */
	struct map seen;     /* their ids */
	uint32_t n;
};

static void die(const char *what)
{
	const git_error *e = git_error_last();

	fprintf(stderr, "gen_repo: %s: %s\n", what, e && e->message ? e->message : "failed");
	exit(1);
}

static git_oid add(struct pack *p, git_object_t type, struct str data)
{
	unsigned char head[16];
	size_t n = 0, rest = data.n >> 4;
	char hex[GIT_HEX + 1];
	git_oid oid;

	if (git_odb_hash(&oid, data.p, data.n, type))
		die("hash");
	if (map_put(&p->seen, str_of(git_oid_tostr(hex, sizeof(hex), &oid)), p))
		return oid;
	uLongf room = compressBound(data.n);
	AUTO(freep) unsigned char *packed = xmalloc(room);

	head[n] = (unsigned char)(((unsigned)type << 4) | (data.n & 15));
	for (; rest; rest >>= 7) {
		head[n++] |= 0x80;
		head[n] = (unsigned char)(rest & 127);
	}
	if (compress2(packed, &room, (const Bytef *)data.p, data.n, 1) != Z_OK)
		die("compress");
	strbuf_add(&p->bytes, head, n + 1);
	strbuf_add(&p->bytes, packed, room);
	p->n++;
	return oid;
}

/* Entries come in Git's order. */
static void entry(struct strbuf *tree, const char *mode, const char *name, const git_oid *oid)
{
	strbuf_addf(tree, "%s %s", mode, name);
	strbuf_addc(tree, '\0');
	strbuf_add(tree, oid->id, GIT_OID_RAWSZ);
}

static git_oid add_file(struct pack *p, const char *unit, const char *dir, unsigned i,
			const char *more)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);

	strbuf_addf(&text, "/* %s/%s/file-%03u.c */\n#include \"%s.h\"\n\nint %s_%u(int x)\n{\n",
		    unit, dir, i, dir, dir, i);
	for (unsigned k = 0; k < 4 + i % 8; k++)
		strbuf_addf(&text, "\tx = x * %u + %u;\n", i * 7 + k, k * 31 + 1);
	strbuf_addf(&text, "\treturn x;%s\n}\n", more);
	return add(p, GIT_OBJECT_BLOB, strbuf_str(&text));
}

static git_oid add_folder(struct pack *p, const char *unit, const char *dir, unsigned files,
			  const char *more)
{
	AUTO(strbuf_done) struct strbuf tree = STRBUF((size_t)16 << 20);
	char name[32];

	for (unsigned i = 0; i < files; i++) {
		git_oid blob = add_file(p, unit, dir, i, i ? "" : more);
		snprintf(name, sizeof(name), "file-%03u.c", i);
		entry(&tree, "100644", name, &blob);
	}
	return add(p, GIT_OBJECT_TREE, strbuf_str(&tree));
}

/* A Makefile, src/ and tests/. */
static git_oid add_unit(struct pack *p, const char *unit, unsigned files, const char *more)
{
	AUTO(strbuf_done) struct strbuf tree = STRBUF(4096), makefile = STRBUF(4096);
	unsigned tests = files / 4;

	strbuf_addf(&makefile, "# %s\nbuild:\n\tcc -c src/*.c\ntest: build\n\t./test\n", unit);
	git_oid top = add(p, GIT_OBJECT_BLOB, strbuf_str(&makefile));
	git_oid src = add_folder(p, unit, "src", files > tests + 1 ? files - tests - 1 : 1, more);
	entry(&tree, "100644", "Makefile", &top);
	entry(&tree, "40000", "src", &src);
	if (tests) {
		git_oid oid = add_folder(p, unit, "tests", tests, "");
		entry(&tree, "40000", "tests", &oid);
	}
	return add(p, GIT_OBJECT_TREE, strbuf_str(&tree));
}

/* Every tenth unit is a library; a service is built from one to three of them. */
static git_oid add_config(struct pack *p, unsigned units)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);
	unsigned libraries = units / 10 ? units / 10 : 1;

	strbuf_adds(&text, "version: 1\nproject: big\nlibraries:\n");
	for (unsigned i = 0; i < libraries; i++)
		strbuf_addf(&text, "  lib-%05u: {path: libs/lib-%05u}\n", i, i);
	strbuf_adds(&text, "services:\n");
	for (unsigned i = libraries; i < units; i++) {
		strbuf_addf(&text, "  svc-%05u: {path: services/svc-%05u, deps: [", i, i);
		unsigned n = 1 + i % 3;
		for (unsigned k = 0; k < n && k < libraries; k++)
			strbuf_addf(&text, "%slib-%05u", k ? ", " : "", (i + k * 7) % libraries);
		strbuf_adds(&text, "]}\n");
	}
	strbuf_adds(
		&text,
		"ci:\n  build: {each: \"*\", needs: [^build], run: make build, outputs: [out/**]}\n"
		"  test: {each: \"*\", needs: [build], run: make test}\n");
	return add(p, GIT_OBJECT_BLOB, strbuf_str(&text));
}

static git_oid add_commit(struct pack *p, const git_oid *tree, const git_oid *parent, unsigned n)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);

	strbuf_addf(&text, "tree %s\n", git_oid_tostr_s(tree));
	if (parent)
		strbuf_addf(&text, "parent %s\n", git_oid_tostr_s(parent));
	strbuf_addf(
		&text,
		"author Ann <ann@example.com> %u +0000\ncommitter Ann <ann@example.com> %u +0000\n\n%s\n",
		1700000000 + n, 1700000000 + n, parent ? "Change one file" : "All of it");
	return add(p, GIT_OBJECT_COMMIT, strbuf_str(&text));
}

struct project {
	git_oid config, libs;
	struct strbuf services; /* the folder's tree */
	size_t first;           /* where the first service's id stands in it */
	char first_name[64];
};

static void add_units(struct pack *p, struct project *to, unsigned units, unsigned files)
{
	AUTO(strbuf_done) struct strbuf libs = STRBUF((size_t)16 << 20);
	unsigned libraries = units / 10 ? units / 10 : 1;
	char path[64];

	for (unsigned i = 0; i < units; i++) {
		bool library = i < libraries;
		snprintf(path, sizeof(path), library ? "libs/lib-%05u" : "services/svc-%05u", i);
		git_oid unit = add_unit(p, path, files, "");
		entry(library ? &libs : &to->services, "40000", strchr(path, '/') + 1, &unit);
		if (!library && !to->first) {
			to->first = to->services.n - GIT_OID_RAWSZ;
			snprintf(to->first_name, sizeof(to->first_name), "%s", path);
		}
	}
	to->libs = add(p, GIT_OBJECT_TREE, strbuf_str(&libs));
	to->config = add_config(p, units);
}

static git_oid add_root(struct pack *p, const struct project *from)
{
	AUTO(strbuf_done) struct strbuf root = STRBUF(4096);
	git_oid services = add(p, GIT_OBJECT_TREE, strbuf_str(&from->services));

	entry(&root, "40000", "libs", &from->libs);
	entry(&root, "100644", "penstock.yml", &from->config);
	entry(&root, "40000", "services", &services);
	return add(p, GIT_OBJECT_TREE, strbuf_str(&root));
}

static void write_pack(const struct pack *p, const char *dir)
{
	const unsigned char head[] = {'P',
				      'A',
				      'C',
				      'K',
				      0,
				      0,
				      0,
				      2,
				      (unsigned char)(p->n >> 24),
				      (unsigned char)(p->n >> 16),
				      (unsigned char)(p->n >> 8),
				      (unsigned char)p->n};
	AUTO(freep) char *where = xasprintf("%s/objects/pack", dir);
	unsigned char sum[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	git_indexer *to = NULL;
	git_indexer_progress seen;

	if (!EVP_DigestInit_ex(sha, EVP_sha1(), NULL) ||
	    !EVP_DigestUpdate(sha, head, sizeof(head)) ||
	    !EVP_DigestUpdate(sha, p->bytes.p, p->bytes.n) || !EVP_DigestFinal_ex(sha, sum, NULL))
		die("checksum");
	EVP_MD_CTX_free(sha);
	if (git_indexer_new(&to, where, 0444, NULL, NULL) ||
	    git_indexer_append(to, head, sizeof(head), &seen) ||
	    git_indexer_append(to, p->bytes.p, p->bytes.n, &seen) ||
	    git_indexer_append(to, sum, 20, &seen) || git_indexer_commit(to, &seen))
		die("pack");
	git_indexer_free(to);
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
	uint32_t n = 0;

	if (!parse_u32(str_of(text), &n) || n < least || n > most) {
		fprintf(stderr, "gen_repo: %s is no number from %u to %u\n", text, least, most);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct pack p = {.bytes = STRBUF((size_t)2 << 30)};
	struct project project = {.services = STRBUF((size_t)16 << 20)};
	AUTO(repo_freep) struct repo *r = NULL;
	struct err err = {0};

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: gen_repo DIR [units] [files of each]\n");
		return 2;
	}
	unsigned units = argc > 2 ? number(argv[2], 2, 20000) : 1000,
		 files = argc > 3 ? number(argv[3], 2, 999) : 100;
	if (repo_init(argv[1], false, &r, &err) != RC_OK) {
		fprintf(stderr, "gen_repo: %s\n", err.msg);
		return 1;
	}
	add_units(&p, &project, units, files);
	git_oid tree = add_root(&p, &project);
	git_oid before = add_commit(&p, &tree, NULL, 0);
	git_oid changed = add_unit(&p, project.first_name, files, " /* changed */");
	memcpy(project.services.p + project.first, changed.id, GIT_OID_RAWSZ);
	tree = add_root(&p, &project);
	git_oid after = add_commit(&p, &tree, &before, 1);
	write_pack(&p, argv[1]);
	char old_id[GIT_HEX + 1], new_id[GIT_HEX + 1];
	git_oid_tostr(old_id, sizeof(old_id), &before);
	git_oid_tostr(new_id, sizeof(new_id), &after);
	if (repo_move(r, "refs/heads/main", NULL, new_id, &err) != RC_OK)
		die(err.msg);
	printf("%s\n%s\n", old_id, new_id);
	strbuf_done(&p.bytes);
	map_done(&p.seen);
	strbuf_done(&project.services);
	return 0;
}
