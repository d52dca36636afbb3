/*
 * Outputs from the content store to where a job finds them: 10,000 files, 1 GB, of which one in ten can be run. Read-only beside the
 * job (links), its own (shared blocks or a copy), and as it was done before: each file read, hashed and written. A store that was
 * opened anew has verified nothing yet.
 */
#include "clients/manifest.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 10000u
#define EACH  ((size_t)100 << 10)

static void must(enum rc rc, const struct err *err, const char *what)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "bench_restore: %s: %s\n", what, err->msg);
	exit(1);
}

static void fill(const char *dir)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(EACH + 100);
	struct err err = {0};

	while (text.n < EACH)
		strbuf_addf(&text, "%zu ", text.n * 2654435761u);
	for (unsigned i = 0; i < FILES; i++) {
		AUTO(freep) char *folder = xasprintf("%s/out/%u", dir, i / 100);
		AUTO(freep) char *path = xasprintf("%s/%u", folder, i);
		memcpy(text.p, &i, sizeof(i));
		if (i % 100 == 0)
			must(dir_make(folder, 0755, &err), &err, folder);
		must(file_write_fast(path, (struct str){text.p, EACH}, i % 10 ? 0644 : 0755, &err),
		     &err, path);
	}
}

/* What layout did before: nothing is remembered, each byte passes through this process. */
static void by_hand(struct blobs *b, const char *list, const char *into)
{
	AUTO(manifest_done) struct manifest m = {0};
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(EACH + 1);
	struct err err = {0};

	must(manifest_list(b, list, &m, &err), &err, "list");
	vec_each(e, &m.entries) {
		AUTO(freep) char *path = xasprintf("%s/%s", into, e->path);
		char *slash = strrchr(path, '/');
		*slash = '\0';
		must(dir_make(path, 0755, &err), &err, path);
		*slash = '/';
		strbuf_clear(&bytes);
		must(blobs_get(b, e->sha256, EACH, &bytes, &err), &err, "get");
		AUTO(fd_close)
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, e->mode);
		must(fd_write(fd, bytes.p, bytes.n, &err), &err, "write");
	}
}

enum how { BY_HAND, OWN, SHARED };

static void one(struct blobs *b, const char *list, const char *dir, enum how how, const char *what)
{
	AUTO(freep) char *into = xasprintf("%s/into", dir);
	struct err err = {0};

	must(tree_remove(into, &err), &err, into);
	must(dir_make(into, 0755, &err), &err, into);
	sync();
	usec_t begin = clock_mono();
	if (how == BY_HAND)
		by_hand(b, list, into);
	else
		must(manifest_layout(b, list, into, how == SHARED ? NULL : ".", &err), &err, "layout");
	double s = (double)(clock_mono() - begin) / 1e6;
	printf("restore 10,000 files, 1 GB: %-44s %7.3f s %9.0f MB/s\n", what, s,
	       (double)FILES * EACH / 1e6 / s);
}

int main(int argc, char **argv)
{
	static const char *const globs[] = {"out/**"};
	char temp[] = "/tmp/penstock-restore-XXXXXX";
	const char *dir = argc > 1 ? argv[1] : mkdtemp(temp);
	AUTO(freep)
	char *from = xasprintf("%s/from", dir), *data = xasprintf("%s/data", dir), *list = NULL;
	struct err err = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	fill(from);
	struct blobs *b = blobs_disk_new(data, &err);
	must(b ? RC_OK : err.rc, &err, data);
	usec_t begin = clock_mono();
	must(manifest_collect(b, from, globs, 1, &list, &err), &err, "collect");
	printf("keep    10,000 files, 1 GB: %7.3f s\n", (double)(clock_mono() - begin) / 1e6);
	must(tree_remove(from, &err), &err, from);
	blobs_free(b);
	for (int round = 0; round < 2; round++) {
		b = blobs_disk_new(data, &err);
		one(b, list, dir, BY_HAND, "read, hashed, written (as before)");
		one(b, list, dir, OWN, "the job's own, never verified");
		one(b, list, dir, OWN, "the job's own, verified");
		blobs_free(b);
		b = blobs_disk_new(data, &err);
		one(b, list, dir, SHARED, "links, never verified");
		one(b, list, dir, SHARED, "links, verified");
		one(b, list, dir, SHARED, "links, verified, again");
		blobs_free(b);
	}
	AUTO(freep) char *into = xasprintf("%s/into", dir);
	must(tree_remove(into, &err), &err, into);
	must(tree_remove(argc > 1 ? data : dir, &err), &err, dir);
	return 0;
}
