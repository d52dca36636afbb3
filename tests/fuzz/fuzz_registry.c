/* Names of images, and the challenges of registries. */
#include "base/mem.h"
#include "clients/registry_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(freep) char *text = xstrndup((const char *)data, size);
	struct registry_ref ref = {0};
	struct err err = {0};

	(void)registry_is_loopback((struct str){(const char *)data, size});
	if (registry_ref_parse(text, &ref, &err) == RC_OK) {
		AUTO(freep) char *name = registry_ref_name(&ref);
		struct registry_ref again = {0};
		/* The whole name means the same. */
		BUG_ON(registry_ref_parse(name, &again, &err) != RC_OK ||
		       !streq(ref.host, again.host) || !streq(ref.repository, again.repository));
		registry_ref_done(&again);
	}
	registry_ref_done(&ref);
	return 0;
}
