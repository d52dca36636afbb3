/* The web pages, as they were bundled into the program (tools/build-web.sh writes the table). Sorted by path. */
#pragma once
#include <stddef.h>

struct asset_bytes {
	const char *p;
	size_t n;
};
struct asset {
	const char *path; /* "/assets/app-3F2A.js"; "/index.html" is what every page begins with */
	const char *type, *etag; /* etag: hex, without quotes */
	struct asset_bytes bytes, gzip, brotli;
};
extern const struct asset assets[];
extern const size_t n_assets;
