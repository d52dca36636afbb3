/* Images of any origin: the first byte chooses manifest, config, index or a layer (plain, gzip or zstd) that is laid out in a folder. Nothing may be written beside it. */
#include "clients/oci.h"
#include "clients/unpack.h"

#include "base/mem.h"
#include "io/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void layer(struct str bytes, enum tar_packing packing)
{
	char folder[] = "/dev/shm/penstock-fuzz-XXXXXX";
	struct unpack_limits left = {.bytes = 1 << 20, .entries = 64};

	BUG_ON(!mkdtemp(folder));
	AUTO(freep)
	char *root = xasprintf("%s/a/root", folder), *beside = xasprintf("%s/a/b", folder);
	BUG_ON(dir_make(root, 0755, NULL) != RC_OK || dir_make(beside, 0755, NULL) != RC_OK);
	AUTO(fd_close) int fd = memfd_create("layer", MFD_CLOEXEC);
	AUTO(fd_close) int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BUG_ON(fd_write(fd, bytes.p, bytes.n, NULL) != RC_OK);
	(void)!unpack_layer(fd, packing, dir, &left, NULL);
	BUG_ON(tree_remove(root, NULL) != RC_OK);
	AUTO(freep) char *above = xasprintf("%s/a", folder);
	BUG_ON(rmdir(beside) != 0 || rmdir(above) != 0 || rmdir(folder) != 0); /* empty as before */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data + 1, size - 1};
	AUTO(oci_manifest_done) struct oci_manifest m = {0};
	AUTO(oci_config_done) struct oci_config c = {0};
	AUTO(oci_index_done) struct oci_index x = {0};

	if (!size)
		return 0;
	switch (data[0] % 6) {
	case 0:
		(void)!oci_manifest_read(rest, &m, NULL);
		break;
	case 1:
		(void)!oci_config_read(rest, size % 3, &c, NULL);
		break;
	case 2:
		(void)!oci_index_read(rest, &x, NULL);
		break;
	case 3:
		layer(rest, TAR_PLAIN);
		break;
	case 4:
		layer(rest, TAR_GZIP);
		break;
	case 5:
		layer(rest, TAR_ZSTD);
		break;
	}
	return 0;
}
