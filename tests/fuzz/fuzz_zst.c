/* What claims to be packed by Zstandard: no crash, no endless loop, no more room than it is given. */
#include "clients/zst.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unzst *z = unzst_new();
	struct str in = {(const char *)data, size};
	char *out = xmalloc(size % 4096 + 1);
	size_t n = 1, all = 0;

	while ((in.n || n) && all < (size_t)1 << 24) {
		size_t before = in.n;

		n = 0;
		if (unzst_step(z, &in, out, size % 4096 + 1, &n, NULL) != RC_OK)
			break;
		BUG_ON(n > size % 4096 + 1 || in.n > before);
		BUG_ON(before && in.n == before && !n); /* it goes on */
		all += n;
	}
	(void)unzst_at_end(z);
	xfree(out);
	unzst_free(z);
	return 0;
}
