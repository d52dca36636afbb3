/* One suite for the images of containers; and what only those on disk can be asked. */
#include "port/oci_kit.h"

#include "flow/2-build/adapters.h"

static char data[64];
static struct layout l;
static const char *const command[] = {"/bin/sh", "-c", "echo hi", NULL};

static int open_all(void **state)
{
	(void)state;
	strcpy(data, "/tmp/penstock-image-XXXXXX");
	assert_non_null(mkdtemp(data));
	l = (struct layout){.user = "runner", .ref = "v1", .cmd = command};
	layout_make(&l);
	return 0;
}

static int close_all(void **state)
{
	struct err err = {0};

	(void)state;
	layout_drop(&l);
	(void)!tree_remove(data, &err);
	return 0;
}

static struct image *disk(void)
{
	struct err err = {0};
	struct image *i = image_disk_new(data, NULL, &err);

	if (!i)
		fail_msg("%s", err.msg);
	return i;
}

static void suite(struct image *i, const char *good, const char *missing)
{
	AUTO(freep) char *one = NULL, *two = NULL, *warning = NULL, *pinned = NULL;
	AUTO(image_root_done) struct image_root root = {0}, again = {0};
	struct err err = {0};

	KIT_OK(image_resolve(i, good, &one, &warning, &kit_err));
	KIT_OK(image_resolve(i, good, &two, &warning, &kit_err));
	CHECK(str_starts(str_of(one), "sha256:") && strlen(one) == 71, one);
	CHECK_STR(one, two, "the same");
	CHECK(!warning, "no warning");
	KIT_OK(image_pull(i, good, NULL, &root, &kit_err));
	CHECK_STR(root.digest, one, "what it meant");
	CHECK(root.path && *root.path == '/', "an absolute path");
	KIT_OK(image_pull(i, good, NULL, &again, &kit_err));
	CHECK_STR(again.path, root.path, "shared");
	xfree(two);
	two = NULL;
	CHECK(image_resolve(i, missing, &two, &warning, &err) == RC_NOT_FOUND, missing);
	CHECK(!two, "outputs untouched");
}

static void fake(void **state)
{
	struct image *i = image_fake_new();

	(void)state;
	suite(i, "node:20", "missing:1");
	image_free(i);
}

static void layouts(void **state)
{
	struct image *i = disk();
	AUTO(freep)
	char *good = xasprintf("oci:%s", l.dir), *tagged = xasprintf("oci:%s:v1", l.dir),
	     *other = xasprintf("oci:%s:v2", l.dir);
	AUTO(image_root_done) struct image_root root = {0};

	(void)state;
	suite(i, good, other);
	suite(i, tagged, other);
	KIT_OK(image_pull(i, good, NULL, &root, &kit_err));
	CHECK_STR(root.digest, l.manifest, "the manifest's digest");
	CHECK(root.uid == 1234 && root.gid == 1234, "the user's numbers");
	CHECK(root.cmd.n == 3 && !strcmp(root.cmd.v[2], "echo hi"), "the command");
	CHECK(root.env.n == 2 && !strcmp(root.env.v[0].key, "FROM_IMAGE"), "the environment");
	AUTO(freep) char *release = xasprintf("%s/etc/image-release", root.path);
	CHECK(file_exists(release), "unpacked");
	image_free(i);
}

/* A blob that was changed behind the layout's back is never unpacked. */
static void corrupt(void **state)
{
	struct layout bad = {0};
	AUTO(image_root_done) struct image_root root = {0};
	struct image *i = disk();
	struct err err = {0};

	(void)state;
	layout_make(&bad);
	AUTO(freep) char *good = xasprintf("oci:%s", bad.dir);
	AUTO(freep) char *blobs = xasprintf("%s/blobs/sha256", bad.dir);
	AUTO(freep)
	char *change = xasprintf(
		"f=$(ls -S %s | head -1); printf x | dd of=%s/$f bs=1 seek=600 conv=notrunc 2>/dev/null",
		blobs, blobs);
	assert_int_equal(system(change), 0);
	CHECK(image_pull(i, good, NULL, &root, &err) == RC_CORRUPT, err.msg);
	layout_drop(&bad);
	image_free(i);
}

/* A layout in a tar, as `skopeo copy ... oci-archive:` writes it. */
static void archive(void **state)
{
	AUTO(freep) char *tar = xasprintf("%s/image.tar", data), *name = xasprintf("oci:%s", tar);
	AUTO(freep) char *pack = xasprintf("tar -C %s -cf %s index.json blobs", l.dir, tar);
	AUTO(image_root_done) struct image_root root = {0};
	struct image *i = disk();

	(void)state;
	assert_int_equal(system(pack), 0);
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	CHECK_STR(root.digest, l.manifest, "the same image");
	image_free(i);
}

static void prune(void **state)
{
	AUTO(freep) char *name = xasprintf("oci:%s", l.dir);
	AUTO(image_root_done) struct image_root root = {0};
	struct image *i = disk();
	uint64_t freed = 0;

	(void)state;
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	KIT_OK(image_prune(i, 0, &freed, &kit_err));
	CHECK(file_exists(root.path), "what was just used stays");
	AUTO(freep) char *old = xasprintf("touch -d '2 hours ago' %s.json", root.path);
	assert_int_equal(system(old), 0);
	KIT_OK(image_prune(i, 0, &freed, &kit_err));
	CHECK(!file_exists(root.path) && freed > 1000000, "what was not used goes");
	image_root_done(&root);
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	CHECK(file_exists(root.path), "and comes again");
	image_free(i);
}

int main(void)
{
	const struct CMUnitTest fakes[] = {cmocka_unit_test(fake)};
	const struct CMUnitTest disks[] = {cmocka_unit_test(layouts), cmocka_unit_test(corrupt),
					   cmocka_unit_test(archive), cmocka_unit_test(prune)};
	int failed = cmocka_run_group_tests_name("image: fake", fakes, NULL, NULL);

	if (!layout_possible()) {
		printf("skipped: image: disk (busybox-static is not installed)\n");
		return failed;
	}
	return failed + cmocka_run_group_tests_name("image: disk", disks, open_all, close_all);
}
